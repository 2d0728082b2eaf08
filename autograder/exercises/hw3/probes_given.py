"""Small tokenizers, models and data sets that probes of hw3 put in the place of what is large.

Each is of the type that the student's code meets elsewhere. Within `in_swag` and `in_squad` a
function finds every name that the notebook promises, also where grading runs no cell that defines
it, or where that part is not written yet.
"""

from __future__ import annotations

import inspect
import tempfile
import traceback
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, suppress
from functools import cache
from types import CodeType, FunctionType
from typing import Any

import torch
from datasets import ClassLabel, Dataset, DatasetDict, Features, Value
from torch import Tensor, nn
from transformers import (
    DistilBertConfig,
    DistilBertForMultipleChoice,
    DistilBertModel,
    DistilBertPreTrainedModel,
    DistilBertTokenizerFast,
    Seq2SeqTrainer,
    Seq2SeqTrainingArguments,
    T5Config,
    T5ForConditionalGeneration,
    T5Tokenizer,
    Trainer,
    TrainingArguments,
)

DISTILBERT_TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
SWAG_TEXTS = ("video-id", "fold-ind", "startphrase", "sent1", "sent2", "gold-source",
              "ending0", "ending1", "ending2", "ending3")
SWAG_COLUMNS = {**{column: Value("string") for column in SWAG_TEXTS},
                "label": ClassLabel(names=list("0123"))}
ENCODED = {name: [[Value("int64")]] for name in ("input_ids", "attention_mask")}
SPLITS = {"train": [1, 2], "validation": [3, 4], "test": [5, 6]}


# ------------------------------------------------------------------------------------------- Task 2


def distilbert_tokenizer(vocabulary: list[str] = DISTILBERT_TOKENS) -> DistilBertTokenizerFast:
    """A small tokenizer, whose special tokens may have other numbers than the real one's."""
    numbers = {token: number for number, token in enumerate(vocabulary)}
    return DistilBertTokenizerFast(vocab=numbers, model_max_length=512)


def distilbert_config(vocab_size: int = len(DISTILBERT_TOKENS), **options: Any
                      ) -> DistilBertConfig:
    return DistilBertConfig(**{
        "vocab_size": vocab_size, "dim": 12, "n_layers": 1, "n_heads": 2, "hidden_dim": 8,
        "max_position_embeddings": 64, "seq_classif_dropout": 0.1, **options})


class SmallChoice(DistilBertPreTrainedModel):
    """In the place of `CustomMultipleChoice`: a backbone, and a head of one layer."""

    def __init__(self, config: DistilBertConfig) -> None:
        super().__init__(config)
        self.distilbert = DistilBertModel(config)
        self.verdict = nn.Linear(config.dim, 1)
        self.post_init()

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None,
                labels: Tensor | None = None) -> dict[str, Tensor]:
        batch, choices, length = input_ids.shape
        mask = None if attention_mask is None else attention_mask.view(-1, length)
        hidden = self.distilbert(input_ids.view(-1, length), mask).last_hidden_state
        logits = self.verdict(hidden[:, 0]).view(batch, choices)
        if labels is None:
            return {"logits": logits}
        return {"loss": nn.functional.cross_entropy(logits, labels.flatten()), "logits": logits}


def encoded_swag(splits: dict[str, list[int]] = SPLITS) -> DatasetDict:
    """Splits of SWAG with all its columns, and those that encoding adds.

    `splits` has the first token of each example, by which it can be known.
    """
    made = {}
    for name, firsts in splits.items():
        size = len(firsts)
        rows: dict[str, Any] = {column: ["a word"] * size for column in SWAG_TEXTS}
        rows |= {"label": [-1 if name == "test" else 0] * size,
                 "input_ids": [[[first, 2]] * 4 for first in firsts],
                 "attention_mask": [[[1, 1]] * 4] * size}
        made[name] = Dataset.from_dict(rows, features=Features(SWAG_COLUMNS | ENCODED))
    return DatasetDict(made)


def some_weights(model: nn.Module | Mapping[str, Tensor], start: int = 0) -> dict[str, Tensor]:
    """Enough of a model's weights to know it by: of each some numbers from a place on, and a sum.
    """
    found = {}
    weights = model.state_dict() if isinstance(model, nn.Module) else model
    for name, weight in weights.items():
        flat = weight.detach().reshape(-1)
        places = (start + torch.arange(50)) % len(flat)
        found[name] = torch.cat([flat[places].double(), flat.double().sum()[None]])
    return found


def in_swag(code: Any, **parts: Any) -> AbstractContextManager[None]:
    """Task 2 with some parts played, and whatever else is missing there."""
    model = cache(lambda: DistilBertForMultipleChoice(distilbert_config()))
    custom = cache(lambda: SmallChoice(distilbert_config()))
    args = cache(lambda: TrainingArguments(tempfile.gettempdir(), use_cpu=True, report_to="none"))
    return code.played(**_filled_in(code, {
        "tokenizer": distilbert_tokenizer, "encoded_swag": encoded_swag,
        "model_hf": model, "model_custom": custom, "training_args": args, "custom_args": args,
        "trainer": lambda: Trainer(model(), args()),
        "trainer_custom": lambda: Trainer(custom(), args())}) | parts)


