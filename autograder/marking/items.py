"""A question's items: seeded from the source, added, changed, retired; all marks follow at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from sqlalchemy import Connection, insert, select, update

from autograder.exercise.rubric import RubricItem
from autograder.marking import log, rows, tables
from autograder.marking.giving import images
from autograder.marking.rows import AnswerRow, Key, MarkRow, in_question
from autograder.marking.values import SOURCE, Conflict, Item, MarkedQuestion, MarkingError, Moved

# ------------------------------------------------------------------------------------- the source


def is_current(connection: Connection, question: MarkedQuestion) -> bool:
    """Whether the tables have the question as its source has it."""
    key = (question.assignment, question.grade_id)
    most = rows.most_of(connection, key)
    return most == question.max_points and not any(_differences(connection, key, question))


def bring_up_to_date(connection: Connection, question: MarkedQuestion) -> None:
    """Enter a question, its new items, and its maximum points as the source has them now.

    An item of the source that a grader changed, or that an answer holds, stays as it is; another
    follows the source, and is retired where it is no longer in there.
    """
    key = (question.assignment, question.grade_id)
    rows.insert_once(connection, tables.question, [
        {"assignment": key[0], "grade_id": key[1], "most": question.max_points}])
    most = rows.lock(connection, key)
    changes, new = _differences(connection, key, question)
    if most == question.max_points and not changes and not new and _is_logged(connection, key):
        return
    known = rows.items_of(connection, key)
    made = {_insert(connection, key, one.key, one.kind, one.points, one.text, True): one
            for one in new}
    after = {one.id: one for one in changes}
    found = rows.answers(connection, key, to_write=True) if most != question.max_points else {}
    number = log.add(connection, key, SOURCE, "source", {
        "most": question.max_points,
        "items": {str(one): {"kind": seed.kind, "points": seed.points, "text": seed.text,
                             "retired": False} for one, seed in made.items()}
        | {str(one.id): {"kind": one.kind, "points": one.points, "text": one.text,
                         "retired": one.retired} for one in after.values()},
        "before": {"items": {str(one): rows.item_image(known[one]) for one in after}}})
    for one in after.values():
        save_item(connection, replace(one, version=number))
    connection.execute(update(tables.item).where(tables.item.c.id.in_(list(made))).values(
        version=number))
    connection.execute(update(tables.question).where(in_question(tables.question, key)).values(
        most=question.max_points))
    count_anew(connection, key, found.values(), rows.items_of(connection, key),
               question.max_points, number)


def _is_logged(connection: Connection, key: Key) -> bool:
    """Whether the log knows the question already."""
    return connection.execute(select(tables.log.c.id).where(
        in_question(tables.log, key)).limit(1)).first() is not None


def _differences(connection: Connection, key: Key, question: MarkedQuestion
                 ) -> tuple[list[Item], list[RubricItem]]:
    """What the source has changed: items as they are to be, and new ones."""
    seeds = {one.key: one for one in question.rubric.items}
    items = connection.execute(select(tables.item).where(in_question(tables.item, key))).all()
    known = {row.key for row in items}
    new: list[RubricItem] = [seed for seed in seeds.values() if seed.key not in known]
    found = ((rows.item_of(row), seeds.get(row.key)) for row in items if row.follows_source)
    moved = {item.id: after for item, seed in found if (after := _as_in_source(item, seed)) != item}
    held = _held(connection, moved) if moved else set()
    return [after for one, after in moved.items() if one not in held], new


def _as_in_source(item: Item, seed: RubricItem | None) -> Item:
    return replace(item, retired=True) if seed is None else replace(
        item, points=float(seed.points), retired=False)


def _held(connection: Connection, ids: Iterable[int]) -> set[int]:
    """Those of some items that an answer holds."""
    held = tables.mark_item.c.item_id
    return set(connection.execute(select(held).where(held.in_(list(ids))).distinct()).scalars())


# ---------------------------------------------------------------------------------------- graders


def add(connection: Connection, key: Key, name: str, kind: str, points: float, text: str,
        grader: str) -> Item:
    """Add an item, whose key is `name`, to a question."""
    rows.lock(connection, key)
    one = _insert(connection, key, name, kind, points, text, False)
    number = log.add(connection, key, grader, "add_item", {
        "item": one, "kind": kind, "points": points, "text": text,
        "before": {"items": {str(one): None}}})
    save_item(connection, replace(rows.items_of(connection, key)[one], version=number))
    return rows.items_of(connection, key)[one]


def change(connection: Connection, item_id: int, points: float, text: str, seen_version: int,
           grader: str) -> Item:
    """Change an item's points and words, and the points of every answer that holds it."""
    return _alter(connection, item_id, seen_version, grader, "change_item",
                  {"points": points, "text": text},
                  lambda item: replace(item, points=points, text=text))


