"""What all routes share: who asks, for which question, and how the answer is written."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from autograder.desk.answers import WrittenAnswer
from autograder.desk.cards import Board, Card
from autograder.desk.content import addressed, show
from autograder.desk.questions import Question
from autograder.desk.security import Session
from autograder.desk.state import Desk, Unknown
from autograder.marking.second import SecondMark
from autograder.marking.values import Item, Mark, State

TEMPLATES = Environment(loader=FileSystemLoader(Path(__file__).parents[1] / "templates"),
                        autoescape=True, trim_blocks=True, lstrip_blocks=True,
                        undefined=StrictUndefined)
SIGNS = {"adds": "+", "takes": "−", "caps": "≤ "}
MOST_OWNERS = 5_000  # of one group


class Sent(BaseModel):
    """What a page sends; in a form, the fields in `many` may stand several times."""

    model_config = ConfigDict(extra="forbid", strict=True)
    many: ClassVar[frozenset[str]] = frozenset()


class SeenAnswer(Sent):
    """An answer as the page showed it."""

    key: str = Field(max_length=40)
    digest: str = Field(max_length=80)
    version: int


class About:
    """One request: the desk, who asks, and the question that it is about, if it is about one."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.desk: Desk = request.app.state.desk
        self.session: Session = request.scope["session"]
        self._words: dict[tuple[str, str], dict[int, str]] = {}
        path = request.path_params
        if "grade_id" in path:
            self.question = self.desk.question(path["assignment"], path["grade_id"])

    question: Question

    @property
    def grader(self) -> str:
        return self.session.grader

    @property
    def base(self) -> str:
        """The beginning of all addresses of the question."""
        return f"/q/{self.question.assignment}/{self.question.grade_id}"

    @functools.cached_property
    def second(self) -> bool:
        """Whether this is the second marking, which is blind."""
        return self.request.query_params.get("second") == "1"

    @functools.cached_property
    def board(self) -> Board:
        board = self.desk.board(self.question)
        if not self.second:
            return board
        mine = {one.owner for one in self.desk.store.second_marks(self.question)
                if one.grader == self.grader}
        return board.only(mine)

    @functools.cached_property
    def items(self) -> list[Item]:
        """The question's items that are in use."""
        return [one for one in self.desk.store.items(self.question) if not one.retired]

    def item_words(self, question: Question) -> dict[int, str]:
        """The words of a question's items, retired ones too, by their ids."""
        if question.key not in self._words:
            self._words[question.key] = {one.id: one.text
                                         for one in self.desk.store.items(question)}
        return self._words[question.key]

    @functools.cached_property
    def marks(self) -> dict[str, Mark]:
        """What the answers were given; in the second marking, what they were given there."""
        if not self.second:
            return self.desk.marks(self.question)
        answers = self.desk.answers(self.question)
        return {one.owner: as_mark(one, answers.get(one.owner))
                for one in self.desk.store.second_marks(self.question)
                if one.grader == self.grader and one.points is not None}

    @functools.cached_property
    def shares(self) -> Mapping[str, str]:
        """Whose each answer is where the question is divided; empty where it is everybody's."""
        return {} if self.second else self.desk.shares(self.question)

    def forget(self) -> None:
        """What was read is read anew from now on: something has changed."""
        for name in ("marks", "items", "board", "answers", "shares"):
            self.__dict__.pop(name, None)

    @functools.cached_property
    def answers(self) -> Mapping[str, WrittenAnswer]:
        return self.desk.answers(self.question)

    def owner(self, key: str) -> str:
        try:
            return self.board.owners[key]
        except KeyError:
            raise Unknown("This answer is no longer there: its submission was removed or "
                          "replaced. Load the page again; what others have stays.") from None

    def card(self, key: str) -> Card:
        return self.board.by_owner[self.owner(key)]

    def render(self, template: str, **values: Any) -> str:
        return TEMPLATES.get_template(template).render(
            desk=self.desk, session=self.session, names=self.session.names, **values)

    def page(self, template: str, **values: Any) -> Response:
        return HTMLResponse(self.render(template, **values))


def as_mark(second: SecondMark, answer: WrittenAnswer | None) -> Mark:
    """A second mark in the form of a first one; "changed" where it is of another text."""
    state: State = "graded" if answer is None or answer.digest == second.digest else "changed"
    return Mark(second.owner, second.item_ids, second.adjustment, "", second.points, second.grader,
                second.digest, 0, state)


def got(function: Callable[[About], Response]) -> Callable[[Request], Any]:
    """A route for GET; what it reads blocks, so it runs in a thread."""
    @functools.wraps(function)
    async def route(request: Request) -> Response:
        return await run_in_threadpool(lambda: function(About(request)))
    return route


def posted(form: type[Sent]) -> Callable[[Callable[[About, Any], Any]], Callable[[Request], Any]]:
    """A route for POST, which takes JSON, or a form of htmx, and answers in JSON or with a page."""
    def wrap(function: Callable[[About, Any], Any]) -> Callable[[Request], Any]:
        @functools.wraps(function)
        async def route(request: Request) -> Response:
            if request.headers.get("content-type", "").startswith("application/json"):
                data = form.model_validate_json(await request.body())
            else:
                async with request.form(max_files=0, max_fields=100) as fields:
                    sent = {name: fields.getlist(name) if name in form.many else value
                            for name, value in fields.items()}
                data = form.model_validate(sent, strict=False)
            answer = await run_in_threadpool(lambda: function(About(request), data))
            return answer if isinstance(answer, Response) else JSONResponse(answer)
        return route
    return wrap


@functools.lru_cache(maxsize=2048)
def markdown(text: str) -> str:
    """Words of staff as HTML: of a rubric, a question."""
    return addressed(show(text), "")


@functools.lru_cache(maxsize=2048)
def one_line(text: str) -> str:
    """The same without the paragraph around it."""
    found = markdown(text).strip()
    if found.startswith("<p>") and found.endswith("</p>") and found.count("<p>") == 1:
        return found[3:-4]
    return found


def number(value: float | None) -> str:
    """Points as people write them."""
    return "–" if value is None else f"{value:.6f}".rstrip("0").rstrip(".").replace("-", "−")


def worth(item: Item) -> str:
    return f"{SIGNS[item.kind]}{number(item.points)}"
