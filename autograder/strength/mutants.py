"""Mutants: the solution with one small thing changed, as nobody may have meant it.

Most kinds of change are mutmut's; what tensors and hidden tests need besides is here: statements
left out or exchanged, arguments exchanged, one name for another of the same type, a method for its
sibling, a condition that always or never holds, a slice without a bound.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import libcst as cst
from mutmut.mutation.mutators import mutation_operators

from autograder.strength.code import Unit
from autograder.strength.recording import Expression

SIBLINGS = [set(names.split()) for names in (
    "argmax argmin", "max min", "sum mean", "softmax log_softmax", "triu tril", "eval train",
    "amax amin", "zeros ones", "zeros_like ones_like", "all any", "append extend", "encode decode",
    "squeeze unsqueeze", "no_grad enable_grad", "from_pretrained from_config", "keys values",
    "sqrt exp", "tanh sigmoid", "cross_entropy mse_loss", "start_logits end_logits")]
Types = dict[cst.FunctionDef | None, dict[str, set[str]]]


@dataclass(frozen=True)
class Mutant:
    """A unit's text with one change: `was` became `becomes`, at a line of the source file."""

    unit: Unit
    text: str
    was: str
    becomes: str
    line: int
    function: cst.FunctionDef | None  # that it is in


def mutants(unit: Unit, types: Types, found: Sequence[Expression]) -> list[Mutant]:
    """All mutants of a unit, none twice; `types` are those that names were seen to have."""
    tree, seen, made = ast.dump(ast.parse(unit.text)), set[str](), list[Mutant]()
    for node, new in _changes(unit, types, {one.node for one in found if one.unit is unit}):
        text = unit.replaced(node, new)
        try:
            dump = ast.dump(ast.parse(text))
            compile(text, unit.file, "exec")
        except (SyntaxError, ValueError):
            continue
        if dump == tree or dump in seen:
            continue
        seen.add(dump)
        was, becomes = _difference(unit.text, text)
        made.append(Mutant(unit, text, was, becomes, unit.first + unit.line(node) - 1,
                           unit.function(node)))
    return made


def _difference(one: str, other: str) -> tuple[str, str]:
    """The lines that differ, of both, each as one line."""
    lines, changed = one.splitlines(), other.splitlines()
    while lines and changed and lines[0] == changed[0]:
        del lines[0], changed[0]
    while lines and changed and lines[-1] == changed[-1]:
        del lines[-1], changed[-1]
    return " ".join(map(str.strip, lines)), " ".join(map(str.strip, changed))


def _changes(unit: Unit, types: Types, computed: set[cst.BaseExpression]
             ) -> Iterator[tuple[cst.CSTNode, cst.CSTNode]]:
    for node in _written(unit, unit.parsed.module):
        if isinstance(node, cst.IndentedBlock):
            yield from ((node, new) for new in _exchanged(unit, node))
        if unit.line(node) not in unit.written:
            continue
        for kind, operator in mutation_operators:
            if isinstance(node, kind):
                yield from ((node, new) for new in operator(node))
        for kinds, own in OWN:
            if isinstance(node, kinds):
                yield from ((node, new) for new in own(node))
        if node in computed:
            yield from ((node, new) for new in _other_names(
                node, types[unit.function(node)]))


def _written(unit: Unit, node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """Nodes of what is run, but for annotations and what only explains."""
    if isinstance(node, cst.Annotation | cst.Assert | cst.Raise | cst.Import | cst.ImportFrom
                  | cst.BaseParenthesizableWhitespace):
        return
    if not isinstance(node, cst.Module):
        yield node
    for child in node.children:
        yield from _written(unit, child)


def _left_out(node: cst.SimpleStatementLine) -> Iterator[cst.CSTNode]:
    """A statement left out; of `return x`, only what it returns."""
    match node.body:
        case [cst.Return(value=value)]:
            if value is not None:
                yield node.with_changes(body=[cst.Return()])
        case [cst.Pass()]:
            pass
        case _:
            yield node.with_changes(body=[cst.Pass()])


def _exchanged(unit: Unit, node: cst.IndentedBlock) -> Iterator[cst.CSTNode]:
    """Two neighbouring statements in the other order."""
    statements: Sequence[Any] = node.body
    for index, (one, other) in enumerate(pairwise(statements)):
        if unit.line(one) in unit.written and unit.line(other) in unit.written:
            pair = [other.with_changes(leading_lines=one.leading_lines),
                    one.with_changes(leading_lines=other.leading_lines)]
            yield node.with_changes(body=[*statements[:index], *pair, *statements[index + 2:]])


def _arguments(node: cst.Call) -> Iterator[cst.CSTNode]:
    """Two neighbouring arguments without keywords exchanged."""
    for index, (one, other) in enumerate(pairwise(node.args)):
        if not (one.keyword or other.keyword or one.star or other.star):
            args = list(node.args)
            args[index], args[index + 1] = (one.with_changes(value=other.value),
                                            other.with_changes(value=one.value))
            yield node.with_changes(args=args)


def _method(node: cst.Attribute) -> Iterator[cst.CSTNode]:
    """A method's sibling."""
    for names in SIBLINGS:
        for other in sorted(names - {node.attr.value}) if node.attr.value in names else ():
            yield node.with_changes(attr=cst.Name(other))


def _condition(node: Any) -> Iterator[cst.CSTNode]:
    """A condition that always holds, or never."""
    for word in ("True", "False"):
        yield node.with_changes(test=cst.Name(word))


def _bound(node: cst.Slice) -> Iterator[cst.CSTNode]:
    """A slice without one of its bounds."""
    for name in ("lower", "upper"):
        if getattr(node, name) is not None:
            yield node.with_changes(**{name: None})


def _operand(node: cst.BinaryOperation) -> Iterator[cst.CSTNode]:
    """One operand alone; both exchanged, where their order matters for numbers."""
    yield node.left
    yield node.right
    if not isinstance(node.operator, cst.Add | cst.Multiply | cst.BitAnd | cst.BitOr):
        yield node.with_changes(left=node.right, right=node.left)


OWN: list[tuple[type | tuple[type, ...], Callable[[Any], Iterator[cst.CSTNode]]]] = [
    (cst.SimpleStatementLine, _left_out), (cst.Call, _arguments), (cst.Attribute, _method),
    ((cst.If, cst.While, cst.CompIf), _condition), (cst.Slice, _bound),
    (cst.BinaryOperation, _operand)]


def _other_names(node: cst.CSTNode, known: Mapping[str, set[str]]) -> Iterator[cst.CSTNode]:
    """Another name that had the same types, of the same function or object."""
    own = name_of(node)
    for other, kinds in known.items():
        if own != other and own in known and kinds == known[own] and (
                own.startswith("self.") == other.startswith("self.")):
            yield cst.parse_expression(other)


def name_of(node: cst.CSTNode) -> str:
    """`x` or `self.x` where the node is such a name; empty elsewhere."""
    match node:
        case cst.Name(value=name):
            return str(name)
        case cst.Attribute(value=cst.Name(value="self"), attr=cst.Name(value=name)):
            return f"self.{name}"
    return ""


def types_of_names(found: Sequence[Expression], kinds: Mapping[int, set[str]]) -> Types:
    """The types that names were seen to have, by function; `kinds` goes by place in `found`."""
    names: Types = defaultdict(lambda: defaultdict(set))
    for number, one in enumerate(found):
        if (name := name_of(one.node)) and number in kinds:
            names[one.unit.function(one.node)][name] |= kinds[number]
    return names
