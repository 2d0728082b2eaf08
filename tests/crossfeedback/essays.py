"""Seven groups and their essays: what they hand in, what they are sent, what they send back."""

from __future__ import annotations

import copy
import functools
import os
import re
from pathlib import Path
from typing import Any

import bs4
import nbformat
from conftest import Toy
from nbconvert import HTMLExporter
from nbformat import NotebookNode

from autograder import roster
from autograder.course import Course, Exercise
from autograder.crossfeedback import handout, rounds
from autograder.crossfeedback.comment_cells import CommentCells
from autograder.exercise import source
from autograder.roster import Member

CELLS = CommentCells()
SUBTASKS = [f"{task}.{number}" for task in (1, 2, 3) for number in (1, 2, 3, 4)]
PEOPLE = """\
id,name,group
2026_00001,Ada Lovelace,g1
2026_00002,Max Planck,g1
2026_00003,Kurt Gödel,g2
2026_00004,Emmy Noether,g3
2026_00005,Sofja Kowalewskaja,g3
2026_00006,Évariste Galois,g4
2026_00007,Paul Erdős,g5
2026_00008,华罗庚,g6
2026_00009,Niels Abel,g7
"""
ABSENT = "g7"  # handed in nothing


def comment_cells(number: str) -> str:
    return (f'# %% [markdown] name="comment_{number.replace(".", "_")}"\n'
            f"# ⟶ **Comments on {number}**, written by another group:\n#\n"
            "# *(leave this cell as it is)*\n#\n"
            f"# ⟵ **End of the comments on {number}**\n\n")


def essay() -> str:
    """A notebook of twelve subtasks, in a course's percent text."""
    text = ('# %% [markdown]\n# # An essay (12 points)\n\n# %% [markdown] name="members"\n'
            "# **Members of the group** (full names, one on each line):\n#\n# -\n\n")
    for number in SUBTASKS:
        part = f"toy_{number.replace('.', '_')}"
        text += (f"# %% [markdown]\n# ## {number} What is the max of softmax?\n\n"
                 f'# %% [markdown] written="{part}" points=1\n# ### BEGIN SOLUTION\n'
                 f"# Rubric of {number}: one point.\n# ### END SOLUTION\n\n{comment_cells(number)}")
    return text + "# %%\nmax_length = max(3, 4)\n"


def seven_groups(tmp_path: Path) -> Course:
    settings = re.sub(r"max_points = 10\nstudent_files.*\n", "max_points = 12\n", Toy().course)
    toy = Toy(course=settings.replace('id = "toys"', 'id = "toys"\nroster = "roster.csv"'),
              source={"toy.py": essay()}, hidden_tests="", misconceptions="", variants="")
    course = toy.write(tmp_path)
    (course.root / "roster.csv").write_text(PEOPLE, encoding="utf-8")
    for group, members in roster.of(course).groups.items():
        if group != ABSENT:
            hand_in(course, group, written_by(course, members))
    return course


@functools.cache
def _read(text: str) -> NotebookNode:
    return source.read_notebook(Exercise("toy", Path("toy")), text)


def essay_notebook(course: Course) -> NotebookNode:
    """The source, read once for all tests."""
    (source,) = course.exercise("toy").notebook_files
    return _read(source.read_text())


def written_by(course: Course, members: list[Member]) -> NotebookNode:
    """The essay as a group saves it on Colab: with its names, and answers in all cells."""
    notebook = copy.deepcopy(essay_notebook(course))
    for cell in notebook.cells:
        if cell.id == "members":
            cell.source = cell.source.rstrip("-") + "".join(f"- {one.name}\n" for one in members)
        elif source.by_hand(cell):
            cell.source = f"The answer of {members[0].name} to {cell.id[4:].replace('_', '.')}"
        cell.metadata.update({"id": "aBc", "colab": {"base_uri": "x", "user": members[0].name}})
    notebook.metadata["colab"] = {"authorship_tag": "ABX9", "provenance": [members[0].id]}
    return notebook


def hand_in(course: Course, group: str, notebook: NotebookNode) -> Path:
    path = course.submitted / group / "toy" / "toy.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)
    return path


def hand_out(course: Course, **options: Any) -> handout.HandedOut:
    return handout.assign(course, "toy", roster.of(course), **options)


def sent_out(course: Course) -> handout.HandedOut:
    """What was handed out in a course that has a round."""
    drawn = rounds.load(course, "toy")
    out = rounds.folder(course, "toy") / "out"
    files = {group: next((out / group).iterdir()) for group in drawn.reviews}
    return handout.HandedOut(drawn, files, (ABSENT,))


def got(given: handout.HandedOut, reviewer: str) -> NotebookNode:
    return nbformat.read(given.files[reviewer], as_version=4)


def commented(given: handout.HandedOut, reviewer: str, **comments: str) -> NotebookNode:
    """What a group sends back: `_1_1="..."` is its comment on 1.1."""
    notebook = got(given, reviewer)
    for name, text in comments.items():
        cell = next(cell for cell in notebook.cells if cell.id == f"comment{name}")
        cell.source = cell.source.replace(CELLS.hint, text)
    return notebook


def send(folder: Path, name: str, notebook: NotebookNode, time: int = 1_700_000_000) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)
    os.utime(path, (time, time))
    return path


def page(notebook: NotebookNode) -> bs4.BeautifulSoup:
    return bs4.BeautifulSoup(HTMLExporter().from_notebook_node(notebook)[0], "html.parser")


def graded(course: Course, group: str) -> NotebookNode:
    """The notebook that feedback is written from, with a comment of a TA."""
    notebook = nbformat.read(course.submitted / group / "toy" / "toy.ipynb", as_version=4)
    cell = next(cell for cell in notebook.cells if cell.id == "toy_1_1")
    cell.metadata.nbgrader.update({"score": 1.0, "comment": "A TA's comment"})
    return notebook
