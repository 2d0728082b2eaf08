# %% [markdown]
# # Task 3: answers in words, T5 on SQuAD (14 points)
#
# An encoder can point at an answer, or choose one. To *say* one it takes a decoder, which writes a
# token, reads what it has written so far, and writes the next. T5 (Raffel et al., 2020) has both,
# and it knows one kind of task only: text in, text out. The question and its context become one
# text, the answer another, and whatever is to be learned is learned as the way from the one to the
# other.
#
# ![The encoder reads question and context. The decoder reads the target, moved one place to the
# right behind a start token, and is to name at each place the token that comes next; places of
# padding are labelled -100.](figures/t5-question-answering.svg)
#
# In training the decoder gets the whole target at once, moved one place to the right (*teacher
# forcing*), so that at each place it has seen what stands before. A causal mask hides the rest. At
# each place it is to name the next token, and the loss is the mean cross-entropy over the tokens
# $y_1 \dots y_T$ of the targets, given the input $x$:
#
# $$L = -\frac{1}{T} \sum_{t=1}^{T} \log p(y_t \mid y_1 \dots y_{t-1}, x)$$
#
# You hand the model `input_ids`, `attention_mask`, `labels` and `decoder_attention_mask`. It moves
# the labels to the right itself, and leaves out of the loss every place whose label is $-100$. Mind
# the names: keys that T5 does not know it swallows *without a word*.

# %%
from datasets import Dataset
from transformers import PreTrainedModel, PreTrainedTokenizerBase

SQUAD = "rajpurkar/squad"
T5 = "google-t5/t5-small"
READER = "mrm8488/t5-base-finetuned-squadv2"

# %% [markdown]
# ## 3.1 Text to text: from questions to batches (5 points)
#
# SQuAD has 87,599 questions for training and 10,570 for validation, each with a paragraph of
# Wikipedia in which its answer stands. Loading takes about 20 s on Colab, later a second.

# %% tags=["skip-execution"]
squad = load_dataset(SQUAD)
tell_stand_in(T5)
print({split: len(examples) for split, examples in squad.items()})
for column, value in squad["train"][0].items():
    print(f"{column}: {value}")

# %% [markdown]
# **The tokenizer (0.5 points).** Load that of the checkpoint named in `T5`. Sequences are to have
# 512 tokens at most: see that it knows, as its `model_max_length`.

# %% solution="hw3_3_1_tokenizer"
def load_t5_tokenizer() -> PreTrainedTokenizerBase:
    """Load the tokenizer of the checkpoint T5, with a `model_max_length` of 512."""
    ### BEGIN SOLUTION
    return AutoTokenizer.from_pretrained(T5, model_max_length=512)
    ### END SOLUTION


# %% tests="hw3_3_1_tokenizer" points=0.5 title="· The tokenizer" code="load_t5_tokenizer"
t5_tokenizer = attempt("`load_t5_tokenizer`", load_t5_tokenizer)
assert callable(t5_tokenizer), "`load_t5_tokenizer` returns no tokenizer: is its return there?"
assert t5_tokenizer.eos_token == "</s>", (
    f"a text ends with {t5_tokenizer.eos_token} for this tokenizer: it is not the one of T5"
)
print("model_max_length:", t5_tokenizer.model_max_length)
print("Tokens:", t5_tokenizer.convert_ids_to_tokens(t5_tokenizer("Who won?")["input_ids"]))

# %% [markdown]
# From here on the name `t5_tokenizer` stands for it, in your functions too.

# %% tags=["skip-execution"]
t5_tokenizer = attempt("`load_t5_tokenizer`", load_t5_tokenizer)

# %% [markdown]
# **Two texts (1 point).** An example gets two more columns. What the model reads says by a word
# which part is which; what it is to write is the answer. Both close with T5's mark for the end,
# `</s>`, after a space:
#
# | column | form | for example |
# |:--|:--|:--|
# | `input_text` | `question:{question} context:{context} </s>` | `question:Why? context:So. </s>` |
# | `target_text` | `{answer} </s>` | `So </s>` |
#
# (Today's tokenizer of T5 adds an end mark of its own as well. Two in a row do no harm.)

# %% solution="hw3_3_1_eos"
def add_eos_to_examples(example: dict[str, Any]) -> dict[str, Any]:
    """Add `input_text` and `target_text` to one example of SQuAD, in the form of the table.

    Of several answers the first one counts. Returns a dictionary that has both.
    """
    ### BEGIN SOLUTION
    example["input_text"] = f"question:{example['question']} context:{example['context']} </s>"
    example["target_text"] = f"{example['answers']['text'][0]} </s>"
    return example
    ### END SOLUTION


