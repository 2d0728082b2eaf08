"""The classifier trains, keeps the best model, and tells in sentences what is wrong."""

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import transformers

SOURCE = Path(__file__).parents[2] / "autograder" / "exercises" / "q2" / "source"
sys.path.insert(0, str(SOURCE))

import classifier  # noqa: E402
import experiment  # noqa: E402
from utils import InputError, read_result_log  # noqa: E402

POSITIVE = ["good", "great", "fine", "superb"]
NEGATIVE = ["bad", "awful", "poor", "dull"]
OTHERS = ["the", "film", "is", "and", "its", "plot", "was", "quite", "."]
OPTIONS = ["--epochs", "3", "--lr", "0.002", "--batch_size", "8", "--checkpoint", "data/tiny"]
FILES = [f"--{name}=data/sst-{name}.txt" for name in ("train", "dev", "test")]


def sentences(count: int, seed: int) -> str:
    """Lines of data in which a word tells the label, 0 or 1."""
    rng = random.Random(seed)
    lines = []
    for index in range(count):
        label = index % 2
        words = rng.choices(OTHERS, k=rng.randint(2, 12))
        words.insert(rng.randrange(len(words)), rng.choice((NEGATIVE, POSITIVE)[label]))
        lines.append(f"{label} ||| {' '.join(words)}\n")
    return "".join(lines)


