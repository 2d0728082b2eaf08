"""A toy course with four people, and downloads as the platforms lay them out."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import nbformat
import pytest
from conftest import TOY_COURSE, Toy

from autograder.course import Course

ROSTER = """id,name,group
s001,Ada Example,a
s002,Jörg O'Muster,a
s003,Kim Twice,b
s004,Kim Twice,b
"""
# A name that quotes and commas are in, times on both sides of the due date, one who sent nothing.
WORKSHEET = (
    "Identifier,\"Full name\",\"ID number\",\"Email address\",Status,Grade,\"Maximum Grade\","
    "\"Grade can be changed\",\"Last modified (submission)\",\"Last modified (grade)\","
    "\"Feedback comments\"\r\n"
    "\"Participant 101\",\"Ada Example\",s001,ada@example.org,\"Submitted for grading\",,10.00,Yes,"
    "\"Friday, 20 November 2026, 11:58 PM\",-,\r\n"
    "\"Participant 102\",\"Jörg O'Muster\",,j@example.org,"
    "\"Submitted for grading - 2 hours 5 mins late\",,10.00,Yes,"
    "\"Saturday, 21 November 2026, 2:05\u202fAM\",-,\"Talk to me, \"\"soon\"\"\"\r\n"
    "\"Participant 103\",\"Kim Twice\",s003,,\"No submission\",,10.00,Yes,-,-,\r\n"
    "\"Participant 105\",\"Zoe Elsewhere\",,,\"No submission\",,10.00,No,-,-,\r\n")
GRADEBOOK = (
    "Student,ID,SIS User ID,SIS Login ID,Section,Toy (555),Other (556),Current Score\n"
    ",,,,,Manual Posting,,\n"
    "    Points Possible,,,,,10.00,5.00,(read only)\n"
    "\"Example, Ada\",9001,s001,ada,Everybody,,4.00,80\n"
    "\"O'Muster, Jörg\",9002,,jm,Everybody,3.00,,\n"
    "\"Twice, Kim\",9003,s003,kim,Everybody,EX,1.00,20\n"
    "\"Student, Test\",9009,,x,Everybody,,,\n")


def zipped(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def toy_zip(text: str = "") -> bytes:
    """What a student uploads; `text` tells one from another."""
    notebook = nbformat.writes(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1")]))
    return zipped({"toy/toy.ipynb": notebook.encode(), "toy/vectors.py": text.encode()})


Lay = Callable[[Mapping[str, bytes]], Path]


@pytest.fixture
def lay(tmp_path: Path) -> Lay:
    """Write a download's files, and return its folder."""

    def write(files: Mapping[str, bytes]) -> Path:
        folder = tmp_path / "downloads" / "CS101-Toy-77"
        for name, data in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
        return folder

    return write


def toy_course(folder: Path, settings: str = "", of_course: str = "") -> Course:
    """The toy with a roster, more settings, and a released notebook where intake looks for it."""
    text = (TOY_COURSE.replace("[course]", f'[course]\nroster = "roster.csv"\n{of_course}')
            .replace("[assignments.toy]", f"[assignments.toy]\n{settings}"))
    course = Toy(course=text).write(folder)
    (course.root / "roster.csv").write_text(ROSTER)
    released = course.build / "release" / "toy"
    released.mkdir(parents=True)
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1")]),
                   released / "toy.ipynb")
    return course


@pytest.fixture
def people(tmp_path: Path) -> Course:
    """The toy course with its people."""
    return toy_course(tmp_path, of_course='timezone = "Asia/Seoul"')
