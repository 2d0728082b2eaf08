"""Take commented notebooks back: whose comments they are, and what they say on each subtask."""

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
from autograder.crossfeedback import marks, rounds
from autograder.crossfeedback.marks import Asked
from autograder.crossfeedback.rounds import COMMENTS, KEY, OUT, Round
from autograder.faults import of_the_machine, sentence
from autograder.files import UNLIKE
from autograder.intake.archive import LITTER, MAX_FILE, ArchiveError, read_archive

LETTER = r"[ _-]*group[ _-]*([A-Z]{1,2})(?![A-Za-z])"
MOST_TEXT = 20_000  # characters of the comments on one subtask


@dataclass(frozen=True)
class Return:
    """One notebook that came back. `time` is when, in ISO form; `comments` are by subtask.

    `reviewer` is empty, and `problem` says why, where nobody can tell whose it is.
    """

    file: str
    time: str = ""
    reviewer: str = ""
    comments: dict[str, str] | None = None
    remarks: tuple[str, ...] = ()
    problem: str = ""

    def __post_init__(self) -> None:
        """A file's name may hold bytes that are no text; here it becomes text to be shown."""
        object.__setattr__(self, "file", text.sentence(self.file))
        object.__setattr__(self, "remarks", text.at_most(map(text.sentence, self.remarks)))


@dataclass(frozen=True)
class _Upload:
    """A returned notebook before it is read; `name` is its path below the folder."""

    name: str
    time: str
    data: bytes


def collect(course: Course, assignment: str, folder: Path) -> list[Return]:
    """Read all that came back in `folder`, keep it in comments.json, and return a row for each.

    Of a group's notebooks the newest counts, of those of earlier calls too; one without comments
    never takes the place of one with comments. Raises CourseError where there is nothing to read.
    """
    drawn = rounds.load(course, assignment)
    asked = marks.asked(course, assignment)
    if not folder.is_dir():
        raise CourseError(f"There is no folder {folder}. Name the folder that holds what the "
                          "groups sent back.")
    kept = returns(course, assignment)
    earlier = rounds.earlier_tokens(course, assignment)
    problems: list[Return] = []
    came: set[str] = set()
    for upload in _uploads(folder):
        row = (upload if isinstance(upload, Return)
               else _row(course, drawn, asked, upload, earlier))
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
    """What counts of what came back in this round, by the group that wrote it."""
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
    """Which of two notebooks of one group counts; it says so of the one that does not."""
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
             if path.is_file() and not set(LITTER) & set(path.relative_to(folder).parts)]
    for path in sorted(files, key=lambda path: (path.stat().st_mtime, str(path))):
        name = str(path.relative_to(folder))
        time = datetime.fromtimestamp(path.stat().st_mtime, UTC).isoformat(timespec="seconds")
        if path.suffix.lower() == ".zip":
            try:
                inside, _ = read_archive(path)
            except ArchiveError as error:
                yield Return(name, time, problem=str(error))
                continue
            found = {entry: data for entry, data in inside.items()
                     if entry.lower().endswith(".ipynb")}
            if not found:
                yield Return(name, time, problem="the zip holds no notebook")
            for entry, data in sorted(found.items()):
                yield _Upload(f"{name}/{entry}", time, data)
        elif path.suffix.lower() != ".ipynb":
            yield Return(name, time, problem="this is no notebook and no zip")
        elif path.stat().st_size > MAX_FILE:
            yield Return(name, time, problem=f"the notebook is larger than {MAX_FILE >> 20} MB")
        else:
            yield _Upload(name, time, path.read_bytes())


def _row(course: Course, drawn: Round, asked: Asked, upload: _Upload, earlier: set[str]) -> Return:
    """What came back in one notebook, or that nothing can be made of it."""
    try:
        return _read(course, drawn, asked, upload, earlier)
    except Exception as error:
        if of_the_machine(error):
            raise
        return Return(upload.name, upload.time, problem=f"it cannot be read ({sentence(error)})")


