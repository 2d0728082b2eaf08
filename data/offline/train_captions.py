"""Train the small Pix2Struct that students fine-tune offline, on another task than theirs.

    python -m offline.train_captions    from data/; about fifteen minutes on one core

It learns to list what a drawing shows, "green dragon , red scarf , laughing , night", on drawings
that are in no data set which `creatures.draw_set` makes: it comes to name kinds, colours and
things, but has never read a caption. `rehearse_captions` fine-tunes it as q1b does.

The checkpoint goes to checkpoints/captions/, from where `python data/prepare.py hub` takes it.
"""

import argparse
import string
from pathlib import Path
from random import Random

import creatures
import torch
from torch import Tensor
from tqdm import tqdm
from transformers import (
    Pix2StructConfig,
    Pix2StructForConditionalGeneration,
    Pix2StructImageProcessor,
    Pix2StructProcessor,
    T5Tokenizer,
)

from offline import words
from offline.hub import CHECKPOINTS
from offline.training import save, sinusoids, train

MAX_PATCHES = 144  # 12 x 12 patches of 16 x 16 pixels
SHORT_SHARE = 0.55  # of the steps, which come first: kinds are the hardest to see


def short_tags(creature: creatures.Creature) -> str:
    """For example "green dragon"."""
    return f"{creature.colour} {creature.kind}"


def tags(creature: creatures.Creature) -> str:
    """For example "green dragon , red scarf , small crown , laughing , night"."""
    things = [f"{adjective} {thing}" for adjective, thing in creature.things]
    place = creature.place.rpartition(" ")[2]
    parts = [short_tags(creature), *things, creature.mood, place]
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
    shared = {"hidden_size": 112, "d_kv": 28, "d_ff": 224}
    config = Pix2StructConfig(
        text_config=shared | {"vocab_size": vocabulary, "num_layers": 2, "num_heads": 4},
        vision_config=shared | {
            "num_hidden_layers": 3, "num_attention_heads": 4, "seq_len": 128,
            "initializer_range": 0.02,
        },
    )
    model = Pix2StructForConditionalGeneration(config)
    places = model.encoder.embeddings
    with torch.no_grad():  # far too weak as they come, beside what the patches show
        for embedder, half in ((places.row_embedder, 0), (places.column_embedder, 1)):
            waves = sinusoids(config.vision_config.seq_len, 56, longest=10)
            embedder.weight.zero_()[:, half * 56 : half * 56 + 56] = 0.5 * waves
    return model


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


def main() -> None:
    """Draw, train and save."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--drawings", type=int, default=6000)
    parser.add_argument("--steps", type=int, default=5500)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=CHECKPOINTS / "captions")
    args = parser.parse_args()
    chance = Random(args.seed)
    torch.manual_seed(args.seed)
    image_processor = Pix2StructImageProcessor(max_patches=MAX_PATCHES)
    tokenizer = build_tokenizer()
    model = build_model(len(tokenizer))
    patches, drawn = draw_pictures(args.drawings, image_processor, chance)
    short, full = (labels_of(tokenizer, [write(one) for one in drawn])
                   for write in (short_tags, tags))

    def loss_of_step(step: int) -> Tensor:
        rows = torch.tensor(chance.sample(range(args.drawings), args.batch))
        labels = short if step < SHORT_SHARE * args.steps else full
        return model(flattened_patches=patches[rows].float(), labels=labels[rows]).loss

    train(model, loss_of_step, args.steps, learning_rate=1.5e-3)
    model.generation_config.update(max_new_tokens=40, use_cache=True)
    save(model, Pix2StructProcessor(image_processor, tokenizer), args.out)


if __name__ == "__main__":
    main()
