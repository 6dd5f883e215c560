"""The table of functions that may stand between the layers of a file."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

import kgc
from kgc.frontend import ops
from kgc.frontend.saving.op_names import BY_CLASS, BY_FUNCTION

# Public functions that make no call node between layers, and those for which Keras has no class.
NO_NODE = {"arange", "convert_to_numpy", "convert_to_tensor", "eye", "full", "is_tensor", "ones", "shape", "zeros"}
NO_CLASS = {"mish"}
VARIADIC = {"einsum"}  # Keras's takes its operands one by one


def function(name: str) -> Any:
    return kgc.activations.relu if name == "activations.relu" else getattr(ops, name)


def test_every_public_function_has_a_row() -> None:
    public = {name for name in kgc.ops.__all__ if callable(getattr(kgc.ops, name))}
    rows = {"get_item" if name == "getitem" else name for name in BY_FUNCTION if "." not in name}
    missing = {n for n in public if n not in rows} - NO_NODE - NO_CLASS - VARIADIC
    assert not missing


@pytest.mark.parametrize("name", BY_FUNCTION)
def test_keys_are_parameters_of_the_function(name: str) -> None:
    row = BY_FUNCTION[name]
    parameters = inspect.signature(function(name)).parameters
    assert set(row.keys) <= set(parameters)
    assert not set(row.fixed) & set(parameters)


def test_a_class_means_one_function() -> None:
    assert BY_CLASS["keras.src.ops.numpy", "Absolute"].function == "absolute"
    assert BY_CLASS["keras.src.ops.nn", "Silu"].function == "silu"
    assert len(BY_CLASS) == len({(row.module, row.class_name) for row in BY_FUNCTION.values()})


X, Y = (2, 4, 4, 3), (4, 3)
CALLS: dict[str, tuple[Any, ...]] = {
    "cast": ("x", "float16"), "unstack": ("x", 4, 1), "average_pool": ("x", 2), "max_pool": ("x", 2),
    "batch_normalization": ("x", "c", "c", -1), "binary_crossentropy": ("x", "x"), "conv": ("x", "k"),
    "categorical_crossentropy": ("x", "x"), "sparse_categorical_crossentropy": ("i", "x"), "moments": ("x", (0, 1)),
    "one_hot": ("i", 3), "norm": ("x",), "broadcast_to": ("c", (5, 3)), "clip": ("x", 0.0, 1.0),
    "concatenate": (["x", "x"],), "stack": (["x", "x"],), "expand_dims": ("x", 1), "full_like": ("x", 2.0),
    "getitem": ("x", (slice(None), 0)), "pad": ("x", ((0, 0), (1, 1), (0, 0), (0, 0))), "repeat": ("x", 2, 1),
    "reshape": ("x", (2, -1)), "split": ("x", 2, 1), "swapaxes": ("x", 1, 2), "take": ("x", "j", 1),
    "take_along_axis": ("x", "i4", 1), "tile": ("x", (1, 2, 1, 1)), "where": ("b", "x", "x"), "squeeze": ("s",),
    "logical_and": ("b", "b"), "logical_or": ("b", "b"), "logical_xor": ("b", "b"), "logical_not": ("b",),
    "matmul": ("x", "x2"), "top_k": ("x", 2), "dot_product_attention": ("x", "x", "x"), "layer_normalization": ("x",),
    "conv_transpose": ("x", "kt"),
}  # fmt: skip
TENSORS = {
    "x": (X, "float32"), "c": ((3,), "float32"), "k": ((2, 2, 3, 5), "float32"), "i": (X[:3], "int32"),
    "j": ((2,), "int32"), "i4": (X, "int32"), "b": (X, "bool"), "s": ((2, 1, 3), "float32"), "x2": ((3, 5), "float32"),
    "kt": ((2, 2, 5, 3), "float32"),
}  # fmt: skip


def arguments(name: str, tensor: Any) -> tuple[Any, ...]:
    """What to call a function on: tensors in the place of their names."""
    given = CALLS.get(name)
    if given is None:
        count = len([p for p in inspect.signature(function(name)).parameters if p in ("x", "x1", "x2", "variable")])
        given = ("x",) * count

    def filled(value: Any) -> Any:
        if isinstance(value, list):
            return [filled(item) for item in value]
        return tensor(*TENSORS[value]) if isinstance(value, str) and value in TENSORS else value

    return tuple(filled(value) for value in given)


@pytest.mark.keras
@pytest.mark.parametrize("name", BY_FUNCTION)
@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
def test_the_row_is_what_keras_writes(keras: Any, name: str) -> None:
    row = BY_FUNCTION[name]
    theirs = keras.activations.relu if "." in name else getattr(keras.ops, {"getitem": "get_item"}.get(name, name))
    made = theirs(*arguments(name, lambda shape, dtype: keras.KerasTensor(shape, dtype)))
    first = made[0] if isinstance(made, list | tuple) else made
    operation = first._keras_history.operation
    config = keras.saving.serialize_keras_object(operation)
    assert (config["module"], config["class_name"], config["registered_name"]) == (
        row.module, row.class_name, row.class_name,
    )  # fmt: skip
    assert set(config["config"]) == {"name", *row.keys, *row.fixed}
    assert {key: config["config"][key] for key in row.fixed} == row.fixed


@pytest.mark.parametrize("name", [name for name in BY_FUNCTION if "." not in name])
def test_a_call_goes_through_a_config(name: str) -> None:
    inputs: list[Any] = []

    def tensor(shape: tuple[int, ...], dtype: str) -> Any:
        inputs.append(kgc.Input(batch_shape=shape, dtype=dtype, name=f"in_{len(inputs)}"))
        return inputs[-1]

    outputs = function(name)(*arguments(name, tensor))
    model = kgc.Model(inputs, outputs)
    config = model.get_config()
    again = kgc.Model.from_config(config)
    assert again.get_config() == config
    assert [(t.shape, t.dtype) for t in again.outputs] == [(t.shape, t.dtype) for t in model.outputs]
    assert str(again.graph()).count("\n") == str(model.graph()).count("\n")
