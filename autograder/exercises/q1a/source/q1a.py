# %% [markdown]
# # Question answering with BERT (20 points, and 4 as a bonus)
#
# {colab}
#
# Somebody asks a question about a text, and the answer stands in the text, word for word. Finding
# it is called *extractive* question answering. A model for it need not write anything: it has to
# point at the first word of the answer and at the last. You take a BERT that others have trained to
# do so, hand it questions in the form it knows, and turn its pointing back into text.
#
# | part | what you write | points |
# |:--|:--|--:|
# | (a) | `__init__`: load a pre-trained model and its tokenizer | 2 |
# | (b) | `tokenize`: pack question and context into one sequence | 6 |
# | (c) | `generateAnswer`: from scores to the text of the answer | 12 |
# | (d) | *bonus*: an end that never comes before its start | 4 |
#
# This notebook works on its own. On Colab, choose *Runtime > Change runtime type > T4 GPU*. Without
# a GPU everything works, too: an answer then takes about a second instead of a few hundredths.
#
# The first cell installs what is missing. PyTorch is left as it is.

# %% tags=["skip-execution"]
import importlib.util

missing = [name for name in ("transformers", "matplotlib") if not importlib.util.find_spec(name)]
if missing:
    print("Installing", *missing)
    # %pip install --quiet {" ".join(missing)}

# %% [markdown]
# The next cell fetches the tokenizer of the checkpoint that you will use: a BERT-large, trained
# first on Wikipedia and books, then on the 87,599 questions of SQuAD v1.1. Of the questions it was
# tested on it answers 86.9 in 100 exactly. About 10 s on a T4 or a CPU, most of it for the imports.

# %%
import logging
import sys

import torch
from transformers import AutoConfig, AutoModelForQuestionAnswering, AutoTokenizer

MODEL = "google-bert/bert-large-uncased-whole-word-masking-finetuned-squad"

config = AutoConfig.from_pretrained(MODEL)
tokenizer = AutoTokenizer.from_pretrained(MODEL)

# What libraries remark is printed. On stderr, nbgrader's Validate would take it for a failure.
for library in ("transformers", "huggingface_hub"):
    for handler in logging.getLogger(library).handlers:
        handler.setStream(sys.stdout)

print("Running on", "a GPU." if torch.cuda.is_available() else "the CPU.")
if stand_in := getattr(config, "stand_in", None):
    print("=" * 100, stand_in, "It answers simple questions only.", "=" * 100, sep="\n")

# %% [markdown]
# ## From text to scores
#
# **Tokens.** BERT reads numbers. A *tokenizer* cuts text into *tokens* and looks up the number of
# each in a fixed vocabulary, here of 30,522. Frequent words are one token. A rare word is cut into
# pieces that are frequent, and every piece but the first is marked by `##`; so there is a way to
# write any word, and the model still sees that *lighthouses* are more than one *lighthouse*. This
# scheme is called WordPiece. The checkpoint is *uncased*: capitals become small letters first.
#
# **Embeddings.** Each token becomes a vector, the sum of three that were learned in training:
#
# $$x_t = E_{\mathrm{token}}[\mathrm{id}_t] + E_{\mathrm{segment}}[s_t]
# + E_{\mathrm{position}}[t]$$
#
# The first says which token it is. The second says which text it belongs to: with $s_t = 0$ to the
# question, with $s_t = 1$ to the context. The third says where it stands, for $t = 0, 1, \dots$
# There are 512 position vectors, and that is why no sequence may be longer than 512 tokens.
#
# **Self-attention.** So far a token knows nothing of its neighbours. In each of the 24 layers every
# token looks at all the others and takes from each as much as seems useful to it:
#
# $$\mathrm{Attention}(Q, K, V) = \mathrm{softmax}\left(\frac{Q K^\top}{\sqrt{d_k}}\right) V$$
#
# A row of $Q$ is what a token is looking for, a row of $K$ what a token has to offer, a row of $V$
# what it hands over; all three are linear maps of the tokens' vectors. Question and context lie in
# *one* sequence, so that *who* in the question can find the names in the context, in every layer.
# And every token sees what comes after it as well as what comes before.
#
# **Scores.** The last layer leaves a vector $h_t$ for each token. Training on SQuAD added two more
# vectors, $w$ and $v$, and a number beside each. They give every token two scores (*logits*):
#
# $$\mathrm{start}_t = w \cdot h_t + b \qquad \mathrm{end}_t = v \cdot h_t + c$$
#
# The answer from token $i$ to token $j$ has the score $\mathrm{start}_i + \mathrm{end}_j$.
#
# ![Question and context in one sequence, with a token, a segment and a position for each place;
# BERT; a row of start scores and one of end scores; the span from the best start to the best
# end.](figures/question-answering.svg)

