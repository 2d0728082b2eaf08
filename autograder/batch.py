"""Grade a batch: every submission judged, journalled, put into the gradebook, and reported.

What was judged before and has not changed since is not judged again: neither the submission nor
what it is judged with. A batch that was killed goes on in the same way.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import json
import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Any

from autograder import doctor
from autograder.course import Course
from autograder.faults import Faults, Step, of_the_machine, sentence
from autograder.files import read_lines
from autograder.flag import Flag, Kind
from autograder.gradebook import native, queries
from autograder.gradebook.backup import back_up
from autograder.gradebook.preprocessors import known
from autograder.gradebook.writers import PageWriters
from autograder.intake.records import IntakeRecord, note_of, notes, write_notes
from autograder.intake.settle import Findings, is_settled, released_instead, settle
from autograder.intake.times import late_in
from autograder.journal import Entry, Journal, last_entries, path_of
from autograder.judge.cache_key import SUBMISSION, cache_key, changed
from autograder.judge.pool import JudgingFailed, judge_all
from autograder.judge.shared import new_seed
from autograder.judge.work import Work, read_work
from autograder.kernel.isolation import cgroup
from autograder.kernel.scratch import clear_abandoned
from autograder.release import source
from autograder.release.build import fingerprint, prepare
from autograder.results.reason import Code, Reason
from autograder.results.verdict import Verdict, nothing

Told = Callable[[float], None]  # called with the share of one submission that is now done
Key = tuple[str, str]  # student, exercise
# With a course, an assignment, a seed and works: a verdict for each, as they come.
Judging = Callable[[Course, str, int, Iterable[tuple[Key, Work]]],
                   Iterator[tuple[Key, Verdict | JudgingFailed]]]
JUDGES_A_WRITER = 4  # who is judged takes longer than who is entered, by far
NO_PAGE = Flag("no page can be made of this notebook; formgrader shows the released one in its "
               "place", Kind.NOTEBOOK)


@dataclass
class Done:
    """What a batch did: how many exercises it judged, why, and how many it left as they were."""

    judged: dict[str, int] = field(default_factory=dict)
    kept: int = 0

    def __str__(self) -> str:
        reasons = [f"{count} because of {why}" for why, count in self.judged.items()]
        return f"judged: {', '.join(reasons) or 'nothing'}; kept: {self.kept}"


def submitted_students(course: Course, assignment: str) -> list[str]:
    """Who has handed the assignment in, by nbgrader's folder of submissions."""
    return sorted(path.parent.name for path in course.submitted.glob(f"*/{assignment}")
                  if path.is_dir())


def grade(course: Course, assignment: str, students: list[str], processes: int,
          told: Told = lambda share: None, again: bool = False, scheduler: str = "") -> Done:
    """Judge the students' submissions; write the journal, the gradebook and feedback pages.

    They are judged by so many `processes` here or, where `scheduler` is the address of one, by
    Dask's workers. `again` judges what has not changed, too. Raises SandboxError where this machine
    does not enforce what the course demands, CourseError where the gradebook cannot be used.
    """
    doctor.demand(course)
    clear_abandoned()
    cgroup.clear_abandoned()
    back_up(course)
    prepare(course, assignment)
    _settle(course, assignment, students)
    done = Done()
    waiting = {student: dict[str, Verdict]() for student in students}
    every = len(course.assignment(assignment).exercises)
    with PageWriters(course, assignment, _writers(processes, scheduler)) as pages:
        entered = _Entered(course, assignment, pages)
        for (student, exercise), verdict in _verdicts(
                course, assignment, students, again, done,
                functools.partial(_judging, processes, scheduler)):
            waiting[student][exercise] = verdict
            told(0.5 / every)
            if len(waiting[student]) == every:
                entered.enter(student, waiting.pop(student))
            for _ in entered.finished():
                told(0.5)
        for _ in entered.finished(every=True):
            told(0.5)
    return done


def _writers(processes: int, scheduler: str) -> int:
    """How many processes beside this one write pages: few of those that judge here."""
    return processes - 1 if scheduler else processes // JUDGES_A_WRITER


