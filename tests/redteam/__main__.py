"""`python -m redteam`: run the attacks and say what each gained."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from redteam import batch, checks, libraries, pages, replay
from redteam.attack import KERNELS, Attack, attacks


def main() -> int:
    """Print a line for each attack, then how many gained or harmed; 0 where none did."""
    options = argparse.ArgumentParser(prog="redteam", description=__doc__)
    options.add_argument("--long", action="store_true", help="each attack on both kinds of kernels")
    options.add_argument("--only", action="append", metavar="WORD", help="in its name or kind")
    options.add_argument("--without", action="append", metavar="WORD", default=[],
                         help="leave these out")
    options.add_argument("--kernel", choices=KERNELS, help="on these kernels alone")
    options.add_argument("--list", action="store_true", help="what there is")
    chosen = options.parse_args()
    found = [attack for attack in attacks() if not chosen.only or any(
        word in attack.name or word == attack.kind for word in chosen.only)]
    found = [attack for attack in found if not any(
        word in attack.name or word == attack.kind for word in chosen.without)]
    if chosen.list:
        for attack in found:
            print(f"{attack.kind:10} {attack.name}\n           {attack.tries}\n"
                  f"           Gains: {attack.gains}")
        return 0
    tried: set[str] = set()
    gained: set[str] = set()
    harmed = faults = 0
    with tempfile.TemporaryDirectory(prefix="redteam-", dir="/var/tmp") as folder:
        for kernel in [chosen.kernel] if chosen.kernel else KERNELS:
            some = [attack for attack in found if attack.exercise == "toy" and (
                attack.on(kernel, chosen.long or bool(chosen.only) or bool(chosen.kernel)))]
            if some:
                tried |= {attack.name for attack in some}
                got, harm, idle = run_toy(Path(folder) / kernel, kernel, some)
                gained |= got
                harmed += harm
                faults += idle
    real = [attack for attack in found if attack.exercise != "toy" and (
        attack.first != "long" or chosen.long or chosen.only)]
    if real and not chosen.kernel:
        tried |= {attack.name for attack in real}
        got, idle = libraries.run(real, print)
        gained |= got
        faults += idle
    if not chosen.kernel and (not chosen.only or "replay" in chosen.only):
        tried |= set(replay.NAMES)
        gained |= replay.run(print)
    if faults:
        print(f"{faults} attacks did not do what they say: see above")
    print(f"attacks={len(tried)} gained={len(gained)} harmed={harmed}", flush=True)
    return 1 if gained or harmed or faults or not tried else 0


def run_toy(folder: Path, kernel: str, chosen: Sequence[Attack]) -> tuple[set[str], int, int]:
    """Run attacks in one batch; return who gained, how many harmed, how many never ran."""
    folder.mkdir(parents=True)
    listener = pages.Listener()
    done = batch.run(folder, kernel, [pages.aimed(attack, listener.port) for attack in chosen])
    gained, harmed, idle = set(), 0, 0
    for student, attack in done.students.items():
        got = list(checks.gained(done, student)) if done.left else []
        harm = list(checks.lost(done, student)) if done.left else []
        if done.left and (attack.kind == "pages" or attack.archive):
            harm += pages.faults(done.course.grading, student, listener)
        never = list(checks.never_ran(done, student)) if done.left else []
        gained |= {attack.name} if got else set()
        harmed += bool(harm)
        idle += bool(never)
        said = "; ".join([*(f"GAINED {one}" for one in got), *(f"HARMED {one}" for one in harm),
                          *(f"never ran: {one}" for one in never)]) or "nothing"
        print(f"{kernel} {attack.kind:9} {attack.name}: {said}", flush=True)
    listener.close()
    for one in checks.harmed(done):
        harmed += 1
        print(f"{kernel} HARMED by the batch: {one}", flush=True)
    print(f"{kernel}: {len(chosen)} attacks in {done.left.get('seconds', 0):.0f} s, at most "
          f"{done.left.get('disk')} MiB in /tmp")
    return gained, harmed, idle


if __name__ == "__main__":
    sys.exit(main())
