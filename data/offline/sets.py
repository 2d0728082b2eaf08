"""The data sets of the offline hub: generated texts in the columns of the real sets.

`write` puts one configuration down as the `datasets` library keeps it after a download.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from offline import scenes, squad

STAND_IN = (
    "This is a small stand-in made by the course kit for use offline, not the real data set of"
    " this name."
)
Rows = Iterator[dict[str, Any]]


@dataclass(frozen=True)
class Set:
    """What a data set is called and what it holds."""

    name: str
    configuration: str
    columns: Callable[[], Any]  # its `datasets.Features`; that library takes seconds to import
    rows: Callable[[str, int, Random], Rows]  # of a split, so many of them
    sizes: dict[str, int]  # examples of each split, in the order of the real set
    seed: int = 11711


def swag_columns() -> Any:
    """The columns of allenai/swag, regular."""
    from datasets import ClassLabel, Features, Value

    texts = ("video-id", "fold-ind", "startphrase", "sent1", "sent2", "gold-source",
             "ending0", "ending1", "ending2", "ending3")
    return Features({**{name: Value("string") for name in texts},
                     "label": ClassLabel(names=["0", "1", "2", "3"])})


def squad_columns() -> Any:
    """The columns of rajpurkar/squad, plain_text."""
    from datasets import Features, List, Value

    texts = ("id", "title", "context", "question")
    return Features({**{name: Value("string") for name in texts},
                     "answers": {"text": List(Value("string")),
                                 "answer_start": List(Value("int32"))}})


SWAG = Set("swag", "regular", swag_columns, scenes.rows,
           {"train": 1200, "validation": 300, "test": 200})
SQUAD = Set("squad", "plain_text", squad_columns, squad.rows, {"train": 800, "validation": 200})


def write(made: Set, folder: Path) -> None:
    """Write every split into `folder` as `datasets` keeps it: Arrow files and a description."""
    from datasets import DatasetInfo, SplitDict, SplitInfo
    from datasets.arrow_writer import ArrowWriter

    columns = made.columns()
    splits = SplitDict(dataset_name=made.name)
    for split, size in made.sizes.items():
        path = folder / f"{made.name}-{split}.arrow"
        with ArrowWriter(features=columns, path=str(path)) as writer:
            for row in made.rows(split, size, Random(f"{made.name} {split} {made.seed}")):
                writer.write(row)
            examples, length = writer.finalize()
        splits[split] = SplitInfo(split, length, examples, dataset_name=made.name)
    DatasetInfo(
        description=STAND_IN, features=columns, splits=splits, builder_name="parquet",
        dataset_name=made.name, config_name=made.configuration, version="0.0.0",
        dataset_size=sum(split.num_bytes for split in splits.values()),
    ).write_to_directory(str(folder))
