"""Uploads: taken in, looked at as grading does before and after student code runs, and reported."""

from __future__ import annotations

import os
from pathlib import Path

import nbformat
from nbconvert import HTMLExporter
from nbconvert.preprocessors import ClearOutputPreprocessor
from nbgrader.preprocessors import CheckCellMetadata, DeduplicateIds

from autograder import roster
from autograder.course import Course
from autograder.crossfeedback.anonymise import anonymous
from autograder.crossfeedback.comment_cells import commented_exercise
from autograder.exercises.q1b import recorded
from autograder.exercises.q2 import resultlog
from autograder.grading.explanation import explanation_cell
from autograder.grading.pdf import PageError, pages
from autograder.intake.expected import released_notebook
from autograder.intake.receive import receive
from autograder.intake.records import IntakeRecord, notes
from autograder.intake.settle import settle
from autograder.intake.written import WRITTEN
from autograder.judge.source_checks.deprecated_api import deprecated_calls
from autograder.judge.work import Work, read_work, runnable_cells
from autograder.report import grades
from autograder.report.table import table
from autograder.report.totals import GradeRow, by_member, display_names
from autograder.results.words import english
from fuzz import fence
from fuzz.arena import HONEST_ZIP, Arena
from fuzz.holds import inert, lay, must, shown
from fuzz.inputs import Input

PAGES = 10  # one PDF in so many is drawn
SEEN = 12  # one notebook in so many becomes a page
DUTY = 4  # one upload in so many comes with an honest one beside it
LONG = 20_000  # characters: a page takes a second for so many
NO_PDF = "no written part (s002_written.pdf)"
CHANGES = "taken in once more, it becomes another notebook"


def toy(arena: Arena, one: Input) -> list[str]:
    honest = one.number % DUTY == 0 and one.kind != "upload-names"
    if honest:
        lay(arena.uploads / "s002_toy.zip", arena.folder / HONEST_ZIP)
    rows = receive(arena.toy, "toy", arena.uploads)
    if honest:
        (row,) = (row for row in rows if row.student == "s002")
        must(not row.problem, f"an honest upload beside it: {row.problem}")
        must(row.remarks == (NO_PDF,), f"an honest upload beside it: {row.remarks}")
    said = laid_out(arena, arena.toy, "toy", one, rows)
    for row in rows:
        written = arena.toy.submitted / row.student / "toy" / WRITTEN
        if one.kind == "pdf" and one.number % PAGES == 0 and row.student and written.is_file():
            try:
                with fence.open_gate():  # the sandbox is built in a temporary folder
                    drawn = pages(written.read_bytes())
                must(bool(drawn), "a PDF gives neither pages nor a reason")
            except PageError as error:
                said.append(str(error))
    return said


def q2(arena: Arena, one: Input) -> list[str]:
    said = laid_out(arena, arena.q2, "q2", one, receive(arena.q2, "q2", arena.uploads))
    log = read_work(arena.q2, "q2", "2026_00001", "q2").files.get("result.log")
    return said if log is None else [*said, *of_a_log(arena, log)]


def essay(arena: Arena, one: Input) -> list[str]:
    if "roster.csv" in one.files:
        lay(arena.essay.root / "roster.csv", one.files["roster.csv"])
    rows = receive(arena.essay, "toy", arena.uploads)
    said = laid_out(arena, arena.essay, "toy", one, rows)
    people = roster.of(arena.essay)
    asked = commented_exercise(arena.essay, "toy")
    for row in rows:
        if row.student in people.groups:
            work = read_work(arena.essay, "toy", row.student, "toy")
            given = anonymous(work.notebook, asked, row.student, people.groups[row.student], "A",
                              "0" * 30)
            nbformat.write(given, arena.scratch / "given.ipynb")
    return said


def laid_out(arena: Arena, course: Course, assignment: str, one: Input, rows: list[IntakeRecord]
             ) -> list[str]:
    """Every upload is a row; what was laid out can be graded; rows can be told and kept."""
    must(bool(rows), "nothing is told of an upload")
    here = os.listdir(arena.uploads)
    suffix = Path(course.assignment(assignment).archive).suffix
    must(len(rows) <= len(here), "a row of no upload")
    must(len(rows) >= sum(name.lower().endswith(suffix) for name in here), "an upload without row")
    must(sorted(map(repr, notes(course, assignment))) == sorted(map(repr, rows)),
         "the notes are not what was told")
    owners = {row.student for row in rows} - {""}
    laid = {path.name for path in course.submitted.glob("*")}
    must(laid == owners, f"folders of {sorted(laid)} for uploads of {sorted(owners)}")
    lines, said = [], []
    for row in rows:
        must(bool(row.student or row.problem), "an upload is nobody's, and nobody says why")
        texts = [row.problem] if row.problem else list(row.remarks)
        if row.student:
            for exercise in course.assignment(assignment).exercises:
                texts += _graded(arena, course, assignment, row.student, exercise, one)
        parts = {"toy_words": 0.5, "toy_why": None} if row.student else None
        lines.append(GradeRow(row.student, row.upload, parts, 0.5 if parts else None, 12,
                              tuple(texts), row.flags, row.violations))
        said += [*texts, *row.flags]
    _report(arena, course, assignment, lines)
    return said


