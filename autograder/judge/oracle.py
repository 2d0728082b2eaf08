"""The trusted side: what the reference and the misconceptions answer, computed once a batch.

Answers are kept in memory, and in a folder that all judges of a batch share.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from autograder.judge.sides import Answer, Failure, unpack
from autograder.judge.trusted_process import Distant, Said
from autograder.results.reason import Code, Reason

SILENT = Answer(failure=Failure(
    Reason(Code.VERSION_FAILED, error="this version does not answer"), fatal=True))


class TrustedSide:
    """Asks the trusted process, and remembers; `answers` is the folder of what it has answered."""

    def __init__(self, trusted: Distant, answers: Path) -> None:
        self._trusted, self._folder = trusted, answers
        self._answers: dict[tuple[Path, bytes], Answer] = {}
        self._contents: dict[Path, bytes] = {}

    def ask(self, version: Path, request: bytes) -> Answer:
        """Put one request to the version of the exercise that lies in the folder `version`."""
        key = (version, request)
        if key not in self._answers:
            self._answers[key] = _read(self.compute(version, request))
        return self._answers[key]

    def compute(self, version: Path, request: bytes) -> Said:
        """From the shared folder or, where nobody has asked yet, from the trusted process."""
        place = self._folder / hashlib.sha256(self._content(version) + request).hexdigest()
        if place.is_file():
            return Said(place.read_bytes())
        return self._trusted.ask(version, request, place)

    def _content(self, version: Path) -> bytes:
        """A hash over a version's files, wherever they lie."""
        if version not in self._contents:
            digest = hashlib.sha256()
            for path in sorted(version.iterdir()):
                if path.is_file():
                    digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
            self._contents[version] = digest.digest()
        return self._contents[version]


def _read(said: Said) -> Answer:
    if said.silent:
        return SILENT
    if said.fault:
        return Answer(failure=Failure(
            Reason(Code.VERSION_FAILED, error=said.fault), "trusted"))
    return unpack(said.answer)
