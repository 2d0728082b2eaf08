"""Tables are read as the csv module reads them and go back to the byte; names find people."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from autograder.course import Course, CourseError
from autograder.intake.platforms import canvas, moodle
from autograder.intake.platforms.upload import Person, Tree, Upload, same_name, students
from autograder.roster import Member, Roster
from autograder.table import Table
from platforms.conftest import GRADEBOOK, WORKSHEET

BERLIN = ZoneInfo("Europe/Berlin")
cells = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=9)


def table(data: bytes) -> Table:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        path.write_bytes(data)
        return Table.read(path)


def written(one: Table) -> bytes:
    with TemporaryDirectory() as folder:
        one.write(Path(folder) / "table.csv")
        return (Path(folder) / "table.csv").read_bytes()


@given(st.binary(max_size=80) | st.text(alphabet='a,;"\r\n\t=é').map(str.encode))
def test_what_is_not_changed_goes_back_to_the_byte(data: bytes) -> None:
    try:
        read = table(data)
    except CourseError:
        assert data[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) or data[:3] == codecs.BOM_UTF8
    else:
        assert written(read) == data


@given(st.lists(st.lists(cells, min_size=2, max_size=4), min_size=1, max_size=4),
       st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]), cells)
def test_cells_say_what_the_csv_module_reads(rows: list[list[str]], quoting: int, new: str) -> None:
    buffer = io.StringIO()
    csv.writer(buffer, quoting=quoting).writerows([["Grade", "b", "c", "d", "e"], *rows])
    read = table(buffer.getvalue().encode())
    assert [[read.value(n, c) for c in range(len(row))] for n, row in enumerate(rows, 1)] == rows
    read.put(1, 1, new)
    again = list(csv.reader(io.StringIO(written(read).decode(), newline="")))
    rows[0][1] = new
    assert again[1:] == rows


words = st.text(st.characters(exclude_characters="_/\0", exclude_categories=["Cs"]), min_size=1)
files = st.text(st.characters(exclude_characters="/\0"), min_size=1).filter(
    lambda name: name not in (".", ".."))


def uploaded(name: str, read: Callable[[Tree], list[Upload]]) -> Upload:
    (found,) = read({PurePosixPath(name): Path(__file__)})
    return found


@given(words, st.integers(1, 10**9), files)
@example("Ada Example", 7, "Bo_8_assignsubmission_file_s001.zip")
def test_no_name_of_a_file_makes_another_its_sender_in_moodle(who: str, number: int, file: str
                                                              ) -> None:
    for place in (f"{who}_{number}_assignsubmission_file_{file}",
                  f"{who}_{number}_assignsubmission_file_/{file}",
                  f"{who}_{number}_assignsubmission_file/{file}"):
        found = uploaded(place, lambda tree: moodle.uploads(tree, None))
        assert found.sender is not None and (found.sender.number, found.name) == (str(number), file)


@given(st.text(st.characters(categories=["Ll"]), min_size=1).filter(lambda name: name != "late"),
       st.booleans(), st.integers(1, 10**9), st.integers(1, 10**9), files)
@example("exampleada", False, 7, 8, "LATE_9_10_s001_toy.zip")
def test_no_name_of_a_file_makes_another_its_sender_in_canvas(
        who: str, late: bool, user: int, attachment: int, file: str) -> None:
    place = "_".join([who, *["LATE"] * late, str(user), str(attachment), file])
    found = uploaded(place, lambda tree: canvas.uploads(tree, None, r"s\d{3}"))
    assert found.sender is not None and (found.sender.number, found.late) == (str(user), late)
    assert (found.name, found.attempt) == (file, attachment)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_table_is_read_however_it_was_saved(encoding: str, delimiter: str) -> None:
    text = f'Identifier{delimiter}"Full name"{delimiter}Grade\r\nParticipant 7{delimiter}Jörg\r\n'
    read = table(text.encode(encoding))
    assert read.header == ["Identifier", "Full name", "Grade"] and read.value(1, 1) == "Jörg"
    read.put(1, 2, "8.00")
    assert written(read).decode(encoding) == text[:-2] + f"{delimiter}8.00\r\n"


@pytest.mark.parametrize(("text", "iso"), [
    ("Friday, 20 November 2026, 11:58 PM", "2026-11-20T23:58:00+01:00"),
    ("Friday, 20 November 2026, 11:58\u202fPM", "2026-11-20T23:58:00+01:00"),
    ("Friday, 3 July 2026, 09:05", "2026-07-03T09:05:00+02:00"),
    ("Friday, November 20, 2026, 12:01 AM", "2026-11-20T00:01:00+01:00"),
    ("-", None), ("", None), ("Freitag, 20. November 2026, 23:58", None),
])
def test_moodles_times_are_read_in_the_courses_zone(text: str, iso: str | None) -> None:
    found = moodle.moment(text, BERLIN)
    assert (found and found.isoformat()) == iso


def test_a_worksheet_says_who_was_late() -> None:
    sheet = moodle.Worksheet.of(table(WORKSHEET.encode()), BERLIN)
    assert [(one.number, one.name, one.ids, one.late) for one in sheet.people] == [
        ("101", "Ada Example", ("s001",), False), ("102", "Jörg O'Muster", (), True),
        ("103", "Kim Twice", ("s003",), False), ("105", "Zoe Elsewhere", (), False)]


def test_what_is_no_table_of_theirs_is_a_sentence() -> None:
    with pytest.raises(CourseError, match="Set your language in Moodle to English"):
        moodle.Worksheet.of(table(b"ID,Bewertung\n"), BERLIN)
    with pytest.raises(CourseError, match="Export Entire Gradebook"):
        canvas.Gradebook.of(table(b"a,b\n"))


def test_a_gradebook_knows_what_stands_above_the_students() -> None:
    book = canvas.Gradebook.of(table(GRADEBOOK.encode()))
    assert book.above == [1, 2] and book.points_possible(5) == "10.00"
    assert [one.name for one in book.people][:2] == ["Example, Ada", "O'Muster, Jörg"]


@pytest.mark.parametrize(("one", "other", "same"), [
    ("Ada Example", "Example, Ada", True), ("exampleada", "Ada Example", True),
    ("Jörg OMuster", "Jörg O'Muster", True), ("김하나", "김 하나", True),
    ("van der bergada", "Ada van der Berg", True), ("Ada Exampler", "Ada Example", False),
    ("", "Ada Example", False), ("", "", False), ("Example", "Ada Example", False),
])
def test_a_name_is_one_in_whatever_order(one: str, other: str, same: bool) -> None:
    assert same_name(one, other) is same


def test_ids_go_before_senders_and_senders_before_names(people: Course) -> None:
    roster = Roster((Member("s001", "Ada Example"), Member("s002", "Bo Sample")))
    persons = [Person("Moodle", "1", "Bo Sample", ("s001",)), Person("Moodle", "2", "Bo Sample"),
               Person("Moodle", "3", "Bo Sample"), Person("Moodle", "4", "Ada Example")]
    found = students(people, roster, persons, {"Moodle 1": "s002", "Moodle 2": "s007"})
    assert {who.number: student for who, student in found.items()} == {
        "1": "s001", "2": "s007", "3": "s002"}, "s001 is found already: the name is another's"
