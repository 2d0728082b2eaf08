"""List what needs a person, from the graded submissions, the roster and pairs that are alike."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from autograder.faults import Faults, Step
from autograder.gradebook.queries import GradebookNotebook
from autograder.intake.notebook import misplaced
from autograder.intake.records import TIMESTAMP
from autograder.journal import Entry
from autograder.marking.second import SecondMark
from autograder.marking.values import Mark
from autograder.report import people
from autograder.report.read import CourseResults
from autograder.report.submission import GradedSubmission
from autograder.report.totals import NOT_ON_ROSTER
from autograder.results import words
from autograder.results.flag import as_reason
from autograder.results.reason import Code, Reason
from autograder.results.reason import ReviewKind as Kind
from autograder.results.verdict import Verdict
from autograder.similarity import journal

FORMGRADER = "http://localhost:8888/formgrader"
DIFFERENT = 0.25  # of a part's points; two gradings that are further apart are in doubt
FILES = (Kind.LOG, Kind.BORROWED)  # what lies beside the notebook, out of formgrader's sight


@dataclass(frozen=True)
class ReviewItem:
    """One thing for a person. `student` may be a group, or two; it is empty for nobody's upload.

    `about` is the exercise, the upload or whatever else it is about, `reasons` what was found,
    `where` the places to go to. `seen` is a hash of what it rests on (such as the submission).
    """

    kind: Kind
    student: str
    assignment: str
    about: str
    reasons: tuple[Reason, ...]
    where: tuple[str, ...] = ()
    seen: str = ""

    @cached_property
    def id(self) -> str:
        """The same as long as it is about the same thing."""
        return _hash(self.kind, self.student, self.assignment, self.about)

    @cached_property
    def state(self) -> str:
        """Another one as soon as there is something new to look at."""
        return _hash(*(json.dumps(one.to_json(), sort_keys=True) for one in self.reasons),
                     self.seen)

    @cached_property
    def old_state(self) -> str:
        """The state as marks from before there were reasons hold it."""
        return _hash(self.reason, self.seen)

    @cached_property
    def reason(self) -> str:
        """What was found, in English."""
        return "; ".join(dict.fromkeys(map(words.english, self.reasons)))


def review_items(results: CourseResults, name: str, formgrader: str = FORMGRADER
                 ) -> list[ReviewItem]:
    """All that needs a person in a homework or an assignment, by kind and student.

    `formgrader` is the address of nbgrader's formgrader. Raises CourseError as Course and the
    gradebook do.
    """
    course = results.course
    gathered: dict[tuple[Hashable, ...], ReviewItem] = {}
    for assignment in course.together(name):
        for item in _AssignmentItems(results, assignment, formgrader).items():
            # An upload is taken in once for each assignment of a homework.
            gathered.setdefault((item.kind, item.student, item.about, item.reasons), item)
    entered = {one.owner for one in results.of(name) if one.gradebook}
    for owner in people.absent(results, name, entered):
        item = ReviewItem(Kind.ABSENT, owner, name, "", (Reason(Code.NOTHING_CAME),),
                          (course.toml.course.roster,))
        gathered[item.id,] = item
    order = list(Kind)
    return sorted(gathered.values(), key=lambda item: (
        order.index(item.kind), item.student, item.assignment, item.about))


@dataclass(frozen=True)
class _AssignmentItems:
    """What needs a person in one assignment."""

    results: CourseResults
    assignment: str
    formgrader: str

    def items(self) -> Iterator[ReviewItem]:
        course, submissions = self.results.course, self.results.submissions(self.assignment)
        guarded = Faults(course, self.assignment)
        for one in submissions:
            listed: list[ReviewItem] = []
            with guarded.guard(Step.TODO, one.owner or one.received.upload):
                listed = list(self._of_submission(one))
            yield from listed
        for fault in guarded.standing:
            place = course.submitted / fault.student / self.assignment
            yield ReviewItem(Kind.FAULT, fault.student, self.assignment, fault.step.value,
                             (fault.reason,), (str(place.relative_to(course.root)),))
        yield from self._off_roster([one for one in submissions if one.gradebook])
        for pair in journal.read(course, self.assignment):
            yield ReviewItem(Kind.SIMILAR, f"{pair.one} and {pair.other}", self.assignment, "",
                             (_found(Kind.SIMILAR, pair.reason),), (pair.page,), pair.seen)

    def _of_submission(self, submission: GradedSubmission) -> Iterator[ReviewItem]:
        yield from self._of_upload(submission)
        if submission.time_doubt:
            yield self._item(Kind.TIME, submission, TIMESTAMP, [as_reason(submission.time_doubt)])
        for entry in submission.judged.values():
            yield from self._of_verdict(submission, entry)
        for notebook in _notebooks(submission):
            for kind, some in _by_kind(self._of_answers(submission.owner, notebook)).items():
                yield self._item(kind, submission, notebook.exercise, some)

    def _of_upload(self, submission: GradedSubmission) -> Iterator[ReviewItem]:
        owner, received = submission.owner, submission.received
        if not owner:
            yield ReviewItem(Kind.NOBODYS, "", self.assignment, received.upload,
                             (_found(Kind.NOBODYS, received.problem),),
                             ("if it counts, give it the expected name, and grade again",))
        elif received.problem:
            item = self._item(Kind.UNREAD, submission, received.upload,
                              [_found(Kind.UNREAD, received.problem)])
            yield replace(item, where=("ask for another upload, and grade again",))
        flags = [*received.flags,
                 *misplaced.flags(received.elsewhere, _without_points(submission))]
        for kind, some in _by_kind(map(as_reason, flags)).items():
            yield self._item(kind, submission, "" if owner else received.upload, some)
        yield from self._of_time(submission)

    def _of_time(self, submission: GradedSubmission) -> Iterator[ReviewItem]:
        """A platform that marks an upload as late, against the times that we know."""
        late, received = submission.late, submission.received
        if received.late and late and not (late.late_by or late.handed_in.extension):
            code = Code.LATE_WITHOUT_TIME if late.handed_in.at is None else Code.LATE_IN_TIME
            yield self._item(Kind.TIME, submission, received.upload, [Reason(code)])

    def _of_verdict(self, submission: GradedSubmission, entry: Entry) -> Iterator[ReviewItem]:
        crashes = [one for one in entry.verdict.incidents if one.review is Kind.CRASHED]
        for kind, some in _by_kind([*crashes, *_of_parts(entry.verdict)]).items():
            yield self._item(kind, submission, entry.exercise, some)

    def _of_answers(self, owner: str, notebook: GradebookNotebook) -> Iterator[Reason]:
        """What is to be done about the answers in a notebook that a person grades."""
        for part, most in notebook.waiting.items():
            yield Reason(Code.TO_BE_GRADED, part=part, points=most)
        for part, points in notebook.again.items():
            yield Reason(Code.GRADED_BEFORE, part=part, points=points)
        for part, question in self.results.question_marks(self.assignment).items():
            mark = question.marks.get(owner)
            if part in notebook.most and part not in notebook.waiting and mark and mark.grader:
                yield from _of_mark(part, mark, question.second, notebook.most[part])

    def _off_roster(self, entered: list[GradedSubmission]) -> Iterator[ReviewItem]:
        """Groups that the roster does not know."""
        if self.results.course.assignment(self.assignment).groups and entered:
            known = self.results.roster_of_groups.groups
            for one in entered:
                if one.owner not in known:
                    yield self._item(Kind.NAMES, one, "roster", [NOT_ON_ROSTER])

    def _item(self, kind: Kind, submission: GradedSubmission, about: str, reasons: list[Reason]
              ) -> ReviewItem:
        exercises = self.results.course.assignment(self.assignment).exercises
        seen = [entry.fingerprint for exercise, entry in sorted(submission.judged.items())
                if about == exercise or about not in exercises]
        return ReviewItem(kind, submission.owner, self.assignment, about,
                          tuple(dict.fromkeys(reasons)),
                          self._places(kind, submission, about), _hash(*seen))

    def _places(self, kind: Kind, submission: GradedSubmission, about: str) -> tuple[str, ...]:
        """Where to look: the desk, files by their path in the course, notebooks in formgrader."""
        course = self.results.course
        submitted = course.submitted / submission.owner / self.assignment
        originals = course.journal / "originals" / self.assignment / submission.owner
        if kind is Kind.NAMES:
            folders = [course.root / course.toml.course.roster, submitted]
        elif kind is Kind.NOTEBOOK:
            folders = [originals]
        else:
            folders = [submitted] if kind in FILES else []
        pages = [f"{self.formgrader.rstrip('/')}/submissions/{notebook.id}/"
                 for notebook in _notebooks(submission)
                 if about in ("", notebook.exercise) and kind is not Kind.NAMES]
        at_desk = [f"autograder desk {self.assignment}"] if kind in (Kind.GRADE, Kind.MARKS) else []
        paths = [str(folder.relative_to(course.root)) for folder in folders if folder.exists()]
        return (*at_desk, *paths, *pages) or (str(submitted.relative_to(course.root)),)


def _notebooks(submission: GradedSubmission) -> tuple[GradebookNotebook, ...]:
    return submission.gradebook.notebooks if submission.gradebook else ()


def _of_mark(part: str, mark: Mark, second: Iterable[SecondMark], most: float) -> Iterator[Reason]:
    """What is in doubt about an answer that was graded at the desk."""
    if mark.state == "elsewhere":
        yield Reason(Code.GRADED_ELSEWHERE, part=part, points=mark.points or 0.0)
    for one in second:
        if (one.owner, one.digest) != (mark.owner, mark.digest) or one.points is None:
            continue
        if abs(one.points - (mark.points or 0.0)) > DIFFERENT * most:
            yield Reason(Code.SECOND_DIFFERS, part=part, points=mark.points or 0.0,
                         second=one.points)


def _without_points(submission: GradedSubmission) -> set[str]:
    """The parts of a submission that got no points, or wait for a person."""
    return {part.part for part in submission.part_verdicts if not part.points} | {
        part for notebook in _notebooks(submission) for part in notebook.waiting}


def _of_parts(verdict: Verdict) -> list[Reason]:
    """What asks for a person in a verdict's parts, with their names where it is not all parts."""
    parts: dict[Reason, list[str]] = {}
    for part in verdict.parts:
        crashes = [Reason(Code.SAID, why=one) for one in part.reasons
                   if one.review is Kind.CRASHED and one not in verdict.incidents]
        for reason in (*crashes, *part.review):
            parts.setdefault(reason, []).append(part.part)
    return [reason if len(some) == len(verdict.parts) else
            Reason(Code.OF_PARTS, parts=", ".join(some), why=reason)
            for reason, some in parts.items()]


def _by_kind(reasons: Iterable[Reason]) -> dict[Kind, list[Reason]]:
    found: dict[Kind, list[Reason]] = {}
    for reason in reasons:
        found.setdefault(reason.review or Kind.OTHER, []).append(reason)
    return found


def _found(kind: Kind, sentence: str) -> Reason:
    return Reason(Code.REVIEW, kind=kind.value, text=sentence)


def _hash(*values: str) -> str:
    text = "\0".join(values)
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:8]
