"""`Layer`: names, weights, freezing, and calls on arrays, symbolic tensors and inside other layers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import kgc
from kgc import layers, ops
from kgc.compiler.errors import ArgumentError, GraphError, ShapeError

X = np.arange(8, dtype="float32").reshape(2, 4)


class Scale(layers.Layer):
    """x · w + b, with b as state."""

    def build(self, input_shape: Any) -> None:
        self.w = self.add_weight((input_shape[-1],), "ones", name="w")
        self.b = self.add_weight((), "zeros", trainable=False, name="b")

    def call(self, x: Any) -> Any:
        return x * self.w + self.b


def test_a_layer_on_arrays_builds_and_runs() -> None:
    layer = Scale(name="scale")
    assert not layer.built and layer.weights == []
    np.testing.assert_array_equal(np.asarray(layer(X)), X)
    assert layer.built and [v.path for v in layer.weights] == ["scale/w", "scale/b"]
    assert layer.trainable_weights == [layer.w] and layer.non_trainable_weights == [layer.b]
    layer.w.assign(np.full(4, 2.0))
    layer.b.assign(1.0)
    np.testing.assert_array_equal(np.asarray(layer(X)), 2 * X + 1)
    np.testing.assert_array_equal(np.asarray(layer(X[:1])), 2 * X[:1] + 1)
    assert layer.count_params() == 5


def test_names_are_counted_and_checked() -> None:
    first, second = Scale(), Scale()
    assert first.name.startswith("scale") and first.name != second.name
    for name in ("a/b", "", 3):
        with pytest.raises(ArgumentError, match="name"):
            Scale(name=name)
    with pytest.raises(ArgumentError, match="does not have the argument 'unit'"):
        layers.Dense(3, unit=2)


def test_weights_go_in_all_or_none() -> None:
    layer = Scale()
    layer(X)
    with pytest.raises(ShapeError, match="has shape"):
        layer.set_weights([np.zeros(4), np.zeros(3)])
    assert layer.w.numpy().all()
    with pytest.raises(ShapeError, match="has 2 weights and was given 1"):
        layer.set_weights([np.zeros(4)])
    layer.set_weights([np.zeros(4), 5.0])
    assert [value.tolist() for value in layer.get_weights()] == [[0.0] * 4, 5.0]


def test_freezing_reaches_sublayers() -> None:
    class Outer(layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.inner = [Scale(), {"x": Scale()}]

        def call(self, x: Any) -> Any:
            return self.inner[1]["x"](self.inner[0](x))

    outer = Outer()
    outer(X)
    assert len(outer.weights) == 4 and len(outer.trainable_weights) == 2
    outer.trainable = False
    assert outer.trainable_weights == [] and not outer.inner[0].trainable and len(outer.non_trainable_weights) == 4
    outer.inner[0].trainable = True
    assert outer.trainable_weights == []  # what is frozen around it stays so
    outer.trainable = True
    assert len(outer.trainable_weights) == 2


def test_a_shared_weight_is_listed_once() -> None:
    class Tied(layers.Layer):
        def __init__(self, owner: Any) -> None:
            super().__init__()
            self.owner, self.kernel = owner, owner.w

        def call(self, x: Any) -> Any:
            return self.owner(x) * self.kernel

    owner = Scale()
    owner(X)
    tied = Tied(owner)
    tied(X)
    assert [v.path for v in tied.weights] == [f"{owner.name}/w", f"{owner.name}/b"]


def test_keyword_nested_and_optional_arguments() -> None:
    class Many(layers.Layer):
        def call(self, pair: Any, scale: float = 1.0, shift: Any = None) -> Any:
            total = pair["a"] * scale + pair["b"][0]
            return {"sum": total if shift is None else total + shift, "a": pair["a"]}

    layer = Many()
    out = layer({"a": X, "b": [X]}, scale=3.0)
    assert list(out) == ["sum", "a"]
    np.testing.assert_array_equal(np.asarray(out["sum"]), 4 * X)
    a, b = kgc.Input((4,)), kgc.Input((4,))
    symbolic = layer({"a": a, "b": [b]}, shift=b)
    model = kgc.Model([a, b], symbolic)
    np.testing.assert_array_equal(np.asarray(model([X, X])["sum"]), 3 * X)
    assert [tensor.shape for tensor in (symbolic["sum"], symbolic["a"])] == [(None, 4)] * 2


def test_losses_of_a_call() -> None:
    class Adds(Scale):
        def call(self, x: Any) -> Any:
            self.add_loss(ops.sum(x))
            return super().call(x)

    layer = Adds()
    layer(X)
    assert [float(value) for value in layer.losses] == [28.0]
    layer(X[:1])
    assert [float(value) for value in layer.losses] == [6.0]
    dense = layers.Dense(2, kernel_regularizer="l2", activity_regularizer="l1")
    y = np.asarray(dense(X))
    expected = [0.01 * np.abs(y).sum() / 2, 0.01 * (dense.kernel.numpy() ** 2).sum()]
    np.testing.assert_allclose([float(value) for value in dense.losses], expected, rtol=1e-5)


def test_dtypes() -> None:
    layer = layers.Dense(2, dtype="bfloat16")
    assert np.asarray(layer(X)).dtype.name == layer.kernel.dtype == "bfloat16"
    mixed = layers.Dense(2, dtype="mixed_bfloat16")
    assert np.asarray(mixed(X)).dtype.name == "bfloat16" and mixed.kernel.dtype == "float32"
    assert layers.Dense(2)(X.astype("float64")).dtype.name == "float32"


def test_what_it_refuses() -> None:
    class NoSuper(layers.Layer):
        def __init__(self) -> None:
            self.x = 1

        def call(self, x: Any) -> Any:
            return x

    with pytest.raises(GraphError, match="did not call `super"):
        NoSuper()(X)
    with pytest.raises(GraphError, match="has no `call` method"):
        layers.Layer()(X)
    with pytest.raises(ShapeError, match="known sizes for its weight"):
        layers.Layer().add_weight((None, 3))
    with pytest.raises(GraphError, match="has no input"):
        _ = layers.Dense(2).input
    with pytest.raises(GraphError, match="outside `call`"):
        layers.Layer().add_loss(1.0)

    class Strings(layers.Layer):
        def call(self, x: Any) -> Any:
            return "text"

    with pytest.raises(GraphError, match="must return tensors"):
        Strings()(X)
