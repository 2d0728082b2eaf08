"""The nursery: a process that has imported the libraries, and forks a kernel whenever asked.

It runs inside the sandbox (nursery_process.py starts it there, giving it as text), and holds
nothing of any submission. Each kernel that it forks enforces its policy (isolation/policy.py) on
itself before it runs a line of student code. It then waits to be let go, and fetches its home:
until then its `files` may be empty.

Several judges may come to its door, a unix socket; the kernels that one has asked for end with its
line. On a line, requests and answers are JSON lines:

                                    ->      {"ready": true}
    {"start": "7", "connection": ..., "policy": ...}
    {"go": "7"}
    {"kill": "7"}                   ->      {"ended": "7", "status": -9}

It ends when its stdin does.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import random
import selectors
import shutil
import signal
import socket
import sys
from typing import Any, NoReturn

from autograder.kernel.isolation import namespaces
from autograder.kernel.isolation.policy import HOME, SUBMISSION, WORK, Policy

GATE = 3  # the descriptor at which a kernel waits
# What every kernel imports while it starts.
JUPYTER = ("ipykernel.kernelapp", "ipykernel.ipkernel", "ipykernel.debugger", "sqlite3",
           "IPython.core.completerlib", "IPython.extensions.storemagic", "tornado.queues",
           "tornado.platform.asyncio", "encodings.idna")


def main(door: int, preload: list[str], trial: dict[str, Any]) -> None:
    """Import, try the walls, then fork kernels for whoever comes to the door (a descriptor)."""
    _import(preload)
    pid = os.fork()
    if pid == 0:
        _become_keeper(trial)
    if os.waitpid(pid, 0)[1] != 0:
        sys.exit(1)  # what went wrong is on stderr
    gc.collect()
    gc.freeze()  # what is here stays shared between all kernels
    listening = socket.socket(fileno=door)
    with selectors.DefaultSelector() as selector:
        selector.register(0, selectors.EVENT_READ, sys.exit)
        selector.register(
            door, selectors.EVENT_READ, lambda: _Visitor(listening.accept()[0].detach(), selector))
        while True:
            for key, _ in selector.select():
                key.data()


def _import(preload: list[str]) -> None:
    """Import what kernels will need; what cannot be imported, they will miss in their own way."""
    for name in [*JUPYTER, *preload]:
        try:
            importlib.import_module(name)
        except Exception as error:
            print(f"{name} is not imported ahead: {error}", file=sys.stderr)
    for name in [name for name in sys.modules if name.partition(".")[0] == "autograder"]:
        del sys.modules[name]  # a kernel is to find no more of us than one that starts cold
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)  # a fork takes no other threads along


class _Visitor:
    """A judge at the other end of a line, and the kernels that it has asked for."""

    def __init__(self, line: int, selector: selectors.BaseSelector) -> None:
        self._line, self._selector = line, selector
        self._heard = b""
        self._kernels: dict[str, int] = {}  # pids by name
        self._gates: dict[str, int] = {}  # what is written there lets a kernel go
        selector.register(line, selectors.EVENT_READ, self._hear)
        self._say(ready=True)

    def _hear(self) -> None:
        data = b""
        with contextlib.suppress(ConnectionResetError):
            data = os.read(self._line, 65536)
        if not data:
            self._leave()
            return
        *lines, self._heard = (self._heard + data).split(b"\n")
        for line in lines:
            self._obey(json.loads(line))

    def _obey(self, request: dict[str, Any]) -> None:
        if "kill" in request:
            self._kill(request["kill"])
        elif "go" in request:
            self._shut(request["go"], b"go")
        else:
            self._start(request["start"], request)

    def _start(self, name: str, request: dict[str, Any]) -> None:
        request["gate"], self._gates[name] = os.pipe()
        pid = os.fork()
        if pid == 0:
            _become_keeper(request)
        os.close(request["gate"])
        self._kernels[name] = pid
        end = os.pidfd_open(pid)
        self._selector.register(end, selectors.EVENT_READ, lambda: self._bury(name, end))

    def _bury(self, name: str, end: int) -> None:
        self._selector.unregister(end)
        os.close(end)
        _, status = os.waitpid(self._kernels.pop(name), 0)
        self._shut(name)
        self._say(ended=name, status=os.waitstatus_to_exitcode(status))

    def _kill(self, name: str) -> None:
        if name in self._kernels:
            os.kill(self._kernels[name], signal.SIGKILL)

    def _shut(self, name: str, word: bytes = b"") -> None:
        """Say the word at a kernel's gate, and leave it. One that has ended hears nothing."""
        gate = self._gates.pop(name, None)
        if gate is not None:
            with contextlib.suppress(BrokenPipeError):
                os.write(gate, word)
            os.close(gate)

    def _leave(self) -> None:
        """The judge has gone: its kernels end, and are buried as others are."""
        self._selector.unregister(self._line)
        os.close(self._line)
        self._line = -1
        for name in self._kernels:
            self._kill(name)

    def _say(self, **message: Any) -> None:
        if self._line >= 0:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                os.write(self._line, json.dumps(message).encode() + b"\n")


