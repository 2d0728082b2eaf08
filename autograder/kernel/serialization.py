"""Serialization of the values that cross between a student's process and the judge.

A value becomes a JSON tree; its tensors and arrays travel beside it as raw safetensors bytes.
Nothing is ever pickled. Both ends run this file: the kernel gets it as text, so it imports
nothing of the kit. `unpack` is the judge's guard and trusts nothing it reads.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from safetensors.torch import load, save

MAX_BYTES = 16 * 1024 * 1024
MAX_DEPTH = 32
MAX_NODES = 100_000
ARRAYS = ("bool", "int8", "int16", "int32", "int64", "uint8", "float16", "float32", "float64")


class SerializationError(ValueError):
    """The bytes are not a value, or too much of one."""


@dataclass(frozen=True)
class Opaque:
    """Stands for a value that does not cross: only the name of its type does."""

    type_name: str


def pack(value: Any) -> bytes:
    """Turn builtin values, tensors and arrays into bytes; anything else becomes an Opaque."""
    tensors: dict[str, torch.Tensor] = {}
    tree = _to_tree(value, tensors, 0)
    head = json.dumps(tree).encode()
    return len(head).to_bytes(8, "big") + head + save(tensors)


def unpack(data: bytes, max_bytes: int = MAX_BYTES) -> Any:
    """Rebuild the value that `pack` was given, from builtin types and plain tensors.

    Raises SerializationError for anything malformed, too large, too deep or of too many parts.
    """
    if len(data) > max_bytes:
        raise SerializationError(f"the answer has {len(data):,} bytes; {max_bytes:,} are allowed")
    try:
        size = int.from_bytes(data[:8], "big")
        tree = json.loads(data[8 : 8 + size])
        tensors = load(data[8 + size :])
        return _from_tree(tree, tensors, 0, [0])
    except SerializationError:
        raise
    except RecursionError:
        raise SerializationError("the answer is nested too deeply") from None
    except Exception as error:
        raise SerializationError(f"the answer cannot be read ({type(error).__name__})") from None


def _to_tree(value: Any, tensors: dict[str, torch.Tensor], depth: int) -> Any:
    if depth >= MAX_DEPTH:
        return {"opaque": "a value nested too deeply"}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, torch.Tensor):
        key = str(len(tensors))
        plain = value.detach().to("cpu").to_dense() if value.is_sparse else value.detach().to("cpu")
        tensors[key] = plain.clone(memory_format=torch.contiguous_format)
        return {"tensor": key, "requires_grad": bool(value.requires_grad)}
    if isinstance(value, (np.ndarray, np.generic)) and value.dtype.name in ARRAYS:
        key = str(len(tensors))
        tensors[key] = torch.from_numpy(np.array(value, order="C"))
        return {"array": key}
    if isinstance(value, (list, tuple)):
        kind = "tuple" if isinstance(value, tuple) else "list"
        return {kind: [_to_tree(item, tensors, depth + 1) for item in value]}
    if isinstance(value, Mapping):
        pairs = [[_to_tree(k, tensors, depth + 1), _to_tree(v, tensors, depth + 1)]
                 for k, v in value.items()]
        return {"dict": pairs}
    if isinstance(value, Opaque):
        return {"opaque": value.type_name}
    return {"opaque": type(value).__name__}


def _from_tree(tree: Any, tensors: dict[str, torch.Tensor], depth: int, nodes: list[int]) -> Any:
    nodes[0] += 1
    if depth > MAX_DEPTH or nodes[0] > MAX_NODES:
        raise SerializationError("the answer has too many parts or is nested too deeply")
    if isinstance(tree, str):
        return _text(tree)
    if tree is None or isinstance(tree, (bool, int, float)):
        return tree
    if not isinstance(tree, dict):
        raise SerializationError("the answer is not in the form that was agreed")
    if "tensor" in tree:
        return tensors[tree["tensor"]].requires_grad_(_may_require_grad(tree, tensors))
    if "array" in tree:
        return tensors[tree["array"]].numpy()
    kind, body = next(iter(tree.items()))
    if kind == "opaque":
        return Opaque(_text(str(body)[:200]))
    if kind == "dict":
        pairs = [[_from_tree(part, tensors, depth + 1, nodes) for part in pair] for pair in body]
        return {key: value for key, value in pairs}
    items = [_from_tree(item, tensors, depth + 1, nodes) for item in body]
    return {"list": list, "tuple": tuple}[kind](items)


def _text(text: str) -> str:
    """A text as it is; a value is compared, so nothing of it is replaced."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise SerializationError(
            "it holds half of a surrogate pair, which is no character") from None
    return text


def _may_require_grad(tree: dict[str, Any], tensors: dict[str, torch.Tensor]) -> bool:
    return bool(tree.get("requires_grad")) and tensors[tree["tensor"]].is_floating_point()
