"""Fine-tune the small Pix2Struct on creatures as q1b does, and say how well it captions then.

    python -m offline.rehearse_captions    from data/; about a minute and a half on two cores

The settings below are those of the stand-in in the q1b notebook.
"""

import argparse
import time
from pathlib import Path
from random import Random

import torch
from torch import Tensor
from transformers import Pix2StructForConditionalGeneration, Pix2StructProcessor

import creatures
from offline.hub import CHECKPOINTS

LEARNING_RATE, BATCH, EPOCHS, MAX_PATCHES, LABEL_LENGTH = 4e-4, 16, 8, 64, 40
COUNT, SEED, VALID_SHARE = 400, 2026, 0.1

Encoded = tuple[Tensor, Tensor, Tensor]  # patches, attention mask and labels of a set


def encode(processor: Pix2StructProcessor, drawn: list[tuple]) -> Encoded:
    """Return [count, patches, 770], [count, patches] and [count, LABEL_LENGTH]; padding is -100."""
    images, captions = zip(*drawn, strict=True)
    seen = processor(images=list(images), max_patches=MAX_PATCHES, return_tensors="pt")
    labels = processor.tokenizer(
        list(captions), padding="max_length", truncation=True, max_length=LABEL_LENGTH,
        return_tensors="pt",
    ).input_ids
    labels[labels == processor.tokenizer.pad_token_id] = -100
    return seen["flattened_patches"], seen["attention_mask"], labels


def epoch(
    model: Pix2StructForConditionalGeneration,
    encoded: Encoded,
    optimizer: torch.optim.Optimizer | None = None,
) -> float:
    """Run through a set once, learning where an optimizer is given; return the mean loss."""
    count, total = len(encoded[0]), 0.0
    model.train(optimizer is not None)
    order = torch.randperm(count) if optimizer else torch.arange(count)
    with torch.set_grad_enabled(optimizer is not None):
        for rows in order.split(BATCH):
            patches, mask, labels = (part[rows] for part in encoded)
            loss = model(flattened_patches=patches, attention_mask=mask, labels=labels).loss
            if optimizer:
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            total += loss.item() * len(rows)
    return total / count


def captions(
    model: Pix2StructForConditionalGeneration, processor: Pix2StructProcessor, encoded: Encoded
) -> list[str]:
    """Return what the model writes below each picture."""
    model.eval()
    patches, mask, _ = encoded
    written = model.generate(
        flattened_patches=patches, attention_mask=mask, max_new_tokens=LABEL_LENGTH
    )
    return processor.batch_decode(written, skip_special_tokens=True)


def share_right(written: list[str], drawn: list[creatures.Creature]) -> float:
    """Return the share of captions that name the right colour and the right kind."""
    right = [f"{one.colour} {one.kind}" in text for text, one in zip(written, drawn, strict=True)]
    return sum(right) / len(right)


def report(when: str, written: list[str], drawn: list[creatures.Creature]) -> None:
    """Print how much is right, and three of the texts."""
    whole = sum(text == one.caption for text, one in zip(written, drawn, strict=True)) / len(drawn)
    print(f"{when}: of {len(drawn)} unseen, right colour and kind {share_right(written, drawn):.0%}"
          f", whole captions right {whole:.0%}")
    for text, one in list(zip(written, drawn, strict=True))[:3]:
        print(f"  drawn   {one.caption}\n  written {text}")


def main() -> None:
    """Fine-tune, then print the losses, the share that is right and a few captions."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--checkpoint", type=Path, default=CHECKPOINTS / "captions")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    processor = Pix2StructProcessor.from_pretrained(args.checkpoint)
    model = Pix2StructForConditionalGeneration.from_pretrained(args.checkpoint)
    seeds = [creatures.seed_of(SEED, index) for index in range(COUNT)]
    Random(args.seed).shuffle(seeds)
    cut = round(COUNT * VALID_SHARE)
    unseen = [creatures.seed_of(SEED + 1, index) for index in range(100)]
    valid, train, other = (
        encode(processor, [creatures.draw(seed) for seed in part])
        for part in (seeds[:cut], seeds[cut:], unseen)
    )
    told = [creatures.imagine(seed) for seed in unseen]
    before = captions(model, processor, other)
    report("Before", before, told)
    start = time.perf_counter()
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE)
    for number in range(EPOCHS):
        learnt, checked = epoch(model, train, optimizer), epoch(model, valid)
        print(f"epoch {number + 1}: training loss {learnt:.4f}, validation loss {checked:.4f}")
    seconds = time.perf_counter() - start
    print(f"Fine-tuned in {seconds:.0f} s on {torch.get_num_threads()} threads.")
    report("After", captions(model, processor, other), told)


if __name__ == "__main__":
    main()
