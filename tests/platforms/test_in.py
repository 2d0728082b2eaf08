"""Downloads of learning platforms become rows and submissions, each under its owner."""

from __future__ import annotations

import os
import stat
import zipfile
from pathlib import Path

import pytest
from nbgrader.coursedir import CourseDirectory

from autograder.course import Course, CourseError
from autograder.intake.platforms import zips
from autograder.intake.receive import receive
from autograder.intake.records import IntakeRecord, note_of
from platforms.conftest import GRADEBOOK, WORKSHEET, Lay, toy_course, toy_zip, zipped

FOLDERS = {
    "Ada Example_101_assignsubmission_file_/s001_toy.zip": toy_zip("ada"),
    "Jörg OMuster_102_assignsubmission_file/homework.zip": toy_zip("jörg"),
    "Jörg OMuster_102_assignsubmission_onlinetext/onlinetext.html": b"<p>late, sorry</p>",
}
FLAT = {
    "Ada Example_101_assignsubmission_file_s001_toy.zip": toy_zip("ada"),
    "Jörg OMuster_102_assignsubmission_file_homework.zip": toy_zip("jörg"),
    "Jörg OMuster_102_assignsubmission_onlinetext_onlinetext.html": b"<p>late, sorry</p>",
}
CANVAS = {
    "exampleada_9001_70001_s001_toy.zip": toy_zip("ada"),
    "omusterjörg_LATE_9002_70002_homework.zip": toy_zip("jörg"),
    "twicekim_9003_text.html": b"<p>I have no zip</p>",
}


def take_in(course: Course, folder: Path) -> dict[str, IntakeRecord]:
    """The rows by owner, else by what was uploaded."""
    return {row.student or row.upload: row for row in receive(course, "toy", folder)}


def vectors(course: Course, student: str) -> str:
    return (course.submitted / student / "toy" / "vectors.py").read_text()


@pytest.mark.parametrize("layout", [FOLDERS, FLAT], ids=["folders", "flat"])
@pytest.mark.parametrize("where", ["beside", "inside", "nowhere"])
def test_moodles_download_is_taken_in(people: Course, lay: Lay, layout: dict[str, bytes],
                                      where: str) -> None:
    folder = lay(layout)
    if where != "nowhere":
        (folder.parent if where == "beside" else folder).joinpath("Grades-CS101-77.csv"
                                                                  ).write_text(WORKSHEET)
    rows = take_in(people, folder)
    assert set(rows) == {"s001", "s002"}, "by the name of the file, and by the one full name"
    assert (vectors(people, "s001"), vectors(people, "s002")) == ("ada", "jörg")
    told = [(row.handed_in, row.late, row.sender) for _, row in sorted(rows.items())]
    if where == "nowhere":
        assert told == [("", False, "Moodle 101"), ("", False, "Moodle 102")]
    else:
        assert told == [("2026-11-20T23:58:00+09:00", False, "Moodle 101"),
                        ("2026-11-21T02:05:00+09:00", True, "Moodle 102")]
        assert "Moodle marks it as late" in rows["s002"].remarks
    assert not any(row.flags for row in rows.values())


def test_nbgrader_reads_when_it_was_handed_in(people: Course, lay: Lay) -> None:
    take_in(people, lay({**FOLDERS, "Grades.csv": WORKSHEET.encode()}))
    read = CourseDirectory().get_existing_timestamp(people.submitted / "s001" / "toy")
    assert read is not None and read.isoformat() == "2026-11-20T14:58:00"  # in UTC
    assert note_of(people, "toy", "s001") == IntakeRecord(
        "Ada Example_101_assignsubmission_file_/s001_toy.zip", "s001",
        handed_in="2026-11-20T23:58:00+09:00", sender="Moodle 101")


