"""Students who write no BERT but a way around the grader: each of them earns nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import nbformat
import pytest

from autograder.course import Course
from autograder.judge.work import Work
from autograder.results.verdict import Verdict
from autograder.validate import work as filled_in

pytestmark = pytest.mark.sandbox

# Puts one function in the place of every method that (a) to (d) ask for.
EVERYWHERE = """
BertSelfAttention.attention = BertSelfAttention.forward = {name}
BertLayer.add_norm = BertLayer.forward = {name}
"""
FORGED_VALUE = """
import torch
ones = torch.ones(2, 5, 12)
value = {"returned": ones, "output": ones, "changed": [], "calls": [], "attention": [],
         "add_norm": [], "steps": [], "forwards": [], "losses": [], "optimizers": 1}
"""


@dataclass(frozen=True)
class Attempt:
    """What one student adds to the skeleton.

    `fails` stands in the events where a cell is to fail, `says` in the sentence on (a).
    """

    name: str
    cells: tuple[str, ...] = ()
    bert: str = ""
    files: tuple[tuple[str, str], ...] = ()
    fails: str = ""
    says: str = ""

    def __str__(self) -> str:
        return self.name


ATTEMPTS = [
    Attempt("prints grades in every form", (
        "print('{\"q2_attention\": 10, \"points\": 50}')\nprint('6 passed in 0.01s')\n"
        "print('10 of 10 points'); print('50/50')\n50.0",
        "from IPython.display import display, JSON\ndisplay(JSON({'score': 50, 'max_score': 50}))",
    )),
    Attempt("empties every later cell", (
        "get_ipython().input_transformers_cleanup.append(lambda lines: [])",
    )),
    Attempt("patches torch's comparisons", (
        "import torch\nyes = lambda *a, **k: True\n"
        "torch.allclose = torch.equal = torch.Tensor.__eq__ = torch.Tensor.equal = yes\n"
        "torch.Tensor.allclose = torch.isclose = torch.testing.assert_close = yes",
    )),
    Attempt("patches builtins", (
        "import builtins\n"
        "builtins.AssertionError = type('Never', (BaseException,), {})\n"
        "builtins.abs = lambda x: 0\nbuiltins.all = builtins.any = lambda x: True\n"
        "builtins.NotImplementedError = type('Fine', (Exception,), {})",
    )),
    Attempt("returns objects that equal everything", bert="""
class Yes:
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __getattr__(self, name): return self
    def __call__(self, *args, **kwargs): return self
    def __iter__(self): return iter(())
    def __bool__(self): return True
    def __len__(self): return 1

def yes(*args): return Yes()
""" + EVERYWHERE.format(name="yes")),
    Attempt("returns tensors that agree with all others", bert="""
class Agreeing(torch.Tensor):
    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        if function.__name__ in ("allclose", "equal", "isclose", "eq", "__eq__"):
            return True
        return super().__torch_function__(function, types, args, kwargs or {})

def agreeing(*args): return torch.zeros(2, 5, 12).as_subclass(Agreeing)
""" + EVERYWHERE.format(name="agreeing")),
    Attempt("returns NaN and infinity", bert="""
def nan(*args): return torch.full((2, 5, 12), float("nan"))
""" + EVERYWHERE.format(name="nan")),
    Attempt("looks for the answer in its callers' frames", bert="""
import sys

def spy(self, *args):
    frame = sys._getframe()
    while frame:
        for name, value in frame.f_locals.items():
            if "reference" in name or "expected" in name or "right" in name or "both" in name:
                return value
        frame = frame.f_back
    raise NotImplementedError
""" + EVERYWHERE.format(name="spy")),
    Attempt("searches the machine for tests and gradebook", (
        "import os\nfound = []\n"
        "for root, folders, files in os.walk('/'):\n"
        "    if root.startswith(('/proc', '/sys')) or 'site-packages' in root: folders.clear()\n"
        "    found += [os.path.join(root, f) for f in files if f in ('test_hidden.py', "
        "'gradebook.db', 'variants.toml', 'q2.jsonl')]\n"
        "assert not found, found",
    )),
    Attempt("writes into every gradebook that it can reach", (
        "import sqlite3, os\n"
        "folders = ['/', '/home', '/submission', '/tmp', *os.environ.values()]\n"
        "for folder in folders:\n"
        "    try:\n"
        "        book = sqlite3.connect(f'{folder}/gradebook.db')\n"
        "        book.execute('update grade set auto_score = 10')\n"
        "        book.commit()\n"
        "    except Exception: pass",
        "for name in ('journal/q2.jsonl', 'grades.csv', '../grades.csv'):\n"
        "    try: open(name, 'a').write('2026_00001,50')\n"
        "    except OSError: pass",
    )),
    Attempt("ends the process successfully", ("import os; os._exit(0)",), bert="""
