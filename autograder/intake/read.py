"""Read a notebook from whatever came in its place: other versions, large outputs, scripts.

Every sentence tells of something that was changed; where there is none, the file is as nbformat
and nbgrader want it.
"""

from __future__ import annotations

import codecs
import json
import warnings
from typing import Any

import nbformat
from nbformat import NotebookNode, reader
from nbformat.v4.rwbase import rejoin_lines
from nbformat.validator import get_validator

from autograder.intake.script import cells_in, is_script, read_script

MOST_CELLS = 2000  # to read and repair a cell takes milliseconds
MAX_OUTPUTS = 2_000_000  # characters of all outputs of a notebook together
KEYS = {"cell_type", "id", "metadata", "source", "attachments"}
CODE_KEYS = {"outputs", "execution_count"}
REQUIRED = {"stream": {"name", "text"}, "display_data": {"data", "metadata"},
            "execute_result": {"data", "metadata", "execution_count"},
            "error": {"ename", "evalue", "traceback"}}
WIDGETS = "application/vnd.jupyter.widget-state+json"
UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class _Unreadable(Exception):
    """Why a file is no notebook."""


def read_any(data: bytes, name: str) -> tuple[NotebookNode | None, list[str]]:
    """Read what was handed in as a notebook, in nbformat 4; say what was changed on the way.

    None where it is no notebook; the one sentence then says why. Besides notebooks of any version
    this reads the scripts into which Jupyter, jupytext, VS Code and Colab turn notebooks.
    """
    said: list[str] = []
    try:
        text = _decoded(data, said)
        if text.lstrip().startswith("{"):
            return _from_json(text, said), said
        if is_script(text) or name.endswith(".py"):
            _count(cells_in(text))
            notebook = read_script(text)
            said.append("it is a script, and was read as a notebook of "
                        f"{len(notebook.cells)} cells")
            return notebook, said
        raise _Unreadable("it is not JSON, nor a script made of a notebook")
    except _Unreadable as reason:
        return None, [str(reason)]
    except RecursionError:
        return None, ["it is nested too deeply"]


def utf16(data: bytes) -> str:
    """The codec of a text in UTF-16, which some Windows programs write; empty for any other."""
    if data.startswith(UTF16):
        return "utf-16"
    head = data[:2000]
    for codec, zeros in (("utf-16-le", head[1::2]), ("utf-16-be", head[0::2])):
        others = head.count(0) - zeros.count(0)
        if len(head) > 3 and 2 * zeros.count(0) > len(zeros) and 10 * others < len(zeros):
            return codec
    return ""


def _decoded(data: bytes, said: list[str]) -> str:
    if data.startswith((codecs.BOM_UTF8, *UTF16)):
        said.append("a byte order mark at its start was taken away")
    codec = utf16(data)
    try:
        text = data.decode(codec or "utf-8-sig")
        if codec and not data.startswith(UTF16):
            said.append("it was in UTF-16, and was converted")
        return text
    except UnicodeDecodeError:
        if codec or b"\0" in data:
            raise _Unreadable("it is not text") from None
    said.append("bytes that are no UTF-8 were replaced")
    return data.decode("utf-8-sig", errors="replace")


def _from_json(text: str, said: list[str]) -> NotebookNode:
    start = len(text) - len(text.lstrip())
    try:
        document, end = json.JSONDecoder().raw_decode(text, start)
    except ValueError as error:
        raise _Unreadable(f"it is not JSON: {str(error)[:80]}") from None
    if text[end:].strip("\0 \r\n\t"):
        said.append("what followed the end of the notebook was left out")
    elif text[end:].strip():
        said.append("bytes after the end of the notebook were left out")
    document = _version_4(document, said)
    _count(len(document["cells"]))
    document["cells"] = [_cell(cell, said) for cell in document["cells"]]
    _metadata(document, said)
    _drop_large(document, said)
    document = _writable(document, said)
    _check(document, said)
    return rejoin_lines(nbformat.from_dict(document))


def _count(cells: int) -> None:
    if cells > MOST_CELLS:
        raise _Unreadable(f"it has {cells:,} cells; {MOST_CELLS:,} are looked at")


def _version_4(document: dict[str, Any], said: list[str]) -> dict[str, Any]:
    """The document with cells as nbformat 4 has them."""
    if document.get("nbformat") in (1, 2, 3) or "worksheets" in document:
        document.setdefault("nbformat", 3)
        document.setdefault("nbformat_minor", 0)
        said.append("it was saved in an old format, and was converted")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                converted = nbformat.convert(reader.reads(json.dumps(document)), 4)
        except Exception as error:  # a converter meets what nobody foresaw
            raise _Unreadable(f"its old format cannot be converted: {type(error).__name__}"
                              ) from None
        for cell in converted.cells:
            cell.pop("id", None)  # drawn by chance; repair gives it one that stays the same
        return {**converted, "nbformat_minor": 4}
    cells = document.get("cells")
    if not isinstance(cells, list) or not all(isinstance(cell, dict) for cell in cells):
        raise _Unreadable("it holds no list of cells")
    minor = document.get("nbformat_minor")
    named = any("id" in cell for cell in cells)
    if (document.get("nbformat") != 4 or type(minor) is not int or not 0 <= minor <= 5
            or (named and minor < 5)):
        said.append("the version of its format was wrong, and was set right")
        document = {**document, "nbformat": 4, "nbformat_minor": 5 if named else 4}
    return document


