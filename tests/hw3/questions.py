"""Run hw3's hidden tests on its solution and on changed ones, and say what they asked and found.

It reads JSON: `edges`, parts whose edges to tell, and `narrow`, changes by name. It prints, as its
last line, `missing`: for each of two batches, by part, the edges that were not asked; and `lost`:
by name, the parts in which a changed solution loses. Its argument is a folder to write to.
"""

from __future__ import annotations

import json
import os
import sys
from collections import defaultdict
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import pytest

from autograder.course import Course
from autograder.exercise.edits import Change, apply
from autograder.exercise.solution import solved_files
from autograder.judge.domain import Domain
from autograder.judge.pytest_plugin import JudgePlugin, marked
from autograder.release.build import prepare
from autograder.strength.trial import Laboratory, begin, loses
from autograder.validate import as_work

SEEDS = (1, 2)


class Drawn(JudgePlugin):
    """Keeps what the tests of each part drew from domains."""

    cases: ClassVar[dict[str, list[tuple[Domain, SimpleNamespace]]]] = defaultdict(list)

    def _record(self, item: pytest.Item, error: BaseException | None) -> None:
        super()._record(item, error)
        self.cases[marked(item)[0]] += [case for draw in self.draws for case in draw.cases]
        self.draws.clear()


def missing(cases: list[tuple[Domain, SimpleNamespace]]) -> list[str]:
    """The edges of domains that no case has."""
    return [edge for domain in dict.fromkeys(domain for domain, _ in cases)
            for edge in domain.missing(case for other, case in cases if other is domain)]


def main() -> None:
    asked, scratch, course = json.load(sys.stdin), Path(sys.argv[1]), Course.load(Path.cwd())
    prepare(course, "hw3")
    os.chdir(scratch)
    begin(course, "hw3", scratch)
    exercise = course.exercise("hw3")
    files, laboratory = solved_files(exercise), Laboratory(course, "hw3", exercise, 2, scratch)
    found = []
    for seed in SEEDS:
        Drawn.cases.clear()
        laboratory.warm(seed)
        assert not laboratory.loses_all(laboratory.solution.work, seed, Drawn)
        found.append({part: missing(Drawn.cases[part]) for part in asked["edges"]})
    changes = [(name, Change(**change)) for name, change in asked["narrow"].items()]
    tasks = [(name, loses, (as_work(exercise, apply(change, files)), SEEDS[0], [change.part]))
             for name, change in changes]
    lost = {name: list(found) if isinstance(found, dict) else [found.reason]
            for name, found in laboratory.tried(tasks)}
    print("\n" + json.dumps({"missing": found, "lost": lost}))


if __name__ == "__main__":
    main()
