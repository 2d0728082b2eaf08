"""The offline hub: our small checkpoints and data sets under the names of the real ones.

With `HF_HOME` naming the folder and `HF_HUB_OFFLINE=1` (and `HF_EVALUATE_OFFLINE=1`),
`from_pretrained`, `load_dataset` and `evaluate.load` take what lies here for downloaded and look
no further:

    HF_HOME/hub/models--google--pix2struct-base/refs/main               the revision
    HF_HOME/hub/models--google--pix2struct-base/snapshots/<revision>/   the files
    HF_HOME/datasets/allenai___swag/regular/0.0.0/<revision>/           swag-train.arrow, ...
    HF_HOME/modules/evaluate_modules/metrics/evaluate-metric--accuracy/<revision>/accuracy.py
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from offline import sets

HERE = Path(__file__).parent
CHECKPOINTS = HERE / "checkpoints"
METRICS = HERE / "metrics"


class HubError(FileNotFoundError):
    """A folder that the hub should offer is missing; the message says how to make it."""


@dataclass(frozen=True)
class Repository:
    """One repository of the hub, and what stands in for it: a folder, or a function that fills one.

    A data set has one configuration; `name` is what `load_dataset` takes before it.
    """

    name: str  # organisation/name, as `from_pretrained` takes it
    source: Path | Callable[[Path], None]
    kind: Literal["models", "datasets", "metrics"] = "models"
    configuration: str = ""

    @property
    def folder(self) -> str:
        """The folder of its revisions, below HF_HOME."""
        organisation, _, name = self.name.rpartition("/")
        if self.kind == "datasets":
            return f"datasets/{organisation}___{name}/{self.configuration}/0.0.0"
        if self.kind == "metrics":
            return f"modules/evaluate_modules/metrics/evaluate-metric--{name}"
        return f"hub/models--{organisation}--{name}/snapshots"

    @property
    def made_from(self) -> str:
        """Where it comes from, in a word or two."""
        if isinstance(self.source, Path):
            return f"{self.source.name}/"
        return "a generator with a fixed seed"

    def fill(self, folder: Path) -> None:
        """Put the files into `folder`, which is new. Raises HubError where there are none."""
        if not isinstance(self.source, Path):
            folder.mkdir()
            self.source(folder)
        elif any(path.is_file() for path in self.source.rglob("*")):
            shutil.copytree(self.source, folder, copy_function=shutil.copyfile,
                            ignore=shutil.ignore_patterns("__pycache__"))
        else:
            raise HubError(
                f"{self.source} holds no files, where those that stand in for {self.name} were"
                " expected. Fetch them with `git checkout`, or train them as README.md beside"
                " that folder says."
            )


REPOSITORIES = (
    Repository(
        "google-bert/bert-large-uncased-whole-word-masking-finetuned-squad",
        CHECKPOINTS / "questions",
    ),
    Repository("google/pix2struct-base", CHECKPOINTS / "captions"),
    Repository("distilbert/distilbert-base-uncased", CHECKPOINTS / "scenes"),
    Repository("google-t5/t5-small", CHECKPOINTS / "spans"),
    Repository("mrm8488/t5-base-finetuned-squadv2", CHECKPOINTS / "answers"),
    Repository("allenai/swag", partial(sets.write, sets.SWAG), "datasets", "regular"),
    Repository("rajpurkar/squad", partial(sets.write, sets.SQUAD), "datasets", "plain_text"),
    Repository("accuracy", METRICS / "accuracy", "metrics"),
)


def lay_out(
    home: Path, repositories: tuple[Repository, ...] = REPOSITORIES
) -> list[tuple[Repository, Path]]:
    """Lay the repositories out below `home`, which is to become HF_HOME.

    Returns each repository with its snapshot. What is there already is left as it is; a snapshot
    of other content is replaced. Raises HubError where a source folder is missing or empty.
    """
    return [(repository, lay_out_one(repository, home)) for repository in repositories]


def lay_out_one(repository: Repository, home: Path) -> Path:
    """Lay one repository out below `home`; return the snapshot.

    The files arrive in a folder of another name that takes its place in one step, and what points
    to it changes last, so that a reader finds all of it or none.
    """
    revisions = home / repository.folder
    revisions.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home) as scratch:
        copy = Path(scratch) / "copy"
        repository.fill(copy)
        snapshot = revisions / content_hash(repository, copy)
        if not snapshot.is_dir():
            os.rename(copy, snapshot)
    if repository.kind == "models":
        point_main(revisions.parent / "refs", snapshot.name)
    elif repository.kind == "metrics":
        for package in (snapshot, *snapshot.parents[:4]):  # up to HF_HOME/modules
            if not (package / "__init__.py").exists():
                (package / "__init__.py").touch()
    for other in revisions.iterdir():
        if other != snapshot and other.is_dir():
            shutil.rmtree(other)
    return snapshot


def point_main(refs: Path, revision: str) -> None:
    """Let the branch `main` name the revision."""
    main = refs / "main"
    if not main.is_file() or main.read_text() != revision:
        refs.mkdir(exist_ok=True)
        partial_file = refs / "main.part"
        partial_file.write_text(revision)  # no line break: the library reads it to the last byte
        os.replace(partial_file, main)


def content_hash(repository: Repository, folder: Path) -> str:
    """Return hexadecimal digits that change with the name or content of any file.

    40 of them; 64 for a metric, for `evaluate` knows a revision by its length.
    """
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        inside = path.relative_to(folder).as_posix()
        digest.update(f"{inside}\0{path.stat().st_size}\0".encode() + path.read_bytes())
    return digest.hexdigest()[: 64 if repository.kind == "metrics" else 40]
