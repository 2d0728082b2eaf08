"""Read a notebook of any version, a damaged one, or a script made of one, as nbformat 4.

The sentences returned name what was changed; without any, the file is as nbformat and nbgrader
want it.
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

from autograder.intake.notebook.scripts import cells_in, is_script, read_script

MOST_CELLS = 2000  # to read and repair a cell takes milliseconds
MAX_OUTPUTS = 2_000_000  # characters of all outputs of a notebook together
CELL_TYPES = ("code", "markdown", "raw")
KEYS = {"cell_type", "id", "metadata", "source", "attachments"}
CODE_KEYS = KEYS | {"outputs", "execution_count"}
REQUIRED = {"stream": {"name", "text"}, "display_data": {"data", "metadata"},
            "execute_result": {"data", "metadata", "execution_count"},
            "error": {"ename", "evalue", "traceback"}}
WIDGETS = "application/vnd.jupyter.widget-state+json"
UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
SET_RIGHT = "what its format does not allow was set right"


class _Unreadable(Exception):
    """The reason why a file is no notebook."""


def read_any(data: bytes, name: str) -> tuple[NotebookNode | None, list[str]]:
    """Return a file as a notebook in nbformat 4, and what was changed on the way.

    None and the reason where it is no notebook. Scripts that Jupyter, jupytext, VS Code or Colab
    exported are read, too.
    """
    changes: list[str] = []
    try:
        text = _decoded(data, changes)
        if text.lstrip().startswith("{"):
            return _from_json(text, changes), changes
        if is_script(text) or name.endswith(".py"):
            _check_size(cells_in(text))
            notebook = read_script(text)
            changes.append("it is a script, and was read as a notebook of "
                        f"{len(notebook.cells)} cells")
            return notebook, changes
        raise _Unreadable("it is not JSON, nor a script made of a notebook")
    except _Unreadable as reason:
        return None, [str(reason)]
    except RecursionError:
        return None, ["it is nested too deeply"]


def utf16(data: bytes) -> str:
    """The codec of a text in UTF-16, as some Windows programs write it; empty for any other."""
    if data.startswith(UTF16):
        return "utf-16"
    head = data[:2000]
    for codec, zeros in (("utf-16-le", head[1::2]), ("utf-16-be", head[0::2])):
        others = head.count(0) - zeros.count(0)
        if len(head) > 3 and 2 * zeros.count(0) > len(zeros) and 10 * others < len(zeros):
            return codec
    return ""


def _decoded(data: bytes, changes: list[str]) -> str:
    if data.startswith((codecs.BOM_UTF8, *UTF16)):
        changes.append("a byte order mark at its start was taken away")
    codec = utf16(data)
    try:
        text = data.decode(codec or "utf-8-sig")
        if codec and not data.startswith(UTF16):
            changes.append("it was in UTF-16, and was converted")
        return text
    except UnicodeDecodeError:
        if codec or b"\0" in data:
            raise _Unreadable("it is not text") from None
    changes.append("bytes that are no UTF-8 were replaced")
    return data.decode("utf-8-sig", errors="replace")


def _from_json(text: str, changes: list[str]) -> NotebookNode:
    start = len(text) - len(text.lstrip())
    try:
        document, end = json.JSONDecoder().raw_decode(text, start)
    except ValueError as error:
        raise _Unreadable(f"it is not JSON: {str(error)[:80]}") from None
    if text[end:].strip("\0 \r\n\t"):
        changes.append("what followed the end of the notebook was left out")
    elif text[end:].strip():
        changes.append("bytes after the end of the notebook were left out")
    document = _version_4(document, changes)
    _check_size(len(document["cells"]))
    document["cells"] = [_cell(cell, changes) for cell in document["cells"]]
    _metadata(document, changes)
    _drop_large(document, changes)
    document = _writable(document, changes)
    _check(document, changes)
    return rejoin_lines(nbformat.from_dict(document))


def _check_size(cells: int) -> None:
    if cells > MOST_CELLS:
        raise _Unreadable(f"it has {cells:,} cells; {MOST_CELLS:,} are looked at")


def _version_4(document: dict[str, Any], changes: list[str]) -> dict[str, Any]:
    """The document with its cells in the form of nbformat 4."""
    if document.get("nbformat") in (1, 2, 3) or "worksheets" in document:
        document.setdefault("nbformat", 3)
        document.setdefault("nbformat_minor", 0)
        changes.append("it was saved in an old format, and was converted")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                converted = nbformat.convert(reader.reads(json.dumps(document)), 4)
        except Exception as error:  # whatever a damaged file makes the converter raise
            raise _Unreadable(f"its old format cannot be converted: {type(error).__name__}"
                              ) from None
        for cell in converted.cells:
            cell.pop("id", None)  # random; repair gives a reproducible one
        return {**converted, "nbformat_minor": 4}
    cells = document.get("cells")
    if not isinstance(cells, list) or not all(isinstance(cell, dict) for cell in cells):
        raise _Unreadable("it holds no list of cells")
    minor = document.get("nbformat_minor")
    named = any("id" in cell for cell in cells)
    if (document.get("nbformat") != 4 or type(minor) is not int or not 0 <= minor <= 5
            or (named and minor < 5)):
        changes.append("the version of its format was wrong, and was set right")
        document = {**document, "nbformat": 4, "nbformat_minor": 5 if named else 4}
    return document


def _cell(cell: dict[str, Any], changes: list[str]) -> dict[str, Any]:
    """A cell with all that the format requires, and nothing else."""
    cell_type = cell.get("cell_type")
    if cell_type not in CELL_TYPES:
        raise _Unreadable(f"a cell is of the unknown type {str(cell_type)[:20]!r}")
    allowed = CODE_KEYS if cell_type == "code" else KEYS
    right = {key: value for key, value in cell.items() if key in allowed}
    right["source"] = _source(cell.get("source"))
    right["metadata"] = _cell_metadata(cell.get("metadata"))
    for key, expected in (("id", str), ("attachments", dict)):
        if not isinstance(right.get(key, expected()), expected):
            del right[key]
    if cell_type == "code":
        right["outputs"] = _outputs(cell.get("outputs"))
        if type(cell.get("execution_count", "")) not in (int, type(None)):
            right["execution_count"] = None
    if right != cell:
        _once(changes, SET_RIGHT)
    return right


def _source(source: Any) -> str | list[str]:
    if isinstance(source, str):
        return source
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        return source
    return "" if source is None else str(source)


def _cell_metadata(metadata: Any) -> dict[str, Any]:
    """A cell's metadata, in which tags are a list of different strings."""
    if not isinstance(metadata, dict):
        return {}
    tags = metadata.get("tags", [])
    if not isinstance(tags, list):
        return {**metadata, "tags": []}
    if len(set(map(str, tags))) < len(tags):
        strings = [tag for tag in tags if isinstance(tag, str)]
        return {**metadata, "tags": list(dict.fromkeys(strings))}
    return metadata


