"""Words, a vocabulary and small data for the hidden tests of Task 3, drawn afresh each time."""

from __future__ import annotations

import re
import string
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from autograder.judge.testing import Wrong

Draw = Callable[..., Tensor]
PAD, END = 0, 1
INPUT, TARGET = 512, 16  # tokens
SPACE = "▁"  # as T5's tokenizer writes it

WORDS = [
    "apple", "bridge", "cellar", "dancer", "engine", "forest", "garden", "hammer", "island",
    "jacket", "kettle", "ladder", "magnet", "needle", "orchid", "parrot", "quarry", "ribbon",
    "saddle", "timber", "uncle", "violin", "window", "yellow", "zebra", "anchor", "basket",
    "candle", "desert", "eleven", "feather", "guitar", "harbour", "insect", "jungle", "kitten",
    "lemon", "marble", "night", "ocean", "pepper", "quiet", "river", "silver", "tower", "under",
    "velvet", "winter", "copper", "button",
]
KNOWN = ("question", "context", *WORDS)
VOCABULARY: list[tuple[str, float]] = [
    ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), (SPACE, -2.0),
    *((SPACE + word, -3.0) for word in KNOWN), *((word, -4.0) for word in KNOWN),
    *((sign, -7.0) for sign in string.ascii_letters + string.digits + string.punctuation),
    *((f"<extra_id_{number}>", 0.0) for number in reversed(range(100))),
]
PIECES = [piece for piece, _ in VOCABULARY]
SPECIAL = {"<pad>", "</s>", "<unk>"}


def words(draw: Draw, count: int) -> list[str]:
    """Different words, as far as there are so many."""
    order = [WORDS[index] for index in draw(len(WORDS)).argsort().tolist()]
    return (order * (count // len(order) + 1))[:count]


def number(draw: Draw, below: int) -> int:
    return int(draw(below).argmax())


def text_of(ids: list[int]) -> str:
    """The text of tokens of VOCABULARY, special ones left out."""
    pieces = (PIECES[index] for index in ids if 0 <= index < len(PIECES))
    joined = "".join(piece for piece in pieces if piece not in SPECIAL)
    return joined.replace(SPACE, " ").strip()


def ids_of(words: list[str]) -> list[int]:
    """The tokens of words that are whole in VOCABULARY."""
    return [PIECES.index(SPACE + word) for word in words]


def squad(draw: Draw, answers: int = 1) -> dict[str, Any]:
    """An example in SQuAD's form: words follow each other without a meaning."""
    said = words(draw, 20)
    told = said[5:]
    found = [" ".join(told[start : start + 2 + start % 3]) for start in range(1, 1 + answers)]
    context = " ".join(told) + "."
    return {
        "id": f"{number(draw, 9999):05}", "title": said[4], "question": " ".join(said[:4]) + "?",
        "context": context,
        "answers": {"text": found, "answer_start": [context.index(text) for text in found]},
    }


def numbered(draw: Draw, count: int) -> list[dict[str, Any]]:
    """Examples of SQuAD whose questions end in a number each."""
    numbers = (10 + draw(80).argsort()[:count]).tolist()
    return [{**squad(draw), "question": f"{WORDS[one % len(WORDS)]} {one}"} for one in numbers]


def with_texts(draw: Draw, lengths: list[tuple[int, int]]) -> dict[str, list[Any]]:
    """A batch of SQuAD with both texts, of so many words each, that have nothing of the rest."""
    examples = [squad(draw) for _ in lengths]
    batch: dict[str, list[Any]] = {name: [one[name] for one in examples] for name in examples[0]}
    batch["input_text"] = [" ".join(words(draw, read)) + " </s>" for read, _ in lengths]
    batch["target_text"] = [" ".join(words(draw, write)) + " </s>" for _, write in lengths]
    return batch


def stacked(examples: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    return {name: torch.stack([one[name] for one in examples]) for name in examples[0]}


def without_end(row: list[int]) -> list[int]:
    """A row without its end marks and its padding."""
    end = len(row)
    while end and row[end - 1] in (PAD, END):
        end -= 1
    return row[:end]


def features(draw: Draw, lengths: list[tuple[int, int]], read: int = INPUT, write: int = TARGET,
             below: int = 32_000) -> list[dict[str, Tensor]]:
    """Prepared examples, padded, with so many tokens of input and target each, all under `below`.

    No token but padding has the id of padding: it may be found by its id or by its mask.
    """
    rows = []
    for inputs, targets in lengths:
        row: dict[str, Tensor] = {}
        for ids, mask, used, most in (("input_ids", "attention_mask", inputs, read),
                                      ("target_ids", "target_attention_mask", targets, write)):
            row[mask] = (torch.arange(most) < used).long()
            row[ids] = ((draw(most).abs() * 300).long() % (below - 3) + 3) * row[mask]
            row[ids][used - 1] = END
        rows.append(row)
    return rows


def small(draw: Draw) -> dict[str, Any]:
    """Five prepared examples of few tokens, and two settings."""
    rows = features(draw, [(3, 2), (5, 3), (4, 4), (6, 2), (2, 3)], read=6, write=4, below=100)
    return {"rows": stacked(rows), "steps": 3 + number(draw, 90), "seed": 100 + number(draw, 900)}


def check_is_there(student: Any, function: str, constant: str) -> None:
    """Fail where a checkpoint was asked for that is neither the right one nor known here."""
    if isinstance(student, dict) and "not_there" in student:
        raise Wrong(f"`{function}` asks for the checkpoint `{student['not_there']}`, and not for "
                    f"the one that is named in `{constant}`")


def plain(text: str) -> str:
    """Text without double spaces, and without any behind the two words that say what comes."""
    return re.sub(r"\s+", " ", re.sub(r"\b(question|context):\s+", r"\1:", text)).strip()
