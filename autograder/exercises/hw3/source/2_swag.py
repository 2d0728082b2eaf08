# %% [markdown]
# # Task 2: multiple choice on SWAG (14 points)
#
# SWAG (Zellers et al., 2018) asks how a situation goes on: two sentences, of which the second
# breaks off, and four endings, of which one fits. Its wrong endings were written by a language
# model and chosen so that simple statistics do not give them away. Guessing is right in 25 of 100
# cases.
#
# **How an encoder chooses.** It does not see the four endings at once. Each of them makes a
# sequence of its own, `[CLS] sent1 [SEP] sent2 ending [SEP]`, and the model gives each sequence a
# single number, its *logit*. The four logits of an example then go through one softmax:
#
# $$p(\text{ending } i) = \frac{\exp(z_i)}{\sum_{j=0}^{3} \exp(z_j)}
# \qquad\qquad L = -\log p(\text{right ending})$$
#
# The endings thus compete, although no sequence sees another. For the encoder there is nothing but
# a batch of sequences, $4B$ of them for $B$ examples. Most of this task is about keeping in mind
# which four belong together.
#
# ![Two examples with four sequences of different lengths each become eight rows, example by
# example; the rows are padded to the longest; then four rows each become one example
# again](figures/flatten-and-pad.svg)
#
# The data comes from the hub: 73,546 examples for training, 20,006 for validation, and 20,005 for a
# test whose labels are kept secret (they are $-1$). About half a minute on
# Colab.

# %%
DISTILBERT = "distilbert/distilbert-base-uncased"

swag = load_dataset("allenai/swag", "regular")
tell_stand_in(DISTILBERT)
print({split: len(rows) for split, rows in swag.items()})
for column, value in swag["train"][0].items():
    print(f"{column:12} {value}")

# %% [markdown]
# ## 2.1 From sentences to batches (4 points)
#
# **(a)** What do the columns `sent1`, `sent2`, `ending0` to `ending3` and `label` mean? Look at a
# few examples, in all three splits. (0.5 points, written)

# %% [markdown] written="hw3_2_1_columns" points=0.5 title="· (a)"
# ### BEGIN SOLUTION
# **What to look for (0.5 points).**
#
# - 0.25: `sent1` is the first sentence, the situation; `sent2` is how the second sentence begins.
# - 0.25: `ending0` to `ending3` are four ways to end the second sentence, one of them right;
#   `label` is the number of the right one, 0 to 3. (That it is $-1$ in the test split is a good
#   remark, and not needed.)
#
# **An answer with full marks.** `sent1` is a whole sentence which describes a situation. `sent2` is
# the beginning of the next one, often only its subject. `ending0` to `ending3` are four ways in
# which that second sentence may go on, and `label` says which of them is right: 0, 1, 2 or 3. In
# the test split it is $-1$, since those labels are secret.
# ### END SOLUTION

# %% [markdown]
# **(b)** A person should be able to read an example. Write `explain_example`, which prints it like
# this (0.5 points):
#
#     Context: A cat sleeps on a warm roof.
#     A- It wakes and stretches.
#     B- It paints the door.
#     C- It rings twice.
#     D- It melts in the sun.
#     Ground truth: option A

# %% solution="hw3_2_1_explain"
def explain_example(example: dict[str, Any]) -> None:
    """Print an example of SWAG: its context, its four endings A to D, and which is right.

    An ending is shown with the beginning of its sentence, `sent2`. The last line is
    "Ground truth: option X", with the letter of the right ending.
    """
    ### BEGIN SOLUTION
    print(f"Context: {example['sent1']}")
    for number, letter in enumerate("ABCD"):
        print(f"{letter}- {example['sent2']} {example[f'ending{number}']}")
    print(f"Ground truth: option {'ABCD'[example['label']]}")
    ### END SOLUTION


# %% tests="hw3_2_1_explain" points=0.5 title="· (b)" code="explain_example"
import re

from IPython.utils.capture import capture_output

cat = {
    "sent1": "A cat sleeps on a warm roof.",
    "sent2": "It",
    "ending0": "wakes and stretches.",
    "ending1": "paints the door.",
    "ending2": "rings twice.",
    "ending3": "melts in the sun.",
    "label": 0,
}
with capture_output() as seen:
    returned = attempt("`explain_example`", explain_example, cat)
texts = [text for output in seen.outputs for text in output.data.values()]
shown = "\n".join(map(str, [seen.stdout, *texts, returned or ""]))
print(shown)
for wanted, pattern in {
    "Context:": "^\\W*context",
    **{f"{letter}-": f"^\\W*{letter}\\W{{0,2}}-" for letter in "ABCD"},
    "Ground truth: option A": "ground truth.*option\\W*A\\b",
}.items():
    assert re.search(pattern, shown, re.IGNORECASE | re.MULTILINE), (
        f"there is no {wanted!r} in what is printed"
    )
