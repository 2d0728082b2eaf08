"""Each statement of a cell or module for itself: one that fails does not stop those after it.

What fails here need not fail on Colab: there is no network, no GPU, and not every package. The
kernel gets this file as text, before the student's cells run. A cell ends with its first error, as
it would have; what later asks for a name that a failed statement should have made gets the
statement's own error.
"""

from __future__ import annotations

import ast
import builtins
import functools
import importlib.abc
import importlib.machinery
import sys
import types
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

NAME = "__statements__"  # under which code finds this module, among Python's own names
NOTE = "(while grading: "  # how a line begins that the judge is to see
# Packages that only record, show or fetch what a run does: without them nothing is recorded.
RECORDERS = frozenset((
    "wandb", "tensorboard", "tensorboardX", "mlflow", "comet_ml", "neptune",
    "clearml", "aim", "swanlab", "trackio", "dagshub", "gdown", "kaggle", "kagglehub", "ipdb",
    "torchinfo", "torchsummary", "torchviz", "gputil", "GPUtil", "pynvml", "nvidia_smi",
    "watermark", "dotenv", "condacolab", "pyngrok", "line_profiler", "memory_profiler"))

Failure, NotThere = BaseException, ModuleNotFoundError  # by names that code cannot change
errors: dict[tuple[str, str], BaseException] = {}  # by module and name that was to be made
_first: dict[str, BaseException] = {}  # of the cell or module that runs


def install(shell: Any, folder: Path) -> None:
    """Have cells, and modules in `folder`, run in this way."""
    setattr(builtins, NAME, sys.modules[__name__])
    shell.ast_transformers.append(Apart(cell=True))
    sys.meta_path.insert(0, _FolderFinder(str(folder)))
    find = builtins.__import__

    def import_or_do_without(name: str, names: Any = None, *args: Any, **kwargs: Any) -> Any:
        try:
            return find(name, names, *args, **kwargs)
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] in RECORDERS and _is_theirs(names, folder):
                return Absent(error, quiet=True)
            raise

    builtins.__import__ = import_or_do_without  # type: ignore[assignment]


def _is_theirs(names: Any, folder: Path) -> bool:
    """Whether these are the names of the notebook, or of a module in `folder`."""
    return names is not None and (names.get("__name__") == "__main__"
                                  or str(names.get("__file__", "")).startswith(f"{folder}/"))


# ------------------------------------------------------------------------ called by rewritten code


def failed(module: str, *names: str) -> None:
    """Keep the error that is being handled; `names` are not made.

    A module that a ban on a package stops stays stopped: that import says why by itself.
    """
    error = sys.exc_info()[1]
    assert error is not None
    if module != "__main__" and isinstance(error, ImportError) and error.name is None:
        raise error
    _first.setdefault(module, error)
    for name in names:
        errors[module, name] = error


def absent() -> Absent:
    """What takes the place of a package that the import being handled did not find."""
    error = sys.exc_info()[1]
    assert isinstance(error, ModuleNotFoundError)
    return Absent(error)


def ended(count: int) -> None:
    """A cell of so many statements is at its end: its first error ends it."""
    error = _first.pop("__main__", None)
    if error is not None:
        if count > 1:
            print(f"{NOTE}its other statements were run all the same)")
        raise error


def lookup(module: str, name: str) -> NoReturn:
    """Raise what kept a module from having this name; AttributeError where nothing did."""
    if (module, name) in errors:
        raise errors[module, name]
    raise AttributeError(f"module {module!r} has no attribute {name!r}")


class Absent:
    """A package that is not here, or something of it. It may be named, not used.

    As a decorator or in an annotation it changes nothing. A `quiet` one may be used, too: it does
    nothing.
    """

    def __init__(self, error: ModuleNotFoundError, quiet: bool = False) -> None:
        self._error, self._quiet = error, quiet

    def __getattr__(self, name: str) -> Absent:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __getitem__(self, key: Any) -> Absent:
        return self

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if len(args) == 1 and isinstance(args[0], (type, types.FunctionType)):
            return args[0]
        if not all(isinstance(one, Absent) for one in (*args, *kwargs.values())):
            self._use()
        return self

    def _use(self) -> None:
        if not self._quiet:
            raise ModuleNotFoundError(self._error.msg, name=self._error.name)

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[Any, ...]:
        self._use()
        return ()

    def __iter__(self) -> Iterator[Any]:
        self._use()
        return iter(())

    def __bool__(self) -> bool:
        self._use()
        return True

    def __enter__(self) -> Absent:
        self._use()
        return self

    def __exit__(self, *exc: object) -> None:
        pass

    def __or__(self, other: Any) -> Any:
        return self

    __ror__ = __or__


# ----------------------------------------------------------------------------------- the rewriting


