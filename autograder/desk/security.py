"""Who may ask the desk for anything, and what a browser may do with the answers.

A grader opens an address with a token, once; from then on a cookie names the session. The guard
stands before all routes. It checks the Host header (a page elsewhere may rebind its own name to
127.0.0.1), the session, the origin and the CSRF token of what changes something, and the size of
what is sent.
"""

from __future__ import annotations

import hmac
import ipaddress
import re
import secrets
import socket
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LARGEST_BODY = 256 * 1024  # bytes: a comment is 20,000 characters at most, see routes/forms.py
OPEN_TO_ALL = ("/static/", "/mathjax/")  # files of libraries and the desk's own looks
SAFE_METHODS = ("GET", "HEAD")
HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:(?P<port>\d{1,5}))?\Z")

# No inline script and no inline style: MathJax's style sheets are given to the browser as objects
# (static/math.js), and what students wrote has lost its style attributes (content.py).
POLICY = ("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
          "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
          "frame-ancestors 'none'")
# A picture opened by itself is a document, too; one in SVG has styles of its own.
PICTURE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'"
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@dataclass
class Session:
    """One browser of one grader. `names` says whether it is shown whose an answer is."""

    grader: str
    names: bool = False
    key: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    csrf: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)


class Sessions:
    """The graders' tokens, and the sessions that were opened with them."""

    def __init__(self, graders: Iterable[str]) -> None:
        self.tokens = {grader: secrets.token_urlsafe(32) for grader in graders}
        self._open: dict[str, Session] = {}

    def enter(self, token: str) -> Session | None:
        """A new session for the grader whose token this is; None where it is nobody's."""
        found = [grader for grader, known in self.tokens.items()
                 if hmac.compare_digest(known.encode(), token.encode())]
        if not found:
            return None
        session = Session(found[0])
        self._open[session.key] = session
        return session

    def of(self, key: str) -> Session | None:
        return self._open.get(key)


class Guard:
    """The middleware before all routes; what passes has `scope["session"]`."""

    def __init__(self, app: ASGIApp, sessions: Sessions, port: int, host: str = "127.0.0.1"
                 ) -> None:
        self._app, self._sessions, self._port = app, sessions, port
        self._names = own_names(host)
        self.cookie = f"desk-{port}"  # cookies do not tell ports of one host apart

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        started = time.perf_counter()

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                headers.setdefault("Content-Security-Policy", POLICY)
                headers.setdefault("Cache-Control", "no-store")
                spent = (time.perf_counter() - started) * 1000
                headers["Server-Timing"] = f"desk;dur={spent:.1f}"
            await send(message)

        refusal = self._refusal(scope)
        if refusal is not None:
            await refusal(scope, receive, with_headers)
            return
        await self._app(scope, _bounded(receive), with_headers)

    def _refusal(self, scope: Scope) -> Response | None:
        """What is answered instead of the page; None where the request may pass."""
        headers = Headers(scope=scope)
        if not self._is_own_host(headers.getlist("host")):
            return sentence_page(421, "The desk is not served under this name.")
        if scope["path"].startswith(OPEN_TO_ALL) and scope["method"] in SAFE_METHODS:
            return None
        if scope["path"] == "/" and scope["method"] == "GET":
            token = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
            if token:
                return self._entered(token)
        session = self._sessions.of(cookie_parser(headers.get("cookie", "")).get(self.cookie, ""))
        if session is None:
            return sentence_page(403, "Open the address that autograder desk has printed: it holds "
                                      "your token. Where the desk was started again, there is a "
                                      "new one.")
        scope["session"] = session
        if scope["method"] in SAFE_METHODS:
            return None
        if not _is_same_origin(headers):
            return sentence_page(403, "This did not come from the desk's own pages.")
        if not hmac.compare_digest(headers.get("x-csrf", "").encode(), session.csrf.encode()):
            return sentence_page(403, "This page is older than the desk: load it again, then try "
                                      "again.")
        if not headers.get("content-length", "0").isdecimal() or int(
                headers.get("content-length", "0")) > LARGEST_BODY:
            return sentence_page(413, "That is more than the desk takes at once.")
        return None

    def _entered(self, token: str) -> Response:
        """Give the browser its cookie, and go on to a page whose address has no token.

        A page, and no redirect: where the address was followed from another site, as from mail, a
        strict cookie is not sent along a redirect.
        """
        session = self._sessions.enter(token)
        if session is None:
            return sentence_page(403, "This token is not known. Where the desk was started again, "
                                      "there is a new one: open the address that it printed.")
        answer = sentence_page(200, "Opening the desk.",
                               '<meta http-equiv="refresh" content="0; url=/">')
        answer.set_cookie(self.cookie, session.key, httponly=True, samesite="strict", path="/")
        return answer

    def _is_own_host(self, hosts: list[str]) -> bool:
        """Whether a request's one Host header names this machine, by an address or a known name."""
        found = HOST.match(hosts[0]) if len(hosts) == 1 else None
        if found is None:
            return False
        name = found["name"].strip("[]").lower().rstrip(".")
        return name in self._names or _is_address(name)


def own_names(host: str) -> set[str]:
    """The names under which this machine may be asked for: never one that somebody else chose."""
    names = {"localhost", host.lower()}
    if not is_loopback(host):
        names |= {socket.gethostname().lower(), socket.getfqdn().lower()}
    return names


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    return _is_address(host) and ipaddress.ip_address(host).is_loopback


def _is_address(name: str) -> bool:
    """Whether a name is an IP address itself, which no DNS server can give another meaning."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_same_origin(headers: Headers) -> bool:
    """Whether a page of the desk sent this, as far as the browser says."""
    if headers.get("sec-fetch-site", "same-origin") != "same-origin":
        return False
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc == headers.get("host")


def _bounded(receive: Receive) -> Receive:
    """Hand a body on up to its largest size; what is longer ends as if the client had left."""
    room = LARGEST_BODY

    async def bounded() -> Message:
        nonlocal room
        message = await receive()
        room -= len(message.get("body", b""))
        return message if room >= 0 else {"type": "http.disconnect"}

    return bounded


def sentence_page(status: int, sentence: str, head: str = "") -> Response:
    """A page with one sentence of our own."""
    return HTMLResponse(
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Grading desk</title>'
        f'<link rel="icon" href="/static/desk.svg" type="image/svg+xml">'
        f'<link rel="stylesheet" href="/static/desk.css">{head}</head>'
        f'<body class="plain"><main><h1>Grading desk</h1><p>{sentence}</p></main></body></html>',
        status)
