"""Probes of hw3, 2.1: they run beside the student's code, return what it does, judge nothing.

A part that is not being asked is played: the global names that a function of the student's uses
(`tokenizer`, `preprocess_function`) mean something else while a probe runs.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import datasets
import transformers
from torch import Tensor

from .probes_given import SWAG_COLUMNS, distilbert_tokenizer, in_swag

INPUTS = ("input_ids", "attention_mask")


def _plain(returned: Any) -> Any:
    """Of a mapping the two inputs of the model."""
    if not isinstance(returned, Mapping):
        return returned
    return {name: returned[name] for name in INPUTS if name in returned}


# ------------------------------------------------------------------------------------------ explain


def explained(code: Any, example: dict[str, Any]) -> dict[str, Any]:
    """What `explain_example` prints, displays or returns, as one text."""
    from IPython.utils.capture import capture_output

    with in_swag(code), capture_output() as seen:
        returned = code.explain_example(example)
    shown = [text for output in seen.outputs for kind, text in output.data.items()
             if kind in ("text/markdown", "text/html", "text/plain") and isinstance(text, str)]
    return {"text": "\n".join([seen.stdout, *shown, *([returned] if isinstance(returned, str)
                                                      else [])])}


# ---------------------------------------------------------------------------------------- tokenizer


def cuts(code: Any, texts: list[list[str]]) -> dict[str, Any]:
    """How the student's `tokenizer` cuts pairs of texts."""
    tokenizer = code.tokenizer
    return {"ids": [list(tokenizer(*pair)["input_ids"]) for pair in texts],
            "fast": getattr(tokenizer, "is_fast", None)}


# --------------------------------------------------------------------------------------- preprocess


def preprocessed(code: Any, vocabulary: list[str], examples: dict[str, list]) -> Any:
    """What `preprocess_function` makes of columns, with a small tokenizer under that name."""
    with in_swag(code, tokenizer=distilbert_tokenizer(vocabulary)):
        return _plain(code.preprocess_function(copy.deepcopy(examples)))


def preprocessed_with_own(code: Any, examples: dict[str, list]) -> Any:
    """What `preprocess_function` makes of columns, with the tokenizer that the student loaded."""
    with in_swag(code):
        return _plain(code.preprocess_function(copy.deepcopy(examples)))


# ---------------------------------------------------------------------------------------------- map


def mapped(code: Any, splits: dict[str, dict[str, list]]) -> dict[str, Any]:
    """What `encode_splits` makes of a data set, with a `preprocess_function` that is played.

    Each sequence that it gives is [number of the example's texts seen at once, length of sent1],
    and each mask that of sent2.
    """
    with in_swag(code, preprocess_function=_encode_lengths):
        return _mapped(code, splits)


def mapped_with_own(code: Any, splits: dict[str, dict[str, list]]) -> dict[str, Any]:
    """The same with the student's own `preprocess_function` and `tokenizer`."""
    with in_swag(code):
        return _mapped(code, splits)


def _mapped(code: Any, splits: dict[str, dict[str, list]]) -> dict[str, Any]:
    given = datasets.DatasetDict(
        {name: datasets.Dataset.from_dict(columns, features=datasets.Features(SWAG_COLUMNS))
         for name, columns in splits.items()})
    returned = code.encode_splits(given)
    if not isinstance(returned, Mapping):
        return {"returned": returned}
    wanted = (*INPUTS, "label")
    return {"splits": {name: {column: list(rows[column]) for column in rows.column_names
                              if column in wanted} for name, rows in returned.items()}}


def _encode_lengths(examples: Mapping[str, Any], *_: Any, **__: Any) -> dict[str, list]:
    texts = [examples[name] for name in ("sent1", "sent2")]
    if isinstance(texts[0], str):  # a single example: as real tokens would be, of its own form
        return {name: [[0, len(text)]] * 4 for name, text in zip(INPUTS, texts, strict=True)}
    return {name: [[[1, len(text)]] * 4 for text in column]
            for name, column in zip(INPUTS, texts, strict=True)}


# ----------------------------------------------------------------------------------------- collator


def collated(code: Any, vocabulary: list[str], features: list[dict[str, Any]],
             options: dict[str, Any] | None = None, side: str = "right") -> dict[str, Any]:
    """What the collator makes of copies of the features, and what it does to these copies."""
    library, heard = getattr(transformers, "DataCollatorForMultipleChoice", None), []
    given, tokenizer = copy.deepcopy(features), distilbert_tokenizer(vocabulary)
    tokenizer.padding_side = side
    with in_swag(code, tokenizer=tokenizer), _overheard(library, heard):
        collate = code.MultipleChoiceDataCollator(tokenizer=tokenizer, **(options or {}))
        try:
            returned = collate(given)
        except Exception:
            if not heard:
                raise
            returned = None
    batch = dict(returned) if isinstance(returned, Mapping) else returned
    return {"batch": batch, "untouched": given == features, "library": bool(heard),
            "types": {name: str(value.dtype) for name, value in batch.items()
                      if isinstance(value, Tensor)} if isinstance(batch, dict) else {}}


@contextmanager
def _overheard(library: Any, heard: list[str]) -> Iterator[None]:
    """Note whether the library's own collator is called."""
    own = getattr(library, "torch_call", None)
    if own is None:
        yield
        return

    def listen(self: Any, *args: Any, **kwargs: Any) -> Any:
        heard.append("torch_call")
        return own(self, *args, **kwargs)

    library.torch_call = listen
    try:
        yield
    finally:
        library.torch_call = own
