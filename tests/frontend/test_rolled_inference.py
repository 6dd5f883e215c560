"""Rolled inference: normalizations folded first, weights stacked once, and what is stored where."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import kgc
from kgc import layers

RANDOM = np.random.default_rng(3)


def normalized(kind: str, depth: int = 5) -> tuple[kgc.Model, np.ndarray]:
    """Residual blocks whose batch normalization is folded into what stands before it."""
    shape = (6,) if kind == "dense" else (5, 5, 4)
    x = y = kgc.Input(shape)
    for i in range(depth):
        one = layers.Dense(6, name=f"a{i}") if kind == "dense" else layers.Conv2D(4, 3, padding="same", name=f"a{i}")
        h = layers.ReLU(name=f"relu{i}")(layers.BatchNormalization(name=f"bn{i}")(one(y)))
        y = layers.add([y, h], name=f"add{i}")
    model = kgc.Model(x, layers.Dense(2, name="head")(layers.Flatten()(y)))
    model.set_weights([np.abs(RANDOM.normal(size=v.shape)) + 0.3 for v in model.weights])
    return model, RANDOM.normal(size=(3, *shape)).astype("float32")


def rolled(model: kgc.Model, what: str = "predict") -> bool:
    return any("blocks of" in note and "not rolled" not in note for note in model.decisions()[what])


@pytest.mark.parametrize("kind", ["dense", "conv"])
def test_normalizations_are_folded_and_then_rolled(kind: str) -> None:
    model, x = normalized(kind)
    twin, _ = normalized(kind)
    twin.set_weights(model.get_weights())
    model.compile("sgd", "mse", roll="always")
    twin.compile("sgd", "mse", roll="never")
    np.testing.assert_allclose(model.predict(x, verbose=0), twin.predict(x, verbose=0), rtol=2e-5)
    assert rolled(model)
    program = model.program(False)
    assert "batch_normalization" not in str(program.graph) and not rolled(twin)
    # The stacks that were made follow the weights, also when these are stored as stacks.
    changed = [value * 1.1 for value in model.get_weights()]
    for one in (model, twin):
        one.set_weights(changed)
    np.testing.assert_allclose(model.predict(x, verbose=0), twin.predict(x, verbose=0), rtol=2e-5)
    y = np.ones((3, 2), "float32")
    for one in (model, twin):
        one.compile(kgc.optimizers.SGD(1e-3), "mse", roll=one.roll)
        one.fit(x, y, verbose=0, shuffle=False)
    assert rolled(model, "train") and model.weights[0].index == 0
    np.testing.assert_allclose(model.predict(x, verbose=0), twin.predict(x, verbose=0), rtol=1e-3)
    assert model.program(False).graph.params


def test_what_was_folded_is_made_once() -> None:
    model, x = normalized("dense")
    model.compile("sgd", "mse", roll="always")
    model.predict(x, verbose=0)
    program = model.program(False)
    made = program.arrays()[1]
    model.predict(x, verbose=0)
    assert all(a is b for a, b in zip(made, program.arrays()[1], strict=True))
    model.layers[1].set_weights([2 * value for value in model.layers[1].get_weights()])
    assert not all(a is b for a, b in zip(made, program.arrays()[1], strict=True))


def chain(depth: int = 60) -> kgc.Model:
    x = y = kgc.Input((6,))
    for i in range(depth):
        y = layers.Dense(6, activation="tanh", name=f"d{i}")(y)
    return kgc.Model(x, y)


def test_a_model_that_is_not_compiled_holds_its_weights_once() -> None:
    model, x = chain(), RANDOM.normal(size=(3, 6)).astype("float32")
    before = model.get_weights()
    expected = x
    for kernel, bias in zip(before[::2], before[1::2], strict=True):
        expected = np.tanh(expected @ kernel + bias)
    np.testing.assert_allclose(model(x), expected, rtol=1e-4, atol=1e-6)
    assert rolled(model) and model.weights[0].index == 0
    assert not model.program(None)._copied
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_step_without_loops_takes_stacks_apart() -> None:
    model, x = chain(), RANDOM.normal(size=(3, 6)).astype("float32")
    first = np.asarray(model(x))
    assert model.weights[0].index == 0
    model.compile(kgc.optimizers.SGD(0.0), "mse", roll="never")
    model.fit(x, x, verbose=0)
    assert model.weights[0].index is None
    np.testing.assert_allclose(model.predict(x, verbose=0), first, rtol=1e-5, atol=1e-7)


def test_two_models_that_overlap_share_what_is_stored() -> None:
    model, x = chain(), RANDOM.normal(size=(3, 6)).astype("float32")
    half = kgc.Model(model.input, model.layers[30].output)
    a: Any = np.asarray(half(x))
    whole = np.asarray(model(x))
    np.testing.assert_allclose(half(x), a, rtol=1e-6)
    np.testing.assert_allclose(model(x), whole, rtol=1e-6)
    model.set_weights([value * 0.5 for value in model.get_weights()])
    assert not np.allclose(half(x), a) and not np.allclose(model(x), whole)


def test_what_repeats_is_not_compiled_as_a_whole() -> None:
    few, _ = normalized("dense", 3)
    many, x = normalized("dense", 20)
    for model in (few, many):
        model.compile("sgd", "mse", roll="always")
    assert hasattr(few.program(False)._transformed, "lower")  # one jitted function
    assert not hasattr(many.program(False)._transformed, "lower")
    assert np.isfinite(many.predict(x, verbose=0)).all()
