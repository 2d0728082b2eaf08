"""What a page says of each part, by verdict, gradebook and report."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from autograder.gradebook.queries import ManualGrade, ManualGrades
from autograder.late import Applied, Deadline, HandedIn, LateRule, apply
from autograder.report.feedback.view import FeedbackPage, FeedbackPart
from autograder.results.verdict import PartVerdict
from feedback.handmade import FLAG, KNOWN, LINE, STAFF, VERDICT, made

WRONG_NAME = "handed in as a.zip, expected s001_toy.zip"


def part(page: FeedbackPage, name: str) -> FeedbackPart:
    (found,) = (one for one in page.exercises[0].parts if one.name == name)
    return found


def test_parts_stand_in_the_order_of_the_notebook_with_their_state() -> None:
    assert [(one.name, one.state) for one in made().exercises[0].parts] == [
        ("toy_words", "partly"), ("toy_count", "right"), ("toy_scale", "wrong"),
        ("toy_why", "waits"), ("toy_best", "unwritten")]
    assert made().waiting == 1


def test_a_known_misconception_stands_apart_from_what_else_was_wrong() -> None:
    words = part(made(), "toy_words")
    assert [one.text for one in words.looks_like] == [KNOWN]
    assert [one.text for one in words.says] == ["The words of `no text` differ."]


def test_nothing_of_staff_reaches_the_page() -> None:
    assert STAFF not in repr(made()) and FLAG not in repr(made()) and "look" not in LINE.happened
    assert "'look'" not in repr(made())


def test_what_is_right_or_not_graded_yet_needs_no_rereading() -> None:
    page = made()
    assert part(page, "toy_words").reread and part(page, "toy_scale").reread
    assert not part(page, "toy_count").reread and not part(page, "toy_why").reread


def test_an_answer_that_was_left_empty_is_not_called_wrong() -> None:
    """nbgrader gives it 0 points by itself."""
    line = replace(LINE, parts={**(LINE.parts or {}), "toy_why": 0.0})
    assert part(made(line), "toy_why").state == "unwritten"
    given = made(line, manual=ManualGrades(
        {"toy_why": ManualGrade(0.0)}, {"toy_why": "That is the question."}))
    assert part(given, "toy_why").state == "wrong"


def test_a_persons_points_and_comments_are_shown_with_their_part() -> None:
    manual = ManualGrades({"toy_scale": ManualGrade(3.0)},
                          {"toy_why": "Well argued.", "toy_words-solution": "Hm"})
    line = replace(LINE, parts={**(LINE.parts or {}), "toy_scale": 3.0, "toy_why": 2.0})
    page = made(line, manual=manual)
    assert part(page, "toy_why").comments == ("Well argued.",)
    assert part(page, "toy_words").comments == ("Hm",)
    scale = part(page, "toy_scale")
    assert (scale.state, scale.says, scale.judged, scale.given) == (
        "right", (), 0, ManualGrade(3.0))


def test_what_is_taken_off_is_named_with_its_reasons() -> None:
    page = made(replace(LINE, violations=(WRONG_NAME,), deduction=4.0, points=1.5),
                notes=(WRONG_NAME, "left out a.pt"))
    (deduction,) = page.taken_off
    assert (deduction.why, deduction.points, page.earned, page.total) == (
        "instructions", 4, 5.5, 1.5)
    assert [one.text for one in deduction.reasons] == [WRONG_NAME]
    assert [one.text for one in page.notes] == ["left out a.pt"], "said once is enough"


def late_by(days: int) -> Applied:
    """What one free late day and ten percent for each further one make of it."""
    due = datetime(2026, 3, 14, tzinfo=UTC)
    deadline = Deadline("toy", ("toy",), due, LateRule(percent_per_day=10), False, {}, {})
    handed_in = HandedIn(deadline, "s001", ("s001",), due + timedelta(days=days))
    return apply([handed_in], free_days=1)["toy", "s001"]


def test_handing_in_late_and_the_maximum_are_named() -> None:
    parts = {"toy_words": 4.0, "toy_count": 3.0, "toy_scale": 3.0, "toy_why": 2.0, "toy_best": 1.0}
    capped = made(replace(LINE, parts=parts, points=10.0))
    assert [(one.why, one.points) for one in capped.taken_off] == [("most", 3)]
    late = made(replace(LINE, points=4.5, late_penalty=1.0, late=late_by(days=2)))
    assert [(one.why, one.points) for one in late.taken_off] == [("late", 1)]
    assert [one.text for one in late.taken_off[0].reasons] == [
        "handed in 2 days late: 1 late day used, none left; 10 % of the maximum off"]


def test_handing_in_late_for_nothing_is_told_all_the_same() -> None:
    page = made(replace(LINE, late=late_by(days=1)))
    assert page.taken_off == ()
    assert [one.text for one in page.notes] == ["handed in 1 day late: 1 late day used, none left"]


def test_less_than_nothing_is_no_maximum() -> None:
    page = made(replace(LINE, points=0.0, deduction=6.0, violations=(WRONG_NAME,)))
    assert [one.why for one in page.taken_off] == ["instructions"]


def test_a_waiver_says_why_nothing_was_taken_off() -> None:
    from feedback.handmade import HEADING

    heading = replace(HEADING, waived="the platform was down")
    assert made(replace(LINE, violations=(WRONG_NAME,)), heading=heading).waived
    assert not made(heading=heading).waived


def test_another_groups_comments_stand_below_the_subtask() -> None:
    page = made(others={"1.1": "Nice.", "9.9": "of another exercise"})
    assert part(page, "toy_count").others == (("1.1", "Nice."),)


@pytest.mark.parametrize("verdict", [None, replace(VERDICT, parts=())])
def test_without_a_verdict_there_are_points_and_no_words(verdict: object) -> None:
    from autograder.report.feedback.view import GradedExercise, page
    from feedback.handmade import HEADING, TEXTS

    found = page(HEADING, LINE, (), [GradedExercise(TEXTS, verdict)])  # type: ignore[arg-type]
    assert part(found, "toy_words").says == () and part(found, "toy_words").points == 2.5


def test_who_forgot_to_write_is_told_so_and_not_that_it_is_wrong() -> None:
    verdict = replace(VERDICT, parts=(PartVerdict("toy_best", 0, 1, ("Not written yet: x.",)),))
    assert part(made(verdict=verdict), "toy_best").state == "unwritten"
