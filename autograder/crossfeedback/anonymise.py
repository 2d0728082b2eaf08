"""A notebook that nobody can tell whose it is, with comment cells to be filled.

It is written anew from what may be in it: texts without the people (names.py), outputs as text
and pictures (pictures.py). Metadata, ids, scripts, widgets and grade cells' data are not copied.
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
from autograder.crossfeedback import marks, pictures
from autograder.crossfeedback.marks import Asked
from autograder.crossfeedback.names import Names
from autograder.crossfeedback.rounds import KEY
from autograder.intake.groups import BETWEEN, HEADING
from autograder.roster import Member

MOST_TEXT = 20_000  # characters of one output
MOST_OUTPUTS = 40  # of one cell
LONGEST_NAME = 5  # words of a name in the members' cell
HEAD = re.compile(rf"^(?:[^\w\n]|_)*{HEADING.pattern}[^\n]*$", re.I | re.M)
MEMBERS = "**Members of the group**: *(names removed)*"
NO_PICTURE = "*(a picture that cannot be shown here)*"
ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07\x1b\n]*(?:\x07|\x1b\\)")
DATA_URI = re.compile(r"data:(?P<type>image/[\w.+-]+);base64,(?P<data>[A-Za-z0-9+/=]+)")


def anonymous(notebook: NotebookNode, asked: Asked, group: str, members: Iterable[Member],
              letter: str, token: str) -> NotebookNode:
    """The notebook of `group` as another group gets it.

    asked: the exercise's source, whose comment cells are put in where the group lost them
    letter, token: what the group is called, and by what the notebook is known when it comes back
    """
    cells = [cell for cell in notebook.cells if not is_staff(cell)]
    names = Names(group, members, _names_in(cells), asked.given)
    writer = _Writer(names, {marks.plain(text) for text in asked.given})
    places = marks.places(asked, cells)
    written = _comments_after(places, -1)
    for index, cell in enumerate(cells):
        written += writer.cells(cell)
        written += _comments_after(places, index)
    found = nbformat.v4.new_notebook(cells=written)
    found.metadata = nbformat.from_dict({
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
        KEY: {"exercise": asked.exercise.name, "group": letter, "token": token}})
    for number, cell in enumerate(found.cells, start=1):
        if KEY not in cell.metadata:
            cell.id = f"cell-{number}"
    nbformat.validate(found)
    return found


def _comments_after(places: dict[str, tuple[int, bool]], index: int) -> list[NotebookNode]:
    """The empty comment cells that belong after the cell of this index."""
    cells = []
    for subtask, (place, _) in places.items():
        if place == index:
            cells.append(nbformat.v4.new_markdown_cell(
                marks.comment_cell(subtask), id=f"comment_{subtask.replace('.', '_')}",
                metadata={"editable": True, "deletable": False, KEY: subtask}))
    return cells


def _names_in(cells: Iterable[NotebookNode]) -> list[str]:
    """The names in the members' cell, those that the roster does not know included."""
    found = []
    for cell in cells:
        if cell.cell_type == "markdown" and (head := HEAD.search(cell.source)):
            lines = cell.source[head.end():].splitlines()
            for line in [head[0].rpartition(":")[2], *itertools.takewhile(_is_names, lines)]:
                found += [one.strip(" \t-*+_.0123456789()") for one in BETWEEN.split(line)]
    return [name for name in found if " " in name or name[:1].isupper()]


def _is_names(line: str) -> bool:
    """Whether a line below the members' heading can be names, and no other text."""
    return not line.lstrip().startswith("#") and all(
        len(one.split()) <= LONGEST_NAME for one in BETWEEN.split(line.strip(" \t-*+_.")))