# %% tests="hw3_3_1_eos" points=1 title="· Two texts" code="add_eos_to_examples"
texts = attempt("`add_eos_to_examples`", add_eos_to_examples, {
    "id": "1", "title": "A game", "question": "Who won?", "context": "Ada won the long game.",
    "answers": {"text": ["Ada"], "answer_start": [0]},
})
assert isinstance(texts, dict), "`add_eos_to_examples` should return a dictionary"
for name in ("input_text", "target_text"):
    assert isinstance(texts.get(name), str), f"`{name}` is to be there, and to be a string"
    print(f"{name}: {texts[name]}")
    assert texts[name].endswith("</s>"), f"`{name}` does not close with the mark for the end"

# %% [markdown]
# **From texts to numbers (1.5 points).** The texts of several examples become four rows of numbers
# each, all equally long, so that they can be stacked. What is too short is padded, what is too long
# is cut.
#
# | name | length | what |
# |:--|--:|:--|
# | `input_ids` | 512 | the tokens of `input_text` |
# | `attention_mask` | 512 | 1 at tokens, 0 at padding |
# | `target_ids` | 16 | the tokens of `target_text` |
# | `target_attention_mask` | 16 | 1 at tokens, 0 at padding |
#
# <details><summary>Hints</summary>
#
# - The tokenizer takes a list of texts. Look up in the documentation of its `__call__` what
#   `padding` can be: `True` stops at the longest text of the batch.
# - It is called twice, since inputs and targets have different lengths.
# - Start from the two columns that you made above. Nothing of the five old ones is needed.
# </details>

# %% solution="hw3_3_1_features"
def convert_to_features(examples: dict[str, list[Any]]) -> dict[str, Any]:
    """Turn the texts of n examples into the numbers that T5 reads, by `t5_tokenizer`.

    `examples` has a list of n values for each column, `input_text` and `target_text` among them.
    Returns `input_ids` and `attention_mask`, [n, 512], `target_ids` and `target_attention_mask`,
    [n, 16]: padded and truncated.
    """
    ### BEGIN SOLUTION
    inputs = t5_tokenizer(
        examples["input_text"], padding="max_length", truncation=True, max_length=512
    )
    targets = t5_tokenizer(
        examples["target_text"], padding="max_length", truncation=True, max_length=16
    )
    return {
        "input_ids": inputs["input_ids"],
        "attention_mask": inputs["attention_mask"],
        "target_ids": targets["input_ids"],
        "target_attention_mask": targets["attention_mask"],
    }
    ### END SOLUTION


# %% tests="hw3_3_1_features" points=1.5 title="· From texts to numbers" code="convert_to_features"
FEATURES = {
    "input_ids": 512, "attention_mask": 512, "target_ids": 16, "target_attention_mask": 16
}

t5_tokenizer = attempt("`load_t5_tokenizer`", load_t5_tokenizer)
features = attempt("`convert_to_features`", convert_to_features, {
    "input_text": ["question:Who won? context:Ada won. </s>", "question:Why? context:So. </s>"],
    "target_text": ["Ada </s>", "Because it was her turn, and because nobody else came </s>"],
})
for name, length in FEATURES.items():
    assert name in features, f"there is no `{name}` in what `convert_to_features` returns"
    lengths = [len(row) for row in features[name]]
    assert lengths == [length, length], (
        f"the rows of `{name}` have the lengths {lengths}, where {length} was asked for"
    )
print("Input: ", t5_tokenizer.decode(features["input_ids"][0], skip_special_tokens=True))
print("Target:", t5_tokenizer.decode(features["target_ids"][0], skip_special_tokens=True))

# %% [markdown]
# **A whole data set (0.5 points).** `map` applies a function to all examples: to one at a time, as
# `add_eos_to_examples` wants it, or, with `batched=True`, to many at a time, as
# `convert_to_features` does. Each `map` returns a *new* data set, and keeps it on disk: it computes
# again when your function, or what it uses of this notebook, has changed. Into a module that you
# import it does not look. In the end `set_format("torch",
# ...)` says that the four columns of numbers come as tensors, and that the others stay behind.

