"""Words, a vocabulary and small data for the hidden tests of Task 3, drawn afresh each time.

What may vary, and how far, stands in domain_squad.py.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from autograder.testing import Draw, Wrong

from .domain_squad import (
    ASKED,
    BATCH,
    ENDS,
    EXAMPLE,
    FILLED,
    INPUT,
    TARGET,
    TEXTS,
    TRAINING,
)

PAD, END = 0, 1
SPACE = "▁"  # as T5's tokenizer writes it

WORDS = [
    "apple", "bridge", "cellar", "dancer", "engine", "forest", "garden", "hammer", "island",
    "jacket", "kettle", "ladder", "magnet", "needle", "orchid", "parrot", "quarry", "ribbon",
    "saddle", "timber", "uncle", "violin", "window", "yellow", "zebra", "anchor", "basket",
    "candle", "desert", "eleven", "feather", "guitar", "harbour", "insect", "jungle", "kitten",
    "lemon", "marble", "night", "ocean", "pepper", "quiet", "river", "silver", "tower", "under",
    "velvet", "winter", "copper", "button",
]
# What a tokenizer spells: no piece of it is a word above. Each has a capital letter and a sign.
SPELT = ["Don't", "A.D.", "B-52", "{So}", "C%d", '"Why"', "X-ray", "(H2O)", "D&D", "Ada,"]
ABROAD = ["Zürich", "naïve", "Łódź", "東京"]  # what the small tokenizer has no pieces for
KNOWN = ("question", "context", *WORDS)
Vocabulary = list[tuple[str, float]]  # pieces with their scores
SPECIAL = ("<pad>", "</s>", "<unk>")


def vocabulary(draw: Draw) -> Vocabulary:
    """Pieces for a tokenizer of T5. Only the special ones have the same ids each time."""
    pieces = [(SPACE, -2.0), *((SPACE + word, -3.0) for word in KNOWN),
              *((word, -4.0) for word in KNOWN),
              *((sign, -7.0) for sign in string.ascii_letters + string.digits + string.punctuation)]
    return [*((piece, 0.0) for piece in SPECIAL), *draw.several(pieces),
            *((f"<extra_id_{number}>", 0.0) for number in reversed(range(100)))]


def words(draw: Draw, count: int) -> list[str]:
    """Different words, as far as there are so many."""
    order = draw.several(WORDS)
    return (order * (count // len(order) + 1))[:count]


def phrase(draw: Draw, count: int) -> list[str]:
    """So many words; up to half of them with capitals, digits, signs or accents."""
    odd = draw.several([*SPELT, *ABROAD], count // 2)
    return draw.several([*odd, *words(draw, count - len(odd))])


def text(draw: Draw, tokens: int) -> str:
    """A text of exactly so many tokens of any `vocabulary`, without an end mark."""
    spelt: list[str] = []
    left = tokens
    for word in draw.several(SPELT):
        if len(pieces(word)) <= left:
            spelt.append(word)
            left -= len(pieces(word))
    return " ".join(draw.several([*spelt, *words(draw, left)]))


def pieces(said: str) -> list[str]:
    """A text's tokens: of a word that is known one, with a sign behind it two; of another one its
    characters."""
    found: list[str] = []
    for word in said.split():
        known = next((one for one in (word, word[:-1]) if one in KNOWN), "")
        found += [SPACE + known, *word[len(known):]] if known else [SPACE, *word]
    return found


def ids_of(said: str, vocabulary: Vocabulary) -> list[int]:
    """A text's tokens by their ids."""
    ids = {piece: number for number, (piece, _) in enumerate(vocabulary)}
    return [ids[piece] for piece in pieces(said)]


def text_of(ids: list[int], vocabulary: Vocabulary) -> str:
    """The text of tokens, special ones left out."""
    found = (vocabulary[index][0] for index in ids if 0 <= index < len(vocabulary))
    joined = "".join(piece for piece in found if piece not in SPECIAL)
    return joined.replace(SPACE, " ").strip()


def squad(draw: Draw, case: SimpleNamespace | None = None) -> dict[str, Any]:
    """An example in SQuAD's form: words follow each other without a meaning."""
    case = case or EXAMPLE.draw(draw)
    told = phrase(draw, case.before + case.answer + case.behind)
    spans = [(case.before, case.answer)]
    while len(spans) < case.answers:
        start = draw.whole(0, len(told) - 1)
        spans.append((start, draw.whole(1, len(told) - start)))
    columns = {
        "id": f"{draw.whole(0, 99999):05}", "title": draw.among(WORDS),
        "question": " ".join(phrase(draw, case.question)) + case.mark,
        "context": " ".join(told) + case.stop,
        "answers": {"text": [" ".join(told[start : start + size]) for start, size in spans],
                    "answer_start": [len(" ".join([*told[:start], ""])) for start, _ in spans]},
    }
    return dict(draw.several(list(columns.items())))


def numbered(draw: Draw, count: int) -> list[dict[str, Any]]:
    """Examples of SQuAD whose questions end in a number each."""
    columns = draw.several(list(squad(draw)))  # all in the same order
    examples = [{**squad(draw), "question": f"{draw.among(WORDS)} {one}"}
                for one in draw.several(range(10, 99), count)]
    return [{name: one[name] for name in columns} for one in examples]


