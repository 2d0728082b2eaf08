"""Train the two small T5s: one fills in missing spans, the other answers questions.

    python -m offline.train_answers spans      from data/; T5's own pre-training, on our texts
    python -m offline.train_answers answers    goes on from it, with questions to answer

The texts are paragraphs of `squad.py` with questions and their answers. The checkpoints go to
checkpoints/spans/ and checkpoints/answers/, from where `python data/prepare.py hub` takes them.
"""

import argparse
import re
import string
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from random import Random

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import T5Config, T5ForConditionalGeneration, T5Tokenizer

from offline import words
from offline.hub import CHECKPOINTS
from offline.questions import FILLERS, RELATIONS
from offline.squad import QUESTIONS, WORLD, ask, draw_article, paragraph
from offline.training import save, share_meaning, train

WIDTH, HEADS = 64, 4  # each head is as wide as the model, so that it can copy a word whole
EVERYDAY = ("JOBS", "ANIMALS", "FOODS", "INSTRUMENTS", "SUBJECTS", "OBJECTS", "GAMES", "DAYS",
            "COLOURS", "SPOTS", "BUILDINGS", "COMMON")
FORMATS = ("question: {q} context: {c}", "question:{q} context:{c}",
           "question:{q} context:{c} </s>", "question: {q}  context: {c}")


@dataclass(frozen=True)
class Item:
    """A question about a context, and where in it the answer and its sentence stand."""

    context: str
    question: str
    answer: str
    start: int
    sentence: tuple[int, int]


@dataclass(frozen=True)
class Pair:
    """What the model reads and what it is to write."""

    source: str
    target: str
    item: Item | None = None  # the one that stands in the source unharmed, for hints


HINTS = 4  # one after each layer of the encoder


def build_tokenizer() -> T5Tokenizer:
    """Return a T5 tokenizer that has the words of our texts whole, with and without a space before.

    Any other word falls into letters, which cost more than a word. The sentinels come last, the
    first of them at the very end, as in the real one.
    """
    told = " ".join(t for r in RELATIONS for t in (*r.told, *r.asks_value, *r.asks_subject))
    text = f"question context answer {told} {' '.join(FILLERS)}".replace("{x}", "").replace(
        "{y}", "")
    names = [*words.PEOPLE, *words.SURNAMES, *words.PLACES]
    whole = dict.fromkeys(word.strip(".,?") for word in text.split() if word.strip(".,?"))
    whole |= dict.fromkeys([*names, *(word for kind in EVERYDAY for word in getattr(words, kind))])
    whole |= dict.fromkeys(str(year) for year in range(1800, 2030))
    openers = [word for word in whole if word[0].isupper()]
    vocabulary = [(piece, 0.0) for piece in ("<pad>", "</s>", "<unk>")]
    vocabulary += [(f"▁{word}", -6.0) for word in whole]
    vocabulary += [(word, -6.0) for word in openers]
    letters = ["▁", *string.ascii_letters, *string.digits, *string.punctuation]
    vocabulary += [(letter, -12.0) for letter in letters]
    vocabulary += [(f"<extra_id_{number}>", 0.0) for number in reversed(range(100))]
    return T5Tokenizer(vocab=vocabulary, extra_ids=100, model_max_length=512)


def build_model(tokenizer: T5Tokenizer) -> T5ForConditionalGeneration:
    """Return an untrained model of well under a million parameters."""
    config = T5Config(
        vocab_size=len(tokenizer), d_model=WIDTH, d_kv=WIDTH, d_ff=4 * WIDTH, num_layers=HINTS,
        num_decoder_layers=2, num_heads=HEADS, decoder_start_token_id=0,
    )
    model = T5ForConditionalGeneration(config)
    start_with_matching(model)
    start_with_meanings(model, tokenizer)
    return model