def test_a_timestamp_is_nothing_that_is_judged(people: Course, lay: Lay) -> None:
    from autograder.judge.work import read_work

    folder = lay(FOLDERS)
    take_in(people, folder)
    before = read_work(people, "toy", "s001", "toy").fingerprint
    (folder / "Grades.csv").write_text(WORKSHEET)
    take_in(people, folder)
    assert (people.submitted / "s001" / "toy" / "timestamp.txt").is_file()
    assert read_work(people, "toy", "s001", "toy").fingerprint == before


def test_canvas_download_is_taken_in(people: Course, lay: Lay) -> None:
    folder = lay(CANVAS)
    (folder.parent / "2026-11-22_Grades-CS101.csv").write_text(GRADEBOOK)
    rows = take_in(people, folder)
    assert set(rows) == {"s001", "s002", "s003"}
    assert (vectors(people, "s001"), vectors(people, "s002")) == ("ada", "jörg")
    assert (rows["s002"].late, rows["s002"].sender) == (True, "Canvas 9002")
    assert not rows["s001"].late
    assert "not a zip" in rows["s003"].problem, "typed on the page: a row with a reason"


def test_without_a_gradebook_canvas_names_are_matched(people: Course, lay: Lay) -> None:
    rows = take_in(people, lay({
        "omusterjörg_9002_70002_homework.zip": toy_zip("jörg"),
        "twicekim_9003_70003_homework.zip": toy_zip(), "twicekim_9004_70004_hw.zip": toy_zip()}))
    assert vectors(people, "s002") == "jörg"
    assert [row.student for row in rows.values() if row.problem] == ["", ""], "of two, neither"


@pytest.mark.parametrize("layout", [FOLDERS, FLAT, CANVAS], ids=["folders", "flat", "canvas"])
@pytest.mark.parametrize("wrapped", ["", "CS101-Toy-77/"])
def test_the_platforms_zip_itself_is_taken_in(people: Course, tmp_path: Path,
                                              layout: dict[str, bytes], wrapped: str) -> None:
    download = tmp_path / "submissions.zip"
    download.write_bytes(zipped({wrapped + name: data for name, data in layout.items()}))
    rows = take_in(people, download)
    assert {"s001", "s002"} <= set(rows)
    assert (vectors(people, "s001"), vectors(people, "s002")) == ("ada", "jörg")
    assert not list(people.build.glob("unpacked-*")), "nothing is left behind"


def test_a_zip_of_a_plain_folder_is_one(people: Course, tmp_path: Path) -> None:
    (tmp_path / "all.zip").write_bytes(zipped({"s001_toy.zip": toy_zip("ada")}))
    assert take_in(people, tmp_path / "all.zip")["s001"] == IntakeRecord("s001_toy.zip", "s001")


@pytest.mark.parametrize("name", ["hw4_2026_00001_coding.zip", "s001_1_2_toy.zip",
                                  "Ada_s001_toy.zip"])
def test_a_plain_folder_is_no_platforms(tmp_path: Path, lay: Lay, name: str) -> None:
    course = toy_course(tmp_path)
    settings = (course.root / "course.toml").read_text()
    (course.root / "course.toml").write_text(settings.replace(r"s\d{3}", r"\d{4}_\d{5}|s\d{3}"))
    course = Course.load(course.root, course.exercises_folder)
    (row,) = receive(course, "toy", lay({name: toy_zip(), "s002_toy.zip": toy_zip()}))[:1]
    assert (row.upload, row.sender) == (name, "") and row.student


def test_where_ids_may_be_anything_canvas_is_known_all_the_same(tmp_path: Path, lay: Lay) -> None:
    course = toy_course(tmp_path)
    settings = (course.root / "course.toml").read_text()
    (course.root / "course.toml").write_text(settings.replace(r"student_id = 's\d{3}'", ""))
    course = Course.load(course.root, course.exercises_folder)
    rows = take_in(course, lay({"exampleada_9001_70001_my_toy.zip": toy_zip("ada")}))
    assert vectors(course, "s001") == "ada" and "the file says my" in rows["s001"].flags[0]


