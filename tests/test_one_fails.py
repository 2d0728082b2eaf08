"""Whatever fails for one submission after its verdict: it is that one's flag, and nobody else's.

Each step is made to fail for one student in turn. The other students' rows, grades and pages are
byte for byte those of a class without that student; the next run, in which nothing fails, mends it.
"""

from __future__ import annotations

import csv
import errno
import importlib
import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest
from test_batch import grade, hand_in, own_course
from typer.testing import CliRunner

from autograder import faults
from autograder.cli import app
from autograder.course import Course
from autograder.faults import Step
from autograder.intake import receive
from autograder.journal import path_of
from autograder.results.flag import Kind, kind_of

pytestmark = [pytest.mark.sandbox, pytest.mark.nbgrader]
VICTIM = "s002"
OTHERS = ("s001", "s003")
COMMANDS = (("grade", "toy", "-j", "1"), ("feedback", "toy"), ("export", "toy", "--to", "csv"),
            ("export", "toy", "--to", "gradescope"), ("report", "toy"), ("similar", "toy"),
            ("todo", "toy", "--csv", "todo.csv"))
# HAND_OUT is of groups (tests/crossfeedback/test_rounds.py); the others are met on the way.
ON_THE_WAY = tuple(step for step in Step if step is not Step.HAND_OUT)
ERRORS = (ValueError("odd"), UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed"),
          RecursionError("\x1b[31mdeep\ud800" * 9999), KeyError("cell"), MemoryError(),
          OSError(errno.ENAMETOOLONG, "File name too long"), AssertionError())
# What comes after the grades are written, whose flag stands there the next time.
LATE = (Step.EXPORT, Step.EXAMPLE, Step.SIMILAR, Step.TODO)
# Functions within the steps, each given something that names the student.
WITHIN = {
    "autograder.grading.settle.Submissions._is_due": Step.SETTLE,
    "autograder.grading.submission.read_folder": None,  # a verdict says so: not judged
    "autograder.grading.enter.nbgrader_api.autograde": Step.ENTER,
    "autograder.grading.enter.EnteredStates.is_current": Step.ENTER,
    "autograder.grading.enter.queries.entry": Step.PAGE,
    "autograder.grading.page_writers.nbgrader_api.generate_feedback": Step.PAGE,
    "autograder.report.grades._graded_row": Step.ROW,
    "autograder.report.feedback.write._Pages.write": Step.FEEDBACK,
    "autograder.report.feedback.write.page": Step.FEEDBACK,
    "autograder.report.export.result._pages": Step.EXPORT,
    "autograder.report.todo.items._AssignmentItems._of_verdict": Step.TODO,
    "autograder.report.class_report.examples.read_work": None,  # it was taken away: no example
    "autograder.similarity.read._folder": Step.SIMILAR,
}


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A class of three, judged; nothing that follows is there yet. To be copied."""
    folder = tmp_path_factory.mktemp("judged")
    course = own_course(folder)
    hand_in(course, "s001")
    hand_in(course, VICTIM, "text.lower().split()", "text.split()")
    hand_in(course, "s003", "found.count(word)", "1")
    grade(course)
    for made in (course.autograded, course.feedback):
        shutil.rmtree(made)
    course.gradebook.unlink()
    (course.journal / "toy.entered.jsonl").unlink()
    return folder


@pytest.fixture(scope="module")
def entered(judged: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The class with its gradebook and nbgrader's pages, and nothing that follows."""
    folder = tmp_path_factory.mktemp("entered") / "class"
    course = copy_of(judged, folder)
    grade(course)
    return folder


