"""The shape of a BERT: the numbers in a checkpoint's `config.json`."""

import dataclasses
import json
from pathlib import Path

from utils import InputError

# What the formulas in bert.py are written for. A checkpoint with another setting would load and
# then compute something else, so it is refused.
SUPPORTED = {
    "model_type": "bert",
    "hidden_act": "gelu",
    "position_embedding_type": "absolute",
}


@dataclasses.dataclass
class BertConfig:
    """Sizes and rates of a BERT; the defaults are those of bert-base-uncased.

    The field names are Hugging Face's, as they stand in `config.json`.
    """

    vocab_size: int = 30522
    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    hidden_dropout_prob: float = 0.1
    attention_probs_dropout_prob: float = 0.1
    max_position_embeddings: int = 512
    type_vocab_size: int = 2
    initializer_range: float = 0.02
    layer_norm_eps: float = 1e-12
    pad_token_id: int = 0

    def __post_init__(self) -> None:
        if self.hidden_size % self.num_attention_heads:
            raise InputError(
                f"The hidden size {self.hidden_size} cannot be divided among "
                f"{self.num_attention_heads} attention heads: it must be a multiple of them."
            )

    @classmethod
    def from_directory(cls, directory: str | Path, **overrides) -> "BertConfig":
        """Read `config.json` in `directory`; `overrides` replace single fields.

        Raises InputError when the file is missing or unreadable, or describes another model.
        """
        path = Path(directory) / "config.json"
        try:
            settings = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise InputError(f"{directory} holds no config.json: is it a checkpoint?") from None
        except ValueError as error:
            raise InputError(f"{path} is not readable as JSON: {error}.") from None
        for name, expected in SUPPORTED.items():
            found = settings.get(name, expected)
            if found != expected:
                raise InputError(
                    f"{path} says {name}={found!r}, and bert.py computes {expected!r} only: "
                    "choose another checkpoint."
                )
        names = {field.name for field in dataclasses.fields(cls)}
        known = {name: value for name, value in settings.items() if name in names}
        return cls(**{**known, **overrides})
