"""A notebook of 2023: what fails is told by its line, and what stands for itself still counts."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from conftest import REPO

from autograder.course import Course
from autograder.judge.source_checks.deprecated_api import (
    ARGUMENTS,
    IGNORED,
    METHODS,
    TASKS,
    deprecated_calls,
)
from autograder.judge.source_checks.deprecated_api import KEYWORDS as KEYWORDS_OF
from autograder.kernel.isolation.policy import Limits, Surroundings
from autograder.kernel.session import KernelSession
from autograder.results.words import english
from autograder.validate import cases, work

# ---------------------------------------------------------------------------------- outdated lines


@pytest.mark.parametrize(("cell", "line", "says"), [
    ("from datasets import load_dataset, load_metric", 1, "evaluate.load"),
    ("import datasets\nmetric = datasets.load_metric('accuracy')", 2, "evaluate.load"),
    ("data = load_dataset('swag', 'regular')", 1, "allenai/swag"),
    ("from datasets import load_dataset as load\nload(path='squad')", 2, "rajpurkar/squad"),
    ("args = TrainingArguments(\n    'x',\n    evaluation_strategy='steps',\n)", 3,
     "eval_strategy"),
    ("trainer = Trainer(model=model, tokenizer=tokenizer)", 1, "processing_class"),
    ("trainer = Seq2SeqTrainer(\n    model,\n    tokenizer=tokenizer,\n)", 3,
     "processing_class"),
    ("import transformers as tf\ntf.Trainer(model, tokenizer=mine)", 2, "processing_class"),
    ("from transformers import Trainer as T\nT(model, tokenizer=mine)", 2, "processing_class"),
    ("%%time\nTrainingArguments(logging_dir='logs')", 2, "take it away"),
    ("%matplotlib inline\nx = !ls\nTrainingArguments(warmup_ratio=0.1)", 3, "warmup_steps=0.1"),
    ("TrainingArguments(**{**old, 'save_steps': 1}, **dict(group_by_length=True))", 1,
     "train_sampling_strategy"),
    ("args = TrainingArguments('x', no_cuda=True)", 1, "use_cpu"),
    ("tokenizer.batch_encode_plus(texts)", 1, "call the tokenizer"),
    ("encode = self.tokenizer.encode_plus", 1, "call the tokenizer"),
    ("tokenizer(texts, pad_to_max_length=True)", 1, "padding="),
    ("BertTokenizer.from_pretrained('x')(texts, pad_to_max_length=True)", 1, "padding="),
    ("T5Tokenizer.from_pretrained('t5-small', max_len=512)", 1, "model_max_length"),
    ("class Mine(BertPreTrainedModel):\n    def __init__(self, config):\n"
     "        self.init_weights()", 3, "post_init"),
    ("from transformers import AdamW, Trainer", 1, "weight decay is 0.01"),
    ("optimizer = transformers.AdamW(model.parameters())", 1, "torch.optim"),
    ("model(input_ids=ids, lm_labels=labels)", 1, "labels"),
    ("answer = pipeline('question-answering')", 1, "pipeline"),
])
def test_an_outdated_call_is_reported_at_its_line(cell: str, line: int, says: str) -> None:
    (sentence,) = map(english, deprecated_calls([cell]))
    assert f"`{cell.splitlines()[line - 1].strip()}`" in sentence and says in sentence


KEYWORDS = sorted({name for table in KEYWORDS_OF.values() for name in table} | set(IGNORED))
HARMLESS = [
    "{0} = 3", "print('{0}=1')", "# {0}=1", "'''\n{0}=1\n'''", "settings = {{'{0}': 1}}",
    "settings = dict({0}=1)", "def mine({0}=None):\n    pass\nmine({0}=3)", "row['{0}'] = 1",
    "class Trainer:\n    def __init__(self, {0}): ...\nTrainer({0}=1)", "x = y.{0}",
    "from mine import Trainer, TrainingArguments, model\nTrainer({0}=1)\nmodel({0}=1)",
    "Collator({0}=1) if False else None\nclass Collator: ...", "lambda {0}: {0}",
    "Trainer(data_collator=Collate(mine, x=lambda {0}: 1))", "Trainer(args=[{0} for {0} in y])",
    "%%writefile a.py\nTrainer({0}=1)", "!python train.py --{0}=1",
]


@pytest.mark.parametrize("cell", HARMLESS)
def test_a_word_that_no_library_is_called_with_is_left_alone(cell: str) -> None:
    for name in KEYWORDS:
        assert deprecated_calls([cell.format(name)]) == [], name


@pytest.mark.parametrize("line", [
    "import evaluate", "data = load_dataset('allenai/swag', 'regular')", "eval_strategy='steps'",
    "trainer = Trainer(processing_class=tokenizer)", "# load_metric is gone today",
    "self.post_init()", "from torch.optim import AdamW", "tokenizer = T5TokenizerFast()",
    "'''\nload_metric\n'''", "from evaluate import load as load_metric\nload_metric('a')",
    "def load_metric(name): ...\nload_metric('accuracy')", "tokenizer(x, pad_to_max_length=False)",
    "try:\n    from transformers import AdamW\nexcept ImportError:\n    AdamW = None",
    "import torch.optim as transformers\ntransformers.AdamW(x)", "swag = load('swag')",
    "Trainer(data_collator=DataCollatorForSeq2Seq(tokenizer=tokenizer))", "x = 'encode_plus'",
    "class Mine(nn.Module):\n    def init_weights(self): ...\n    def f(self): self.init_weights()",
    "class Tok:\n    def encode_plus(self): ...\nTok().encode_plus()", "(" * 3000, "\0", "if",
])
def test_todays_lines_are_left_alone(line: str) -> None:
    assert deprecated_calls([line]) == []


@pytest.mark.parametrize("name", ["q1", "q2", "hw3"])
def test_nothing_that_the_course_gives_or_takes_for_right_is_outdated(name: str) -> None:
    course = Course.load(REPO)
    for case in cases(course, name):
        if case.kind != "misconception":
            notebook = work(course.exercise(case.exercise), case.kind, case.name).notebook
            code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
            assert deprecated_calls(code) == [], f"{case.kind} {case.name}"


def test_each_row_is_as_the_libraries_are_today(tmp_path: Path) -> None:
    import datasets
    import transformers
    from transformers.pipelines import SUPPORTED_TASKS

    for name, says in ARGUMENTS.items():
        with pytest.raises(TypeError, match=f"unexpected keyword argument '{name}'"):
            transformers.TrainingArguments(str(tmp_path), **{name: None})
        for option in re.findall(r"`(\w+)(?==|`)", says):
            assert option == "TrainingArguments" or hasattr(
                transformers.TrainingArguments(str(tmp_path)), option)
    arguments = transformers.TrainingArguments(
        str(tmp_path), warmup_steps=0.1, train_sampling_strategy="group_by_length",
        include_for_metrics=["inputs"], optim="adafactor")
    assert arguments.get_warmup_steps(1000) == 100
    for trainer in (transformers.Trainer, transformers.Seq2SeqTrainer):
        assert "processing_class" in inspect.signature(trainer.__init__).parameters
        assert "tokenizer" not in inspect.signature(trainer.__init__).parameters
    assert not hasattr(datasets, "load_metric") and not hasattr(transformers, "AdamW")
    assert not set(TASKS) & {*SUPPORTED_TASKS, *transformers.pipelines.TASK_ALIASES}
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a"]
    tokenizer = transformers.BertTokenizerFast(vocab={word: n for n, word in enumerate(words)})
    assert not any(hasattr(tokenizer, name) for name in METHODS)
    assert tokenizer("a", pad_to_max_length=True, max_length=9)["input_ids"] == [2, 5, 3]
    tokenizer.save_pretrained(tmp_path)
    load = transformers.BertTokenizerFast.from_pretrained
    assert load(tmp_path, max_len=77).model_max_length != 77
    assert load(tmp_path, model_max_length=77).model_max_length == 77
    model = transformers.T5ForConditionalGeneration(transformers.T5Config(
        vocab_size=9, d_model=8, d_kv=4, d_ff=8, num_layers=1, num_heads=2))
    ids = torch.ones(1, 2, dtype=torch.long)
    assert model(input_ids=ids, decoder_input_ids=ids, lm_labels=ids).loss is None
    assert model(input_ids=ids, decoder_input_ids=ids, labels=ids).loss is not None


def test_a_line_is_told_once_and_never_too_many() -> None:
    assert len(deprecated_calls(["load_metric('a')", "load_metric('a')"])) == 1
    assert len(deprecated_calls([f"load_metric('{i}')" for i in range(100)])) == 8


# ------------------------------------------------------------------------------------ lenient mode

OLD_CELLS = {
    "from datasets import load_metric": "load_metric.__name__",
    "from transformers import AdamW\nimport torch":
        "AdamW([torch.nn.Parameter(torch.ones(1))], correct_bias=True).defaults['weight_decay']",
    "from transformers import TrainingArguments\n"
    "args = TrainingArguments('x', evaluation_strategy='steps', eval_steps=3, logging_dir='logs', "
    "overwrite_output_dir=True, no_cuda=True, warmup_ratio=0.1, group_by_length=True)":
        "args.eval_strategy, args.get_warmup_steps(200), args.train_sampling_strategy",
    "from transformers import Seq2SeqTrainingArguments\n"
    "args = Seq2SeqTrainingArguments('x', evaluation_strategy='epoch', save_safetensors=True)":
        "args.eval_strategy",
    "from transformers import BertConfig, BertForMultipleChoice, Trainer, TrainingArguments\n"
    "config = BertConfig(vocab_size=9, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, "
    "intermediate_size=8)\n"
    "trainer = Trainer(BertForMultipleChoice(config), TrainingArguments('x'), tokenizer='mine')":
        "trainer.processing_class",
    "from transformers import Seq2SeqTrainer, T5Config, T5ForConditionalGeneration\n"
    "t5 = T5ForConditionalGeneration(T5Config(vocab_size=9, d_model=8, d_kv=4, d_ff=8, "
    "num_layers=1, num_heads=2))\n"
    "trainer = Seq2SeqTrainer(t5, Seq2SeqTrainingArguments('x'), tokenizer='yours')":
        "trainer.processing_class",
    "from transformers import BertTokenizerFast\n"
    "words = {w: i for i, w in enumerate(['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', 'a'])}\n"
    "tokenizer = BertTokenizerFast(vocab=words)\n"
    "ids = tokenizer.encode_plus('a', pad_to_max_length=True, max_length=5)['input_ids']": "ids",
    "tokenizer.save_pretrained('saved')\n"
    "again = BertTokenizerFast.from_pretrained('saved', max_len=77)": "again.model_max_length",
    "from transformers import BertModel, BertPreTrainedModel\n"
    "class Old(BertPreTrainedModel):\n"
    "    def __init__(self, config):\n"
    "        super().__init__(config)\n"
    "        self.bert = BertModel(config)\n"
    "        self.init_weights()\n"
    "Old(config).save_pretrained('old')\n"
    "old = Old.from_pretrained('old')": "type(old).__name__",
}
EXPECTED = ["load_metric", "0.0", "IntervalStrategy.STEPS 20 group_by_length",
            "IntervalStrategy.EPOCH", "mine", "yours", "[2, 5, 3, 0, 0]", "77", "Old"]


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[bool], KernelSession]]:
    """Kernels of both kinds, each started once."""
    started: dict[bool, KernelSession] = {}

    def start(lenient: bool) -> KernelSession:
        if lenient not in started:
            home = tmp_path_factory.mktemp("home")
            started[lenient] = KernelSession(home, Limits(), Surroundings(lenient=lenient))
            started[lenient].__enter__()
        return started[lenient]

    yield start
    for session in started.values():
        session.close()


@pytest.mark.sandbox
def test_old_names_are_taken_as_their_successors(kernel: Callable[[bool], KernelSession]) -> None:
    session = kernel(True)
    found = []
    for cell, shown in OLD_CELLS.items():
        outcome = session.run(f"{cell}\nprint({shown})", timeout=120)
        assert outcome.kind == "done", f"{cell}: {outcome.says}"
        found.append("".join(one.get("text", "") for one in outcome.outputs
                             if one.get("name") == "stdout").strip())
    assert found == EXPECTED


@pytest.mark.sandbox
@pytest.mark.parametrize("cell", [
    "from datasets import load_metric",
    "from transformers import AdamW",
    "from transformers import TrainingArguments\nTrainingArguments('x', logging_dir='logs')",
])
def test_as_a_rule_they_are_not(kernel: Callable[[bool], KernelSession], cell: str) -> None:
    assert kernel(False).run(cell, timeout=120).kind == "error"
