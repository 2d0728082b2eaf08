"""Probes of 3.1 and 3.2: they run beside the student's code, return what it does, judge nothing.

A part that is not being asked is played: functions and collators by ones whose values tell what
they were given, tokenizers by a small one of the judge's vocabulary, T5 by a very small one.
"""

from __future__ import annotations

import copy
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn as nn
from datasets import Dataset
from torch import Tensor
from transformers import Seq2SeqTrainingArguments, Trainer

from .probes_given import (
    T5,
    in_squad,
    inside,
    loaded,
    small_t5,
    t5_tokenizer,
)

FEATURES = ("input_ids", "attention_mask", "target_ids", "target_attention_mask")
SETTINGS = ("output_dir", "eval_strategy", "learning_rate", "weight_decay", "seed", "max_steps",
            "save_strategy", "save_steps", "per_device_train_batch_size",
            "gradient_accumulation_steps", "remove_unused_columns")

# ----------------------------------------------------------------------------------- 3.1 tokenizer


def tokenizer(code: Any, texts: list[str], long: str) -> dict[str, Any] | None:
    """How the tokenizer cuts some texts, on which side it pads, and what of a long one stays.

    None where it is no tokenizer.
    """
    with in_squad(code):
        return _cuts(loaded(code.load_t5_tokenizer, T5), texts, long)


def _cuts(tokenizer: Any, texts: list[str], long: str) -> dict[str, Any] | None:
    if not callable(tokenizer):
        return tokenizer if isinstance(tokenizer, dict) else None
    kept = tokenizer(long, truncation=True)["input_ids"]
    return {"ids": [list(tokenizer(text)["input_ids"]) for text in texts],
            "padded": [list(row) for row in tokenizer(texts, padding=True)["input_ids"]],
            "limit": int(min(tokenizer.model_max_length, 10**9)),
            "kept": len(kept), "text": tokenizer.decode(kept, skip_special_tokens=True)}


# --------------------------------------------------------------------- 3.1 texts, features, map


def texts(code: Any, examples: list[dict[str, Any]]) -> list[Any]:
    """The two texts that `add_eos_to_examples` gives each example, or what it returns instead."""
    with in_squad(code):
        returned = [code.add_eos_to_examples(copy.deepcopy(example)) for example in examples]
    return [{name: one[name] for name in ("input_text", "target_text") if name in one}
            if isinstance(one, Mapping) else one for one in returned]


def features(code: Any, vocabulary: list, batches: list[dict[str, list[Any]]]) -> list[Any]:
    """What `convert_to_features` makes of each batch with a tokenizer of the judge's."""
    with in_squad(code, t5_tokenizer=t5_tokenizer(vocabulary)):
        return [_tables(code.convert_to_features(copy.deepcopy(one))) for one in batches]


def own_features(code: Any, batches: list[dict[str, list[Any]]]) -> list[Any]:
    """What `convert_to_features` makes of each batch with the person's own tokenizer."""
    with in_squad(code, t5_tokenizer=_own_tokenizer(code)):
        return [_tables(code.convert_to_features(copy.deepcopy(one))) for one in batches]


def _own_tokenizer(code: Any) -> Any:
    with in_squad(code):
        return code.load_t5_tokenizer()


def _tables(returned: Any) -> Any:
    """The four features as tensors, where they are such or can be; anything else as it is."""
    if not isinstance(returned, Mapping):
        return returned
    return {name: _table(returned[name]) for name in FEATURES if name in returned}


def _table(rows: Any) -> Any:
    try:
        return rows if isinstance(rows, Tensor) else torch.stack(
            [torch.as_tensor(row) for row in rows])
    except (TypeError, ValueError, RuntimeError):
        return rows  # rows of several lengths, or no numbers


