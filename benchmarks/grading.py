"""How fast a batch is: against stock nbgrader, against the floor, on Dask, and as it grows.

    python benchmarks/grading.py --assignment q2 --submissions 8 --repeats 3

Every way grades the same right submissions, in the same run, in turn:

- nbgrader: `nbgrader autograde` as it comes. It runs the visible checks in the student's process,
  asks no hidden test, writes no page. Cells that train are taken out of what it gets.
- ours: `autograder grade` with its sandbox, hidden tests, misconceptions, gradebook and pages.
- floor: the student's cells and our probes alone, in one process that has imported everything, with
  no isolation: what no grader can be faster than.
- workers: `autograder grade --scheduler` with one Dask worker, then with two, of one thread each.
- growth: ours on the smallest exercise there is, for 10 and 100 submissions (--growth for more),
  with the coordinator's largest memory.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from multiprocessing import get_context
from pathlib import Path

import nbformat

from autograder.course import Course
from autograder.judge.grading import Grader
from autograder.judge.sides import StudentSide
from autograder.judge.work import runnable_cells
from autograder.release import source
from autograder.release.build import prepare
from autograder.release.solved import solved_files
from autograder.validate import as_work

REPO = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
STOCK = """
c = get_config()
c.CourseDirectory.course_id = "stock"
c.ExecutePreprocessor.timeout = 600
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--assignment", default="q2")
    parser.add_argument("--submissions", type=int, default=8)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--growth", default="10,100", help="numbers of submissions, by comma")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        ways: dict[str, Callable[[Path], float]] = {
            "nbgrader": lambda at: stock(at, args.assignment, args.submissions),
            "ours": lambda at: ours(at, args.assignment, args.submissions),
            "floor": lambda at: floor(at, args.assignment, args.submissions),
            "one worker": lambda at: on_dask(at, args.assignment, args.submissions, 1),
            "two workers": lambda at: on_dask(at, args.assignment, args.submissions, 2),
        }
        seconds: dict[str, list[float]] = {way: [] for way in ways}
        for repeat in range(args.repeats):
            for way, run in ways.items():
                seconds[way].append(run(folder / f"{way.replace(' ', '-')}-{repeat}"))
        for way, found in seconds.items():
            rates = sorted(60 * args.submissions / one for one in found)
            print(f"{way:12} {statistics.median(rates):6.1f} submissions a minute "
                  f"({rates[0]:.1f} to {rates[-1]:.1f})", flush=True)
        middle = {way: statistics.median(found) for way, found in seconds.items()}
        grown = [growth(folder / f"grown-{number}", number)
                 for number in map(int, args.growth.split(","))]
    slope = (grown[-1][1] / grown[0][1]) / (grown[-1][0] / grown[0][0])
    print(f"vs-nbgrader={middle['nbgrader'] / middle['ours']:.2f} "
          f"over-floor={middle['ours'] / (middle['floor'] / processors()):.2f} "
          f"growth={slope:.2f} workers2={middle['one worker'] / middle['two workers']:.2f}")


def processors() -> int:
    return len(os.sched_getaffinity(0))


def course_in(folder: Path, assignment: str, submissions: int) -> Course:
    """The kit's course with right submissions, each with a line of its own."""
    folder.mkdir()
    for name in ("course.toml", "nbgrader_config.py"):
        shutil.copy(REPO / name, folder)
    (folder / "data").mkdir()
    (folder / "data" / "hf").symlink_to(REPO / "data" / "hf")
    course = Course.load(folder)
    with contextlib.redirect_stderr(io.StringIO()):
        prepare(course, assignment)
    for number in range(submissions):
        place = course.submitted / f"2026_{number:05d}" / assignment
        place.mkdir(parents=True)
        for exercise in course.exercises(assignment):
            work = as_work(exercise, solved_files(exercise))
            work.notebook.cells.append(nbformat.v4.new_code_cell(f"my_number = {number}"))
            nbformat.write(work.notebook, place / f"{exercise.name}.ipynb")
            for name, data in work.files.items():
                (place / name).write_bytes(data)
    return course


def timed(command: list[object], cwd: Path, **environment: str) -> float:
    """Seconds that a command takes. Raises RuntimeError with its words where it does not end well.

    Status 1 of ours says that something waits for a person.
    """
    start = time.monotonic()
    done = subprocess.run([str(word) for word in command], cwd=cwd, capture_output=True, text=True,
                          env={**os.environ, **environment})
    if done.returncode not in (0, 1):
        raise RuntimeError(done.stdout + done.stderr)
    return time.monotonic() - start


def ours(folder: Path, assignment: str, submissions: int) -> float:
    course = course_in(folder, assignment, submissions)
    return timed([BIN / "autograder", "grade", assignment], course.root)


def stock(folder: Path, assignment: str, submissions: int) -> float:
    """nbgrader with its own configuration, on the same notebooks without the cells that train."""
    course = course_in(folder, assignment, submissions)
    (folder / "nbgrader_config.py").write_text(STOCK)
    shutil.copytree(course.build / "source" / assignment, folder / "source" / assignment)
    for notebook in (*(folder / "source").rglob("*.ipynb"), *course.submitted.rglob("*.ipynb")):
        read = nbformat.read(notebook, as_version=4)
        read.cells = [cell for cell in read.cells
                      if source.SKIP_TAG not in cell.metadata.get("tags", [])]
        nbformat.write(read, notebook)
    (folder / "gradebook.db").unlink(missing_ok=True)
    path = {"PATH": f"{BIN}:{os.environ['PATH']}", "HF_HUB_OFFLINE": "1"}
    timed([BIN / "nbgrader", "generate_assignment", assignment, "--force"], folder, **path)
    seconds = timed([BIN / "nbgrader", "autograde", assignment], folder, **path)
    graded = len(list((folder / "autograded").glob(f"*/{assignment}/*.ipynb")))
    expected = submissions * len(course.exercises(assignment))
    if graded != expected:
        raise RuntimeError(f"nbgrader graded {graded} of {expected} notebooks")
    return seconds


