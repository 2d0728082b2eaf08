"""Editing the rubric's items: whose points would move is shown first, then it is confirmed."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field
from starlette.responses import Response
from starlette.routing import Route

from autograder.desk.routes.asking import (
    About,
    Sent,
    got,
    number,
    one_line,
    posted,
    worth,
)
from autograder.desk.routes.question import BASE
from autograder.marking.values import LONGEST_ITEM, MOST_POINTS, Item, MarkingError

MOST_SHOWN = 40  # answers whose points move
Points = Annotated[float, Field(allow_inf_nan=False, ge=0, le=MOST_POINTS)]
Words = Annotated[str, Field(min_length=1, max_length=LONGEST_ITEM)]


class NewItem(Sent):
    kind: Literal["adds", "takes", "caps"]
    points: Points
    text: Words


class ChangedItem(Sent):
    """An item as it is to be, and the version that was on the page."""

    item: int
    version: int
    points: Points
    text: Words


class RetiredItem(Sent):
    item: int
    version: int


@got
def items(about: About) -> Response:
    """The items as forms, in a dialog."""
    return _page(about)


def _page(about: About, said: str = "", changed: bool = False) -> Response:
    rows = [{"id": one.id, "version": one.version, "kind": one.kind, "points": one.points,
             "text": one.text, "worth": worth(one), "html": one_line(one.text)}
            for one in about.items]
    return about.page("items.html.j2", rows=rows, base=about.base, said=said, changed=changed)


@posted(ChangedItem)
def preview(about: About, asked: ChangedItem) -> Response:
    """Whose points would move, before anything does."""
    item = _known(about, asked.item)
    moved = about.desk.store.preview_change(item.id, asked.points)
    holders = sum(item.id in mark.item_ids for mark in about.marks.values())
    return about.page("preview.html.j2", base=about.base, item=item, asked=asked,
                      holders=holders, moved=_moves(about, moved), total=len(moved),
                      words=asked.text.strip() != item.text, retire=False)


@posted(RetiredItem)
def preview_retire(about: About, asked: RetiredItem) -> Response:
    """Whose points would move if an item were taken away."""
    item = _known(about, asked.item)
    holders = sum(item.id in mark.item_ids for mark in about.marks.values())
    return about.page("preview.html.j2", base=about.base, item=item, asked=asked,
                      holders=holders, moved=[], total=0, words=False, retire=True)


def _moves(about: About, moved: list[Any]) -> list[dict[str, Any]]:
    board = about.board
    return [{"place": board.by_owner[one.owner].place, "owner": one.owner,
             "before": number(one.before), "after": number(one.after)}
            for one in moved[:MOST_SHOWN] if one.owner in board.by_owner]


@posted(ChangedItem)
def change(about: About, asked: ChangedItem) -> Response:
    """Change an item, and with it every answer that holds it."""
    about.desk.store.change_item(_known(about, asked.item).id, asked.points, asked.text,
                                 asked.version, about.grader)
    about.forget()
    return _page(about, "Changed, in every answer that has it. u takes it back.", changed=True)


@posted(RetiredItem)
def retire(about: About, asked: RetiredItem) -> Response:
    about.desk.store.retire_item(_known(about, asked.item).id, asked.version, about.grader)
    about.forget()
    return _page(about, "Taken away, out of every answer. u takes it back.", changed=True)


@posted(NewItem)
def add(about: About, asked: NewItem) -> Response:
    about.desk.store.add_item(about.question, asked.kind, asked.points, asked.text, about.grader)
    about.forget()
    return _page(about, "Added. u takes it back.", changed=True)


def _known(about: About, item: int) -> Item:
    """An item of this question that is in use."""
    found = next((one for one in about.items if one.id == item), None)
    if found is None:
        raise MarkingError("This item was taken away meanwhile. Open the list of items again.")
    return found


ROUTES = [Route(f"{BASE}/items", items)] + [
    Route(f"{BASE}/items/{name}", route, methods=["POST"]) for name, route in (
        ("preview", preview), ("preview-retire", preview_retire), ("change", change),
        ("retire", retire), ("add", add))]
