"""Libraries that are not to be used: copied, packed into text, or under their own name."""

from __future__ import annotations

import ast
import functools
import inspect
import json.encoder
import random
import re
from collections.abc import Mapping
from importlib.resources import files as package_files
from typing import Any

import pytest
from conftest import REPO
from nbformat import NotebookNode, v4

from autograder.course import Course
from autograder.exercise import source
from autograder.judge.source_checks.copied_code import RUN, _tokens, copied_code
from autograder.results.reason import ReviewKind
from autograder.results.words import english
from autograder.validate import cases, skeleton, work

GIVEN = {"bert.py": b"import torch\n\n\nclass Bert:\n    '''To be written.'''\n"}
HIDDEN = {"transformers": "not here"}
SOURCE = ("json/encoder.py",)  # any installed package serves


def look(text: str, name: str = "bert.py") -> list[str]:
    return told({name: text.encode()}, GIVEN, HIDDEN, SOURCE)


def told(*args: Any) -> list[str]:
    """What was found, in English."""
    found = copied_code(*args)
    assert {one.review for one in found} <= {ReviewKind.BORROWED}
    return [english(one) for one in found]


def library() -> str:
    return inspect.getsource(json.encoder.JSONEncoder.encode)


def test_a_long_run_of_a_library_is_seen_whatever_the_layout() -> None:
    text = "class Mine:\n" + library().replace("    ", "  ").replace("#", "# mine:")
    (found,) = look(text)
    assert "json/encoder.py" in found and str(RUN) in found


def test_a_few_lines_in_common_are_nobodys_business() -> None:
    assert look("def encode(self, o):\n    if isinstance(o, str):\n        return o\n") == []


TOKENS = _tokens(inspect.getsource(json.encoder).encode())


