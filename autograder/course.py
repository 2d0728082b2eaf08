"""The course on disk: its settings (settings.py), its exercises, and where everything lies."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from zoneinfo import ZoneInfo

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from autograder.course_toml import CourseToml, deadlines, keys_of
from autograder.kernel.isolation.policy import READS, Surroundings
from autograder.late import Deadline
from autograder.settings import Assignment
from autograder.suggest import did_you_mean, unknown

COURSE_FILE = "course.toml"
EXERCISES = "exercises", "autograder/exercises"  # beside course.toml, the first that is there
GRADING = "grading"
# What grading wrote at the course's top before it had a folder of its own, by what each course has.
OLD_PLACES = "submitted", "autograded", "feedback", "journal", "gradebook.db"


class CourseError(Exception):
    """Something about the course is not as it must be; the message is for the instructor."""


def _exercises(root: Path, named: str) -> Path:
    """The folder of exercises: the one that course.toml names, else the first of EXERCISES."""
    places = [root / place for place in ([named] if named else EXERCISES)]
    return next((place for place in places if place.is_dir()), places[0]).resolve()


def _grading(root: Path) -> Path:
    """The folder of what grading writes: `grading`, or the root of a course that was begun there.

    That is a course with one of OLD_PLACES at its top and none below `grading`.
    """
    folder = root / GRADING
    return next((place for place in (folder, root)
                 if any((place / name).exists() for name in OLD_PLACES)), folder)


def _says(error: ErrorDetails) -> str:
    """What is wrong with a key or a value, and which key was meant where there is no such one."""
    if error["type"] != "extra_forbidden":
        return error["msg"]
    *above, key = map(str, error["loc"])
    meant = did_you_mean(key, keys_of(above))
    return f"there is no such key{f'; {meant}' if meant else ''}"


@dataclass(frozen=True)
class Exercise:
    """One folder of the course's exercises: what is taught and how it is tested."""

    name: str
    folder: Path

    @property
    def source(self) -> Path:
        """The exercise with its solution: the notebook's files, and those beside the notebook."""
        return self.folder / "source"

    @property
    def notebook_files(self) -> tuple[Path, ...]:
        """The notebook: NAME.py or, where it is long, 0_*.py, 1_*.py, ... joined in this order."""
        whole = self.source / f"{self.name}.py"
        return (whole,) if whole.is_file() else tuple(sorted(self.source.glob("[0-9]_*.py")))

    @property
    def hidden_tests(self) -> tuple[Path, ...]:
        """test_hidden.py or, where an exercise has much to test, several test_*.py."""
        return tuple(sorted(self.folder.glob("test_*.py")))

    @cached_property
    def files(self) -> tuple[Path, ...]:
        """What lies beside the notebook, in the order of names."""
        return tuple(path for path in sorted(self.source.iterdir())
                     if path.is_file() and path not in self.notebook_files
                     and path.suffix != ".pyc")


