"""Small helpers shared by the programs of this exercise, and result.log: its writer, its reader."""

import re
import types
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import torch
from torch import Tensor


class InputError(ValueError):
    """Something asked for is not there or does not fit. Its message is a sentence for the user."""


def locate(path: str) -> str:
    """`path` if it exists; else the same path seen from the folder above this one, if that does.

    So `data/sst-train.txt` means the same from q2/ and from the folder that holds q2/ and data/.
    A path found in neither place comes back as it was.
    """
    from_above = Path(__file__).resolve().parent.parent / path
    return str(from_above) if from_above.exists() and not Path(path).exists() else path


def get_extended_attention_mask(attention_mask: Tensor, dtype: torch.dtype) -> Tensor:
    """Turn a mask of 1 (token) and 0 (padding), [B, T], into one to add to attention scores.

    Returns [B, 1, 1, T] of type `dtype`: 0 for a token, -10000 for padding. The two axes of
    length 1 stand for the heads and the queries, which all see the same keys.
    """
    if attention_mask.dim() != 2:
        raise InputError(
            f"An attention mask of shape [B, T] is expected, found {list(attention_mask.shape)}."
        )
    return (1.0 - attention_mask[:, None, None, :].to(dtype)) * -10000.0


def unwritten(error: NotImplementedError) -> str:
    """A sentence that names the function whose body `error` says is still to be written."""
    step = error.__traceback__
    while step is not None and step.tb_next is not None:
        step = step.tb_next
    if step is None:
        return "A part of this exercise is not written yet."
    code: types.CodeType = step.tb_frame.f_code
    return (
        f"{code.co_qualname} in {Path(code.co_filename).name} is not written yet: put your code "
        f'in the place of "raise NotImplementedError()" in line {step.tb_lineno}.'
    )


@dataclass(frozen=True)
class EpochResult:
    """A line of the table in result.log: one epoch of training."""

    epoch: int  # from 1
    train_loss: float  # mean over the training sentences, in nats
    train_accuracy: float  # 0 to 1
    dev_accuracy: float
    seconds: float  # of training, without the evaluations
    saved: bool  # the model was saved after it: a new best dev accuracy

    def __str__(self) -> str:
        figures = (
            f"{self.epoch:5d}  {self.train_loss:10.4f}  {self.train_accuracy:9.4f}"
            f"  {self.dev_accuracy:7.4f}  {self.seconds:7.1f}"
        )
        return figures + "  saved" * self.saved


@dataclass(frozen=True)
class Scores:
    """What a model reaches on one file, each 0 to 1."""

    accuracy: float
    macro_f1: float

    def __str__(self) -> str:
        return f"{self.accuracy:.4f}  macro-F1: {self.macro_f1:.4f}"


@dataclass
class ResultLogRecord:
    """What a result.log says. `dev`, `test` and `status` are None until the run gets there.

    Logs of older versions have neither first losses nor a checksum.
    """

    settings: dict[str, str] = field(default_factory=dict)
    epochs: list[EpochResult] = field(default_factory=list)
    dev: Scores | None = None
    test: Scores | None = None
    status: str | None = None  # "complete", "interrupted in epoch 3", "failed in epoch 1", ...
    first_losses: list[float] = field(default_factory=list)  # of the first batches
    checksum: str | None = None

    def sum_up(self) -> str:
        """The checksum of these figures: 8 hexadecimal digits, whatever an editor does to spaces.

        It shows a slip: a figure that was changed since the run wrote it down.
        """
        settings = (f"{name}: {value}" for name, value in self.settings.items())
        losses = (f"{loss:.4f}" for loss in self.first_losses)
        lines = [*settings, *losses, *map(str, self.epochs), str(self.dev), str(self.test)]
        return f"{zlib.crc32(re.sub('[^!-~]', '', ' '.join(lines)).encode()):08x}"


TITLE = "minBERT result.log, version 1"
TABLE = "epoch  train loss  train acc  dev acc  seconds  saved"
REQUIRED_SETTINGS = ("checkpoint", "device", "epochs", "lr", "option", "seed")
MAX_BYTES = 1_000_000  # far more than any run writes

