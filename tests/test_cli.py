"""The command line: help with an example, sentences in the place of tracebacks."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import run_cli

from autograder.course import Course

COMMANDS = ("release", "intake", "grade", "validate", "doctor", "samples")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command: str, tmp_path: Path) -> None:
    done = run_cli(command, "--help", cwd=tmp_path)
    assert done.returncode == 0
    assert f"Example: autograder {command}" in done.stdout.replace("`", "")


def test_help_lists_the_commands(tmp_path: Path) -> None:
    listed = run_cli("--help", cwd=tmp_path).stdout
    assert all(command in listed for command in COMMANDS)


@pytest.mark.parametrize(("args", "sentence"), [
    (("grade", "q7"), "No assignment `q7` in course.toml; it has: q2."),
    (("grade", "q2"), "Nobody has handed in q2"),
    (("grade", "q2", "nowhere"), "There is no folder nowhere"),
    (("grade", "q2", "."), "There is no .zip in"),
    (("intake", "q2", "nowhere"), "There is no folder nowhere"),
    (("intake", "q9", "."), "No assignment `q9`"),
    (("release", "q9"), "No assignment `q9`"),
    (("validate", "q9"), "No assignment `q9`"),
    (("validate", "q2", "--only", "no-such-case"), "No case of q2 has a name with"),
    (("samples", "q9", "x"), "No assignment `q9`"),
])
def test_what_is_wrong_is_one_sentence(course: Course, args: tuple[str, ...], sentence: str
                                        ) -> None:
    done = run_cli(*args, cwd=course.root)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize("command", [("grade", "q2"), ("validate",), ("release", "q2")])
def test_a_folder_without_a_course_is_one_sentence(tmp_path: Path, command: tuple[str, ...]
                                                    ) -> None:
    done = run_cli(*command, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "No course.toml in" in done.stderr


@pytest.mark.sandbox
def test_doctor_finds_every_wall(tmp_path: Path) -> None:
    done = run_cli("doctor", cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    for wall in ("no network", "read-only system", "home out of sight", "unprivileged user",
                 "memory limit", "process limit", "file size limit"):
        assert wall in done.stdout


@pytest.mark.sandbox
def test_validate_judges_only_what_was_asked_for(course: Course) -> None:
    done = run_cli("validate", "q2", "--only", "unscaled-scores", "-j", "1", cwd=course.root)
    assert "misconceptions=1/1 elsewhere=0 variants=0/0" in done.stdout
    assert done.returncode == 0
