"""Pre-train the small DistilBERT that students teach to choose endings.

    python -m offline.train_scenes    from data/

It reads scenes of `scenes.py`: words are masked as in BERT's own pre-training, and from the [CLS]
embedding a layer that is thrown away afterwards tells which of four endings belongs to a beginning.
So a fresh head learns SWAG's task in a few dozen steps. The checkpoint goes to checkpoints/scenes/,
from where `python data/prepare.py hub` takes it.
"""

import argparse
import json
import string
from collections import Counter
from pathlib import Path
from random import Random

import torch
import torch.nn.functional as F
from tokenizers.trainers import WordPieceTrainer
from torch import Tensor, nn
from transformers import BertTokenizer, DistilBertConfig, DistilBertForMaskedLM

from offline import words
from offline.hub import CHECKPOINTS
from offline.questions import RELATIONS
from offline.scenes import ACTIVITIES, FIRST, HE, SHE, WHEN, WITH, scene
from offline.training import save, share_meaning, sinusoids, train

VOCABULARY = 2200
SPECIAL = {0: "[PAD]", 100: "[UNK]", 101: "[CLS]", 102: "[SEP]", 103: "[MASK]"}
FIRST_WORD = 104


def build_tokenizer() -> BertTokenizer:
    """Return a lower-case WordPiece tokenizer with the special ids of the real one.

    Between them lie [unused0] and so on, as in the real vocabulary.
    """
    texts = [*WHEN, *FIRST, *WITH, *HE, *SHE]
    for activity in ACTIVITIES:
        texts += [*activity.things, *activity.begins, *activity.goes_on]
    told = [t for r in RELATIONS for t in (*r.told, *r.asks_value, *r.asks_subject)]
    whole = " ".join([*texts, *told, *words.COMMON, *words.PEOPLE])
    learner = BertTokenizer()
    letters = string.ascii_lowercase + string.digits + string.punctuation
    trainer = WordPieceTrainer(
        vocab_size=VOCABULARY - FIRST_WORD, initial_alphabet=list(letters),
        continuing_subword_prefix="##", show_progress=False,
    )
    pieces = [f"{letter}{letter}" for letter in letters]  # so that each also comes as ##letter
    learner.backend_tokenizer.train_from_iterator([whole] * 100 + pieces, trainer)
    learnt = sorted(learner.get_vocab().items(), key=lambda item: item[1])
    found = [piece for piece, _ in learnt if piece not in SPECIAL.values()]
    fixed = [SPECIAL.get(number, f"[unused{number - 1}]") for number in range(FIRST_WORD)]
    vocabulary = {piece: number for number, piece in enumerate([*fixed, *found])}
    return BertTokenizer(vocab=vocabulary, model_max_length=512)


def build_model(tokenizer: BertTokenizer) -> DistilBertForMaskedLM:
    """Return a model of less than a million parameters, untrained.

    The words of each activity start alike, and attention starts from tokens like each other.
    """
    config = DistilBertConfig(
        vocab_size=len(tokenizer), dim=96, n_layers=2, n_heads=4, hidden_dim=192, pad_token_id=0,
        dropout=0.0, attention_dropout=0.0,
    )
    model = DistilBertForMaskedLM(config)
    with torch.no_grad():
        places = model.distilbert.embeddings.position_embeddings.weight
        places.copy_(0.01 * sinusoids(*places.shape))
        for layer in model.distilbert.transformer.layer:  # tokens attend to others like themselves
            nn.init.normal_(layer.attention.k_lin.weight, std=0.1)
            layer.attention.q_lin.weight.copy_(layer.attention.k_lin.weight)
    told = [" ".join((*activity.things, *activity.begins, *activity.goes_on))
            for activity in ACTIVITIES]
    groups = [set(tokenizer(text, add_special_tokens=False).input_ids) for text in told]
    spread = Counter(number for group in groups for number in group)
    share_meaning(model.distilbert.embeddings.word_embeddings.weight,
                  ([number for number in group if spread[number] <= 2] for group in groups))
    return model


def mask_words(ids: Tensor, tokenizer: BertTokenizer) -> tuple[Tensor, Tensor]:
    """Return the ids with some masked, and the labels: -100 where none is.

    Of 15 in 100 words, 80 in 100 become [MASK], and half of the others another word.
    """
    word = ids >= FIRST_WORD
    chosen = word & (torch.rand(ids.shape) < 0.15)
    fate = torch.rand(ids.shape)
    masked = ids.masked_fill(chosen & (fate < 0.8), tokenizer.mask_token_id)
    anything = torch.randint(FIRST_WORD, len(tokenizer), ids.shape)
    masked = torch.where(chosen & (fate > 0.9), anything, masked)
    return masked, ids.masked_fill(~chosen, -100)


def loss_of(
    model: DistilBertForMaskedLM, chooser: nn.Module, tokenizer: BertTokenizer, scenes: list
) -> tuple[Tensor, Tensor]:
    """Return the loss of guessing masked words, and of choosing the right ending (the first)."""
    starts = [first for first, _, endings in scenes for _ in endings]
    ends = [f"{second} {ending}" for _, second, endings in scenes for ending in endings]
    batch = tokenizer(starts, ends, padding=True, return_tensors="pt")
    hidden = model.distilbert(batch.input_ids, batch.attention_mask).last_hidden_state
    scores = chooser(hidden[:, 0]).view(-1, 4)
    choosing = F.cross_entropy(scores, torch.zeros(len(scores), dtype=torch.long))
    ids, mask = batch.input_ids[::4], batch.attention_mask[::4]  # right endings alone
    ids, labels = mask_words(ids, tokenizer)
    return model(ids, mask, labels=labels).loss, choosing


def save_as_the_real_one(
    model: DistilBertForMaskedLM, tokenizer: BertTokenizer, folder: Path
) -> None:
    """Save with the dropout of the real one, which names no class for its tokenizer either."""
    model.config.dropout = model.config.attention_dropout = 0.1
    save(model, tokenizer, folder)
    path = folder / "tokenizer_config.json"
    settings = json.loads(path.read_text())
    kept = {name: settings[name] for name in ("do_lower_case", "model_max_length")}
    path.write_text(json.dumps(kept, indent=2) + "\n")


def main() -> None:
    """Train and save."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--steps", type=int, default=2500)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--start", type=Path, help="a checkpoint to go on from")
    parser.add_argument("--out", type=Path, default=CHECKPOINTS / "scenes")
    args = parser.parse_args()
    chance = Random(args.seed)
    torch.manual_seed(args.seed)
    if args.start:
        tokenizer = BertTokenizer.from_pretrained(args.start)
        model = DistilBertForMaskedLM.from_pretrained(
            args.start, dropout=0.0, attention_dropout=0.0
        )
    else:
        tokenizer = build_tokenizer()
        model = build_model(tokenizer)
    width = model.config.dim
    chooser = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 1))
    both = nn.ModuleList([model, chooser])
    right = 0.25

    def loss_of_step(step: int) -> Tensor:
        nonlocal right
        drawn = [scene(chance) for _ in range(args.batch)]
        words_loss, choosing = loss_of(model, chooser, tokenizer, drawn)
        right += 0.02 * (choosing.detach().neg().exp().item() - right)
        if step % 100 == 0:
            print(f"{step}: words {words_loss.item():.2f}, endings {right:.2f}", flush=True)
        return words_loss + choosing

    train(both, loss_of_step, args.steps, learning_rate=args.rate)
    save_as_the_real_one(model, tokenizer, args.out)


if __name__ == "__main__":
    main()
