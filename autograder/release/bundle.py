"""What students receive of a homework, in one zip: checked, written, opened again and tried."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath

from autograder.course import Course
from autograder.kernel.scratch import Scratch
from autograder.release.check import broken, files_of, is_left_over, leaks_in
from autograder.release.versions import LENGTH

TIME = (1980, 1, 1, 0, 0, 0)  # the same files make the same zip, whenever and wherever
PROGRAMS = (".py", ".sh", ".ipynb")
SECONDS = 60  # for what students run that trains nothing
MISSING = re.compile(r"Problem: (\S+) is missing")


def contents(course: Course, names: Iterable[str]) -> dict[str, bytes]:
    """All that students receive of homeworks or assignments, by path, as it lies released."""
    assignments = list(dict.fromkeys(one for name in names for one in course.together(name)))
    files = {f"{assignment}/{name}": data for assignment in assignments
             for name, data in files_of(course, course.root / assignment).items()}
    settings = [course.assignment(assignment) for assignment in assignments]
    unneeded: list[str] = []
    if not any(one.written for one in settings):
        unneeded += course.matching(course.toml.release.written)
    if all(one.archive.endswith(".ipynb") for one in settings):  # there is nothing to pack
        unneeded.append(course.toml.release.collect)
    files |= {name: (course.root / name).read_bytes() for name in course.handout
              if name not in unneeded}
    return dict(sorted(files.items()))


def mode(name: str) -> int:
    """The Unix permissions of a file that is given out."""
    return 0o755 if name.endswith(".sh") else 0o644


def write_zip(course: Course, name: str, label: str = "") -> tuple[Path, list[str]]:
    """Write dist/NAME-VERSION.zip from what lies released; return where, and what is wrong.

    Where anything is wrong, no zip is written.
    """
    files = contents(course, [name])
    version = _version(files)
    target = course.dist / "-".join(part for part in (name, label, version) if part)
    target = target.with_name(f"{target.name}.zip")
    assignments = course.together(name)
    exercises = [exercise for one in assignments for exercise in course.exercises(one)]
    faults = [*leaks_in(exercises, files), *_unnamed(course, files)]
    if not faults:
        course.dist.mkdir(exist_ok=True)
        unfinished = target.with_name(f"{target.name}.part")
        _write(files, unfinished)
        faults = list(_tried(course, assignments, files, unfinished))
        if faults:
            unfinished.unlink()
        else:
            os.replace(unfinished, target)
    return target, faults


def _version(files: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256()
    for name, data in files.items():
        digest.update(name.encode() + b"\0" + data + b"\0")
    return digest.hexdigest()[:LENGTH]


def _write(files: Mapping[str, bytes], path: Path) -> None:
    """Write a zip; nothing is compressed, since not every zlib compresses to the same bytes."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name, TIME)
            entry.create_system = 3  # Unix, on whatever system it is made
            entry.external_attr = (0o100000 | mode(name)) << 16
            archive.writestr(entry, data)


def _unnamed(course: Course, files: Mapping[str, bytes]) -> Iterator[str]:
    """Files beside the assignments that the instructions speak of, and that are not given out."""
    instructions = course.toml.release.instructions
    text = files.get(instructions, b"").decode()
    for name in sorted(set(re.findall(r"[\w./-]*\w", text)) - {*files, *course.handout}):
        inside = PurePosixPath(name).parts[0] in course.toml.assignments
        if not inside and _is_ours(course, PurePosixPath(name)):
            yield f"{instructions} speaks of {name}, which students would not receive."


def _is_ours(course: Course, name: PurePosixPath) -> bool:
    """Whether a path is a file of the course, and not one that everybody makes on their machine.

    The latter are hidden files, a virtual environment under whatever name, data and models that
    are prepared, and what running the exercises leaves.
    """
    hidden = name.is_absolute() or any(part.startswith(".") for part in name.parts)
    if hidden or not (course.root / name).is_file():
        return False
    environment = any((course.root / folder / "pyvenv.cfg").is_file() for folder in name.parents)
    prepared = name.parts[0] == "data" and name.suffix not in PROGRAMS
    return not (environment or prepared or is_left_over(course, name))


def _tried(course: Course, assignments: list[str], files: Mapping[str, bytes], path: Path
           ) -> Iterator[str]:
    """What is wrong where a student unpacks the zip: what comes out, what runs, what is packed."""
    with Scratch() as folder:
        with zipfile.ZipFile(path) as archive:
            archive.extractall(folder)
        if files_of(course, folder) != files:
            yield f"{path.name} does not hold what was put into it."
            return
        for name, data in files.items():
            if name.endswith(".py"):
                yield from _misspelt(name, data)
        yield from _packed(course, assignments, folder)
        for assignment in assignments:
            yield from broken(course, assignment, folder / assignment)


def _misspelt(name: str, data: bytes) -> Iterator[str]:
    try:
        compile(data, name, "exec")
    except (SyntaxError, ValueError) as error:
        yield f"{name} is no Python: {error}"


def _packed(course: Course, assignments: list[str], folder: Path) -> Iterator[str]:
    """What the script for handing in misses, other than what students make themselves."""
    collect = course.toml.release.collect
    if not (folder / collect).is_file():
        return
    done = subprocess.run(["bash", collect], cwd=folder, capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=SECONDS)
    if done.returncode != 1 or "Problem: ID" not in done.stderr:
        yield (f"{collect} must ask for a student id before it packs anything; it ended with "
               f"{done.returncode}: {done.stderr.strip()[-200:]}")
    for name in map(PurePosixPath, MISSING.findall(done.stderr)):
        if name.parts[0] in assignments and not is_left_over(course, name):
            yield f"{collect} asks for {name}, which students do not receive."
