"""Random operations of three graders, killed at random: is anything lost, or done twice?

    make operations                      # 10,000 in a file, SQLite
    make operations ARGS=--postgresql    # on a server that is started for it

Each grader is a process. Before an operation it writes down what it is about to do, and afterwards
that it was done; a killed one is started again. At the end the log must hold what was done, each
once, and of what was cut off all or nothing; a replay of the log must give what the tables hold,
and nbgrader's own points must be the same.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import signal
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext, suppress
from multiprocessing.context import ForkProcess
from pathlib import Path
from typing import Any

from autograder.course import Course
from autograder.gradebook import queries
from autograder.gradebook.nbgrader_api import open_gradebook
from autograder.marking import rows
from autograder.marking.entering import enter_answers
from autograder.marking.replay import replay
from autograder.marking.store import RubricStore
from autograder.marking.values import Conflict, Mark, MarkingError, elsewhere_version

from .gradebooks import HOW, WHY, AQuestion, a_course, enter, in_formgrader

GRADERS = ("ada", "ben", "cleo")
QUESTIONS = (WHY, HOW)
OWNERS = [f"g{number:02}" for number in range(12)]
WEIGHTS = {"give": 60, "clear": 5, "undo": 10, "add_item": 3, "change_item": 6, "retire_item": 2,
           "open": 6, "draw": 1, "give_second": 4, "formgrader": 3, "upload": 4}
DIGESTS = ("d", "e")  # of the answers that come in
KILL_EVERY = (0.2, 3)  # seconds


class RandomGrader:
    """One grader, who does anything, partly by what was there some time ago."""

    def __init__(self, course: Course, name: str, journal: Path, seed: int) -> None:
        self.name, self.course = name, course
        self.draws = random.Random(seed)
        self.store = RubricStore(course)
        self.journal = open(journal, "a", encoding="utf-8")  # noqa: SIM115
        self.seen: dict[str, dict[str, Mark]] = {}
        self.digests: dict[str, str] = {}
        self.token = ""

    def note(self, *what: object) -> None:
        self.journal.write(json.dumps(what) + "\n")
        self.journal.flush()  # a killed process loses nothing that was handed to the system

    def work(self) -> None:
        """Do one thing after the other, until somebody kills the process."""
        for number in range(10**9):
            kind = self.draws.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
            question = self.draws.choice(QUESTIONS)
            token = self.token = f"{self.name} {os.getpid()} {number}"
            self.note("begin", kind, token)
            try:
                getattr(self, kind)(question, token)
            except Conflict:
                self.note("conflict", kind, token)
            except MarkingError as error:
                self.note("refused", kind, token, str(error))
            else:
                self.note("done", kind, token)

    def marks(self, question: AQuestion) -> dict[str, Mark]:
        if question.grade_id not in self.seen or self.draws.random() < 0.6:
            self.seen[question.grade_id] = self.store.marks("essay", question.grade_id)
        return self.seen[question.grade_id]

    def some(self, question: AQuestion) -> list[tuple[str, str, int]]:
        marks = self.marks(question)
        owners = self.draws.sample(OWNERS, self.draws.choice((1, 1, 1, 2, 5)))
        now = self.digests if self.draws.random() < 0.3 else {}
        if not now:
            now = self.digests = self.store._database.read(lambda connection: {
                owner: row.digest or "d" for owner, row in rows.answers(
                    connection, ("essay", question.grade_id)).items()})
        versions = {one: marks[one].version if one in marks else 0 for one in owners}
        self.note("saw", self.token, versions)
        return [(one, now[one], version) for one, version in versions.items()]

    def ids(self, question: AQuestion) -> list[int]:
        used = [one.id for one in self.store.items(question) if not one.retired]
        return self.draws.sample(used, self.draws.randint(0, min(3, len(used))))

    def give(self, question: AQuestion, token: str) -> None:
        self.store.give(question, self.some(question), self.ids(question),
                        self.draws.choice((0, 0, 0.25, -0.5)), token, self.name)

    def clear(self, question: AQuestion, token: str) -> None:
        self.store.clear(question, self.some(question), self.name)

    def undo(self, question: AQuestion, token: str) -> None:
        self.store.undo(self.name, self.draws.choice((None, question)))

    def add_item(self, question: AQuestion, token: str) -> None:
        self.store.add_item(question, self.draws.choice(("adds", "adds", "takes", "caps")),
                            self.draws.choice((0.25, 0.5, 1)), token, self.name)

    def change_item(self, question: AQuestion, token: str) -> None:
        item = self.draws.choice(self.store.items(question))
        self.store.change_item(item.id, self.draws.choice((0.25, 0.5, 0.75, 1, 1.5)), token,
                               item.version, self.name)

    def retire_item(self, question: AQuestion, token: str) -> None:
        item = self.draws.choice(self.store.items(question))
        self.store.retire_item(item.id, item.version, self.name)

    def open(self, question: AQuestion, token: str) -> None:
        self.store.open(question, self.draws.choice(OWNERS), self.name)

    def draw(self, question: AQuestion, token: str) -> None:
        self.store.draw(question, 0.4, self.draws.randint(0, 9), GRADERS, self.name)

    def give_second(self, question: AQuestion, token: str) -> None:
        mine = [one.owner for one in self.store.second_marks(question) if one.grader == self.name]
        if mine:
            seen = {owner: self.draws.choice(DIGESTS)
                    for owner in self.draws.sample(mine, min(len(mine), self.draws.randint(1, 3)))}
            self.store.give_second(question, seen, self.ids(question), 0, self.name)

    def formgrader(self, question: AQuestion, token: str) -> None:
        owner, points = self.draws.choice(OWNERS), self.draws.choice((0.1, 0.9, None))
        self.note("typed", question.grade_id, owner, points)
        in_formgrader(self.course, owner, points, None, question.grade_id)

    def upload(self, question: AQuestion, token: str) -> None:
        """What a batch does in the gradebook where somebody has handed in again."""
        owner, digest = self.draws.choice(OWNERS), self.draws.choice(DIGESTS)
        with open_gradebook(self.course) as gradebook:
            notebook = gradebook.find_submission_notebook("essay", "essay", owner)
            known = enter_answers(gradebook, notebook.id, "essay", owner, {
                one.grade_id: (digest, f"The text of {digest}.") for one in QUESTIONS})
            for grade in notebook.grades:
                grade.needs_manual_grade = grade.manual_score is None or known[
                    grade.name].asks_again(digest, grade.manual_score, grade.needs_manual_grade)
            gradebook.db.commit()


def _grade(course: Course, name: str, journal: Path, seed: int) -> None:
    with suppress(KeyboardInterrupt):
        RandomGrader(course, name, journal, seed).work()


def run(course: Course, folder: Path, operations: int, seed: int,
        say: Callable[[str], None] = lambda line: None) -> Counter[str]:
    """Have three graders do this many operations, killing them at random; what was done, by kind.
    """
    enter(course, OWNERS)
    with RubricStore(course) as store:
        for question in QUESTIONS:
            store.items(question)
    draws, context = random.Random(seed), multiprocessing.get_context("fork")

    def start(name: str) -> ForkProcess:
        process = context.Process(target=_grade, args=(
            course, name, folder / f"{name}.jsonl", draws.randint(0, 10**9)))
        process.start()
        return process

    began, kills, last_said = time.monotonic(), 0, 0
    running = {name: start(name) for name in GRADERS}
    try:
        while (done := _lines(folder)) < operations:
            time.sleep(draws.uniform(*KILL_EVERY))
            name = draws.choice(GRADERS)
            os.kill(running[name].pid or 0, signal.SIGKILL)
            running[name].join()
            assert running[name].exitcode == -signal.SIGKILL, f"{name} ended by itself"
            running[name] = start(name)
            kills += 1
            if done - last_said >= 1000:
                last_said = done
                say(f"{done} operations, {kills} kills, {time.monotonic() - began:.0f} s")
    finally:
        for process in running.values():
            os.kill(process.pid or 0, signal.SIGKILL)
            process.join()
    say(f"{_lines(folder)} operations, {kills + 3} kills, {time.monotonic() - began:.0f} s")
    return check(course, folder)


def _lines(folder: Path) -> int:
    """How many operations have ended, as the graders noted it."""
    return sum(entry[0] in ("done", "conflict") for entry in _journal(folder))


def _journal(folder: Path) -> list[list[Any]]:
    found = []
    for path in sorted(folder.glob("*.jsonl")):
        for line in path.read_text().splitlines():
            with suppress(ValueError):  # cut off
                found.append(json.loads(line))
    return found


def check(course: Course, folder: Path) -> Counter[str]:
    """Compare journals, log, tables and nbgrader's rows; what was done, by kind."""
    journal = _journal(folder)
    with RubricStore(course) as store:
        log = store.log()
        found = {(question.grade_id, owner): row for question in QUESTIONS
                 for owner, row in store._database.read(lambda connection: rows.answers(
                     connection, ("essay", question.grade_id))).items()}  # noqa: B023
    marks = {place: mark for place, row in found.items() if (mark := row.as_mark())}
    _check_log(journal, log)
    replayed = replay(log)
    typed = {(entry[1], entry[2]) for entry in journal if entry[0] == "typed"}
    for question in QUESTIONS:
        for owner in OWNERS:
            expected = replayed.get(("essay", question.grade_id, owner))
            mark = marks.get((question.grade_id, owner))
            row = found[question.grade_id, owner]
            if row.is_elsewhere:
                assert (question.grade_id, owner) in typed, f"{owner}: nobody typed {mark}"
                continue
            assert (mark is None) == (expected is None), f"{owner}: {mark}, {expected}"
            if mark and expected:
                # Somebody is asked again where another answer is there than was graded.
                asked = row.digest is not None and row.digest != mark.digest
                assert (mark.state == "changed") == asked or (
                    question.grade_id, owner) in typed, f"{owner}: {row}"
                points, given = expected
                assert (mark.points, mark.item_ids, mark.adjustment, mark.comment, mark.grader) == (
                    points, given.items, given.adjustment, given.comment, given.grader)
    for entry in queries.entries(course, "essay"):
        for part, manual in entry.manual.parts.items():
            assert manual.points == marks[part, entry.student].points
    assert len({entry.id for entry in log}) == len(log)
    with open_gradebook(course) as gradebook:  # whole, in nbgrader's own eyes
        assert len(gradebook.assignment_submissions("essay")) == len(OWNERS)
    return Counter(f"{one[0]} {one[1]}" for one in journal
                   if one[0] in ("done", "conflict", "refused"))