def prepared(code: Any, sets: list[list[dict[str, Any]]], rest: dict[str, list[int]]
             ) -> list[list[Any] | None]:
    """What `prepare` makes of small data sets, with both functions played.

    `rest` is what stands in each column of numbers behind the number of the example.
    """
    def played(examples: Any) -> dict[str, Any]:
        return _played_features(examples, rest)

    with in_squad(code, add_eos_to_examples=_played_texts, convert_to_features=played):
        return [_read(code.prepare(Dataset.from_list(examples))) for examples in sets]


def own_prepared(code: Any, examples: list[dict[str, Any]]) -> list[Any] | None:
    """What `prepare` makes of a small data set with the person's own functions and tokenizer."""
    with in_squad(code, t5_tokenizer=_own_tokenizer(code)):
        return _read(code.prepare(Dataset.from_list(examples)))


def _read(data: Any) -> list[Any] | None:
    if data is None:
        return None
    examples = [data[index] for index in range(len(data))]
    return [{name: example[name] for name in FEATURES if name in example} for example in examples]


def _played_texts(example: Any) -> dict[str, Any]:
    """In the place of `add_eos_to_examples`: texts with the number that stands in the question."""
    question = example["question"]
    if not isinstance(question, str):  # many examples, where one was to come
        return {"input_text": ["many"] * len(question), "target_text": ["many"] * len(question)}
    number = question.split()[-1]
    return {"input_text": f"read {number}", "target_text": f"write {number}"}


def _played_features(examples: Any, rest: dict[str, list[int]]) -> dict[str, Any]:
    """In the place of `convert_to_features`: the number of each text, -1 for none, -2 for many,
    and the rest."""
    columns = {}
    for ids, mask, text in (("input_ids", "attention_mask", "input_text"),
                            ("target_ids", "target_attention_mask", "target_text")):
        given = examples[text] if text in examples else _missing(examples)
        found = [_number(one) for one in ([given] if isinstance(given, str) else given)]
        columns[ids] = [[number, *rest[ids]] for number in found]
        columns[mask] = [rest[mask] for _ in found]
        if isinstance(given, str):
            columns[ids], columns[mask] = columns[ids][0], columns[mask][0]
    return columns


def _missing(examples: Any) -> Any:
    first = next(iter(examples.values()))
    return "" if isinstance(first, str) else [""] * len(first)


def _number(text: str) -> int:
    found = re.search(r"\d+", text)
    return int(found[0]) if found else -2 if text == "many" else -1


# ------------------------------------------------------------------------------------ 3.1 collator


def collated(code: Any, batches: list[list[dict[str, Tensor]]]) -> list[Any]:
    """What the collator makes of some batches of examples."""
    with in_squad(code, t5_tokenizer=t5_tokenizer()):
        return [dict(batch) if isinstance(batch, Mapping) else batch
                for batch in map(code.T2TDataCollator(), map(_copies, batches))]


def kinds(code: Any, batches: list[list[dict[str, Tensor]]]) -> list[dict[str, str]]:
    """For each tensor of each batch, what kind of numbers it holds."""
    return [{name: str(value.dtype) for name, value in batch.items() if isinstance(value, Tensor)}
            for batch in collated(code, batches)]


def left(code: Any, batches: list[list[dict[str, Tensor]]]) -> list[list[dict[str, Tensor]]]:
    """The examples after the collator has used them."""
    given = [_copies(features) for features in batches]
    with in_squad(code, t5_tokenizer=t5_tokenizer()):
        collator = code.T2TDataCollator()
        for features in given:
            collator(features)
    return given


def _copies(features: list[dict[str, Tensor]]) -> list[dict[str, Tensor]]:
    return [{name: tensor.clone() for name, tensor in one.items()} for one in features]


# --------------------------------------------------------------------------- 3.2 model, arguments


def model(code: Any, places: list[int]) -> dict[str, Any] | None:
    """What is in the model that `load_t5` gives; None where it is none."""
    with in_squad(code):
        torch.manual_seed(0)  # so that random weights, too, can be known again
        return inside(loaded(code.load_t5, T5), places)


