"""The offline hub: our small checkpoints under the names of the real ones, in the hub's own layout.

With `HF_HOME` naming the folder and `HF_HUB_OFFLINE=1`, `from_pretrained` and `load_dataset` take
what lies here for downloaded and never look further:

    HF_HOME/hub/models--google--pix2struct-base/refs/main               the revision
    HF_HOME/hub/models--google--pix2struct-base/snapshots/<revision>/   the files
"""

import hashlib
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

CHECKPOINTS = Path(__file__).parent / "checkpoints"


class HubError(FileNotFoundError):
    """A folder that the hub should offer is missing; the message says how to make it."""


@dataclass(frozen=True)
class Repository:
    """One repository of the hub and the folder whose files stand in for it."""

    name: str  # organisation/name, as `from_pretrained` takes it
    source: Path
    kind: Literal["models", "datasets"] = "models"

    @property
    def folder(self) -> str:
        """The folder's name in the cache: `models--organisation--name`."""
        return "--".join([self.kind, *self.name.split("/")])


REPOSITORIES = (
    Repository(
        "google-bert/bert-large-uncased-whole-word-masking-finetuned-squad",
        CHECKPOINTS / "questions",
    ),
    Repository("google/pix2struct-base", CHECKPOINTS / "captions"),
)


def lay_out(
    home: Path, repositories: tuple[Repository, ...] = REPOSITORIES
) -> list[tuple[Repository, Path]]:
    """Lay the repositories out below `home`, which is to become HF_HOME.

    Returns each repository with its snapshot. What is there already is left as it is; a snapshot
    of other content is replaced. Raises HubError where a source folder is missing or empty.
    """
    return [
        (repository, lay_out_one(repository, home / "hub" / repository.folder))
        for repository in repositories
    ]


def lay_out_one(repository: Repository, cache: Path) -> Path:
    """Lay one repository out in the folder `cache`; return the snapshot.

    The files arrive in a folder of another name that takes its place in one step, and `main`
    names the revision last, so that a reader finds all of it or none.
    """
    revision = content_hash(repository)
    snapshot, main = cache / "snapshots" / revision, cache / "refs" / "main"
    if not snapshot.is_dir():
        snapshot.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as scratch:
            copy = Path(scratch) / revision
            shutil.copytree(repository.source, copy, copy_function=shutil.copyfile)
            os.rename(copy, snapshot)
    if not main.is_file() or main.read_text() != revision:
        main.parent.mkdir(exist_ok=True)
        partial = main.with_name("main.part")
        partial.write_text(revision)  # no line break: the hub's library reads it to the last byte
        os.replace(partial, main)
    for other in snapshot.parent.iterdir():
        if other != snapshot:
            shutil.rmtree(other)
    return snapshot


def content_hash(repository: Repository) -> str:
    """Return 40 hexadecimal digits that change with the name or content of any file."""
    files = sorted(path for path in repository.source.rglob("*") if path.is_file())
    if not files:
        raise HubError(
            f"{repository.source} holds no files, where those that stand in for {repository.name}"
            " were expected. Fetch them with `git checkout`, or train them as README.md beside"
            " that folder says."
        )
    digest = hashlib.sha256()
    for path in files:
        inside = path.relative_to(repository.source).as_posix()
        digest.update(f"{inside}\0{path.stat().st_size}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:40]
