"""Who grades what: each question is everybody's, or is divided among graders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from pydantic import Field
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from autograder.desk.questions import Question
from autograder.desk.routes.asking import About, Sent, got, posted
from autograder.desk.routes.question import BASE, waits
from autograder.marking.values import MarkingError
from autograder.settings import GraderName


class Divide(Sent):
    """Among whom a question is divided; nobody: it is everybody's."""

    many: ClassVar[frozenset[str]] = frozenset({"graders"})
    graders: list[GraderName] = Field([], max_length=100)


@got
def shares(about: About) -> Response:
    """All questions, each with its graders."""
    return about.page("shares.html.j2", graders=about.desk.graders,
                      rows=[_row(about, question) for question in about.desk.questions.values()])


def _row(about: About, question: Question, said: str = "") -> dict[str, Any]:
    """A question: who has a share of it, and how much of each share waits."""
    whose, marks = about.desk.shares(question), about.desk.marks(question)
    having = about.desk.store.divided_among(question)
    names = [*about.desk.graders, *(name for name in having if name not in about.desk.graders)]
    owners = {name: [owner for owner, grader in whose.items() if grader == name] for name in names}
    return {"id": f"{question.assignment}-{question.grade_id}", "title": question.title,
            "url": f"/q/{question.assignment}/{question.grade_id}",
            "said": said or ("" if having else "It is everybody's."),
            "graders": [{"name": name, "has_share": name in having, "total": len(owners[name]),
                         "left": sum(waits(marks.get(owner)) for owner in owners[name])}
                        for name in names]}


@posted(Divide)
def divide(about: About, asked: Divide) -> Response:
    """Divide one question; its row again."""
    _divide(about, [about.question], asked.graders)
    said = "Saved." if asked.graders else "Saved: it is everybody's."
    return about.page("share.html.j2", row=_row(about, about.question, said))


@posted(Divide)
def divide_all(about: About, asked: Divide) -> Response:
    """Divide every question among the same graders."""
    _divide(about, list(about.desk.questions.values()), asked.graders)
    return RedirectResponse("/shares", 303)


def _divide(about: About, questions: Sequence[Question], graders: Sequence[str]) -> None:
    if others := sorted(set(graders) - set(about.desk.graders)):
        raise MarkingError(f"{', '.join(others)}: no grader of this desk. Nothing was changed.")
    for question in questions:
        about.desk.store.divide(question, graders, about.grader)


ROUTES = [Route("/shares", shares), Route("/shares", divide_all, methods=["POST"]),
          Route(f"{BASE}/divide", divide, methods=["POST"])]
