"""Measure how strong an assignment's hidden tests are; what gets through is listed."""

from __future__ import annotations

import contextlib
import pickle
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import libcst as cst

from autograder.course import Course, CourseError, Exercise
from autograder.release.build import prepare
from autograder.strength import recording
from autograder.strength.code import units
from autograder.strength.explained import AXIS, CONSTANT, SHAPE, UNREACHED, Explained
from autograder.strength.mutants import mutants, types_of_names
from autograder.strength.recording import Expression, Noted
from autograder.strength.trial import Laboratory, Stopped, begin, loses, loses_all
from autograder.validate import Case, cases, work

Kind = Literal["constant", "specialised", "mutant"]
Some = TypeVar("Some")
Track = Callable[[Iterable[Any], str, int], Iterator[Any]]  # Count.track: what, of how many


@dataclass(frozen=True)
class Narrow:
    """A wrong answer that nobody has thought of, or an expression for which there may be one.

    `caught` says that the answer loses, or the expression varies; `why` explains one that neither
    does. `line` is that of the source file.
    """

    kind: Kind
    file: str
    line: int
    was: str
    becomes: str
    caught: bool
    why: str = ""

    def __str__(self) -> str:
        how = "caught" if self.caught else f"explained: {self.why}" if self.why else "OPEN"
        return f"{self.kind} {self.file}:{self.line}: `{self.was}` -> `{self.becomes}`: {how}"

    @property
    def problem(self) -> str:
        return "" if self.caught or self.why else str(self)


@dataclass(frozen=True)
class Wronged:
    """A right answer in one batch; `problem` is what it lost there, and should not have."""

    name: str
    seed: int
    problem: str


@dataclass(frozen=True)
class Plan:
    """What is tried: `seeds` are the batches over which expressions are noted and right answers
    judged, two at least; of all answers every nth whose text has `only` in it.
    """

    seeds: range
    every: int = 1
    only: str = ""

    def drawn(self, answers: Sequence[Some], name: Callable[[Some], str]) -> list[Some]:
        return [one for one in answers if self.only in name(one)][
            self.seeds.start % self.every::self.every]


@dataclass(frozen=True)
class Edge:
    """An edge of a domain that no question of a batch has: it is in others, by chance."""

    exercise: str
    seed: int
    edge: str

    @property
    def problem(self) -> str:
        return f"{self.exercise}, seed {self.seed}: no question with {self.edge}"


def measure(course: Course, assignment: str, plan: Plan, processes: int, scratch: Path,
            track: Track) -> Iterator[Narrow | Wronged | Edge]:
    """Yield all that was tried of an assignment's exercises; this process is spoilt by it.

    Raises CourseError where the reference itself loses.
    """
    prepare(course, assignment)
    with contextlib.chdir(scratch):
        begin(course, assignment, scratch)
        for exercise in course.exercises(assignment):
            laboratory = Laboratory(course, assignment, exercise, processes, scratch)
            for seed in plan.seeds:
                yield from (Edge(exercise.name, seed, edge) for edge in laboratory.warm(seed))
            yield from _wronged(laboratory, exercise, cases(course, assignment), plan, track)
            yield from _narrow(laboratory, exercise, plan, track)


def _wronged(laboratory: Laboratory, exercise: Exercise, every_case: list[Case], plan: Plan,
             track: Track) -> Iterator[Wronged]:
    right = plan.drawn([case for case in every_case
                        if case.exercise == exercise.name and case.right], lambda case: case.name)
    tasks = [((case, seed), loses_all, (work(exercise, case.kind, case.name), seed))
             for seed in plan.seeds for case in right]
    for (case, seed), lost in track(laboratory.tried(tasks), f"{exercise.name}: right answers",
                                    len(tasks)):
        yield Wronged(case.name, seed, "" if lost == case.loses else
                      lost.reason if isinstance(lost, Stopped) else
                      f"loses {lost or 'nothing'}, expected {case.loses or 'nothing'}")


