"""The class report as one file: no other is loaded, and nothing that students wrote can run."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from autograder.files import write_page
from autograder.report.class_report import plots, statistics
from autograder.report.class_report.data import gather
from autograder.report.class_report.view import ClassReport, class_report
from autograder.report.read import CourseResults

HERE = Path(__file__).parent
COMMON = 12  # misconceptions that are not folded away


def write(results: CourseResults, name: str, anonymous: bool, now: datetime | None = None) -> Path:
    """Write the report on NAME to report/; return where it lies.

    Raises CourseError where nothing is graded yet.
    """
    course = results.course
    path = course.grading / "report" / f"{name}{'-anonymous' if anonymous else ''}.html"
    report = class_report(course, gather(results, name), anonymous)
    page = render(report, now or datetime.now(UTC))
    write_page(path, page)
    return path


def render(report: ClassReport, now: datetime) -> str:
    """The page's HTML."""
    environment = Environment(loader=FileSystemLoader(HERE), autoescape=True, trim_blocks=True,
                              lstrip_blocks=True, undefined=StrictUndefined)
    environment.filters |= {"points": _points, "decimals": _decimals, "percent": _percent,
                            "seconds": _seconds, "code": _code}
    style, script = ((HERE / name).read_text() for name in ("page.css", "page.js"))
    return environment.get_template("page.html.j2").render(
        report=report, now=now, statistics=statistics, plots=plots, COMMON=COMMON,
        style=Markup(style), script=Markup(script), hashes=[_hash(style), _hash(script)],
        totals=report.totals and plots.histogram(report.totals, report.who, "points"),
        scatter=plots.scatter(report.analysis.items),
        seconds=report.times.seconds and plots.histogram(
            report.times.seconds, "submissions", "seconds"))


def _hash(text: str) -> str:
    """What a content security policy knows the page's own style and script by."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _points(value: float | None) -> str:
    return "–" if value is None else f"{round(value, 2):g}"


def _decimals(value: float | None, unknown: str = "–") -> str:
    """Two decimals, with a true minus sign."""
    return unknown if value is None else f"{value:.2f}".replace("-", "\N{MINUS SIGN}")


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.0%}"


def _seconds(value: float) -> str:
    """A time as people say it."""
    if value < 120:
        return f"{value:.3g} s"
    minutes = value / 60
    return f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.1f} h"


def _code(text: str) -> Markup:
    """Text with `names` in backticks as HTML's code; all else is escaped."""
    pieces = text.split("`")
    if len(pieces) % 2 == 0:
        return Markup.escape(text)
    return Markup("").join(Markup("<code>{}</code>").format(piece) if number % 2 else piece
                           for number, piece in enumerate(pieces))
