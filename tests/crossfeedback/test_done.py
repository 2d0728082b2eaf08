"""Comments that somebody is done with stay so, until another one comes in their place."""

from __future__ import annotations

from pathlib import Path

from autograder.course import Course
from autograder.crossfeedback import rounds
from autograder.crossfeedback.collect import collect
from autograder.crossfeedback.done import DONE, Comment, comments, mark
from crossfeedback.essays import commented, send, sent_out, seven_groups


def came(course: Course, folder: Path, time: int, **texts: str) -> str:
    """Take back what g1 commented; return whose answers these are on."""
    given = sent_out(course)
    send(folder, "back.ipynb", commented(given, "g1", **texts), time)
    collect(course, "toy", folder)
    return given.round.reviews["g1"]


def test_without_a_round_there_are_none(tmp_path: Path) -> None:
    assert comments(seven_groups(tmp_path), "toy") == []


def test_a_comment_is_done_and_is_not_again(sent: Course, tmp_path: Path) -> None:
    other = came(sent, tmp_path / "in", 1_700_000_000, _1_1="Good.", _1_2="Why?")
    first, second = comments(sent, "toy")
    assert (first, second) == (Comment(other, "1.1", "Good."), Comment(other, "1.2", "Why?"))
    mark(sent, "toy", second, "Ada Lovelace")
    assert [one.done_by for one in comments(sent, "toy")] == ["", "Ada Lovelace"]
    mark(sent, "toy", second, "")
    assert comments(sent, "toy") == [first, second]


def test_another_comment_is_not_done(sent: Course, tmp_path: Path) -> None:
    came(sent, tmp_path / "in", 1_700_000_000, _1_1="Good.", _1_2="Why?")
    for one in comments(sent, "toy"):
        mark(sent, "toy", one, "ada")
    came(sent, tmp_path / "in", 1_700_000_001, _1_1="Good.", _1_2="Why not?")
    assert [one.done_by for one in comments(sent, "toy")] == ["ada", ""]


def test_a_line_that_was_cut_off_counts_as_none(sent: Course, tmp_path: Path) -> None:
    came(sent, tmp_path / "in", 1_700_000_000, _1_1="Good.")
    (one,) = comments(sent, "toy")
    path = rounds.folder(sent, "toy") / DONE
    path.write_text('{"reviewed": "g2", "subt')
    mark(sent, "toy", one, "ada")
    assert [one.done_by for one in comments(sent, "toy")] == ["ada"]
