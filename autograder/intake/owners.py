"""Find the owner of an upload: from its file name, its contents, or the platform's metadata.

A group is found by the names of its members in a notebook, too. A name that matches nobody, or
somebody of another group, is flagged for a person; nobody guesses.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from nbformat import NotebookNode

from autograder import roster
from autograder.course import Course
from autograder.intake.archive import ArchiveError
from autograder.intake.expected import ExpectedFiles
from autograder.intake.file_names import is_named, suffixes, without_additions
from autograder.intake.notebook.cells import listed
from autograder.intake.notebook.read import read_any
from autograder.intake.platforms.upload import Person, Upload, same_name, students
from autograder.intake.upload_files import names_in, read_upload
from autograder.results.flag import Flag, Kind
from autograder.roster import Member, Roster, plain
from autograder.settings import MEMBERS

MARKUP = re.compile(r"^[\s>#*•·–\-]+|^\s*\d+[.)]\s+|[*_`]+|"
                    r"\([^)]{0,200}\)|<[^>]{0,200}>|(?<!\S)\S+@\S+")
BETWEEN = re.compile(r"(?<!\s)\s*(?:[,;/&|]|\band\b|\bund\b)\s*")
MOST_NAMES = 30


@dataclass(frozen=True)
class Owned:
    """An upload and its owner, a student or a group; empty where the owner is unknown.

    `doubt` is for a person: platform and file disagree.
    """

    upload: Upload
    owner: str = ""
    doubt: str = ""


def owned(course: Course, assignment: str, uploads: Sequence[Upload], people: Roster
          ) -> list[Owned]:
    """The uploads with their owners. The file decides before the platform."""
    senders = [upload.sender for upload in uploads if upload.sender is not None]
    owners = students(course, people, senders)
    if course.assignment(assignment).groups:
        owners = {sender: _group(sender, owners.get(sender, ""), people) for sender in senders}
    known = {member.id for member in people.members} | {*people.groups, *owners.values()}
    names = {member.id: member.name for member in people.members}
    return [_owned(upload, _by_file(course, assignment, upload, people),
                   owners.get(upload.sender, "") if upload.sender else "", known, names)
            for upload in uploads]


def roster_for(course: Course, assignment: str, uploads: Sequence[Upload]) -> Roster:
    """The course's roster, if owners are groups or known by name to a platform; else an empty one.

    Raises CourseError where groups hand in and there is none, or where it cannot be read.
    """
    path = course.root / course.toml.course.roster
    if course.assignment(assignment).groups or (path.is_file() and any(
            upload.sender for upload in uploads)):
        return roster.of(course)
    return Roster()


def as_expected(course: Course, assignment: str, upload: Upload, owner: str) -> bool:
    """Whether an upload has the expected name, copy marks aside."""
    return is_named(upload.name, course.assignment(assignment).archive.format(id=owner))


def why_unowned(course: Course, assignment: str, upload: Upload, folder: Path) -> str:
    """The reason why an upload in `folder` has no owner."""
    settings = course.assignment(assignment)
    if upload.sender:
        return (f"neither the file (expected {settings.archive}) nor {upload.sender.platform}, "
                f"which has it from {upload.sender}, tells for certain whose it is")
    kind = "folder" if upload.path.is_dir() else "file"
    if kind == "folder" and not any(upload.path.iterdir()):
        return (f"the folder is empty, and its name holds no student id; expected "
                f"{settings.archive}")
    student_id = rf"(?<!\d)(?:{course.toml.course.student_id})(?!\d)"
    inside = sorted({found[0] for name in names_in(upload)
                     for found in re.finditer(student_id, name)})
    more = "" if not inside else (
        f"; it holds uploads of {listed(inside)}: if it is a download of its own, take it in by "
        f"itself: autograder intake {assignment} {folder / upload.path.name}")
    if settings.groups:
        return (f"neither the {kind}'s name (expected {settings.archive}, with the group's name) "
                f"nor the names in it tell which group it is from{more}")
    return f"the {kind}'s name holds no student id; expected {settings.archive}{more}"


def _owned(upload: Upload, by_file: str, by_sender: str, known: Collection[str],
           names: Mapping[str, str]) -> Owned:
    """Decide between the owner that the file names and the sender that the platform names.

    An id that nobody has, of those who are `known`, is a slip of the pen: the sender is the owner.
    """
    sender = upload.sender
    if sender is None or not by_file:
        return Owned(upload, by_file or by_sender)
    if by_sender:
        differs = by_sender != by_file
    else:
        differs = bool(sender.name) and by_file in names and not same_name(
            sender.name, names[by_file])
    if not differs:
        return Owned(upload, by_file)
    return Owned(upload, by_sender if by_sender and by_file not in known else by_file,
                 f"{sender.platform} has {upload.name} from {sender}, and the file says {by_file}: "
                 "look whose it is")


def _group(sender: Person, student: str, people: Roster) -> str:
    """The group of a sender, who may be a team of the platform."""
    teams = [name for name in people.groups if any(
        same_name(called, team) for called in {sender.group, sender.name}
        for team in (name, f"Group {name}"))]
    return people.group_of(student) or (teams[0] if len(teams) == 1 else "")


def _by_file(course: Course, assignment: str, upload: Upload, people: Roster) -> str:
    """The owner by the file's name: an id in its expected place, else anywhere in the name.

    For groups, the names in the notebooks come last; they must all be of one group.
    """
    settings = course.assignment(assignment)
    student_id = f"(?P<id>{course.toml.course.student_id})"
    ids = {found["id"] for found in re.finditer(rf"(?<!\d){student_id}(?!\d)", upload.name)}
    anywhere = ids.pop() if len(ids) == 1 else ""  # of two ids, neither counts
    if not settings.groups:
        found = re.fullmatch(re.escape(settings.archive).replace(r"\{id\}", student_id),
                             upload.name)
        return found["id"] if found else anywhere
    return (_group_by_name(settings.archive, upload.name, people) or people.group_of(anywhere)
            or _by_names_inside(course, assignment, upload, people))


def _group_by_name(archive: str, name: str, people: Roster) -> str:
    """The group whose name is where `archive` has {id}, its case aside; empty where none is."""
    of_group = f"(?P<id>{'|'.join(map(re.escape, people.groups))})"
    suffix = Path(archive).suffix
    whole = without_additions(name)
    cut = whole[:whole.rfind(suffix) + len(suffix)] if suffix in whole else whole  # x.ipynb.json
    found = re.fullmatch(re.escape(Path(archive).stem).replace(r"\{id\}", of_group),
                         Path(without_additions(cut)).stem, re.IGNORECASE)
    if found is None:
        return ""
    fitting = [group for group in people.groups if group.casefold() == found["id"].casefold()]
    if found["id"] in fitting:
        return found["id"]
    return fitting[0] if len(fitting) == 1 else ""


def _by_names_inside(course: Course, assignment: str, upload: Upload, people: Roster) -> str:
    """The group whose members' names are in an upload's notebooks of the assignment."""
    archive = upload.suffix.lower() == ".zip"
    if not archive and not {".ipynb", ".py"} & set(suffixes(upload.name)):
        return ""
    try:
        files, _ = read_upload(upload)
    except (ArchiveError, OSError):
        return ""
    inside: set[str] = set()
    expected, members = ExpectedFiles(course, assignment), course.assignment(assignment).members
    for name, data in files.items():
        if archive and not expected.holds_any(data, name):
            continue
        notebook, _ = read_any(data, PurePosixPath(name).name)
        if notebook is not None:
            inside |= named_in(notebook, people, members).groups
    return inside.pop() if len(inside) == 1 else ""


@dataclass(frozen=True)
class Named:
    """The names in a notebook: members of the roster, and strangers."""

    members: tuple[Member, ...] = ()
    strangers: tuple[str, ...] = ()

    @property
    def groups(self) -> set[str]:
        return {member.group for member in self.members if member.group}


def named_in(notebook: NotebookNode, roster: Roster, members: str = MEMBERS) -> Named:
    """The names in the members' cell; where that is gone, roster names anywhere in the text.

    members: the words in the first line of that cell
    """
    texts = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    for text in texts:
        heading, _, below = text.partition("\n")
        if is_members_heading(heading, members):
            return _named(below or heading.rpartition(":")[2], roster)
    words = f" {plain_text(' '.join(texts))} "
    return Named(tuple(member for member in roster.members
                       if f" {plain_text(member.name)} " in words))


def is_members_heading(line: str, members: str = MEMBERS) -> bool:
    """Whether the line stands above the names of a group's members."""
    return members.casefold() in line.casefold()


