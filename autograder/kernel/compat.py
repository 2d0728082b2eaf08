"""Names of the libraries of 2023, taken as their successors: the lenient mode of course.toml.

Off as a rule. Where it is on, the kernel gets this file as text before the student's cells run,
and a cell that was right two years ago is right again. Outdated lines are reported either way
(judge/source_checks/deprecated_api.py).
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

DATA_SETS = {"swag": "allenai/swag", "squad": "rajpurkar/squad",
             "squad_v2": "rajpurkar/squad_v2"}
# Options of TrainingArguments, each as what means the same today (tests/test_compat.py).
SUCCESSORS: dict[str, Callable[[Any], dict[str, Any]]] = {
    "evaluation_strategy": lambda value: {"eval_strategy": value},
    "no_cuda": lambda value: {"use_cpu": value},
    "per_gpu_train_batch_size": lambda value: {"per_device_train_batch_size": value},
    "per_gpu_eval_batch_size": lambda value: {"per_device_eval_batch_size": value},
    "warmup_ratio": lambda value: {"warmup_steps": min(float(value), WHOLE)},
    "group_by_length":
        lambda value: {"train_sampling_strategy": "group_by_length"} if value else {},
    "adafactor": lambda value: {"optim": "adafactor"} if value else {},
    "include_inputs_for_metrics":
        lambda value: {"include_for_metrics": ["inputs"]} if value else {},
}
WHOLE = 1 - 1e-9  # `warmup_steps` takes 1.0 for a single step, and what is under 1 for a share
# These name files and folders, or hardware: without them a training computes the same.
GONE = ("logging_dir", "overwrite_output_dir", "save_safetensors", "use_mps_device", "use_ipex",
        "half_precision_backend", "fp16_backend", "fp16_opt_level", "jit_mode_eval",
        "tpu_num_cores", "tpu_metrics_debug", "ray_scope", "dispatch_batches")
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


def today(options: dict[str, Any]) -> dict[str, Any]:
    """Options of TrainingArguments by today's names; what was given by these stays."""
    options = dict(options)
    if options.get("warmup_steps"):
        options.pop("warmup_ratio", None)  # of both, the number of steps has always counted
    found = {name: value for name, value in options.items()
             if name not in GONE and name not in SUCCESSORS}
    for name in SUCCESSORS.keys() & options.keys():
        found |= SUCCESSORS[name](options[name])
    return found


def _arguments(name: str) -> Callable[[Any], None]:
    """TrainingArguments: options as what they are called today, those that are gone left out."""

    def change(module: Any) -> None:
        arguments = getattr(module, name)
        init = arguments.__init__

        def taken(self: Any, *args: Any, **kwargs: Any) -> None:
            init(self, *args, **today(kwargs))

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


def padded(options: dict[str, Any]) -> dict[str, Any]:
    """Options of a tokenizer's call by today's names: what `pad_to_max_length` did, too."""
    options = dict(options)
    if "batch_text_or_text_pairs" in options:
        options["text"] = options.pop("batch_text_or_text_pairs")
    if "truncation_strategy" in options:
        options.setdefault("truncation", options.pop("truncation_strategy"))
    if options.pop("pad_to_max_length", False) and not options.get("padding"):
        limited = options.get("max_length") is not None
        options["padding"] = "max_length" if limited else "longest"
        if limited and options.get("truncation") is None:
            options["truncation"] = True  # as it was: a limit alone has always cut, too
    return options


def _tokenizers(module: Any) -> None:
    """`encode_plus` and its like are calls; padding and the longest length under new names."""
    base = module.PreTrainedTokenizerBase
    call, encode, load = base.__call__, base.encode, base.from_pretrained.__func__

    def called(self: Any, *args: Any, **kwargs: Any) -> Any:
        return call(self, *args, **padded(kwargs))

    def encoded(self: Any, *args: Any, **kwargs: Any) -> Any:
        return encode(self, *args, **padded(kwargs))

    def from_pretrained(cls: Any, *args: Any, **kwargs: Any) -> Any:
        if "max_len" in kwargs:
            kwargs.setdefault("model_max_length", kwargs.pop("max_len"))
        return load(cls, *args, **kwargs)

    base.__call__, base.encode = called, encoded
    base.from_pretrained = classmethod(from_pretrained)
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
    """`transformers.AdamW` is torch's, with the defaults that it had."""
    torch = importlib.import_module("torch.optim")

    class AdamW(torch.AdamW):  # type: ignore[name-defined]
        def __init__(self, params: Any, lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999),
                     eps: float = 1e-6, weight_decay: float = 0.0, correct_bias: bool = True,
                     no_deprecation_warning: bool = True) -> None:
            if not correct_bias:
                raise TypeError("AdamW without correct_bias has left the library")
            super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    module.AdamW = AdamW
