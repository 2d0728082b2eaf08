"""Note which answers a submission has when it is entered, and whether earlier points still stand.

nbgrader's autograde keeps points given by hand, whatever came since. Here the same answer is known
by its hash: what it was given stands, and nobody is asked again. Another one is asked about.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nbgrader.api import Grade, Gradebook
from sqlalchemy import select

from autograder.marking import giving, rows, tables


@dataclass(frozen=True)
class KnownAnswer:
    """What was known of an answer before it was entered again.

    noted: its hash when it was entered before; None where nobody noted it
    graded: the hash of the answer that the desk's mark is for; None where there is no mark
    points: those of that mark
    """

    noted: str | None = None
    graded: str | None = None
    points: float | None = None

    def asks_again(self, digest: str, score: float, asked: bool) -> bool:
        """Whether somebody must look again at an answer that was given points by hand.

        digest: the answer's hash now
        score: its points in the gradebook; formgrader's, where the mark has others
        asked: whether somebody had to look already
        """
        if digest == self.noted:
            return asked
        return digest != self.graded or score != self.points


def enter_answers(gradebook: Gradebook, notebook_id: str, assignment: str, owner: str,
                  answers: Mapping[str, tuple[str, str]]) -> dict[str, KnownAnswer]:
    """Note the answers of a submitted notebook, in the gradebook's own transaction.

    notebook_id: nbgrader's id of the submitted notebook; until the transaction ends, nobody else
    changes its grades, which are read anew
    answers: by grade_id, the hash of each answer and its text

    The store's tables must be there (database.prepare).
    """
    if not answers:
        return {}
    connection = gradebook.db.connection()
    ours = [(table.c.assignment == assignment) & (table.c.owner == owner)
            & table.c.grade_id.in_(list(answers)) for table in (tables.answer, tables.mark)]
    connection.execute(select(tables.question.c.grade_id).where(
        tables.question.c.assignment == assignment, tables.question.c.grade_id.in_(list(answers))
    ).order_by(tables.question.c.grade_id).with_for_update())  # first, as whoever gives marks does
    noted = dict(connection.execute(select(tables.answer.c.grade_id, tables.answer.c.digest).where(
        ours[0])).all())
    rows.put(connection, tables.answer, [
        {"assignment": assignment, "grade_id": name, "owner": owner, "digest": digest}
        for name, (digest, _) in answers.items()])
    giving.keep_texts(connection, dict(answers.values()))
    gradebook.db.query(Grade).filter(Grade.notebook_id == notebook_id).with_for_update(
        of=Grade).populate_existing().all()
    marks = {row.grade_id: row for row in connection.execute(select(
        tables.mark.c.grade_id, tables.mark.c.digest, tables.mark.c.points).where(ours[1]))}
    return {name: KnownAnswer(
        noted.get(name), *((marks[name].digest, marks[name].points) if name in marks else ()))
        for name in answers}
