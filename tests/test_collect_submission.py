"""collect_submission.sh: what it refuses, what it warns of, and what stands in the zip."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent.parent / "collect_submission.sh"
ID = "2024_12345"
Q2 = ["q2/q2.ipynb", "q2/bert.py", "q2/classifier.py", "q2/result.log"]
Q1 = ["q1/q1a.ipynb", "q1/q1b.ipynb"]


def notebook(source: str = "x = 1", solution: bool = False) -> str:
    """A notebook of one code cell."""
    cell = {
        "cell_type": "code", "execution_count": None, "outputs": [], "source": [source],
        "metadata": {"nbgrader": {"solution": True}} if solution else {},
    }
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [cell]})


def set_id(folder: Path, line: str) -> None:
    """Copy the script into the folder, with `line` where it sets the id."""
    text = SCRIPT.read_text()
    assert text.count("\nID=2000_00000\n") == 1
    (folder / SCRIPT.name).write_text(text.replace("\nID=2000_00000\n", f"\n{line}\n"))


def collect(
    folder: Path, shell: str = "bash", **options: object
) -> subprocess.CompletedProcess[str]:
    """Run the script from another folder than its own."""
    return subprocess.run(
        [shell, str(folder / SCRIPT.name)], cwd="/", capture_output=True, text=True, check=False,
        **options,
    )


def packed(folder: Path) -> list[str]:
    """The names in the zip, which must be sound and the only one."""
    (path,) = folder.glob("*.zip")
    assert path.name == f"{ID}_coding.zip"
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return archive.namelist()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that is ready to be handed in, its name with spaces and Korean letters."""
    folder = tmp_path / "my course 자연어 처리"
    (folder / "q2").mkdir(parents=True)
    (folder / "q2/q2.ipynb").write_text(notebook())
    (folder / "q2/bert.py").write_text("# 주석\nanswer = 1\n", encoding="utf-8")
    (folder / "q2/classifier.py").write_text("answer = 2\n")
    (folder / "q2/result.log").write_text("minBERT result.log, version 1\nstatus: complete\n")
    set_id(folder, f"ID={ID}")
    return folder


def test_writes_the_zip_and_says_what_is_in_it(folder):
    done = collect(folder)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert packed(folder) == Q2
    for text in (f"{ID}_coding.zip", *Q2, "Next: upload"):
        assert text in done.stdout
    with zipfile.ZipFile(folder / f"{ID}_coding.zip") as archive:
        assert archive.read("q2/bert.py") == (folder / "q2/bert.py").read_bytes()


def test_a_second_run_replaces_the_zip(folder):
    collect(folder)
    (folder / "q2/bert.py").write_text("answer = 3\n")
    assert collect(folder).returncode == 0
    assert packed(folder) == Q2
    with zipfile.ZipFile(folder / f"{ID}_coding.zip") as archive:
        assert archive.read("q2/bert.py") == b"answer = 3\n"


