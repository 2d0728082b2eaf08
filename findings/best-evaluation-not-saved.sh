#!/bin/sh
# transformers 5.23.0: load_best_model_at_end where evaluation is more frequent than saving.
#
# Evaluation comes every step, saving every second, as the documentation allows. The best
# evaluation is that of step 3, which was not saved. At the end the checkpoint of step 2 is loaded,
# the last one that was the best when it was saved; the one of step 6, also on disk, is better by far.
# Expected: the best of the saved checkpoints, or an error.
# Seen: scores 0.1 0.2 0.9 0.3 0.4 0.5, checkpoints of steps 2, 4, 6, loaded that of step 2.
PACKAGES="torch==2.13.0 transformers==5.23.0 accelerate==1.15.0"
set -eu
. "$(dirname "$0")/environment"
"$python" - <<'PYTHON'
import glob

import torch
from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments

torch.manual_seed(0)
model = BertForSequenceClassification(BertConfig(
    vocab_size=32, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8))
data = [{"input_ids": torch.tensor([2, 5, 3]), "labels": torch.tensor(n % 2)} for n in range(8)]
scores = iter([0.1, 0.2, 0.9, 0.3, 0.4, 0.5])
arguments = TrainingArguments(
    output_dir="out", max_steps=6, eval_strategy="steps", eval_steps=1, save_steps=2,
    load_best_model_at_end=True, metric_for_best_model="score", greater_is_better=True,
    learning_rate=0.1, report_to=[], use_cpu=True, disable_tqdm=True)
trainer = Trainer(model=model, args=arguments, train_dataset=data, eval_dataset=data,
                  compute_metrics=lambda _: {"score": next(scores)})
trainer.train()
print(f"best {trainer.state.best_metric} at step {trainer.state.best_global_step}, saved "
      f"{sorted(glob.glob('out/checkpoint-*'))}, loaded {trainer.state.best_model_checkpoint}")
loaded = BertForSequenceClassification.from_pretrained("out/checkpoint-2")
assert trainer.state.best_metric == 0.9
assert torch.equal(loaded.classifier.weight, trainer.model.classifier.weight), (
    "changed: another checkpoint than that of step 2 is loaded")
PYTHON