def test_the_written_part_is_its_senders_whatever_its_name(tmp_path: Path, lay: Lay) -> None:
    course = toy_course(tmp_path, 'written = "{id}_written.pdf"')
    rows = take_in(course, lay({**CANVAS, "omusterjörg_9002_70003_essay.pdf": b"%PDF-1.7 own",
                                "exampleada_9001_70004_s002_written.pdf": b"%PDF-1.7 ada"}))
    kept = course.submitted / "s002" / "toy" / "written.pdf"
    assert kept.read_bytes() == b"%PDF-1.7 own", "another's PDF took the place of their own"
    assert "the written part came as essay.pdf, expected s002_written.pdf" in (
        rows["s002"].violations)


def test_a_worksheet_in_another_language_is_told(people: Course, lay: Lay) -> None:
    rows = take_in(people, lay({**FOLDERS, "Bewertungen.csv": b"ID,Bewertung\n"}))
    assert rows["Bewertungen.csv"].problem == (
        "left out: it is no grading worksheet of Moodle in English")


def test_other_tables_beside_a_download_are_passed_over(people: Course, lay: Lay) -> None:
    folder = lay(FOLDERS)
    (folder.parent / "a.csv").write_text("Identifier,Sum\nParticipant 101,3\n")
    (folder.parent / "b.csv").write_bytes(b"\xff\xfe\x00")
    (folder.parent / "c.csv").mkdir()
    assert set(take_in(people, folder)) == {"s001", "s002"}


# ----------------------------------------------------------------------------- who is not who says


def test_a_file_of_another_students_name_is_flagged(people: Course, lay: Lay) -> None:
    rows = take_in(people, lay({
        "Ada Example_101_assignsubmission_file_/s002_toy.zip": toy_zip("ada")}))
    assert "Moodle has s002_toy.zip from Ada Example (101), and the file says s002" in (
        rows["s002"].flags[0])
    assert rows["s002"].sender == "", "no grade goes to a sender that is in doubt"
    assert not any("Ada" in remark for remark in rows["s002"].remarks), "students read remarks"


def test_nobody_takes_anothers_place_by_a_files_name(people: Course, lay: Lay) -> None:
    folder = lay({"Ada Example_101_assignsubmission_file_/s002_toy.zip": toy_zip("ada"),
                  "Jörg OMuster_102_assignsubmission_file_/s002_toy.zip": toy_zip("jörg")})
    os.utime(folder / "Jörg OMuster_102_assignsubmission_file_" / "s002_toy.zip", (1, 1))
    rows = take_in(people, folder)
    assert vectors(people, "s002") == "jörg" and not rows["s002"].flags
    (other,) = (row for row in rows.values() if not row.student)
    assert "look whose it is" in other.problem


def test_an_id_that_nobody_has_is_a_slip(people: Course, lay: Lay) -> None:
    rows = take_in(people, lay({
        "Ada Example_101_assignsubmission_file_/s010_toy.zip": toy_zip("ada")}))
    assert vectors(people, "s001") == "ada" and "the file says s010" in rows["s001"].flags[0]


def test_a_name_that_two_have_is_nobodys(people: Course, lay: Lay) -> None:
    rows = take_in(people, lay({
        "Kim Twice_103_assignsubmission_file_/homework.zip": toy_zip(), **FOLDERS}))
    assert [row.upload for row in rows.values() if not row.student] == [
        "Kim Twice_103_assignsubmission_file_/homework.zip"]


def test_where_marking_is_blind_the_worksheets_number_tells(people: Course, lay: Lay) -> None:
    rows = take_in(people, lay({
        "Participant_103_assignsubmission_file_/homework.zip": toy_zip("kim"),
        "Grades.csv": b"Identifier,ID number,Status,Grade\nParticipant 103,s003,,\n"}))
    assert set(rows) == {"s003"} and vectors(people, "s003") == "kim"


