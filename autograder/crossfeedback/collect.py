"""Take commented notebooks back: identify the reviewing group, and read its comments."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

from autograder import text
from autograder.course import Course, CourseError
from autograder.crossfeedback import rounds
from autograder.crossfeedback.comment_cells import (
    CommentCells,
    CommentedExercise,
    commented_exercise,
    plain,
)
from autograder.crossfeedback.rounds import COMMENTS, KEY, OUT, Round
from autograder.faults import of_the_machine, sentence
from autograder.files import UNLIKE
from autograder.intake.archive import LITTER, MAX_FILE, ArchiveError, read_archive

LETTER = r"[ _-]*group[ _-]*([A-Z]{1,2})(?![A-Za-z])"
MOST_TEXT = 20_000  # characters of the comments on one subtask


@dataclass(frozen=True)
class Return:
    """One notebook that came back, at a `time` in ISO form; `comments` are by subtask.

    Where the reviewer is unknown, `reviewer` is empty and `problem` the reason.
    """

    file: str
    time: str = ""
    reviewer: str = ""
    comments: dict[str, str] | None = None
    remarks: tuple[str, ...] = ()
    problem: str = ""

    def __post_init__(self) -> None:
        """Make the file's name, which may hold bytes that are no text, printable."""
        object.__setattr__(self, "file", text.sentence(self.file))
        object.__setattr__(self, "remarks", text.at_most(map(text.sentence, self.remarks)))


@dataclass(frozen=True)
class _Upload:
    """A returned notebook before it is read; `name` is its path below the folder."""

    name: str
    time: str
    data: bytes


class _Unidentified(Exception):
    """The reason why the reviewer of a notebook is unknown."""


def collect(course: Course, assignment: str, folder: Path) -> list[Return]:
    """Read all notebooks in `folder`, keep the comments in comments.json, and return the rows.

    The newest notebook of a group counts, those of earlier calls included; one without comments
    never replaces one with comments. Raises CourseError where there is nothing to read.
    """
    drawn = rounds.load(course, assignment)
    exercise = commented_exercise(course, assignment)
    if not folder.is_dir():
        raise CourseError(f"There is no folder {folder}. Name the folder that holds what the "
                          "groups sent back.")
    kept = returns(course, assignment)
    earlier = rounds.earlier_tokens(course, assignment)
    problems: list[Return] = []
    came: set[str] = set()
    for upload in _uploads(folder):
        row = (upload if isinstance(upload, Return)
               else _row(course, drawn, exercise, upload, earlier))
        if row.problem:
            problems.append(row)
        else:
            kept[row.reviewer] = _chosen(kept.get(row.reviewer), row)
            came.add(row.reviewer)
    if not came and not problems:
        raise CourseError(f"There is no notebook and no zip in {folder}.")
    rounds.write_json(rounds.folder(course, assignment) / COMMENTS, {
        reviewer: asdict(row) for reviewer, row in sorted(kept.items())})
    return [*(kept[reviewer] for reviewer in sorted(came)), *problems]


def returns(course: Course, assignment: str) -> dict[str, Return]:
    """The notebooks that count in this round, by the reviewing group."""
    path = rounds.folder(course, assignment) / COMMENTS
    if not path.is_file():
        return {}
    try:
        return {reviewer: Return(**{**row, "remarks": tuple(row["remarks"])})
                for reviewer, row in json.loads(path.read_text(encoding="utf-8")).items()}
    except UNLIKE as error:
        raise CourseError(f"{path} cannot be read ({error}). Remove it and collect again."
                          ) from None


def _chosen(other: Return | None, row: Return) -> Return:
    """The one of two notebooks of a group that counts, with a remark on the other."""
    if other is None:
        return row
    if (other.file, other.time) == (row.file, row.time):  # taken in before
        return replace(row, remarks=tuple(dict.fromkeys((*row.remarks, *other.remarks))))
    newer, older = (row, other) if row.time >= other.time else (other, row)
    if older.comments and not newer.comments:
        chosen, remark = older, f"{newer.file} is newer, but holds no comments: it does not count"
    else:
        chosen, remark = newer, f"{older.file} is from the same group and older: it does not count"
    return replace(chosen, remarks=tuple(dict.fromkeys((*chosen.remarks, remark))))


def _uploads(folder: Path) -> Iterator[_Upload | Return]:
    """The notebooks below a folder, those in zips too, the oldest first; a row for what is none."""
    files = [path for path in folder.rglob("*")
             if path.is_file() and LITTER.isdisjoint(path.relative_to(folder).parts)]
    for path in sorted(files, key=lambda path: (path.stat().st_mtime, str(path))):
        name = str(path.relative_to(folder))
        time = datetime.fromtimestamp(path.stat().st_mtime, UTC).isoformat(timespec="seconds")
        if path.suffix.lower() == ".zip":
            yield from _uploads_in_zip(path, name, time)
        elif problem := _problem(path):
            yield Return(name, time, problem=problem)
        else:
            yield _Upload(name, time, path.read_bytes())


def _problem(path: Path) -> str:
    """The reason why a file is not read as a notebook; empty where it is."""
    if path.suffix.lower() != ".ipynb":
        return "this is no notebook and no zip"
    too_large = path.stat().st_size > MAX_FILE
    return f"the notebook is larger than {MAX_FILE >> 20} MB" if too_large else ""


def _uploads_in_zip(path: Path, name: str, time: str) -> Iterator[_Upload | Return]:
    try:
        inside, _ = read_archive(path)
    except ArchiveError as error:
        yield Return(name, time, problem=str(error))
        return
    entries = sorted(entry for entry in inside if entry.lower().endswith(".ipynb"))
    if not entries:
        yield Return(name, time, problem="the zip holds no notebook")
    for entry in entries:
        yield _Upload(f"{name}/{entry}", time, inside[entry])