def _settle(course: Course, assignment: str, students: list[str]) -> None:
    """Look into notebooks that came by another way than our intake, such as nbgrader's own.

    And into those that became notebooks of an older version since they were taken in.
    """
    known = {row.student: row for row in notes(course, assignment)}
    rows, faults = [], Faults(course, assignment)
    for student in students:
        folder, said = course.submitted / student / assignment, list[Findings]()
        with faults.guard(Step.SETTLE, student):
            said = [settle(course, assignment, exercise, folder)
                    for exercise in course.assignment(assignment).exercises
                    if student not in known
                    or not is_settled(course, assignment, exercise, folder)]
        if said:
            before = known.get(student, IntakeRecord("", student))
            remarks = [text for one in said for text in (*one.violations, *one.remarks)]
            flags = [flag for one in said for flag in one.flags]
            rows.append(replace(before, remarks=tuple(dict.fromkeys((*before.remarks, *remarks))),
                                flags=tuple(dict.fromkeys((*before.flags, *flags))),
                                elsewhere=tuple({part: where for one in said
                                                 for part, where in one.elsewhere.items()}.items())
                                or before.elsewhere))
    write_notes(course, assignment, rows)


def _judging(processes: int, scheduler: str, works: int) -> Judging:
    """So many works on this machine or, with a scheduler, on others.

    A judge takes longer to start than two submissions take: no more of them here than pay.
    """
    if not scheduler:
        return functools.partial(judge_all, processes=min(processes, math.ceil(works / 2)))
    from autograder.judge.cluster import judge_afar  # slow to import

    return functools.partial(judge_afar, scheduler=scheduler)


def _verdicts(course: Course, assignment: str, students: list[str], again: bool, done: Done,
              judging: Callable[[int], Judging]) -> Iterator[tuple[Key, Verdict]]:
    """A verdict on every exercise of every student: those that stand first, then new ones.

    `judging` is told how many are new.
    """
    origins = {exercise.name: cache_key(course, assignment, exercise)
               for exercise in course.exercises(assignment)}
    last = {} if again else last_entries(course, assignment)
    due: dict[Key, str] = {}  # with the submission's hash
    for key in ((student, exercise) for student in students for exercise in origins):
        entry = last.get(key)
        submission = _fingerprint(course, assignment, key)
        why = _why(entry, submission, origins[key[1]], again)
        if entry is not None and not why:
            done.kept += 1
            yield key, entry.verdict
        else:
            due[key] = submission
            done.judged[why] = done.judged.get(why, 0) + 1
    if due:
        yield from _judge(course, assignment, due, origins, judging(len(due)))


def _fingerprint(course: Course, assignment: str, key: Key) -> str:
    """The hash of what was handed in; empty where that cannot be read."""
    work = _work(course, assignment, key)
    return "" if isinstance(work, JudgingFailed) else work.fingerprint


def _work(course: Course, assignment: str, key: Key) -> Work | JudgingFailed:
    """What was handed in, or why it cannot be read; a fault of this machine is raised."""
    try:
        return read_work(course, assignment, *key)
    except Exception as error:
        if of_the_machine(error):
            raise
        return JudgingFailed(Reason(Code.SUBMISSION_UNREADABLE, error=sentence(error)))


def _why(entry: Entry | None, submission: str, now: dict[str, str], again: bool) -> str:
    """Why an exercise is to be judged; empty where its verdict stands."""
    if again:
        return "--again"
    if entry is None:
        return "no verdict so far"
    if not entry.origin:
        return "no verdict last time"
    return " and ".join([*([SUBMISSION] if entry.fingerprint != submission else []),
                         *changed(entry.origin, now)])


def _judge(course: Course, assignment: str, due: dict[Key, str],
           origins: dict[str, dict[str, str]], judging: Judging) -> Iterator[tuple[Key, Verdict]]:
    unreadable: dict[Key, JudgingFailed] = {}

    def works() -> Iterator[tuple[Key, Work]]:
        for key in due:
            work = _work(course, assignment, key)
            if isinstance(work, JudgingFailed):
                unreadable[key] = work
            else:
                yield key, work

    with Journal(path_of(course, assignment)) as journal:
        for key, verdict in itertools.chain(
                judging(course, assignment, new_seed(), works()), unreadable.items()):
            student, exercise = key
            rests_on = origins[exercise]
            if isinstance(verdict, JudgingFailed):
                points = source.judged_parts(source.read_notebook(course.exercise(exercise)))
                verdict = nothing(exercise, points, verdict.why, review=(
                    Reason(Code.NOT_JUDGED, why=verdict.why),))
                verdict = replace(verdict, final=False)
            if not verdict.final:
                rests_on = {}  # it is tried again the next time
            journal.write(Entry(student, exercise, due[key], verdict, rests_on))
            yield key, verdict