def doubts(named: Named, group: str, roster: Roster) -> list[str]:
    """Flags for names that contradict the roster's group."""
    expected = roster.groups.get(group, [])
    found = [f"`{name}` stands among the members, and the roster knows nobody of that name"
             for name in named.strangers]
    found += [f"{member.name} stands among the members of group {group}, and belongs to "
              f"{f'group {member.group}' if member.group else 'no group'}"
              for member in named.members if member not in expected]
    absent = [member.name for member in expected if member not in named.members]
    if absent:
        found.append(f"of group {group}, not named in the notebook, and graded all the same: "
                     f"{', '.join(absent)}")
    return [Flag(doubt, Kind.NAMES) for doubt in found]


def _named(text: str, roster: Roster) -> Named:
    members: list[Member] = []
    strangers: list[str] = []
    for line in text.splitlines()[:MOST_NAMES]:
        name = _bare(line)
        whole = roster.named(name)
        for one in [name] if whole else BETWEEN.split(name):
            found = roster.named(one)
            if found:
                members += found
            elif one.strip():
                strangers.append(one.strip()[:80])
    return Named(tuple(_settled(members)), tuple(dict.fromkeys(strangers)))


def _settled(members: list[Member]) -> list[Member]:
    """Of two people with one name, keep the one in the others' group, if that decides it."""
    once = list(dict.fromkeys(members))
    sure = {one.group for one in once if sum(plain(one.name) == plain(o.name) for o in once) == 1}
    return [one for one in once
            if sum(plain(one.name) == plain(o.name) for o in once) == 1 or one.group in sure
            or not sure]


def _bare(line: str) -> str:
    """A line without bullets, emphasis, addresses and text in brackets."""
    before = ""
    while before != line:
        before, line = line, MARKUP.sub("", line).strip()
    return line


def plain_text(text: str) -> str:
    """A text for the search of names: folded, with single spaces between its words."""
    return " ".join(re.findall(r"[^\W\d_]+(?:['’-][^\W\d_]+)*", text.casefold()))
