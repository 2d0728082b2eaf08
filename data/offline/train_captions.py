"""Train the small Pix2Struct that students fine-tune offline, on another task than theirs.

    python -m offline.train_captions    from data/; about a quarter of an hour on one core

First the encoder alone learns to see: linear layers on the mean of its patches name kind, colour,
mood, place and things. Then the whole model learns to list what a drawing shows, "green dragon ,
red scarf , laughing , night", on drawings that are in no data set which `creatures.draw_set` makes.
It has never read a caption; `rehearse_captions` fine-tunes it as q1b does.

The checkpoint goes to checkpoints/captions/, from where `python data/prepare.py hub` takes it.
"""

import argparse
import math
import string
from collections.abc import Callable
from pathlib import Path
from random import Random

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm import tqdm
from transformers import (
    Pix2StructConfig,
    Pix2StructForConditionalGeneration,
    Pix2StructImageProcessor,
    Pix2StructProcessor,
    T5Tokenizer,
)

import creatures
from offline import words
from offline.hub import CHECKPOINTS
from offline.training import save, sinusoids, train

MAX_PATCHES = 64  # 8 x 8 patches of 16 x 16 pixels
WIDTH = 112


def tags(creature: creatures.Creature) -> str:
    """For example "green dragon , red scarf , small crown , laughing , night"."""
    things = [f"{adjective} {thing}" for adjective, thing in creature.things]
    place = creature.place.rpartition(" ")[2]
    parts = [f"{creature.colour} {creature.kind}", *things, creature.mood, place]
    return " , ".join(part for part in parts if part)


def build_tokenizer() -> T5Tokenizer:
    """Return a T5 tokenizer that has the words of captions, of tags and of every day whole.

    A word outside its vocabulary falls into letters, which cost more than any word.
    """
    seen = ["a cartoon an and with", *creatures.KINDS, *creatures.COLOURS, *creatures.MOODS,
            *creatures.THINGS, *creatures.PLACES, *words.COMMON]
    whole = dict.fromkeys(f"▁{word}" for word in " ".join(seen).split())
    letters = ["▁", "▁,", *string.ascii_letters, *string.digits, *string.punctuation]
    vocabulary = [(piece, 0.0) for piece in ("<pad>", "</s>", "<unk>")]
    vocabulary += [(piece, -6.0) for piece in whole]
    vocabulary += [(letter, -12.0) for letter in letters]
    return T5Tokenizer(vocab=vocabulary, extra_ids=0, model_max_length=512)


def build_model(vocabulary: int) -> Pix2StructForConditionalGeneration:
    """Return an untrained model of about a million parameters."""
    shared = {"hidden_size": WIDTH, "d_kv": 28, "d_ff": 224}
    config = Pix2StructConfig(
        text_config=shared | {"vocab_size": vocabulary, "num_layers": 2, "num_heads": 4},
        vision_config=shared | {
            "num_hidden_layers": 3, "num_attention_heads": 4, "seq_len": 128,
            "initializer_range": 0.02,
        },
    )
    model = Pix2StructForConditionalGeneration(config)
    start_with_places(model)
    start_with_cosines(model)
    return model


@torch.no_grad()
def start_with_places(model: Pix2StructForConditionalGeneration) -> None:
    """Make rows and columns felt: as they come, they are far too weak beside what patches show."""
    places, half = model.encoder.embeddings, WIDTH // 2
    for embedder, first in ((places.row_embedder, 0), (places.column_embedder, half)):
        embedder.weight.zero_()
        waves = sinusoids(len(embedder.weight), half, longest=10)
        embedder.weight[:, first : first + half] = 0.5 * waves


@torch.no_grad()
def start_with_cosines(model: Pix2StructForConditionalGeneration) -> None:
    """Start from patch filters that see shades and edges: cosines of low frequency.

    Brightness gets most of them; the two colour contrasts (red to green, both to blue) get those
    of the lowest frequencies, as in JPEG.
    """
    projection = model.encoder.embeddings.patch_projection  # [WIDTH, 16 * 16 * 3]
    contrasts = torch.tensor([[1.0, 1, 1], [1, -1, 0], [1, 1, -2]])
    contrasts /= contrasts.norm(dim=1, keepdim=True)
    place = torch.arange(16) + 0.5
    frequencies = sorted(
        ((u, v) for u in range(16) for v in range(16)), key=lambda pair: pair[0] ** 2 + pair[1] ** 2
    )
    filters = []
    for u, v in frequencies:
        wave = (math.pi * place * u / 16).cos()[:, None] * (math.pi * place * v / 16).cos()
        seen = contrasts if u + v <= 3 else contrasts[:1]
        filters += [(wave / wave.norm())[:, :, None] * contrast for contrast in seen]
    projection.weight.copy_(0.15 * torch.stack(filters[:WIDTH]).flatten(1))
    projection.bias.zero_()


