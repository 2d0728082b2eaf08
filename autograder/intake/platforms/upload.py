"""One file that a student uploaded, and what the platform that it comes from tells about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path, PurePosixPath

from autograder.intake.platforms.person import Person

Tree = dict[PurePosixPath, Path]  # where a file lay in the download, and where it can be read


@dataclass(frozen=True)
class Upload:
    """A file of the download. `name` is the student's own, `shown` what people see of it.

    `sender` is who handed it in, where a platform tells; `handed_in` has a time zone; `late` is
    what the platform says. `attempt` grows from one attempt to the next, where the platform counts.
    A folder is a zip that somebody's browser unpacked. `pieces` are files that were uploaded one by
    one and count together.
    """

    path: Path
    name: str
    shown: str
    sender: Person | None = None
    handed_in: datetime | None = None
    late: bool | None = None
    attempt: int = 0
    pieces: tuple[Upload, ...] = ()

    @classmethod
    def plain(cls, path: Path) -> Upload:
        """A file or a folder of which nothing is known but itself."""
        return cls(path, f"{path.name}.zip" if path.is_dir() else path.name, path.name)

    @classmethod
    def together(cls, pieces: Sequence[Upload]) -> Upload:
        """Files that were uploaded one by one, as one upload; the newest tells when."""
        pieces = sorted(pieces, key=lambda piece: piece.when)
        shown = ", ".join(piece.shown for piece in pieces)
        return pieces[0] if len(pieces) == 1 else replace(
            pieces[-1], name=shown, shown=shown, pieces=tuple(pieces))

    @property
    def is_typed(self) -> bool:
        """Whether it was typed on the platform's page, beside what was uploaded."""
        return self.sender is not None and self.suffix.lower() in (".html", ".htm")

    @property
    def suffix(self) -> str:
        return Path(self.name).suffix

    @property
    def when(self) -> tuple[int, float, str]:
        """Uploads sort by this, oldest first; a file's own time stands in for what nobody tells."""
        moment = self.handed_in.timestamp() if self.handed_in else self.path.stat().st_mtime
        return self.attempt, moment, self.name


@dataclass(frozen=True)
class Download:
    """What a platform gave. `left_out` holds what was not read, with the reason of each."""

    uploads: list[Upload]
    left_out: dict[str, str]
