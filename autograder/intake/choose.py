"""Find each file that was asked for among everything that its owner handed in.

The expected file counts where it holds work. Where it is missing or as it was released, the one
other file that holds work of it is taken, from this upload or else from an older one; a person is
asked where that is not certain.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from autograder.course import Course
from autograder.flag import Flag, Kind
from autograder.intake.archive import CHECKPOINTS, ArchiveError
from autograder.intake.cells import listed
from autograder.intake.names import may_be, suffixes
from autograder.intake.read import read_any
from autograder.intake.received import TIMESTAMP
from autograder.intake.wrote import Work, Written, expected_names, given_names

# Files in which somebody may have written an answer.
WRITTEN_IN = {".ipynb", ".py", ".txt", ".md", ".json", ".html", ".htm", ".pdf", ".doc", ".docx",
              ".odt", ".rtf", ".tex", ".log", ".zip", ".rar", ".7z", ".gz", ".tar", ".tgz", ".js",
              ".rmd", ".qmd", ".pages", ".xz", ".bz2", ".bak", ".old", ".orig"}


@dataclass(frozen=True)
class Source:
    """One upload's files, or what was taken in before. `name` is what people see."""

    name: str
    files: Mapping[str, bytes]
    before: bool = False  # what lies in submitted/, from another intake
    flat: bool = False  # files that were not in a folder of a zip


@dataclass(frozen=True)
class _Copy:
    """A file that may be the expected one."""

    path: str
    data: bytes
    work: Work | None  # None: it cannot be read

    @property
    def is_checkpoint(self) -> bool:
        return CHECKPOINTS in PurePosixPath(self.path).parts


@dataclass
class Chosen:
    """The files to lay out, by path; and what there is to say.

    `beside` are files that nobody asked for and that may hold work, by their path in the upload.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)
    beside: dict[str, bytes] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)  # paths in the upload of what was asked for
    from_others: dict[str, list[str]] = field(default_factory=dict)  # by source: files taken
    base: PurePosixPath | None = None  # the folder of the upload in which they lie

    def within(self, copy: _Copy) -> str:
        """A file's path in that folder, or else in the upload."""
        path = PurePosixPath(copy.path)
        inside = self.base is not None and path.is_relative_to(self.base)
        return str(path.relative_to(self.base)) if inside and self.base else copy.path

    def names(self, copies: list[_Copy]) -> str:
        """The files' paths, for a sentence."""
        return listed(f"{self.within(one)!r}" for one in copies)


def choose(chooser: Chooser, sources: list[Source]) -> Chosen:
    """Choose the files of an assignment. The first of the `sources` counts, others fill in.

    Raises ArchiveError where none of them holds anything of the assignment.
    """
    assignment, own = chooser.assignment, sources[0]
    base = chooser.base(own.files)
    chosen = Chosen(base=base)
    if base is not None:
        chosen.files = _below(own.files, base)
        if str(base) != assignment and not own.flat:
            chosen.violations.append(f"the files lie in {str(base)!r}, expected {assignment!r}")
    for expected in chooser.written.expected:
        chooser.choose(expected, base, sources, chosen)
    if not set(chooser.written.expected) & chosen.files.keys() and not chosen.flags:
        some = ", ".join(sorted(own.files)[:4])
        raise ArchiveError(f"{what(own)} holds none of "
                           f"{', '.join(sorted(chooser.written.expected))}; it holds "
                           f"{some or 'nothing'}")
    chooser.leftover(own.files, chosen)
    return chosen


def what(source: Source) -> str:
    """What to call an upload in a sentence."""
    return "the zip" if source.name.lower().endswith(".zip") else "the upload"


class Choosers(dict[str, "Chooser"]):
    """The choosers of a course's assignments, by name; each is made when first asked for."""

    def __init__(self, course: Course) -> None:
        super().__init__()
        self.course = course

    def __missing__(self, assignment: str) -> Chooser:
        self[assignment] = Chooser(self.course, assignment)
        return self[assignment]

    def hold_any(self, assignments: Iterable[str], files: Mapping[str, bytes]) -> bool:
        """Whether any of these files is of one of these assignments."""
        return any(self[assignment].holds_any(files) for assignment in assignments)


