"""The English words of reasons: the one place where a code becomes a sentence.

A template's placeholders are the reason's values. Of several templates the first counts whose
values are all there. A translation is one of the template (report/feedback/language.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable

from autograder import text
from autograder.results.reason import Code, Reason, Value

TEMPLATES: dict[Code, tuple[str, ...]] = {
    Code.TIMEOUT: ("ran for more than {limit} s and was stopped",),
    Code.OUT_OF_MEMORY: ("used more than the {limit} MiB of memory that are allowed in all",),
    Code.PRINTED_TOO_MUCH: ("printed more than {limit} MiB and was stopped",),
    Code.BLOCKED_CALL: ("made a system call that is blocked while grading, and was stopped",),
    Code.KILLED: ("was killed (signal 9)",),
    Code.CRASHED: ("crashed the Python process (signal {signal})",),
    Code.ENDED_ITSELF: ("ended its own process (exit status {status})", "ended its own process"),
    Code.NO_ANSWER: ("gave no answer",),
    Code.ALREADY_ENDED: ("the kernel had already ended",),
    Code.NOT_CONNECTED: ("it did not connect",),
    Code.STALLED: ("was stopped after {seconds} s, in most of which the grading machine was busy "
                   "with other things",),
    Code.YOUR_CODE: ("your code {why}",),
    Code.IN_CELL: (
        "A code cell of the notebook (number {cell} of those run): {why}; {notes}.",
        "A code cell of the notebook (number {cell} of those run): {why}.",
        "A code cell of the notebook (number {cell} of those run): {notes}."),
    Code.IN_MODULE: ("{module}.py, while it was imported, {why}.",),
    Code.NO_KERNEL: ("with the files of this submission no Jupyter kernel starts",),
    Code.MODULE_REWRITTEN: ("A code cell of the notebook wrote to {file} while it ran; {file} "
                            "counts as it was handed in.",),
    Code.LEFT_OUT: tuple(
        f"Left out while grading: {{files}}{more}. An import would find such a file in the place "
        "of a module that is given, handed in or part of a library; those come first."
        for more in (" and {more} more", "")),
    Code.OUTDATED: ("Out of date: `{line}`. {advice}.",),
    Code.NOTE: ("{text}.",),
    Code.RAISED: ("{error}: {message} {place}", "{error}: {message}", "{error} {place}",
                  "{error}"),
    Code.AT: ("at {where} (`{line}`)", "at {where}"),
    Code.STOPPED_WITH: ("your code stopped with {why}",),
    Code.NOT_WRITTEN: ("not written yet: {why}", "not written yet"),
    Code.MEMORY_ERROR: ("your code ran out of memory {place}", "your code ran out of memory"),
    Code.UNREADABLE_ANSWER: ("your code's answer could not be read: {error}",),
    Code.TIME_USED_UP: ("not tried: this submission's time was used up by what came before",),
    Code.MACHINE_BUSY: ("not tried: the grading machine was too busy",),
    Code.LACKING: ("the grading machine has not what this needs: {what}",),
    Code.PERSON_LOOKS: ("{why} A person will look at it.",),
    Code.NO_TENSOR: ("{why}: a tensor was expected, but {found} came back",),
    Code.OTHER_SHAPE: ("{why}: the shape is {shape}, expected {expected}",),
    Code.NOT_FINITE: ("{why}: it holds NaN or infinite values",),
    Code.NOT_GRADED: ("This part could not be graded; a person will look at it.",),
    Code.ODD_VALUE: ("Your code returned something that the test could not read.",),
    Code.VERSION_FAILED: ("{error}",),
    Code.NO_TEST: ("no hidden test is there for this part",),
    Code.REFERENCE_FAILED: ("the reference itself failed: the exercise needs mending",),
    Code.TEST_STOPPED: ("a hidden test stopped with {error}: the answer is odd, or the test is",),
    Code.NOT_TRIED: ("{why}",),
    Code.NOT_JUDGED: ("not judged: {why}",),
    Code.LIBRARY_NAME: ("{file} goes by the name of a library that is not to be used",),
    Code.COPIED: ("{where} holds at least {tokens} tokens in a row of {source}, beyond what is "
                  "given and whatever the names",),
    Code.HIDDEN_CODE: ("{where} uses {names}: code may be hidden there",),
    Code.STEP_FAILED: ("{step} ({error}); the rest of the class is not touched. Look at what was "
                       "handed in, then run the same command again",),
    Code.NOT_ON_ROSTER: ("the roster has no such group: nobody gets this grade",),
    Code.JUDGES_DIED: ("the judging processes died",),
    Code.JUDGE_DIED: ("the judging process died ({error})",),
    Code.JUDGED_TOO_LONG: ("judging took more than {limit} s and was stopped",),
    Code.JUDGING_STOPPED: ("judging stopped with {error}",),
    Code.WORKERS_ENDED: ("{count} workers ended while they judged it",),
    Code.SUBMISSION_UNREADABLE: ("what lies in submitted/ cannot be read ({error})",),
    Code.TO_BE_GRADED: ("{part} ({points} points)",),
    Code.GRADED_BEFORE: ("{part} was given {points} points before another answer came in",),
    Code.GRADED_ELSEWHERE: ("{part}: formgrader has other points ({points}), or another comment, "
                            "than the desk gave",),
    Code.SECOND_DIFFERS: ("{part}: {points} points, and {second} in the second marking",),
    Code.LATE_WITHOUT_TIME: ("the platform marks it as LATE, and no time is known at which it "
                             "came: it counts as in time",),
    Code.LATE_IN_TIME: ("the platform marks it as LATE, and its time is not after the due date in "
                        "course.toml: it counts as in time",),
    Code.NOTHING_CAME: ("nothing was handed in",),
    Code.FILE_MISSING: ("{file} is missing",),
    Code.OTHER_NAME: ("handed in as {file}, expected {name}",),
    Code.NO_WRITTEN_PART: ("no written part ({file})",),
    Code.WRITTEN_TOO_LARGE: (
        "the written part cannot be read: {file} is larger than {limit} MB",),
    Code.WRITTEN_NO_PDF: ("the written part cannot be read: {file} is no PDF",),
    Code.SAID: ("{why}",),
    Code.OF_PARTS: ("{parts}: {why}",),
    Code.QUOTE: ("{text}",),
    Code.OLD_FLAG: ("{why}",),
    Code.OLD_NAME: ("{name}",),
    Code.MORE: ("And {count} more of this kind.",),
}
WITH_VALUES = (Code.TEST, Code.TEST_REMARK, Code.TEST_FLAG)  # sentences with placeholders
PLACEHOLDER = re.compile(r"\{(\w+)\}")
NAME_IN_CODE = re.compile(r"\S*([._]\w|[/\\]|\w\()")  # bert.py, input_ids, utils/, train(args)


class Untranslated(Exception):
    """A template has no translation."""


def english(reason: Reason) -> str:
    """A reason in English."""
    return text.sentence(phrase(reason, lambda template: template))


def sentence(reason: Reason) -> str:
    """A reason in English, with a capital and a full stop as students read it."""
    found = english(reason)
    return found if reason.code is Code.OLD_WORDS else text.sentence(finished(found))


def phrase(reason: Reason, translate: Callable[[str], str]) -> str:
    """A reason's words, in the language of `translate`, which may raise Untranslated."""
    values = {name: _shown(value, reason, translate)
              for name, value in reason.values.items()}
    if reason.code not in TEMPLATES:  # an exercise's or an old journal's own sentence
        own = translate(values.pop("text"))
        own = fill(own, values) if reason.code in WITH_VALUES else own
        return f"{own} {values['place']}" if "place" in values else own
    return fill(_translated(_fitting(reason), translate), values)


