"""Who gets in, what a page elsewhere can make a browser send, and what students' text may do."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import Mock
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pytest
import uvicorn
from bs4 import BeautifulSoup
from conftest import run_cli
from sqlalchemy.exc import IntegrityError
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect
from test_sanitize import HOSTILE, runs

from autograder.course import Course
from autograder.desk import cli, content, security
from autograder.desk.app import create_app
from autograder.desk.security import Sessions, is_loopback, own_names
from autograder.desk.state import Desk
from desk.conftest import copy_of
from desk.graded import enter
from desk.web import BASE, PORT, Grader, a_desk, browser_of

WHY = "/q/toy/toy_why"
HOSTILE_TEXT = "\n\n".join(HOSTILE)


@pytest.fixture(scope="module")
def desk(released_toy: Course, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    course = copy_of(released_toy, tmp_path_factory.mktemp("security") / "course")
    enter(course, "toy", {"s001": {"toy_why": HOSTILE_TEXT}, "s002": {"toy_why": "Fine."}})
    with a_desk(course) as opened:
        yield opened


@pytest.fixture
def stranger(desk: Desk) -> TestClient:
    """A browser without a token."""
    return TestClient(create_app(desk, PORT), base_url=BASE, raise_server_exceptions=False)


@pytest.fixture
def ada(desk: Desk) -> Grader:
    return browser_of(desk, "Ada")


# ------------------------------------------------------------------------------------ who gets in


@pytest.mark.parametrize("path", ["/", WHY, f"{WHY}/answers", "/log", "/agreement", "/keys",
                                  f"{WHY}/items", f"{WHY}/card/x", "/?token=", "/?token=wrong",
                                  "/nothing"])
def test_nobody_gets_in_without_a_token(stranger: TestClient, path: str) -> None:
    answer = stranger.get(path)
    assert answer.status_code == 403 and "token" in answer.text
    assert "toy_why" not in answer.text and "set-cookie" not in answer.headers


def test_a_token_gives_a_strict_cookie_and_leaves_the_address(stranger: TestClient, desk: Desk
                                                              ) -> None:
    token = desk.sessions.tokens["Ada"]
    answer = stranger.get(f"/?token={token}", follow_redirects=False)
    cookie = answer.headers["set-cookie"]
    assert f"desk-{PORT}=" in cookie
    assert "HttpOnly" in cookie and "samesite=strict" in cookie.lower() and "Path=/" in cookie
    assert answer.status_code == 200 and 'content="0; url=/"' in answer.text
    assert token not in answer.text and token not in cookie
    assert "Ada" in stranger.get("/").text


def test_a_token_is_that_of_one_grader(desk: Desk) -> None:
    assert len({*desk.sessions.tokens.values()}) == 2
    assert all(len(token) > 40 for token in desk.sessions.tokens.values())
    ben = browser_of(desk, "Ben")
    assert 'class="grader" title="You grade as Ben"' in ben.get("/").text
    assert Sessions(["Ada"]).tokens != Sessions(["Ada"]).tokens
    assert Sessions(["Ada"]).enter("") is None


@pytest.mark.parametrize("path", ["/static/desk.css", "/static/desk.js", "/static/htmx.min.js",
                                  "/static/htmx.LICENSE.txt", "/static/math.js",
                                  "/mathjax/MathJax.js"])
def test_files_of_the_desk_are_open(stranger: TestClient, path: str) -> None:
    assert stranger.get(path).status_code == 200
    assert stranger.post(path).status_code == 403


@pytest.mark.parametrize("path", ["/static/../app.py", "/static/%2e%2e/app.py",
                                  "/static//etc/passwd", "/mathjax/..%2f..%2f__init__.py",
                                  "/static/..%5capp.py"])
def test_no_other_file_is(stranger: TestClient, path: str) -> None:
    answer = stranger.get(path)
    assert answer.status_code in (403, 404) and "import" not in answer.text


# -------------------------------------------------------------------------------- rebinding names


@pytest.mark.parametrize(("host", "fine"), [
    ("127.0.0.1:8899", True), ("localhost:8899", True), ("[::1]:8899", True), ("LOCALHOST", True),
    ("evil.example", False), ("evil.example:8899", False), ("127.0.0.1.evil.example:8899", False),
    ("localhost.evil.example", False), ("", False), ("127.0.0.1@evil.example", False),
    ("127.0.0.1:8899, evil.example", False), ("127.0.0.1/evil", False), ("localhost:x", False)])
def test_the_desk_answers_to_its_own_names_only(ada: Grader, host: str, fine: bool) -> None:
    answer = ada.client.get("/", headers={"Host": host})
    assert answer.status_code == (200 if fine else 421)
    assert fine or "toy_why" not in answer.text


def test_on_another_address_its_own_name_counts() -> None:
    assert own_names("127.0.0.1") == {"localhost", "127.0.0.1"}
    assert socket.gethostname().lower() in own_names("0.0.0.0")
    assert is_loopback("localhost") and is_loopback("127.0.0.9") and is_loopback("::1")
    assert not is_loopback("0.0.0.0") and not is_loopback("desk.example")


# ---------------------------------------------------------------------- what comes from elsewhere


POSTS: list[tuple[str, dict[str, Any]]] = [
    (f"{WHY}/give", {"owners": [], "items": [], "adjustment": 0, "comment": "", "key": "x"}),
    (f"{WHY}/undo", {"key": "x"}), (f"{WHY}/empty", {"key": "x"}), (f"{WHY}/out", {"key": "x"}),
    (f"{WHY}/open", {"key": "x"}), ("/names", {}), (f"{WHY}/items/add", {}),
    (f"{WHY}/items/change", {}), (f"{WHY}/items/retire", {}), (f"{WHY}/draw", {})]


@pytest.mark.parametrize(("path", "data"), POSTS)
@pytest.mark.parametrize("headers", [
    {"X-CSRF": ""}, {"X-CSRF": "guessed"}, {"Origin": "https://evil.example"},
    {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"},
    {"Origin": "http://127.0.0.1:9999"}])
def test_a_page_elsewhere_changes_nothing(ada: Grader, path: str, data: dict[str, Any],
                                          headers: dict[str, str]) -> None:
    assert ada.post(path, data, **headers).status_code == 403


@pytest.mark.parametrize(("path", "data"), POSTS)
def test_what_changes_something_is_no_get(ada: Grader, path: str, data: dict[str, Any]) -> None:
    assert ada.get(path).status_code in (404, 405)


def test_another_sessions_csrf_token_is_none(ada: Grader, desk: Desk) -> None:
    ben = browser_of(desk, "Ben")
    assert ada.post("/names", {}, **{"X-CSRF": ben.csrf}).status_code == 403


def test_too_much_at_once_is_refused(ada: Grader) -> None:
    large = "x" * (security.LARGEST_BODY + 1)
    assert ada.post(f"{WHY}/undo", {"key": large}).status_code == 413

    def in_pieces() -> Iterator[bytes]:
        for _ in range(20):
            yield b"x" * 20_000

    answer = ada.client.post(f"{WHY}/undo", content=in_pieces(), headers={
        "X-CSRF": ada.csrf, "Content-Type": "application/json"})
    assert answer.status_code == 413
    fields = {f"a{number}": "x" for number in range(500)}
    assert ada.form(f"{WHY}/items/add", **fields).status_code == 400


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"key": 1}',
                                  b"[" * 50_000, b'{"key": "\\ud800"}'])
def test_what_is_no_request_is_refused(ada: Grader, body: bytes) -> None:
    answer = ada.client.post(f"{WHY}/undo", content=body, headers={
        "X-CSRF": ada.csrf, "Content-Type": "application/json"})
    assert answer.status_code in (400, 404, 422) and "Traceback" not in answer.text


@pytest.mark.parametrize("version", ["x", "", "NaN", "1" * 5000, None, [], "\u0661"])
def test_a_version_that_is_none_is_refused(ada: Grader, version: Any) -> None:
    key = ada.card(WHY)["key"]
    assert ada.post(f"{WHY}/open", {"key": key, "version": version}).status_code == 422


@pytest.mark.parametrize("start", ["x", "-5", "9" * 30, "%00", ""])
def test_a_page_of_the_log_that_is_none_is_the_first(ada: Grader, start: str) -> None:
    assert "Who did what" in ada.get(f"/log?from={start}").text


@pytest.mark.parametrize("mistake", [ValueError, KeyError, IntegrityError])
def test_a_mistake_of_the_desks_own_is_on_its_terminal(
        desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
        mistake: type[Exception]) -> None:
    """The server prints what is raised, and what is logged."""
    client = TestClient(create_app(desk, PORT), base_url=BASE)
    ada = Grader(client, "Ada")
    error = (IntegrityError("x", None, Exception()) if mistake is IntegrityError else mistake("x"))
    monkeypatch.setattr(desk.store, "recent", Mock(side_effect=error))
    if mistake is IntegrityError:
        assert ada.get("/log").status_code == 503 and "IntegrityError" in caplog.text
    else:
        with pytest.raises(mistake):
            ada.get("/log")


def test_sockets_are_not_taken(ada: Grader) -> None:
    with pytest.raises(WebSocketDisconnect), ada.client.websocket_connect("/"):
        pass


# -------------------------------------------------------------------------- what a browser is told


@pytest.mark.parametrize("path", ["/", WHY, "/static/desk.js", "/nothing", "/keys", "/q/a/b"])
def test_every_answer_has_the_policy(ada: Grader, path: str) -> None:
    headers = ada.get(path).headers
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'") and "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy and "base-uri 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["x-frame-options"] == "DENY"
    assert path.startswith("/static") or headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ["/", WHY, f"{WHY}/answers", "/log", "/agreement", f"{WHY}/items",
                                  f"{WHY}/panel", "/keys"])
def test_pages_hold_no_script_and_no_style_of_their_own(ada: Grader, path: str) -> None:
    for element in ada.page(path).find_all(True):
        assert not [name for name in element.attrs if name.startswith("on") or name == "style"]
        assert element.name != "style"
        if element.name == "script":
            assert str(element["src"]).startswith(("/static/", "/mathjax/")) and not element.string


# ------------------------------------------------------------------------------- students' text


@pytest.mark.parametrize("source", HOSTILE)
def test_an_answer_runs_and_fetches_nothing(source: str) -> None:
    page = content.show(source).html
    assert [one for one in runs(page) if content.PLACE not in one] == []
    for element in BeautifulSoup(page, "html.parser").find_all(True):
        assert not {"style", "id", "name", "role", "hx-get", "data-key-press", "tabindex"} & set(
            element.attrs)


@pytest.mark.parametrize("attribute", [
    "hx-get=/log", "hx-post='/names' hx-trigger=load", "data-hx-get=/log", "data-resolve=mine",
    "data-key-press=Enter", "data-dialog=/keys", "data-close", "class=main", "id=stage",
    "style='position:fixed;inset:0'", "data-math", "autofocus", "contenteditable"])
@pytest.mark.parametrize("tag", ["div", "a", "b", "button", "summary"])
def test_a_students_markup_drives_nothing_of_the_desk(tag: str, attribute: str) -> None:
    page = content.show(f"<{tag} {attribute}>Save</{tag}>\n\ntext <{tag} {attribute}>Save</{tag}>")
    for element in BeautifulSoup(page.html, "html.parser").find_all(True):
        assert set(element.attrs) <= {"open", "href", "title", "align"}


def test_the_whole_page_with_a_hostile_answer_runs_nothing(ada: Grader) -> None:
    links = ada.page(f"{WHY}/answers").select("tbody th a")
    cards = [ada.page(str(link["href"])).select_one("article.card") for link in links]
    assert len(cards) == 2
    for card in cards:
        assert card is not None
        (box, *_) = card.select(".student")
        assert runs(str(box)) == [] or all("/picture/" in one for one in runs(str(box)))
        assert box.has_attr("hx-disable")


def test_a_place_for_pictures_that_a_student_writes_is_text() -> None:
    shown = content.show("Look: {pictures}0 and ![a](data:image/png;base64,AAAA)")
    assert shown.pictures == () and "/secret/" not in content.addressed(shown, "/secret/")


def test_hidden_text_in_attributes_of_a_card_cannot_end_it(desk: Desk) -> None:
    ada = browser_of(desk, "Ada")
    card = ada.card(WHY)
    comment = "'\"><script>alert(1)</script>"
    assert ada.give(WHY, card, [], comment=comment).status_code == 200
    again = ada.card(f"{WHY}/card/{card['key']}")
    assert again["given"]["comment"] == comment and not again["element"].select("script")
    assert ada.post(f"{WHY}/undo", {"key": card["key"]}).status_code == 200
    assert "<script>alert" not in ada.get("/log").text


# --------------------------------------------------------------------------------- the command


def test_others_are_let_in_only_with_names(desk_toy: Course) -> None:
    done = run_cli("desk", "toy", "--host", "0.0.0.0", "--port", 0, "--no-browser",
                   cwd=desk_toy.root)
    assert done.returncode == 2 and "graders" in done.stderr


def test_a_name_that_course_toml_does_not_know_is_refused(desk_toy: Course) -> None:
    path = desk_toy.root / "course.toml"
    path.write_text(path.read_text() + '\n[desk]\ngraders = ["Ada"]\n')
    done = run_cli("desk", "toy", "--grader", "Eve", "--port", 0, "--no-browser",
                   cwd=desk_toy.root)
    assert done.returncode == 2 and "Eve" in done.stderr and "Ada" in done.stderr


def test_the_browser_is_not_told_the_token_where_others_can_read_it(
        desk_toy: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    """`ps` shows everybody what a program was started with."""
    told: list[str] = []

    class AtOnce:
        def __init__(self, seconds: float, action: Any, arguments: list[str]) -> None:
            told.extend(arguments)

        def start(self) -> None:
            (url,) = told
            page = Path(url2pathname(urlsplit(url).path))
            assert page.parent.stat().st_mode & 0o077 == 0
            told.append(page.read_text())

    monkeypatch.setattr(cli, "Timer", AtOnce)
    monkeypatch.setattr(uvicorn.Server, "run", lambda *_, **__: None)
    cli.desk("toy", port=0, host="127.0.0.1", browser=True, grader="Ada", course=desk_toy.root)
    url, page = told
    assert "token" not in url and url.startswith("file:///") and "/?token=" in page
    assert not Path(url2pathname(urlsplit(url).path)).exists()


def test_secrets_are_in_no_representation(desk: Desk) -> None:
    session = desk.sessions.enter(desk.sessions.tokens["Ada"])
    assert session is not None
    assert session.key not in repr(session) and session.csrf not in repr(session)
    assert not [token for token in desk.sessions.tokens.values() if token in repr(desk)]
