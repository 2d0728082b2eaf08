"""What the desk knows of answers: texts, hashes, pictures, what is beside them; nothing is lost."""

from __future__ import annotations

import base64
import json
import shutil
import threading
from pathlib import Path
from typing import Any

import nbformat
import pytest
from crossfeedback import essays
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nbformat.v4 import new_markdown_cell

from autograder.course import Course
from autograder.crossfeedback.collect import collect
from autograder.crossfeedback.done import Comment, mark
from autograder.desk import answers as module
from autograder.desk.answers import AnswerIndex, NotebookGone, WrittenAnswer
from autograder.desk.questions import questions_of
from autograder.gradebook.sanitize import MOST
from autograder.intake.written import WRITTEN
from autograder.samples import _written as a_pdf
from desk.graded import autograded, enter, write

PNG = base64.b64encode(b"\x89PNG").decode()


@pytest.fixture(autouse=True)
def look_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_SECONDS", 0)


def found(index: AnswerIndex, grade_id: str = "toy_why") -> dict[str, WrittenAnswer]:
    (question,) = [one for one in questions_of(index.course, index.assignment)
                   if one.grade_id == grade_id]
    return dict(index.answers(question))


def one(course: Course, text: str | nbformat.NotebookNode, **files: bytes) -> WrittenAnswer:
    """The answer of a single owner."""
    enter(course, "toy", {"s001": {"toy_why": text}}, files)
    return found(AnswerIndex(course, "toy"))["s001"]


def test_answers_are_those_of_all_owners_in_order(desk_toy: Course) -> None:
    enter(desk_toy, "toy", {"s003": {"toy_why": "Three."}, "s001": {"toy_why": "One. $x_1$"},
                            "s002": {"toy_how": "By the norm."}})
    index = AnswerIndex(desk_toy, "toy")
    answers = found(index)
    assert [*answers] == ["s001", "s002", "s003"]
    assert [one.text for one in answers.values()] == ["One. $x_1$", "YOUR ANSWER HERE", "Three."]
    assert [one.empty for one in answers.values()] == [False, True, False]
    assert len({one.digest for one in answers.values()}) == 3
    assert found(index, "toy_how")["s002"].text == "By the norm."
    assert all(one.pages == () and one.attachments == {} for one in answers.values())


def test_nobody_has_handed_in(desk_toy: Course) -> None:
    assert found(AnswerIndex(desk_toy, "toy")) == {}


@pytest.mark.parametrize("text", ["", " \n\u00a0\n", "YOUR ANSWER HERE", "\nYOUR ANSWER HERE  ",
                                  "<!-- nothing -->", "**"])
def test_nothing_is_empty(desk_toy: Course, text: str) -> None:
    assert one(desk_toy, text).empty


def test_the_same_text_has_the_same_hash_whatever_is_around_it(desk_toy: Course) -> None:
    enter(desk_toy, "toy", {"s001": {"toy_why": "So."}, "s002": {"toy_why": "So.\n\n"},
                            "s003": {"toy_why": "So!"}})
    first, second, third = found(AnswerIndex(desk_toy, "toy")).values()
    assert first.digest == second.digest != third.digest


def test_an_answer_of_five_megabytes_is_cut_and_its_hash_is_of_all(desk_toy: Course) -> None:
    long = "Because it is so. " * 300_000
    enter(desk_toy, "toy", {"s001": {"toy_why": long + "1"}, "s002": {"toy_why": long + "2"}})
    first, second = found(AnswerIndex(desk_toy, "toy")).values()
    assert first.text == second.text == long[:MOST] and first.left_out == len(long) + 1 - MOST
    assert first.digest != second.digest


def test_a_picture_that_colab_pastes_is_none_of_the_text(desk_toy: Course) -> None:
    large = "A" * 100_000
    answer = one(desk_toy, f"Look: ![image.png](data:image/png;base64,{large}) and "
                           f'<img src="data:image/jpeg;base64,{PNG}"> there.')
    assert answer.text == ('Look: ![image.png](attachment:pasted-1.png) and '
                           '<img src="attachment:pasted-2.jpeg"> there.')
    assert answer.attachments == {"pasted-1.png": {"image/png": large},
                                  "pasted-2.jpeg": {"image/jpeg": PNG}}
    assert answer.digest != one(desk_toy, f"Look: ![image.png](data:image/png;base64,{large}A) and "
                                f'<img src="data:image/jpeg;base64,{PNG}"> there.').digest


