"""Losses of numbers, margins and overlaps, and focal ones: numbers by hand, configs, targets."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

import kgc
from kgc import losses
from kgc.compiler.errors import ArgumentError, DataError

RNG = np.random.default_rng(0)
T, P = RNG.uniform(0.1, 2.0, (6, 3)).astype("float32"), RNG.uniform(0.1, 2.0, (6, 3)).astype("float32")
YES, Q = RNG.integers(0, 2, (6, 3)).astype("float32"), RNG.uniform(0.05, 0.95, (6, 3)).astype("float32")
LABELS = np.array([0, 2, 1, 1, 0, 2])
HOT = np.eye(3, dtype="float32")[LABELS]
SHARES = Q / Q.sum(-1, keepdims=True)
OWN = SHARES[np.arange(6), LABELS]
SIGNS = 2 * YES - 1
CROSS = -(YES * np.log(Q) + (1 - YES) * np.log(1 - Q))
RIGHT = np.where(YES == 1, Q, 1 - Q)

CASES: list[tuple[str, Any, Any, np.ndarray]] = [
    ("MeanAbsolutePercentageError", T, P, 100 * (np.abs(T - P) / T).mean(-1)),
    ("MeanSquaredLogarithmicError", T, P, ((np.log1p(T) - np.log1p(P)) ** 2).mean(-1)),
    ("LogCosh", T, P, np.log(np.cosh(T - P)).mean(-1)),
    ("Poisson", T, P, (P - T * np.log(P)).mean(-1)),
    ("KLDivergence", SHARES, SHARES[::-1], (SHARES * np.log(SHARES / SHARES[::-1])).sum(-1)),
    ("CosineSimilarity", T, P, -(T * P).sum(-1) / np.sqrt((T**2).sum(-1) * (P**2).sum(-1))),
    ("Hinge", YES, P, np.maximum(1 - SIGNS * P, 0).mean(-1)),
    ("Hinge", SIGNS, P, np.maximum(1 - SIGNS * P, 0).mean(-1)),
    ("SquaredHinge", SIGNS, P, (np.maximum(1 - SIGNS * P, 0) ** 2).mean(-1)),
    ("CategoricalHinge", HOT, P, np.maximum(1 + ((1 - HOT) * P).max(-1) - (HOT * P).sum(-1), 0)),
    ("BinaryFocalCrossentropy", YES, Q, ((1 - RIGHT) ** 2 * CROSS).mean(-1)),
    ("CategoricalFocalCrossentropy", HOT, SHARES, 0.25 * (1 - OWN) ** 2 * -np.log(OWN)),
    ("CategoricalGeneralizedCrossEntropy", LABELS, SHARES, (1 - np.sqrt(OWN)) / 0.5),
    ("CategoricalGeneralizedCrossEntropy", LABELS[:, None], SHARES, (1 - np.sqrt(OWN)) / 0.5),
]


@pytest.mark.parametrize(("name", "target", "output", "wanted"), CASES)
def test_values(name: str, target: Any, output: Any, wanted: np.ndarray) -> None:
    kind = getattr(losses, name)
    np.testing.assert_allclose(kind(reduction="none")(target, output), wanted, rtol=1e-4, atol=1e-5)
    assert float(kind()(target, output)) == pytest.approx(wanted.mean(), rel=1e-4, abs=1e-5)


def test_overlaps() -> None:
    both, missed, wrong = (YES * Q).sum(), (YES * (1 - Q)).sum(), ((1 - YES) * Q).sum()
    assert float(losses.Dice()(YES, Q)) == pytest.approx(1 - 2 * both / (YES.sum() + Q.sum()), rel=1e-5)
    tversky = losses.Tversky(alpha=0.2, beta=0.7)(YES, Q)
    assert float(tversky) == pytest.approx(1 - both / (both + 0.2 * missed + 0.7 * wrong), rel=1e-5)
    assert losses.Dice(axis=1, reduction="none")(YES, Q).shape == (6,)


CLASSES = [name for name in losses.__all__ if inspect.isclass(getattr(losses, name)) and name != "Loss"]


@pytest.mark.parametrize("name", CLASSES)
def test_a_config_makes_the_same_loss(name: str) -> None:
    loss = getattr(losses, name)(reduction="sum", name="mine")
    again = losses.deserialize(losses.serialize(loss))
    assert type(again) is type(loss) and again.get_config() == loss.get_config()


@pytest.mark.parametrize("name", CLASSES)
def test_every_function_stands_for_its_class(name: str) -> None:
    loss = getattr(losses, name)()
    function = getattr(losses, loss.fn.__name__)
    if name != "CategoricalGeneralizedCrossEntropy":  # its function takes q
        assert type(losses.get(function)) is type(loss)
        assert type(losses.get(loss.fn.__name__)) is type(loss)


def test_short_names() -> None:
    short = {"mape": "MeanAbsolutePercentageError", "MSLE": "MeanSquaredLogarithmicError", "kld": "KLDivergence"}
    for name, kind in {**short, "bce": "BinaryCrossentropy"}.items():
        assert type(losses.get(name)).__name__ == kind


def test_targets_are_checked() -> None:
    inputs = kgc.Input((3,))
    model = kgc.Model(inputs, kgc.layers.Activation("softmax")(inputs))
    for loss in (losses.CategoricalFocalCrossentropy(), "categorical_hinge"):
        model.compile(loss=loss)
        with pytest.raises(DataError, match="does not fit output") as caught:
            model.evaluate(P, LABELS, verbose=0)
        assert "SparseCategoricalCrossentropy" in str(caught.value)
    model.compile(loss=losses.CategoricalGeneralizedCrossEntropy())
    assert model.evaluate(P, LABELS, verbose=0) > 0
    with pytest.raises(DataError, match="holds the class 3"):
        model.evaluate(P, LABELS + 3, verbose=0)
    for make in (
        losses.CategoricalGeneralizedCrossEntropy,
        lambda q: losses.categorical_generalized_cross_entropy(LABELS, P, q),
    ):
        with pytest.raises(ArgumentError, match="takes q between 0 and 1"):
            make(1.5)


def test_a_scalar_loss_of_masked_predictions() -> None:
    """As in Keras: a function's one number stands for all steps that count."""
    inputs = kgc.Input((4,), dtype="int32")
    model = kgc.Model(inputs, kgc.layers.Embedding(5, 2, mask_zero=True)(inputs))
    model.compile(loss=lambda y, p: kgc.ops.sum(y * p))
    x, y = np.array([[1, 2, 0, 3]]), np.ones((1, 4, 2), "float32")
    assert model.evaluate(x, y, verbose=0) == pytest.approx(float(np.sum(model(x))), rel=1e-4, abs=1e-6)
