"""Make a group's notebook anonymous, with empty cells for comments.

A new notebook is written from texts without people (redaction.py), and outputs as text and
pictures (pictures.py). Metadata, ids, scripts, widgets and grade cells' data are not copied.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator
from html.parser import HTMLParser
from typing import Any

import nbformat
from nbformat import NotebookNode

from autograder.cells import is_staff
from autograder.crossfeedback import pictures
from autograder.crossfeedback.comment_cells import CommentedExercise, plain, says_something
from autograder.crossfeedback.redaction import Names
from autograder.crossfeedback.rounds import KEY
from autograder.intake.owners import BETWEEN
from autograder.roster import Member
from autograder.settings import MEMBERS

MOST_TEXT = 20_000  # characters of one output
MOST_OUTPUTS = 40  # of one cell
LONGEST_NAME = 5  # words of a name in the members' cell
NO_PICTURE = "*(a picture that cannot be shown here)*"
ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07\x1b\n]*(?:\x07|\x1b\\)")
DATA_URI = re.compile(r"data:(?P<type>image/[\w.+-]+);base64,(?P<data>[A-Za-z0-9+/=]+)")


def anonymous(notebook: NotebookNode, exercise: CommentedExercise, group: str,
              members: Iterable[Member], letter: str, token: str) -> NotebookNode:
    """The notebook of `group` as another group gets it.

    exercise: its cells for comments are put in where the group lost them
    letter, token: the group's name, and what identifies the notebook when it comes back
    """
    cells = [cell for cell in notebook.cells if not is_staff(cell)]
    names = Names(group, members, _names_in(cells, exercise.members), exercise.given)
    writer = _Writer(names, exercise)
    places = exercise.places(cells)
    written = _comments_after(exercise, places, -1)
    for index, cell in enumerate(cells):
        written += writer.cells(cell)
        written += _comments_after(exercise, places, index)
    found = nbformat.v4.new_notebook(cells=written)
    found.metadata = nbformat.from_dict({
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
        KEY: {"exercise": exercise.exercise.name, "group": letter, "token": token}})
    for number, cell in enumerate(found.cells, start=1):
        if KEY not in cell.metadata:
            cell.id = f"cell-{number}"
    nbformat.validate(found)
    return found


def _comments_after(exercise: CommentedExercise, places: dict[str, tuple[int, bool]], index: int
                    ) -> list[NotebookNode]:
    """The empty cells for comments that belong after the cell of this index."""
    return [nbformat.v4.new_markdown_cell(
                exercise.cells.empty(subtask), id=f"comment_{subtask.replace('.', '_')}",
                metadata={"editable": True, "deletable": False, KEY: subtask})
            for subtask, (place, _) in places.items() if place == index]


def members_heading(text: str, members: str = MEMBERS) -> re.Match[str] | None:
    """The line of a text that stands above the names of the group's members."""
    return re.search(rf"^(?:[^\w\n]|_)*{re.escape(members)}[^\n]*$", text, re.I | re.M)


def _names_in(cells: Iterable[NotebookNode], members: str) -> list[str]:
    """The names in the members' cell, whether or not the roster has them."""
    found = []
    for cell in cells:
        if cell.cell_type == "markdown" and (head := members_heading(cell.source, members)):
            lines = cell.source[head.end():].splitlines()
            for line in [head[0].rpartition(":")[2], *itertools.takewhile(_is_names, lines)]:
                found += [one.strip(" \t-*+_.0123456789()") for one in BETWEEN.split(line)]
    return [name for name in found if " " in name or name[:1].isupper()]


def _is_names(line: str) -> bool:
    """Whether a line below the members' heading can be names, and no other text."""
    return not line.lstrip().startswith("#") and all(
        len(one.split()) <= LONGEST_NAME for one in BETWEEN.split(line.strip(" \t-*+_.")))


