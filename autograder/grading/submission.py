"""A submission as grading works on it: read from disk once, then passed from step to step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import nbformat
from nbformat import NotebookNode

from autograder.course import Course
from autograder.faults import of_the_machine, sentence
from autograder.files import read_folder
from autograder.intake.records import IntakeRecord
from autograder.judge.work import Work, beside_notebooks
from autograder.late import Applied
from autograder.results.verdict import Verdict


@dataclass(frozen=True, eq=False)
class Submission:
    """What one student or group handed in for an assignment.

    files: every file of its folder in submitted/, by path
    works: by exercise, the work to judge; an exercise whose notebook cannot be read has none
    unreadable: by exercise, why its notebook cannot be read
    fingerprints: by exercise, the hash of its work; empty where that cannot be read
    note: what intake noted of the upload
    """

    student: str
    files: Mapping[str, bytes] = field(default_factory=dict)
    works: Mapping[str, Work] = field(default_factory=dict)
    unreadable: Mapping[str, str] = field(default_factory=dict)
    fingerprints: Mapping[str, str] = field(default_factory=dict)
    note: IntakeRecord | None = None

    def with_released_notebooks(self, course: Course, assignment: str) -> Submission:
        """The same, with the released notebooks in place of the student's."""
        names = [f"{exercise}.ipynb" for exercise in course.assignment(assignment).exercises]
        released = {name: (course.build / "release" / assignment / name).read_bytes()
                    for name in names}
        return replace(of_files(course, assignment, self.student, {**self.files, **released}),
                       note=self.note)


@dataclass(frozen=True, eq=False)
class JudgedSubmission:
    """A submission, the verdicts on its exercises, and what the late rules apply to it."""

    submission: Submission
    verdicts: Mapping[str, Verdict]
    late: Applied | None = None

    @property
    def student(self) -> str:
        return self.submission.student


def read_submission(course: Course, assignment: str, student: str) -> Submission:
    """Read a submission. Raises OSError where the machine is at fault."""
    try:
        files = read_folder(course.submitted / student / assignment)
    except Exception as error:
        if of_the_machine(error):
            raise
        exercises = course.assignment(assignment).exercises
        return Submission(student, unreadable=dict.fromkeys(exercises, sentence(error)),
                          fingerprints=dict.fromkeys(exercises, ""))
    return of_files(course, assignment, student, files)


def of_files(course: Course, assignment: str, student: str, files: Mapping[str, bytes]
             ) -> Submission:
    """The submission that consists of these files."""
    beside = beside_notebooks(files)
    works, unreadable, fingerprints = dict[str, Work](), dict[str, str](), dict[str, str]()
    for exercise in course.assignment(assignment).exercises:
        try:
            work = Work(exercise, _notebook(files, f"{exercise}.ipynb"), beside)
            fingerprints[exercise] = work.fingerprint
            works[exercise] = work
        except Exception as error:
            if of_the_machine(error):
                raise
            unreadable[exercise], fingerprints[exercise] = sentence(error), ""
    return Submission(student, files, works, unreadable, fingerprints)


def _notebook(files: Mapping[str, bytes], name: str) -> NotebookNode:
    if name not in files:
        raise FileNotFoundError(f"there is no {name}")
    return nbformat.reads(files[name].decode("utf-8"), as_version=4)
