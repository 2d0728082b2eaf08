"""Probes of hw3, 2.3 and 2.4: what is saved to a folder, and what is loaded from one."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import AutoConfig, DistilBertForMultipleChoice

from .probes_given import SmallChoice, in_swag, some_weights

DISTILBERT = "distilbert/distilbert-base-uncased"


def saved_and_loaded(code: Any, seed: int) -> dict[str, Any]:
    """Some weights of what comes back of two models with random weights from their folders.

    The models have the size of the checkpoint under the name DISTILBERT, since some people make
    one from there before they load a state dict into it.
    """
    with tempfile.TemporaryDirectory() as folder:
        hf, custom = _two_models(seed)
        hf.save_pretrained(f"{folder}/hf")
        _save(code, custom, f"{folder}/custom")
        with in_swag(code, CustomMultipleChoice=SmallChoice,
                     pretrained_custom=SmallChoice.from_pretrained):
            returned = code.load_models(f"{folder}/hf", f"{folder}/custom")
        if not isinstance(returned, (tuple, list)) or len(returned) != 2:
            return {"returned": returned}
        return {"weights": [some_weights(one) if isinstance(one, nn.Module) else None
                            for one in returned]}


def saved(code: Any, seed: int) -> dict[str, Any]:
    """Some of a model's weights, if all stand in what `save_custom` writes, in whatever file."""
    with tempfile.TemporaryDirectory() as folder:
        _, custom = _two_models(seed)
        with in_swag(code):
            code.save_custom(custom, f"{folder}/custom_model/final_model")
        found = _saved_in(folder, custom)
        return {"weights": None if found is None else some_weights(found)}


def _two_models(seed: int) -> tuple[nn.Module, nn.Module]:
    torch.manual_seed(seed)
    config = AutoConfig.from_pretrained(DISTILBERT)
    config.initializer_range = 0.1
    return DistilBertForMultipleChoice(config).eval(), SmallChoice(config).eval()


def _save(code: Any, custom: nn.Module, folder: str) -> None:
    """Save with the student's own function; where it does not save, as the library does."""
    with suppress(Exception):
        with in_swag(code):
            code.save_custom(custom, folder)
        if _saved_in(folder, custom) is not None:
            return
    custom.save_pretrained(folder)


def _saved_in(folder: str, model: nn.Module) -> dict[str, Tensor] | None:
    """The weights in some file of a folder that holds all of a model's, under their names."""
    wanted = model.state_dict()
    for path in Path(folder).rglob("*"):
        with suppress(Exception):
            found = (load_file(path) if path.suffix == ".safetensors"
                     else torch.load(path, map_location="cpu", weights_only=False))
            found = found.state_dict() if isinstance(found, nn.Module) else found
            found = next((value for value in found.values() if isinstance(value, Mapping)), found)
            if all(torch.equal(found[name], weight) for name, weight in wanted.items()):
                return {name: found[name] for name in wanted}
    return None
