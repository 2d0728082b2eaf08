"""The desk in this process, asked as a browser asks."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from bs4 import BeautifulSoup, Tag
from httpx2 import Response
from starlette.testclient import TestClient

from autograder.course import Course
from autograder.desk.app import create_app
from autograder.desk.state import Desk, open_desk

PORT = 8899
BASE = f"http://127.0.0.1:{PORT}"


class Grader:
    """A grader's browser: it has come in by its token, and sends what pages tell it to send."""

    def __init__(self, client: TestClient, name: str) -> None:
        self.client, self.name = client, name
        desk: Desk = client.app.state.desk  # type: ignore[attr-defined]
        assert client.get(f"/?token={desk.sessions.tokens[name]}").status_code == 200
        found = self.page("/").find("meta", {"name": "csrf"})
        assert isinstance(found, Tag)
        self.csrf = str(found["content"])

    def get(self, path: str) -> Response:
        return self.client.get(path)

    def page(self, path: str) -> BeautifulSoup:
        answer = self.get(path)
        assert answer.status_code == 200, answer.text
        return BeautifulSoup(answer.text, "html.parser")

    def card(self, path: str) -> dict[str, Any]:
        """What the card on a page, or one by itself, brings with it."""
        found = self.page(path).select_one("article.card")
        assert found is not None
        return {name.removeprefix("data-"): _read(str(value)) for name, value in found.attrs.items()
                if name.startswith("data-")} | {"element": found}

    def post(self, path: str, data: Any, **headers: str) -> Response:
        return self.client.post(path, content=json.dumps(data), headers={
            "Content-Type": "application/json", "X-CSRF": self.csrf, **headers})

    def form(self, path: str, **data: Any) -> Response:
        return self.client.post(path, data=data, headers={"X-CSRF": self.csrf,
                                                          "HX-Request": "true"})

    def give(self, base: str, card: dict[str, Any], items: list[int], adjustment: float = 0,
             comment: str = "", group: bool = False, query: str = "") -> Response:
        owners = card["owners"] + (card["group"] if group else [])
        return self.post(f"{base}/give{query}", {
            "owners": owners, "items": items, "adjustment": adjustment, "comment": comment,
            "key": card["key"]})


def _read(value: str) -> Any:
    return json.loads(value) if re.match(r"[\[{]", value) else value


@contextmanager
def a_desk(course: Course, name: str = "toy", graders: tuple[str, ...] = ("Ada", "Ben")
           ) -> Iterator[Desk]:
    with open_desk(course, name, graders) as desk:
        yield desk


def browser_of(desk: Desk, name: str = "Ada", host: str = "127.0.0.1") -> Grader:
    app = create_app(desk, PORT, host)
    return Grader(TestClient(app, base_url=BASE, raise_server_exceptions=False), name)
