"""What failed for one submission: it gets a flag for a person, and the class goes on.

Whatever the kit does for one submission after another is a `Step`, and runs under `Faults.guard`.
A fault stands in journal/faults.jsonl until the step succeeds, a line each, the last one counts. A
fault of the machine (a full disk, a gradebook out of reach) is nobody's, and stops the command.
"""

from __future__ import annotations

import contextlib
import errno
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError

from autograder.course import Course, CourseError
from autograder.files import UNLIKE, read_lines
from autograder.kernel.isolation.policy import SandboxError
from autograder.results.reason import Code, Reason
from autograder.text import on_one_line

# Of all that the system refuses, what can lie in the files of one submission.
OF_FILES = frozenset({None, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.EINVAL,
                      errno.ENAMETOOLONG, errno.ELOOP, errno.ENOTEMPTY, errno.EILSEQ})


class Step(StrEnum):
    """What is done for one submission after another. The values stand in the journal."""

    SETTLE = "settle"
    ENTER = "enter"
    PAGE = "page"
    ROW = "row"
    FEEDBACK = "feedback"
    EXPORT = "export"
    TODO = "todo"
    EXAMPLE = "example"
    SIMILAR = "similar"
    HAND_OUT = "hand-out"

    @property
    def label(self) -> str:
        """The step as a sentence names it."""
        return LABELS[self]


LABELS = {
    Step.SETTLE: "its notebook could not be looked into",
    Step.ENTER: "it could not be entered in the gradebook",
    Step.PAGE: "its page of nbgrader's could not be written",
    Step.ROW: "its row of the grades could not be made",
    Step.FEEDBACK: "its feedback page could not be written",
    Step.EXPORT: "its grade could not be exported",
    Step.TODO: "what a person should look at could not be listed",
    Step.EXAMPLE: "no example could be taken from it for the class report",
    Step.SIMILAR: "it could not be compared with others",
    Step.HAND_OUT: "it could not be given to another group",
}


@dataclass(frozen=True)
class Fault:
    """That a step failed for a submission; `error` is empty where it has succeeded since."""

    name: str  # of the assignment or homework
    student: str
    step: Step
    error: str

    @property
    def reason(self) -> Reason:
        """What a person should look at."""
        return Reason(Code.STEP_FAILED, step=self.step.label, error=self.error)


class Faults:
    """The faults of an assignment's or a homework's submissions."""

    def __init__(self, course: Course, name: str) -> None:
        self._name, self._path = name, path_of(course)
        self._names = {name, *course.together(name), *(
            homework for homework, settings in course.toml.homeworks.items()
            if name in settings.assignments)}
        self._known: dict[tuple[str, str, Step], Fault] = {}
        for line in read_lines(self._path):
            with contextlib.suppress(*UNLIKE):
                fault = _fault(line)
                self._known[fault.name, fault.student, fault.step] = fault
        self._failed: set[tuple[str, Step]] = set()  # here, so that it is not mended yet

    def has(self, step: Step, student: str) -> bool:
        """Whether a step failed for a submission, and has not succeeded since."""
        known = self._known.get((self._name, student, step))
        return known is not None and bool(known.error)

    @property
    def failed(self) -> list[Fault]:
        """What has failed since this was made."""
        return [self._known[self._name, *key] for key in sorted(self._failed)]

    @property
    def standing(self) -> list[Fault]:
        """What has failed and not succeeded since: also in the whole, or in its parts."""
        return [fault for fault in self._known.values()
                if fault.error and fault.name in self._names]

    @contextlib.contextmanager
    def guard(self, step: Step, student: str) -> Iterator[None]:
        """Do a step for one submission. What it raises is noted, and goes no further.

        Raises what is a fault of this machine.
        """
        try:
            yield
            ended(step, student)
        except Exception as error:
            if of_the_machine(error):
                raise
            self._failed.add((student, step))
            self._note(Fault(self._name, student, step, sentence(error)))
        else:
            if self.has(step, student) and (student, step) not in self._failed:
                self._note(Fault(self._name, student, step, ""))

    def _note(self, fault: Fault) -> None:
        key = fault.name, fault.student, fault.step
        if self._known.get(key) == fault:
            return
        self._known[key] = fault
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with open(self._path, "a", encoding="utf-8") as file:
            file.write("\n" + json.dumps(asdict(fault)) + "\n")


def faults(course: Course, name: str) -> list[Fault]:
    """The faults of an assignment or a homework, those of the whole and of its parts."""
    return Faults(course, name).standing


def path_of(course: Course) -> Path:
    return course.journal / "faults.jsonl"


def sentence(error: BaseException) -> str:
    """An error on one line."""
    said = on_one_line(" ".join(str(error).split()), 200)
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def of_the_machine(error: BaseException) -> bool:
    """Whether an error is this machine's or the course's, and so of every submission."""
    if isinstance(error, OSError):
        return error.errno not in OF_FILES
    if isinstance(error, DBAPIError):
        return not isinstance(error, (DataError, IntegrityError))
    return isinstance(error, (CourseError, SandboxError))


def ended(step: Step, student: str) -> None:
    """Called after each step that went well, for tests that let one fail."""


def _fault(data: Any) -> Fault:
    """The fault of a line. Raises one of files.UNLIKE where it holds something else."""
    if not all(isinstance(value, str) for value in data.values()):
        raise TypeError("a fault holds texts")
    return Fault(**{**data, "step": Step(data["step"])})
