"""What classifier.py needs to train and to measure: its options, sentences in batches, progress.

All of it is given. Lines of the data have the form `label ||| sentence`.
"""

import argparse
import hashlib
import platform
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from pathlib import Path

import numpy as np
import torch
import torch.nn as nn
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader, Dataset, Sampler
from tqdm import tqdm

from base_bert import find_checkpoint
from config import BertConfig
from tokenizer import BertTokenizer
from utils import InputError, locate

FIRST = 20  # batches whose losses are written down
Example = tuple[str, int]  # a sentence and its label
Batch = dict[str, Tensor | list[str]]


def get_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the options of the command line; `argv` takes its place in tests and notebooks."""
    parser = argparse.ArgumentParser(
        description="Classify sentences with BERT: fine-tune it, keep the best model, write down "
        "how it went."
    )
    add = parser.add_argument
    add(
        "--option",
        choices=("pretrain", "finetune"),
        default="finetune",
        help="pretrain: train the last layer on a frozen BERT; finetune: train all weights",
    )
    add("--epochs", type=number(int, 1, 10**6), default=10)
    add(
        "--lr",
        type=number(float, 0, 1),
        help="learning rate (1e-5 to finetune, 1e-3 with a frozen BERT)",
    )
    add("--batch_size", type=number(int, 1, 10**6), default=8)
    add("--hidden_dropout_prob", type=number(float, 0, 1), default=0.1)
    add("--seed", type=number(int, 0, 2**32 - 1), default=11711)
    add(
        "--checkpoint",
        default="google-bert/bert-base-uncased",
        help="a directory, or a name on the Hugging Face hub",
    )
    add("--train", default="data/sst-train.txt")
    add("--dev", default="data/sst-dev.txt")
    add("--test", default="data/sst-test.txt")
    add(
        "--limit",
        type=number(int, 1, 10**6),
        metavar="N",
        help="use N sentences of each file, drawn by the seed",
    )
    add("--use_gpu", action="store_true")
    add("--filepath", help="where the best model goes (OPTION-EPOCHS-LR.pt)")
    add("--dev_out", default="dev-output.txt")
    add("--test_out", default="test-output.txt")
    args = parser.parse_args(argv)
    if args.lr is None:
        args.lr = 1e-5 if args.option == "finetune" else 1e-3
    args.filepath = args.filepath or f"{args.option}-{args.epochs}-{args.lr}.pt"
    return args


def number(kind: type, low: float, high: float) -> Callable[[str], float]:
    """Make a reader of numbers between two bounds, for argparse."""

    def read(text: str) -> float:
        if not low <= kind(text) <= high:
            raise argparse.ArgumentTypeError(f"{text} is not between {low} and {high}")
        return kind(text)

    read.__name__ = kind.__name__  # argparse names it where the text is no number at all
    return read


def choose_device(use_gpu: bool) -> torch.device:
    """The GPU if it was asked for, else the CPU. Raises InputError if torch sees no GPU."""
    if use_gpu and not torch.cuda.is_available():
        raise InputError(
            "You ask for a GPU (--use_gpu), and torch sees none here. On Colab, choose Runtime > "
            "Change runtime type > T4 GPU; elsewhere leave --use_gpu out to train on the CPU."
        )
    return torch.device("cuda" if use_gpu else "cpu")


def seed_everything(seed: int) -> None:
    """Fix the random numbers of Python, numpy and torch."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def create_data(filename: str, flag: str = "train") -> tuple[list[Example], int] | list[Example]:
    """Read lines of the form `label ||| sentence`; labels are counted from 0.

    Returns the examples and, if `flag` is "train", also the number of labels: (examples, number).
    """
    examples: list[Example] = []
    try:
        lines = Path(locate(filename)).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise InputError(
            f"There is no file {filename}: `python data/prepare.py sst` makes the data, or name "
            f"another file with --{'dev' if flag == 'valid' else flag}."
        ) from None
    except UnicodeDecodeError:
        raise InputError(f"{filename} is not text in UTF-8: save it in that encoding.") from None
    for number, line in enumerate(lines, start=1):
        label, bar, sentence = line.partition(" ||| ")
        if not (bar and label.isdecimal() and sentence.strip()):
            raise InputError(
                f"Line {number} of {filename} is {line[:60]!r}; expected `label ||| sentence`, the "
                "label a whole number from 0."
            )
        examples.append((sentence.strip(), int(label)))
    if not examples:
        raise InputError(f"{filename} is empty; expected lines of the form `label ||| sentence`.")
    return (examples, 1 + max(label for _, label in examples)) if flag == "train" else examples


