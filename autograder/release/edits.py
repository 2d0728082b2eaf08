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

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from autograder.course import CourseError, Exercise
from autograder.release.solved import solved_files, write_version

Kind = Literal["misconception", "variant"]


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


@dataclass(frozen=True)
class Edited:
    """A change carried out: the folder that holds the edited exercise."""

    name: str
    part: str
    says: str
    folder: Path


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


def write_misconceptions(exercise: Exercise, destination: Path) -> list[Edited]:
    """Write each misconception's edited exercise to a folder of its own."""
    files = solved_files(exercise)
    edited = []
    for change in read_changes(exercise, "misconception"):
        if not all(edit.file in files for edit in change.edits):
            continue  # an edit of what is handed in besides (result.log): there is no code to run
        folder = destination / change.name
        write_version(exercise, apply(change, files), folder)
        edited.append(Edited(change.name, change.part, change.says, folder))
    return edited


def _with_edits(entry: dict[str, Any]) -> dict[str, Any]:
    """Let a change with one edit be written without a list."""
    if "edits" in entry:
        return entry
    edit = {key: entry.get(key, "") for key in ("file", "replace", "by")}
    rest = {key: value for key, value in entry.items() if key not in edit}
    return {**rest, "edits": [edit]}
