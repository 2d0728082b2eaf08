#!/bin/sh
# datasets 5.2.0: with the torch format, None in a column of integers becomes tensor(nan).
#
# A row whose integer is missing gives a float tensor that holds NaN, where the row before gives an
# integer tensor. In a batch the whole column turns into floats.
# Expected: None, or an error. Seen: tensor(nan), and int64 turns into float32.
PACKAGES="datasets==5.2.0 torch==2.13.0"
set -eu
. "$(dirname "$0")/environment"
"$python" - <<'PYTHON'
from datasets import Dataset

data = Dataset.from_dict({"label": [1, None]}).with_format("torch")
one, none, both = data[0]["label"], data[1]["label"], data[:2]["label"]
print(data.features["label"].dtype, one, none, both)
assert none.isnan() and not one.is_floating_point(), "changed: None is not NaN any more"
PYTHON
