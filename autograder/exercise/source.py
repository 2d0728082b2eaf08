"""Read an exercise's source: a percent notebook whose short keys become nbgrader's metadata.

    # %% solution="q1a_tokenize"             a cell that students fill in
    # %% tests="q1a_tokenize" points=6       the part's grade cell, with visible checks
    # %% [markdown] written="q1b_why" points=4   an answer graded by hand (rubric.py)
    # %% tags=["skip-execution"]             a cell that grading does not run (it trains, installs)
    # %% name="training"                     a name for a cell that others have to find
    # %% tests="a" points=1 title="(a) Why"  the part's title on pages; else the heading above it
    # %% tests="a" points=1 code="words"     where its code is (parts.py)
    # %% include="creatures.py"              a cell that writes a file beside the notebook

A picture `![...](figures/NAME.svg)` is put into the notebook itself, which travels alone.

A title that begins with a dot, "· (a)", comes behind the heading above. Titles and code are for
staff and pages: notebooks hold neither.

The grade_id of a part is its name; it is also the name that hidden tests use.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from nbformat import NotebookNode

from autograder.course import CourseError, Exercise

SHORT_KEYS = ("solution", "tests", "written")
INCLUDE = re.compile(r'^# %%.* include="([^"]+)"', re.MULTILINE)
SKIP_TAG = "skip-execution"  # grading does not run such a cell: it trains or installs
OTHER_KEYS = ("tags", "cellView", "jupyter")  # what front ends read
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python", "file_extension": ".py", "mimetype": "text/x-python"},
    "accelerator": "GPU",
}
SOLUTION = "-solution"  # ends the grade_id of a solution's cell
HEADING = re.compile(r"^#{1,6} (.+)$", re.M)
IN_BRACKETS = re.compile(r"\s*\([^()]*\d points?\b[^()]*\)")


@dataclass(frozen=True)
class ExerciseSource:
    """A source notebook, solutions included, and what the source says of its parts, by name."""

    notebook: NotebookNode
    titles: dict[str, str]
    code: dict[str, tuple[str, ...]]  # empty where the part's cell names none


def read_notebook(exercise: Exercise, text: str | None = None) -> NotebookNode:
    """Return the source notebook, solutions included: see `read`."""
    return read(exercise, text).notebook


def read(exercise: Exercise, text: str | None = None, badge: str = "", address: str = ""
         ) -> ExerciseSource:
    """Read an exercise's source, its notebook with nbgrader's metadata.

    `text` takes the place of the source's, where an edited version is wanted;
    `badge` takes that of {colab}, and `address` of {repository} in a cell of code.

    Raises CourseError where keys are missing, unknown points or names given twice.
    """
    if text is None:
        text = joined(path.read_text() for path in exercise.notebook_files)
    notebook = jupytext.reads(text, fmt="py:percent")
    notebook.metadata = nbformat.from_dict(METADATA)
    found = ExerciseSource(notebook, {}, {})
    names: set[str] = set()
    heading = ""
    for index, cell in enumerate(notebook.cells):
        _fill_in(cell, exercise, badge, address)
        heading = _last_heading(cell) or heading
        name = cell.metadata.pop("name", None)
        title, code = _title_and_code(cell, exercise.name)
        _expand(cell, exercise.name)
        data = cell.metadata.get("nbgrader", {})
        if data.get("grade"):
            found.titles[data.grade_id] = _title(title, heading)
            found.code[data.grade_id] = code
        grade_id = data.get("grade_id") or name
        if grade_id in names:
            raise CourseError(f"{exercise.name}: the name `{grade_id}` is used twice.")
        names |= {grade_id} - {None}
        cell.id = grade_id or _cell_id(exercise.name, index)
    nbformat.validate(notebook)
    return found


def _title_and_code(cell: NotebookNode, exercise: str) -> tuple[str, tuple[str, ...]]:
    """Take the title of a cell's part, and where its code is, out of the cell's keys."""
    title, code = cell.metadata.pop("title", ""), cell.metadata.pop("code", [])
    code = [code] if isinstance(code, str) else code
    if not (isinstance(title, str) and isinstance(code, list)
            and all(isinstance(one, str) for one in code)):
        raise CourseError(f"{exercise}: title={title!r} must be a text, and code={code!r} a text "
                          "or a list of texts.")
    if (title or code) and not {"tests", "written"} & set(cell.metadata):
        raise CourseError(f"{exercise}: title= and code= belong to a cell with tests= or written=.")
    return title, tuple(code)


def _title(title: str, heading: str) -> str:
    """A part's title: its own, the heading above it, or the one behind the other."""
    return f"{heading} {title}" if title.startswith("·") else title or heading


