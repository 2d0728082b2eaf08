"""Probes of q1a: they run beside the student's code, return what it does, and judge nothing.

A part that is not being asked is played: `tokenize` by a recorder that hands back what the judge
encoded, BERT by a small one whose scores come from a table, a row for each token of the
vocabulary. Whatever the order in which a person packs the tokens, the scores are thus the same.
"""

from __future__ import annotations

import inspect
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import torch
import torch.nn as nn
from torch import Tensor
from transformers import (
    BatchEncoding,
    BertConfig,
    BertForQuestionAnswering,
    BertTokenizerFast,
)
from transformers.modeling_outputs import QuestionAnsweringModelOutput

INPUTS = ("input_ids", "token_type_ids", "attention_mask")

# ------------------------------------------------------------------------------------ (a) __init__


def loaded(code: Any, vocabulary: list[str], seed: int, text: str) -> dict[str, Any]:
    """What `__init__` makes of a checkpoint that nobody has seen before."""
    with _checkpoint(vocabulary, seed) as folder:
        qa = code.QuestionAnswering(folder)
    model, tokenizer = _model(qa), getattr(qa, "tokenizer", None)
    weights = dict(model.named_parameters()) if model is not None else {}
    embeddings = [weight for name, weight in weights.items() if "word_embeddings" in name]
    return {
        "scores": weights.get("qa_outputs.weight"),
        "embeddings": embeddings[0] if embeddings else None,
        "training": None if model is None else model.training,
        "tokens": list(tokenizer(text)["input_ids"]) if callable(tokenizer) else None,
        "names": [name for name in ("model", "tokenizer", "device") if hasattr(qa, name)],
        "device": str(getattr(qa, "device", None)),
    }


@contextmanager
def _checkpoint(vocabulary: list[str], seed: int = 0) -> Iterator[str]:
    """A folder with a small checkpoint: what a name on the hub stands for."""
    torch.manual_seed(seed)
    with tempfile.TemporaryDirectory() as folder:
        _bert(vocabulary).save_pretrained(folder)
        _tokenizer(vocabulary).save_pretrained(folder)
        yield folder


def _bert(vocabulary: list[str]) -> BertForQuestionAnswering:
    return BertForQuestionAnswering(BertConfig(
        vocab_size=len(vocabulary), hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=8, max_position_embeddings=512,
        pad_token_id=vocabulary.index("[PAD]"))).eval()


def _tokenizer(vocabulary: list[str]) -> BertTokenizerFast:
    numbers = {token: number for number, token in enumerate(vocabulary)}
    return BertTokenizerFast(vocab=numbers, model_max_length=512)


def _model(qa: Any) -> nn.Module | None:
    """The model that an object holds, by whatever name; it may be a module itself."""
    held = (*vars(qa).values(), *vars(qa).get("_modules", {}).values())
    return next((value for value in held if isinstance(value, nn.Module)), None)


# ------------------------------------------------------------------------------------ (b) tokenize


def encoded(code: Any, vocabulary: list[str], question: str, context: str) -> Any:
    """What `tokenize` alone returns: of a mapping, the three inputs of BERT."""

    def use(qa: Any) -> Any:
        returned = qa.tokenize(question, context)
        if not isinstance(returned, Mapping):
            return returned
        return {name: returned[name] for name in INPUTS if name in returned}

    return _with_parts(code, vocabulary, use)


def devices(code: Any, vocabulary: list[str], question: str, context: str) -> dict[str, str]:
    """Where the tensors of `tokenize` lie when the object's device is another than usual."""

    def use(qa: Any) -> dict[str, str]:
        vars(qa)["device"] = torch.device("meta")  # where it is a property, it looks at the model
        qa.model.to("meta")
        try:
            returned = qa.tokenize(question, context)
        except NotImplementedError as error:
            if "meta" not in str(error):
                raise
            return {"input_ids": "meta"}  # only of tensors there can no values be read
        return {name: str(getattr(returned[name], "device", None)) for name in INPUTS
                if name in returned}

    return _with_parts(code, vocabulary, use)


def passed_on(code: Any, vocabulary: list[str], question: str, context: str) -> Any:
    """What reaches the model by way of the person's own `tokenize` and `generateAnswer`."""
    own = _own(code, vocabulary)
    model = _model(own)
    flat = torch.zeros(len(vocabulary))
    model.forward = played = _Played(model, flat, flat, every_form=False)
    own.generateAnswer(question, context)
    return played.calls[0]["inputs"] if played.calls else None


def _with_parts(code: Any, vocabulary: list[str], use: Callable[[Any], Any]) -> Any:
    """Use an object that has never seen its `__init__`, with the parts that everybody's has.

    Where it misses an attribute, perhaps one that its `__init__` adds, it is used again with it.
    """
    qa = object.__new__(code.QuestionAnswering)
    vars(qa).update(_parts(vocabulary))
    try:
        return use(qa)
    except AttributeError:
        qa = object.__new__(code.QuestionAnswering)
        with suppress(Exception), _checkpoint(vocabulary) as folder:
            qa.__init__(folder)
        vars(qa).update(_parts(vocabulary))
        return use(qa)


def _parts(vocabulary: list[str]) -> dict[str, Any]:
    return {"model": _bert(vocabulary), "tokenizer": _tokenizer(vocabulary),
            "device": torch.device("cpu")}


