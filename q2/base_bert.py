"""What a BERT needs besides its formulas: fresh weights, and weights read from a checkpoint.

A checkpoint is a directory in Hugging Face's layout (`config.json`, `model.safetensors`), or the
name of one on the hub.
"""

import re
import warnings
from pathlib import Path
from typing import Self

import torch
import torch.nn as nn
from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from config import BertConfig
from utils import InputError

CHECKPOINT_FILES = ["config.json", "model.safetensors", "vocab.txt", "tokenizer.json"]

# Hugging Face's name of a module -> its name in bert.py; N stands for the layer's number.
NAMES = {
    "embeddings.word_embeddings": "word_embedding",
    "embeddings.position_embeddings": "pos_embedding",
    "embeddings.token_type_embeddings": "tk_type_embedding",
    "embeddings.LayerNorm": "embed_layer_norm",
    "encoder.layer.N.attention.self.query": "bert_layers.N.self_attention.query",
    "encoder.layer.N.attention.self.key": "bert_layers.N.self_attention.key",
    "encoder.layer.N.attention.self.value": "bert_layers.N.self_attention.value",
    "encoder.layer.N.attention.output.dense": "bert_layers.N.attention_dense",
    "encoder.layer.N.attention.output.LayerNorm": "bert_layers.N.attention_layer_norm",
    "encoder.layer.N.intermediate.dense": "bert_layers.N.interm_dense",
    "encoder.layer.N.output.dense": "bert_layers.N.out_dense",
    "encoder.layer.N.output.LayerNorm": "bert_layers.N.out_layer_norm",
    "pooler.dense": "pooler_dense",
}
# Early checkpoints, bert-base-uncased among them, name the two vectors of a LayerNorm this way.
OLD_ENDINGS = {"gamma": "weight", "beta": "bias"}


class BertPreTrainedModel(nn.Module):
    """A model whose weights can be drawn afresh or read from a checkpoint."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.config = config

    @property
    def dtype(self) -> torch.dtype:
        """The type of the weights, e.g. torch.float32."""
        return next(self.parameters()).dtype

    def init_weights(self) -> None:
        """Draw all weights as BERT does: normal, with `config.initializer_range` as deviation."""
        for module in self.modules():
            if isinstance(module, (nn.Linear, nn.Embedding)):
                nn.init.normal_(module.weight, std=self.config.initializer_range)
            if isinstance(module, nn.Linear):
                nn.init.zeros_(module.bias)

    @classmethod
    def from_pretrained(
        cls, name_or_dir: str | Path, *, allow_missing_pooler: bool = False, **overrides
    ) -> Self:
        """Build the model of a checkpoint and read its weights.

            BertModel.from_pretrained("google-bert/bert-base-uncased", hidden_dropout_prob=0.3)

        Args:
            name_or_dir: a directory, or a name on the Hugging Face hub.
            allow_missing_pooler: take a checkpoint without the pooler's weights; a warning says
                that the pooler then starts from random ones.
            overrides: fields of BertConfig that shall differ from the checkpoint's.

        Raises:
            InputError: there is no such checkpoint, or its weights do not fit this model.
        """
        directory = find_checkpoint(name_or_dir)
        model = cls(BertConfig.from_directory(directory, **overrides))
        load_weights(model, read_tensors(directory), str(name_or_dir), allow_missing_pooler)
        return model


def find_checkpoint(name_or_dir: str | Path) -> Path:
    """The local directory of a checkpoint, downloaded (or found in the cache) if it is a name."""
    if Path(name_or_dir).is_dir():
        return Path(name_or_dir)
    try:
        return Path(snapshot_download(str(name_or_dir), allow_patterns=CHECKPOINT_FILES))
    except (HfHubHTTPError, HFValidationError, OSError) as error:
        reason = str(error).strip().split("\n")[0]
        raise InputError(
            f"There is no checkpoint {str(name_or_dir)!r}: it is no directory here, and the hub "
            f"does not give it ({reason}). Check the name and the network, or give the directory "
            "of a checkpoint that you have."
        ) from error


def read_tensors(directory: Path) -> dict[str, Tensor]:
    """All tensors of `model.safetensors` in `directory`, by their names in the file."""
    path = directory / "model.safetensors"
    try:
        return load_file(path)
    except FileNotFoundError:
        raise InputError(
            f"{directory} holds no model.safetensors, the only format of weights read here."
        ) from None
    except SafetensorError as error:
        raise InputError(
            f"{path} is damaged ({error}): delete it and fetch the checkpoint again."
        ) from None


def load_weights(
    model: nn.Module, tensors: dict[str, Tensor], source: str, allow_missing_pooler: bool = False
) -> None:
    """Copy `tensors`, named as Hugging Face names them, into `model`, named as bert.py does.

    `source` is what messages call the checkpoint. Raises InputError, with a list, unless every
    weight of the model finds a tensor of its shape and every tensor its place.
    """
    given = {minbert_name(name): tensor for name, tensor in tensors.items() if is_weight(name)}
    wanted = dict(model.named_parameters())
    missing = wanted.keys() - given.keys()
    if missing == {"pooler_dense.weight", "pooler_dense.bias"}:
        if not allow_missing_pooler:
            raise InputError(
                f"{source} has no pooler. Choose another checkpoint, or pass "
                "allow_missing_pooler=True to start the pooler from random weights."
            )
        warnings.warn(f"{source} has no pooler: it starts from random weights.", stacklevel=3)
        missing = set()

    complaints = [f"missing: {name}" for name in sorted(missing)]
    complaints += [f"not part of this model: {name}" for name in sorted(given.keys() - wanted)]
    complaints += [
        f"{name} has shape {list(given[name].shape)}, expected {list(wanted[name].shape)}"
        for name in sorted(given.keys() & wanted.keys())
        if given[name].shape != wanted[name].shape
    ]
    if complaints:
        raise InputError(
            f"The weights of {source} do not fit the model. Compare its config.json and the layers "
            "in bert.py with these:\n  " + "\n  ".join(complaints)
        )
    with torch.no_grad():
        for name, tensor in given.items():
            wanted[name].copy_(tensor)


def is_weight(name: str) -> bool:
    """Whether a tensor belongs to the encoder: not a pre-training head, not a constant."""
    return not name.startswith("cls.") and not name.endswith("position_ids")


def minbert_name(name: str) -> str:
    """The name in bert.py of a tensor of a Hugging Face BERT; an unknown name stays as it is.

    >>> minbert_name("bert.encoder.layer.3.output.LayerNorm.gamma")
    'bert_layers.3.out_layer_norm.weight'
    """
    module, _, ending = name.removeprefix("bert.").rpartition(".")
    number = re.search(r"(?<=^encoder\.layer\.)\d+", module)
    if number is None:
        renamed = NAMES.get(module)
    else:
        general = module.replace(f".{number[0]}.", ".N.", 1)
        renamed = NAMES.get(general, "").replace(".N.", f".{number[0]}.")
    return f"{renamed}.{OLD_ENDINGS.get(ending, ending)}" if renamed else name
