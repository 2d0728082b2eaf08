"""What somebody wrote into a file: everything in it that is not as it was released."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path, PurePosixPath

import nbformat
from nbformat import NotebookNode
from nbgrader.preprocessors import ClearSolutions

from autograder.cells import marks
from autograder.course import Course
from autograder.intake.cells import is_prose, parsed, squeezed
from autograder.intake.made_from import made_from
from autograder.intake.read import read_any, utf16
from autograder.release import source, version
from autograder.release.build import clear_solutions
from autograder.release.check import BESIDE

Work = frozenset[str]  # pieces of text; of two files, the one with more of them holds the other
NOTHING: Work = frozenset()
ALIKE = 0.5  # of the released cells, so many must be there for a notebook to be this exercise's


def released_notebook(course: Course, assignment: str, exercise: str) -> NotebookNode:
    """An exercise's notebook as students received it or, before it is built, would receive it."""
    path = _released(course, assignment) / f"{exercise}.ipynb"
    if path.is_file():
        return nbformat.read(path, as_version=4)
    return ClearSolutions().preprocess(source.read_notebook(course.exercise(exercise)), {})[0]


def released_text(course: Course, assignment: str, name: str) -> str | None:
    """A file beside the notebook as students received it; None where they received none."""
    path = _released(course, assignment) / name
    if path.is_file():
        return path.read_text(encoding="utf-8", errors="replace")
    solved = next((file for exercise in course.exercises(assignment) for file in exercise.files
                   if file.name == name), None)
    if solved is None or solved.suffix != ".py":
        return None
    return clear_solutions(solved.read_text(encoding="utf-8"))


def given_names(course: Course) -> set[str]:
    """The names of all files that the kit gives out, of whatever assignment."""
    found = {PurePosixPath(name).name for name in BESIDE} | {"README.md"}
    for assignment, settings in course.toml.assignments.items():
        found |= {f"{exercise}.ipynb" for exercise in settings.exercises}
        for exercise in course.exercises(assignment):
            found |= {file.name for file in exercise.files}
        folder = _released(course, assignment)
        found |= {path.name for path in folder.rglob("*") if path.is_file()}
    return found


def expected_names(course: Course, assignment: str) -> list[str]:
    """The names of the files that are handed in for an assignment."""
    settings = course.assignment(assignment)
    return [*(f"{exercise}.ipynb" for exercise in settings.exercises), *settings.student_files]


class Written:
    """Looks into files of one assignment; what was released is read once."""

    def __init__(self, course: Course, assignment: str) -> None:
        self.course, self.assignment = course, assignment
        self.expected = expected_names(course, assignment)

    def into(self, expected: str, data: bytes, name: str) -> Work | None:
        """What somebody wrote into a file in the place of `expected`; None if it is unreadable."""
        if not data.strip():
            return NOTHING
        if expected.endswith(".ipynb"):
            return self._notebook(expected.removesuffix(".ipynb"), data, name)
        text = decoded(data)
        if expected.endswith(".py"):
            return _pieces(text) - _pieces(self._text(expected) or "")
        return frozenset({squeezed(text)}) - {squeezed(self._text(expected) or "")}

    def is_filled_in(self, expected: str) -> bool:
        """Whether students write anything into a file; there are notebooks that only guide."""
        if not expected.endswith(".ipynb"):
            return True
        present = self._present(expected.removesuffix(".ipynb"))
        return any(marks(cell).get("solution") for cell in present.cells)

    def holds(self, expected: str, data: bytes, name: str) -> bool:
        """Whether a file has the contents of `expected`, whatever it is called."""
        if expected.endswith(".ipynb"):
            notebook, _ = read_any(data, _as_notebook(name))
            return notebook is not None and is_exercise(
                self.course, self.assignment, expected.removesuffix(".ipynb"), notebook,
                self._present(expected.removesuffix(".ipynb")))
        if not expected.endswith(".py") or PurePosixPath(name).suffix.lower() not in (
                "", ".py", ".txt"):
            return False
        wanted = _defined(self._text(expected) or "")
        return bool(wanted) and wanted <= _defined(decoded(data))

    def _notebook(self, exercise: str, data: bytes, name: str) -> Work | None:
        notebook, _ = read_any(data, _as_notebook(name))
        if notebook is None:
            return None
        present = self._present(exercise)
        origin = made_from(self.course, self.assignment, exercise, version.read(notebook), present)
        known = [*present.cells, *origin.released.cells]
        texts = {squeezed(cell.source) for cell in known}
        pieces = {squeezed(cell.source) for cell in notebook.cells} - texts - {""}
        ran = {f"outputs of {squeezed(cell.source)}" for cell in notebook.cells
               if cell.get("outputs") and pieces}
        return frozenset(pieces | ran)

    @cache  # noqa: B019 (this object lives as long as one intake)
    def _present(self, exercise: str) -> NotebookNode:
        return released_notebook(self.course, self.assignment, exercise)

    @cache  # noqa: B019
    def _text(self, name: str) -> str | None:
        return released_text(self.course, self.assignment, name)


def is_exercise(course: Course, assignment: str, exercise: str, notebook: NotebookNode,
                present: NotebookNode) -> bool:
    """Whether a notebook holds most of the cells that an exercise was released with."""
    released = made_from(course, assignment, exercise, version.read(notebook), present).released
    there = {squeezed(cell.source) for cell in notebook.cells}
    there |= {str(marks(cell).get("grade_id", "")) for cell in notebook.cells} - {""}
    wanted = [cell for cell in released.cells if cell.source.strip()]
    found = sum(squeezed(cell.source) in there or str(marks(cell).get("grade_id", "")) in there
                for cell in wanted)
    return bool(wanted) and found >= ALIKE * len(wanted)


def decoded(data: bytes) -> str:
    """A file's text; bytes that are no text are replaced."""
    return data.decode(utf16(data) or "utf-8-sig", errors="replace")


def _released(course: Course, assignment: str) -> Path:
    return course.build / "release" / assignment


def _as_notebook(name: str) -> str:
    """The name by which read_any tells a script: q1a.py.txt is one."""
    return "x.py" if ".py" in PurePosixPath(name.lower()).suffixes else name


def _pieces(text: str) -> Work:
    """A module's statements, those of a class one by one; of what is no Python, its lines."""
    tree = parsed(text)
    if tree is None:
        return frozenset({squeezed(line) for line in text.splitlines()} - {""})
    return frozenset(_statements(tree.body, ""))


def _statements(body: Iterable[ast.stmt], where: str) -> Iterator[str]:
    for node in body:
        if isinstance(node, ast.ClassDef):
            yield from _statements(node.body, f"{where}{node.name}.")
        elif not is_prose(node):
            yield f"{where}{ast.unparse(node)}"


def _defined(text: str) -> set[str]:
    """The functions, classes and methods of a module."""
    tree = parsed(text)
    found = set()
    for node in ast.walk(tree) if tree else ():
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
    return found
