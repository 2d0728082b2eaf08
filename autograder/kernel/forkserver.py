"""The fork server: a process that has imported the libraries, and forks a kernel when asked.

It runs inside the sandbox (pool.py starts it there, sending it as text) and holds nothing of any
submission. Each kernel that it forks enforces its policy (isolation/policy.py) on itself before it
runs a line of student code. The kernel then waits to be released, and copies its files only then:
until then the folder that they come from may be empty.

Several judges may connect, on a unix socket. A judge's kernels end with its connection, on which
requests and answers are JSON lines:

                                                            ->      {"ready": true}
    {"start": "7", "connection": FILE, "policy": POLICY}
    {"go": "7"}
    {"kill": "7"}                                           ->      {"ended": "7", "status": -9}

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

RELEASE = 3  # the file descriptor from which a kernel reads that it may start
# What every kernel imports while it starts.
JUPYTER = ("ipykernel.kernelapp", "ipykernel.ipkernel", "ipykernel.debugger", "sqlite3",
           "IPython.core.completerlib", "IPython.extensions.storemagic", "tornado.queues",
           "tornado.platform.asyncio", "encodings.idna")


def main(listener: int, preload: list[str], trial: dict[str, Any]) -> None:
    """Import, try to isolate a process, then fork kernels for whoever connects.

    `listener` is the descriptor of the listening socket, `trial` a request without a kernel.
    """
    _import(preload)
    pid = os.fork()
    if pid == 0:
        _become_supervisor(trial)
    if os.waitpid(pid, 0)[1] != 0:
        sys.exit(1)  # what went wrong is on stderr
    gc.collect()
    gc.freeze()  # what is here stays shared between all kernels
    listening = socket.socket(fileno=listener)
    with selectors.DefaultSelector() as selector:
        selector.register(0, selectors.EVENT_READ, sys.exit)
        selector.register(listener, selectors.EVENT_READ,
                          lambda: _Client(listening.accept()[0].detach(), selector))
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


class _Client:
    """A connected judge, and the kernels that it has asked for."""

    def __init__(self, connection: int, selector: selectors.BaseSelector) -> None:
        self._connection, self._selector = connection, selector
        self._received = b""
        self._kernels: dict[str, int] = {}  # pids by name
        self._releases: dict[str, int] = {}  # pipes by name: what is written releases the kernel
        selector.register(connection, selectors.EVENT_READ, self._receive)
        self._send(ready=True)

    def _receive(self) -> None:
        data = b""
        with contextlib.suppress(ConnectionResetError):
            data = os.read(self._connection, 65536)
        if not data:
            self._disconnect()
            return
        *lines, self._received = (self._received + data).split(b"\n")
        for line in lines:
            self._handle(json.loads(line))

    def _handle(self, request: dict[str, Any]) -> None:
        if "kill" in request:
            self._kill(request["kill"])
        elif "go" in request:
            self._release(request["go"], b"go")
        else:
            self._start(request["start"], request)

    def _start(self, name: str, request: dict[str, Any]) -> None:
        request["release"], self._releases[name] = os.pipe()
        pid = os.fork()
        if pid == 0:
            _become_supervisor(request)
        os.close(request["release"])
        self._kernels[name] = pid
        end = os.pidfd_open(pid)
        self._selector.register(end, selectors.EVENT_READ, lambda: self._reap(name, end))

    def _reap(self, name: str, end: int) -> None:
        self._selector.unregister(end)
        os.close(end)
        _, status = os.waitpid(self._kernels.pop(name), 0)
        self._release(name)
        self._send(ended=name, status=os.waitstatus_to_exitcode(status))

    def _kill(self, name: str) -> None:
        if name in self._kernels:
            os.kill(self._kernels[name], signal.SIGKILL)

    def _release(self, name: str, word: bytes = b"") -> None:
        """Write to a kernel's pipe, if it lives, and close it."""
        pipe = self._releases.pop(name, None)
        if pipe is not None:
            with contextlib.suppress(BrokenPipeError):
                os.write(pipe, word)
            os.close(pipe)

    def _disconnect(self) -> None:
        """The judge has gone: end its kernels, which are then reaped as others are."""
        self._selector.unregister(self._connection)
        os.close(self._connection)
        self._connection = -1
        for name in self._kernels:
            self._kill(name)

    def _send(self, **message: Any) -> None:
        if self._connection >= 0:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                os.write(self._connection, json.dumps(message).encode() + b"\n")


def _become_supervisor(request: dict[str, Any]) -> NoReturn:
    """Enter new namespaces, but stay outside that of processes, to report how the kernel ended."""
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
        os._exit(_exit_status(status))
    except BaseException as error:
        print(f"no kernel could be forked: {error}", file=sys.stderr, flush=True)
        os._exit(127)


def _become_init(request: dict[str, Any], policy: Policy) -> NoReturn:
    """Process 1 of the new namespace: mount, fork the kernel, reap what it leaves."""
    try:
        namespaces.end_with_parent()
        namespaces.mount(policy)
        if "start" not in request:
            os.stat(sys.executable)  # what a kernel's own child processes will start
            os._exit(0)
        kernel = os.fork()
        if kernel == 0:
            _become_kernel(request, policy)
        _close_descriptors()
        while True:
            pid, status = os.wait()
            if pid == kernel:
                os._exit(_exit_status(status))  # and every process in here ends with us
    except BaseException as error:
        print(f"a kernel could not be isolated: {error}", file=sys.stderr, flush=True)
        os._exit(127)


def _exit_status(status: int) -> int:
    """As shells report it: 128 and the signal's number where a signal ended the process."""
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _become_kernel(request: dict[str, Any], policy: Policy) -> NoReturn:
    """Give up every right, and run a Jupyter kernel until it ends."""
    try:
        namespaces.limit(policy)
        namespaces.drop_rights(policy.uid)
        _close_descriptors(request["release"])
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


def _wait_and_copy() -> None:
    """Wait to be released, then copy the submission's files into the working directory."""
    try:
        if not os.read(RELEASE, 2):
            os._exit(125)  # the judge has gone
        os.close(RELEASE)
        shutil.copytree(SUBMISSION, WORK, symlinks=True, dirs_exist_ok=True)
        for root, folders, names in os.walk(WORK):
            for name in (*folders, *names):
                path = os.path.join(root, name)
                if not os.path.islink(path):
                    os.chmod(path, os.stat(path).st_mode | 0o200)
    except BaseException:
        os._exit(126)


def _close_descriptors(release: int | None = None) -> None:
    """Close every descriptor of the fork server but the kernel's own `release` pipe."""
    if release is not None:
        os.dup2(release, RELEASE)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    os.closerange(RELEASE if release is None else RELEASE + 1, 4096)


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
    _wait_and_copy()
    kernel.start()
