"""The command line: each command explains itself, and what is wrong is one sentence."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import copy_course, run_cli

from autograder import cli, doctor
from autograder.course import Course
from autograder.kernel.isolation import cgroup

COMMANDS = ("desk", "doctor", "export", "feedback", "grade", "intake", "latedays", "release",
            "report", "restore", "samples", "similar", "todo", "validate")


@dataclass(frozen=True)
class Done:
    """How a command ended; runs of white space and frames are taken out of what it said."""

    status: int
    out: str
    err: str


Command = Callable[..., Done]
Complaint = Callable[..., str]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course's folder with a few things to go wrong with."""
    root = copy_course(tmp_path_factory.mktemp("cli")).root
    (root / "empty").mkdir()
    (root / "a-file").touch()
    (root / "below" / "deep").mkdir(parents=True)
    return root


@pytest.fixture
def autograder(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Call the command line's entry point as its script does, in this process."""

    def plain(text: str) -> str:
        return " ".join(re.sub("[╭╮╰╯│─]", " ", text).split())

    def call(*args: object, cwd: Path) -> Done:
        monkeypatch.setattr(sys, "argv", ["autograder", *map(str, args)])
        monkeypatch.setenv("COLUMNS", "200")
        monkeypatch.chdir(cwd)
        with pytest.raises(SystemExit) as ended:
            cli.main()
        captured = capsys.readouterr()
        return Done(int(ended.value.code or 0), plain(captured.out), plain(captured.err))

    return call


@pytest.fixture
def complaint(autograder: Command) -> Complaint:
    """Call a command that must fail with status 2 and without a traceback; return what it said."""

    def call(*args: object, cwd: Path) -> str:
        done = autograder(*args, cwd=cwd)
        assert done.status == 2, done
        assert "Traceback" not in done.err
        return done.err

    return call


def test_every_command_is_listed_here() -> None:
    assert sorted(command.callback.__name__ for command in cli.app.registered_commands
                  if command.callback) == sorted(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_tells_what_a_command_does_and_gives_an_example(root: Path, autograder: Command,
                                                             command: str) -> None:
    done = autograder(command, "--help", cwd=root)
    assert done.status == 0
    assert re.search(rf"Example: .?autograder {command}", done.out)
    assert re.match(rf"Usage: .*autograder {command} ", done.out)


def test_without_a_command_all_are_listed(root: Path, autograder: Command) -> None:
    shown = autograder(cwd=root)
    assert all(command in shown.out + shown.err for command in COMMANDS)


@pytest.mark.parametrize("args", [
    ("release", "q2"), ("grade", "q2"), ("intake", "q2", "."), ("samples", "q2", "s"),
    ("validate", "q2"), ("export", "q2", "--to", "csv"), ("grade", "q2", "--course", "nowhere")],
    ids=" ".join)
def test_no_course_is_a_sentence(tmp_path: Path, complaint: Complaint, args: tuple[str, ...]
                                 ) -> None:
    sentence = r"No course\.toml in \S+ or above it\. Change to the course's folder\."
    assert re.fullmatch(sentence, complaint(*args, cwd=tmp_path))


@pytest.mark.parametrize("args", [
    ("release", "q7"), ("grade", "q7"), ("grade", "q7", "empty"), ("intake", "q7", "empty"),
    ("samples", "q7", "s"), ("validate", "q7"), ("export", "q7", "--to", "csv"), ("report", "q7"),
    ("restore", "q7"),
    pytest.param(("release", "q7", "--check"))],
    ids=" ".join)
def test_an_unknown_assignment_is_a_sentence_that_names_those_there_are(
        root: Path, complaint: Complaint, args: tuple[str, ...]) -> None:
    assert complaint(*args, cwd=root) == (
        "No assignment `q7` in course.toml; it has: hw4, q1, q2, hw3.")


def test_releasing_nothing_is_a_sentence_that_names_what_there_is(root: Path, complaint: Complaint
                                                                  ) -> None:
    assert complaint("release", cwd=root) == "Name what to release: hw4, hw3."


@pytest.mark.parametrize("option", [("--zip",), ("--version", "2026.1"), ("--repository", "s")])
def test_a_check_gives_nothing_out(root: Path, complaint: Complaint, option: tuple[str, ...]
                                   ) -> None:
    said = complaint("release", "q2", "--check", *option, cwd=root)
    assert said == "--check writes nothing; leave --zip, --repository and --version out."


@pytest.mark.parametrize("command", ["intake", "grade"])
@pytest.mark.parametrize(("folder", "sentence"), [
    ("nowhere", "There is no folder nowhere. Name the folder that holds the uploads."),
    ("a-file", "There is no folder a-file. Name the folder that holds the uploads."),
    ("empty", "There is no .zip in empty."),
])
@pytest.mark.nbgrader
def test_a_folder_without_uploads_is_a_sentence(root: Path, complaint: Complaint, command: str,
                                                folder: str, sentence: str) -> None:
    assert complaint(command, "q2", folder, cwd=root) == sentence


def test_grading_nobody_is_a_sentence_with_what_to_try(root: Path, complaint: Complaint) -> None:
    said = complaint("grade", "q2", cwd=root)
    assert said.startswith("Nobody has handed in q2: ")
    assert said.endswith("Try: autograder grade q2 FOLDER-OF-ZIPS")


def test_a_course_that_is_not_toml_is_a_sentence(tmp_path: Path, complaint: Complaint) -> None:
    (tmp_path / "course.toml").write_text("[course\n")
    assert "course.toml is not valid TOML" in complaint("grade", "q2", cwd=tmp_path)


def test_a_course_that_is_not_utf8_is_a_sentence(tmp_path: Path, complaint: Complaint) -> None:
    (tmp_path / "course.toml").write_bytes(b'[course]\ntitle = "M\xfcnchen"\n')
    assert "course.toml" in complaint("grade", "q2", cwd=tmp_path)


def test_an_archive_name_with_other_braces_is_a_sentence(root: Path, tmp_path: Path,
                                                         complaint: Complaint) -> None:
    own = tmp_path / "own"
    shutil.copytree(root, own)
    settings = (own / "course.toml").read_text()
    (own / "course.toml").write_text(settings.replace("{id}_coding", "{id}_{homework}"))
    (own / "empty" / "2026_00001_coding.zip").touch()
    assert "archive" in complaint("intake", "q2", "empty", cwd=own)


def test_validating_no_case_is_a_sentence(root: Path, complaint: Complaint) -> None:
    said = complaint("validate", "q2", "--only", "no-such-case", cwd=root)
    assert said == "No case of q2 has a name with `no-such-case` in it."


@pytest.mark.parametrize(("args", "said"), [
    (("grade",), "Missing argument"), (("grade", "q2", "-j", "0"), "greater than or equal to 1"),
    (("grad", "q2"), "No such command"), (("grade", "q2", "--fast"), "No such option")])
def test_a_wrong_call_is_told_by_the_command_line_itself(
        root: Path, complaint: Complaint, args: tuple[str, ...], said: str) -> None:
    assert said in complaint(*args, cwd=root)


def test_samples_into_a_file_is_a_sentence(root: Path, complaint: Complaint) -> None:
    complaint("samples", "q2", "a-file", cwd=root)


def test_the_installed_script_ends_as_the_entry_point_does(tmp_path: Path) -> None:
    done = run_cli("grade", "q2", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("No course.toml in ")


def test_samples_are_the_same_bytes_each_time(root: Path, autograder: Command) -> None:
    for folder in ("once", "again"):
        assert autograder("samples", "q2", folder, cwd=root) == Done(
            0, f"10 sample submissions in {folder}", "")
    once, again = ({path.name: path.read_bytes() for path in (root / folder).iterdir()}
                   for folder in ("once", "again"))
    assert len(once) == 10 and once == again


@pytest.mark.nbgrader
def test_a_course_is_found_from_a_folder_below(root: Path, tmp_path: Path, autograder: Command
                                               ) -> None:
    own = tmp_path / "own"
    shutil.copytree(root, own)
    (own / "empty" / "2026_00001_coding.zip").write_bytes(b"no zip")
    done = autograder("intake", "q2", own / "empty", cwd=own / "below" / "deep")
    assert done.status == 1, "a row with a problem asks for a person"
    assert "2026_00001" in done.out and "this is not a zip file" in done.out


@pytest.mark.sandbox
def test_doctor_tries_every_wall_and_finds_that_it_holds(root: Path, autograder: Command) -> None:
    done = autograder("doctor", cwd=root)
    assert done.status == 0, done.out
    assert all(name in done.out for name, _ in doctor.PROBES)
    assert done.out.count("holds") == len(doctor.PROBES) + bool(cgroup.bases())


def test_doctor_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    findings = {finding.name: finding for finding in doctor.examine()}
    assert not doctor.all_well(list(findings.values()))
    assert findings["bwrap"].detail == "install the package bubblewrap"
    assert not any(findings[name].ok for name, _ in doctor.PROBES)


@pytest.mark.sandbox
@pytest.mark.parametrize(("name", "code"), [
    ("crashes", "import os; os.abort()"), ("prints no", "print('no')"), ("is silent", "pass"),
    ("raises", "1 / 0")])
def test_doctor_calls_no_wall_sound_without_its_answer(name: str, code: str) -> None:
    assert not doctor._try(name, code).ok


@dataclass(frozen=True)
class Validated:
    """How `autograder validate --only skeleton` ended, and what it left in the temporary folder."""

    done: subprocess.CompletedProcess[str]
    left: list[str]


@pytest.fixture(scope="module")
def validated(prepared: Course, tmp_path_factory: pytest.TempPathFactory) -> Validated:
    folder = tmp_path_factory.mktemp("v")
    shutil.copytree(prepared.root, folder / "course")
    (folder / "t").mkdir()
    done = run_cli("validate", "q2", "--only", "skeleton", "-j", 1, cwd=folder / "course",
                   timeout=300, TMPDIR=str(folder / "t"))
    return Validated(done, [path.name for path in (folder / "t").glob("autograder-*")])


@pytest.mark.sandbox
@pytest.mark.nbgrader
def test_validate_only_judges_the_cases_that_are_named(validated: Validated) -> None:
    assert validated.done.returncode == 0, validated.done
    assert validated.done.stdout.splitlines()[-1] == (
        "misconceptions=0/0 elsewhere=0 variants=0/0 visible=0/0 named=0/0 false=0 "
        "reference=not-run skeleton=zero")


@pytest.mark.sandbox
@pytest.mark.nbgrader
def test_a_batch_leaves_no_folder_behind(validated: Validated) -> None:
    assert validated.left == []


@pytest.mark.sandbox
@pytest.mark.nbgrader
def test_a_batch_prints_nothing_that_is_not_for_people(validated: Validated) -> None:
    assert validated.done.stderr == ""
