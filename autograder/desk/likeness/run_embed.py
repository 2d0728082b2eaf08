"""Calls a course's `embed`, in a process of its own: python -P run_embed.py FILE TEXTS VECTORS.

It imports nothing of the kit, which would take longer than many an `embed`.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np


def main(file: str, texts: str, vectors: str) -> None:
    """Write what FILE's `embed` gives for the texts in a JSON file to a file of numpy's."""
    spec = importlib.util.spec_from_file_location("course_embedding", file)
    if spec is None or spec.loader is None:
        sys.exit(f"{file} is no Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if not callable(getattr(module, "embed", None)):
        sys.exit("it has no function `embed`")
    made = np.asarray(module.embed(json.loads(Path(texts).read_text())), dtype=np.float32)
    np.save(vectors, made, allow_pickle=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
