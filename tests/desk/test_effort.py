"""What the benchmark of effort counts is what it takes: its keys grade a question for real."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from autograder.course import Course
from autograder.gradebook import queries
from desk.conftest import copy_of
from desk.graded import enter
from desk.keyboard import pressed
from desk.simulated import draw, questions
from desk.test_browser import Hands, chromium, serving  # noqa: F401

pytestmark = pytest.mark.browser

GRADE_ID, GROUPS = "hw3_1_2a", 60
CLICKS = """window.addEventListener("keydown", () => count(), true);
window.addEventListener("click", event => event.detail && count(), true);"""


def test_the_keys_that_are_counted_grade_a_question(
        chromium: Browser, released_hw3: Course, tmp_path: Path  # noqa: F811
) -> None:
    course = copy_of(released_hw3, tmp_path / "course")
    toml = course.root / "course.toml"
    toml.write_text(toml.read_text().replace("\nembed =", "\n# embed ="))
    course = Course.load(course.root)
    question = questions()[GRADE_ID]
    drawn = {one.owner: one for one in draw(question, GROUPS, seed=10)}
    enter(course, "hw3", {owner: {GRADE_ID: one.text} for owner, one in drawn.items()})

    with serving(course, "hw3") as served, chromium.new_context() as context:
        asked = served.desk.question("hw3", GRADE_ID)
        groups = served.desk.order.groups(asked, served.desk.answers(asked))
        keys = pressed(question, groups, {owner: one.items for owner, one in drawn.items()})
        assert {"f", "0", ".", "r", "t", "g", "z", "Enter", "click"} <= {
            key.partition(" ")[0] for key in keys}, "every key takes part"

        done = 0

        def count() -> None:
            nonlocal done
            done += 1

        page = context.new_page()
        page.expose_function("count", count)
        page.add_init_script(CLICKS)
        hands = Hands(page, served, next(iter(served.desk.sessions.tokens)))
        hands.open(f"/q/hw3/{GRADE_ID}")
        done = 0  # the way to the question's page is not counted, here or there
        for number, key in enumerate(keys, start=1):
            at = hands.card["key"]
            if key.startswith("click"):
                page.click(f'#stage a[href*="card={key.removeprefix("click ")}"]')
                hands.goes_on(at)
            else:
                hands.press(key)
                if key in ("Enter", "g", "r", "t", "z") and number < len(keys):
                    hands.goes_on(at)
        expect(page.locator("#said")).to_contain_text("Nothing waits here any more.")

    assert done == len(keys)
    rows = {row.student: row.parts[GRADE_ID] for row in queries.entries(course, "hw3")}
    assert rows == {owner: question.points(one.items) for owner, one in drawn.items()}
