"""WordPiece: from text to the numbers that BERT reads.

Text is normalized a character at a time (clean, set CJK apart, strip accents, lower the case, set
punctuation apart), cut into words at spaces, and each word into the longest pieces that the
vocabulary holds: "unaffable" becomes `un ##aff ##able` (Devlin et al., NAACL 2019). The ids equal
those of the `tokenizers` library on bert-base-uncased's vocabulary, for any text.
"""

import json
import re
import string
import unicodedata
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import torch

from base_bert import find_checkpoint
from utils import InputError

SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
MAX_WORD_LENGTH = 100  # characters; a longer word is [UNK]


def code_points(spans: str) -> frozenset[int]:
    """Return all code points of spans that are written as "3400-4DBF 61D"."""
    ends = ([int(end, 16) for end in span.split("-")] for span in spans.split())
    return frozenset(code for end in ends for code in range(end[0], end[-1] + 1))


# Ideographs, each a word of its own. Like the library's, the sixth span leaves out 2B820-2B91F.
CJK = code_points("3400-4DBF 4E00-9FFF F900-FAFF 20000-2A6DF 2A700-2B81F 2B920-2CEAF 2F800-2FA1F")

# The library knows the categories of Unicode 8 (2015), Python those of a newer version. In these
# spans lie all marks, controls and punctuation added since, up to Unicode 18, and no older ones.
NEWER = code_points("""
    5C8-5C9 61D 7FD 890-8E2 9FD-9FE A76 AFA-AFF B53-B55 C04-C3C C77 C84 D00 D3B-D3C D81 EBA ECE
    180F-1886 1ABF-1AF0 1B4E-1B4F 1B7D-1B7F 1DF6-1DFB 2E43-2E63 A82C A8C5 A8FF A9BD 10D24-10F89
    11070-11074 110C2-110CD 111CF 1123E-11241 1133B 113BB-1145E 11660-1166C 116B9 1182F-11FFF
    12FF1-1612F 16D6D-16F4F 16FE2-16FE4 1CF00-1D128 1D25B-1D25C 1E000-1E6F5 1E944-1E95F
""")
RECLASSIFIED = {0x166D: "Po", 0x1734: "Mn", 0x111C9: "Po", 0x1171E: "Mn"}  # classes of 2015


def category(char: str) -> str:
    """Return the Unicode category of `char`, such as "Lu" or "Po", as the library sees it.

    A mark, control or punctuation character added since Unicode 8 counts as a letter ("Lo"). Like
    any unassigned code point it stays in its word, which becomes [UNK].
    """
    if ord(char) in NEWER:
        return "Lo"
    return RECLASSIFIED.get(ord(char)) or unicodedata.category(char)


def is_punctuation(char: str) -> bool:
    """Tell whether `char` is a word of its own: Unicode punctuation, and "$+<=>^`|~" besides."""
    return char in string.punctuation or category(char).startswith("P")


def normalize(code: int) -> str:
    """Return what replaces one code point; spaces set words apart. Rejects lone surrogates."""
    char, kind = chr(code), category(chr(code))
    if kind == "Cs":
        raise InputError(
            f"The text holds U+{code:X}, half a surrogate pair: read its file again, as utf-8."
        )
    if kind in ("Zs", "Zl", "Zp") or char in "\t\n\r":
        return " "
    if kind in ("Cc", "Cf", "Co") or char == "\ufffd":
        return ""
    # NFD takes "é" apart into "e" and an accent, a nonspacing mark (Mn).
    bare = [c for c in unicodedata.normalize("NFD", char) if category(c) != "Mn"]
    # Lowered one at a time, so that "Σ" is "σ" at the end of a word too.
    text = "".join(f" {c} " if is_punctuation(c) else c.lower() for c in bare)
    return f" {text} " if code in CJK else text


def wordpiece(vocab: dict[str, int], word: str) -> list[str]:
    """Cut a word into the longest pieces in `vocab`, from left to right.

    The whole of it is [UNK] where no piece fits, or where it is longer than MAX_WORD_LENGTH.
    """
    pieces: list[str] = []
    start, prefix = 0, ""
    while start < len(word) <= MAX_WORD_LENGTH:
        ends = range(len(word), start, -1)
        end = next((end for end in ends if prefix + word[start:end] in vocab), None)
        if end is None:
            return ["[UNK]"]
        pieces.append(prefix + word[start:end])
        start, prefix = end, "##"
    return pieces or ["[UNK]"]


class Memo(dict):
    """The values of a function of one argument, each computed at its first look-up."""

    def __init__(self, function: Callable) -> None:
        self.function = function

    def __missing__(self, key: int | str) -> str | list[str]:
        return self.setdefault(key, self.function(key))


