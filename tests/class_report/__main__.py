"""Make a class of the kit's own wrong answers, and tell how long its report takes.

    cd tests && PYTHONPATH=.:.. python -m class_report 60 /tmp/class hw4

Nothing is judged: each student has an ability, each part a difficulty, and what is wrong is one of
the part's misconceptions, or something without a name. Works in submitted/ are real.
"""

from __future__ import annotations

import functools
import math
import random
import resource
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from conftest import copy_course

from autograder.course import Course, Exercise
from autograder.exercise import source
from autograder.exercise.edits import Change, read_changes
from autograder.journal import Entry
from autograder.judge.work import Work
from autograder.report.class_report.render import write
from autograder.report.read import CourseResults
from autograder.results.reason import misconception
from autograder.results.verdict import PartVerdict, Verdict
from autograder.validate import work
from class_report.classes import hand_in, write_class

BEGAN = datetime(2026, 11, 2, 20, tzinfo=UTC)
ODD = {  # sentences of no misconception, with how often they come
    "Not written yet: NotImplementedError at the notebook, line 12.": 3,
    "Your code stopped with TypeError: 'NoneType' object is not iterable at the notebook, line 9.":
        4, "Your code ran for more than 20 s and was stopped.": 1,
    "Your code ran out of memory at bert.py, line 80 (`torch.zeros(n, n, n)`).": 1,
    "The values differ from the reference's.": 6}


def make(course: Course, name: str, students: int, seed: int = 5) -> None:
    """Fill an empty course with a homework, or an assignment, of so many students."""
    chance = random.Random(seed)
    ability = {f"2026_{number:05d}": chance.gauss(0.7, 1) for number in range(1, students + 1)}
    for assignment in course.together(name):
        entries, clock = [], BEGAN
        for student, able in ability.items():
            for exercise in course.exercises(assignment):
                wrong, verdict = _judged(exercise, able, chance)
                hand_in(course, assignment, student, _work(exercise, wrong))
                clock += timedelta(seconds=verdict.seconds / 2)
                entries.append(Entry(student, exercise.name, f"{chance.random()}", verdict, {},
                                     clock.isoformat(timespec="seconds")))
        write_class(course, assignment, entries, {
            student: min(1, max(0, round(2.4 + able) / 4)) for student, able in ability.items()})


def _judged(exercise: Exercise, able: float, chance: random.Random) -> tuple[str, Verdict]:
    """A verdict, and the misconception whose edit stands in the work; "reference" for none."""
    wrong, parts = "reference", []
    for (part, most), hard in zip(_points(exercise).items(), _hardness(exercise), strict=True):
        known = [change for change in _changes(exercise) if change.part == part]
        if chance.random() < 1 / (1 + math.exp(1.4 * (hard - able))):
            parts.append(PartVerdict(part, most, most))
        elif known and chance.random() < 0.7:
            change = known[min(int(chance.expovariate(0.5)), len(known) - 1)]
            wrong = change.name if wrong == "reference" else wrong
            parts.append(PartVerdict(part, round(most * chance.choice((0, 0, 0.5, 0.75)), 2), most,
                                     (misconception(change.name, change.says),)))
        else:
            says = chance.choices(list(ODD), list(ODD.values()))[0]
            parts.append(PartVerdict(part, 0.0, most, (says,)))
    seconds = round(chance.lognormvariate(0.3, 0.7), 2)
    return wrong, Verdict(exercise.name, tuple(parts), (), 11711, seconds)


@functools.cache
def _points(exercise: Exercise) -> dict[str, float]:
    return source.judged_parts(source.read_notebook(exercise))


def _hardness(exercise: Exercise) -> Iterator[float]:
    """From easy to hard, in each exercise anew."""
    count = len(_points(exercise))
    return (-1.6 + 3.4 * number / max(1, count - 1) for number in range(count))


@functools.cache
def _changes(exercise: Exercise) -> list[Change]:
    return read_changes(exercise, "misconception")


@functools.cache
def _work(exercise: Exercise, name: str) -> Work:
    return work(exercise, "reference" if name == "reference" else "misconception", name)


def main() -> None:
    students, folder, name = int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    folder.mkdir(parents=True)
    course = copy_course(folder)
    make(course, name, students)
    for anonymous in (False, True):
        start = time.monotonic()
        path = write(CourseResults(course), name, anonymous)
        print(f"{path}: {time.monotonic() - start:.1f} s, {path.stat().st_size / 1000:.0f} kB")
    print(f"memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB at most")


if __name__ == "__main__":
    main()
