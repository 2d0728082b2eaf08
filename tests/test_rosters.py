"""Rosters as spreadsheets save them are read right, or refused with a sentence."""

from __future__ import annotations

import codecs
import itertools
from pathlib import Path

import pytest

from autograder import roster
from autograder.course import Course, CourseError
from autograder.report import grades, people
from autograder.report.read import CourseResults
from autograder.report.todo.items import review_items
from autograder.results.flag import Kind
from autograder.roster import Member

PEOPLE = [("2026_00001", "Jörg O'Muster", "g1"), ("2026_00002", "김민지", "g1"),
          ("2026_00003", "Łukasz, Example", "")]
HEADERS = (("id", "name", "group"), (" ID ", "Name", "GROUP"), ("Group", "id", "NAME"),
           ("id", "name", "group", "Section", ""))
MARKS = {"utf-8": b"", "utf-8-sig": codecs.BOM_UTF8, "utf-16-le": codecs.BOM_UTF16_LE,
         "utf-16-be": codecs.BOM_UTF16_BE}


def saved(delimiter: str, header: tuple[str, ...], ends: str, quotes: bool, extra: bool) -> str:
    """The people as a spreadsheet writes them."""
    rows = [list(header)]
    for person in PEOPLE:
        cells = dict(zip(("id", "name", "group"), person, strict=True))
        rows.append([cells.get(column.strip().lower(), "") for column in header])
    if extra:  # of a spreadsheet whose lines below were once filled
        rows[2:2] = [[""] * len(header)]
        rows += [[""] * len(header), [" "] * len(header)]
    return "".join(delimiter.join(
        f'"{cell}"' if quotes or delimiter in cell else cell for cell in row) + ends
        for row in rows)


@pytest.mark.parametrize("encoding", MARKS)
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("header", HEADERS, ids=" ".join)
def test_a_spreadsheets_roster_is_read_right(tmp_path: Path, encoding: str, delimiter: str,
                                             header: tuple[str, ...]) -> None:
    path = tmp_path / "roster.csv"
    for ends, quotes, extra, said in itertools.product(("\n", "\r\n"), *[(False, True)] * 3):
        text = f"sep={delimiter}{ends}" * said + saved(delimiter, header, ends, quotes, extra)
        path.write_bytes(MARKS[encoding] + text.encode(encoding.removesuffix("-sig")))
        assert sorted(roster.read(path).members, key=lambda one: one.id) == [
            Member(*person) for person in PEOPLE]


@pytest.mark.parametrize(("data", "why"), [
    ("id,name\n2026_00001,Jörg Muster\n".encode("cp1252"), "not in UTF-8"),
    ("id,name\n2026_00001,김민지\n".encode("cp949"), "not in UTF-8"),
    ("id,name\n2026_00001,Иван\n".encode("cp1251"), "not in UTF-8"),
    ("id,name\n2026_00001,Ada\n".encode("utf-16-le"), "not in UTF-8"),
    (b"PK\x03\x04 a workbook", "workbook"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "workbook"),
    (b"Matrikel,Vorname\n1,Ada\n", "id and name missing from the first line"),
    (b"id,name\n,Ada\n", "line 2: id missing"), (b"", "first line"),
    (b"sep=;\nid;name\n\n2026_00001;\n", "line 4: name missing"),
])
def test_another_one_is_refused_with_a_sentence(tmp_path: Path, data: bytes, why: str) -> None:
    (tmp_path / "roster.csv").write_bytes(data)
    with pytest.raises(CourseError, match=why):
        roster.read(tmp_path / "roster.csv")


def test_who_handed_nothing_in_is_in_the_report_and_on_the_list(course: Course) -> None:
    (course.root / "roster.csv").write_text(
        "id,name,group\n2026_00001,Ada,g1\n2026_00002,Bo,g2\n2026_00003,Cy,\n")
    (course.submitted / "2026_00001" / "q1").mkdir(parents=True)
    (course.submitted / "g1" / "hw3").mkdir(parents=True)
    for name, who in (("hw4", ["2026_00002", "2026_00003"]), ("hw3", ["g2", "2026_00003"])):
        results = CourseResults(course)
        rows = people.absent_rows(results, name, [])
        assert [row.student for row in rows] == who
        assert {row.points for row in rows} == {None}
        path = course.grades
        grades.write_csv(path, grades.by_person(results, name, rows))
        assert path.read_text().count("nothing was handed in") == 2
        assert "no such group" not in path.read_text()
        assert [item.student for item in review_items(results, name) if item.kind is Kind.ABSENT
                ] == sorted(who)


def test_without_a_roster_nobody_is_absent(course: Course) -> None:
    assert not people.absent(CourseResults(course), "hw4")


@pytest.mark.parametrize("text", [
    "x" * 9000 + ",y\n", ",".join(f"column{n}" for n in range(2000)) + "\n",
    "id,name,group\n1,Ada," + "g!" * 5000 + "\n",
    "id,name,group\n" + "".join(f"{n},Ada,1\n" * 2 for n in range(3000))])
def test_a_sentence_quotes_no_more_than_somebody_reads(tmp_path: Path, text: str) -> None:
    (tmp_path / "roster.csv").write_text(text)
    with pytest.raises(CourseError) as raised:
        roster.read(tmp_path / "roster.csv")
    assert len(str(raised.value)) < 1000