class _Writer:
    """Writes cells anew; numbers the pictures of the notebook as it goes."""

    def __init__(self, names: Names, given: set[str]) -> None:
        self._names = names
        self._given = given
        self._numbers = itertools.count(1)

    def cells(self, cell: NotebookNode) -> list[NotebookNode]:
        """What is handed out of one cell: nothing of a comment cell, where nobody wrote in it."""
        source = cell.source
        if marks.marked(source):
            source = "\n\n".join(filter(marks.says_something, _own_words(source)))
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
        source = _without_members(source)
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
        """A cell's text; pictures in it are searched for metadata, not for names."""
        if marks.plain(source) in self._given:
            return source
        pieces, at = [], 0
        for match in DATA_URI.finditer(source):
            pieces.append(self._names.clean(source[at:match.start()], kind))
            kept = pictures.stripped_base64(match["data"])
            whole = match[0] in "".join(self._given)  # a figure of the exercise itself
            pieces.append(match[0] if whole else NO_PICTURE if kept is None
                          else f"data:{match['type']};base64,{kept}")
            at = match.end()
        return "".join([*pieces, self._names.clean(source[at:], kind)])

    def _pictures(self, bundle: dict[str, Any]) -> dict[str, str]:
        """The pictures of a bundle of MIME types, without what describes them."""
        found = {kind: pictures.stripped_base64("".join(bundle[kind]))
                 for kind in pictures.TYPES if isinstance(bundle.get(kind), (str, list))}
        return {kind: data for kind, data in found.items() if data}

    def _output(self, output: NotebookNode) -> Iterator[NotebookNode]:
        """An output as text and pictures; HTML, scripts and widgets become their text."""
        if output.output_type == "stream":
            yield nbformat.v4.new_output("stream", name="stdout", text=self._said(output.text))
            return
        if output.output_type == "error":
            trace = "\n".join(output.get("traceback", []))
            text = trace or f"{output.get('ename')}: {output.get('evalue')}"
            yield nbformat.v4.new_output("stream", name="stdout", text=self._said(text))
            return
        data = output.get("data", {})
        bundle: dict[str, str] = self._pictures(data)
        plain = "".join(data.get("text/plain", ""))
        if "text/html" in data and (not plain or plain.startswith("<")):
            plain = _text_of("".join(data["text/html"])[:5 * MOST_TEXT])
        if plain:
            bundle["text/plain"] = self._said(plain)
        if bundle:
            yield nbformat.v4.new_output("display_data", data=bundle)

    def _said(self, text: str | list[str]) -> str:
        """What an output says, no more than can be read."""
        whole = "".join(text)
        read = whole[:2 * MOST_TEXT]
        plain = ANSI.sub("", read)
        cut = len(whole) > len(read) or len(plain) > MOST_TEXT
        return self._names.clean(plain[:MOST_TEXT]) + (
            f"\n[cut: {len(whole):,} characters in all]" if cut else "")


def _own_words(text: str) -> list[str]:
    """What a group itself wrote into comment cells, which are others' to fill."""
    found = marks.read(text)
    return [*found.comments.values(), *([found.outside] if len(found.comments) != 1 else [])]


def _without_members(text: str) -> str:
    """A text without the members' names, where it is their cell; what else it says stays."""
    head = HEAD.search(text)
    if head is None:
        return text
    rest = itertools.dropwhile(_is_names, text[head.end():].splitlines())
    return "\n\n".join(filter(None, [text[:head.start()].strip(), MEMBERS,
                                     "\n".join(rest).strip()]))


def _folding(cell: NotebookNode) -> dict[str, Any]:
    """Whether a front end shows a cell's code folded away."""
    jupyter = cell.metadata.get("jupyter")
    hidden = isinstance(jupyter, dict) and bool(jupyter.get("source_hidden"))
    return {"jupyter": {"source_hidden": True}, "cellView": "form"} if hidden else {}


class _Text(HTMLParser):
    """The text of an HTML output: a row of a table is a line, its cells stand apart."""

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
    parser = _Text()
    parser.feed(markup)
    parser.close()
    lines = (line.rstrip() for line in "".join(parser.pieces).splitlines())
    return "\n".join(line for line in lines if line.strip())