print("2.1 (b) passes its checks.")

# %% [markdown]
# **(c)** Load the fast tokenizer of `DISTILBERT`. It is the one in Rust; the library's `Auto` class
# finds it. (0.25 points)

# %% solution="hw3_2_1_tokenizer"
### BEGIN SOLUTION
tokenizer = AutoTokenizer.from_pretrained(DISTILBERT)
### END SOLUTION

# %% tests="hw3_2_1_tokenizer" points=0.25 title="· (c)"
needs("tokenizer")
assert tokenizer.is_fast, "this is not the fast tokenizer"
print(tokenizer.convert_ids_to_tokens(tokenizer("A warm roof.", "It melts.")["input_ids"]))

# %% [markdown]
# **(d)** Write `preprocess_function`, which takes *several* examples, as `datasets.map` hands them
# over with `batched=True`: a dictionary of columns, each a list with an entry for each example.
#
# 1. Make four pairs of each example: `sent1`, and `sent2` with one of the endings behind it (a
#    space between).
# 2. *Flatten*: hand all pairs to the `tokenizer` in a single call, with truncation. Which order
#    keeps the four pairs of an example together?
# 3. *Unflatten*: make lists of four out of the long list that comes back, for each of its keys.
#
# There is no padding here. How long a batch has to be is known only when it is put together, in
# (f). With the real data the first two training examples give 2 lists of 4 sequences each, and the
# lengths in the first list are `[30, 25, 30, 28]`. (1.25 points)
#
# <details><summary>A hint</summary>
#
# A tokenizer takes two lists of texts, the first texts and the second texts of all pairs. Lengths
# cannot tell you everything: other pairs can be as long as the right ones. Decode a sequence or
# two, and see where `[SEP]` stands.
# </details>

# %% solution="hw3_2_1_preprocess"
def preprocess_function(examples: dict[str, list]) -> dict[str, list]:
    """Tokenize the four pairs (sent1, sent2 + " " + ending) of each example.

    examples: the columns of n examples, each a list of n

    Returns `input_ids` and `attention_mask`, each a list of n lists of 4 lists of numbers, not
    padded. What is longer than the model can read is cut off.
    """
    ### BEGIN SOLUTION
    first, second = [], []  # the two texts of 4n pairs, example by example
    for number, sentence in enumerate(examples["sent1"]):
        for ending in range(4):
            first.append(sentence)
            second.append(f"{examples['sent2'][number]} {examples[f'ending{ending}'][number]}")
    encoded = tokenizer(first, second, truncation=True)
    return {
        key: [rows[start : start + 4] for start in range(0, len(rows), 4)]
        for key, rows in encoded.items()
    }
    ### END SOLUTION


# %% tests="hw3_2_1_preprocess" points=1.25 title="· (d)" code="preprocess_function"
needs("tokenizer")
encoded = attempt("`preprocess_function`", preprocess_function, swag["train"][:2])
for key in ("input_ids", "attention_mask"):
    assert key in encoded, f"there is no `{key}` in what comes back"
    assert len(encoded[key]) == 2, f"`{key}` of two examples has {len(encoded[key])} entries"
    assert [len(four) for four in encoded[key]] == [4, 4], (
        f"`{key}` should have four sequences for each example; yours has "
        f"{[len(four) for four in encoded[key]]}"
    )
print("Lengths:", *([len(row) for row in four] for four in encoded["input_ids"]))
for row in encoded["input_ids"][0]:
    print(tokenizer.decode(row))
print("Do the four belong together, and is [SEP] where it should be?")

# %% [markdown]
# **(e)** Apply it to all splits, several examples at a time. (0.25 points)

# %% solution="hw3_2_1_map"
def encode_splits(splits: DatasetDict) -> DatasetDict:
    """Run `preprocess_function` over every split, several examples at a time.

    Returns the same splits, with the columns `input_ids` and `attention_mask` besides `label`.
    """
    ### BEGIN SOLUTION
    return splits.map(preprocess_function, batched=True)
    ### END SOLUTION


# %% tests="hw3_2_1_map" points=0.25 title="· (e)" code="encode_splits"
first_rows = swag.filter(lambda _, row: row < 5, with_indices=True)
few = attempt("`encode_splits`", encode_splits, first_rows)
assert few is not None, "`encode_splits` returns nothing"
assert set(few) == set(swag), f"the splits are {sorted(few)}, where {sorted(swag)} went in"
for split in few:
    assert {"input_ids", "attention_mask", "label"} <= set(few[split].column_names), (
        f"the split {split!r} has the columns {few[split].column_names}"
    )
