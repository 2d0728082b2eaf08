"""Three small courses to throw things at, and the valid files that the damage starts from.

    toy      one zip a student, with a module, an answer by hand, and a PDF beside it
    q2       the kit's own exercise, with its result.log
    essay    one notebook a group, with a roster and a round of cross-feedback
"""

from __future__ import annotations

import io
import json
import re
import shutil
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import jupytext
import nbformat
from conftest import TOY_NOTEBOOK, Toy, copy_course
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure
from nbformat import NotebookNode

from autograder import roster
from autograder.course import Course
from autograder.crossfeedback import handout, rounds
from autograder.crossfeedback.comment_cells import CommentCells
from autograder.intake.expected import released_notebook
from autograder.release.build import prepare
from autograder.validate import handed_in
from fuzz.zips import entries_of, zipped

BY_HAND = '''
# %% [markdown]
# ## Why?

# %% [markdown] written="toy_why" points=2
# ### BEGIN SOLUTION
# Two points for a reason.
# ### END SOLUTION
'''
PEOPLE = """\
id,name,group
s001,Ada Lovelace,g1
s002,Max Planck,g1
s003,Kurt Gödel,g2
s004,华罗庚,g3
"""
HONEST_ZIP, HONEST_NOTEBOOK = "honest.zip", "honest.ipynb"  # beside the courses
PICTURE = ("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJ"
           "RU5ErkJggg==")
ESSAY = '''
# %% [markdown]
# # An essay (4 points)

# %% [markdown] name="members"
# **Members of the group** (full names, one on each line):
#
# -
'''
SUBTASKS = ("1.1", "1.2")


@dataclass(frozen=True)
class Seeds:
    """The valid files, by name; one folder of uploads each."""

    toy: dict[str, bytes]  # what stands in a student's zip
    q2: dict[str, bytes]
    essay: bytes  # a group's notebook
    returned: bytes  # a notebook with a group's comments on another's
    scripts: tuple[bytes, ...]  # the toy's notebook as tools turn it into a script
    log: bytes
    pdf: bytes
    roster: bytes
    course: bytes


@dataclass
class Arena:
    """The courses below `folder`. Uploads lie in `uploads`; `scratch` may be written to."""

    folder: Path
    toy: Course = field(init=False)
    q2: Course = field(init=False)
    essay: Course = field(init=False)

    def __post_init__(self) -> None:
        self.toy = Course.load(self.folder / "toy" / "course", self.folder / "toy" / "exercises")
        self.q2 = Course.load(self.folder / "q2")
        self.essay = Course.load(self.folder / "essay" / "course",
                                 self.folder / "essay" / "exercises")

    @property
    def uploads(self) -> Path:
        return self.folder / "uploads"

    @property
    def scratch(self) -> Path:
        return self.folder / "scratch"

    def empty(self) -> None:
        """As if nothing had been handed in yet."""
        for path in (self.uploads, self.scratch, *(
                folder for course in (self.toy, self.q2, self.essay)
                for folder in (course.submitted, course.journal))):
            shutil.rmtree(path, ignore_errors=True)
        for path in (self.uploads, self.scratch):
            path.mkdir()
        for course in (self.toy, self.q2, self.essay):
            course.grading.mkdir(exist_ok=True)
        (rounds.folder(self.essay, "toy") / rounds.COMMENTS).unlink(missing_ok=True)
        (self.essay.root / "roster.csv").write_text(PEOPLE)


def make(folder: Path) -> Arena:
    """Write the courses below `folder` and build them."""
    _toy(TOY_NOTEBOOK.replace("(10 points)", "(12 points)") + BY_HAND, {"max_points": "12"}
         ).write(folder / "toy")
    (folder / "q2").mkdir(parents=True)
    copy_course(folder / "q2")
    _essay().write(folder / "essay")
    arena = Arena(folder)
    for course, name in ((arena.toy, "toy"), (arena.q2, "q2"), (arena.essay, "toy")):
        prepare(course, name)
    arena.empty()
    _hand_out(arena.essay)
    right = seeds(arena)
    (folder / HONEST_ZIP).write_bytes(zipped(entries_of(right.toy)))
    (folder / HONEST_NOTEBOOK).write_bytes(right.essay)
    return arena


def copy(arena: Arena, folder: Path) -> Arena:
    """An arena of its own for another process."""
    shutil.copytree(arena.folder, folder, symlinks=True)
    return Arena(folder)


def _toy(notebook: str, settings: dict[str, str]) -> Toy:
    toy = Toy()
    for name, value in settings.items():
        toy.course = re.sub(rf"(?m)^{name} = .*$", f"{name} = {value}", toy.course)
    toy.course = toy.course.replace("archive =", 'written = "{id}_written.pdf"\n'
                                    'preload = ["torch", "numpy"]\narchive =')
    toy.source["toy.py"] = notebook
    return toy