def _own(code: Any, vocabulary: list[str]) -> Any:
    """The person's own object, made by the person's own `__init__`."""
    with _checkpoint(vocabulary) as folder:
        return code.QuestionAnswering(folder)


# ------------------------------------------------------------------------- (c), (d) generateAnswer


def answers(code: Any, every_form: bool = False, **asked: Any) -> list[Any]:
    """What `generateAnswer` returns, once for each row of `starts` and `ends`, [rows, vocabulary].

    `every_form` lets the model's output be read in today's ways and in those of the past.
    """
    return [trial["answer"] for trial in _trials(code, every_form=every_form, **asked)]


def calls(code: Any, **asked: Any) -> list[dict[str, Any]]:
    """What `generateAnswer` asks `tokenize` and the model for."""
    return [{"tokenize": trial["tokenize"], "model": [call["inputs"] for call in trial["model"]]}
            for trial in _trials(code, **asked)]


def modes(code: Any, **asked: Any) -> list[dict[str, Any]]:
    """In which state the model is when `generateAnswer` calls it, and what it gave then, summed."""
    return [{name: call[name] for name in ("graph", "training", "scores")}
            for trial in _trials(code, **asked) for call in trial["model"]]


def together(code: Any, vocabulary: list[str], question: str, context: str, starts: Tensor,
             ends: Tensor) -> list[dict[str, Any]]:
    """`generateAnswer` with the person's own `__init__` and `tokenize`, overheard."""
    trials = []
    for start, end in zip(starts, ends, strict=True):
        qa = _own(code, vocabulary)
        model = _model(qa)
        model.forward = played = _Played(model, start, end, every_form=False)
        heard = _overhear(qa)
        answer = qa.generateAnswer(question, context)
        trials.append({"answer": answer, "tokenize": heard, "model": played.calls})
    return trials


def _trials(code: Any, vocabulary: list[str], question: str, context: str, encoded: dict,
            starts: Tensor, ends: Tensor, every_form: bool = False) -> list[dict[str, Any]]:
    def use(qa: Any) -> list[dict[str, Any]]:
        trials = []
        for start, end in zip(starts, ends, strict=True):
            asked: list[list[Any]] = []
            qa.tokenize = _recorder(asked, qa.tokenizer, question, context, encoded)
            qa.model.forward = played = _Played(qa.model, start, end, every_form)
            answer = qa.generateAnswer(question, context)
            trials.append({"answer": answer, "tokenize": asked, "model": played.calls})
        return trials

    return _with_parts(code, vocabulary, use)


def _recorder(asked: list[list[Any]], tokenizer: Any, text: str, pair: str,
              encoded: dict[str, Tensor]) -> Callable[..., BatchEncoding]:
    """In the place of `tokenize`: keeps what it is asked, returns what a tokenizer returns."""

    def tokenize(question: Any, context: Any, *_: Any, **__: Any) -> BatchEncoding:
        asked.append([question, context])
        return BatchEncoding({name: tensor.clone() for name, tensor in encoded.items()},
                             encoding=tokenizer(text, pair, truncation="only_second").encodings,
                             n_sequences=2)

    return tokenize


def _overhear(qa: Any) -> list[Any]:
    """Keep what each call of the object's own `tokenize` returns."""
    own, heard = qa.tokenize, []

    def listen(*args: Any, **kwargs: Any) -> Any:
        returned = own(*args, **kwargs)
        heard.append(dict(returned) if isinstance(returned, Mapping) else returned)
        return returned

    qa.tokenize = listen
    return heard


class _Played:
    """In the place of a model's `forward`: each token has the scores of its row in the tables.

    The model's own forward runs, too. So the call is taken, refused and answered as a model does
    it, with gradients where there are some, and only the scores are others.
    """

    def __init__(self, model: nn.Module, start: Tensor, end: Tensor, every_form: bool) -> None:
        self.model, self.start, self.end, self.every_form = model, start, end, every_form
        self.own = type(model).forward.__get__(model)
        self.signature = inspect.signature(self.own)
        self.calls: list[dict[str, Any]] = []

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        output = self.own(*args, **kwargs)
        given = self.signature.bind(*args, **kwargs).arguments
        ids = given.get("input_ids")
        if ids is None:  # vectors in the place of ids have no row in a table
            return output
        scores = [values for values in (output if isinstance(output, tuple) else output.values())
                  if isinstance(values, Tensor) and values.shape == ids.shape]
        self.calls.append({
            "inputs": {name: given[name] for name in INPUTS if given.get(name) is not None},
            "graph": any(values.requires_grad for values in scores),
            "training": self.model.training, "scores": float(self.start[ids].sum())})
        tables = {id(values): table[ids] + 0 * values  # exactly the table's, with a graph or none
                  for values, table in zip(scores, (self.start, self.end), strict=False)}
        if isinstance(output, tuple):
            return tuple(tables.get(id(values), values) for values in output)
        for name, values in output.items():
            output[name] = tables.get(id(values), values)
        return _EveryForm(**output) if self.every_form else output


class _EveryForm(QuestionAnsweringModelOutput):
    """An output that gives its tensors when it is unpacked, as it did before version 4."""

    def __iter__(self) -> Iterator[Any]:
        return iter(self.to_tuple())