# %% [markdown]
# ## What a tokenizer returns
#
# Run the cell, and look for four things: words that are cut into pieces, the tokens that were added
# at both ends, what became of the capitals, and in the second table the place where
# `token_type_ids`, the segment ids, change.

# %%
def show_tokens(encoded) -> None:
    """Print what the tokenizer returned for one sequence, a line for each token."""
    print(f"{'position':>8}  {'token':14}", *(f"{name:>14}" for name in encoded))
    tokens = tokenizer.convert_ids_to_tokens(encoded["input_ids"])
    for position, (token, *numbers) in enumerate(zip(tokens, *encoded.values(), strict=True)):
        print(f"{position:8}  {token:14}", *(f"{number:>14}" for number in numbers))
    print()


show_tokens(tokenizer("Lighthouses are unbelievably tall."))
show_tokens(tokenizer("Who won?", "Ada won the game."))

# %% [markdown]
# `[CLS]` stands at the start of every sequence, `[SEP]` at the end of each text in it. Nobody typed
# them: the tokenizer knows what BERT was trained with. The attention mask is 1 throughout here. It
# is 0 at *padding*, the tokens that fill up short sequences where several are read at once.

# %% [markdown]
# ## The exercise
#
# Fill in the class below. You may add methods and attributes, but keep the names that are there.
#
# **(a) Load the model (2 points).** On the hub, a name like the one in `MODEL` stands for weights
# *and* tokenizer, and both must come from the same name. The classes are imported above. Which of
# them has the layer that makes start and end scores says its name.
#
# **(b) Pack question and context (6 points).** One sequence, the question first:
# `[CLS] question [SEP] context [SEP]`. Where it is too long, the *context* is cut at its end. The
# question stays whole: nobody can answer half a question.
#
# <details><summary>A hint for (b)</summary>
#
# A tokenizer can be called with two texts, as in the second table above. Look up in the
# documentation of its `__call__` what `truncation` can be; one of its values is made for this. And
# `return_tensors` is about the form of the result.
# </details>

# %% [markdown]
# **(c) Answer (12 points).** Let the model score the tokens, find the best start and the best end,
# and return the text between, both ends included. It should read as in the context: words whole,
# neither `##` nor special tokens left. Capitals do not matter.
#
# <details><summary>Hints for (c)</summary>
#
# - The model's output is an object with two tensors, `start_logits` and `end_logits`, both [1, T].
#   Unpacked like a tuple it gives its keys instead.
# - Nobody trains here. What does that mean for gradients?
# - In Python a slice leaves out its end.
# - From tokens back to text there are two ways. The tokenizer's `decode` joins tokens, as well as
#   it can without knowing the text. Or ask the tokenizer for `return_offsets_mapping`: for every
#   token the places in its text where it starts and ends. With these you can cut the answer out of
#   the context, capitals and all.
# </details>

# %% [markdown]
# **(d) Bonus: only answers that can be (4 points).** Best start and best end are found one without
# the other. Nothing keeps the end from coming first, and nothing keeps either out of the question.
# Return the best *valid* span: of all pairs whose start does not come after the end, with both ends
# in the context, the one with the highest sum of scores. To exchange the two, or to give up, is no
# solution.
#
# <details><summary>A hint for (d)</summary>
#
# Think of a table, [T, T], with a row for each start and a column for each end, and in each field
# the sum of the two scores. Which fields are not allowed? Make them so bad that they cannot win.
# `torch.triu` knows one half of a table, and segment ids tell you nearly everything about the rest.
# </details>

