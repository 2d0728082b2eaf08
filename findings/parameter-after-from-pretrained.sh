#!/bin/sh
# transformers 5.23.0: a parameter of one's own in a PreTrainedModel, and from_pretrained.
#
# A class adds a parameter and sets it to ones in __init__. A checkpoint without it is loaded. The
# parameter is reported as newly initialised, but it is not what __init__ set.
# Expected: ones, as __init__ sets them. Seen: other values, whatever the memory held.
PACKAGES="torch==2.13.0 transformers==5.23.0"
set -eu
. "$(dirname "$0")/environment"
"$python" - <<'PYTHON'
import torch
from torch import nn
from transformers import BertConfig, BertModel, BertPreTrainedModel

config = BertConfig(vocab_size=32, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
                    intermediate_size=8)
BertModel(config).save_pretrained("base")


class Weighted(BertPreTrainedModel):
    def __init__(self, config):
        super().__init__(config)
        self.bert = BertModel(config)
        self.layer_weights = nn.Parameter(torch.ones(1000))
        self.post_init()


assert torch.equal(Weighted(config).layer_weights, torch.ones(1000))  # without from_pretrained
torch.full((1000,), 7.0)  # something for the memory to hold
loaded = Weighted.from_pretrained("base")
print("after from_pretrained:", loaded.layer_weights[:4].tolist(), "...")
assert not torch.equal(loaded.layer_weights, torch.ones(1000)), (
    "changed: the parameter keeps what __init__ set")
PYTHON