# ------------------------------------------------------------------------------------------- Task 3

T5 = "google-t5/t5-small"
READER = "mrm8488/t5-base-finetuned-squadv2"


def t5_tokenizer(vocabulary: list[tuple[str, float]] | None = None) -> T5Tokenizer:
    """A small tokenizer of T5 with the judge's vocabulary."""
    pieces = None if vocabulary is None else [tuple(piece) for piece in vocabulary]
    return T5Tokenizer(vocab=pieces, model_max_length=512)


def small_t5(vocabulary_size: int = 110) -> T5ForConditionalGeneration:
    """A very small T5, always the same."""
    torch.manual_seed(0)
    return T5ForConditionalGeneration(T5Config(
        vocab_size=vocabulary_size, d_model=8, d_kv=4, d_ff=8, num_layers=1, num_heads=2,
        decoder_start_token_id=0)).eval()


def squad() -> DatasetDict:
    """Splits of SQuAD with one question each."""
    example = {"id": "1", "title": "A game", "context": "Ada won.", "question": "Who won?",
               "answers": {"text": ["Ada"], "answer_start": [0]}}
    return DatasetDict({name: Dataset.from_list([example]) for name in ("train", "validation")})


def in_squad(code: Any, **parts: Any) -> AbstractContextManager[None]:
    """Task 3 with some parts played, and whatever else is missing there."""
    model, tokenizer = cache(small_t5), cache(t5_tokenizer)
    args = cache(lambda: Seq2SeqTrainingArguments(
        tempfile.gettempdir(), use_cpu=True, report_to="none", remove_unused_columns=False))
    trainer = cache(lambda: Seq2SeqTrainer(model(), args()))
    rows = {"input_ids": [[5, 1]], "attention_mask": [[1, 1]], "target_ids": [[6, 1]],
            "target_attention_mask": [[1, 1]]}
    return code.played(**_filled_in(code, {
        "squad": squad, "t5_tokenizer": tokenizer, "t5_model": model, "t5_args": args,
        "t5_train_data": lambda: Dataset.from_dict(rows).with_format("torch"),
        "t5_trainer": trainer, "trainer": trainer, "qa_tokenizer": tokenizer,
        "qa_model": model}) | parts)


# --------------------------------------------------------------------------------------------- both


def loaded(load: Callable[[], Any], wanted: str) -> Any:
    """What a function loads; {"not_there": NAME} where it asks for another checkpoint in vain."""
    try:
        return load()
    except OSError as error:
        for frame, _ in traceback.walk_tb(error.__traceback__):
            for name in ("pretrained_model_name_or_path", "path_or_repo_id"):
                asked = frame.f_locals.get(name)
                if isinstance(asked, str) and asked != wanted:
                    return {"not_there": asked}
        raise


def inside(model: Any, places: list[int]) -> dict[str, Any] | None:
    """Some weights of each layer, whether the model can write, and whether it is in training mode.

    None where it is no model; where `loaded` says that there is none, what it says.
    """
    if not isinstance(model, nn.Module):
        return model if isinstance(model, dict) else None
    weights = {name: weight.detach().flatten()[[one % weight.numel() for one in places]].float()
               for name, weight in model.named_parameters()}
    return {"writes": hasattr(model, "lm_head") and hasattr(model, "generate"),
            "training": model.training, "weights": weights,
            "shapes": [list(weight.shape) for weight in model.parameters()]}


def _filled_in(code: Any, parts: dict[str, Callable[[], Any]]) -> dict[str, Any]:
    """Those that the notebook has not itself although its functions use them; others are not made.
    """
    used = _looked_up(code._names)
    return {name: make() for name, make in parts.items() if name in used and not _has(code, name)}


def _looked_up(names: Mapping[str, Any]) -> set[str]:
    """The names that functions and methods of a notebook look up."""
    waiting = [part for value in list(names.values())
               for part in (vars(value).values() if isinstance(value, type) and
                            value.__module__ == "__main__" else [value])]
    codes, used = list[CodeType](), set[str]()
    for part in waiting:
        for one in (part, getattr(part, "fget", None), getattr(part, "func", None),
                    getattr(part, "__func__", None)):
            with suppress(Exception):  # what a student's object does when it is looked at
                found = inspect.unwrap(one)
                if isinstance(found, FunctionType) and found.__globals__ is names:
                    codes.append(found.__code__)
    while codes:
        code = codes.pop()
        used |= {*code.co_names}
        codes += [const for const in code.co_consts if isinstance(const, CodeType)]
    return used


def _has(code: Any, name: str) -> bool:
    try:
        getattr(code, name)
    except Exception:  # a module beside the notebook may fail in any way
        return False
    return True