@lru_cache(maxsize=1)
def load_tokenizer(checkpoint: str) -> tuple[BertTokenizer, int]:
    """The tokenizer of a checkpoint, and how many tokens its model can read at once."""
    directory = find_checkpoint(locate(checkpoint))
    max_length = BertConfig.from_directory(directory).max_position_embeddings
    return BertTokenizer.from_pretrained(directory), max_length


class BertDataset(Dataset):
    """Examples whose sentences are tokenized once, when the dataset is made."""

    def __init__(self, examples: list[Example], args: argparse.Namespace) -> None:
        tokenizer, max_length = load_tokenizer(args.checkpoint)
        self.examples = examples
        self.pad_token_id = tokenizer.pad_token_id
        self.ids = [tokenizer.encode(sentence, max_length) for sentence, _ in examples]
        self.lengths = [len(ids) for ids in self.ids]

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, index: int) -> tuple[list[int], int, str]:
        sentence, label = self.examples[index]
        return self.ids[index], label, sentence

    def collate_fn(self, items: list[tuple[list[int], int, str]]) -> Batch:
        """Make a batch, padded to its own longest sentence only ("dynamic padding").

        Returns `input_ids` and `attention_mask`, [B, T]; `labels`, [B]; `sentences`, B strings.
        """
        ids, labels, sentences = zip(*items, strict=True)
        rows = [torch.tensor(row) for row in ids]
        ones = [torch.ones_like(row) for row in rows]
        return {
            "input_ids": pad_sequence(rows, batch_first=True, padding_value=self.pad_token_id),
            "attention_mask": pad_sequence(ones, batch_first=True),
            "labels": torch.tensor(labels),
            "sentences": list(sentences),
        }


