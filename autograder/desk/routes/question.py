"""One question: its page, its cards one at a time, its panel, and the list of all answers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from autograder.desk.answers import WrittenAnswer
from autograder.desk.cards import Card, key_of
from autograder.desk.compared import compared
from autograder.desk.content import addressed
from autograder.desk.routes.asking import (
    About,
    got,
    markdown,
    number,
    one_line,
    worth,
)
from autograder.desk.security import PICTURE_POLICY
from autograder.desk.state import Unknown
from autograder.marking.values import Mark

MOST_MEMBERS = 12  # other forms of a group that are shown below an answer
EXCERPT = 90
WORDS = {"waits": "not graded yet", "graded": "graded", "changed": "changed since it was graded",
         "elsewhere": "graded in formgrader since"}


@dataclass(frozen=True)
class Progress:
    """How far a question is, in answers; `mine` are those left of one's share, if there are shares.
    """

    total: int
    graded: int
    left: int
    empty: int
    mine: int | None = None


def progress(about: About) -> Progress:
    owners = about.board.by_owner
    left = [owner for owner in owners if waits(about.marks.get(owner))]
    mine = sum(about.shares.get(owner) == about.grader for owner in left)
    return Progress(len(owners), len(owners) - len(left), len(left),
                    sum(owners[owner].empty for owner in left), mine if about.shares else None)


def waits(mark: Mark | None) -> bool:
    """Whether an answer waits for somebody."""
    return mark is None or mark.state == "changed"


def card_waits(about: About, card: Card) -> bool:
    return any(waits(about.marks.get(owner)) for owner in card.owners)


def next_card(about: About, card: Card | None) -> Card | None:
    """The next card that waits, preferably one of the grader's share that nobody else has open."""
    viewers = {} if about.second else about.desk.store.viewers(about.question)
    held = {owner for owner, graders in viewers.items() if set(graders) - {about.grader}}
    return about.board.next_waiting(card, lambda one: card_waits(about, one),
                                    held | _of_others(about))


def _of_others(about: About) -> set[str]:
    """The answers on cards of which nothing is in the grader's share, if there is such a share."""
    if about.grader not in about.shares.values():
        return set()
    return {owner for card in about.board.cards if about.grader not in graders_of(about, card)
            for owner in card.owners}


def graders_of(about: About, card: Card) -> list[str]:
    """In whose shares a card is; nobody's where the question is everybody's."""
    return sorted({about.shares[owner] for owner in card.owners if owner in about.shares})


def _share(about: About, card: Card) -> str:
    """In whose share a card is, in words."""
    names = graders_of(about, card)
    if names == [about.grader]:
        return "your share"
    return f"share of {' and '.join(names)}" if names else ""


def rubric_version(about: About) -> str:
    return "-".join(f"{one.id}.{one.version}" for one in about.items)


@got
def page(about: About) -> Response:
    """The question's page, with the card that is asked for or the first that waits."""
    wanted = about.request.query_params.get("card", "")
    if wanted:
        card: Card | None = about.card(wanted)
    else:
        card = next_card(about, None) or (about.board.cards[0] if about.board.cards else None)
    question = about.question
    if card is None:
        return about.page("nothing.html.j2", question=question, second=about.second)
    return about.page(
        "question.html.j2", question=question, base=about.base, second=about.second,
        title=one_line(question.title), text=markdown(question.text), seen=False,
        model=markdown(question.rubric.model_answer), notes=markdown(question.rubric.notes),
        points=number(question.max_points), card=render_card(about, card),
        items=_items(about), rubric=rubric_version(about), progress=progress(about),
        comments=[] if about.second else about.desk.store.comments(question.grade_id)[:200])


@got
def card(about: About) -> Response:
    return Response(render_card(about, about.card(about.request.path_params["key"])),
                    media_type="text/html")


@got
def panel(about: About) -> Response:
    """The rubric's items, to be clicked."""
    return about.page("panel.html.j2", items=_items(about), rubric=rubric_version(about),
                      second=about.second)


def _items(about: About) -> list[dict[str, Any]]:
    return [{**asdict(one), "worth": worth(one), "html": one_line(one.text)}
            for one in about.items]


