"""Inside the reference process: load versions of an exercise (reference, misconceptions), answer.

A version is a folder with the exercise's solved files and its notebook. Several are loaded in one
process; each has its own modules, although they go by the same names.
"""

from __future__ import annotations

import functools
import linecache
import os
import signal
import sys
from contextlib import redirect_stderr, redirect_stdout
from multiprocessing.util import Finalize
from pathlib import Path
from types import ModuleType
from typing import Any, TextIO

import nbformat
import torch
from cachetools import LRUCache
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from autograder.judge.work import runnable_cells
from autograder.kernel import agent, stubs

LOADED = 150  # versions that stay loaded: pairs of misconceptions are many
_loaded: LRUCache[Path, _Version] = LRUCache(LOADED)
_active: _Version | None = None


class _Version:
    """One folder's modules, kept apart from those of other folders."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.local = {path.stem for path in folder.glob("*.py")}
        self.modules: dict[str, ModuleType] = {}
        self.names: dict[str, Any] = {"__name__": "__main__", "get_ipython": _shell}
        self.ran = False

    def enter(self) -> None:
        """Make `import bert` mean this folder's bert.py."""
        global _active
        if _active is not self:
            if _active is not None:
                _active.leave()
            sys.path.insert(0, str(self.folder))
            sys.modules.update(self.modules)
            _active = self
        if not self.ran:
            self._run_notebook()
            self.ran = True

    def leave(self) -> None:
        sys.path.remove(str(self.folder))
        self.modules = {name: sys.modules.pop(name) for name in self.local if name in sys.modules}

    def _run_notebook(self) -> None:
        """Run the given and solved cells; magics go to a shell that runs no commands."""
        for path in sorted(self.folder.glob("*.ipynb")):
            notebook = nbformat.read(path, as_version=4)
            for number, source in enumerate(runnable_cells(notebook, notebook)):
                code = _shell().transform_cell(source)
                place = str(path.with_suffix(f".{number}.ipynb"))  # where errors find their line
                linecache.cache[place] = (len(code), None, code.splitlines(keepends=True), place)
                exec(compile(code, place, "exec"), self.names)


def answer(folder: Path, request: bytes, scratch: str) -> bytes:
    """Answer one request with the version in `folder`; loads it where it is new.

    What notebooks write goes to `scratch`.
    """
    _settle(scratch)
    version = _loaded[folder] = _loaded.get(folder) or _Version(folder)
    with redirect_stdout(_nowhere()), redirect_stderr(_nowhere()):
        version.enter()
        return agent.answer(request, agent.NotebookCode(version.names, folder))


@functools.cache
def _nowhere() -> TextIO:
    """Where all that versions print goes. It stays open: libraries keep what they wrote to first.
    """
    return open(os.devnull, "w", encoding="utf-8")


@functools.cache
def _settle(scratch: str) -> None:
    """Make this process ready, once."""
    torch.set_num_threads(1)
    sys.breakpointhook = _no_breakpoint
    os.chdir(scratch)
    sys.path.append(scratch)
    sys.modules.update(stubs.colab())
    # Once it ends by itself nobody interrupts it: semaphores would be left in the books.
    Finalize(None, signal.signal, (signal.SIGTERM, signal.SIG_IGN), exitpriority=1000)


def _shell() -> Any:
    """This process's only IPython shell, without history and without system commands."""
    quiet = Config({"HistoryManager": {"enabled": False}})
    shell: Any = InteractiveShell.instance(config=quiet)
    shell.system = shell.system_piped = shell.system_raw = lambda command: None
    return shell


def _no_breakpoint(*args: Any, **kwargs: Any) -> None:
    raise RuntimeError("a breakpoint was left in the code")