def draw_pictures(
    count: int, image_processor: Pix2StructImageProcessor, chance: Random
) -> tuple[Tensor, list[creatures.Creature]]:
    """Return patches [count, MAX_PATCHES, 770] in half precision, and what they show.

    The seeds are negative: no data set has them.
    """
    patches, drawn = [], []
    for _ in tqdm(range(count), desc="drawing", mininterval=10):
        seed = -chance.randrange(1, 10**9)
        creature = creatures.imagine(seed)
        picture = creatures.paint(creature, seed)
        encoded = image_processor(picture, max_patches=MAX_PATCHES, return_tensors="pt")
        patches.append(encoded["flattened_patches"][0].half())
        drawn.append(creature)
    return torch.stack(patches), drawn


def labels_of(tokenizer: T5Tokenizer, texts: list[str]) -> Tensor:
    """Return the ids of the texts, [count, longest], with -100 for padding."""
    ids = tokenizer(texts, padding=True, return_tensors="pt").input_ids
    return ids.masked_fill(ids == tokenizer.pad_token_id, -100)


def seeing(
    model: Pix2StructForConditionalGeneration, patches: Tensor, drawn: list[creatures.Creature]
) -> tuple[nn.Module, Callable[[Tensor], Tensor]]:
    """Return the encoder with linear layers on top, and its loss on some rows of the drawings."""
    lists = {
        name: list(dict.fromkeys(getattr(one, name) for one in drawn))
        for name in ("kind", "colour", "mood", "place")
    }
    right = {name: torch.tensor([known.index(getattr(one, name)) for one in drawn])
             for name, known in lists.items()}
    worn = torch.tensor([[float(any(thing == one for _, one in creature.things))
                          for thing in creatures.THINGS] for creature in drawn])
    layers = nn.ModuleDict({name: nn.Linear(WIDTH, len(known)) for name, known in lists.items()})
    layers["things"] = nn.Linear(WIDTH, len(creatures.THINGS))

    def loss_of(rows: Tensor) -> Tensor:
        seen = model.encoder(flattened_patches=patches[rows].float()).last_hidden_state.mean(dim=1)
        named = [F.cross_entropy(layers[name](seen), right[name][rows]) for name in lists]
        things = F.binary_cross_entropy_with_logits(layers["things"](seen), worn[rows])
        return torch.stack(named).sum() + 3 * things

    return nn.ModuleList([model.encoder, layers]), loss_of


def main() -> None:
    """Draw, train and save."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--drawings", type=int, default=4000)
    parser.add_argument("--steps", type=int, nargs=2, default=[3500, 1000],
                        help="for seeing, for writing")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=CHECKPOINTS / "captions")
    args = parser.parse_args()
    chance = Random(args.seed)
    torch.manual_seed(args.seed)
    image_processor = Pix2StructImageProcessor(max_patches=MAX_PATCHES)
    tokenizer = build_tokenizer()
    model = build_model(len(tokenizer))
    patches, drawn = draw_pictures(args.drawings, image_processor, chance)
    labels = labels_of(tokenizer, [tags(one) for one in drawn])

    def rows() -> Tensor:
        return torch.tensor(chance.sample(range(args.drawings), args.batch))

    def writing_loss(step: int) -> Tensor:
        some = rows()
        return model(flattened_patches=patches[some].float(), labels=labels[some]).loss

    encoder, seeing_loss = seeing(model, patches, drawn)
    train(encoder, lambda step: seeing_loss(rows()), args.steps[0], learning_rate=1.5e-3)
    train(model, writing_loss, args.steps[1], learning_rate=1e-3)
    model.generation_config.update(max_new_tokens=40, use_cache=True)
    save(model, Pix2StructProcessor(image_processor, tokenizer), args.out)


if __name__ == "__main__":
    main()
