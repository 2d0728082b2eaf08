"""The text of modules, for processes in the sandbox, where the package itself is not visible."""

from __future__ import annotations

import inspect
from types import ModuleType


def module_text(*modules: ModuleType) -> str:
    """Python that puts these modules of `autograder.kernel`, in this order, where imports look.

    It leaves `module`, the last one, and the modules `sys` and `types` in the caller's names.
    """
    packages = {package: None for module in modules for package in _parents(module.__name__)}
    lines = ["import sys, types"]
    lines += [f"sys.modules[{name!r}] = types.ModuleType({name!r})" for name in packages]
    for module in modules:
        name = module.__name__
        package, _, last = name.rpartition(".")
        lines += [
            f"sys.modules[{name!r}] = module = types.ModuleType({name!r})",
            f"exec(compile({inspect.getsource(module)!r}, '<{name}>', 'exec'), module.__dict__)",
            f"sys.modules[{package!r}].{last} = module",
        ]
    return "\n".join(lines)


def _parents(name: str) -> list[str]:
    """The packages that a module is in: autograder, autograder.kernel."""
    parts = name.split(".")
    return [".".join(parts[:count]) for count in range(1, len(parts))]
