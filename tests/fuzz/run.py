"""Run inputs in processes of their own; one that dies is found by what it was at."""

from __future__ import annotations

import multiprocessing
import os
import time
import traceback
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path

from fuzz import arena, checks, fence, inputs
from fuzz.inputs import BLOCK, Input

RESTARTS = 30


@dataclass(frozen=True)
class Outcome:
    """What came of one input: what people would read, or the failure and where it was raised."""

    number: int
    kind: str
    said: tuple[str, ...] = ()
    failure: str = ""
    where: str = ""
    trace: str = field(default="", repr=False)
    seconds: float = 0.0


def outcome(where: arena.Arena, one: Input) -> Outcome:
    """Pass one input through its check."""
    start = time.perf_counter()
    try:
        said = tuple(checks.run(where, one))
    except (Exception, fence.TooSlow) as error:
        steps = traceback.extract_tb(error.__traceback__)
        kit = [step for step in steps if f"{os.sep}autograder{os.sep}" in step.filename] or steps
        place = f"{Path(kit[-1].filename).name}:{kit[-1].lineno} {kit[-1].name}"
        what = f"{type(error).__name__}: {str(error)[:300]}"
        trace = "".join(traceback.format_exception(error))[-6000:]
        return Outcome(one.number, one.kind, (), what, place, trace, time.perf_counter() - start)
    return Outcome(one.number, one.kind, said, seconds=time.perf_counter() - start)


def run(source: Path, seed: int, count: int, processes: int) -> Iterator[Outcome]:
    """The outcomes of the first `count` inputs, in the order in which blocks are done.

    `source` is an arena; each process works in a copy beside it.
    """
    waiting = list(range((count + BLOCK - 1) // BLOCK))
    skipped: set[int] = set()
    for _ in range(RESTARTS):
        done: set[int] = set()
        try:
            for number, found in _blocks(source, seed, count, waiting, skipped, processes):
                done.add(number)
                yield from found
        except BrokenProcessPool:
            for number in _unfinished(source.parent):
                skipped.add(number)
                yield Outcome(number, inputs.ORDER[number // BLOCK % len(inputs.ORDER)], (),
                              "the process died", "it is not known where")
        waiting = [number for number in waiting if number not in done]
        if not waiting:
            return
    for number in waiting:
        yield Outcome(number * BLOCK, "-", (), f"block {number} was given up", "run.py")


def _blocks(source: Path, seed: int, count: int, waiting: list[int], skipped: set[int],
            processes: int) -> Iterator[tuple[int, list[Outcome]]]:
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"), _start,
                             (source,)) as pool:
        jobs: dict[Future[list[Outcome]], int] = {
            pool.submit(_block, number, seed, count, skipped): number for number in waiting}
        for job in as_completed(jobs):
            yield jobs[job], job.result()


_here: arena.Arena
_seeds: arena.Seeds


def _start(source: Path) -> None:
    """Make this process ready: an arena of its own, a fence, and no more memory than it needs."""
    global _here, _seeds
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    _here = arena.copy(arena.Arena(source), source.with_name(f"process-{os.getpid()}"))
    _seeds = arena.seeds(_here)
    fence.install()
    fence.limit_memory()


def _block(number: int, seed: int, count: int, skipped: set[int]) -> list[Outcome]:
    found = []
    at = _here.folder.with_suffix(".at")
    for one in inputs.block(number, seed, _seeds):
        if one.number < count and one.number not in skipped:
            at.write_text(str(one.number))
            found.append(outcome(_here, one))
    at.unlink(missing_ok=True)
    return found


def _unfinished(folder: Path) -> Iterator[int]:
    """What processes that are gone were at. Those that were only told to stop are tried again."""
    for path in sorted(folder.glob("process-*.at")):
        number = int(path.read_text())
        path.unlink()
        yield number
