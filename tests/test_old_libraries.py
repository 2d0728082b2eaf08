"""A notebook of 2023: what fails is told by its line, and what stands for itself still counts."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from autograder.judge.outdated import outdated
from autograder.kernel.sandbox import Limits, Surroundings
from autograder.kernel.session import KernelSession

# ---------------------------------------------------------------------------------- outdated lines


@pytest.mark.parametrize(("line", "told"), [
    ("from datasets import load_dataset, load_metric", "evaluate.load"),
    ("data = load_dataset('swag', 'regular')", "allenai/swag"),
    ('data = load_dataset("squad")', "rajpurkar/squad"),
    ("    evaluation_strategy='steps',", "eval_strategy"),
    ("trainer = Trainer(model=model, tokenizer=tokenizer)", "processing_class"),
    ("    tokenizer=tokenizer,", "processing_class"),
    ("    train_dataset=data, data_collator=collate, tokenizer=mine)", "processing_class"),
    ("    logging_dir='logs',", "the same without it"),
    ("    save_safetensors=True,", "the same without it"),
    ("    warmup_ratio=0.1,", "warmup_steps=0.1"),
    ("    group_by_length=True,", 'train_sampling_strategy="group_by_length"'),
    ("args = TrainingArguments('x', no_cuda=True)", "use_cpu"),
    ("tokenizer.batch_encode_plus(texts)", "call the tokenizer"),
    ("tokenizer(texts, pad_to_max_length=True)", "padding="),
    ("T5Tokenizer.from_pretrained('t5-small', max_len=512)", "model_max_length"),
    ("        self.init_weights()", "post_init"),
    ("from transformers import AdamW, Trainer", "weight decay is 0.01"),
    ("optimizer = transformers.AdamW(model.parameters())", "torch.optim"),
    ("model(input_ids=ids, lm_labels=labels)", "labels"),
])
def test_an_outdated_line_is_told(line: str, told: str) -> None:
    (sentence,) = outdated([f"x = 1\n{line}\ny = 2"])
    assert line.strip() in sentence and told in sentence


@pytest.mark.parametrize("line", [
    "import evaluate", "data = load_dataset('allenai/swag', 'regular')", "eval_strategy='steps'",
    "trainer = Trainer(processing_class=tokenizer)", "# load_metric is gone today",
    "self.post_init()", "from torch.optim import AdamW", "tokenizer = T5TokenizerFast()",
    "'''\nload_metric\n'''",
])
def test_todays_lines_are_left_alone(line: str) -> None:
    assert outdated([line]) == []


def test_a_line_is_told_once_and_never_too_many() -> None:
    assert len(outdated(["load_metric('a')", "load_metric('a')"])) == 1
    assert len(outdated([f"load_metric('{i}')" for i in range(100)])) == 8


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
