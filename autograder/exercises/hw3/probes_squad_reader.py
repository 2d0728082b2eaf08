"""Probes of 3.3: they run beside the student's code, return what it does, judge nothing.

The model that is asked is very small, and its `generate` is played: it writes what it is told.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn as nn
from transformers.generation.utils import (
    GenerateBeamEncoderDecoderOutput,
    GenerateEncoderDecoderOutput,
)

from .probes_given import (
    READER,
    in_squad,
    inside,
    loaded,
    small_t5,
    t5_tokenizer,
)

TARGET = 16  # tokens

# ------------------------------------------------------------------------------------- load_reader


def reader(code: Any, places: list[int]) -> dict[str, Any] | None:
    """What is in the model that `load_reader` gives; None where there is none."""
    with in_squad(code):
        torch.manual_seed(0)  # so that random weights, too, can be known again
        model, _ = _both(loaded(code.load_reader, READER))
        return inside(model, places)


def reader_tokenizer(code: Any, texts: list[str]) -> Any:
    """How the tokenizer that `load_reader` gives cuts texts; None where there is none."""
    with in_squad(code):
        _, tokenizer = _both(loaded(code.load_reader, READER))
    if not callable(tokenizer):
        return tokenizer if isinstance(tokenizer, dict) else None
    return [list(tokenizer(text)["input_ids"]) for text in texts]


def _both(returned: Any) -> tuple[Any, Any]:
    """Model and tokenizer, whichever comes first; twice what says that there is neither."""
    if isinstance(returned, dict):
        return returned, returned
    pair = list(returned) if isinstance(returned, (tuple, list)) else [returned]
    model = next((one for one in pair if isinstance(one, nn.Module)), None)
    return model, next((one for one in pair if one is not model), None)


# -------------------------------------------------------------------------------------- get_answer


def answers(code: Any, **asked: Any) -> list[Any]:
    """What `get_answer` returns where the model writes what it is told, once for each."""
    return [trial["answer"] for trial in _trials(code, **asked)]


def prompts(code: Any, **asked: Any) -> list[list[dict[str, Any]]]:
    """What the model's `generate` gets from `get_answer`."""
    return [[{"input_ids": call["input_ids"], "attention_mask": call["attention_mask"]}
             for call in trial["calls"]] for trial in _trials(code, **asked)]


def modes(code: Any, **asked: Any) -> list[bool]:
    """Whether the model is in training mode when it writes."""
    return [call["training"] for trial in _trials(code, **asked) for call in trial["calls"]]


def _trials(code: Any, vocabulary: list, asked: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each has a question, its context, and the tokens that the model writes."""
    tokenizer, trials = t5_tokenizer(vocabulary), []
    # Whoever reaches for names outside the function meets a model that says something else.
    other, model = small_t5(len(vocabulary)), small_t5(len(vocabulary))
    other.generate = _Played(other, [0, 5, 4, 1])
    outside = {"qa_model": other, "t5_model": other, "model": other}
    tokenizers = dict.fromkeys(("qa_tokenizer", "t5_tokenizer"), tokenizer)
    with in_squad(code, **outside, **tokenizers):
        for one in asked:
            model.eval().generate = played = _Played(model, one["written"])
            answer = code.get_answer(tokenizer, model, one["question"], one["context"])
            trials.append({"answer": answer, "calls": played.calls})
    return trials


class _Played:
    """In the place of a model's `generate`: it writes what it is told, and keeps what it gets.

    It stops before only where it may write less than the targets of 3.1 hold.
    """

    def __init__(self, model: nn.Module, written: list[int]) -> None:
        self.model, self.written = model, written
        self.calls: list[dict[str, Any]] = []

    def __call__(self, inputs: Any = None, generation_config: Any = None, *_: Any,
                 input_ids: Any = None, attention_mask: Any = None, **options: Any) -> Any:
        given = inputs if input_ids is None else input_ids
        self.calls.append({"input_ids": given, "attention_mask": attention_mask,
                           "training": self.model.training})
        config = generation_config or self.model.generation_config

        def option(name: str) -> Any:
            return options[name] if options.get(name) is not None else getattr(config, name, None)

        rows = int(option("num_return_sequences") or 1)
        most = int(option("max_new_tokens") or int(option("max_length") or 20) - 1)
        written = self.written if most >= TARGET - 1 else self.written[: most + 1]
        sequences = torch.tensor([written] * rows)  # [rows, T]
        if not option("return_dict_in_generate"):
            return sequences
        beams = int(option("num_beams") or 1) > 1
        return (GenerateBeamEncoderDecoderOutput if beams else GenerateEncoderDecoderOutput)(
            sequences=sequences)
