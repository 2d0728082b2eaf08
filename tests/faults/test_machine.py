"""A machine that fails: a full disk, a folder that cannot be written, a clock that jumps."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from faults.arena import Outcome, build, outcome

pytestmark = pytest.mark.sandbox

SUBMISSIONS = 7  # one of each kind
DISK = 24  # MiB
GRADE = [str(Path(sys.executable).with_name("autograder")), "grade", "toy", "-j", "1"]
# Graded on a small disk with so many KiB left, then again with room; `free` says what it takes.
ON_A_SMALL_DISK = """
cp -a "$1"/. /disk && cd /disk/course || exit 90
left=$(df --output=avail -k /disk | tail -1)
dd if=/dev/zero of=/disk/filler bs=1K count=$((left - $2)) status=none || exit 91
TMPDIR=/var/tmp "${@:3}" >"$1/first.log" 2>&1
echo $? >"$1/first.status"
rm /disk/filler
TMPDIR=/var/tmp "${@:3}" >"$1/second.log" 2>&1
echo $? >"$1/second.status"
rm -rf "$1/course" && cp -a /disk/course "$1"
"""
CLOCK = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int clock_gettime(clockid_t clock, struct timespec *now) {
    int (*real)(clockid_t, struct timespec *) = dlsym(RTLD_NEXT, "clock_gettime");
    int failed = real(clock, now);
    long seconds = 0;
    FILE *file = clock == CLOCK_REALTIME ? fopen(getenv("JUMP"), "r") : NULL;
    if (file && fscanf(file, "%ld", &seconds) == 1) now->tv_sec += seconds;
    if (file) fclose(file);
    return failed;
}
"""


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Outcome]:
    """A course as it is handed in, and what comes of it where nothing fails."""
    folder = tmp_path_factory.mktemp("machine")
    build(folder / "fresh", SUBMISSIONS)
    shutil.copytree(folder / "fresh", folder / "graded", symlinks=True)
    done = subprocess.run(GRADE, cwd=folder / "graded" / "course", capture_output=True, text=True,
                          timeout=300)
    assert done.returncode in (0, 1), done.stderr
    return folder / "fresh", outcome(folder / "graded")


@pytest.fixture
def fresh(undisturbed: tuple[Path, Outcome], tmp_path: Path) -> Path:
    """A copy of the course with nothing graded."""
    return Path(shutil.copytree(undisturbed[0], tmp_path / "fresh", symlinks=True))


def is_a_sentence(text: str) -> bool:
    return "Traceback" not in text and len(text.strip().splitlines()[-1]) > 20


@pytest.mark.parametrize("left", [0, 700])
def test_a_full_disk_loses_nothing(fresh: Path, undisturbed: tuple[Path, Outcome], left: int
                                   ) -> None:
    """`left`: KiB, so that the disk is full at another station each time."""
    subprocess.run(["bwrap", "--dev-bind", "/", "/", "--size", str(DISK << 20), "--tmpfs", "/disk",
                    "bash", "-c", ON_A_SMALL_DISK, "bash", str(fresh), str(left), *GRADE],
                   check=True, timeout=300)
    first, second = ((fresh / f"{name}.log").read_text() for name in ("first", "second"))
    assert (fresh / "first.status").read_text() == "2\n", f"there was room enough:\n{first}"
    assert re.search(r"(?i)disk is full|no space left on device", first), first
    assert is_a_sentence(first), first
    assert (fresh / "second.status").read_text() in ("0\n", "1\n"), second
    found, expected = outcome(fresh), undisturbed[1]
    assert found.doubled == 0
    for student, row in expected.rows.items():
        assert found.rows[student] == row


def test_a_folder_that_cannot_be_written_is_a_sentence(fresh: Path) -> None:
    course = str(fresh / "course")
    done = subprocess.run(["bwrap", "--dev-bind", "/", "/", "--ro-bind", course, course, *GRADE],
                          cwd=course, capture_output=True, text=True, timeout=300)
    assert (done.returncode, is_a_sentence(done.stderr)) == (2, True), done.stderr
    assert "Read-only file system" in done.stderr and course in done.stderr


@pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")
def test_a_clock_that_jumps_changes_nothing(fresh: Path, undisturbed: tuple[Path, Outcome]) -> None:
    """By years, back and forth: from one batch to the next, and within one."""
    clock, library = fresh / "clock", fresh / "clock.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, "-xc", "-"], input=CLOCK, text=True,
                   check=True)
    for before, within in (("94608000", "-63072000"), ("-63072000", "31536000")):
        clock.write_text(before)
        process = subprocess.Popen(
            [*GRADE, "--again"], cwd=fresh / "course", stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True,
            env={**os.environ, "LD_PRELOAD": str(library), "JUMP": str(clock)})
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(6)
        clock.write_text(within)
        _, said = process.communicate(timeout=240)
        assert process.returncode in (0, 1), said
        assert outcome(fresh).rows == undisturbed[1].rows
    years = {json.loads(line)["time"][:4] for line in
             (fresh / "course" / "grading" / "journal" / "toy.jsonl").read_text().splitlines()}
    assert len(years) > 1, "the clock did not jump"