def _read(course: Course, drawn: Round, asked: Asked, upload: _Upload,
          earlier: set[str]) -> Return:
    """Read one notebook; it may be damaged in whatever way."""
    try:
        notebook = json.loads(upload.data)
        sources = [_source(cell) for cell in notebook["cells"]]
        token = _token(notebook)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Return(upload.name, upload.time, problem="this is not a readable notebook")
    remarks: list[str] = []
    reviewer = _reviewer(drawn, token, asked.exercise.name, upload.name, earlier, remarks)
    if not reviewer:
        return Return(upload.name, upload.time, problem=remarks[-1])
    comments, odd = marks.merged(marks.read(source) for source in sources
                                 if marks.marked(source))
    unknown = sorted(set(comments) - set(asked.subtasks))
    if unknown:
        odd.append(f"comments on {', '.join(unknown)}, which is no subtask, are left out")
    remarks += odd + _changes(_handed_out(course, drawn, reviewer), sources)
    found = {subtask: _capped(comments[subtask], subtask, remarks)
             for subtask in asked.subtasks if subtask in comments}
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


def _reviewer(drawn: Round, token: str, exercise: str, name: str, earlier: set[str],
              remarks: list[str]) -> str:
    """Whose comments these are: the token says, else the name of the file or of its folder.

    Where nothing says, or two things say different groups, the last remark is why nobody is.
    """
    by_token = next((group for group, own in drawn.tokens.items() if own == token), "")
    if token in earlier and not by_token:
        remarks.append("this was handed out in an earlier round, which was drawn anew since")
        return ""
    path = PurePosixPath(name)
    zips = [part for part in path.parts[:-1] if part.lower().endswith(".zip")]
    letter = next(filter(None, (re.search(re.escape(exercise) + LETTER, part, re.I)
                                for part in (path.name, *zips))), None)
    by_name = (drawn.reviewer_of(letter[1].upper()) or "") if letter else ""
    folders = (part.removesuffix(".zip") for part in reversed(path.parts[:-1]))
    by_folder = next((part for part in folders if part in drawn.reviews), "")
    told = {"its metadata": by_token, "its name": by_name, "its folder": by_folder}
    found = {how: group for how, group in told.items() if group}
    if not found:
        remarks.append("nothing says whose comments these are: its metadata is gone, and its name "
                       f"holds no `{exercise}-group-LETTER` of this round")
        return ""
    (how, group), *others = found.items()
    different = [f"{other} says {told[other]}" for other, who in others if who != group]
    if different and not by_token:
        remarks.append(f"{how} says {group}, {' and '.join(different)}: a person must tell whose "
                       "comments these are")
        return ""
    if not by_token:
        remarks.append(f"told by {how}: its metadata is gone")
    remarks += [f"{one}; its metadata counts" for one in different]
    return group


def _handed_out(course: Course, drawn: Round, reviewer: str) -> list[str] | None:
    """The texts of the cells that a group got, or None where the file is gone."""
    place = rounds.folder(course, drawn.assignment) / OUT / reviewer
    path = next(iter(sorted(place.glob("*.ipynb"))), None)
    if path is None:
        return None
    return [_source(cell) for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]]


def _changes(before: list[str] | None, after: list[str]) -> list[str]:
    """What was changed outside of the comment cells: told, and left out of everything."""
    if before is None:
        return []
    old, new = (Counter(marks.plain(text) for text in texts if not marks.marked(text))
                for texts in (before, after))
    old.pop("", None)
    new.pop("", None)
    gone, come = (old - new).total(), (new - old).total()
    changed = min(gone, come)
    told = [(changed, "changed"), (gone - changed, "removed"), (come - changed, "added")]
    words = [f"{count} {what}" for count, what in told if count]
    return [f"cells outside the comments: {', '.join(words)}; ignored"] if words else []
