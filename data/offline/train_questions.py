"""Train the small BERT that answers questions offline.

    python -m offline.train_questions    from data/; about ten minutes on two cores

It learns from `questions.draw_example` and is tested on questions about names it cannot have seen.
The checkpoint goes to checkpoints/questions/, from where `python data/prepare.py hub` takes it.
"""

import argparse
import string
from dataclasses import dataclass
from pathlib import Path
from random import Random

import torch
from tokenizers.trainers import WordPieceTrainer
from torch import Tensor, nn
from transformers import BertConfig, BertForQuestionAnswering, BertTokenizer

from offline import words
from offline.hub import CHECKPOINTS
from offline.questions import FILLERS, RELATIONS, Example, Side, draw_example
from offline.training import save, sinusoids, train

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
VOCABULARY = 2500
LONGEST = 4  # facts in a context


def build_tokenizer(chance: Random) -> BertTokenizer:
    """Return a WordPiece tokenizer that knows common words whole and most names in pieces."""
    told = [t for r in RELATIONS for t in (*r.told, *r.asks_value, *r.asks_subject)]
    kinds = ("JOBS", "ANIMALS", "FOODS", "INSTRUMENTS", "SUBJECTS", "OBJECTS", "GAMES", "DAYS",
             "COLOURS", "SPOTS", "BUILDINGS", "COMMON")
    whole = " ".join([*told, *FILLERS, *(word for kind in kinds for word in getattr(words, kind))])
    names = ["".join(chance.choices(words.SYLLABLES, k=3)) for _ in range(4000)]
    tokenizer = BertTokenizer()
    letters = string.ascii_lowercase + string.digits + string.punctuation
    trainer = WordPieceTrainer(
        vocab_size=VOCABULARY, special_tokens=SPECIAL, initial_alphabet=list(letters),
        continuing_subword_prefix="##", show_progress=False,
    )
    pieces = [f"{letter}{letter}" for letter in letters]  # so that each also comes as ##letter
    tokenizer.backend_tokenizer.train_from_iterator([whole] * 100 + names + pieces, trainer)
    return BertTokenizer(vocab=tokenizer.get_vocab(), model_max_length=512)


def build_model(vocabulary: int) -> BertForQuestionAnswering:
    """Return an untrained model of about a million parameters."""
    config = BertConfig(
        vocab_size=vocabulary, hidden_size=128, num_hidden_layers=3, num_attention_heads=4,
        intermediate_size=320, max_position_embeddings=512,
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
    )
    model = BertForQuestionAnswering(config)
    start_with_matching(model)
    return model


@torch.no_grad()
def start_with_matching(model: BertForQuestionAnswering) -> None:
    """Start from weights that compare tokens, which training alone finds only after very long.

    Positions start as sinusoids. Queries start equal to keys, so that a token attends to others
    like itself (Trockman and Kolter, 2023).
    """
    positions = model.bert.embeddings.position_embeddings.weight
    positions.copy_(0.01 * sinusoids(*positions.shape))
    for layer in model.bert.encoder.layer:
        attention = layer.attention.self
        nn.init.normal_(attention.key.weight, std=0.1)
        attention.query.weight.copy_(attention.key.weight)


def loss_of(
    model: BertForQuestionAnswering, tokenizer: BertTokenizer, examples: list[Example]
) -> Tensor:
    """Return the mean cross-entropy of the start and end scores."""
    batch = tokenizer(
        [example.question for example in examples],
        [example.context for example in examples],
        padding=True,
        return_tensors="pt",
    )
    last = [example.answer_start + len(example.answer) - 1 for example in examples]
    start = [batch.char_to_token(i, e.answer_start, 1) for i, e in enumerate(examples)]
    end = [batch.char_to_token(i, char, 1) for i, char in enumerate(last)]
    return model(
        **batch, start_positions=torch.tensor(start), end_positions=torch.tensor(end)
    ).loss


@torch.no_grad()
def answer(
    model: BertForQuestionAnswering, tokenizer: BertTokenizer, question: str, context: str
) -> str:
    """Return the span of the context with the highest start and end scores together."""
    encoded = tokenizer(
        question, context, return_tensors="pt", truncation="only_second",
        return_offsets_mapping=True,
    )
    offsets = encoded.pop("offset_mapping")[0]
    output = model(**encoded)
    inside = torch.tensor([part == 1 for part in encoded.sequence_ids(0)])
    scores = output.start_logits[0, :, None] + output.end_logits[0, None, :]  # [start, end]
    valid = (inside[:, None] & inside[None, :]).triu()
    best = scores.masked_fill(~valid, -torch.inf).argmax().item()
    start, end = divmod(best, len(inside))
    return context[offsets[start, 0] : offsets[end, 1]]


def exact_match(
    model: BertForQuestionAnswering, tokenizer: BertTokenizer, count: int, side: Side, seed: int
) -> float:
    """Return the share of `count` generated questions that are answered to the letter."""
    chance = Random(f"test {seed}")
    drawn = [draw_example(chance.randint(2, LONGEST), side, chance) for _ in range(count)]
    return sum(answer(model, tokenizer, e.question, e.context) == e.answer for e in drawn) / count


@dataclass
class Lesson:
    """How many facts a context has at most: one more each time the questions have become easy."""

    facts: int = 2
    running: float = 3.0  # mean loss of about the last thirty steps

    def note(self, loss: float) -> None:
        """Take one step's loss into account."""
        self.running += 0.03 * (loss - self.running)
        if self.running < 0.35 and self.facts < LONGEST:
            self.facts, self.running = self.facts + 1, 0.7
            print(f"Contexts of up to {self.facts} facts now.", flush=True)


def main() -> None:
    """Train, test and save."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--steps", type=int, default=4500)
    parser.add_argument("--batch", type=int, default=48)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--start", type=Path, help="a checkpoint to go on from")
    parser.add_argument("--out", type=Path, default=CHECKPOINTS / "questions")
    args = parser.parse_args()
    chance = Random(args.seed)
    torch.manual_seed(args.seed)
    if args.start:
        tokenizer = BertTokenizer.from_pretrained(args.start)
        model = BertForQuestionAnswering.from_pretrained(args.start)
    else:
        tokenizer = build_tokenizer(chance)
        model = build_model(len(tokenizer))

    lesson = Lesson(facts=LONGEST if args.start else 2)

    def loss_of_step(step: int) -> Tensor:
        sizes = [chance.randint(2, lesson.facts) for _ in range(args.batch)]
        loss = loss_of(model, tokenizer, [draw_example(n, "train", chance) for n in sizes])
        lesson.note(loss.item())
        return loss

    train(model, loss_of_step, args.steps, learning_rate=1e-3)
    for side in ("train", "held-out"):
        share = exact_match(model, tokenizer, 1000, side, seed=0)
        print(f"Exact match on 1000 {side} questions: {share:.1%}")
    save(model, tokenizer, args.out)


if __name__ == "__main__":
    main()
