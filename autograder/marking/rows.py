"""Read and write the rows of a question: its items, and each answer's mark beside nbgrader's grade.

Everything here happens within a transaction of the caller.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from nbgrader.api import (
    Assignment,
    BaseCell,
    Comment,
    Grade,
    SubmittedAssignment,
    SubmittedNotebook,
)
from sqlalchemy import Connection, Row, Table, and_, bindparam, delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import aliased

from autograder.exercise.rubric import points_of
from autograder.marking import tables
from autograder.marking.values import Item, Mark, State, elsewhere_version

Key = tuple[str, str]  # assignment and grade_id


@dataclass(frozen=True)
class MarkRow:
    """A mark as the table has it."""

    id: int
    items: frozenset[int]
    adjustment: float
    comment: str
    points: float
    grader: str
    digest: str
    time: datetime
    version: int


@dataclass(frozen=True)
class AnswerRow:
    """An answer in the gradebook: nbgrader's grade and comment, our mark, the text's hash now."""

    owner: str
    grade: str
    note: str | None  # nbgrader's id of the comment
    auto_score: float | None
    score: float | None
    needs_person: bool
    comment: str
    digest: str | None
    mark: MarkRow | None

    @property
    def mark_points(self) -> float | None:
        """The points that the desk gave."""
        return self.mark.points if self.mark else None

    @property
    def points_elsewhere(self) -> bool:
        """Whether formgrader has other points than the desk gave."""
        return self.score != self.mark_points

    @property
    def is_elsewhere(self) -> bool:
        """Whether formgrader has other points or another comment than the desk gave."""
        return self.points_elsewhere or self.comment != (self.mark.comment if self.mark else "")

    @property
    def asks_again(self) -> bool:
        """Whether its points were given to another answer, or one that nobody noted."""
        return self.score is not None and self.needs_person

    @property
    def version(self) -> int:
        if not self.is_elsewhere:
            return self.mark_version
        return elsewhere_version(self.mark_version, self.score, self.comment)

    @property
    def mark_version(self) -> int:
        """The version of the desk's own mark."""
        return self.mark.version if self.mark else 0

    def as_mark(self) -> Mark | None:
        """What the answer was given, by the desk or in formgrader."""
        if self.mark is None and not self.is_elsewhere:
            return None
        state: State = ("changed" if self.asks_again else
                        "elsewhere" if self.is_elsewhere else "graded")
        mark = self.mark or MarkRow(0, frozenset(), 0.0, "", 0.0, "", self.digest or "",
                                    datetime.min, 0)
        return Mark(self.owner, mark.items, mark.adjustment, self.comment, self.score, mark.grader,
                    mark.digest, self.version, state, mark.time if self.mark else None)

    @property
    def image(self) -> dict[str, Any]:
        """All of it that an operation changes, as the log keeps it."""
        mark = self.mark and {
            "items": sorted(self.mark.items), "adjustment": self.mark.adjustment,
            "comment": self.mark.comment, "points": self.mark.points, "grader": self.mark.grader,
            "digest": self.mark.digest, "time": self.mark.time.isoformat(),
            "version": self.mark.version}
        return {"score": self.score, "needs_person": self.needs_person, "comment": self.comment,
                "digest": self.digest, "mark": mark}


def now() -> datetime:
    """The time as nbgrader keeps it: in UTC, without saying so."""
    return datetime.now(UTC).replace(tzinfo=None)


def in_question(table: Table, key: Key) -> Any:
    return and_(table.c.assignment == key[0], table.c.grade_id == key[1])


