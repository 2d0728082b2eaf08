"""The store of marks: points, nbgrader's rows, conflicts, undoing, formgrader beside it."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from autograder.course import Course
from autograder.exercise.rubric import Rubric, RubricItem
from autograder.gradebook import queries
from autograder.gradebook.nbgrader_api import open_gradebook
from autograder.marking.replay import replay
from autograder.marking.store import RubricStore
from autograder.marking.values import Conflict, MarkingError

from .gradebooks import HOW, RUBRIC, WHY, a_course, enter, in_formgrader

OWNERS = ["g01", "g02", "g03"]


@pytest.fixture
def course(tmp_path: Path) -> Course:
    found = a_course(tmp_path)
    enter(found, OWNERS)
    return found


def seen(store: RubricStore, *owners: str, digest: str = "d") -> list[tuple[str, str, int]]:
    marks = store.marks("essay", "why")
    return [(one, digest, marks[one].version if one in marks else 0) for one in owners]


def ids(store: RubricStore, *texts: str) -> list[int]:
    return [one.id for one in store.items(WHY) if one.text.split(".")[0] in texts]


def grade_of(course: Course, owner: str, name: str = "why") -> tuple[float | None, bool, str]:
    with open_gradebook(course) as gradebook:
        grade = gradebook.find_grade(name, "essay", "essay", owner)
        comment = gradebook.find_comment(name, "essay", "essay", owner)
        return grade.manual_score, grade.needs_manual_grade, comment.manual_comment


def test_items_are_those_of_the_source(store: RubricStore) -> None:
    assert [(one.kind, one.points, one.text) for one in store.items(WHY)] == [
        ("adds", 0.5, "the first half."), ("adds", 1.5, "the second half."),
        ("takes", 0.5, "a sign is wrong."), ("caps", 1.0, "by intuition.")]
    assert store.items(WHY) == store.items(WHY)
    assert len(store.log()) == 1


def test_a_mark_is_in_the_gradebook_at_once(course: Course, store: RubricStore) -> None:
    first, second = ids(store, "the first half", "the second half")
    marks = store.give(WHY, seen(store, "g01", "g02"), [first, second], -0.25, " Good. ", "ada")
    assert [(one.owner, one.points, one.state, one.comment) for one in marks] == [
        ("g01", 1.75, "graded", "Good."), ("g02", 1.75, "graded", "Good.")]
    assert grade_of(course, "g01") == (1.75, False, "Good.")
    entry = queries.entries(course, "essay")[0]
    assert entry.parts == {"why": 1.75, "how": None} and entry.comments == {"why": "Good."}
    assert store.marks("essay", "why") == {one.owner: one for one in marks}
    assert store.comments("why") == ["Good."]


@pytest.mark.parametrize(("texts", "adjustment", "points"), [
    ((), 0, 0), (("a sign is wrong",), 0, 0), (("the second half", "by intuition"), 0, 1),
    (("the second half", "by intuition"), 0.5, 1.5), (("the second half",), 9, 2),
    (("the first half", "a sign is wrong"), 0, 0)])
def test_points_are_those_of_the_items(store: RubricStore, texts: tuple[str, ...],
                                       adjustment: float, points: float) -> None:
    mark, = store.give(WHY, seen(store, "g01"), ids(store, *texts), adjustment, "", "ada")
    assert mark.points == points


def test_nothing_is_overwritten_unseen(course: Course, store: RubricStore) -> None:
    before = seen(store, "g01", "g02")
    store.give(WHY, before[:1], ids(store, "the first half"), 0, "mine", "ada")
    with pytest.raises(Conflict) as raised:
        store.give(WHY, before, [], 0, "", "ben")
    assert raised.value.marks["g01"] == store.marks("essay", "why")["g01"]
    assert grade_of(course, "g02") == (None, True, None)
    store.give(WHY, seen(store, "g01", "g02"), [], 0, "", "ben")
    assert grade_of(course, "g01") == (0, False, None)


def test_formgrader_is_not_overwritten_unseen(course: Course, store: RubricStore) -> None:
    before = seen(store, "g01")
    in_formgrader(course, "g01", 1.25, "typed")
    with pytest.raises(Conflict):
        store.give(WHY, before, [], 0, "", "ada")
    mark = store.marks("essay", "why")["g01"]
    assert (mark.points, mark.comment, mark.state) == (1.25, "typed", "elsewhere")
    store.give(WHY, seen(store, "g01"), ids(store, "the first half"), 0, "", "ada")
    assert grade_of(course, "g01") == (0.5, False, None)
    in_formgrader(course, "g01", 0.5, "a word")
    assert store.marks("essay", "why")["g01"].state == "elsewhere"
    with pytest.raises(Conflict):
        store.clear(WHY, [("g01", "d", mark.version)], "ada")
    store.clear(WHY, seen(store, "g01"), "ada")
    assert grade_of(course, "g01") == (None, True, None)


def test_other_points_of_an_item_move_all_that_hold_it(course: Course, store: RubricStore) -> None:
    first, second = ids(store, "the first half", "the second half")
    store.give(WHY, seen(store, "g01"), [first, second], 0, "", "ada")
    store.give(WHY, seen(store, "g02"), [first], 0, "", "ben")
    in_formgrader(course, "g02", 1.9)
    assert [(one.owner, one.before, one.after) for one in store.preview_change(first, 0.25)] == [
        ("g01", 2.0, 1.75)]
    item = next(one for one in store.items(WHY) if one.id == first)
    changed = store.change_item(first, 0.25, "half of it", item.version, "ada")
    assert changed in store.items(WHY)
    assert grade_of(course, "g01")[0] == 1.75 and grade_of(course, "g02")[0] == 1.9
    with pytest.raises(Conflict):
        store.change_item(first, 0.5, "other words", item.version, "ben")
    store.retire_item(second, next(
        one.version for one in store.items(WHY) if one.id == second), "ada")
    assert grade_of(course, "g01")[0] == 0.25
    assert store.marks("essay", "why")["g01"].item_ids == {first}
    for points in (1.75, 2.0):
        store.undo("ada")
        assert grade_of(course, "g01")[0] == points
    assert store.items(WHY)[0].text == "the first half." and grade_of(course, "g02")[0] == 1.9


def test_undo_puts_back_what_was_there(course: Course, store: RubricStore) -> None:
    in_formgrader(course, "g01", 1.25, "typed")
    first = ids(store, "the first half")
    store.give(WHY, seen(store, "g01"), first, 0, "one", "ada")
    store.give(WHY, seen(store, "g01"), [], 0, "two", "ada")
    store.undo("ada")
    assert grade_of(course, "g01") == (0.5, False, "one")
    assert store.undo("ada").owners == ("g01",)
    assert grade_of(course, "g01") == (1.25, False, "typed")
    with pytest.raises(MarkingError, match="nothing to undo"):
        store.undo("ada")
    store.give(WHY, seen(store, "g02"), first, 0, "", "ada")
    store.give(WHY, seen(store, "g02"), [], 0, "", "ben")
    with pytest.raises(Conflict, match="somebody has changed"):
        store.undo("ada")
    assert grade_of(course, "g02") == (0, False, None)


@pytest.mark.parametrize("points", [float("nan"), float("inf"), -1, 1e9, True, "1"])
def test_no_points_are_refused(store: RubricStore, points: float) -> None:
    item = store.items(WHY)[0]
    for refused in (
            lambda: store.change_item(item.id, points, "x", item.version, "ada"),
            lambda: store.add_item(WHY, "adds", points, "x", "ada")):
        with pytest.raises(MarkingError, match="points"):
            refused()
    assert store.items(WHY)[0] == item


def test_what_makes_no_sense_is_a_sentence(course: Course, store: RubricStore) -> None:
    foreign = store.items(HOW)[0].id
    one = seen(store, "g01")
    for refused in (
            lambda: store.give(WHY, one, [foreign], 0, "", "ada"),
            lambda: store.give(WHY, one, [], float("nan"), "", "ada"),
            lambda: store.give(WHY, one, [], 0, "x" * 5_000_000, "ada"),
            lambda: store.give(WHY, one, [], 0, "", "mallory"),
            lambda: store.give(WHY, [("nobody", "d", 0)], [], 0, "", "ada"),
            lambda: store.give(WHY, one * 2, [], 0, "", "ada"),
            lambda: store.give(WHY, [], [], 0, "", "ada"),
            lambda: store.give(WHY, [("g01", "x" * 65, 0)], [], 0, "", "ada"),
            lambda: store.give(WHY, [("g01", "", 0)], [], 0, "", "ada"),
            lambda: store.give(WHY, one, [10**30], 0, "", "ada"),
            lambda: store.retire_item(10**30, 1, "ada"),
            lambda: store.open(WHY, "nobody", "ada"),
            lambda: store.preview_change(999, 1)):
        with pytest.raises(MarkingError, match=r"\.$"):
            refused()
    assert grade_of(course, "g01") == (None, True, None)
    assert [entry.operation for entry in store.log()] == ["source", "source"]


def test_who_has_what_open(store: RubricStore) -> None:
    store.open(WHY, "g01", "ada")
    store.open(WHY, "g01", "ben")
    store.open(WHY, "g02", "ben")
    assert store.viewers(WHY) == {"g01": ("ada",), "g02": ("ben",)}
    store.close_question(WHY, "ben")
    assert store.viewers(WHY) == {"g01": ("ada",)}
    store.divide(WHY, ["ada", "ben"], "ada")
    assert set(store.shares(WHY, [f"g{n:02}" for n in range(40)]).values()) == {"ada", "ben"}


def test_a_second_marking(store: RubricStore) -> None:
    first = ids(store, "the first half")
    store.give(WHY, seen(store, *OWNERS), first, 0, "", "ada")
    drawn = store.draw(WHY, 1.0, 7, ["ada", "ben"], "cleo")
    assert [(one.owner, one.grader, one.points) for one in drawn] == [
        (owner, "ben", None) for owner in OWNERS]
    store.give_second(WHY, {"g01": "d"}, first, 0, "ben")
    store.give_second(WHY, {"g02": "d"}, [], 0, "ben")
    found = store.agreement("essay", "why")
    assert (found.drawn, found.answers, found.mean_difference) == (3, 2, -0.25)
    assert found.agreed[first[0]] == 0.5 and found.kappa[first[0]] == 0


def test_what_others_write_is_seen_at_once(course: Course, store: RubricStore) -> None:
    first = ids(store, "the first half")
    assert store.marks("essay", "why") == {} == store.marks("essay", "why")
    with RubricStore(course) as another:
        another.give(WHY, seen(another, "g01"), first, 0, "", "ben")
        assert store.marks("essay", "why") == another.marks("essay", "why") != {}
        another.divide(WHY, ["ada"], "ben")
        assert store.shares(WHY, ["g01"]) == {"g01": "ada"}
        another.add_item(WHY, "adds", 0.5, "one more", "ben")
        assert store.items(WHY)[-1].text == "one more"
    in_formgrader(course, "g01", 1.25)
    assert store.marks("essay", "why")["g01"].points == 1.25
    store.give(WHY, seen(store, "g01"), [], 0, "", "ada")
    assert store.marks("essay", "why")["g01"].points == 0


def test_what_is_kept_is_what_is_there_while_two_give(course: Course, store: RubricStore) -> None:
    first, second = ids(store, "the first half", "the second half")

    def give(by: RubricStore, owner: str, grader: str) -> None:
        for number in range(40):
            by.open(WHY, owner, grader)
            by.give(WHY, seen(by, owner), [(first, second)[number % 2]], 0, "", grader)

    with RubricStore(course) as another:
        both = [threading.Thread(target=give, args=args)
                for args in ((store, "g01", "ada"), (another, "g02", "ben"))]
        for thread in both:
            thread.start()
        for thread in both:
            thread.join()
        for one in (store, another):
            kept = one.marks("essay", "why")
            one._kept.clear()
            assert kept == one.marks("essay", "why")
    assert len(store.log("essay", "why")) == 81


def test_second_marks_are_given_to_all_or_to_none(course: Course, store: RubricStore) -> None:
    first = ids(store, "the first half")
    store.give(WHY, seen(store, *OWNERS), first, 0, "", "ada")
    store.give(WHY, seen(store, "g03"), first, 0, "", "ben")
    store.draw(WHY, 1.0, 7, ["ada", "ben"], "cleo")
    entries = store.log()
    with pytest.raises(MarkingError, match="g03: not drawn for ben"):
        store.give_second(WHY, {"g01": "d", "g03": "d"}, first, 0, "ben")
    assert store.log() == entries
    assert {one.points for one in store.second_marks(WHY)} == {None}
    given = store.give_second(WHY, {"g01": "d", "g02": "d"}, first, 0, "ben")
    assert [(one.owner, one.points) for one in given] == [("g01", 0.5), ("g02", 0.5)]
    assert len(store.log()) == len(entries) + 1


def test_what_nobody_touched_follows_the_source(course: Course, store: RubricStore) -> None:
    first, second, sign, _ = store.items(WHY)
    store.give(WHY, seen(store, "g01"), [second.id], 0.25, "", "ada")  # held
    store.change_item(first.id, 0.25, "my words", first.version, "ada")
    other = replace(WHY, max_points=1.6, rubric=Rubric((
        replace(RUBRIC.items[0], points=0.1), replace(RUBRIC.items[1], points=1.25),
        replace(RUBRIC.items[2], points=0.75), RubricItem(0.25, "adds", "one more"))))
    found = {one.text: one for one in store.items(other)}
    assert found["my words"].points == 0.25  # a grader decided
    assert found[second.text] == second  # an answer has it
    assert found[sign.text].points == 0.75
    assert found["by intuition."].retired and found["one more"].points == 0.25
    assert grade_of(course, "g01")[0] == 1.6  # the most that there is now
    assert replay(store.log())["essay", "why", "g01"][0] == 1.6
    entries = store.log()
    assert store.items(other) == list(found.values()) and store.log() == entries
    assert store.recent(0, 2) == (entries[:-3:-1], len(entries))
