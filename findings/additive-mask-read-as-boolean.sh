#!/bin/sh
# transformers 5.23.0: BertModel takes a 2-D additive mask for a boolean one, which inverts it.
#
# A mask of 0 for tokens and -10000 for padding, the form that attention adds to its scores, is a
# float tensor of the right shape. BertModel reads it as "is not zero": padding is attended to and
# the tokens are hidden. The output is that of the inverted mask, without a warning.
# Expected: the output of the mask of ones and zeros, or an error. Seen: that of its inverse.
PACKAGES="torch==2.13.0 transformers==5.23.0"
set -eu
. "$(dirname "$0")/environment"
"$python" - <<'PYTHON'
import torch
from transformers import BertConfig, BertModel

torch.manual_seed(0)
model = BertModel(BertConfig(vocab_size=32, hidden_size=8, num_hidden_layers=1,
                             num_attention_heads=2, intermediate_size=8)).eval()
ids, mask = torch.tensor([[2, 5, 6, 3, 0, 0]]), torch.tensor([[1, 1, 1, 1, 0, 0]])
with torch.no_grad():
    right, inverse, additive = (
        model(ids, attention_mask=one).last_hidden_state
        for one in (mask, 1 - mask, (1.0 - mask) * -10000.0))
print("as the mask:", torch.allclose(additive, right, atol=1e-5),
      "as its inverse:", torch.allclose(additive, inverse, atol=1e-5))
assert torch.allclose(additive, inverse, atol=1e-5), "changed: it is not the inverse's output"
assert not torch.allclose(additive, right, atol=1e-5)
PYTHON