def render_card(about: About, card: Card) -> str:
    """A card as HTML, with all that the page needs to give it something."""
    board, marks = about.board, about.marks
    answer = about.answers[card.owners[0]]
    shown = about.desk.shown(answer)
    mark = next((marks[owner] for owner in card.owners if owner in marks), None)
    state = _state(about, card)
    others = [] if about.second else board.members(card)
    waiting = [one for one in others if card_waits(about, one)]
    coming = next_card(about, card)
    key = board.key(card)
    values = {
        "key": key, "place": card.place, "count": len(board.cards), "state": state,
        "words": WORDS[state], "version": _version(about, card.owners[0]), "empty": card.empty,
        "owners": _seen(about, card.owners),
        "group": [one for other in waiting for one in _seen(about, other.owners)],
        "group_count": len(card.owners) + sum(len(one.owners) for one in waiting),
        "group_size": len(card.owners) + sum(len(one.owners) for one in others),
        "given": None if mark is None else {
            "items": sorted(mark.item_ids), "adjustment": mark.adjustment,
            "comment": mark.comment},
        "next": _key(about, board.after(card)), "previous": _key(about, board.after(card, -1)),
        "ungraded": _key(about, coming), "badge": _badge(about, card, mark),
        "share": _share(about, card), "names": ", ".join(card.owners),
        "points": number(mark.points) if mark else "",
        "diff": _diff(about, mark, answer.text) if state == "changed" and mark else [],
        "html": addressed(shown, f"{about.base}/picture/{key}/{_form(answer)}/"), "cut": shown.cut,
        "left_out": answer.left_out, "remarks": answer.remarks,
        "pages": _pages(about, card, key), "peers": _peers(about, card),
        "members": [_member(about, one) for one in others[:MOST_MEMBERS]],
        "more_members": max(0, len(others) - MOST_MEMBERS)}
    return about.render("card.html.j2", card=values, base=about.base,
                        rubric=rubric_version(about))


def _version(about: About, owner: str) -> int:
    mark = about.marks.get(owner)
    return mark.version if mark else 0


def _key(about: About, card: Card | None) -> str:
    return about.board.key(card) if card else ""


def _seen(about: About, owners: Iterable[str]) -> list[dict[str, Any]]:
    """Answers as this page shows them: what was seen is sent back with what is given."""
    answers = about.answers
    return [{"key": key_of(about.question.assignment, owner), "digest": answers[owner].digest,
             "version": _version(about, owner)} for owner in owners]


def _state(about: About, card: Card) -> str:
    marks = [about.marks.get(owner) for owner in card.owners]
    if any(mark is not None and mark.state == "changed" for mark in marks):
        return "changed"
    if any(mark is None for mark in marks):
        return "waits"
    return "elsewhere" if any(mark and mark.state == "elsewhere" for mark in marks) else "graded"


def _badge(about: About, card: Card, mark: Mark | None) -> str:
    state = _state(about, card)
    if state == "graded" and mark:
        points = {about.marks[owner].points for owner in card.owners}
        return (f"{number(mark.points)} points by {mark.grader}" if len(points) == 1
                else "graded differently")
    if state == "waits" and mark:
        done = sum(owner in about.marks for owner in card.owners)
        return f"{done} of {len(card.owners)} graded already"
    return {"changed": "changed", "elsewhere": "formgrader since"}.get(state, "")


def _member(about: About, card: Card) -> dict[str, Any]:
    """Another form of a group, as it is shown below an answer."""
    answer = about.answers[card.owners[0]]
    shown = about.desk.shown(answer)
    key = about.board.key(card)
    mark = about.marks.get(card.owners[0])
    return {"key": key, "place": card.place, "count": len(card.owners),
            "state": _state(about, card), "badge": _badge(about, card, mark),
            "names": ", ".join(card.owners),
            "html": addressed(shown, f"{about.base}/picture/{key}/{_form(answer)}/")}


def _diff(about: About, mark: Mark, text: str) -> list[tuple[str, str]]:
    """The sentences of the graded text and of the new one, as (kind, sentence)."""
    old = about.desk.store.text(mark.digest)
    if old is None:
        return []
    signs = {"old": "-", "new": "+", "same": " "}
    return [(kind, f"{signs[kind]} {one}") for kind, one in compared(old, text)]


