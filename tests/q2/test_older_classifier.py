"""A classifier.py from before experiment.py, which held all of it, is judged as it was."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from conftest import REPO

from autograder.exercise.solution import without_markers
from autograder.results.verdict import Verdict

pytestmark = [pytest.mark.sandbox, pytest.mark.nbgrader]
SOURCE = REPO / "autograder" / "exercises" / "q2" / "source"
RIGHT = "loss.backward()"


def whole(solved: str) -> str:
    """A solved classifier.py with the code of experiment.py in the place of its import."""
    given = (SOURCE / "experiment.py").read_text().rpartition('"""\n\nimport')[2]
    imported = r"from experiment import \([^)]*\)\n"
    text, count = re.subn(imported, lambda _: f"import {given}", solved)
    assert count == 1 and "experiment" not in text
    return text


@pytest.mark.parametrize(("by", "lost"), [(RIGHT, 0), ("", 5)], ids=["right", "wrong"])
def test_an_older_classifier_is_judged_by_its_step(
        grade_q2: Callable[[dict[str, bytes]], Verdict], by: str, lost: float) -> None:
    solved = without_markers((SOURCE / "classifier.py").read_text())
    assert solved.count(RIGHT) == 1
    today = solved.replace(RIGHT, by)
    old, new = (grade_q2({"classifier.py": text.encode()}) for text in (whole(today), today))
    assert [part.points for part in old.parts] == [part.points for part in new.parts]
    assert old.part("q2_train").points == 8 - lost and old.points == 50 - lost
