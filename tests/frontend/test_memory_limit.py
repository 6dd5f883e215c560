"""`compile(memory_limit=…)`: the same training in less memory, checked by XLA's analysis before the first step."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import kgc
from kgc import layers, optimizers
from kgc.compiler.errors import ArgumentError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 16)).astype("float32")
Y = X[:, :2]


def blocks(count: int = 12, *, norm: bool = False, drop: bool = False) -> kgc.Model:
    """Residual blocks; the same weights at each call."""
    kgc.utils.set_random_seed(5)
    x = y = kgc.Input((16,))
    for i in range(count):
        h = layers.Dense(16, activation="tanh", name=f"in{i}")(y)
        if norm:
            h = layers.BatchNormalization(name=f"bn{i}")(h)
        if drop:
            h = layers.Dropout(0.3, name=f"drop{i}")(h)
        y = layers.add([y, layers.Dense(16, name=f"out{i}")(h)], name=f"add{i}")
    return kgc.Model(x, layers.Dense(2, name="head")(y))


def trained(model: kgc.Model, limit: Any, roll: str = "never", epochs: int = 2, **kwargs: Any) -> list[float]:
    model.compile(optimizers.SGD(0.01, momentum=0.9), "mse", roll=roll, memory_limit=limit, **kwargs)
    kgc.utils.set_random_seed(9)
    return model.fit(X, Y, epochs=epochs, batch_size=128, verbose=0, shuffle=False).history["loss"]


def lines(model: kgc.Model) -> list[str]:
    return [note for note in model.decisions()["train"] if note.startswith("rematerialize:")]


def ir(model: kgc.Model) -> str:
    """Of the step that `fit` ran."""
    (step,) = [program for key, program in model.__dict__["_steps"].items() if key[0] == "train"]
    return str(step.graph)


def needs(note: str) -> float:
    found = re.search(r"needs ([\d.]+) ([KM])B of", note)
    assert found is not None, note
    return float(found.group(1)) * {"K": 1e3, "M": 1e6}[found.group(2)]


def same(a: kgc.Model, b: kgc.Model) -> None:
    for mine, other in zip(a.get_weights(), b.get_weights(), strict=True):
        np.testing.assert_allclose(mine, other, atol=2e-5)


@pytest.mark.parametrize("roll", ["never", "always"])
@pytest.mark.parametrize("kind", [{}, {"norm": True, "drop": True}], ids=["plain", "normalized, dropped"])
def test_training_is_the_same_in_less_memory(roll: str, kind: dict[str, bool]) -> None:
    plain = blocks(6, **kind)
    losses = trained(plain, "1GB", roll)
    free = needs(lines(plain)[0])
    small = blocks(6, **kind)
    np.testing.assert_allclose(trained(small, int(0.75 * free), roll), losses, rtol=2e-5)
    same(small, plain)
    full, ragged = lines(small)
    assert "computes again" in full and needs(full) <= 0.75 * free
    assert "float32[44, 16]" in ragged and needs(ragged) < needs(full)
    assert "computes nothing again" in lines(plain)[0]


def test_the_graph_shows_what_is_computed_again() -> None:
    model = blocks()
    trained(model, 250_000, epochs=1)
    assert "checkpoint(body=@segment" in ir(model)
    rolled = blocks()
    trained(rolled, 250_000, "always", epochs=1)
    assert "a loop of 12" in lines(rolled)[0] and "checkpoint=(" in ir(rolled)


def test_a_limit_that_cannot_be_met_raises_before_the_first_step() -> None:
    model = blocks(6)
    before = model.get_weights()
    with pytest.raises(ArgumentError) as caught:
        trained(model, "60KB")
    text = str(caught.value)
    assert "a training step on float32[128, 16], float32[128, 2] does not fit into memory_limit=60 KB" in text
    assert "by XLA" in text or "alone" in text
    for mine, other in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(mine, other)
    trained(model, "10MB", epochs=1)  # and nothing is broken


def test_a_larger_batch_is_checked_again() -> None:
    model = blocks(6)
    model.compile("sgd", "mse", memory_limit="70KB", roll="never")
    model.train_on_batch(X[:32], Y[:32])
    assert len(lines(model)) == 1
    model.train_on_batch(X[:32], Y[:32])
    assert len(lines(model)) == 1
    with pytest.raises(ArgumentError, match="does not fit"):
        model.train_on_batch(X, Y)
    model.train_on_batch(X[:32], Y[:32])


def test_steps_in_one_program() -> None:
    a, b = blocks(6), blocks(6)
    losses = trained(a, None, steps_per_execution=2)
    np.testing.assert_allclose(trained(b, "180KB", steps_per_execution=2), losses, rtol=2e-5)
    same(a, b)
    assert any("2 times" in note for note in lines(b))


def test_it_concerns_training_only() -> None:
    model = blocks(4)
    model.compile("sgd", "mse", memory_limit=1)
    assert np.isfinite(model.evaluate(X, Y, verbose=0))
    assert model.predict(X, verbose=0).shape == (300, 2)


def test_ops_one_by_one_have_no_limit() -> None:
    model = blocks(2)
    model.compile("sgd", "mse", memory_limit="1GB")
    model.run_eagerly = True
    model.jit_compile = False
    with pytest.raises(ArgumentError, match="their ops run one by one"):
        model.train_on_batch(X, Y)