print("2.1 (e) passes its checks.")

# %% [markdown]
# For the whole of SWAG this takes about a minute on Colab.

# %% tags=["skip-execution"]
encoded_swag = attempt("`encode_splits`", encode_splits, swag)
print(encoded_swag)

# %% [markdown]
# **(f)** A *data collator* makes one batch of several examples, just before the model reads them.
# Write it (1.25 points):
#
# 1. Keep `input_ids`, `attention_mask` and `label` of each example (`labels` in some data sets);
#    texts and other columns cannot become tensors.
# 2. Flatten: $4B$ sequences, example by example.
# 3. Pad with `tokenizer.pad`, by default to the longest sequence *of this batch*.
# 4. Unflatten: back to $[B, 4, L]$, and add the labels, as integers.
#
# The examples are not yours: whoever calls you may use them again, so leave them as they are. The
# library has had a collator for multiple choice since this exercise was first given. To call it is
# not what is asked here, and earns nothing.
#
# <details><summary>A hint</summary>
#
# `dict.pop` takes a key out of the dictionary that somebody else holds, too. To flatten, make a new
# dictionary for each sequence. `tensor.view(B, 4, -1)` undoes what flattening has done, if it was
# done in this order.
# </details>

# %% solution="hw3_2_1_collator"
@dataclass
class MultipleChoiceDataCollator:
    """Makes a batch of examples that have four sequences each.

    `padding`, `max_length` and `pad_to_multiple_of` mean what they mean for `tokenizer.pad`.
    """

    tokenizer: Any
    padding: bool | str = True
    max_length: int | None = None
    pad_to_multiple_of: int | None = None

    def __call__(self, features: list[dict[str, Any]]) -> dict[str, Tensor]:
        """Make a batch of B examples, and leave these as they are.

        Each has `input_ids` and `attention_mask`, 4 lists of numbers each, and `label` (or
        `labels`), a number; it may have other columns.

        Returns `input_ids` and `attention_mask`, [B, 4, L], and `labels`, [B]: all int64.
        """
        ### BEGIN SOLUTION
        label = "label" if "label" in features[0] else "labels"
        labels = [feature[label] for feature in features]
        flat = [
            {key: feature[key][choice] for key in ("input_ids", "attention_mask")}
            for feature in features
            for choice in range(4)
        ]  # 4B sequences, example by example
        batch = self.tokenizer.pad(
            flat,
            padding=self.padding,
            max_length=self.max_length,
            pad_to_multiple_of=self.pad_to_multiple_of,
            return_tensors="pt",
        )  # [4B, L]
        shaped = {key: rows.view(len(features), 4, -1) for key, rows in batch.items()}  # [B, 4, L]
        return {**shaped, "labels": torch.tensor(labels, dtype=torch.int64)}
        ### END SOLUTION


# %% tests="hw3_2_1_collator" points=1.25 title="· (f)" code="MultipleChoiceDataCollator.__call__"
needs("tokenizer")
collate = MultipleChoiceDataCollator(tokenizer)
rows = [tokenizer(["A roof."] * 2, ["It melts.", "It rings twice."]) for _ in range(2)]
features = [
    {"input_ids": row["input_ids"] * 2, "attention_mask": row["attention_mask"] * 2, "label": 1}
    for row in rows
]
batch = attempt("`MultipleChoiceDataCollator.__call__`", collate, features)
assert batch is not None, "the collator returns nothing"
longest = max(len(ids) for ids in features[0]["input_ids"])
for key in ("input_ids", "attention_mask"):
    assert key in batch, f"there is no `{key}` in the batch"
    assert list(batch[key].shape) == [2, 4, longest], (
        f"`{key}` has shape {list(batch[key].shape)}, where [B, 4, L] = [2, 4, {longest}] was "
        "expected"
    )
assert "labels" in batch, "there are no `labels` in the batch: the model asks for them by this name"
assert batch["labels"].dtype == torch.int64, (
    f"the labels are {batch['labels'].dtype}, where integers were expected, int64"
)
assert all("label" in feature for feature in features), (
    "the examples have lost their labels: what you are given is not yours to change"
)
print("2.1 (f) passes its checks.")

# %% [markdown] name="comment_2_1"
# ⟶ **Comments on 2.1**, written by another group:
#
# *(leave this cell as it is)*
#
# ⟵ **End of the comments on 2.1**

# %% [markdown]
# ## 2.2 A model of the library (3 points)
#
# **(a)** Load `DISTILBERT` with the class that puts a multiple-choice head on top. Which of the
# `Auto` classes imported above is it? The head is new, and the library says so: its weights are
# random until you have trained them. (0.25 points)

# %% solution="hw3_2_2_model"
### BEGIN SOLUTION
model_hf = AutoModelForMultipleChoice.from_pretrained(DISTILBERT)
### END SOLUTION

