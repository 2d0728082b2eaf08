#!/bin/sh
# transformers 5.23.0: the Trainer, T5 and gradient_accumulation_steps=4.
#
# Four equal batches are accumulated into one step. The loss that is logged, and the gradient with
# it, are four times those of a single batch. The Trainer leaves the division by 4 to the model
# where `forward` takes **kwargs, and hands it `num_items_in_batch`; T5's loss does not use it.
# Expected: the loss of a batch, as for a model whose `forward` has no **kwargs.
# Seen: a single batch 4.18, logged with accumulation 16.72.
PACKAGES="torch==2.13.0 transformers==5.23.0 accelerate==1.15.0"
set -eu
. "$(dirname "$0")/environment"
"$python" - <<'PYTHON'
import torch
from transformers import (
    T5Config, T5ForConditionalGeneration, Trainer, TrainerCallback, TrainingArguments)

torch.manual_seed(0)
model = T5ForConditionalGeneration(T5Config(
    vocab_size=32, d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2, dropout_rate=0.0,
    decoder_start_token_id=0))
example = {"input_ids": torch.tensor([5, 6, 7, 1]), "labels": torch.tensor([8, 9, 1])}
model.eval()
single = model(**{name: row[None] for name, row in example.items()}).loss.item()

logged = []


class Keep(TrainerCallback):
    def on_log(self, args, state, control, logs=None, **kwargs):
        logged.extend([logs["loss"]] if "loss" in logs else [])


arguments = TrainingArguments(
    output_dir="out", per_device_train_batch_size=1, gradient_accumulation_steps=4, max_steps=1,
    learning_rate=0.0, logging_steps=1, report_to=[], save_strategy="no", use_cpu=True,
    disable_tqdm=True)
Trainer(model=model, args=arguments, train_dataset=[example] * 4, callbacks=[Keep()]).train()
print(f"a single batch {single:.2f}, logged with accumulation {logged[0]:.2f}")
assert abs(logged[0] / single - 4) < 0.05, "changed: the logged loss is not four times a batch's"
PYTHON
