"""Embedding and Masking: tables, masks, integers out of range, and what the layers after them see."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..case import case
from ..draws import Draws
from ..probing import add_layer, change, linear_loss

Numbers = Callable[[Draws], np.ndarray]


def add_embedding(name: str, numbers: Numbers, dtype: str = "int32", **options: Any) -> None:
    """Register an Embedding: outputs for given integers, and the table's gradient by one step of SGD."""

    @case(f"embedding/{name}")
    def run(keras: Any, draws: Draws) -> dict[str, Any]:
        x = numbers(draws).astype(dtype)
        inputs = keras.Input(shape=x.shape[1:], dtype=dtype)
        layer = keras.layers.Embedding(7, 3, **options)
        model = keras.Model(inputs, layer(inputs))
        before = draws.fill(layer)[0]
        found = {"output": model(x), "predict": model.predict(x, verbose=0)}
        model.compile(optimizer=keras.optimizers.SGD(learning_rate=1.0), loss=linear_loss(keras))
        model.fit(x, draws.uniform(*x.shape, 3), batch_size=len(x), epochs=1, shuffle=False, verbose=0)
        return found | {"gradient": change(before, layer.get_weights()[0])}


def table(draws: Draws) -> np.ndarray:
    return draws.integers(7, 4, 5)


def flat(draws: Draws) -> np.ndarray:
    return draws.integers(7, 6)


def cube(draws: Draws) -> np.ndarray:
    return draws.integers(7, 2, 3, 4)


def repeated(draws: Draws) -> np.ndarray:
    """The same row many times: gradients add up."""
    return draws.integers(2, 16, 8)


def negative(draws: Draws) -> np.ndarray:
    return draws.integers(14, 4, 5) - 7


add_embedding("table", table)
add_embedding("flat", flat)
add_embedding("cube", cube)
add_embedding("repeated", repeated)
add_embedding("negative", negative)
add_embedding("floats", table, "float32")
add_embedding("bytes", table, "uint8")
add_embedding("mask_zero", table, mask_zero=True)
add_embedding("regularized", table, embeddings_regularizer="l2")
add_embedding("constrained", table, embeddings_constraint="non_neg")


@case("embedding/cut_off")
def cut_off(keras: Any, draws: Draws) -> dict[str, Any]:
    """Floats lose what follows the point, towards zero."""
    layer = keras.layers.Embedding(7, 3)
    x = draws.uniform(4, 5, low=-0.9, high=6.9)
    layer(x)
    draws.fill(layer)
    return {"output": layer(x)}


@case("embedding/out_of_range")
def out_of_range(keras: Any, draws: Draws) -> dict[str, Any]:
    """Rows that do not exist are NaN."""
    layer = keras.layers.Embedding(7, 3)
    x = np.array([[0, 6, 7, -1, -7, -8, 100]], "int32")
    layer(x)
    draws.fill(layer)
    return {"output": layer(x)}


@case("embedding/given_weights")
def given_weights(keras: Any, draws: Draws) -> dict[str, Any]:
    """A table may be given to the constructor."""
    values = draws.uniform(7, 3)
    layer = keras.layers.Embedding(7, 3, weights=[values])
    return {"output": layer(table(draws)), "weight": layer.get_weights()[0]}


@case("embedding/masked_loss")
def masked_loss(keras: Any, draws: Draws) -> dict[str, Any]:
    """The mask reaches the loss through layers that pass it on."""
    inputs = keras.Input(shape=(5,), dtype="int32")
    layer = keras.layers.Embedding(4, 3, mask_zero=True)
    model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.LayerNormalization()(layer(inputs))))
    draws.fill(model)
    model.compile(optimizer=keras.optimizers.SGD(learning_rate=0.1), loss="mse")
    x, y = draws.integers(4, 8, 5), draws.uniform(8, 5, 2)
    found: dict[str, Any] = {"loss": model.evaluate(x, y, batch_size=8, verbose=0)}
    model.fit(x, y, batch_size=8, epochs=1, shuffle=False, verbose=0)
    return found | {f"weight.{i}": w for i, w in enumerate(model.get_weights())}


def add_masking(name: str, shape: tuple[int, ...], value: float) -> None:
    """Register a Masking: what it gives, and its mask, for steps of which some hold the value alone."""

    @case(f"embedding/masking_{name}")
    def run(keras: Any, draws: Draws) -> dict[str, Any]:
        x = draws.uniform(*shape)
        x[draws.integers(2, *shape[:-1]) == 0] = value
        x[..., 0] = value  # one feature alone does not make a step nothing
        layer = keras.layers.Masking(mask_value=value)
        return {"output": layer(x), "mask": np.asarray(layer.compute_mask(keras.ops.convert_to_tensor(x)))}


add_masking("zero", (3, 5, 4), 0.0)
add_masking("number", (3, 5, 4), -1.25)
add_masking("table", (6, 4), 0.0)
add_masking("cube", (2, 3, 4, 5), 2.0)
add_layer("embedding/masking_layer", lambda keras: keras.layers.Masking(), (3, 5, 4))
