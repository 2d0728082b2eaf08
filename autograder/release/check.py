"""What must hold of a release: it is what the sources give, it leaks nothing, and it runs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePath

import nbformat
from nbformat import NotebookNode

from autograder.course import Course, Exercise
from autograder.exercise.edits import read_changes
from autograder.exercise.run import run_cells
from autograder.exercise.solution import MARKERS
from autograder.gradebook.nbgrader_api import generate_assignment
from autograder.kernel.scratch import Scratch
from autograder.kernel.session import KernelSession, Outcome
from autograder.release.build import build

STAFF_PATHS = ("autograder/", "gradebook.db")
CACHES = ("__pycache__/*", ".ipynb_checkpoints/*")
TELLING_SOLUTION = 14  # characters: shorter lines (`return x`) stand in any program
TELLING_TEST = 30
LIBRARY = re.compile(r"(from (?!autograder)[\w.]+ )?import (?!autograder)")
NOT_YET = ("NotImplementedError", "AssertionError")  # before it is solved


def problems(course: Course, assignment: str, run: bool = True) -> list[str]:
    """Everything that is wrong with what is released; an empty list where all is well.

    `run` it, too, where nobody else does.
    """
    course.assignment(assignment)
    released = course.root / assignment
    if not released.is_dir():
        return [f"{assignment}/ does not exist: run `autograder release {assignment}`."]
    return [*stale(course, assignment, released), *leaks(course, assignment, released),
            *(broken(course, assignment, released) if run else ())]


def stale(course: Course, assignment: str, released: Path) -> Iterator[str]:
    """Files that differ from what the sources give now."""
    build(course, assignment)
    with Scratch() as folder:
        generate_assignment(course, assignment, folder, folder / "gradebook.db")
        fresh = files_of(course, folder / assignment)
    there = files_of(course, released)
    for name in sorted(fresh.keys() | there.keys()):
        if name not in there:
            yield f"{assignment}/{name} is missing: run `autograder release {assignment}`."
        elif name not in fresh:
            yield f"{assignment}/{name} does not come from the sources: take it away."
        elif fresh[name] != there[name]:
            yield f"{assignment}/{name} is not what the sources give: release again."


def leaks(course: Course, assignment: str, released: Path) -> Iterator[str]:
    """Lines of solutions, hidden tests, probes or misconceptions, and staff paths, in a release."""
    beside = {name: (course.root / name).read_bytes() for name in course.handout}
    yield from leaks_in(course.exercises(assignment), {**files_of(course, released), **beside})


def leaks_in(exercises: Sequence[Exercise], files: Mapping[str, bytes]) -> Iterator[str]:
    """Likewise, the secrets of these exercises in files (name -> contents)."""
    secrets, staff = _secrets_of(exercises), _staff_paths(exercises)
    for name, data in files.items():
        lines = _lines(name, data)
        for line in lines:
            yield from (f"{name} names a staff path: {line.strip()[:100]}"
                        for path in staff if path in line)
        plain = "\n".join(map(_plain, lines))
        yield from (f"{name} holds a line of {kind}: {secret[:100]}"
                    for secret, kind in secrets.items() if secret in plain)


def _secrets_of(exercises: Sequence[Exercise]) -> dict[str, str]:
    """The secrets of several exercises, each with the name of its kind.

    What one exercise gives its students is no secret because another one's solution says it, too.
    """
    found: dict[str, str] = {}
    for exercise in exercises:
        given = set[str]().union(*(_given(other) for other in exercises if other != exercise))
        found |= {secret: kind for secret, kind in _secrets(exercise) if secret not in given}
    return found


def _staff_paths(exercises: Sequence[Exercise]) -> set[str]:
    return {*STAFF_PATHS, *(path.name for exercise in exercises
                            for path in exercise.folder.iterdir() if path.is_file())}


def broken(course: Course, assignment: str, released: Path) -> Iterator[str]:
    """What does not run: modules that cannot be imported, cells that fail.

    In the skeleton a visible check may fail, but only because nothing is written yet; with the
    solutions filled in each must pass.
    """
    yield from _run(course, assignment, released, solved=False)
    for exercise in course.exercises(assignment):
        reference = course.build / "reference" / exercise.name
        with Scratch() as folder:
            for name, data in {**files_of(course, reference), **_handin(exercise)}.items():
                (folder / name).write_bytes(data)
            yield from _run(course, assignment, folder, solved=True)


def _run(course: Course, assignment: str, folder: Path, solved: bool) -> Iterator[str]:
    """What does not run in a folder: of the released exercise, or of the solved one."""
    limits = course.toml.limits
    which = "the solved" if solved else "the released"
    with KernelSession(folder, limits.sandbox(), course.surroundings(assignment)) as session:
        for path in sorted(folder.glob("*.py")):
            for fault in _import(session, path, limits.cell):
                yield f"{which} {path.name} {fault}"
        for path in sorted(folder.glob("*.ipynb")):
            notebook = nbformat.read(path, as_version=4)
            for number, cell, outcome in run_cells(session, notebook, limits.cell):
                for fault in _fault_of_cell(cell, outcome, solved):
                    yield f"{which} {path.name}, cell {number}, {fault}"


def _import(session: KernelSession, module: Path, seconds: float) -> Iterator[str]:
    outcome = session.run(f"__import__({module.stem!r}) and None", seconds)
    if outcome.kind != "done" or outcome.notes:  # a kernel runs what is below an error
        yield f"cannot be imported: {'; '.join(filter(None, (outcome.says, *outcome.notes)))}"


def _fault_of_cell(cell: NotebookNode, outcome: Outcome, solved: bool) -> Iterator[str]:
    """What is wrong with a cell's outcome, if anything."""
    marks = cell.metadata.get("nbgrader", {})
    if outcome.kind != "done":
        for_students = marks.get("grade") or marks.get("solution")
        if solved or not (for_students and outcome.error in NOT_YET):
            yield f"does not run: {outcome.says}"
    elif solved and marks.get("grade") and _is_on_stderr(outcome):
        yield ("writes to stderr: nbgrader's Validate tells students that a check which does so "
               "has failed")


