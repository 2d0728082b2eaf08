"""Survivors that are right answers after all, each with its reason: equivalent.toml of an exercise.

    [[equivalent]]
    file = "bert.py"
    was = "projected = linear_layer(x)"        # as `validate --strength` prints it
    becomes = ["projected = linear_layer(+x)"]
    why = "the same numbers"

Where `was` is an expression, `becomes` may hold CONSTANT, SHAPE, UNREACHED, or AXIS with a number.
"""

from __future__ import annotations

import tomllib

from pydantic import BaseModel, ConfigDict

from autograder.course import CourseError, Exercise

CONSTANT, SHAPE, UNREACHED = "always the same", "of one shape", "never reached"

AXIS = "axis {} of one size"


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    file: str
    was: str
    becomes: list[str]
    why: str


class _Explanations(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    equivalent: list[_Entry] = []


class Explained:
    """What is known to be equivalent in an exercise. Raises CourseError where an entry is not as it
    must be."""

    def __init__(self, exercise: Exercise) -> None:
        path = exercise.folder / "equivalent.toml"
        try:
            text = path.read_text() if path.is_file() else ""
            entries = _Explanations.model_validate(tomllib.loads(text)).equivalent
        except ValueError as error:
            raise CourseError(f"equivalent.toml of {exercise.name}: {error}") from None
        self._known = {(entry.file, entry.was, becomes): entry.why
                       for entry in entries for becomes in entry.becomes}

    def why(self, file: str, was: str, becomes: str) -> str:
        """The reason; empty where there is none."""
        return self._known.get((file, was, becomes), "")
