"""Classes of students to find copies in: an exercise's own answers, and work that is somebody's."""

from __future__ import annotations

import ast

from conftest import EXERCISES

from autograder.course import Exercise
from autograder.exercise.edits import Kind, apply, read_changes
from autograder.similarity import units
from autograder.similarity.fingerprints import Given
from autograder.similarity.pairs import ComparedSubmission
from autograder.validate import handed_in, skeleton

KINDS: tuple[Kind, ...] = ("variant", "misconception")

# A way of cutting texts into pieces that nobody would find twice.
OWN = '''
def longest_first(vocabulary, text, limit):
    """Cut a text into the longest pieces that a vocabulary knows."""
    # the position from which nothing is cut yet
    position, pieces = 0, []
    while position < len(text) and len(pieces) < limit:
        for width in range(min(17, len(text) - position), 0, -1):
            piece = text[position:position + width]
            if piece in vocabulary or width == 1:
                pieces.append((piece, position, width * 3 % 7))
                position += width
                break
    return sorted(pieces, key=lambda entry: (entry[2], -entry[1]))


def balance(counts, wanted):
    """Move what is too much to where there is too little."""
    rich = {name: count - wanted for name, count in counts.items() if count > wanted}
    moves = []
    for name in sorted(counts, key=counts.get):
        while counts[name] < wanted and rich:
            donor = max(rich, key=rich.get)
            amount = min(rich[donor], wanted - counts[name], 5)
            moves.append((donor, name, amount))
            counts[name] += amount
            rich[donor] -= amount
            if not rich[donor]:
                rich.pop(donor)
    return moves
'''

# The same functions as somebody else would write them.
ANOTHER = '''
def longest_first(vocabulary, text, limit):
    """Cut a text into the longest pieces that a vocabulary knows."""
    result = []
    start = 0
    known = set(vocabulary)
    while start != len(text):
        end = min(start + 17, len(text))
        while end > start + 1 and text[start:end] not in known:
            end -= 1
        result.append((text[start:end], start, (end - start) * 3 % 7))
        start = end
        if len(result) == limit:
            break
    result.sort(key=lambda p: p[1], reverse=True)
    result.sort(key=lambda p: p[2])
    return result


def balance(counts, wanted):
    """Move what is too much to where there is too little."""
    import heapq
    heap = [(-(n - wanted), key) for key, n in counts.items() if n > wanted]
    heapq.heapify(heap)
    out = []
    for n, key in sorted((n, key) for key, n in counts.items() if n < wanted):
        need = wanted - n
        while need and heap:
            surplus, giver = heapq.heappop(heap)
            take = min(-surplus, need, 5)
            need = need - take
            out.append((giver, key, take))
            if surplus + take < 0:
                heapq.heappush(heap, (surplus + take, giver))
        counts[key] = wanted - need
    return out
'''


def of_text(owner: str, text: str, party: str = "", earlier: bool = False) -> ComparedSubmission:
    """Somebody who hands one file in."""
    pieces = tuple(units.of_files({"own.py": text.encode()}, {}))
    return ComparedSubmission(owner, party or owner, pieces, earlier)


def crowd(size: int = 8) -> list[ComparedSubmission]:
    """Others, each with something that has nothing to do with anything."""
    return [of_text(f"x{number}", "\n".join(
        f"value_{line} = other({number}, {number * line}, [{line}])" for line in range(20)))
        for number in range(size)]


def own_answers(name: str) -> tuple[list[ComparedSubmission], Given]:
    """An exercise's right and wrong answers as a class, and its skeleton."""
    exercise = Exercise(name, EXERCISES / name)
    released = skeleton(exercise)
    given = Given.of((data.decode(), True) for file, data in released.items()
                     if file.endswith(".py"))
    solved = handed_in(exercise)
    changes = [change for kind in KINDS for change in read_changes(exercise, kind)]
    return [ComparedSubmission(change.name, change.name,
                       tuple(units.of_files(apply(change, solved), released)))
            for change in changes], given


class _Renamed(ast.NodeTransformer):
    """Every variable gets another name."""

    def __init__(self, names: dict[str, str]) -> None:
        self._names = names

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.copy_location(ast.Name(self._names.get(node.id, node.id), node.ctx), node)

    def visit_arg(self, node: ast.arg) -> ast.arg:
        return ast.copy_location(ast.arg(self._names.get(node.arg, node.arg)), node)


def renamed(text: str) -> str:
    """Other variables, other layout, no comment."""
    tree = ast.parse(text)
    chosen = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)
              and isinstance(node.ctx, ast.Store)}
    chosen |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    names = {name: f"thing{number}" for number, name in enumerate(sorted(chosen))}
    return ast.unparse(_Renamed(names).visit(tree))


def reordered(text: str) -> str:
    """The functions in the other order."""
    return "\n\n\n".join(ast.unparse(node) for node in reversed(ast.parse(text).body))


def commented(text: str) -> str:
    """A remark after every line, and a docstring gone."""
    return "\n".join(f"{line}  # and so on" if line and '"""' not in line else "" for line in
                     text.splitlines())


def reformatted(text: str) -> str:
    """Brackets, trailing commas and line breaks, as formatters put them, and wider indents."""
    text = text.replace("range(min(17, len(text) - position), 0, -1)",
                        "range(\n    min(17, (len(text) - position)),\n    0,\n    -1,\n)")
    text = text.replace("return moves", "return (\n        moves\n    )")
    return text.replace("    ", "      ")
