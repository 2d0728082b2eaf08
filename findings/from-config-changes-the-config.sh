#!/bin/sh
# transformers 5.23.0: AutoModel.from_config(config, attn_implementation=...) changes `config`.
#
# A first model is made from a config. A second one is made from the same config with another
# attention implementation. The first model then computes with that one, too.
# Expected: an option of one call belongs to the model of that call.
# Seen: before sdpa, after eager, for the first model.
PACKAGES="torch==2.13.0 transformers==5.23.0"
set -eu
. "$(dirname "$0")/environment"
"$python" - <<'PYTHON'
from transformers import AutoModel, BertConfig

config = BertConfig(vocab_size=32, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
                    intermediate_size=8)
first = AutoModel.from_config(config, attn_implementation="sdpa")
before = first.config._attn_implementation
AutoModel.from_config(config, attn_implementation="eager")
after = first.config._attn_implementation
print(f"the first model: before {before}, after {after}")
assert (before, after) == ("sdpa", "eager"), "changed: the first model keeps its own"
PYTHON
