"""Names of the libraries of 2023, taken as their successors: the lenient mode of course.toml.

Off as a rule. Where it is on, the kernel gets this file as text before the student's cells run,
and a cell that was right two years ago is right again. Which lines are outdated is told either
way (judge/outdated.py).
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

DATA_SETS = {"swag": "allenai/swag", "squad": "rajpurkar/squad",
             "squad_v2": "rajpurkar/squad_v2"}
RENAMED = {"evaluation_strategy": "eval_strategy", "no_cuda": "use_cpu"}
GONE = ("logging_dir", "overwrite_output_dir", "save_safetensors", "group_by_length",
        "warmup_ratio")
TOKENIZER_CALLS = ("encode_plus", "batch_encode_plus")


def changes() -> dict[str, Callable[[Any], None]]:
    """What is to be done to a module once it has been imported, by the module's name."""
    return {
        "datasets": _datasets,
        "transformers.training_args": _arguments("TrainingArguments"),
        "transformers.training_args_seq2seq": _arguments("Seq2SeqTrainingArguments"),
        "transformers.trainer": _trainer("Trainer"),
        "transformers.trainer_seq2seq": _trainer("Seq2SeqTrainer"),
        "transformers.tokenization_utils_base": _tokenizers,
        "transformers.modeling_utils": _models,
        "transformers": _transformers,
    }


def _datasets(module: Any) -> None:
    """`load_metric`, and data sets by the short names that scripts of the library once had."""
    load = module.load_dataset

    def load_dataset(path: str, *args: Any, **kwargs: Any) -> Any:
        return load(DATA_SETS.get(path, path), *args, **kwargs)

    def load_metric(name: str, *args: Any, **kwargs: Any) -> Any:
        return importlib.import_module("evaluate").load(name, *args, **kwargs)

    module.load_dataset, module.load_metric = load_dataset, load_metric


def _arguments(name: str) -> Callable[[Any], None]:
    """TrainingArguments: options under their new names, those that are gone left out."""

    def change(module: Any) -> None:
        arguments = getattr(module, name)
        init = arguments.__init__

        def taken(self: Any, *args: Any, **kwargs: Any) -> None:
            init(self, *args, **{RENAMED.get(key, key): value for key, value in kwargs.items()
                                 if key not in GONE})

        arguments.__init__ = taken

    return change


def _trainer(name: str) -> Callable[[Any], None]:
    """Trainer(tokenizer=...) is Trainer(processing_class=...)."""

    def change(module: Any) -> None:
        trainer = getattr(module, name)
        init = trainer.__init__

        def taken(self: Any, *args: Any, **kwargs: Any) -> None:
            if "tokenizer" in kwargs:
                kwargs.setdefault("processing_class", kwargs.pop("tokenizer"))
            init(self, *args, **kwargs)

        trainer.__init__ = taken

    return change


def _tokenizers(module: Any) -> None:
    """`encode_plus` and its like are calls; padding and the longest length under new names."""
    base = module.PreTrainedTokenizerBase
    call, load = base.__call__, base.from_pretrained.__func__

    def called(self: Any, *args: Any, **kwargs: Any) -> Any:
        if kwargs.pop("pad_to_max_length", False):
            kwargs.setdefault("padding", "max_length")
        return call(self, *args, **kwargs)

    def from_pretrained(cls: Any, *args: Any, **kwargs: Any) -> Any:
        if "max_len" in kwargs:
            kwargs.setdefault("model_max_length", kwargs.pop("max_len"))
        return load(cls, *args, **kwargs)

    base.__call__, base.from_pretrained = called, classmethod(from_pretrained)
    for name in TOKENIZER_CALLS:
        setattr(base, name, called)


def _models(module: Any) -> None:
    """`self.init_weights()` at the end of a model's `__init__` is `self.post_init()`."""
    init_weights = module.PreTrainedModel.init_weights

    def taken(self: Any) -> None:
        if hasattr(self, "all_tied_weights_keys"):
            init_weights(self)
        else:
            self.post_init()

    module.PreTrainedModel.init_weights = taken


def _transformers(module: Any) -> None:
    """`transformers.AdamW` is torch's."""
    module.AdamW = importlib.import_module("torch.optim").AdamW
