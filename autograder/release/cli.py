"""The command `autograder release`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from autograder.course import Course, CourseError
from autograder.terminal import CourseOption, say


def release(
    names: Annotated[list[str] | None, typer.Argument(
        help="Homeworks or assignments in course.toml; --repository alone takes all.")] = None,
    check: Annotated[bool, typer.Option(
        "--check", help="Write nothing; fail if what is released is stale, leaks or does not run.")
    ] = False,
    zipped: Annotated[bool, typer.Option(
        "--zip", help="Write dist/NAME-VERSION.zip: all that students receive, tried.")] = False,
    repository: Annotated[Path | None, typer.Option(
        help="Bring this folder, a git repository as a rule, to what is released.")] = None,
    version: Annotated[str, typer.Option(
        help="What people call what is given out now, such as 2026.1.")] = "",
    course: CourseOption = Path(),
) -> None:
    """Write what students receive, from the sources, through nbgrader's own converter.

    What --zip, --repository or --version gives out is recorded in releases/: submissions are
    compared with the version that they were made from.
    """
    found = Course.find(course)
    names = names or (found.names if repository else [])
    if not names:
        raise CourseError(f"Name what to release: {', '.join(found.names)}.")
    given_out = bool(zipped or repository or version)
    if check and given_out:
        raise CourseError("--check writes nothing; leave --zip, --repository and --version out.")
    assignments = list(dict.fromkeys(one for name in names for one in found.together(name)))
    if not check:
        _write(found, assignments, version)
    _look(found, assignments, run=not zipped)
    if zipped:
        _zip(found, names, version)
    if given_out:
        _record(found, assignments, version)
    if repository:
        _repository(found, names, repository)


def _write(course: Course, assignments: list[str], name: str) -> None:
    from autograder.release import build, versions

    for assignment in assignments:
        build.build(course, assignment)
        if name:
            versions.check_name(course, assignment, build.built_version(course, assignment), name)
    for assignment in assignments:
        folder = build.release(course, assignment)
        say(f"Released to {folder}: version {build.built_version(course, assignment)}")


def _look(course: Course, assignments: list[str], run: bool) -> None:
    from autograder.release.check import problems

    for assignment in assignments:
        _stop_at(problems(course, assignment, run))
        say(f"{assignment}: as the sources give it, nothing leaks"
            f"{', everything runs' if run else ''}.")


def _zip(course: Course, names: list[str], version: str) -> None:
    from autograder.release.bundle import write_zip

    for name in names:
        path, faults = write_zip(course, name, version)
        _stop_at(faults)
        say(f"{path}: everything runs where it is unpacked; it takes "
                      f"{path.stat().st_size / 1024:.0f} KiB")


def _repository(course: Course, names: list[str], folder: Path) -> None:
    from autograder.release.repository import write_repository

    changed = write_repository(course, names, folder)
    for verb, paths in (("written", changed.written), ("removed", changed.removed)):
        for path in paths:
            say(f"  {verb} {path}")
    for path in changed.overwritten:
        say(f"{path} had been changed by hand since the last release; it is written anew.",
            "yellow")
    for path in changed.left:
        say(f"{path} is no longer released, but was changed by hand: it is left where it is.",
            "yellow")
    if not changed.written and not changed.removed:
        say(f"{folder}: nothing has changed.")
    else:
        say(f"{folder}: look at it, then commit and push it.")
    if not course.toml.course.repository:
        say("There are no badges of Colab: they need `repository = \"OWNER/NAME\"` under "
            "[course] in course.toml.")


def _record(course: Course, assignments: list[str], name: str) -> None:
    from autograder.release.build import built_version
    from autograder.release.versions import give_out

    for assignment in assignments:
        kept = give_out(course, assignment, built_version(course, assignment), name)
        say(f"Recorded as {kept.folder}")
    say("Commit releases/: whoever grades needs it.")


def _stop_at(faults: Iterable[str]) -> None:
    faults = list(faults)
    for fault in faults:
        say(fault, "red")
    if faults:
        raise typer.Exit(1)
