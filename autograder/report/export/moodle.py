"""To Moodle: the grading worksheet with grades, and a zip of feedback files.

The worksheet goes back byte by byte as it came, but for Grade and an empty Feedback comments. The
zip has a folder for each participant, named as in "Download all submissions", whose number Moodle's
"Upload multiple feedback files in a zip" reads.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Collection, Iterable
from pathlib import Path

from autograder.course import CourseError
from autograder.files import replacing
from autograder.intake.platforms.moodle import BLIND, Worksheet
from autograder.intake.platforms.upload import Person
from autograder.report.export.result import (
    StudentResult,
    Trouble,
    above_maximum,
    matched,
    unmatched,
)
from autograder.report.read import CourseResults
from autograder.table import Table

FEEDBACK = "feedback.zip"


def export(results: CourseResults, name: str, out: list[StudentResult], reported: Collection[str],
           worksheet: Path, folder: Path) -> list[Trouble]:
    """Write the worksheet and the zip below `folder`; return whose grade does not reach Moodle.

    `reported` are students whose missing grade is reported already. Raises CourseError where
    the worksheet is none, grades by a scale, or has another maximum grade than the course.
    """
    sheet = Worksheet.of(Table.read(worksheet), results.course.zone)
    if sheet.table.column("Scale") is not None:
        raise CourseError(f"{worksheet} grades by a scale, and the course by points. Set the type "
                          "of grade in Moodle's assignment to Point, then download it again.")
    found = matched(results, name, sheet.people)
    by_student = {result.student: result for result in out}
    troubles = unmatched(out, found, worksheet.name)
    graded: list[tuple[Person, StudentResult]] = []
    for person in sheet.people:
        result = by_student.get(found.get(person, ""))
        if result is None:
            if found.get(person) not in reported:
                troubles.append(Trouble(str(person), "stands on the worksheet, and has no grade"))
            continue
        if sheet.table.value(person.row, sheet.changeable).strip().casefold() == "no":
            troubles.append(Trouble(str(person), "has a grade that Moodle says cannot be changed"))
        most = _number(sheet.table.value(person.row, sheet.most).strip())
        troubles += above_maximum(str(person), result.points,
                                  result.max_points if most is None else most, "Moodle")
        _fill(sheet, person, result)
        graded.append((person, result))
    folder.mkdir(parents=True, exist_ok=True)
    sheet.table.write(folder / worksheet.name)
    _zip(folder / FEEDBACK, graded)
    return troubles


def _fill(sheet: Worksheet, person: Person, result: StudentResult) -> None:
    most = sheet.table.value(person.row, sheet.most).strip()
    comma = "," in most
    if most and _number(most) not in (None, result.max_points):
        raise CourseError(f"{sheet.table.path}: the maximum grade is {most}, and in the course it "
                          f"is {result.max_points:g}. Set it in Moodle's assignment, then download "
                          "the worksheet again.")
    grade = f"{result.points:.2f}"
    sheet.table.put(person.row, sheet.grade, grade.replace(".", ",") if comma else grade)
    if sheet.comments is not None and not sheet.table.value(person.row, sheet.comments).strip():
        sheet.table.put(person.row, sheet.comments, _comment(result))


def _comment(result: StudentResult) -> str:
    """A short text; all the rest is in the feedback file."""
    so_far = f" so far; still to be graded by hand: {', '.join(result.waiting)}" * bool(
        result.waiting)
    return (f"{result.points:g} of {result.max_points:g} points{so_far}."
            + " The feedback file tells why." * bool(result.pages))


def _number(text: str) -> float | None:
    try:
        return float(text.replace(",", "."))
    except ValueError:
        return None


def _zip(path: Path, graded: Iterable[tuple[Person, StudentResult]]) -> None:
    with replacing(path) as partial, zipfile.ZipFile(
            partial, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as archive:
        for person, result in graded:
            name = re.sub(r"[\W_]+", " ", person.name).strip() or BLIND
            for page, file in result.pages:
                archive.write(file, f"{name}_{person.number}_assignsubmission_file_/{page}")
