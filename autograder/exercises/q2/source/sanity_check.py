"""Does your BERT compute what BERT computes? A check on a small model, without network or GPU.

    python sanity_check.py
    python sanity_check.py --checkpoint data/checkpoints/all-MiniLM-L6-v2

The values to compare with were computed by another implementation, the library's BertModel, and
lie in sanity_check.safetensors. Exit status: 0 all equal, 1 not yet, 2 nothing to compare with.
"""

import argparse
import dataclasses
import hashlib
import importlib.util
import json
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor

from base_bert import find_checkpoint, load_weights
from bert import BertModel
from config import BertConfig
from tokenizer import BertTokenizer
from utils import InputError, get_extended_attention_mask, locate, unwritten

VALUES = Path(__file__).resolve().parent / "sanity_check.safetensors"
TOLERANCE = 1e-4  # far above what rounding does in float32, far below what a mistake does
SENTENCES = [
    "A film that is neither as clever nor as funny as its trailer .",
    "Wonderful !",
    "The director's unhurried, bittersweet debut rewards patience; its last scene stays with you.",
]


@dataclasses.dataclass
class Values:
    """A batch and what BERT makes of it.

    B sentences of T tokens, L layers; of the H hidden units every n-th may be kept, which makes U
    (each unit depends on all of the layer before).
    """

    input_ids: Tensor  # [B, T]
    attention_mask: Tensor  # [B, T]
    hidden_states: Tensor  # [L + 1, B, T, U]: the embedding, then each layer
    pooler_output: Tensor  # [B, U]

    @classmethod
    def from_tensors(cls, tensors: dict[str, Tensor], prefix: str) -> Self:
        """Pick the fields, stored as `prefix` and their name."""
        names = [field.name for field in dataclasses.fields(cls)]
        return cls(**{name: tensors[prefix + name] for name in names})

    def every(self, step: int) -> Self:
        """The same, with every `step`-th hidden unit only."""
        return dataclasses.replace(
            self,
            hidden_states=self.hidden_states[..., ::step].contiguous(),
            pooler_output=self.pooler_output[..., ::step].contiguous(),
        )

    def stages(self) -> Iterator[tuple[str, Tensor]]:
        """The name and the values of each stage, from the embedding to the pooler."""
        yield "embedding", self.hidden_states[0]
        for number, states in enumerate(self.hidden_states[1:], start=1):
            yield f"layer {number}", states
        yield "pooler", self.pooler_output


def run_stages(model: BertModel, input_ids: Tensor, attention_mask: Tensor) -> Iterator[Tensor]:
    """What `model` computes at each stage.

    A stage runs when its value is asked for, so the one before may be overwritten from then on.
    """
    hidden_states = model.embed(input_ids)
    yield hidden_states
    mask = get_extended_attention_mask(attention_mask, model.dtype)
    for layer in model.bert_layers:
        hidden_states = layer(hidden_states, mask)
        yield hidden_states
    yield model(input_ids, attention_mask)["pooler_output"]


