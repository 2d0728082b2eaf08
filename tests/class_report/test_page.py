"""The page: what stands on it, that it runs nothing of anybody's, and whom it does not name."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import bs4
import pytest
from conftest import toy_work
from redteam import pages

from autograder.course import Course, CourseError
from autograder.intake.records import IntakeRecord, write_notes
from autograder.report.class_report.data import gather
from autograder.report.class_report.render import write
from autograder.report.class_report.view import class_report
from autograder.report.read import CourseResults
from class_report.classes import entry, hand_in, toy_course, toy_verdict, write_class

NOW = datetime(2026, 11, 3, 9, 30, tzinfo=UTC)
ROSTER = "id,name,group\ns001,Ada Lovelace,\ns002,Kurt Gödel,\ns003,Emmy Noether,\n"
HOOK = f"<img src=x onerror=\"{pages.HOOK}\"><script>{pages.HOOK}</script>"
ANSWER = "    # Ada Lovelace, with Kurt Goedel and s003\n"
Maker = Callable[..., Course]


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """An empty gradebook: nbgrader takes its time to make one."""
    course = toy_course(tmp_path_factory.mktemp("empty"))
    write_class(course, "toy", [])
    return course.gradebook.read_bytes()


@pytest.fixture
def make(tmp_path: Path, empty: bytes) -> Maker:
    """Makes the toy course with a class of so many, a third of them with a misconception."""

    def of(count: int, hostile: str = "", roster: str = ROSTER) -> Course:
        course = toy_course(tmp_path, roster)
        course.grading.mkdir()
        course.gradebook.write_bytes(empty)
        entries = []
        work = toy_work(course, "    return text.lower().split()",
                        f"{ANSWER}    note = {hostile!r}\n    return text.split()")
        for number in range(1, count + 1):
            student = f"s{number:03d}"
            keeps = number <= max(1, count // 3)
            found = (toy_verdict(1, number % 4, says="Capitals.", misconception="capitals-kept")
                     if keeps else toy_verdict(4, number % 4, number % 2 * 3))
            if hostile and number == 2:
                found = replace(toy_verdict(2, says=f"Your `words` {hostile}"),
                                incidents=(f"A code cell says {hostile}",))
            entries.append(entry(student, found))
            if keeps or number == 2:
                hand_in(course, "toy", student, work)
        write_class(course, "toy", entries, {"s001": 1})
        return course

    return of


def page(course: Course, anonymous: bool = False) -> str:
    return write(CourseResults(course), "toy", anonymous, NOW).read_text(encoding="utf-8")


def text_of(markup: str) -> str:
    soup = bs4.BeautifulSoup(markup, "html.parser")
    for tag in soup(["style", "script"]):
        tag.decompose()
    return " ".join(soup.get_text(" ").split())


def test_before_anything_is_graded_there_is_a_sentence(make: Maker) -> None:
    with pytest.raises(CourseError, match="Nothing of toy is graded yet"):
        page(make(0))


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("anonymous", [True, False])
def test_a_tiny_class_has_a_page(make: Maker, count: int, anonymous: bool) -> None:
    text = text_of(page(make(count), anonymous))
    assert f"{count} handed in" in text
    assert "there are too few" in text and "too few" in text
    assert not re.search(r"\b(nan|None|inf)\b", text)


def test_a_class_that_nobody_could_read_has_a_page(make: Maker) -> None:
    course = make(2)
    write_notes(course, "toy", [IntakeRecord("a", "s001", "no zip"),
                                IntakeRecord("b", "s002", "no zip"),
                                IntakeRecord("c.zip", "", "whose is it?")])
    text = text_of(page(course))
    assert "3 handed in" in text and "3 could not be read" in text
    assert "Nothing that could be read was handed in yet." in text
    assert not re.search(r"\b(nan|None|inf)\b", text)


def test_what_stands_on_it(make: Maker) -> None:
    course = make(12)
    report = class_report(course, gather(CourseResults(course), "toy"), anonymous=False)
    assert (report.counts.handed_in, report.counts.graded, report.counts.waiting) == (12, 1, 11)
    assert (report.counts.absent, report.max_points) == (0, 10)
    (found,) = report.misconceptions
    assert (found.name, found.count, found.judged) == ("capitals-kept", 4, 12)
    assert found.says.startswith("Your words keep their capitals")
    assert report.analysis.items[0].difficulty == pytest.approx((4 * 1 + 8 * 4) / (12 * 4))
    assert [part.by_hand for part in report.parts] == [False, False, False, True]
    assert report.analysis.items[3].count == 1
    text = text_of(page(course))
    assert "4 of 12 (33%) in toy_words: capitals kept" in text
    assert "return text.split()" in text and "return text.lower()" not in text


def test_who_could_not_be_read_counts_in_no_figure(make: Maker) -> None:
    course = make(12)
    write_notes(course, "toy", [IntakeRecord("a.zip", "s001", "not a zip")])
    report = class_report(course, gather(CourseResults(course), "toy"), anonymous=False)
    assert (report.counts.handed_in, report.counts.unreadable) == (12, 1)
    assert report.analysis.count == 11 and report.misconceptions[0].count == 3


def test_the_whole_file_is_one_and_allows_nothing_else(make: Maker) -> None:
    found = bs4.BeautifulSoup(page(make(12)), "html.parser")
    assert not found.select("[src], link, iframe, form, object, [style]")
    assert {link["href"][0] for link in found.select("[href]")} == {"#"}
    ids = {tag["id"] for tag in found.select("[id]")}
    assert {link["href"][1:] for link in found.select("[href]")} <= ids
    policy = found.select_one("meta[http-equiv]")
    assert policy is not None and str(policy["content"]).startswith("default-src 'none';")
    assert [tag.name for tag in found.select("figure:not(:has(table)):not(:has(svg))")] == []


def test_every_plot_has_its_numbers_beside_it(make: Maker) -> None:
    found = bs4.BeautifulSoup(page(make(12)), "html.parser")
    plots = {str(svg["id"]): svg for svg in found.select("svg.plot")}
    assert set(plots) == {"totals-plot", "items-plot", "times-plot"}
    assert all(svg["aria-label"] for svg in plots.values())
    for name in ("totals-plot", "times-plot"):
        figure = plots[name].find_parent("figure")
        assert figure is not None
        counts = [int(cell.text) for cell in figure.select("details:first-of-type td.number")]
        bars = [int(re.search(r": (\d+) ", bar.title.text)[1])  # type: ignore[index]
                for bar in plots[name].select("[data-low]")]
        assert [count for count in counts if count] == bars and sum(bars) == 12
    for dot in plots["items-plot"].select("a"):
        row = found.select_one(str(dot["href"]))
        assert row is not None
        difficulty, r = (row.select("td")[column].text for column in (3, 4))
        assert f"difficulty {difficulty}, discrimination {r.replace('−', '-')}." in dot.title.text


def test_what_students_write_is_escaped(make: Maker) -> None:
    markup = page(make(12, HOOK))
    found = bs4.BeautifulSoup(markup, "html.parser")
    assert len(found.select("script")) == 1 and not found.select("img, [onerror]")
    assert html.escape("<script>document") in markup


def test_a_browser_runs_nothing_of_it(make: Maker) -> None:
    """The content security policy is taken out: the escaping alone must hold."""
    course = make(12, HOOK)
    listener = pages.Listener()
    path = write(CourseResults(course), "toy", False, NOW)
    assert list(pages.opened(path, listener)) == []
    bare = re.sub(r"<meta http-equiv[^>]*>", "", path.read_text(encoding="utf-8"))
    path.write_text(bare, encoding="utf-8")
    assert list(pages.opened(path, listener)) == []
    listener.close()


def test_the_anonymous_page_names_nobody(make: Maker) -> None:
    course = make(12, "by Ada Lovelace and s011")
    write_notes(course, "toy", [IntakeRecord("Noether, Emmy.zip", "", "whose is it?")])
    named, anonymous = page(course), page(course, anonymous=True)
    people = ["Lovelace", "Gödel", "Goedel", "Noether", *(f"s{n:03d}" for n in range(1, 13))]
    assert all(one in named for one in people if one != "Goedel")
    assert [one for one in people if one.casefold() in anonymous.casefold()] == []
    assert "def words" in anonymous and "[removed]" in anonymous
    known = repr(class_report(course, gather(CourseResults(course), "toy"), anonymous=True))
    assert [one for one in people if one in known] == []


def test_examples_name_nobody_on_the_page_for_staff_either(make: Maker) -> None:
    found = bs4.BeautifulSoup(page(make(12)), "html.parser")
    shown = "\n".join(pre.text for pre in found.select("pre"))
    assert "def words" in shown and not re.search("Lovelace|Goedel|s003", shown)


def test_both_pages_can_lie_there(make: Maker) -> None:
    course = make(1)
    results = CourseResults(course)
    assert [write(results, "toy", anonymous, NOW).name for anonymous in (False, True)] == [
        "toy.html", "toy-anonymous.html"]
