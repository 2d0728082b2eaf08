"""nbconvert's pages, at a fraction of the time that each of a class's pages takes by itself."""

from __future__ import annotations

import re
from typing import Any

from jinja2 import BytecodeCache, Environment
from jinja2.bccache import Bucket
from nbconvert.exporters import HTMLExporter, TemplateExporter
from nbformat import NotebookNode

NAMELESS = re.compile(r"<img(?=\s)(?![^>]*\salt=)")
UNDESCRIBED = '<img alt="No description has been provided for this image"'


class _Memory(BytecodeCache):
    """Compiled templates, by their sources' checksums, for as long as this process lives."""

    def __init__(self) -> None:
        self._compiled: dict[tuple[str, str], bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if code := self._compiled.get((bucket.key, bucket.checksum)):
            bucket.bytecode_from_string(code)

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._compiled[bucket.key, bucket.checksum] = bucket.bytecode_to_string()


_memory = _Memory()


class _Aside(TemplateExporter):
    """Keeps the rendered page, and hands HTMLExporter an empty one.

    What that would do with it is to parse all of it into a tree, to give pictures an `alt` and the
    cells of JupyterLab's template (which feedback does not use) a `tabindex`.
    """

    rendered = ""

    def from_notebook_node(  # type: ignore[override]
            self, nb: NotebookNode, resources: dict[str, Any] | None = None, **kw: Any
    ) -> tuple[str, dict[str, Any]]:
        self.rendered, resources = super().from_notebook_node(nb, resources, **kw)
        return "", resources


class PageExporter(HTMLExporter, _Aside):
    """The HTML exporter of nbgrader's feedback: templates compiled once, pages not parsed."""

    def from_notebook_node(  # type: ignore[override]
            self, nb: NotebookNode, resources: dict[str, Any] | None = None, **kw: Any
    ) -> tuple[str, dict[str, Any]]:
        _, resources = super().from_notebook_node(nb, resources, **kw)
        return NAMELESS.sub(UNDESCRIBED, self.rendered), resources

    def _create_environment(self) -> Environment:
        environment = super()._create_environment()
        environment.bytecode_cache = _memory
        return environment
