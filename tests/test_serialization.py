"""The wire: what is packed comes back, and what was not packed never gets in."""

from __future__ import annotations

import json
import math
import random
from collections import OrderedDict, namedtuple
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save

from autograder.kernel import serialization
from autograder.kernel.serialization import Opaque, SerializationError, pack, unpack

DTYPES = [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32,
          torch.int16, torch.int8, torch.uint8, torch.bool, torch.complex64]
UNKNOWN = [object(), print, {1, 2}, b"bytes", range(3), 1j, torch.float32, np.datetime64("2026")]

scalars = (st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text())
keys = st.booleans() | st.integers() | st.text() | st.none() | st.tuples(st.integers(), st.text())
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(keys, inner),
    max_leaves=20)


def message(tree: Any, tensors: bytes = save({})) -> bytes:
    """A message as `pack` writes it, around any tree."""
    head = json.dumps(tree).encode()
    return len(head).to_bytes(8, "big") + head + tensors


# ---------------------------------------------------------------------------------- what comes back


@given(values)
def test_builtin_values_come_back_equal_and_of_the_same_types(value):
    assert repr(unpack(pack(value))) == repr(value)


@pytest.mark.parametrize("value", [math.inf, -math.inf])
def test_infinities_come_back(value):
    assert unpack(pack(value)) == value


def test_nan_comes_back_as_nan():
    assert math.isnan(unpack(pack(math.nan)))


@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 3), (2, 3, 4)], ids=str)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_tensors_of_every_dtype_and_shape_come_back(dtype, shape):
    tensor = (torch.randn(shape) * 3).to(dtype)
    back = unpack(pack(tensor))
    assert back.dtype == dtype and back.shape == tensor.shape
    assert torch.equal(back, tensor)


@pytest.mark.parametrize("tensor", [
    torch.arange(6).reshape(2, 3).T,
    torch.arange(12)[::3],
    torch.arange(3).expand(4, 3),
    torch.randn(2, 3, 4).permute(2, 0, 1),
    torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last),
], ids=["transposed", "strided", "expanded", "permuted", "channels-last"])
def test_tensors_that_are_not_contiguous_come_back(tensor):
    assert torch.equal(unpack(pack(tensor)), tensor)


def test_two_views_of_one_storage_come_back():
    base = torch.arange(6.0)
    first, second = unpack(pack([base[:4], base[2:]]))
    assert torch.equal(first, base[:4]) and torch.equal(second, base[2:])


def test_requires_grad_comes_back():
    leaf = torch.ones(2, requires_grad=True)
    assert [tensor.requires_grad for tensor in unpack(pack([leaf, leaf * 2, leaf.detach()]))] == [
        True, True, False]


def test_a_parameter_comes_back_as_a_plain_tensor():
    back = unpack(pack(torch.nn.Parameter(torch.ones(2))))
    assert type(back) is torch.Tensor and back.requires_grad


def test_changing_what_was_packed_does_not_change_the_message():
    tensor = torch.zeros(2)
    data = pack(tensor)
    tensor += 1
    assert torch.equal(unpack(data), torch.zeros(2))


@pytest.mark.parametrize("array", [
    np.arange(6).reshape(2, 3), np.float32(1.5), np.array(2.5), np.zeros((0, 3)),
    np.array([True, False]), np.arange(4, dtype=np.uint8)[::-1], np.arange(9)[::2],
], ids=["matrix", "float32", "0-d", "empty", "bool", "reversed", "strided"])
def test_arrays_come_back(array):
    back = unpack(pack(array))
    assert isinstance(back, np.ndarray) and back.dtype == np.asarray(array).dtype
    assert np.array_equal(back, array)


def test_arrays_in_fortran_order_come_back():
    array = np.arange(6).reshape(2, 3).T
    assert np.array_equal(unpack(pack(array)), array)


def test_an_array_that_torch_does_not_know_becomes_opaque():
    assert isinstance(unpack(pack(np.zeros(2, dtype=np.longdouble))), Opaque)


def test_a_sparse_tensor_crosses_somehow():
    unpack(pack(torch.eye(3).to_sparse()))


@pytest.mark.parametrize("value", UNKNOWN, ids=lambda value: type(value).__name__)
def test_anything_else_becomes_opaque_under_the_name_of_its_type(value):
    assert unpack(pack(value)) == Opaque(type(value).__name__)


def test_an_opaque_stays_one():
    assert unpack(pack(Opaque("Thing"))) == Opaque("Thing")


def test_an_object_that_equals_everything_does_not_cross():
    class Anything:
        def __eq__(self, other: object) -> bool:
            return True

    assert unpack(pack([Anything()])) != [1]


@pytest.mark.parametrize("value", [
    type("Yes", (int,), {"__eq__": lambda self, other: True, "__hash__": int.__hash__})(3),
    type("Yes", (float,), {"__eq__": lambda self, other: True, "__hash__": float.__hash__})(3.0),
    type("Yes", (str,), {"__eq__": lambda self, other: True, "__hash__": str.__hash__})("3"),
], ids=["int", "float", "str"])
def test_a_subclass_of_a_builtin_crosses_as_the_builtin(value):
    back = unpack(pack(value))
    assert type(back) in (int, float, str) and back != 4


