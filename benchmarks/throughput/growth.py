"""How the time and the memory of a batch grow with the class, and what one coordinator can feed."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from distributed import Client

from autograder.judge.cluster import connect, judge_afar
from autograder.judge.pool import streamed
from autograder.judge.work import Work
from autograder.results.verdict import Verdict, nothing
from throughput import classes

HERE = Path(__file__).resolve().parent
TESTS = HERE.parents[1] / "tests"
DASK = Path(sys.executable).with_name("dask")
THREADS = 64  # of the simulated worker
BATCH = """
import re, sys, time
from pathlib import Path
from autograder import batch
from autograder.course import Course
if __name__ == "__main__":
    course = Course.load(Path(sys.argv[1]) / "course")
    start = time.perf_counter()
    batch.grade(course, "toy", batch.submitted_students(course, "toy"), 2)
    # Not getrusage: its maximum counts what this process was forked from.
    most = re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]
    print(time.perf_counter() - start, int(most) // 1024)
"""


def measured(scratch: Path, sizes: list[int], dispatched: int) -> dict[str, str]:
    """Print how a batch grows, what is dispatched and what a second worker brings; the ratios."""
    growth = _growth(scratch, sorted(sizes))
    _dispatch(scratch, dispatched)
    return {"growth": f"{growth:.2f}", "workers2": f"{_second_worker(scratch):.2f}"}


def _growth(scratch: Path, sizes: list[int]) -> float:
    """How much longer a submission takes in the largest class than in the one before it."""
    sys.path.insert(0, str(TESTS))
    from faults.arena import build

    print("\ngrowth: a toy of three parts, nearly no computing of its own, 2 processes")
    each = []
    for size in sizes:
        root = build(scratch / f"toy{size}", size)
        done = subprocess.run([sys.executable, "-c", BATCH, root], capture_output=True, text=True,
                              check=True)
        seconds, memory = done.stdout.split()[-2:]
        each.append(float(seconds) / size)
        print(f"  {size:6} submissions {float(seconds):8.1f} s  {each[-1]:.3f} s each; "
              f"coordinator at most {memory} MiB", flush=True)
    return each[-1] / each[-2] if len(each) > 1 else 1.0


def _simulated(work: Work) -> Verdict:
    """A worker that knows at once."""
    return nothing(work.exercise, {"q2_attention": 10.0}, "simulated")


def _dispatch(scratch: Path, number: int) -> None:
    """Send works of real size to workers that do nothing; how many a second come back."""
    course = classes.course_at(scratch / "dispatch", "q2")
    (_, work), = classes.works(course, "q2", 1)
    with _cluster(scratch / "simulated", 1, THREADS) as address, connect(address) as client:
        executor = client.get_executor(pure=False)
        before = _resident()
        start = time.perf_counter()
        works = ((str(index), work) for index in range(number))
        done = sum(future.result().points == 0 for _, future in streamed(
            works, lambda work: executor.submit(_simulated, work), lambda: 2 * THREADS))
        seconds = time.perf_counter() - start
    print(f"\ndispatch alone: {done:,} works in {seconds:.0f} s, {done / seconds:.0f} a second; "
          f"coordinator {before} -> {_resident()} MiB", flush=True)


def _second_worker(scratch: Path) -> float:
    """How many times as fast two workers of one thread each judge q2 as one does."""
    course = classes.course_at(scratch / "cluster", "q2")
    rates = []
    for workers in (1, 2):
        with _cluster(scratch / f"workers{workers}", workers, 1) as address:
            times = []
            for _ in judge_afar(course, "q2", 1, classes.works(course, "q2", 24), address):
                times.append(time.perf_counter())
            first = 2 * workers  # these wait for the worker and its kernels to be ready
            rates.append((len(times) - first) / (times[-1] - times[first - 1]))
    print(f"\nworkers: one judges {60 * rates[0]:.1f} of q2 a minute, two {60 * rates[1]:.1f}")
    return rates[1] / rates[0]


@contextmanager
def _cluster(folder: Path, workers: int, threads: int) -> Iterator[str]:
    """A scheduler and its workers, each a process of its own; the scheduler's address."""
    folder.mkdir()
    file = folder / "scheduler.json"
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL,
                             "env": {**os.environ, "PYTHONPATH": os.pathsep.join(
                                 [str(HERE.parent), os.environ.get("PYTHONPATH", "")])}}
    with ExitStack() as stack:
        def start(*command: object) -> None:
            process = subprocess.Popen([*map(str, command)], **quiet)
            stack.callback(process.wait)
            stack.callback(process.terminate)

        start(DASK, "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard",
              "--scheduler-file", file)
        while not file.is_file():
            time.sleep(0.1)
        address = json.loads(file.read_text())["address"]
        for _ in range(workers):
            start(DASK, "worker", address, "--host", "127.0.0.1", "--nworkers", "1",
                  "--nthreads", threads, "--no-dashboard")
        with Client(address) as client:
            client.wait_for_workers(workers, timeout=60)
        yield address


def _resident() -> int:
    """This process's memory at its highest, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
