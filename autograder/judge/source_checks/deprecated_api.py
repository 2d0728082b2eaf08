"""Calls that were written for the libraries of 2023, each with what today's have in their place.

They are looked for in the syntax of code cells; nothing is run. Only what is called, imported or
read from a library counts, never a text, a comment or a name of the student's own. Each row was
tried on transformers 5.23 and datasets 5.2 (tests/test_old_libraries.py tries it again).
"""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from autograder.kernel import compat
from autograder.results.reason import Code, Reason

LIBRARIES = {"transformers", "datasets"}
MOST = 8  # lines that are reported
LONGEST = 200_000  # characters of a cell that is looked at
LEFT = "has left `TrainingArguments`, and a training is the same without it; take it away"
ARGUMENTS = {
    "evaluation_strategy": "is called `eval_strategy` today",
    "evaluate_during_training": "has left `TrainingArguments`; write `eval_strategy=\"steps\"`",
    "no_cuda": "is called `use_cpu` today",
    "warmup_ratio": "has left `TrainingArguments`; write `warmup_steps=0.1` for a tenth of all "
                    "steps (a number below 1 is a share)",
    "group_by_length": "has left `TrainingArguments`; write "
                       "`train_sampling_strategy=\"group_by_length\"`",
    "per_gpu_train_batch_size": "is called `per_device_train_batch_size` today",
    "per_gpu_eval_batch_size": "is called `per_device_eval_batch_size` today",
    "adafactor": "has left `TrainingArguments`; write `optim=\"adafactor\"`",
    "include_inputs_for_metrics": "has left `TrainingArguments`; write "
                                  "`include_for_metrics=[\"inputs\"]`",
    "push_to_hub_token": "is called `hub_token` today",
    **dict.fromkeys(compat.GONE, LEFT),
}
# Keywords of calls of these callables of transformers.
TRAINER = {"tokenizer": "is called `processing_class` today"}
KEYWORDS = {"TrainingArguments": ARGUMENTS, "Seq2SeqTrainingArguments": ARGUMENTS,
            "Trainer": TRAINER, "Seq2SeqTrainer": TRAINER}
# Keywords that models and tokenizers take without a word, and ignore.
IGNORED = {
    "pad_to_max_length": "is ignored without a word; write `padding=\"max_length\", "
                         "truncation=True`",
    "lm_labels": "is called `labels` today, and ignored without a word",
}
GONE = {  # names that a library had
    "datasets.load_metric": "`load_metric` has left `datasets`; today it is `evaluate.load`",
    "transformers.AdamW": "`AdamW` has left `transformers`; take `torch.optim.AdamW`, whose weight "
                          "decay is 0.01 where nothing is said, and not 0 as it was",
}
METHODS = {name: f"`{name}` is gone; call the tokenizer itself"
           for name in ("encode_plus", "batch_encode_plus")}
TASKS = ("question-answering", "text2text-generation", "summarization", "translation")
PYTHON_MAGICS = ("%%time", "%%timeit", "%%capture", "%%prun")
MAGIC = re.compile(r"^(\s*)[%!].*$", re.MULTILINE)
ASSIGNED_MAGIC = re.compile(r"^(\s*\w+\s*=\s*)[%!].*$", re.MULTILINE)


@dataclass
class _Names:
    """What the names of a notebook mean: imported from a library, or the student's own."""

    imported: dict[str, str] = field(default_factory=dict)
    own: set[str] = field(default_factory=set)

    def full(self, node: ast.expr) -> str:
        """The name of a library's object, "transformers.Trainer"; empty for anything else.

        A name that the notebook neither imports nor defines keeps its own.
        """
        if isinstance(node, ast.Attribute):
            base = self.full(node.value)
            known = {name.partition(".")[0] for name in self.imported.values()} | LIBRARIES
            return f"{base}.{node.attr}" if base.partition(".")[0] in known else ""
        if not isinstance(node, ast.Name) or node.id in self.own:
            return ""
        return self.imported.get(node.id, node.id)

    def is_of(self, node: ast.expr, library: str, *names: str) -> str:
        """Which of these names of a library it is; empty for none."""
        full = self.full(node)
        root, _, name = full.rpartition(".")
        return name if name in names and root.partition(".")[0] in ("", library) else ""

    def is_object(self, node: ast.expr) -> bool:
        """Whether it may be a model or a tokenizer that somebody made: a variable, a method."""
        while isinstance(node, ast.Attribute):
            node = node.value
        return not isinstance(node, ast.Name) or not (
            node.id in self.own or node.id in self.imported or hasattr(builtins, node.id))


def deprecated_calls(cells: Iterable[str]) -> list[Reason]:
    """A reason for each outdated call in these code cells, its line in it."""
    parsed = [(cell, tree) for cell in cells if (tree := _parse(cell)) is not None]
    names = _names(tree for _, tree in parsed)
    found = []
    for cell, tree in parsed:
        lines = cell.splitlines()
        for node, says in sorted(_in_cell(tree, names), key=lambda one: one[0]):
            line = lines[node - 1].strip()[:100] if node <= len(lines) else ""
            found.append(Reason(Code.OUTDATED, line=line,
                                advice=says[:1].upper() + says[1:]))
    return list(dict.fromkeys(found))[:MOST]


