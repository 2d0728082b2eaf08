"""Submissions a minute: nbgrader, otter-grader, the floor, and this kit, in turn on one machine.

    cd benchmarks && ../.venv/bin/python -m throughput --submissions 12 --repeats 3
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from throughput import classes, growth
from throughput.rivals import Nbgrader, Otter

HERE = Path(__file__).resolve().parents[1]
AUTOGRADER = Path(sys.executable).with_name("autograder")
Grade = Callable[[], float]  # grades the class; seconds


class Here:
    """This kit, from the command line."""

    def __init__(self, root: Path, assignment: str, processes: int) -> None:
        self.root, self.assignment, self.processes = root, assignment, processes

    def seconds(self, number: int) -> float:
        shutil.rmtree(self.root, ignore_errors=True)
        course = classes.course_at(self.root, self.assignment)
        classes.hand_in(course, self.assignment, number)
        start = time.perf_counter()
        done = subprocess.run([AUTOGRADER, "grade", self.assignment, "-j", str(self.processes)],
                              cwd=self.root, capture_output=True, text=True, check=False)
        seconds = time.perf_counter() - start
        assert done.returncode in (0, 1), done.stderr
        return seconds


def main() -> int:
    """Print the tables and, at last, the line of ratios."""
    args = _arguments()
    ratios: dict[str, list[float]] = {"vs-nbgrader": [], "vs-otter": [], "over-floor": []}
    with TemporaryDirectory(dir="/tmp") as scratch:
        for assignment in args.assignments:
            _compare(assignment, args, Path(scratch) / assignment, ratios)
        said = {name: f"{statistics.median(values):.1f}" for name, values in ratios.items()}
        if args.growth:
            said |= growth.measured(Path(scratch), args.growth, args.dispatch)
    print(" ".join(f"{name}={value}" for name, value in said.items()))
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--assignments", nargs="+", default=["q2", "hw3"])
    parser.add_argument("--submissions", type=int, default=12)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--long", type=int, default=0,
                        help="a larger class, graded by us alone, to tell what is start-up")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--growth", type=int, nargs="*", default=[10, 100],
                        help="class sizes of a toy, smallest first (1000: six minutes)")
    parser.add_argument("--dispatch", type=int, default=10_000, help="works to dispatch")
    return parser.parse_args()


def _compare(assignment: str, args: argparse.Namespace, scratch: Path,
             ratios: dict[str, list[float]]) -> None:
    """Grade one class with each grader in turn, as often as asked; print a table."""
    course = classes.course_at(scratch / "course", assignment)
    recorded = scratch / "recorded"
    _run("throughput.classes", course.root, assignment, recorded)
    asked = sum(map(len, classes.read(recorded).values()))
    print(f"\n{assignment}: {args.submissions} submissions, {asked} questions each, "
          f"{args.processes} processes here, {args.repeats} repeats")
    rivals = [kind(course, assignment, recorded, scratch / kind.name)
              for kind in (Nbgrader, Otter)]
    here = Here(scratch / "here", assignment, args.processes)
    taken: dict[str, list[float]] = {}
    for _ in range(args.repeats):
        for rival in rivals:
            taken.setdefault(rival.name, []).append(rival.seconds(args.submissions))
        taken.setdefault("here", []).append(here.seconds(args.submissions))
        seconds, points = json.loads(_run("throughput.floor", course.root, assignment, recorded,
                                          args.submissions))
        taken.setdefault("floor", []).append(seconds)
    for rival in rivals:
        differ = sum(abs(points[student] - rival.points[student]) for student in points)
        if differ:
            print(f"  {rival.name} judges {differ:g} of {sum(points.values())} parts otherwise")
    for name, values in taken.items():
        rates = sorted(60 * args.submissions / value for value in values)
        print(f"  {name:10} {statistics.median(rates):7.1f} a minute "
              f"({rates[0]:.1f} to {rates[-1]:.1f})")
    theirs = {name: statistics.median(values) / args.submissions for name, values in taken.items()}
    for name, value in _ratios(theirs, theirs["here"], args.processes).items():
        ratios[name].append(value)
    if args.long > args.submissions:
        more = args.long - args.submissions
        each = (here.seconds(args.long) - statistics.median(taken["here"])) / more
        print(f"  here, once started (the difference to {args.long}): {60 / each:.1f} a minute")
        _ratios(theirs, each, args.processes)


def _ratios(theirs: dict[str, float], each: float, processes: int) -> dict[str, float]:
    """How we compare, and print it, where a submission takes us `each` seconds."""
    found = {"vs-nbgrader": theirs["nbgrader"] / each, "vs-otter": theirs["otter"] / each,
             "over-floor": processes * each / theirs["floor"]}  # the floor has one processor
    print("  " + " ".join(f"{name}={value:.1f}" for name, value in found.items()), flush=True)
    return found


def _run(module: str, *args: object) -> str:
    done = subprocess.run([sys.executable, "-m", module, *map(str, args)], cwd=HERE,
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.splitlines()[-1] if done.stdout else ""


if __name__ == "__main__":
    raise SystemExit(main())