@pytest.fixture
def copied(judged: Path, entered: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Course:
    """The class as it is before what fails."""
    step = request.node.callspec.params.get("step") or WITHIN[request.node.callspec.params["name"]]
    early = step in (None, Step.SETTLE, Step.ENTER, Step.PAGE)
    return copy_of(judged if early else entered, tmp_path / "class")


def copy_of(judged: Path, folder: Path) -> Course:
    shutil.copytree(judged, folder)
    return Course.load(folder / "course")


@pytest.fixture(scope="module")
def without(judged: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What is made of the others in a class without the student."""
    course = copy_of(judged, tmp_path_factory.mktemp("without") / "class")
    shutil.rmtree(course.submitted / VICTIM)
    journal = path_of(course, "toy")
    journal.write_text("".join(line for line in journal.read_text().splitlines(keepends=True)
                               if json.loads(line)["student"] != VICTIM))
    run(course)
    return made_of(course, OTHERS)


@pytest.fixture(scope="module")
def whole(judged: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What is made of the student where nothing fails."""
    course = copy_of(judged, tmp_path_factory.mktemp("whole") / "class")
    run(course)
    return made_of(course, (VICTIM,))


def run(course: Course) -> None:
    """All that follows verdicts, as the command line does it."""
    for command in COMMANDS:
        words = [str(course.root / word) if word.endswith(".csv") else word for word in command]
        result = CliRunner().invoke(app, [*words, "--course", str(course.root)])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code in (0, 1), (command, result.output)


def made_of(course: Course, students: tuple[str, ...]) -> dict[str, bytes]:
    """By name, every row and page of some students."""
    found = {}
    for student in students:
        for pattern in (f"feedback/{student}*/**/*", f"autograded/{student}/**/*",
                        f"export/toy/gradescope/{student}/*"):
            found |= {str(path.relative_to(course.grading)): path.read_bytes()
                      for path in course.grading.glob(pattern) if path.is_file()}
    for table in ("grades.csv", "export/toy/csv/parts.csv"):
        with open(course.grading / table, newline="", encoding="utf-8") as file:
            for number, row in enumerate(csv.reader(file)):
                if row[0] in students:
                    found[f"{table} {row[0]} {row[2] if 'parts' in table else ''}"] = repr(
                        row).encode()
                assert number == 0 or row[0] in (*OTHERS, VICTIM)
    return found


def flags_of(course: Course, student: str) -> str:
    with open(course.grades, newline="", encoding="utf-8") as file:
        return "; ".join(row["for_a_person"] for row in csv.DictReader(file)
                         if row["student"] == student)


def listed(course: Course) -> str:
    return (course.root / "todo.csv").read_text(encoding="utf-8")


def test_the_class_without_the_student_has_all_that_is_compared(
        without: dict[str, bytes], whole: dict[str, bytes]) -> None:
    for student, made in (("s001", without), ("s003", without), (VICTIM, whole)):
        names = " ".join(name for name in made if student in name)
        for kind in (f"feedback/{student}/toy.html", f"feedback/{student}/toy/toy.html",
                     f"autograded/{student}/toy/toy.ipynb", f"gradescope/{student}",
                     f"grades.csv {student}", f"parts.csv {student} toy_words"):
            assert kind in names


@pytest.mark.parametrize("step", ON_THE_WAY)
def test_a_step_that_fails_for_one_is_that_ones_flag(
        copied: Course, without: dict[str, bytes], whole: dict[str, bytes],
        monkeypatch: pytest.MonkeyPatch, step: Step) -> None:
    error = ERRORS[list(Step).index(step) % len(ERRORS)]

    def fails(now: Step, student: str) -> None:
        if (now, student) == (step, VICTIM):
            raise error

    monkeypatch.setattr(faults, "ended", fails)
    run(copied)
    assert made_of(copied, OTHERS) == without
    assert step.label in listed(copied), "nobody is told"
    assert flags_of(copied, "s001") == flags_of(copied, "s003") == ""
    assert step in LATE or step.label in flags_of(copied, VICTIM)
    monkeypatch.undo()
    run(copied)
    assert made_of(copied, OTHERS) == without
    if step in LATE:
        run(copied)
    assert made_of(copied, (VICTIM,)) == whole and step.label not in listed(copied)


@pytest.mark.parametrize("name", WITHIN)
def test_a_function_that_fails_for_one_stops_nobody(
        copied: Course, without: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, name: str
        ) -> None:
    holder, attribute = held(name)
    function = getattr(holder, attribute)
    error = ERRORS[list(WITHIN).index(name) % len(ERRORS)]
    met = []

    def fails(*args: Any, **kwargs: Any) -> Any:
        if VICTIM in repr((args, kwargs)):
            met.append(args)
            raise error
        return function(*args, **kwargs)

    monkeypatch.setattr(holder, attribute, fails)
    run(copied)
    assert met, "the function is not called any more: name another one"
    assert made_of(copied, OTHERS) == without
    step = WITHIN[name]
    assert step is None or step.label in listed(copied)
    assert f"\n{VICTIM}," in copied.grades.read_text(encoding="utf-8")


def held(name: str) -> tuple[Any, str]:
    """What holds a function, and the function's own name."""
    module, rest = name, list[str]()
    while True:
        module, _, last = module.rpartition(".")
        rest.insert(0, last)
        try:
            found: Any = importlib.import_module(module)
            break
        except ModuleNotFoundError:
            continue
    for one in rest[:-1]:
        found = getattr(found, one)
    return found, rest[-1]


@pytest.mark.parametrize("step", ON_THE_WAY)
def test_a_fault_of_the_machine_stops_with_its_sentence(
        copied: Course, monkeypatch: pytest.MonkeyPatch, step: Step) -> None:
    def full(now: Step, student: str) -> None:
        if now is step:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(faults, "ended", full)
    with pytest.raises(OSError, match="No space left"):
        run(copied)
    assert not faults.faults(copied, "toy")


@pytest.mark.parametrize(("error", "machines"), [
    (OSError(errno.ENOSPC, ""), True), (OSError(errno.EROFS, ""), True),
    (PermissionError(errno.EACCES, ""), True), (OSError(errno.EMFILE, ""), True),
    (FileNotFoundError(errno.ENOENT, ""), False), (IsADirectoryError(errno.EISDIR, ""), False),
    (OSError("no picture"), False), (ValueError(), False), (MemoryError(), False)], ids=repr)
def test_whose_fault_an_error_is(error: Exception, machines: bool) -> None:
    assert faults.of_the_machine(error) is machines


def test_every_step_has_a_label() -> None:
    assert set(faults.LABELS) == set(Step)


@pytest.mark.parametrize("name", [
    "select", "settle", "_write_timestamp", "keep_beside", "_as_utf8", "naming"])
def test_an_upload_that_cannot_be_taken_in_is_a_row(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    toy, folder = own_course(tmp_path), tmp_path / "downloads"
    folder.mkdir()
    released = toy.build / "release" / "toy"
    for student in (*OTHERS, VICTIM):
        with zipfile.ZipFile(folder / f"{student}_toy.zip", "w") as archive:
            for path in released.iterdir():
                archive.writestr(f"toy/{path.name}", path.read_bytes())
            archive.writestr("toy/mine.txt", student)
    function = getattr(receive, name)

    def fails(*args: Any, **kwargs: Any) -> Any:
        if VICTIM in repr((args, kwargs)):
            raise ERRORS[len(name) % len(ERRORS)]
        return function(*args, **kwargs)

    monkeypatch.setattr(receive, name, fails)
    rows = {row.student: row for row in receive.receive(toy, "toy", folder)}
    assert set(rows) == {*OTHERS, VICTIM}
    assert rows[VICTIM].problem.startswith("it could not be taken in")
    assert kind_of(rows[VICTIM].flags[0]) is Kind.FAULT
    assert (toy.submitted / VICTIM / "toy" / "toy.ipynb").is_file()
    monkeypatch.undo()
    again = {row.student: row for row in receive.receive(toy, "toy", folder)}
    assert not again[VICTIM].problem and all(again[one] == rows[one] for one in OTHERS)