# %% solution="hw3_3_1_map"
def prepare(examples: Dataset) -> Dataset:
    """Take examples of SQuAD through `add_eos_to_examples` and `convert_to_features`.

    Returns a data set whose examples hold four tensors: `input_ids`, `attention_mask`,
    `target_ids` and `target_attention_mask`.
    """
    ### BEGIN SOLUTION
    with_texts = examples.map(add_eos_to_examples)
    prepared = with_texts.map(convert_to_features, batched=True)
    columns = ["input_ids", "attention_mask", "target_ids", "target_attention_mask"]
    prepared.set_format("torch", columns=columns)
    return prepared
    ### END SOLUTION


# %% tests="hw3_3_1_map" points=0.5 title="· A whole data set" code="prepare"
t5_tokenizer = attempt("`load_t5_tokenizer`", load_t5_tokenizer)
few = attempt("`prepare`, or a function that it needs,", prepare, Dataset.from_list([{
    "id": "1", "title": "A game", "question": "Who won?", "context": "Ada won the long game.",
    "answers": {"text": ["Ada"], "answer_start": [0]},
}]))
assert few is not None, "`prepare` returns nothing. (`set_format` changes its data set in place.)"
wanted = "input_ids attention_mask target_ids target_attention_mask".split()
for name in wanted:
    assert name in few[0], f"the examples of the prepared data set have no `{name}`"
    assert isinstance(few[0][name], Tensor), (
        f"`{name}` is no tensor, but a {type(few[0][name]).__name__}: look at the format"
    )
print({name: list(value.shape) for name, value in few[0].items() if isinstance(value, Tensor)})

# %% [markdown]
# **Batches (1.5 points).** A *collator* makes a batch of some examples. Here all rows are equally
# long already, so it need only stack them, and give each the name by which T5 takes it:
#
# | in the batch | what |
# |:--|:--|
# | `input_ids`, `attention_mask` | [B, 512], as they are |
# | `labels` | [B, 16], the targets, with $-100$ at padding |
# | `decoder_attention_mask` | [B, 16], the mask of the targets |
#
# Were padding labelled with its own id, 0, the model would learn above all to write padding: of 16
# places a typical answer fills four. The $-100$ stands in the batch alone. The examples that came
# in belong to the data set: leave them as they were.
#
# <details><summary>A hint</summary>
#
# `torch.stack` makes a new tensor, a view does not. `masked_fill` returns a new tensor,
# `masked_fill_` writes into the old one, and so does an assignment to places of it.
# </details>

# %% solution="hw3_3_1_collator"
class T2TDataCollator:
    """Makes a batch for T5 of B prepared examples, text to text."""

    def __call__(self, features: list[dict[str, Tensor]]) -> dict[str, Tensor]:
        """Stack the examples. Each has four tensors: `input_ids` and `attention_mask`, [512],
        `target_ids` and `target_attention_mask`, [16]. None of them is changed.

        Returns `input_ids`, `attention_mask`, [B, 512]; `labels`, -100 at padding, and
        `decoder_attention_mask`, [B, 16].
        """
        ### BEGIN SOLUTION
        stacked = {
            name: torch.stack([example[name] for example in features])
            for name in ("input_ids", "attention_mask", "target_ids", "target_attention_mask")
        }
        padding = stacked["target_attention_mask"] == 0  # [B, 16]
        return {
            "input_ids": stacked["input_ids"],
            "attention_mask": stacked["attention_mask"],
            "labels": stacked["target_ids"].masked_fill(padding, -100),
            "decoder_attention_mask": stacked["target_attention_mask"],
        }
        ### END SOLUTION


# %% tests="hw3_3_1_collator" points=1.5 title="· Batches" code="T2TDataCollator.__call__"
examples = [
    {
        "input_ids": torch.tensor([822, number, 1, 0]),
        "attention_mask": torch.tensor([1, 1, 1, 0]),
        "target_ids": torch.tensor([number, 1, 0]),
        "target_attention_mask": torch.tensor([1, 1, 0]),
    }
    for number in (31, 47)
]
collator = attempt("`T2TDataCollator`", T2TDataCollator)
batch = attempt("`T2TDataCollator`", collator, [dict(example) for example in examples])
for name in ("input_ids", "attention_mask", "labels", "decoder_attention_mask"):
    assert name in batch, f"the batch has no `{name}`, the name by which T5 would take it"
    assert isinstance(batch[name], Tensor) and batch[name].ndim == 2, (
        f"`{name}` should be one tensor with a row for each example"
    )
    print(f"{name}: {batch[name].tolist()}")
assert "target_ids" not in batch, "T5 does not know the name `target_ids`: what does it call them?"
assert examples[0]["target_ids"].tolist() == [31, 1, 0], (
    "the example that came in has changed: you wrote into its tensor"
)

