"""What the fork server imports (workers.py), and nobody else.

All of it is slow to import, and none of it looks at the environment, as the libraries of models do.
"""

from __future__ import annotations

import atexit
import gc
import os

import autograder.judge.grading
import autograder.judge.reference_process  # noqa: F401

gc.collect()
gc.freeze()  # what is here stays shared between all that is forked
atexit.register(os._exit, 0)  # nothing is left to do; taking the libraries down would take .6 s