class Apart(ast.NodeTransformer):
    """Wraps each statement of a cell or module; imports of several names become several imports.

    Inside an `if` its statements are wrapped, inside anything else they are not.
    """

    def __init__(self, cell: bool) -> None:
        self._cell = cell

    def visit(self, node: Any) -> Any:
        """The module, rewritten. IPython calls this with each cell."""
        if not isinstance(node, ast.Module) or not node.body:
            return node
        if self._cell:  # Jupyter compiles each statement by itself: none need come first there
            node.body.sort(key=lambda statement: not _is_of_the_future(statement))
        first = 0
        while first < len(node.body) and self._stays_first(node.body[first], first):
            first += 1
        rest = node.body[first:]
        if self._cell and rest and isinstance(rest[-1], ast.Expr):
            rest[-1].value = _call("show", rest[-1].value)
        body = [*node.body[:first], *self._each(rest)]
        if self._cell:
            body.append(ast.Expr(_call("ended", ast.Constant(len(rest)))))
        node.body = body
        ast.fix_missing_locations(node)
        return node

    def _stays_first(self, statement: ast.stmt, place: int) -> bool:
        """Imports of the future and a module's docstring have to."""
        return _is_of_the_future(statement) or (
            not self._cell and place == 0 and isinstance(statement, ast.Expr)
            and isinstance(statement.value, ast.Constant))

    def _each(self, statements: Sequence[ast.stmt]) -> list[ast.stmt]:
        return [self._alone(one) for statement in statements for one in _one_by_one(statement)]

    def _alone(self, statement: ast.stmt) -> ast.stmt:
        if isinstance(statement, ast.If):
            statement.body = self._each(statement.body)
            statement.orelse = self._each(statement.orelse)
        names = sorted(_made_by(statement))
        report = ast.Expr(_call("failed", ast.Name("__name__", ast.Load()),
                                *map(ast.Constant, names)))
        handlers = [_handler("Failure", report)]
        if isinstance(statement, ast.Import | ast.ImportFrom) and _has_a_name_of_its_own(statement):
            handlers.insert(0, _handler("NotThere", report, ast.Assign(
                [ast.Name(name, ast.Store()) for name in names], _call("absent"))))
        return ast.copy_location(ast.Try([statement], handlers, [], []), statement)


def show(value: Any) -> None:
    """Display what a cell's last expression gives."""
    sys.displayhook(value)


def _is_of_the_future(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.ImportFrom) and statement.module == "__future__"


def _one_by_one(statement: ast.stmt) -> list[ast.stmt]:
    if isinstance(statement, ast.Import):
        return [ast.copy_location(ast.Import([alias]), statement) for alias in statement.names]
    if isinstance(statement, ast.ImportFrom):
        return [ast.copy_location(ast.ImportFrom(statement.module, [alias], statement.level),
                                  statement) for alias in statement.names]
    return [statement]


def _has_a_name_of_its_own(statement: ast.Import | ast.ImportFrom) -> bool:
    """`import torch.extra` has none: what it makes is torch, which may be there."""
    alias = statement.names[0]
    return alias.name != "*" and (isinstance(statement, ast.ImportFrom) or bool(alias.asname)
                                  or "." not in alias.name)


def _made_by(node: ast.AST) -> set[str]:
    """The names that a statement gives something to, in its own scope."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {node.name}
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {(alias.asname or alias.name).partition(".")[0] for alias in node.names
                if alias.name != "*"}
    if isinstance(node, ast.Name):
        return {node.id} if isinstance(node.ctx, ast.Store) else set()
    if isinstance(node, ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
        return set()
    return set().union(*map(_made_by, ast.iter_child_nodes(node)))


def _handler(kind: str, *body: ast.stmt) -> ast.ExceptHandler:
    return ast.ExceptHandler(_own(kind), None, list(body))


def _call(name: str, *args: ast.expr) -> ast.Call:
    return ast.Call(_own(name), list(args), [])


def _own(name: str) -> ast.expr:
    """Something of this module, whatever the student's code calls so."""
    return ast.Attribute(ast.Name(NAME, ast.Load()), name, ast.Load())


# -------------------------------------------------------------------------- modules in the folder


class _FolderFinder(importlib.abc.MetaPathFinder):
    """Finds modules in one folder, whose statements run each for itself."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def find_spec(self, name: str, path: Sequence[str] | None,
                  target: types.ModuleType | None = None
                  ) -> importlib.machinery.ModuleSpec | None:
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        if (spec is None or not isinstance(spec.loader, importlib.machinery.SourceFileLoader)
                or not spec.loader.path.startswith(f"{self._folder}/")):
            return None
        spec.loader = _Loader(spec.loader.name, spec.loader.path)
        return spec


class _Loader(importlib.machinery.SourceFileLoader):
    def get_code(self, fullname: str) -> types.CodeType:
        """From the source, whatever is kept beside it."""
        path = self.get_filename(fullname)
        tree = Apart(cell=False).visit(ast.parse(self.get_data(path), path))
        return compile(tree, path, "exec", dont_inherit=True)

    def exec_module(self, module: types.ModuleType) -> None:
        """Run it. Where something failed, that is printed, and raised for whoever needs it."""
        name = module.__name__
        try:
            super().exec_module(module)
        finally:
            error = _first.pop(name, None)
        if error is not None:
            vars(module)["__getattr__"] = functools.partial(lookup, name)
            line = _line(error, str(module.__file__))
            print(f"{NOTE}{Path(str(module.__file__)).name}{line} stopped with "
                  f"{type(error).__name__}: {str(error)[:200]}; what does not need that was "
                  "run all the same)")


def _line(error: BaseException, file: str) -> str:
    """Where in the file it was raised."""
    trace, found = error.__traceback__, ""
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == file:
            found = f", line {trace.tb_lineno},"
        trace = trace.tb_next
    return found
