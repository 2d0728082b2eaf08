"""What comes back: comments, in whatever file and form."""

from __future__ import annotations

import zipfile
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

from autograder.course import Course
from autograder.crossfeedback.collect import collect, returns
from autograder.crossfeedback.comment_cells import CommentCells
from autograder.settings import CrossfeedbackSettings
from crossfeedback.essays import CELLS, SUBTASKS, commented, got, send, sent_out


def test_comments_are_known_by_the_token_whatever_the_file_is_called(
        sent: Course, tmp_path: Path) -> None:
    given = sent_out(sent)
    send(tmp_path / "in", "x/our work.ipynb", commented(given, "g1", _1_1="Good.", _3_4="1 < 2"))
    with zipfile.ZipFile(tmp_path / "in" / "all.zip", "w") as archive:
        archive.writestr("a/b.ipynb", nbformat.writes(commented(given, "g2", _2_1="Why?")))
    found = {row.reviewer: row.comments for row in collect(sent, "toy", tmp_path / "in")}
    assert found == {"g1": {"1.1": "Good.", "3.4": "1 < 2"}, "g2": {"2.1": "Why?"}}


def without_metadata(notebook: NotebookNode) -> NotebookNode:
    notebook.metadata = nbformat.from_dict({})
    for number, cell in enumerate(notebook.cells):
        cell.metadata, cell.id = nbformat.from_dict({}), f"x{number}"
    return notebook


@pytest.mark.parametrize(("name", "known"), [
    ("toy-group-{letter} (1).ipynb", True), ("Copy of toy_group_{letter}_done.ipynb", True),
    ("g1/whatever.ipynb", True), ("whatever.ipynb", False), ("toy-group-Q.ipynb", False),
    ("toy-groups.ipynb", False), ("g2/toy-group-{letter}.ipynb", False)])
def test_without_metadata_the_name_tells_or_nobody_does(
        sent: Course, tmp_path: Path, name: str, known: bool) -> None:
    given = sent_out(sent)
    letter = given.round.letters[given.round.reviews["g1"]]
    send(tmp_path / "in", name.format(letter=letter),
         without_metadata(commented(given, "g1", _1_1="Good.")))
    (row,) = collect(sent, "toy", tmp_path / "in")
    assert row.reviewer == ("g1" if known else "")
    assert row.problem if not known else row.comments == {"1.1": "Good."}


@pytest.mark.parametrize(("text", "comment"), [
    ("⟶ **Comments on 2.1**, by your group: between this line and the last\r\n\r\nWell done.\r\n"
     "\r\n⟵ **End of the comments on 2.1**", "Well done."),
    ("→ __Comments on 2.1__\nWell done.\n<- __End of the comments on 2.1__", "Well done."),
    ("> ⟶ Comments on 2.1, written by another group: Well done.\n⟵ End of the comments on 2.1",
     "Well done."),
    ("⟶ **Comments on 2.1**\nWell\n⟵ **End of the comments on 2.1**\ndone.", "Well\n\ndone."),
    ("⟶ **Comments on 2.1**\nWell done.", "Well done."),
    (f"⟶ **Comments on 2.1**\n{CELLS.hint}\nWell done.\n⟵ **End of the comments on 2.1**",
     "Well done."),
    (f"⟶ **Comments on 2.1**\n{CELLS.hint}\n⟵ **End of the comments on 2.1**", None),
    ("⟶ **Comments on 2.1**\n--- ...\n⟵ **End of the comments on 2.1**", None),
    ("⟶ **Comments on 2.10**\nWell done.\n⟵ **End of the comments on 2.10**", None),
])
def test_marks_are_read_whatever_an_editor_did_to_them(text: str, comment: str | None) -> None:
    comments, _ = CELLS.read_all([text])
    assert comments.get("2.1") == comment


def test_two_subtasks_in_one_cell_stay_apart() -> None:
    text = "\n".join(CELLS.empty(one).replace(CELLS.hint, f"on {one}") for one in SUBTASKS)
    assert CELLS.read(text).comments == {one: f"on {one}" for one in SUBTASKS}


def test_changes_outside_the_comments_are_told_and_ignored(sent: Course, tmp_path: Path) -> None:
    notebook = commented(sent_out(sent), "g1", _1_1="Good.")
    notebook.cells[0].source = "# Our title"
    del notebook.cells[2]
    send(tmp_path / "in", "a.ipynb", notebook)
    (row,) = collect(sent, "toy", tmp_path / "in")
    assert row.remarks == ("cells outside the comments: 1 changed, 1 removed; ignored",)
    assert row.comments == {"1.1": "Good."}


def test_the_newest_counts_unless_it_is_empty(sent: Course, tmp_path: Path) -> None:
    given = sent_out(sent)
    send(tmp_path / "in", "b.ipynb", commented(given, "g1", _1_1="First."), 1_700_000_000)
    send(tmp_path / "in", "a.ipynb", commented(given, "g1", _1_2="Second."), 1_700_000_100)
    for _ in range(2):
        (row,) = collect(sent, "toy", tmp_path / "in")
        assert row.comments == {"1.2": "Second."}
        assert row.remarks == ("b.ipynb is from the same group and older: it does not count",)
    send(tmp_path / "late", "c.ipynb", got(given, "g1"), 1_700_000_200)
    (row,) = collect(sent, "toy", tmp_path / "late")
    assert row.comments == {"1.2": "Second."} and "c.ipynb is newer" in row.remarks[-1]


def test_a_late_return_joins_the_others(sent: Course, tmp_path: Path) -> None:
    given = sent_out(sent)
    send(tmp_path / "one", "a.ipynb", commented(given, "g1", _1_1="Good."))
    send(tmp_path / "two", "a.ipynb", commented(given, "g2", _1_1="Late."))
    collect(sent, "toy", tmp_path / "one")
    collect(sent, "toy", tmp_path / "two")
    assert set(returns(sent, "toy")) == {"g1", "g2"}


DAMAGED = [
    b"", b"{", b"[]", b"{}", b'{"cells": 1}', b'{"cells": [{"source": 3}]}', b"\xff\xfe",
    b'{"cells": [], "metadata": 3}', b'{"cells": [], "metadata": {"crossfeedback": {"token": []}}}',
    b"[" * 100_000]


def test_what_cannot_be_read_is_a_row(sent: Course, tmp_path: Path) -> None:
    sent_out(sent)
    (tmp_path / "in").mkdir()
    for number, data in enumerate(DAMAGED):
        for ending in ("ipynb", "zip", "pdf"):
            (tmp_path / "in" / f"{number}.{ending}").write_bytes(data)
    rows = collect(sent, "toy", tmp_path / "in")
    assert len(rows) == 3 * len(DAMAGED) and all(row.problem for row in rows)


def test_a_course_has_words_of_its_own_for_the_marks() -> None:
    cells = CommentCells(CrossfeedbackSettings(begin="Anmerkungen zu", end="Ende zu",
                                               released="", reviewing="von euch", keep="",
                                               hint="hier schreiben"))
    empty = cells.empty("1.2")
    assert empty.startswith("⟶ **Anmerkungen zu 1.2**, von euch\n\n*(hier schreiben)*")
    assert cells.read(empty).comments == {"1.2": ""}
    assert cells.read(empty.replace(cells.hint, "Gut.")).comments == {"1.2": "Gut."}
    assert not cells.marked(CELLS.empty("1.2"))
