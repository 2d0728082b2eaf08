"""What to reread for each part: reread.toml of an exercise, from sources to exact places in them.

    [sources.vaswani]
    title = "Vaswani et al. (2017), Attention Is All You Need"
    url = "https://arxiv.org/abs/1706.03762"

    [parts]
    q2_attention = [
        { source = "vaswani", section = "3.2.1", equation = "1", on = "scaled dot products" },
    ]

Documentation has entries in the place of sections: `name` is what is looked up there, `page` the
end of its address.
"""

from __future__ import annotations

import tomllib

from nbformat import NotebookNode
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from autograder.course import CourseError, Exercise
from autograder.exercise import source as sources

FILE = "reread.toml"


class Publication(BaseModel):
    """A paper or a documentation. `url` is where it begins."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    title: str
    url: str = Field(pattern=r"^https://[^\s\"'<>]+$")


class Passage(BaseModel):
    """A place in a source. `on` says in a few words what stands there."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    source: str
    section: str = ""
    equation: str = ""
    figure: str = ""
    table: str = ""
    name: str = ""
    page: str = Field("", pattern=r"^[^\s\"'<>]*$")
    on: str = ""


class ReadingList(BaseModel):
    """The whole of a reread.toml; an exercise without one has nothing to reread."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    sources: dict[str, Publication] = {}
    parts: dict[str, list[Passage]] = {}

    def of(self, part: str) -> list[tuple[Publication, Passage]]:
        """What to reread for a part, in the order of the file."""
        return [(self.sources[passage.source], passage) for passage in self.parts.get(part, [])]


def read(exercise: Exercise, notebook: NotebookNode | None = None) -> ReadingList:
    """Read an exercise's reread.toml; `notebook` is its source notebook, if it is read already.

    Raises CourseError where it is not as it must be, or names a part or a source that is not there.
    """
    path = exercise.folder / FILE
    if not path.is_file():
        return ReadingList()
    try:
        found = ReadingList.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        first = error.errors()[0]
        raise CourseError(f"{FILE} of {exercise.name}: {'.'.join(map(str, first['loc']))}: "
                          f"{first['msg']}.") from None
    except (ValueError, RecursionError) as error:
        raise CourseError(f"{FILE} of {exercise.name} is not valid TOML: {error}.") from None
    parts = sources.parts(notebook or sources.read_notebook(exercise))
    unknown = [part for part in found.parts if part not in parts]
    if unknown:
        raise CourseError(f"{FILE} of {exercise.name}: {', '.join(unknown)} is no part; it has "
                          f"{', '.join(parts)}.")
    named = {passage.source for passages in found.parts.values() for passage in passages}
    if missing := sorted(named - set(found.sources)):
        raise CourseError(f"{FILE} of {exercise.name}: there is no [sources.{missing[0]}].")
    return found