def _become_keeper(request: dict[str, Any]) -> NoReturn:
    """Leave for namespaces of one's own; stay outside their pids, to tell how the kernel ended."""
    try:
        policy = Policy.from_json(request["policy"])
        namespaces.end_with_parent()
        os.setsid()
        namespaces.join_cgroups(policy)
        namespaces.unshare()
        pid = os.fork()
        if pid == 0:
            _become_init(request, policy)
        _, status = os.waitpid(pid, 0)
        code = os.waitstatus_to_exitcode(status)
        os._exit(code if code >= 0 else 128 - code)
    except BaseException as error:
        print(f"no kernel could be forked: {error}", file=sys.stderr, flush=True)
        os._exit(127)


def _become_init(request: dict[str, Any], policy: Policy) -> NoReturn:
    """Process 1 of the new namespace: build the walls, fork the kernel, reap what it leaves."""
    try:
        namespaces.end_with_parent()
        namespaces.mount(policy)
        if "start" not in request:
            os.stat(sys.executable)  # what a kernel's own child processes will start
            os._exit(0)
        kernel = os.fork()
        if kernel == 0:
            _become_kernel(request, policy)
        _silence()
        while True:
            pid, status = os.wait()
            if pid == kernel:
                code = os.waitstatus_to_exitcode(status)
                os._exit(code if code >= 0 else 128 - code)  # and everything in here ends with us
    except BaseException as error:
        print(f"no walls could be built: {error}", file=sys.stderr, flush=True)
        os._exit(127)


def _become_kernel(request: dict[str, Any], policy: Policy) -> NoReturn:
    """Give up every right, and run a Jupyter kernel until it ends."""
    try:
        namespaces.limit(policy)
        namespaces.drop_rights(policy.uid)
        _silence(request["gate"])
        os.mkdir(HOME)
        os.mkdir(WORK)
        os.chdir(WORK)
        os.environ["PWD"] = WORK
        _reseed()
        namespaces.load_filter(policy.seccomp)
    except BaseException:
        os._exit(126)
    _serve(request["connection"])
    os._exit(0)


def _wait_and_fetch() -> None:
    """Wait at the gate; then copy what the submission's folder holds into the home."""
    try:
        if not os.read(GATE, 2):
            os._exit(125)  # nobody will ever come
        os.close(GATE)
        shutil.copytree(SUBMISSION, WORK, symlinks=True, dirs_exist_ok=True)
        for root, folders, names in os.walk(WORK):
            for name in (*folders, *names):
                path = os.path.join(root, name)
                if not os.path.islink(path):
                    os.chmod(path, os.stat(path).st_mode | 0o200)
    except BaseException:
        os._exit(126)


def _silence(gate: int | None = None) -> None:
    """Nothing of the nursery stays open, no pipe, no pidfd, but the kernel's own gate."""
    if gate is not None:
        os.dup2(gate, GATE)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    os.closerange(GATE if gate is None else GATE + 1, 4096)


def _reseed() -> None:
    """No random state is shared between kernels."""
    random.seed()
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()
    if "torch" in sys.modules:
        sys.modules["torch"].seed()


def _serve(connection: str) -> None:
    """What `python -m ipykernel_launcher -f CONNECTION` does, with a wait before the last step."""
    main_module = type(sys)("__main__")
    sys.modules["__main__"] = main_module
    sys.argv = ["ipykernel_launcher", "-f", connection, "--InteractiveShellApp.ignore_cwd=True"]
    application = sys.modules["ipykernel.kernelapp"].IPKernelApp
    application.clear_instance()
    kernel = application.instance()
    kernel.initialize(sys.argv[1:])
    _wait_and_fetch()
    kernel.start()