_SHARE = r"([01]\.[0-9]{4})"
_LOSS = r"(-?[0-9]+\.[0-9]{4}|nan|-?inf)"
_SETTING = r"([a-z_0-9]+): ?(.*)"
_EPOCH = rf" *([0-9]{{1,6}}) +{_LOSS} +{_SHARE} +{_SHARE} +([0-9]+\.[0-9])( +saved)?"
_FINAL = rf"final FILE accuracy: {_SHARE}  macro-F1: {_SHARE}"
_FIRST_LOSSES = rf"first losses: ({_LOSS}(?: {_LOSS})*)"
_CHECKSUM = r"checksum: ([0-9a-f]{8})"
_STATUS = r"status: (complete|(?:interrupted|failed) in (?:epoch [0-9]+|the final evaluation))"


class ResultLog:
    """Writes result.log, each line at once, so that a run that stops leaves what it has done.

    Use it in a `with` statement: if that is left by an exception (Ctrl-C is one), the last line
    says in which epoch.

        with ResultLog("result.log", settings) as log:
            log.add_epoch(EpochResult(...))
        with ResultLog.reopen("result.log") as log:
            log.finish(dev=Scores(0.41, 0.38), test=Scores(0.43, 0.40))
    """

    def __init__(self, path: str | Path, settings: Mapping[str, object]) -> None:
        """Begin a new log; one that stands at `path` is overwritten."""
        self._path, self._where = Path(path), "epoch 1"
        self._path.unlink(missing_ok=True)
        lines = [f"{name}: {value}".replace("\n", " ") for name, value in settings.items()]
        self._write("\n".join([TITLE, "", *lines, "", TABLE]))

    @classmethod
    def reopen(cls, path: str | Path) -> Self:
        """Go on with the log of a training that has ended, to write the final figures.

        Raises ValueError if the log is damaged or already closed by a status.
        """
        record = read_result_log(Path(path))
        if record.status is not None:
            raise InputError(f"{path} is closed ({record.status}): train again to begin a new one.")
        log = cls.__new__(cls)
        log._path, log._where = Path(path), "the final evaluation"
        return log

    def add_first_losses(self, losses: list[float]) -> None:
        """Write the losses of the first batches, above the first epoch's line."""
        self._write(f"first losses: {' '.join(f'{loss:.4f}' for loss in losses)}")

    def add_epoch(self, result: EpochResult) -> None:
        """Write the line of an epoch."""
        self._write(str(result))
        self._where = f"epoch {result.epoch + 1}"

    def finish(self, dev: Scores, test: Scores) -> None:
        """Write the final figures, those of the best epoch's model, and end the log."""
        record = read_result_log(self._path)
        record.dev, record.test = dev, test
        self._write(
            f"checksum: {record.sum_up()}\n"
            f"final dev accuracy: {dev}\nfinal test accuracy: {test}\nstatus: complete"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            how = "interrupted" if issubclass(kind, KeyboardInterrupt) else "failed"
            self._write(f"\nstatus: {how} in {self._where}")

    def _write(self, text: str) -> None:
        with self._path.open("a", encoding="utf-8", newline="\n") as file:
            file.write(text + "\n")


def read_result_log(source: str | bytes | Path) -> ResultLogRecord:
    """Read a result.log, given as a path, as its content or as its text (several lines).

    The log of a run that goes on, or was killed, is read as far as it goes. Raises ValueError with
    a sentence that names the first line that is not as the program writes it.
    """
    lines = _Lines(_text_of(source))
    lines.need(re.escape(TITLE), f"{TITLE!r}")
    record = ResultLogRecord(_take_settings(lines))
    if match := lines.take(_FIRST_LOSSES):
        record.first_losses = [float(loss) for loss in match[1].split()]
    record.epochs = _take_epochs(lines)
    if match := lines.take(_CHECKSUM):
        record.checksum = match[1]
    for name in ("dev", "test"):
        if match := lines.take(_FINAL.replace("FILE", name)):
            setattr(record, name, Scores(float(match[1]), float(match[2])))
    if match := lines.take(_STATUS):
        record.status = match[1]
    if lines.left:
        raise lines.unexpected("the end" if record.status else "an epoch, a final line, a status")
    if record.status == "complete" and not (record.dev and record.test):
        raise ValueError(f"Line {lines.number} says complete, but a final accuracy is missing.")
    return record


def _take_settings(lines: "_Lines") -> dict[str, str]:
    settings: dict[str, str] = {}
    while match := lines.take(_SETTING):
        if match[1] in settings:
            raise ValueError(f"Line {lines.number} gives {match[1]} a second time.")
        settings[match[1]] = match[2]
    lines.need(re.escape(TABLE), f"a setting or {TABLE!r}")
    if missing := [name for name in REQUIRED_SETTINGS if name not in settings]:
        raise ValueError(f"Above line {lines.number} there is no setting {', '.join(missing)}.")
    return settings


def _take_epochs(lines: "_Lines") -> list[EpochResult]:
    epochs: list[EpochResult] = []
    while match := lines.take(_EPOCH):
        number, *figures, saved = match.groups()
        if int(number) != len(epochs) + 1:
            raise ValueError(
                f"Line {lines.number} is epoch {number}; expected epoch {len(epochs) + 1}."
            )
        epochs.append(EpochResult(int(number), *map(float, figures), saved=saved is not None))
    return epochs


class _Lines:
    """The lines of a log that are not blank, taken one after the other."""

    def __init__(self, text: str) -> None:
        numbered = enumerate((line.rstrip() for line in text.split("\n")), start=1)
        self.left = [(number, line) for number, line in numbered if line]
        self.number = 0  # of the line taken last

    def take(self, pattern: str) -> re.Match[str] | None:
        """Take the next line if it has the form `pattern`, otherwise leave it."""
        match = re.fullmatch(pattern, self.left[0][1]) if self.left else None
        if match:
            self.number, _ = self.left.pop(0)
        return match

    def need(self, pattern: str, name: str) -> None:
        """Take the next line, which must have the form `pattern`."""
        if not self.take(pattern):
            raise self.unexpected(name)

    def unexpected(self, expected: str) -> ValueError:
        """What to raise where the next line is not the one that is due."""
        if not self.left:
            return ValueError(f"The log ends after line {self.number}; expected {expected}.")
        number, line = self.left[0]
        return ValueError(f"Line {number} is {line[:80]!r}; expected {expected}.")


def _text_of(source: str | bytes | Path) -> str:
    if isinstance(source, str) and "\n" in source:
        return plain_text(source)
    if isinstance(source, bytes):
        content, name = source, "result.log"
    else:
        with open(source, "rb") as file:
            content, name = file.read(MAX_BYTES + 1), str(source)
    if len(content) > MAX_BYTES:
        raise ValueError(f"{name} is larger than {MAX_BYTES:,} bytes; no run writes that.")
    return plain_text(content.decode(_encoding(content), errors="replace"))


def _encoding(content: bytes) -> str:
    """UTF-8 but where an editor or PowerShell made it another: by its mark or its zeros."""
    if content.startswith((b"\xff\xfe\0\0", b"\0\0\xfe\xff")):
        return "utf-32"
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    return {0: "utf-16-be", 1: "utf-16-le"}.get(content[:2].find(b"\0"), "utf-8")


def plain_text(text: str) -> str:
    """The lines of a log as the program wrote them.

    Editors and terminals add to them: marks of the encoding, other line ends, colours, and what a
    progress bar wrote over; a copy from a terminal holds the prompts before and after it, too.
    """
    text = _COLOUR.sub("", text.replace("\ufeff", "").replace("\u00a0", " ")).strip("\0\x1a")
    text = re.sub(r"\r+\n", "\n", text)
    if "\n" not in text:
        text = text.replace("\r", "\n")
    lines = [line.rstrip().rpartition("\r")[2] for line in text.split("\n")]
    written = [i for i, line in enumerate(lines) if line and not _PROMPT.fullmatch(line)]
    first, last = (written[0], written[-1]) if written else (0, len(lines))
    return "\n".join("" if i < first or i > last or _BAR.search(line) else line
                     for i, line in enumerate(lines))


_COLOUR = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07]*\x07")
_BAR = re.compile(r"\d%\|.*\|")
_PROMPT = re.compile(  # of PowerShell and cmd, of a shell with its user or folder, of a bare one
    r"(\([\w.-]+\) *)?(PS [^>]*>|[A-Za-z]:\\[^>]*>|\S*[@~/]\S*( \S+)? ?[$%#]|[$%>]|>>>)( .*)?"
)