def test_a_picture_that_jupyter_pastes_is_an_attachment(desk_toy: Course) -> None:
    cell = new_markdown_cell("![](attachment:a.png)", attachments={"a.png": {"image/png": PNG}})
    answer = one(desk_toy, cell)
    assert answer.attachments == {"a.png": {"image/png": PNG}} and not answer.empty
    other = new_markdown_cell("![](attachment:a.png)", attachments={"a.png": {"image/png": ""}})
    assert one(desk_toy, other).digest != answer.digest


def test_a_new_upload_is_seen_and_the_others_stay(desk_toy: Course) -> None:
    enter(desk_toy, "toy", {"s001": {"toy_why": "So."}, "s002": {"toy_why": "Other."}})
    index = AnswerIndex(desk_toy, "toy")
    why, _ = questions_of(desk_toy, "toy")
    before = index.answers(why)
    assert index.answers(why) is before, "nothing has changed"
    enter(desk_toy, "toy", {"s001": {"toy_why": "So, too."}, "s003": {"toy_why": "New."}})
    after = index.answers(why)
    assert [*before] == ["s001", "s002"] and [*after] == ["s001", "s002", "s003"]
    assert after["s001"].text == "So, too." and after["s001"].digest != before["s001"].digest
    assert after["s002"] is before["s002"]


def test_a_submission_that_vanishes_is_gone_and_no_crash(desk_toy: Course) -> None:
    cell = new_markdown_cell("![](attachment:a.png)", attachments={"a.png": {"image/png": PNG}})
    enter(desk_toy, "toy", {"s001": {"toy_why": cell}, "s002": {"toy_why": "Other."}})
    index = AnswerIndex(desk_toy, "toy")
    answer = found(index)["s001"]
    shutil.rmtree(desk_toy.autograded / "s001")
    with pytest.raises(NotebookGone, match="has been taken away"):
        _ = answer.attachments
    assert [*found(index)] == ["s002"]
    shutil.rmtree(desk_toy.autograded)
    assert found(index) == {}


def test_a_notebook_that_is_being_written_keeps_what_was_read(desk_toy: Course) -> None:
    enter(desk_toy, "toy", {"s001": {"toy_why": "So."}})
    index = AnswerIndex(desk_toy, "toy")
    why, _ = questions_of(desk_toy, "toy")
    path = autograded(desk_toy, "toy", "s001", "toy")
    whole = path.read_text()
    before = found(index)["s001"]
    path.write_text(whole[:300])
    assert found(index)["s001"] == before and index.problems(why) == {}
    path.write_text(whole.replace("So.", "Yes"))
    assert found(index)["s001"].text == "Yes"


@pytest.mark.parametrize("text", [
    "", "no notebook", "[]", '{"cells": 3}', '{"cells": [3]}', "{" * 10**5, "\x00",
    '{"cells": [{"metadata": {"tags": 1}}]}'])
def test_a_notebook_that_cannot_be_read_is_a_sentence(desk_toy: Course, text: str) -> None:
    enter(desk_toy, "toy", {"s001": {"toy_why": "So."}, "s002": {"toy_why": "So."}})
    autograded(desk_toy, "toy", "s001", "toy").write_text(text)
    index = AnswerIndex(desk_toy, "toy")
    why, _ = questions_of(desk_toy, "toy")
    assert [*index.answers(why)] == ["s002"]
    (says,) = index.problems(why).values()
    assert says.endswith("cannot be read. Grade the submission again.")


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5),
                    lambda inner: st.lists(inner, max_size=3)
                    | st.dictionaries(st.text(max_size=5), inner, max_size=3), max_leaves=6)
MARKS = st.fixed_dictionaries({"grade_id": st.just("toy_why") | JSON}, optional={
    "points": JSON, "solution": JSON, "checksum": JSON})
METADATA = st.fixed_dictionaries({"nbgrader": MARKS}, optional={
    "tags": JSON | st.just(["autograder-staff"])})
CELLS = st.fixed_dictionaries({"metadata": METADATA | JSON, "source": st.text() | JSON}, optional={
    "cell_type": st.sampled_from(["markdown", "code", "raw"]) | JSON, "attachments": JSON,
    "outputs": JSON})


@given(cells=st.lists(CELLS, max_size=3) | JSON)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
          max_examples=200)
