"""Give marks to answers, and take them back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from autograder.marking import log, rows, tables
from autograder.marking.rows import AnswerRow, Key, MarkRow
from autograder.marking.values import LONGEST_TEXT, Conflict, Item, Mark, MarkingError
from autograder.text import printable

Seen = tuple[str, str, int]  # an owner, the digest of the answer, the version of its mark


@dataclass(frozen=True)
class Decision:
    """What one or several answers are given."""

    items: frozenset[int]
    adjustment: float
    comment: str


def give(connection: Connection, key: Key, seen: Sequence[Seen], given: Decision, grader: str,
         texts: Mapping[str, str]) -> list[Mark]:
    """Give all answers the same, or none of them anything.

    texts: the answers' texts by digest, kept for a comparison with what is handed in later
    """
    most = rows.lock(connection, key)
    if most is None:
        raise MarkingError(f"Nobody has opened {key[1]} of {key[0]} yet.")
    known = rows.items_of(connection, key)
    check_items(given.items, known, key)
    found = seen_rows(connection, key, seen)
    number = log.add(connection, key, grader, "give", {
        "owners": [owner for owner, _, _ in seen], "items": sorted(given.items),
        "adjustment": given.adjustment, "comment": given.comment,
        "digests": [digest for _, digest, _ in seen], "before": images(found.values())})
    points = rows.points(given.items, known, most, given.adjustment)
    time = rows.now()
    for owner, digest, _ in seen:
        row = found[owner]
        rows.save_mark(connection, key, row, MarkRow(
            0, given.items, given.adjustment, given.comment, points, grader, digest, time, number))
        rows.save_grade(connection, row, points, False, given.comment)
    keep_texts(connection, {digest: texts[digest] for _, digest, _ in seen if digest in texts})
    return [Mark(owner, given.items, given.adjustment, given.comment, points, grader, digest,
                 number, "graded", time) for owner, digest, _ in seen]


def clear(connection: Connection, key: Key, seen: Sequence[Seen], grader: str) -> None:
    """Take back what answers were given, in formgrader too: they wait for somebody again."""
    rows.lock(connection, key)
    found = seen_rows(connection, key, seen)
    log.add(connection, key, grader, "clear", {
        "owners": [owner for owner, _, _ in seen], "before": images(found.values())})
    for row in found.values():
        rows.remove_mark(connection, row)
        rows.save_grade(connection, row, None, row.auto_score is None, "")


def seen_rows(connection: Connection, key: Key, seen: Sequence[Seen]) -> dict[str, AnswerRow]:
    """The answers as somebody saw them, locked. Raises Conflict where they are others now."""
    owners = [owner for owner, _, _ in seen]
    if not owners:
        raise MarkingError("No answer was named. Nothing was changed.")
    if any(not 0 < len(digest) <= 64 for _, digest, _ in seen):
        raise MarkingError("What was graded is no known form of an answer. Nothing was changed.")
    if len(set(owners)) < len(owners):
        raise MarkingError("One answer stands twice among those that were to be changed.")
    found = rows.answers(connection, key, owners, to_write=True)
    if missing := sorted(set(owners) - set(found)):
        raise MarkingError(f"The gradebook has no answer to {key[1]} of {', '.join(missing)}: "
                           "there is no such submission, or it was removed. Nothing was changed.")
    others = [owner for owner, _, version in seen if found[owner].version != version]
    changed = [owner for owner, digest, _ in seen
               if found[owner].digest not in (None, digest)]
    if others or changed:
        raise Conflict(_says(others, changed), {
            owner: found[owner].as_mark() for owner in [*others, *changed]}, changed)
    return found


def _says(others: Sequence[str], changed: Sequence[str]) -> str:
    said = []
    if others:
        said.append(f"Somebody else has graded {_some(others)} in the meantime.")
    if changed:
        said.append(f"{_some(changed)} has handed in another answer in the meantime.")
    return " ".join([*said, "Nothing was changed."])


def _some(owners: Sequence[str]) -> str:
    return owners[0] if len(owners) == 1 else f"{owners[0]} and {len(owners) - 1} more"


def check_items(items: Iterable[int], known: Mapping[int, Item], key: Key) -> None:
    for one in items:
        if one not in known:
            raise MarkingError(f"{key[1]} has no item {one}; nothing was changed.")
        if known[one].retired:
            raise MarkingError(f"The item {known[one].text!r} is no longer used; nothing was "
                               "changed.")


def images(found: Iterable[AnswerRow]) -> dict[str, object]:
    """Answers as they are before an operation, for the log and for undoing it."""
    return {"answers": {row.owner: row.image for row in found}}


def keep_texts(connection: Connection, texts: Mapping[str, str]) -> None:
    rows.insert_once(connection, tables.text, [
        {"digest": digest, "text": printable(text[:LONGEST_TEXT])}
        for digest, text in sorted(texts.items())])
