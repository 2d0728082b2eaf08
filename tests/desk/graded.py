"""A class after the machine has graded it: written answers wait for a person, nothing is judged.

`enter` writes the autograded notebooks and the gradebook's rows that a batch would have written.

    course = toy_course(tmp_path)
    enter(course, "toy", {"s001": {"toy_why": "Since it is so."}, "s002": {}})
    enter(course, "toy", {"s001": {"toy_why": "Now it is otherwise."}})   # a new upload
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat
from conftest import Toy, copy_course
from nbformat import NotebookNode

from autograder.course import Course
from autograder.exercise import source
from autograder.gradebook import sanitize
from autograder.gradebook.nbgrader_api import open_gradebook
from autograder.grading import grading_context
from autograder.intake.written import WRITTEN, digest_of, is_empty
from autograder.judge.work import Work
from autograder.marking.database import prepare as migrate
from autograder.marking.entering import enter_answers
from autograder.release.build import prepare

Answers = Mapping[str, str | NotebookNode]  # by grade_id: a text, or a cell with attachments
QUESTIONS = r'''
# %% [markdown]
# ## Two questions
# A vector $x$ is scaled by $\max_i |x_i|$.
#
# **(a)** Why? (2 points)

# %% [markdown] written="toy_why" points=2 title="· (a)"
# ### BEGIN SOLUTION
# **What to look for (2 points).** Wording does not matter.
#
# - 1.5: numbers can be compared, whatever their unit was.
# - 0.5: they lie between $-1$ and $1$.
# - -0.5: the sum is said to be 1.
# - at most 1: only an example.
#
# That zero vectors need care is a good remark.
#
# **An answer with full marks.** Scaled vectors lie between $-1$ and $1$, whatever their unit was.
# ### END SOLUTION

# %% [markdown]
# **(b)** How else? (1 point)

# %% [markdown] written="toy_how" points=1 title="· (b)"
# ### BEGIN SOLUTION
# **What to look for (1 point).**
#
# - 1: a norm is named.
#
# **An answer with full marks.** By the norm $\|x\|_2$.
# ### END SOLUTION
'''


def toy_course(folder: Path) -> Course:
    """The toy with two written questions, released and in a gradebook."""
    toy = Toy()
    toy.course = toy.course.replace("max_points = 10", "max_points = 13")
    toy.source["toy.py"] = toy.source["toy.py"].replace("(10 points)", "(13 points)") + QUESTIONS
    course = toy.write(folder)
    prepare(course, "toy")
    return course


def hw3_course(folder: Path) -> Course:
    """The repo's own course, with hw3 released and in a gradebook."""
    course = copy_course(folder)
    prepare(course, "hw3")
    return course


def enter(course: Course, assignment: str, answers: Mapping[str, Answers],
          files: Mapping[str, bytes] | None = None) -> None:
    """Enter what each owner wrote as a batch does; judged parts have full marks.

    Answers that are not given are the released cells. `files` are beside everybody's notebook
    (written.pdf is drawn, in the sandbox). Whoever was entered before keeps what people gave.
    """
    released = {exercise.name: nbformat.read(
        course.build / "release" / assignment / f"{exercise.name}.ipynb", as_version=4)
        for exercise in course.exercises(assignment)}
    written = {owner: _write_notebooks(course, assignment, owner, given, released, files or {})
               for owner, given in answers.items()}
    with open_gradebook(course) as gradebook:
        migrate(course.db_url)
        for owner in answers:
            gradebook.update_or_create_student(owner)
            submission = gradebook.update_or_create_submission(assignment, owner)
            pdf = (files or {}).get(WRITTEN)
            for notebook in submission.notebooks:
                cells = written[owner][notebook.name]
                digests = {name: digest_of(cell, pdf) for name, cell in cells.items()}
                known = enter_answers(gradebook, notebook.id, assignment, owner, {
                    name: (digests[name], cell.source) for name, cell in cells.items()})
                for grade in notebook.grades:
                    if grade.name not in cells:  # no person grades it
                        grade.auto_score, grade.needs_manual_grade = grade.max_score, False
                        continue
                    zero = is_empty(cells[grade.name]) and pdf is None
                    grade.auto_score = 0.0 if zero else None
                    grade.needs_manual_grade = not zero if grade.manual_score is None else (
                        known[grade.name].asks_again(digests[grade.name], grade.manual_score,
                                                     grade.needs_manual_grade))
            gradebook.db.commit()


def _write_notebooks(course: Course, assignment: str, owner: str, answers: Answers,
                     released: Mapping[str, NotebookNode], files: Mapping[str, bytes]
                     ) -> dict[str, dict[str, NotebookNode]]:
    """Write somebody's autograded notebooks; return the written answers of each, by grade_id."""
    found: dict[str, dict[str, NotebookNode]] = {}
    folder = course.autograded / owner / assignment
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    for exercise, notebook in released.items():
        notebook = copy.deepcopy(notebook)
        for cell in filter(source.by_hand, notebook.cells):
            given = answers.get(cell.metadata.nbgrader.grade_id)
            if isinstance(given, str):
                cell.source = given
            elif given is not None:
                cell.update({"source": given.source, "attachments": given.get("attachments", {})})
        sanitize.clean(notebook)
        found[exercise] = {cell.metadata.nbgrader.grade_id: cell
                           for cell in filter(source.by_hand, notebook.cells)}
        grading_context.insert(notebook, course, Work(exercise, notebook, files))
        write(folder / f"{exercise}.ipynb", notebook)
    return found


def autograded(course: Course, assignment: str, owner: str, exercise: str) -> Path:
    return course.autograded / owner / assignment / f"{exercise}.ipynb"


def write(path: Path, notebook: Mapping[str, Any]) -> None:
    """Write a notebook as it is, without a look at whether it is one."""
    path.write_text(json.dumps(notebook), encoding="utf-8")
