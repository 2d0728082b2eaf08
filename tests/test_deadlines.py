"""Dates, extensions and waivers in course.toml: what is read, and what is wrong in a sentence."""

from __future__ import annotations

import tomllib
from datetime import timedelta

import pytest
from pydantic import ValidationError

from autograder.course import Course
from autograder.course_toml import CourseToml, deadlines
from autograder.judge.cache_key import cache_key
from autograder.late import LateRule

COURSE = """
[course]
id = "c"
title = "A course"
student_id = 's\\d+'
roster = "roster.csv"
[assignments.q1]
title = "One"
exercises = ["e"]
max_points = 10
archive = "{id}.zip"
due = 2026-03-14T23:59:00+09:00
[assignments.q2]
title = "Two"
exercises = ["e"]
max_points = 10
archive = "{id}.zip"
[assignments.alone]
title = "Three"
exercises = ["e"]
max_points = 10
archive = "{id}.ipynb"
groups = true
due = 2026-04-14T23:59:00+09:00
[homeworks.hw]
title = "Both"
assignments = ["q1", "q2"]
max_points = 20
"""
LATE = """
[late]
free_days = 4
grace_minutes = 15
percent_per_day = 10
"""


def load(more: str = "", **inside: str) -> CourseToml:
    """The course with lines more inside tables, by their last name, and more tables at its end."""
    text = COURSE
    for table, lines in inside.items():
        head = next(line for line in text.splitlines() if line.endswith(f".{table}]"))
        text = text.replace(head, f"{head}\n{lines}")
    return CourseToml.model_validate(tomllib.loads(text + more))


def extension(student: str = "s1", assignment: str = "hw",
              until: str = "2026-03-20T12:00:00+09:00") -> str:
    return (f'\n[[extensions]]\nstudent = "{student}"\nassignment = "{assignment}"\n'
            f'until = {until}\nreason = "ill"\n')


def test_a_homework_has_one_deadline() -> None:
    found = deadlines(load(LATE + extension()))
    assert [(one.name, one.assignments, one.groups) for one in found.values()] == [
        ("hw", ("q1", "q2"), False), ("alone", ("alone",), True)]
    assert found["hw"].rule == LateRule(grace_minutes=15, percent_per_day=10)
    assert found["hw"].extensions["s1"].until - found["hw"].due == timedelta(days=5, hours=12,
                                                                            minutes=1)


def test_one_rule_may_differ() -> None:
    found = deadlines(load(LATE, hw="late = { percent_per_day = 50 }", alone="late = {}"))
    assert (found["hw"].rule.percent_per_day, found["hw"].rule.grace_minutes) == (50, 15)
    assert found["alone"].rule.percent_per_day == 10


def test_waivers_have_one_grammar() -> None:
    toml = load(hw='waivers = [{ student = "s1", reason = "old" }, '
                   '{ student = "s2", reason = "ill", of = "late" }]',
                alone='waivers = [{ student = "g1", reason = "the platform", of = "late" }]')
    assert toml.homeworks["hw"].waiver("s1") == "old"
    assert toml.homeworks["hw"].waiver("s2") is None
    assert deadlines(toml)["hw"].waivers == {"s2": "ill"}
    assert deadlines(toml)["alone"].waivers == {"g1": "the platform"}


def test_without_dates_there_are_no_deadlines(course: Course) -> None:
    assert course.deadlines == {} and course.deadline("q1") is None


@pytest.mark.parametrize(("more", "inside", "says"), [
    (extension(assignment="hw5"), {}, "hw5 is no homework and no assignment; did you mean `hw`"),
    (extension(assignment="q1"), {}, "q1 is handed in with hw: name that"),
    (extension(until="2026-03-14T23:59:00+09:00"), {}, "not after hw is due"),
    (extension(until="2026-03-20T12:00:00"), {}, "may be any time of the world"),
    (extension(until="2026-03-20"), {}, "write it with the offset from UTC"),
    (extension(until="2206-03-20T12:00:00Z"), {}, "the year 2206 cannot be meant"),
    (extension(student="t1"), {}, "'t1' is no student's id"),
    (extension() + extension(), {}, "s1 has two for hw; leave one"),
    ("", {"q2": "due = 2026-03-15T23:59:00+09:00"}, "`due` must be the same in all of them"),
    ("", {"q2": "due = 2026-03-14T23:59:00"}, "may be any time of the world"),
    ("", {"q2": "groups = true"}, "not all of them are handed in by groups"),
    ("", {"q2": "late = { percent_per_day = 5 }"}, "write its `late` and `waivers` in "),
    ("", {"alone": 'waivers = [{ student = "g1", reason = "x" }]'}, 'need of = "late"'),
    ("", {"hw": 'waivers = [{ student = "1", reason = "x", of = "late" }]'}, "no student's id"),
    ('[homeworks.b]\ntitle = "b"\nmax_points = 1\nassignments = ["q1"]', {},
     "stands in 2 homeworks, hw and b"),
    ("[late]\npercent_per_day = 101", {}, "less than or equal to 100"),
    ("[late]\npercent_per_day = nan", {}, "less than or equal to 100"),
    ("[late]\nfree_days = -1", {}, "greater than or equal to 0"),
    ('[late]\npercent_of = "all"', {}, "'max' or 'earned'"),
    ("[late]\npenalty = 10", {}, "Extra inputs are not permitted"),
])
def test_what_is_wrong_is_a_sentence(more: str, inside: dict[str, str], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        load(more, **inside)


def test_an_extension_or_a_waiver_needs_a_due_date() -> None:
    text = COURSE.replace("due = 2026-03-14T23:59:00+09:00\n", "")
    with pytest.raises(ValidationError, match="hw has no due date that could be extended"):
        CourseToml.model_validate(tomllib.loads(text + extension()))
    text = text.replace("[homeworks.hw]", '[homeworks.hw]\nwaivers = [{ student = "s1", '
                                          'reason = "x", of = "late" }]')
    with pytest.raises(ValidationError, match="hw has no due date, so there is no waiver"):
        CourseToml.model_validate(tomllib.loads(text))


def test_no_date_makes_anything_be_judged_again(course: Course) -> None:
    """A verdict rests on neither the due date nor the rules; on the points it does."""
    q2 = course.exercise("q2")
    before = cache_key(course, "q2", q2)
    settings = (course.root / "course.toml").read_text()
    dated = settings.replace("[assignments.q2]", "[assignments.q2]\ndue = 2026-03-14T23:59:00Z")
    (course.root / "course.toml").write_text(dated + "\n[late]\npercent_per_day = 10\n")
    assert Course.load(course.root).deadline("q2")
    assert cache_key(Course.load(course.root), "q2", q2) == before
    (course.root / "course.toml").write_text(settings.replace("lenient = false", "")
                                             .replace("[assignments.q2]",
                                                      "[assignments.q2]\nlenient = true"))
    assert cache_key(Course.load(course.root), "q2", q2) != before
