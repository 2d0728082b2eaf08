"""The agent: the kit's few lines inside the student's process.

It runs a probe on the student's code and sends back what the probe returned. It judges nothing
and knows no answer. The kernel gets this file and serialization.py as text; the reference process
imports it, so that both answer in the same way.
"""

from __future__ import annotations

import asyncio
import builtins
import errno
import functools
import getpass
import importlib
import importlib.util
import linecache
import os
import random
import re
import shutil
import socket
import struct
import sys
import traceback
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import CodeType
from typing import Any

import numpy
import torch

from autograder.kernel import compat, offline, portability, serialization, statements, stubs

NUMBER = 16
FOLDER = Path()  # where the files of a submission are; its cells may change the directory
MAIN = "__main__"
HEADER = struct.Struct(f">{NUMBER}sQ??")  # number and size; has it printed, has the agent failed?


class NotebookCode:
    """What a person wrote: the names of a notebook, and the modules that lie beside it.

    `code.attention_scores` is a name of the notebook; `code.bert` is the module bert.py.
    """

    def __init__(self, names: MutableMapping[str, Any], folder: Path) -> None:
        self._names = names
        self._folder = folder

    def __getattr__(self, name: str) -> Any:
        if (self._folder / f"{name}.py").is_file():
            return importlib.import_module(name)
        if name in self._names:
            return self._names[name]
        if (MAIN, name) in statements.errors:
            raise statements.errors[MAIN, name]
        raise NameError(f"name '{name}' is not defined")

    @contextmanager
    def played(self, **parts: Any) -> Iterator[None]:
        """For a while, names of the notebook mean something else: a recorder, a small model.

        The person's own functions look names up in the notebook, and so find what is played.
        """
        names = self._names
        before = {name: names[name] for name in parts if name in names}
        names.update(parts)
        try:
            yield
        finally:
            for name in parts:
                names.pop(name, None)
            names.update(before)


def call(code: NotebookCode, name: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """The probe that most tests need: call one of the person's functions by its name."""
    return getattr(code, name)(*args, **kwargs)


def nothing(code: NotebookCode) -> None:
    """The probe that only shows that somebody is there to answer."""


def answer(request: bytes, code: NotebookCode) -> bytes:
    """Run the probe that `request` names on `code`; return its value, or what went wrong.

    The request holds `probes` (source text), `function`, `inputs`; the answer holds `value`, or
    `error` with its type, message and place.
    """
    asked = serialization.unpack(request)
    try:
        probe = _probe(asked["probes"], asked["function"])
        if probe is not nothing:  # cells draw on
            _seed()
        value = probe(code, **asked["inputs"])
        return serialization.pack({"value": value})
    except BaseException as error:  # SystemExit and KeyboardInterrupt, too, are the person's doing
        return serialization.pack({"error": _describe(error, Path(code._folder), asked["probes"])})


def _seed() -> None:
    """Begin random numbers anew: dropout that is on by mistake has the same values everywhere."""
    random.seed(0)
    numpy.random.seed(0)
    torch.manual_seed(0)


def _probe(source: str, function: str) -> Callable[..., Any]:
    if not source:
        known: dict[str, Callable[..., Any]] = {"call": call, "nothing": nothing}
        return known[function]
    namespace: dict[str, Any] = {"__name__": "probes"}  # no probe finds what another one left
    exec(_compiled(source), namespace)
    return namespace[function]


@functools.cache
def _compiled(source: str) -> CodeType:
    return compile(source, "<probe>", "exec")


def _without_probes(message: str, source: str) -> str:
    """An error's message without names of the probe: a method of a stand-in keeps its own name."""
    message = re.sub(r"(?:\w+\.)*<locals>\.", "", message)
    for name in re.findall(r"^\s*class (_\w+)", source, re.MULTILINE):
        message = re.sub(rf"\b{name}\.(?=\w)", "", message)
        message = re.sub(rf"\b{name}\b", "stand-in", message)
    return message


def _describe(error: BaseException, folder: Path, source: str) -> dict[str, Any]:
    """Type, message, and the last line of the person's own code that the error passed.

    `source` is the text of the probe, whose names mean nothing to the person.
    """
    where = line = ""
    message = _without_probes(str(error), source)
    frames = traceback.extract_tb(error.__traceback__)
    for frame in frames:
        file = Path(frame.filename)
        own = file.parent == folder or "ipykernel" in frame.filename
        if own and frame.lineno is not None:
            name = file.name if file.parent == folder else "the notebook"
            where, line = f"{name}, line {frame.lineno}", frame.line or ""
    if isinstance(error, SyntaxError) and error.filename:
        where = f"{Path(error.filename).name}, line {error.lineno}"
        line = (error.text or linecache.getline(error.filename, error.lineno or 0)).strip()
        message = error.msg
    return {"type": type(error).__name__, "message": message[:2000], "where": where,
            "line": line[:500], "lacking": _lacking(error)}


def _lacking(error: BaseException | None) -> str:
    """What this machine lacks, where that is why the error came; empty where it is not."""
    if isinstance(error, NameError):
        error = next((kept for (_, name), kept in statements.errors.items() if name == error.name),
                     None)
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, ModuleNotFoundError) and error.name:
            package = error.name.partition(".")[0]
            if importlib.util.find_spec(package) is None:
                return f"the package {package[:60]}"
        if isinstance(error, socket.gaierror) or (isinstance(error, OSError)
                                                  and error.errno == errno.ENETUNREACH):
            return "the network"
        error = error.__cause__ or error.__context__
    return ""


