"""`python -m faults`: the batch, killed with SIGKILL over and over, against the undisturbed one.

Two copies of a course with the same submissions: one batch runs in peace, the other is hit at
random moments (the batch itself, what its processes are forked from, its workers, the trusted
process, kernels and their walls) and is started again whenever it is gone. At the end both must
have given the same.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from faults.arena import Batch, build, outcome
from faults.killer import Killer

PAUSE = (0.2, 2.5)  # seconds between two kills
FEW, MANY = (30, 60), (100, 200)  # submissions and kills: in a few minutes, and with --long


def main() -> int:
    """Run both batches, print what happened, return 0 where nothing was lost or doubled."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--long", action="store_true",
                        help="100 submissions and 200 kills, for a quarter of an hour")
    parser.add_argument("--submissions", type=int)
    parser.add_argument("--kills", type=int)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--processes", type=int, default=2)
    args = parser.parse_args()
    submissions, kills = MANY if args.long else FEW
    args.submissions, args.kills = args.submissions or submissions, args.kills or kills
    print(f"seed {args.seed}, {args.submissions} submissions", flush=True)
    with tempfile.TemporaryDirectory(prefix="faults-", ignore_cleanup_errors=True) as folder:
        peaceful, disturbed = (build(Path(folder) / name, args.submissions)
                               for name in ("peaceful", "disturbed"))
        start = time.monotonic()
        with Batch(peaceful, args.processes) as batch:
            batch.finish()
        print(f"undisturbed: {time.monotonic() - start:.0f} s", flush=True)
        start = time.monotonic()
        kills = disturb(disturbed, args)
        print(f"disturbed: {time.monotonic() - start:.0f} s; killed: "
              + ", ".join(f"{count} x {kind}" for kind, count in sorted(kills.items())))
        lost, doubled = compare(peaceful, disturbed)
    print(f"kills={sum(kills.values())} lost={lost} doubled={doubled}")
    return 1 if lost or doubled or sum(kills.values()) < args.kills else 0


def disturb(course: Path, args: argparse.Namespace) -> Counter[str]:
    """Run the batch over `course` and kill until enough is killed; then let it finish.

    Where the batch is done before that, its verdicts are thrown away, and it starts anew.
    """
    chance = random.Random(args.seed)
    kills: Counter[str] = Counter()
    while True:
        with Batch(course, args.processes) as batch:
            killer = Killer(batch.pid, chance)
            while sum(kills.values()) < args.kills and batch.running:
                time.sleep(chance.uniform(*PAUSE))
                kind = killer.strike()
                if kind:
                    kills[kind] += 1
            if sum(kills.values()) >= args.kills:
                batch.finish(again=True)
                return kills
            if not batch.was_killed:
                batch.forget()


def compare(peaceful: Path, disturbed: Path) -> tuple[int, int]:
    """How many rows are lost or differ, and how many verdicts were given twice."""
    right, found = outcome(peaceful), outcome(disturbed)
    lost = [student for student in right.rows if found.rows.get(student) != right.rows[student]]
    for student in lost[:5]:
        print(f"  {student}: {right.rows[student]}\n  became {found.rows.get(student)}")
    return len(lost), found.doubled


if __name__ == "__main__":
    sys.exit(main())
