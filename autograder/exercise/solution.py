"""An exercise as somebody would have solved it: the sources without the markers.

Files are name -> contents; the notebook's files are among them as percent text, so that an edit
(edits.py) reaches them like any other file.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path

import nbformat

from autograder.course import CourseError, Exercise
from autograder.exercise import source

MARKERS = ("### BEGIN SOLUTION", "### END SOLUTION")
BETWEEN = re.compile(f"(?<={MARKERS[0]})(.*?)(?={MARKERS[1]})", re.S)


def without_markers(text: str) -> str:
    """The solved file as a person would have written it: the markers' lines taken out."""
    lines = text.splitlines(keepends=True)
    return "".join(line for line in lines if line.strip() not in MARKERS)


def rubric(text: str) -> str:
    """What stands between the markers of a cell graded by hand: rubric and model answer."""
    return "\n\n".join(found.strip() for found in BETWEEN.findall(text))


def answered(text: str, answer: str) -> str:
    """A cell graded by hand with an answer in the place of its rubric."""
    return BETWEEN.sub(answer, text).replace(MARKERS[0], "").replace(MARKERS[1], "").strip()


def check_markers(name: str, text: str) -> None:
    """Raise CourseError where the solution markers of a file do not pair or are misspelt."""
    inside = False
    for number, line in enumerate(text.splitlines(), start=1):
        plain = line.strip()
        if plain.startswith("###") and "SOLU" in plain.upper():
            if plain != MARKERS[inside]:
                raise CourseError(f"{name}, line {number}: {plain!r} stands where "
                                  f"{MARKERS[inside]!r} was expected.")
            inside = not inside
    if inside:
        raise CourseError(f"{name}: the last {MARKERS[0]!r} has no {MARKERS[1]!r}.")


def clear_solutions(text: str) -> str:
    """Clear the solutions of a Python file as nbgrader clears those of a code cell."""
    from nbgrader.preprocessors import ClearSolutions  # slow to import

    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text)])
    ClearSolutions(enforce_metadata=False).preprocess(notebook, {})
    cleared: str = notebook.cells[0].source
    return cleared


def solved_files(exercise: Exercise) -> dict[str, bytes]:
    """All files of the exercise, solved."""
    files = {}
    for path in (*exercise.notebook_files, *exercise.files):
        data = path.read_bytes()
        if path.suffix == ".py":
            check_markers(path.name, data.decode())
        files[path.name] = without_markers(data.decode()).encode() if path.suffix == ".py" else data
    return files


def split_notebook(exercise: Exercise, files: Mapping[str, bytes]
                   ) -> tuple[nbformat.NotebookNode, dict[str, bytes]]:
    """Take the notebook out of solved files; return it as a notebook, and the rest."""
    rest = dict(files)
    text = source.joined(rest.pop(path.name).decode() for path in exercise.notebook_files)
    return source.read_notebook(exercise, text), rest


def write_version(exercise: Exercise, notebook: nbformat.NotebookNode, rest: Mapping[str, bytes],
                  folder: Path) -> None:
    """Write an exercise's notebook and other files to `folder`, emptied before, as the reference
    process runs them."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    nbformat.write(notebook, folder / f"{exercise.name}.ipynb")
    for name, data in rest.items():
        (folder / name).write_bytes(data)
