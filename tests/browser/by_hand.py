"""A toy course with an answer that a person grades, and what three students hand in."""

from __future__ import annotations

import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path

import nbformat
from conftest import REPO, TOY_COURSE, TOY_NOTEBOOK, Toy, toy_work

from autograder.course import Course
from autograder.exercise.source import by_hand
from autograder.release.build import prepare
from autograder.samples import _written as a_pdf

RUBRIC = "Two points for numbers that can be compared, two for an example."
MODEL_ANSWER = "Scaled vectors lie between -1 and 1, whatever their unit was."
WHY = f'''
# %% [markdown]
# ## Why?
# Why are these vectors scaled by $\\max_i |x_i|$?

# %% [markdown] written="toy_why" points=4
# ### BEGIN SOLUTION
# {RUBRIC}
#
# **An answer with full marks.** {MODEL_ANSWER}
# ### END SOLUTION
'''
COURSE = (TOY_COURSE.replace("max_points = 10", "max_points = 14")
          .replace("archive =", 'written = "{id}_written.pdf"\narchive =')
          .replace("[course]", '[course]\nexercises = "../exercises"'))

ELSEWHERE = "attacker.example"
PWNED = "window.pwned = 1"
MARKUP = f"""<script>{PWNED}</script><img src=x onerror="{PWNED}"><svg onload="{PWNED}"></svg>
<iframe srcdoc="<script>parent.{PWNED}</script>"></iframe><style>@import "http://{ELSEWHERE}";</style>
<img src="http://{ELSEWHERE}/a.png"><link rel=stylesheet href="http://{ELSEWHERE}/a.css">
<div style="background: url(http://{ELSEWHERE}/b.png)">$\\href{{javascript:{PWNED}}}{{x}}$</div>
<form action="http://{ELSEWHERE}"><input autofocus onfocus="{PWNED}"></form>

![a picture](http://{ELSEWHERE}/c.png)
"""


@dataclass(frozen=True)
class Student:
    """What somebody hands in: an answer in the notebook, one in the PDF, or both."""

    id: str
    answer: str = ""
    pdf: str = ""
    hostile: bool = False


STUDENTS = (
    Student("s001", answer="So that $x / \\max_i |x_i|$ can be compared: metres or feet."),
    Student("s002", pdf="Because all of them are then of the same size."),
    Student("s003", answer=f"Look at this. {MARKUP}", hostile=True),
)


def write_course(folder: Path) -> Course:
    """The course below `folder`, with the configuration that nbgrader's own commands read."""
    toy = Toy(course=COURSE)
    toy.source["toy.py"] = TOY_NOTEBOOK.replace("(10 points)", "(14 points)") + WHY
    course = toy.write(folder)
    shutil.copy(REPO / "nbgrader_config.py", course.root)
    prepare(course, "toy")
    return course


def hand_in(course: Course, uploads: Path, student: Student) -> None:
    """Put a student's zip, and the PDF if there is one, into a folder of uploads."""
    work = toy_work(course)
    solved = {cell.id: cell.source for cell in work.notebook.cells}
    notebook = nbformat.read(course.build / "release" / "toy" / "toy.ipynb", as_version=4)
    for cell in notebook.cells:
        if by_hand(cell):
            cell.source = student.answer or cell.source
        elif cell.cell_type == "code":
            cell.source = solved[cell.id]
    if student.hostile:
        notebook.cells += _hostile_cells()
    uploads.mkdir(exist_ok=True)
    with zipfile.ZipFile(uploads / f"{student.id}_toy.zip", "w") as archive:
        archive.writestr("toy/toy.ipynb", nbformat.writes(notebook))
        archive.writestr("toy/vectors.py", work.files["vectors.py"])
    if student.pdf:
        (uploads / f"{student.id}_written.pdf").write_bytes(a_pdf(student.pdf))


def _hostile_cells() -> list[nbformat.NotebookNode]:
    new = nbformat.v4
    data = {"text/html": MARKUP, "application/javascript": PWNED, "image/svg+xml": MARKUP,
            "text/markdown": MARKUP, "text/latex": MARKUP, "text/plain": MARKUP}
    outputs = [new.new_output("display_data", {kind: text}) for kind, text in data.items()]
    return [new.new_markdown_cell(MARKUP), new.new_code_cell("1", outputs=outputs),
            new.new_raw_cell(MARKUP, metadata={"format": "text/html"})]
