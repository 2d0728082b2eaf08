"""What a learning platform gives to download, or a plain folder, as one list of uploads."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from autograder.course import Course, CourseError
from autograder.intake.platforms import canvas, moodle
from autograder.intake.platforms.table import Table
from autograder.intake.platforms.upload import Download, Tree, Upload
from autograder.intake.platforms.zips import unpack


@contextmanager
def opened(course: Course, download: Path) -> Iterator[Download]:
    """The uploads of a platform's zip, of the folder that it unpacks to, or of a plain folder.

    Their files can be read for as long as this is open. Raises CourseError where there is no such
    folder, and where a zip is damaged or far too large.
    """
    if download.is_dir():
        yield _of_folder(course, download)
    elif zipfile.is_zipfile(download):
        course.build.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix="unpacked-", dir=course.build) as folder:
            tree, left_out = unpack(download, Path(folder))
            tree = _without_wrapping(course, tree)
            uploads = _of_platform(course, tree, download.parent)
            yield Download(uploads or [
                Upload(file, place.name, str(place)) for place, file in tree.items()
                if len(place.parts) == 1], left_out)
    else:
        raise CourseError(f"There is no folder {download}. Name the folder that holds the uploads.")


def _of_folder(course: Course, folder: Path) -> Download:
    """A platform's download; several, a folder each, side by side; or a plain folder."""
    names = [path.name for path in folder.iterdir()]
    if _is_platforms(course, names):
        return _of_one(course, folder)
    below = sorted(path for path in folder.iterdir() if path.is_dir() and not path.is_symlink()
                   and _is_platforms(course, [inside.name for inside in path.iterdir()]))
    if below and all(path in below or path.suffix == ".csv" for path in folder.iterdir()
                     if not path.name.startswith(".")):
        found = {path.name: _of_one(course, path) for path in below}
        return Download([replace(upload, shown=f"{name}/{upload.shown}")
                         for name, one in found.items() for upload in one.uploads],
                        {f"{name}/{place}": why for name, one in found.items()
                         for place, why in one.left_out.items()})
    return Download([Upload.plain(path) for path in folder.iterdir() if path.is_file()], {})


def _of_one(course: Course, folder: Path) -> Download:
    """A platform's download, unpacked by somebody. Links are not followed: no platform makes any.
    """
    tree: Tree = {}
    left_out = {}
    for path in sorted(folder.rglob("*")):
        place = PurePosixPath(path.relative_to(folder))
        if path.is_symlink():
            left_out[str(place)] = "it is a link, which is not followed"
        elif path.is_file():
            tree[place] = path
    return Download(_of_platform(course, tree, folder.parent), left_out)


def _is_platforms(course: Course, names: Iterable[str]) -> bool:
    names = list(names)
    return moodle.is_download(names) or canvas.is_download(names, course.toml.course.student_id)


def _of_platform(course: Course, tree: Tree, beside: Path) -> list[Upload]:
    """The uploads of Moodle's or of Canvas's download; none where it is neither's.

    The platform's own table may lie in the download or beside it; of several, the newest counts.
    """
    names = list({place.parts[0] for place in tree})
    student_id = course.toml.course.student_id
    if moodle.is_download(names):
        tables = list(_tables(tree, beside, "identifier"))
        worksheets = [moodle.Worksheet.of(table, course.zone) for table in tables]
        numbers = moodle.participants(names)
        fitting = [one for one in worksheets if numbers & {who.number for who in one.people}]
        return moodle.uploads(_without(tree, tables), fitting[-1] if fitting else None)
    if canvas.is_download(names, student_id):
        tables = list(_tables(tree, beside, "sis login id"))
        gradebooks = [canvas.Gradebook.of(table) for table in tables]
        numbers = canvas.users(names)
        of_users = [one for one in gradebooks if numbers & {who.number for who in one.people}]
        return canvas.uploads(_without(tree, tables), of_users[-1] if of_users else None,
                              student_id)
    return []


def _tables(tree: Tree, beside: Path, heading: str) -> Iterator[Table]:
    """The tables with a certain heading among files that no student named, oldest first."""
    files = [file for place, file in tree.items() if len(place.parts) == 1
             and place.suffix.lower() == ".csv" and not moodle.ENTRY.fullmatch(place.name)
             and not canvas.ENTRY.fullmatch(place.name)]
    files += [path for path in beside.glob("*.csv") if path.is_file()]
    for path in sorted(files, key=lambda path: path.stat().st_mtime):
        try:
            table = Table.read(path)
        except (CourseError, OSError):
            continue  # whatever else lies there is none of our business
        if table.column(heading) is not None:
            yield table


def _without(tree: Tree, tables: list[Table]) -> Tree:
    read = {table.path for table in tables}
    return {place: file for place, file in tree.items() if file not in read}


def _without_wrapping(course: Course, tree: Tree) -> Tree:
    """A zip that was packed again may have one folder around everything."""
    first = {place.parts[0] for place in tree}
    wrapped = len(first) == 1 and all(len(place.parts) > 1 for place in tree)
    if not wrapped or _is_platforms(course, first):
        return tree
    return {PurePosixPath(*place.parts[1:]): file for place, file in tree.items()}
