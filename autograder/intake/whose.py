"""Whose an upload is: by its name and what is in it, else by what the platform tells."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from autograder import roster
from autograder.course import Course
from autograder.intake import groups
from autograder.intake.archive import ArchiveError
from autograder.intake.contents import read_upload
from autograder.intake.names import is_named, suffixes, without_additions
from autograder.intake.platforms.person import Person, same_name, students
from autograder.intake.platforms.upload import Upload
from autograder.intake.read import read_any
from autograder.intake.wrote import Written
from autograder.roster import Roster


@dataclass(frozen=True)
class Owned:
    """An upload and its owner, a student or a group; empty where that cannot be told.

    `doubt` is for a person: the platform has it from somebody else than the file says.
    """

    upload: Upload
    owner: str = ""
    doubt: str = ""


def owned(course: Course, assignment: str, uploads: Sequence[Upload], people: Roster
          ) -> list[Owned]:
    """The uploads with their owners. What a file itself says goes first, as in a plain folder."""
    senders = [upload.sender for upload in uploads if upload.sender is not None]
    told = students(course, people, senders)
    if course.assignment(assignment).groups:
        told = {sender: _group(sender, told.get(sender, ""), people) for sender in senders}
    known = {member.id for member in people.members} | {*people.groups, *told.values()}
    names = {member.id: member.name for member in people.members}
    return [_owned(upload, _by_file(course, assignment, upload, people),
                   told.get(upload.sender, "") if upload.sender else "", known, names)
            for upload in uploads]


def asked(course: Course, assignment: str, uploads: Sequence[Upload]) -> Roster:
    """The roster that owners are looked for in; only groups, and names, need one.

    Raises CourseError where groups hand in and there is none, or where it cannot be read.
    """
    path = course.root / course.toml.course.roster
    if course.assignment(assignment).groups or (path.is_file() and any(
            upload.sender for upload in uploads)):
        return roster.of(course)
    return Roster()


def as_expected(course: Course, assignment: str, upload: Upload, owner: str) -> bool:
    """Whether a file is named as the rules have it, whatever was added to tell copies apart."""
    return is_named(upload.name, course.assignment(assignment).archive.format(id=owner))


def _owned(upload: Upload, says: str, sent: str, known: Collection[str], names: Mapping[str, str]
           ) -> Owned:
    """Settle it between what the file says and whom the platform has it from.

    An id that nobody has, of those who are `known`, is a slip of the pen: the sender's it is.
    """
    sender = upload.sender
    if sender is None or not says:
        return Owned(upload, says or sent)
    differs = sent != says if sent else bool(
        sender.name and says in names and not same_name(sender.name, names[says]))
    if not differs:
        return Owned(upload, says)
    return Owned(upload, sent if sent and says not in known else says,
                 f"{sender.platform} has {upload.name} from {sender}, and the file says {says}: "
                 "look whose it is")


def _group(sender: Person, student: str, people: Roster) -> str:
    """The group that a sender is in or, where teams hand in on the platform, that it is."""
    teams = [name for name in people.groups if any(
        same_name(called, team) for called in {sender.group, sender.name}
        for team in (name, f"Group {name}"))]
    return people.group_of(student) or (teams[0] if len(teams) == 1 else "")


def _by_file(course: Course, assignment: str, upload: Upload, people: Roster) -> str:
    """Whose an upload is: by its name, where the rules put the id, else anywhere in it.

    Of a group's, the names inside are asked last; they must all be of one group.
    """
    archive = re.escape(course.assignment(assignment).archive)
    student_id = f"(?P<id>{course.toml.course.student_id})"
    ids = {found["id"] for found in re.finditer(rf"(?<!\d){student_id}(?!\d)", upload.name)}
    anywhere = ids.pop() if len(ids) == 1 else ""  # of two, nobody knows whose it is
    if not course.assignment(assignment).groups:
        found = re.fullmatch(archive.replace(r"\{id\}", student_id), upload.name)
        return found["id"] if found else anywhere
    of_group = f"(?P<id>{'|'.join(map(re.escape, people.groups))})"
    suffix = Path(course.assignment(assignment).archive).suffix
    whole = without_additions(upload.name)
    cut = whole[:whole.rfind(suffix) + len(suffix)] if suffix in whole else whole  # x.ipynb.json
    stem = re.escape(Path(course.assignment(assignment).archive).stem)
    named = re.fullmatch(stem.replace(r"\{id\}", of_group), Path(without_additions(cut)).stem,
                         re.IGNORECASE)
    fitting = [] if named is None else [name for name in people.groups
                                        if name.casefold() == named["id"].casefold()]
    group = named["id"] if named and named["id"] in fitting else fitting[0] if len(
        fitting) == 1 else people.group_of(anywhere)
    return group or _by_names_inside(course, assignment, upload, people)


def _by_names_inside(course: Course, assignment: str, upload: Upload, people: Roster) -> str:
    """The one group whose members' names are in an upload's notebooks of the assignment."""
    archive = upload.suffix.lower() == ".zip"
    if not archive and not {".ipynb", ".py"} & set(suffixes(upload.name)):
        return ""
    try:
        files, _ = read_upload(upload)
    except (ArchiveError, OSError):
        return ""
    inside: set[str] = set()
    written, members = Written(course, assignment), course.assignment(assignment).members
    for name, data in files.items():
        if archive and not any(written.holds(expected, data, name)
                               for expected in written.expected):
            continue
        notebook, _ = read_any(data, PurePosixPath(name).name)
        if notebook is not None:
            inside |= groups.named_in(notebook, people, members).groups
    return inside.pop() if len(inside) == 1 else ""
