"""A class that has handed in: the same submissions for every grader that is compared.

What the hidden tests ask of a right submission is recorded once. Rivals ask the same from inside
the student's process (same_tests.py), so that all do the same work on the same code.
"""

from __future__ import annotations

import pickle
import shutil
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest

from autograder.course import COURSE_FILE, Course
from autograder.judge import grading
from autograder.judge.answer import Answer
from autograder.judge.grading import Grader
from autograder.judge.pytest_plugin import JudgePlugin
from autograder.judge.student_runner import StudentRunner
from autograder.judge.work import Work
from autograder.kernel import offline
from autograder.release.build import prepare
from autograder.validate import Case, as_work, cases, handed_in, work

ROOT = Path(__file__).resolve().parents[2]
Asked = dict[str, list[tuple[bytes, bytes]]]  # by part: what is asked, and the right answer


def course_at(folder: Path, assignment: str) -> Course:
    """The kit's course in a folder of its own, the assignment built and nothing handed in.

    Everybody hands in alone: so no roster is needed.
    """
    folder.mkdir(parents=True)
    for name in (COURSE_FILE, "nbgrader_config.py"):
        shutil.copy(ROOT / name, folder)
    settings = (folder / COURSE_FILE).read_text()
    (folder / COURSE_FILE).write_text(settings.replace("groups = true", "groups = false"))
    (folder / "data").mkdir()
    (folder / "data" / "hf").symlink_to(ROOT / "data" / "hf")
    (folder / "exercises").symlink_to(ROOT / "autograder" / "exercises")
    course = Course.load(folder)
    prepare(course, assignment)
    return course


def works(course: Course, assignment: str, number: int) -> Iterator[tuple[str, Work]]:
    """So many submissions by student: right in several forms, and wrong in one part, in turn.

    The assignment has one exercise.
    """
    (exercise,) = course.exercises(assignment)
    known: dict[str, list[Case]] = defaultdict(list)
    for case in cases(course, assignment):
        known[case.kind].append(case)
    kinds = [known["variant"], known["misconception"]]
    for index in range(number):
        one = kinds[index % 2]
        case = one[(index // 2 * 7) % len(one)]  # from all over the list
        yield f"2026_{index:05d}", work(exercise, case.kind, case.name)


def hand_in(course: Course, assignment: str, number: int) -> None:
    """Put so many submissions where intake would."""
    (exercise,) = course.exercises(assignment)
    for student, one in works(course, assignment, number):
        folder = course.submitted / student / assignment
        folder.mkdir(parents=True)
        nbformat.write(one.notebook, folder / f"{exercise.name}.ipynb")
        for name, data in one.files.items():
            (folder / name).write_bytes(data)


def given(course: Course, assignment: str) -> Iterator[tuple[str, bytes]]:
    """The files that lie beside every notebook, without those that students write."""
    own = course.assignment(assignment).student_files
    for path in (course.build / "source" / assignment).iterdir():
        if path.is_file() and path.suffix != ".ipynb" and path.name not in own:
            yield path.name, path.read_bytes()


def released(course: Course, assignment: str) -> nbformat.NotebookNode:
    """The notebook that tells which cells are run."""
    (exercise,) = course.exercises(assignment)
    place = course.build / "source" / assignment / f"{exercise.name}.ipynb"
    return nbformat.read(place, as_version=4)


def environment(course: Course, assignment: str, private: Path) -> dict[str, str]:
    """Models and data sets offline, as in our sandbox; links to them in the folder `private`."""
    around = course.surroundings(assignment)
    found = {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "MPLBACKEND": "Agg",
             **around.environment}
    if around.hub:
        found |= offline.environment(around.hub, str(private))
        offline.lay_links(Path(around.hub), private)
    return found


def record(course: Course, assignment: str) -> Asked:
    """What the hidden tests ask of the reference, in the real sandbox, and what it answers."""
    (exercise,) = course.exercises(assignment)
    asked: dict[str, list[bytes]] = defaultdict(list)
    part = ""

    class Recording(JudgePlugin):
        @pytest.hookimpl(tryfirst=True)
        def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None
                                    ) -> bool | None:
            nonlocal part
            (part, *_) = item.get_closest_marker("part").args
            return super().pytest_runtest_protocol(item, nextitem)

    class Heard(StudentRunner):
        def ask(self, request: bytes) -> Answer:
            asked[part].append(request)
            return super().ask(request)

    grading.JudgePlugin, grading.StudentRunner = Recording, Heard
    try:
        with Grader(course, assignment, seed=1) as grader:
            verdict = grader.grade(as_work(exercise, handed_in(exercise)))
            assert verdict.points == verdict.max_points, verdict
            reference = course.build / "reference" / exercise.name
            return {part: [(request, grader.reference.compute(reference, request).answer)
                           for request in requests] for part, requests in asked.items()}
    finally:
        grading.JudgePlugin, grading.StudentRunner = JudgePlugin, StudentRunner


def read(file: Path) -> Asked:
    """What was recorded."""
    asked: Asked = pickle.loads(file.read_bytes())
    return asked


def main() -> None:
    """Record in a process of its own: `python -m throughput.classes COURSE ASSIGNMENT FILE`."""
    root, assignment, file = sys.argv[1:]
    Path(file).write_bytes(pickle.dumps(record(Course.load(Path(root)), assignment)))


if __name__ == "__main__":
    main()