def _check_log(journal: list[list[Any]], log: list[Any]) -> None:
    """What was done is in the log once; of what was cut off, all or nothing; nothing else is."""
    ended = {entry[2] for entry in journal if entry[0] in ("done", "conflict", "refused")}
    cut_off = Counter((entry[2].split()[0], entry[1]) for entry in journal
                      if entry[0] == "begin" and entry[2] not in ended)
    done = Counter((entry[2].split()[0], entry[1]) for entry in journal if entry[0] == "done")
    logged = Counter((entry.grader, entry.operation) for entry in log)
    for grader in GRADERS:
        for kind in ("give", "clear", "undo", "add_item", "change_item", "retire_item", "draw"):
            more = logged[grader, kind] - done[grader, kind]
            assert 0 <= more <= cut_off[grader, kind], (grader, kind, more)
    tokens = Counter(entry.data.get("comment") or entry.data.get("text") for entry in log
                     if entry.operation in ("give", "add_item", "change_item"))
    assert max(tokens.values()) == 1, "an operation stands in the log twice"
    _check_that_all_was_seen(journal, log)
    for entry in journal:
        if entry[1] in ("give", "add_item", "change_item") and entry[0] != "begin":
            assert (entry[2] in tokens) == (entry[0] == "done"), f"{entry} is lost, or was done"


