"""What stopped student code, told from the sentences that the kernel and the judge write.

Only whole sentences count: what a student's own exception says stands in one as well, and may say
anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from autograder.results.verdict import PartVerdict, Verdict

NO_START = "with the files of this submission no Jupyter kernel starts"
NOT_JUDGED = "not judged: "  # how the flag of a work begins whose judge died or hung
TIME, MEMORY, OUTPUT = "ran out of time", "ran out of memory", "printed without end"
BLOCKED, CRASHED = "made a system call that is blocked", "crashed, or ended its own process"
START, LOST = "kept its kernel from starting", "was lost: its judge died or hung"
KINDS = (TIME, MEMORY, OUTPUT, BLOCKED, CRASHED, START, LOST)

WHO = (r"(?:Your code|[\w.-]+\.py, while it was imported,"
       r"|A code cell of the notebook \(number \d+ of those run\):) ")
SAID = {
    TIME: r"ran for more than [\d.e+]+ s and was stopped\.?",
    MEMORY: r"(?:ran out of memory(?: at .*)?|used more than the \d+ MiB of memory that are allowed"
            r" in all)\.?",
    OUTPUT: r"printed more than \d+ MiB and was stopped\.?",
    BLOCKED: r"made a system call that is blocked while grading, and was stopped\.?",
    CRASHED: r"(?:crashed the Python process \(signal \d+\)|ended its own process"
             r"(?: \(exit status -?\d+\))?|was killed \(signal 9\)|gave no answer)\.?",
}
PATTERNS = {kind: re.compile(WHO + said, re.S) for kind, said in SAID.items()}
USED_UP = re.compile(r"not tried: this submission's time was used up by what came before\.?", re.I)
RAISED = re.compile(r"Your code stopped with ")


def kind(sentence: str) -> str | None:
    """What a sentence says has stopped the process; None for any other sentence."""
    if sentence.rstrip(".").lower() == NO_START.lower():
        return START
    if USED_UP.fullmatch(sentence):
        return TIME
    return next((kind for kind, one in PATTERNS.items() if one.fullmatch(sentence)), None)


def kinds(verdict: Verdict) -> Iterator[str]:
    """All that stopped one exercise of a submission, each kind once."""
    said = [*verdict.events, *(text for part in verdict.parts for text in part.says)]
    found = {kind(sentence) for sentence in said}
    if any(flag.startswith(NOT_JUDGED) for part in verdict.parts for flag in part.flags):
        found.add(LOST)
    return (one for one in KINDS if one in found)


def stopped(part: PartVerdict) -> bool:
    """Whether a part's first sentence is that its code raised an error, or was stopped."""
    first = part.says[0] if part.says else ""
    return bool(RAISED.match(first)) or kind(first) is not None