def _graded(arena: Arena, course: Course, assignment: str, student: str, exercise: str, one: Input
            ) -> list[str]:
    """What grading does with one notebook before and after student code runs."""
    folder = course.submitted / student / assignment
    must([path.name for path in course.submitted.joinpath(student).iterdir()] == [assignment],
         "something lies beside the assignment's folder")
    before = (folder / f"{exercise}.ipynb").read_bytes()
    settle(course, assignment, exercise, folder)  # as grading does once more
    said = [] if before == (folder / f"{exercise}.ipynb").read_bytes() else [CHANGES]
    work = read_work(course, assignment, student, exercise)
    must(work.fingerprint == read_work(course, assignment, student, exercise).fingerprint,
         "one work has two fingerprints")
    nbformat.write(work.notebook, arena.scratch / "again.ipynb")
    nbformat.validate(work.notebook)
    released = released_notebook(course, assignment, exercise)
    wanted = {cell.metadata.nbgrader.grade_id for cell in released.cells
              if "nbgrader" in cell.metadata}
    found = [cell.metadata.nbgrader.grade_id for cell in work.notebook.cells
             if "nbgrader" in cell.metadata]
    must(sorted(found) == sorted(wanted), f"parts {sorted(found)}, released were {sorted(wanted)}")
    cells = runnable_cells(work.notebook, released)
    said += map(english, deprecated_calls(cells))
    losses = recorded.losses(work.notebook)
    said += losses.oddities() if losses.train else []
    recorded.figures(work.notebook)
    (arena.scratch / exercise).mkdir(exist_ok=True)
    work.write(arena.scratch / exercise, {"given.py": b""},
               course.assignment(assignment).student_files)
    return said + (_page(work) if one.number % SEEN == 0 else [])


def _page(work: Work) -> list[str]:
    """nbgrader's own checks and the page that a student gets; the line has an answer to both.

    What fails here fails in the same way in nbgrader's process, where line.py looks at it.
    """
    if sum(len(cell.source) for cell in work.notebook.cells) > LONG:
        return []
    notebook = nbformat.from_dict(work.notebook)
    try:
        for step in (ClearOutputPreprocessor(), DeduplicateIds(), CheckCellMetadata()):
            notebook, _ = step.preprocess(notebook, {})
    except Exception as error:
        return [f"nbgrader refuses it: {type(error).__name__}"]
    cell = explanation_cell("About what you handed in", ["x `y` <b>"])
    notebook.cells.insert(0, cell)
    try:
        _exporter().from_notebook_node(notebook)
    except Exception as error:
        return [f"no page can be made of it: {type(error).__name__}"]
    return []


def _exporter(known: list[HTMLExporter] = []) -> HTMLExporter:  # noqa: B006
    if not known:
        known.append(HTMLExporter())
    return known[0]


def _report(arena: Arena, course: Course, assignment: str, lines: list[GradeRow]) -> None:
    """Rows as a file and as a table on a terminal that speaks UTF-8."""
    people = roster.of(course) if course.assignment(assignment).groups else roster.Roster()
    if people.members:
        lines = by_member(lines, people)
    shown(table(assignment, lines, display_names(people), 80))
    path = arena.scratch / "grades.csv"
    grades.write_csv(path, lines)
    inert(path, len(lines))


def of_a_log(arena: Arena, content: bytes) -> list[str]:
    """As the hidden tests read it: an AssertionError is the sentence that the student gets."""
    try:
        log = resultlog.read(content)
    except AssertionError as error:
        return [str(error)[:2000]]
    steps = resultlog.accuracy_steps(log, arena.q2.assignment("q2").settings["accuracy"])
    must(steps is None or all(map(float, steps)), "the steps are no numbers")
    return [*resultlog.problems(log), *resultlog.contradictions(log)]
