"""Groups: the roster, the names in a notebook matched against it, a grade for every member."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import jupytext
import nbformat
import pytest
from conftest import TOY_COURSE, Toy, toy_work
from nbformat import NotebookNode

from autograder import roster
from autograder.course import Course, CourseError
from autograder.intake.owners import doubts, named_in
from autograder.intake.receive import receive
from autograder.intake.records import IntakeRecord, notes, write_notes
from autograder.release.build import prepare
from autograder.report.totals import NOT_ON_ROSTER, GradeRow, by_member
from autograder.roster import Member, Roster

PEOPLE = Roster((
    Member("1", "Ada Example", "a"), Member("2", "Łukasz Próba", "a"), Member("3", "김 하나", "a"),
    Member("4", "Bo Sample", "b"), Member("5", "Jean-Luc d'Essai", "b"),
    Member("6", "Kim Twice", "a"), Member("7", "Kim Twice", "b"), Member("8", "Lone Walker"),
))


# ---------------------------------------------------------------------------------------- roster


def read(tmp_path: Path, text: str) -> Roster:
    path = tmp_path / "roster.csv"
    path.write_bytes(text.encode("utf-8"))
    return roster.read(path)


@pytest.mark.parametrize("text", [
    "id,name,group\n1,Ada Example,a\n2,Bo Sample,b\n",
    "\ufeffID, Name ,GROUP\r\n 1 , Ada Example , a\r\n2,Bo Sample,b\r\n",
    'group,name,id,remark\na,"Ada Example",1,x\nb,Bo Sample,2,\n',
])
def test_a_roster_is_read_however_it_was_saved(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text).groups == {"a": [Member("1", "Ada Example", "a")],
                                           "b": [Member("2", "Bo Sample", "b")]}


def test_people_may_stand_alone(tmp_path: Path) -> None:
    assert read(tmp_path, "id,name\n1,Ada Example\n").groups == {}


@pytest.mark.parametrize(("text", "says"), [
    ("id,name,group\n1,,a\n", "line 2: name missing"),
    ("student,full name\n1,Ada\n", "id and name missing"),
    ("id,name,group\n1,Ada,a\n1,Bo,b\n", "more than one line for 1"),
    ("id,name,group\n1,Ada,../a\n", "only letters, digits"),
    ("id,name,group\n1,Ada,group one\n", "only letters, digits"),
])
def test_what_is_wrong_with_a_roster_is_a_sentence(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(CourseError, match=says):
        read(tmp_path, text)


def test_no_roster_and_one_that_is_no_text_are_sentences(tmp_path: Path) -> None:
    with pytest.raises(CourseError, match="There is no"):
        roster.read(tmp_path / "roster.csv")
    (tmp_path / "roster.csv").write_bytes(b"\xff\xfe\x00\x00")
    with pytest.raises(CourseError, match="UTF-8"):
        roster.read(tmp_path / "roster.csv")


@pytest.mark.parametrize("name", [
    "Łukasz Próba", "łukasz  próba", "Próba, Łukasz", unicodedata.normalize("NFD", "Łukasz Próba"),
    " ŁUKASZ PRÓBA ",
])
def test_a_name_is_found_however_it_is_written(name: str) -> None:
    assert [member.id for member in PEOPLE.named(name)] == ["2"]


# -------------------------------------------------------------------------- names in a notebook


def notebook(*texts: str) -> NotebookNode:
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(text) for text in texts])


@pytest.mark.parametrize("names", [
    "- Ada Example\n- Łukasz Próba\n- 김 하나",
    "* **Ada Example** (2026_1)\n* _Łukasz Próba_ <l@x.org>\n* 김 하나",
    "1. Ada Example\n2. Próba, Łukasz\n3) 김 하나",
    "Ada Example, Łukasz Próba & 김 하나",
    "- Ada Example and Łukasz Próba\n\n- 김 하나 hana@example.org",
    "> - Ada Example; 김 하나\n> - łukasz próba",
])
def test_members_are_read_from_their_cell(names: str) -> None:
    found = named_in(notebook("# Homework", f"**Members of the group** (full names):\n\n{names}"),
                     PEOPLE)
    assert {member.id for member in found.members} == {"1", "2", "3"}
    assert found.strangers == () and found.groups == {"a"}


def test_the_words_above_the_members_are_the_courses() -> None:
    cells = notebook("Die Gruppe:\n\n- Ada Example\n- Nemo Nobody")
    assert named_in(cells, PEOPLE, "die gruppe").strangers == ("Nemo Nobody",)
    assert named_in(cells, PEOPLE).strangers == ()


def test_without_the_cell_names_are_found_in_the_text() -> None:
    found = named_in(notebook("# hw3 by Ada Example and Łukasz\nPróba", "the example of Ada"),
                     PEOPLE)
    assert {member.id for member in found.members} == {"1", "2"}


@pytest.mark.parametrize("text", ["Ada Examples", "Bada Example", "Ada"])
def test_half_a_name_is_nobodys(text: str) -> None:
    assert named_in(notebook(text), PEOPLE).members == ()


def test_of_two_people_with_one_name_the_groups_own_is_meant() -> None:
    found = named_in(notebook("Members of the group\n- Kim Twice\n- Bo Sample"), PEOPLE)
    assert {member.id for member in found.members} == {"7", "4"}
    alone = named_in(notebook("Members of the group\n- Kim Twice"), PEOPLE)
    assert {member.id for member in alone.members} == {"6", "7"} and len(alone.groups) == 2


def test_where_names_and_roster_agree_there_is_no_doubt() -> None:
    found = named_in(notebook("Members of the group\n- Bo Sample\n- Jean-Luc d'Essai\n- Kim Twice"),
                     PEOPLE)
    assert doubts(found, "b", PEOPLE) == []


@pytest.mark.parametrize(("names", "told"), [
    ("- Ada Exmaple", "the roster knows nobody"),
    ("- Bo Sample", "belongs to group b"),
    ("- Lone Walker", "belongs to no group"),
    ("- Ada Example", "not named in the notebook"),
])
def test_where_they_do_not_it_is_flagged(names: str, told: str) -> None:
    found = named_in(notebook(f"Members of the group\n{names}"), PEOPLE)
    assert told in "; ".join(doubts(found, "a", PEOPLE))


# ----------------------------------------------------------------------------------- the report


def line(student: str) -> GradeRow:
    return GradeRow(student, "upload", {"part": 3.0}, 3.0, 4.0, ("late",), ())


def test_every_member_gets_the_groups_grade() -> None:
    found = by_member([line("b")], PEOPLE)
    assert [(one.student, one.group, one.points) for one in found] == [
        ("4", "b", 3.0), ("5", "b", 3.0), ("7", "b", 3.0)]


def test_a_group_that_the_roster_lost_is_flagged_not_dropped() -> None:
    (found,) = by_member([line("z")], PEOPLE)
    assert (found.student, found.points, found.review) == ("z", 3.0, (NOT_ON_ROSTER,))


def test_nobodys_upload_stays_as_it_is() -> None:
    assert by_member([line("")], PEOPLE) == [line("")]


# -------------------------------------------------------------------------------------- the uploads


@pytest.fixture(scope="module")
def handed_in(tmp_path_factory: pytest.TempPathFactory) -> tuple[Course, dict[str, IntakeRecord]]:
    """Four groups' notebooks, each named in another way, and one of nobody."""
    folder = tmp_path_factory.mktemp("groups")
    settings = (TOY_COURSE.replace("[course]", '[course]\nroster = "roster.csv"')
                .replace('"{id}_toy.zip"', '"{id}_toy.ipynb"\ngroups = true')
                .replace('student_files = ["vectors.py"]\n', ""))
    course = Toy(course=settings).write(folder)
    people = [("s001", "Ada Example", "a"), ("s002", "Bo Sample", "b"),
              ("s003", "Cem Placeholder", "c"), ("s004", "Dot Dummy", "d")]
    (course.root / "roster.csv").write_text("id,name,group\n" + "".join(
        f"{','.join(person)}\n" for person in people))
    prepare(course, "toy")
    uploads = folder / "uploads"
    uploads.mkdir()
    for name, member in (("a_toy.ipynb", "Ada Example"), ("b_toy.py", "Bo Sample"),
                         ("final version.ipynb", "Cem Placeholder"), ("s004.ipynb", "Eve Stranger"),
                         ("lost.ipynb", "Eve Stranger")):
        whole = toy_work(course).notebook
        whole.cells.insert(0, nbformat.v4.new_markdown_cell(f"Members of the group\n\n- {member}"))
        text = (jupytext.writes(whole, fmt="py:percent") if name.endswith(".py")
                else nbformat.writes(whole))
        (uploads / name).write_text(text)
    return course, {row.upload: row for row in receive(course, "toy", uploads)}