@pytest.mark.parametrize(("value", "plain"), [
    (OrderedDict(a=1), {"a": 1}),
    (namedtuple("Point", "x y")(1, 2), (1, 2)),
    (np.float64(0.5), 0.5),
], ids=["OrderedDict", "namedtuple", "float64"])
def test_relatives_of_builtins_cross_as_builtins(value, plain):
    back = unpack(pack(value))
    assert type(back) is type(plain) and back == plain


def test_a_list_that_holds_itself_ends_in_an_opaque():
    loop: list[Any] = []
    loop.append(loop)
    back = unpack(pack(loop))
    while isinstance(back, list):
        (back,) = back
    assert back == Opaque("a value nested too deeply")


# ---------------------------------------------------------------------------------- what is refused


def nested(depth: int) -> Any:
    tree: Any = 1
    for _ in range(depth):
        tree = {"list": [tree]}
    return tree


@pytest.mark.parametrize("data", [
    b"", b"\0" * 7, b"\0" * 8, b"no message at all", message(1)[:-1], message(1)[:9],
    (10**9).to_bytes(8, "big") + b"1", (1).to_bytes(8, "big") + b"{" + save({}),
    message(1, b""), message(1, b"\xff" * 20), message([1]), message({}), message({"set": [1]}),
    message({"list": 1}), message({"dict": [[1]]}),
    message({"dict": [[{"list": []}, 1]]}), message({"tensor": "0"}), message({"array": "0"}),
    message({"tensor": None}), message({"tensor": []}), message({"dict": 3}),
    message({"list": [[1]]}), message(nested(40)),
    (1_200_000).to_bytes(8, "big") + b'{"list": [' * 120_000 + save({}),
    message({"list": [0] * serialization.MAX_NODES}),
    message({"array": "0"}, save({"1": torch.ones(1)})),
    message({"array": "0"}, save({"0": torch.ones(1, dtype=torch.bfloat16)})),
], ids=lambda data: repr(data[8:40]))
def test_a_message_that_is_not_one_is_refused(data):
    with pytest.raises(SerializationError):
        unpack(data)


def test_a_message_that_is_too_long_says_how_long_it_may_be():
    with pytest.raises(SerializationError, match=r"1,0\d\d bytes; 1,000 are allowed"):
        unpack(pack("x" * 980), max_bytes=1000)


def test_the_usual_bound_is_max_bytes():
    unpack(pack("x" * (serialization.MAX_BYTES - 1000)))
    with pytest.raises(SerializationError, match="are allowed"):
        unpack(pack("x" * serialization.MAX_BYTES))


def test_too_many_parts_are_refused():
    unpack(pack([0] * (serialization.MAX_NODES - 10)))
    with pytest.raises(SerializationError, match="too many parts"):
        unpack(pack([0] * serialization.MAX_NODES))


def test_requires_grad_on_integers_is_ignored():
    back = unpack(message({"tensor": "0", "requires_grad": True}, save({"0": torch.ones(1).int()})))
    assert not back.requires_grad


def test_nothing_is_unpickled():
    import pickle

    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return (pytest.fail, ("unpickled",))

    with pytest.raises(SerializationError):
        unpack(message(1, pickle.dumps(Trap())))


def attempt(data: bytes) -> None:
    """Unpack, and let only a SerializationError pass."""
    try:
        unpack(data)
    except SerializationError as error:
        assert str(error)


@settings(max_examples=300)
@given(st.binary(max_size=200))
def test_random_bytes_raise_nothing_but_wire_errors(data):
    attempt(data)


@settings(max_examples=300)
@given(st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(
    st.sampled_from(["list", "tuple", "dict", "tensor", "array", "opaque", "x"]), inner)))
def test_random_trees_raise_nothing_but_wire_errors(tree):
    attempt(message(tree, save({"0": torch.ones(2), "": torch.ones(0)})))


VALID = pack({"value": [torch.arange(6.0).reshape(2, 3), (1, "two", None), np.arange(3)],
              "error": {"type": "E", "message": "m", "where": "", "line": ""}})


@pytest.mark.parametrize("seed", range(20))
def test_mutations_of_a_valid_message_raise_nothing_but_wire_errors(seed):
    rng = random.Random(seed)
    for _ in range(100):
        data = bytearray(VALID)
        for _ in range(rng.randint(1, 6)):
            position = rng.randrange(len(data))
            match rng.randrange(3):
                case 0:
                    data[position] = rng.randrange(256)
                case 1:
                    del data[position : position + rng.randint(1, 30)]
                case 2:
                    data[position:position] = rng.randbytes(rng.randint(1, 9))
            data = data or bytearray(b"\0")
        attempt(bytes(data))


@pytest.mark.parametrize("length", range(0, len(VALID), 7))
def test_every_cut_off_message_is_refused(length):
    with pytest.raises(SerializationError):
        unpack(VALID[:length])


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.text(max_size=5), st.fixed_dictionaries({
    "dtype": st.sampled_from(["F32", "I64", "BOOL", "F8_E4M3", "X", "U64"]),
    "shape": st.lists(st.sampled_from([0, 1, 2, -1, 2**31, 2**62, 2**64]), max_size=4),
    "data_offsets": st.lists(st.sampled_from([0, 4, 8, 2**63, -1]), max_size=3)}), max_size=3))
def test_forged_headers_of_tensors_raise_nothing_but_wire_errors(header):
    head = json.dumps(header).encode()
    attempt(message({"list": [{"tensor": key} for key in header]},
                    len(head).to_bytes(8, "little") + head + bytes(8)))
