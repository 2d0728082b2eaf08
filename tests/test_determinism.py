"""The same batch, graded again and again: in whatever order and with whatever workers, the same."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from faults.arena import KINDS, build, load, outcome

from autograder import batch


@pytest.mark.sandbox
@pytest.mark.nbgrader
def test_five_times_graded_five_times_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch
                                               ) -> None:
    """The last two times, processes of their own write the pages."""
    root = build(tmp_path / "course", len(KINDS) + 1)
    course = load(root)
    students = batch.submitted_students(course, "toy")
    chance = random.Random(7)
    found = []
    for run in range(5):
        monkeypatch.setattr(batch, "JUDGES_A_WRITER", 1 if run > 2 else 99)
        chance.shuffle(students)
        batch.grade(course, "toy", list(students), 1 + run % 2, again=True)
        rows = outcome(root).rows
        pages = {path.parents[1].name: path.read_text() for path in sorted(
            course.feedback.glob("*/toy/toy.html"))}
        found.append((rows, {name: page[page.index("<body"):] for name, page in pages.items()}))
    assert len(found[0][0]) == len(KINDS) + 1
    for other in found[1:]:
        assert other[0] == found[0][0], "points or sentences differ"
        assert other[1] == found[0][1], "feedback pages differ"