def retire(connection: Connection, item_id: int, seen_version: int, grader: str) -> Item:
    """Take an item out of the question, and out of every answer that holds it."""
    return _alter(connection, item_id, seen_version, grader, "retire_item", {},
                  lambda item: replace(item, retired=True))


def _alter(connection: Connection, item_id: int, seen_version: int, grader: str, operation: str,
           data: Mapping[str, object], changed: Callable[[Item], Item]) -> Item:
    key = key_of(connection, item_id)
    most = rows.lock(connection, key) or 0.0
    known = rows.items_of(connection, key)
    item = known[item_id]
    if item.version != seen_version:
        raise Conflict(f"Somebody else has changed the item {item.text!r} in the meantime. "
                       "Nothing was changed.")
    if item.retired:
        raise MarkingError(f"The item {item.text!r} is no longer used. Nothing was changed.")
    after = changed(item)
    holders = [row for row in rows.answers(connection, key, to_write=True).values()
               if row.mark and item_id in row.mark.items]
    touched = [row for row in holders if row.mark and (
        after.retired or _points(row.mark, known | {item_id: after}, most) != row.mark.points)]
    number = log.add(connection, key, grader, operation, {
        "item": item_id, **data, "before": {"items": {str(item_id): rows.item_image(item)},
                                            **images(touched)}})
    after = replace(after, version=number)
    save_item(connection, after)
    connection.execute(update(tables.item).where(tables.item.c.id == item_id).values(
        follows_source=False))  # from now on graders decide about it
    count_anew(connection, key, touched, known | {item_id: after}, most, number)
    return after


def preview(connection: Connection, item_id: int, points: float) -> list[Moved]:
    """Whose points would move if an item had other points."""
    key = key_of(connection, item_id)
    most = rows.most_of(connection, key) or 0.0
    known = rows.items_of(connection, key)
    after = known | {item_id: replace(known[item_id], points=points)}
    found = [(row.owner, row.mark.points, _points(row.mark, after, most))
             for row in rows.answers(connection, key).values()
             if row.mark and item_id in row.mark.items and not row.points_elsewhere]
    return [Moved(owner, points, new) for owner, points, new in found if points != new]


def key_of(connection: Connection, item_id: int) -> Key:
    """The question that an item belongs to."""
    row = connection.execute(select(tables.item.c.assignment, tables.item.c.grade_id).where(
        tables.item.c.id == item_id)).one_or_none() if 0 < item_id < 2**31 else None
    if row is None:
        raise MarkingError(f"There is no item {item_id}. Nothing was changed.")
    return row.assignment, row.grade_id


# ----------------------------------------------------------------------------------------- writing


def save_item(connection: Connection, item: Item) -> None:
    connection.execute(update(tables.item).where(tables.item.c.id == item.id).values(
        points=item.points, text=item.text, retired=item.retired, version=item.version))


def count_anew(connection: Connection, key: Key, found: Iterable[AnswerRow],
               known: Mapping[int, Item], most: float, number: int) -> None:
    """Count the points of marks again, without retired items; formgrader's points stay."""
    for row in found:
        if row.mark is None:
            continue
        items = frozenset(one for one in row.mark.items if not known[one].retired)
        points = rows.points(items, known, most, row.mark.adjustment)
        if (items, points) == (row.mark.items, row.mark.points):
            continue
        rows.save_mark(connection, key, row, replace(
            row.mark, items=items, points=points, version=number))
        if not row.points_elsewhere:
            rows.save_grade(connection, row, points, row.needs_person, row.comment)


def _points(mark: MarkRow, known: Mapping[int, Item], most: float) -> float:
    """A mark's points by its items, retired ones left out."""
    items = [one for one in mark.items if not known[one].retired]
    return rows.points(items, known, most, mark.adjustment)


def _insert(connection: Connection, key: Key, name: str, kind: str, points: float, text: str,
            follows_source: bool) -> int:
    made = connection.execute(insert(tables.item).returning(tables.item.c.id).values(
        assignment=key[0], grade_id=key[1], key=name, kind=kind, points=float(points), text=text,
        follows_source=follows_source, retired=False, version=0))
    return made.scalar_one()
