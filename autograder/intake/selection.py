"""Select the file for each expected name among everything that its owner handed in.

The expected file counts where it holds work. Where it is missing or as it was released, the one
other file that holds work of it is taken, from this upload or else from an older one; a person is
asked where that is not certain.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from autograder.intake.archive import CHECKPOINTS, ArchiveError
from autograder.intake.expected import NOTHING, Candidate, ExpectedFiles, Work
from autograder.intake.notebook.cells import listed
from autograder.intake.records import TIMESTAMP
from autograder.results.flag import Flag, Kind

# Files in which somebody may have written an answer.
WRITTEN_IN = {".ipynb", ".py", ".txt", ".md", ".json", ".html", ".htm", ".pdf", ".doc", ".docx",
              ".odt", ".rtf", ".tex", ".log", ".zip", ".rar", ".7z", ".gz", ".tar", ".tgz", ".js",
              ".rmd", ".qmd", ".pages", ".xz", ".bz2", ".bak", ".old", ".orig"}


MISSING, EMPTY, UNREADABLE, RELEASED = "missing", "empty", "unreadable", "as it was released"


@dataclass(frozen=True)
class Source:
    """The files of one upload, or those that were taken in before. `name` is what people see."""

    name: str
    files: Mapping[str, bytes]
    before: bool = False  # from submitted/, of another intake
    flat: bool = False  # files that were not in a folder of a zip


@dataclass
class Selection:
    """The files to lay out, by path, with violations, remarks and flags.

    `beside` are files that nobody asked for and that may hold work, by their path in the upload.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)
    beside: dict[str, bytes] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)  # paths in the upload that count
    from_others: dict[str, list[str]] = field(default_factory=dict)  # by source: files taken

    def flag(self, sentence: str) -> None:
        self.flags.append(Flag(sentence, Kind.NOTEBOOK))


def select(expected: ExpectedFiles, sources: Sequence[Source]) -> Selection:
    """Select the files of an assignment. The first of the `sources` counts, others fill gaps.

    Raises ArchiveError where none of them holds anything of the assignment.
    """
    own = sources[0]
    selector = _Selector(expected, own, sources[1:])
    selection = selector.selection
    for name in expected.names:
        selector.select(name)
    if selection.files.keys().isdisjoint(expected.names) and not selection.flags:
        some = ", ".join(sorted(own.files)[:4])
        what = "the zip" if own.name.lower().endswith(".zip") else "the upload"
        raise ArchiveError(f"{what} holds none of {', '.join(sorted(expected.names))}; it holds "
                           f"{some or 'nothing'}")
    selector.note_leftovers()
    return selection


