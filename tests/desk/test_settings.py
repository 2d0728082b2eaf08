"""[desk] in course.toml: who grades, and what embeds."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import TOY_COURSE

from autograder.course import Course, CourseError
from autograder.settings import DeskSettings


def of(folder: Path, lines: str) -> DeskSettings:
    (folder / "course.toml").write_text(
        TOY_COURSE.split("[assignments")[0] + f"[desk]\n{lines}\n[assignments]\n")
    return Course.load(folder).toml.desk


def test_nobody_is_named_unless_somebody_is(tmp_path: Path) -> None:
    assert of(tmp_path, "") == DeskSettings() == DeskSettings(graders=[], embed=None)
    assert of(tmp_path, 'graders = ["Ada", "Jürgen Müller"]\nembed = "q2/embedding.py"'
              ) == DeskSettings(graders=["Ada", "Jürgen Müller"], embed="q2/embedding.py")


@pytest.mark.parametrize(("lines", "says"), [
    ('graders = ["Ada", "Ada"]', "Ada stands there twice"),
    ('graders = [""]', "no name of a grader"),
    ('graders = [" Ada"]', "no name of a grader"),
    ('graders = ["(source)"]', "no name of a grader"),
    ('graders = ["A\\nB"]', "no name of a grader"),
    (f'graders = ["{"a" * 101}"]', "no name of a grader"),
    ('grader = ["Ada"]', "graders"),
    ('embed = "/etc/passwd"', "course's folder"),
    ('embed = "../embedding.py"', "course's folder"),
])
def test_what_cannot_be_meant_is_a_sentence(tmp_path: Path, lines: str, says: str) -> None:
    with pytest.raises(CourseError, match=says):
        of(tmp_path, lines)