def _essay() -> Toy:
    text = ESSAY
    for number in SUBTASKS:
        part = f"toy_{number.replace('.', '_')}"
        text += (f"\n# %% [markdown]\n# ## {number} What?\n\n"
                 f'# %% [markdown] written="{part}" points=2\n# ### BEGIN SOLUTION\n# Two points.\n'
                 f"# ### END SOLUTION\n\n# %% [markdown]\n# ⟶ **Comments on {number}**, written by "
                 f"another group:\n#\n# ⟵ **End of the comments on {number}**\n")
    toy = Toy(source={"toy.py": text}, hidden_tests="", misconceptions="", variants="")
    toy.course = re.sub(r"student_files.*\narchive.*", 'archive = "{id}_toy.ipynb"\ngroups = true',
                        toy.course).replace('id = "toys"', 'id = "toys"\nroster = "roster.csv"'
                                            ).replace("max_points = 10", "max_points = 4")
    return toy


def _hand_out(course: Course) -> None:
    """Let two groups hand in and review each other, with tokens that are always the same."""
    people = roster.of(course)
    drawn = rounds.draw("toy", ["g1", "g2"], seed=7)
    drawn = replace(drawn, tokens={group: f"{number:030}" for number, group in enumerate(
        sorted(drawn.tokens), start=1)})
    rounds.write_json(rounds.folder(course, "toy") / rounds.ASSIGNMENT, asdict(drawn))
    for group in drawn.reviews:
        path = course.submitted / group / "toy" / "toy.ipynb"
        path.parent.mkdir(parents=True)
        nbformat.write(_written_by(course, people.groups[group][0].name), path)
    handout.assign(course, "toy", people)
    shutil.rmtree(course.submitted)


def _written_by(course: Course, name: str) -> NotebookNode:
    notebook = _released(course, "toy")
    for cell in notebook.cells:
        if "Members of the group" in cell.source:
            cell.source += f" {name}\n"
        elif cell.metadata.get("nbgrader"):
            cell.source = f"An answer of {name}."
    return notebook


def seeds(arena: Arena) -> Seeds:
    """The valid files. They are the same in every arena."""
    toy, q2 = _solved(arena.toy), _released(arena.q2, "q2")
    work = handed_in(arena.q2.exercise("q2"))
    (returned,) = (rounds.folder(arena.essay, "toy") / rounds.OUT / "g1").glob("*.ipynb")
    comments = json.loads(returned.read_text())
    hint = CommentCells().hint
    for cell in comments["cells"]:
        cell["source"] = "".join(cell["source"]).replace(hint, "Nobody says **why**.")
    return Seeds(
        {"toy/toy.ipynb": nbformat.writes(toy).encode(),
         "toy/vectors.py": b"def scale(vector):\n    return vector / vector.abs().max()\n"},
        {"q2/q2.ipynb": nbformat.writes(q2).encode(), **{
            f"q2/{name}": work[name] for name in ("bert.py", "classifier.py", "result.log")}},
        nbformat.writes(_written_by(arena.essay, "Ada Lovelace\n- Max Planck")).encode(),
        json.dumps(comments).encode(), _scripts(toy), work["result.log"], _pdf(), PEOPLE.encode(),
        (arena.toy.root / "course.toml").read_bytes())


def _released(course: Course, assignment: str) -> NotebookNode:
    return released_notebook(course, assignment, assignment)


def _solved(course: Course) -> NotebookNode:
    """The toy as a student saves it: filled in, run, with outputs and an editor's metadata."""
    notebook = _released(course, "toy")
    count = 0
    for cell in notebook.cells:
        if cell.cell_type == "code":
            count += 1
            cell.execution_count = count
            cell.source = cell.source.replace(
                "# YOUR CODE HERE\n    raise NotImplementedError()", "return text.lower().split()"
                if "def words" in cell.source else "return {w: words(text).count(w) for w in "
                "words(text)}")
            cell.outputs = [
                nbformat.v4.new_output("stream", name="stdout", text="epoch 1: training loss 0.5, "
                                       "validation loss 0.6\nepoch 2: training loss 0.4, "
                                       "validation loss 0.5\n"),
                nbformat.v4.new_output("display_data", {"image/png": PICTURE, "text/plain": "1"})]
        elif cell.metadata.get("nbgrader"):
            cell.source = "Because. ![](attachment:a.png)"
            cell["attachments"] = {"a.png": {"image/png": PICTURE}}
        cell.metadata["id"] = f"colab{count}"
    notebook.metadata["colab"] = {"provenance": []}
    return notebook


def _scripts(notebook: NotebookNode) -> tuple[bytes, ...]:
    """As jupytext, Jupyter and Colab write it."""
    jupyter, colab = ["#!/usr/bin/env python\n# coding: utf-8\n"], [
        '# -*- coding: utf-8 -*-\n"""toy.ipynb\n\nAutomatically generated by Colab.\n"""\n']
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type == "code":
            jupyter.append(f"# In[{number}]:\n\n\n{cell.source}\n")
            colab.append(cell.source + "\n")
        else:
            jupyter.append("".join(f"# {line}\n" for line in cell.source.splitlines()))
            colab.append(f'"""{cell.source}"""\n')
    return (jupytext.writes(notebook, "py:percent").encode(), "\n".join(jupyter).encode(),
            "\n".join(colab).encode())


def _pdf() -> bytes:
    buffer = io.BytesIO()
    with PdfPages(buffer, metadata={"CreationDate": None}) as pages:
        for number in range(2):
            figure = Figure(figsize=(4, 5))
            figure.text(0.1, 0.8, f"Written part, page {number}")
            figure.subplots().plot([1, 3, 2])
            pages.savefig(figure)
    return buffer.getvalue()