class _Selector:
    """Selects the expected files one by one from an owner's uploads."""

    def __init__(self, expected: ExpectedFiles, own: Source, others: Sequence[Source]) -> None:
        self.expected, self.own, self.others = expected, own, others
        self.selection = Selection()
        self.folder = expected.folder_in(own.files)
        if self.folder is not None:
            self.selection.files = _below(own.files, self.folder)
            if str(self.folder) != expected.assignment and not own.flat:
                self.selection.violations.append(
                    f"the files lie in {str(self.folder)!r}, expected {expected.assignment!r}")

    def select(self, name: str) -> None:
        """Select one file, and report what is unusual about that."""
        place = str(self.folder / name) if self.folder is not None else ""
        data = self.own.files.get(place)
        work = None if data is None else self.expected.work_in(name, data, name)
        candidates = self.expected.candidates(name, self.own.files, [place])
        self.selection.used |= {place} & self.own.files.keys()
        if data is not None and (work or not self.expected.is_filled_in(name)):
            self._flag_rivals(name, work, candidates)
            return
        state = _state(data, work)
        best, most = _best(candidates), _most(candidates)
        if best is not None:
            self._take(name, state, best)
        elif len(most) > 1:
            self.selection.flag(
                f"{name} is {state}, and {self._names(most)} hold different work of it: choose "
                "one, name it so, and grade again")
        elif (source := self._take_from_others(name)) is not None:
            if data is not None and state == UNREADABLE:
                self.selection.beside[place] = data  # kept for the person who looks
            remark = (f"{name} is {state} in {self.own.name}, and was taken from {source.name}"
                      f"{'' if source.before else ', which was handed in, too'}")
            self.selection.remarks.append(remark)
            self.selection.flag(f"{remark}: look whether that is right")
        elif state == MISSING and candidates:  # not filled in, under another name
            self._take(name, state, candidates[0])

    def _flag_rivals(self, name: str, work: Work | None, candidates: list[Candidate]) -> None:
        """Flag other files with work that the expected file does not hold."""
        rivals = [one for one in candidates if one.work and not one.is_checkpoint
                  and not one.work <= (work or NOTHING)]
        if rivals and work:
            self.selection.flag(
                f"{name} counts, and {self._names(rivals)} in the same upload "
                f"{'holds' if len(rivals) == 1 else 'hold'} other work of it: look which one is "
                "meant")

    def _take(self, name: str, state: str, candidate: Candidate) -> None:
        """Use a candidate in the place of the expected file, which is missing or not filled in."""
        files = self.selection.files
        path = max((one for one in files
                    if candidate.path == one or candidate.path.endswith(f"/{one}")),
                   key=len, default="")
        files.pop(path, None)
        files[name] = candidate.data
        self.selection.used.add(candidate.path)
        shown = self._within(candidate)
        self.selection.remarks.append(
            f"{name} was handed in as {shown}" if state == MISSING else
            f"{name} is {state}, and {shown!r} holds work: that one is graded")

    def _take_from_others(self, name: str) -> Source | None:
        """Use the file of the first other source that holds work of it; return that source."""
        for source in self.others:
            best = _best(self.expected.candidates(name, source.files))
            if best is not None:
                self.selection.files[name] = best.data
                self.selection.from_others.setdefault(source.name, []).append(name)
                return source
        return None

    def note_leftovers(self) -> None:
        """Note files that may hold work, and flag them where an expected file holds none."""
        selection, expected = self.selection, self.expected
        selection.beside |= {path: data for path, data in self.own.files.items()
                             if self._may_hold_work(PurePosixPath(path), data)}
        idle = [name for name in expected.names if expected.is_filled_in(name)
                and not expected.work_in(name, selection.files.get(name, b""), name)]
        flagged = any(name in flag for name in idle for flag in selection.flags)
        if idle and selection.beside and not flagged:
            selection.flag(
                f"{listed(idle)} {'holds' if len(idle) == 1 else 'hold'} nothing of its owner's, "
                f"and {listed(selection.beside)} came with it: look whether the work is in there")

    def _may_hold_work(self, path: PurePosixPath, data: bytes) -> bool:
        """Whether a file that nobody asked for may hold work of the assignment."""
        assignments = set(self.expected.course.toml.assignments) - {self.expected.assignment}
        return (str(path) not in self.selection.used and not self.expected.is_known(path.name)
                and assignments.isdisjoint(path.parts[:-1]) and bool(data.strip())
                and path.suffix.lower() in WRITTEN_IN and path.name != TIMESTAMP
                and CHECKPOINTS not in path.parts)

    def _within(self, candidate: Candidate) -> str:
        """A file's path in the assignment's folder, or else in the upload."""
        path = PurePosixPath(candidate.path)
        inside = self.folder is not None and path.is_relative_to(self.folder)
        return str(path.relative_to(self.folder)) if inside and self.folder else candidate.path

    def _names(self, candidates: list[Candidate]) -> str:
        """The files' paths, for a sentence."""
        return listed(f"{self._within(one)!r}" for one in candidates)


def _best(candidates: list[Candidate]) -> Candidate | None:
    """The candidate that holds all work of all; None where there is no work, or they differ."""
    most = _most(candidates)
    return most[0] if len({one.work for one in most}) == 1 else None


def _most(candidates: list[Candidate]) -> list[Candidate]:
    """The candidates whose work no other one holds, an editor's checkpoints last."""
    working = [one for one in candidates if one.work]
    working = [one for one in working if not one.is_checkpoint] or working
    return [one for one in working
            if not any((one.work or NOTHING) < (other.work or NOTHING) for other in working)]


def _state(data: bytes | None, work: Work | None) -> str:
    if data is None:
        return MISSING
    if not data.strip():
        return EMPTY
    return UNREADABLE if work is None else RELEASED


def _below(files: Mapping[str, bytes], folder: PurePosixPath) -> dict[str, bytes]:
    """The files in a folder, by their path in it, but for checkpoints and nbgrader's timestamp."""
    paths = {PurePosixPath(name): data for name, data in files.items()}
    return {str(path.relative_to(folder)): data for path, data in paths.items()
            if path.is_relative_to(folder) and CHECKPOINTS not in path.parts
            and path.name != TIMESTAMP}