def floor(folder: Path, assignment: str, submissions: int) -> float:
    """Seconds of the students' own computing and the probes, one after another."""
    course = course_in(folder, assignment, submissions)
    with get_context("spawn").Pool(1) as pool:
        asked = pool.apply(requests, (course, assignment))
    with get_context("spawn").Pool(1) as pool:
        return pool.apply(answered, (course, assignment, submissions, asked))


def requests(course: Course, assignment: str) -> dict[str, list[bytes]]:
    """What a judge asks of a right submission, by exercise."""
    asked: dict[str, list[bytes]] = {}
    ask = StudentSide.ask

    def listen(self: StudentSide, request: bytes) -> object:
        asked[name].append(request)
        return ask(self, request)

    StudentSide.ask = listen  # type: ignore[method-assign, assignment]
    with Grader(course, assignment, 7) as grader:
        for exercise in course.exercises(assignment):
            name = exercise.name
            asked[name] = []
            grader.grade(as_work(exercise, solved_files(exercise)))
    return asked


def answered(course: Course, assignment: str, submissions: int, asked: dict[str, list[bytes]]
             ) -> float:
    """Run cells and probes in this process; a first round, with its imports, is not timed."""
    import torch

    from autograder.kernel import agent, offline

    torch.set_num_threads(1)
    os.environ.update({"HF_HUB_OFFLINE": "1", "MPLBACKEND": "Agg",
                       "TOKENIZERS_PARALLELISM": "false",
                       **course.assignment(assignment).environment})
    if course.surroundings(assignment).hub:
        links = course.root / "links"
        os.environ.update(offline.environment(str(course.hub), str(links)))
        offline.lay_links(course.hub, links)
    start = 0.0
    for number in range(-1, submissions):
        start = time.monotonic() if number == 0 else start
        for exercise in course.exercises(assignment):
            notebook = nbformat.read(course.submitted / f"2026_{max(0, number):05d}" / assignment
                                     / f"{exercise.name}.ipynb", as_version=4)
            released = source.read_notebook(exercise)
            with beside(course, assignment, exercise.name, number) as place, \
                    contextlib.redirect_stdout(io.StringIO()):
                names: dict[str, object] = {"__name__": "__main__"}
                for cell in runnable_cells(notebook, released):
                    with contextlib.suppress(Exception):
                        exec(compile(cell, "<cell>", "exec"), names)
                for request in asked[exercise.name]:
                    agent.answer(request, agent.Code(names, place))
    return time.monotonic() - start


@contextlib.contextmanager
def beside(course: Course, assignment: str, exercise: str, number: int) -> Iterator[Path]:
    """A working folder with all files of an exercise; its modules are forgotten afterwards."""
    place = course.root / f"work{number}-{exercise}"
    shutil.copytree(course.build / "source" / assignment, place)
    reference = course.build / "reference" / exercise
    shutil.copytree(reference, place, dirs_exist_ok=True)
    here, before = os.getcwd(), set(sys.modules)
    os.chdir(place)
    sys.path.insert(0, str(place))
    try:
        yield place
    finally:
        os.chdir(here)
        sys.path.remove(str(place))
        for name in set(sys.modules) - before:
            if str(getattr(sys.modules[name], "__file__", None) or "").startswith(str(place)):
                del sys.modules[name]


def on_dask(folder: Path, assignment: str, submissions: int, workers: int) -> float:
    """The same batch, judged by so many Dask workers of one thread each on this machine."""
    course = course_in(folder, assignment, submissions)
    file = folder / "scheduler.json"
    with contextlib.ExitStack() as stack:
        stack.enter_context(background(BIN / "dask", "scheduler", "--host", "127.0.0.1", "--port",
                                       "0", "--no-dashboard", "--scheduler-file", file))
        while not file.is_file():
            time.sleep(0.1)
        for _ in range(workers):
            stack.enter_context(background(BIN / "dask", "worker", "--scheduler-file", file,
                                           "--nworkers", "1", "--nthreads", "1", "--no-dashboard"))
        time.sleep(5)
        address = next(word for word in file.read_text().split('"') if word.startswith("tcp://"))
        return timed([BIN / "autograder", "grade", assignment, "--scheduler", address], course.root)


@contextlib.contextmanager
def background(*command: object) -> Iterator[None]:
    process = subprocess.Popen([str(word) for word in command], stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL, cwd="/")
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


def growth(folder: Path, submissions: int) -> tuple[int, float]:
    """How many, and the seconds that they take; prints both with the coordinator's memory."""
    sys.path[:0] = [str(REPO / "tests"), str(REPO / "data")]
    from faults.arena import build

    with contextlib.redirect_stderr(io.StringIO()):
        build(folder, submissions)
    start = time.monotonic()
    pid = os.posix_spawn(sys.executable, [sys.executable, str(BIN / "autograder"), "grade", "toy",
                                          "--course", str(folder / "course")],
                         os.environ, file_actions=[
                             (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
                             (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0)])
    _, _, used = os.wait4(pid, 0)
    seconds = time.monotonic() - start
    print(f"growth       {submissions:6} submissions: {seconds:7.1f} s, coordinator "
          f"{used.ru_maxrss / 1024:.0f} MiB", flush=True)
    return submissions, seconds


if __name__ == "__main__":
    main()