# %% [markdown]
# With all of them written, prepare the training data: about 2 minutes on Colab, a second or two
# with the small stand-ins of this course.

# %% tags=["skip-execution"]
t5_train_data = attempt("a function of 3.1", prepare, squad["train"])
print(t5_train_data)

# %% [markdown] name="comment_3_1"
# ⟶ **Comments on 3.1**, written by another group:
#
# *(leave this cell as it is)*
#
# ⟵ **End of the comments on 3.1**

# %% [markdown]
# ## 3.2 Training (2 points)
#
# **The model (0.25 points)** is `T5` with the layer that turns the decoder's vectors into scores
# for each token of the vocabulary.

# %% solution="hw3_3_2_model"
def load_t5() -> PreTrainedModel:
    """Load the checkpoint T5 with its pre-trained weights, as a model that writes text."""
    ### BEGIN SOLUTION
    return T5ForConditionalGeneration.from_pretrained(T5)
    ### END SOLUTION


# %% tests="hw3_3_2_model" points=0.25 title="· The model" code="load_t5"
t5_model = attempt("`load_t5`", load_t5)
assert hasattr(t5_model, "lm_head"), (
    "this is no T5 that could write: it has no layer that scores the vocabulary"
)
print(f"{sum(weight.numel() for weight in t5_model.parameters()):,} weights")

# %% [markdown]
# **The settings (1.25 points).** A `Seq2SeqTrainingArguments` with these:
#
# | what | value |
# |:--|:--|
# | where the checkpoints go | `t5-squad` |
# | evaluation | none |
# | learning rate, weight decay | 1e-4, 0.01 |
# | seed | 77 |
# | length of the training | 200 steps |
# | save a checkpoint | every 100 steps |
# | examples in a batch | 32 on the device, and the gradients of 4 such batches for each step |
# | columns that `forward` does not name | kept |
#
# So a step learns from 128 examples, of which only 32 are in the GPU's memory at a time. And the
# columns: by itself the `Trainer` throws away what the model's `forward` has no name for. The
# targets' columns would never reach your collator. (Leave half precision aside: numbers inside T5
# grow too large for float16.)

# %% solution="hw3_3_2_arguments"
def t5_arguments() -> Seq2SeqTrainingArguments:
    """The settings of the training, as in the table above."""
    ### BEGIN SOLUTION
    return Seq2SeqTrainingArguments(
        output_dir="t5-squad",
        eval_strategy="no",
        learning_rate=1e-4,
        weight_decay=0.01,
        seed=77,
        max_steps=200,
        save_strategy="steps",
        save_steps=100,
        per_device_train_batch_size=32,
        gradient_accumulation_steps=4,
        remove_unused_columns=False,
    )
    ### END SOLUTION


# %% tests="hw3_3_2_arguments" points=1.25 title="· The settings" code="t5_arguments"
t5_args = attempt("`t5_arguments`", t5_arguments)
assert isinstance(t5_args, Seq2SeqTrainingArguments), (
    "`t5_arguments` should return Seq2SeqTrainingArguments"
)
per_step = t5_args.per_device_train_batch_size * t5_args.gradient_accumulation_steps
length = (f"{t5_args.max_steps} steps" if t5_args.max_steps > 0
          else f"{t5_args.num_train_epochs:g} times the whole data set")
print(f"The training goes on for {length}, with {per_step} examples a step on one device.")

# %% [markdown]
# **The trainer (0.5 points)** brings model, settings, data and your collator together.

# %% solution="hw3_3_2_trainer"
def make_t5_trainer(
    model: PreTrainedModel, args: Seq2SeqTrainingArguments, train_data: Dataset
) -> Seq2SeqTrainer:
    """A trainer of `model` on `train_data`, a prepared data set, with the collator from 3.1."""
    ### BEGIN SOLUTION
    return Seq2SeqTrainer(
        model=model, args=args, train_dataset=train_data, data_collator=T2TDataCollator()
    )
    ### END SOLUTION


# %% tests="hw3_3_2_trainer" points=0.5 title="· The trainer" code="make_t5_trainer"
import tempfile

t5_model = attempt("`load_t5`", load_t5)
rows = [{"input_ids": [822, 1], "attention_mask": [1, 1], "target_ids": [31, 1],
         "target_attention_mask": [1, 1]}] * 3
