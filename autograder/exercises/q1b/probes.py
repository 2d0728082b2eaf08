"""Probes of q1b: they run beside the student's code, return what it does, and judge nothing.

A model of one weight tensor stands in for Pix2Struct. It is a model of the library, is called in
the same way and returns the library's own output, so that whatever reads a loss there reads it
here. Batches seem to lie on another device until they are moved; every forward pass and every step
is kept.
"""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.utils.data
from torch import Tensor
from transformers import Pix2StructConfig, PreTrainedModel
from transformers.modeling_outputs import Seq2SeqLMOutput

DEVICE = torch.device("cpu:0")  # the CPU, but not equal to what a batch's `device` says

# --------------------------------------------------------------------------- (a) loading, splitting


def splits(code: Any, captions: list[str], calls: list[tuple[float, int]]) -> list[Any]:
    """`load_splits` on a folder of pictures with these captions, called with (share, seed) each.

    Returns the captions of the two parts for each call.
    """
    import datasets
    from PIL import Image

    with TemporaryDirectory() as folder, TemporaryDirectory() as cache, mock.patch.object(
            datasets.config, "HF_DATASETS_CACHE", Path(cache)):
        rows = [{"file_name": f"{index:03}.png", "text": caption}
                for index, caption in enumerate(captions)]
        for row in rows:
            Image.new("RGB", (2, 2)).save(Path(folder, row["file_name"]))
        Path(folder, "metadata.jsonl").write_text("\n".join(map(json.dumps, rows)))
        data_set = {"path": "imagefolder", "data_dir": folder}
        return [[[part[index]["text"] for index in range(len(part))]
                 for part in code.load_splits(dict(data_set), share, seed)]
                for share, seed in calls]


# ----------------------------------------------------------------------- (b), (c) one epoch, or all


def training(code: Any, keep: list[str], weight: Tensor, train: dict, valid: dict,
             batch_sizes: list[int], lr: float, momentum: float, epochs: int) -> dict[str, Any]:
    """`train_epoch`, called directly, on a model that was left in evaluation mode.

    Returns those of its losses and of `_Run.seen` that `keep` names.
    """
    run = _Run(code, weight, train, valid, batch_sizes, lr, momentum)
    run.model.eval()
    losses = [run.trainer.train_epoch() for _ in range(epochs)]
    return _kept({"losses": losses, **run.seen()}, keep)


def validation(code: Any, keep: list[str], weight: Tensor, train: dict, valid: dict,
               batch_sizes: list[int], lr: float, momentum: float) -> dict[str, Any]:
    """`valid_epoch`, called directly, on a model in training mode."""
    run = _Run(code, weight, train, valid, batch_sizes, lr, momentum)
    run.model.train()
    losses = [run.trainer.valid_epoch()]
    return _kept({"losses": losses, **run.seen()}, keep)


def together(code: Any, keep: list[str], weight: Tensor, train: dict, valid: dict,
             batch_sizes: list[int], lr: float, momentum: float, epochs: int) -> dict[str, Any]:
    """`train(epochs)` with the person's own parts."""
    run = _Run(code, weight, train, valid, batch_sizes, lr, momentum)
    run.model.eval()
    run.trainer.train(epochs)
    return _kept({**_lists(run), **run.seen()}, keep)


def validation_kept(code: Any, training_loss: float, weight: Tensor, train: dict, valid: dict,
                    batch_sizes: list[int], lr: float, momentum: float, epochs: int
                    ) -> dict[str, Any]:
    """What `valid_epoch` returns, and what `train` then keeps in `valid_losses`.

    A recorder stands in the place of `train_epoch`.
    """
    run = _Run(code, weight, train, valid, batch_sizes, lr, momentum)
    returned = run.trainer.valid_epoch()
    run.trainer.train_epoch = lambda: training_loss
    run.trainer.train(epochs)
    return {"returned": returned, "kept": _lists(run)["valid_losses"]}


def _lists(run: _Run) -> dict[str, list[Any]]:
    return {name: list(getattr(run.trainer, name)) for name in ("train_losses", "valid_losses")}


def _kept(answer: dict[str, Any], names: list[str]) -> dict[str, Any]:
    """What a test asks for and nothing else: the less there is, the better a mistake is known."""
    return {name: answer[name] for name in names}


