"""course.toml as a whole: its tables (settings.py), and what must agree between them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, get_args

from pydantic import BaseModel, Field, model_validator

from autograder.late import Deadline, Extension, LateDays
from autograder.settings import (
    Assignment,
    CourseInfo,
    CrossfeedbackSettings,
    DeskSettings,
    FolderName,
    Homework,
    LimitSettings,
    ReleaseSettings,
    SandboxSettings,
    SimilaritySettings,
    Strict,
)
from autograder.suggest import did_you_mean

GROUP = r"[\w-]+"


class CourseToml(Strict):
    """The whole of course.toml."""

    course: CourseInfo
    limits: LimitSettings = LimitSettings()
    sandbox: SandboxSettings = SandboxSettings()
    similarity: SimilaritySettings = SimilaritySettings()
    crossfeedback: CrossfeedbackSettings = CrossfeedbackSettings()
    desk: DeskSettings = DeskSettings()
    release: ReleaseSettings = ReleaseSettings()
    assignments: dict[FolderName, Assignment]
    homeworks: dict[FolderName, Homework] = Field({})
    late: LateDays = LateDays()
    extensions: list[Extension] = Field([])

    @model_validator(mode="after")
    def _groups_have_a_roster(self) -> CourseToml:
        for name, assignment in self.assignments.items():
            if assignment.groups and not self.course.roster:
                raise ValueError(f"assignments.{name} is handed in by groups: name the file that "
                                 "holds them, `roster` in [course]")
        return self

    @model_validator(mode="after")
    def _homeworks_are_made_of_assignments(self) -> CourseToml:
        for name, homework in self.homeworks.items():
            unknown = sorted(set(homework.assignments) - set(self.assignments))
            if unknown:
                meant = did_you_mean(unknown[0], self.assignments)
                raise ValueError(f"homeworks.{name} names {', '.join(unknown)}, which is no "
                                 f"assignment{f'; {meant}' if meant else ''}")
            if name in self.assignments:
                raise ValueError(f"{name} is the name of a homework and of an assignment")
        return self

    @model_validator(mode="after")
    def _dates_agree(self) -> CourseToml:
        deadlines(self)
        return self


def keys_of(place: Iterable[str]) -> list[str]:
    """The keys that the table at `place`, a path of table names, may have."""
    model: type[BaseModel] = CourseToml
    for step in place:
        field = model.model_fields.get(step)
        model = next(_models(field.annotation), model) if field else model
    return list(model.model_fields)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models in a type annotation."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)


def deadlines(toml: CourseToml) -> dict[str, Deadline]:
    """The deadlines, by the name of a homework or of an assignment that is handed in by itself.

    Raises ValueError where course.toml's dates, extensions and waivers contradict each other.
    """
    _check_homeworks(toml)
    names = [*toml.homeworks, *(name for name in toml.assignments if not _homeworks(toml, name))]
    found = [_deadline(toml, name) for name in names]
    dated = {one.name: one for one in found if one is not None}
    for name in names:
        if name not in dated and _waivers(toml, name):
            raise ValueError(f"{name} has no due date, so there is no waiver of what being late "
                             "costs: give it a `due`, or take the waiver out")
    for extension in toml.extensions:
        if extension.assignment not in dated:
            raise ValueError(f"extensions: {_no_deadline(toml, extension.assignment)}")
    return dated


def _deadline(toml: CourseToml, name: str) -> Deadline | None:
    homework = toml.homeworks.get(name)
    members = tuple(homework.assignments if homework else [name])
    dues = {toml.assignments[member].due for member in members} - {None}
    groups = {toml.assignments[member].groups for member in members}
    if not dues:
        return None
    if len(dues) > 1:
        raise ValueError(f"{' and '.join(members)} are handed in together, as {name}: `due` must "
                         "be the same in all of them")
    if len(groups) > 1:
        raise ValueError(f"{' and '.join(members)} have one due date, as {name}, but not all of "
                         "them are handed in by groups")
    own = (homework or toml.assignments[name]).late
    (due,) = (one for one in dues if one)
    deadline = Deadline(name, members, due, toml.late.but(own), groups.pop(),
                        _extensions(toml, name), _waivers(toml, name))
    _check(toml, deadline)
    return deadline


def _check(toml: CourseToml, deadline: Deadline) -> None:
    """Raises ValueError for an extension or a waiver that cannot be meant so."""
    pattern = toml.course.student_id + (f"|{GROUP}" if deadline.groups else "")
    for student in (*deadline.extensions, *deadline.waivers):
        if not re.fullmatch(pattern, student):
            raise ValueError(f"extensions and waivers of {deadline.name}: {student!r} is no "
                             f"student's id; `student_id` expects {toml.course.student_id}")
    for student, extension in deadline.extensions.items():
        if extension.until <= deadline.due:
            raise ValueError(f"extensions: that of {student} ends {extension.until}, which is not "
                             f"after {deadline.name} is due ({deadline.due})")


def _extensions(toml: CourseToml, name: str) -> dict[str, Extension]:
    found: dict[str, Extension] = {}
    for one in toml.extensions:
        if one.assignment == name and found.setdefault(one.student, one) is not one:
            raise ValueError(f"extensions: {one.student} has two for {name}; leave one")
    return found


def _waivers(toml: CourseToml, name: str) -> dict[str, str]:
    """The reasons for taking nothing off for being late, by student."""
    waivers = (toml.homeworks.get(name) or toml.assignments[name]).waivers
    return {one.student: one.reason for one in reversed(waivers) if one.of == "late"}


def _check_homeworks(toml: CourseToml) -> None:
    """Raises ValueError for a setting of an assignment that belongs into its homework."""
    for name, assignment in toml.assignments.items():
        homes = _homeworks(toml, name)
        if homes and (assignment.late or assignment.waivers):
            raise ValueError(f"assignments.{name} is handed in with {homes[0]}: write its `late` "
                             f"and `waivers` in [homeworks.{homes[0]}]")
        if assignment.due and len(homes) > 1:
            raise ValueError(f"assignments.{name} has a due date and stands in {len(homes)} "
                             f"homeworks, {' and '.join(homes)}: late days would count twice")
        if any(waiver.of == "deduction" for waiver in assignment.waivers):
            raise ValueError(f"assignments.{name} has no deduction that could be taken back: "
                             'waivers there need of = "late"')


def _homeworks(toml: CourseToml, assignment: str) -> list[str]:
    return [name for name, homework in toml.homeworks.items() if assignment in homework.assignments]


def _no_deadline(toml: CourseToml, name: str) -> str:
    if name in toml.assignments and (homes := _homeworks(toml, name)):
        return f"{name} is handed in with {homes[0]}: name that"
    if name in toml.assignments or name in toml.homeworks:
        return f"{name} has no due date that could be extended"
    known = [*toml.homeworks, *toml.assignments]
    meant = did_you_mean(name, known)
    there = f"{meant} There" if meant else "there"
    return f"{name} is no homework and no assignment; {there} are: {', '.join(known)}"