@dataclass(frozen=True)
class Course:
    """A course on disk. `root` holds course.toml, `grading` all that grading writes."""

    root: Path
    toml: CourseToml
    exercises_folder: Path

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
    def load(cls, root: Path, exercises_folder: Path | None = None) -> Course:
        """Load the course.toml in `root`. Raises CourseError as `find` does.

        Exercises are looked for in `exercises_folder`, else in that of course.toml, else in
        exercises/ or autograder/exercises/ beside it.
        """
        try:
            toml = CourseToml.model_validate(tomllib.loads((root / COURSE_FILE).read_text()))
        except UnicodeDecodeError:
            raise CourseError(f"{COURSE_FILE} is not text in UTF-8.") from None
        except ValidationError as error:
            lines = [f"  {'.'.join(map(str, e['loc']))}: {_says(e)}" for e in error.errors()]
            raise CourseError("\n".join([f"{COURSE_FILE} is not as expected:", *lines])) from None
        except (ValueError, RecursionError) as error:  # of tomllib, or of a number without end
            raise CourseError(f"{COURSE_FILE} is not valid TOML: {error}.") from None
        root = root.resolve()
        course = cls(root, toml, exercises_folder or _exercises(root, toml.course.exercises))
        for name, assignment in toml.assignments.items():
            for exercise in assignment.exercises:
                if not course.exercise(exercise).notebook_files:
                    meant = did_you_mean(exercise, (
                        one.name for one in course.exercises_folder.glob("*/")))
                    raise CourseError(
                        f"{COURSE_FILE}: assignments.{name} names the exercise `{exercise}`, but "
                        f"there is no {course.exercise(exercise).source / exercise}.py"
                        f"{f'; {meant}' if meant else '.'}")
        return course

    def assignment(self, name: str) -> Assignment:
        try:
            return self.toml.assignments[name]
        except KeyError:
            raise CourseError(unknown("assignment", name, COURSE_FILE, [
                *self.toml.homeworks, *self.toml.assignments])) from None

    def together(self, name: str) -> list[str]:
        """The assignments that `name` stands for: those of a homework, or the assignment itself."""
        homework = self.toml.homeworks.get(name)
        if homework is None:
            self.assignment(name)
        return homework.assignments if homework else [name]

    @property
    def names(self) -> list[str]:
        """What is handed in: the homeworks, and each assignment that is part of none."""
        parts = {name for homework in self.toml.homeworks.values() for name in homework.assignments}
        return [*self.toml.homeworks, *(name for name in self.toml.assignments
                                        if name not in parts)]

    @property
    def deadlines(self) -> dict[str, Deadline]:
        """What has a due date, by the name of a homework or of an assignment by itself."""
        return deadlines(self.toml)

    def deadline(self, assignment: str) -> Deadline | None:
        """The deadline of an assignment, that of its homework where it stands in one."""
        return next((one for one in self.deadlines.values() if assignment in one.assignments),
                    None)

    def surroundings(self, assignment: str) -> Surroundings:
        """What student code of an assignment finds around it.

        Raises CourseError where the offline hub lacks something that the assignment needs.
        """
        settings = self.assignment(assignment)
        missing = [name for name in settings.hub
                   if not (self.hub / "hub" / f"models--{name.replace('/', '--')}").is_dir()]
        missing += [name for name in settings.data_sets
                    if not (self.hub / "datasets" / name.replace("/", "___")).is_dir()]
        if missing:
            prepare = self.toml.course.prepare
            raise CourseError(f"The offline hub, {self.hub}, lacks {', '.join(missing)}."
                              f"{f' Run: {prepare}' if prepare else ''}")
        hub = str(self.hub) if settings.hub or settings.data_sets else ""
        reads = {f"{READS}/{name}": str(place) for name in settings.reads
                 if (place := (self.root / name).resolve()).exists()}
        return Surroundings(settings.hidden, hub, settings.environment, settings.preload,
                            settings.lenient, reads)

    def hub_revisions(self, assignment: str) -> list[str]:
        """Which contents lie under the names that an assignment loads from the offline hub."""
        settings = self.assignment(assignment)
        found = []
        for name in settings.hub:
            main = self.hub / "hub" / f"models--{name.replace('/', '--')}" / "refs" / "main"
            found.append(main.read_text() if main.is_file() else "")
        for name in settings.data_sets:
            tables = (self.hub / "datasets" / name.replace("/", "___")).glob("*/*/*/")
            found += sorted(table.name for table in tables)
        return found

    def exercise(self, name: str) -> Exercise:
        return Exercise(name, self.exercises_folder / name)

    def exercises(self, assignment: str) -> list[Exercise]:
        return [self.exercise(name) for name in self.assignment(assignment).exercises]

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.toml.course.timezone)

    @property
    def build(self) -> Path:
        """What is made from the sources: nbgrader's source folder and the reference."""
        return self.root / ".build"

    @property
    def dist(self) -> Path:
        """Zips to be given out to students."""
        return self.root / "dist"

    @property
    def releases(self) -> Path:
        """The record of what was given out to students (release/versions.py)."""
        return self.root / "releases"

    @property
    def handout(self) -> list[str]:
        """What students receive beside the assignments' folders, by path."""
        settings = self.toml.release
        return self.matching([settings.instructions, settings.collect, *settings.written,
                              *settings.files])

    def matching(self, patterns: Iterable[str]) -> list[str]:
        """The course's files with such names, by path, in their order."""
        return sorted({path.relative_to(self.root).as_posix() for pattern in patterns
                       for path in self.root.glob(pattern) if path.is_file()})

    @property
    def hub(self) -> Path:
        """The offline hub, laid out as a Hugging Face home."""
        return (self.root / "data" / "hf").resolve()

    @cached_property
    def grading(self) -> Path:
        """The folder of all that grading writes; decided once, so that it is never split."""
        return _grading(self.root)

    @property
    def submitted(self) -> Path:
        return self.grading / "submitted"

    @property
    def autograded(self) -> Path:
        """The submissions as nbgrader entered them, with what staff see beside answers."""
        return self.grading / "autograded"

    @property
    def feedback(self) -> Path:
        return self.grading / "feedback"

    @property
    def gradebook(self) -> Path:
        """The gradebook's file; it is there only where no database server holds the gradebook."""
        return self.grading / "gradebook.db"

    @property
    def db_url(self) -> str:
        """Where the gradebook lies, as SQLAlchemy and nbgrader name it.

        Raises CourseError where the URL in course.toml names an environment variable that is unset.
        """
        url = self.toml.course.db_url
        for name in re.findall(r"\$\{?(\w+)", url):
            if name not in os.environ:
                raise CourseError(f"{COURSE_FILE}: db_url needs the environment variable {name}, "
                                  "which is not set.")
        return os.path.expandvars(url) or f"sqlite:///{self.gradebook}"

    @property
    def journal(self) -> Path:
        """Every verdict as it was given, and what was noted when submissions came in."""
        return self.grading / "journal"

    @property
    def grades(self) -> Path:
        return self.grading / "grades.csv"
