"""Stand-ins for what a notebook does elsewhere: Colab's own modules, and training for hours.

The kernel gets this file as text, before the student's cells run. While cells run, loaders give
a few batches only, whatever the notebook asks for; while a probe runs, they give all.
"""

from __future__ import annotations

import copy
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import itertools
import sys
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch

Change = Callable[[Any], None]  # what is done to a module once it has been imported

BATCHES = 2
BATCH_SIZE = 4
_cutting = True


def install(*further: Mapping[str, Change]) -> None:
    """Put everything in its place. A library is changed now, or when it is first imported.

    `further` are changes of libraries beside those of this file, by the modules' names, the first
    of them nearest to the library.
    """
    sys.modules.update(colab())
    changes: dict[str, list[Change]] = {}
    for some in (*further, {"torch.utils.data.dataloader": _cut_loaders,
                            "transformers.trainer": _cut_trainer}):
        for name, change in some.items():
            changes.setdefault(name, []).append(change)
    for name in changes.keys() & sys.modules.keys():
        for change in changes.pop(name):
            change(sys.modules[name])
    sys.meta_path.insert(0, _AfterImport(changes))


class whole:
    """Inside `with whole():` nothing is cut, and numbers are of the kind that probes send.

    A notebook may have made another kind the default for all that it makes itself.
    """

    def __enter__(self) -> None:
        global _cutting
        _cutting = False
        self._kind = torch.get_default_dtype()
        torch.set_default_dtype(torch.float32)

    def __exit__(self, *exc: object) -> None:
        global _cutting
        _cutting = True
        torch.set_default_dtype(self._kind)


def colab() -> dict[str, types.ModuleType]:
    """google.colab as far as coursework calls it: nothing is mounted, sent or fetched."""
    try:
        google = importlib.import_module("google")  # other packages of that name may be there
    except ImportError:
        google = types.ModuleType("google")
        google.__path__ = []
    colab = types.ModuleType("google.colab")
    colab.__path__ = []
    vars(google)["colab"] = colab
    found = {"google": google, "google.colab": colab}
    nothing: dict[str, Callable[..., Any]] = {"mount": _nothing, "flush_and_unmount": _nothing}
    for name, functions in {
        "drive": nothing,
        "files": {"upload": lambda *args, **kwargs: {}, "download": _nothing, "view": _nothing},
        "output": {"clear": _nothing, "eval_js": _nothing},
        "userdata": {"get": lambda name: ""},
        "auth": {"authenticate_user": _nothing},
    }.items():
        module = types.ModuleType(f"google.colab.{name}")
        vars(module).update(functions)
        setattr(colab, name, module)
        found[module.__name__] = module
    for name, module in found.items():  # others ask importlib whether they are on Colab
        module.__spec__ = module.__spec__ or importlib.machinery.ModuleSpec(name, None)
    return found


def _nothing(*args: Any, **kwargs: Any) -> None:
    """What is done while grading: nothing."""


class _AfterImport(importlib.abc.MetaPathFinder):
    """Calls a function with a module once it has been imported."""

    def __init__(self, changes: dict[str, list[Change]]) -> None:
        self._changes = changes

    def find_spec(self, name: str, path: Sequence[str] | None,
                  target: types.ModuleType | None = None
                  ) -> importlib.machinery.ModuleSpec | None:
        changes = self._changes.pop(name, None)
        if changes is None:
            return None
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            spec.loader = _Changing(spec.loader, changes)
        return spec


class _Changing(importlib.abc.Loader):
    """Another loader, and changes to what it loaded."""

    def __init__(self, loader: Any, changes: list[Change]) -> None:
        self._loader = loader
        self._changes = changes

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType | None:
        module: types.ModuleType | None = self._loader.create_module(spec)
        return module

    def exec_module(self, module: types.ModuleType) -> None:
        self._loader.exec_module(module)
        loaded = sys.modules.get(module.__name__, module)  # some put another in their place
        for change in self._changes:
            change(loaded)


def _cut_loaders(module: Any) -> None:
    """A DataLoader gives at most BATCHES batches while cells run."""
    loader = module.DataLoader
    every = loader.__iter__

    def few(self: Any) -> Iterator[Any]:
        batches = every(self)
        return itertools.islice(batches, BATCHES) if _cutting else batches

    loader.__iter__ = few


def _cut_trainer(module: Any) -> None:
    """The library's Trainer takes BATCHES small steps while cells run; its arguments stay."""
    train = module.Trainer.train

    def shortly(self: Any, *args: Any, **kwargs: Any) -> Any:
        if not _cutting:
            return train(self, *args, **kwargs)
        whole, size = self.args, self._train_batch_size
        self.args = copy.copy(whole)
        self.args.max_steps, self.args.gradient_accumulation_steps = BATCHES, 1
        self._train_batch_size = min(size, BATCH_SIZE)
        try:
            return train(self, *args, **kwargs)
        finally:
            self.args, self._train_batch_size = whole, size

    module.Trainer.train = shortly