# %% tests="hw3_2_2_model" points=0.25 title="· (a)"
needs("model_hf")
assert type(model_hf).__name__.endswith("MultipleChoice"), (
    f"a {type(model_hf).__name__} has another head: which class has the one for multiple choice?"
)
with torch.inference_mode():
    output = model_hf(
        input_ids=torch.randint(1000, [2, 4, 7]).remainder(model_hf.config.vocab_size),
        attention_mask=torch.ones(2, 4, 7, dtype=torch.int64),
    )
print("Two examples with four sequences each give logits of shape", list(output.logits.shape))
print(f"{model_hf.num_parameters() / 1e6:.1f} million weights in a {type(model_hf).__name__}")

# %% [markdown]
# **(b)** Set the training up. For the names of the arguments see the documentation of
# `TrainingArguments`, of *your* version of the library: some have changed since most tutorials were
# written. (1 point)
#
# | what | value |
# |:--|:--|
# | output directory | `distilbert-base-uncased-swag` |
# | evaluation | every 300 steps |
# | saving | every 600 steps, at most 2 checkpoints kept |
# | seed | 77 |
# | batch size | 48, for training and for evaluation |
# | length of the training | 1,800 steps |
# | learning rate, weight decay | 5e-5, 0.01 |
# | columns that the model does not know | removed |
# | when training ends | the best checkpoint is loaded, chosen by the validation *accuracy* |
#
# What the last line gives you (tried on transformers 5.23): the trainer remembers its best
# *evaluation*, and loads the checkpoint that was saved at that step. This table evaluates more
# often than it saves, since a checkpoint takes 800 MB. Where the best evaluation was at step 300,
# 900 or 1,500, no checkpoint is there, and the trainer says nothing: it loads that of an earlier
# step which was the best when it was saved, or none, and the last weights stay. As a rule the
# accuracy rises to the end, and the best evaluation is the last, which is saved. The cell that
# trains prints what was loaded. Whoever wants the best of all six evaluations in any case saves
# every 300 steps, or whenever an evaluation is the best so far: both count as right, too.
#
# A T4 computes faster in half precision: add `fp16=torch.cuda.is_available()` if you like. You will
# need the same values once more in 2.3: put what both share into a dictionary.

# %% solution="hw3_2_2_arguments"
### BEGIN SOLUTION
shared = {
    "eval_strategy": "steps",
    "eval_steps": 300,
    "save_strategy": "steps",
    "save_steps": 600,
    "save_total_limit": 2,
    "seed": 77,
    "per_device_train_batch_size": 48,
    "per_device_eval_batch_size": 48,
    "max_steps": 1800,
    "learning_rate": 5e-5,
    "weight_decay": 0.01,
    "remove_unused_columns": True,
    "load_best_model_at_end": True,
    "metric_for_best_model": "accuracy",
    "fp16": torch.cuda.is_available(),
}
training_args = TrainingArguments(output_dir="distilbert-base-uncased-swag", **shared)
### END SOLUTION

# %% tests="hw3_2_2_arguments" points=1 title="· (b)"
needs("training_args")
assert isinstance(training_args, TrainingArguments), "`training_args` is no TrainingArguments"
print(f"{training_args.max_steps} steps of {training_args.train_batch_size} examples,")
print(f"evaluated: {training_args.eval_strategy}, every {training_args.eval_steps} steps,")
print(f"saved: {training_args.save_strategy}, every {training_args.save_steps:g} steps.")
print("Go through the table once more: is each of its lines in your arguments?")

# %% [markdown]
# **(c)** During training the trainer calls `compute_metrics` with everything that the model said of
# the validation data, and what would have been right. (0.5 points)

# %% solution="hw3_2_2_metrics"
def compute_metrics(predicted: Any) -> dict[str, float]:
    """The share of examples whose highest logit is at the right ending.

    predicted: a pair (logits, labels), arrays of shape [N, 4] and [N]

    Returns {"accuracy": share}, between 0 and 1.
    """
    ### BEGIN SOLUTION
    logits, labels = predicted
    return {"accuracy": float((logits.argmax(axis=-1) == labels).mean())}
    ### END SOLUTION


# %% tests="hw3_2_2_metrics" points=0.5 title="· (c)" code="compute_metrics"
five = EvalPrediction(
    np.array([[2, 1, 0, 0], [0, 3, 1, 1], [1, 0, 5, 2], [0, 1, 2, 4], [9, 1, 1, 0]], dtype=float),
    np.array([0, 1, 2, 3, 1]),
)
found = attempt("`compute_metrics`", compute_metrics, five)
assert isinstance(found, dict) and "accuracy" in found, (
    f'`compute_metrics` should return a dictionary with the key "accuracy", and returns {found!r}'
)
assert found["accuracy"] == 0.8, f"four of these five are right; you have {found['accuracy']!r}"
print("2.2 (c) passes its checks.")

