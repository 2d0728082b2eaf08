"""One file that a student uploaded, and what the platform that it comes from tells about it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath

from autograder.intake.platforms.person import Person

Tree = dict[PurePosixPath, Path]  # where a file lay in the download, and where it can be read


@dataclass(frozen=True)
class Upload:
    """A file of the download. `name` is the student's own, `shown` what people see of it.

    `sender` is who handed it in, where a platform tells; `handed_in` has a time zone; `late` is
    what the platform says. `attempt` grows from one attempt to the next, where the platform counts.
    """

    path: Path
    name: str
    shown: str
    sender: Person | None = None
    handed_in: datetime | None = None
    late: bool | None = None
    attempt: int = 0

    @classmethod
    def plain(cls, path: Path) -> Upload:
        """A file of which nothing is known but itself."""
        return cls(path, path.name, path.name)

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