class _Run:
    """A trainer of the person's, on a model and data of the judge's, and what it does."""

    def __init__(self, code: Any, weight: Tensor, train: dict, valid: dict,
                 batch_sizes: list[int], lr: float, momentum: float) -> None:
        torch.manual_seed(0)
        self.model = _Captioner(weight)
        self.start = self.model.weight.detach().clone()
        self.gradients: list[Tensor | None] = []
        optimizer = torch.optim.SGD(self.model.parameters(), lr=lr, momentum=momentum)
        optimizer.register_step_post_hook(self._stepped)
        loaders = map(_loader, (train, valid), batch_sizes)
        self.trainer = code.Trainer(self.model, *loaders, optimizer, DEVICE)

    def _stepped(self, *_: Any) -> None:
        grad = self.model.weight.grad
        self.gradients.append(None if grad is None else grad.clone())

    def seen(self) -> dict[str, Any]:
        """The weights, the steps, the forward passes, and how the model was left."""
        weight = self.model.weight.detach()
        return {"weight": weight, "moved": not torch.equal(weight, self.start),
                "gradients": self.gradients, "forwards": self.model.forwards,
                "buffer": self.model.training_batches, "training": self.model.training,
                "gradient_left": self.model.weight.grad is not None}


class _Captioner(PreTrainedModel):
    """Scores of each piece of a caption are linear in the mean of the patches.

    It multiplies and adds number by number, which mixed precision leaves as it is.
    """

    config_class = Pix2StructConfig

    def __init__(self, weight: Tensor) -> None:
        super().__init__(Pix2StructConfig())
        self.weight = nn.Parameter(weight.clone())  # [patch, T, vocabulary]
        self.register_buffer("training_batches", torch.zeros(()))  # as a batch norm counts them
        self.forwards: list[dict[str, Any]] = []

    def forward(self, flattened_patches: Any = None, attention_mask: Any = None,
                decoder_input_ids: Any = None, decoder_attention_mask: Any = None,
                encoder_outputs: Any = None, past_key_values: Any = None, labels: Any = None,
                decoder_inputs_embeds: Any = None, use_cache: Any = None,
                output_attentions: Any = None, output_hidden_states: Any = None,
                return_dict: bool | None = None, **others: Any) -> Any:
        if flattened_patches is None:
            raise ValueError("You have to specify flattened_patches")
        if labels is None and decoder_input_ids is None and decoder_inputs_embeds is None:
            raise ValueError("You have to specify decoder_input_ids, decoder_inputs_embeds or "
                             "labels")
        given = {"flattened_patches": flattened_patches, "attention_mask": attention_mask,
                 "labels": labels}
        self.forwards.append({
            "training": self.training, "gradient": torch.is_grad_enabled(),
            "elsewhere": [name for name, one in given.items() if isinstance(one, _Elsewhere)],
            "first": float(flattened_patches.flatten()[0])})
        self.training_batches += self.training
        patches, mask, labels = (None if one is None else one.as_subclass(Tensor)
                                 for one in given.values())
        seen = (patches.sum(dim=1)[:, :, None, None] * self.weight).sum()
        self.forwards[-1]["seen"] = float(seen)  # data and weights together, whatever the mask
        mask = torch.ones(patches.shape[:2]) if mask is None else mask
        shares = mask / mask.sum(dim=1, keepdim=True)  # [B, P]
        picture = (patches * shares[:, :, None]).sum(dim=1)  # [B, patch]
        logits = (picture[:, :, None, None] * self.weight).sum(dim=1)  # [B, T, vocabulary]
        loss = None if labels is None else F.cross_entropy(logits.flatten(0, 1), labels.flatten())
        output = Seq2SeqLMOutput(loss=loss, logits=logits, encoder_last_hidden_state=patches)
        return output.to_tuple() if return_dict is False else output


class _Elsewhere(Tensor):
    """A tensor that lies on another device until somebody moves it."""

    def to(self, *args: Any, **kwargs: Any) -> Tensor:
        moved = super().to(*args, **kwargs)
        told = [*args, *kwargs.values()]
        return _here(moved) if any(isinstance(one, (torch.device, str, int, Tensor)) and
                                   not isinstance(one, bool) for one in told) else moved

    def cuda(self, *args: Any, **kwargs: Any) -> Tensor:
        return _here(self).cuda(*args, **kwargs)

    def cpu(self, *args: Any, **kwargs: Any) -> Tensor:
        return _here(self)


def _here(tensor: Tensor) -> Tensor:
    return tensor.as_subclass(Tensor)


def _loader(data: dict, batch_size: int) -> torch.utils.data.DataLoader:
    """Batches in the order of the examples; the last one may be smaller."""
    examples = [{name: tensor[index] for name, tensor in data.items()}
                for index in range(len(data["labels"]))]
    return torch.utils.data.DataLoader(examples, batch_size=batch_size, collate_fn=_collate)


def _collate(examples: list[dict]) -> dict[str, Tensor]:
    return {name: torch.stack([one[name] for one in examples]).as_subclass(_Elsewhere)
            for name in examples[0]}
