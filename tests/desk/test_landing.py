"""Where marks of the desk land: feedback pages, the class report, the todo list, grades.csv."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import bs4
import pytest

from autograder.course import Course
from autograder.desk.answers import AnswerIndex
from autograder.desk.questions import Question, questions_of
from autograder.gradebook.nbgrader_api import open_gradebook
from autograder.marking.results import question_marks
from autograder.marking.store import RubricStore
from autograder.report.class_report.data import gather
from autograder.report.class_report.render import write as write_report
from autograder.report.class_report.written import WrittenQuestion
from autograder.report.feedback import write as feedback
from autograder.report.grades import grade_rows, write_csv
from autograder.report.read import CourseResults
from autograder.report.todo.items import review_items
from autograder.results.reason import ReviewKind as Kind
from desk.graded import enter

OWNERS = ("s001", "s002", "s003")
UNITS = "numbers can be compared, whatever their unit was."
BETWEEN = "they lie between $-1$ and $1$."
SUM = "the sum is said to be 1."
EXAMPLE = "only an example."
Give = Callable[..., None]


@pytest.fixture
def course(desk_toy: Course) -> Course:
    """Three answers to (a), none to (b)."""
    enter(desk_toy, "toy", {one: {"toy_why": f"Since {one} says so."} for one in OWNERS})
    return desk_toy


@pytest.fixture
def give(course: Course, store: RubricStore, why: Question) -> Give:
    """Give somebody items by their words."""
    def give(owner: str, *texts: str, adjustment: float = 0.0, comment: str = "") -> None:
        items = {one.text: one.id for one in store.items(why)}
        mark = store.mark("toy", "toy_why", owner)
        store.give(why, [(owner, digest(course, owner), mark.version if mark else 0)],
                   [items[text] for text in texts], adjustment, comment, "ada")
    return give


def pages(course: Course, language: str = "en") -> dict[str, bs4.Tag]:
    """What the pages say of (a), by student."""
    settings = course.toml.course.model_copy(update={"language": language})
    feedback.write(CourseResults(replace(course, toml=course.toml.model_copy(
        update={"course": settings}))), "toy")
    found = {}
    for owner in OWNERS:
        page = bs4.BeautifulSoup(feedback.path(course, "toy", owner).read_text(), "html.parser")
        part = page.select_one("#part-toy_why")
        assert part is not None
        found[owner] = part
    return found


def lines(part: bs4.Tag) -> list[str]:
    return [" ".join(line.get_text().split()) for line in part.select(".rubric li")]


def is_another(course: Course, owner: str) -> None:
    """Somebody hands in another answer to (a)."""
    enter(course, "toy", {owner: {"toy_why": "Now it is otherwise."}})


def digest(course: Course, owner: str) -> str:
    index = AnswerIndex(course, "toy")
    question = next(one for one in questions_of(course, "toy") if one.grade_id == "toy_why")
    return index.answers(question)[owner].digest


def in_formgrader(course: Course, owner: str, points: float) -> None:
    with open_gradebook(course) as gradebook:
        grade = gradebook.find_grade("toy_why", "toy", "toy", owner)
        grade.manual_score, grade.needs_manual_grade = points, False
        gradebook.db.commit()


def test_a_gradebook_without_a_desk_gets_no_table_of_it(desk_toy: Course) -> None:
    assert question_marks(desk_toy, "toy") == {}
    with open_gradebook(desk_toy) as gradebook:
        names = gradebook.db.connection().dialect.get_table_names(gradebook.db.connection())
    assert "grade" in names and [name for name in names if name.startswith("desk")] == []


def test_before_anybody_opens_the_desk_pages_are_as_ever(course: Course) -> None:
    assert question_marks(course, "toy") == {}
    assert not any(map(lines, pages(course).values()))


def test_a_page_shows_each_item_once_all_answers_are_graded(course: Course, give: Give) -> None:
    give("s001", UNITS, SUM, adjustment=0.25, comment="Well put, but <b>.")
    give("s002", UNITS, BETWEEN, EXAMPLE)
    assert not any(map(lines, pages(course).values())), "s003 waits"
    give("s003")
    shown = pages(course)
    assert lines(shown["s001"]) == [
        f"✓ met, +1.5 {UNITS}", f"✗ not met, 0 of 0.5 {BETWEEN}", f"◐ taken off, −0.5 {SUM}",
        "+0.25 adjusted by the person who graded it"]
    assert "1.25 of 2 points" in shown["s001"].get_text()
    assert "Well put, but <b>." in shown["s001"].get_text()
    assert lines(shown["s002"]) == [
        f"✓ met, +1.5 {UNITS}", f"✓ met, +0.5 {BETWEEN}", f"◐ at most 1 {EXAMPLE}"]
    assert lines(shown["s003"]) == [
        f"✗ not met, 0 of 1.5 {UNITS}", f"✗ not met, 0 of 0.5 {BETWEEN}"]
    assert not shown["s001"].find_next_sibling("article").select(".rubric"), "(b) was left empty"


@pytest.mark.parametrize(("language", "said"), [
    ("de", ["✓ erfüllt, +1,5", "✗ nicht erfüllt, 0 von 0,5", "◐ abgezogen, −0,5",
            "◐ höchstens 1"]),
    ("ko", ["✓ 충족, +1.5", "✗ 미충족, 0.5점 중 0점", "◐ 감점, −0.5", "◐ 최대 1점"])])
def test_only_the_items_own_words_are_not_in_the_pages_language(
        course: Course, give: Give, language: str, said: list[str]) -> None:
    for owner in OWNERS:
        give(owner, UNITS, SUM, EXAMPLE)
    assert lines(pages(course, language)["s001"]) == [
        f"{one} {text}" for one, text in zip(said, (UNITS, BETWEEN, SUM, EXAMPLE), strict=True)]


def test_a_page_is_written_anew_where_an_item_changes(course: Course, store: RubricStore,
                                                      why: Question, give: Give) -> None:
    for owner in OWNERS:
        give(owner, *([SUM] if owner == "s002" else [UNITS]))
    pages(course)
    assert str(feedback.write(CourseResults(course), "toy")) == "0 written, 3 unchanged"
    units, takes = (next(one for one in store.items(why) if one.text == text)
                    for text in (UNITS, SUM))
    store.change_item(takes.id, 0.5, "the sum is <i>said</i> to be `1`.", takes.version, "ben")
    assert str(feedback.write(CourseResults(course), "toy")) == "1 written, 2 unchanged"
    assert lines(pages(course)["s002"])[-1] == "◐ taken off, −0.5 the sum is <i>said</i> to be 1."
    store.change_item(units.id, 1.25, UNITS, units.version, "ben")
    assert str(feedback.write(CourseResults(course), "toy")) == "3 written, 0 unchanged"
    assert "1.25 of 2 points" in pages(course)["s001"].get_text()


def test_what_formgrader_graded_looks_as_ever(course: Course, give: Give) -> None:
    for owner in OWNERS:
        give(owner, UNITS)
    in_formgrader(course, "s002", 2.0)
    shown = pages(course)
    assert lines(shown["s001"]) and not lines(shown["s002"])
    assert "Points given: 2" in shown["s002"].get_text()


def test_items_of_another_answer_are_not_shown(course: Course, give: Give) -> None:
    for owner in OWNERS:
        give(owner, UNITS)
    is_another(course, "s002")
    assert not any(map(lines, pages(course).values())), "(a) is no longer graded to the end"


def test_the_todo_list_has_what_is_left_and_what_is_in_doubt(course: Course, store: RubricStore,
                                                             why: Question, give: Give) -> None:
    def listed() -> dict[str, list[tuple[Kind, str]]]:
        found: dict[str, list[tuple[Kind, str]]] = {owner: [] for owner in OWNERS}
        for item in review_items(CourseResults(course), "toy"):
            assert item.where[0] == "autograder desk toy"
            found[item.student].append((item.kind, item.reason))
        return found

    assert listed() == {one: [(Kind.GRADE, "toy_why (2 points)")] for one in OWNERS}
    for owner in OWNERS:
        give(owner, UNITS)
    assert not any(listed().values())
    in_formgrader(course, "s001", 1.0)
    is_another(course, "s002")
    store.draw(why, 1.0, 7, ["ada", "ben"], "ada")
    for owner, items in (("s003", []), ("s001", [])):
        store.give_second(why, {owner: digest(course, owner)}, items, 1.0, "ben")
    assert listed() == {
        "s001": [(Kind.MARKS, "toy_why: formgrader has other points (1), or another comment, than "
                              "the desk gave")],
        "s002": [(Kind.GRADE, "toy_why was given 1.5 points before another answer came in")],
        "s003": []}
    store.give_second(why, {"s003": digest(course, "s003")}, [], 0.5, "ben")
    assert listed()["s003"] == [
        (Kind.MARKS, "toy_why: 1.5 points, and 0.5 in the second marking")]


def test_the_class_report_has_the_written_questions(course: Course, store: RubricStore,
                                                    why: Question, give: Give) -> None:
    def reported() -> list[WrittenQuestion]:
        return list(gather(CourseResults(course), "toy").written)

    first, second = reported()
    assert (first.part, first.graded, first.answers, first.mean) == ("toy_why", 0, 3, None)
    assert (second.part, second.graded, second.mean) == ("toy_how", 3, 0)
    give("s001", UNITS, BETWEEN)
    give("s002", UNITS)
    store.draw(why, 1.0, 7, ["ada", "ben"], "ada")
    units = next(one for one in store.items(why) if one.text == UNITS)
    for owner in ("s001", "s002"):
        store.give_second(why, {owner: digest(course, owner)}, [units.id], 0.0, "ben")
    first = reported()[0]
    assert (first.graded, first.answers, first.mean, first.marked) == (2, 3, 1.75, 2)
    assert [(one.text, one.count) for one in first.items] == [
        (UNITS, 2), (BETWEEN, 1), (SUM, 0), (EXAMPLE, 0)]
    assert (first.twice, first.difference, first.distance) == (2, -0.25, 0.25)
    assert [(one.kappa, one.agreed) for one in first.items[:2]] == [(None, 1), (0, 0.5)]
    is_another(course, "s002")
    first = reported()[0]
    assert (first.graded, first.changed, first.marked) == (1, 1, 1)
    for anonymous in (False, True):
        path = write_report(CourseResults(course), "toy", anonymous, datetime.now(UTC))
        page = bs4.BeautifulSoup(path.read_text(), "html.parser")
        rows = [[cell.get_text() for cell in row.select("td")]
                for row in page.select("#written article tr")]
        assert ["1.5", UNITS, "1", "100%", "100%", "–"] in rows
        assert ["−0.5", SUM, "0", "0%", "100%", "–"] in rows


def test_grades_follow_at_once(course: Course, give: Give) -> None:
    def points() -> dict[str, tuple[str, str]]:
        write_csv(course.grades, grade_rows(CourseResults(course), "toy"))
        with open(course.grades, newline="") as file:
            return {row["student"]: (row["toy_why"], row["total"]) for row in csv.DictReader(file)}

    assert points()["s001"] == ("", "10")
    give("s001", UNITS)
    assert points()["s001"] == ("1.5", "11.5")
    give("s001", UNITS, BETWEEN)
    assert points()["s001"] == ("2", "12")