with tempfile.TemporaryDirectory() as folder:
    settings = Seq2SeqTrainingArguments(folder, remove_unused_columns=False)
    trainer = attempt("`make_t5_trainer`", make_t5_trainer, t5_model, settings,
                      Dataset.from_list(rows).with_format("torch"))
    assert isinstance(trainer, Trainer), "`make_t5_trainer` returns no trainer"
    batch = attempt("`T2TDataCollator`", next, iter(trainer.get_train_dataloader()))
    print("A batch of this trainer has:", *batch)
    assert "labels" in batch, "without `labels` there is no loss: is the collator yours?"

# %% [markdown]
# **What is printed.** The loss will be about four times that of a batch: 14.5, say, where one batch
# has 3.6 (transformers 5.23). T5's `forward` takes `**kwargs`, and the trainer takes that for a
# promise that the model divides the loss of each batch by the number of tokens in all four, which
# it hands over as `num_items_in_batch`. T5 does not look at it. Each batch gives its own mean, and
# the four are added up, not averaged: the loss that is printed, and the gradient, whose length is
# printed as `grad_norm`. Divide by four when you compare. The loss of an evaluation is the plain
# mean.
#
# The training hardly changes. The trainer shortens every gradient that is longer than 1, and with
# four times the length it has to more often; AdamW then divides by the size that gradients usually
# have, so that a factor common to all drops out. (With plain gradient descent each step would be up
# to four times as large.) DistilBERT's head of the library behaves in the same way, your class of
# 2.3 only if its `forward` takes `**kwargs`. The next cell shows it with a very small T5, in some
# seconds.

# %% name="accumulation" tags=["skip-execution"]
import tempfile

from transformers import T5Config


def one_step(batches: int) -> dict[str, float]:
    """What a trainer prints of one step over eight examples, read in so many batches."""
    sizes = dict(d_model=8, d_kv=4, d_ff=8, num_layers=1, num_heads=2, dropout_rate=0)
    torch.manual_seed(7)
    small = T5ForConditionalGeneration(T5Config(vocab_size=50, decoder_start_token_id=0, **sizes))
    same = {"input_ids": [[5, 9, 1]] * 8, "labels": [[6, 1]] * 8}
    with tempfile.TemporaryDirectory() as folder:
        args = Seq2SeqTrainingArguments(
            folder, max_steps=1, logging_steps=1, per_device_train_batch_size=8 // batches,
            gradient_accumulation_steps=batches, report_to="none", disable_tqdm=True,
            save_strategy="no")
        trainer = Seq2SeqTrainer(small, args, train_dataset=Dataset.from_dict(same))
        trainer.train()
    return trainer.state.log_history[0]


once, four = one_step(1), one_step(4)
for name in ("loss", "grad_norm"):
    print(f"{name}: {once[name]:.3f} in one batch, {four[name]:.3f} in four")

# %% [markdown]
# Now train: about 15 minutes on a T4. On a CPU a step takes minutes, and with the small stand-in of
# this course about half a minute: interrupt it after a few. The loss is printed every 5 steps, and
# 3.3 does not need what is trained here.

# %% tags=["skip-execution"]
t5_trainer = attempt("a function of 3.2", lambda: make_t5_trainer(
    load_t5(), t5_arguments(), t5_train_data))
t5_trainer.args.logging_steps = 5
t5_trainer.train()
t5_trainer.save_model("t5-squad/final_model")

# %% [markdown] name="comment_3_2"
# ⟶ **Comments on 3.2**, written by another group:
#
# *(leave this cell as it is)*
#
# ⟵ **End of the comments on 3.2**

# %% [markdown]
# ## 3.3 An answer in words (2 points)
#
# Your T5 has seen 25,600 questions, less than a third of the data, once. Somebody else has trained
# a larger one for longer, on SQuAD 2.0, and put it on the hub:
# [mrm8488/t5-base-finetuned-squadv2](https://huggingface.co/mrm8488/t5-base-finetuned-squadv2).
# Ask that one.
#
# **Load it (0.5 points):** the model that writes, and the tokenizer that belongs to it. 900 MB,
# about half a minute on Colab.

# %% solution="hw3_3_3_load"
def load_reader() -> tuple[PreTrainedTokenizerBase, PreTrainedModel]:
    """Load the checkpoint READER. Returns its tokenizer, then its model, ready to answer."""
    ### BEGIN SOLUTION
    tokenizer = AutoTokenizer.from_pretrained(READER)
    model = AutoModelForSeq2SeqLM.from_pretrained(READER)
    return tokenizer, model
    ### END SOLUTION


