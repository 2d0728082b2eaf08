"""What the benchmarks rest on: that all graders are asked the same is recorded, and read again."""

from __future__ import annotations

import subprocess
import sys

import pytest
from conftest import REPO

from autograder.course import Course

RECORD = """
import sys
from pathlib import Path
from autograder.course import Course
from throughput.classes import record
asked = record(Course.load(Path(sys.argv[1]), Path(sys.argv[2])), "toy")
print(*(part for part, pairs in asked.items() if pairs and all(map(all, pairs))))
"""


@pytest.mark.sandbox
def test_what_hidden_tests_ask_is_recorded_with_the_right_answers(toy: Course) -> None:
    done = subprocess.run([sys.executable, "-c", RECORD, toy.root, toy.exercises_folder],
                          cwd=REPO / "benchmarks", capture_output=True, text=True, timeout=120)
    assert done.stdout.split() == ["toy_words", "toy_count", "toy_scale"], done.stderr
