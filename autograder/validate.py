"""Test the tests: every misconception must lose in its own part, every variant must lose nothing.

The feedback must name no misconception that is not there, of two at once neither.
Each case is handed in and judged like a submission, sandbox and all. Right answers also run the
visible checks: what the hidden tests accept must pass these, too.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import combinations
from typing import Literal, TypeVar

import nbformat

from autograder.course import Course, CourseError, Exercise
from autograder.exercise import reading, source
from autograder.exercise.edits import Change, apply, fits, joined, read_changes
from autograder.exercise.parts import places_of_misconceptions
from autograder.exercise.solution import answered, clear_solutions, solved_files, split_notebook
from autograder.judge.pool import JudgingFailed, ask_all, judge_all
from autograder.judge.shared import new_seed
from autograder.judge.visible import disagreement, grade_and_check
from autograder.judge.work import Work
from autograder.release.build import prepare
from autograder.results.verdict import Verdict
from autograder.suggest import did_you_mean

Kind = Literal["reference", "skeleton", "misconception", "double", "variant"]
DOUBLES = 20  # pairs of misconceptions that are drawn for each assignment
Answer = TypeVar("Answer")


@dataclass(frozen=True, eq=False)
class Case:
    """One way to fill in an exercise, and what it should earn."""

    exercise: str
    kind: Kind
    name: str
    part: str = ""
    says: str = ""
    loses: dict[str, float] = field(default_factory=dict)
    names: tuple[str, ...] = ()  # misconceptions that are in a variant

    @property
    def right(self) -> bool:
        """Whether it is a right answer, whose visible checks are tried."""
        return self.kind in ("reference", "variant")

    @property
    def part_of_many(self) -> bool:
        """Whether it is one of the exercise's many wrong and right answers."""
        return self.kind in ("misconception", "double", "variant")

    @property
    def planted(self) -> tuple[str, ...]:
        """The misconceptions that are in it."""
        both = self.kind in ("misconception", "double")
        return tuple(self.name.split("+")) if both else self.names


@dataclass(frozen=True)
class Result:
    """A case with its verdict. `problem` is empty where the tests did what they should."""

    case: Case
    verdict: Verdict
    problem: str
    unlike: str = ""  # how hidden tests and visible checks disagree on a right answer

    @property
    def named(self) -> tuple[str, ...]:
        """The misconceptions that the feedback names."""
        return tuple(name for part in self.verdict.parts for name in part.misconceptions)

    def lost(self, part: str) -> float:
        found = self.verdict.part(part)
        return found.max_points - found.points if found else 0.0


def _meant(name: str, known: Iterable[str]) -> str:
    meant = did_you_mean(name, known)
    return f"{meant} " if meant else ""


def cases(course: Course, assignment: str) -> list[Case]:
    """All cases of an assignment.

    Raises CourseError where a file does not fit the source, or a part is named that is not there.
    """
    found = []
    for exercise in course.exercises(assignment):
        name = exercise.name
        reading.read(exercise)
        read = source.read(exercise)
        places_of_misconceptions(exercise, read)
        parts = source.judged_parts(read.notebook)
        found += [Case(name, "reference", "reference"), Case(name, "skeleton", "skeleton")]
        for change in read_changes(exercise, "misconception"):
            if change.part not in parts:
                raise CourseError(f"{name}: the misconception {change.name} is one of the part "
                                  f"`{change.part}`, which no source cell has; "
                                  f"{_meant(change.part, parts)}there are: "
                                  f"{', '.join(parts)}.")
            apply(change, handed_in(exercise))
            found.append(Case(name, "misconception", change.name, change.part, change.says))
        for change in read_changes(exercise, "variant"):
            apply(change, handed_in(exercise))
            found.append(Case(name, "variant", change.name, loses=change.loses,
                              names=tuple(change.names)))
    return found


def doubles(course: Course, assignment: str, seed: int) -> list[Case]:
    """Drawn pairs of misconceptions of one part, in its code, whose edits do not overlap."""
    draw, found = random.Random(seed), list[Case]()
    for exercise in course.exercises(assignment):
        changes, files = read_changes(exercise, "misconception"), solved_files(exercise)
        found += [Case(exercise.name, "double", f"{one.name}+{other.name}", one.part)
                  for one, other in combinations(changes, 2)
                  if one.part == other.part and fits(joined([one, other]), files)]
    return draw.sample(found, min(DOUBLES, len(found)))


