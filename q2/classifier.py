# q2, version 7eac1ee5
"""Classify sentences with BERT: fine-tune it, keep the best model, write down how it went.

    python3 classifier.py --option finetune --epochs 3 --lr 1e-5 --use_gpu

You write the step that trains, (e), inside `train`. Everything else is given. The program reads
lines of the form `label ||| sentence` and writes, in the folder where it is started, the best model
(`finetune-3-1e-05.pt`), its predictions (`dev-output.txt`, `test-output.txt`), and `result.log`.
"""

import argparse
import hashlib
import os
import platform
import random
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from itertools import islice
from pathlib import Path

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader, Dataset, Sampler
from tqdm import tqdm

from base_bert import find_checkpoint
from bert import BertModel
from config import BertConfig
from tokenizer import BertTokenizer
from utils import EpochResult, InputError, ResultLog, Scores, locate, unwritten

RESULT_LOG = "result.log"
FIRST = 20  # batches whose losses are written down
Example = tuple[str, int]  # a sentence and its label
Batch = dict[str, Tensor | list[str]]


@dataclass
class ClassifierConfig:
    """What a BertSentClassifier is made from."""

    num_labels: int
    hidden_dropout_prob: float
    option: str  # "pretrain": BERT's weights stay as they are; "finetune": they are trained too
    checkpoint: str


