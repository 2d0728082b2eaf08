"""Read a learning platform's download, or a plain folder, as one list of uploads.

A platform is a module here that ends with a Platform, and a name in PLATFORMS.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any

from autograder.course import Course, CourseError
from autograder.intake.archive import is_litter
from autograder.intake.platforms.canvas import CANVAS
from autograder.intake.platforms.moodle import MOODLE
from autograder.intake.platforms.upload import Download, Platform, Tree, Upload
from autograder.intake.platforms.zips import unpack
from autograder.table import Table

PLATFORMS = (MOODLE, CANVAS)


@contextmanager
def opened(course: Course, download: Path) -> Iterator[Download]:
    """Open a platform's zip, the folder that it unpacks to, or a plain folder.

    The files can be read for as long as this is open. Raises CourseError where there is no such
    folder, and where a zip is damaged or far too large.
    """
    if download.is_dir():
        yield _of_folder(course, download)
    elif zipfile.is_zipfile(download):
        course.build.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix="unpacked-", dir=course.build) as folder:
            tree, left_out = unpack(download, Path(folder))
            tree = _without_wrapping(course, tree)
            if _platform(course, {place.parts[0] for place in tree}):
                yield _of_platform(course, tree, download.parent, left_out)
            else:
                yield Download([Upload(file, place.name, str(place))
                                for place, file in tree.items() if len(place.parts) == 1], left_out)
    else:
        raise CourseError(f"There is no folder {download}. Name the folder that holds the uploads.")


def _of_folder(course: Course, folder: Path) -> Download:
    """Read a platform's download, several in a folder each, or a plain folder."""
    names = [path.name for path in folder.iterdir()]
    if _platform(course, names):
        return _of_one(course, folder)
    below = sorted(path for path in folder.iterdir() if path.is_dir() and not path.is_symlink()
                   and _platform(course, [inside.name for inside in path.iterdir()]))
    if below and all(path in below or path.suffix == ".csv" for path in folder.iterdir()
                     if not path.name.startswith(".")):
        found = {path.name: _of_one(course, path) for path in below}
        return Download([replace(upload, shown=f"{name}/{upload.shown}")
                         for name, one in found.items() for upload in one.uploads],
                        {f"{name}/{place}": why for name, one in found.items()
                         for place, why in one.left_out.items()})
    there = [path for path in folder.iterdir()
             if not path.name.startswith(".") and not is_litter(PurePosixPath(path.name))]
    plain = [path for path in there if path.is_file() or path.is_dir()]
    return Download([Upload.plain(path) for path in plain],
                    {path.name: "it is neither a file nor a folder" for path in there
                     if path not in plain})


def _of_one(course: Course, folder: Path) -> Download:
    """Read an unpacked download. Links are not followed: no platform makes any."""
    tree: Tree = {}
    left_out = {}
    for path in sorted(folder.rglob("*")):
        place = PurePosixPath(path.relative_to(folder))
        if path.is_symlink():
            left_out[str(place)] = "it is a link, which is not followed"
        elif path.is_file():
            tree[place] = path
    return _of_platform(course, tree, folder.parent, left_out)


def _platform(course: Course, names: Iterable[str]) -> Platform | None:
    """The platform from which a download with these names comes."""
    names = list(names)
    return next((one for one in PLATFORMS if one.is_download(course, names)), None)


def _of_platform(course: Course, tree: Tree, beside: Path, left_out: dict[str, str]
                 ) -> Download:
    """Read a platform's download, with the platform's own table of people.

    The table may be in the download or beside it. A file in the download that looks like one, and
    cannot be read as one, is left out with a reason.
    """
    names = list({place.parts[0] for place in tree})
    platform = _platform(course, names)
    assert platform is not None, "whoever calls this has seen that"
    tables = {place: tree.pop(place) for place in list(tree) if _may_be_a_table(place)}
    files = [*tables.values(), *(path for path in beside.glob("*.csv") if path.is_file())]
    table, read = _newest(files, lambda table: platform.read_table(course, table),
                          platform.numbers(names))
    odd = {str(place): f"it is no {platform.table}"
           for place, file in tables.items() if file not in read}
    return Download(platform.uploads(course, tree, table), left_out | odd)


def _may_be_a_table(place: PurePosixPath) -> bool:
    """Whether a file is the platform's or somebody's own, not one that a student uploaded."""
    return (len(place.parts) == 1 and place.suffix.lower() == ".csv"
            and not place.name.startswith(".")
            and not any(platform.entry.fullmatch(place.name) for platform in PLATFORMS))


def _newest(files: list[Path], read: Callable[[Table], Any], numbers: set[str]
            ) -> tuple[Any, set[Path]]:
    """The newest of the tables with some of these numbers, and the files that are tables."""
    found: dict[Path, Any] = {}
    for file in sorted(files, key=lambda file: file.stat().st_mtime):
        with suppress(CourseError, OSError):
            found[file] = read(Table.read(file))
    fitting = [one for one in found.values() if numbers & {who.number for who in one.people}]
    return fitting[-1] if fitting else None, set(found)


def _without_wrapping(course: Course, tree: Tree) -> Tree:
    """Remove the one folder around everything, which a zip that was packed again may have."""
    first = {place.parts[0] for place in tree}
    wrapped = len(first) == 1 and all(len(place.parts) > 1 for place in tree)
    if not wrapped or _platform(course, first):
        return tree
    return {PurePosixPath(*place.parts[1:]): file for place, file in tree.items()}
