"""Lines that were written for the libraries of 2023, each with what today's have in their place.

They are looked for in the text of code cells; nothing is run. Tried on transformers 5, datasets 5.
"""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterable, Iterator

LONGEST = 500  # characters of a line that are looked at
MOST = 8  # lines that are told of
OUTDATED = {
    r"\bload_metric\b": "`load_metric` has left `datasets`; today it is `evaluate.load`",
    r"load_dataset\(\s*['\"](swag|squad|squad_v2)['\"]":
        "Data sets have their owner's name today: `allenai/swag`, `rajpurkar/squad`",
    r"\bevaluation_strategy\s*=": "`evaluation_strategy` is called `eval_strategy` today",
    r"(Trainer\(|\b(args|train_dataset|eval_dataset|data_collator)\s*=)[^#]*\btokenizer\s*=":
        "a Trainer's `tokenizer=` is called `processing_class=` today",
    r"^\s*tokenizer\s*=\s*\w+\s*,\s*$":
        "where this is an argument of a Trainer, it is called `processing_class=` today",
    r"\b(logging_dir|overwrite_output_dir|save_safetensors)\s*=":
        "this option has left `TrainingArguments`, and a training is the same without it",
    r"\bwarmup_ratio\s*=":
        "`warmup_ratio` is `warmup_steps` today, where a number below 1 is a share of all steps, "
        "as in `warmup_steps=0.1`",
    r"\bgroup_by_length\s*=":
        '`group_by_length=True` is `train_sampling_strategy="group_by_length"` today',
    r"\bno_cuda\s*=": "`no_cuda` is called `use_cpu` today",
    r"\.(batch_)?encode_plus\(": "`encode_plus` is gone; call the tokenizer itself",
    r"\bpad_to_max_length\s*=":
        "`pad_to_max_length` is ignored without a word; write "
        '`padding="max_length", truncation=True`',
    r"from_pretrained\([^#]*\bmax_len\s*=":
        "`max_len` is ignored without a word; write `model_max_length`",
    r"\bself\.init_weights\(":
        "a model of your own ends its `__init__` with `self.post_init()` today",
    r"from transformers import [^#]*\bAdamW\b|transformers\.AdamW\b":
        "`AdamW` has left `transformers`; take `torch.optim.AdamW`, whose weight decay is 0.01 "
        "where nothing is said, and not 0 as it was",
    r"pipeline\(\s*['\"]question-answering['\"]":
        "the pipeline `question-answering` has left `transformers`",
    r"\blm_labels\s*=": "`lm_labels` is called `labels` today, and is ignored without a word",
}


def outdated(cells: Iterable[str]) -> list[str]:
    """A sentence for each outdated line of these code cells, the line itself in it."""
    found = [f"Out of date: `{line.strip()[:100]}`. {says[:1].upper()}{says[1:]}."
             for cell in cells for line in _code(cell)
             for pattern, says in OUTDATED.items() if re.search(pattern, line[:LONGEST])]
    return list(dict.fromkeys(found))[:MOST]


def _code(cell: str) -> Iterator[str]:
    """A cell's lines without what is only a comment or stands in a longer string."""
    lines = cell.splitlines()
    for start, end in _strings(cell):
        for number in range(start, end):
            lines[number] = ""
    return (line for line in lines if not line.lstrip().startswith("#"))


def _strings(cell: str) -> list[tuple[int, int]]:
    """The lines that strings over several lines take, the first one and the last left out."""
    found = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(cell).readline):
            if token.type == tokenize.STRING and token.end[0] > token.start[0]:
                found.append((token.start[0], token.end[0] - 1))
    except (tokenize.TokenError, SyntaxError):
        pass  # a magic, or half a program: each line is looked at as it stands
    return found
