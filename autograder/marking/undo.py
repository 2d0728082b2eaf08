"""Undo a grader's last operation: an operation of its own, refused where somebody was there since.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from autograder.marking import items, log, rows
from autograder.marking.giving import images
from autograder.marking.rows import AnswerRow, Key, MarkRow
from autograder.marking.values import Conflict, Item, LogEntry, MarkingError

UNDOABLE = ("give", "clear", "add_item", "change_item", "retire_item")


@dataclass(frozen=True)
class Undone:
    """What was undone: the operation, and which answers and items it was about."""

    entry: LogEntry
    owners: tuple[str, ...]
    item_ids: tuple[int, ...]

    @property
    def operation(self) -> str:
        return self.entry.operation


def undo(connection: Connection, grader: str, within: Key | None) -> Undone:
    """Put back what was there before a grader's last operation, or their last one on a question."""
    entry = log.last_of(connection, grader, UNDOABLE, within)
    if entry is None:
        raise MarkingError("There is nothing to undo.")
    key = (entry.assignment, entry.grade_id)
    most = rows.lock(connection, key) or 0.0
    again = log.last_of(connection, grader, UNDOABLE, within)
    if again is None or again.id != entry.id:
        raise Conflict("Something else was done under the same name in this moment. Try again.")
    before: Mapping[str, Any] = entry.data["before"]
    old_answers: Mapping[str, Any] = before.get("answers", {})
    old_items = {int(one): image for one, image in before.get("items", {}).items()}
    known = rows.items_of(connection, key)
    found = rows.answers(connection, key, None if old_items else list(old_answers), to_write=True)
    touched = {owner: found[owner] for owner in old_answers if owner in found}
    _refuse_where_changed(entry, touched, {one: known[one] for one in old_items}, found)
    after = {one: _restored(known[one], image) for one, image in old_items.items()}
    since = [row for owner, row in found.items() if owner not in touched
             and row.mark and row.mark.items & set(after)]
    number = log.add(connection, key, grader, "undo", {
        "undoes": entry.id, "operation": entry.operation,
        "before": {"items": {str(one): rows.item_image(known[one]) for one in old_items},
                   **images([*touched.values(), *since])}}, undoes=entry.id)
    for one in after.values():
        items.save_item(connection, one)
    known |= after
    for owner, row in touched.items():
        _restore(connection, key, row, old_answers[owner], known, most, number,
                 bool(old_items))
    items.count_anew(connection, key, since, known, most, number)
    return Undone(entry, tuple(touched), tuple(old_items))


def _refuse_where_changed(entry: LogEntry, touched: Mapping[str, AnswerRow],
                          altered: Mapping[int, Item], found: Mapping[str, AnswerRow]) -> None:
    """Raise Conflict where what an operation did is no longer as it left it."""
    left = 0 if entry.operation == "clear" else entry.id
    others = {owner: row for owner, row in touched.items() if left != (
        row.mark_version if altered else row.version)}  # items leave formgrader's points alone
    if others:
        raise Conflict("This cannot be undone: somebody has changed what it did since, for "
                       f"{', '.join(sorted(others)[:3])}.",
                       {owner: row.as_mark() for owner, row in others.items()})
    for item in altered.values():
        if item.version != entry.id:
            raise Conflict(f"This cannot be undone: the item {item.text!r} was changed since.")
        if entry.operation == "add_item" and any(
                row.mark and item.id in row.mark.items for row in found.values()):
            raise Conflict(f"This cannot be undone: answers have the item {item.text!r} already. "
                           "Retire it instead.")


def _restored(item: Item, image: Mapping[str, Any] | None) -> Item:
    """An item as it was; one that was not there before is retired."""
    return replace(item, retired=True) if image is None else replace(item, **image)


def _restore(connection: Connection, key: Key, row: AnswerRow, image: Mapping[str, Any],
             known: Mapping[int, Item], most: float, number: int, of_items: bool) -> None:
    """Put an answer back as it was, with the points that its items have now.

    of_items: what is undone changed items, and nothing else of the answers
    """
    mark = image["mark"] and _mark(image["mark"], known, most, number)
    if mark is None:
        rows.remove_mark(connection, row)
    else:
        rows.save_mark(connection, key, row, mark)
    if of_items:
        if mark and not row.points_elsewhere:
            rows.save_grade(connection, row, mark.points, row.needs_person, row.comment)
        return
    score = image["score"]
    if mark and score == image["mark"]["points"]:  # else formgrader had other points
        score = mark.points
    rows.save_grade(connection, row, score, _needs_person(row, image, score, mark),
                    image["comment"])


def _needs_person(row: AnswerRow, image: Mapping[str, Any], score: float | None,
                  mark: MarkRow | None) -> bool:
    """Whether somebody must look at an answer that is put back; another one may have come since."""
    if row.digest == image["digest"]:
        return bool(image["needs_person"])
    if score is None:
        return row.auto_score is None
    return mark is None or mark.digest != row.digest


def _mark(old: Mapping[str, Any], known: Mapping[int, Item], most: float, number: int) -> MarkRow:
    """A mark as it was, with what its items are now; the same version where that is the same."""
    held = frozenset(one for one in old["items"] if not known[one].retired)
    points = rows.points(held, known, most, old["adjustment"])
    same = sorted(held) == old["items"] and points == old["points"]
    return MarkRow(0, held, old["adjustment"], old["comment"], points, old["grader"],
                   old["digest"], datetime.fromisoformat(old["time"]),
                   old["version"] if same else number)