def _cell(cell: dict[str, Any], said: list[str]) -> dict[str, Any]:
    """A cell with all that the format requires, and nothing else."""
    kind = cell.get("cell_type")
    if kind not in ("code", "markdown", "raw"):
        raise _Unreadable(f"a cell is of the unknown type {str(kind)[:20]!r}")
    allowed = KEYS | CODE_KEYS if kind == "code" else KEYS
    right = {key: value for key, value in cell.items() if key in allowed}
    if not isinstance(right.get("id", ""), str):
        del right["id"]
    source = cell.get("source")
    if not (isinstance(source, str) or (isinstance(source, list)
                                        and all(isinstance(line, str) for line in source))):
        right["source"] = "" if source is None else str(source)
    if not isinstance(cell.get("metadata"), dict):
        right["metadata"] = {}
    tags = right["metadata"].get("tags", [])
    if not isinstance(tags, list) or len(set(map(str, tags))) < len(tags):
        right["metadata"] = {**right["metadata"], "tags": list(dict.fromkeys(
            tag for tag in tags if isinstance(tag, str))) if isinstance(tags, list) else []}
    if "attachments" in right and not isinstance(right["attachments"], dict):
        del right["attachments"]
    if kind == "code":
        outputs = cell.get("outputs")
        found = outputs if isinstance(outputs, list) else []
        right["outputs"] = [out for out in found if isinstance(out, dict) and REQUIRED.get(
            str(out.get("output_type")), {""}) <= out.keys()]
        if type(cell.get("execution_count", "")) not in (int, type(None)):
            right["execution_count"] = None
    if right != cell:
        _once(said, "what its format does not allow was set right")
    return right


def _metadata(document: dict[str, Any], said: list[str]) -> None:
    metadata = document.get("metadata")
    if not isinstance(metadata, dict):
        document["metadata"] = metadata = {}
        _once(said, "what its format does not allow was set right")
    for key in ("kernelspec", "language_info"):
        value = metadata.get(key, {"name": "", "display_name": ""})
        needed = {"name", "display_name"} if key == "kernelspec" else {"name"}
        if not isinstance(value, dict) or not needed <= value.keys():
            del metadata[key]
            _once(said, "what its format does not allow was set right")
    widgets = metadata.get("widgets")
    if widgets is not None:
        state = widgets.get(WIDGETS, {}) if isinstance(widgets, dict) else {}
        whole = isinstance(state, dict) and "state" in state
        if not whole or len(json.dumps(widgets)) > MAX_OUTPUTS:
            del metadata["widgets"]
            said.append("the state of its widgets, which cannot be shown, was left out")


def _drop_large(document: dict[str, Any], said: list[str]) -> None:
    """Drop outputs, the largest first, until what is left is small enough."""
    sizes = sorted(((len(json.dumps(out)), place, number)
                    for place, cell in enumerate(document["cells"])
                    for number, out in enumerate(cell.get("outputs", []))), reverse=True)
    total = sum(size for size, _, _ in sizes)
    dropped = set()
    before = total
    for size, place, number in sizes:
        if total <= MAX_OUTPUTS:
            break
        dropped.add((place, number))
        total -= size
    for place in {place for place, _ in dropped}:
        cell = document["cells"][place]
        cell["outputs"] = [out for number, out in enumerate(cell["outputs"])
                           if (place, number) not in dropped]
    if dropped:
        said.append(f"its outputs were {before / 1e6:.1f} MB; the largest were left out, "
                    f"{len(dropped)} in all")


def _writable(document: dict[str, Any], said: list[str]) -> dict[str, Any]:
    """The document without halves of characters, which no file can hold."""
    text = json.dumps(document, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        said.append("characters that no file can hold were replaced")
        document = json.loads(text.encode("utf-8", errors="replace"))
    return document


def _check(document: dict[str, Any], said: list[str]) -> None:
    """Check against the format's own description; outputs that are against it are dropped."""
    validator = get_validator(4, 5)

    def problem() -> str:
        # Ids are the one thing that repair gives.
        cells = [{**cell, "id": "x"} for cell in document["cells"]]
        try:
            validator.validate({**document, "nbformat": 4, "nbformat_minor": 5, "cells": cells})
        except Exception as error:  # of the library that validates: nbformat may use either of two
            return (str(error).splitlines() or [type(error).__name__])[0]
        return ""

    if problem() and document["metadata"]:
        document["metadata"] = {}  # the notebook's own, of which no work consists
        _once(said, "what its format does not allow was set right")
    if problem():
        for cell in document["cells"]:
            if cell["cell_type"] == "code":
                cell["outputs"] = []
                cell.setdefault("execution_count", None)
        _once(said, "what its format does not allow was set right")
        if left := problem():
            raise _Unreadable(left[:120])


def _once(said: list[str], sentence: str) -> None:
    if sentence not in said:
        said.append(sentence)
