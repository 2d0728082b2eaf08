"""A feedback page as one HTML file: no script, nothing from elsewhere, all text escaped."""

from __future__ import annotations

import base64
import functools
import hashlib
import re
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup, escape

from autograder.report.feedback.language import number, translations
from autograder.report.feedback.view import FeedbackPage
from autograder.settings import Language
from autograder.text import printable

HERE = Path(__file__).parent
TEMPLATE, STYLE = "page.html.jinja", "page.css"
BACKTICKS = re.compile(r"`([^`\n]+)`")


def render(page: FeedbackPage, language: Language, made_from: str = "") -> str:
    """The page in a language. `made_from` is kept in it, for who asks whether it is up to date."""
    return printable(_template(language).render(
        page=page, language=language, made_from=made_from, css=Markup(_style()),
        css_hash=_hash(_style())))


@functools.cache
def _style() -> str:
    return (HERE / STYLE).read_text(encoding="utf-8")


@functools.cache
def _hash(style: str) -> str:
    """What the page's own security policy knows its style by; no other style applies."""
    return "sha256-" + base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()


@functools.cache
def _template(language: Language) -> Template:
    environment = Environment(loader=FileSystemLoader(HERE), autoescape=True, trim_blocks=True,
                              lstrip_blocks=True, undefined=StrictUndefined,
                              extensions=["jinja2.ext.i18n"])
    environment.install_gettext_translations(  # type: ignore[attr-defined]
        translations(language), newstyle=True)
    environment.filters["number"] = lambda value: number(value, language)
    environment.filters["prose"] = prose
    return environment.get_template(TEMPLATE)


def prose(text: str) -> Markup:
    """A sentence as HTML: escaped, with `names` in backticks as code."""
    return Markup(BACKTICKS.sub(r"<code>\1</code>", str(escape(text))))