def _row(course: Course, drawn: Round, exercise: CommentedExercise, upload: _Upload,
         earlier: set[str]) -> Return:
    """Read one notebook; any failure with it is the problem in its row."""
    try:
        return _read(course, drawn, exercise, upload, earlier)
    except Exception as error:
        if of_the_machine(error):
            raise
        return Return(upload.name, upload.time, problem=f"it cannot be read ({sentence(error)})")


def _read(course: Course, drawn: Round, exercise: CommentedExercise, upload: _Upload,
          earlier: set[str]) -> Return:
    """Read one notebook; it may be damaged in whatever way."""
    try:
        notebook = json.loads(upload.data)
        sources = [_source(cell) for cell in notebook["cells"]]
        token = _token(notebook)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Return(upload.name, upload.time, problem="this is not a readable notebook")
    try:
        reviewer, remarks = _reviewer(drawn, token, exercise.exercise.name, upload.name, earlier)
    except _Unidentified as reason:
        return Return(upload.name, upload.time, problem=str(reason))
    comments, odd = exercise.cells.read_all(sources)
    remarks += odd
    unknown = sorted(set(comments) - set(exercise.subtasks))
    if unknown:
        remarks.append(f"comments on {', '.join(unknown)}, which is no subtask, are left out")
    remarks += _changes(_handed_out(course, drawn, reviewer), sources, exercise.cells)
    found = {subtask: _capped(comments[subtask], subtask, remarks)
             for subtask in exercise.subtasks if subtask in comments}
    return Return(upload.name, upload.time, reviewer, found, tuple(remarks))


def _token(notebook: dict[str, Any]) -> str:
    """The token in a notebook's metadata, if it is still there."""
    ours = notebook.get("metadata", {}).get(KEY, {})
    token = ours.get("token") if isinstance(ours, dict) else None
    return token if isinstance(token, str) else ""


def _source(cell: Any) -> str:
    source = cell["source"]
    if isinstance(source, list):
        source = "".join(source)
    if not isinstance(source, str):
        raise TypeError("a cell's source is no text")
    return text.printable(source)


def _capped(text: str, subtask: str, remarks: list[str]) -> str:
    if len(text) > MOST_TEXT:
        remarks.append(f"the comments on {subtask} have {len(text):,} characters; the first "
                       f"{MOST_TEXT:,} are kept")
    return text[:MOST_TEXT]


def _reviewer(drawn: Round, token: str, exercise: str, name: str, earlier: set[str]
              ) -> tuple[str, list[str]]:
    """The group whose comments these are, and remarks.

    The token decides, else the name of the file or of its folder. Raises _Unidentified where there
    is none of these, or where they contradict each other.
    """
    by_token = next((group for group, own in drawn.tokens.items() if own == token), "")
    if token in earlier and not by_token:
        raise _Unidentified("this was handed out in an earlier round, which was drawn anew since")
    path = PurePosixPath(name)
    claims = {"its metadata": by_token, "its name": _by_name(drawn, exercise, path),
              "its folder": _by_folder(drawn, path)}
    claims = {place: group for place, group in claims.items() if group}
    if not claims:
        raise _Unidentified("nothing says whose comments these are: its metadata is gone, and its "
                            f"name holds no `{exercise}-group-LETTER` of this round")
    (place, group), *others = claims.items()
    different = [f"{other} says {who}" for other, who in others if who != group]
    if by_token:
        return group, [f"{one}; its metadata counts" for one in different]
    if different:
        raise _Unidentified(f"{place} says {group}, {' and '.join(different)}: a person must tell "
                            "whose comments these are")
    return group, [f"told by {place}: its metadata is gone"]


def _by_name(drawn: Round, exercise: str, path: PurePosixPath) -> str:
    """The reviewer of the letter in the name of a notebook, or of the zip that it is in."""
    zips = [part for part in path.parts[:-1] if part.lower().endswith(".zip")]
    letter = next(filter(None, (re.search(re.escape(exercise) + LETTER, part, re.I)
                                for part in (path.name, *zips))), None)
    return (drawn.reviewer_of(letter[1].upper()) or "") if letter else ""


def _by_folder(drawn: Round, path: PurePosixPath) -> str:
    """The reviewer whose name a folder or zip around the notebook has."""
    folders = (part.removesuffix(".zip") for part in reversed(path.parts[:-1]))
    return next((part for part in folders if part in drawn.reviews), "")


def _handed_out(course: Course, drawn: Round, reviewer: str) -> list[str] | None:
    """The texts of the cells that a group received; None where the file is gone."""
    place = rounds.folder(course, drawn.assignment) / OUT / reviewer
    path = next(iter(sorted(place.glob("*.ipynb"))), None)
    if path is None:
        return None
    return [_source(cell) for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]]


def _changes(before: list[str] | None, after: list[str], cells: CommentCells) -> list[str]:
    """A remark on changes outside of the cells for comments, which are ignored."""
    if before is None:
        return []
    old, new = (Counter(plain(text) for text in texts if not cells.marked(text))
                for texts in (before, after))
    old.pop("", None)
    new.pop("", None)
    gone, come = (old - new).total(), (new - old).total()
    changed = min(gone, come)
    counts = [(changed, "changed"), (gone - changed, "removed"), (come - changed, "added")]
    words = [f"{count} {what}" for count, what in counts if count]
    return [f"cells outside the comments: {', '.join(words)}; ignored"] if words else []
