"""Right code for Colab, with its GPU, compiler and network, is right while grading."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import REPO

from autograder.course import Course
from autograder.kernel import pool, portability, serialization
from autograder.kernel.isolation.policy import Limits
from autograder.kernel.session import KernelSession

pytestmark = pytest.mark.sandbox
TORCH = (
    "torch.nn.Linear(2, 2).cuda()(torch.ones(2).cuda())", "torch.ones(2).to('cuda').device.type",
    "torch.nn.Linear(2, 2).to('cuda:0')(torch.ones(2, device='cuda'))", "torch.ones(1).to(0)",
    "torch.nn.Linear(2, 2, device=torch.device('cuda'))(torch.ones(2))",
    "torch.arange(3, device=torch.device('cuda', 0))",
    "torch.zeros_like(torch.ones(1), device='mps')",
    "torch.ones(1).to(device='cuda', dtype=torch.float64, non_blocking=True)",
    "torch.ones(2).new_zeros(3, device='cuda')",
    "torch.randn(1, generator=torch.Generator('cuda'))",
    "torch.set_default_device('cuda') or torch.ones(2)",
    "torch.compile(torch.nn.Linear(2, 2))(torch.ones(2))", "torch.compile(lambda x: x)(1)",
    "torch.compile(mode='max-autotune')(lambda x: x)(1)", "torch.nn.Linear(2, 2).compile()",
    "torch.jit.script(torch.nn.Linear(2, 2))(torch.ones(2))", "torch.cuda.synchronize()",
    "torch.cuda.get_device_name(0) + torch.cuda.memory_summary()", "torch.cuda.mem_get_info()",
    "torch.cuda.get_device_properties(0).total_memory", "torch.cuda.reset_peak_memory_stats()",
    "torch.cuda.Event(enable_timing=True).elapsed_time(torch.cuda.Event())",
    "torch.cuda.amp.GradScaler().scale(torch.ones(1))", "torch.cuda.set_device(0)",
    "torch.autocast('cuda', dtype=torch.float16).__enter__()",
    "list(DataLoader([1, 2, 3], num_workers=2, pin_memory=True, persistent_workers=True))",
    "setattr(torch.backends.cuda.matmul, 'allow_tf32', True)", "torch.ones(2).pin_memory()",
    "torch.set_float32_matmul_precision('high')",
    "torch.set_default_tensor_type('torch.cuda.FloatTensor')",
)
LINES = (
    "%matplotlib inline", "%env COLAB_GPU=1", "!pip install wandb", "%cd /content/drive/MyDrive",
    "import wandb; wandb.init(project='x').log({'loss': 1.0}); wandb.finish()",
    "from torch.utils.tensorboard import SummaryWriter; SummaryWriter('x').add_scalar('a', 1, 2)",
    "from google.colab import drive; drive.mount('/content/drive')", "!nvidia-smi",
    "import gdown; gdown.download('https://example.org', 'x')", "%%time\n1 + 1",
    "from huggingface_hub import login, notebook_login; login(); notebook_login()",
    "import os; os.environ['CUDA_VISIBLE_DEVICES'] = '0'; os.environ['HF_HOME'] = '/content/hf'",
)
ARGUMENTS = ("bf16=True", "fp16=True", "tf32=True", "torch_compile=True", "bf16_full_eval=True",
             "fp16_full_eval=True", "optim='adamw_bnb_8bit'", "optim='adamw_torch_fused'",
             "report_to='wandb'", "report_to=['tensorboard', 'wandb']", "report_to='all'",
             "push_to_hub=True, hub_model_id='me/mine'", "dataloader_num_workers=2",
             "gradient_checkpointing=True", "logging_strategy='no'")
TINY = """
import torch, transformers
from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments
tiny = BertForSequenceClassification(BertConfig(
    vocab_size=30, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8))
