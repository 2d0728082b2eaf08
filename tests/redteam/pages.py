"""What a browser does with the pages that people open: both kinds of feedback, and formgrader's.

With Chromium on the machine, each page is opened and asked whether a script of the attacker ran
or a request left; without it, the page's elements are looked at.
"""

from __future__ import annotations

import http.server
import re
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from nbconvert.exporters import HTMLExporter
from nbgrader.server_extensions.formgrader import handlers
from traitlets.config import Config

from redteam.attack import Attack

MARK = "a-script-ran"
HOOK = f"document.documentElement.dataset.seen='{MARK}'"
SEEN = f'data-seen="{MARK}"'
SECONDS = 60


class Listener:
    """A server that notes every request."""

    def __init__(self) -> None:
        requests: list[str] = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                requests.append(self.path)
                self.send_response(404)
                self.end_headers()

            do_POST = do_GET

            def log_message(self, format: str, *args: object) -> None:
                """Quiet."""

        self.requests = requests
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()


def aimed(attack: Attack, port: int) -> Attack:
    """With the script, and with the server, that a page is to call."""
    def put(text: str) -> str:
        return text.replace("HOOK", HOOK).replace("PORT", str(port))

    if attack.kind not in ("pages", "uploads"):
        return attack
    return replace(
        attack, cells=tuple(map(put, attack.cells)), markdown=tuple(map(put, attack.markdown)),
        answer=put(attack.answer), output=put(attack.output), metadata=put(attack.metadata),
        archive=put(attack.archive), files={put(name): data for name, data in attack.files.items()})


def browser() -> str | None:
    return shutil.which("chromium") or shutil.which("chromium-browser")


def faults(folder: Path, student: str, listener: Listener) -> Iterator[str]:
    """What a student's pages in the folder of grading do when somebody opens them."""
    feedback = folder / "feedback" / student
    if (feedback / "toy").is_dir() and not (feedback / "toy.html").is_file():
        yield "there is no page on the homework"
    for path in sorted(feedback.rglob("*.html")):
        yield from (f"the feedback page: {one}" for one in opened(path, listener))
    for path in sorted((folder / "autograded" / student).rglob("*.ipynb")):
        with tempfile.NamedTemporaryFile("w", suffix=".html", dir=folder) as file:
            file.write(formgrader(path))
            file.flush()
            yield from (f"formgrader: {one}" for one in opened(Path(file.name), listener))


def formgrader(path: Path) -> str:
    """The page that nbgrader's formgrader shows of an autograded notebook."""
    config = Config()
    config.HTMLExporter.template_name = "formgrade"
    config.HTMLExporter.extra_template_basedirs = [handlers.template_path]
    page, _ = HTMLExporter(config=_configured(config, path)).from_filename(str(path), resources={
        "assignment_id": "toy", "notebook_id": "toy", "submission_id": "0", "index": 0, "total": 1,
        "base_url": "", "student": "s", "last_name": "", "first_name": "", "notebook_path": "x"})
    return page


def _configured(config: Config, path: Path) -> Config:
    """With what the course's nbgrader configuration says of exporters."""
    from autograder.course import Course
    from autograder.gradebook.config import configure

    course = Course.load(path.parents[3], path.parents[4] / "exercises")
    configure(config, course)
    return config


def opened(path: Path, listener: Listener) -> Iterator[str]:
    """What a page does when it is opened."""
    chromium = browser()
    if chromium is None:
        yield from _read(path.read_text())
        return
    listener.requests.clear()
    with tempfile.TemporaryDirectory() as profile:
        done = subprocess.run(
            [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=4000",
             f"--user-data-dir={profile}", "--disable-dev-shm-usage", "--no-first-run",
             "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--dump-dom",
             path.as_uri()], capture_output=True, text=True, errors="replace", timeout=SECONDS)
    if "<html" not in done.stdout:
        yield f"the browser showed nothing: {done.stderr[-200:]}"
    if SEEN in done.stdout:
        yield "a script ran"
    if listener.requests:
        yield f"requests left for {', '.join(sorted(set(listener.requests)))}"


def _read(page: str) -> Iterator[str]:
    """Without a browser: elements that would act, with the attacker's mark in them."""
    from bs4 import BeautifulSoup

    for tag in BeautifulSoup(page, "html.parser").find_all(True):
        text = " ".join([tag.string or "" if tag.name in ("script", "style") else "",
                         *(f"{name}={value}" for name, value in tag.attrs.items())])
        acts = tag.name in ("script", "iframe", "object", "embed", "form", "base", "meta", "link")
        acts = acts or re.search(r"\bon\w+=|javascript:|src=|srcset=|url\(|@import", text)
        if acts and (MARK in text or re.search(r"127\.0\.0\.1:\d+", text)):
            yield f"<{tag.name}> with {text.strip()[:80]}"
