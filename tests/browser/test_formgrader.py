"""A TA in formgrader: three students graded by hand, graded again, and nothing typed is lost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from conftest import grades_of, run_cli
from playwright.sync_api import Page, expect

from autograder.course import Course
from autograder.gradebook import queries
from browser.by_hand import MODEL_ANSWER, RUBRIC, STUDENTS, hand_in, write_course
from browser.conftest import Server, Window

pytestmark = [pytest.mark.browser, pytest.mark.sandbox, pytest.mark.nbgrader]

JUDGED = 10  # points of the toy that nobody gives by hand


@dataclass(frozen=True)
class Typed:
    """What the TA types for one student."""

    points: float
    comment: str


TYPED = {"s001": Typed(3.5, "Well put: units are what it is about."),
         "s002": Typed(4, "All is there. (Read from your PDF.)"),
         "s003": Typed(0, "This answers another question.")}


@pytest.fixture(scope="package")
def course(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """Three students' submissions, judged and waiting for a person."""
    course = write_course(tmp_path_factory.mktemp("by-hand"))
    for student in STUDENTS:
        hand_in(course, uploads(course), student)
    grade(course)
    return course


@pytest.fixture(scope="package")
def office(course: Course, serve: Callable[[Path], Server]) -> Server:
    """The course's folder, served to staff."""
    return serve(course.root)


def uploads(course: Course) -> Path:
    return course.root / "downloads"


def grade(course: Course, *options: str) -> None:
    """`autograder grade` on the folder of uploads."""
    done = run_cli("grade", "toy", "downloads", "-j", 1, *options, cwd=course.root)
    assert done.returncode in (0, 1), done.stderr


def test_what_is_typed_in_formgrader_survives(course: Course, office: Server, window: Window,
                                              tmp_path: Path) -> None:
    page = window.page
    assert {row.student for row in queries.entries(course, "toy") if row.needs_person} == set(TYPED)

    open_first(page, office)
    seen = []
    for _ in TYPED:
        student = student_of(page)
        is_beside_the_answer(page, with_pages=student == "s002")
        give(page, TYPED[student])
        page.screenshot(path=tmp_path / f"{student}.png", full_page=True)
        seen.append(student)
        page.get_by_role("link", name="Next").click()
    assert sorted(seen) == sorted(TYPED)
    expect(page).to_have_url(office.url("formgrader/gradebook/toy/toy"))

    # One hands in something else, and everything is judged again.
    hand_in(course, uploads(course), replace(STUDENTS[0], answer="So that *sizes* compare."))
    grade(course, "--again")
    rows = {row.student: row for row in queries.entries(course, "toy")}
    for student, typed in TYPED.items():
        assert rows[student].parts["toy_why"] == typed.points
        assert typed.comment in rows[student].comments.values()
        assert float(grades_of(course)[student]["toy_why"]) == typed.points
        # What is taken off for being late belongs here, once it comes after grading by hand.
        assert float(grades_of(course)[student]["total"]) == JUDGED + typed.points
        feedback = feedback_of(course, student)
        assert typed.comment in feedback and RUBRIC not in feedback

    open_first(page, office)
    typed = TYPED[student_of(page)]
    expect(page.locator("#toy_why")).to_have_value(f"{typed.points:g}")
    expect(page.locator("#toy_why-comment")).to_have_value(typed.comment)


def test_a_tas_browser_runs_nothing_of_a_students_notebook(course: Course, office: Server,
                                                           window: Window) -> None:
    page = window.page
    open_first(page, office)
    while student_of(page) != "s003":
        page.get_by_role("link", name="Next").click()
    expect(page.locator("body")).to_contain_text("Look at this.")
    expect(page.locator(".MathJax").first).to_be_attached()  # formulas are set, by this machine
    assert untouched(page)
    assert window.elsewhere == []

    pages = sorted((course.feedback / "s003").rglob("*.html"))
    assert len(pages) == 2, "nbgrader's page, and that on the whole homework"
    for path in pages:
        page.goto(path.as_uri())
        expect(page.locator("body")).to_contain_text("Look at this.")
        assert untouched(page)
    assert [url for url in window.elsewhere if "/mathjax/" not in url] == []


def open_first(page: Page, office: Server) -> None:
    """Go to the first submission as a TA does: by the list of what is to be graded."""
    office.open(page, "formgrader/gradebook/toy/toy")
    page.get_by_role("link", name="Submission #1").click()


def student_of(page: Page) -> str:
    """Whose submission is shown; the page keeps the name back until it is asked for."""
    return (page.locator(".live-notebook a.name-shown").text_content() or "").strip()


def is_beside_the_answer(page: Page, with_pages: bool) -> None:
    """Rubric and model answer stand on the page, and the pages of the PDF if there is one."""
    body = page.locator("body")
    expect(body).to_contain_text(RUBRIC)
    expect(body).to_contain_text(MODEL_ANSWER)
    pictures = body.locator("img[alt^='The written part']")
    expect(pictures).to_have_count(int(with_pages))
    for picture in pictures.all():
        assert picture.evaluate("picture => picture.complete && picture.naturalWidth") == 800


def give(page: Page, typed: Typed) -> None:
    """Type points and a comment; each is saved as soon as the cursor leaves it."""
    page.wait_for_function("window.MathJax?.loaded && formgrader.grades.loaded "
                           "&& formgrader.comments.loaded")
    for field, text in (("#toy_why", f"{typed.points:g}"), ("#toy_why-comment", typed.comment)):
        page.locator(field).fill(text)
        with page.expect_response(lambda answer: answer.request.method == "PUT") as saved:
            page.keyboard.press("Tab")
        assert saved.value.ok


def untouched(page: Page) -> bool:
    """Whether no script of the student's has run on a page that is done loading."""
    page.wait_for_load_state("networkidle")
    return bool(page.evaluate("window.pwned === undefined"))


def feedback_of(course: Course, student: str) -> str:
    return "".join(path.read_text() for path in (course.feedback / student).rglob("*.html"))
