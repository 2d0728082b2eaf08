"""Rounds: who reviews whom, who took part, and the commands."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import NotebookNode
from typer.testing import CliRunner

from autograder import faults, roster
from autograder.course import Course, CourseError
from autograder.crossfeedback import handout, merge, report, rounds
from autograder.crossfeedback.anonymise import anonymous
from autograder.crossfeedback.cli import app
from autograder.crossfeedback.collect import collect, returns
from autograder.exercise import source
from autograder.faults import Step
from autograder.roster import Member, Roster
from crossfeedback.essays import (
    ABSENT,
    CELLS,
    commented,
    graded,
    hand_in,
    hand_out,
    page,
    send,
    sent_out,
    written_by,
)

# ------------------------------------------------------------------------------- who reviews whom


@pytest.mark.parametrize("count", [2, 3, 6, 7, 30])
def test_everybody_reviews_another_and_no_two_each_other(count: int) -> None:
    groups = [f"g{number}" for number in range(count)]
    for seed in range(20):
        drawn = rounds.draw("hw", groups, seed)
        assert sorted(drawn.reviews) == sorted(drawn.reviews.values()) == sorted(groups)
        assert all(reviewer != reviewed for reviewer, reviewed in drawn.reviews.items())
        at, seen = groups[0], []
        while at not in seen:
            seen.append(at)
            at = drawn.reviews[at]
        assert len(seen) == count  # one cycle


def test_a_seed_tells_pairs_and_letters_and_another_seed_others() -> None:
    groups = [f"g{number}" for number in range(7)]
    one, same, other = (rounds.draw("hw", groups, seed) for seed in (1, 1, 2))
    assert (one.reviews, one.letters) == (same.reviews, same.letters)
    assert one.reviews != other.reviews and one.letters != other.letters
    assert sorted(one.letters.values()) == list("ABCDEFG")


def test_after_z_come_two_letters() -> None:
    assert [rounds.letter(index) for index in (0, 25, 26, 51, 52, 701, 702)] == [
        "A", "Z", "AA", "AZ", "BA", "ZZ", "AAA"]


@pytest.mark.parametrize("groups", [[], ["g1"]])
def test_fewer_than_two_groups_are_a_sentence(groups: list[str]) -> None:
    with pytest.raises(CourseError, match="takes two at least"):
        rounds.draw("hw", groups, 1)


def test_those_that_handed_in_nothing_take_no_part(essays: Course) -> None:
    given = hand_out(essays, seed=7)
    assert given.absent == (ABSENT,)
    assert sorted(given.files) == ["g1", "g2", "g3", "g4", "g5", "g6"]


def test_a_notebook_as_it_was_released_is_nothing(essays: Course) -> None:
    released = essays.build / "release" / "toy" / "toy.ipynb"
    released.parent.mkdir(parents=True)
    nbformat.write(source.read_notebook(essays.exercise("toy")), released)
    hand_in(essays, ABSENT, nbformat.read(released, as_version=4))
    assert hand_out(essays, seed=7).absent == (ABSENT,)


def test_handing_out_twice_gives_the_same_bytes(essays: Course) -> None:
    first = {group: path.read_bytes() for group, path in hand_out(essays, seed=7).files.items()}
    assert {g: p.read_bytes() for g, p in hand_out(essays).files.items()} == first


def test_a_round_does_not_change_unless_asked_to(essays: Course, tmp_path: Path) -> None:
    given = hand_out(essays, seed=7)
    send(tmp_path / "in", "a.ipynb", commented(given, "g1", _1_1="Good."))
    collect(essays, "toy", tmp_path / "in")
    with pytest.raises(CourseError, match="seed 7, not 8"):
        hand_out(essays, seed=8)
    hand_in(essays, ABSENT, written_by(essays, roster.of(essays).groups[ABSENT]))
    with pytest.raises(CourseError, match=r"g7 handed in since.*--again"):
        hand_out(essays)
    assert len(hand_out(essays, again=True).files) == 7
    assert returns(essays, "toy") == {}
    kept = rounds.folder(essays, "toy") / "earlier" / "1" / "comments.json"
    assert "Good." in kept.read_text()
    (row,) = collect(essays, "toy", tmp_path / "in")
    assert "earlier round" in row.problem


def test_a_notebook_that_cannot_be_given_on_is_one_groups_flag(
        essays: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = hand_out(essays, seed=7)
    before = {group: path.read_bytes() for group, path in whole.files.items()}
    for reviewer, reviewed in whole.round.reviews.items():
        def fails(*args: Any, victim: str = reviewed) -> NotebookNode:
            if victim in args:
                raise ValueError("odd")
            return anonymous(*args)

        with monkeypatch.context() as patched:
            patched.setattr(handout, "anonymous", fails)
            done = hand_out(essays, seed=7)
        assert len(done.failed) == 1 and done.failed[0].startswith(f"{reviewed}: ")
        assert {group: path.read_bytes() for group, path in done.files.items()} == {
            group: data for group, data in before.items() if group != reviewer}
        assert [(fault.student, fault.step) for fault in faults.faults(essays, "toy")] == [
            (reviewed, Step.HAND_OUT)]
    again = hand_out(essays, seed=7)
    assert not again.failed and not faults.faults(essays, "toy")


def test_an_assignment_without_comment_cells_is_a_sentence(toy: Course) -> None:
    with pytest.raises(CourseError, match="no comment cells"):
        handout.assign(toy, "toy", Roster((Member("1", "A", "g"), Member("2", "B", "h"))))


# ---------------------------------------------------------------------------- who took part


def test_the_report_names_whoever_has_not_taken_part(sent: Course, tmp_path: Path) -> None:
    given = sent_out(sent)
    send(tmp_path / "in", "a.ipynb", commented(given, "g1", _1_1="Good.", _1_2="=1+1"))
    send(tmp_path / "in", "b.ipynb", commented(given, "g2", _1_1="..."))
    collect(sent, "toy", tmp_path / "in")
    found = report.rows(sent, "toy", roster.of(sent))
    assert report.missing(found) == ["g2", "g3", "g4", "g5", "g6", "g7"]
    told = {row.group: row.happened for row in found}
    assert told["g1"] == "" and told["g2"] == "came back without comments"
    assert told["g3"] == "nothing came back" and told["g7"].startswith("handed in nothing")
    report.write_csv(tmp_path / "report.csv", found)
    with open(tmp_path / "report.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["took_part"] for row in rows] == ["yes"] + ["no"] * 6
    assert (rows[0]["subtasks"], rows[0]["of"], rows[0]["characters"]) == ("2", "12", "9")
    assert rows[0]["members"] == "2026_00001 2026_00002"


def test_a_round_from_the_command_line(essays: Course, tmp_path: Path,
                                       monkeypatch: pytest.MonkeyPatch) -> None:
    command = ["--course", str(essays.root)]
    runner = CliRunner()
    done = runner.invoke(app, ["assign", "toy", "--seed", "7", *command])
    assert done.exit_code == 0, done.output
    assert "g7 handed in nothing" in done.output
    drawn = rounds.load(essays, "toy")
    out = rounds.folder(essays, "toy") / "out"
    for reviewer in drawn.reviews:
        (path,) = (out / reviewer).glob("*.ipynb")
        notebook = json.loads(path.read_text())
        for cell in notebook["cells"]:
            cell["source"] = "".join(cell["source"]).replace(CELLS.hint, f"by {reviewer}")
        (tmp_path / "in").mkdir(exist_ok=True)
        (tmp_path / "in" / f"{reviewer}.ipynb").write_text(json.dumps(notebook))
    done = runner.invoke(app, ["collect", "toy", str(tmp_path / "in"), *command])
    assert done.exit_code == 0, done.output
    done = runner.invoke(app, ["report", "toy", *command])
    assert done.exit_code == 1 and "Not taken part: g7" in done.output
    for reviewer, reviewed in drawn.reviews.items():
        notebook = graded(essays, reviewed)
        merge.insert(notebook, essays, "toy", reviewed)
        assert page(notebook).get_text().count(f"by {reviewer}") == 12