def _parse(cell: str) -> ast.Module | None:
    """The syntax of a cell without its magics; None where it is no Python."""
    if len(cell) > LONGEST:
        return None
    first, _, rest = cell.partition("\n")
    if first.startswith("%%"):
        if first.split()[0] not in PYTHON_MAGICS:
            return None
        cell = f"\n{rest}"
    try:
        return ast.parse(ASSIGNED_MAGIC.sub(r"\1None", MAGIC.sub(r"\1pass", cell)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _names(trees: Iterable[ast.Module]) -> _Names:
    names = _Names()
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                names.own.add(node.name)
            elif isinstance(node, ast.Import):
                for alias in node.names:
                    name = alias.name if alias.asname else alias.name.partition(".")[0]
                    names.imported[alias.asname or name] = name
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                for alias in node.names:
                    names.imported[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return names


def _in_cell(tree: ast.Module, names: _Names) -> Iterator[tuple[int, str]]:
    """The number of each outdated line, with what to say of it."""
    tried = {id(inner) for node in ast.walk(tree) if isinstance(node, ast.Try)
             for statement in node.body for inner in ast.walk(statement)}
    for node in ast.walk(tree):
        if id(node) in tried and isinstance(node, ast.ImportFrom | ast.Attribute):
            continue  # whoever tries has another way
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                if says := GONE.get(f"{node.module.partition('.')[0]}.{alias.name}"):
                    yield node.lineno, says
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
            if says := GONE.get(names.full(node)):
                yield node.lineno, says
            elif node.attr in METHODS and node.attr not in names.own:
                yield node.end_lineno or node.lineno, METHODS[node.attr]
        elif isinstance(node, ast.ClassDef):
            yield from _init_weights(node, names)
        elif isinstance(node, ast.Call):
            yield from _call(node, names)


def _call(call: ast.Call, names: _Names) -> Iterator[tuple[int, str]]:
    """What is outdated in one call: its keywords, or the name that it asks for."""
    callee = call.func
    table = KEYWORDS.get(names.is_of(callee, "transformers", *KEYWORDS), {})
    ignored = IGNORED if names.is_object(callee) else {}
    for name, value, line in _keywords(call):
        if name in table:
            yield line, f"`{name}` {table[name]}"
        elif name in ignored and not (isinstance(value, ast.Constant) and not value.value):
            yield line, f"`{name}` {ignored[name]}"
        elif (name == "max_len" and isinstance(callee, ast.Attribute)
              and callee.attr == "from_pretrained"
              and "Tokenizer" in names.full(callee.value).rpartition(".")[2]):
            yield line, "`max_len` is ignored without a word; write `model_max_length`"
    first = _first(call)
    if isinstance(callee, ast.Name) and callee.id == "load_metric" and names.full(
            callee) == "load_metric":
        yield call.lineno, GONE["datasets.load_metric"]
    if names.is_of(callee, "datasets", "load_dataset") and first in compat.DATA_SETS:
        today = compat.DATA_SETS[first]
        yield call.lineno, f"data sets have their owner's name today: `{today}`"
    if names.is_of(callee, "transformers", "pipeline") and first in TASKS:
        yield call.lineno, f"the pipeline `{first}` has left `transformers`"


def _keywords(call: ast.Call) -> Iterator[tuple[str, ast.expr, int]]:
    """Each keyword with its value and its line, those of `**{...}` and `**dict(...)`, too."""
    for keyword in call.keywords:
        if keyword.arg is not None:
            yield keyword.arg, keyword.value, keyword.lineno
        elif isinstance(keyword.value, ast.Dict):
            for key, value in zip(keyword.value.keys, keyword.value.values, strict=True):
                if isinstance(key, ast.Constant) and isinstance(key.value, str):
                    yield key.value, value, key.lineno
        elif isinstance(keyword.value, ast.Call) and isinstance(
                keyword.value.func, ast.Name) and keyword.value.func.id == "dict":
            for inner in keyword.value.keywords:
                if inner.arg is not None:
                    yield inner.arg, inner.value, inner.lineno


def _first(call: ast.Call) -> str:
    """The text that a call gets first, or as `path` or `task`; empty where there is none."""
    values = [*call.args[:1], *(keyword.value for keyword in call.keywords
                                if keyword.arg in ("path", "task"))]
    return next((value.value for value in values if isinstance(value, ast.Constant)
                 and isinstance(value.value, str)), "")


def _init_weights(own: ast.ClassDef, names: _Names) -> Iterator[tuple[int, str]]:
    """`self.init_weights()` in a class made of the library's models, which has none of its own."""
    bases = [names.full(base).rpartition(".")[2] for base in own.bases]
    if "init_weights" in names.own or not any(
            base.endswith("Model") or "For" in base for base in bases):
        return
    for node in ast.walk(own):
        if (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
                and node.func.attr == "init_weights" and isinstance(node.func.value, ast.Name)
                and node.func.value.id == "self"):
            yield node.lineno, ("a model of your own ends its `__init__` with `self.post_init()` "
                                "today")