def _form(answer: WrittenAnswer) -> str:
    """What stands in the addresses of pictures: another one after each batch, unlike the key.

    A browser shows a picture that it has for an address without asking again.
    """
    try:
        written = answer.notebook.stat().st_mtime_ns
    except OSError:
        written = 0
    return f"{answer.digest[:12]}-{written:x}"


def _pages(about: About, card: Card, key: str) -> list[dict[str, str]]:
    answer = about.answers[card.owners[0]]
    return [{"caption": one.caption, "url": f"{about.base}/page/{key}/{_form(answer)}/{index}"}
            for index, one in enumerate(answer.pages)]


def _peers(about: About, card: Card) -> list[dict[str, Any]]:
    """What other groups commented on the answers of a card; a second marking is blind to it."""
    found = {} if about.second else about.desk.comments(about.question)
    return [{"html": markdown(comment.text), "done_by": comment.done_by,
             "key": key_of(about.question.assignment, owner), "digest": comment.digest}
            for owner in card.owners if (comment := found.get(owner))]


@got
def picture(about: About) -> Response:
    """A picture in an answer, with its one type."""
    path = about.request.path_params
    shown = about.desk.shown(about.answers[about.owner(path["key"])])
    if path["number"] >= len(shown.pictures):
        raise Unknown("There is no such picture.")
    found = shown.pictures[path["number"]].redrawn()
    return Response(found.data, media_type=found.kind, headers={
        "Content-Security-Policy": PICTURE_POLICY, "Cache-Control": "private, max-age=600"})


@got
def written(about: About) -> Response:
    """A page of the written part, or a picture that the exercise draws."""
    path = about.request.path_params
    pages = about.answers[about.owner(path["key"])].pages
    if path["number"] >= len(pages):
        raise Unknown("There is no such page.")
    return Response(pages[path["number"]].png, media_type="image/png", headers={
        "Content-Security-Policy": PICTURE_POLICY, "Cache-Control": "private, max-age=600"})


@got
def text(about: About) -> Response:
    """All of an answer as it was written: as plain text, which a browser only shows."""
    answer = about.answers[about.owner(about.request.path_params["key"])]
    return PlainTextResponse(answer.text)


@got
def answers(about: About) -> Response:
    """All answers of the question, or those in one state."""
    wanted = about.request.query_params.get("state", "")
    rows = [_answer_row(about, card) for card in about.board.cards]
    states = {state: sum(row["state"] == state for row in rows) for state in WORDS}
    return about.page("answers.html.j2", question=about.question, base=about.base, wanted=wanted,
                      rows=[row for row in rows if wanted in ("", row["state"])], states=states,
                      words=WORDS, second=about.second, total=len(rows))


def _answer_row(about: About, card: Card) -> dict[str, Any]:
    mark = next((about.marks[owner] for owner in card.owners if owner in about.marks), None)
    numbers = {one.id: index for index, one in enumerate(about.items, start=1)}
    answer = about.answers[card.owners[0]]
    return {"place": card.place, "count": len(card.owners), "state": _state(about, card),
            "url": f"{about.base}?card={about.board.key(card)}"
                   f"{'&second=1' if about.second else ''}",
            "excerpt": " ".join(answer.text[:400].split())[:EXCERPT] or "(empty)",
            "points": number(mark.points) if mark else "", "grader": mark.grader if mark else "",
            "items": sorted(numbers[one] for one in mark.item_ids if one in numbers)
            if mark else [], "names": ", ".join(card.owners)}


BASE = "/q/{assignment}/{grade_id}"
ROUTES = [
    Route(BASE, page), Route(f"{BASE}/", page), Route(f"{BASE}/card/{{key}}", card),
    Route(f"{BASE}/panel", panel), Route(f"{BASE}/answers", answers),
    Route(f"{BASE}/text/{{key}}", text),
    Route(f"{BASE}/picture/{{key}}/{{form}}/{{number:int}}", picture),
    Route(f"{BASE}/page/{{key}}/{{form}}/{{number:int}}", written)]
