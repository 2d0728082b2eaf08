"""Put the comments that a group got into its feedback page, below the subtasks they are on.

The comments are another group's words: they are shown as they were typed, and nothing in them is
markup, a link, a picture, mathematics or a script any more.
"""

from __future__ import annotations

import html

import nbformat
from nbformat import NotebookNode

from autograder.cells import OURS
from autograder.course import Course
from autograder.crossfeedback import marks, rounds
from autograder.crossfeedback.collect import Return, returns
from autograder.crossfeedback.rounds import ASSIGNMENT

PLAIN = set(" .,;")  # beside letters and digits, what can mean nothing but itself
# Mathematics is not set in it: TeX has links, too. Both of MathJax's classes, old and new.
BOX = ('<div class="crossfeedback" style="border-left: 4px solid #2e7d6b; background: #eef6f3; '
       'padding: 0.6em 1em; margin: 0.4em 0"><b>{title}</b><pre class="tex2jax_ignore '
       'mathjax_ignore" style="white-space: pre-wrap; overflow-wrap: anywhere; background: none; '
       'border: 0; padding: 0; margin: 0.4em 0 0; font-family: inherit; font-size: inherit">{text}'
       '</pre></div>')


def insert(notebook: NotebookNode, course: Course, assignment: str, group: str,
           exercise: str = "") -> None:
    """Put the comments on `group`'s notebook into it; where none came, nothing changes.

    `exercise` is the notebook's name, where an assignment has several: comments are on one.

    A comment cell that the group left as it was gives way to the comments; else they stand below
    it. Grade cells, and what staff wrote, stay as they are.
    """
    review = _review_of(course, assignment, group)
    if review is None:
        return
    asked = marks.asked(course, assignment)
    if exercise not in ("", asked.exercise.name):
        return
    given = {marks.plain(text) for text in asked.given}
    places = marks.places(asked, notebook.cells)
    below: dict[int, list[NotebookNode]] = {}
    replaced: set[int] = set()
    for subtask, (index, is_comment_cell) in places.items():
        text = (review.comments or {}).get(subtask, "")
        if is_comment_cell and marks.plain(notebook.cells[index].source) in given:
            replaced.add(index)
        elif not text:
            continue
        below.setdefault(index, []).append(_cell(subtask, text))
    cells = below.get(-1, [])
    for index, cell in enumerate(notebook.cells):
        cells += ([] if index in replaced else [cell]) + below.get(index, [])
    notebook.cells = cells


def comments_by_group(course: Course, assignment: str) -> dict[str, dict[str, str]]:
    """What other groups wrote on each group's notebook, by subtask; who got nothing is left out."""
    if not (rounds.folder(course, assignment) / ASSIGNMENT).is_file():
        return {}
    found = returns(course, assignment)
    return {reviewed: dict(found[reviewer].comments or {})
            for reviewer, reviewed in rounds.load(course, assignment).reviews.items()
            if reviewer in found and found[reviewer].comments}


def _review_of(course: Course, assignment: str, group: str) -> Return | None:
    """What came back on a group's notebook, if anything did."""
    if not (rounds.folder(course, assignment) / ASSIGNMENT).is_file():
        return None
    drawn = rounds.load(course, assignment)
    found = returns(course, assignment)
    return next((found[reviewer] for reviewer, reviewed in drawn.reviews.items()
                 if reviewed == group and reviewer in found and found[reviewer].comments), None)


def _cell(subtask: str, text: str) -> NotebookNode:
    title = f"Comments of another group on {subtask}"
    if not text:
        return nbformat.v4.new_markdown_cell(f"*Another group read {subtask} and left no comment.*")
    return nbformat.v4.new_markdown_cell(BOX.format(title=html.escape(title), text=_inert(text)),
                                         metadata={"tags": [f"{OURS}comment"]})


def _inert(text: str) -> str:
    """A text as HTML on one line, each character that could mean something as its number."""
    return "".join(character if character.isalnum() or character in PLAIN
                   else f"&#{ord(character)};" for character in text)
