"""result.log: what is written can be read, and what was not written by the program is refused."""

import codecs
import math
import random
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "autograder" / "exercises" / "q2" / "source"
sys.path.insert(0, str(SOURCE))

from utils import EpochResult, InputError, ResultLog, Scores, read_result_log  # noqa: E402

SETTINGS = {
    "option": "finetune",
    "epochs": 2,
    "lr": 1e-05,
    "seed": 11711,
    "checkpoint": "google-bert/bert-base-uncased",
    "device": "Tesla T4",
    "train": "data/a: b.txt",
    "limit": None,
}
EPOCHS = [
    EpochResult(1, 1.4523, 0.5213, 0.4414, 58.2, saved=True),
    EpochResult(2, 1.2, 0.6, 0.4405, 1057.9, saved=False),
]
DEV, TEST = Scores(0.4414, 0.4301), Scores(0.45, 0.438)


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "result.log"


@pytest.fixture
def text(path) -> str:
    """The log of a whole run."""
    with ResultLog(path, SETTINGS) as log:
        for epoch in EPOCHS:
            log.add_epoch(epoch)
    with ResultLog.reopen(path) as log:
        log.finish(dev=DEV, test=TEST)
    return path.read_text(encoding="utf-8")


def test_what_is_written_is_read(path, text):
    for source in (path, str(path), text, text.replace("\n", "\r\n"), text.rstrip() + "\n"):
        record = read_result_log(source)
        assert record.settings == {name: str(value) for name, value in SETTINGS.items()}
        assert record.epochs == EPOCHS
        assert (record.dev, record.test) == (DEV, TEST)
        assert record.status == "complete"


def test_the_lines_are_as_documented(text):
    lines = text.splitlines()
    assert lines[0] == "minBERT result.log, version 1"
    assert "    1      1.4523     0.5213   0.4414     58.2  saved" in lines
    assert "    2      1.2000     0.6000   0.4405   1057.9" in lines
    assert lines[-3:] == [
        "final dev accuracy: 0.4414  macro-F1: 0.4301",
        "final test accuracy: 0.4500  macro-F1: 0.4380",
        "status: complete",
    ]


def test_each_line_is_in_the_file_at_once(path):
    log = ResultLog(path, SETTINGS)
    assert read_result_log(path).epochs == []
    log.add_epoch(EPOCHS[0])
    record = read_result_log(path)
    assert record.epochs == EPOCHS[:1]
    assert record.status is None


def test_a_new_run_overwrites_the_log(path, text):
    ResultLog(path, SETTINGS | {"epochs": 7})
    assert read_result_log(path).settings["epochs"] == "7"
    assert read_result_log(path).status is None


@pytest.mark.parametrize(
    ("error", "status"),
    [(KeyboardInterrupt, "interrupted in epoch 2"), (RuntimeError, "failed in epoch 2")],
)
def test_a_run_that_stops_leaves_what_it_has_done(path, error, status):
    with pytest.raises(error), ResultLog(path, SETTINGS) as log:
        log.add_epoch(EPOCHS[0])
        raise error
    record = read_result_log(path)
    assert record.epochs == EPOCHS[:1]
    assert record.status == status


def test_a_run_stopped_after_training_says_so(path):
    with ResultLog(path, SETTINGS) as log:
        log.add_epoch(EPOCHS[0])
    with pytest.raises(KeyboardInterrupt), ResultLog.reopen(path):
        raise KeyboardInterrupt
    assert read_result_log(path).status == "interrupted in the final evaluation"


def test_a_closed_log_is_not_reopened(path, text):
    with pytest.raises(InputError, match=r"is closed \(complete\): train again"):
        ResultLog.reopen(path)


def test_losses_that_are_wrong_are_read_all_the_same(path):
    losses = [-3.5, math.nan, math.inf, -math.inf]
    log = ResultLog(path, SETTINGS)
    for number, loss in enumerate(losses, start=1):
        log.add_epoch(EpochResult(number, loss, 0.2, 0.2, 1.0, saved=number == 1))
    assert [repr(e.train_loss) for e in read_result_log(path).epochs] == [repr(x) for x in losses]


def test_a_setting_of_two_lines_becomes_one(path):
    ResultLog(path, SETTINGS | {"train": "a\nstatus: complete"})
    record = read_result_log(path)
    assert record.settings["train"] == "a status: complete"
    assert record.status is None


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("version 1", "version 2", r"Line 1 is 'minBERT result.log, version 2'; expected 'minBERT"),
        ("seed: 11711\n", "", "Above line 11 there is no setting seed"),
        ("limit: None", "seed: 1", "Line 10 gives seed a second time"),
        ("option: finetune", "I trained it well", r"Line 3 is 'I trained it well'; expected a set"),
        ("epoch  train loss", "epoch  loss", "Line 12 is 'epoch  loss .* expected a setting"),
        ("    2   ", "    3   ", "Line 14 is epoch 3; expected epoch 2"),
        ("0.4405", "0.44", "Line 14 is .*; expected an epoch, a final line, a status"),
        ("0.4405", "2.4405", "Line 14 is .*; expected an epoch"),
        ("0.4405", "٠.4405", "Line 14 is .*; expected an epoch"),
        ("1.2000", "1e0", "Line 14 is .*; expected an epoch"),
        ("final dev accuracy: 0.4414  macro-F1: 0.4301\n", "", "Line 17 says complete, but"),
        ("macro-F1: 0.4301", "macro-F1: very good", "Line 16 is 'final dev"),
        ("status: complete", "status: perfect", "Line 18 is 'status: perfect'"),
        ("complete\n", "complete\nand more\n", "Line 19 is 'and more'; expected the end"),
    ],
)
def test_what_the_program_does_not_write_is_refused(text, old, new, says):
    assert old in text
    with pytest.raises(ValueError, match=says):
        read_result_log(text.replace(old, new))


