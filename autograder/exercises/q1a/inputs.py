"""The inputs of BERT, as `tokenize` returns them and as they reach the model: read and compared."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from autograder.testing import Wrong, assert_close, is_close

from .passages import Passage


def read(answer: Any) -> dict[str, Tensor]:
    """What `tokenize` returned, without padding: each [T]. Raises Wrong where it cannot be read."""
    if not isinstance(answer, dict):
        raise Wrong("`tokenize` should return a mapping with input_ids, token_type_ids and "
                    "attention_mask")
    for name, value in answer.items():
        if not isinstance(value, Tensor):
            raise Wrong(f"`{name}` is no tensor: the model takes tensors only")
        if value.ndim != 2 or len(value) != 1:
            raise Wrong(f"`{name}` has shape {list(value.shape)}, where the model expects "
                        "[1, T], a row for one sequence")
    if "input_ids" not in answer:
        raise Wrong("`tokenize` returns no input_ids")
    if len({value.shape for value in answer.values()}) > 1:
        raise Wrong("the tensors that `tokenize` returns are not equally long")
    kept = answer.get("attention_mask", torch.ones_like(answer["input_ids"])).bool()
    return {name: value[kept] for name, value in answer.items()}


def check_inputs(given: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Compare what reached the model. A mask of ones is what the model takes where it gets none."""
    for name, right in wanted.items():
        if name == "attention_mask" and name not in given and bool((right == 1).all()):
            continue
        assert name in given, f"`{name}` does not reach the model"
        assert_close(given[name], right, f"`{name}` does not reach the model as `tokenize` made it")


def check_handed_on(given: dict[str, Any], heard: list[Any], one: Passage) -> None:
    """The model should get what the person's own `tokenize` made, or else the right inputs."""
    own = [answer for answer in heard if isinstance(answer, dict)]
    for wanted in (*own, one.encoded):
        known = {name: wanted[name] for name in one.encoded if name in wanted}
        if "token_type_ids" in known and all(
                name in given and is_close(given[name], right) for name, right in known.items()):
            return
    check_inputs(given, one.encoded)