def _outputs(outputs: Any) -> list[dict[str, Any]]:
    """The outputs that have the keys of their type."""
    return [output for output in (outputs if isinstance(outputs, list) else [])
            if isinstance(output, dict)
            and REQUIRED.get(str(output.get("output_type")), {""}) <= output.keys()]


def _metadata(document: dict[str, Any], changes: list[str]) -> None:
    metadata = document.get("metadata")
    if not isinstance(metadata, dict):
        document["metadata"] = metadata = {}
        _once(changes, SET_RIGHT)
    for key in ("kernelspec", "language_info"):
        value = metadata.get(key, {"name": "", "display_name": ""})
        needed = {"name", "display_name"} if key == "kernelspec" else {"name"}
        if not isinstance(value, dict) or not needed <= value.keys():
            del metadata[key]
            _once(changes, SET_RIGHT)
    widgets = metadata.get("widgets")
    if widgets is not None:
        state = widgets.get(WIDGETS, {}) if isinstance(widgets, dict) else {}
        whole = isinstance(state, dict) and "state" in state
        if not whole or len(json.dumps(widgets)) > MAX_OUTPUTS:
            del metadata["widgets"]
            changes.append("the state of its widgets, which cannot be shown, was left out")


def _drop_large(document: dict[str, Any], changes: list[str]) -> None:
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
        changes.append(f"its outputs were {before / 1e6:.1f} MB; the largest were left out, "
                    f"{len(dropped)} in all")


def _writable(document: dict[str, Any], changes: list[str]) -> dict[str, Any]:
    """The document without halves of characters, which no file can hold."""
    text = json.dumps(document, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        changes.append("characters that no file can hold were replaced")
        document = json.loads(text.encode("utf-8", errors="replace"))
    return document


def _check(document: dict[str, Any], changes: list[str]) -> None:
    """Validate against the format's schema; metadata and outputs that violate it are dropped."""
    if _problem(document) and document["metadata"]:
        document["metadata"] = {}  # the notebook's own, of which no work consists
        _once(changes, SET_RIGHT)
    if not _problem(document):
        return
    for cell in document["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"] = []
            cell.setdefault("execution_count", None)
    _once(changes, SET_RIGHT)
    if problem := _problem(document):
        raise _Unreadable(problem[:120])


def _problem(document: dict[str, Any]) -> str:
    """The first violation of the format's schema, missing ids aside, which repair gives."""
    cells = [{**cell, "id": "x"} for cell in document["cells"]]
    try:
        get_validator(4, 5).validate({**document, "nbformat": 4, "nbformat_minor": 5,
                                      "cells": cells})
    except Exception as error:  # of either library that nbformat may validate with
        return (str(error).splitlines() or [type(error).__name__])[0]
    return ""


def _once(changes: list[str], sentence: str) -> None:
    if sentence not in changes:
        changes.append(sentence)
