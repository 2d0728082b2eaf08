"""nbgrader's own extension point: the judge in the place of execution, and its points saved.

`nbgrader autograde` runs these as it runs its own preprocessors. `autograder grade` judges first,
many at a time, and hands the verdicts over with `known`; the rest of the way is the same.
"""

from __future__ import annotations

import atexit
import contextlib
import html
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
from nbconvert.exporters.exporter import ResourcesDict
from nbformat.notebooknode import NotebookNode
from nbgrader import utils
from nbgrader.preprocessors import NbGraderPreprocessor
from nbgrader.preprocessors import SaveAutoGrades as NbgraderSaveAutoGrades

from autograder import doctor
from autograder.cells import is_staff
from autograder.course import Course
from autograder.crossfeedback import merge
from autograder.gradebook import grading_context, safe
from autograder.gradebook.whole import OfWholeNotebooks
from autograder.intake import written
from autograder.intake.records import note_of
from autograder.intake.times import late_of
from autograder.journal import Entry, Journal, path_of
from autograder.judge.cache_key import cache_key
from autograder.judge.shared import new_seed
from autograder.judge.work import Work, read_work
from autograder.release.build import prepare
from autograder.release.source import by_hand
from autograder.results.verdict import PartVerdict, Verdict

if TYPE_CHECKING:
    from autograder.judge.grading import Grader

RESOURCE = "autograder_verdict"
CAME = "autograder_written"  # whether a written part was handed in beside the notebook
NOTE = "autograder_note"  # what intake noted of the submission
NO_ANSWER = "No response."  # nbgrader's own words
_known: dict[tuple[str, str, str], Verdict] = {}  # (assignment, student, notebook)
_graders: dict[tuple[Path, str], Grader] = {}


@contextlib.contextmanager
def known(verdicts: Mapping[tuple[str, str, str], Verdict]) -> Iterator[None]:
    """Use these verdicts, by (assignment, student, notebook), and judge nothing again."""
    _known.update(verdicts)
    try:
        yield
    finally:
        _known.clear()


class Judge(NbGraderPreprocessor):
    """Judges a notebook and the files beside it; the sentences become the grade cells' outputs."""

    def preprocess(self, nb: NotebookNode, resources: ResourcesDict
                   ) -> tuple[NotebookNode, ResourcesDict]:
        names = resources["nbgrader"]
        key = (names["assignment"], names["student"], names["notebook"])
        course = Course.find(Path(resources["metadata"]["path"]))
        work = read_work(course, names["assignment"], names["student"], names["notebook"])
        verdict = _known.get(key) or _judge(course, names, work)
        note = note_of(course, names["assignment"], names["student"])
        safe.clean(nb)
        for cell in nb.cells:
            if utils.is_grade(cell) and cell.cell_type == "code":
                part = verdict.part(cell.metadata.nbgrader.grade_id)
                cell.outputs = [_output(part)] if part else []
        grading_context.insert(nb, course, work)
        noted = [] if note is None else [note.problem] if note.problem else list(note.remarks)
        if applied := late_of(course, names["assignment"], names["student"]):
            noted += applied.told(reasons=False)
        for heading, lines in (("While it ran", verdict.events),
                               ("About what you handed in", noted)):
            if lines:
                nb.cells.insert(0, _list_of(heading, lines))
        resources[RESOURCE] = verdict
        resources[CAME], resources[NOTE] = written.written_came(work.files, note), note
        return nb, resources


