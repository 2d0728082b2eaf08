"""What the judge gets of a submission: one exercise's notebook and the files beside it."""

from __future__ import annotations

import ast
import contextlib
import hashlib
import shutil
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import nbformat
from IPython.core.inputtransformer2 import TransformerManager
from nbformat import NotebookNode

from autograder.course import Course
from autograder.exercise.source import SKIP_TAG
from autograder.files import read_folder
from autograder.intake.records import TIMESTAMP


@dataclass(frozen=True)
class Work:
    """One exercise as somebody handed it in. `files` maps names to contents."""

    exercise: str
    notebook: NotebookNode
    files: Mapping[str, bytes] = field(default_factory=dict)

    def text(self, name: str) -> str | None:
        """A file's text, or None where it was not handed in."""
        data = self.files.get(name)
        return None if data is None else data.decode("utf-8", errors="replace")

    @property
    def code(self) -> str:
        """All Python that was handed in, as one text."""
        cells = [str(cell.source) for cell in self.notebook.cells if cell.cell_type == "code"]
        return "\n".join([*cells, *(self.text(name) or "" for name in sorted(self.files)
                                    if name.endswith(".py"))])

    @property
    def fingerprint(self) -> str:
        """A hash over everything that grading looks at."""
        digest = hashlib.sha256(
            nbformat.writes(self.notebook).encode(errors="surrogatepass"))
        for name, data in sorted(self.files.items()):
            digest.update(name.encode() + b"\0" + data + b"\0")
        return digest.hexdigest()

    def write(self, folder: Path, given: Mapping[str, bytes], student_files: list[str],
              hidden: Collection[str] = (), left_out: Collection[str] = ()) -> None:
        """Write the files to `folder`: what is given as it was given, the rest as handed in.

        Left out are files that programs read without being asked, those that would stand in the
        place of a `hidden` package, and those that are to be `left_out`.
        """
        for name, data in self.files.items():
            hides = name.partition("/")[0].partition(".")[0] in hidden
            if "/." in f"/{name}" or hides or name in left_out:
                continue
            path = folder / name
            with contextlib.suppress(OSError):  # a path that cannot be is nobody's module
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
        for name, data in given.items():
            if name not in student_files:
                path = folder / name
                if path.is_dir():
                    shutil.rmtree(path)
                path.write_bytes(data)


def read_work(course: Course, assignment: str, student: str, exercise: str) -> Work:
    """One exercise of a submission as it lies in nbgrader's folder."""
    folder = course.submitted / student / assignment
    notebook = nbformat.read(folder / f"{exercise}.ipynb", as_version=4)
    return Work(exercise, notebook, beside_notebooks(read_folder(folder)))


def beside_notebooks(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files of a submission that its exercises share: no notebooks, nor nbgrader's own."""
    return {name: data for name, data in files.items()
            if PurePosixPath(name).suffix != ".ipynb" and name != TIMESTAMP}


def runnable_cells(notebook: NotebookNode, source: NotebookNode) -> list[str]:
    """The code that grading runs: everything but visible checks and cells that train or install.

    `source` is the notebook as it was released. Its cells decide which are skipped even where
    an editor took the tags away.
    """
    skipped = {cell.id for cell in source.cells if _is_skipped(cell)}
    return [str(cell.source) for cell in notebook.cells
            if cell.cell_type == "code" and not _is_skipped(cell) and cell.get("id") not in skipped]


def names_left_out(source: NotebookNode, beside: Collection[str] = ()) -> str:
    """Code with what the released cells that grading leaves out import, and their plain values.

    A student's function may use these names: elsewhere these cells have run. What they compute is
    left out with them, and so are modules `beside` the notebook, which may be the student's.
    """
    kept = []
    for cell in source.cells:
        marks = cell.metadata.get("nbgrader", {})
        if cell.cell_type == "code" and _is_skipped(cell) and not marks.get("solution"):
            kept += [code for statement in ast.parse(TransformerManager().transform_cell(
                cell.source)).body if (code := _name_giving(statement, beside))]
    return "\n".join(dict.fromkeys(kept))


def _name_giving(statement: ast.stmt, beside: Collection[str]) -> str:
    """The statement, where it imports from a package or names a literal; else nothing."""
    if isinstance(statement, ast.Import | ast.ImportFrom):
        modules = ([statement.module or ""] if isinstance(statement, ast.ImportFrom) else
                   [alias.name for alias in statement.names])
        return "" if {name.partition(".")[0] for name in modules} & {*beside} else (
            ast.unparse(statement))
    if isinstance(statement, ast.Assign) and all(
            isinstance(target, ast.Name) for target in statement.targets):
        with contextlib.suppress(ValueError):
            ast.literal_eval(statement.value)
            return ast.unparse(statement)
    return ""


def _is_skipped(cell: NotebookNode) -> bool:
    locked = cell.metadata.get("nbgrader", {}).get("locked", False)
    return bool(locked) or SKIP_TAG in cell.metadata.get("tags", [])
