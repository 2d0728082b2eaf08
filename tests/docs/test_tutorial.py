"""The tutorial, executed: what its page says is what happens."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import copy_course
from fences import fences, missing

MARK = "--- the next block ---"


@pytest.mark.parametrize(("expected", "printed", "lacks"), [
    ("two\nlines", "two\nmore\nlines\n", []),
    ("two\nlines", "lines\ntwo\n", ["lines"]),
    ("┃ a ┃ 3 ┃", "│ a         │ 3 │", []),
    ("│ a │ 3 │", "│ a │ 4 │", ["a 3"]),
    ("grades ...", "grades /somewhere/grades.csv", []),
    ("graded", "graded twice", ["graded"]),
])
def test_what_is_missing_is_seen(expected: str, printed: str, lacks: list[str]) -> None:
    assert missing(expected, printed) == lacks


@pytest.mark.sandbox
@pytest.mark.nbgrader
def test_the_tutorial_does_what_it_says(tmp_path: Path) -> None:
    """All blocks of shell that are not for the set-up, in one shell, in a course of their own."""
    root = copy_course(tmp_path, patient=True).root
    blocks = [fence for fence in fences("tutorial.md")
              if fence.language in ("sh", "text") and fence.title != "once"]
    script = f"\necho '{MARK}'\n".join(block.text for block in blocks if block.language == "sh")
    done = subprocess.run(["bash", "-eu", "-o", "pipefail", "-c", script], cwd=root, timeout=300,
                          text=True, capture_output=True, stdin=subprocess.DEVNULL,
                          env={**os.environ, "PATH": f"{Path(sys.executable).parent}:"
                                                     f"{os.environ['PATH']}"})
    assert done.returncode == 0, done.stdout + done.stderr
    printed = iter(done.stdout.split(MARK))
    said = ""
    for block in blocks:
        if block.language == "sh":
            said = next(printed)
        else:
            assert not missing(block.text, said), said
