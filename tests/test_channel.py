"""The channel of probes: quick, and nothing that the kernel says on it harms the judge."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from autograder.kernel import agent, channel, pool, serialization
from autograder.kernel import session as sessions
from autograder.kernel.channel import Channel, Flooded, Gone
from autograder.kernel.isolation.policy import Limits, Surroundings
from autograder.kernel.owntime import Budget, Stalled
from autograder.kernel.session import KernelSession, Outcome
from autograder.results.reason import Code, Reason

LIMITS = Limits(output=1, scratch=64)
# What a student finds who looks for it: our end of the socket, and the number of the question.
FOUND = """
import gc, os, sys, threading, time
from autograder.kernel import agent, serialization
line = next(one for one in gc.get_objects() if type(one) is agent.Line)

def write(data): line._socket.sendall(data)

def reply(number, value):
    data = serialization.pack({"value": value})
    write(agent.HEADER.pack(number, len(data), False, False) + data)

def asked():
    frame = sys._getframe()
    while frame.f_code.co_name != "_serve":
        frame = frame.f_back
    return frame.f_locals["number"]
"""


def kernel(home: Path) -> KernelSession:
    return KernelSession(home, LIMITS, Surroundings(preload=["numpy", "torch"]))


@pytest.fixture(scope="module", autouse=True)
def an_end() -> Iterator[None]:
    yield
    pool.close_all()


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KernelSession]:
    """One kernel for all questions that do not end it."""
    with kernel(tmp_path_factory.mktemp("home")) as session:
        define(session, FOUND)
        yield session


def define(session: KernelSession, source: str) -> None:
    outcome = session.run(source, timeout=30)
    assert outcome.kind == "done", outcome.says


def printed(session: KernelSession, source: str) -> str:
    return "".join(output.text for output in session.run(source, timeout=30).outputs)


def ask(session: KernelSession, name: str, *args: Any, timeout: float = 20) -> Outcome:
    return session.ask(serialization.pack({"probes": "", "function": "call", "inputs": {
        "name": name, "args": list(args), "kwargs": {}}}), timeout)


def value(session: KernelSession, name: str, *args: Any) -> Any:
    outcome = ask(session, name, *args)
    assert outcome.answer is not None, outcome.says
    return serialization.unpack(outcome.answer)["value"]


def last_of(home: Path, body: str, *args: Any, timeout: float = 20) -> Outcome:
    """Ask one question in a kernel of its own, which it must not survive; the next kernel works."""
    with kernel(home) as session:
        define(session, f"{FOUND}\ndef f(*args):\n    {body}")
        outcome = ask(session, "f", *args, timeout=timeout)
        assert outcome.fatal and outcome.answer is None and not session.alive
        assert ask(session, "f") == Outcome("died", Reason(Code.ALREADY_ENDED))
    with kernel(home) as session:
        define(session, "def f(): return 1")
        assert value(session, "f") == 1
    return outcome


# ------------------------------------------------------------------------- there and back


@pytest.mark.sandbox
@pytest.mark.parametrize("there", [
    "", "äöü 한국어 \U0001f600 \0", [1, None, True, 0.5], {"a": (1, 2)}, "x" * 1_000_000,
    torch.arange(1_500_000), torch.randn(1500, 2000)], ids=lambda one: type(one).__name__)
def test_what_is_sent_comes_back(session: KernelSession, there: Any) -> None:
    define(session, "def same(x): return x")
    back = value(session, "same", there)
    assert torch.equal(back, there) if isinstance(there, torch.Tensor) else back == there


@pytest.mark.sandbox
def test_probes_and_cells_take_turns(session: KernelSession) -> None:
    define(session, "count = 0\ndef more():\n    global count\n    count += 1\n    return count")
    for number in range(100):
        assert value(session, "more") == 2 * number + 1
        assert printed(session, "more(); print(count)") == f"{2 * number + 2}\n"


@pytest.mark.sandbox
def test_what_a_probe_prints_is_in_no_cells_output(session: KernelSession) -> None:
    define(session, "def loud():\n    print('x' * 500)\n    sys.stderr.write('y')\n    return 1")
    for _ in range(20):
        assert value(session, "loud") == 1
        assert printed(session, "print('z')") == "z\n"


@pytest.mark.sandbox
def test_what_was_heard_while_the_answer_came_is_not_waited_for(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last printed word may be counted before a long answer is there."""
    monkeypatch.setattr(channel, "A_MOMENT", 0.0002)
    monkeypatch.setattr(sessions, "PRINTED", 60.0)
    with kernel(tmp_path) as session:
        define(session, "import torch\ndef loud():\n    print('x')\n"
                        "    return torch.ones(2_000_000)")
        start = time.monotonic()
        assert all(ask(session, "loud").kind == "done" for _ in range(15))
        assert time.monotonic() - start < 50


@pytest.mark.sandbox
def test_figures_of_a_probe_are_closed(session: KernelSession) -> None:
    define(session, "%matplotlib inline\nimport matplotlib.pyplot as plt\ndef draw():\n"
                    "    plt.figure()\n    return len(plt.get_fignums())")
    assert [value(session, "draw") for _ in range(3)] == [1, 1, 1]


@pytest.mark.sandbox
def test_nothing_waits_for_a_person(session: KernelSession) -> None:
    define(session, "def wait(): return input()")
    answer = ask(session, "wait").answer
    assert answer is not None
    assert serialization.unpack(answer)["error"]["type"] == "StdinNotImplementedError"


