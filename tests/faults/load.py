"""`python -m faults.load`: a verdict never depends on what else the machine has to do.

The same submissions are judged at rest and then several times beside processes that do nothing but
compute. All verdicts must be the same, sentences included.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from autograder.batch import submitted_students
from autograder.judge.pool import JudgingFailed, judge_all
from autograder.judge.work import read_work
from faults.arena import build, load

SEED = 7


def main() -> int:
    """Judge, print how long it took, return 0 where all verdicts are those at rest."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--submissions", type=int, default=40)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--load", type=int, default=12, help="processes that compute")
    parser.add_argument("--processes", type=int, default=2)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="load-", ignore_cleanup_errors=True) as folder:
        root = build(Path(folder) / "course", args.submissions)
        at_rest = verdicts(root, args.processes, "at rest")
        with busy(args.load):
            different = sum(at_rest[key] != verdict for number in range(args.times)
                            for key, verdict in verdicts(root, args.processes,
                                                         f"busy, {number + 1}").items())
    print(f"submissions={args.submissions} times={args.times} load={args.load} "
          f"different={different}")
    return 1 if different else 0


def verdicts(root: Path, processes: int, name: str) -> dict[str, str]:
    """Each student's verdict as text, without the time that it took."""
    start = time.monotonic()
    course = load(root)
    works = ((student, read_work(course, "toy", student, "toy"))
             for student in submitted_students(course, "toy"))
    found = {}
    for student, verdict in judge_all(course, "toy", SEED, works, processes):
        data = (repr(verdict) if isinstance(verdict, JudgingFailed)
                else verdict.to_json() | {"seconds": 0})
        found[student] = json.dumps(data, sort_keys=True)
    print(f"{name}: {time.monotonic() - start:.0f} s", flush=True)
    return found


@contextmanager
def busy(processes: int) -> Iterator[None]:
    """So many processes that compute, and nothing else, until the end."""
    running = [subprocess.Popen([sys.executable, "-c", "while True: pass"])
               for _ in range(processes)]
    try:
        yield
    finally:
        for one in running:
            one.kill()
            one.wait()


if __name__ == "__main__":
    sys.exit(main())
