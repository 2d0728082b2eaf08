"""What mkdocs does beyond its own: pages that are made, and pages that lie outside this folder."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import reference
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
MADE = {"commands.md": reference.command_line, "course-toml.md": reference.course_toml}
# Pages of the site that lie elsewhere, since students receive them or people look for them there.
ELSEWHERE = {"setup.md": "setup.md", "changelog.md": "CHANGELOG.md",
             "offline.md": "data/offline/README.md"}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what is made and what lies elsewhere."""
    for page, write in MADE.items():
        files.append(File.generated(config, page, content=write()))
    for page, path in ELSEWHERE.items():
        files.append(File.generated(config, page, abs_src_path=str(ROOT / path)))
    return files


def on_page_markdown(markdown: str, **kwargs: Any) -> str:
    """A link that leads out of docs/, to what is a page here, leads to that page."""
    for page, path in ELSEWHERE.items():
        markdown = re.sub(rf"\]\(\.\./{re.escape(path)}(?=[)#])", f"]({page}", markdown)
    return markdown
