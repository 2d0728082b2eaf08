"""Temporary folders: whose process was killed, and whose is only out of sight."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from autograder.kernel.isolation import cgroup
from autograder.kernel.scratch import PREFIX, Scratch, abandoned, clear_abandoned

HOLDER = "from autograder.kernel.scratch import Scratch\nkept = Scratch()\n" \
         "print(kept.path, flush=True)\ninput()"


@pytest.fixture(autouse=True)
def own_tmp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@contextmanager
def holder(folder: Path, *walls: str) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """Another process, and the folder that it holds in `folder`."""
    command = [*walls, sys.executable, "-c", HOLDER]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                          env={**os.environ, "TMPDIR": str(folder)}) as process:
        assert process.stdout is not None
        yield process, Path(process.stdout.readline().strip())
        process.kill()


def test_a_folder_goes_when_it_is_closed(own_tmp: Path) -> None:
    with Scratch() as folder:
        (folder / "deep").mkdir()
        assert folder.parent == own_tmp
    assert list(own_tmp.iterdir()) == []


def test_what_a_living_process_holds_stays(own_tmp: Path) -> None:
    with holder(own_tmp) as (_, folder), Scratch() as mine:
        clear_abandoned()
        assert folder.is_dir() and mine.is_dir()


def test_what_a_killed_process_left_goes(own_tmp: Path) -> None:
    with holder(own_tmp) as (process, folder):
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert list(abandoned(own_tmp)) == [folder]
        clear_abandoned()
        assert not folder.exists()


def test_a_process_that_ends_by_itself_leaves_nothing(own_tmp: Path) -> None:
    with holder(own_tmp) as (process, folder):
        assert folder.is_dir()
        process.communicate("\n")
    assert list(own_tmp.iterdir()) == []


@pytest.mark.sandbox
def test_a_process_of_another_container_is_not_taken_for_dead(own_tmp: Path) -> None:
    """There its id means nothing; the folder may lie on a file system of both."""
    code = "from autograder.kernel.scratch import clear_abandoned; clear_abandoned()"
    with Scratch() as mine, holder(own_tmp) as (_, folder):
        subprocess.run(["bwrap", "--dev-bind", "/", "/", "--unshare-pid", "--proc", "/proc",
                        sys.executable, "-c", code], check=True, timeout=60,
                       env={**os.environ, "TMPDIR": str(own_tmp)})
        assert folder.is_dir() and mine.is_dir()


def test_a_forks_end_takes_nothing_away(own_tmp: Path) -> None:
    code = ("import os, sys\nfrom autograder.kernel.scratch import Scratch\nkept = Scratch()\n"
            "if os.fork() == 0: sys.exit()\nos.wait()\nprint(kept.path.is_dir())")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                          env={**os.environ, "TMPDIR": str(own_tmp)}, timeout=60, check=True)
    assert done.stdout.strip() == "True"


@pytest.mark.parametrize("name", ["autograder-notes", "mine", f"{PREFIX}file"])
def test_only_folders_of_ours_are_looked_at(own_tmp: Path, name: str) -> None:
    if name.startswith(PREFIX):
        (own_tmp / name).write_text("a file")
    else:
        (own_tmp / name).mkdir()
    assert list(abandoned(own_tmp)) == []
    clear_abandoned()
    assert (own_tmp / name).exists()


@pytest.mark.sandbox
@pytest.mark.skipif(not cgroup.bases(), reason="no control groups can be made here")
def test_another_containers_control_groups_are_left_alone() -> None:
    code = "from autograder.kernel.isolation import cgroup; cgroup.clear_abandoned()"
    group = cgroup.create(64, 8)
    assert group is not None
    subprocess.run(["bwrap", "--dev-bind", "/", "/", "--unshare-pid", "--proc", "/proc",
                    sys.executable, "-c", code], check=True, timeout=60)
    assert all(folder.is_dir() for folder in group.folders)
    group.remove()