def test_a_log_cut_above_its_table_is_refused(text):
    head = text[: text.index("epoch  train loss")]
    with pytest.raises(
        ValueError, match="The log ends after line 10; expected a setting or 'epoch"
    ):
        read_result_log(head)
    with pytest.raises(ValueError, match="The log ends after line 0; expected 'minBERT"):
        read_result_log("\n")


def test_files_that_are_no_log_are_refused(tmp_path):
    path = tmp_path / "picture.png"
    path.write_bytes(b"minBERT result.log, version 1\n\n\xff\xd8")
    with pytest.raises(ValueError, match=r"Line 3 is '\ufffd\ufffd'; expected a setting"):
        read_result_log(path)
    path.write_bytes(b"a" * 1_000_001)
    with pytest.raises(ValueError, match="larger than 1,000,000 bytes"):
        read_result_log(path)


BARS = ["epoch 1/2:   0%|          | 0/8 [00:00<?, ?batch/s]\r", "epoch 1/2: 100%|#####| 8/8\r\r"]
PROMPTS = [
    "PS C:\\Users\\me\\q2> type result.log", "C:\\q2>type result.log", "$ cat result.log",
    "(base) me@laptop:~/nlp/q2$ cat result.log", "me@laptop q2 % cat result.log", "> ",
    "(.venv) PS D:\\nlp course\\q2>", "root@b2c3:/content/q2# cat result.log", "% ", ">>> ",
]
CHANGES = {  # what editors and terminals make of a log's text
    "nothing": lambda text, rng: text,
    "CRLF": lambda text, rng: text.replace("\n", "\r\n"),
    "CRCRLF": lambda text, rng: text.replace("\n", "\r\r\n"),
    "CR alone": lambda text, rng: text.replace("\n", "\r"),
    "no last line end": lambda text, rng: text.rstrip("\n"),
    "blank lines": lambda text, rng: "\n\n" + text.replace("\n", "\n\n"),
    "colours": lambda text, rng: "".join(
        f"\x1b[{rng.randrange(108)}m{line}\x1b[0m\x1b[K" for line in text.splitlines(True)),
    "links": lambda text, rng: text.replace("saved", "\x1b]8;;file\x07saved\x1b]8;;\x07"),
    "progress bars": lambda text, rng: text.replace("\n    1  ", "\n" + "".join(BARS) + "    1  "),
    "bars on lines of their own": lambda text, rng: text.replace("\n    2", f"\n{BARS[0]}\n    2"),
    "prompts": lambda text, rng: f"{rng.choice(PROMPTS)}\n{text}\n{rng.choice(PROMPTS)}",
    "hard spaces": lambda text, rng: text.replace("  ", "\u00a0 "),
    "spaces at the ends": lambda text, rng: text.replace("\n", "  \n"),
    "an end-of-file mark": lambda text, rng: text + "\x1a",
}
ENCODINGS = {
    "utf-8": b"", "utf-8 with its mark": codecs.BOM_UTF8, "utf-16-le": codecs.BOM_UTF16_LE,
    "utf-16-be": codecs.BOM_UTF16_BE, "utf-16-le ": b"", "utf-16-be ": b"",
    "utf-32-le": codecs.BOM_UTF32_LE, "utf-32-be": codecs.BOM_UTF32_BE,
}


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("change", CHANGES)
def test_what_editors_and_terminals_add_is_overlooked(path, text, change, encoding):
    rng = random.Random(f"{change} {encoding}")
    changed = CHANGES[change](text, rng).encode(encoding.split()[0].rstrip())
    content = ENCODINGS[encoding] + changed
    path.write_bytes(content)
    for source in (content, path):
        record = read_result_log(source)
        assert record == read_result_log(text), content[:200]


@pytest.mark.parametrize("number", range(20))
def test_several_changes_at_once_are_overlooked(text, number):
    rng = random.Random(number)
    names = [name for name in CHANGES if name not in ("CR alone", "CRLF", "CRCRLF")]
    changed = text
    for name in rng.sample(names, 4):
        changed = CHANGES[name](changed, rng)
    changed = CHANGES[rng.choice(["nothing", "CRLF", "CRCRLF"])](changed, rng)
    encoding, mark = rng.choice([pair for pair in ENCODINGS.items() if pair[1]])
    content = mark + changed.encode(encoding.split()[0])
    assert read_result_log(content) == read_result_log(text)


def test_a_note_between_the_lines_is_not_overlooked(text):
    for note in ("# my best run", "$ 0.6", "100%", "epoch 3 was better"):
        with pytest.raises(ValueError, match="Line"):
            read_result_log(text.replace("\nseed", f"\n{note}\nseed"))
