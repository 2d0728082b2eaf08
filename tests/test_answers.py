"""A written answer that is not there earns nothing by itself; one that may be there is read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import nbformat
import pytest
from conftest import Toy
from hypothesis import given
from hypothesis import strategies as st
from nbgrader.preprocessors import ClearSolutions

from autograder.course import Course
from autograder.exercise.source import by_hand
from autograder.gradebook import nbgrader_api, queries
from autograder.grading.enter import autograde
from autograder.grading.submission import JudgedSubmission, read_submission
from autograder.intake.records import IntakeRecord, note_of, write_notes
from autograder.intake.written import is_empty
from autograder.release.build import prepare
from autograder.results.flag import Flag, Kind, Sentence
from autograder.results.reason import Code
from autograder.results.verdict import PartVerdict, Verdict

STUBS = ["", "YOUR ANSWER HERE", *ClearSolutions().code_stub.values()]
# What stays of a cell when somebody looks at it, and types nothing.
UNSEEN = st.lists(st.sampled_from([" ", "\n", "\t", "\r\n", "\u00a0", "\u200b", "\ufeff", "&nbsp;",
                                   "<br>", "<br/>", "<!-- later -->", "- ", "* ", "> ", "# ", "---",
                                   "</div>", "<p>", "```"]), max_size=6).map("".join)
# The shortest answers that somebody could mean.
ANSWERS = st.sampled_from(["0", "x", "T5", "?", "예", "$x$", "no", "½", "(b)", "=", "![a](b.png)",
                           "<img src='attachment:a.png'>", "see the PDF", "b."])


def cell(source: str, **more: object) -> nbformat.NotebookNode:
    return nbformat.v4.new_markdown_cell(source, **more)


@given(before=UNSEEN, stub=st.sampled_from(STUBS), after=UNSEEN)
def test_what_nobody_would_see_is_no_answer(before: str, stub: str, after: str) -> None:
    assert is_empty(cell(f"{before}\n{stub}\n{after}"))


@given(stub=st.sampled_from(STUBS), answer=ANSWERS, around=UNSEEN.filter(
    lambda text: "<!--" not in text))
def test_a_single_character_is_an_answer(stub: str, answer: str, around: str) -> None:
    assert not is_empty(cell(f"{stub}\n{around}\n{answer}\n{around}"))


def test_a_pasted_picture_is_an_answer() -> None:
    assert not is_empty(cell("", attachments={"a.png": {"image/png": "iVBORw0KGgo="}}))


RELEASED = '''
# %% [markdown] written="toy_why" points=2
# Why?
#
# ### BEGIN SOLUTION
# Because.
# ### END SOLUTION
'''
WHO = "s001"


@pytest.fixture
def toy_with_an_answer(tmp_path: Path) -> Course:
    toy = Toy(course=Toy().course.replace("max_points = 10", "max_points = 12").replace(
        "student_id =", 'exercises = "../exercises"\nstudent_id ='))
    toy.source["toy.py"] += RELEASED
    course = toy.write(tmp_path)
    prepare(course, "toy")
    return course


def graded(course: Course, source: str | None, pdf: bool = False, note: IntakeRecord | None = None
           ) -> tuple[float | None, str]:
    """What the answer earns, None where a person is to say, and what its feedback says."""
    notebook = nbformat.read(course.build / "release" / "toy" / "toy.ipynb", 4)
    folder = course.submitted / WHO / "toy"
    folder.mkdir(parents=True, exist_ok=True)
    for one in notebook.cells:
        if by_hand(one) and source is not None:
            one.source = source
    nbformat.write(notebook, folder / "toy.ipynb")
    if pdf:
        (folder / "written.pdf").write_bytes(b"%PDF-1.7 broken")
    write_notes(course, "toy", [note or IntakeRecord("a.zip", WHO)])
    verdict = Verdict("toy", (PartVerdict("toy_words", 4, 4),))
    submission = replace(read_submission(course, "toy", WHO), note=note_of(course, "toy", WHO))
    autograde(course, "toy", JudgedSubmission(submission, {"toy": verdict}))
    entry = queries.entry(course, "toy", WHO)
    return entry.parts["toy_why"], entry.comments.get("toy_why", "")


@pytest.mark.nbgrader
@pytest.mark.parametrize("source", [None, "", " \n", "YOUR ANSWER HERE\n\n", "<br>", STUBS[2]])
def test_an_empty_answer_is_zero_and_needs_no_click(toy_with_an_answer: Course, source: str | None
                                                    ) -> None:
    assert graded(toy_with_an_answer, source) == (0.0, "No response.")
    (notebook,) = queries.entry(toy_with_an_answer, "toy", WHO).notebooks
    assert not notebook.waiting


NO_PDF = IntakeRecord("a.zip", WHO, violations=(
    Sentence.of(Code.WRITTEN_NO_PDF, file="a.pdf"),))
IN_DOUBT = IntakeRecord("a.zip", WHO, flags=(
    Flag("toy.ipynb: cell 9 fits nowhere", Kind.NOTEBOOK),))


@pytest.mark.nbgrader
@pytest.mark.parametrize(("pdf", "note"), [(True, None), (False, NO_PDF), (False, IN_DOUBT)],
                         ids=["a PDF", "a PDF that cannot be read", "a notebook in doubt"])
def test_an_answer_that_may_be_elsewhere_is_for_a_person(
        toy_with_an_answer: Course, pdf: bool, note: IntakeRecord | None) -> None:
    assert graded(toy_with_an_answer, None, pdf, note) == (None, "")


@pytest.mark.nbgrader
def test_what_a_person_gives_counts_whatever_is_there(toy_with_an_answer: Course) -> None:
    assert graded(toy_with_an_answer, "Because.") == (None, "")
    assert graded(toy_with_an_answer, "") == (0.0, "No response.")
    with nbgrader_api.open_gradebook(toy_with_an_answer) as gradebook:
        grade = gradebook.find_grade("toy_why", "toy", "toy", WHO)
        grade.manual_score, grade.needs_manual_grade = 1.5, False
        gradebook.db.commit()
    assert queries.entry(toy_with_an_answer, "toy", WHO).parts["toy_why"] == 1.5
    assert graded(toy_with_an_answer, "")[0] == 1.5
