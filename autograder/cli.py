"""The command line: `autograder COMMAND`. Each command is one station, or the whole line."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.text import Text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from autograder.course import Course, CourseError
from autograder.crossfeedback.cli import app as crossfeedback
from autograder.desk.cli import desk
from autograder.gradebook.nbgrader_api import NativeError
from autograder.intake import history
from autograder.intake.cli import restore
from autograder.intake.receive import receive
from autograder.intake.records import IntakeRecord
from autograder.kernel.isolation.policy import SandboxError
from autograder.release.cli import release
from autograder.report.class_report.cli import report
from autograder.report.export.cli import export
from autograder.report.feedback.cli import feedback
from autograder.report.latedays import latedays
from autograder.report.todo.cli import todo
from autograder.report.totals import GradeRow
from autograder.similarity.cli import similar
from autograder.suggest import did_you_mean, unknown
from autograder.terminal import (
    PROCESSES,
    CourseOption,
    Grid,
    HandedIn,
    Processes,
    console,
    counting,
    say,
)

EVERYBODY = "all"  # in the place of a student's id

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode="markdown",
                  pretty_exceptions_enable=False,
                  help="Coursework on transformers: release it, take it in, grade it, trust it.")
app.add_typer(crossfeedback, name="crossfeedback")


def main() -> None:
    """Run the command line; what is wrong with a course or a machine is a sentence, status 2."""
    # Processes that hang are killed here, and Python cleans up after them: no news for people.
    os.environ.setdefault("PYTHONWARNINGS", "ignore:resource_tracker")
    try:
        app()
    except (CourseError, SandboxError, NativeError) as error:
        _stop(str(error))
    except DBAPIError as error:
        _stop(f"The gradebook cannot be used ({error.orig}). Mend that, then try again: what is "
              "judged already is kept.")
    except OSError as error:
        _stop(": ".join(str(part) for part in (error.filename, error.strerror) if part))


def _stop(sentence: str) -> NoReturn:
    Console(stderr=True).print(Text(sentence, "red"), soft_wrap=True)
    raise SystemExit(2)


@app.command(epilog="Example: `autograder doctor`")
def doctor() -> None:
    """Show what this machine can enforce, by trying each limit of the sandbox."""
    from autograder.doctor import all_well, examine

    grid = Grid("needed", "", "found")
    findings = list(examine())
    for finding in findings:
        grid.add_row(finding.name, "ok" if finding.ok else Text("missing", "red"), finding.detail)
    console.print(grid)
    if not all_well(findings):
        say("This machine cannot grade safely yet: mend what is marked as missing.")
        raise typer.Exit(1)


@app.command(epilog="Example: `autograder intake hw4 downloads/`")
def intake(
    name: HandedIn,
    folder: Annotated[Path, typer.Argument(
        help="The folder of uploads, or the learning platform's zip.")],
    course: CourseOption = Path(),
) -> None:
    """Take uploads in: lay them out as nbgrader's submitted/ID/ASSIGNMENT/, in grading/."""
    received = _take_in(Course.find(course), name, folder)
    grid = Grid("student", "upload", "what was found")
    for row in received:
        found = Text(row.problem, "red") if row.problem else "; ".join(row.remarks) or "complete"
        grid.add_row(row.student or "?", row.upload, found)
    console.print(grid)
    raise typer.Exit(1 if any(row.problem for row in received) else 0)


