"""Files that two submissions hold byte for byte, and text of runs that both hold.

Given files and files without anything of the student's own are left out. So are equal losses: like
machines compute the same from one seed. An exercise's similarity.toml says what in a log or an
output no two runs share by chance, such as the second in which each began:

    [[run]]
    name = "printed run"
    where = "outputs"      # of a notebook's cells, or "logs": files *.log
    pattern = 'run of .*'
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Literal

from pydantic import BaseModel, ConfigDict

from autograder.course import CourseError, Exercise
from autograder.intake.notebook.read import read_any
from autograder.intake.written import is_empty

OUT_OF_SIGHT = ("__MACOSX", "__pycache__")
IN_PIECES = (".ipynb", ".py")
NOT_THEIRS = frozenset({"timestamp.txt"})  # written by intake


class RunPattern(BaseModel):
    """Text that identifies a run, as a regular expression of lines."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str
    where: Literal["outputs", "logs"]
    pattern: re.Pattern[str]

    def find(self, text: bytes) -> Iterator[bytes]:
        """The runs in a text, each with single spaces between its words."""
        pattern = re.compile(self.pattern.pattern, re.MULTILINE)
        yield from (_words(found[0].encode(errors="surrogateescape"))
                    for found in pattern.finditer(text.decode(errors="surrogateescape")))


class _RunPatterns(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    run: list[RunPattern] = []


def run_patterns(exercises: Sequence[Exercise]) -> list[RunPattern]:
    """The patterns of the exercises. Raises CourseError where a similarity.toml is not right."""
    found = []
    for exercise in exercises:
        path = exercise.folder / "similarity.toml"
        try:
            text = path.read_text() if path.is_file() else ""
            found += _RunPatterns.model_validate(tomllib.loads(text)).run
        except (ValueError, RecursionError) as error:
            raise CourseError(f"{path.name} of {exercise.name}: {error}") from None
    return found


def own_files(files: Mapping[str, bytes], given: Mapping[str, bytes],
              runs: Sequence[RunPattern] = ()) -> dict[str, str]:
    """The names of files with something of the student's own, and of runs, by a hash of each."""
    released = {_words(data) for data in given.values()}
    pieces = {piece for name, data in given.items() for piece in _pieces(name, data)}
    own = {name: data for name, data in files.items() if _is_theirs(name)}
    return {
        **{hashlib.sha256(run).hexdigest(): f"{kind} in {name}"
           for name, data in own.items() for kind, run in _runs(name, data, runs)},
        **{hashlib.sha256(data).hexdigest(): name for name, data in own.items()
           if _words(data) not in {b"", *released}
           and (PurePosixPath(name).suffix not in IN_PIECES
                or not pieces.issuperset(_pieces(name, data)))}}


def _is_theirs(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return not any(part.startswith(".") or part in OUT_OF_SIGHT for part in parts) and (
        parts[-1] not in NOT_THEIRS)


def _words(data: bytes) -> bytes:
    """The contents without what editors change: line ends, spaces, a byte order mark."""
    return b" ".join(data.removeprefix(b"\xef\xbb\xbf").split())


def _pieces(name: str, data: bytes) -> Iterator[bytes]:
    """The cells of a notebook, or the lines of a module that are no comments.

    A notebook that cannot be read is one piece.
    """
    if name.endswith(".py"):
        yield from (line for line in map(_words, data.splitlines())
                    if line and not line.startswith(b"#"))
    elif name.endswith(".ipynb"):
        notebook = read_any(data, name)[0]
        cells = notebook.cells if notebook else []
        yield from (_words(cell.source.encode(errors="replace")) for cell in cells
                    if not is_empty(cell) and not cell.metadata.get("nbgrader", {}).get("locked"))
        if notebook is None:
            yield _words(data)


def _runs(name: str, data: bytes, patterns: Sequence[RunPattern]) -> Iterator[tuple[str, bytes]]:
    """The runs in a log or in a notebook's outputs, each with the name of its pattern."""
    where = {".log": "logs", ".ipynb": "outputs"}.get(PurePosixPath(name).suffix)
    wanted = [pattern for pattern in patterns if pattern.where == where]
    if not wanted:
        return
    for text in [data] if where == "logs" else _outputs(name, data):
        for pattern in wanted:
            yield from ((pattern.name, run) for run in pattern.find(text))


def _outputs(name: str, data: bytes) -> Iterator[bytes]:
    notebook = read_any(data, name)[0]
    for cell in notebook.cells if notebook else ():
        for output in cell.get("outputs", []):
            yield "".join(output.get("text", "")).encode(errors="replace")