@pytest.fixture(autouse=True)
def one_thread(monkeypatch) -> Iterator[None]:
    """So small a model is slower on several threads, far slower on a busy machine."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def course(tmp_path_factory) -> Path:
    """A folder with q2/ and data/, in which lies a random BERT of 2 layers and 32 units."""
    root = tmp_path_factory.mktemp("course")
    shutil.copytree(SOURCE, root / "q2", ignore=shutil.ignore_patterns("__pycache__"))
    tiny = root / "data" / "tiny"
    tiny.mkdir(parents=True)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *OTHERS, *POSITIVE, *NEGATIVE]
    (tiny / "vocab.txt").write_text("\n".join(words) + "\n")
    torch.manual_seed(0)
    transformers.BertModel(
        transformers.BertConfig(
            vocab_size=len(words),
            hidden_size=32,
            num_attention_heads=4,
            num_hidden_layers=2,
            intermediate_size=64,
            max_position_embeddings=32,
            initializer_range=0.2,
        )
    ).save_pretrained(tiny)
    for name, count in (("train", 96), ("dev", 30), ("test", 20)):
        (root / "data" / f"sst-{name}.txt").write_text(sentences(count, seed=count))
    return root


@pytest.fixture
def here(course, tmp_path, monkeypatch) -> Path:
    """An empty folder to run in; `data/` means the course's."""
    (tmp_path / "data").symlink_to(course / "data")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def program(*command: str, cwd: Path) -> subprocess.CompletedProcess:
    """Run the classifier as a student does."""
    return subprocess.run(
        [sys.executable, *command], cwd=cwd, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(("folder", "script"), [("q2", "classifier.py"), (".", "q2/classifier.py")])
def test_it_works_from_q2_and_from_the_root(course, folder, script):
    cwd = course / folder
    done = program(script, *OPTIONS, *FILES, "--option=finetune", cwd=cwd)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert "Training on cpu" in done.stdout

    record = read_result_log(cwd / "result.log")
    assert record.status == "complete"
    assert record.settings["checkpoint"] == "data/tiny"
    assert record.settings["device"] == "cpu"
    assert record.settings["num_labels"] == "2"
    assert [record.settings[f"{name}_sentences"] for name in ("train", "dev", "test")] == [
        "96", "30", "20",
    ]  # fmt: skip
    assert len(record.epochs) == 3
    assert record.epochs[-1].train_loss < record.epochs[0].train_loss
    assert record.dev.accuracy == max(epoch.dev_accuracy for epoch in record.epochs) > 0.6

    data = (course / "data" / "sst-test.txt").read_text().splitlines()
    output = (cwd / "test-output.txt").read_text().splitlines()
    assert [line.split(" ||| ")[1] for line in output] == [line.split(" ||| ")[1] for line in data]
    right = sum(mine == its for mine, its in zip(output, data, strict=True))
    assert record.test.accuracy == pytest.approx(right / 20)
    assert len((cwd / "dev-output.txt").read_text().splitlines()) == 30

    saved = torch.load(cwd / "finetune-3-0.002.pt", weights_only=True)
    assert saved["config"]["num_labels"] == 2
    assert saved["args"]["lr"] == 0.002


def test_a_seed_fixes_everything(here):
    runs = []
    for seed in (1, 1, 2):
        assert classifier.main([*OPTIONS, *FILES, "--seed", str(seed)]) == 0
        record = read_result_log(here / "result.log")
        figures = [(e.train_loss, e.train_accuracy, e.dev_accuracy) for e in record.epochs]
        runs.append((figures, record.dev, (here / "test-output.txt").read_text()))
    assert runs[0] == runs[1]
    assert runs[0][0] != runs[2][0]


@pytest.mark.parametrize("option", ["pretrain", "finetune"])
def test_pretrain_leaves_bert_as_it_is(here, option):
    assert classifier.main([*OPTIONS, *FILES, "--option", option]) == 0
    model = classifier.load_model(f"{option}-3-0.002.pt", torch.device("cpu"))
    before = classifier.BertModel.from_pretrained("data/tiny").state_dict()
    changed = {n for n, w in model.bert.state_dict().items() if not torch.equal(w, before[n])}
    assert bool(changed) == (option == "finetune")
    assert model.output.bias.abs().max() > 0


def test_the_best_model_is_saved_at_strict_maxima(here, monkeypatch):
    accuracies = [0.3, 0.3, 0.5, 0.4, 0.5, 0.6]
    # Training asks for two accuracies an epoch, first that on the training sentences.
    answers = iter([value for accuracy in accuracies for value in (0.9, accuracy)])
    saved = []
    monkeypatch.setattr(classifier, "model_eval", lambda *_: (next(answers), 0.1, [], [], []))
    monkeypatch.setattr(classifier, "save_model", lambda *args: saved.append(args[-1]))
    classifier.train(classifier.get_args([*OPTIONS, *FILES, "--epochs=6", "--limit=8"]))
    epochs = read_result_log(here / "result.log").epochs
    assert [epoch.saved for epoch in epochs] == [True, False, True, False, False, True]
    assert [epoch.dev_accuracy for epoch in epochs] == accuracies
    assert len(saved) == 3


def test_each_step_trains_on_its_own_batch_with_dropout(here, monkeypatch):
    """The solved block: gradients are those of this batch alone, and the model is training."""
    seen = []

    class Recorded(classifier.BertSentClassifier):
        def forward(self, input_ids, attention_mask):
            if torch.is_grad_enabled():
                seen.append((self.training, len(input_ids)))
            return super().forward(input_ids, attention_mask)

    steps = []
    step = torch.optim.AdamW.step

    def recorded_step(self, *args, **kwargs):
        model_gradients = [p.grad for group in self.param_groups for p in group["params"]]
        steps.append(model_gradients[-1].clone())
        return step(self, *args, **kwargs)

    monkeypatch.setattr(classifier, "BertSentClassifier", Recorded)
    monkeypatch.setattr(torch.optim.AdamW, "step", recorded_step)
    classifier.train(classifier.get_args([*OPTIONS, *FILES, "--epochs=2", "--limit=20"]))
    assert sorted(seen) == [(True, 4)] * 2 + [(True, 8)] * 4
    assert len(steps) == 6
    # The gradient of the last bias is the mean of (probabilities - one hot label): sums to zero.
    assert all(gradient.sum().abs() < 1e-5 for gradient in steps)
    assert all(gradient.abs().max() < 1 for gradient in steps)


# ------------------------------------------------------------------------------ when it stops early


def test_ctrl_c_leaves_the_epochs_that_ended(here):
    running = subprocess.Popen(
        [sys.executable, str(SOURCE / "classifier.py"), *OPTIONS, *FILES, "--epochs=9999"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        # Where the tests run in the background, the shell has told them to ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    log = here / "result.log"
    deadline = time.monotonic() + 60
    while not (log.exists() and len(log.read_text().split("saved")) > 2):
        assert running.poll() is None, running.stderr.read()
        assert time.monotonic() < deadline, "no epoch ended within a minute"
        time.sleep(0.05)
    time.sleep(0.3)
    running.send_signal(signal.SIGINT)
    _, errors = running.communicate(timeout=30)

    assert running.returncode == 130
    assert "Traceback" not in errors
    assert "Interrupted. The epochs that ended are in result.log." in errors
    record = read_result_log(log)
    assert record.epochs
    assert record.status == f"interrupted in epoch {len(record.epochs) + 1}"
    assert torch.load("finetune-9999-0.002.pt", weights_only=True)["config"]["num_labels"] == 2


def test_what_is_not_written_is_named(course, here):
    shutil.copytree(course / "q2", here / "q2")
    path = here / "q2" / "classifier.py"
    skeleton = re.sub(
        r"( *)### BEGIN SOLUTION\n.*?### END SOLUTION",
        r"\1# YOUR CODE HERE\n\1raise NotImplementedError()",
        path.read_text(),
        flags=re.DOTALL,
    )
    path.write_text(skeleton)
    done = program("q2/classifier.py", *OPTIONS, *FILES, cwd=here)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "train in classifier.py is not written yet" in done.stderr
    assert read_result_log(here / "result.log").status == "failed in epoch 1"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_told(here, capsys):
    assert classifier.main([*OPTIONS, *FILES, "--use_gpu"]) == 2
    errors = capsys.readouterr().err
    assert "You ask for a GPU (--use_gpu), and torch sees none here." in errors
    assert len(errors.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "There is no file data.txt: .*prepare.py sst.*with --dev"),
        (b"", "data.txt is empty"),
        (b"0 ||| fine\n1 | bad\n", r"Line 2 of data.txt is '1 \| bad'; expected `label"),
        (b"0 ||| fine\nx ||| bad\n", "Line 2 of data.txt is 'x |"),
        (b"-1 ||| bad\n", "Line 1 of data.txt"),
        (b"0 |||  \n", "Line 1 of data.txt"),
        (b"0 ||| caf\xe9\n", "data.txt is not text in UTF-8"),
    ],
)
def test_bad_data_is_told(here, content, says, capsys):
    if content is not None:
        (here / "data.txt").write_bytes(content)
    assert classifier.main([*OPTIONS, *FILES, "--dev=data.txt"]) == 2
    errors = capsys.readouterr().err
    assert re.search(says, errors)
    assert "Traceback" not in errors


def test_a_checkpoint_that_is_not_there_is_told(here, monkeypatch, capsys):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert classifier.main([*FILES, "--checkpoint=data/small"]) == 2
    assert "There is no checkpoint 'data/small'" in capsys.readouterr().err


@pytest.mark.parametrize(
    "option",
    ["--epochs=0", "--batch_size=-1", "--lr=nan", "--hidden_dropout_prob=1.5", "--seed=-1",
     "--limit=x", "--option=train"],
)  # fmt: skip
def test_impossible_options_are_refused(option, capsys):
    with pytest.raises(SystemExit) as stopped:
        classifier.get_args([option])
    assert stopped.value.code == 2
    assert f"argument {option.split('=')[0]}: " in capsys.readouterr().err


# --------------------------------------------------------------------------------------- the parts


def test_defaults_are_those_of_the_exercise():
    args = classifier.get_args([])
    assert (args.option, args.lr, args.checkpoint) == (
        "finetune", 1e-5, "google-bert/bert-base-uncased",
    )  # fmt: skip
    assert args.filepath == "finetune-10-1e-05.pt"
    assert classifier.get_args(["--option=pretrain"]).lr == 1e-3


def test_create_data(here):
    Path("data.txt").write_text("3 ||| so-so ||| really\n0 ||| bad\n")
    examples = [("so-so ||| really", 3), ("bad", 0)]
    assert classifier.create_data("data.txt") == (examples, 4)
    assert classifier.create_data("data.txt", "valid") == examples
    with pytest.raises(InputError, match=r"no file nothing\.txt"):
        classifier.create_data("nothing.txt", "test")


@pytest.mark.parametrize(("count", "batch_size"), [(1, 8), (64, 8), (1000, 7), (23, 100)])
def test_buckets_hold_each_sentence_once(count, batch_size):
    lengths = [random.Random(i).randint(3, 60) for i in range(count)]
    sampler = experiment.LengthBucketSampler(lengths, batch_size, seed=5, chunk=3)
    first, second = list(sampler), list(sampler)
    for batches in (first, second):
        assert sorted(index for batch in batches for index in batch) == list(range(count))
        assert max(map(len, batches)) <= batch_size
        assert len(batches) == len(sampler)
    if count > 30:
        assert first != second
    again = experiment.LengthBucketSampler(lengths, batch_size, seed=5, chunk=3)
    assert [list(again), list(again)] == [first, second]


def test_buckets_waste_little_on_padding():
    rng = random.Random(0)
    lengths = [min(60, max(3, round(rng.gauss(22, 10)))) for _ in range(8544)]

    def padded(batches):
        return sum(len(batch) * max(lengths[i] for i in batch) for batch in batches) / sum(lengths)

    shuffled = random.Random(1).sample(range(8544), 8544)
    assert padded([shuffled[i : i + 32] for i in range(0, 8544, 32)]) > 1.8
    assert padded(experiment.LengthBucketSampler(lengths, 32, seed=1)) < 1.1


def test_batches_are_padded_to_their_longest(here):
    examples = [("the film is good", 1), ("bad", 0)]
    dataset = experiment.BertDataset(examples, classifier.get_args(OPTIONS))
    batch = dataset.collate_fn([dataset[0], dataset[1]])
    assert dataset.lengths == [6, 3]
    assert batch["input_ids"].shape == (2, 6)
    assert batch["input_ids"][1, 3:].tolist() == [0, 0, 0]
    assert batch["attention_mask"].tolist() == [[1] * 6, [1, 1, 1, 0, 0, 0]]
    assert batch["labels"].tolist() == [1, 0]
    assert batch["sentences"] == ["the film is good", "bad"]


def test_sentences_are_cut_to_what_the_model_reads(here):
    dataset = experiment.BertDataset([("the " * 100, 1)], classifier.get_args(OPTIONS))
    assert dataset.lengths == [32]


def test_model_eval_counts(here):
    class Model(torch.nn.Module):
        def forward(self, input_ids, attention_mask):
            return torch.eye(3)[[0, 2, 0, 0][: len(input_ids)]]

    one = torch.ones(4, 1, dtype=torch.long)
    batch = {"input_ids": one, "attention_mask": one, "labels": torch.tensor([0, 2, 0, 1]),
             "sentences": list("abcd")}  # fmt: skip
    accuracy, macro_f1, predictions, labels, texts = classifier.model_eval(
        [batch], Model(), torch.device("cpu")
    )
    assert accuracy == 0.75
    assert macro_f1 == pytest.approx((0.8 + 0 + 1) / 3)
    assert (predictions, labels, texts) == ([0, 2, 0, 0], [0, 2, 0, 1], list("abcd"))


def test_the_loss_of_an_epoch_is_the_mean_over_its_sentences():
    progress = classifier.EpochProgress([None, None], epoch=1, epochs=1)
    progress.add(1.0, sentences=8)
    progress.add(4.0, sentences=4)
    assert progress.mean_loss == 2.0
    progress.close()


def test_limit_draws_from_the_whole_file(here):
    examples = [("film", label) for label in range(100)]
    some = classifier.limited(examples, classifier.get_args(["--limit=20", "--seed=3"]))
    labels = [label for _, label in some]
    assert len(labels) == 20
    assert labels == sorted(labels)
    assert labels[-1] > 50
    assert some == classifier.limited(examples, classifier.get_args(["--limit=20", "--seed=3"]))
    assert classifier.limited(examples, classifier.get_args([])) == examples


def test_an_interrupted_save_keeps_the_former_model(here, monkeypatch):
    args = classifier.get_args(OPTIONS)
    config = classifier.ClassifierConfig(2, 0.1, "finetune", "data/tiny")
    model = classifier.BertSentClassifier(config)
    classifier.save_model(model, args, config, "best.pt")

    def interrupted(_, path):
        Path(path).write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(torch, "save", interrupted)
    with pytest.raises(KeyboardInterrupt):
        classifier.save_model(model, args, config, "best.pt")
    loaded = classifier.load_model("best.pt", torch.device("cpu"))
    assert torch.equal(loaded.output.weight, model.output.weight)
    assert os.path.getsize("best.pt") > 1000