class _Entered:
    """Enters verdicts in the gradebook; whose row and page are there already is left alone."""

    def __init__(self, course: Course, assignment: str, pages: PageWriters) -> None:
        self._course, self._assignment, self._pages = course, assignment, pages
        self._release = fingerprint(course, assignment)
        self._file = course.journal / f"{assignment}.entered.jsonl"
        self._known = dict(pair for _, pair in read_lines(self._file, _pair))
        self._faults = Faults(course, assignment)
        self._late = late_in(course, assignment)
        self._rows = {row.student: row for row in queries.entries(course, assignment, self._late)}
        self._open: dict[str, dict[str, Verdict]] = {}  # whose page is being written
        self._over: list[str] = []  # nothing more is done for them

    def enter(self, student: str, verdicts: dict[str, Verdict]) -> None:
        """Enter one submission, and have its feedback written."""
        with self._faults.guard(Step.ENTER, student):
            if self._is_entered(student, verdicts):
                self._over.append(student)
                return
            self._note(student, "")  # until its page is there
            with self._judged_as(student, verdicts):
                _enter(self._course, self._assignment, student)
            self._pages.start(student)
            self._open[student] = verdicts
            return
        self._over.append(student)

    def _is_entered(self, student: str, verdicts: dict[str, Verdict]) -> bool:
        """Whether row and page are there, and of the present state."""
        row = self._rows.get(student)
        page = self._course.feedback / student / self._assignment
        return bool(row and page.is_dir() and not self._faults.has(Step.PAGE, student)
                    and self._known.get(student) == self._state(row, verdicts))

    def finished(self, every: bool = False) -> Iterator[str]:
        """Whose row and page are there by now; waits for `every` one that has been entered."""
        yield from self._over
        self._over.clear()
        for student, there in self._pages.written(every):
            verdicts = self._open.pop(student)
            with self._faults.guard(Step.PAGE, student):
                if not there:
                    self._write_released(student, verdicts)
                row = queries.entry(self._course, self._assignment, student)
                self._note(student, self._state(row, verdicts))
            yield student

    def _note(self, student: str, state: str) -> None:
        """Write down in which state a submission was entered; none while it is being entered."""
        if state or self._known.get(student):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with open(self._file, "a", encoding="utf-8") as file:
                file.write("\n" + json.dumps([student, state]))

    def _judged_as(self, student: str, verdicts: dict[str, Verdict]
                   ) -> AbstractContextManager[None]:
        """While nbgrader converts, these are the verdicts."""
        return known({(self._assignment, student, exercise): verdict
                      for exercise, verdict in verdicts.items()})

    def _write_released(self, student: str, verdicts: dict[str, Verdict]) -> None:
        """A page made from the released notebook, where none can be made of the student's."""
        course, assignment = self._course, self._assignment
        with self._judged_as(student, verdicts):
            with released_instead(course, assignment, course.submitted / student / assignment):
                native.autograde(course, assignment, student)
            native.generate_feedback(course, assignment, student)
        note = note_of(course, assignment, student) or IntakeRecord("", student)
        write_notes(course, assignment, [replace(note, flags=(*note.flags, NO_PAGE))])

    def _state(self, row: queries.GradebookEntry, verdicts: dict[str, Verdict]) -> str:
        """A hash over what the feedback page shows; what a person typed since is in the row.

        So is a late penalty; the sentences on it may change while it stays.
        """
        late = self._late.get(row.student)
        note = note_of(self._course, self._assignment, row.student)
        works = [_fingerprint(self._course, self._assignment, (row.student, exercise))
                 for exercise in sorted(verdicts)]
        shown = [self._release, repr(row), repr(note),
                 repr(late.told(reasons=False) if late else None),
                 *works,
                 *(json.dumps(verdicts[exercise].to_json()) for exercise in sorted(verdicts))]
        return hashlib.sha256("\0".join(shown).encode(errors="surrogatepass")).hexdigest()[:16]


def _pair(data: Any) -> tuple[str, str]:
    """The student and the state of a line. Raises one of files.UNLIKE where it is another."""
    student, state = data
    if not isinstance(student, str) or not isinstance(state, str):
        raise TypeError("a student or a state is no text")
    return student, state


def _enter(course: Course, assignment: str, student: str) -> None:
    """Enter a judged submission in the gradebook.

    A notebook that nbgrader refuses (cells twice, metadata of another world) gives way to the
    released one: the points are the judge's either way, and nobody falls out of the gradebook.
    """
    try:
        native.autograde(course, assignment, student)
    except Exception as error:
        if of_the_machine(error):
            raise
        with released_instead(course, assignment, course.submitted / student / assignment):
            native.autograde(course, assignment, student)
