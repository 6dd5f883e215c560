"""The part of the call graph between inputs and outputs: which layers, in which order."""

from __future__ import annotations

import numpy as np
import pytest

import kgc
from kgc import layers
from kgc.compiler.errors import GraphError


def names(model: object) -> list[str]:
    return [layer.name for layer in model.layers]  # type: ignore[attr-defined]


def test_layers_stand_by_depth_as_in_keras() -> None:
    a, b = kgc.Input((2,), name="a"), kgc.Input((2,), name="b")
    deep = layers.Dense(2, name="d2")(layers.Dense(2, name="d1")(a))
    short = layers.Dense(2, name="s")(b)
    model = kgc.Model([a, b], layers.Add(name="sum")([deep, short]))
    assert names(model) == ["a", "d1", "b", "d2", "s", "sum"]  # as real Keras 3.15.1 lists them


def test_only_what_lies_between() -> None:
    x = kgc.Input((2,), name="x")
    first = layers.Dense(2, name="first")(x)
    second = layers.Dense(2, name="second")(first)
    layers.Dense(2, name="aside")(first)
    assert names(kgc.Model(x, second)) == ["x", "first", "second"]
    middle = kgc.Model(first, second)
    assert [layer.name for layer in middle.layers if layer.name != "first"][-1] == "second"
    data = np.ones((1, 2), "float32")
    np.testing.assert_allclose(np.asarray(middle(data)), data @ middle.get_layer("second").kernel.numpy(), rtol=1e-6)


def test_an_input_may_be_an_output() -> None:
    x = kgc.Input((2,), name="x")
    model = kgc.Model(x, [x, layers.Dense(1)(x)])
    data = np.ones((3, 2), "float32")
    np.testing.assert_array_equal(np.asarray(model(data)[0]), data)
    np.testing.assert_array_equal(model.predict(data, verbose=0)[0], data)


def test_a_diamond_of_many_levels_is_walked_once() -> None:
    x = kgc.Input((2,))
    y = x
    for _ in range(60):  # 2**60 paths
        y = layers.Add()([y, y])
    model = kgc.Model(x, y)
    assert len(model.layers) == 61
    assert float(np.asarray(model(np.ones((1, 2), "float32")))[0, 0]) == 2.0**60


def test_what_is_missing_is_named() -> None:
    a, b = kgc.Input((2,), name="a"), kgc.Input((2,), name="b")
    with pytest.raises(GraphError, match="needs the input 'b'") as caught:
        kgc.Model(a, layers.Add()([a, b]))
    assert "test_subgraph.py" in str(caught.value)