def with_texts(draw: Draw, lengths: Iterable[SimpleNamespace]) -> dict[str, list[Any]]:
    """A batch of SQuAD with both texts, of so many tokens each, that have nothing of the rest."""
    rows = [{**squad(draw), "input_text": f"{text(draw, one.read)} </s>",
             "target_text": f"{text(draw, one.write)} </s>"} for one in lengths]
    return {name: [one[name] for one in rows] for name in draw.several(list(rows[0]))}


def encoded(draw: Draw) -> list[dict[str, list[Any]]]:
    """A batch in which some texts are too long, and one of an example that must be filled up."""
    short = TEXTS.draw(draw, read=draw.whole(TARGET, INPUT // 2), write=draw.whole(1, TARGET // 2))
    return [with_texts(draw, TEXTS.cover(draw, draw.whole(4, 6))), with_texts(draw, [short])]


def stacked(examples: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    return {name: torch.stack([one[name] for one in examples]) for name in examples[0]}


def without_end(row: list[int]) -> list[int]:
    """A row without its end marks and its padding."""
    end = len(row)
    while end and row[end - 1] in (PAD, END):
        end -= 1
    return row[:end]


def prepared(draw: Draw, examples: int, read: int, write: int, below: int = 32_000
             ) -> list[dict[str, Tensor]]:
    """Prepared examples of these widths, padded, with ids under `below`.

    No token but padding has the id of padding: it may be found by its id or by its mask.
    """
    filled = (FILLED.cover(draw, examples) if examples > 2 else
              [FILLED.draw(draw) for _ in range(examples)])
    rows = []
    for one in filled:
        row: dict[str, Tensor] = {}
        for ids, mask, how, width in (("input_ids", "attention_mask", one.read, read),
                                      ("target_ids", "target_attention_mask", one.write, write)):
            used = {"one": 1, "some": draw.whole(2, width - 1), "all": width}[how]
            ends = draw.whole(int(used < width), min(ENDS, used))  # none where a text may be cut
            row[mask] = (torch.arange(width) < used).long()
            row[ids] = ((draw(width).abs() * 300).long() % (below - 3) + 3) * row[mask]
            row[ids][used - ends : used] = END
        rows.append(dict(draw.several(list(row.items()))))
    return rows


def batches(draw: Draw) -> list[list[dict[str, Tensor]]]:
    """Batches for the collator: of one, of many, of few places, and of as many as 3.1 makes."""
    widths = BATCH.ranges
    cases = [BATCH.draw(draw, examples=1), BATCH.draw(draw, examples=widths["examples"].edges[1]),
             *(BATCH.draw(draw, read=read, write=write) for read, write in zip(
                 widths["read"].edges, widths["write"].edges, strict=True))]
    return [prepared(draw, case.examples, case.read, case.write) for case in cases]


def trained_on(draw: Draw, case: SimpleNamespace | None = None) -> dict[str, Any]:
    """What a trainer gets: prepared examples of few tokens, and settings."""
    case = case or TRAINING.draw(draw)
    rows = stacked(prepared(draw, case.examples, draw.whole(3, 8), draw.whole(3, 6), below=100))
    settings = {
        "per_device_train_batch_size": case.batch, "max_steps": draw.whole(3, 99),
        "gradient_accumulation_steps": draw.whole(5, 9), "seed": draw.whole(100, 999),
        "learning_rate": draw.whole(1, 99) / 2**14, "weight_decay": draw.whole(1, 99) / 2**10,
        "save_steps": draw.whole(3, 99)}
    return {"rows": {name: rows[name] for name in draw.several(list(rows))}, "settings": settings}


def questions(draw: Draw) -> dict[str, Any]:
    """Questions with their contexts, and what the model is to write of each."""
    pieces, asked = vocabulary(draw), []
    for case in ASKED.cover(draw, 3):
        stop = case.stop if case.written else ""
        written = ids_of(text(draw, case.written - len(stop)) + stop, pieces)
        ended = [] if case.written == ASKED.ranges["written"].edges[1] else [END]
        asked.append({
            "question": text(draw, case.question) + case.mark,
            "context": text(draw, case.context) + case.stop,
            "written": [PAD, *written, *ended]})
    return {"vocabulary": pieces, "asked": asked}


def places(draw: Draw) -> list[int]:
    """Where to look into a layer's weights: at the first, the last, and some between."""
    return [0, -1, *(draw.whole(0, 2**30) for _ in range(14))]


def check_is_there(student: Any, function: str, constant: str) -> None:
    """Fail where a checkpoint was asked for that is neither the right one nor known here."""
    if isinstance(student, dict) and "not_there" in student:
        raise Wrong(f"`{function}` asks for the checkpoint `{student['not_there']}`, and not for "
                    f"the one that is named in `{constant}`")


def plain(text: str) -> str:
    """Text without double spaces, and without any behind the two words that say what comes."""
    return re.sub(r"\s+", " ", re.sub(r"\b(question|context):\s+", r"\1:", text)).strip()