# %% solution="q1a_class"
class QuestionAnswering:
    """Answers questions about a text by a span of the text.

    `model` scores tokens, `tokenizer` belongs to it, and `device` is where the model lies and what
    goes into it.
    """

    def __init__(self, model_name: str) -> None:
        """(a) Load the checkpoint `model_name`, ready to answer.

        Sets `self.model`, on `self.device` and in evaluation mode, and `self.tokenizer`. The device
        is the GPU where there is one, and the CPU elsewhere.
        """
        ### BEGIN SOLUTION
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.tokenizer = AutoTokenizer.from_pretrained(model_name)
        self.model = AutoModelForQuestionAnswering.from_pretrained(model_name)
        self.model.to(self.device).eval()
        ### END SOLUTION

    def tokenize(self, question: str, context: str) -> dict[str, torch.Tensor]:
        """(b) Pack a question and its context into one sequence of T tokens.

        Returns a mapping with `input_ids`, `token_type_ids` (0 for the question, 1 for the context)
        and `attention_mask`: integers of shape [1, T] on `self.device`. Of a context that is too
        long for the model the end is left out; the question stays whole.
        """
        ### BEGIN SOLUTION
        return self.tokenizer(
            question, context, truncation="only_second", return_tensors="pt"
        ).to(self.device)
        ### END SOLUTION

    def generateAnswer(self, question: str, context: str) -> str:
        """(c) Return the answer to the question: a part of the context, as text.

        (d) It is the best valid one: the highest sum of start and end score, with the start not
        after the end and both in the context.
        """
        ### BEGIN SOLUTION
        encoded = self.tokenize(question, context)
        with torch.no_grad():
            output = self.model(**encoded)
        start_scores, end_scores = output.start_logits[0], output.end_logits[0]  # [T], [T]

        # The context is segment 1, but for the [SEP] that closes it.
        inside = encoded["token_type_ids"][0] == 1  # [T]
        inside = inside & (encoded["input_ids"][0] != self.tokenizer.sep_token_id)
        valid = (inside[:, None] & inside).triu()  # [T, T], a row for each start
        scores = start_scores[:, None] + end_scores  # [T, T]
        best = scores.masked_fill(~valid, -torch.inf).argmax().item()
        start, end = divmod(best, len(inside))

        # Cut out of the context itself, the answer keeps its capitals and its spaces.
        offsets = self.tokenizer(
            question, context, truncation="only_second", return_offsets_mapping=True
        )["offset_mapping"]
        return context[offsets[start][0] : offsets[end][1]]
        ### END SOLUTION

# %% [markdown]
# ## Checks
#
# They show whether you are on the right way, and carry no points. Each loads the model anew. The
# first time 1.3 GB come over the net, about half a minute on Colab. After that a check takes about
# 5 s on a T4, somewhat longer on a CPU, and a second with the offline stand-in. To check (c) and
# (d), the scores that the model's `forward` gives are replaced by known ones.

# %% cellView="form" jupyter={"source_hidden": true}
# @title What the checks use (nothing to write here)
import traceback
from contextlib import contextmanager

QUESTION, CONTEXT = "Who won?", "Ada and Grace won the long game."


@contextmanager
def check(part: str):
    """Say whether a part passes, or which method is not written yet."""
    try:
        yield
    except NotImplementedError as error:
        method = traceback.extract_tb(error.__traceback__)[-1].name
        raise AssertionError(
            f"`{method}` is not written yet. Write it above, run its cell, then this one"
        ) from None
    print(f"{part} passes its checks.")