def passage_and_given(chance: random.Random, own: int) -> tuple[str, str]:
    """A passage of the library, and what of it is given: all but so many tokens, in some rows."""
    cuts = sorted(chance.choices(range(own + 1), k=chance.randint(0, 2)))
    start = at = chance.randrange(len(TOKENS) - 7 * RUN)
    given = []
    for left, right in zip([0, *cuts], [*cuts, own], strict=True):
        length = chance.randint(RUN // 2, RUN)
        given += TOKENS[at:at + length]
        at += length + right - left
    end = at + RUN // 2
    return " ".join(TOKENS[start:end]), " ".join([*given, *TOKENS[at:end]])


@pytest.mark.parametrize("seed", range(20))
def test_what_is_given_does_not_count_towards_a_run(seed: int) -> None:
    """A passage of the library of which all but some tokens were given, in a file or a cell."""
    chance = random.Random(seed)
    text, out = passage_and_given(chance, chance.randint(1, RUN - 1))
    assert told({"bert.py": text.encode()}, {"bert.py": out.encode()}, HIDDEN, SOURCE) == []
    cell, released = ([v4.new_code_cell(one)] for one in (text, out))
    assert told({}, GIVEN, HIDDEN, SOURCE, v4.new_notebook(cells=cell),
                    v4.new_notebook(cells=released)) == []


@pytest.mark.parametrize("seed", range(20))
def test_a_run_beyond_what_is_given_is_seen_though_given_code_is_in_it(seed: int) -> None:
    chance = random.Random(seed)
    text, out = passage_and_given(chance, chance.randint(2 * RUN, 3 * RUN))
    (found,) = told({"bert.py": text.encode()}, {"bert.py": out.encode()}, HIDDEN, SOURCE)
    assert "beyond what is given" in found


@pytest.mark.parametrize("seed", range(10))
def test_given_code_counts_where_it_stands_and_not_wherever_its_tokens_are(seed: int) -> None:
    """What is given holds each few tokens of the passage somewhere, and nothing of it as such."""
    chance = random.Random(seed)
    text = passage_and_given(chance, 3 * RUN)[0].encode()
    passage = _tokens(text)
    rows = [passage[start:start + 10] for start in range(0, len(passage), 5)]
    chance.shuffle(rows)
    given = {f"given{number}.py": "\n".join(" ".join(row) for row in [
        ["pass"], *rows[number::3], ["pass"]]).encode() for number in range(3)}
    assert told({"bert.py": text}, given, HIDDEN, SOURCE)
    moved = {"given.py": b"x = 1\n" + text, "more.py": library().encode()}
    assert told({"bert.py": library().encode() + b"\ny = 2\n" + text}, moved, HIDDEN,
                    SOURCE) == [], "given code that was moved is given"


@pytest.mark.parametrize("rename", [{}, {"o": "thing", "chunks": "parts"}, {"markers": "seen"}])
@pytest.mark.parametrize("first", ["", "%%time\n", "!pip install x\n", "x = (\n"])
def test_a_library_in_a_cell_of_the_notebook_is_seen_under_other_names(rename: dict[str, str],
                                                                       first: str) -> None:
    text = library()
    for old, new in rename.items():
        text = re.sub(rf"\b{old}\b", new, text)
    released = v4.new_notebook(cells=[v4.new_code_cell("import torch")])
    cells = [*released.cells, v4.new_code_cell(f"{first}class Mine:\n{text}")]
    notebook = v4.new_notebook(cells=cells)
    (found,) = told({}, GIVEN, HIDDEN, SOURCE, notebook, released)
    assert "the notebook, cell 2" in found and "json/encoder.py" in found
    assert told({}, GIVEN, HIDDEN, SOURCE, notebook, notebook) == []


MODELS = ("transformers/models/bert/modeling_bert.py",
          "transformers/models/distilbert/modeling_distilbert.py", "transformers/masking_utils.py")


@functools.cache
def passages() -> list[tuple[str, str]]:
    """The longer classes and functions of these, each with its file."""
    found = []
    for name in MODELS:
        text = _installed(name)
        lines = text.splitlines()
        found += [(name, "\n".join(lines[node.lineno - 1:node.end_lineno]))
                  for node in ast.parse(text).body
                  if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    return [(name, code) for name, code in found if len(_tokens(code.encode())) > 5 * RUN]


def forged(chance: random.Random, code: str) -> str:
    """The same code with other names, comments, docstrings and layout."""
    names = sorted({node.arg for node in ast.walk(ast.parse(code)) if isinstance(node, ast.arg)}
                   - {"self"})
    for name in chance.sample(names, chance.randint(0, len(names))):
        code = re.sub(rf"\b{name}\b", f"{name}_{chance.randint(1, 99)}", code)
    change = chance.choice(["none", "comments", "docstrings", "unparsed"])
    if change == "comments":
        code = "\n".join(f"{line}  # my own" for line in ast.unparse(ast.parse(code)).splitlines())
    if change == "docstrings":
        code = re.sub(r'^( *)"""(?s:.*?)"""', r"\1'What it does.'", code, flags=re.MULTILINE)
    return ast.unparse(ast.parse(code)) if change == "unparsed" else code


@pytest.mark.parametrize("place", ["cell", "writefile", "module", "given", "two cells", "answer"])
@pytest.mark.parametrize("seed", range(5))
def test_forged_copies_are_seen_wherever_they_stand(place: str, seed: int) -> None:
    chance = random.Random(f"{place} {seed}")
    name, code = chance.choice(passages())
    code = forged(chance, code)
    given = {"bert.py": b"import torch\n\n\nclass Mine:\n    def forward(self, x):\n        "
                        b"raise NotImplementedError\n", "utils.py": b"def read():\n    return 1\n"}
    check = v4.new_code_cell("assert Mine().forward(torch.ones(2, 3)).shape == (2, 3), 'a shape'")
    released = v4.new_notebook(cells=[v4.new_code_cell("import bert"), check])
    files, cells = dict(given), [code]
    if place == "writefile":
        cells = [f"%%writefile helpers.py\n{code}"]
    if place == "two cells":  # each holds too little by itself, or all that the other has not
        lines = code.splitlines()
        at = chance.randrange(1, len(lines))
        cells = ["\n".join(lines[:at]), check.source, "\n".join(lines[at:])]
    if place in ("module", "given", "answer"):
        cells = []
        file = {"module": "helpers.py", "given": "utils.py", "answer": "bert.py"}[place]
        files[file] = given.get(file, b"") + code.encode()
    notebook = v4.new_notebook(cells=[*released.cells, *map(v4.new_code_cell, cells)])
    assert any(name in found for found in told(files, given, {}, MODELS, notebook, released))


def test_no_answer_of_q2_that_is_ours_looks_borrowed_and_the_librarys_attention_does() -> None:
    from transformers.models.bert import modeling_bert

    course = Course.load(REPO)
    settings, exercise = course.assignment("q2"), course.exercise("q2")
    given = {name: data for name, data in skeleton(exercise).items() if name != "q2.py"}
    released = source.read_notebook(exercise)

    def found(files: Mapping[str, bytes], notebook: NotebookNode) -> list[str]:
        return told(files, given, settings.hidden, tuple(settings.not_copied), notebook,
                    released)

    for case in cases(course, "q2")[::6]:
        made = work(exercise, case.kind, case.name)
        assert found(made.files, made.notebook) == [], case.name
    attention = inspect.getsource(modeling_bert.BertSelfAttention).replace(
        "hidden_states", "x").replace("BertSelfAttention", "Mine").replace("key_layer", "k")
    notebook = v4.new_notebook(cells=[*released.cells, v4.new_code_cell(attention)])
    assert found({}, notebook)
    assert found({"bert.py": given["bert.py"] + attention.encode()}, released)


def _installed(source: str) -> str:
    package, *path = source.split("/")
    return package_files(package).joinpath(*path).read_text()


def test_what_is_given_is_not_borrowed() -> None:
    given = {"bert.py": library().encode()}
    text = library().encode() + b"\nvalue = 1\n"
    assert told({"bert.py": text}, given, HIDDEN, SOURCE) == []


@pytest.mark.parametrize(("text", "name"), [
    ("exec('a = 1')", "exec"), ("eval('1')", "eval"), ("import marshal", "marshal"),
    ("from importlib import import_module", "importlib"), ("compile('1', '', 'eval')", "compile"),
    ("__import__('os')", "__import__"), ("import subprocess as s", "subprocess"),
])
def test_code_made_out_of_text_is_seen(text: str, name: str) -> None:
    (found,) = look(text)
    assert name in found
    released = v4.new_notebook(cells=[v4.new_code_cell("x = 1")])
    notebook = v4.new_notebook(cells=[*released.cells, v4.new_code_cell(f"%matplotlib\n{text}")])
    (found,) = told({}, GIVEN, HIDDEN, SOURCE, notebook, released)
    assert name in found and "cell 2" in found
    assert told({}, GIVEN, HIDDEN, SOURCE, notebook, notebook) == [], "it was given"


@pytest.mark.parametrize("name", ["transformers.py", "transformers/__init__.py"])
def test_a_package_by_a_forbidden_name_is_seen(name: str) -> None:
    assert any("not to be used" in found for found in look("x = 1", name))


@pytest.mark.parametrize("text", ["model.eval()", "re.compile('a')", "x = 'exec'", "def (", "\0",
                                  "model.compile()", "torch.compile(model)",
                                  "import importlib\nimportlib.reload(bert)",
                                  "from importlib import reload"])
def test_what_only_looks_alike_is_left_alone(text: str) -> None:
    assert look(text) == []
