#!/bin/sh
# transformers 5.23.0: tokenizer("who", "") drops the empty second text.
#
# BERT's tokenizer gives [CLS] who [SEP], as for a single text. In a list, the same pair gives
# [CLS] who [SEP] [SEP], so that a pair's ids depend on whether it comes alone or in a batch.
# Expected: the same ids. Seen: one [SEP] alone, two in a list.
PACKAGES="transformers==5.23.0"
set -eu
. "$(dirname "$0")/environment"
"$python" - <<'PYTHON'
from transformers import BertTokenizerFast

words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "who"]
tokenizer = BertTokenizerFast(vocab={word: number for number, word in enumerate(words)})
alone = tokenizer("who", "")["input_ids"]
listed = tokenizer(["who"], [""])["input_ids"][0]
print("alone", tokenizer.convert_ids_to_tokens(alone), "in a list",
      tokenizer.convert_ids_to_tokens(listed))
assert alone == [2, 5, 3] and listed == [2, 5, 3, 3], "changed: the two agree, or differ otherwise"
PYTHON
