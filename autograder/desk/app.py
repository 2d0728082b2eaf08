"""The grading desk as an ASGI application: routes, the guard before them, and errors as sentences.
"""

from __future__ import annotations

import logging
from pathlib import Path

import jupyter_server_mathjax
from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from autograder.course import CourseError
from autograder.desk.answers import NotebookGone
from autograder.desk.routes import giving, items, overview, question, second, shares
from autograder.desk.security import Guard, sentence_page
from autograder.desk.state import Desk, Unknown
from autograder.marking.values import Conflict, MarkingError, Unavailable

LOG = logging.getLogger(__name__)
STATIC = Path(__file__).parent / "static"
MATHJAX = Path(jupyter_server_mathjax.__file__).parent / "static"


def create_app(desk: Desk, port: int, host: str = "127.0.0.1") -> Starlette:
    """The application that serves one desk."""
    app = Starlette(
        routes=[*overview.ROUTES, *question.ROUTES, *giving.ROUTES, *items.ROUTES, *second.ROUTES,
                *shares.ROUTES, Mount("/static", Cached(directory=STATIC)),
                Mount("/mathjax", Cached(directory=MATHJAX))],
        middleware=[Middleware(Guard, sessions=desk.sessions, port=port, host=host)],
        exception_handlers={kind: refused for kind in (
            CourseError, Unknown, SQLAlchemyError, ValidationError, OSError,
            ClientDisconnect, HTTPException, 500)})
    app.state.desk = desk
    return app


class Cached(StaticFiles):
    """Files that change only with the kit: a browser asks again whether they did."""

    def file_response(self, *args: object, **kwargs: object) -> Response:
        answer = super().file_response(*args, **kwargs)  # type: ignore[arg-type]
        answer.headers["Cache-Control"] = "no-cache"
        return answer


def refused(request: Request, error: Exception) -> Response:
    """What went wrong, in a sentence: as JSON, as text for htmx, or as a page."""
    status, sentence = _told(error)
    if isinstance(error, SQLAlchemyError):  # a mistake of ours; the database's own are Unavailable
        LOG.error("%s %s", request.method, request.url.path, exc_info=error)
    session = request.scope.get("session")
    if isinstance(error, MarkingError | NotebookGone) and session is not None and not session.names:
        path = request.path_params
        sentence = request.app.state.desk.without_names(
            sentence, path.get("assignment", ""), path.get("grade_id", ""))
    if request.headers.get("content-type", "").startswith("application/json"):
        return JSONResponse({"said": sentence}, status)
    if "hx-request" in request.headers or request.method != "GET" or "/card/" in request.url.path:
        return PlainTextResponse(sentence, status)
    return sentence_page(status, sentence)


def _told(error: Exception) -> tuple[int, str]:
    match error:
        case Conflict():
            return 409, str(error)
        case Unavailable() | SQLAlchemyError():
            return 503, (str(error) if isinstance(error, Unavailable) else
                         "The gradebook cannot be used now. What you chose is kept: try again.")
        case CourseError():
            return 400, str(error)
        case Unknown():
            return 404, str(error.args[0])
        case ValidationError():
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(map(str, first["loc"]))
            return 422, f"That cannot be taken{f', {where}' if where else ''}: {first['msg']}."
        case HTTPException():
            return error.status_code, ("There is no such page." if error.status_code == 404
                                       else f"The desk cannot do that ({error.detail}).")
        case ClientDisconnect():
            return 413, "That is more than the desk takes at once."
        case OSError():
            return 503, (f"A file cannot be read ({error.strerror or error}). What you chose is "
                         "kept: try again.")
        case _:
            return 500, ("The desk met an error of its own, which its terminal shows. What was "
                         "saved stays.")