# %% [markdown]
# **(d)** Put it all together in a trainer: the model, its arguments, training and validation data,
# your collator with the `tokenizer`, and `compute_metrics`. (0.5 points)

# %% solution="hw3_2_2_trainer"
def make_trainer(model: nn.Module, args: TrainingArguments, splits: DatasetDict) -> Trainer:
    """A trainer of the library for multiple choice, ready to train.

    splits: what `encode_splits` returns: "train" for training, "validation" for evaluation
    """
    ### BEGIN SOLUTION
    return Trainer(
        model=model,
        args=args,
        train_dataset=splits["train"],
        eval_dataset=splits["validation"],
        processing_class=tokenizer,
        data_collator=MultipleChoiceDataCollator(tokenizer),
        compute_metrics=compute_metrics,
    )
    ### END SOLUTION


# %% tests="hw3_2_2_trainer" points=0.5 title="· (d)" code="make_trainer"
needs("tokenizer", "model_hf", "training_args")
encoded = {"input_ids": [[[101, 102]] * 4] * 3, "attention_mask": [[[1, 1]] * 4] * 3}
rows = Dataset.from_dict({**swag["train"][:3], **encoded})
trainer = attempt(
    "`make_trainer`",
    make_trainer,
    model_hf,
    training_args,
    DatasetDict({"train": rows, "validation": rows.select([0])}),
)
assert isinstance(trainer, Trainer), f"`make_trainer` returns a {type(trainer).__name__}"
assert trainer.model is model_hf, "the trainer has another model than the one it was given"
assert trainer.args.max_steps == training_args.max_steps, "the trainer has other arguments"
assert trainer.compute_metrics is not None, "the trainer does not know how to compute accuracy"
print("2.2 (d) passes its checks.")

# %% [markdown]
# Train, and save. About 30 minutes on a T4; on a CPU it would take a day or more (an estimate).
# Every 300 steps a line is added to the table. At the end the validation accuracy should lie
# between 0.65 and 0.7, or a little over that.

# %% name="train_hf" tags=["skip-execution"]
trainer = make_trainer(model_hf, training_args, encoded_swag)
trainer.train()
tell_best(trainer)
trainer.save_model("distilbert-base-uncased-swag/final_model")

# %% [markdown]
# **(e)** Three numbers to look up in the tokenizer and in the model's configuration (0.75 points,
# graded automatically): the ids of the tokens `[CLS]` and `[MASK]`, and the probability with which
# dropout sets attention *weights* to zero in training. They are those of the real checkpoint on the
# hub.

# %% solution="hw3_2_2_numbers"
### BEGIN SOLUTION
cls_id = 101
mask_id = 103
attention_dropout = 0.1
### END SOLUTION

# %% tests="hw3_2_2_numbers" points=0.75 title="· (e)"
needs("cls_id", "mask_id", "attention_dropout")
for name in ("cls_id", "mask_id", "attention_dropout"):
    assert isinstance(globals()[name], (int, float)), f"`{name}` should be a number"
assert 0 <= attention_dropout <= 1, "a probability lies between 0 and 1"
print("2.2 (e): three numbers are there.")

# %% [markdown] name="comment_2_2"
# ⟶ **Comments on 2.2**, written by another group:
#
# *(leave this cell as it is)*
#
# ⟵ **End of the comments on 2.2**