@pytest.mark.nbgrader
@pytest.mark.parametrize(("upload", "group"), [
    ("a_toy.ipynb", "a"), ("b_toy.py", "b"), ("final version.ipynb", "c"), ("s004.ipynb", "d"),
    ("lost.ipynb", "")])
def test_a_notebook_finds_its_group(handed_in: tuple[Course, dict[str, IntakeRecord]], upload: str,
                                    group: str) -> None:
    course, rows = handed_in
    assert (rows[upload].student, bool(rows[upload].problem)) == (group, not group)
    if group:
        taken = nbformat.read(course.submitted / group / "toy" / "toy.ipynb", as_version=4)
        assert any("text.lower().split()" in cell.source for cell in taken.cells), "work is lost"


@pytest.mark.nbgrader
def test_a_name_of_nobody_is_flagged_and_one_of_the_group_is_missed(
        handed_in: tuple[Course, dict[str, IntakeRecord]]) -> None:
    _, rows = handed_in
    told = "; ".join(rows["s004.ipynb"].flags)
    assert "`Eve Stranger`" in told and "Dot Dummy" in told
    assert rows["a_toy.ipynb"].flags == ()


def test_those_who_came_by_another_way_are_noted_beside_each_other(tmp_path: Path) -> None:
    course = Toy().write(tmp_path)
    write_notes(course, "toy", [IntakeRecord("", "s001", remarks=("one",))])
    write_notes(course, "toy", [IntakeRecord("", "s002", remarks=("another",))])
    assert [row.student for row in notes(course, "toy")] == ["s001", "s002"]
