"""Faster forms of nbgrader's and nbconvert's own classes, with the same results.

All private methods of theirs that the kit overrides are overridden here.
tests/test_fast_nbgrader.py names each, and fails where a new nbgrader or nbconvert changes one.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any

import jsonschema
from cachetools import LRUCache, cached
from jinja2 import BytecodeCache, Environment
from jinja2.bccache import Bucket
from nbconvert.exporters import HTMLExporter, TemplateExporter
from nbconvert.exporters.exporter import ResourcesDict
from nbconvert.filters import Highlight2HTML
from nbformat.notebooknode import NotebookNode
from nbgrader.api import BaseCell, Comment, Grade, Gradebook, GradeCell, SourceCell
from nbgrader.nbgraderformat import MetadataValidator, ValidationError
from nbgrader.nbgraderformat.common import BaseMetadataValidator
from nbgrader.preprocessors import CheckCellMetadata as NbgraderCheckCellMetadata
from nbgrader.preprocessors import GetGrades as NbgraderGetGrades
from nbgrader.preprocessors import OverwriteCells as NbgraderOverwriteCells
from nbgrader.preprocessors import SaveAutoGrades as NbgraderSaveAutoGrades
from sqlalchemy.orm import Session, scoped_session, sessionmaker, undefer

CACHE_CHARACTERS = 4_000_000  # of all texts in one cache
CACHE_ENTRY = 500  # what an entry takes beside its characters, counted as such
NAMELESS = re.compile(r"<img(?=\s)(?![^>]*\salt=)")
UNDESCRIBED = '<img alt="No description has been provided for this image"'

# ------------------------------------------------------------------------------------ the gradebook
# nbgrader's preprocessors ask the gradebook about each cell; here they ask about all cells of a
# notebook in one query, and write what has changed in one transaction.


class _OneTransaction(Session):
    """Ignores each `commit`; `write` commits all."""

    def commit(self) -> None:
        pass

    def write(self) -> None:
        super().commit()


class BulkGradebook(Gradebook):
    """A gradebook on the connection of one that was just opened, with nbgrader's own answers."""
    def __init__(self, opened: Gradebook) -> None:
        self.engine, self.course_id = opened.engine, opened.course_id
        self.authenticator = opened.authenticator
        self.db = scoped_session(sessionmaker(bind=self.engine, class_=_OneTransaction))
        self._cells: dict[tuple[str, ...], dict[str, Any]] = {}

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        try:
            if kind is None:
                self.db().write()
        finally:
            super().__exit__(kind, error, trace)

    def find_grade(self, grade_cell: str, notebook: str, assignment: str, student: str) -> Any:
        return self._of_submission(Grade, notebook, assignment, student).get(
            grade_cell) or super().find_grade(grade_cell, notebook, assignment, student)

    def find_comment(self, solution_cell: str, notebook: str, assignment: str, student: str
                     ) -> Any:
        return self._of_submission(Comment, notebook, assignment, student).get(
            solution_cell) or super().find_comment(solution_cell, notebook, assignment, student)

    def find_source_cell(self, name: str, notebook: str, assignment: str) -> Any:
        return self._of_release(SourceCell, notebook, assignment).get(
            name) or super().find_source_cell(name, notebook, assignment)

    def find_graded_cell(self, name: str, notebook: str, assignment: str) -> Any:
        return self._of_release(GradeCell, notebook, assignment).get(
            name) or super().find_graded_cell(name, notebook, assignment)

    def _of_submission(self, kind: Any, *names: str) -> dict[str, Any]:
        """Grades or comments of a submitted notebook, by the name of their cells."""
        key = (kind.__name__, *names)
        if key not in self._cells:
            submitted = self.find_submission_notebook(*names)
            query = self.db.query(BaseCell.name, kind).select_from(kind).join(kind.cell)
            if kind is Grade:
                query = query.options(undefer(Grade.max_score))
            self._cells[key] = dict(query.filter(kind.notebook_id == submitted.id).order_by(
                BaseCell.type.desc()).all())  # of two cells of a name, nbgrader takes a task last
        return self._cells[key]

    def _of_release(self, kind: Any, *names: str) -> dict[str, Any]:
        """Cells of a released notebook, by name."""
        key = (kind.__name__, *names)
        if key not in self._cells:
            notebook = self.find_notebook(*names)
            self._cells[key] = {cell.name: cell for cell in self.db.query(kind).filter(
                kind.notebook_id == notebook.id)}
        return self._cells[key]


class BulkReads:
    """Mixed into one of nbgrader's preprocessors: gives it a BulkGradebook."""

    @property
    def gradebook(self) -> BulkGradebook:
        return self._gradebook

    @gradebook.setter
    def gradebook(self, opened: Gradebook) -> None:
        self._gradebook = BulkGradebook(opened)


class OverwriteCells(BulkReads, NbgraderOverwriteCells):
    """nbgrader's, with fewer queries."""


class GetGrades(BulkReads, NbgraderGetGrades):
    """nbgrader's, with fewer queries."""