class BertSentClassifier(nn.Module):
    """BERT, and a linear layer that gives each label a score."""

    def __init__(self, config: ClassifierConfig) -> None:
        super().__init__()
        self.bert = BertModel.from_pretrained(
            locate(config.checkpoint),
            hidden_dropout_prob=config.hidden_dropout_prob,
            allow_missing_pooler=config.option == "finetune",
        )
        self.bert.requires_grad_(config.option == "finetune")
        self.dropout = nn.Dropout(config.hidden_dropout_prob)
        self.output = nn.Linear(self.bert.config.hidden_size, config.num_labels)
        nn.init.normal_(self.output.weight, std=self.bert.config.initializer_range)
        nn.init.zeros_(self.output.bias)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Score sentences: `input_ids` and `attention_mask`, [B, T] -> logits, [B, num_labels]."""
        sentence = self.bert(input_ids, attention_mask)["pooler_output"]  # [B, H]
        return self.output(self.dropout(sentence))


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


@torch.inference_mode()
def model_eval(
    dataloader: DataLoader, model: nn.Module, device: torch.device
) -> tuple[float, float, list[int], list[int], list[str]]:
    """Measure a model.

    Returns accuracy and macro-F1 (the mean of the labels' F1), each 0 to 1, then the predictions,
    the labels and the sentences, in the order of the batches.
    """
    from sklearn.metrics import accuracy_score, f1_score  # slow to import, needed only here

    model.eval()
    predictions: list[int] = []
    labels: list[int] = []
    sentences: list[str] = []
    for batch in dataloader:
        logits = model(batch["input_ids"].to(device), batch["attention_mask"].to(device))
        predictions += logits.argmax(dim=-1).tolist()  # [B, num_labels] -> [B]
        labels += batch["labels"].tolist()
        sentences += batch["sentences"]
    accuracy = float(accuracy_score(labels, predictions))
    macro_f1 = float(f1_score(labels, predictions, average="macro", zero_division=0))
    return accuracy, macro_f1, predictions, labels, sentences


def save_model(
    model: nn.Module, args: argparse.Namespace, config: ClassifierConfig, filepath: str
) -> None:
    """Save the weights, and what is needed to build the model again, as plain types."""
    unfinished = f"{filepath}.part"  # an interruption must not spoil the best model so far
    torch.save(
        {"model": model.state_dict(), "config": asdict(config), "args": vars(args)}, unfinished
    )
    os.replace(unfinished, filepath)


def load_model(filepath: str, device: torch.device) -> BertSentClassifier:
    """Build the model that `save_model` has written to `filepath`."""
    saved = torch.load(filepath, map_location=device, weights_only=True)
    model = BertSentClassifier(ClassifierConfig(**saved["config"])).to(device)
    model.load_state_dict(saved["model"])
    return model


def train(args: argparse.Namespace) -> None:
    """Train a BertSentClassifier, and save it whenever its accuracy on dev is the best so far.

    (e) Write the step that is taken for each batch:

    - forward: the scores that `model` gives the sentences, [B, num_labels];
    - loss: `loss`, the mean cross-entropy of the batch, a tensor with a single value;
    - backward: the gradient of this loss, and of no other batch's, with respect to the weights;
    - update: one step of `optimizer` along it.

    `input_ids` and `attention_mask`, [B, T], and `labels`, [B], are on the model's device. The
    lines after yours read `loss`.
    """
    device = choose_device(args.use_gpu)
    seed_everything(args.seed)
    data = load_data(args)
    config = ClassifierConfig(
        data.num_labels, args.hidden_dropout_prob, args.option, args.checkpoint
    )
    model = BertSentClassifier(config).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.lr, fused=True)
    best_accuracy = -1.0
    beginning = what_it_begins_with(model, args, data, device)
    with ResultLog(RESULT_LOG, {**settings(args, device, data), **beginning}) as log:
        for epoch in range(1, args.epochs + 1):
            model.train()
            progress = EpochProgress(data.train, epoch, args.epochs)
            for batch in progress:
                input_ids = batch["input_ids"].to(device)
                attention_mask = batch["attention_mask"].to(device)
                labels = batch["labels"].to(device)
                # YOUR CODE HERE
                raise NotImplementedError()
                progress.add(loss.item(), len(labels))
            result = measure_epoch(progress, model, data, device, best_accuracy)
            if result.saved:
                best_accuracy = result.dev_accuracy
                save_model(model, args, config, args.filepath)
            if epoch == 1:
                log.add_first_losses(progress.first_losses)
            log.add_epoch(result)


def measure_epoch(
    progress: EpochProgress, model: nn.Module, data: Data, device: torch.device, best: float
) -> EpochResult:
    """The figures of an epoch; its model is to be saved if its dev accuracy is above `best`."""
    seconds = progress.seconds
    train_accuracy = model_eval(data.train_sample, model, device)[0]
    dev_accuracy = model_eval(data.dev, model, device)[0]
    print(
        f"epoch {progress.epoch}: loss {progress.mean_loss:.4f}, accuracy {train_accuracy:.4f} on "
        f"train, {dev_accuracy:.4f} on dev, {seconds:.0f} s"
    )
    return EpochResult(
        progress.epoch,
        progress.mean_loss,
        train_accuracy,
        dev_accuracy,
        seconds,
        saved=dev_accuracy > best,
    )


def test(args: argparse.Namespace) -> None:
    """Measure the best model on dev and test, write its predictions, and end the log."""
    with ResultLog.reopen(RESULT_LOG) as log:
        device = choose_device(args.use_gpu)
        model = load_model(args.filepath, device)
        scores: dict[str, Scores] = {}
        for name, flag, filename, output in (
            ("dev", "valid", args.dev, args.dev_out),
            ("test", "test", args.test, args.test_out),
        ):
            loader = in_file_order(limited(create_data(filename, flag), args), args)
            accuracy, macro_f1, predictions, _, sentences = model_eval(loader, model, device)
            pairs = zip(predictions, sentences, strict=True)
            rows = "".join(f"{label} ||| {sentence}\n" for label, sentence in pairs)
            Path(output).write_text(rows, encoding="utf-8")
            scores[name] = Scores(accuracy, macro_f1)
            print(f"{name}: accuracy {scores[name]}; predictions in {output}")
        log.finish(**scores)


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


def get_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the options of the command line; `argv` takes its place in tests and notebooks."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
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


def main(argv: list[str] | None = None) -> int:
    """Train, then test. Returns the exit status: 2 for an impossible wish, 1 for missing code."""
    args = get_args(argv)
    try:
        train(args)
        test(args)
    except NotImplementedError as error:
        return stop(unwritten(error), 1)
    except (InputError, OSError) as error:
        return stop(str(error), 2)
    except KeyboardInterrupt:
        return stop(f"Interrupted. The epochs that ended are in {RESULT_LOG}.", 130)
    print(f"The best model is in {args.filepath}, the figures of all epochs are in {RESULT_LOG}.")
    return 0


def stop(sentence: str, status: int) -> int:
    """Say why the program ends (on a line of its own: a progress bar may stand on the last)."""
    print(f"\n{sentence}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
