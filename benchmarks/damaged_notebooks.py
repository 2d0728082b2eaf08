"""What a right notebook keeps when it comes back damaged: points by the real judge, and the words.

    python benchmarks/damaged_notebooks.py hw3

Each damage of tests/damages.py is done to the solved notebook of an exercise; intake repairs it as
far as that is certain; the judge grades what came of it, sandbox and all.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

import jupytext  # noqa: E402
import nbformat  # noqa: E402
from damages import DAMAGES, handed_in, released  # noqa: E402

from autograder.course import Course  # noqa: E402
from autograder.intake.notebook.read import read_any  # noqa: E402
from autograder.intake.notebook.repair import repair  # noqa: E402
from autograder.judge.grading import new_seed  # noqa: E402
from autograder.judge.pool import judge_all  # noqa: E402
from autograder.judge.work import Work  # noqa: E402
from autograder.release.build import prepare  # noqa: E402
from autograder.results.verdict import Verdict  # noqa: E402

WHOLE = "(undamaged)"
MUCH = 50 * 1024 * 1024


def damaged(exercise: str, said: dict[str, list[str]]) -> Iterator[tuple[str, Work]]:
    """The notebook as it is, then with each damage, repaired; `said` gets what intake says."""
    for name, (data, file) in uploads(exercise):
        notebook, reading = read_any(data, file)
        assert notebook is not None, reading
        mended = repair(notebook, released(exercise))
        said[name] = [*reading, *mended.repaired, *(f"FLAGGED {text}" for text in mended.unsure)]
        yield name, Work(exercise, mended.notebook)


def uploads(exercise: str) -> Iterator[tuple[str, tuple[bytes, str]]]:
    """By name, each damaged notebook's bytes and the name of its file."""
    whole = handed_in(exercise)
    yield WHOLE, (nbformat.writes(whole).encode(), "a.ipynb")
    for damage in DAMAGES:
        notebook = handed_in(exercise)
        damage(notebook, random.Random(7))
        yield damage.__name__, (nbformat.writes(notebook).encode(), "a.ipynb")
    yield "a script for jupytext", (jupytext.writes(whole, fmt="py:percent").encode(), "a.py")
    (code, *_) = (cell for cell in whole.cells if cell.cell_type == "code")
    code.outputs = [nbformat.v4.new_output("stream", text="x" * MUCH)]
    yield "outputs of 50 MB", (nbformat.writes(whole).encode(), "a.ipynb")


def main() -> int:
    """Print a line for each damage; return 1 where one costs points."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("assignment", help="one whose only exercise has the same name")
    parser.add_argument("--processes", type=int, default=2)
    args = parser.parse_args()
    course = Course.find(ROOT)
    prepare(course, args.assignment)
    said: dict[str, list[str]] = {}
    points: dict[str, float] = {}
    for name, verdict in judge_all(course, args.assignment, new_seed(),
                                   damaged(args.assignment, said), args.processes):
        assert isinstance(verdict, Verdict), verdict
        points[name] = verdict.points
        print(f"{verdict.points:5g} of {verdict.max_points:g}  {verdict.seconds:5.1f} s  {name}: "
              f"{'; '.join(said[name]) or 'nothing said'}", flush=True)
    kept = sum(value == points[WHOLE] for value in points.values()) - 1
    print(f"damages={len(points) - 1} kept={kept}")
    return 0 if kept == len(points) - 1 else 1


if __name__ == "__main__":
    raise SystemExit(main())
