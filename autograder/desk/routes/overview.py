"""Pages on the whole: all questions, the log, how far two graders agree, and the keys."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from autograder.desk.questions import Question
from autograder.desk.routes.asking import About, Sent, got, number, one_line, posted
from autograder.marking.values import LogEntry

KEYS = (
    (("1", "…", "9"), "An item of the rubric, on or off"),
    (("0",), "None of the items"),
    (("Enter",), "Save, and go to the next answer that waits"),
    (("g",), "Save for all answers of the group that wait"),
    (("x",), "Take this answer out of its group"),
    (("f",), "All items that add points"),
    ((".",), "Choose what you gave last"),
    (("r",), "Save what you gave last, for this answer"),
    (("t",), "Save what you gave last, for all answers of the group that wait"),
    (("c",), "Write a comment; arrow down offers those used before"),
    (("a",), "Adjust the points"),
    (("u",), "Undo what you did last"),
    (("j", "k"), "The next answer, the one before; so do the arrows"),
    (("q",), "Show or hide the question"),
    (("m",), "Show or hide the model answer"),
    (("i",), "Edit the rubric's items"),
    (("l",), "List all answers"),
    (("n",), "Show or hide names"),
    (("z",), "Give 0 to all empty answers together"),
    (("Esc",), "Leave a field, close a window"),
    (("?",), "These keys"),
)
A_PAGE = 100  # entries of the log
MOST_TOLD = 5  # names of an entry
SHORT, LONGEST = 36, 120  # characters of an item, of a comment


@got
def overview(about: About) -> Response:
    """All questions, and how far each is."""
    parts, left, total = [], 0, 0
    for assignment in about.desk.indexes:
        rows = [_row(about, question) for question in about.desk.questions.values()
                if question.assignment == assignment]
        if rows:
            parts.append({"title": _title(about, assignment), "rows": rows})
            left += sum(row["left"] for row in rows)
            total += sum(row["total"] for row in rows)
    return about.page("overview.html.j2", parts=parts, left=left, total=total,
                      faults=about.desk.faults())


def _title(about: About, assignment: str) -> str:
    return about.desk.course.toml.assignments[assignment].title or assignment


def _row(about: About, question: Question) -> dict[str, Any]:
    marks = about.desk.marks(question)
    owners = about.desk.answers(question)
    states = Counter(marks[owner].state if owner in marks else "left" for owner in owners)
    by = Counter(marks[owner].grader for owner in owners if owner in marks)
    drawn = about.desk.store.second_marks(question)
    again = sum(one.points is not None for one in drawn)
    return {"url": f"/q/{question.assignment}/{question.grade_id}",
            "title": question.title, "points": number(question.max_points), "total": len(owners),
            "graded": states["graded"] + states["elsewhere"], "left": states["left"] +
            states["changed"], "changed": states["changed"],
            "by": ", ".join(f"{name or 'formgrader'} {count}" for name, count in by.most_common()),
            "shares": ", ".join(about.desk.store.divided_among(question)),
            "second": f"{again} of {len(drawn)}" if drawn else ""}


@got
def log(about: About) -> Response:
    """Who did what, newest first."""
    asked = re.fullmatch("[0-9]{1,9}", about.request.query_params.get("from", ""))
    start = int(asked[0]) if asked else 0
    shown, total = about.desk.store.recent(start, A_PAGE)
    more = f"/log?from={start + A_PAGE}" if total > start + A_PAGE else ""
    rows = [{"time": f"{entry.time:%Y-%m-%d %H:%M:%S}", "grader": entry.grader,
             "operation": entry.operation.replace("_", " "), "question": entry.grade_id,
             "what": _what(about, entry)} for entry in shown]
    template = "log_rows.html.j2" if start else "log.html.j2"
    return about.page(template, rows=rows, more=more, total=total)


def _what(about: About, entry: LogEntry) -> str:
    """An entry in words. Names are told only where they are asked for."""
    data, said = entry.data, []
    owners = list(map(str, data.get("owners", [])))
    if owners and about.session.names:
        said.append(", ".join(owners[:MOST_TOLD]) + (" …" if len(owners) > MOST_TOLD else ""))
    elif owners:
        said.append(f"{len(owners)} answer{'s' * (len(owners) > 1)}")
    given = data.get("items")
    if isinstance(given, list):
        said.append(", ".join(_short(about, entry, one) for one in given) or "none of the items")
    elif given:
        said.append(f"{len(given)} items")
    for name in ("points", "adjustment", "comment", "text", "operation", "graders"):
        if value := data.get(name):
            words = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            said.append(f"{name}: {words[:LONGEST]}")
    return "; ".join(said)


def _short(about: About, entry: LogEntry, item: int) -> str:
    """The first words of an item."""
    question = about.desk.questions.get((entry.assignment, entry.grade_id))
    words = about.item_words(question) if question else {}
    text = words.get(item, f"item {item}")
    return f"“{text[:SHORT].strip()}…”" if len(text) > SHORT else f"“{text}”"


@got
def agreement(about: About) -> Response:
    """The second marking: how far both graders agree, by question and by item."""
    rows = []
    for question in about.desk.questions.values():
        if not about.desk.marks(question):
            continue
        found = about.desk.store.agreement(question.assignment, question.grade_id)
        words = {item.id: item for item in about.desk.store.items(question)}
        rows.append({
            "title": question.title, "url": f"/q/{question.assignment}/{question.grade_id}",
            "drawn": found.drawn, "answers": found.answers, "points": number(question.max_points),
            "difference": number(found.mean_difference), "distance": number(found.mean_distance),
            "items": [{"html": one_line(words[one].text), "kappa": _kappa(kappa),
                       "agreed": f"{found.agreed[one]:.0%}"}
                      for one, kappa in found.kappa.items() if one in words]})
    graders = [name for name in about.desk.graders if name != about.grader]
    return about.page("agreement.html.j2", rows=rows, graders=graders)


def _kappa(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}".replace("-", "−")


@got
def keys(about: About) -> Response:
    """The table of keys, as a part of a page."""
    return about.page("keys.html.j2", keys=KEYS)


@posted(Sent)
def names(about: About, asked: Sent) -> dict[str, bool]:
    """Show or hide names from now on, in this browser."""
    about.session.names = not about.session.names
    return {"names": about.session.names}


ROUTES = [Route("/", overview), Route("/log", log), Route("/agreement", agreement),
          Route("/keys", keys), Route("/names", names, methods=["POST"])]