class LengthBucketSampler(Sampler[list[int]]):
    """Random batches of sentences of about the same length, so that little of them is padding.

    The sentences are shuffled, sorted by length within chunks of many batches, and cut into
    batches, which are shuffled again. Every epoch brings another order; a seed fixes all of them.
    """

    def __init__(self, lengths: list[int], batch_size: int, seed: int, chunk: int = 16) -> None:
        self.lengths = lengths
        self.batch_size = batch_size
        self.chunk_size = chunk * batch_size  # sentences
        self.random = random.Random(seed)

    def __len__(self) -> int:
        full_chunks, rest = divmod(len(self.lengths), self.chunk_size)
        return full_chunks * (self.chunk_size // self.batch_size) + -(-rest // self.batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        order = list(range(len(self.lengths)))
        self.random.shuffle(order)
        batches: list[list[int]] = []
        for start in range(0, len(order), self.chunk_size):
            chunk = sorted(order[start : start + self.chunk_size], key=self.lengths.__getitem__)
            batches += [
                chunk[i : i + self.batch_size] for i in range(0, len(chunk), self.batch_size)
            ]
        self.random.shuffle(batches)
        yield from batches


@dataclass
class Data:
    """What training reads: batches to train on, and batches to measure on, in file order."""

    train: DataLoader
    train_sample: DataLoader  # as many training sentences as dev has: enough to see overfitting
    dev: DataLoader
    num_labels: int
    sizes: dict[str, int]  # in sentences
    first: list[Batch] = field(default_factory=list)  # the first batches that training will see


def load_data(args: argparse.Namespace) -> Data:
    """Read the three files (the test file only so that a bad one shows before training)."""
    train_examples, num_labels = create_data(args.train, "train")
    train_examples = limited(train_examples, args)
    dev_examples = limited(create_data(args.dev, "valid"), args)
    test_examples = limited(create_data(args.test, "test"), args)
    count = min(len(dev_examples), len(train_examples))
    sample = random.Random(args.seed).sample(train_examples, count)
    dataset = BertDataset(train_examples, args)
    sampler = LengthBucketSampler(dataset.lengths, args.batch_size, args.seed)
    ahead = islice(LengthBucketSampler(dataset.lengths, args.batch_size, args.seed), FIRST)
    return Data(
        train=DataLoader(dataset, batch_sampler=sampler, collate_fn=dataset.collate_fn),
        train_sample=in_file_order(sample, args),
        dev=in_file_order(dev_examples, args),
        num_labels=num_labels,
        sizes={
            "train_sentences": len(train_examples),
            "train_accuracy_sentences": count,
            "dev_sentences": len(dev_examples),
            "test_sentences": len(test_examples),
        },
        first=[dataset.collate_fn([dataset[index] for index in batch]) for batch in ahead],
    )


def limited(examples: list[Example], args: argparse.Namespace) -> list[Example]:
    """`args.limit` examples drawn by the seed, in file order; all of them if it is None.

    Drawn, and not the first ones, because SST-5's own files begin with the positive sentences.
    """
    if args.limit is None or args.limit >= len(examples):
        return examples
    drawn = random.Random(args.seed).sample(range(len(examples)), args.limit)
    return [examples[index] for index in sorted(drawn)]


def in_file_order(examples: list[Example], args: argparse.Namespace) -> DataLoader:
    """Batches for measuring."""
    dataset = BertDataset(examples, args)
    return DataLoader(dataset, batch_size=args.batch_size, collate_fn=dataset.collate_fn)


class EpochProgress(tqdm):
    """The batches of an epoch behind a progress bar that shows mean loss and sentences a second."""

    def __init__(self, batches: DataLoader, epoch: int, epochs: int) -> None:
        super().__init__(batches, desc=f"epoch {epoch}/{epochs}", unit="batch", leave=False)
        self.epoch = epoch
        self.started = time.perf_counter()
        self.total_loss, self.sentences = 0.0, 0
        self.first_losses: list[float] = []

    @property
    def mean_loss(self) -> float:
        """Mean over the sentences so far."""
        return self.total_loss / self.sentences

    @property
    def seconds(self) -> float:
        """Since the epoch began."""
        return time.perf_counter() - self.started

    def add(self, loss: float, sentences: int) -> None:
        """Count a batch: its mean loss, and its size."""
        if len(self.first_losses) < FIRST:
            self.first_losses.append(loss)
        self.total_loss += loss * sentences
        self.sentences += sentences
        rate = f"{self.sentences / self.seconds:.0f} sentences/s"
        self.set_postfix_str(f"loss {self.mean_loss:.3f}, {rate}", refresh=False)


def settings(args: argparse.Namespace, device: torch.device, data: Data) -> dict[str, object]:
    """What result.log says above its table; the device and the sizes are printed, too."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
    print(f"Training on {name}, with {data.sizes['train_sentences']} sentences.")
    return {**vars(args), "device": name, "num_labels": data.num_labels, **data.sizes}


def what_it_begins_with(
    model: nn.Module, args: argparse.Namespace, data: Data, device: torch.device
) -> dict[str, object]:
    """What result.log says of the beginning, from which whoever reads it can begin again.

    That is: hashes of the checkpoint's file and of the sentences of the first batches, in their
    order; and how the untrained model scores the first sentences. That takes one forward pass, in
    evaluation mode, so that no dropout makes it differ from one device to another.
    """
    if not data.first:
        return {}
    batch = data.first[0]
    few = [batch[name][:4].to(device) for name in ("input_ids", "attention_mask")]  # [4, T] each
    model.eval()
    with torch.inference_mode():
        logits = model(*few)
    sentences = "\n".join(sentence for batch in data.first for sentence in batch["sentences"])
    with open(find_checkpoint(locate(args.checkpoint)) / "model.safetensors", "rb") as file:
        weights = hashlib.file_digest(file, "sha256").hexdigest()
    return {
        "torch": f"{torch.__version__} on {platform.machine()}",
        "weights": weights,
        "first_sentences": hashlib.sha256(sentences.encode()).hexdigest()[:16],
        "untrained_scores": " ".join(f"{score:.6f}" for score in logits.flatten().tolist()),
    }
