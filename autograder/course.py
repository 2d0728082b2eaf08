"""The course: course.toml as typed values, and where everything of a course lies."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from autograder.kernel.sandbox import Limits

COURSE_FILE = "course.toml"
EXERCISES = Path(__file__).parent / "exercises"


class CourseError(Exception):
    """Something about the course is not as it must be; the message is for the instructor."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CourseInfo(_Strict):
    """[course]: its name as nbgrader's gradebook and the feedback pages show it."""

    id: str = Field(pattern=r"^[A-Za-z0-9_-]+$")
    title: str
    student_id: str = Field(r"[A-Za-z0-9_-]+", description="A pattern that a student's id matches.")

    @field_validator("student_id")
    @classmethod
    def _is_a_pattern(cls, pattern: str) -> str:
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from None
        return pattern


class LimitSettings(_Strict):
    """[limits]: what one submission may use. Sizes in MiB, times in seconds."""

    memory: int = Field(4096, gt=0)
    processes: int = Field(128, gt=0)
    file_size: int = Field(256, gt=0)
    scratch: int = Field(512, gt=0)
    output: int = Field(8, gt=0)
    cpu: int = Field(600, gt=0)
    cell: int = Field(60, gt=0)
    probe: int = Field(20, gt=0)
    submission: int = Field(300, gt=0)

    def sandbox(self) -> Limits:
        """The part of the limits that the sandbox itself enforces."""
        return Limits(**self.model_dump(exclude={"cell", "probe", "submission"}))


class Assignment(_Strict):
    """[assignments.NAME]: one thing that is handed in, made of one or more exercises."""

    title: str
    exercises: list[str] = Field(min_length=1)
    max_points: float = Field(gt=0)
    student_files: list[str] = []
    archive: str
    hidden: dict[str, str] = {}
    settings: dict[str, Any] = {}

    @field_validator("archive")
    @classmethod
    def _names_the_student(cls, name: str) -> str:
        if name.count("{id}") != 1 or set("{}") & set(name.replace("{id}", "")):
            raise ValueError("the name must hold {id} once, and no other braces")
        return name


class CourseToml(_Strict):
    """The whole of course.toml."""

    course: CourseInfo
    limits: LimitSettings = LimitSettings()
    assignments: dict[str, Assignment]


@dataclass(frozen=True)
class Exercise:
    """One folder under autograder/exercises: what is taught and how it is tested."""

    name: str
    folder: Path

    @property
    def source(self) -> Path:
        """The exercise with its solution: NAME.py is the notebook, the rest lies beside it."""
        return self.folder / "source"

    @property
    def notebook(self) -> Path:
        return self.source / f"{self.name}.py"

    @property
    def hidden_tests(self) -> Path:
        return self.folder / "test_hidden.py"

    @cached_property
    def files(self) -> tuple[Path, ...]:
        """What lies beside the notebook, in the order of names."""
        return tuple(path for path in sorted(self.source.iterdir())
                     if path.is_file() and path != self.notebook and path.suffix != ".pyc")


@dataclass(frozen=True)
class Course:
    """A course on disk. `root` holds course.toml; nbgrader's folders lie beside it."""

    root: Path
    toml: CourseToml
    exercises_folder: Path = EXERCISES

    @classmethod
    def find(cls, start: Path | None = None) -> Course:
        """Load the course.toml of `start` or of the nearest folder above it.

        Raises CourseError where there is none, or where it does not hold what it should.
        """
        start = (start or Path.cwd()).resolve()
        for folder in (start, *start.parents):
            if (folder / COURSE_FILE).is_file():
                return cls.load(folder)
        raise CourseError(f"No {COURSE_FILE} in {start} or above it. Change to the course's "
                          "folder.")

    @classmethod
    def load(cls, root: Path, exercises_folder: Path = EXERCISES) -> Course:
        """Load the course.toml in `root`. Raises CourseError as `find` does."""
        try:
            toml = CourseToml.model_validate(tomllib.loads((root / COURSE_FILE).read_text()))
        except UnicodeDecodeError:
            raise CourseError(f"{COURSE_FILE} is not text in UTF-8.") from None
        except tomllib.TOMLDecodeError as error:
            raise CourseError(f"{COURSE_FILE} is not valid TOML: {error}.") from None
        except ValidationError as error:
            lines = [f"  {'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
            raise CourseError("\n".join([f"{COURSE_FILE} is not as expected:", *lines])) from None
        course = cls(root.resolve(), toml, exercises_folder)
        for name, assignment in toml.assignments.items():
            for exercise in assignment.exercises:
                if not course.exercise(exercise).notebook.is_file():
                    raise CourseError(
                        f"{COURSE_FILE}: assignments.{name} names the exercise `{exercise}`, but "
                        f"there is no {course.exercise(exercise).notebook}.")
        return course

    def assignment(self, name: str) -> Assignment:
        try:
            return self.toml.assignments[name]
        except KeyError:
            known = ", ".join(self.toml.assignments)
            raise CourseError(f"No assignment `{name}` in {COURSE_FILE}; it has: {known}."
                              ) from None

    def exercise(self, name: str) -> Exercise:
        return Exercise(name, self.exercises_folder / name)

    def exercises(self, assignment: str) -> list[Exercise]:
        return [self.exercise(name) for name in self.assignment(assignment).exercises]

    @property
    def build(self) -> Path:
        """What is made from the sources: nbgrader's source folder and the reference."""
        return self.root / ".build"

    @property
    def submitted(self) -> Path:
        return self.root / "submitted"

    @property
    def feedback(self) -> Path:
        return self.root / "feedback"

    @property
    def gradebook(self) -> Path:
        return self.root / "gradebook.db"

    @property
    def journal(self) -> Path:
        """Every verdict as it was given, and what was noted when submissions came in."""
        return self.root / "journal"

    @property
    def grades(self) -> Path:
        return self.root / "grades.csv"