def insert_once(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    """Insert rows; leave those alone that are there already."""
    if rows:
        dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
        connection.execute(dialect.insert(table).on_conflict_do_nothing(), rows)


def put(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    """Insert rows; those that are there already become as given."""
    if not rows:
        return
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    keys = [column.name for column in table.primary_key]
    new: Any = dialect.insert(table)
    connection.execute(new.on_conflict_do_update(index_elements=keys, set_={
        name: new.excluded[name] for name in rows[0] if name not in keys}), rows)


# --------------------------------------------------------------------------------------- questions


def lock(connection: Connection, key: Key) -> float | None:
    """Wait until nobody else changes a question; its maximum points, None where it is new."""
    row = connection.execute(select(tables.question.c.most).where(
        in_question(tables.question, key)).with_for_update()).one_or_none()
    return row.most if row else None


def most_of(connection: Connection, key: Key) -> float | None:
    """A question's maximum points, as the store knows them; None where it is new."""
    return connection.execute(select(tables.question.c.most).where(
        in_question(tables.question, key))).scalar_one_or_none()


# ------------------------------------------------------------------------------------------- items


def item_of(row: Row[Any]) -> Item:
    return Item(row.id, row.key, row.kind, row.points, row.text, row.retired, row.version)


def items_of(connection: Connection, key: Key) -> dict[int, Item]:
    """All items of a question by id, retired ones too, in the order in which they were made."""
    rows = connection.execute(select(tables.item).where(
        in_question(tables.item, key)).order_by(tables.item.c.id))
    return {row.id: item_of(row) for row in rows}


def item_image(item: Item) -> dict[str, Any]:
    return {"points": item.points, "text": item.text, "retired": item.retired,
            "version": item.version}


# ----------------------------------------------------------------------------------------- answers


def answers(connection: Connection, key: Key, owners: Collection[str] | None = None,
            to_write: bool = False) -> dict[str, AnswerRow]:
    """The answers to a question by owner, or some of them; locked where they are to be written."""
    if owners is not None and not owners:
        return {}
    some = owners is not None
    named: dict[str, Any] = {"assignment": key[0], "grade_id": key[1], "owners": list(owners or ())}
    grades = connection.execute(_GRADES[some, to_write], named).all()
    marks = _marks(connection, some, named)  # after the lock
    digests: dict[str, str] = dict(connection.execute(_DIGESTS[some], named).all())
    return {owner: AnswerRow(owner, grade, note, auto_score, score, bool(needs_person),
                             (comment or "").strip(), digests.get(owner), marks.get(owner))
            for owner, grade, note, auto_score, score, needs_person, comment in grades}


def marks_of(connection: Connection, key: Key, owners: Collection[str] | None = None
             ) -> dict[str, Mark]:
    """What the answers to a question, or some of them, were given, by owner."""
    return {owner: mark for owner, row in answers(connection, key, owners).items()
            if (mark := row.as_mark())}


def _marks(connection: Connection, some: bool, named: dict[str, Any]) -> dict[str, MarkRow]:
    items: dict[int, list[int]] = {}
    for mark, item in connection.execute(_HELD[some], named):
        items.setdefault(mark, []).append(item)
    return {owner: MarkRow(number, frozenset(items.get(number, ())), *others)
            for owner, number, *others in connection.execute(_MARKS[some], named)}


def _queries(query: Any, owner: Any) -> dict[bool, Any]:
    """A query about all owners, and about some of them, by whether it is about some."""
    return {False: query, True: query.where(owner.in_(bindparam("owners", expanding=True)))}


def _grades_query() -> Any:
    """nbgrader's rows of the answers to a question."""
    solution = aliased(BaseCell)
    grade_id: Any = bindparam("grade_id")
    return (
        select(SubmittedAssignment.student_id, Grade.id, Comment.id, Grade.auto_score,
               Grade.manual_score, Grade.needs_manual_grade, Comment.manual_comment)
        .select_from(Assignment)
        .join(SubmittedAssignment, SubmittedAssignment.assignment_id == Assignment.id)
        .join(SubmittedNotebook, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
        .join(BaseCell, and_(BaseCell.notebook_id == SubmittedNotebook.notebook_id,
                             BaseCell.name == grade_id, BaseCell.type == "GradeCell"))
        .join(Grade, and_(Grade.cell_id == BaseCell.id,
                          Grade.notebook_id == SubmittedNotebook.id))
        .join(solution, and_(solution.notebook_id == SubmittedNotebook.notebook_id,
                             solution.name == grade_id, solution.type == "SolutionCell"))
        .outerjoin(Comment, and_(Comment.cell_id == solution.id,
                                 Comment.notebook_id == SubmittedNotebook.id))
        .where(Assignment.name == bindparam("assignment")).order_by(SubmittedAssignment.student_id))


def _of_question(table: Table, *columns: Any) -> Any:
    return select(*columns).where(table.c.assignment == bindparam("assignment"),
                                  table.c.grade_id == bindparam("grade_id"))


# Made once: SQLAlchemy takes longer to put a query together than SQLite to answer it.
_MARK = tables.mark.c
_GRADES = {(some, to_write): query.with_for_update(of=Grade) if to_write else query
           for some, query in _queries(_grades_query(), SubmittedAssignment.student_id).items()
           for to_write in (False, True)}
_MARKS = _queries(_of_question(
    tables.mark, _MARK.owner, _MARK.id, _MARK.adjustment, _MARK.comment, _MARK.points,
    _MARK.grader, _MARK.digest, _MARK.time, _MARK.version), _MARK.owner)
_HELD = _queries(_of_question(tables.mark, tables.mark_item.c.mark_id, tables.mark_item.c.item_id)
                 .join_from(tables.mark_item, tables.mark), _MARK.owner)
_DIGESTS = _queries(_of_question(tables.answer, tables.answer.c.owner, tables.answer.c.digest),
                    tables.answer.c.owner)


# ----------------------------------------------------------------------------------------- writing


def points(items: Iterable[int], known: Mapping[int, Item], most: float, adjustment: float
           ) -> float:
    """The points of an answer that holds these items."""
    return points_of((known[one] for one in items), most, adjustment)


def save_mark(connection: Connection, key: Key, row: AnswerRow, mark: MarkRow) -> None:
    """Write a mark into our tables, and nothing of nbgrader's."""
    values = {"adjustment": mark.adjustment, "comment": mark.comment, "points": mark.points,
              "grader": mark.grader, "digest": mark.digest, "time": mark.time,
              "version": mark.version}
    if row.mark is None:
        made = connection.execute(insert(tables.mark).returning(tables.mark.c.id).values(
            assignment=key[0], grade_id=key[1], owner=row.owner, **values))
        number, held = made.scalar_one(), frozenset[int]()
    else:
        number, held = row.mark.id, row.mark.items
        connection.execute(update(tables.mark).where(tables.mark.c.id == number).values(**values))
    if gone := held - mark.items:
        connection.execute(delete(tables.mark_item).where(
            tables.mark_item.c.mark_id == number, tables.mark_item.c.item_id.in_(sorted(gone))))
    if new := mark.items - held:
        connection.execute(insert(tables.mark_item),
                           [{"mark_id": number, "item_id": one} for one in sorted(new)])


def remove_mark(connection: Connection, row: AnswerRow) -> None:
    """Remove a mark from our tables."""
    if row.mark is not None:
        connection.execute(delete(tables.mark_item).where(
            tables.mark_item.c.mark_id == row.mark.id))
        connection.execute(delete(tables.mark).where(tables.mark.c.id == row.mark.id))


def save_grade(connection: Connection, row: AnswerRow, score: float | None, needs_person: bool,
               comment: str) -> None:
    """Write nbgrader's own rows of an answer."""
    if (score, needs_person) != (row.score, row.needs_person):
        connection.execute(update(Grade).where(Grade.id == row.grade).values(
            manual_score=score, needs_manual_grade=needs_person))
    if comment != row.comment and row.note is not None:
        connection.execute(update(Comment).where(Comment.id == row.note).values(
            manual_comment=comment or None))