@app.command(epilog="Example: `autograder grade hw4 downloads/`, or `autograder grade q2`")
def grade(
    name: HandedIn,
    folder: Annotated[Path | None, typer.Argument(
        help="What to take in first, a folder of zips or the learning platform's own; without "
             "it, what lies in grading/submitted/ is graded.")
    ] = None,
    processes: Processes = PROCESSES,
    again: Annotated[bool, typer.Option(
        "--again/--resume", help="Judge everything again, or (the rule) only what has no verdict "
                                 "yet or has changed since: a killed batch goes on.")] = False,
    scheduler: Annotated[str, typer.Option(
        help="The address of a Dask scheduler, tcp://HOST:PORT, whose workers judge instead of "
             "this machine (docs/cluster.md).")] = "",
    why: Annotated[list[str] | None, typer.Option(
        "--why", metavar="ID", help="Tell of this student or group why points were lost, below the "
                                    "table; `all` for everybody. May be given several times.")
    ] = None,
    course: CourseOption = Path(),
) -> None:
    """Grade submissions: judge them, fill the gradebook, write feedback pages and grades.csv."""
    from autograder import batch
    from autograder.faults import faults
    from autograder.report import grades, people, table
    from autograder.report.feedback.write import write
    from autograder.report.read import CourseResults
    from autograder.report.todo import marks
    from autograder.report.totals import display_names

    found = Course.find(course)
    assignments = found.together(name)
    received = _take_in(found, name, folder) if folder else []
    taken_in = {row.student for row in received if row.student}
    students = {assignment: sorted(taken_in) if folder else batch.submitted_students(
        found, assignment) for assignment in assignments}
    if not any(students.values()) and not received:
        raise CourseError(f"Nobody has handed in {name}: {found.submitted} holds nothing of it. "
                          f"Try: autograder grade {name} FOLDER-OF-ZIPS")
    with counting("submissions") as count:
        for assignment in assignments:
            each = count.task(f"Grading {assignment}", len(students[assignment]))
            done = batch.grade(found, assignment, students[assignment], processes, each, again,
                               scheduler)
            say(f"{assignment}: {done}.")
    results, known = CourseResults(found), faults(found, name)
    rows = grades.grade_rows(results, name)
    pages = write(results, name, rows)
    if faults(found, name) != known:  # one has come or gone with the rows or pages
        rows = grades.grade_rows(results, name)
    rows += people.absent_rows(results, name, rows)
    grades.write_csv(found.grades, grades.by_person(results, name, rows))
    explained = _explained(name, rows, why or [])
    names = display_names(results.roster)
    console.print(table.table(name, rows, names, console.width))
    for row in explained:
        console.print(table.why(row, names))
    say("\n".join(filter(None, [table.legend(rows),
                                f"Why: autograder grade {name} --why ID, or --why all"])))
    say(f"Feedback pages: {pages}.")
    for sentence in people.unknown_grantees(results, name):
        say(f"course.toml, {sentence}", "yellow")
    for what, path in (("gradebook", make_url(found.db_url).database), ("grades", found.grades),
                       ("feedback", found.feedback), ("journal", found.journal)):
        say(f"{what:9} {path}")
    if waiting := marks.waiting(results, name):
        say(f"For a person: {waiting}, each with its reason: autograder todo {name}")
    raise typer.Exit(1 if any(row.flags for row in rows) else 0)


def _explained(name: str, rows: list[GradeRow], ids: list[str]) -> list[GradeRow]:
    """The rows that somebody asks about. Raises CourseError where one is not in the table."""
    known = {row.who: row for row in rows}
    if EVERYBODY in ids:
        return rows
    for one in ids:
        if one not in known:
            raise CourseError(unknown("student or group", one, f"the table of {name}", known))
    return [known[one] for one in ids]


def _take_in(course: Course, name: str, folder: Path) -> list[IntakeRecord]:
    from autograder.release.build import prepare

    received, time = [], history.now()
    for assignment in course.together(name):
        prepare(course, assignment)
        received += receive(course, assignment, folder, time)
    if any(one.time == time for assignment in course.together(name)
           for one in history.replaced(course, assignment)):
        say(f"What this replaced is kept, and comes back with: autograder restore {name}")
    return sorted(received, key=lambda row: (row.student, row.upload))


@app.command(epilog="Example: `autograder samples hw4 grading/samples/`")
def samples(
    name: HandedIn,
    folder: Annotated[Path, typer.Argument(help="Where the zips go.")],
    course: CourseOption = Path(),
) -> None:
    """Make sample submissions, zips as students hand them in, to try the grader on."""
    from autograder.samples import write_samples

    written = write_samples(Course.find(course), name, folder)
    say(f"{len(written)} sample submissions in {folder}")


