"""Staff only: compute the values of source/sanity_check.safetensors with the library's BertModel.

    cd autograder/exercises/q2
    python make_sanity_check.py --checkpoint ../../../data/checkpoints/all-MiniLM-L6-v2

Run it when the sentences or the small model change; it writes the same tensors each time.
"""

import argparse
import dataclasses
import json
import sys
import tempfile
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import BertConfig as LibraryBertConfig
from transformers import BertModel as LibraryBertModel

sys.path.insert(0, str(Path(__file__).resolve().parent / "source"))

import sanity_check as sanity
from bert import BertModel
from tokenizer import BertTokenizer

# All sizes differ, so that an axis taken for another cannot go unnoticed: 2 sentences of 9 tokens,
# 4 heads of 6 units, 3 layers.
SMALL = {
    "vocab_size": 60,
    "hidden_size": 24,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 80,
    "max_position_embeddings": 16,
}
BATCH, LENGTH, PADDED = 2, 9, 3
UNIT_STEP = 24  # of the real model's 384 hidden units every 24th is stored


def small_values(seed: int = 2017) -> tuple[dict[str, torch.Tensor], sanity.Values]:
    """Weights of the small model, named as the library names them, and its values."""
    torch.manual_seed(seed)
    model = LibraryBertModel(LibraryBertConfig(**SMALL)).eval()
    with torch.no_grad():
        # Larger than BERT's own first weights, so that scores, biases and GELU matter.
        for parameter in model.parameters():
            parameter.normal_(std=0.4)
    input_ids = torch.randint(1, SMALL["vocab_size"], (BATCH, LENGTH))
    attention_mask = torch.ones(BATCH, LENGTH, dtype=torch.long)
    attention_mask[-1, -PADDED:] = 0
    input_ids[attention_mask == 0] = 0
    with tempfile.TemporaryDirectory() as directory:
        model.save_pretrained(directory)
        values = sanity.library_values(Path(directory), input_ids, attention_mask)
    return model.state_dict(), values


def real_values(directory: Path) -> tuple[str, sanity.Values]:
    """The fingerprint of a checkpoint, and its values for the sentences of sanity_check.py."""
    batch = BertTokenizer.from_pretrained(directory)(sanity.SENTENCES)
    values = sanity.library_values(directory, batch["input_ids"], batch["attention_mask"])
    return sanity.fingerprint(BertModel.from_pretrained(directory)), values.every(UNIT_STEP)


def main() -> None:
    """Write the file next to sanity_check.py."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--checkpoint", type=Path, required=True, help="all-MiniLM-L6-v2")
    args = parser.parse_args()
    weights, small = small_values()
    fingerprint, real = real_values(args.checkpoint)
    tensors = {f"small.weights.{name}": tensor for name, tensor in weights.items()}
    for prefix, values in (("small.", small), ("real.", real)):
        tensors |= {prefix + f.name: getattr(values, f.name) for f in dataclasses.fields(values)}
    settings = {
        "config": json.dumps(SMALL),
        "real.name": args.checkpoint.name,
        "real.fingerprint": fingerprint,
    }
    save_file(tensors, sanity.VALUES, settings)
    sanity.VALUES.chmod(0o644)  # safetensors writes files that only their owner can read
    print(f"Wrote {sanity.VALUES}, {sanity.VALUES.stat().st_size:,} bytes.")


if __name__ == "__main__":
    main()