def test_a_teams_number_is_no_participants(tmp_path: Path, lay: Lay) -> None:
    course = toy_course(tmp_path, "groups = true")
    rows = take_in(course, lay({
        "Group b_101_assignsubmission_file_/homework.zip": toy_zip("b"),
        "Jörg OMuster_102_assignsubmission_file_/homework.zip": toy_zip("a"),
        "Grades.csv": WORKSHEET.replace("Full name\"", "Full name\",Group").replace(
            "Kim Twice\"", "Kim Twice\",Group b").replace("ple\"", "ple\",").replace(
            "ter\"", "ter\",").replace("here\"", "here\",").encode()}))
    assert set(rows) == {"a", "b"} and vectors(course, "b") == "b"


# -------------------------------------------------------------------------------- several attempts

THRICE = {f"{name}/Ada Example_101_assignsubmission_file_/s001_toy.zip": toy_zip(name)
          for name in ("one", "three", "two")}
TIMES = {"one": "Friday, 20 November 2026, 9:00 AM", "two": "Friday, 20 November 2026, 10:00 AM",
         "three": "Monday, 23 November 2026, 10:00 AM"}


def sheets() -> dict[str, bytes]:
    return {f"{name}/Grades.csv": f'Identifier,Status,Grade,Last modified (submission)\n'
            f'Participant 101,,,"{time}"\n'.encode() for name, time in TIMES.items()}


@pytest.mark.parametrize(("settings", "counts", "says"), [
    ("", "three", "replaced by three/"),
    ('attempts = "last"', "three", "replaced by three/"),
    ('attempts = "first"', "one", "the first attempt does"),
    ('attempts = "last_in_time"\ndue = 2026-11-20T23:59:00Z', "two",
     "the last that came in time"),
    ('attempts = "last_in_time"\ndue = 2026-11-19T23:59:00Z', "one",
     "the first of those that came late"),
    ('attempts = "last_in_time"\ndue = 2026-12-19T23:59:00Z', "three", "replaced by three/"),
])
def test_which_attempt_counts_is_a_rule(tmp_path: Path, lay: Lay, settings: str, counts: str,
                                        says: str) -> None:
    course = toy_course(tmp_path, settings)
    rows = receive(course, "toy", lay({**THRICE, **sheets()}))
    assert vectors(course, "s001") == counts
    assert [row.student for row in rows] == ["", "", "s001"]
    assert any(says in row.problem for row in rows) and all(row.handed_in for row in rows)


def test_an_extension_is_time(tmp_path: Path, lay: Lay) -> None:
    course = toy_course(tmp_path, 'attempts = "last_in_time"\ndue = 2026-11-19T23:59:00Z')
    with open(course.root / "course.toml", "a") as file:
        file.write('\n[[extensions]]\nstudent = "s001"\nassignment = "toy"\n'
                   'until = 2026-11-20T23:59:00Z\nreason = "ill"\n')
    course = Course.load(course.root, course.exercises_folder)
    receive(course, "toy", lay({**THRICE, **sheets()}))
    assert vectors(course, "s001") == "two"


def test_canvas_counts_attempts_by_the_attachments_number(people: Course, lay: Lay) -> None:
    folder = lay({"exampleada_9001_70009_s001_toy-1.zip": toy_zip("new"),
                  "exampleada_9001_70001_s001_toy.zip": toy_zip("old")})
    os.utime(folder / "exampleada_9001_70009_s001_toy-1.zip", (1, 1))
    take_in(people, folder)
    assert vectors(people, "s001") == "new"


def test_what_came_late_by_canvas_does_not_count_before_what_did_not(tmp_path: Path, lay: Lay
                                                                     ) -> None:
    course = toy_course(tmp_path, 'attempts = "last_in_time"')
    take_in(course, lay({"exampleada_LATE_9001_70009_s001_toy-1.zip": toy_zip("late"),
                         "exampleada_9001_70001_s001_toy.zip": toy_zip("in time")}))
    assert vectors(course, "s001") == "in time"


