"""Questions with contexts whose tokens are known beforehand, and scores that point into them.

The words come from a vocabulary of the judge's own, in an order that is drawn, cut here as
WordPiece cuts them, so that the judge needs no tokenizer. Words come again as they do in texts. A
token that a table of scores points at, with a row for each token of the vocabulary, does not.
"""

from __future__ import annotations

import re
import string
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from autograder.testing import Draw

from .domain import LIMIT, SCORES, TEXTS

Word = tuple[str, ...]  # its WordPieces

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
PUNCTUATION = ("?", ".", "-", ",")
ASKED = "who what where when why did was which whose does is how"
ASKING: list[Word] = [(word,) for word in ASKED.split()]
UNCUT = (
    "ada alan grace karen donald paris rome oslo lima cairo river garden museum school bridge "
    "market station letter piano violin winter summer monday friday teacher doctor baker poet "
    "wrote found visited painted bought saw near with under after before from to small happy "
    "green two three seven")
WHOLE: list[Word] = [(word,) for word in UNCUT.split()]
CUT: list[Word] = [
    ("play", "##ing"), ("un", "##believ", "##able"), ("walk", "##er", "##s"),
    ("light", "##house"), ("micro", "##scop", "##e"), ("volcan", "##ic"), ("kind", "##ness"),
    ("quick", "##ly"), ("art", "##ist"), ("brew", "##ed"), ("mara", "##thon"),
    ("chlor", "##oph", "##yll"),
]
INSIDE = {  # words that stand in others: whoever searches the context for them finds these first
    "old": "gold", "one": "stone", "red": "hundred", "tree": "street", "ten": "kitten",
    "sea": "season", "row": "arrow", "rain": "train", "ice": "voice", "ear": "year"}
RARE: list[Word] = [(word,) for word in INSIDE]
COMMON: list[Word] = [*WHOLE, *((word,) for word in INSIDE.values()), (",",)]
PIECES = [*PUNCTUATION[:3], *(piece for word in (*ASKING, *CUT, *RARE, *COMMON) for piece in word)]


@dataclass(frozen=True)
class Passage:
    """A question with its context. `words` are the context's; `tokens` are their pieces."""

    question: str
    context: str
    asking: tuple[Word, ...]
    words: tuple[Word, ...]
    vocabulary: list[str]

    @property
    def tokens(self) -> list[str]:
        """The context's tokens."""
        return _pieces(self.words)

    @cached_property
    def number(self) -> dict[str, int]:
        return {token: number for number, token in enumerate(self.vocabulary)}

    @property
    def encoded(self) -> dict[str, Tensor]:
        """The three inputs of BERT, each [1, T]."""
        first = ["[CLS]", *_pieces(self.asking), "[SEP]"]
        second = [*self.tokens[: LIMIT - len(first) - 1], "[SEP]"]
        ids = torch.tensor([[self.number[token] for token in first + second]])
        segments = torch.tensor([[0] * len(first) + [1] * len(second)])
        return {"input_ids": ids, "token_type_ids": segments,
                "attention_mask": torch.ones_like(ids)}

    def texts(self) -> dict[str, Any]:
        """What a probe of `tokenize` is to be asked."""
        return {"vocabulary": self.vocabulary, "question": self.question, "context": self.context}

    def asked(self) -> dict[str, Any]:
        """What a probe of generateAnswer is to be asked, but for the scores."""
        return {**self.texts(), "encoded": self.encoded}

    def span_of_words(self, first: int, last: int) -> tuple[int, int]:
        """The places of the first and the last token of some words of the context."""
        lengths = [len(word) for word in self.words]
        return sum(lengths[:first]), sum(lengths[: last + 1]) - 1

    def reads(self, answer: Any, right: str, span: tuple[int, int]) -> bool:
        """Whether an answer is the text of a span of tokens, as `right` is, which is cut out of the
        context, or as it is put together from the tokens."""
        tokens = self.tokens[span[0] : span[1] + 1]
        accepted = {normalised(right), normalised(decoded(tokens))}
        return isinstance(answer, str) and normalised(answer) in accepted


