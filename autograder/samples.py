"""Sample submissions: zips as students hand them in, from the sources and samples.toml.

A homework's zip holds all its exercises; where the samples.toml of one does not name a student,
that student has everything right in it.
"""

from __future__ import annotations

import io
import tomllib
import zipfile
from pathlib import Path
from typing import Literal

import nbformat
from matplotlib.figure import Figure
from pydantic import BaseModel, ConfigDict, ValidationError

from autograder.course import Course, CourseError, Exercise
from autograder.judge.edits import apply, read_changes
from autograder.judge.work import Work
from autograder.validate import as_work, handed_in, skeleton

TIME = (2026, 11, 2, 12, 0, 0)  # every build of the samples gives the same bytes


class Sample(BaseModel):
    """One student: the solved exercise or its skeleton, with misconceptions or variants in it.

    `append` adds text to files, `cells` adds code cells to the notebook, `drop` leaves files out;
    `raw` is the content of an upload that is no zip at all; `written` is what the written part
    says, or empty where none is handed in.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    id: str
    says: str
    start: Literal["reference", "skeleton"] = "reference"
    changes: list[str] = []
    append: dict[str, str] = {}
    cells: list[str] = []
    drop: list[str] = []
    raw: str | None = None
    written: str = "Both curves fall, and stay close to each other."


def write_samples(course: Course, name: str, folder: Path) -> list[str]:
    """Write what each sample student hands in of a homework or assignment; return the ids.

    Raises CourseError where no exercise has samples, or one of them is not as it must be.
    """
    exercises = [(assignment, exercise) for assignment in course.together(name)
                 for exercise in course.exercises(assignment)]
    samples = {exercise.name: read_samples(exercise) for _, exercise in exercises}
    students = sorted({student for known in samples.values() for student in known})
    if not students:
        raise CourseError(f"No exercise of {name} has a samples.toml.")
    folder.mkdir(parents=True, exist_ok=True)
    for student in students:
        own = [(assignment, exercise, samples[exercise.name].get(
            student, Sample(id=student, says="everything right")))
            for assignment, exercise in exercises]
        upload = _upload(course, own)
        for assignment in course.together(name):
            settings = course.assignment(assignment)
            (folder / settings.archive.format(id=student)).write_bytes(upload)
            text = next(sample.written for one, _, sample in own if one == assignment)
            if settings.written and text:
                (folder / settings.written.format(id=student)).write_bytes(_written(text))
    return students


def read_samples(exercise: Exercise) -> dict[str, Sample]:
    """An exercise's samples.toml, by student; empty where there is none."""
    path = exercise.folder / "samples.toml"
    if not path.is_file():
        return {}
    try:
        entries = tomllib.loads(path.read_text()).get("sample", [])
        samples = [Sample.model_validate(entry) for entry in entries]
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise CourseError(f"samples.toml of {exercise.name}: {error}") from None
    return {sample.id: sample for sample in samples}


def fill_in(exercise: Exercise, sample: Sample) -> Work:
    """The exercise as the sample's student hands it in."""
    known = read_changes(exercise, "misconception") + read_changes(exercise, "variant")
    changes = {change.name: change for change in known}
    files = skeleton(exercise) if sample.start == "skeleton" else handed_in(exercise)
    for name in sample.changes:
        if name not in changes:
            raise CourseError(f"samples.toml of {exercise.name}: no change is called {name}.")
        files = apply(changes[name], files)
    for name, text in sample.append.items():
        files[name] = files[name] + text.encode()
    for name in sample.drop:
        files.pop(name, None)
    filled = as_work(exercise, files)
    filled.notebook.cells += [nbformat.v4.new_code_cell(source, id=f"own-{number}")
                              for number, source in enumerate(sample.cells)]
    return filled


def _upload(course: Course, samples: list[tuple[str, Exercise, Sample]]) -> bytes:
    """The student's zip: a folder an assignment."""
    raw = next((sample.raw for *_, sample in samples if sample.raw is not None), None)
    if raw is not None:
        return raw.encode()
    files: dict[str, bytes] = {}
    for assignment, exercise, sample in samples:
        filled = fill_in(exercise, sample)
        wanted = course.assignment(assignment).student_files
        files |= {f"{assignment}/{name}": data for name, data in filled.files.items()
                  if name in wanted}
        files[f"{assignment}/{exercise.name}.ipynb"] = nbformat.writes(filled.notebook).encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(path, TIME), data, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _written(text: str) -> bytes:
    """A written part of one page, as a PDF."""
    figure = Figure(figsize=(8.27, 11.69))
    figure.text(0.1, 0.9, "Written part", fontsize=16)
    figure.text(0.1, 0.86, text, fontsize=11, verticalalignment="top", wrap=True)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="pdf", metadata={"CreationDate": None})
    return buffer.getvalue()