def fill(template: str, values: dict[str, str]) -> str:
    """A template with values in the place of their names; other braces stay as they are."""
    return PLACEHOLDER.sub(lambda name: values.get(name[1], name[0]), template)


def finished(sentence: str) -> str:
    """A sentence as it is said to students: with a capital and a full stop.

    A file or another name of the code at its beginning keeps its spelling.
    """
    sentence = text.sentence(sentence).strip()
    if not NAME_IN_CODE.match(sentence):
        sentence = sentence[:1].upper() + sentence[1:]
    return with_full_stop(sentence)


def with_full_stop(sentence: str) -> str:
    """A sentence with a full stop, where nothing else ends it."""
    return sentence if sentence.endswith((".", "?", "!")) else sentence + "."


def _fitting(reason: Reason) -> str:
    """The first template whose values are all there, else the last."""
    templates = TEMPLATES[reason.code]
    return next((one for one in templates
                 if set(PLACEHOLDER.findall(one)) <= reason.values.keys()), templates[-1])


def _translated(template: str, translate: Callable[[str], str]) -> str:
    """A template in the reader's language; one without words needs none."""
    wordless = not re.search(r"\w", PLACEHOLDER.sub("", template))
    return template if wordless else translate(template)


def _shown(value: Value, reason: Reason, translate: Callable[[str], str]) -> str:
    if isinstance(value, Reason):
        shown = phrase(value, translate)
        as_said = reason.code in (Code.PERSON_LOOKS, Code.SAID)
        return finished(shown) if as_said and value.code is not Code.OLD_WORDS else shown
    return f"{value:g}" if isinstance(value, float) else str(value)