class Chooser:
    """Knows the files of one assignment."""

    def __init__(self, course: Course, assignment: str) -> None:
        self.course, self.assignment = course, assignment
        self.written = Written(course, assignment)
        self._id = course.toml.course.student_id
        self._given = given_names(course)
        self._of_others = {name for other in course.toml.assignments if other != assignment
                           for name in expected_names(course, other)}

    def base(self, files: Mapping[str, bytes]) -> PurePosixPath | None:
        """The folder in which the assignment lies; None where no file has its name."""
        folders: dict[PurePosixPath, int] = {}
        for name in files:
            path = PurePosixPath(name)
            if CHECKPOINTS not in path.parts:
                folders[path.parent] = folders.get(path.parent, 0) + (
                    path.name in self.written.expected)
        if not any(folders.values()):  # all of them are called otherwise
            for expected in self.written.expected:
                for copy in self.copies(expected, files):
                    if not copy.is_checkpoint:
                        folders[PurePosixPath(copy.path).parent] += 1
        return max((folder for folder in folders if folders[folder]), default=None,
                   key=lambda folder: (folder.name == self.assignment, folders[folder],
                                       -len(folder.parts)))

    def holds_any(self, files: Mapping[str, bytes]) -> bool:
        """Whether any of these files is one of the assignment's."""
        return any(self.copies(expected, files) for expected in self.written.expected)

    def copies(self, expected: str, files: Mapping[str, bytes],
               besides: Iterable[str] = ()) -> list[_Copy]:
        """The files that may be the expected one, by their name or by what is in them."""
        found = []
        for path, data in files.items():
            name = PurePosixPath(path).name
            if path in besides or (name != expected and (
                    name in self.written.expected or name in self._given - {expected}
                    or name in self._of_others)):
                continue
            text = not PurePosixPath(name).suffix or set(suffixes(name)) & {
                ".ipynb", ".py", ".txt", ".json"}
            if may_be(name, expected, self._id) or (
                    text and self.written.holds(expected, data, name)):
                found.append(_Copy(path, data, self.written.into(expected, data, name)))
        if expected.endswith(".py"):
            found += [_Copy(f"{path}, in its cell %%writefile {expected}", body,
                            self.written.into(expected, body, expected))
                      for path, data in files.items() if b"%%writefile" in data
                      for body in _modules_in(data, PurePosixPath(path).name, expected)]
        return found

    def choose(self, expected: str, base: PurePosixPath | None, sources: list[Source],
               chosen: Chosen) -> None:
        """Choose one file, and say what is unusual about that."""
        own = sources[0]
        place = str(base / expected) if base is not None else ""
        there = own.files.get(place)
        work = self.written.into(expected, there, expected) if there is not None else None
        others = self.copies(expected, own.files, [place])
        chosen.used |= {place} & own.files.keys()
        if there is not None and (work or not self.written.is_filled_in(expected)):
            rivals = [one for one in others if one.work and not one.is_checkpoint
                      and not one.work <= (work or frozenset())]
            if rivals and work:
                chosen.flags.append(Flag(
                    f"{expected} counts, and {chosen.names(rivals)} in the same upload "
                    f"{'holds' if len(rivals) == 1 else 'hold'} other work of it: look which one "
                    "is meant", Kind.NOTEBOOK))
            return
        if self._take(expected, there, work, _best(others), chosen):
            return
        if others and len(_most(others)) > 1:
            chosen.flags.append(Flag(
                f"{expected} is {_state(there, work)}, and {chosen.names(_most(others))} hold "
                "different work of it: choose one, name it so, and grade again", Kind.NOTEBOOK))
            return
        for source in sources[1:]:
            best = _best(self.copies(expected, source.files))
            if best is not None and best.work:
                if there is not None and work is None:
                    chosen.beside[place] = there  # kept for the person who looks
                chosen.files[expected] = best.data
                chosen.from_others.setdefault(source.name, []).append(expected)
                said = (f"{expected} is {_state(there, work)} in {own.name}, and was taken from "
                        f"{_older(source)}")
                chosen.remarks.append(said)
                chosen.flags.append(Flag(f"{said}: look whether that is right", Kind.NOTEBOOK))
                return
        if there is None and others:  # not filled in, under another name
            self._take(expected, there, work, others[0], chosen, anyway=True)

    def _take(self, expected: str, there: bytes | None, work: Work | None, copy: _Copy | None,
              chosen: Chosen, anyway: bool = False) -> bool:
        """Put a copy in the place of the expected file, which is missing or not filled in."""
        if copy is None or not (copy.work or anyway):
            return False
        chosen.files.pop(self._laid(copy.path, chosen), None)
        chosen.files[expected] = copy.data
        chosen.used.add(copy.path)
        if there is None:
            chosen.remarks.append(f"{expected} was handed in as {chosen.within(copy)}")
        else:
            chosen.remarks.append(f"{expected} is {_state(there, work)}, and "
                                  f"{chosen.within(copy)!r} holds work: that one is graded")
        return True

    def _laid(self, path: str, chosen: Chosen) -> str:
        """By which path a file of the upload is laid out."""
        return max((laid for laid in chosen.files if path == laid or path.endswith(f"/{laid}")),
                   key=len, default="")

    def leftover(self, files: Mapping[str, bytes], chosen: Chosen) -> None:
        """Note files that may hold work, where an expected file holds none."""
        for path, data in files.items():
            name = PurePosixPath(path)
            ours = name.name in self._given or any(
                may_be(name.name, other, self._id) for other in self._of_others)
            foreign = any(part in self.course.toml.assignments and part != self.assignment
                          for part in name.parts[:-1])
            if (path not in chosen.used and not ours and not foreign and data.strip()
                    and name.suffix.lower() in WRITTEN_IN and name.name != TIMESTAMP
                    and CHECKPOINTS not in name.parts):
                chosen.beside[path] = data
        idle = [expected for expected in self.written.expected
                if self.written.is_filled_in(expected) and not self.written.into(
                    expected, chosen.files.get(expected, b""), expected)]
        told = any(expected in flag for expected in idle for flag in chosen.flags)
        if idle and chosen.beside and not told:
            chosen.flags.append(Flag(
                f"{listed(idle)} {'holds' if len(idle) == 1 else 'hold'} nothing of its owner's, "
                f"and {listed(chosen.beside)} came with it: look whether the work is in there",
                Kind.NOTEBOOK))


