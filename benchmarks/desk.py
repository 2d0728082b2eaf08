"""How long a grader waits in the desk: from a key to the next answer, in a real Chromium.

    python benchmarks/desk.py                     300 submissions of hw3, 100 answers graded
    python benchmarks/desk.py --formgrader        formgrader's way from answer to answer, as well

The class is made up (tests/desk/simulated.py); answers are graded one by one, a second for each.
`server` is what the desk itself took, over all requests; `open` is the time until a question's
first answer can be read, with the desk just started.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from statistics import median, quantiles
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "data")]
QUESTION = "hw3_1_2a"  # with formulas in most answers, and in the rubric
COLLECT = """() => {
    window.served = [];
    new PerformanceObserver(list => list.getEntries().forEach(one => {
        for (const timing of one.serverTiming) if (timing.name === 'desk') {
            window.served.push([new URL(one.name).pathname.split('/').slice(4, 5)[0] || '',
                                timing.duration])}
    })).observe({type: 'resource', buffered: true})}"""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--submissions", type=int, default=300)
    options.add_argument("--answers", type=int, default=100)
    options.add_argument("--question", default=QUESTION)
    options.add_argument("--settle", type=float, default=15, help=(
        "Seconds before keys are pressed: after its start the desk orders all questions."))
    options.add_argument("--formgrader", action="store_true")
    options.add_argument("--course", type=Path, help="Keep the class in this folder.")
    asked = options.parse_args()
    with contextlib.ExitStack() as stack:
        folder = asked.course or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        if not (folder / "course.toml").exists():
            made = make_class(folder, asked.submissions)
            print(f"{asked.submissions} submissions were entered in {made:.0f} s.")
        measure(folder, asked.question, asked.answers, asked.settle)
        if asked.formgrader:
            measure_formgrader(folder, asked.question, asked.answers)


def make_class(folder: Path, submissions: int) -> float:
    from desk.graded import enter, hw3_course
    from desk.simulated import draw_class

    start = time.perf_counter()
    folder.mkdir(parents=True, exist_ok=True)
    course = hw3_course(folder)
    texts: dict[str, dict[str, str]] = {}
    for grade_id, drawn in draw_class(submissions).items():
        for one in drawn:
            texts.setdefault(one.owner, {})[grade_id] = one.text
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        enter(course, "hw3", texts)
    return time.perf_counter() - start


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    """The command as a grader starts it; yields the address that it prints."""
    command = [sys.executable, "-m", "autograder", "desk", "hw3", "--port", "0", "--no-browser"]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True,
                               env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert process.stdout is not None
    try:
        address = next(found[0] for line in process.stdout
                       if (found := re.search(r"http://\S+", line)))
        yield address
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(20)


@contextlib.contextmanager
def chromium() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium") or shutil.which("chromium-browser"),
            args=["--no-sandbox", "--disable-dev-shm-usage"])
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        page.set_default_timeout(60_000)
        yield page
        browser.close()


def measure(folder: Path, question: str, count: int, settle: float) -> None:
    with served(folder) as address, chromium() as page:
        page.goto(address)
        page.wait_for_selector("table.overview")
        start = time.perf_counter()
        page.goto(f"{address.split('/?')[0]}/q/hw3/{question}")
        page.wait_for_selector("#stage .student")
        opened = time.perf_counter() - start
        page.wait_for_function(
            "() => window.MathJax?.isReady && document.querySelectorAll('#waiting > *').length")
        page.wait_for_timeout(settle * 1000)
        page.evaluate(COLLECT)
        for number in range(count):
            at = page.evaluate("document.querySelector('#stage > *').dataset.key")
            for key in ("0", str(1 + number % 3), "Enter"):
                page.keyboard.press(key)
            page.wait_for_function(
                "key => document.querySelector('#stage > *').dataset.key !== key", arg=at)
            page.wait_for_timeout(1000)  # nobody reads an answer and decides faster
        waited = page.evaluate("performance.getEntriesByName('key-to-next').map(x => x.duration)")
        spent = page.evaluate("window.served")
    for route in sorted({name for name, _ in spent}):
        times = [duration for name, duration in spent if name == route]
        print(f"{route or 'page':8} {len(times):4} requests, median {median(times):5.1f} ms, "
              f"p95 {p95(times):5.1f} ms")
    print(f"{len(waited)} answers, key to next: median {median(waited):.0f} ms")
    print(f"key-to-next p95={p95(waited):.0f}ms server p95={p95([one for _, one in spent]):.0f}ms "
          f"open={opened:.2f}s")


def measure_formgrader(folder: Path, question: str, count: int) -> None:
    """The same answers in formgrader: points typed, then to the same field of the next one."""
    from browser.conftest import jupyter_in

    with jupyter_in(folder) as server, chromium() as page:
        server.open(page, "formgrader/gradebook/hw3/hw3")
        page.get_by_role("link", name="Submission #1").first.click()
        waited = []
        field = f"#{question}"
        ready = ("() => window.MathJax?.loaded && formgrader.grades.loaded "
                 "&& formgrader.comments.loaded")
        page.wait_for_function(ready)
        for _ in range(min(count, 20)):
            page.locator(field).fill("1")
            at = page.url
            start = time.perf_counter()
            page.keyboard.press("Control+.")
            page.wait_for_function("at => location.href !== at", arg=at)
            page.wait_for_function(ready)
            waited.append(1000 * (time.perf_counter() - start))
    print(f"formgrader: {len(waited)} answers, median {median(waited):.0f} ms, "
          f"p95 {p95(waited):.0f} ms")


def p95(times: list[float]) -> float:
    return quantiles(times, n=20)[-1] if len(times) > 1 else times[0]


if __name__ == "__main__":
    main()
