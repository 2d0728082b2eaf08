"""Pages of the site that are written by the code itself: the command line and course.toml.

They are made while the site is built (hooks.py) and stand nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import typer
from typer.cli import get_docs_for_click

from autograder.cli import app
from autograder.course_toml import CourseToml

Schema = dict[str, Any]

TYPES = {"string": "text", "integer": "whole number", "number": "number",
         "boolean": "true or false", "object": "table", "array": "list"}
LIMITS = {"minimum": "from {}", "exclusiveMinimum": "over {}", "maximum": "to {}",
          "exclusiveMaximum": "under {}", "pattern": "like `{}`"}
# typer's lists of commands, each cut off in the middle of its sentence: headings list them whole.
LISTS = re.compile(r"\*\*Commands\*\*:\n\n(?:\* .*\n)+\n")
COURSE_TOML = """# course.toml

What a course is, in one file at its top. Unknown keys are an error, so that a slip of the
keyboard is no silent default. Points are not here: they stand in the exercises' source cells.
"""


def command_line() -> str:
    """Every command with its arguments, options and example, as Markdown."""
    command = typer.main.get_command(app)
    text: str = get_docs_for_click(obj=command, ctx=typer.Context(command), name="autograder",
                                   title="The command line")
    return LISTS.sub("", text)


def course_toml() -> str:
    """Every section of course.toml with a table of its keys, as Markdown."""
    pages = [COURSE_TOML]
    for name, model in sections(CourseToml.model_json_schema()):
        pages += [f"## `{name}`", _about(model), _table(model)]
    return "\n\n".join(pages) + "\n"


def sections(schema: Schema) -> Iterator[tuple[str, Schema]]:
    """Each section's heading, as TOML writes it, with its part of pydantic's JSON schema."""
    yield from _below("", schema, schema["$defs"])


def keys(model: Schema) -> dict[str, Schema]:
    """The keys of a section that hold values, not sections of their own."""
    return {name: key for name, key in model["properties"].items() if not _sections_of(name, key)}


def _below(path: str, model: Schema, models: dict[str, Schema]) -> Iterator[tuple[str, Schema]]:
    for name, key in model["properties"].items():
        for place, reference, many in _sections_of(name, key):
            inner = f"{path}{place}"
            found = models[reference.rpartition("/")[2]]
            yield (f"[[{inner}]]" if many else f"[{inner}]"), found
            yield from _below(f"{inner}.", found, models)


def _sections_of(name: str, key: Schema) -> list[tuple[str, str, bool]]:
    """The sections that a key stands for: where each lies, what it refers to, if it may repeat."""
    shapes = [(name, key, False), (name, key.get("items", {}), True),
              *((f"{name}.NAME", one, False) for one in _entries(key)),
              *((name, one, False) for one in key.get("anyOf", []))]
    return [(place, shape["$ref"], many) for place, shape, many in shapes if "$ref" in shape]


def _entries(key: Schema) -> list[Schema]:
    """What a table of any names holds: one form or, where names follow a pattern, one for each."""
    inner = key.get("additionalProperties")
    return [inner] if isinstance(inner, dict) else list(key.get("patternProperties", {}).values())


def _about(model: Schema) -> str:
    """A model's docstring, without the section's name at its beginning."""
    text = re.sub(r"^\[.*?\]: ", "", model.get("description", ""))
    return text[:1].upper() + text[1:]


def _table(model: Schema) -> str:
    rows = ["| key | type | default | what it says |", "|:--|:--|:--|:--|"]
    for name, key in keys(model).items():
        default = "*required*" if name in model.get("required", ()) else _default(key["default"])
        cells = (f"`{name}`", _type(key), default, key.get("description", ""))
        rows.append(f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |")
    return "\n".join(rows)


def _type(key: Schema) -> str:
    """What may stand there, in words."""
    if "anyOf" in key:
        return " or ".join(_type(one) for one in key["anyOf"] if one.get("type") != "null")
    if "enum" in key or "const" in key:
        return " or ".join(f'`"{one}"`' for one in key.get("enum", [key.get("const")]))
    words = key.get("format", "").replace("-", " and ")
    words = words or TYPES.get(key.get("type", ""), "anything")
    for inner in ([key["items"]] if "items" in key else _entries(key)):
        words += f" of {_type(inner)}"
    limits = [words, *(text.format(key[name]) for name, text in LIMITS.items() if name in key)]
    return ", ".join(limits)


def _default(value: Any) -> str:
    """A default as TOML writes it; what is empty has none to be shown."""
    if value in (None, "", [], {}):
        return ""
    if isinstance(value, list):
        return ", ".join(_default(one) for one in value)
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"