class SaveGrades(BulkReads, NbgraderSaveAutoGrades):
    """nbgrader's, with fewer queries; a subclass may score cells and comment on them itself."""

    def score(self, grade: Grade, cell: NotebookNode, resources: ResourcesDict) -> bool:
        """Fill in the grade of a cell; False where nbgrader is to do it."""
        return False

    def comment(self, comment: Comment, cell: NotebookNode, resources: ResourcesDict) -> None:
        """Change the comment that nbgrader made on a cell."""

    def _add_score(self, cell: NotebookNode, resources: ResourcesDict) -> None:
        grade = self.gradebook.find_grade(cell.metadata.nbgrader.grade_id, self.notebook_id,
                                          self.assignment_id, self.student_id)
        if not self.score(grade, cell, resources):
            super()._add_score(cell, resources)

    def _add_comment(self, cell: NotebookNode, resources: ResourcesDict) -> None:
        super()._add_comment(cell, resources)
        comment = self.gradebook.find_comment(cell.metadata.nbgrader.grade_id, self.notebook_id,
                                              self.assignment_id, self.student_id)
        self.comment(comment, cell, resources)


# ------------------------------------------------------------------------------------ cell metadata


class CheckCellMetadata(NbgraderCheckCellMetadata):
    """nbgrader's check, with a schema that is compiled once; nbgrader itself words the errors."""

    def preprocess(self, nb: NotebookNode, resources: ResourcesDict
                   ) -> tuple[NotebookNode, ResourcesDict]:
        try:
            _Validator().validate_nb(nb)
        except ValidationError:
            return super().preprocess(nb, resources)
        return nb, resources


class _BySchema(BaseMetadataValidator):
    """Checks a cell against the compiled schema, below nbgrader's MetadataValidator."""

    def validate_cell(self, cell: NotebookNode) -> None:
        if not _schema().is_valid(cell.metadata.get("nbgrader")):
            super().validate_cell(cell)  # raises, in nbgrader's words


class _Validator(MetadataValidator, _BySchema):
    """nbgrader's validator, which makes its other checks as before."""


@functools.cache
def _schema() -> jsonschema.protocols.Validator:
    schema = MetadataValidator().schema
    return jsonschema.validators.validator_for(schema)(schema)


# -------------------------------------------------------------------------------------------- pages


def html_cache(characters: int = CACHE_CHARACTERS) -> LRUCache[bytes, str]:
    """A cache of texts for cachetools.cached: most cells of a class are the same.

    The texts that were not asked for longest go first.
    """
    return LRUCache(characters, getsizeof=lambda text: CACHE_ENTRY + len(text))


def html_key(*parts: str) -> bytes:
    """A key of one length for all that a text is made from."""
    return hashlib.sha256(json.dumps(parts).encode()).digest()


class _Templates(BytecodeCache):
    """Compiled templates of this process, by the checksums of their sources."""

    def __init__(self) -> None:
        self._compiled: dict[tuple[str, str], bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if code := self._compiled.get((bucket.key, bucket.checksum)):
            bucket.bytecode_from_string(code)

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._compiled[bucket.key, bucket.checksum] = bucket.bytecode_to_string()


_templates = _Templates()
_highlighted = html_cache()


class _KeepPage(TemplateExporter):
    """Keeps the rendered page, and gives HTMLExporter an empty one.

    HTMLExporter parses the whole page, to give pictures an `alt` and the cells of JupyterLab's
    template, which feedback does not use, a `tabindex`.
    """

    rendered = ""

    def from_notebook_node(  # type: ignore[override]
            self, nb: NotebookNode, resources: dict[str, Any] | None = None, **kw: Any
    ) -> tuple[str, dict[str, Any]]:
        self.rendered, resources = super().from_notebook_node(nb, resources, **kw)
        return "", resources


class PageExporter(HTMLExporter, _KeepPage):
    """The HTML exporter of nbgrader's feedback.

    Templates are compiled once, the same code is highlighted once, and pages are not parsed.
    """

    def from_notebook_node(  # type: ignore[override]
            self, nb: NotebookNode, resources: dict[str, Any] | None = None, **kw: Any
    ) -> tuple[str, dict[str, Any]]:
        _, resources = super().from_notebook_node(nb, resources, **kw)
        return NAMELESS.sub(UNDESCRIBED, self.rendered), resources

    def _create_environment(self) -> Environment:
        environment = super()._create_environment()
        environment.bytecode_cache = _templates
        return environment

    def register_filter(self, name: str, jinja_filter: Any) -> Any:
        if isinstance(jinja_filter, Highlight2HTML):
            jinja_filter = _once(jinja_filter)
        return super().register_filter(name, jinja_filter)


def _once(highlight: Highlight2HTML) -> Callable[..., str]:
    """Highlight the same code once; a cell in a language of its own is not remembered."""
    settings = (str(highlight.pygments_lexer), repr(highlight.extra_formatter_options))

    @cached(_highlighted, key=lambda *given: html_key(*settings, *given))
    def once(language: str, source: str) -> str:
        return str(highlight(source, language or None))

    def highlight_code(source: str, language: str | None = None,
                       metadata: Mapping[str, Any] | None = None) -> str:
        if metadata and "magics_language" in metadata:
            return str(highlight(source, language, metadata))
        return once(language or "", source)

    return highlight_code
