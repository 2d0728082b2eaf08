"""Modules of the kit as text, for processes behind walls, where the kit itself is not in sight."""

from __future__ import annotations

import inspect
from types import ModuleType


def as_text(*modules: ModuleType) -> str:
    """Python that puts these modules of `autograder.kernel`, in this order, where imports look.

    It leaves `module`, the last one, and the modules `sys` and `types` in the caller's names.
    """
    lines = ["import sys, types"]
    for name in ("autograder", "autograder.kernel"):
        lines.append(f"sys.modules[{name!r}] = types.ModuleType({name!r})")
    for module in modules:
        name = module.__name__
        lines += [
            f"sys.modules[{name!r}] = module = types.ModuleType({name!r})",
            f"exec(compile({inspect.getsource(module)!r}, '<{name}>', 'exec'), module.__dict__)",
            f"sys.modules['autograder.kernel'].{name.rpartition('.')[2]} = module",
        ]
    return "\n".join(lines)
