"""Fine-tune the small DistilBERT on SWAG's stand-in for a few steps, as hw3 does for long.

    python -m offline.rehearse_scenes    from data/; chance is 25 in 100
"""

import argparse
from collections.abc import Sequence
from random import Random
from typing import Any

import torch
from torch import Tensor
from transformers import AutoModelForMultipleChoice, AutoTokenizer

from offline import scenes, sets
from offline.hub import CHECKPOINTS


def collate(tokenizer: Any, rows: Sequence[dict[str, Any]]) -> tuple[dict[str, Tensor], Tensor]:
    """Return the four pairs of each row as [B, 4, L], and the labels."""
    firsts = [row["sent1"] for row in rows for _ in range(4)]
    seconds = [f"{row['sent2']} {row[f'ending{place}']}" for row in rows for place in range(4)]
    batch = tokenizer(firsts, seconds, padding=True, return_tensors="pt",
                      return_token_type_ids=False)
    labels = torch.tensor([row["label"] for row in rows])
    return {name: ids.view(len(rows), 4, -1) for name, ids in batch.items()}, labels


def rehearse(steps: int, seed: int, rate: float = 1e-3, batch: int = 16) -> float:
    """Return the accuracy on the validation split after `steps` steps of AdamW."""
    torch.manual_seed(seed)
    chance = Random(seed)
    rows = {split: list(scenes.rows(split, size, Random(f"swag {split} {sets.SWAG.seed}")))
            for split, size in sets.SWAG.sizes.items()}
    tokenizer = AutoTokenizer.from_pretrained(CHECKPOINTS / "scenes")
    model = AutoModelForMultipleChoice.from_pretrained(CHECKPOINTS / "scenes").train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=0.01)
    for _ in range(steps):
        inputs, labels = collate(tokenizer, chance.sample(rows["train"], batch))
        loss = model(**inputs, labels=labels).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    right = 0
    with torch.no_grad():
        for start in range(0, len(rows["validation"]), 50):
            inputs, labels = collate(tokenizer, rows["validation"][start : start + 50])
            right += (model(**inputs).logits.argmax(-1) == labels).sum().item()
    return right / len(rows["validation"])


def main() -> None:
    """Say what a number of steps comes to."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--steps", type=int, nargs="+", default=[0, 30, 60])
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    for steps in args.steps:
        share = rehearse(steps, args.seed, args.rate)
        print(f"{steps} steps: {share:.1%} of the validation split", flush=True)


if __name__ == "__main__":
    main()