def handed_in(exercise: Exercise) -> dict[str, bytes]:
    """The solved files, and what a student hands in besides (the folder `handin`).

    Its NAME.outputs.json holds what cells of the notebook had put out, by their ids.
    """
    besides = {path.name: path.read_bytes() for path in sorted(exercise.folder.glob("handin/*"))}
    return {**solved_files(exercise), **besides}


def skeleton(exercise: Exercise) -> dict[str, bytes]:
    """The files as they are released, before anything is written."""
    return {path.name: clear_solutions(path.read_text()).encode()
            if path.suffix == ".py" else path.read_bytes()
            for path in (*exercise.notebook_files, *exercise.files)}


def work(exercise: Exercise, kind: Kind, name: str) -> Work:
    """Fill the exercise in as the case says."""
    if kind == "skeleton":
        return as_work(exercise, skeleton(exercise))
    files = handed_in(exercise)
    if kind != "reference":
        files = apply(_change(exercise, kind, name), files)
    return as_work(exercise, files)


def as_work(exercise: Exercise, files: dict[str, bytes]) -> Work:
    """Files of an exercise, its notebook as percent text among them, as somebody hands them in."""
    outputs = json.loads(files.get(f"{exercise.name}.outputs.json", b"{}"))
    notebook, rest = split_notebook(exercise, files)
    rest.pop(f"{exercise.name}.outputs.json", None)
    for cell in notebook.cells:
        if cell.id in outputs:
            cell.outputs = nbformat.from_dict(outputs[cell.id])
        if source.by_hand(cell):  # what stands there is the rubric, which no student has
            cell.source = answered(cell.source, "My answer stands in the written part.")
    return Work(exercise.name, notebook, rest)


def validate(course: Course, assignment: str, processes: int, chosen: list[Case] | None = None,
             seed: int | None = None) -> Iterator[Result]:
    """Judge every case, several at a time; yield results as they come."""
    prepare(course, assignment)
    seed = new_seed() if seed is None else seed
    chosen = chosen or [*cases(course, assignment), *doubles(course, assignment, seed)]
    right = [case for case in chosen if case.right]
    for case, answer in ask_all(course, assignment, seed, _works(course, right), processes,
                                grade_and_check):
        verdict, failed = _not_lost(case, answer)
        unlike = disagreement(verdict, failed)
        yield Result(case, verdict, problem(case, verdict) or unlike, unlike)
    others = [case for case in chosen if not case.right]
    for case, given in judge_all(course, assignment, seed, _works(course, others), processes):
        verdict = _not_lost(case, given)
        yield Result(case, verdict, problem(case, verdict))


def _works(course: Course, chosen: Iterable[Case]) -> Iterator[tuple[Case, Work]]:
    return ((case, work(course.exercise(case.exercise), case.kind, case.name)) for case in chosen)


def _not_lost(case: Case, answer: Answer | JudgingFailed) -> Answer:
    if isinstance(answer, JudgingFailed):
        raise CourseError(f"{case.name}: {answer.reason}")
    return answer


def problem(case: Case, verdict: Verdict) -> str:
    """What is wrong with the tests, seen from this case; empty where nothing is."""
    lost = {part.part: round(part.max_points - part.points, 2)
            for part in verdict.parts if part.points < part.max_points}
    if case.kind == "reference":
        return f"the reference loses points in {', '.join(lost)}" if lost else ""
    if case.kind == "skeleton":
        return f"the skeleton earns {verdict.points:g} points" if verdict.points else ""
    named = [name for part in verdict.parts for name in part.misconceptions]
    if false := [name for name in named if name not in case.planted]:
        return f"is said to be {', '.join(false)}, which it is not"
    if case.kind == "variant":
        return "" if lost == case.loses else f"loses {lost or 'nothing'}, expected {case.loses}"
    if case.kind == "double":
        return ""  # two mistakes may undo each other
    if case.part not in lost:
        return f"loses nothing in {case.part}: no hidden test catches it"
    elsewhere = [part for part in lost if part != case.part]
    return f"also loses in {', '.join(elsewhere)}" if elsewhere else ""


def _change(exercise: Exercise, kind: Kind, name: str) -> Change:
    if kind == "double":
        return joined([_change(exercise, "misconception", one) for one in name.split("+")])
    assert kind in ("misconception", "variant")
    return next(change for change in read_changes(exercise, kind) if change.name == name)
