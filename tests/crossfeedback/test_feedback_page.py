"""The feedback page: comments stand in their places, and nothing in them runs."""

from __future__ import annotations

import copy
from pathlib import Path

import nbformat

from autograder.course import Course
from autograder.crossfeedback import merge
from autograder.crossfeedback.collect import collect
from crossfeedback.essays import CELLS, commented, graded, hand_out, page, send, sent_out

HOSTILE = """<script>alert(1)</script><img src=x onerror=alert(2)> </pre></div>
[click](javascript:alert(3)) ![](https://example.org/x.png) https://example.org
$$\\href{javascript:alert(4)}{x}$$ **bold** `code` <!-- &lt;b&gt; {{ 7*7 }}

    indented, after a blank line"""


def test_comments_stand_below_the_subtasks_they_are_on(sent: Course, tmp_path: Path) -> None:
    given = sent_out(sent)
    reviewed = given.round.reviews["g1"]
    send(tmp_path / "in", "a.ipynb", commented(given, "g1", _1_1="Good.", _2_3="Why?\n\nSo?"))
    collect(sent, "toy", tmp_path / "in")
    notebook = graded(sent, reviewed)
    grades = [cell for cell in notebook.cells if "nbgrader" in cell.metadata]
    other = copy.deepcopy(notebook)
    merge.insert(other, sent, "toy", reviewed, exercise="another")
    assert other == notebook
    merge.insert(notebook, sent, "toy", reviewed, exercise="toy")
    assert [cell for cell in notebook.cells if "nbgrader" in cell.metadata] == grades
    nbformat.validate(notebook)
    assert merge.comments_by_group(sent, "toy") == {reviewed: {"1.1": "Good.",
                                                               "2.3": "Why?\n\nSo?"}}
    text = page(notebook).get_text()
    order = ["2.3 What is", "to 2.3", "Comments of another group on 2.3", "Why?\n\nSo?",
             "2.4 What is", "Another group read 2.4 and left no comment"]
    assert sorted(order, key=text.index) == order
    assert "leave this cell" not in text and "g1" not in text


def test_nothing_in_a_comment_runs_loads_or_leads_anywhere(sent: Course, tmp_path: Path) -> None:
    given = sent_out(sent)
    reviewed = given.round.reviews["g1"]
    bare = graded(sent, reviewed)
    send(tmp_path / "in", "a.ipynb", commented(given, "g1", _1_1=HOSTILE))
    collect(sent, "toy", tmp_path / "in")
    notebook = graded(sent, reviewed)
    merge.insert(notebook, sent, "toy", reviewed)
    soup, before = page(notebook), page(bare)
    (box,) = soup.find_all("div", "crossfeedback")
    assert {tag.name for tag in box.find_all(True)} == {"b", "pre"}
    assert box.pre.get_text() == HOSTILE  # as it was typed
    assert {"tex2jax_ignore", "mathjax_ignore"} <= set(box.pre["class"])
    for name in ("script", "img", "a", "style", "iframe"):
        assert len(soup.find_all(name)) == len(before.find_all(name))


def test_where_nothing_came_back_the_page_stays(essays: Course, tmp_path: Path) -> None:
    notebook = graded(essays, "g1")
    merge.insert(notebook, essays, "toy", "g1")  # before any round
    hand_out(essays, seed=7)
    merge.insert(notebook, essays, "toy", "g1")
    assert notebook == graded(essays, "g1")


def test_comments_find_their_place_where_the_cells_are_gone(
        sent: Course, tmp_path: Path) -> None:
    given = sent_out(sent)
    reviewed = given.round.reviews["g1"]
    send(tmp_path / "in", "a.ipynb", commented(given, "g1", _2_3="Why?"))
    collect(sent, "toy", tmp_path / "in")
    notebook = graded(sent, reviewed)
    notebook.cells = [cell for cell in notebook.cells if not CELLS.marked(cell.source)]
    merge.insert(notebook, sent, "toy", reviewed)
    at = next(i for i, cell in enumerate(notebook.cells) if "crossfeedback" in cell.source)
    assert notebook.cells[at - 1].id == "toy_2_3"