# %% tests="hw3_3_3_load" points=0.5 title="· Load it" code="load_reader"
qa_tokenizer, qa_model = attempt("`load_reader`", load_reader)
assert callable(getattr(qa_tokenizer, "decode", None)), "the first should be the tokenizer"
assert hasattr(qa_model, "lm_head"), "the second should be the model, one that can write"
assert not qa_model.training, "the model is in training mode: dropout changes what it writes"

# %% [markdown]
# **Ask it (1.5 points).** The checkpoint was trained on texts of the form
# `question: {question}  context: {context}`, much as yours. (A closing `</s>` is the tokenizer's
# business, but may be there; nor does it matter how many spaces there are.) `generate` lets the
# model write, one token after the other. What it returns is a *batch* of token ids, [1, T], with
# the start token in front and, where the model came to an end, the end mark behind. Turn it into
# one string without either.
#
# <details><summary>Hints</summary>
#
# - `generate` stops after about 20 tokens unless `max_new_tokens` says more.
# - `tokenizer.decode` has an argument for special tokens. Called on a batch it returns a list.
#   (The token for what the vocabulary lacks is a special one, too: a letter that T5 does not know
#   vanishes from the answer along with the marks.)
# - Model and inputs must be on the same device; `model.device` says where the model is.
# </details>

# %% solution="hw3_3_3_answer"
def get_answer(
    tokenizer: PreTrainedTokenizerBase, model: PreTrainedModel, question: str, context: str
) -> str:
    """Let `model` write the answer to a question about a context, by its `generate`.

    Returns the answer as one string, without special tokens such as <pad> or </s>.
    """
    ### BEGIN SOLUTION
    prompt = f"question: {question}  context: {context}"
    encoded = tokenizer(prompt, return_tensors="pt").to(model.device)
    written = model.generate(**encoded, max_new_tokens=32)  # [1, T]
    return tokenizer.decode(written[0], skip_special_tokens=True)
    ### END SOLUTION


# %% tests="hw3_3_3_answer" points=1.5 title="· Ask it" code="get_answer"
qa_tokenizer, qa_model = attempt("`load_reader`", load_reader)
answer = attempt("`get_answer`", get_answer, qa_tokenizer, qa_model,
                 "Where does Mina live?", "Mina lives in Lisbon. Oscar lives in Cairo.")
print(f"Where does Mina live? {answer!r}")
assert isinstance(answer, str), f"the answer is no string, but a {type(answer).__name__}"
for special in qa_tokenizer.all_special_tokens:
    assert special not in answer, f"the answer still holds {special}, which is nobody's word"

# %% [markdown]
# Ask it something of your own. A question takes about a second on a T4 or a CPU.

# %% tags=["skip-execution"]
tell_stand_in(READER)
qa_tokenizer, qa_model = attempt("`load_reader`", load_reader)
for question, context in [
    ("When was the lighthouse built?",
     "Mina works as a baker. The lighthouse was built in 1911. The museum was opened in 1954."),
    ("Who plays the violin?",
     "Oscar plays the piano. Mina practises the violin every day, and Oscar likes soup best."),
]:
    print(question, attempt("`get_answer`", get_answer, qa_tokenizer, qa_model, question, context))

# %% [markdown] name="comment_3_3"
# ⟶ **Comments on 3.3**, written by another group:
#
# *(leave this cell as it is)*
#
# ⟵ **End of the comments on 3.3**

# %% [markdown]
# ## 3.4 The paper behind it (5 points, written)
#
# Raffel et al. (2020), *Exploring the Limits of Transfer Learning with a Unified Text-to-Text
# Transformer*, [arXiv:1910.10683](https://arxiv.org/abs/1910.10683). It compares, one by one, the
# choices that one has in building such a model. Sections 2.4, 3.1 to 3.3 and 3.5 are what you need.
# Answer in your own words, three to six sentences each.
#
# **(a) Text to text (1 point).** What do all tasks of T5 have in common? Explain it with a
# classification task: sentence pairs that are to be labelled `entailment`, `contradiction` or
# `neutral`. What does the model read, what is it trained to write, with which loss, and how does it
# know which task is meant?

