"""What code asks of a machine with a GPU, a compiler and a network, done as well as it can be here.

Right code for Colab is right code: a model moved to the GPU stays where it is, compiled code is the
code itself, half precision is left out, logins and uploads do nothing. The kernel gets this file as
text, before the student's cells run.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import os
import types
from collections.abc import Callable
from typing import Any

Change = Callable[[Any], None]
ABSENT_DEVICES = ("cuda", "mps", "xpu", "hip")
MADE_ON_A_DEVICE = ("new_tensor", "new_zeros", "new_ones", "new_full", "new_empty")
MADE_LIKE = ("zeros_like", "ones_like", "full_like", "empty_like", "rand_like", "randn_like",
             "randint_like")
# Whose models had names without an owner: the hub still leads from these to the models.
FIRST_OWNERS = ("google-bert", "distilbert", "google-t5", "openai-community", "FacebookAI",
                "albert", "facebook", "google")
# Of TrainingArguments: what needs a GPU, a package that is not here, or a network.
LEFT_OUT = ("bf16", "fp16", "bf16_full_eval", "fp16_full_eval", "tf32", "torch_compile",
            "torch_compile_backend", "torch_compile_mode", "push_to_hub", "deepspeed", "fsdp",
            "use_liger_kernel", "dataloader_pin_memory", "jit_mode_eval")
SPECIAL_OPTIMIZERS = ("bnb", "8bit", "4bit", "apex", "fused", "galore", "lomo", "apollo", "muon",
                      "schedule_free", "grokadamw", "stable_adamw", "ademamix")


def changes() -> dict[str, Change]:
    """What is to be done to a module once it has been imported, by the module's name."""
    return {
        "torch": _torch,
        "huggingface_hub": _hub,
        "huggingface_hub._login": _hub,
        "transformers.utils.hub": _downloads,
        "transformers.modeling_utils": _models,
        "transformers.trainer": _trainer,
        "transformers.training_args": _arguments("TrainingArguments"),
        "transformers.training_args_seq2seq": _arguments("Seq2SeqTrainingArguments"),
        "datasets": _data_sets,
    }


def nothing(*args: Any, **kwargs: Any) -> None:
    """What is done while grading: nothing."""