def compare(found: object, expected: Tensor, attention_mask: Tensor) -> tuple[bool, str]:
    """Whether a stage is right, and a phrase on it. Padding is left out: nobody reads it."""
    if not isinstance(found, Tensor):
        return False, f"is a {type(found).__name__}, expected a tensor"
    units = expected.shape[-1]
    if found.dim() != expected.dim() or found.shape[:-1] != expected.shape[:-1]:
        return False, f"has shape {list(found.shape)}; expected {list(expected.shape[:-1])} + [H]"
    found = found[..., :: max(1, found.shape[-1] // units)]
    if found.shape != expected.shape:
        return False, f"has {found.shape[-1]} hidden units, another number than expected"
    difference = (found - expected).abs()
    if difference.dim() == 3:  # [B, T, U] -> [tokens that are no padding, U]
        difference = difference[attention_mask.bool()]
    if difference.isnan().any():
        return False, "holds NaN"
    largest = difference.max().item()
    right = largest <= TOLERANCE
    return right, f"{'equal' if right else 'differs'} (by at most {largest:.1e})"


def check(model: BertModel, values: Values) -> bool:
    """Print a line a stage, as far as the first that is wrong. Returns whether all are right."""
    model.eval()
    stages = run_stages(model, values.input_ids, values.attention_mask)
    for name, expected in values.stages():
        try:
            with torch.no_grad():
                right, phrase = compare(next(stages), expected, values.attention_mask)
        except NotImplementedError as error:
            print(unwritten(error))
            return False
        except Exception as error:  # whatever the student's code raises is an answer
            right, phrase = False, f"stopped with {describe(error)}"
        print(f"{name:10} {phrase}")
        if not right:
            print(f"The first stage that is not right is {name}.{hint(model, values)}")
            return False
    print("All stages are equal: your BERT computes what BERT computes.")
    return True


def hint(model: BertModel, values: Values) -> str:
    """A further sentence if the model gives other values when it is run again."""
    try:
        with torch.no_grad():
            first, second = (
                model(values.input_ids, values.attention_mask)["last_hidden_state"]
                for _ in range(2)
            )
        if torch.equal(first.nan_to_num(), second.nan_to_num()):
            return ""
    except Exception:  # it has been reported already
        return ""
    return " Two runs of it differ: is a dropout at work that evaluation does not switch off?"


def describe(error: Exception) -> str:
    """An error and the line of bert.py that it comes from, as far as that is known."""
    frames = traceback.extract_tb(error.__traceback__)
    places = [f" (bert.py, line {f.lineno})" for f in frames if Path(f.filename).name == "bert.py"]
    return f"{type(error).__name__}{places[-1] if places else ''}: {error}"


def small_model() -> tuple[BertModel, Values]:
    """The stored small model, and its values."""
    tensors, settings = read_values()
    model = BertModel(BertConfig(**json.loads(settings["config"])))
    prefix = "small.weights."
    weights = {k.removeprefix(prefix): t for k, t in tensors.items() if k.startswith(prefix)}
    load_weights(model, weights, VALUES.name)
    return model, Values.from_tensors(tensors, "small.")


def real_model(checkpoint: str) -> tuple[BertModel, Values]:
    """The model of a checkpoint, and its values: the stored ones, else the library's.

    Raises InputError if there is no such checkpoint, or neither kind of values.
    """
    directory = find_checkpoint(locate(checkpoint))
    model = BertModel.from_pretrained(directory)
    batch = BertTokenizer.from_pretrained(directory)(SENTENCES)
    tensors, settings = read_values()
    if fingerprint(model) == settings["real.fingerprint"]:
        values = Values.from_tensors(tensors, "real.")
        if not torch.equal(batch["input_ids"], values.input_ids):
            raise InputError("tokenizer.py gives other ids than the library: restore the file.")
        return model, values
    if importlib.util.find_spec("transformers") is None:
        raise InputError(
            f"No values are stored for {checkpoint}, only for {settings['real.name']}. Elsewhere "
            "the library transformers computes them, and it is not installed here."
        )
    return model, library_values(directory, batch["input_ids"], batch["attention_mask"])


def read_values() -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors of sanity_check.safetensors, and its settings."""
    with safe_open(VALUES, framework="pt") as file:
        settings = file.metadata()
    return load_file(VALUES), settings


def fingerprint(model: BertModel) -> str:
    """A number that tells the weights of one checkpoint from those of another."""
    digest = hashlib.sha256()
    for name, weight in sorted(model.named_parameters()):
        digest.update(name.encode() + weight.detach().contiguous().numpy().tobytes())
    return digest.hexdigest()


@torch.no_grad()
def library_values(directory: Path, input_ids: Tensor, attention_mask: Tensor) -> Values:
    """What the library's BertModel computes with the weights in `directory`."""
    from transformers import BertModel as LibraryBertModel
    from transformers.utils import logging

    logging.disable_progress_bar()
    model = LibraryBertModel.from_pretrained(directory, attn_implementation="eager").eval()
    output = model(input_ids, attention_mask, output_hidden_states=True)
    return Values(
        input_ids, attention_mask, torch.stack(output.hidden_states), output.pooler_output
    )


def main(argv: list[str] | None = None) -> int:
    """Check the small model, or that of `--checkpoint`."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--checkpoint", help="use real weights: a directory, or a name on the hub")
    args = parser.parse_args(argv)
    try:
        model, values = real_model(args.checkpoint) if args.checkpoint else small_model()
    except (InputError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0 if check(model, values) else 1


if __name__ == "__main__":
    sys.exit(main())