# %% [markdown] written="hw3_3_4a" points=1 title="· (a) Text to text"
# ### BEGIN SOLUTION
# **What to look for (1 point).**
#
# - 0.5: every task has text as its input and text as its target, so that one model, one loss
#   (cross-entropy of the target's tokens, with teacher forcing) and one way of decoding serve all.
#   No task has an output layer of its own.
# - 0.25: the class is written out. The target is the label's *word*, such as "entailment".
# - 0.25: a prefix in the input says which task it is; the example shows one, with both
#   sentences in a single text. The exact words of the prefix do not matter.
#
# **An answer with full marks.** Each task, whether it translates, sums up, answers or classifies,
# is put as a text to be read and a text to be written. The same model with the same weights is
# trained on all of them to predict the target token by token, by maximum likelihood; a task needs
# no layer of its own. For sentence pairs the input may be "mnli premise: All shops are shut.
# hypothesis: One can buy bread here.", and the target is the word "contradiction". The class is
# thus not a number between 0 and 2 but a word like any other, scored by the layer that scores every
# word. The prefix "mnli" tells the model which task is meant, since the same two sentences could be
# there to be translated.
# ### END SOLUTION

# %% [markdown]
# **(b) A fixed set of classes (1 point).** A classifier with a softmax over three classes always
# names one of the three. What can go wrong with T5 instead? How is that counted in the paper? Name
# one way to rule it out.

# %% [markdown] written="hw3_3_4b" points=1 title="· (b) A fixed set of classes"
# ### BEGIN SOLUTION
# **What to look for (1 point).**
#
# - 0.5: the decoder chooses from the whole vocabulary at each step, so it may write a string
#   that is no class at all.
# - 0.25: such an output counts as wrong. (The paper reports that its trained models never
#   did this. Not asked for.)
# - 0.25: a way that rules it out. For example: let only tokens through that continue the
#   name of a class (constrained decoding); compute the probability of each class's string and take
#   the best. Mapping whatever is written to the nearest label counts, too. "More training" does
#   not: it makes it rarer, and rules nothing out.
#
# **An answer with full marks.** T5 has no layer with three outputs. It writes, and at each step any
# token of its vocabulary is possible: it could answer "perhaps", or "entail", or the name of a
# vegetable. Such a text is the name of no class, and there is nothing to compare it with, so the
# paper counts it as a wrong answer. With trained models it never came up, since in fine-tuning they
# have seen no other targets than the three words. It can be ruled out by computing the probability
# that the model gives to each of the three words, and choosing the most probable one.
# ### END SOLUTION

# %% [markdown]
# **(c) Span corruption (1 point).** What is the objective that T5 is pre-trained with? Show it with
# the sentence
#
# > The ferry leaves at seven from the *old* harbour *behind the* market.
#
# where the words in italics have been chosen to be dropped (that is two spans, of one word and of
# two). Write down the input and the target, token for token (take words as tokens), and say why
# each sentinel is used only once in a text.

# %% [markdown] written="hw3_3_4c" points=1 title="· (c) Span corruption"
# ### BEGIN SOLUTION
# **What to look for (1 point).**
#
# - 0.25: what is done, in words: spans chosen at random are cut out, each is replaced by
#   *one* sentinel, and the model is to write what was cut out. (In the paper: 15 % of the tokens,
#   in spans of 3 on average. The figures are not needed.)
# - 0.25: the input, "The ferry leaves at seven from the \<X\> harbour \<Y\> market."
# - 0.25: the target, "\<X\> old \<Y\> behind the \<Z\>". Sentinels stand on *both* sides,
#   the same ones in the same order. The names do not matter (\<extra_id_0\> and so on). A missing
#   last sentinel costs nothing where the end is marked otherwise, say by \</s\>; the whole sentence
#   as the target earns nothing here.
# - 0.25: sentinels are unique so that the target tells which words belong to which gap.
#
# **An answer with full marks.** T5 learns by filling gaps. Some tokens are drawn at random, and
# each run of neighbours among them is taken out and replaced by a single sentinel, a special token
# that stands for this gap:
#
# - input: The ferry leaves at seven from the \<X\> harbour \<Y\> market.
# - target: \<X\> old \<Y\> behind the \<Z\>
#
# The target holds the missing words alone, each group behind the sentinel of its gap, and a last
# sentinel to close. It is much shorter than the sentence, which makes training cheap. Two equal
# sentinels could not be told apart: only since each is used once does the decoder, when it writes
# \<Y\>, know which gap in the input it is to look at, and do we know where its words belong.
# ### END SOLUTION

# %% [markdown]
# **(d) Three masks (1 point).** A row is a place that looks, a column a place that is looked at,
# and a filled field means that it may.
#
# ![Three attention masks for five places. A: all fields are filled. B: the fields on and under the
# diagonal are filled. C: like B, and all fields of the first three columns
# too.](figures/t5-masks.svg)
#
# Give each of A, B and C the name that it has in the paper, and say what each lets a place see.
# Where in T5 do A and B occur, and for which kind of model and input is C made?