class Nothing:
    """Any method, context or attribute of it does nothing."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return nothing

    def elapsed_time(self, other: Any) -> float:
        """Of an event: milliseconds."""
        return 0.0

    def __enter__(self) -> Nothing:
        return self

    def __exit__(self, *exc: object) -> None:
        pass


# ---------------------------------------------------------------------------------------- torch


def here(device: Any) -> Any:
    """The processor, in the place of a device that is not there."""
    name = getattr(device, "type", device)
    if isinstance(name, str) and name.partition(":")[0] in ABSENT_DEVICES:
        return "cpu"
    return "cpu" if isinstance(device, int) and not isinstance(device, bool) else device


def _torch(torch: Any) -> None:
    if torch.cuda.is_available():
        return
    makers: set[Any] = importlib.import_module("torch.utils._device")._device_constructors()
    for name in [name for name, made in vars(torch).items()
                 if name in MADE_LIKE or (getattr(made, "__hash__", None) and made in makers)]:
        setattr(torch, name, _here(getattr(torch, name)))
    for name in MADE_ON_A_DEVICE:
        setattr(torch.Tensor, name, _here(getattr(torch.Tensor, name)))
    for moved in (torch.Tensor, torch.nn.Module):
        moved.to = _moved(moved.to)
        moved.cuda = _stays()
    torch.Tensor.pin_memory = _stays()
    torch.set_default_device = _first_here(torch.set_default_device)
    tensor_type = torch.set_default_tensor_type
    torch.set_default_tensor_type = lambda kind: (
        None if "cuda" in str(kind) else tensor_type(kind))
    own = torch.Generator

    class Generator(own):  # type: ignore[misc, valid-type]
        def __new__(cls, device: Any = "cpu") -> Any:
            return own.__new__(cls, device=here(device))

    torch.Generator = Generator
    torch.compile, torch.jit.script = _as_it_is(), _as_it_is()
    torch.nn.Module.compile = _gives(None)
    _cuda(torch.cuda)


def _cuda(cuda: Any) -> None:
    for name in ("synchronize", "set_device", "reset_peak_memory_stats", "empty_cache",
                 "reset_max_memory_allocated", "reset_accumulated_memory_stats", "ipc_collect"):
        setattr(cuda, name, _gives(None))
    for name, value in {"memory_summary": "", "mem_get_info": (0, 0), "current_device": 0,
                        "get_device_name": "no GPU", "get_device_capability": (0, 0),
                        "utilization": 0, "memory_stats": {}}.items():
        setattr(cuda, name, _gives(value))
    cuda.get_device_properties = lambda *args: types.SimpleNamespace(
        name="no GPU", total_memory=0, major=0, minor=0, multi_processor_count=0)
    for name in ("Stream", "Event", "stream"):
        setattr(cuda, name, type(name, (Nothing,), {}))


# A function for each name: torch's compiler keeps a table of them, and refuses one that is there
# twice.


def _gives(value: Any) -> Callable[..., Any]:
    def gives(*args: Any, **kwargs: Any) -> Any:
        return value

    return gives


def _stays() -> Callable[..., Any]:
    def stays(self: Any, *args: Any, **kwargs: Any) -> Any:
        return self

    return stays


def _as_it_is() -> Callable[..., Any]:
    def as_it_is(code: Any = None, *args: Any, **kwargs: Any) -> Any:
        """As a function or as a decorator with options."""
        return code if code is not None else lambda code: code

    return as_it_is


def _here(make: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(make)
    def made(*args: Any, **kwargs: Any) -> Any:
        if "device" in kwargs:
            kwargs["device"] = here(kwargs["device"])
        return make(*args, **kwargs)

    return made


def _first_here(call: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(call)
    def called(device: Any) -> Any:
        return call(here(device))

    return called


def _moved(move: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(move)
    def moved(self: Any, *args: Any, **kwargs: Any) -> Any:
        if args:
            args = (here(args[0]), *args[1:])
        if "device" in kwargs:
            kwargs["device"] = here(kwargs["device"])
        return move(self, *args, **kwargs)

    return moved


# --------------------------------------------------------------------------------- Hugging Face


def _hub(module: Any) -> None:
    """Nobody logs in."""
    for name in ("login", "logout", "notebook_login", "interpreter_login"):
        if module.__name__.endswith("_login") or name in vars(module):
            setattr(module, name, nothing)


def _downloads(module: Any) -> None:
    """What is on the hub is found where it is, wherever the code would keep it."""
    for name in ("hf_hub_download", "snapshot_download", "try_to_load_from_cache",
                 "_get_cache_file_to_return"):
        if hasattr(module, name):
            setattr(module, name, _with_owner(_with(
                getattr(module, name), cache_dir=None, force_download=False)))
    module.PushToHubMixin.push_to_hub = nothing


def _with_owner(call: Callable[..., Any]) -> Callable[..., Any]:
    """The function, whose first parameter may name a model as it was once called."""
    first = next(iter(inspect.signature(call).parameters))

    @functools.wraps(call)
    def called(*args: Any, **kwargs: Any) -> Any:
        if args:
            args = (todays_name(args[0]), *args[1:])
        elif first in kwargs:
            kwargs[first] = todays_name(kwargs[first])
        return call(*args, **kwargs)

    return called


def todays_name(name: Any) -> Any:
    """`google-t5/t5-small` for `t5-small`, where that is on the hub that we have."""
    hub = os.environ.get("HF_HUB_CACHE", "")
    if isinstance(name, str) and name and "/" not in name:
        for owner in FIRST_OWNERS:
            if os.path.isdir(f"{hub}/models--{owner}--{name}"):
                return f"{owner}/{name}"
    return name


def _models(module: Any) -> None:
    """A model is loaded to the processor, not quantised."""
    load = module.PreTrainedModel.from_pretrained.__func__

    def from_pretrained(cls: Any, *args: Any, **kwargs: Any) -> Any:
        if "device_map" in kwargs:
            place = kwargs["device_map"]
            kwargs["device_map"] = ({key: here(value) for key, value in place.items()}
                                    if isinstance(place, dict) else here(place))
        for name in ("load_in_8bit", "load_in_4bit", "quantization_config"):
            kwargs.pop(name, None)
        return load(cls, *args, **kwargs)

    module.PreTrainedModel.from_pretrained = classmethod(from_pretrained)


def _trainer(module: Any) -> None:
    """A training is reported to nobody and uploaded nowhere."""
    module.get_reporting_integration_callbacks = _gives([])
    module.Trainer.init_hf_repo = module.Trainer.push_to_hub = nothing


def _arguments(name: str) -> Change:
    def change(module: Any) -> None:
        arguments = getattr(module, name)
        init = arguments.__init__

        @functools.wraps(init)
        def taken(self: Any, *args: Any, **kwargs: Any) -> None:
            for option in LEFT_OUT:
                kwargs.pop(option, None)
            if any(kind in str(kwargs.get("optim", "")) for kind in SPECIAL_OPTIMIZERS):
                kwargs["optim"] = "adamw_torch"
            init(self, *args, **kwargs)

        arguments.__init__ = taken

    return change


def _data_sets(module: Any) -> None:
    module.load_dataset = _with(module.load_dataset, cache_dir=None, download_mode=None)


def _with(call: Callable[..., Any], **values: Any) -> Callable[..., Any]:
    """The function with these values for those of its parameters, where they are given at all."""
    places = {name: place for place, name in enumerate(inspect.signature(call).parameters)}

    @functools.wraps(call)
    def called(*args: Any, **kwargs: Any) -> Any:
        given = list(args)
        for name, value in values.items():
            if name in kwargs:
                kwargs[name] = value
            elif name in places and places[name] < len(given):
                given[places[name]] = value
        return call(*given, **kwargs)

    return called
