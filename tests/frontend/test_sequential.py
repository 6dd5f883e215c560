"""`Sequential`: a list of layers, built at once with an `Input`, else by the first data."""

from __future__ import annotations

import numpy as np
import pytest

import kgc
from kgc import layers
from kgc.compiler.errors import ArgumentError, GraphError

X = np.arange(12, dtype="float32").reshape(3, 4)
Y = np.ones((3, 2), "float32")


def test_with_an_input_it_is_built_at_once() -> None:
    model = kgc.Sequential([kgc.Input((4,)), layers.Dense(3, activation="relu"), layers.Dense(2)])
    assert model.built and len(model.weights) == 4 and model.output_shape == (None, 2)
    assert [type(layer).__name__ for layer in model.layers] == ["Dense", "Dense"]
    first, second = model.layers
    expected = np.maximum(X @ first.kernel.numpy(), 0) @ second.kernel.numpy()
    np.testing.assert_allclose(np.asarray(model(X)), expected, rtol=1e-5)
    np.testing.assert_allclose(model.predict(X, verbose=0), expected, rtol=1e-5)


@pytest.mark.parametrize("way", ["call", "build", "fit", "predict", "symbolic"])
def test_without_one_it_is_built_by_what_it_sees(way: str) -> None:
    model = kgc.Sequential([layers.Dense(3), layers.Dropout(0.5), layers.Dense(2)])
    assert not model.built and model.weights == []
    model.compile("sgd", "mse")
    if way == "call":
        model(X)
    elif way == "build":
        model.build((None, 4))
    elif way == "fit":
        model.fit(X, Y, verbose=0)
    elif way == "predict":
        model.predict(X, verbose=0)
    else:
        model(kgc.Input((4,)))
    assert model.built and len(model.weights) == 4 and model.layers[0].kernel.shape == (4, 3)
    weights = model.weights
    model.fit(X, Y, verbose=0)
    model(X[:1])
    assert all(a is b for a, b in zip(weights, model.weights, strict=True))


def test_adding_and_removing() -> None:
    model = kgc.Sequential(name="s")
    model.add(kgc.Input((4,)))
    model.add(layers.Dense(3, name="a"))
    kernel = model.layers[0].kernel
    model.add(layers.Dense(2, name="b"))
    assert model.output_shape == (None, 2) and model.layers[0].kernel is kernel
    assert model.pop().name == "b" and model.output_shape == (None, 3)
    assert np.asarray(model(X)).shape == (3, 3)
    with pytest.raises(GraphError, match="a layer named 'a' already"):
        model.add(layers.Dense(2, name="a"))
    with pytest.raises(ArgumentError, match="an Input only as the first"):
        model.add(kgc.Input((4,)))
    with pytest.raises(ArgumentError, match="takes layers"):
        model.add(lambda x: x)


def test_inside_other_models() -> None:
    inner = kgc.Sequential([layers.Dense(3), layers.BatchNormalization()])
    inputs = kgc.Input((4,))
    model = kgc.Model(inputs, layers.Dense(2)(inner(inputs)))
    assert len(model.weights) == 8 and model.layers[1] is inner
    stacked = kgc.Sequential([kgc.Input((4,)), inner, layers.Dense(2)])
    stacked.compile("sgd", "mse")
    before = inner.get_weights()
    stacked.fit(X, Y, verbose=0)
    assert not np.array_equal(before[0], inner.get_weights()[0])
    np.testing.assert_allclose(
        np.asarray(kgc.Model(inputs, inner.layers[0](inputs))(X)), X @ inner.get_weights()[0], rtol=1e-5
    )