class SaveJudgedGrades(OfWholeNotebooks, NbgraderSaveAutoGrades):
    """Saves the judge's points. Manual scores and comments stay nbgrader's own business.

    An answer that is not there earns nothing, and nobody is asked. Where it may be elsewhere, in a
    written part that was handed in, a person looks.
    """

    def _add_score(self, cell: NotebookNode, resources: ResourcesDict) -> None:
        grade = self.gradebook.find_grade(cell.metadata.nbgrader.grade_id, self.notebook_id,
                                          self.assignment_id, self.student_id)
        if cell.cell_type == "code" and not utils.is_solution(cell):
            part = resources[RESOURCE].part(cell.metadata.nbgrader.grade_id)
            grade.auto_score = part.points if part else 0.0  # no verdict, no points
            note = resources[NOTE]
            in_doubt = not grade.auto_score and note is not None and (
                cell.metadata.nbgrader.grade_id in dict(note.elsewhere))
            grade.needs_manual_grade = grade.manual_score is not None or in_doubt or bool(
                part and part.flags)
        elif by_hand(cell):
            zero = written.is_zero_by_itself(cell, resources[CAME], resources[NOTE])
            grade.auto_score = 0.0 if zero else None
            grade.needs_manual_grade = not zero or grade.manual_score is not None
        else:
            super()._add_score(cell, resources)

    def _add_comment(self, cell: NotebookNode, resources: ResourcesDict) -> None:
        super()._add_comment(cell, resources)
        if by_hand(cell):
            comment = self.gradebook.find_comment(cell.metadata.nbgrader.grade_id, self.notebook_id,
                                                  self.assignment_id, self.student_id)
            zero = written.is_zero_by_itself(cell, resources[CAME], resources[NOTE])
            comment.auto_comment = NO_ANSWER if zero else None


class WithoutStaffCells(NbGraderPreprocessor):
    """Takes out what only staff may read, before feedback is written for a student."""

    def preprocess(self, nb: NotebookNode, resources: ResourcesDict
                   ) -> tuple[NotebookNode, ResourcesDict]:
        nb.cells = [cell for cell in nb.cells if not is_staff(cell)]
        return nb, resources


class OtherGroupsComments(NbGraderPreprocessor):
    """Puts what another group wrote under the subtasks, before feedback is written."""

    def preprocess(self, nb: NotebookNode, resources: ResourcesDict
                   ) -> tuple[NotebookNode, ResourcesDict]:
        names = resources["nbgrader"]
        course = Course.find(Path(resources["metadata"]["path"]))
        merge.insert(nb, course, names["assignment"], names["student"], names["notebook"])
        return nb, resources


def _judge(course: Course, names: Mapping[str, str], work: Work) -> Verdict:
    """Judge in this process, for the native command; the grader is kept for the next student."""
    assignment = names["assignment"]
    key = (course.root, assignment)
    if key not in _graders:
        doctor.demand(course)
        prepare(course, assignment)
        from autograder.judge.grading import Grader  # slow to import, and rarely needed here

        _graders[key] = Grader(course, assignment, new_seed()).__enter__()
        atexit.register(_graders[key].__exit__, None, None, None)
    verdict = _graders[key].grade(work)
    with Journal(path_of(course, assignment)) as journal:
        journal.write(Entry(names["student"], work.exercise, work.fingerprint, verdict,
                            cache_key(course, assignment, course.exercise(work.exercise))))
    return verdict


def _list_of(heading: str, lines: Iterable[str]) -> NotebookNode:
    """A cell that lists what there is to say, nothing of it taken for markup but `code`."""
    items = "".join(f"<li>{_code(html.escape(' '.join(line.split())))}</li>" for line in lines)
    return nbformat.v4.new_markdown_cell(f"<div><b>{heading}</b><ul>{items}</ul></div>")


def _output(part: PartVerdict) -> NotebookNode:
    """The part's points and sentences, as plain text and as escaped HTML."""
    points = f"{part.points:g} of {part.max_points:g} points"
    lines = [*part.says, *part.remarks] or ["Right."]
    items = "".join(f"<li>{_code(html.escape(line))}</li>" for line in lines)
    data: dict[str, Any] = {"text/plain": "\n".join([points, *(f"- {line}" for line in lines)]),
                            "text/html": f"<p><b>{points}</b></p><ul>{items}</ul>"}
    return nbformat.v4.new_output("display_data", data)


def _code(line: str) -> str:
    """`names` in backticks as HTML's code, in text that is escaped already."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", line)