def _last_heading(cell: NotebookNode) -> str:
    """The last heading in a cell's text, without its points; empty in an answer's cell."""
    is_text = cell.cell_type == "markdown" and "written" not in cell.metadata
    found = HEADING.findall(cell.source) if is_text else []
    return IN_BRACKETS.sub("", found[-1]).strip() if found else ""


def joined(texts: Iterable[str]) -> str:
    """The percent text of a notebook that is written in several files."""
    return "\n\n".join(text.strip("\n") for text in texts) + "\n"


def _fill_in(cell: NotebookNode, exercise: Exercise, badge: str, address: str) -> None:
    """Put into a cell what a release fills in: a module to be written, pictures, addresses."""
    if "include" in cell.metadata:
        file = _find(exercise, cell.metadata.pop("include"))
        cell.source = f"%%writefile {file.name}\n{file.read_text()}"
    if cell.cell_type == "markdown":
        text = re.sub(r"\((figures/[\w.-]+\.svg)\)",
                      lambda found: f"({_data_uri(_find(exercise, found[1]))})", cell.source)
        cell.source = text.replace("{colab}", badge).strip()
    else:
        cell.source = cell.source.replace('"{repository}"', f'"{address}"')


def _find(exercise: Exercise, name: str) -> Path:
    """A file beside the notebook's source, or in a folder `data` above it, the course's own."""
    for folder in (exercise.source, *(above / "data" for above in exercise.folder.parents)):
        if (folder / name).is_file():
            return folder / name
    raise CourseError(f"{exercise.name}: there is no {name} in {exercise.source}, nor in a folder "
                      "`data` above it.")


def included(exercise: Exercise) -> list[Path]:
    """The files that the notebook's cells write."""
    return [_find(exercise, name) for file in exercise.notebook_files
            for name in INCLUDE.findall(file.read_text())]


def _data_uri(picture: Path) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(picture.read_bytes()).decode()


def parts(notebook: NotebookNode) -> dict[str, float]:
    """The points of each part, in the order of the notebook."""
    return {cell.metadata.nbgrader.grade_id: float(cell.metadata.nbgrader.points)
            for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("grade")}


def judged_parts(notebook: NotebookNode) -> dict[str, float]:
    """The points of each part that hidden tests judge; the others are graded by hand."""
    graded = {cell.metadata.nbgrader.grade_id for cell in notebook.cells if by_hand(cell)}
    return {part: points for part, points in parts(notebook).items() if part not in graded}


def by_hand(cell: NotebookNode) -> bool:
    """Whether a person grades this cell."""
    data = cell.metadata.get("nbgrader", {})
    return bool(data.get("grade") and data.get("solution"))


def _expand(cell: NotebookNode, exercise: str) -> None:
    """Put nbgrader's metadata in the place of the short keys."""
    metadata = cell.metadata
    keys = [key for key in SHORT_KEYS if key in metadata]
    points = metadata.pop("points", None)
    metadata.pop("lines_to_next_cell", None)  # jupytext's note on the source's blank lines
    unknown = set(metadata) - {*SHORT_KEYS, *OTHER_KEYS}
    if unknown:
        raise CourseError(f"{exercise}: no cell can have {', '.join(sorted(unknown))}=; known are "
                          f"points, {', '.join((*SHORT_KEYS, *OTHER_KEYS))}.")
    if not keys:
        if points is not None:
            raise CourseError(f"{exercise}: a cell has points={points} but neither tests= nor "
                              "written=.")
        return
    if len(keys) > 1:
        raise CourseError(f"{exercise}: a cell has both {keys[0]}= and {keys[1]}=.")
    key, name = keys[0], metadata.pop(keys[0])
    if (points is None) != (key == "solution"):
        raise CourseError(f"{exercise}: the cell {key}={name!r} "
                          f"{'cannot have' if key == 'solution' else 'needs'} points=.")
    if not (isinstance(name, str) and re.fullmatch(r"[A-Za-z0-9_-]+", name)):
        raise CourseError(f"{exercise}: {key}={name!r} is no name; letters, digits, - and _ make "
                          "one.")
    if points is not None and not (type(points) in (int, float) and 0 <= points < float("inf")):
        raise CourseError(f"{exercise}: points={points!r} of {name} is no number from 0.")
    metadata["nbgrader"] = _nbgrader(key, name, points)


def _nbgrader(key: str, name: str, points: Any) -> NotebookNode:
    """nbgrader's cell metadata, schema version 3."""
    data: dict[str, Any] = {
        "schema_version": 3,
        "grade_id": f"{name}{SOLUTION}" if key == "solution" else name,
        "grade": key != "solution",
        "solution": key != "tests",
        "locked": key == "tests",
        "task": False,
    }
    if points is not None:
        data["points"] = points
    return nbformat.from_dict(data)


def _cell_id(exercise: str, index: int) -> str:
    """A cell id that is the same at every release, so that releases diff well."""
    return hashlib.sha256(f"{exercise}/{index}".encode()).hexdigest()[:8]
