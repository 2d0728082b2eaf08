"""nbconvert's pages, at a fraction of the time that each of a class's pages takes by itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from cachetools import cached
from jinja2 import BytecodeCache, Environment
from jinja2.bccache import Bucket
from nbconvert.exporters import HTMLExporter, TemplateExporter
from nbconvert.filters import Highlight2HTML
from nbformat import NotebookNode

from autograder.gradebook.memory import key_of, texts

NAMELESS = re.compile(r"<img(?=\s)(?![^>]*\salt=)")
UNDESCRIBED = '<img alt="No description has been provided for this image"'


class _Templates(BytecodeCache):
    """Compiled templates, by their sources' checksums, for as long as this process lives."""

    def __init__(self) -> None:
        self._compiled: dict[tuple[str, str], bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if code := self._compiled.get((bucket.key, bucket.checksum)):
            bucket.bytecode_from_string(code)

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._compiled[bucket.key, bucket.checksum] = bucket.bytecode_to_string()


_templates = _Templates()
_highlighted = texts()


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
    """The HTML exporter of nbgrader's feedback.

    Templates are compiled once, the same code is highlighted once, and pages are not parsed.
    """

    def from_notebook_node(  # type: ignore[override]
            self, nb: NotebookNode, resources: dict[str, Any] | None = None, **kw: Any
    ) -> tuple[str, dict[str, Any]]:
        _, resources = super().from_notebook_node(nb, resources, **kw)
        return NAMELESS.sub(UNDESCRIBED, self.rendered), resources

    def _create_environment(self) -> Environment:
        environment = super()._create_environment()
        environment.bytecode_cache = _templates
        return environment

    def register_filter(self, name: str, jinja_filter: Any) -> Any:
        if isinstance(jinja_filter, Highlight2HTML):
            jinja_filter = _once(jinja_filter)
        return super().register_filter(name, jinja_filter)


def _once(highlight: Highlight2HTML) -> Callable[..., str]:
    """Highlight the same code once; a cell in a language of its own is not remembered."""
    settings = (str(highlight.pygments_lexer), repr(highlight.extra_formatter_options))

    @cached(_highlighted, key=lambda *given: key_of(*settings, *given))
    def once(language: str, source: str) -> str:
        return str(highlight(source, language or None))

    def highlight_code(source: str, language: str | None = None,
                       metadata: Mapping[str, Any] | None = None) -> str:
        if metadata and "magics_language" in metadata:
            return str(highlight(source, language, metadata))
        return once(language or "", source)

    return highlight_code
