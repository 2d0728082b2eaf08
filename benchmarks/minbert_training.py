"""Time an epoch of minBERT against the library's BERT in a plain torch loop, in one run.

    python benchmarks/minbert_training.py --epochs 2 --checkpoint data/checkpoints/all-MiniLM-L6-v2

Both sides fine-tune the same weights on the same sentences with AdamW, with the same batch size,
learning rate, dropout and seed, and pad each batch to its own longest sentence. minBERT runs
through the exercise's own `classifier.train`, which batches sentences of like length and takes
torch's fused AdamW; the library's BertForSequenceClassification runs through the loop that one
would write first: shuffle, cut into batches, step, all else as torch and the library have it.

Whenever minBERT ends an epoch the library runs one, so that both sides share whatever else the
machine does. Only training is timed: tokenizing and measuring accuracy are not.
"""

import argparse
import collections
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import torch
import torch.nn as nn
from torch import Tensor
from torch.utils.data import DataLoader

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "autograder" / "exercises" / "q2" / "source"))

import classifier  # noqa: E402
import experiment  # noqa: E402
from utils import EpochResult, InputError, ResultLog, locate  # noqa: E402


class Logits(nn.Module):
    """The library's classifier behind the interface that `classifier.model_eval` calls."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """[B, T], [B, T] -> logits, [B, num_labels]"""
        return self.model(input_ids=input_ids, attention_mask=attention_mask).logits


class PlainTraining:
    """The library's BertForSequenceClassification in a plain, shuffled loop."""

    def __init__(self, args: argparse.Namespace) -> None:
        from transformers import BertForSequenceClassification

        self.device = classifier.choose_device(args.use_gpu)
        data = classifier.load_data(args)
        dataset = data.train.dataset
        self.batches = DataLoader(
            dataset,
            batch_size=args.batch_size,
            shuffle=True,
            collate_fn=dataset.collate_fn,
            generator=torch.Generator().manual_seed(args.seed),
        )
        self.dev = data.dev
        with torch.random.fork_rng():
            torch.manual_seed(args.seed)
            self.model = BertForSequenceClassification.from_pretrained(
                locate(args.checkpoint),
                num_labels=data.num_labels,
                hidden_dropout_prob=args.hidden_dropout_prob,
            ).to(self.device)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=args.lr)

    def run_epoch(self) -> tuple[float, float, float]:
        """Train once on all sentences. Returns mean loss, dev accuracy, seconds of training."""
        self.model.train()
        total_loss, sentences = 0.0, 0
        start = time.perf_counter()
        for batch in self.batches:
            labels = batch["labels"].to(self.device)
            loss = self.model(
                input_ids=batch["input_ids"].to(self.device),
                attention_mask=batch["attention_mask"].to(self.device),
                labels=labels,
            ).loss
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            total_loss += loss.item() * len(labels)
            sentences += len(labels)
        seconds = time.perf_counter() - start
        accuracy = classifier.model_eval(self.dev, Logits(self.model), self.device)[0]
        return total_loss / sentences, accuracy, seconds


def interleaved(plain: PlainTraining, ratios: list[float]) -> type[ResultLog]:
    """A result.log that, after each epoch of minBERT, runs the library's and prints both."""

    class InterleavedLog(ResultLog):
        def add_epoch(self, result: EpochResult) -> None:
            super().add_epoch(result)
            with torch.random.fork_rng():  # minBERT's dropout goes on as if it were alone
                torch.manual_seed(result.epoch)
                loss, accuracy, seconds = plain.run_epoch()
            ratios.append(result.seconds / seconds)
            print(
                f"{result.epoch:5d}  {result.train_loss:7.4f} {result.dev_accuracy:7.4f} "
                f"{result.seconds:8.1f}  {loss:7.4f} {accuracy:7.4f} {seconds:8.1f}  "
                f"{ratios[-1]:5.3f}",
                flush=True,
            )

    return InterleavedLog


def majority_share(dev: DataLoader) -> float:
    """The accuracy on dev of always giving its most frequent label."""
    labels = collections.Counter(label for _, label in dev.dataset.examples)
    return max(labels.values()) / labels.total()


def get_args() -> tuple[argparse.Namespace, int | None]:
    """The options of the classifier, with this benchmark's defaults, and `--threads`."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=int, help="threads of torch (its own choice)")
    parser.add_argument("--checkpoint", default="data/checkpoints/all-MiniLM-L6-v2")
    parser.add_argument("--train", default="data/sst-train.txt")
    parser.add_argument("--dev", default="data/sst-dev.txt")
    parser.add_argument("--epochs", default="2")
    parser.add_argument("--batch_size", default="32")
    parser.add_argument("--lr", default="5e-5")
    parser.add_argument("--seed", default="11711")
    parser.add_argument("--limit", help="sentences of each file to use")
    options = vars(parser.parse_args())
    threads = options.pop("threads")
    options["test"] = options["dev"]  # training reads a test file too; none is measured here
    argv = [f"--{name}={value}" for name, value in options.items() if value is not None]
    return classifier.get_args(argv), threads


def main() -> int:
    """Run both sides and print a line an epoch; the last line is the median ratio."""
    args, threads = get_args()
    for name in ("train", "dev", "test", "checkpoint"):  # the run itself works in a scratch folder
        found = locate_from_root(getattr(args, name))
        setattr(args, name, found)
    if threads:
        torch.set_num_threads(threads)
    plain = PlainTraining(args)
    ratios: list[float] = []
    classifier.ResultLog = interleaved(plain, ratios)
    classifier.print = experiment.print = lambda *_, **__: None  # the table below says it all
    print(
        f"{len(plain.batches.dataset)} sentences, batch {args.batch_size}, lr {args.lr}, seed "
        f"{args.seed}, {torch.get_num_threads()} threads, torch {torch.__version__}; majority "
        f"accuracy on dev {majority_share(plain.dev):.4f}"
    )
    print("       minBERT                   library, plain")
    print("epoch     loss     dev  seconds     loss     dev  seconds  ratio")
    with tempfile.TemporaryDirectory() as scratch:
        os.chdir(scratch)
        try:
            classifier.train(args)
        finally:
            os.chdir(ROOT)
    print(f"median ratio of seconds, minBERT to library: {statistics.median(ratios):.3f}")
    return 0


def locate_from_root(path: str) -> str:
    """`path` made absolute: as it stands, or seen from the root of the project."""
    for candidate in (Path(path), ROOT / path):
        if candidate.exists():
            return str(candidate.resolve())
    return path


if __name__ == "__main__":
    try:
        sys.exit(main())
    except InputError as error:
        sys.exit(f"{error}")