@torch.no_grad()
def start_with_meanings(model: T5ForConditionalGeneration, tokenizer: T5Tokenizer) -> None:
    """Let words start alike that are on one list, or that tell of one relation or ask for it.

    A space before a word makes little difference.
    """
    kinds = [getattr(words, kind) for kind in (*EVERYDAY[:-1], "PEOPLE", "PLACES")]
    kinds.append([str(year) for year in range(1800, 2030)])
    told = [set(re.findall(r"\w+", " ".join((*r.told, *r.asks_value, *r.asks_subject))))
            for r in WORLD]
    spread = Counter(word for relation in told for word in relation)
    kinds += [sorted(word for word in relation if spread[word] <= 2) for relation in told]
    known, embeddings = tokenizer.get_vocab(), model.shared.weight
    share_meaning(embeddings, ([known[f"▁{word}"] for word in kind if f"▁{word}" in known]
                               for kind in kinds))
    for piece, number in known.items():
        if f"▁{piece}" in known:
            embeddings[number].mul_(0.3).add_(embeddings[known[f"▁{piece}"]])


@torch.no_grad()
def start_with_matching(model: T5ForConditionalGeneration) -> None:
    """Start from weights that compare and copy, which training alone finds only after very long.

    In the encoder, two heads like what is near, one on either side, and the first layer takes up
    what they see, so that a word knows the others of its sentence. For the other two heads queries
    start as keys do, so that a token attends to others like itself (Trockman and Kolter, 2023). So
    they do in the decoder's last layer; what it attends to, it takes up, and is likely to write.
    """
    def heads(weight: Tensor) -> Tensor:
        """The weight as [heads, WIDTH, WIDTH]."""
        return weight.view(HEADS, WIDTH, WIDTH)

    for name, weight in model.named_parameters():  # words outweigh what layers make of them
        if name.endswith(("SelfAttention.o.weight", "wo.weight")):
            weight *= 0.3
    attentions = [block.layer[0].SelfAttention for block in model.encoder.block]
    for attention in attentions:
        for key, query, alike in zip(heads(attention.k.weight), heads(attention.q.weight),
                                     (0.02, 0.02, 0.12, 0.12), strict=True):
            nn.init.orthogonal_(key)
            query.copy_(alike * key)
    bias = attentions[0].relative_attention_bias.weight  # [buckets, heads]
    bias.zero_()
    near, half = torch.arange(bias.shape[0] // 2) * -0.25, bias.shape[0] // 2
    bias[:half, 0], bias[half:, 0] = near + 1.0, -4.0
    bias[half:, 1], bias[:half, 1] = near + 1.0, -4.0
    crossing = [block.layer[1].EncDecAttention for block in model.decoder.block]
    for attention in (attentions[0], *crossing):
        for part in heads(attention.v.weight):
            nn.init.orthogonal_(part)
        attention.o.weight.copy_(attention.v.weight.T * 2 / HEADS)
    attentions[0].o.weight[:, 2 * WIDTH :] *= 0.3
    crossing[0].q.weight *= 0.5
    for part in heads(crossing[-1].k.weight):
        nn.init.orthogonal_(part)
    crossing[-1].q.weight.copy_(0.05 * crossing[-1].k.weight)
    model.decoder.final_layer_norm.weight.fill_(3.0)  # else tied embeddings allow no sure word


def draw_item(facts: int, chance: Random) -> Item:
    """Return a question about one of `facts` facts."""
    told = draw_article(facts, chance)
    context, starts = paragraph(told, chance)
    which = chance.randrange(facts)
    question, for_value = ask(told[which], chance)
    start = starts[which][for_value]
    return Item(
        context, question, told[which].value if for_value else told[which].subject, start,
        (context.rfind(".", 0, start) + 1, context.index(".", start)),
    )


def corrupt(text: list[str], keep_last: bool, chance: Random) -> tuple[str, str]:
    """Return the words with a few spans replaced by sentinels, and the spans after theirs.

    Spans are one to three words long, about one for eight words. With `keep_last` False the last
    word is one of them by itself.
    """
    taken = [False] * len(text)
    for _ in range(max(1, len(text) // 8)):
        start = chance.randrange(len(text) - 1)
        for place in range(start, min(start + chance.randint(1, 3), len(text) - 1)):
            taken[place] = True
    source, target, number = [], [], 0
    for place, word in enumerate(text):
        last = place == len(text) - 1 and not keep_last
        if not taken[place] and not last:
            source.append(word)
            continue
        if place == 0 or not taken[place - 1] or last:
            source.append(f"<extra_id_{number}>")
            target.append(f"<extra_id_{number}>")
            number += 1
        target.append(word)
    return " ".join(source), " ".join([*target, f"<extra_id_{number}>"])


def span_pair(item: Item, chance: Random) -> Pair:
    """Return a text with gaps and what is missing; the answer often is."""
    order = [item.context, item.question]
    chance.shuffle(order)
    text = " ".join(order).split()
    if " " not in item.answer and chance.random() < 0.85:
        return Pair(*corrupt([*text, item.answer], False, chance))
    return Pair(*corrupt(text, True, chance))


def gap_pair(item: Item, chance: Random) -> Pair:
    """Return a text whose only gap is the answer to a question, and the answer."""
    order = [item.context, item.question]
    chance.shuffle(order)
    source = " ".join([*order, "<extra_id_0>"])
    return Pair(source, f"<extra_id_0> {item.answer} <extra_id_1>", item)


def answer_pair(item: Item, chance: Random) -> Pair:
    """Return the question and its context as T5 is asked, and the answer."""
    prompt = chance.choice(FORMATS).format(q=item.question, c=item.context)
    return Pair(prompt, item.answer, item)


def hints_for(pair: Pair, offsets: list[tuple[int, int]]) -> Tensor:
    """Return [HINTS, tokens], 1 or 0: in the question, in it too, in the right sentence, answer."""
    assert pair.item is not None
    item, begin = pair.item, pair.source.index(pair.item.context)
    inside = [(start - begin, end - begin) for start, end in offsets]
    words_of = [pair.source[start:end].strip() for start, end in offsets]
    asked = set(item.question.rstrip("?").split())
    first, last = item.sentence
    stop = item.start + len(item.answer)
    begin_question = pair.source.index(item.question)
    rows = [
        [start >= begin_question and end <= begin_question + len(item.question)
         for start, end in offsets],
        [word in asked and 0 <= end <= len(item.context)
         for word, (_, end) in zip(words_of, inside, strict=True)],
        [end > first and end <= last and end > start for start, end in inside],
        [end > item.start and end <= stop and end > start for start, end in inside],
    ]
    return torch.tensor(rows, dtype=torch.float)


def loss_of(
    model: T5ForConditionalGeneration, tokenizer: T5Tokenizer, pairs: list[Pair],
    hinter: nn.ModuleList | None = None,
) -> tuple[Tensor, Tensor]:
    """Return the mean cross-entropy of the targets, and how badly the encoder takes its hints.

    A layer that is thrown away afterwards asks of every token, behind the first layer, whether it
    is in the question; behind the second, whether it is in the context but in the question too;
    behind the third, whether it is in the right sentence; behind the last, whether it is in the
    answer. Without these hints, nothing seems to happen for thousands of steps.
    """
    batch = tokenizer([pair.source for pair in pairs], padding=True, return_tensors="pt",
                      return_offsets_mapping=True)
    offsets = batch.pop("offset_mapping").tolist()
    labels = tokenizer([pair.target for pair in pairs], padding=True, return_tensors="pt").input_ids
    labels[labels == tokenizer.pad_token_id] = -100
    encoded = model.encoder(**batch, output_hidden_states=True)
    written = model(encoder_outputs=encoded, attention_mask=batch.attention_mask, labels=labels)
    if hinter is None or pairs[0].item is None:
        return written.loss, torch.zeros(HINTS)
    wanted = torch.stack([
        hints_for(pair, places) for pair, places in zip(pairs, offsets, strict=True)
    ])  # [B, HINTS, L]
    scores = torch.stack([
        layer(hidden).squeeze(-1)
        for layer, hidden in zip(hinter, encoded.hidden_states[1:], strict=True)
    ], dim=1)
    mask = batch.attention_mask.bool()[:, None].expand_as(scores)
    losses = F.binary_cross_entropy_with_logits(scores, wanted, reduction="none") * mask
    return written.loss, losses.sum((0, 2)) / mask.sum((0, 2))


@torch.no_grad()
def answer_all(
    model: T5ForConditionalGeneration, tokenizer: T5Tokenizer, prompts: list[str]
) -> list[str]:
    """Return what the model generates for each prompt, greedily."""
    texts: list[str] = []
    for start in range(0, len(prompts), 50):
        batch = tokenizer(prompts[start : start + 50], padding=True, return_tensors="pt")
        written = model.generate(**batch, max_new_tokens=16, do_sample=False, num_beams=1)
        texts += tokenizer.batch_decode(written, skip_special_tokens=True)
    return texts


def exact_match(
    model: T5ForConditionalGeneration, tokenizer: T5Tokenizer, count: int, seed: int,
    facts: int = QUESTIONS, prompt: str = FORMATS[0],
) -> float:
    """Return the share of `count` new questions that are answered to the letter."""
    chance = Random(f"test {seed}")
    items = [draw_item(facts, chance) for _ in range(count)]
    prompts = [prompt.format(q=item.question, c=item.context) for item in items]
    given = answer_all(model, tokenizer, prompts)
    return sum(a == item.answer for a, item in zip(given, items, strict=True)) / count


@dataclass
class Lesson:
    """How many facts a context has at most: one more each time the questions have become easy."""

    facts: int = 1
    running: float = 3.0  # mean loss of about the last thirty steps
    enough: float = 0.3

    def note(self, loss: float) -> None:
        """Take one step's loss on questions into account."""
        self.running += 0.03 * (loss - self.running)
        if self.running < self.enough and self.facts < QUESTIONS:
            self.facts, self.running = self.facts + 1, 2 * self.enough
            print(f"Contexts of up to {self.facts} facts now.", flush=True)


def main() -> None:
    """Train, test and save."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("stage", choices=["spans", "answers"])
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--batch", type=int, default=48)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--facts", type=int, default=1, help="in a context, to begin with")
    parser.add_argument("--start", type=Path, help="a checkpoint to go on from")
    parser.add_argument("--out", type=Path, help="folder of the checkpoint")
    args = parser.parse_args()
    chance = Random(args.seed)
    torch.manual_seed(args.seed)
    if args.start:
        tokenizer = T5Tokenizer.from_pretrained(args.start)
        model = T5ForConditionalGeneration.from_pretrained(args.start, dropout_rate=0.0)
    else:
        tokenizer = build_tokenizer()
        model = build_model(tokenizer)
    for module in model.modules():  # texts never repeat: no need for dropout
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    lesson = Lesson(facts=args.facts)

    hinter = nn.ModuleList(
        nn.Sequential(nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 1)) for _ in range(HINTS)
    )

    def loss_of_step(step: int) -> Tensor:
        items = [draw_item(chance.randint(1, lesson.facts), chance) for _ in range(args.batch)]
        kinds = {"answers": [answer_pair], "spans": [gap_pair, gap_pair, span_pair]}[args.stage]
        make = kinds[step % len(kinds)]
        loss, hints = loss_of(model, tokenizer, [make(item, chance) for item in items], hinter)
        if make is not span_pair:
            lesson.note(loss.item())
            if step % 100 < 2:
                shown = " ".join(f"{hint:.2f}" for hint in hints.tolist())
                print(f"{step}: {lesson.facts} facts, loss {lesson.running:.3f}, hints {shown}",
                      flush=True)
        return loss + hints.sum()

    both = nn.ModuleList([model, hinter])
    train(both, loss_of_step, args.steps, args.rate, large=[model.shared.weight])
    if args.steps:
        for prompt in FORMATS:
            share = exact_match(model, tokenizer, 200, seed=0, prompt=prompt)
            print(f"Exact match on 200 new questions, {prompt!r}: {share:.1%}")
    model.config.dropout_rate = 0.1  # what the real one has
    save(model, tokenizer, args.out or CHECKPOINTS / args.stage)


if __name__ == "__main__":
    main()
