"""Vectors of answers by the course's own `embed`, which course.toml names, each computed once.

    [desk]
    embed = "autograder/exercises/q2/embedding.py"

The file's function `embed(texts)` gives a row of numbers for each text. It runs in a process of its
own (run_embed.py), so that the desk never holds its model, and what fails there is a sentence here.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import zipfile
import zlib
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from autograder.course import Course
from autograder.desk.likeness.distances import Matrix
from autograder.files import replacing
from autograder.text import printable, sentence

PROGRAM = Path(__file__).with_name("run_embed.py")
PATIENCE = 900  # seconds for one run
KEPT = 20_000  # vectors in the cache, the latest
CACHE = "answer-vectors.npz"  # in course.build
DAMAGED = (OSError, ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile, zlib.error)


class EmbeddingError(Exception):
    """The course's `embed` gave no vectors; the message is a sentence."""


class Embedder:
    """The course's `embed`, with what it gave before in a file. Several threads may call it."""

    def __init__(self, path: Path, cache: Path) -> None:
        self.path, self.cache = path, cache
        self._lock = threading.Lock()

    @classmethod
    def of(cls, course: Course) -> Embedder | None:
        """The one that course.toml names, if it names one."""
        name = course.toml.desk.embed
        return cls(course.root / name, course.build / CACHE) if name else None

    def __call__(self, texts: Sequence[str]) -> Matrix:
        """The texts' vectors, [n, d], each of length 1 (0 where `embed` gave zeros).

        Raises EmbeddingError, saying what is wrong with the file or what it gave.
        """
        with self._lock:
            named = self._digests(texts)
            known = self._read()
            new = {digest: text for digest, text in named if digest not in known}
            if new:
                made = self._run(list(new.values()))
                if known and made.shape[1] != next(iter(known.values())).size:
                    raise EmbeddingError(f"{self.path.name} gave vectors of another length than "
                                         f"before: delete {self.cache}")
                known |= dict(zip(new, made, strict=True))
                self._write(known)
            return np.stack([known[digest] for digest, _ in named]).astype(np.float64)

    def _digests(self, texts: Sequence[str]) -> list[tuple[str, str]]:
        """Each text with a hash of itself and of the file that makes vectors of it."""
        try:
            version = sha256(self.path.read_bytes()).digest()
        except OSError as error:
            raise EmbeddingError(f"{self.path} cannot be read: {error.strerror}") from None
        return [(sha256(version + text.encode("utf-8", "replace")).hexdigest(), text)
                for text in texts]

    def _read(self) -> dict[str, NDArray[np.float32]]:
        """The vectors of before; none where the file is missing, or is damaged."""
        try:
            with np.load(self.cache, allow_pickle=False) as file:
                return dict(zip(file["digests"].tolist(), file["vectors"], strict=True))
        except DAMAGED:
            return {}

    def _write(self, known: dict[str, NDArray[np.float32]]) -> None:
        kept = list(known.items())[-KEPT:]
        with replacing(self.cache) as partial, open(partial, "wb") as file:
            np.savez(file, digests=np.array([digest for digest, _ in kept]),
                     vectors=np.stack([vector for _, vector in kept]))

    def _run(self, texts: list[str]) -> NDArray[np.float32]:
        with tempfile.TemporaryDirectory() as folder:
            asked, made = Path(folder, "texts.json"), Path(folder, "vectors.npy")
            asked.write_text(json.dumps([printable(text) for text in texts]))
            command = [sys.executable, "-P", str(PROGRAM), str(self.path), str(asked), str(made)]
            try:
                done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE,
                                      errors="replace", stdin=subprocess.DEVNULL)
            except subprocess.TimeoutExpired:
                raise EmbeddingError(f"{self.path.name} took longer than {PATIENCE} s") from None
            if done.returncode or not made.is_file():
                last = done.stderr.strip().rpartition("\n")[2] or f"exit status {done.returncode}"
                raise EmbeddingError(sentence(f"{self.path.name} failed: {last}"))
            return _checked(np.load(made, allow_pickle=False), len(texts), self.path.name)


def _checked(vectors: NDArray[np.float64], count: int, name: str) -> NDArray[np.float32]:
    """The vectors at length 1. Raises EmbeddingError where they are no such vectors."""
    if vectors.ndim != 2 or len(vectors) != count or not vectors.shape[1]:
        raise EmbeddingError(f"{name} gave an array of shape {list(vectors.shape)} for {count} "
                             f"texts; expected [{count}, d]")
    if not np.isfinite(vectors).all():
        raise EmbeddingError(f"{name} gave vectors with NaN or infinity in them")
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > 0, lengths, 1), dtype=np.float32)