def put_back(files: dict[str, bytes]) -> list[str] | None:
    """Write files that no longer hold this where they were handed in; return which these were.

    Modules of these names are then imported anew. None where all files are as they should be.
    """
    changed = []
    for name, data in files.items():
        path = FOLDER / name
        with suppress(OSError):
            if not path.is_symlink() and path.read_bytes() == data:
                continue
        with suppress(OSError):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
            path.write_bytes(data)
        changed.append(name)
    if not changed:
        return None
    for name in files:
        sys.modules.pop(Path(name).stem, None)
    importlib.invalidate_caches()
    return changed


class Line:
    """The kernel's end of the socket on which the judge asks (channel.py).

    Cells come through Jupyter. Between them the loop that runs them reads one question whole and
    answers it, in the same thread.
    """

    def __init__(self, path: str, shell: Any) -> None:
        self._shell = shell
        self._process = os.getpid()
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(path)
        asyncio.get_running_loop().add_reader(self._socket, self._serve)

    def _serve(self) -> None:
        self._leave_if_copy()
        number, size, _, _ = HEADER.unpack(self._read(HEADER.size))
        request = self._read(size)
        kernel = self._shell.kernel
        builtins.input, getpass.getpass = kernel.raw_input, kernel.getpass  # wait for nobody
        sent = kernel.session.message_count
        self._return_to_folder()
        try:
            with self._shell.builtin_trap, stubs.whole():
                data, failed = answer(request, NotebookCode(self._shell.user_ns, FOLDER)), False
        except BaseException as error:
            message = f"{type(error).__name__}: {str(error)[:500]}"
            data, failed = message.encode(errors="replace"), True
        self._shell.events.trigger("post_execute")  # as after a cell: figures are closed
        self._leave_if_copy()
        for stream in (sys.stdout, sys.stderr):
            with suppress(Exception):
                stream.flush()
        printed = kernel.session.message_count != sent
        if printed:
            self._tell_the_end(number)
        self._socket.sendall(HEADER.pack(number, len(data), printed, failed) + data)

    def _return_to_folder(self) -> None:
        """Find modules and files, whichever directory the notebook has changed to."""
        folder = str(FOLDER)
        os.chdir(folder)
        if folder not in sys.path:
            sys.path.insert(0, folder)

    def _leave_if_copy(self) -> None:
        """A process that student code forked and let run on here has nothing to say."""
        if os.getpid() != self._process:
            os._exit(0)

    def _read(self, size: int) -> bytes:
        data = bytearray(size)
        view = memoryview(data)
        while view:
            count = self._socket.recv_into(view)
            if count == 0:
                os._exit(0)  # nobody asks any more
            view = view[count:]
        return bytes(data)

    def _tell_the_end(self, number: bytes) -> None:
        """Send a message after all that was printed, so that the judge can wait for it."""
        kernel = self._shell.kernel
        kernel.session.send(kernel.iopub_socket, "status", {"execution_state": "idle"},
                            parent={"msg_id": number.hex()}, ident=b"status")


def settle(questions: str, lenient: bool = False) -> None:
    """Make a kernel ready for grading: modules beside the notebook, stand-ins, no shell.

    Probes come on the socket `questions`. `lenient` takes names of older libraries as their
    successors.
    """
    from IPython import get_ipython

    def no_breakpoint(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("a breakpoint was left in the code")

    def no_shell(command: str) -> None:
        print("(shell commands are not run while grading)")

    if "HF_HOME" in os.environ:
        offline.lay_links(Path(os.environ["HF_HUB_CACHE"]).parent, Path(os.environ["HF_HOME"]))
    stubs.install(portability.changes(), compat.changes() if lenient else {})
    global FOLDER
    FOLDER = Path.cwd()
    sys.path.insert(0, str(FOLDER))
    sys.breakpointhook = no_breakpoint
    shell = get_ipython()
    shell.system = shell.system_piped = shell.system_raw = no_shell
    _live_on(shell)
    statements.install(shell, Path.cwd())
    Line(questions, shell)


def _live_on(shell: Any) -> None:
    """Let the kernel go on where code asks Jupyter to end or restart it, and print a note.

    Jupyter's own loop would end a moment later, while an innocent cell runs.
    """

    def no_end(*args: Any, **kwargs: Any) -> None:
        print(f"{statements.NOTE}the kernel is neither ended nor restarted)")

    def stay(change: dict[str, Any]) -> None:
        if change["new"]:
            shell.exit_now = False
            no_end()

    shell.ask_exit = no_end
    shell.kernel.do_shutdown = no_end
    shell.unobserve_all("exit_now")
    shell.observe(stay, "exit_now")
