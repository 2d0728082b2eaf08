"""Sample submissions: uploads as students hand them in, from the sources and samples.toml.

A homework's zip holds all its exercises; where the samples.toml of one does not name a student,
that student has everything right in it. Where groups hand in, a sample is a group's, and its
notebook names the members; a roster for the samples is written where the course has none yet.
"""

from __future__ import annotations

import io
import tomllib
import zipfile
from pathlib import Path
from typing import Literal

import nbformat
from matplotlib.figure import Figure
from pydantic import BaseModel, ConfigDict

from autograder.course import Course, CourseError, Exercise
from autograder.exercise.edits import Change, Edit, apply, read_changes
from autograder.intake.owners import is_members_heading
from autograder.judge.work import Work
from autograder.suggest import did_you_mean
from autograder.validate import as_work, handed_in, skeleton

TIME = (2026, 11, 2, 12, 0, 0)  # every build of the samples gives the same bytes


class Sample(BaseModel):
    """One student: the solved exercise or its skeleton, with misconceptions or variants in it.

    `edits` are replacements of this sample alone, `append` adds text to files, `cells` adds code
    cells to the notebook, `drop` leaves files out; `members` are the names in a group's notebook;
    `raw` is the content of an upload that is no zip at all; `written` is what the written part
    says, or empty where none is handed in.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    id: str
    says: str
    start: Literal["reference", "skeleton"] = "reference"
    changes: list[str] = []
    edits: list[Edit] = []
    members: list[str] = []
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
    _write_roster(course, samples)
    for student in students:
        own = [(assignment, exercise, samples[exercise.name].get(
            student, Sample(id=student, says="everything right")))
            for assignment, exercise in exercises]
        for assignment in course.together(name):
            settings = course.assignment(assignment)
            upload = _notebook(own[0]) if settings.archive.endswith(".ipynb") else _zip(course, own)
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
    except (ValueError, RecursionError) as error:
        raise CourseError(f"samples.toml of {exercise.name}: {error}") from None
    return {sample.id: sample for sample in samples}


def fill_in(exercise: Exercise, sample: Sample) -> Work:
    """The exercise as the sample's student hands it in."""
    known = read_changes(exercise, "misconception") + read_changes(exercise, "variant")
    changes = {change.name: change for change in known}
    files = skeleton(exercise) if sample.start == "skeleton" else handed_in(exercise)
    for name in sample.changes:
        if name not in changes:
            meant = did_you_mean(name, changes)
            raise CourseError(f"samples.toml of {exercise.name}: no change is called {name}"
                              f"{f'; {meant}' if meant else '.'}")
        files = apply(changes[name], files)
    if sample.edits:
        files = apply(Change(name=sample.id, edits=sample.edits), files)
    for name, text in sample.append.items():
        files[name] = files[name] + text.encode()
    for name in sample.drop:
        files.pop(name, None)
    filled = as_work(exercise, files)
    filled.notebook.cells += [nbformat.v4.new_code_cell(source, id=f"own-{number}")
                              for number, source in enumerate(sample.cells)]
    for cell in filled.notebook.cells:
        if sample.members and is_members_heading(cell.source.partition("\n")[0]):
            cell.source = cell.source.rstrip(" -\n") + "".join(
                f"\n\n- {name}" for name in sample.members)
    return filled


def _write_roster(course: Course, samples: dict[str, dict[str, Sample]]) -> None:
    """Write who is in the samples' groups to the course's roster, unless there is one."""
    path = course.root / course.toml.course.roster
    groups = {sample.id: sample.members for known in samples.values() for sample in known.values()
              if sample.members}
    if groups and course.toml.course.roster and not path.exists():
        people = [f"{group}-{number},{name},{group}" for group, names in groups.items()
                  for number, name in enumerate(names, start=1)]
        path.write_text("\n".join(["id,name,group", *people]) + "\n", encoding="utf-8")


def _notebook(sample: tuple[str, Exercise, Sample]) -> bytes:
    """The notebook alone, where no zip is asked for."""
    _, exercise, filled = sample
    if filled.raw is not None:
        return filled.raw.encode()
    return nbformat.writes(fill_in(exercise, filled).notebook).encode()


def _zip(course: Course, samples: list[tuple[str, Exercise, Sample]]) -> bytes:
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