class _Writer:
    """Writes cells anew, and numbers the pictures of the notebook."""

    def __init__(self, names: Names, exercise: CommentedExercise) -> None:
        self._names = names
        self._exercise = exercise
        self._given = {plain(text) for text in exercise.given}
        self._numbers = itertools.count(1)

    def cells(self, cell: NotebookNode) -> list[NotebookNode]:
        """A cell as it is handed out; no cell of a cell for comments that is still empty."""
        source = cell.source
        if self._exercise.cells.marked(source):
            source = "\n\n".join(filter(says_something, self._own_words(source)))
            if not source:
                return []
        written: NotebookNode = {
            "code": self._code, "markdown": self._markdown}.get(cell.cell_type, self._raw)(
                cell, source)
        written.metadata = nbformat.from_dict(
            {"editable": False, "deletable": False, **_folding(cell)})
        return [written]

    def _code(self, cell: NotebookNode, source: str) -> NotebookNode:
        given = cell.get("outputs", [])
        outputs = [output for one in given[:MOST_OUTPUTS] for output in self._output(one)]
        if len(given) > MOST_OUTPUTS:
            outputs.append(nbformat.v4.new_output(
                "stream", text=f"[{len(given) - MOST_OUTPUTS:,} more outputs]"))
        return nbformat.v4.new_code_cell(self._text(source, "code"), outputs=outputs)

    def _raw(self, cell: NotebookNode, source: str) -> NotebookNode:
        return nbformat.v4.new_raw_cell(self._text(source, "text"))

    def _markdown(self, cell: NotebookNode, source: str) -> NotebookNode:
        source = _without_members(source, self._exercise.members)
        attachments = {}
        for name, bundle in (cell.get("attachments") or {}).items():
            new = f"picture-{next(self._numbers)}"
            attachments[new] = self._pictures(bundle)
            source = source.replace(f"attachment:{name}", f"attachment:{new}")
        written = nbformat.v4.new_markdown_cell(self._text(source, "markdown"))
        if attachments:
            written.attachments = nbformat.from_dict(attachments)
        return written

    def _text(self, source: str, kind: str) -> str:
        """A cell's text without people; of pictures in it, metadata is removed instead."""
        if plain(source) in self._given:
            return source
        pieces, at = [], 0
        for match in DATA_URI.finditer(source):
            pieces.append(self._names.clean(source[at:match.start()], kind))
            kept = pictures.stripped_base64(match["data"])
            own_figure = match[0] in "".join(self._given)
            pieces.append(match[0] if own_figure else NO_PICTURE if kept is None
                          else f"data:{match['type']};base64,{kept}")
            at = match.end()
        return "".join([*pieces, self._names.clean(source[at:], kind)])

    def _pictures(self, bundle: dict[str, Any]) -> dict[str, str]:
        """The pictures of a MIME bundle, without their metadata."""
        found = {kind: pictures.stripped_base64("".join(bundle[kind]))
                 for kind in pictures.TYPES if isinstance(bundle.get(kind), (str, list))}
        return {kind: data for kind, data in found.items() if data}

    def _output(self, output: NotebookNode) -> Iterator[NotebookNode]:
        """An output as text and pictures; HTML, scripts and widgets are reduced to their text."""
        if output.output_type == "stream":
            yield nbformat.v4.new_output("stream", name="stdout",
                                         text=self._output_text(output.text))
            return
        if output.output_type == "error":
            trace = "\n".join(output.get("traceback", []))
            text = trace or f"{output.get('ename')}: {output.get('evalue')}"
            yield nbformat.v4.new_output("stream", name="stdout", text=self._output_text(text))
            return
        data = output.get("data", {})
        bundle: dict[str, str] = self._pictures(data)
        plain = "".join(data.get("text/plain", ""))
        if "text/html" in data and (not plain or plain.startswith("<")):
            plain = _text_of("".join(data["text/html"])[:5 * MOST_TEXT])
        if plain:
            bundle["text/plain"] = self._output_text(plain)
        if bundle:
            yield nbformat.v4.new_output("display_data", data=bundle)

    def _own_words(self, text: str) -> list[str]:
        """The group's own words in a cell for comments, which others are to fill."""
        found = self._exercise.cells.read(text)
        return [*found.comments.values(), *([found.outside] if len(found.comments) != 1 else [])]

    def _output_text(self, text: str | list[str]) -> str:
        """The text of an output, no more than somebody reads."""
        whole = "".join(text)
        read = whole[:2 * MOST_TEXT]
        plain = ANSI.sub("", read)
        cut = len(whole) > len(read) or len(plain) > MOST_TEXT
        return self._names.clean(plain[:MOST_TEXT]) + (
            f"\n[cut: {len(whole):,} characters in all]" if cut else "")


def _without_members(text: str, members: str) -> str:
    """A text without the names in the members' cell; the rest of it stays."""
    head = members_heading(text, members)
    if head is None:
        return text
    rest = itertools.dropwhile(_is_names, text[head.end():].splitlines())
    return "\n\n".join(filter(None, [text[:head.start()].strip(),
                                     f"**{members}**: *(names removed)*",
                                     "\n".join(rest).strip()]))


def _folding(cell: NotebookNode) -> dict[str, Any]:
    """The metadata that folds a cell's code away in a front end, if the cell has it."""
    jupyter = cell.metadata.get("jupyter")
    hidden = isinstance(jupyter, dict) and bool(jupyter.get("source_hidden"))
    return {"jupyter": {"source_hidden": True}, "cellView": "form"} if hidden else {}


class _TextExtractor(HTMLParser):
    """The text of an HTML output: a line for each row of a table, its cells apart."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent += tag in ("script", "style")
        self.pieces.append({"tr": "\n", "p": "\n", "div": "\n", "br": "\n", "li": "\n- ",
                            "td": "  ", "th": "  "}.get(tag, ""))

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in ("script", "style") and self._silent > 0

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.pieces.append(" ".join(data.split()) if "\n" in data else data)


def _text_of(markup: str) -> str:
    parser = _TextExtractor()
    parser.feed(markup)
    parser.close()
    lines = (line.rstrip() for line in "".join(parser.pieces).splitlines())
    return "\n".join(line for line in lines if line.strip())
