"""Sample submissions: zips as students hand them in, made from the sources and samples.toml."""

from __future__ import annotations

import io
import tomllib
import zipfile
from pathlib import Path
from typing import Literal

import nbformat
from pydantic import BaseModel, ConfigDict

from autograder.course import Course, CourseError, Exercise
from autograder.judge.edits import apply, read_changes
from autograder.judge.work import Work
from autograder.validate import work

TIME = (2026, 11, 2, 12, 0, 0)  # every build of the samples gives the same bytes


class Sample(BaseModel):
    """One student: the solved exercise or its skeleton, with misconceptions or variants in it.

    `append` adds text to files, `cells` adds code cells to the notebook, `drop` leaves files out;
    `raw` is the content of an upload that is no zip at all.
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


def write_samples(course: Course, assignment: str, folder: Path) -> list[Sample]:
    """Write a zip for each sample of the assignment's exercises to `folder`."""
    (exercise, *others) = course.exercises(assignment)
    if others:
        raise CourseError(f"{assignment} has several exercises; samples are made for one.")
    folder.mkdir(parents=True, exist_ok=True)
    samples = read_samples(exercise)
    for sample in samples:
        name = course.assignment(assignment).archive.format(id=sample.id)
        (folder / name).write_bytes(_upload(
            exercise, assignment, sample, course.assignment(assignment).student_files))
    return samples


def read_samples(exercise: Exercise) -> list[Sample]:
    """Read an exercise's samples.toml."""
    entries = tomllib.loads((exercise.folder / "samples.toml").read_text())["sample"]
    return [Sample.model_validate(entry) for entry in entries]


def fill_in(exercise: Exercise, sample: Sample) -> Work:
    """The exercise as the sample's student hands it in."""
    filled = work(exercise, sample.start, sample.start)
    files = dict(filled.files)
    known = read_changes(exercise, "misconception") + read_changes(exercise, "variant")
    changes = {change.name: change for change in known}
    for name in sample.changes:
        if name not in changes:
            raise CourseError(f"samples.toml of {exercise.name}: no change is called {name}.")
        files = apply(changes[name], files)
    for name, text in sample.append.items():
        files[name] = files[name] + text.encode()
    for name in sample.drop:
        files.pop(name, None)
    filled.notebook.cells += [nbformat.v4.new_code_cell(source, id=f"own-{number}")
                              for number, source in enumerate(sample.cells)]
    return Work(exercise.name, filled.notebook, files)


def _upload(exercise: Exercise, assignment: str, sample: Sample, student_files: list[str]
            ) -> bytes:
    if sample.raw is not None:
        return sample.raw.encode()
    filled = fill_in(exercise, sample)
    files = {name: data for name, data in filled.files.items() if name in student_files}
    files[f"{exercise.name}.ipynb"] = nbformat.writes(filled.notebook).encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(f"{assignment}/{name}", TIME), data)
    return buffer.getvalue()
