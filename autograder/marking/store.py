"""What graders gave: rubric items, marks and comments, in one transaction with nbgrader's rows.

    with RubricStore(course) as store:
        items = store.items(question)
        store.give(question, [("g07", answer.digest, 0)], [items[0].id], 0, "", "ada")

Every call is a transaction of its own: it is done whole, or raises MarkingError and changes
nothing. Several threads, processes and machines may use a gradebook at the same time.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, TypeVar

from nbgrader.api import BaseCell, Comment
from sqlalchemy import Connection, func, select

from autograder.course import Course
from autograder.exercise.rubric import Kind, Rubric, RubricItem
from autograder.marking import claims, giving, log, rows, second, tables, undo
from autograder.marking import items as question_items
from autograder.marking.agreement import Agreement, agreement
from autograder.marking.database import Database
from autograder.marking.giving import Decision, Seen
from autograder.marking.rows import Key
from autograder.marking.second import SecondMark
from autograder.marking.undo import Undone
from autograder.marking.values import (
    KINDS,
    LONGEST_COMMENT,
    LONGEST_ITEM,
    MOST_POINTS,
    Item,
    LogEntry,
    Mark,
    MarkedQuestion,
    MarkingError,
    Moved,
    checked_points,
    checked_text,
)
from autograder.settings import graders_name

Result = TypeVar("Result")


class RubricStore:
    """The store of a course. `graders` are who may change anything; empty: whoever has a name."""

    def __init__(self, course: Course, graders: Collection[str] | None = None) -> None:
        self._graders = frozenset(course.toml.desk.graders if graders is None else graders)
        self._database = Database(course)
        self._known: dict[Key, tuple[float, Rubric]] = {}  # questions that are up to date
        self._kept: dict[tuple[str, Key], tuple[int, Any]] = {}  # what was read, see _read

    def __enter__(self) -> RubricStore:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._database.close()

    # ------------------------------------------------------------------------------------ reading

    def items(self, question: MarkedQuestion) -> list[Item]:
        """The items of a question, retired ones too; those of the source are entered if need be."""
        self._bring_up_to_date(question)
        return list(self._read("items", _key(question), rows.items_of).values())

    def marks(self, assignment: str, grade_id: str) -> dict[str, Mark]:
        """What the answers to a question were given, by owner."""
        return dict(self._read("marks", (assignment, grade_id), rows.marks_of))

    def mark(self, assignment: str, grade_id: str, owner: str) -> Mark | None:
        """What one answer was given; None: nothing yet."""
        found = self._database.read(
            lambda connection: rows.answers(connection, (assignment, grade_id), [owner]))
        return found[owner].as_mark() if owner in found else None

    def text(self, digest: str) -> str | None:
        """The text of an answer by its digest, as long as it was kept."""
        return self._database.read(lambda connection: connection.execute(
            select(tables.text.c.text).where(tables.text.c.digest == digest)).scalar_one_or_none())

    def comments(self, grade_id: str) -> list[str]:
        """The comments on a question's answers, most frequent first, formgrader's too."""
        used = Comment.manual_comment
        query = select(used).join(BaseCell, Comment.cell_id == BaseCell.id).where(
            BaseCell.name == grade_id, func.trim(used) != "").group_by(used).order_by(
            func.count().desc(), used)
        return list(self._database.read(
            lambda connection: connection.execute(query).scalars().all()))

    def log(self, assignment: str = "", grade_id: str = "") -> list[LogEntry]:
        """Every operation, or every one on a question, oldest first."""
        key = (assignment, grade_id) if grade_id else None
        return self._database.read(lambda connection: log.entries(connection, key))

    def recent(self, start: int, count: int) -> tuple[list[LogEntry], int]:
        """Some operations, newest first, and how many there are in all."""
        return self._database.read(lambda connection: log.recent(connection, start, count))

    # ------------------------------------------------------------------------------------- giving

    def give(self, question: MarkedQuestion, owners: Sequence[Seen], items: Iterable[int],
             adjustment: float, comment: str, grader: str,
             texts: Mapping[str, str] | None = None) -> list[Mark]:
        """Give the answers of `owners` these items, an adjustment and a comment: all or none.

        owners: each with the digest of the answer and the version of its mark, as the grader saw
        them; the version is 0 where there was no mark
        texts: the answers' texts by digest, kept to be compared with what is handed in later

        Raises Conflict, with what is there now, where a mark or an answer is another one.
        """
        given = self._given(items, adjustment, comment)
        self._check_grader(grader)
        self._bring_up_to_date(question)
        key = _key(question)

        def give(connection: Connection) -> tuple[list[Mark], dict[str, Mark]]:
            marks = giving.give(connection, key, owners, given, grader, texts or {})
            return marks, rows.marks_of(connection, key, [mark.owner for mark in marks])

        (marks, now), before, after = self._database.write_between(give)
        self._keep(before, after, key, now)
        return marks

    def clear(self, question: MarkedQuestion, owners: Sequence[Seen], grader: str) -> None:
        """Take back what answers were given, in formgrader too. Raises Conflict as `give` does."""
        self._check_grader(grader)
        self._bring_up_to_date(question)
        self._database.write(lambda connection: giving.clear(
            connection, _key(question), owners, grader))

    def undo(self, grader: str, question: MarkedQuestion | None = None) -> Undone:
        """Undo a grader's last operation, or the last one on a question.

        Raises Conflict where somebody changed since what it did.
        """
        self._check_grader(grader)
        within = _key(question) if question else None
        return self._database.write(lambda connection: undo.undo(connection, grader, within))

    # -------------------------------------------------------------------------------------- items

    def add_item(self, question: MarkedQuestion, kind: Kind, points: float, text: str, grader: str
                 ) -> Item:
        """Add an item to a question."""
        points, text = self._item(points, text)
        if kind not in KINDS:
            raise MarkingError(f"An item is one of {', '.join(KINDS)}; not {kind!r}.")
        self._check_grader(grader)
        self._bring_up_to_date(question)
        name = RubricItem(points, kind, text).key
        return self._database.write(lambda connection: question_items.add(
            connection, _key(question), name, kind, points, text, grader))

    def change_item(self, item_id: int, points: float, text: str, seen_version: int, grader: str
                    ) -> Item:
        """Change an item's points and words; the points of all answers that hold it follow.

        Raises Conflict where the item has another version than seen.
        """
        points, text = self._item(points, text)
        self._check_grader(grader)
        return self._database.write(lambda connection: question_items.change(
            connection, item_id, points, text, seen_version, grader))

    def retire_item(self, item_id: int, seen_version: int, grader: str) -> Item:
        """Take an item away, out of all answers. Raises Conflict as `change_item` does."""
        self._check_grader(grader)
        return self._database.write(lambda connection: question_items.retire(
            connection, item_id, seen_version, grader))

    def preview_change(self, item_id: int, points: float) -> list[Moved]:
        """Whose points would move, and how, if an item had other points."""
        points = checked_points(points, "The item")
        return self._database.read(lambda connection: question_items.preview(
            connection, item_id, points))

    # ---------------------------------------------------------------------------- several graders

    def open(self, question: MarkedQuestion, owner: str, grader: str) -> None:
        """Note that a grader has an answer open now; it is forgotten after a minute."""
        self._check_grader(grader)
        _, before, after = self._database.write_between(lambda connection: claims.open_answer(
            connection, _key(question), owner, grader))
        self._keep(before, after)

    def close_question(self, question: MarkedQuestion, grader: str) -> None:
        """Note that a grader has no answer to a question open any more."""
        self._database.write(lambda connection: claims.close_question(
            connection, _key(question), grader))

    def viewers(self, question: MarkedQuestion) -> dict[str, tuple[str, ...]]:
        """Who has which answer open, by the answer's owner."""
        return self._database.read(lambda connection: claims.viewers(connection, _key(question)))

    def divide(self, question: MarkedQuestion, graders: Iterable[str], by: str) -> None:
        """Divide a question's answers among graders; none: they are everybody's."""
        names = list(graders)
        for name in (*names, by):
            self._check_grader(name)
        self._bring_up_to_date(question)
        self._database.write(lambda connection: claims.divide(
            connection, _key(question), names, by))

    def divided_among(self, question: MarkedQuestion) -> tuple[str, ...]:
        """The graders who have a share of a question; none: it is everybody's."""
        return self._read("shares", _key(question), claims.shares)

    def shares(self, question: MarkedQuestion, owners: Iterable[str]) -> dict[str, str]:
        """Whose each answer is, by its owner; an empty name where it is everybody's."""
        graders = self.divided_among(question)
        return {owner: claims.whose(graders, question.grade_id, owner) for owner in owners}

    # ----------------------------------------------------------------------------- second marking

    def draw(self, question: MarkedQuestion, share: float, seed: int, graders: Sequence[str],
             by: str) -> list[SecondMark]:
        """Draw a share of the graded answers for a second marking by somebody else."""
        if not 0 < share <= 1:
            raise MarkingError(f"A share of the answers is more than 0 and at most 1, not {share}.")
        for name in (*graders, by):
            self._check_grader(name)
        self._bring_up_to_date(question)
        return self._database.write(lambda connection: second.draw(
            connection, _key(question), share, seed, graders, by))

    def second_marks(self, question: MarkedQuestion) -> list[SecondMark]:
        """The answers that were drawn, by owner, and what they were given the second time."""
        return self._database.read(
            lambda connection: second.second_marks(connection, _key(question)))

    def give_second(self, question: MarkedQuestion, seen: Mapping[str, str], items: Iterable[int],
                    adjustment: float, grader: str) -> list[SecondMark]:
        """Grade answers a second time, all or none; no gradebook shows it.

        seen: the digests of the answers as the grader saw them, by owner
        """
        given = self._given(items, adjustment, "")
        self._check_grader(grader)
        return self._database.write(lambda connection: second.give(
            connection, _key(question), seen, given, grader))

    def agreement(self, assignment: str, grade_id: str) -> Agreement:
        """How far the second marking of a question agrees with the first."""
        key = (assignment, grade_id)

        def compare(connection: Connection) -> Agreement:
            kept = [one.id for one in rows.items_of(connection, key).values() if not one.retired]
            drawn = second.second_marks(connection, key)
            return agreement(rows.answers(connection, key, [one.owner for one in drawn]), drawn,
                             kept)
        return self._database.read(compare)

    # ----------------------------------------------------------------------------------- checking

    def _read(self, what: str, key: Key, work: Callable[[Connection, Key], Result]) -> Result:
        """What `work` reads of a question; as it was read before where nobody wrote since."""
        version = self._database.version()
        kept = self._kept.get((what, key))
        if version is not None and kept is not None and kept[0] == version:
            found: Result = kept[1]
            return found
        found = self._database.read(lambda connection: work(connection, key))
        if version is not None:
            self._kept[what, key] = version, found
        return found

    def _keep(self, before: int | None, after: int | None, key: Key = ("", ""),
              marks: Mapping[str, Mark] | None = None) -> None:
        """What was read still holds after a write of ours, but for some marks of a question."""
        if after is None:
            return
        for name, (version, found) in list(self._kept.items()):
            if version == before:
                self._kept[name] = after, (
                    {**found, **marks} if marks and name == ("marks", key) else found)

    def _bring_up_to_date(self, question: MarkedQuestion) -> None:
        source = (question.max_points, question.rubric)
        if self._known.get(_key(question)) == source:
            return
        if not self._database.read(
                lambda connection: question_items.is_current(connection, question)):
            self._database.write(
                lambda connection: question_items.bring_up_to_date(connection, question))
        self._known[_key(question)] = source

    def _check_grader(self, grader: str) -> None:
        if self._graders and grader not in self._graders:
            raise MarkingError(f"{grader!r} is no grader of this course; known are "
                               f"{', '.join(sorted(self._graders))} ([desk] in course.toml).")
        try:
            graders_name(grader)
        except ValueError as error:
            raise MarkingError(f"{error}. Nothing was changed.") from None

    def _given(self, items: Iterable[int], adjustment: float, comment: str) -> Decision:
        adjustment = checked_points(adjustment, "The adjustment", -MOST_POINTS)
        return Decision(frozenset(items), adjustment,
                        checked_text(comment, "The comment", LONGEST_COMMENT))

    def _item(self, points: float, text: str) -> tuple[float, str]:
        points = checked_points(points, "The item")
        text = checked_text(text, "The item", LONGEST_ITEM)
        if not text:
            raise MarkingError("An item needs words. Nothing was changed.")
        return points, text


def _key(question: MarkedQuestion) -> Key:
    return question.assignment, question.grade_id
