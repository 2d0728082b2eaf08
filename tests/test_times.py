"""Times that somebody wrote down are read right, or not at all, with a flag."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.course import Course
from autograder.intake.platforms.moodle import _doubt
from autograder.intake.times import handed_in, read_time, unread
from autograder.report.read import CourseResults
from autograder.report.todo.items import review_items
from autograder.results.flag import Kind

MINUTES = st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31)).map(
    lambda time: time.replace(second=0, microsecond=0))
OFFSETS = st.integers(-14 * 4, 14 * 4).map(lambda quarters: timedelta(minutes=15 * quarters))
FORMS = ("%Y-%m-%d %H:%M{}", "%Y-%m-%dT%H:%M{}", "%Y-%m-%d %I:%M %p {}", "%d %B %Y %H:%M {}",
         "%A, %d %B %Y, %I:%M %p {}", "%a, %d %b %Y %H:%M:%S {}", "%Y%m%dT%H%M%S{}",
         "%Y/%m/%d %I:%M%p {}", "%B %d, %Y %H:%M {}", "%Y-%m-%d %H:%M:%S.%f {}")


@given(MINUTES, OFFSETS, st.sampled_from(FORMS), st.sampled_from(("%z", ":", "UTC", "Z", "")))
def test_a_time_with_an_offset_is_that_moment(time: datetime, offset: timedelta, form: str,
                                              zone: str) -> None:
    if zone in ("UTC", "Z", ""):
        offset = timedelta()
    local = time.replace(tzinfo=timezone(offset))
    written = local.strftime("%z") if zone in ("%z", ":") else zone
    if zone == ":":
        written = f"{written[:3]}:{written[3:]}"
    assert read_time(local.strftime(form.format(written))) == local.astimezone(UTC)


@given(MINUTES, st.sampled_from(("KST", "CET", "EST", "JST", "IST", "PDT", "BST", "MEZ", "UTC+9",
                                 "GMT-3", "UTC +01:00", "Asia/Seoul", "Uhr", "오후")))
def test_a_zone_that_may_be_two_is_refused(time: datetime, zone: str) -> None:
    assert read_time(f"{time:%Y-%m-%d %H:%M} {zone}") is None


@given(MINUTES, st.sampled_from(("%d/%m/%Y %H:%M", "%m/%d/%Y %I:%M %p", "%d.%m.%Y %H:%M",
                                 "%d.%m.%y %H:%M", "%y-%m-%d %H:%M")))
def test_days_and_months_are_never_mixed_up(time: datetime, form: str) -> None:
    assert read_time(time.strftime(form)) in (None, time.replace(tzinfo=UTC))


@pytest.mark.parametrize("text", [
    "2026-03-14", "12:30", "March 2026", "1773500000", "yesterday", "03/04/2026 12:00", "",
    "2026-02-30 12:00", "2026-03-14 13:00 PM", "Monday 2026-03-14 12:00", "2026-03-14 12:00+99:00",
    "2026-03-14 12:00\n2026-03-15 12:00", "12"])
def test_what_is_no_certain_time_is_refused(text: str) -> None:
    assert read_time(text) is None


def test_nbgraders_own_form_is_read() -> None:
    assert read_time("2015-02-02 15:58:23.948203 UTC") == datetime(
        2015, 2, 2, 15, 58, 23, 948203, UTC)


def test_a_time_that_cannot_be_read_is_for_a_person(course: Course) -> None:
    for student, text in (("ada", "2026-03-14 23:30 +0100"), ("bo", "2026-03-14 23:30 KST")):
        folder = course.submitted / student / "q2"
        folder.mkdir(parents=True)
        (folder / "timestamp.txt").write_text(text)
    assert handed_in(course, "q2", []) == {
        "ada": datetime(2026, 3, 14, 22, 30, tzinfo=UTC), "bo": None}
    assert list(unread(course, "q2", [])) == ["bo"]
    (item,) = [item for item in review_items(CourseResults(course), "q2") if item.kind is Kind.TIME]
    assert item.student == "bo" and "KST" in item.reason


@pytest.mark.parametrize(("status", "time", "said"), [
    ("Draft (not submitted)", "-", "draft"), ("Submitted for grading", "20. November 2026, 12:00",
                                              "cannot be read"),
    ("Submitted for grading", "-", ""), ("No submission", "", "")])
def test_moodles_drafts_and_unread_times_are_doubts(status: str, time: str, said: str) -> None:
    doubt = _doubt(status.split(" - "), time, None)
    assert said in doubt and bool(said) == bool(doubt)
