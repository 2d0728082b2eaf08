"""A few attacks of each kind in every run of the tests; `make redteam` runs them all."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from redteam import batch, checks, pages
from redteam.attack import LOOT, Attack, attacks
from redteam.batch import Batch

pytestmark = [pytest.mark.sandbox, pytest.mark.nbgrader]

QUICK = ("equals everything", "an agent of its own", "hooks of IPython that answer for it",
         "its own memory", "TCP to the grading machine and beyond", "abstract sockets",
         "answers before it is asked", "daemons that outlive the kernel", "zip slip",
         "symlinks in the zip", "a formula for a name", "scripts in errors")
ISSUE = {"values", "patches", "spying", "channels", "floods", "network", "uploads", "pages",
         "exercises"}


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Batch]:
    """One batch: two honest submissions and an attack of each kind."""
    listener = pages.Listener()
    chosen = [pages.aimed(attack, listener.port) for attack in attacks() if attack.name in QUICK]
    folder = Path("/var/tmp") / tmp_path_factory.mktemp("redteam").name
    folder.mkdir()
    yield batch.run(folder, "warm", chosen)
    listener.close()
    shutil.rmtree(folder, ignore_errors=True)


def test_there_are_attacks_of_every_kind() -> None:
    assert {attack.kind for attack in attacks()} == ISSUE and len(attacks()) >= 60
    assert {attack.name for attack in attacks()} >= set(QUICK)


def test_nobody_is_harmed(done: Batch) -> None:
    assert list(checks.harmed(done)) == []


@pytest.mark.parametrize("name", QUICK)
def test_it_gains_nothing(done: Batch, name: str) -> None:
    (student,) = (student for student, attack in done.students.items() if attack.name == name)
    assert list(checks.gained(done, student)) == []
    assert list(checks.never_ran(done, student)) == []
    assert list(checks.lost(done, student)) == []


def test_a_gain_is_seen(tmp_path: Path) -> None:
    """The checks themselves: an attack that writes the solution is told as one that gained."""
    folder = Path("/var/tmp") / f"{tmp_path.parent.name}-{tmp_path.name}"
    folder.mkdir()
    cell = "words = lambda text: text.lower().split()\nraise SystemExit('LOOT')"
    found = batch.run(folder, "warm", [Attack("a", "values", "Solves it.", "All.", cells=(cell,))])
    got = " ".join(checks.gained(found, "s100"))
    shutil.rmtree(folder)
    assert "4 points in toy_words" in got and LOOT in got


def test_a_script_is_seen(tmp_path: Path) -> None:
    """The browser, or what reads in its place: a page that acts is told as one."""
    listener = pages.Listener()
    page = tmp_path / "page.html"
    page.write_text(f"<html><body><script>{pages.HOOK}</script>"
                    f"<img src='http://127.0.0.1:{listener.port}/x'></body></html>")
    assert len(list(pages.opened(page, listener))) == 2
    listener.close()


def test_a_formula_is_seen(tmp_path: Path) -> None:
    (tmp_path / "grades.csv").write_text('s001,"=1+1",-3,"two, words"\n')
    assert len(list(checks.formulas(tmp_path / "grades.csv"))) == 1
