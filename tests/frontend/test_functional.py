"""`Model(inputs, outputs)`: structure, sharing, nesting, and calls on arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import kgc
from kgc import layers
from kgc.compiler.errors import DataError, GraphError, ShapeError

X = np.arange(12, dtype="float32").reshape(3, 4)


def test_layers_shapes_and_names() -> None:
    inputs = kgc.Input((4,), name="x")
    hidden = layers.Dense(3, name="hidden")(inputs)
    model = kgc.Model(inputs, layers.Dense(2, name="out")(hidden), name="net")
    assert [layer.name for layer in model.layers] == ["x", "hidden", "out"]
    assert model.input_shape == (None, 4) and model.output_shape == (None, 2)
    assert model.input_names == ["x"] and model.output_names == ["out"] and model.name == "net"
    assert model.get_layer("hidden") is model.layers[1] and model.get_layer(index=2).name == "out"
    part = kgc.Model(inputs, hidden)  # a second model over part of the first
    np.testing.assert_array_equal(np.asarray(part(X)), X @ model.layers[1].kernel.numpy())


@pytest.mark.parametrize("kind", ["list", "tuple", "dict", "nested"])
def test_structures_come_out_as_they_went_in(kind: str) -> None:
    a, b = kgc.Input((4,), name="a"), kgc.Input((4,), name="b")
    s, d = layers.Add()([a, b]), layers.Subtract()([a, b]) if hasattr(layers, "Subtract") else a - b
    structures: dict[str, tuple[Any, Any]] = {
        "list": ([a, b], [s, d]),
        "tuple": ((a, b), (s, d)),
        "dict": ({"q": b, "p": a}, {"z": s, "y": d}),
        "nested": ([a, {"r": b}], {"z": [s], "y": (d,)}),
    }
    model = kgc.Model(*structures[kind])
    given: dict[str, Any] = {
        "list": [X, 2 * X],
        "tuple": (X, 2 * X),
        "dict": {"p": X, "q": 2 * X},
        "nested": [X, {"r": 2 * X}],
    }
    for outputs in (model(given[kind]), model.predict(given[kind], verbose=0)):
        if kind == "dict":
            assert list(outputs) == ["z", "y"]  # the user's order
            total, difference = outputs["z"], outputs["y"]
        elif kind == "nested":
            (total,), (difference,) = outputs["z"], outputs["y"]
        else:
            total, difference = outputs
        np.testing.assert_array_equal(np.asarray(total), 3 * X)
        np.testing.assert_array_equal(np.asarray(difference), -X)
    np.testing.assert_array_equal(np.asarray(kgc.Model([a, b], s)({"b": X, "a": X})), 2 * X)


def test_shared_layers_and_nested_models() -> None:
    inner_input = kgc.Input((4,))
    shared = layers.Dense(4, use_bias=False)
    inner = kgc.Model(inner_input, shared(inner_input))
    inputs = kgc.Input((4,))
    outer = kgc.Model(inputs, inner(shared(inputs)) + inner(inputs))
    kernel = shared.kernel.numpy()
    np.testing.assert_allclose(np.asarray(outer(X)), X @ kernel @ kernel + X @ kernel, rtol=1e-5)
    assert outer.weights == [shared.kernel] and len(shared.inbound_nodes) == 2
    assert sum(line.startswith("  param") for line in str(outer.graph()).splitlines()) == 1


def test_operators_and_functions_between_layers() -> None:
    from kgc import ops

    x = kgc.Input((4,))
    y = ops.relu(-((x[:, 1:] * 2.0 - 1.0) ** 2) + 3.0) @ np.ones((3, 1), "float32")
    model = kgc.Model(x, y)
    expected = np.maximum(-((X[:, 1:] * 2 - 1) ** 2) + 3, 0) @ np.ones((3, 1))
    np.testing.assert_allclose(np.asarray(model(X)), expected, rtol=1e-6)


def test_calls_on_arrays_of_any_batch_and_dtype() -> None:
    x = kgc.Input((4,))
    model = kgc.Model(x, layers.Dense(2)(x))
    whole = np.asarray(model(X))
    for _ in range(3):  # the second call takes the short way
        np.testing.assert_allclose(np.asarray(model(X[:1])), whole[:1], rtol=1e-6)
    np.testing.assert_allclose(np.asarray(model(X.astype("float64"))), whole, rtol=1e-6)
    np.testing.assert_allclose(np.asarray(model(X.astype("int32"))), whole, rtol=1e-6)
    model.layers[1].bias.assign([1.0, 2.0])
    np.testing.assert_allclose(np.asarray(model(X)), whole + np.array([1.0, 2.0]), rtol=1e-6)
    with pytest.raises(ShapeError, match="has shape"):
        model(X[:, :3])
    with pytest.raises(DataError, match="takes 1 input"):
        model([X, X])


def test_a_frozen_batch_norm_is_seen_by_the_short_way() -> None:
    class Follows(layers.Layer):
        def call(self, x: Any) -> Any:
            return x * (1.0 if self.trainable else 0.0)

    x = kgc.Input((4,))
    layer = Follows()
    model = kgc.Model(x, layer(x))
    for value in (True, False, True):
        layer.trainable = value
        for _ in range(2):
            assert bool(np.asarray(model(X)).any()) is value


def test_an_untrainable_model() -> None:
    x = kgc.Input((4,))
    model = kgc.Model(x, layers.Dense(2)(x), trainable=False)
    assert model.trainable_weights == [] and not model.layers[1].trainable


def test_what_it_refuses() -> None:
    a, b = kgc.Input((4,)), kgc.Input((4,))
    with pytest.raises(GraphError, match=r"do not depend on its inputs|needs the input"):
        kgc.Model(a, layers.Dense(2)(b))
    with pytest.raises(GraphError, match="one input twice"):
        kgc.Model([a, a], layers.Dense(2)(a))
    with pytest.raises(GraphError, match="two layers named 'd'"):
        kgc.Model(a, layers.Dense(2, name="d")(layers.Dense(2, name="d")(a)))
    with pytest.raises(GraphError, match="takes symbolic tensors"):
        kgc.Model(X, layers.Dense(2)(a))
    with pytest.raises(GraphError, match="no outputs"):
        kgc.Model(a, [])