def passage(draw: Draw, words: list[Word], asking: list[Word] | None = None, **fixed: Any
            ) -> Passage:
    """The context that `words` make, with a random question where none is given."""
    case = TEXTS.draw(draw, **fixed)
    asking = asking or question(draw)
    unused = [f"[unused{number}]" for number in range(case.unused)]
    return Passage(_text(draw, asking, case), _text(draw, words, case), tuple(asking),
                   tuple(words), draw.several([*SPECIAL, *PIECES, *unused]))


def question(draw: Draw, most: int = 11) -> list[Word]:
    """Three different words that no context has, or some more, with or without a mark."""
    return [*draw.several(ASKING, draw.whole(3, most)), *draw.among([[("?",)], []])]


def some(draw: Draw, words: Sequence[Word], count: int) -> list[Word]:
    """So many of them; each may come again."""
    return [words[place] for place in draw(count, len(words)).argmax(dim=1).tolist()]


def exactly(draw: Draw, count: int) -> list[Word]:
    """Words that make so many tokens: some cut, some again, with commas."""
    words: list[Word] = []
    left = count
    for word in some(draw, [*ASKING, *RARE, *COMMON, *CUT], count):
        if left:
            words.append(word if len(word) <= left else ("old",))
            left -= len(words[-1])
    return words


def marked(draw: Draw, count: int, places: Sequence[int], cut: int = 4) -> list[Word]:
    """So many words. Those in these places, in order, come once, and stand inside a word between
    them and the place before, if there is any. Of the others some are cut: so many kinds.
    """
    words = some(draw, [*COMMON, *draw.several(CUT, cut)], count)
    for previous, place, word in zip((-1, *places), places, draw.several(RARE), strict=False):
        words[place] = word
        if between := range(previous + 1, place):
            words[draw.among(between)] = (INSIDE[word[0]],)
    return words


def scores(draw: Draw, one: Passage, low: float, points: dict[str, float]) -> Tensor:
    """A table [vocabulary]: low and a little uneven, but for the tokens that are named."""
    table = low + 0.01 * draw(len(one.vocabulary))
    for token, score in points.items():
        table[one.number[token]] = score
    return table


def pointing(draw: Draw, one: Passage, spans: list[tuple[int, int]], signs: bool = True
             ) -> dict[str, Tensor]:
    """Tables in which nothing comes near the scores of each span's first and last token.

    Of the best two scores one may be below 0, where `signs` does not forbid it; their sum is not.
    """
    kinds = draw.several(SCORES.ranges["negative"].edges)
    tables: dict[str, list[Tensor]] = {"start": [], "end": []}
    for row, span in enumerate(spans):
        for (side, rows), place in zip(tables.items(), span, strict=True):
            case = SCORES.draw(draw, negative=kinds[row % len(kinds)] if signs else "neither")
            down = case.high + draw.whole(1, 3) if case.negative == side else 0
            rows.append(scores(draw, one, case.low - down, {one.tokens[place]: case.high - down}))
    return {f"{side}s": torch.stack(rows) for side, rows in tables.items()}


def normalised(answer: str) -> str:
    """As SQuAD compares answers: no case, no punctuation, no articles, single spaces."""
    plain = "".join(sign for sign in answer.lower() if sign not in string.punctuation)
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", plain).split())


def decoded(tokens: Sequence[str]) -> str:
    """The text that tokens give without a look at the context: a space before each new word."""
    return " ".join(tokens).replace(" ##", "")


def _pieces(words: Sequence[Word]) -> list[str]:
    return [piece for word in words for piece in word]


def _text(draw: Draw, words: Sequence[Word], case: Any) -> str:
    change = {"none": str, "first": str.capitalize, "all": str.upper}[case.capitals]
    texts = [change(decoded(word)) for word in words]
    wide = draw.whole(1, len(texts))
    text = case.apart.join([" ".join(texts[:wide]), " ".join(texts[wide:])]).strip()
    return re.sub(r"\s+([?.,])", r"\1", text).replace(" - ", "-")
