"""Misconceptions and variants: edits of an exercise's solved source, kept in TOML.

    [[misconception]]
    name = "unscaled-scores"
    part = "q2_attention"
    file = "bert.py"
    replace = "/ math.sqrt(self.attention_head_size)"
    by = ""
    says = "Your scores are not divided by the square root of the head size."

`replace` must stand exactly once in the file. Several edits go into `edits = [{...}, ...]`.
"""

from __future__ import annotations

import os
import re
import shutil
import tomllib
from pathlib import Path
from typing import Any, Literal

from nbformat import NotebookNode
from pydantic import BaseModel, ConfigDict

from autograder.course import CourseError, Exercise
from autograder.exercise import source
from autograder.exercise.solution import solved_files, split_notebook, write_version

Kind = Literal["misconception", "variant"]
# Of magics, of cells, and of what a release fills in.
SIGNS = re.compile(r"^\s*(# ?)?[%!]|# %%|\{repository\}", re.MULTILINE)


class Edit(BaseModel):
    """One replacement in one file."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    file: str
    replace: str
    by: str


class Change(BaseModel):
    """A named list of edits: a wrong answer with its sentence, or another right one."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str
    edits: list[Edit]
    part: str = ""
    says: str = ""
    loses: dict[str, float] = {}  # variants: the points that a broken contract costs, by part
    names: list[str] = []  # variants: misconceptions that the feedback rightly names in them
    code: str = ""  # misconceptions: where their answers are, if not where their part's are


def read_changes(exercise: Exercise, kind: Kind) -> list[Change]:
    """Read misconceptions*.toml or variants*.toml; an exercise without such a file has none.

    Raises CourseError where an entry is not as it must be or a name comes twice.
    """
    changes = [change for path in sorted(exercise.folder.glob(f"{kind}s*.toml"))
               for change in _read_file(exercise, path, kind)]
    names = [change.name for change in changes]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise CourseError(f"{kind}s.toml of {exercise.name}: used twice: {', '.join(twice)}.")
    return changes


def _read_file(exercise: Exercise, path: Path, kind: Kind) -> list[Change]:
    try:
        entries = tomllib.loads(path.read_text()).get(kind, [])
        changes = [Change.model_validate(_with_edits(entry)) for entry in entries]
    except (ValueError, RecursionError) as error:
        raise CourseError(f"{path.name} of {exercise.name}: {error}") from None
    for change in changes:
        if kind == "misconception" and not (change.part and change.says):
            raise CourseError(f"{path.name} of {exercise.name}: {change.name} needs `part` and "
                              "`says`.")
    return changes


def apply(change: Change, files: dict[str, bytes]) -> dict[str, bytes]:
    """Carry a change out on an exercise's solved files (name -> contents).

    Raises CourseError where the text to replace does not stand in the file exactly once.
    """
    edited = dict(files)
    for edit in change.edits:
        if edit.file not in edited:
            raise CourseError(f"{change.name}: there is no file {edit.file}.")
        text = edited[edit.file].decode()
        if text.count(edit.replace) != 1:
            raise CourseError(
                f"{change.name}: the text to replace stands {text.count(edit.replace)} times in "
                f"{edit.file}, not once:\n{edit.replace}")
        edited[edit.file] = text.replace(edit.replace, edit.by).encode()
    return edited


def fits(change: Change, files: dict[str, bytes]) -> bool:
    """Whether a change can be carried out; not where the edits of a joined one overlap."""
    try:
        apply(change, files)
    except CourseError:
        return False
    return True


def joined(changes: list[Change]) -> Change:
    """Several changes as one, carried out in their order."""
    if len(changes) == 1:
        return changes[0]
    return Change(name="+".join(change.name for change in changes), part=changes[0].part,
                  edits=[edit for change in changes for edit in change.edits])


class Misconceptions:
    """An exercise's misconceptions, each with a folder in which the edited exercise lies.

    It is written when somebody first asks for it: most are nobody's. Several processes may ask.
    Raises CourseError where an edit does not fit.
    """

    def __init__(self, exercise: Exercise, folder: Path) -> None:
        self._exercise, self._folder = exercise, folder
        self._files = solved_files(exercise)
        self._solved: tuple[NotebookNode, dict[str, bytes]] | None = None
        # An edit of what is handed in besides (result.log) leaves no code to run.
        self._changes = [change for change in read_changes(exercise, "misconception")
                         if all(edit.file in self._files for edit in change.edits)]
        for change in self._changes:
            apply(change, self._files)

    def of(self, part: str) -> list[Change]:
        """The misconceptions of a part."""
        return [change for change in self._changes if change.part == part]

    def fits(self, change: Change) -> bool:
        """See `fits`."""
        return fits(change, self._files)

    def text(self, change: Change) -> str:
        """All code of the exercise with a change carried out."""
        files = apply(change, self._files)
        return "\n".join(data.decode() for name, data in sorted(files.items())
                         if name.endswith(".py"))

    def written(self, change: Change) -> Path:
        """The folder of one of them, or of several joined."""
        folder = self._folder / change.name
        if not folder.is_dir():
            own = self._folder / f"{change.name}.{os.getpid()}"
            write_version(self._exercise, *self._carried_out(change), own)
            try:
                own.rename(folder)
            except OSError:  # somebody else was faster
                shutil.rmtree(own)
        return folder

    def _carried_out(self, change: Change) -> tuple[NotebookNode, dict[str, bytes]]:
        """The edited exercise. To parse the whole source once more takes a tenth of a second."""
        if self._solved is None:
            self._solved = split_notebook(self._exercise, self._files)
        notebook, rest = self._solved
        notebooks = [path.name for path in self._exercise.notebook_files]
        inside = [edit for edit in change.edits if edit.file in notebooks]
        beside = [edit for edit in change.edits if edit not in inside]
        known = source.joined(self._files[name].decode() for name in notebooks)
        unsure = any(known.count(edit.replace) > 1 for edit in inside)  # in which file a cell is
        edited = None if unsure else in_cells(notebook, inside)
        if edited is None:
            return split_notebook(self._exercise, apply(change, self._files))
        return edited, apply(change.model_copy(update={"edits": beside}), rest)


def in_cells(notebook: NotebookNode, edits: list[Edit]) -> NotebookNode | None:
    """The notebook with edits carried out that stay within a cell's code.

    None where one does not, or changes what a cell is by the source's own signs.
    """
    cells = list(notebook.cells)
    for edit in edits:
        places = [index for index, cell in enumerate(cells)
                  if cell.cell_type == "code" and edit.replace in cell.source]
        if len(places) != 1 or SIGNS.search(f"{edit.replace}\n{edit.by}"):
            return None
        (index,) = places
        code = cells[index].source.replace(edit.replace, edit.by)
        if code != code.strip("\n"):
            return None
        cells[index] = NotebookNode({**cells[index], "source": code})
    return NotebookNode({**notebook, "cells": cells})


def _with_edits(entry: dict[str, Any]) -> dict[str, Any]:
    """Let a change with one edit be written without a list."""
    if "edits" in entry:
        return entry
    edit = {key: entry.get(key, "") for key in ("file", "replace", "by")}
    rest = {key: value for key, value in entry.items() if key not in edit}
    return {**rest, "edits": [edit]}