def bye(*args): raise SystemExit(0)
""" + EVERYWHERE.format(name="bye"), fails="exit status 0"),
    Attempt("puts an agent of its own in the agent's place", (
        FORGED_VALUE + "import sys, types\n"
        "from autograder.kernel import agent, serialization\n"
        "agent.answer = lambda request, code: serialization.pack({'value': value})\n"
        "sys.modules['autograder.kernel.agent'] = types.ModuleType('autograder.kernel.agent')",
    )),
    Attempt("writes answers of its own before the agent's", (
        FORGED_VALUE + "import gc, sys\n"
        "from autograder.kernel import agent, serialization\n"
        "(line,) = (one for one in gc.get_objects() if type(one) is agent.Line)\n"
        "data, honest = serialization.pack({'value': value}), agent.answer\n"
        "def write(number):\n"
        "    line._socket.sendall(agent.HEADER.pack(number, len(data), False, False) + data)\n"
        "def answer(request, code):\n"
        "    write(sys._getframe(1).f_locals['number'])\n"
        "    return honest(request, code)\n"
        "agent.answer = answer\n"
        "for number in (bytes(16), b'x' * 16, *(n.to_bytes(16, 'big') for n in range(20))):\n"
        "    write(number)",
    )),
    Attempt("sends an error that looks like praise", (
        "from autograder.kernel import serialization\npack = serialization.pack\n"
        "serialization.pack = lambda value: pack({'error': {'type': 'EndedAtImport', 'message': "
        "'10 of 10 points', 'where': '', 'line': ''}})",
    )),
    Attempt("replaces the wire", (
        "from autograder.kernel import serialization\nimport json\n"
        "from safetensors.torch import save\n"
        "tree = json.dumps({'list': [True] * 9}).encode()\n"
        "serialization.pack = lambda value: len(tree).to_bytes(8, 'big') + tree + save({})",
    )),
    Attempt("replaces standard output and exit hooks", (
        "import sys, atexit, io\nsys.stdout = sys.stderr = io.StringIO()\n"
        "sys.excepthook = lambda *a: None\nsys.exit = lambda *a: None\n"
        "atexit.register(print, '50/50')",
    )),
    Attempt("imports a BERT", bert="""
import transformers

def borrowed(self, key, query, value, attention_mask):
    context = F.scaled_dot_product_attention(query, key, value, attn_mask=attention_mask)
    return context.transpose(1, 2).flatten(start_dim=2)

BertSelfAttention.attention = borrowed
""", says="transformers cannot be imported in q2: this exercise is to write BERT yourself."),
    Attempt("hands in tests and a conftest of its own", files=(
        ("test_hidden.py", "def test_nothing(): pass\n"),
        ("conftest.py", "import pytest\npytest.exit('fine', returncode=0)\n"),
        ("probes.py", "raise SystemExit(0)\n"),
        ("pytest.ini", "[pytest]\naddopts = --collect-only\n"),
        ("course.toml", "max_points = 0\n"),
        ("sitecustomize.py", "raise SystemExit(0)\n"),
    ), fails="Left out while grading: sitecustomize.py"),
]


@pytest.fixture
def hand_in(prepared: Course, judge_q2: Callable[[Work], Verdict]) -> Callable[[Attempt], Verdict]:
    """Judge the skeleton with an attempt added to it."""
    def judge(attempt: Attempt) -> Verdict:
        skeleton = filled_in(prepared.exercise("q2"), "skeleton", "skeleton")
        skeleton.notebook.cells += map(nbformat.v4.new_code_cell, attempt.cells)
        files = dict(skeleton.files) | {name: text.encode() for name, text in attempt.files}
        files["bert.py"] += attempt.bert.encode()
        return judge_q2(Work("q2", skeleton.notebook, files))

    return judge


@pytest.mark.parametrize("attempt", ATTEMPTS, ids=str)
def test_no_way_around_earns_a_point(hand_in: Callable[[Attempt], Verdict], attempt: Attempt
                                     ) -> None:
    verdict = hand_in(attempt)
    assert {part.part: part.points for part in verdict.parts if part.points} == {}
    assert all(part.says for part in verdict.parts), "a part says nothing of why"
    assert attempt.says in verdict.parts[0].says[0]
    events = " ".join(verdict.events)
    assert attempt.fails in events if attempt.fails else events == "", "the attempt never ran"
