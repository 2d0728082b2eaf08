"""Processes of our own, forked from one that has imported what all of them need.

That one is multiprocessing's fork server. It does nothing else and runs no other threads of
Python's; it starts with the first of them, and ends when the process that it is for and all of them
have ended. What they only read, they share with it.
"""

from __future__ import annotations

import functools
import multiprocessing
import os
import signal
from collections.abc import Callable
from multiprocessing.context import ForkServerContext
from typing import Any

from pebble import ProcessPool

from autograder.kernel.isolation import namespaces
from autograder.kernel.scratch import Scratch


def forked_pool(processes: int, initializer: Callable[..., None], *initargs: Any) -> ProcessPool:
    """A pool of such processes, each in this process's environment as it is now."""
    return ProcessPool(processes, initializer=_begin,
                       initargs=(dict(os.environ), initializer, *initargs), context=_context())


@functools.cache
def _folder() -> Scratch:
    """Where the fork server's socket lies: a short path, and cleared away if we are killed."""
    return Scratch("/tmp")


def _context() -> ForkServerContext:
    own = multiprocessing.current_process()._config  # type: ignore[attr-defined]
    own.setdefault("tempdir", str(_folder().path))
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["autograder.judge.worker_preload"])
    return context


def _begin(environment: dict[str, str], initializer: Callable[..., None], *initargs: Any) -> None:
    """Become one of them. Without the fork server nobody would hear how this process ends."""
    namespaces.end_with_parent(signal.SIGTERM)
    os.environ.clear()
    os.environ.update(environment)
    initializer(*initargs)
