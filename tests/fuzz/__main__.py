"""The fuzzer's command line; `fuzz/__init__.py` says how it is called."""

from __future__ import annotations

import argparse
import os
import secrets
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from fuzz import arena, fence, inputs, line, uploads
from fuzz.run import Outcome, outcome, run

DEFAULT = 5_200
WHOLE = 40  # inputs that go through the whole of `autograder grade`
SHOWN = 3  # numbers of inputs that fail in the same way


def main() -> int:
    """Run what was asked for; return 0 only where nothing is unhandled."""
    wanted = _arguments()
    print(f"seed={wanted.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="fuzz-") as name:
        source = Path(name) / "arena"
        where = arena.make(source)
        if wanted.only is not None:
            return _once(where, wanted.seed, wanted.only, wanted.keep)
        return _all(source, where, wanted)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m fuzz")
    parser.add_argument("--inputs", type=int, default=int(os.environ.get("FUZZ_INPUTS", DEFAULT)),
                        help="how many (or set FUZZ_INPUTS)")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    parser.add_argument("--processes", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--whole", type=int, default=WHOLE,
                        help="how many of them go through the whole of `autograder grade`")
    parser.add_argument("--only", type=int, help="run this input, and tell all about it")
    parser.add_argument("--keep", type=Path, help="with --only: write its files to this folder")
    return parser.parse_args()


def _once(where: arena.Arena, seed: int, number: int, keep: Path | None) -> int:
    seeds = arena.seeds(where)
    one = inputs.block(number // inputs.BLOCK, seed, seeds)[number % inputs.BLOCK]
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        for name, data in one.files.items():
            (keep / name).write_bytes(data)
    fence.install()
    found = outcome(where, one)
    print(f"input {number} ({one.kind}): {', '.join(map(ascii, one.files))}")
    print(found.trace or "\n".join(f"- {text!a}" for text in found.said))
    print(f"inputs=1 unhandled={int(bool(found.failure))}")
    return int(bool(found.failure))


def _all(source: Path, where: arena.Arena, wanted: argparse.Namespace) -> int:
    start = time.monotonic()
    found: list[Outcome] = []
    for one in run(source, wanted.seed, wanted.inputs, wanted.processes):
        found.append(one)
        if len(found) % 1000 == 0:
            print(f"{len(found)} inputs, {time.monotonic() - start:.0f} s", flush=True)
    failed = [one for one in found if one.failure]
    _tell(found, failed, wanted.seed)
    unhandled = {one.number for one in failed}
    seeds = arena.seeds(where)
    odd = line.oddest(found, wanted.whole)
    if odd:
        graded = line.grade(source, wanted.seed, seeds, odd, wanted.processes)
        print(f"{len(odd)} of them through the whole line: {len(graded.rows)} rows, "
              f"{time.monotonic() - start:.0f} s")
        for number, what in graded.failures:
            print(f"- whole line, input {number}: {what}")
        unhandled |= {number for number, _ in graded.failures}
    missing = wanted.inputs - len(found)
    if missing > 0:
        print(f"- {missing} inputs were never run")
    print(f"inputs={len(found)} unhandled={len(unhandled) + max(missing, 0)}")
    return int(bool(unhandled) or missing > 0)


def _tell(found: list[Outcome], failed: list[Outcome], seed: int) -> None:
    """How long it took, what kinds there were, and each failure with the way to see it again."""
    slowest = max(found, key=lambda one: one.seconds)
    print("; ".join(f"{kind} {count}" for kind, count in Counter(
        one.kind for one in found).items()))
    print(f"the slowest: input {slowest.number} ({slowest.kind}), {slowest.seconds:.1f} s")
    if again := [one.number for one in found if uploads.CHANGES in one.said]:
        print(f"{uploads.CHANGES} (which harms nobody): {len(again)} inputs, {again[:SHOWN]}")
    same: dict[tuple[str, str], list[Outcome]] = {}
    for one in failed:
        same.setdefault((one.failure.split(":")[0], one.where), []).append(one)
    for (_, where), ones in same.items():
        print(f"- {len(ones)} at {where}: {ones[0].failure!a}")
        for one in ones[:SHOWN]:
            print(f"    {one.kind}: python -m fuzz --seed {seed} --only {one.number}")


if __name__ == "__main__":
    sys.exit(main())
