"""Probes of hw3, 2.3 and 2.4: what is saved to a folder, and what is loaded from one."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import nn
from transformers import AutoConfig, DistilBertForMultipleChoice

from autograder.exercises.hw3.probes_given import SmallChoice, in_swag

DISTILBERT = "distilbert/distilbert-base-uncased"


def saved_and_loaded(code: Any, seed: int) -> dict[str, Any]:
    """Whether two models with random weights come back, all of them, from their folders.

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
        return {"weights": [_as_saved(one, other) for one, other in
                            zip(returned, (hf, custom), strict=True)],
                "kinds": [type(one).__name__ for one in returned]}


def saved(code: Any, seed: int) -> dict[str, Any]:
    """Whether all weights of a model stand in what `save_custom` writes, in whatever file."""
    with tempfile.TemporaryDirectory() as folder:
        _, custom = _two_models(seed)
        with in_swag(code):
            code.save_custom(custom, f"{folder}/custom_model/final_model")
        return {"complete": _stands_in(custom, folder)}


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
        if _stands_in(custom, folder):
            return
    custom.save_pretrained(folder)


def _stands_in(model: nn.Module, folder: str) -> bool:
    """Whether some file in a folder holds all of a model's weights, under their names."""
    for path in Path(folder).rglob("*"):
        with suppress(Exception):
            found = (load_file(path) if path.suffix == ".safetensors"
                     else torch.load(path, map_location="cpu", weights_only=False))
            found = found.state_dict() if isinstance(found, nn.Module) else found
            found = next((value for value in found.values() if isinstance(value, Mapping)), found)
            same = [name in found and torch.equal(found[name], weight)
                    for name, weight in model.state_dict().items()]
            if all(same):
                return True
    return False


def _as_saved(loaded: Any, original: nn.Module) -> bool:
    if not isinstance(loaded, nn.Module):
        return False
    found, wanted = loaded.state_dict(), original.state_dict()
    return found.keys() == wanted.keys() and all(
        torch.equal(found[name].cpu(), weight) for name, weight in wanted.items())
