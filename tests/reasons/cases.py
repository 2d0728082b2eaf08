"""Verdicts of all kinds, made by the judge's own code without a kernel: by what happened."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

from autograder.judge.answer import BUSY, Failure, read_answer, unpack
from autograder.judge.compare import ReferenceFailed, StudentFailed
from autograder.judge.pool import JudgingFailed
from autograder.judge.scoring import Tally
from autograder.judge.steps import ExecutionStep
from autograder.judge.student_runner import NO_KERNEL, USED_UP
from autograder.judge.testing import Wrong
from autograder.kernel import serialization
from autograder.kernel.isolation import seccomp
from autograder.kernel.isolation.policy import Limits
from autograder.kernel.owntime import Budget, OutOfTime, Stalled
from autograder.kernel.session import KernelSession, Outcome
from autograder.results.reason import Code, Reason, misconception
from autograder.results.verdict import PartVerdict, Verdict, nothing

MOST = {"toy_words": 4.0, "toy_count": 3.0, "toy_scale": 3.0}
CAPITALS = "Your words keep their capitals, so that one word counts as two."
ERROR = {"type": "KeyError", "message": "'a'", "where": "the notebook, line 3", "line": "f(x)"}


def ends() -> dict[str, Outcome]:
    """How a kernel can end, as the session tells it."""
    session = KernelSession.__new__(KernelSession)
    session.limits = Limits()
    budget = Budget(None, 20.0, 100.0)

    def last(status: int | None, ran_out: bool = False) -> Outcome:
        session._manager = SimpleNamespace(provisioner=SimpleNamespace(  # type: ignore[assignment]
            process=SimpleNamespace(returncode=status), group=SimpleNamespace(ran_out=ran_out)))
        return Outcome("died", session._last_words())

    return {
        "timeout": session._over(OutOfTime(), budget), "stalled": session._over(Stalled(), budget),
        "flooded": session._flooded(), "memory": last(-9, ran_out=True),
        "blocked": last(-seccomp.BLOCKED), "killed": last(-9), "segfault": last(-11),
        "exit": last(3), "gone": last(None)}


def verdicts() -> Iterator[tuple[str, Verdict]]:
    """A verdict for each thing that can happen; `toy_words` is the part that it happens to."""
    yield "right", verdict()
    for name, outcome in ends().items():
        failure = read_answer(outcome).failure
        yield f"probe {name}", verdict(StudentFailed(failure))
        if name != "stalled":
            cell, module = ExecutionStep("", number=3).ended(outcome.why), ExecutionStep(
                "", module="toy").ended(outcome.why)
            yield f"cell {name}", verdict(incidents=(cell,))
            yield f"module {name}", verdict(
                StudentFailed(Failure(module, "EndedAtImport")), incidents=(module,))
    raised = Outcome("error", Reason(Code.RAISED, error="KeyError", message="'a'"))
    yield "cell raised", verdict(incidents=tuple(ExecutionStep("", number=2).reported(raised)))
    for name, values in {"raised": {}, "unwritten": {"type": "NotImplementedError"},
                         "no memory": {"type": "MemoryError"},
                         "lacking": {"lacking": "the network"}}.items():
        packed = serialization.pack({"error": {**ERROR, **values}})
        yield name, verdict(StudentFailed(unpack(packed).failure))
    yield "unreadable", verdict(StudentFailed(unpack(b"\0").failure))
    for name, why in {"used up": USED_UP, "busy": BUSY, "no kernel": NO_KERNEL}.items():
        yield name, verdict(StudentFailed(Failure(why, fatal=True, untried=why)),
                            incidents=(NO_KERNEL,) * (why is NO_KERNEL))
    yield "wrong", verdict(Wrong("the words differ"))
    yield "asserted", verdict(AssertionError("the words of a text differ"))
    yield "odd", verdict(RuntimeError("odd"))
    yield "reference", verdict(ReferenceFailed("it raised"))
    yield "misconception", verdict(reasons=[misconception("capitals-kept", CAPITALS)])
    yield "no test", verdict(weight=0.0)
    yield "log", verdict(review=[Reason(Code.TEST_FLAG, text="result.log: too good")])
    yield "borrowed", verdict(review=[Reason(Code.COPIED, where="bert.py", tokens=40,
                                             source="a/b.py")])
    lost = JudgingFailed(Reason(Code.JUDGE_DIED, error="signal 9")).why
    yield "lost", nothing("toy", MOST, lost, review=(Reason(Code.NOT_JUDGED, why=lost),))


def verdict(error: BaseException | None = None, incidents: tuple[Reason, ...] = (),
            weight: float = 1.0, **found: list[Reason]) -> Verdict:
    """The score of a test of `toy_words` that ended in `error`."""
    tally = Tally(MOST["toy_words"], weight)
    if error is not None:
        tally.failed(error)
    elif "reasons" not in found:
        tally.passed = weight
    for name, values in found.items():
        setattr(tally, name, values)
    others = tuple(PartVerdict(part, most, most) for part, most in list(MOST.items())[1:])
    return Verdict("toy", (tally.verdict("toy_words"), *others), incidents, 7, 2.0)