def _check_that_all_was_seen(journal: list[list[Any]], log: list[Any]) -> None:
    """What was overwritten is what the grader saw, formgrader's points and comments included."""
    saw = {entry[1]: entry[2] for entry in journal if entry[0] == "saw"}
    for entry in log:
        if entry.operation == "give":
            for owner, image in entry.data["before"]["answers"].items():
                mark = image["mark"] or {"version": 0, "points": None, "comment": ""}
                elsewhere = (image["score"], image["comment"]) != (mark["points"], mark["comment"])
                assert saw[entry.data["comment"]][owner] == (elsewhere_version(
                    mark["version"], image["score"], image["comment"]) if elsewhere
                    else mark["version"]), f"{entry}: {owner} was not seen"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--operations", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--postgresql", action="store_true", help="on a server started for it")
    given = parser.parse_args()
    warnings.simplefilter("ignore")  # nbgrader's own use of SQLAlchemy warns
    from postgresql import a_server

    with (tempfile.TemporaryDirectory() as temporary,
          a_server() if given.postgresql else nullcontext("") as url):
        print(f"seed {given.seed}, {'PostgreSQL' if url else 'SQLite'}", flush=True)
        course = a_course(Path(temporary) / "course", url)
        found = run(course, Path(temporary), given.operations, given.seed,
                    lambda line: print(line, flush=True))
    for what, number in sorted(found.items()):
        print(f"{number:7} {what}")
    print("Nothing is lost, nothing was done twice, and the log gives what the tables hold.")


if __name__ == "__main__":
    sys.exit(main())
