"""A gradebook with written answers that nobody has graded, made without a judge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from autograder.course import Course
from autograder.exercise.rubric import Rubric, RubricItem
from autograder.gradebook.nbgrader_api import open_gradebook

COURSE = """
[course]
id = "essays"
title = "A course of essays"
{db_url}
[desk]
graders = ["ada", "ben", "cleo"]

[assignments.essay]
title = "Essays"
exercises = ["essay"]
max_points = 4
archive = "{{id}}.zip"
"""
SOURCE = '''
# %% [markdown] written="why" points=2
# ### BEGIN SOLUTION
# **What to look for (2 points).**
#
# - 0.5: the first half.
# - 1.5: the second half.
# - -0.5: a sign is wrong.
# - at most 1: by intuition.
# ### END SOLUTION

# %% [markdown] written="how" points=2
# ### BEGIN SOLUTION
# **What to look for (2 points).**
#
# - 2: all of it.
# ### END SOLUTION
'''
RUBRIC = Rubric((RubricItem(0.5, "adds", "the first half."),
                 RubricItem(1.5, "adds", "the second half."),
                 RubricItem(0.5, "takes", "a sign is wrong."),
                 RubricItem(1, "caps", "by intuition.")))


@dataclass(frozen=True)
class AQuestion:
    """A question as the store needs it."""

    grade_id: str = "why"
    rubric: Rubric = RUBRIC
    max_points: float = 2.0
    assignment: str = "essay"


WHY = AQuestion()
HOW = AQuestion("how", Rubric((RubricItem(2, "adds", "all of it."),)))


def a_course(folder: Path, db_url: str = "") -> Course:
    """The course of essays, with nothing handed in."""
    source = folder / "exercises" / "essay" / "source"
    source.mkdir(parents=True)
    (source / "essay.py").write_text(SOURCE)
    (folder / "course.toml").write_text(COURSE.format(
        db_url=f'db_url = "{db_url}"' if db_url else ""))
    return Course.load(folder)


def enter(course: Course, owners: list[str], questions: Mapping[str, float] | None = None,
          auto_scores: Mapping[str, float] | None = None) -> None:
    """Enter the assignment and submissions of `owners`, as nbgrader's autograde leaves them.

    auto_scores: whose answers earned points by themselves, such as 0 for an empty one
    """
    cells = questions or {"why": 2.0, "how": 2.0}
    with open_gradebook(course) as gradebook:
        gradebook.update_or_create_assignment("essay")
        gradebook.update_or_create_notebook("essay", "essay")
        for name, points in cells.items():
            gradebook.update_or_create_grade_cell(name, "essay", "essay", max_score=points,
                                                  cell_type="markdown")
            gradebook.update_or_create_solution_cell(name, "essay", "essay")
        for owner in owners:
            gradebook.update_or_create_student(owner)
            gradebook.update_or_create_submission("essay", owner)
            for name in cells:
                grade = gradebook.find_grade(name, "essay", "essay", owner)
                grade.auto_score = (auto_scores or {}).get(owner)
                grade.needs_manual_grade = grade.auto_score is None
        gradebook.db.commit()


def in_formgrader(course: Course, owner: str, points: float | None, comment: str | None = None,
                  grade_id: str = "why") -> None:
    """Type points or a comment, as formgrader's page does."""
    with open_gradebook(course) as gradebook:
        grade = gradebook.find_grade(grade_id, "essay", "essay", owner)
        grade.manual_score = points
        grade.needs_manual_grade = points is None and grade.auto_score is None
        if comment is not None:
            gradebook.find_comment(grade_id, "essay", "essay", owner).manual_comment = comment
        gradebook.db.commit()