@pytest.mark.sandbox
def test_an_error_without_a_text_is_an_outcome_like_any_other(session: KernelSession) -> None:
    define(session, "class Odd(Exception):\n    def __str__(self): raise ValueError('\\ud800')\n"
                    "def odd(): raise Odd")
    assert ask(session, "odd") == Outcome("error", Reason(
        Code.RAISED, error="ValueError", message="?"))


# ---------------------------------------------------------- what student code writes on the channel


@pytest.mark.sandbox
def test_what_is_written_ahead_answers_nothing(session: KernelSession) -> None:
    define(session, "for number in (b'x' * 16, bytes(16)): reply(number, 'ahead')\n"
                    "def f(x): return x")
    assert [value(session, "f", number) for number in range(3)] == [0, 1, 2]


@pytest.mark.sandbox
def test_a_second_answer_is_not_the_next_questions(session: KernelSession) -> None:
    """Who answers in the agent's place may; the agent's own answer then comes too late."""
    define(session, "def twice(x):\n    reply(asked(), 'own')\n    return x\ndef f(x): return x")
    assert value(session, "twice", 1) == "own"
    assert [value(session, "f", number) for number in range(3)] == [0, 1, 2]


@pytest.mark.sandbox
def test_a_copy_of_the_process_does_not_answer(session: KernelSession) -> None:
    define(session, "def fork(x): return [x, os.fork() == 0]")
    assert [value(session, "fork", number) for number in range(5)] == [
        [number, False] for number in range(5)]


@pytest.mark.sandbox
@pytest.mark.parametrize("said", [
    "bytes(10)", "asked() + bytes(9)", "agent.HEADER.pack(asked(), 99, False, False) + b'half'",
    "agent.HEADER.pack(bytes(16), 99, False, False) + b'half'", "b''",
], ids=["half a header", "nearly", "half a body", "half of another's", "nothing"])
def test_silence_ends_by_the_clock(tmp_path: Path, said: str) -> None:
    outcome = last_of(tmp_path, f"write({said}); time.sleep(60)", timeout=1)
    assert outcome == Outcome("timeout", Reason(Code.TIMEOUT, limit=1))


@pytest.mark.sandbox
@pytest.mark.parametrize(("body", "kind", "says"), [
    ("write(agent.HEADER.pack(asked(), 2**64 - 1, False, False)); time.sleep(60)", "flooded",
     "printed more than 1 MiB and was stopped"),
    ("while True: reply(bytes(16), 'x' * 100_000)", "flooded",
     "printed more than 1 MiB and was stopped"),
    ("while True: print('x' * 999)", "flooded", "printed more than 1 MiB and was stopped"),
    ("print('x' * 2_000_000)", "flooded", "printed more than 1 MiB and was stopped"),
    ("line._socket.close(); time.sleep(60)", "died", "gave no answer"),
    ("os.fork() or time.sleep(60); os._exit(7)", "died",
     "ended its own process (exit status 7)"),
    ("os.fork() or time.sleep(60); os.kill(os.getpid(), 9)", "died", "was killed (signal 9)"),
], ids=["huge", "many", "endless", "much", "closed", "child-exit", "child-kill"])
def test_what_cannot_go_on_is_ended_and_says_why(tmp_path: Path, body: str, kind: str, says: str
                                                 ) -> None:
    start = time.monotonic()
    outcome = last_of(tmp_path, body)
    assert (outcome.kind, outcome.says) == (kind, says)
    assert outcome.killed == ("signal 9" in says)
    assert time.monotonic() - start < 20


@pytest.mark.sandbox
def test_who_closes_all_files_is_ended(tmp_path: Path) -> None:
    """Jupyter's own threads may notice it meanwhile, and then they end the process."""
    outcome = last_of(tmp_path, "os.closerange(3, 999); time.sleep(60)")
    assert outcome.kind == "died"
    assert outcome.says in ("gave no answer", "crashed the Python process (signal 6)")


@pytest.mark.sandbox
def test_a_question_that_nobody_reads_ends_by_the_clock(tmp_path: Path) -> None:
    with kernel(tmp_path) as session:
        define(session, f"{FOUND}\nimport asyncio\n"
                        "def f(*args): asyncio.get_running_loop().remove_reader(line._socket)")
        ask(session, "f")
        assert ask(session, "f", torch.zeros(3_000_000), timeout=1).kind == "timeout"


# ------------------------------------------------------------------------ the judge's end by itself


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def test_a_dead_kernel_is_noticed_whoever_holds_its_socket(ends: Any) -> None:
    def look(number: bytes) -> None:
        raise Gone

    start = time.monotonic()
    with pytest.raises(Gone):
        Channel(ends[0], look).ask(b"x", Budget(None, 20, 20))
    assert time.monotonic() - start < 5


def test_who_dribbles_is_looked_after_too(ends: Any) -> None:
    """Where each byte comes in time, there is no silence in which to look at the clock."""
    def dribble() -> None:
        for _ in range(agent.HEADER.size):
            ends[1].sendall(bytes(1))
            time.sleep(channel.A_MOMENT / 2)

    looks: list[bytes] = []
    thread = threading.Thread(target=dribble)
    thread.start()
    with pytest.raises(Stalled):
        Channel(ends[0], looks.append).ask(b"x", Budget(None, 20, 10 * channel.A_MOMENT))
    thread.join()
    assert len(looks) >= 3


def test_more_than_may_be_read_is_not_read(ends: Any) -> None:
    ends[1].sendall(agent.HEADER.pack(bytes(16), channel.MOST, False, False))
    with pytest.raises(Flooded):
        Channel(ends[0], lambda number: None).ask(b"x", Budget(None, 20, 20))