def arguments(code: Any) -> dict[str, Any] | None:
    """The settings of the training by their values; None where there are none."""
    with in_squad(code):
        args = code.t5_arguments()
    if args is None:
        return None
    values = {name: getattr(args, name, None) for name in SETTINGS}
    values = {name: getattr(value, "value", value) for name, value in values.items()}
    return {**values, "for_seq2seq": hasattr(args, "predict_with_generate")}


def readable(code: Any, rows: dict[str, Tensor]) -> list[dict[str, Any]] | None:
    """What a trainer with these settings gets to read of some rows, whatever the settings are."""
    with in_squad(code), tempfile.TemporaryDirectory() as folder:
        args = code.t5_arguments()
        if args is None:
            return None
        args.output_dir, args.report_to, args.push_to_hub = folder, [], False
        data = Dataset.from_dict({name: table.tolist() for name, table in rows.items()})
        trainer = Trainer(small_t5(), args, train_dataset=data, eval_dataset=data)
        return list(trainer.get_train_dataloader().dataset)


# ------------------------------------------------------------------------------------- 3.2 trainer


def trainer(code: Any, **asked: Any) -> dict[str, Any]:
    """What a trainer of `make_t5_trainer` holds, the collator being played."""
    with _trainer(code, T2TDataCollator=_PlayedCollator, **asked) as (made, given):
        return _held(made, given, asked["settings"])


def batches(code: Any, **asked: Any) -> list[dict[str, Tensor]]:
    """The batches that a trainer of `make_t5_trainer` reads, the collator being played."""
    with _trainer(code, T2TDataCollator=_PlayedCollator, **asked) as (made, _):
        return _batches(made)


def own_trainer(code: Any, **asked: Any) -> dict[str, Any]:
    """The same with the person's own collator."""
    with _trainer(code, **asked) as (made, given):
        return {**_held(made, given, asked["settings"]), "batches": _batches(made)}


def _held(made: Any, given: nn.Module, settings: dict[str, Any]) -> dict[str, Any]:
    return {"model": getattr(made, "model", None) is given,
            **{name: getattr(made.args, name) for name in settings}}


@contextmanager
def _trainer(code: Any, rows: dict[str, Tensor], settings: dict[str, Any], **played: Any
             ) -> Iterator[tuple[Any, nn.Module]]:
    data = Dataset.from_dict({name: table.tolist() for name, table in rows.items()})
    own = {"t5_tokenizer": t5_tokenizer(), "t5_model": small_t5()}
    with tempfile.TemporaryDirectory() as folder, in_squad(code, **own, **played):
        args = Seq2SeqTrainingArguments(folder, use_cpu=True, remove_unused_columns=False,
                                        report_to="none", **settings)
        model = small_t5()
        yield code.make_t5_trainer(model, args, data.with_format("torch")), model


def _batches(trainer: Any) -> list[dict[str, Tensor]]:
    """All batches, one example each and in an order of their own, since trainers shuffle."""
    examples = []
    for batch in trainer.get_train_dataloader():
        size = max(len(value) for value in batch.values())
        examples += [{name: value[index] for name, value in batch.items()}
                     for index in range(size)]
    return sorted(examples, key=lambda one: str({name: one[name] for name in sorted(one)}))


class _PlayedCollator:
    """In the place of the collator: a batch with the right names and marked numbers."""

    def __init__(self, *_: Any, **__: Any) -> None: ...

    def __call__(self, features: list[Any]) -> dict[str, Tensor]:
        stacked = {name: torch.stack([torch.as_tensor(one[name]) for one in features])
                   for name in FEATURES}
        return {"input_ids": stacked["input_ids"], "attention_mask": stacked["attention_mask"],
                "labels": stacked["target_ids"] + 1000,
                "decoder_attention_mask": stacked["target_attention_mask"]}