@app.command(epilog="Example: `autograder validate q2`")
def validate(
    assignment: Annotated[str | None, typer.Argument(help="One assignment; without it, all.")
                          ] = None,
    only: Annotated[str | None, typer.Option(
        "--only", help="Cases whose name contains this; `reference` and `skeleton` are names.")
    ] = None,
    every: Annotated[int, typer.Option(
        "--every", min=1, help="A sample: reference, skeleton, and every nth of the other cases.")
    ] = 1,
    seed: Annotated[int | None, typer.Option(
        "--seed", min=0, help="Draw the inputs, and pairs of misconceptions, as another run did.")
    ] = None,
    strength: Annotated[bool, typer.Option(
        "--strength", help="Try wrong answers that nobody thought of: constants and mutants.")
    ] = False,
    batches: Annotated[int, typer.Option(
        "--batches", min=2, help="With --strength: over how many batches, each with other inputs.")
    ] = 3,
    processes: Processes = PROCESSES,
    course: CourseOption = Path(),
) -> None:
    """Test the hidden tests: misconceptions must lose, variants and the reference must not."""
    from autograder.judge.shared import new_seed
    from autograder.report import matrix
    from autograder.validate import cases, doubles, validate

    found = Course.find(course)
    failed, seed = False, new_seed() if seed is None else seed
    if strength:
        raise typer.Exit(_strength(found, assignment, range(seed, seed + batches), every,
                                   only or "", processes))
    for name in [assignment] if assignment else list(found.toml.assignments):
        every_case = [*cases(found, name), *doubles(found, name, seed)]
        chosen = [case for number, case in enumerate(every_case)
                  if (only or "") in case.name and (not number % every or not case.part_of_many)]
        if not chosen:
            meant = did_you_mean(only or "", [case.name for case in cases(found, name)])
            raise CourseError(f"No case of {name} has a name with `{only}` in it"
                              f"{f'; {meant}' if meant else '.'}")
        with counting("cases") as count:
            results = list(count.track(validate(found, name, processes, chosen, seed),
                                       f"Validating {name}", len(chosen)))
        console.print(matrix.table(name, results, console.width))
        for line in (*matrix.reasons(results), *matrix.unnamed(results, seed)):
            say(line)
        say(matrix.summary(results))
        failed |= any(result.problem for result in results)
    raise typer.Exit(1 if failed else 0)


def _strength(course: Course, assignment: str | None, seeds: range, every: int, only: str,
              processes: int) -> int:
    """See autograder.strength; returns the exit status."""
    from autograder.kernel.scratch import Scratch
    try:
        from autograder.strength.measure import Plan, measure, summary
    except ImportError as error:
        raise CourseError(f"To change code, `--strength` needs a package that is not installed "
                          f"({error.name}): pip install -e '.[dev]' in the kit's folder.") from None

    plan, failed = Plan(seeds, every, only), False
    for name in [assignment] if assignment else list(course.toml.assignments):
        with counting("answers") as count, Scratch() as folder:
            tried = list(measure(course, name, plan, processes, folder, count.track))
        for one in tried:
            if one.problem:
                say(one.problem)
        say(f"{name}, with --seed {seeds.start}:")
        say(summary(tried))
        failed |= any(one.problem for one in tried)
    return int(failed)


# Commands that stand beside their stations, with an example each.
for command, example in (
    (restore, "`autograder restore hw4`, or `autograder restore hw4 --list`"),
    (release, "`autograder release q2`, `autograder release q2 --check`, `autograder release hw4 "
              "--zip --version 2026.1`, or `autograder release --repository ../students hw4 hw3`"),
    (desk, "`autograder desk hw3`"),
    (todo, "`autograder todo hw4`, or `autograder todo hw4 --done 1b9d6bcd --note 'asked both'`"),
    (similar, "`autograder similar hw4 --also ../2025/downloads/`"),
    (feedback, "`autograder feedback hw4`"),
    (export, "`autograder export hw4 --to moodle --worksheet Grades.csv` (docs/platforms.md)"),
    (latedays, "`autograder latedays`"),
    (report, "`autograder report hw4`, or `autograder report q2 --anonymous`"),
):
    app.command(epilog=f"Example: {example}")(command)
