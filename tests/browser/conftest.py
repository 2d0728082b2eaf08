"""A Jupyter server as people start it, and a Chromium that looks at it.

The server runs in a process group of its own, on loopback, with none of this machine's settings.
Fixtures that hold Playwright live no longer than this folder's tests: its event loop runs in
between, and other tests want to start theirs.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from conftest import until
from playwright.sync_api import Browser, Page, Request, sync_playwright

PATIENCE = 60_000  # milliseconds: two cores that others use, too
SCREEN = {"width": 1366, "height": 900}
# Nothing leaves this machine, and nothing of a browser's own tries to.
QUIET = ("--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--disable-dev-shm-usage", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1")


@dataclass(frozen=True)
class Server:
    """A running Jupyter server, whose files are those of `folder`."""

    folder: Path
    port: int
    token: str = field(repr=False)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}/{path}"

    def open(self, page: Page, path: str) -> None:
        """Go to a path, by way of the door: what a page asks for later carries a cookie."""
        page.goto(self.url(f"login?token={self.token}&next=/{path}"))


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """The distribution's browser: Playwright drives it, and brings none of its own."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        pytest.skip("there is no Chromium here: sh setup.sh tests")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=QUIET)
        yield browser
        browser.close()


class Window:
    """A page, and every address outside this machine that it asked for."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.elsewhere: list[str] = []
        page.set_default_timeout(PATIENCE)
        page.context.on("request", self._note)

    def _note(self, request: Request) -> None:
        if urlsplit(request.url).hostname not in (None, "127.0.0.1"):
            self.elsewhere.append(request.url)


@pytest.fixture
def window(chromium: Browser, tmp_path: Path) -> Iterator[Window]:
    """A window without any history. What it shows in the end lies in `tmp_path`."""
    with chromium.new_context(viewport=SCREEN) as context:
        window = Window(context.new_page())
        yield window
        window.page.screenshot(path=tmp_path / "at-the-end.png")


@pytest.fixture(scope="package")
def serve() -> Iterator[Callable[[Path], Server]]:
    """Start `jupyter lab` in a folder; it ends with this folder's tests."""
    with contextlib.ExitStack() as running:
        yield lambda folder: running.enter_context(jupyter_in(folder))


@contextlib.contextmanager
def jupyter_in(folder: Path) -> Iterator[Server]:
    """Start `jupyter lab` in a folder, which ends with the block."""
    server = Server(folder, _free_port(), secrets.token_hex(16))
    home = folder.parent / f"{folder.name}-jupyter"
    home.mkdir()
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root",
               f"--ServerApp.port={server.port}", "--ServerApp.port_retries=0",
               "--LabApp.news_url=None",
               "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]
    environment = {**os.environ, "JUPYTER_TOKEN": server.token, "HOME": str(home),
                   "JUPYTER_CONFIG_DIR": str(home), "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
                   "IPYTHONDIR": str(home), "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
                   "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces")}
    with open(home / "log.txt", "w") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL,
                                   stdout=log, stderr=log, start_new_session=True)
    try:
        until(lambda: process.poll() is not None or _answers(server), 60)
        assert process.poll() is None, (home / "log.txt").read_text()[-2000:]
        yield server
    finally:
        _end(process)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def _answers(server: Server) -> bool:
    try:
        with urllib.request.urlopen(server.url("api"), timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a server: it ends its kernels itself, if it is given the time."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)