def _modules_in(data: bytes, name: str, expected: str) -> list[bytes]:
    """The module that a notebook's own cells write; the last one of this name stays."""
    notebook, _ = read_any(data, name) if ".ipynb" in suffixes(name) else (None, [])
    found = []
    for cell in notebook.cells if notebook else ():
        magic, _, body = cell.source.lstrip().partition("\n")
        words = magic.split()
        if (cell.cell_type == "code" and words[:1] == ["%%writefile"] and len(words) == 2
                and PurePosixPath(words[1].strip("'\"")).name == expected):
            found.append(body.encode("utf-8", "replace"))
    return found[-1:]


def _best(copies: list[_Copy]) -> _Copy | None:
    """The one that holds all work that any of them holds; None where they differ."""
    most = _most(copies)
    return most[0] if len({one.work for one in most}) == 1 else None


def _most(copies: list[_Copy]) -> list[_Copy]:
    """Those whose work no other one holds; an editor's checkpoints only where nothing else is."""
    working = [one for one in copies if one.work]
    working = [one for one in working if not one.is_checkpoint] or working
    return [one for one in working
            if not any((one.work or frozenset()) < (other.work or frozenset())
                       for other in working)]


def _state(there: bytes | None, work: Work | None) -> str:
    if there is None:
        return "missing"
    if not there.strip():
        return "empty"
    return "unreadable" if work is None else "as it was released"


def _older(source: Source) -> str:
    return source.name if source.before else f"{source.name}, which was handed in, too"


def _below(files: Mapping[str, bytes], base: PurePosixPath) -> dict[str, bytes]:
    """The files in a folder, by their path in it; nbgrader's own timestamp is none of them."""
    return {str(PurePosixPath(name).relative_to(base)): data for name, data in files.items()
            if PurePosixPath(name).is_relative_to(base)
            and CHECKPOINTS not in PurePosixPath(name).parts
            and PurePosixPath(name).name != TIMESTAMP}
