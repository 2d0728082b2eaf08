"""To Canvas: the exported gradebook with one assignment's grades, as its import takes it.

Only the columns that identify students stay, and the assignment's own: what is not in the file, an
import does not touch. Cells go back as they came.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

from autograder.course import Course, CourseError
from autograder.intake.platforms.canvas import OF_STUDENT, TEST_STUDENT, Gradebook
from autograder.intake.platforms.upload import same_name
from autograder.report.export.result import (
    StudentResult,
    Trouble,
    above_maximum,
    matched,
    unmatched,
)
from autograder.report.read import CourseResults
from autograder.table import Table

KEPT = {"EX": "is excused in Canvas, and stays so", "N/A": "is not assigned this in Canvas"}


def export(results: CourseResults, name: str, out: list[StudentResult], reported: Collection[str],
           gradebook: Path, column: str, folder: Path) -> list[Trouble]:
    """Write the gradebook below `folder`; return whose grade does not reach Canvas.

    `column` is the assignment's heading; without it, the one is taken that holds the homework's
    name or title. `reported` are students whose missing grade is reported already. Raises
    CourseError where no column or several fit, or where the points that can be had differ from the
    course's.
    """
    book = Gradebook.of(Table.read(gradebook))
    place = _column(results.course, name, book, column)
    possible = book.points_possible(place)
    for most in {result.max_points for result in out}:
        if re.fullmatch(r"[\d.,]+", possible) and float(possible.replace(",", ".")) != most:
            raise CourseError(f"{gradebook}: {book.table.header[place]} has {possible} points "
                              f"possible, and in the course it has {most:g}. Set that in Canvas's "
                              "assignment, then export the gradebook again.")
    found = matched(results, name, book.people)
    by_student = {result.student: result for result in out}
    troubles = unmatched(out, found, gradebook.name)
    for person in book.people:
        result = by_student.get(found.get(person, ""))
        before = book.table.value(person.row, place).strip().upper()
        if result is None:
            if not same_name(person.name, TEST_STUDENT) and found.get(person) not in reported:
                troubles.append(Trouble(str(person), "stands in the gradebook, and has no grade"))
        elif before in KEPT:
            troubles.append(Trouble(str(person), f"has a grade, and {KEPT[before]}"))
        else:
            troubles += above_maximum(str(person), result.points, result.max_points, "Canvas")
            book.table.put(person.row, place, f"{result.points:.2f}")
    _keep(book.table, [n for n, heading in enumerate(book.table.header)
                       if heading in OF_STUDENT or n == place])
    folder.mkdir(parents=True, exist_ok=True)
    book.table.write(folder / gradebook.name)
    return troubles


def _column(course: Course, name: str, book: Gradebook, wanted: str) -> int:
    """The assignment's column: its heading is its title with Canvas's number in brackets."""
    settings = course.toml.homeworks.get(name) or course.assignment(name)
    headings = {n: heading for n, heading in enumerate(book.table.header)
                if heading not in OF_STUDENT}
    titles = {n: re.sub(r"\s*\(\d+\)$", "", heading).casefold() for n, heading in headings.items()}
    if wanted:
        fits = [n for n, heading in headings.items() if wanted in (heading, titles[n])]
        fits = fits or [n for n, title in titles.items() if title == wanted.casefold()]
    else:
        fits = [n for n, title in titles.items()
                if title in (name.casefold(), settings.title.casefold())]
    if len(fits) != 1:
        raise CourseError(f"{book.table.path}: {'no column is' if not fits else 'several are'} "
                          f"called {wanted or name}. Name one with --column: "
                          f"{', '.join(headings.values())}.")
    return fits[0]


def _keep(table: Table, columns: list[int]) -> None:
    """Keep these columns of every line that has several, be there anything in it or not."""
    for row in table.rows:
        if len(row) > 1:
            row[:] = [row[n] if n < len(row) else "" for n in columns]
