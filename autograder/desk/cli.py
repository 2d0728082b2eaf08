"""The command `autograder desk`: serve the grading desk to a browser."""

from __future__ import annotations

import getpass
import socket
import webbrowser
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Timer
from typing import Annotated

import typer

from autograder.course import Course, CourseError
from autograder.suggest import unknown
from autograder.terminal import CourseOption, HandedIn, say

PORT = 8899


def desk(
    name: HandedIn,
    port: Annotated[int, typer.Option(
        help="The port to serve on; 0 takes any that is free.")] = PORT,
    host: Annotated[str, typer.Option(
        help="The address to serve on. Another than this machine's own needs [desk] graders in "
             "course.toml.")] = "127.0.0.1",
    browser: Annotated[bool, typer.Option(
        "--browser/--no-browser", help="Open the page in a browser.")] = True,
    grader: Annotated[str, typer.Option(
        help="Your name, as others see it; without it, the names in course.toml, or yours here.")
    ] = "",
    course: CourseOption = Path(),
) -> None:
    """Grade written answers in the browser: by question, with a rubric's items, like ones together.
    """
    import uvicorn

    from autograder.desk.app import create_app
    from autograder.desk.security import is_loopback
    from autograder.desk.state import open_desk

    found = Course.find(course)
    known = found.toml.desk.graders
    if grader and known and grader not in known:
        raise CourseError(unknown("grader", grader, "[desk] of course.toml", known))
    names = [grader] if grader else known or [getpass.getuser()]
    if not is_loopback(host) and not known:
        raise CourseError(f"On {host} others can reach the desk, so it has to know who they are. "
                          'Name the graders in course.toml: [desk] graders = ["Ada", "Ben"].')
    listening = _listen(host, port)
    port = listening.getsockname()[1]
    with open_desk(found, name, names) as opened, TemporaryDirectory() as private:
        app = create_app(opened, port, host)
        shown = _shown_host(host)
        urls = {who: f"http://{shown}:{port}/?token={token}"
                for who, token in opened.sessions.tokens.items()}
        for who, url in urls.items():
            say(f"{who}: {url}" if len(urls) > 1 else url)
        if not is_loopback(host):
            say("This is plain HTTP: whoever is on the network between can read it. Give the "
                "addresses out only where a proxy adds TLS, or use an SSH tunnel instead.",
                "yellow")
        say("Ctrl-C ends the desk. Whatever was saved is in the gradebook already.")
        if browser and len(urls) == 1:
            door = _door(Path(private), next(iter(urls.values())))
            Timer(0.5, webbrowser.open, [door.as_uri()]).start()
        config = uvicorn.Config(app, log_level="warning", access_log=False, server_header=False,
                                date_header=False, proxy_headers=False, ws="none",
                                limit_concurrency=200, timeout_keep_alive=30,
                                timeout_graceful_shutdown=2)
        uvicorn.Server(config).run(sockets=[listening])


def _listen(host: str, port: int) -> socket.socket:
    """A socket that takes connections. Raises CourseError where the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        raise CourseError(f"The desk cannot use port {port} of {host} ({error.strerror}). Choose "
                          "another: --port 0 takes any that is free.") from None
    listening.listen(128)
    return listening


def _door(folder: Path, url: str) -> Path:
    """A page that leads to the desk. Its folder is this user's alone.

    A browser is told the page: what programs are told, everybody on the machine can read.
    """
    page = folder / "desk.html"
    page.write_text(f'<!doctype html><meta http-equiv="refresh" content="0; url={url}">'
                    f'<title>Grading desk</title><a href="{url}">To the desk</a>')
    return page


def _shown_host(host: str) -> str:
    """The host as an address has it."""
    if host in ("0.0.0.0", "::"):
        return socket.gethostname()
    return f"[{host}]" if ":" in host else host
