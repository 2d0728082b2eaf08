"""Damage: to bytes, to text, and to what JSON holds. All chance comes from the generator given."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from random import Random
from typing import Any

Json = Any  # what json.loads returns
Path = list[Any]  # keys and indices from the root of a JSON value

LETTERS = [
    "\0", "\x07", "\x1b[31m", "\x85", "\u2028", "\u202e", "\ufeff", "\ufffe", "\ud800", "\udfff",
    "é", "e\u0301", "ß", "İ", "ﬁ", "華", "🙂", "👩\u200d👩\u200d👧", "\U0010ffff", "\t", "\r",
    "\r\n", "\n\n\n\n", "\\", '"', "'''", '"""', "`", "{}", "{0}", "{id}", "%s", "$(id)", "[red]",
    "[/]", "[/red]", "<script>", "<!--", "]]>", "=1+1", "@SUM(A1)", "-2", "+3", "../..", "/etc",
]
CODE = [
    "(" * 500, "[" * 150 + "]" * 150, "-" * 5000 + "1", "+".join("1" * 3000), "x" + ".a" * 4000,
    "not " * 2000 + "1", "lambda:" * 1000 + "0", "if 1:\n" + " " * 500 + "x", "1" * 6000,
    "f'" + "{" * 200, "def f(" + ",".join(f"a{n}" for n in range(2000)) + "): pass",
    "\n".join(" " * n + "if x:" for n in range(150)), "x = '" + "y" * 60_000 + "'", "\\" * 99,
    "%%bash\nrm -rf /", "!ls", "%cd /", "# %%", "# In[1]:", "import a, b; from . import c",
    "from x import (a,\n b)", "class words: pass", "def words(", "words = count = None",
    "from datasets import load_metric", "await x", "match x:\n  case [*_]: pass", "é = ª = 1",
    '"""' + "a\n" * 3000, "#" * 9999, "\N{ZERO WIDTH SPACE}x = 1", "\tif 1:\n        x", "x =\\\n",
    "Trainer(" * 400, "a" * 99_999, "`" * 500, "\f\v" * 50, "type X = int", "except* X: pass",
]
DEPTHS = (30, 90, 150, 200, 250, 300, 330, 400, 480, 600, 800, 950, 3000, 60_000)


def nested(depth: int, key: str | None = None) -> str:
    """JSON text of lists in lists, or of objects in objects under one key."""
    before, after = ("[", "]") if key is None else (f'{{"{key}":', "}")
    return before * depth + "1" + after * depth


def values() -> list[Json]:
    """Values that stand where nobody looked for them."""
    return [
        None, True, False, 0, -1, 1, 5, 2**31, 2**63, -(2**64), 10**300, 0.5, -0.0, 1e308,
        float("nan"), float("inf"), "", " ", "x", "0", "null", "code", "markdown", "nbgrader",
        "toy_words", "toy_words-solution", "\0", "\ud800", "🙂" * 300, "x" * 20_000, [], [[]], {},
        {"": {}}, [None], [1, "x", {}], ["a\n", "b"], ["a", 1], {"a": 1, "b": [None]},
        {"\ud800": "\udfff"}, [["x"] * 50] * 50, {str(n): n for n in range(500)}, *LETTERS]


def damaged_bytes(random: Random, data: bytes, others: list[bytes] = []) -> bytes:  # noqa: B006
    """The bytes with one to six edits as a broken disk, a broken link or a fuzzer makes them."""
    buffer = bytearray(data)
    for _ in range(random.choice((1, 1, 1, 2, 3, 6))):
        at = random.randrange(len(buffer) + 1)
        size = random.choice((1, 1, 2, 4, 8, 64, 1000))
        edit = random.randrange(9)
        if edit == 0:
            buffer[at:at + size] = random.randbytes(len(buffer[at:at + size]))
        elif edit == 1:
            del buffer[at:at + size]
        elif edit == 2:
            buffer[at:at] = random.randbytes(size)
        elif edit == 3:
            buffer[at:at] = buffer[at:at + size] * random.choice((1, 2, 50))
        elif edit == 4:
            del buffer[at:]
        elif edit == 5:
            value = random.choice((0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF))
            number = value.to_bytes(4, "little")[:random.choice((1, 2, 4))]
            buffer[at:at + len(number)] = number
        elif edit == 6 and buffer:
            buffer[min(at, len(buffer) - 1)] ^= 1 << random.randrange(8)
        elif edit == 7:
            buffer[at:at] = random.choice((b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"\r\n", b"PK\5\6"))
        elif others:
            other = random.choice(others)
            cut = random.randrange(len(other) + 1)
            buffer[at:] = other[cut:]
    return bytes(buffer)