def _narrow(laboratory: Laboratory, exercise: Exercise, plan: Plan, track: Track
            ) -> Iterator[Narrow]:
    first, second, *_ = plan.seeds
    code, explained = units(exercise), Explained(exercise)
    found = recording.expressions(code)
    batches = _batches(laboratory, found, plan.seeds)
    together = [_joined([batch[number] for batch in batches if number in batch])
                for number in range(len(found))]

    reached: dict[cst.FunctionDef | None, set[str]] = defaultdict(set)  # empty: all parts
    for one, notes in zip(found, together, strict=True):
        if (function := one.unit.function(one.node)) is not None:
            reached[function] |= notes.parts

    def judged(kind: Kind, file: str, line: int, was: str, becomes: str, caught: bool) -> Narrow:
        why = "" if caught else explained.why(file, was, becomes)
        return Narrow(kind, file, line, was, becomes, caught, why)

    for one, notes in zip(found, together, strict=True):
        for hole in _holes(notes) or [""]:
            yield judged("constant", one.unit.file, one.line, one.text, hole or "varies", not hole)
    answers = plan.drawn(
        [(one, number, becomes) for number, one in enumerate(found) if number in batches[0]
         for becomes in (CONSTANT, SHAPE) if _can_be_specialised(together[number], becomes)],
        lambda answer: f"{answer[0].unit.file}:{answer[0].line}: {answer[0].text}")
    tasks = [((one, becomes), recording.specialised,
              (recording.with_constant(one, number, becomes == SHAPE), one.unit,
               _constant(batches[0][number], becomes), second,
               reached[one.unit.function(one.node)]))
             for one, number, becomes in answers]
    for (one, becomes), lost in track(laboratory.tried(tasks), f"{exercise.name}: specialised",
                                      len(tasks)):
        yield judged("specialised", one.unit.file, one.line, one.text, becomes, bool(lost))
    types = types_of_names(found, {number: notes.kinds for number, notes in enumerate(together)})
    changed = plan.drawn(
        [mutant for unit in code for mutant in mutants(unit, types, found)],
        lambda mutant: f"{mutant.unit.file}:{mutant.line}: {mutant.was} {mutant.becomes}")
    trials = [(mutant, loses, (laboratory.solution.version(mutant.unit, mutant.text), first,
                               reached[mutant.function])) for mutant in changed]
    for mutant, lost in track(laboratory.tried(trials), f"{exercise.name}: mutants", len(trials)):
        yield judged("mutant", mutant.unit.file, mutant.line, mutant.was, mutant.becomes,
                     bool(lost))


def _batches(laboratory: Laboratory, found: Sequence[Expression], seeds: range
             ) -> list[dict[int, Noted]]:
    batches = []
    for batch, notes in laboratory.tried((batch, recording.noted, (found, batch))
                                         for batch in seeds):
        if isinstance(notes, Stopped):
            raise CourseError(f"The solution cannot be noted with seed {batch}: {notes.reason}.")
        batches.append(pickle.loads(notes))
    return batches


def _joined(batches: list[Noted]) -> Noted:
    """What an expression gave in all batches."""
    joined = Noted()
    for batch in batches:
        joined.kinds |= batch.kinds
        joined.parts |= batch.parts
        joined.values |= batch.values
        joined.shapes |= batch.shapes
        joined.plain &= batch.plain
    return joined


def _holes(notes: Noted) -> list[str]:
    """What about an expression never varied; empty where all does, or it has no value to compare.

    Axes of size 1 do not count: they are there for broadcasting.
    """
    if not notes.kinds:
        return [UNREACHED]
    if notes.kinds == {"NoneType"}:
        return []
    if notes.plain and len(notes.values) == 1:
        return [CONSTANT]
    if len(set(map(len, notes.shapes))) != 1:
        return []
    sizes = [set(axis) for axis in zip(*notes.shapes, strict=True)]
    return [AXIS.format(axis) for axis, seen in enumerate(sizes) if len(seen) == 1 and seen != {1}]


def _can_be_specialised(notes: Noted, becomes: str) -> bool:
    return len(notes.shapes) > 1 if becomes == SHAPE else notes.plain and len(notes.values) > 1


def _constant(notes: Noted, becomes: str) -> Any:
    return min(notes.shapes) if becomes == SHAPE else notes.first


def summary(answers: Sequence[Narrow | Wronged | Edge]) -> str:
    """The last lines: right answers, and narrow ones."""
    right = [one for one in answers if isinstance(one, Wronged)]
    seeds = len({one.seed for one in right})
    wronged = len({one.name for one in right if one.problem})

    def count(kind: Kind) -> tuple[int, int, int]:
        those = [one for one in answers if isinstance(one, Narrow) and one.kind == kind]
        explained = sum(bool(one.why) for one in those)
        return sum(one.caught for one in those), len(those) - explained, explained

    (varies, constants, known), (lose, special, alike), (killed, mutated, equal) = (
        count("constant"), count("specialised"), count("mutant"))
    return (f"seeds={seeds} right={f'{wronged} lose' if wronged else 'full'}\n"
            f"constants={constants - varies} open ({known} explained) "
            f"specialised={lose}/{special} lose ({alike} explained) "
            f"mutants={killed}/{mutated} killed ({equal} explained)")
