"""Put the comments on a group's notebook into its feedback page, below their subtasks.

Comments are shown as they were typed: no markup, link, picture, mathematics or script in them
takes effect.
"""

from __future__ import annotations

import html

import nbformat
from nbformat import NotebookNode

from autograder.cells import OURS
from autograder.course import Course
from autograder.crossfeedback import rounds
from autograder.crossfeedback.collect import returns
from autograder.crossfeedback.comment_cells import commented_exercise, plain
from autograder.crossfeedback.rounds import ASSIGNMENT

PLAIN = set(" .,;")  # beside letters and digits, characters that no markup uses
# No mathematics is typeset: TeX has links, too. Both classes of MathJax, the old and the new one.
BOX = ('<div class="crossfeedback" style="border-left: 4px solid #2e7d6b; background: #eef6f3; '
       'padding: 0.6em 1em; margin: 0.4em 0"><b>{title}</b><pre class="tex2jax_ignore '
       'mathjax_ignore" style="white-space: pre-wrap; overflow-wrap: anywhere; background: none; '
       'border: 0; padding: 0; margin: 0.4em 0 0; font-family: inherit; font-size: inherit">{text}'
       '</pre></div>')


def insert(notebook: NotebookNode, course: Course, assignment: str, group: str,
           exercise: str = "") -> None:
    """Put the comments on `group`'s notebook into it; without any, nothing changes.

    `exercise` is the notebook's name, if an assignment has several: comments are on one.

    A cell for comments that the group left as it was is replaced; otherwise the comments come
    below it. Grade cells and cells of staff stay as they are.
    """
    comments = comments_by_group(course, assignment).get(group)
    if comments is None:
        return
    commented = commented_exercise(course, assignment)
    if exercise not in ("", commented.exercise.name):
        return
    given = {plain(text) for text in commented.given}
    below: dict[int, list[NotebookNode]] = {}
    replaced: set[int] = set()
    for subtask, (index, is_comment_cell) in commented.places(notebook.cells).items():
        text = comments.get(subtask, "")
        untouched = is_comment_cell and plain(notebook.cells[index].source) in given
        if untouched:
            replaced.add(index)
        if untouched or text:
            below.setdefault(index, []).append(_cell(subtask, text))
    cells = below.get(-1, [])
    for index, cell in enumerate(notebook.cells):
        cells += ([] if index in replaced else [cell]) + below.get(index, [])
    notebook.cells = cells


def comments_by_group(course: Course, assignment: str) -> dict[str, dict[str, str]]:
    """The comments on each group's notebook, by subtask; groups without any are left out."""
    if not (rounds.folder(course, assignment) / ASSIGNMENT).is_file():
        return {}
    found = returns(course, assignment)
    return {reviewed: dict(found[reviewer].comments or {})
            for reviewer, reviewed in rounds.load(course, assignment).reviews.items()
            if reviewer in found and found[reviewer].comments}


def _cell(subtask: str, text: str) -> NotebookNode:
    title = f"Comments of another group on {subtask}"
    if not text:
        return nbformat.v4.new_markdown_cell(f"*Another group read {subtask} and left no comment.*")
    return nbformat.v4.new_markdown_cell(BOX.format(title=html.escape(title), text=_inert(text)),
                                         metadata={"tags": [f"{OURS}comment"]})


def _inert(text: str) -> str:
    """A text as HTML on one line, with a character reference for all that could be markup."""
    return "".join(character if character.isalnum() or character in PLAIN
                   else f"&#{ord(character)};" for character in text)
