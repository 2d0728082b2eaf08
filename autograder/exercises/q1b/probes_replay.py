"""The probe of q1b that repeats the first steps of a training, with the person's own code.

Pictures are painted when a batch wants them: until then an example has its caption, and a picture
of one pixel that says which creature it is.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

from IPython.core.inputtransformer2 import TransformerManager

SECONDS = 2.7  # of processor time; a batch that would end after them is not waited for


class _Enough(BaseException):
    """As many batches as were asked for are noted: the training need not go on."""


def first_steps(code: Any, cells: list[str], count: int) -> str:
    """What the notebook's `FirstBatches` says of the first batches, where these cells are run.

    They make the data, load the model and train; empty where they do not come to a training.
    """
    noted: list[str] = []
    end = time.process_time() + SECONDS

    class Few(code.FirstBatches):  # type: ignore[misc]
        def __init__(self, model: Any, epoch: int) -> None:
            super().__init__(model, epoch)
            self.count = min(self.count, count)
            self.began = time.process_time()  # with the batch that is trained on

        def after(self, *args: Any) -> None:
            super().after(*args)
            now = time.process_time()
            took, self.began = now - self.began, now
            if len(self.batches) == self.count or (self.batches and now + took > end):
                noted.append(self.tell())
                raise _Enough

    with _as_before(code.FirstBatches.__init__.__globals__) as names, _elsewhere(), (
            contextlib.redirect_stdout(io.StringIO())), contextlib.redirect_stderr(io.StringIO()):
        import creatures

        painted: list[int] = []
        with mock.patch.object(creatures, "draw_set", _tiny_set(creatures, painted)):
            names["FirstBatches"] = Few
            names["Captions"] = _painted_late(code.Captions, creatures, painted)
            *before, last = map(TransformerManager().transform_cell, cells)
            for cell in before:  # where one fails that is needed, the last one will tell
                with contextlib.suppress(Exception):
                    exec(cell, names)
            with contextlib.suppress(_Enough):
                exec(last, names)
    return noted[0] if noted else ""


@contextlib.contextmanager
def _as_before(names: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The names of the notebook, which afterwards mean what they meant."""
    before = dict(names)
    try:
        yield names
    finally:
        names.clear()
        names.update(before)


@contextlib.contextmanager
def _elsewhere() -> Iterator[None]:
    """A folder of its own for the data set, and one for what the library makes of it."""
    import datasets

    home = os.getcwd()
    with TemporaryDirectory() as folder, TemporaryDirectory() as cache, mock.patch.object(
            datasets.config, "HF_DATASETS_CACHE", Path(cache)):
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(home)


def _tiny_set(creatures: Any, painted: list[int]) -> Any:
    """`draw_set` without its pictures; `painted` gets the creatures' seeds."""
    from PIL import Image

    def tiny_set(place: Any, count: int = 400, seed: int = 2026) -> Path:
        os.makedirs(place, exist_ok=True)
        painted[:] = [creatures.seed_of(seed, at) for at in range(count)]
        with open(f"{place}/metadata.jsonl", "w") as listing:
            for at, number in enumerate(painted):
                picture = Image.new("RGB", (1, 1), (at >> 16, at >> 8 & 255, at & 255))
                picture.save(f"{place}/{at:06}.png")
                told = {"file_name": f"{at:06}.png", "text": creatures.imagine(number).caption}
                print(json.dumps(told), file=listing)
        return Path(place)

    return tiny_set


def _painted_late(captions: Any, creatures: Any, painted: list[int]) -> Any:
    """The notebook's `Captions`, which prepares an example when it is asked for."""

    class Late(captions):  # type: ignore[misc]
        def __init__(self, examples: Any, processor: Any, max_patches: int) -> None:
            self.examples, self.processor, self.max_patches = examples, processor, max_patches

        def __len__(self) -> int:
            return len(self.examples)

        def __getitem__(self, index: int) -> Any:
            example = self.examples[index]
            return self.prepare({name: self._picture(value) for name, value in example.items()})

        def _picture(self, value: Any) -> Any:
            if not hasattr(value, "getpixel"):
                return value
            red, green, blue = value.convert("RGB").getpixel((0, 0))
            number = painted[red << 16 | green << 8 | blue]
            return creatures.paint(creatures.imagine(number), number)

    return Late