def test_whatever_a_notebook_holds_is_an_answer_or_a_sentence(desk_toy: Course, cells: list[Any]
                                                              ) -> None:
    path = autograded(desk_toy, "toy", "s001", "toy")
    path.parent.mkdir(parents=True, exist_ok=True)
    write(path, {"cells": cells})
    index = AnswerIndex(desk_toy, "toy")
    why, _ = questions_of(desk_toy, "toy")
    for answer in index.answers(why).values():
        assert isinstance(answer.text, str) and len(answer.digest) == 32
        assert isinstance(answer.attachments, dict)
    index.problems(why)


def test_an_answer_in_code_is_a_block_of_code(desk_toy: Course) -> None:
    enter(desk_toy, "toy", {"s001": {"toy_why": "x = '```'"}})
    path = autograded(desk_toy, "toy", "s001", "toy")
    notebook = json.loads(path.read_text())
    (cell,) = [cell for cell in notebook["cells"] if cell["source"] == "x = '```'"]
    cell |= {"cell_type": "code", "outputs": [], "execution_count": None}
    write(path, notebook)
    assert found(AnswerIndex(desk_toy, "toy"))["s001"].text == "````python\nx = '```'\n````"


# -------------------------------------------------------------------------------- beside the answer


@pytest.mark.sandbox
def test_the_written_part_is_beside_and_may_be_the_answer(desk_toy: Course) -> None:
    first = one(desk_toy, "", **{WRITTEN: a_pdf("My answer")})
    assert [page.caption for page in first.pages] == ["The written part, page 1"]
    assert first.pages[0].png.startswith(b"\x89PNG\r\n")
    assert not first.empty, "it may be in the PDF"
    second = one(desk_toy, "", **{WRITTEN: a_pdf("Another one")})
    assert second.digest != first.digest
    with pytest.raises(NotebookGone):
        shutil.rmtree(desk_toy.autograded)
        _ = first.pages[0].png


def test_a_written_part_that_cannot_be_drawn_is_a_remark(desk_toy: Course) -> None:
    answer = one(desk_toy, "So.", **{WRITTEN: b"%PDF-1.7 broken"})
    assert answer.pages == ()
    assert answer.remarks == ("The written part cannot be shown here: it is damaged, or protected "
                              f"by a password. Open {WRITTEN} yourself.",)


def test_what_the_exercise_draws_is_beside(released_toy: Course, tmp_path: Path) -> None:
    shutil.copytree(released_toy.root.parent, tmp_path / "own", symlinks=True)
    course = Course.load(tmp_path / "own" / "course")
    (course.root / "exercises").unlink()
    (course.root / "exercises").symlink_to(tmp_path / "own" / "exercises")
    course = Course.load(course.root)
    (course.exercise("toy").folder / "beside.py").write_text(
        "def beside(work):\n    return [('Curves ![x](y) **b**', b'png'), ('More', b'')]\n")
    answer = one(course, "So.")
    assert [page.caption for page in answer.pages] == ["Curves ![x](y) **b**"]
    assert answer.pages[0].png == b"png"


def test_comments_of_other_groups_are_beside(tmp_path: Path) -> None:
    course = essays.seven_groups(tmp_path)
    given = essays.hand_out(course)
    questions = questions_of(course, "toy")
    index = AnswerIndex(course, "toy")
    assert [question.subtask for question in questions] == essays.SUBTASKS
    assert index.comments(questions[0]) == {}
    reviewed = given.round.reviews["g1"]
    back = essays.commented(given, "g1", _1_1="Well <b>said</b>.", _2_1="Why?")
    essays.send(tmp_path / "back", "toy-group-A.ipynb", back)
    collect(course, "toy", tmp_path / "back")
    assert index.comments(questions[0]) == {reviewed: Comment(reviewed, "1.1", "Well <b>said</b>.")}
    assert index.comments(questions[4]) == {reviewed: Comment(reviewed, "2.1", "Why?")}
    assert index.comments(questions[1]) == {}
    mark(course, "toy", index.comments(questions[4])[reviewed], "ada")
    assert index.comments(questions[4])[reviewed].done_by == "ada"
    assert index.comments(questions[0])[reviewed].done_by == ""


def test_several_threads_may_ask(desk_toy: Course) -> None:
    enter(desk_toy, "toy", {f"s{number:03}": {"toy_why": f"{number}."} for number in range(20)})
    index = AnswerIndex(desk_toy, "toy")
    counts: list[int] = []
    threads = [threading.Thread(target=lambda: counts.append(len(found(index))))
               for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts == [20] * 8