def test_checkpoints_outputs_data_and_caches_stay_out(folder):
    with (folder / "q2/finetune-3-1e-05.pt").open("wb") as file:
        file.truncate(300 * 1024 * 1024)  # sparse: it takes no room on the disk
    for name in ("q2/dev-output.txt", "q2/__pycache__/bert.pyc", "q2/rehearsal/result.log",
                 "q2/.ipynb_checkpoints/q2-checkpoint.ipynb", "data/sst-train.txt"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x")
    assert collect(folder).returncode == 0
    assert packed(folder) == Q2
    assert (folder / f"{ID}_coding.zip").stat().st_size < 10_000


def test_q1_is_asked_for_where_there_is_a_folder_q1(folder):
    (folder / "q1").mkdir()
    (folder / Q1[0]).write_text(notebook())
    done = collect(folder)
    assert done.returncode == 1
    assert "q1/q1b.ipynb is missing" in done.stderr

    (folder / Q1[1]).write_text(notebook())
    done = collect(folder)
    assert done.returncode == 0
    assert packed(folder) == Q1 + Q2
    assert f"{ID}_written.pdf" in done.stdout


@pytest.mark.parametrize("line, says", [
    ("ID=2000_00000", "still 2000_00000"),
    ("ID=2024-12345", "'2024-12345'"),
    ("ID=202412345", "'202412345'"),
    ("ID=2024_123456", "'2024_123456'"),
    ("ID='2024_12345; x'", "'2024_12345; x'"),
    ("ID=", "ID is ''"),
    ("ID = 2024_12345", "no spaces around the ="),
])
def test_refuses_a_wrong_id(folder, line, says):
    set_id(folder, line)
    done = collect(folder)
    assert done.returncode == 1
    assert says in done.stderr
    assert not list(folder.glob("*.zip*"))


@pytest.mark.parametrize("name", Q2)
def test_refuses_a_missing_or_empty_file(folder, name):
    (folder / name).write_text("")
    assert f"{name} is missing or empty" in collect(folder).stderr
    (folder / name).unlink()
    done = collect(folder)
    assert done.returncode == 1
    assert f"{name} is missing or empty" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(folder.glob("*.zip*"))


def test_says_all_problems_at_once(folder):
    set_id(folder, "ID=2000_00000")
    (folder / "q2/result.log").unlink()
    (folder / "q2/q2.ipynb").write_text("not JSON")
    assert collect(folder).stderr.count("Problem:") == 3


@pytest.mark.parametrize("content", [b"<<<<<<< HEAD", b"[]", b'{"cells": 1}', b'{"cells": ["x"]}',
                                     b"\xff\xfe{}", notebook().encode()[:-5]])
def test_refuses_what_is_no_notebook(folder, content):
    (folder / "q2/q2.ipynb").write_bytes(content)
    done = collect(folder)
    assert done.returncode == 1
    assert "q2/q2.ipynb cannot be read as a notebook" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(folder.glob("*.zip*"))


def test_warns_of_unfilled_cells_and_packs(folder):
    (folder / "q1").mkdir()
    (folder / Q1[0]).write_text(notebook("# YOUR CODE HERE\nraise NotImplementedError()", True))
    (folder / Q1[1]).write_text(notebook("YOUR ANSWER HERE", True))
    (folder / "q2/bert.py").write_text("# YOUR CODE HERE\nraise NotImplementedError()\n")
    done = collect(folder)
    assert done.returncode == 0
    assert packed(folder) == Q1 + Q2
    for name in (*Q1, "q2/bert.py"):
        assert f"Warning: {name}" in done.stderr
    assert "q2/q2.ipynb" not in done.stderr


def test_warns_of_a_run_that_did_not_finish(folder):
    (folder / "q2/result.log").write_text("status: interrupted in epoch 2\n")
    done = collect(folder)
    assert done.returncode == 0
    assert "not that of a complete run" in done.stderr
    assert packed(folder) == Q2


def test_needs_neither_zip_nor_a_locale(folder, tmp_path):
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "python3").symlink_to(sys.executable)
    for name in ("bash", "dirname"):
        (programs / name).symlink_to(shutil.which(name))
    done = collect(folder, env={"PATH": str(programs), "LC_ALL": "C"})
    assert done.returncode == 0, done.stderr
    assert packed(folder) == Q2


def test_sh_will_do_as_well(folder):
    assert collect(folder, shell="sh").returncode == 0
    assert packed(folder) == Q2


def test_packs_a_file_from_before_1980(folder):
    os.utime(folder / "q2/bert.py", (0, 0))
    assert collect(folder).returncode == 0
    assert packed(folder) == Q2


def test_says_so_where_there_is_no_python(folder, tmp_path):
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("bash", "dirname"):
        (programs / name).symlink_to(shutil.which(name))
    done = collect(folder, shell=str(programs / "bash"), env={"PATH": str(programs)})
    assert done.returncode == 1
    assert "no Python" in done.stderr
