"""Data sets and metrics of the offline hub, as libraries want them: in folders of one's own.

Models are read where they lie. Of data sets the library keeps locks and what it maps beside the
tables, so each process gets folders that hold links to the files, which stay as they are.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

LEFTOVERS = shutil.ignore_patterns("*.lock", "cache-*", "__pycache__")
FOLDERS = {"HF_DATASETS_CACHE": "datasets", "HF_MODULES_CACHE": "modules"}


def environment(hub: str, private: str) -> dict[str, str]:
    """Variables for the libraries: models are in `hub`, all else in `private`."""
    found = {name: f"{private}/{folder}" for name, folder in FOLDERS.items()}
    return {"HF_HOME": private, "HF_HUB_CACHE": f"{hub}/hub", "HF_EVALUATE_OFFLINE": "1", **found}


def lay_links(hub: Path, private: Path) -> None:
    """Make the private folders: as in `hub`, with links in the place of files."""
    for folder in FOLDERS.values():
        if (hub / folder).is_dir():
            shutil.copytree(hub / folder, private / folder, copy_function=os.symlink,
                            ignore=LEFTOVERS, dirs_exist_ok=True)
