"""What the desk gave in an assignment, for whoever only reads it: reports, pages, the todo list.

Nothing is entered here: an older gradebook stays without the desk's tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, inspect, select

from autograder.course import Course
from autograder.gradebook.nbgrader_api import open_gradebook
from autograder.marking import rows, tables
from autograder.marking.agreement import Agreement, agreement
from autograder.marking.database import Database
from autograder.marking.second import SecondMark, second_marks
from autograder.marking.values import Item, Mark


@dataclass(frozen=True)
class QuestionMarks:
    """What one question's answers were given.

    items: in the rubric's order, without those that were retired
    marks: by owner; also those that were given in formgrader
    second: the answers that were drawn to be graded twice, and how far both gradings agree
    """

    items: tuple[Item, ...]
    marks: Mapping[str, Mark]
    second: tuple[SecondMark, ...]
    agreement: Agreement


def question_marks(course: Course, assignment: str) -> dict[str, QuestionMarks]:
    """The questions of an assignment that somebody has opened at the desk, by grade_id."""
    with open_gradebook(course) as gradebook:
        if not inspect(gradebook.engine).has_table(tables.question.name):
            return {}
    database = Database(course)
    try:
        return database.read(lambda connection: _questions(connection, assignment))
    finally:
        database.close()


def _questions(connection: Connection, assignment: str) -> dict[str, QuestionMarks]:
    named = connection.execute(select(tables.question.c.grade_id).where(
        tables.question.c.assignment == assignment).order_by(tables.question.c.grade_id))
    return {grade_id: _question(connection, (assignment, grade_id))
            for grade_id in named.scalars().all()}


def _question(connection: Connection, key: rows.Key) -> QuestionMarks:
    items = tuple(item for item in rows.items_of(connection, key).values() if not item.retired)
    answers = rows.answers(connection, key)
    second = second_marks(connection, key)
    return QuestionMarks(
        items, {owner: mark for owner, row in answers.items() if (mark := row.as_mark())},
        tuple(second), agreement(answers, second, [item.id for item in items]))