# %% [markdown]
# ## 2.3 A model of your own (5 points)
#
# The library's head is a choice, not a law. Yours is deeper, and narrows before it decides. For
# each of the $4B$ sequences:
#
# | step | shape afterwards |
# |:--|:--|
# | DistilBERT, made from `config`; of its `last_hidden_state` the vector at `[CLS]` | $[4B, d]$ |
# | linear layer $d \to d$, then tanh | $[4B, d]$ |
# | dropout with the probability `config.dropout` | $[4B, d]$ |
# | linear layer $d \to d/4$ | $[4B, d/4]$ |
# | dropout, as before | $[4B, d/4]$ |
# | linear layer $d/4 \to 1$ | $[4B, 1]$ |
# | regrouped: the logits | $[B, 4]$ |
#
# $d$ is `config.dim`. **(a)** The network earns 2.5 points, and **(b)** the loss 1 point: the
# cross-entropy of the four logits against the number of the right ending, as in the formula at the
# top of this task. In a dictionary the trainer finds both by their names. (Of a tuple it takes the
# first entry for the loss, whatever that is.)
#
# **(c)** The backbone must come from the checkpoint, and not from chance. `from_pretrained` of your
# own class does that under two conditions. It finds weights by their *names*, and in the checkpoint
# all names of the backbone begin with `distilbert.`; and the last thing that your `__init__` does
# is to call the model's own `post_init()`, with which the library completes it. In `__init__`
# itself nothing is loaded: there the backbone is made from `config`, and `from_pretrained` fills
# it. What the checkpoint lacks starts at random, and not with values that your `__init__` has set:
# linear layers get the library's start values; an `nn.Parameter` of your own, which this head does
# not need, would hold whatever was in memory. (0.75 points)
#
# <details><summary>Hints for (a)</summary>
#
# - The configuration of DistilBERT has more than one dropout. Take the one in the table.
# - `view` does both: [B, 4, L] becomes [4B, L], and [4B, 1] becomes [B, 4].
# - A backbone that is made with random weights trains as well, without a word, to a poor accuracy.
#   Compare one of its weights with the checkpoint's.
# - Hand the backbone the attention mask as it comes: 1 at tokens, 0 at padding. Older code makes
#   an additive mask of it, 0 and -10,000. Today's DistilBERT takes these for false and true, and
#   reads the padding instead of the text, without a word.
# - Leave `**kwargs` out of your `forward`. To the trainer they are a promise: see 3.2, *What is
#   printed*.
# </details>