def know_scores(model, start: dict[str, float], end: dict[str, float]) -> None:
    """Let `model` score words of CONTEXT as it is told, and every other token with -5."""
    own = type(model).forward.__get__(model)
    place = tokenizer(QUESTION, CONTEXT).char_to_token

    def forward(*inputs, return_dict=True, **options):
        output = own(*inputs, **options)
        first, last = torch.full((2, *output.start_logits.shape), -5.0, device=model.device)
        for word, score in start.items():
            first[0, place(CONTEXT.index(word), sequence_index=1)] = score
        for word, score in end.items():
            last[0, place(CONTEXT.index(word) + len(word) - 1, sequence_index=1)] = score
        output.start_logits = 0 * output.start_logits + first  # [1, T]
        output.end_logits = 0 * output.end_logits + last  # [1, T]
        return output if return_dict else output.to_tuple()

    model.forward = forward


# %% tests="q1a_init" points=2 title="(a) Load the model" code="QuestionAnswering.__init__"
with check("(a)"):
    qa = QuestionAnswering(MODEL)
    for name in ("model", "tokenizer", "device"):
        assert hasattr(qa, name), f"the object has no attribute `{name}`: set self.{name}"
    assert hasattr(qa.model, "qa_outputs"), (
        "the model gives vectors, but no start and end scores: which of the classes adds them?"
    )
    assert not qa.model.training, (
        "the model is in training mode, in which dropout changes its scores at random"
    )
    assert next(qa.model.parameters()).device.type == torch.device(qa.device).type, (
        f"`device` is {qa.device}, but the model's weights are elsewhere: move the model"
    )

# %% tests="q1a_tokenize" points=6 title="(b) Pack question and context" code="QuestionAnswering.tokenize"
with check("(b)"):
    qa = QuestionAnswering(MODEL)
    encoded = qa.tokenize("Who won?", "Ada won the game.")
    for name in ("input_ids", "token_type_ids", "attention_mask"):
        assert name in encoded, f"there is no `{name}` in what `tokenize` returns"
        assert isinstance(encoded[name], torch.Tensor), f"`{name}` is not a tensor"
        assert encoded[name].ndim == 2 and len(encoded[name]) == 1, (
            f"`{name}` has shape {list(encoded[name].shape)}; the model expects [1, T], one row"
        )
        assert encoded[name].device.type == torch.device(qa.device).type, (
            f"`{name}` is not on {qa.device}, where the model would look for it"
        )
    print("The sequence:", qa.tokenizer.decode(encoded["input_ids"][0]))
    print("Its segments:", *encoded["token_type_ids"][0].tolist())
    print("Are they what you want?")

    encoded = qa.tokenize("Who won?", "Nobody knows. " * 400)
    length = encoded["input_ids"].shape[1]
    assert length <= config.max_position_embeddings, (
        f"a long context gives {length} tokens; there are positions for "
        f"{config.max_position_embeddings}"
    )

# %% tests="q1a_answer" points=12 title="(c) Answer" code="QuestionAnswering.generateAnswer"
with check("(c)"):
    qa = QuestionAnswering(MODEL)
    for start, end in (("Ada", "Grace"), ("Grace", "Grace"), ("the", "game")):
        know_scores(qa.model, {start: 7}, {end: 6})
        answer = qa.generateAnswer(QUESTION, CONTEXT)
        assert isinstance(answer, str), f"the answer is no string, but a {type(answer).__name__}"
        print(f"From {start!r} to {end!r}: {answer!r}")
        words = answer.lower().split()
        assert words and (words[0], words[-1]) == (start.lower(), end.lower()), (
            f"the best start is at {start!r} and the best end at {end!r}, but your answer is "
            f"{answer!r}. Print start and end, and the tokens there"
        )

# %% tests="q1a_bonus" points=4 title="(d) Bonus: only answers that can be" code="QuestionAnswering.generateAnswer"
with check("(d)"):
    qa = QuestionAnswering(MODEL)
    know_scores(qa.model, {"Ada": 4, "won": 6}, {"Grace": 6, "game": 3})
    answer = qa.generateAnswer(QUESTION, CONTEXT)
    print(f"The answer: {answer!r}")
    assert answer, "the answer is empty, although there are pairs whose start comes before the end"
    assert " ".join(answer.lower().split()) == "ada and grace", (
        "the best start is at 'won', and the best end before it, at 'Grace'. Of the pairs that "
        "are left another one has the highest sum: add up a few by hand"
    )

