"""What an attack is, and all there are."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).with_name("attacks")
KERNELS = ("cold", "warm")
LOOT = "LOOT"  # what an attack says, in an error of its own, when it found what it must not
CANARY = "canary-that-must-not-sing"  # stands in everything that no submission may see


@dataclass(frozen=True)
class Attack:
    """One submission: the skeleton, and what somebody adds to it.

    `tries` says what it does, `gains` what it would have of it. `proof` must stand in what is said
    about the submission, so that an attack that never ran is not taken for one that failed;
    without it, nothing may be said of any cell. `markdown` is added to the notebook as it is,
    `answer` is the answer that a person grades, `raw` the whole upload in the place of a zip.
    """

    name: str
    kind: str
    tries: str
    gains: str
    exercise: str = "toy"
    cells: tuple[str, ...] = ()
    markdown: tuple[str, ...] = ()
    answer: str = ""
    module: str = ""  # added to vectors.py, or to q2's bert.py
    files: dict[str, str | bytes] = field(default_factory=dict)
    archive: str = ""  # the upload's name, with {id} in it
    pdf: bytes = b""
    raw: bytes = b""
    entries: tuple[tuple[str, bytes, int], ...] = ()  # more of a zip's: name, data, Unix mode
    output: str = ""  # HTML that the notebook claims to have printed
    metadata: str = ""  # JSON that is added to the notebook's metadata
    proof: str = ""
    may_fail: bool = False  # how it ends depends on the machine, or on the moment
    kernels: tuple[str, ...] = KERNELS
    first: str = "warm"  # the kernels of the short run; "long" where it is no part of that

    def __str__(self) -> str:
        return self.name

    def on(self, kernel: str, long: bool) -> bool:
        """Whether a run, short or long, tries it on kernels of this kind."""
        return kernel in self.kernels and (long or kernel == self.first)


@cache
def attacks() -> tuple[Attack, ...]:
    """All attacks, those of one kind together."""
    from redteam import uploads

    found = [_read(path.stem, entry) for path in sorted(FOLDER.glob("*.toml"))
             for entry in tomllib.loads(path.read_text())["attack"]]
    found += uploads.attacks()
    names = [attack.name for attack in found]
    assert len(set(names)) == len(names), "two attacks of one name"
    return tuple(found)


def _read(kind: str, entry: dict[str, object]) -> Attack:
    lists = {name: tuple(value) for name, value in entry.items() if isinstance(value, list)}
    return Attack(kind=kind, **{**entry, **lists})  # type: ignore[arg-type]