def _is_on_stderr(outcome: Outcome) -> bool:
    return any(output.get("name") == "stderr" for output in outcome.outputs)


def _handin(exercise: Exercise) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in exercise.folder.glob("handin/*")}


def _secrets(exercise: Exercise) -> Iterator[tuple[str, str]]:
    """What no student may read, each with the name of its kind.

    A line of a test that also stands in what is given (a signature) is no secret, and neither is
    the import of a library. A rubric stands as a comment in the source, as text in a notebook.
    """
    given = _given(exercise)
    for line, inside in _source_lines(exercise):
        if inside and len(line) >= TELLING_SOLUTION and ("(" in line or "=" in line):
            yield line.removeprefix("# "), "a solution"
        elif inside and line.startswith("# ") and len(line) >= TELLING_TEST:
            yield line.removeprefix("# "), "a rubric"
    for path in exercise.folder.glob("*.py"):
        for line in map(_plain, path.read_text().splitlines()):
            if len(line) >= TELLING_TEST and line not in given and not LIBRARY.match(line):
                yield line, "a hidden test or probe"
    for change in read_changes(exercise, "misconception"):
        yield _plain(change.says), "a misconception"


def _given(exercise: Exercise) -> set[str]:
    """The lines of an exercise's sources that students receive."""
    return {line for line, inside in _source_lines(exercise) if not inside}


def _source_lines(exercise: Exercise) -> Iterator[tuple[str, bool]]:
    """Each line of an exercise's sources, and whether it is inside a solution."""
    for path in (*exercise.notebook_files, *exercise.files):
        if path.suffix == ".py":
            inside = False
            for line in map(_plain, path.read_text().splitlines()):
                if line.removeprefix("# ") in MARKERS:
                    inside = line.removeprefix("# ") == MARKERS[0]
                else:
                    yield line, inside


def _plain(line: str) -> str:
    """A line without its comment, with single spaces."""
    return re.sub(r"\s+", " ", re.sub(r"(?<=\S)\s{2,}#.*$", "", line)).strip()


def files_of(course: Course, folder: Path) -> dict[str, bytes]:
    """What is released in a folder, by paths within it; what running leaves there is left out."""
    files = {path.relative_to(folder): path for path in sorted(folder.rglob("*")) if path.is_file()}
    return {str(name): path.read_bytes() for name, path in files.items()
            if not is_left_over(course, name)}


def is_left_over(course: Course, name: PurePath) -> bool:
    """Whether running an exercise writes such a file beside it."""
    return any(name.match(pattern) for pattern in (*CACHES, *course.toml.release.leftovers))


def _lines(name: str, data: bytes) -> list[str]:
    """The lines that a person reads in a file: a notebook's cells, a text, nothing of the rest."""
    if name.endswith(".ipynb"):
        notebook = nbformat.reads(data.decode(), as_version=4)
        return [line for cell in notebook.cells for line in cell.source.splitlines()]
    try:
        return data.decode().splitlines()
    except UnicodeDecodeError:
        return []
