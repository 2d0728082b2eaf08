"""A student's own code of each part, cut out of what was handed in. It is read, never run."""

from __future__ import annotations

import functools
import json
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from autograder.exercise.parts import Place, written

MOST_LINES = 200
MOST_CHARACTERS = 20_000
LARGEST = 32 * 1024 * 1024  # bytes of a file: notebooks hold pictures


@dataclass(frozen=True)
class CodeExcerpt:
    """A piece of what was handed in; `where` names file and function, `cut` says it goes on."""

    where: str
    text: str
    cut: bool = False


class SubmittedCode:
    """The folder of one submission to one exercise; its files are read when they are needed."""

    def __init__(self, folder: Path, exercise: str) -> None:
        self._folder, self._exercise = folder, exercise

    def code(self, places: Mapping[str, tuple[Place, ...]]) -> dict[str, tuple[CodeExcerpt, ...]]:
        """The code at the places of each part; what is not there is left out."""
        return {part: tuple(code for place in some if (code := self._at(place)) is not None)
                for part, some in places.items()}

    def _at(self, place: Place) -> CodeExcerpt | None:
        where = ", ".join(name for name in (place.file, place.name) if name)
        return _short(where, written(place, self._cells, self._text))

    @functools.cached_property
    def _cells(self) -> dict[str, str]:
        """The notebook's cells, by grade_id, by id, or else by number."""
        try:
            cells = json.loads(self._text(f"{self._exercise}.ipynb") or "{}")["cells"]
            return {_name(cell) or str(number): "".join(cell["source"])
                    for number, cell in enumerate(cells)}
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return {}  # no notebook; what could not be graded has said so

    def _text(self, name: str) -> str:
        path = self._folder / name
        if path.is_symlink() or not path.is_file() or path.stat().st_size > LARGEST:
            return ""
        return path.read_text(encoding="utf-8", errors="replace")


def _name(cell: dict) -> str:
    data = cell.get("metadata", {}).get("nbgrader")
    return str((data.get("grade_id") if isinstance(data, dict) else "") or cell.get("id") or "")


def _short(where: str, text: str) -> CodeExcerpt | None:
    """No more of a text than somebody would read; None where there is nothing."""
    text = textwrap.dedent(text.strip("\n"))
    shown = "\n".join(text[:MOST_CHARACTERS].split("\n")[:MOST_LINES])
    return CodeExcerpt(where, shown, cut=len(shown) < len(text)) if text.strip() else None
