"""Courses with essays: before a round, and in one."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from autograder.course import Course
from crossfeedback.essays import hand_out, seven_groups


@pytest.fixture
def essays(tmp_path: Path) -> Course:
    """A course of seven groups, six of which handed in their essay."""
    return seven_groups(tmp_path)


@pytest.fixture(scope="session")
def handed_out(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """The same with a round that was drawn. Read it, do not write to it."""
    course = seven_groups(tmp_path_factory.mktemp("round"))
    hand_out(course, seed=7)
    return course


@pytest.fixture
def sent(handed_out: Course, tmp_path: Path) -> Course:
    """A copy of that, to be written to."""
    shutil.copytree(handed_out.root, tmp_path / "sent")
    return Course.load(tmp_path / "sent", handed_out.exercises_folder)
