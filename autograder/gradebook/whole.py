"""nbgrader's preprocessors ask the gradebook about each cell; here they ask about all of them once.

Only the gradebook that they open is another one: it answers as nbgrader's does, but it reads a
notebook's cells, grades or comments in one query, and writes what has changed in one transaction.
"""

from __future__ import annotations

from types import TracebackType
from typing import Any

from nbgrader.api import BaseCell, Comment, Grade, Gradebook, GradeCell, SourceCell
from nbgrader.preprocessors import GetGrades as NbgraderGetGrades
from nbgrader.preprocessors import OverwriteCells as NbgraderOverwriteCells
from sqlalchemy.orm import Session, scoped_session, sessionmaker, undefer


class OfWholeNotebooks:
    """Stands before one of nbgrader's preprocessors, and sees to it which gradebook that has."""

    @property
    def gradebook(self) -> WholeNotebooks:
        return self._gradebook

    @gradebook.setter
    def gradebook(self, opened: Gradebook) -> None:
        self._gradebook = WholeNotebooks(opened)


class OverwriteCells(OfWholeNotebooks, NbgraderOverwriteCells):
    pass


class GetGrades(OfWholeNotebooks, NbgraderGetGrades):
    pass


class _AtTheEnd(Session):
    """Commits when it is told to write, however often it is told to commit."""

    def commit(self) -> None:
        pass

    def write(self) -> None:
        super().commit()


class WholeNotebooks(Gradebook):
    """A gradebook on the connection of one that was just opened.

    What it has no answer to it leaves to nbgrader.
    """

    def __init__(self, opened: Gradebook) -> None:
        self.engine, self.course_id = opened.engine, opened.course_id
        self.authenticator = opened.authenticator
        self.db = scoped_session(sessionmaker(bind=self.engine, class_=_AtTheEnd))
        self._known: dict[tuple[str, ...], dict[str, Any]] = {}

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        try:
            if kind is None:
                self.db().write()
        finally:
            super().__exit__(kind, error, trace)

    def find_grade(self, grade_cell: str, notebook: str, assignment: str, student: str) -> Any:
        return self._given(Grade, notebook, assignment, student).get(
            grade_cell) or super().find_grade(grade_cell, notebook, assignment, student)

    def find_comment(self, solution_cell: str, notebook: str, assignment: str, student: str
                     ) -> Any:
        return self._given(Comment, notebook, assignment, student).get(
            solution_cell) or super().find_comment(solution_cell, notebook, assignment, student)

    def find_source_cell(self, name: str, notebook: str, assignment: str) -> Any:
        return self._released(SourceCell, notebook, assignment).get(
            name) or super().find_source_cell(name, notebook, assignment)

    def find_graded_cell(self, name: str, notebook: str, assignment: str) -> Any:
        return self._released(GradeCell, notebook, assignment).get(
            name) or super().find_graded_cell(name, notebook, assignment)

    def _given(self, kind: Any, *names: str) -> dict[str, Any]:
        """Grades or comments of a submitted notebook, by the name of their cells."""
        key = (kind.__name__, *names)
        if key not in self._known:
            submitted = self.find_submission_notebook(*names)
            query = self.db.query(BaseCell.name, kind).select_from(kind).join(kind.cell)
            if kind is Grade:
                query = query.options(undefer(Grade.max_score))
            self._known[key] = dict(query.filter(kind.notebook_id == submitted.id).order_by(
                BaseCell.type.desc()).all())  # of two cells of a name, nbgrader takes a task last
        return self._known[key]

    def _released(self, kind: Any, *names: str) -> dict[str, Any]:
        """Cells of a released notebook, by name."""
        key = (kind.__name__, *names)
        if key not in self._known:
            notebook = self.find_notebook(*names)
            self._known[key] = {cell.name: cell for cell in self.db.query(kind).filter(
                kind.notebook_id == notebook.id)}
        return self._known[key]
