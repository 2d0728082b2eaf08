"""What an input passes through, as far as that is cheap, and what must hold on the way.

A check returns the sentences that a person would read. Whatever it raises is unhandled: the errors
that commands turn into a sentence are caught here, as `autograder.cli.main` catches them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

import nbformat
from traitlets.config import Config

from autograder import roster
from autograder.course import Course, CourseError
from autograder.crossfeedback import collect, merge, rounds
from autograder.crossfeedback import report as cross_report
from autograder.gradebook.config import configure
from autograder.intake.expected import released_notebook
from autograder.intake.receive import receive
from autograder.judge.work import Work
from autograder.report.table import table
from autograder.report.totals import GradeRow
from fuzz import fence, uploads
from fuzz.arena import HONEST_NOTEBOOK, HONEST_ZIP, Arena
from fuzz.holds import below, inert, lay, must, shown
from fuzz.inputs import Input
from fuzz.uploads import laid_out, of_a_log

COURSE_FILES = ("roster.csv", "course.toml", "result.log")  # which nobody uploads by themselves
OF_THE_COURSE = ("roster", "course")
NOTHING = "Traceback (most recent call last)"


def run(arena: Arena, one: Input) -> list[str]:
    """Lay the input out, pass it through its check, and return what people would read."""
    arena.empty()
    for name, data in one.files.items():
        if name not in COURSE_FILES:
            (arena.uploads / name).write_bytes(data)
    own = [course.grading / name for course in (arena.toy, arena.q2, arena.essay)
           for name in ("submitted", "journal", "crossfeedback")]
    with fence.around([arena.scratch, *own]):
        try:
            said = CHECKS[one.check](arena, one)
        except CourseError as error:
            said = [str(error)]
        except OSError as error:
            # Of a course's own files `autograder` tells; an upload must not end a batch.
            if one.check not in OF_THE_COURSE or not error.filename or not error.strerror:
                raise
            said = [f"{error.filename}: {error.strerror}"]
    for sentence in said:
        must(bool(sentence.strip()), "a sentence is empty")
        must(NOTHING not in sentence, "a traceback is told")
        must(len(sentence) < 3000, f"a sentence is {len(sentence)} characters long")
    return said


def _collect(arena: Arena, one: Input) -> list[str]:
    course = arena.essay
    taken = collect.collect(course, "toy", arena.uploads)
    for row in taken:
        must(bool(row.reviewer or row.problem), "a return is nobody's, and nobody says why")
    for group in rounds.load(course, "toy").reviews:
        notebook = released_notebook(course, "toy", "toy")
        merge.insert(notebook, course, "toy", group, "toy")
        nbformat.write(notebook, arena.scratch / "merged.ipynb")
        nbformat.validate(notebook)
    rows = cross_report.rows(course, "toy", roster.of(course))
    cross_report.write_csv(arena.scratch / "report.csv", rows)
    inert(arena.scratch / "report.csv", len(rows))
    shown(cross_report.table("toy", rows))
    grades = [GradeRow("", row.file, None, None, 4, (row.problem, *row.remarks), ())
              for row in taken]
    shown(table("toy", grades, {}, 80))
    return [text for row in taken for text in (row.problem, *row.remarks) if text]


def _log(arena: Arena, one: Input) -> list[str]:
    work = Work("q2", nbformat.v4.new_notebook(), {"result.log": one.files["result.log"]})
    return of_a_log(arena, work.files.get("result.log", b""))


def _roster(arena: Arena, one: Input) -> list[str]:
    path = arena.essay.root / "roster.csv"
    lay(path, one.files["roster.csv"])
    people = roster.read(path)
    names = {member.name for member in people.members}
    must(all(people.named(name) for name in names), "somebody is not found by their own name")
    for group in people.groups:
        must(below(arena.essay.submitted, arena.essay.submitted / group / "toy"),
             f"the folder of group {group!r} lies elsewhere")
    must(len({member.id for member in people.members}) == len(people.members), "an id twice")
    lay(arena.uploads / "g1_toy.ipynb", arena.folder / HONEST_NOTEBOOK)
    return laid_out(arena, arena.essay, "toy", one, receive(arena.essay, "toy", arena.uploads))


def _course(arena: Arena, one: Input) -> list[str]:
    """A course.toml that loads must be one that can be worked with."""
    root = arena.scratch / "course"
    root.mkdir()
    (root / "course.toml").write_bytes(one.files["course.toml"])
    course = Course.load(root, arena.toy.exercises_folder)
    configure(Config(), course)
    course.toml.limits.sandbox()
    for name in course.toml.assignments:
        must(below(course.submitted, course.submitted / "s001" / name),
             f"the folder of the assignment {name!r} lies elsewhere")
        course.surroundings(name)
    toy = course.toml.assignments.get("toy")
    if toy is None or toy.exercises != ["toy"]:
        return ["a course, and not the toy's"]
    (root / ".build").symlink_to(arena.toy.build)
    lay(arena.uploads / "s001_toy.zip", arena.folder / HONEST_ZIP)
    rows = receive(course, "toy", arena.uploads)
    must(len(rows) == 1, f"{len(rows)} rows of one upload")
    return [row.problem or "a row" for row in rows]


CHECKS: dict[str, Callable[[Arena, Input], list[str]]] = {
    "toy": uploads.toy, "q2": uploads.q2, "essay": uploads.essay, "collect": _collect, "log": _log,
    "roster": _roster, "course": _course}


def signature(said: Iterable[str]) -> frozenset[str]:
    """The sentences without what is told by name or number: how two outcomes are compared."""
    return frozenset(re.sub(r"\d+", "0", re.sub(r"[`“'\"].*?[`”'\"]|\S*[./]\S*", "_", text))[:120]
                     for text in said)
