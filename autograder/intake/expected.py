"""Recognise the files that an assignment asks for, and the student's own work in them.

Work is everything in a file that is not as it was released.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path, PurePosixPath

import nbformat
from nbformat import NotebookNode
from nbgrader.preprocessors import ClearSolutions

from autograder.cells import marks
from autograder.course import Course
from autograder.exercise import source
from autograder.exercise.solution import clear_solutions
from autograder.intake.archive import CHECKPOINTS
from autograder.intake.file_names import may_be, suffixes
from autograder.intake.notebook.cells import is_prose, parsed, squeezed
from autograder.intake.notebook.read import read_any, utf16
from autograder.intake.notebook.versions import made_from
from autograder.release.versions import read_stamp

Work = frozenset[str]  # pieces of text; of two files, the one with more of them holds the other
NOTHING: Work = frozenset()
ALIKE = 0.5  # the share of the released cells that a notebook of the exercise must hold
TEXT = frozenset({".ipynb", ".py", ".txt", ".json"})  # suffixes of files that may be expected ones


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
    found = {PurePosixPath(name).name for name in course.handout} | {"README.md"}
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


@dataclass(frozen=True)
class Candidate:
    """A file that may be the expected one, and the work in it; None where it cannot be read."""

    path: str
    data: bytes
    work: Work | None

    @property
    def is_checkpoint(self) -> bool:
        return CHECKPOINTS in PurePosixPath(self.path).parts


class ExpectedFiles:
    """Recognises the files that one assignment asks for; released files are read once."""

    def __init__(self, course: Course, assignment: str) -> None:
        self.course, self.assignment = course, assignment
        self.names = expected_names(course, assignment)
        self._student_id = course.toml.course.student_id

    def work_in(self, expected: str, data: bytes, name: str) -> Work | None:
        """The student's own work in a file taken for `expected`; None if it is unreadable."""
        if not data.strip():
            return NOTHING
        if expected.endswith(".ipynb"):
            return self._work_in_notebook(expected.removesuffix(".ipynb"), data, name)
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
        """Whether a file has the contents of `expected`, whatever its name."""
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

    def holds_any(self, data: bytes, name: str) -> bool:
        """Whether a file has the contents of any expected file."""
        return any(self.holds(expected, data, name) for expected in self.names)

    def are_among(self, files: Mapping[str, bytes]) -> bool:
        """Whether any of these files is one of the assignment's."""
        return any(True for expected in self.names for _ in self._find(expected, files))

    def candidates(self, expected: str, files: Mapping[str, bytes],
                   besides: Collection[str] = ()) -> list[Candidate]:
        """The files that may be the expected one, by their name or their contents."""
        return [Candidate(path, data, self.work_in(expected, data, name))
                for path, data, name in self._find(expected, files) if path not in besides]

    def _find(self, expected: str, files: Mapping[str, bytes]) -> Iterator[tuple[str, bytes, str]]:
        """Yield path, contents and name of files that may be the expected one."""
        for path, data in files.items():
            name = PurePosixPath(path).name
            if self._may_be(expected, name, data):
                yield path, data, name
        for path, data in files.items() if expected.endswith(".py") else ():
            for body in _modules_in(data, PurePosixPath(path).name, expected):
                yield f"{path}, in its cell %%writefile {expected}", body, expected

    def folder_in(self, files: Mapping[str, bytes]) -> PurePosixPath | None:
        """The folder in which most of the expected files are; None where there are none."""
        paths = [path for path in map(PurePosixPath, files) if CHECKPOINTS not in path.parts]
        count = Counter(path.parent for path in paths if path.name in self.names)
        if not count:  # all of them have other names
            count = Counter(PurePosixPath(one.path).parent for expected in self.names
                            for one in self.candidates(expected, files) if not one.is_checkpoint)
        folders = dict.fromkeys(path.parent for path in paths)
        return max((folder for folder in folders if count[folder]), default=None,
                   key=lambda folder: (folder.name == self.assignment, count[folder],
                                       -len(folder.parts)))

    def is_known(self, name: str) -> bool:
        """Whether a file was given out, or is expected of another assignment."""
        return name in self._given or any(
            may_be(name, other, self._student_id) for other in self._of_others)

    def _may_be(self, expected: str, name: str, data: bytes) -> bool:
        if name != expected and (name in self.names or name in self._of_others
                                 or name in self._given):
            return False
        if may_be(name, expected, self._student_id):
            return True
        is_text = not PurePosixPath(name).suffix or not TEXT.isdisjoint(suffixes(name))
        return is_text and self.holds(expected, data, name)

    def _work_in_notebook(self, exercise: str, data: bytes, name: str) -> Work | None:
        notebook, _ = read_any(data, _as_notebook(name))
        if notebook is None:
            return None
        present = self._present(exercise)
        origin = made_from(self.course, self.assignment, exercise, read_stamp(notebook), present)
        known = {squeezed(cell.source) for cell in (*present.cells, *origin.released.cells)}
        pieces = {squeezed(cell.source) for cell in notebook.cells} - known - {""}
        outputs = {f"outputs of {squeezed(cell.source)}" for cell in notebook.cells
                   if cell.get("outputs") and pieces}
        return frozenset(pieces | outputs)

    @cached_property
    def _given(self) -> set[str]:
        return given_names(self.course)

    @cached_property
    def _of_others(self) -> set[str]:
        return {name for other in self.course.toml.assignments if other != self.assignment
                for name in expected_names(self.course, other)}

    @cache  # noqa: B019 (this object lives as long as one intake)
    def _present(self, exercise: str) -> NotebookNode:
        return released_notebook(self.course, self.assignment, exercise)

    @cache  # noqa: B019
    def _text(self, name: str) -> str | None:
        return released_text(self.course, self.assignment, name)


class ExpectedOfCourse(dict[str, ExpectedFiles]):
    """The expected files of each assignment of a course, made when first asked for."""

    def __init__(self, course: Course) -> None:
        super().__init__()
        self.course = course

    def __missing__(self, assignment: str) -> ExpectedFiles:
        self[assignment] = ExpectedFiles(self.course, assignment)
        return self[assignment]

    def are_among(self, assignments: Iterable[str], files: Mapping[str, bytes]) -> bool:
        """Whether any of these files is of one of these assignments."""
        return any(self[assignment].are_among(files) for assignment in assignments)


def _modules_in(data: bytes, name: str, expected: str) -> list[bytes]:
    """The module that a notebook's own cells write: the last one of this name, if any."""
    if b"%%writefile" not in data or ".ipynb" not in suffixes(name):
        return []
    notebook, _ = read_any(data, name)
    found = []
    for cell in notebook.cells if notebook else ():
        magic, _, body = cell.source.lstrip().partition("\n")
        words = magic.split()
        if (cell.cell_type == "code" and words[:1] == ["%%writefile"] and len(words) == 2
                and PurePosixPath(words[1].strip("'\"")).name == expected):
            found.append(body.encode("utf-8", "replace"))
    return found[-1:]


def is_exercise(course: Course, assignment: str, exercise: str, notebook: NotebookNode,
                present: NotebookNode) -> bool:
    """Whether a notebook holds most of the cells that an exercise was released with."""
    released = made_from(course, assignment, exercise, read_stamp(notebook), present).released
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
    """A name by which read_any recognises a script: `name.py.txt` is one."""
    return "x.py" if ".py" in PurePosixPath(name.lower()).suffixes else name


def _pieces(text: str) -> Work:
    """A module's statements, those of a class one by one; the lines of what is no Python."""
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
