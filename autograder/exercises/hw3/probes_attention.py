"""Probe of hw3, Task 1: it runs beside the student's code, and judges nothing."""

from __future__ import annotations

from typing import Any


def number(code: Any, name: str, times: int) -> float | str:
    """A number that a cell holds, whatever its type, so many times; of anything else the type."""
    value = getattr(code, name)
    try:
        return str(value) if isinstance(value, str) else times * float(value)
    except (TypeError, ValueError, RuntimeError):
        return f"a value of type {type(value).__name__}"
