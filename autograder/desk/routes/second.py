"""The second marking: draw a sample of what is graded, for others to grade blind."""

from __future__ import annotations

import secrets
from typing import Annotated

from pydantic import Field, StringConstraints
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from autograder.desk.routes.asking import About, Sent, posted
from autograder.desk.routes.question import BASE
from autograder.marking.values import MarkingError


class DrawSample(Sent):
    """How much is drawn, in percent, and for whom: names with commas between them."""

    percent: Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)]
    graders: Annotated[str, StringConstraints(max_length=2_000)]


@posted(DrawSample)
def draw(about: About, asked: DrawSample) -> Response:
    names = [name.strip() for name in asked.graders.split(",") if name.strip()]
    if not names:
        raise MarkingError("Somebody has to grade the sample: give a name.")
    about.desk.store.draw(about.question, asked.percent / 100, secrets.randbelow(2**31), names,
                          about.grader)
    return RedirectResponse("/agreement", 303)


ROUTES = [Route(f"{BASE}/draw", draw, methods=["POST"])]
