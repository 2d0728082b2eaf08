"""The course under attack: a toy whose every input is drawn, so that no answer can be known."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import nbformat
from conftest import TOY_COURSE, TOY_NOTEBOOK, Toy

from autograder.course import Course
from autograder.exercise.solution import solved_files, split_notebook
from autograder.exercise.source import by_hand, read_notebook
from redteam.attack import CANARY, Attack
from redteam.uploads import OLDER

LIMITS = {"cell": 6, "probe": 6, "submission": 180, "scratch": 128}
BY_HAND = '''
# %% [markdown] written="toy_why" points=2
# Why are these vectors scaled?
'''
HIDDEN_TESTS = '''
from autograder.testing import assert_close, part


def text(draw):
    """Words that nobody can know before."""
    words = [f"W{int(1000 * number)}" for number in draw(6)]
    return " ".join([*words, words[0], "The"])


@part("toy_words")
def test_words(both, draw):
    student, reference = both.call("words", text(draw))
    assert student == reference, "the words of a text differ"


@part("toy_words", together="`words` must return a list; yours is right only with your own `count`")
def test_words_together(both, draw):
    student, reference = both.call("count", text(draw))
    assert student == reference, "the counts differ"


@part("toy_count")
def test_count(both, draw):
    student, reference = both.call("count", text(draw))
    assert student == reference, "the counts differ"


@part("toy_scale")
def test_scale(both, draw):
    student, reference = both.call("scaled", draw(5))
    assert_close(student, reference, "the scaled vector differs")


@part("toy_scale")
def test_scale_of_a_copy(both, draw):
    vector = draw(5)
    student, reference = both.call("scaled", vector.repeat(2))
    assert_close(student, reference, "the scaled vector differs")
'''


def write(folder: Path, kernel: str) -> Course:
    """Write the course below `folder`, for cold or for warm kernels."""
    text = TOY_COURSE
    for name, value in LIMITS.items():
        before = next(line for line in text.splitlines() if line.startswith(f"{name} = "))
        text = text.replace(before, f"{name} = {value}")
    text = text.replace("max_points = 10", "max_points = 12")
    text = text.replace("archive =", 'written = "{id}_written.pdf"\narchive =')
    if kernel == "warm":
        text = text.replace("student_files", 'preload = ["torch", "numpy", "safetensors.torch"]\n'
                                             "student_files")
    notebook = TOY_NOTEBOOK.replace("(10 points)", "(12 points)") + BY_HAND
    toy = Toy(course=text, hidden_tests=HIDDEN_TESTS)
    toy.source["toy.py"] = notebook
    course = toy.write(folder)
    _give_out_older(course)
    return course


def _give_out_older(course: Course) -> None:
    """Record a version with other points and with checks that check nothing."""
    exercise = course.exercise("toy")
    (source,) = exercise.notebook_files
    notebook = read_notebook(exercise, source.read_text().replace("points=4", "points=1000"))
    for cell in notebook.cells:
        data = cell.metadata.get("nbgrader", {})
        if data.get("solution") or data.get("locked"):
            cell.source = "pass"
    folder = course.releases / "toy" / f"2025.1-{OLDER}"
    folder.mkdir(parents=True)
    nbformat.write(notebook, folder / "toy.ipynb")


def handed_in(course: Course, attack: Attack) -> bytes:
    """The upload of an attack: its additions to the skeleton, as a zip."""
    if attack.raw:
        return attack.raw
    exercise = course.exercise("toy")
    files = {path.name: path.read_bytes()
             for path in (course.build / "release" / "toy").iterdir() if path.is_file()}
    notebook = nbformat.reads(files.pop(f"{exercise.name}.ipynb").decode(), as_version=4)
    _add(notebook, attack)
    files["vectors.py"] += attack.module.encode()
    files |= {name: _bytes(data) for name, data in attack.files.items()}
    return zipped({**files, "toy.ipynb": nbformat.writes(notebook).encode()}, attack.entries)


def honest(course: Course, wrong: str = "", right: str = "") -> bytes:
    """The solved toy, one edit applied, as a zip. It holds the canary."""
    solved = {name: data.decode().replace(right, wrong) if right else data.decode()
              for name, data in solved_files(course.exercise("toy")).items()}
    notebook, files = split_notebook(
        course.exercise("toy"), {name: text.encode() for name, text in solved.items()})
    return zipped({**files, "toy.ipynb": nbformat.writes(notebook).encode(),
                   "notes.txt": CANARY.encode()})


def zipped(files: dict[str, bytes], entries: tuple[tuple[str, bytes, int], ...] = ()) -> bytes:
    """Files in the folder that the assignment asks for, and entries that lie where they say."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(f"toy/{name}", data)
        for name, data, mode in entries:
            entry = zipfile.ZipInfo(name)
            entry.external_attr, entry.compress_type = mode << 16, zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)
    return buffer.getvalue()


def _add(notebook: nbformat.NotebookNode, attack: Attack) -> None:
    for cell in notebook.cells:
        if by_hand(cell) and attack.answer:
            cell.source = attack.answer
    notebook.cells += [nbformat.v4.new_code_cell(source) for source in attack.cells]
    notebook.cells += [nbformat.v4.new_markdown_cell(source) for source in attack.markdown]
    if attack.output:
        data = {"text/html": attack.output, "application/javascript": attack.output}
        notebook.cells += [
            nbformat.v4.new_code_cell("1", outputs=[nbformat.v4.new_output("display_data", data)]),
            nbformat.v4.new_raw_cell(attack.output, metadata={"format": "text/html"})]
    if attack.metadata:
        notebook.metadata.update(json.loads(attack.metadata))


def _bytes(data: str | bytes) -> bytes:
    return data.encode() if isinstance(data, str) else data
