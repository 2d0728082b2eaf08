#!/bin/sh
# torch 2.13.0: a tensor that says it is contiguous, and whose bytes cannot be viewed.
#
# The stride of an axis of size 1 means nothing, so x with shape [1, 1] and strides (1, 6), a slice of
# a transposed tensor, is contiguous, and x.contiguous() is x itself. Its view as bytes, as one takes
# it to hash or to save tensors, looks at that stride all the same and raises RuntimeError; a clone in
# the contiguous format has other strides, and its view works.
# Expected: what is contiguous can be viewed as bytes. Seen: an error by the shape that inputs have.
PACKAGES="torch==2.13.0"
set -eu
. "$(dirname "$0")/environment"
"$python" - <<'PYTHON'
import torch

x = torch.randn(1, 6).t()[:1]
assert x.is_contiguous() and x.contiguous() is x, "changed: it is not contiguous"
try:
    x.contiguous().view(torch.uint8)
except RuntimeError as error:
    print(f"shape {list(x.shape)}, strides {x.stride()}: {error}")
else:
    raise SystemExit("changed: its bytes can be viewed")
print(list(x.clone(memory_format=torch.contiguous_format).view(torch.uint8).shape), "of a clone")
PYTHON