class BertTokenizer:
    """Cuts text into the pieces of an uncased BERT vocabulary.

    >>> tokenizer = BertTokenizer.from_pretrained("google-bert/bert-base-uncased")
    >>> tokenizer.encode("Hello, world!")
    [101, 7592, 1010, 2088, 999, 102]
    """

    def __init__(self, vocab: dict[str, int]) -> None:
        """Take a vocabulary, token to id. Raises InputError if it is not an uncased BERT's."""
        missing = [token for token in SPECIAL_TOKENS if token not in vocab]
        if missing or "The" in vocab:
            flaw = f"lacks {', '.join(missing)}" if missing else "tells capitals from small letters"
            raise InputError(
                f"The vocabulary {flaw}, but this tokenizer is for uncased BERT models: choose a"
                " checkpoint such as google-bert/bert-base-uncased."
            )
        self.vocab, self.vocab_size = vocab, len(vocab)
        self.ids_to_tokens = {index: token for token, index in vocab.items()}
        self.pad_token_id, self.unk_token_id = vocab["[PAD]"], vocab["[UNK]"]
        self.cls_token_id, self.sep_token_id = vocab["[CLS]"], vocab["[SEP]"]
        self.mask_token_id = vocab["[MASK]"]
        self.normalized, self.pieces = Memo(normalize), Memo(partial(wordpiece, vocab))

    @classmethod
    def from_pretrained(cls, name_or_dir: str | Path) -> "BertTokenizer":
        """Load vocab.txt, or else tokenizer.json, of a directory or of a name on the hub.

        Raises InputError if neither is there, or if the vocabulary is not an uncased BERT's.
        """
        directory = find_checkpoint(name_or_dir)
        listed, described = directory / "vocab.txt", directory / "tokenizer.json"
        if listed.is_file():  # one token a line, its id the number of the line
            tokens = listed.read_text(encoding="utf-8").removesuffix("\n").split("\n")
            return cls({token: index for index, token in enumerate(tokens)})
        if described.is_file():
            return cls(json.loads(described.read_text(encoding="utf-8"))["model"]["vocab"])
        raise InputError(f"{name_or_dir} holds neither vocab.txt nor tokenizer.json: add one.")

    def tokenize(self, text: str) -> list[str]:
        """Return the pieces of `text`; a special token written in it, as "[MASK]", is itself."""
        tokens: list[str] = []
        for part in re.split(r"(\[(?:PAD|UNK|CLS|SEP|MASK)\])", text):
            words = [part] if part in SPECIAL_TOKENS else part.translate(self.normalized).split()
            for word in words:
                tokens += self.pieces[word]
        return tokens

    def encode(self, text: str, max_length: int | None = 512) -> list[int]:
        """Return the ids of [CLS], `text` and [SEP], cut at the end of the text to `max_length`."""
        if max_length is not None and max_length < 2:
            raise InputError(f"max_length is {max_length}, but [CLS] and [SEP] alone take 2.")
        ids = self.convert_tokens_to_ids(self.tokenize(text))
        room = None if max_length is None else max_length - 2
        return [self.cls_token_id, *ids[:room], self.sep_token_id]

    def decode(self, ids: Iterable[int]) -> str:
        """Return readable text: pieces joined, and no space before any of ".,!?"."""
        text = " ".join(self.convert_ids_to_tokens(ids)).replace(" ##", "")
        return re.sub(r" ([.,!?])", r"\1", text)

    def convert_tokens_to_ids(self, tokens: Iterable[str]) -> list[int]:
        """Return the id of each token, that of [UNK] where the vocabulary lacks it."""
        return [self.vocab.get(token, self.unk_token_id) for token in tokens]

    def convert_ids_to_tokens(self, ids: Iterable[int]) -> list[str]:
        """Return the token of each id. Raises KeyError for an id outside the vocabulary."""
        return [self.ids_to_tokens[int(index)] for index in ids]

    def __call__(
        self,
        sentences: list[str] | str,
        padding: bool = True,
        truncation: bool = True,
        max_length: int = 512,
        return_tensors: str | None = "pt",
    ) -> dict[str, torch.Tensor] | dict[str, list[list[int]]]:
        """Encode a batch of B sentences (or one).

        Returns `input_ids`, `token_type_ids` (all 0: one segment) and `attention_mask` (1 on
        tokens, 0 on padding), int64 tensors of shape [B, T] with T the length of the longest
        sentence, in tokens; lists of lists if `return_tensors` is None.
        """
        texts = [sentences] if isinstance(sentences, str) else sentences
        rows = [self.encode(text, max_length if truncation else None) for text in texts]
        width = max(map(len, rows)) if padding else 0
        batch = {
            "input_ids": [row + [self.pad_token_id] * (width - len(row)) for row in rows],
            "token_type_ids": [[0] * max(width, len(row)) for row in rows],
            "attention_mask": [[1] * len(row) + [0] * (width - len(row)) for row in rows],
        }
        if return_tensors is None:
            return batch
        return {name: torch.tensor(lists) for name, lists in batch.items()}