def test_where_nothing_tells_the_time_a_person_is_asked(tmp_path: Path, lay: Lay) -> None:
    course = toy_course(tmp_path, 'attempts = "last_in_time"\ndue = 2026-11-20T23:59:00Z')
    rows = take_in(course, lay({"s001_toy.zip": toy_zip(), "s001_toy (1).zip": toy_zip()}))
    assert rows["s001"].flags == (
        "nothing tells which of 2 uploads came in time; the last of them counts",)


# ----------------------------------------------------------------------------------------- hostile


def test_links_in_a_download_are_not_followed(people: Course, lay: Lay, tmp_path: Path) -> None:
    folder = lay(FOLDERS)
    (tmp_path / "secret.zip").write_bytes(toy_zip("secret"))
    (folder / "Kim Twice_103_assignsubmission_file_").mkdir()
    (folder / "Kim Twice_103_assignsubmission_file_" / "s003_toy.zip").symlink_to(
        tmp_path / "secret.zip")
    (folder / "Zoe_105_assignsubmission_file_").symlink_to(tmp_path, target_is_directory=True)
    rows = take_in(people, folder)
    assert sum("it is a link" in row.problem for row in rows.values()) == 2
    assert {row.student for row in rows.values()} == {"", "s001", "s002"}


def test_odd_names_are_rows(people: Course, lay: Lay) -> None:
    odd = os.fsdecode(b"=cmd_7_assignsubmission_file_\xff\xfe.zip")
    rows = take_in(people, lay({**FLAT, odd: b"x", "A\n_8_assignsubmission_file_=1+1.zip": b"x",
                                "B_9_assignsubmission_file_" + "ä" * 90 + ".zip": b"x"}))
    assert sum(not row.student for row in rows.values()) == 3


def test_what_leads_out_of_the_platforms_zip_is_left_out(people: Course, tmp_path: Path) -> None:
    download = tmp_path / "download.zip"
    link = zipfile.ZipInfo("Zoe_105_assignsubmission_file_/s003_toy.zip")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(download, "w") as archive:
        for name, data in {**FLAT, "../../escaped.zip": b"x", "/tmp/escaped.zip": b"x"}.items():
            archive.writestr(name, data)
        archive.writestr(link, "/etc/passwd")
    rows = take_in(people, download)
    assert sum("leads out" in row.problem or "is a link" in row.problem
               for row in rows.values()) == 3
    assert not list(tmp_path.rglob("escaped.zip"))


def test_a_zip_that_is_too_large_is_a_sentence(people: Course, tmp_path: Path,
                                               monkeypatch: pytest.MonkeyPatch) -> None:
    download = tmp_path / "download.zip"
    download.write_bytes(zipped({**FLAT, "Zoe_105_assignsubmission_file_big.zip": bytes(9000)}))
    monkeypatch.setattr(zips, "MAX_FILE", 8000)
    rows = take_in(people, download)
    assert any("larger than" in row.problem for row in rows.values())
    monkeypatch.setattr(zips, "MAX_TOTAL", 100)
    with pytest.raises(CourseError, match="more than there is room for"):
        take_in(people, download)
    monkeypatch.setattr(zips, "MAX_ENTRIES", 1)
    with pytest.raises(CourseError, match="holds 4 files"):
        take_in(people, download)


def test_a_damaged_zip_is_a_sentence(people: Course, tmp_path: Path) -> None:
    data = bytearray(zipped(FLAT))
    data[60:200] = bytes(140)
    (tmp_path / "download.zip").write_bytes(data)
    with pytest.raises(CourseError, match="Download it again"):
        take_in(people, tmp_path / "download.zip")


def test_a_time_zone_that_is_none_is_a_sentence(tmp_path: Path) -> None:
    for name in ("Mars/Olympus", "../etc/passwd", ""):
        with pytest.raises(CourseError, match="there is no time zone"):
            toy_course(tmp_path / f"{len(name)}", of_course=f'timezone = "{name}"')


