"""Questions with contexts whose tokens are known beforehand, and scores that point into them.

The words come from a vocabulary of the judge's own, cut here as WordPiece cuts them, so that the
judge needs no tokenizer. Within a passage no token of the context comes twice or stands in the
question, so that a table with a row for each token of the vocabulary points at one place.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

Draw = Callable[..., Tensor]
Word = tuple[str, ...]  # its WordPieces

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
PUNCTUATION = ("?", ".", "-")
ASKING: list[Word] = [(word,) for word in ("who", "what", "where", "when", "why", "did", "was")]
UNCUT = (
    "ada alan grace karen donald paris rome oslo lima cairo river garden museum school bridge "
    "market station letter piano violin winter summer monday friday teacher doctor baker poet "
    "wrote found visited painted bought saw near with under after before from to old small red "
    "green happy one two three seven")
WHOLE: list[Word] = [(word,) for word in UNCUT.split()]
CUT: list[Word] = [
    ("play", "##ing"), ("un", "##believ", "##able"), ("walk", "##er", "##s"),
    ("light", "##house"), ("micro", "##scop", "##e"), ("volcan", "##ic"), ("kind", "##ness"),
    ("quick", "##ly"), ("art", "##ist"), ("brew", "##ed"), ("mara", "##thon"),
    ("chlor", "##oph", "##yll"),
]
VOCABULARY = [*SPECIAL, *PUNCTUATION,
              *(piece for word in (*ASKING, *WHOLE, *CUT) for piece in word)]
NUMBER = {token: number for number, token in enumerate(VOCABULARY)}

LOW = -5.0  # what a token scores that nothing points at; BERT's scores are negative there, too


@dataclass(frozen=True)
class Passage:
    """A question with its context. `words` are the context's; `tokens` are their pieces."""

    question: str
    context: str
    asking: tuple[Word, ...]
    words: tuple[Word, ...]

    @property
    def tokens(self) -> list[str]:
        """The context's tokens."""
        return [piece for word in self.words for piece in word]

    @property
    def encoded(self) -> dict[str, Tensor]:
        """The three inputs of BERT, each [1, T]."""
        asking = [piece for word in self.asking for piece in word]
        first, second = ["[CLS]", *asking, "[SEP]"], [*self.tokens, "[SEP]"]
        ids = torch.tensor([[NUMBER[token] for token in first + second]])
        segments = torch.tensor([[0] * len(first) + [1] * len(second)])
        return {"input_ids": ids, "token_type_ids": segments,
                "attention_mask": torch.ones_like(ids)}

    def asked(self) -> dict[str, Any]:
        """What a probe of generateAnswer is to be asked, but for the scores."""
        return {"vocabulary": VOCABULARY, "question": self.question, "context": self.context,
                "encoded": self.encoded}

    def span_of_words(self, first: int, last: int) -> tuple[int, int]:
        """The places of the first and the last token of some words of the context."""
        lengths = [len(word) for word in self.words]
        return sum(lengths[:first]), sum(lengths[: last + 1]) - 1


def passage(draw: Draw, words: list[Word] | None = None, stop: bool = True,
            capitals: bool = False) -> Passage:
    """A random question, and the context that `words` make, or 14 random ones; five are cut."""
    asking = (*sample(draw, ASKING, 4), ("?",))
    words = words or sample(draw, [*sample(draw, WHOLE, 9), *sample(draw, CUT, 5)], 14)
    words = [*words, (".",)] if stop else words
    return Passage(_text(asking, capitals), _text(words, capitals), asking, tuple(words))


def sample(draw: Draw, things: list[Any], count: int) -> list[Any]:
    """`count` different things, in random order."""
    return [things[place] for place in draw(len(things)).argsort()[:count].tolist()]


def scores(draw: Draw, **points: float) -> Tensor:
    """A table [vocabulary]: low and a little uneven, but for the tokens that are named."""
    table = LOW + 0.01 * draw(len(VOCABULARY))
    for token, score in points.items():
        table[NUMBER[token]] = score
    return table


def pointing(draw: Draw, passage: Passage, spans: list[tuple[int, int]]) -> dict[str, Tensor]:
    """Tables in which nothing comes near the scores of each span's first and last token."""
    tokens = passage.tokens
    return {"starts": torch.stack([scores(draw, **{tokens[first]: 8}) for first, _ in spans]),
            "ends": torch.stack([scores(draw, **{tokens[last]: 8}) for _, last in spans])}


def normalised(answer: str) -> str:
    """As SQuAD compares answers: no case, no punctuation, no articles, single spaces."""
    plain = "".join(sign for sign in answer.lower() if sign not in string.punctuation)
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", plain).split())


def decoded(tokens: list[str]) -> str:
    """The text that tokens give without a look at the context: a space before each new word."""
    return " ".join(tokens).replace(" ##", "")


def _text(words: Any, capitals: bool) -> str:
    texts = [decoded(list(word)) for word in words]
    if capitals:
        texts = [text.capitalize() for text in texts]
    return re.sub(r" ([?.])", r"\1", " ".join(texts)).replace(" - ", "-")
