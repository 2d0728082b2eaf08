"""What a notebook came back with: the losses that training printed, and the curves' figure."""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from nbformat import NotebookNode

LINE = re.compile(r"epoch (\d+): training loss (\S+), validation loss (\S+)")
DRAWS_LOSSES = re.compile(r"\bplot\(")  # `trainer.plot()`, or a plot of one's own
PNG = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class Losses:
    """Mean losses of the last training, one an epoch."""

    train: tuple[float, ...] = ()
    valid: tuple[float, ...] = ()

    @property
    def finite(self) -> bool:
        return all(map(math.isfinite, self.train + self.valid))

    def oddities(self) -> Iterator[str]:
        """What no training shows as a rule, and a person should look at."""
        if self.train == self.valid:
            yield "training and validation losses are identical"
        for name, losses in (("training", self.train), ("validation", self.valid)):
            if len(losses) > 1 and len(set(losses)) == 1:
                yield f"the {name} loss is the same in every epoch"
            if any(loss <= 0 for loss in losses):
                yield f"a {name} loss is zero or below"
        if len(self.valid) > 1 and self.valid[-1] > self.valid[0]:
            yield "the validation loss rises from the first to the last epoch"


def losses(notebook: NotebookNode) -> Losses:
    """The losses of the last training that some cell of the notebook printed; empty if none did."""
    rows: list[tuple[float, float]] = []
    for cell in notebook.cells:
        for number, train, valid in LINE.findall(_printed(cell)):
            if int(number) == 1:
                rows = []
            rows.append((_number(train), _number(valid)))
    return Losses(*map(tuple, zip(*rows, strict=True))) if rows else Losses()


def figures(notebook: NotebookNode) -> list[bytes]:
    """The PNG pictures that cells which plot came back with."""
    found = (picture for cell in notebook.cells if DRAWS_LOSSES.search(cell.source)
             for picture in _pictures(cell))
    return [picture for picture in found if picture.startswith(PNG)]


def _printed(cell: NotebookNode) -> str:
    return "".join("".join(output.get("text", "")) for output in cell.get("outputs", []))


def _pictures(cell: NotebookNode) -> Iterator[bytes]:
    for output in cell.get("outputs", []):
        text = "".join(output.get("data", {}).get("image/png", ""))
        try:
            yield base64.b64decode(text)
        except (binascii.Error, ValueError):
            continue


def _number(text: str) -> float:
    """A printed number; what is none counts as not finite."""
    try:
        return float(text)
    except ValueError:
        return math.nan