rows = [{"input_ids": torch.tensor([1, 2, 3]), "labels": torch.tensor(0)}] * 8
"""
LOADS = (
    "AutoTokenizer.from_pretrained('distilbert-base-uncased')",
    "AutoModel.from_pretrained('distilbert-base-uncased')",
    "T5Tokenizer.from_pretrained('t5-small')",
    "AutoModelForSeq2SeqLM.from_pretrained('t5-small')", "AutoConfig.from_pretrained('t5-small')",
    "AutoTokenizer.from_pretrained('google-t5/t5-small', cache_dir='/content/cache')",
    "AutoModel.from_pretrained('google-t5/t5-small', force_download=True, token='mine')",
    "AutoModel.from_pretrained('distilbert-base-uncased', device_map='cuda')",
    "AutoModel.from_pretrained('distilbert/distilbert-base-uncased', device_map={'': 0})",
    "load_dataset('allenai/swag', 'regular', cache_dir='/content/cache')",
    "load_dataset('rajpurkar/squad', download_mode='force_redownload', token=True)",
)


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KernelSession]:
    """One kernel of hw3's."""
    around = Course.load(REPO).surroundings("hw3")
    with KernelSession(tmp_path_factory.mktemp("home"), Limits(), around) as session:
        assert session.run("import torch\nfrom torch.utils.data import DataLoader", 60).says == ""
        yield session
    pool.close_all()


def runs(session: KernelSession, source: str) -> None:
    outcome = session.run(source, timeout=60)
    assert outcome.kind == "done", outcome.says


@pytest.mark.parametrize("line", TORCH)
def test_torch_as_on_a_machine_with_a_gpu(session: KernelSession, line: str) -> None:
    runs(session, line)


@pytest.mark.parametrize("line", LINES)
def test_lines_of_notebooks_on_colab(session: KernelSession, line: str) -> None:
    runs(session, line)


@pytest.mark.parametrize("options", ARGUMENTS)
def test_options_of_a_training_on_a_gpu(session: KernelSession, options: str) -> None:
    runs(session, f"{TINY}\ntrainer = Trainer(tiny, TrainingArguments('out', {options}), "
                  "train_dataset=rows)\ntrainer.train()\ntrainer.push_to_hub()")


@pytest.mark.parametrize("line", LOADS)
def test_what_is_on_the_hub_is_found_however_asked_for(session: KernelSession, line: str) -> None:
    runs(session, f"from transformers import *\nfrom datasets import load_dataset\n{line}")


def test_numbers_of_another_kind_in_the_notebook_are_not_in_probes(session: KernelSession) -> None:
    runs(session, "torch.set_default_dtype(torch.float64)\n"
                  "def kinds(x): return torch.nn.Linear(2, 2)(x), torch.ones(1)")
    import torch

    request = serialization.pack({"probes": "", "function": "call", "inputs": {
        "name": "kinds", "args": [torch.ones(2)], "kwargs": {}}})
    outcome = session.ask(request, 20)
    assert outcome.answer is not None
    made = serialization.unpack(outcome.answer)["value"]
    assert [one.dtype for one in made] == [torch.float32] * 2
    runs(session, "assert torch.ones(1).dtype == torch.float64\n"
                  "torch.set_default_dtype(torch.float32)")


def test_a_probe_finds_modules_wherever_the_notebook_has_gone(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("def answer(): return open('data.txt').read()\n")
    (tmp_path / "data.txt").write_text("42")
    with KernelSession(tmp_path, Limits()) as session:
        runs(session, "import os, sys\nos.makedirs('deep')\nhome = os.getcwd()\n"
             "os.chdir('deep')\nsys.path[:] = [path for path in sys.path if path != home]")
        probes = "def ask(code): return code.mine.answer()\n"
        outcome = session.ask(serialization.pack(
            {"probes": probes, "function": "ask", "inputs": {}}), 20)
        assert outcome.answer is not None
        assert serialization.unpack(outcome.answer) == {"value": "42"}


def test_an_owner_is_added_only_where_the_model_is_here(tmp_path: Path,
                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "models--google-t5--t5-small").mkdir()
    (tmp_path / "models--somebody--t5-large").mkdir()
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    named = [portability.todays_name(name)
             for name in ("t5-small", "t5-large", "a/t5-small", "", None)]
    assert named == ["google-t5/t5-small", "t5-large", "a/t5-small", "", None]
