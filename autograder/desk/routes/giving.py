"""Giving points: to a card, to a group, to all that is empty; undoing; who is where."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Any

from pydantic import Field
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from autograder.crossfeedback import done as crossfeedback
from autograder.desk.cards import Card, key_of
from autograder.desk.routes.asking import (
    MOST_OWNERS,
    About,
    SeenAnswer,
    Sent,
    number,
    one_line,
    posted,
)
from autograder.desk.routes.question import BASE, card_waits, next_card, progress
from autograder.exercise.rubric import points_of
from autograder.marking.values import LONGEST_COMMENT, Conflict, Mark, MarkingError

Points = Annotated[float, Field(allow_inf_nan=False)]


class Give(Sent):
    """What is given to the answers that a page shows; `key` is the card's."""

    owners: list[SeenAnswer] = Field(min_length=1, max_length=MOST_OWNERS)
    items: list[int] = Field(max_length=200)
    adjustment: Points = 0.0
    comment: str = Field("", max_length=LONGEST_COMMENT)
    key: str = Field(max_length=40)


class OnCard(Sent):
    """Something that is done where one card is shown."""

    key: str = Field(max_length=40)


class Done(OnCard):
    """Another group's comment, as it was read."""

    digest: str = Field(max_length=80)


class Opened(OnCard):
    """A card that is shown, with the version of its mark."""

    version: int | Annotated[str, Field(pattern="^-?[0-9]{1,20}$")] = 0


@posted(Give)
def give(about: About, asked: Give) -> dict[str, Any] | Response:
    """Give all these answers the same: all of them, or none where somebody was faster."""
    seen = [(about.owner(one.key), one.digest, one.version) for one in asked.owners]
    card = about.card(asked.key)
    if about.second:
        about.desk.store.give_second(about.question, {owner: digest for owner, digest, _ in seen},
                                     asked.items, asked.adjustment, about.grader)
        given: list[tuple[str, int]] = [(owner, 0) for owner, _, _ in seen]
        points: float | None = points_of(_held(about, asked.items), about.question.max_points,
                                         asked.adjustment)
    else:
        answers = about.answers
        texts = {digest: answers[owner].text for owner, digest, _ in seen
                 if answers[owner].digest == digest}
        try:
            marks = about.desk.store.give(about.question, seen, asked.items, asked.adjustment,
                                          asked.comment, about.grader, texts)
        except Conflict as conflict:
            return _conflict(about, asked, conflict)
        given = [(mark.owner, mark.version) for mark in marks]
        points = marks[0].points
    about.forget()
    said = f"{number(points)} points"
    if len(given) > 1:
        said += f" for {len(given)} answers"
    return _went(about, next_card(about, card), f"{said}. u takes it back."
                 if not about.second else f"{said}.", given)


def _held(about: About, ids: list[int]) -> list[Any]:
    return [one for one in about.items if one.id in ids]


def _went(about: About, coming: Card | None, said: str,
          given: list[tuple[str, int]] | None = None) -> dict[str, Any]:
    """What a page goes on with."""
    if coming is None and given is not None:
        said += " Nothing waits here any more."
    return {"given": [{"key": key_of(about.question.assignment, owner), "version": version}
                      for owner, version in given or []],
            "next": about.board.key(coming) if coming else "", "said": said,
            "progress": about.render("progress.html.j2", progress=progress(about),
                                     base=about.base, second=about.second)}


def _conflict(about: About, asked: Give, conflict: Conflict) -> Response:
    """Both are shown: what somebody else gave meanwhile, and what was to be given."""
    about.forget()
    now = {owner: mark for owner, mark in conflict.marks.items() if mark is not None}
    owners = [{"key": one.key, "digest": one.digest,
               "version": _version_now(one.version, owner, conflict)}
              for one in asked.owners if (owner := about.owner(one.key))]
    mine = points_of(_held(about, asked.items), about.question.max_points, asked.adjustment)
    others = " and ".join(sorted({mark.grader or "formgrader" for mark in now.values()}))
    page = about.render(
        "conflict.html.j2", others=others or "Somebody", changed=bool(conflict.changed),
        theirs=[_told(about, mark) for mark in now.values()], owners=owners,
        mine={"points": number(mine), "held": _words(about, asked.items),
              "comment": asked.comment})
    return JSONResponse({"conflict": True, "html": page}, 409)