# %% [markdown]
# ## Ask it something
#
# Write three questions of your own below, each with its context, and look at how sure the model is.
# The plot shows both scores of every token. About 3 s on a T4, 10 s on a CPU, most of it for
# loading.
#
# Try a question that the context does not answer, too. This model was trained on questions that
# have an answer, and will find one.

# %% tags=["skip-execution"]
PAIRS = [  # (question, context)
    (
        "When was the lighthouse built?",
        "Mina works as a baker. The lighthouse was built in 1911. It rained all morning. "
        "The museum was opened in 1954.",
    ),
    (
        "Who plays the violin?",
        "Oscar plays the piano. Mina Berg practises the violin every day, and Oscar likes soup "
        "best.",
    ),
    (
        "Where does Oscar live?",
        "Mina lives in Lisbon. Oscar has a small flat in Cairo, where he studies botany.",
    ),
]

# %% cellView="form" jupyter={"source_hidden": true} tags=["skip-execution"]
# @title Scores and answers, drawn
import html
import re

import matplotlib.pyplot as plt
from IPython.display import HTML, display

PER_ROW = 40  # tokens in a row of the plot


@torch.no_grad()
def plot_scores(qa: QuestionAnswering, question: str, context: str) -> None:
    """Draw the start and the end score of each token, the question's tokens on grey."""
    encoded = qa.tokenize(question, context)
    output = qa.model(**encoded)
    tokens = qa.tokenizer.convert_ids_to_tokens(encoded["input_ids"][0].tolist())
    scores = {"start": output.start_logits[0].tolist(), "end": output.end_logits[0].tolist()}
    segments = encoded["token_type_ids"][0].tolist()
    firsts = range(0, len(tokens), PER_ROW)
    figure, rows = plt.subplots(len(firsts), squeeze=False, sharey=True, layout="constrained",
                                figsize=(12, 3 * len(firsts)))
    for axes, first in zip(rows[:, 0], firsts, strict=True):
        places = range(first, min(first + PER_ROW, len(tokens)))
        for name, shift, colour in (("start", -0.2, "#2166ac"), ("end", 0.2, "#d6604d")):
            axes.bar([place + shift for place in places], scores[name][first : first + PER_ROW],
                     width=0.4, color=colour, label=name)
        for place in places:
            if segments[place] == 0:
                axes.axvspan(place - 0.5, place + 0.5, color="#eeeeee", zorder=0)
        axes.set_xticks(places, tokens[first : first + PER_ROW], rotation=60,
                        ha="right", rotation_mode="anchor")
        axes.set(xlim=(first - 0.5, first + min(PER_ROW, len(tokens)) - 0.5), ylabel="score")
        axes.axhline(0, color="black", linewidth=0.5)
    rows[0, 0].legend(loc="upper right", ncols=2)
    figure.suptitle(question)
    plt.show()


def mark(answer: str, context: str) -> str:
    """The context as HTML, with the answer marked where it first stands in it."""
    pieces = re.findall(r"\w+|[^\w\s]", answer)
    found = re.search(r"\s*".join(map(re.escape, pieces)), context, re.IGNORECASE)
    if not (pieces and found):
        return f"{html.escape(context)}<br><i>This answer does not stand in the context.</i>"
    before, after = context[: found.start()], context[found.end() :]
    return f"{html.escape(before)}<mark>{html.escape(found[0])}</mark>{html.escape(after)}"


qa = QuestionAnswering(MODEL)
for question, context in PAIRS:
    answer = qa.generateAnswer(question, context)
    plot_scores(qa, question, context)
    display(HTML(f"<p><b>{html.escape(question)}</b> {html.escape(answer)}</p>"
                 f"<p>{mark(answer, context)}</p>"))

# %% [markdown]
# ## Hand in
#
# Save this notebook as `q1a.ipynb`, with its outputs, beside `q1b.ipynb`. On Colab:
# *File > Download > Download .ipynb*. `collect_submission.sh` packs both.