# %% [markdown] written="hw3_3_4d" points=1 title="· (d) Three masks"
# ### BEGIN SOLUTION
# **What to look for (1 point).**
#
# - 0.25: A is *fully-visible*: each place sees all. It is the mask of T5's encoder (and of
#   its decoder's attention to the encoder; not required).
# - 0.25: B is *causal*: each place sees itself and what stands before, never what comes
#   after. It is that of self-attention in T5's decoder, which must not see what it has still to
#   write.
# - 0.25: C is *causal with a prefix* (the model is called prefix LM).
# - 0.25: its use: a single stack that reads input and target in one sequence. The places of
#   the input (here the first three) are fully visible to each other and to all that follow; from
#   there on the mask is causal. With B alone the input's own places would not see what comes after
#   them, although all of the input is known.
# - -0.25: the names of B and C are exchanged, and the descriptions are right: half of what these
#   two earn.
#
# **An answer with full marks.** A is the fully-visible mask: every place may look at every other.
# T5's encoder uses it, since the whole input is there from the start. B is the causal mask: a place
# sees itself and the places before it. T5's decoder uses it in its self-attention, since otherwise,
# in training, it would see the very token that it is to predict. C is the causal mask with a
# prefix. It suits a language model, one stack without an encoder, that gets input and target one
# after the other in a single sequence. The first three places are the input, and may see each other
# in both directions; the two behind them are being written, and see the input and what was written
# before. A plain causal mask would make the model read its input from left to right only, for no
# reason.
# ### END SOLUTION

# %% [markdown]
# **(e) Fine-tuning a part (1 point).** Two ways to fine-tune without changing all weights at once:
# *adapter layers* and *gradual unfreezing*. Say for each what is added or frozen, which weights are
# trained, and when. How did both fare in the paper beside the fine-tuning of everything?

# %% [markdown] written="hw3_3_4e" points=1 title="· (e) Fine-tuning a part"
# ### BEGIN SOLUTION
# **What to look for (1 point).**
#
# - 0.25: adapters are small new blocks inside each layer of the pre-trained model, behind
#   the feed-forward networks: dense, ReLU, dense, with an inner size $d$ that one chooses, and an
#   output as wide as the input.
# - 0.25: only the adapters (and the layer normalisations; not required) are trained. All
#   else stays as pre-trained.
# - 0.25: gradual unfreezing adds nothing. At first only the last layer is trained, after
#   some steps the one before it as well, and so on from the top to the bottom, until all are. (In
#   T5 in encoder and decoder at once; the shared embeddings are trained throughout. Not required.)
# - 0.25: fine-tuning everything was best. One detail of either suffices: adapters come close
#   with a small $d$ where a task has little data, and need a larger one where it has much; gradual
#   unfreezing lost a little on all tasks and made training somewhat faster.
#
# **An answer with full marks.** An adapter layer is a small network, two dense layers with a ReLU
# in between, put behind each feed-forward network of the pre-trained model; its output is as wide
# as its input, so that everything else fits as before. Only adapters and layer normalisations are
# trained, the large rest stays frozen, and the inner size $d$ says how many weights a new task
# costs. Gradual unfreezing adds nothing and in the end trains all: it starts with the last layer
# alone, and lets one more layer join after a number of steps, from the top down, in encoder and
# decoder alike. Neither did better than fine-tuning everything from the start. Adapters came near
# with a small $d$ where there was little data, and needed a larger $d$ where there was much; with
# gradual unfreezing the results were a little worse throughout, though the training was faster.
# ### END SOLUTION

# %% [markdown] name="comment_3_4"
# ⟶ **Comments on 3.4**, written by another group:
#
# *(leave this cell as it is)*
#
# ⟵ **End of the comments on 3.4**

# %% [markdown]
# ## Handing in
#
# 1. Write the full name of every member into the cell at the top, one on each line.
# 2. Look through the written answers: a formula that is shown as plain text has lost a dollar sign.
# 3. Save the notebook with its outputs (*File > Save*; on Colab then *File > Download > .ipynb*).
#    Keep its cells as they are: those with a grade, and those for comments.
# 4. One of you hands in this one file, under the name `GROUP_hw3.ipynb` with your group's name in
#    it. No data set and no trained model goes with it.
#
# Some days later you get another group's notebook, without names. Write what you find good and what
# you would do in another way into its comment cells, between the two marks, and send it back.
