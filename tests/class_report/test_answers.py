"""Where answers stand, what is shown of them, and that nobody's name is."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import REPO, TOY_MISCONCEPTIONS, Toy, toy_work

from autograder.course import Course, Exercise
from autograder.crossfeedback.redaction import mentioned
from autograder.exercise.parts import Place, places, places_of_misconceptions
from autograder.exercise.source import read
from autograder.judge.work import Work
from autograder.report.class_report.examples import MOST_LINES, Nameless, answer
from autograder.roster import Member, Roster


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Course:
    return Toy().write(tmp_path_factory.mktemp("toy"))


def test_the_answers_of_a_misconception_are_where_its_part_is(toy: Course) -> None:
    exercise = toy.exercise("toy")
    assert places_of_misconceptions(exercise, read(exercise)) == {
        "capitals-kept": Place(cell="toy_words-solution", name="words"),
        "scaled-by-the-sum": Place(file="vectors.py", name="scale")}


def test_or_where_it_says_itself(tmp_path: Path) -> None:
    toy = Toy(misconceptions=TOY_MISCONCEPTIONS.replace(
        'part = "toy_words"', 'part = "toy_words"\ncode = "toy_count"'))
    exercise = toy.write(tmp_path).exercise("toy")
    found = places_of_misconceptions(exercise, read(exercise))
    assert found["capitals-kept"] == Place(cell="toy_count-solution")


@pytest.mark.parametrize(("exercise", "part", "place"), [
    ("q2", "q2_attention", Place(file="bert.py", name="BertSelfAttention.attention")),
    ("q2", "q2_layer", Place(file="bert.py", name="BertLayer.forward")),
    ("q1a", "q1a_tokenize", Place(cell="q1a_class-solution", name="QuestionAnswering.tokenize")),
    ("hw3", "hw3_2_1_preprocess", Place(cell="hw3_2_1_preprocess-solution",
                                        name="preprocess_function"))])
def test_the_kits_own_parts_say_where_they_are(exercise: str, part: str, place: Place) -> None:
    folder = REPO / "autograder" / "exercises" / exercise
    known = Exercise(exercise, folder)
    assert places(known, read(known))[part][0] == place


def test_an_answer_is_shown_without_its_docstring(toy: Course) -> None:
    work = toy_work(toy, "text.lower().split()", "text.split()")
    assert answer(work, Place(cell="toy_words-solution", name="words")) == (
        "def words(text):\n    return text.split()")
    assert answer(work, Place(file="vectors.py", name="scale")) == (
        "def scale(vector):\n    largest = vector.abs().max()\n    return vector / largest")


@pytest.mark.parametrize("broken", ["def words(text:\n", "\0", "(" * 5000, "class words: pass"])
def test_code_that_is_none_is_shown_as_it_is_or_not_at_all(toy: Course, broken: str) -> None:
    work = toy_work(toy, files={"vectors.py": broken.encode()})
    cell = next(cell for cell in work.notebook.cells if cell.id == "toy_words-solution")
    cell.source = broken
    shown = answer(work, Place(cell="toy_words-solution", name="words"))
    assert shown[:100] == broken.strip("\n")[:100] or broken == "\0"
    assert answer(work, Place(file="vectors.py", name="scale")) == ""


def test_what_is_not_there_is_no_example(toy: Course) -> None:
    work = toy_work(toy)
    assert answer(work, Place(cell="gone", name="nowhere")) == ""
    moved = answer(work, Place(cell="gone", name="words"))
    assert moved.startswith("def words"), "a function counts wherever it was moved to"
    assert answer(Work("toy", work.notebook, {}), Place(file="vectors.py", name="scale")) == ""


def test_a_long_answer_is_cut(toy: Course) -> None:
    work = toy_work(toy, files={"vectors.py": b"def scale(v):\n" + b"    v += 1\n" * 500})
    shown = answer(work, Place(file="vectors.py", name="scale")).splitlines()
    assert len(shown) == MOST_LINES + 1 and shown[-1] == "# ... (cut off here: 501 lines)"


PEOPLE = Roster((Member("2026_00001", "Ada Lovelace", "g1"), Member("s002", "Kurt Gödel", "g1"),
                 Member("2026_00003", "Max Planck", "g2")))


@pytest.mark.parametrize("text", [
    "# by Ada Lovelace", "# adalovelace@nlp.example.edu", "x = 'Lovelace, Ada'", "# Goedel helped",
    "open('/home/alovelace/x')", "# 2026_00001", "# 2026-00001", "name = 's002_toy.zip'",
    "# s002", "GÖDEL = 3", "# 2026_00009 sent it"])
def test_people_are_taken_out(text: str) -> None:
    shown = Nameless(PEOPLE, ["2026_00009", "s002"]).clean(text, "code").casefold()
    for word in ("ada", "lovelace", "gödel", "goedel", "s002", "00001", "00009"):
        assert word not in shown


def test_code_stays_code() -> None:
    text = "largest = max(3, s.max())  # group 12, s0021"
    given = ("largest = max(1, 2)",)
    shown = Nameless(PEOPLE, ["12", "s002"]).clean(text, "code", "2026_00003", given)
    assert shown == text


def test_only_those_who_may_be_meant_are_looked_for() -> None:
    assert mentioned(PEOPLE.members, "nothing of anybody") == []
    assert mentioned(PEOPLE.members, "adaLovelace; softmax") == [
        PEOPLE.members[0], PEOPLE.members[2]]


def test_a_course_of_many_is_searched_quickly(tmp_path: Path) -> None:
    """Not by a clock: of a thousand people only those are looked for who may stand there."""
    many = [Member(f"2026_{number:05d}", f"Xq{number:04d}z Yw{number:04d}v", "") for number in
            range(1000)]
    assert len(mentioned([*many, *PEOPLE.members], "# Kurt and I\nreturn softmax(scores)")) == 2
