"""Classes made without judging: verdicts in a journal, points in a gradebook, submitted works."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import nbformat
from conftest import Toy

from autograder.course import Course
from autograder.exercise import source
from autograder.gradebook.nbgrader_api import open_gradebook
from autograder.journal import Entry, path_of
from autograder.judge.work import Work
from autograder.results.reason import Reason, misconception
from autograder.results.verdict import PartVerdict, Verdict

WRITTEN = '''
# %% [markdown]
# Why do words have vectors?

# %% [markdown] written="toy_why" points=2
# ### BEGIN SOLUTION
# So that likeness is a distance.
# ### END SOLUTION
'''


def toy_course(folder: Path, roster: str = "") -> Course:
    """The toy with a part that is graded by hand, and a roster; nothing of it is built."""
    toy = Toy()
    toy.source["toy.py"] += WRITTEN
    if roster:
        toy.course = toy.course.replace("[course]", '[course]\nroster = "roster.csv"')
    course = toy.write(folder)
    if roster:
        (course.root / "roster.csv").write_text(roster, encoding="utf-8")
    return course


def verdict(*parts: PartVerdict, exercise: str = "toy", incidents: tuple[Reason | str, ...] = (),
            seed: int = 7, seconds: float = 2.0) -> Verdict:
    return Verdict(exercise, parts, incidents, seed, seconds)


def because(says: str, name: str) -> tuple[Reason | str, ...]:
    """The reasons of a part: a misconception by its `name`, a sentence, or nothing."""
    return (misconception(name, says),) if name else (says,) * bool(says)


def toy_verdict(words: float = 4, count: float = 3, scale: float = 3, says: str = "",
                misconception: str = "", **others: object) -> Verdict:
    """A verdict on the toy; `says` and `misconception` are told of the first part."""
    return verdict(PartVerdict("toy_words", words, 4, because(says, misconception)),
                   PartVerdict("toy_count", count, 3), PartVerdict("toy_scale", scale, 3),
                   **others)  # type: ignore[arg-type]


def entry(student: str, found: Verdict, time: str = "2026-11-02T12:00:00+00:00") -> Entry:
    return Entry(student, found.exercise, f"hash-of-{student}", found, {}, time)


def write_class(course: Course, assignment: str, entries: Iterable[Entry],
                by_hand: Mapping[str, float] = {}) -> None:
    """Write the journal, and a gradebook with its points.

    by_hand: the share of the points that people gave a student, in parts that no verdict is on
    """
    entries = list(entries)
    path = path_of(course, assignment)
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a", encoding="utf-8") as file:
        for one in entries:
            file.write(json.dumps({
                "time": one.time, "student": one.student, "exercise": one.exercise,
                "fingerprint": one.fingerprint, "origin": one.origin,
                "verdict": one.verdict.to_json()}) + "\n")
    with open_gradebook(course) as gradebook:
        gradebook.update_or_create_assignment(assignment)
        for exercise in course.exercises(assignment):
            gradebook.update_or_create_notebook(exercise.name, assignment)
            for part, most in source.parts(source.read_notebook(exercise)).items():
                gradebook.update_or_create_grade_cell(
                    part, exercise.name, assignment, max_score=most, cell_type="code")
        points = {(one.student, part.part): part.points
                  for one in entries for part in one.verdict.parts}
        for student in dict.fromkeys(one.student for one in entries):
            gradebook.update_or_create_student(student)
            submission = gradebook.update_or_create_submission(assignment, student)
            for grade in (grade for notebook in submission.notebooks for grade in notebook.grades):
                grade.auto_score = points.get((student, grade.name))
                grade.needs_manual_grade = grade.auto_score is None
                if grade.auto_score is None and student in by_hand:
                    grade.manual_score = by_hand[student] * grade.max_score
        gradebook.db.commit()


def hand_in(course: Course, assignment: str, student: str, work: Work) -> None:
    """Lay a work out as intake does."""
    folder = course.submitted / student / assignment
    folder.mkdir(parents=True, exist_ok=True)
    nbformat.write(work.notebook, folder / f"{work.exercise}.ipynb")
    for name, data in work.files.items():
        (folder / name).write_bytes(data)
