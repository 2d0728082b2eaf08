"""Courses for the desk, released and in a gradebook, nobody in them yet: see graded.enter."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from autograder.course import Course
from autograder.desk.questions import Question, questions_of
from autograder.marking.store import RubricStore
from desk.graded import hw3_course, toy_course


@pytest.fixture(scope="session")
def released_toy(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """The toy with two written questions. Copy it (`desk_toy`), do not write to it."""
    return toy_course(tmp_path_factory.mktemp("released-toy"))


@pytest.fixture(scope="session")
def released_hw3(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """The repo's course with hw3. Copy it (`desk_hw3`), do not write to it."""
    return hw3_course(tmp_path_factory.mktemp("released-hw3"))


@pytest.fixture
def desk_toy(released_toy: Course, tmp_path: Path) -> Course:
    return copy_of(released_toy, tmp_path / "course")


@pytest.fixture
def desk_hw3(released_hw3: Course, tmp_path: Path) -> Course:
    return copy_of(released_hw3, tmp_path / "course")


@pytest.fixture
def course(desk_toy: Course) -> Course:
    return desk_toy


@pytest.fixture
def store(course: Course) -> Iterator[RubricStore]:
    with RubricStore(course) as opened:
        yield opened


@pytest.fixture
def why(course: Course) -> Question:
    """The toy's first question."""
    return next(one for one in questions_of(course, "toy") if one.grade_id == "toy_why")


def copy_of(course: Course, folder: Path) -> Course:
    """A course of its own with the same releases, gradebook and submissions."""
    shutil.copytree(course.root, folder, symlinks=True)
    return Course.load(folder)