def damaged_text(random: Random, text: str) -> str:
    """The text with one to five edits: lines moved, lost and doubled, odd letters, odd code."""
    for _ in range(random.randint(1, 5)):
        lines = text.splitlines(keepends=True) or [""]
        at, other = random.randrange(len(lines)), random.randrange(len(lines))
        letter = random.randrange(len(text) + 1)
        edit = random.randrange(10)
        if edit == 0:
            del lines[at:at + random.choice((1, 1, 5))]
        elif edit == 1:
            lines[at:at] = lines[other:other + 3] * random.choice((1, 1, 40))
        elif edit == 2:
            lines[at], lines[other] = lines[other], lines[at]
        elif edit in (3, 4):
            lines[at:at] = [random.choice(CODE) + "\n"]
        elif edit == 5:
            lines[at] = random.choice(LETTERS) * random.choice((1, 1, 30)) + lines[at]
        elif edit == 6:
            lines[at] = lines[at].strip("\n") * random.choice((2, 500))
        if edit <= 6:
            text = "".join(lines)
        elif edit == 7:
            text = text[:letter] + random.choice(LETTERS) + text[letter:]
        elif edit == 8:
            text = text[:letter]
        else:
            text = text.replace("\n", random.choice(("\r\n", "\r", "\n\n", "\u2028", " ")))
        text = text[:400_000]
    return text


def encoded(random: Random, text: str) -> bytes:
    """The text in some encoding; mostly the right one."""
    codec = random.choice(("utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32",
                           "latin-1", "cp1252", "shift-jis", "utf-7", "cp037"))
    errors = "surrogatepass" if codec.startswith("utf-") and codec != "utf-7" else "replace"
    return text.encode(codec, errors)


def paths(value: Json, path: Path | None = None) -> list[Path]:
    """Where something stands in a JSON value, the root left out."""
    path = path or []
    items = (value.items() if isinstance(value, dict) else
             enumerate(value) if isinstance(value, list) else ())
    found = []
    for key, inside in items:
        found += [[*path, key], *paths(inside, [*path, key])]
    return found


def damaged_json(random: Random, value: Json, edits: int | None = None) -> Json:
    """A copy of the value with wrong types, missing keys, and values that stand elsewhere."""
    value = copy.deepcopy(value)
    for _ in range(edits or random.choice((1, 1, 2, 3, 8))):
        where = paths(value)
        if not where:
            return random.choice(values())
        *before, key = random.choice(where)
        holder = value
        for step in before:
            holder = holder[step]
        _edit(random, value, holder, key, where)
    return value


def _edit(random: Random, value: Json, holder: Json, key: Any, where: list[Path]) -> None:
    edits: list[Callable[[], Any]] = [
        lambda: random.choice(values()), lambda: random.choice(values()), lambda: [holder[key]],
        lambda: {"x": holder[key]}, lambda: _at(value, random.choice(where)),
        lambda: str(holder[key]), lambda: random.choice(CODE)]
    edit = random.randrange(len(edits) + 3)
    if edit < len(edits):
        holder[key] = copy.deepcopy(edits[edit]())
    elif edit == len(edits):
        del holder[key]
    elif isinstance(holder, dict):
        name = random.choice([*LETTERS, *(str(path[-1]) for path in where)])
        holder[name] = random.choice([*values(), copy.deepcopy(holder[key])])
    else:
        copies = random.choice((1, 1, 2, 40))
        holder[key:key] = [copy.deepcopy(holder[key]) for _ in range(copies)]


def _at(value: Json, path: Path) -> Json:
    for step in path:
        value = value[step]
    return copy.deepcopy(value)


def dumped(random: Random, value: Json) -> bytes:
    """JSON text as one of many tools might write it, or break it; now and then very deep."""
    text = json.dumps(value, ensure_ascii=random.random() < 0.5,
                      indent=random.choice((None, 1)))
    trick = random.randrange(20)
    if trick == 0:
        text += random.choice(("\n\n", "\0" * 500, "}", text[:500], "<!-- saved -->"))
    elif trick == 1:
        text = text.replace(": ", random.choice((":", " : ", ":\t")), 5)
    elif trick in (2, 3):
        places = [found.start() for found in re.finditer(r'[1\[{]|""', text)]
        at = random.choice(places or [0])
        deep = nested(random.choice(DEPTHS), random.choice((None, "a", "cells", "metadata")))
        key = random.choice(("", "", '"deep":'))
        text = (text[:at + 1] + key + deep + "," + text[at + 1:] if text[at:at + 1] in "[{"
                else text[:at] + deep + text[at + 1:])
    elif trick == 4:
        text = text.replace("{", '{"cells": [], ', 1)
    elif trick == 5:
        text = text.replace("1", random.choice(("1e999", "9" * 5000, "NaN", "-Infinity", "1.0")), 1)
    if random.random() < 0.1:
        return encoded(random, text)
    return text.encode("utf-8", "surrogatepass")