def _version_now(seen: int, owner: str, conflict: Conflict) -> int:
    """The version of a mark, which a grader has now seen where it was the reason to refuse."""
    mark = conflict.marks.get(owner)
    if mark is not None:
        return mark.version
    return 0 if owner in conflict.marks else seen


def _told(about: About, mark: Mark) -> dict[str, Any]:
    return {"points": number(mark.points), "grader": mark.grader or "formgrader",
            "held": _words(about, mark.item_ids), "comment": mark.comment}


def _words(about: About, ids: Collection[int]) -> list[str]:
    """The items with these ids, as HTML."""
    return [one_line(one.text) for one in about.items if one.id in ids]


@posted(OnCard)
def empty(about: About, asked: OnCard) -> dict[str, Any]:
    """Give 0 to all empty answers that wait, together."""
    if about.second:
        raise MarkingError("In a second marking each answer is graded by itself.")
    found = [card for card in about.board.cards if card.empty and card_waits(about, card)]
    answers, marks = about.answers, about.marks
    seen = [(owner, answers[owner].digest, marks[owner].version if owner in marks else 0)
            for card in found for owner in card.owners
            if owner not in marks or marks[owner].state == "changed"]
    if not seen:
        raise MarkingError("No empty answer waits here.")
    card = about.card(asked.key)
    given = about.desk.store.give(about.question, seen, [], 0.0, "", about.grader)
    about.forget()
    coming = card if card_waits(about, card) else next_card(about, card)
    return _went(about, coming, f"{len(given)} empty answers have 0 points. u takes it back.",
                 [(mark.owner, mark.version) for mark in given])


@posted(OnCard)
def undo(about: About, asked: OnCard) -> dict[str, Any]:
    """Undo what the grader did last on this question, and show where that was."""
    if about.second:
        raise MarkingError("A second marking is not undone: go back with k, and give it again.")
    undone = about.desk.store.undo(about.grader, about.question)
    about.forget()
    owner = next((one for one in undone.owners if one in about.board.by_owner), "")
    card = about.board.by_owner[owner] if owner else about.card(asked.key)
    count = len(undone.owners)
    what = undone.operation.replace("_", " ")
    return _went(about, card, f"Undone: {what}" + (f", {count} answers." if count > 1 else "."))


@posted(OnCard)
def out(about: About, asked: OnCard) -> dict[str, Any]:
    """Take a card out of its group."""
    card = about.card(asked.key)
    about.desk.take_out(about.question, card.owners)
    about.forget()
    return _went(about, about.card(asked.key), "Taken out: it stands behind its group, alone.")


@posted(Opened)
def opened(about: About, asked: Opened) -> dict[str, Any]:
    """Note who has which answer open; tell who else is there, and whether the mark is older."""
    card = about.card(asked.key)
    if about.second:
        return {"here": "", "stale": False}
    store, owner = about.desk.store, card.owners[0]
    store.open(about.question, owner, about.grader)
    viewers = store.viewers(about.question)
    others = [name for one in card.owners for name in viewers.get(one, ())
              if name != about.grader]
    mark = store.mark(about.question.assignment, about.question.grade_id, owner)
    here = f"{' and '.join(sorted(set(others)))} has this one open, too" if others else ""
    return {"here": here, "stale": (mark.version if mark else 0) != int(asked.version)}


@posted(Done)
def done(about: About, asked: Done) -> Response:
    """Mark another group's comment as done with, or take that back; the button again."""
    comment = about.desk.comments(about.question).get(about.owner(asked.key))
    if comment is None or comment.digest != asked.digest:
        raise MarkingError("This comment is another one now, or was removed. Load the page again.")
    by = "" if comment.done_by else about.grader
    crossfeedback.mark(about.desk.course, about.question.assignment, comment, by)
    return about.page("done.html.j2", base=about.base,
                      peer={"key": asked.key, "digest": asked.digest, "done_by": by})


ROUTES = [Route(f"{BASE}/{name}", route, methods=["POST"]) for name, route in (
    ("give", give), ("empty", empty), ("undo", undo), ("out", out), ("open", opened),
    ("done", done))]
