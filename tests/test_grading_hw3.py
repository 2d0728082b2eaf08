"""hw3 handed in by groups, graded whole: right, with mistakes, and for the libraries of 2023."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from conftest import copy_course, grades_of, run_cli

from autograder.course import Course
from autograder.gradebook import queries

pytestmark = [pytest.mark.sandbox, pytest.mark.nbgrader]
OLD = "g3"  # the group whose notebook was written for the libraries of 2023
JUDGED = 23  # of 40 points; a person grades the rest


def graded_course(folder: Path, lenient: bool) -> Course:
    course = copy_course(folder, patient=True)
    text = (folder / "course.toml").read_text()
    assert text.count("lenient = false") == 1
    if lenient:
        (folder / "course.toml").write_text(text.replace("lenient = false", "lenient = true"))
    run_cli("samples", "hw3", "samples", cwd=folder)
    if lenient:
        for path in (folder / "samples").iterdir():
            if not path.name.startswith(OLD):
                path.unlink()
    done = run_cli("grade", "hw3", "samples", "-j", 1, cwd=folder, timeout=900)
    assert done.returncode == (0 if lenient else 1), done.stderr  # 1: a row asks for a person
    return Course.load(course.root)


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Course:
    return graded_course(tmp_path_factory.mktemp("strict"), lenient=False)


@pytest.fixture(scope="module")
def lenient(tmp_path_factory: pytest.TempPathFactory) -> Course:
    return graded_course(tmp_path_factory.mktemp("lenient"), lenient=True)


def points(course: Course) -> dict[str, float]:
    return {row.student: row.points for row in queries.entries(course, "hw3")}


def whole(strict: Course) -> dict[str, float]:
    """The points of a submission without a mistake, by part."""
    (row,) = (row for row in queries.entries(strict, "hw3") if row.student == "g1")
    return row.parts


def lost(course: Course, group: str, whole: dict[str, float]) -> set[str]:
    (row,) = (row for row in queries.entries(course, "hw3") if row.student == group)
    return {part for part, value in row.parts.items() if value != whole[part]}


def test_a_row_a_group_in_the_gradebook_a_row_a_member_in_the_csv(strict: Course) -> None:
    assert points(strict)["g1"] == JUDGED
    rows = grades_of(strict)
    assert {name: row["group"] for name, row in rows.items()} == {
        f"{group}-{number}": group for group, size in
        (("g1", 2), ("g2", 3), ("g3", 2), ("g4", 2), ("g5", 1)) for number in range(1, size + 1)}
    assert {rows[f"g2-{number}"]["total"] for number in (1, 2, 3)} == {f"{points(strict)['g2']:g}"}


def test_mistakes_cost_their_own_parts_and_are_named(strict: Course) -> None:
    assert lost(strict, "g2", whole(strict)) == {
        "hw3_2_1_collator", "hw3_2_3_network", "hw3_3_1_features"}
    assert "tanh" in grades_of(strict)["g2-1"]["what_happened"]


def test_nothing_written_and_nothing_readable_are_rows(strict: Course) -> None:
    assert points(strict)["g4"] == points(strict)["g5"] == 0
    assert "not a readable notebook" in grades_of(strict)["g5-1"]["what_happened"]


def test_a_notebook_of_2023_keeps_what_stands_for_itself(strict: Course) -> None:
    """One import is gone; the rest of that cell, and the other cells, still count."""
    assert lost(strict, OLD, whole(strict)) == {
        "hw3_2_2_arguments", "hw3_2_2_metrics", "hw3_2_2_trainer", "hw3_2_3_network",
        "hw3_3_1_features", "hw3_3_2_arguments", "hw3_3_2_trainer"}
    told = grades_of(strict)[f"{OLD}-1"]["what_happened"]
    for name in ("load_metric", "evaluation_strategy", "processing_class", "post_init"):
        assert name in told, f"{name} is not told of"


def test_lenient_takes_old_names_as_their_successors(strict: Course, lenient: Course) -> None:
    assert lost(lenient, OLD, whole(strict)) == set()
    assert "load_metric" in grades_of(lenient)[f"{OLD}-1"]["what_happened"]


def test_feedback_names_outdated_lines(strict: Course) -> None:
    page = (strict.feedback / OLD / "hw3" / "hw3.html").read_text()
    assert re.search(r"Out of date:.*load_metric", page)
    assert "What to look for" not in page, "the rubric"
