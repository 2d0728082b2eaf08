"""The matrix of `autograder validate`: a row for each case, a column for each part.

Where there are more parts than there is room for, a case's row names those that it loses in.
"""

from __future__ import annotations

from collections.abc import Iterator

from rich.text import Text

from autograder.terminal import Grid
from autograder.validate import Result, problem

CASE = 24  # characters of a case's name, at least; longer ones are folded
OTHERS = 40  # for the kind, what was named, and borders
NOTHING = "."
ORDER = ("reference", "skeleton", "misconception", "double", "variant")


def table(assignment: str, results: list[Result], width: int) -> Grid:
    """Points lost by each case in each part; `.` where none are. `width` is in characters."""
    parts = list(dict.fromkeys(part.part for result in results for part in result.verdict.parts))
    grid = Grid(title=f"{assignment}: points lost")
    grid.add_column("case", overflow="fold", min_width=CASE)
    grid.add_column("kind")
    short = [part.removeprefix(f"{assignment}_") for part in parts]
    wide = CASE + OTHERS + sum(len(part) + len(" |  ") for part in short) > width
    for part in ["loses in"] if wide else parts:
        grid.add_column(part.removeprefix(f"{assignment}_"), justify="left" if wide else "right")
    grid.add_column("named", justify="center")
    grid.add_column("problem", style="red")
    for result in sorted(results, key=_order):
        case = result.case
        losses = [_cell(result, part) for part in parts]
        if wide:
            lost = [Text(f"{part.removeprefix(f'{assignment}_')} ").append(cell)
                    for part, cell in zip(parts, losses, strict=True) if cell.plain != NOTHING]
            losses = [Text(", ").join(lost) if case.kind != "skeleton"
                      else Text(f"{len(lost)} parts")]
        grid.add_row(case.name, case.kind, *losses, _named(result), result.problem)
    return grid


def reasons(results: list[Result]) -> Iterator[str]:
    """What the judge said where a case is not as it should be: its sentences, and those for staff.

    Of the skeleton's parts those speak that earn something, of other cases' those that lose.
    """
    for result in sorted(results, key=_order):
        if result.problem:
            yield f"{result.case.name}: {result.problem}"
            for part in result.verdict.parts:
                if part.points if result.case.kind == "skeleton" else result.lost(part.part):
                    said = " ".join([*part.says, *part.flags, *part.staff])
                    yield f"  {part.part}, {part.points:g} of {part.max_points:g}: {said}"


def unnamed(results: list[Result], seed: int) -> Iterator[str]:
    """Which misconceptions the feedback does not name, and how often it names both of two."""
    missed = [r.case.name for r in results if r.case.kind == "misconception" and not _own(r)]
    if missed:
        yield f"not named: {', '.join(missed)}"
    pairs = [r for r in results if r.case.kind == "double"]
    if pairs:
        both = sum(set(r.named) == set(r.case.planted) for r in pairs)
        yield (f"of {len(pairs)} pairs, drawn with --seed {seed}, both are named in {both}, one in "
               f"{sum(_own(r) for r in pairs) - both}")


def summary(results: list[Result]) -> str:
    """The last line: what was caught, lost elsewhere, accepted, and named in the feedback.

    `false` counts sentences of misconceptions that are not there, those of drawn pairs included.
    `visible` counts right answers on which the visible checks agree with the hidden tests.
    """
    misconceptions = [r for r in results if r.case.kind == "misconception"]
    variants = [r for r in results if r.case.kind == "variant"]
    caught = sum(r.lost(r.case.part) > 0 for r in misconceptions)
    elsewhere = sum(part.points < part.max_points
                    for r in misconceptions for part in r.verdict.parts
                    if part.part != r.case.part)
    accepted = sum(not problem(r.case, r.verdict) for r in variants)
    right = [r for r in results if r.case.right]
    return (f"misconceptions={caught}/{len(misconceptions)} elsewhere={elsewhere} "
            f"variants={accepted}/{len(variants)} "
            f"visible={sum(not r.unlike for r in right)}/{len(right)} "
            f"named={sum(map(_own, misconceptions))}/{len(misconceptions)} "
            f"false={sum(len(set(r.named) - set(r.case.planted)) for r in results)} "
            f"reference={_extreme(results, 'reference')} "
            f"skeleton={_extreme(results, 'skeleton')}")


def _extreme(results: list[Result], kind: str) -> str:
    chosen = [result.verdict for result in results if result.case.kind == kind]
    if not chosen:
        return "not-run"
    if all(verdict.points == verdict.max_points for verdict in chosen):
        return "full"
    points = sum(verdict.points for verdict in chosen)
    return f"{points:g}" if points else "zero"


def _cell(result: Result, part: str) -> Text:
    lost = result.lost(part)
    own = part == result.case.part or result.case.kind in ("skeleton", "variant")
    return Text(f"{lost:g}" if lost else NOTHING, "" if own or not lost else "red")


def _own(result: Result) -> bool:
    """Whether the feedback names a misconception that is there."""
    return bool(set(result.named) & set(result.case.planted))


def _named(result: Result) -> str:
    """Whether the feedback names what is there: yes, one of two, a false one, or nothing."""
    if not result.case.planted:
        return ""
    if set(result.named) - set(result.case.planted):
        return "false"
    return ("yes" if len(set(result.named)) == len(result.case.planted) else "one") if _own(
        result) else "-"


def _order(result: Result) -> tuple[int, str, str]:
    return ORDER.index(result.case.kind), result.case.part, result.case.name
