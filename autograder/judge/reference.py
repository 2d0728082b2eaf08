"""What the reference and the misconceptions answer, computed once a batch.

Answers are kept in memory, and in a folder that all judges of a batch share.
"""

from __future__ import annotations

import hashlib
import pickle
import socket
from dataclasses import dataclass
from pathlib import Path

from autograder.judge.answer import Answer, Failure, unpack
from autograder.judge.reference_server import ReferenceReply
from autograder.results.reason import Code, Reason

SILENT = Answer(failure=Failure(
    Reason(Code.VERSION_FAILED, error="this version does not answer"), fatal=True))


@dataclass(frozen=True)
class ReferenceConnection:
    """Asks the reference server at this address (reference_server.py)."""

    address: str

    def ask(self, version: Path, request: bytes, place: Path | None = None) -> ReferenceReply:
        """See ReferenceProcess.ask. Raises OSError or EOFError where the server is gone."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(self.address)
            with connection.makefile("rwb") as file:
                pickle.dump((version, request, place), file)
                file.flush()
                reply: ReferenceReply = pickle.load(file)
        return reply


class ReferenceClient:
    """Asks versions of an exercise, and remembers; `answers` is the folder of what is known."""

    def __init__(self, connection: ReferenceConnection, answers: Path) -> None:
        self._connection, self._folder = connection, answers
        self._answers: dict[tuple[Path, bytes], Answer] = {}
        self._contents: dict[Path, bytes] = {}

    def ask(self, version: Path, request: bytes) -> Answer:
        """Put one request to the version of the exercise that is in the folder `version`."""
        key = (version, request)
        if key not in self._answers:
            self._answers[key] = _read(self.compute(version, request))
        return self._answers[key]

    def compute(self, version: Path, request: bytes) -> ReferenceReply:
        """From the shared folder or, where nobody has asked yet, from the reference process."""
        place = self._folder / hashlib.sha256(self._content(version) + request).hexdigest()
        if place.is_file():
            return ReferenceReply(place.read_bytes())
        return self._connection.ask(version, request, place)

    def _content(self, version: Path) -> bytes:
        """A hash over a version's files, wherever they are."""
        if version not in self._contents:
            digest = hashlib.sha256()
            for path in sorted(version.iterdir()):
                if path.is_file():
                    digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
            self._contents[version] = digest.digest()
        return self._contents[version]


def _read(reply: ReferenceReply) -> Answer:
    if reply.silent:
        return SILENT
    if reply.fault:
        return Answer(failure=Failure(
            Reason(Code.VERSION_FAILED, error=reply.fault), "trusted"))
    return unpack(reply.answer)
