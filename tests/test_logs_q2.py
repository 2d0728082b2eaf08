"""result.log of q2: real runs are flagged for nothing, forged ones for what is forged in them.

The course is the repo's, with a random BERT of two layers and drawn sentences in the place of the
checkpoints and the data, so that a whole run takes a second.
"""

from __future__ import annotations

import hashlib
import random
import re
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
import transformers
from conftest import REPO, copy_course, spawned
from sklearn.metrics import f1_score

from autograder.course import Course
from autograder.exercises.q2 import plausible, resultlog
from autograder.judge import pool
from autograder.judge.work import Work
from autograder.release.build import prepare
from autograder.results.flag import Kind
from autograder.results.verdict import PartVerdict

SOURCE = REPO / "autograder" / "exercises" / "q2" / "source"
sys.path.insert(0, str(SOURCE))

import classifier  # noqa: E402
from utils import read_result_log  # noqa: E402

WORDS = ["the", "film", "is", "and", "its", "plot", "was", "quite", "."]
TELLING = ["awful", "dull", "plain", "good", "superb"]  # a word for each label
SIZES = {"train": 250, "dev": 60, "test": 60}
LABELS = {name: [size // 5] * 5 for name, size in SIZES.items()}
OPTIONS = ["--checkpoint=data/checkpoints/tiny", "--epochs=2", "--batch_size=8"]
LR = {"finetune": "0.002", "pretrain": "0.01"}
SETTINGS = """
[assignments.q2.settings.accuracy.tiny]
finetune = [0.01]
pretrain = [0.01]
[assignments.q2.settings.weights.tiny]
sha256 = "{sha256}"
layers = 2
hidden = 32
intermediate = 64
[[assignments.q2.settings.data_sets]]
name = "drawn sentences"
train = {train}
dev = {dev}
test = {test}
tokens = 2000
"""


def write_data(data: Path) -> None:
    """A random BERT of 2 layers and 32 units, and sentences in which a word tells the label."""
    tiny = data / "checkpoints" / "tiny"
    tiny.mkdir(parents=True)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS, *TELLING]
    (tiny / "vocab.txt").write_text("\n".join(words) + "\n")
    torch.manual_seed(0)
    transformers.BertModel(transformers.BertConfig(
        vocab_size=len(words), hidden_size=32, num_attention_heads=4, num_hidden_layers=2,
        intermediate_size=64, max_position_embeddings=32, initializer_range=0.2,
    )).save_pretrained(tiny)
    (tiny / "model.safetensors").chmod(0o644)  # as what is downloaded
    for name, size in SIZES.items():
        rng = random.Random(size)
        rows = [(index % 5, rng.choices(WORDS, k=rng.randint(2, 12))) for index in range(size)]
        (data / f"sst-{name}.txt").write_text("".join(
            f"{label} ||| {' '.join([*before, TELLING[label]])}\n" for label, before in rows))


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """A course that knows the tiny checkpoint and the drawn sentences, with q2 built."""
    folder = tmp_path_factory.mktemp("course")
    course = copy_course(folder)
    write_data(folder / "data")
    weights = folder / "data" / "checkpoints" / "tiny" / "model.safetensors"
    with (folder / "course.toml").open("a") as file:
        file.write(SETTINGS.format(sha256=hashlib.sha256(weights.read_bytes()).hexdigest(),
                                   **LABELS))
    course = Course.load(folder)
    prepare(course, "q2")
    return course


@pytest.fixture(scope="module")
def verdict(root: Course, tmp_path_factory: pytest.TempPathFactory
            ) -> Iterator[Callable[[dict[str, bytes]], PartVerdict]]:
    """What q2_result gets with these files in the place of the solution's."""
    from autograder.validate import work

    def judge(files: dict[str, bytes]) -> PartVerdict:
        solved = work(root.exercise("q2"), "reference", "reference")
        handed_in = Work("q2", solved.notebook, {**solved.files, **files})
        part = executor.submit(pool._ask, pool._grade, handed_in).result().part("q2_result")
        assert part is not None
        return part

    scratch = str(tmp_path_factory.mktemp("q2"))
    with spawned(initializer=pool._start, initargs=(root, "q2", 7, scratch)) as executor:
        yield judge


def train(root: Course, folder: Path, *options: str, threads: int = 1) -> str:
    """Run the solved classifier.py as a student does; its log."""
    before = torch.get_num_threads()
    with pytest.MonkeyPatch.context() as patch:
        (folder / "data").symlink_to(root.root / "data")
        patch.chdir(folder)
        torch.set_num_threads(threads)
        try:
            assert classifier.main([*OPTIONS, *options]) == 0
        finally:
            torch.set_num_threads(before)
    return (folder / "result.log").read_text()


def options(option: str, seed: int) -> list[str]:
    return [f"--option={option}", f"--lr={LR[option]}", f"--seed={seed}"]


@pytest.fixture(scope="module")
def log(root: Course, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The log of a real run."""
    return train(root, tmp_path_factory.mktemp("run"), *options("finetune", 5))


def changed(log: str, *edits: tuple[str, str], careful: bool = True) -> bytes:
    """A log in which the first match of a pattern became something else.

    Whoever is careful reads utils.py and makes the checksum fit again.
    """
    for pattern, by in edits:
        log, count = re.subn(pattern, by, log, count=1, flags=re.MULTILINE)
        assert count == 1, pattern
    if careful and "\nchecksum: " in log:
        record = read_result_log(log)
        log = re.sub("^checksum: .*", f"checksum: {record.sum_up()}", log, flags=re.MULTILINE)
    return log.encode()


@pytest.mark.sandbox
@pytest.mark.parametrize(("seed", "threads"), [(1, 1), (2, 1), (3, 1), (3, 2)])
@pytest.mark.parametrize("option", LR)
def test_a_real_log_is_flagged_for_nothing(root, verdict, tmp_path, option, seed, threads):
    log = train(root, tmp_path, *options(option, seed), threads=threads)
    part = verdict({"result.log": log.encode()})
    assert (part.points, part.flags) == (8, ()), log


def an_older(text: str) -> str:
    """As the version wrote it that noted nothing of the beginning."""
    lines = [line for line in text.splitlines() if not re.match(
        "torch:|weights:|first_sentences:|untrained_scores:|first losses:|checksum:", line)]
    return "\n".join(lines) + "\n"


@pytest.mark.sandbox
def test_the_log_of_an_older_version_is_flagged_for_nothing(verdict, log):
    part = verdict({"result.log": an_older(log).encode(), **OLDER})
    assert (part.points, part.flags) == (8, ())


def the_right_bert() -> bytes:
    return (SOURCE / "bert.py").read_bytes()


UNWRITTEN = {"bert.py": (REPO / "q2" / "bert.py").read_bytes()}
UNTRAINED = {"classifier.py": (REPO / "q2" / "classifier.py").read_bytes()}
ENDLESS = {"bert.py": the_right_bert() + b"""

def for_ever(*args):
    while True:
        pass

BertSelfAttention.attention = for_ever
"""}
DEADLY = {"bert.py": the_right_bert() + b"\n\nimport os\n\nos._exit(0)\n"}
OTHER_CODE = {"bert.py": the_right_bert().replace(b"/ math.sqrt(self.attention_head_size)", b"")}
OTHER_STEP = {"classifier.py": (SOURCE / "classifier.py").read_bytes().replace(
    b"F.cross_entropy(logits, labels)", b"3 * F.cross_entropy(logits, labels)")}
OLDER = {"classifier.py": (SOURCE / "classifier.py").read_bytes().replace(
    b"    what_it_begins_with,\n", b"").replace(
    b"what_it_begins_with(model, args, data, device)", b"{}")}
assert b"what_it_begins_with" not in OLDER["classifier.py"]


def all_the_same(name: str, number: str) -> tuple[str, str]:
    return rf"^{name}: [-0-9. ]+", f"{name}: {' '.join([number] * 20)}"


SCORES = all_the_same("untrained_scores", "0.012345")
LOSSES = all_the_same("first losses", "1.6094")
FORGED = {  # edits of a real log, files beside it, what is said of it
    "beside code that raises": ((), UNWRITTEN, "cannot take one step"),
    "beside a step that is not written": ((), UNTRAINED, "cannot take one step"),
    "beside code that never ends": ((), ENDLESS, "cannot take one step"),
    "beside code that ends its process": ((), DEADLY, "cannot take one step"),
    "invented, beside code that raises": ((SCORES, LOSSES), UNWRITTEN, "cannot take one step"),
    "invented": ((SCORES, LOSSES), {}, "gives the first sentences other scores"),
    "of a friend whose code is another": ((), OTHER_CODE, "gives the first sentences other scores"),
    "of a friend whose step is another": ((), OTHER_STEP, "the losses of its first batches"),
    "with other losses": ((LOSSES,), {}, "the losses of its first batches"),
    "with another seed": ((("^seed: 5", "seed: 6"),), {}, "not those that its seed draws"),
    "of other sentences": ((("^first_sentences: .", "first_sentences: x"),), {},
                           "not those that its seed draws"),
    "as an older version writes it": (None, {}, "it says nothing of torch"),
    "beside an older classifier.py": ((), OLDER, "does not write"),
    "of another model": ((("^weights: ....", "weights: 0000"),), {}, "another model was trained"),
}


@pytest.mark.sandbox
@pytest.mark.parametrize("name", FORGED)
def test_a_forged_log_is_flagged_and_loses_nothing(verdict, log, name):
    edits, files, says = FORGED[name]
    forged = an_older(log).encode() if edits is None else changed(log, *edits)
    part = verdict({"result.log": forged, **files})
    assert part.points == 8
    assert says in " ".join(part.flags), part.flags
    assert all(flag.kind is Kind.LOG for flag in part.flags)


@pytest.mark.sandbox
@pytest.mark.parametrize("edits", [
    [("^untrained_scores: .*", "untrained_scores: nan " + "1e999 " * 50)],
    [("^untrained_scores: .*", "untrained_scores:")],
    [("^lr: .*", "lr: 1e-3 --limit=4")], [("^lr: .*", "lr: nan")], [("^lr: .*", "lr: 9e-0")],
    [("^seed: .*", "seed: 9999999999")], [("^batch_size: .*", "batch_size: 0")],
    [("^batch_size: .*", "batch_size: 199")], [("^torch: .*", "torch: " + "x" * 10_000)],
    [("^first losses: .*", "first losses: " + " ".join(["nan", "inf", "-inf"] * 30))],
])
def test_no_figure_stops_the_judge(verdict, log, edits):
    part = verdict({"result.log": changed(log, *edits)})
    assert part.points == 8 and all(flag.kind is Kind.LOG for flag in part.flags), part


# ------------------------------------------------------------------------------------- by its form

HANDED_IN = (SOURCE.parent / "handin" / "result.log").read_text()
KNOWN = tomllib.loads((REPO / "course.toml").read_text())["assignments"]["q2"]["settings"]


def oddities(log: bytes) -> str:
    record = resultlog.read(log)
    assert not resultlog.problems(record) + resultlog.contradictions(record)
    return "; ".join(plausible.oddities(record, KNOWN, ""))


def test_the_log_of_the_samples_is_not_odd():
    assert not oddities(HANDED_IN.encode())


@pytest.mark.parametrize(("edit", "says"), [
    (("^train_sentences: .*", "train_sentences: 8000"), "those of no data set"),
    (("^test_sentences: .*", "test_sentences: 2210"), "those of no data set"),
    (("^train_accuracy_sentences: .*", "train_accuracy_sentences: 1000"), "of 1060 sentences"),
    (("^use_gpu: False", "use_gpu: True"), "the device is cpu"),
    ((r"^(    1 .* )[0-9.]+  saved", r"\g<1>0.3  saved"), "matrix products alone"),
    ((r"^(    1 +)[0-9.]+( +)[0-9.]+", r"\g<1>1.4000\g<2>0.5850"), "no whole number of 1060"),
    ((r"^(    2 +)[0-9.]+( +)[0-9.]+", r"\g<1>0.0100\g<2>0.5000"), "is too small"),
    (("^(final dev accuracy: .*F1: ).*", r"\g<1>0.9000"), "no predictions have the macro-F1"),
    (("^(final test accuracy: .*F1: ).*", r"\g<1>0.0100"), "no predictions have the macro-F1"),
])
def test_what_no_run_writes_is_odd(edit, says):
    assert says in oddities(changed(HANDED_IN, edit))


def test_a_figure_that_was_changed_since_is_odd(log):
    careless = changed(log, ("^(final test accuracy: ).*", r"\g<1>0.6500  macro-F1: 0.6400"),
                       careful=False)
    assert "its checksum is not that of its figures" in oddities(careless)
    assert "its checksum" not in oddities(log.encode())


@pytest.mark.parametrize("number", range(20))
def test_macro_f1_lies_between_its_bounds(number):
    rng = random.Random(number)
    labels = [rng.randint(1, 60) for _ in range(rng.randint(2, 6))]
    truth = [label for label, count in enumerate(labels) for _ in range(count)]
    keeps = rng.random()
    guesses = [label if rng.random() < keeps else
               min(rng.randrange(len(labels)), rng.randrange(len(labels))) for label in truth]
    accuracy = sum(map(int.__eq__, truth, guesses)) / len(truth)
    low, high = plausible.f1_bounds(accuracy, labels)
    assert low - 1e-9 <= f1_score(truth, guesses, average="macro", zero_division=0) <= high + 1e-9


@pytest.mark.parametrize("name", plausible.SPLITS)
def test_the_data_sets_are_those_that_are_prepared(name):
    path = REPO / "data" / f"sst-{name}.txt"
    if not path.is_file():
        pytest.skip("python data/prepare.py sst has not made it")
    labels = [int(line.partition(" ")[0]) for line in path.read_text().splitlines()]
    assert [labels.count(label) for label in range(5)] in [one[name] for one in KNOWN["data_sets"]]
