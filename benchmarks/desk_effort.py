"""What grading a class by hand costs in keys and clicks: the desk against formgrader.

    python benchmarks/desk_effort.py [--groups 100] [--seeds 2] [--alone]

A made-up class answers hw3's written questions (tests/desk/simulated.py); every answer gets what
its label says. Counted is the shortest way that each program's keyboard allows; that of the desk
is tests/desk/keyboard.py, by which a test drives a real one. The weights of likeness were tuned on
every other question, on another draw; the others' figures are printed, too.

desk: a card at a time; 1 to 9 choose items, f all that add, 0 none, `.` what was given last;
Enter gives the card and goes on, g the card's whole group; r and t give card and group the same
again. Who is wrongly in a group is clicked on and given its own items first. z gives all empty
answers 0.

formgrader: the points, typed as short as its field takes them (.5), then Ctrl-. (counted as one
key) for the same field of the next submission. An empty answer is passed by. Comments, without
which a student does not learn what is missing, are counted by themselves: the shortest that names
each missing item, ten characters, typed once for each answer.

The last line: desk=x.xx formgrader=y.yy ratio=z.zz pairs-same=..% grouped=..%
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from desk.keyboard import pressed
from desk.simulated import Drawn, SimulatedQuestion, draw, questions

from autograder.course import Course
from autograder.desk.likeness import Embedder, arrange, normal_form

Embed = Callable[[list[str]], NDArray[np.float64]]
HINT = 10  # characters of the shortest comment on a missing item


@dataclass(frozen=True)
class Answer:
    """A drawn answer as likeness reads it."""

    owner: str
    text: str

    @property
    def digest(self) -> str:
        return self.text

    @property
    def empty(self) -> bool:
        return not self.text.strip()


@dataclass
class Count:
    """Keys and clicks of one question, and how good its groups are."""

    answers: int = 0
    desk: int = 0
    formgrader: int = 0
    comments: int = 0
    pairs: int = 0
    pairs_same: int = 0
    grouped: int = 0

    def __add__(self, other: Count) -> Count:
        return Count(*(one + two for one, two in
                       zip(vars(self).values(), vars(other).values(), strict=True)))

    def __str__(self) -> str:
        desk, formgrader = self.desk / self.answers, self.formgrader / self.answers
        return (f"desk={desk:.2f} formgrader={formgrader:.2f} ratio={desk / formgrader:.2f} "
                f"pairs-same={self.pairs_same / max(self.pairs, 1):.1%} "
                f"grouped={self.grouped / self.answers:.1%}")


def typed(points: float) -> str:
    """Points as short as formgrader's field takes them."""
    return f"{points:g}".removeprefix("0") or "0"


def count(question: SimulatedQuestion, drawn: Sequence[Drawn], embed: Embed | None) -> Count:
    """What one question costs in either program."""
    items = {one.owner: one.items for one in drawn}
    groups = arrange([Answer(one.owner, one.text) for one in drawn], embed)
    pairs = [items[one] == items[other] for group in groups if not group.empty
             for one, other in combinations(group.owners, 2)]
    written = [one for one in drawn if one.text.strip()]
    adding = {key for key, item in question.items.items() if item.kind == "adds"}
    return Count(
        answers=len(drawn),
        desk=len(pressed(question, groups, items)),
        formgrader=len(drawn) + sum(len(typed(question.points(one.items))) for one in written),
        comments=sum(HINT * len(adding - one.items | one.items - adding) for one in written),
        pairs=len(pairs), pairs_same=sum(pairs),
        grouped=sum(len(group.owners) for group in groups
                    if not group.empty and len(group.owners) > 1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--groups", type=int, default=100)
    parser.add_argument("--seeds", type=int, default=2, help="so many classes are drawn")
    parser.add_argument("--alone", action="store_true", help="without embeddings")
    asked = parser.parse_args()
    embed = None if asked.alone else Embedder.of(Course.find(Path(__file__).parent))
    drawn = {grade_id: [draw(question, asked.groups, 20 + seed) for seed in range(asked.seeds)]
             for grade_id, question in questions().items()}
    if embed is not None:
        forms = {normal_form(one.text) for classes in drawn.values() for answers in classes
                 for one in answers}
        start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
        embed(sorted(forms))
        spent = resource.getrusage(resource.RUSAGE_CHILDREN)
        print(f"{len(forms)} texts, those that no run embedded before in "
              f"{time.perf_counter() - start:.1f} s, of which the processors worked "
              f"{spent.ru_utime + spent.ru_stime - before.ru_utime - before.ru_stime:.1f} s")
    found = {grade_id: sum((count(questions()[grade_id], answers, embed) for answers in classes),
                           Count())
             for grade_id, classes in drawn.items()}
    for place, (grade_id, one) in enumerate(found.items()):
        print(f"{grade_id:16} {'not tuned on' if place % 2 else 'tuned on':12} {one}")
    whole = sum(found.values(), Count())
    print("questions not tuned on:", sum(list(found.values())[1::2], Count()))
    print(f"formgrader's comments: {whole.comments / whole.answers:.1f} keys an answer more")
    print("Ctrl-. as the two keys that it is: ratio="
          f"{whole.desk / (whole.formgrader + whole.answers):.2f}")
    print(whole)


if __name__ == "__main__":
    main()
