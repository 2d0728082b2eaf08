"""Classify sentences with BERT: fine-tune it, keep the best model, write down how it went.

    python3 classifier.py --option finetune --epochs 3 --lr 1e-5 --use_gpu

You write the step that trains, (e), inside `train`. Everything else is given. The program reads
lines of the form `label ||| sentence` and writes, in the folder where it is started, the best model
(`finetune-3-1e-05.pt`), its predictions (`dev-output.txt`, `test-output.txt`), and `result.log`.
"""

import argparse
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import DataLoader

from bert import BertModel
from experiment import (
    Data,
    EpochProgress,
    choose_device,
    create_data,
    get_args,
    in_file_order,
    limited,
    load_data,
    seed_everything,
    settings,
    what_it_begins_with,
)
from utils import EpochResult, InputError, ResultLog, Scores, locate, unwritten

RESULT_LOG = "result.log"


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
                ### BEGIN SOLUTION
                logits = model(input_ids, attention_mask)  # [B, num_labels]
                loss = F.cross_entropy(logits, labels)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                ### END SOLUTION
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