# %% solution="hw3_2_3_class"
class CustomMultipleChoice(DistilBertPreTrainedModel):
    """DistilBERT with a head of two narrowing layers, for multiple choice."""

    def __init__(self, config: DistilBertConfig) -> None:
        super().__init__(config)
        ### BEGIN SOLUTION
        self.distilbert = DistilBertModel(config)
        self.dense = nn.Linear(config.dim, config.dim)
        self.narrow = nn.Linear(config.dim, config.dim // 4)
        self.score = nn.Linear(config.dim // 4, 1)
        self.dropout = nn.Dropout(config.dropout)
        self.post_init()
        ### END SOLUTION

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, labels: Tensor | None = None
    ) -> dict[str, Tensor]:
        """Score the four sequences of each example.

        input_ids, attention_mask: [B, 4, L]; labels: [B], the number of the right ending

        Returns `logits`, [B, 4], and, where labels are given, `loss`: their mean cross-entropy.
        """
        ### BEGIN SOLUTION
        batch, choices, length = input_ids.shape
        hidden = self.distilbert(
            input_ids=input_ids.view(-1, length), attention_mask=attention_mask.view(-1, length)
        ).last_hidden_state  # [4B, L, d]
        first = torch.tanh(self.dense(hidden[:, 0]))  # [4B, d]
        second = self.narrow(self.dropout(first))  # [4B, d / 4]
        logits = self.score(self.dropout(second)).view(batch, choices)  # [4B, 1] -> [B, 4]
        if labels is None:
            return {"logits": logits}
        return {"loss": F.cross_entropy(logits, labels), "logits": logits}
        ### END SOLUTION


# %% tests="hw3_2_3_network" points=2.5 title="· (a)" code=["CustomMultipleChoice.forward", "CustomMultipleChoice.__init__"]
small = DistilBertConfig(vocab_size=50, dim=32, n_layers=1, n_heads=2, hidden_dim=32)
tiny = attempt("`CustomMultipleChoice.__init__`", CustomMultipleChoice, small).eval()
ids, mask = torch.arange(1, 41).view(2, 4, 5), torch.ones(2, 4, 5, dtype=torch.int64)
with torch.inference_mode():
    output = attempt(
        "`CustomMultipleChoice.forward`", tiny, ids, mask, labels=torch.tensor([3, 0])
    )
assert isinstance(output, dict) and "logits" in output, (
    "`forward` should return a dictionary with `logits`"
)
assert list(output["logits"].shape) == [2, 4], (
    f"two examples with four sequences each should give logits of shape [2, 4]; yours have "
    f"{list(output['logits'].shape)}"
)
print("2.3 (a) passes its checks.")

# %% tests="hw3_2_3_loss" points=1 title="· (b)" code="CustomMultipleChoice.forward"
small = DistilBertConfig(vocab_size=50, dim=32, n_layers=1, n_heads=2, hidden_dim=32)
tiny = attempt("`CustomMultipleChoice.__init__`", CustomMultipleChoice, small)
ids, mask = torch.arange(1, 41).view(2, 4, 5), torch.ones(2, 4, 5, dtype=torch.int64)
output = attempt("`CustomMultipleChoice.forward`", tiny, ids, mask, labels=torch.tensor([3, 0]))
assert "loss" in output, "`forward` should return `loss`, too, where there are labels"
assert output["loss"].ndim == 0, "the loss is one number for the whole batch, a tensor without axes"
assert output["loss"].requires_grad, "no gradient flows from this loss: nothing would be learnt"
output["loss"].backward()
print("2.3 (b) passes its checks.")

# %% [markdown]
# Now (c): a model of your class with the checkpoint's backbone.

# %% solution="hw3_2_3_backbone"
def pretrained_custom(checkpoint: str) -> CustomMultipleChoice:
    """A `CustomMultipleChoice` whose backbone has the weights of the checkpoint.

    checkpoint: a name on the hub or a folder, such as DISTILBERT
    """
    ### BEGIN SOLUTION
    return CustomMultipleChoice.from_pretrained(checkpoint)
    ### END SOLUTION


# %% tests="hw3_2_3_backbone" points=0.75 title="· (c)" code="CustomMultipleChoice.__init__"
model_custom = attempt("`pretrained_custom`", pretrained_custom, DISTILBERT)
assert isinstance(model_custom, CustomMultipleChoice), (
    f"`pretrained_custom` returns a {type(model_custom).__name__}"
)
backbones = [part for part in model_custom.modules() if isinstance(part, DistilBertModel)]
assert backbones, "there is no DistilBertModel in your model"
print("A weight of your backbone:  ", backbones[0].embeddings.word_embeddings.weight[5, 0].item())
backbone = AutoModel.from_pretrained(DISTILBERT)
print("The same of the checkpoint: ", backbone.embeddings.word_embeddings.weight[5, 0].item())

# %% [markdown]
# **(d)** The same arguments as in 2.2, but for the output directory and the run name: both are
# `custom_model`. And a function that saves the trained model, so that 2.4 can load it: with
# `save_pretrained`, or as a state dict with `torch.save`. Together 0.75 points.

# %% solution="hw3_2_3_arguments"
### BEGIN SOLUTION
custom_args = TrainingArguments(output_dir="custom_model", run_name="custom_model", **shared)
### END SOLUTION

# %% solution="hw3_2_3_save"
def save_custom(model: CustomMultipleChoice, folder: str) -> None:
    """Save all weights of the model to a folder, which is made where it does not exist."""
    ### BEGIN SOLUTION
    model.save_pretrained(folder)
    ### END SOLUTION


# %% tests="hw3_2_3_trainer" points=0.75 title="· (d)" code=["hw3_2_3_arguments", "save_custom"]
import tempfile
from pathlib import Path

needs("training_args", "custom_args")
small = DistilBertConfig(vocab_size=50, dim=32, n_layers=1, n_heads=2, hidden_dim=32)
tiny = attempt("`CustomMultipleChoice.__init__`", CustomMultipleChoice, small)
assert custom_args.output_dir == "custom_model", "the output directory is not `custom_model`"
assert training_args.output_dir != "custom_model", "the arguments of 2.2 have changed, too"
with tempfile.TemporaryDirectory() as folder:
    attempt("`save_custom`", save_custom, tiny, f"{folder}/custom_model/final_model")
    saved = sorted(path.name for path in Path(folder).rglob("*") if path.is_file())
assert saved, "nothing was written to the folder"
print("Saved:", *saved)

# %% [markdown]
# Train it as you did with the library's, about as long.

# %% name="train_custom" tags=["skip-execution"]
model_custom = pretrained_custom(DISTILBERT)
trainer_custom = make_trainer(model_custom, custom_args, encoded_swag)
trainer_custom.train()
tell_best(trainer_custom)
save_custom(model_custom, "custom_model/final_model")

# %% [markdown] name="comment_2_3"
# ⟶ **Comments on 2.3**, written by another group:
#
# *(leave this cell as it is)*
#
# ⟵ **End of the comments on 2.3**

# %% [markdown]
# ## 2.4 Both models, compared (2 points)
#
# **(a)** Load both models from disk, as somebody would who has nothing but the two folders (and
# this notebook). (0.5 points)

# %% solution="hw3_2_4_load"
def load_models(folder_hf: str, folder_custom: str) -> tuple[nn.Module, nn.Module]:
    """Load the model of 2.2 and that of 2.3, in this order, with all weights that were saved.

    folder_hf: a folder written by `trainer.save_model`
    folder_custom: a folder written by your `save_custom`
    """
    ### BEGIN SOLUTION
    model_hf = AutoModelForMultipleChoice.from_pretrained(folder_hf)
    model_custom = CustomMultipleChoice.from_pretrained(folder_custom)
    return model_hf, model_custom
    ### END SOLUTION


# %% tests="hw3_2_4_load" points=0.5 title="· (a)" code="load_models"
import tempfile

needs("model_hf")
fresh = attempt("`pretrained_custom`", pretrained_custom, DISTILBERT)
with tempfile.TemporaryDirectory() as folder:
    model_hf.save_pretrained(f"{folder}/first")
    attempt("`save_custom`", save_custom, fresh, f"{folder}/second")
    both = attempt("`load_models`", load_models, f"{folder}/first", f"{folder}/second")
assert isinstance(both, (tuple, list)) and len(both) == 2, "`load_models` should return two models"
for loaded, saved in zip(both, (model_hf, fresh), strict=True):
    assert type(loaded) is type(saved), (
        f"a {type(saved).__name__} was saved, and a {type(loaded).__name__} comes back"
    )
print("2.4 (a) passes its checks.")

# %% [markdown]
# **(b)** How good are they, on data that neither was trained on? Go over the validation data
# *once*, ask both models at each batch, and give each model's predictions to a metric of its own:
# `evaluate.load("accuracy")`, `add_batch` at each batch, `compute` at the end. Nothing is trained
# here; what follows for the models' mode, and for gradients? (1.5 points)

# %% solution="hw3_2_4_evaluate"
def evaluate_both(
    model_hf: nn.Module, model_custom: nn.Module, loader: DataLoader
) -> dict[str, float]:
    """Measure the accuracy of both models in one pass over the batches of `loader`.

    A batch is what `MultipleChoiceDataCollator` makes. The first model returns an output of the
    library with `.logits`, the second one a dictionary with "logits".

    Returns {"model_hf": accuracy, "model_custom": accuracy}, each between 0 and 1.
    """
    ### BEGIN SOLUTION
    metric_hf, metric_custom = evaluate.load("accuracy"), evaluate.load("accuracy")
    model_hf.to(device).eval()
    model_custom.to(device).eval()
    for batch in loader:
        batch = {name: tensor.to(device) for name, tensor in batch.items()}
        with torch.no_grad():
            logits_hf = model_hf(**batch).logits
            logits_custom = model_custom(**batch)["logits"]
        metric_hf.add_batch(predictions=logits_hf.argmax(dim=-1), references=batch["labels"])
        metric_custom.add_batch(
            predictions=logits_custom.argmax(dim=-1), references=batch["labels"]
        )
    return {
        "model_hf": metric_hf.compute()["accuracy"],
        "model_custom": metric_custom.compute()["accuracy"],
    }
    ### END SOLUTION


# %% tests="hw3_2_4_evaluate" points=1.5 title="· (b)" code="evaluate_both"
from transformers.modeling_outputs import MultipleChoiceModelOutput


class Opinion(DistilBertPreTrainedModel):
    """Stands in for a model: it always prefers the same ending."""

    def __init__(self, ending: int, output: Callable) -> None:
        super().__init__(DistilBertConfig(vocab_size=50, dim=32, n_layers=1, n_heads=2))
        self.score, self.output = nn.Parameter(F.one_hot(torch.tensor(ending), 4).float()), output

    def forward(self, input_ids, attention_mask=None, *others, labels=None, **options):
        logits = self.score.expand(len(input_ids), 4)  # [B, 4]
        if labels is None:
            return self.output(logits=logits)
        return self.output(loss=logits.mean(), logits=logits)


examples = [
    {
        "input_ids": torch.ones(4, 3, dtype=torch.int64),
        "attention_mask": torch.ones(4, 3, dtype=torch.int64),
        "labels": torch.tensor(label),
    }
    for label in (0, 0, 1, 0, 2)
]
first, second = Opinion(0, MultipleChoiceModelOutput), Opinion(1, dict)
found = attempt(
    "`evaluate_both`", evaluate_both, first, second, DataLoader(examples, batch_size=3)
)
assert isinstance(found, dict) and set(found) == {"model_hf", "model_custom"}, (
    f'there should be an accuracy for "model_hf" and one for "model_custom"; you return {found!r}'
)
assert abs(found["model_hf"] - 3 / 5) < 1e-6, (
    f"the first model is right in three of these five; you have {found['model_hf']!r} for it"
)
assert abs(found["model_custom"] - 1 / 5) < 1e-6, (
    f"the second model is right in one of these five; you have {found['model_custom']!r} for it"
)
print("2.4 (b) passes its checks.")

# %% [markdown]
# With your two models: about 3 minutes on a T4.

# %% name="compare" tags=["skip-execution"]
loader = DataLoader(
    encoded_swag["validation"], batch_size=48, collate_fn=MultipleChoiceDataCollator(tokenizer)
)
loaded = load_models("distilbert-base-uncased-swag/final_model", "custom_model/final_model")
for name, share in evaluate_both(*loaded, loader).items():
    print(f"{name:12} is right in {share:.1%} of the validation examples.")

# %% [markdown] name="comment_2_4"
# ⟶ **Comments on 2.4**, written by another group:
#
# *(leave this cell as it is)*
#
# ⟵ **End of the comments on 2.4**
