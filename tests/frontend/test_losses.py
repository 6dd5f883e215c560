"""Losses against NumPy written out; the oracle's recorded cases hold them against real Keras."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import kgc
from kgc import losses
from kgc.compiler.errors import ArgumentError, DataError

RNG = np.random.default_rng(0)
T, P = RNG.normal(size=(5, 3)).astype("float32"), RNG.normal(size=(5, 3)).astype("float32")
LOGITS = P
PROBABILITIES = np.exp(P) / np.exp(P).sum(-1, keepdims=True)
LABELS = np.array([0, 2, 1, 1, 0])
ONE_HOT = np.eye(3, dtype="float32")[LABELS]
YES = (T > 0).astype("float32")
SIGMOID = 1 / (1 + np.exp(-P))
W = np.array([0.0, 1.0, 2.0, 0.5, 3.0], "float32")
CROSS = -np.log(PROBABILITIES[np.arange(5), LABELS])
BINARY = -(YES * np.log(SIGMOID) + (1 - YES) * np.log(1 - SIGMOID)).mean(-1)
E = np.abs(T - P)

CASES: list[tuple[Any, Any, Any, np.ndarray]] = [
    (losses.MeanSquaredError, T, P, (E**2).mean(-1)),
    (losses.MeanAbsoluteError, T, P, E.mean(-1)),
    (losses.Huber, T, P, np.where(E <= 1, E**2 / 2, E - 0.5).mean(-1)),
    (losses.CategoricalCrossentropy, ONE_HOT, PROBABILITIES, CROSS),
    (lambda **k: losses.CategoricalCrossentropy(from_logits=True, **k), ONE_HOT, LOGITS, CROSS),
    (losses.SparseCategoricalCrossentropy, LABELS, PROBABILITIES, CROSS),
    (losses.SparseCategoricalCrossentropy, LABELS[:, None], PROBABILITIES, CROSS),
    (lambda **k: losses.SparseCategoricalCrossentropy(from_logits=True, **k), LABELS, LOGITS, CROSS),
    (losses.BinaryCrossentropy, YES, SIGMOID, BINARY),
    (lambda **k: losses.BinaryCrossentropy(from_logits=True, **k), YES, LOGITS, BINARY),
]


@pytest.mark.parametrize(("make", "target", "output", "wanted"), CASES)
def test_values_weights_and_reductions(make: Any, target: Any, output: Any, wanted: np.ndarray) -> None:
    def close(found: Any, expected: Any) -> None:
        np.testing.assert_allclose(np.asarray(found), expected, rtol=1e-5, atol=1e-6)

    close(make(reduction=None)(target, output), wanted)
    close(make()(target, output), wanted.mean())
    close(make(reduction="sum")(target, output), wanted.sum())
    close(make()(target, output, sample_weight=W), (wanted * W).mean())
    close(make(reduction="sum")(target, output, sample_weight=W), (wanted * W).sum())
    close(make(reduction="mean_with_sample_weight")(target, output, sample_weight=W), (wanted * W).sum() / W.sum())


def test_smoothing_and_ignored_classes() -> None:
    smooth = losses.CategoricalCrossentropy(label_smoothing=0.3, reduction=None)(ONE_HOT, PROBABILITIES)
    expected = -((0.7 * ONE_HOT + 0.1) * np.log(PROBABILITIES)).sum(-1)
    np.testing.assert_allclose(np.asarray(smooth), expected, rtol=1e-5)
    ignoring = losses.SparseCategoricalCrossentropy(ignore_class=2)(LABELS, PROBABILITIES)
    np.testing.assert_allclose(float(ignoring), CROSS[LABELS != 2].mean(), rtol=1e-5)


def test_identifiers() -> None:
    for name, kind in (
        ("mse", losses.MeanSquaredError),
        ("MeanSquaredError", losses.MeanSquaredError),
        ("mean_squared_error", losses.MeanSquaredError),
        ("sparse_categorical_crossentropy", losses.SparseCategoricalCrossentropy),
    ):
        assert type(losses.get(name)) is kind
    loss = losses.Huber(delta=2.0)
    assert losses.get(loss) is loss and losses.get(None) is None
    again = losses.deserialize(losses.serialize(loss))
    assert float(again(T, P)) == float(loss(T, P)) != float(losses.Huber()(T, P))
    with pytest.raises(ArgumentError, match="mze"):
        losses.get("mze")
    with pytest.raises(ArgumentError, match="no such reduction"):
        losses.MeanSquaredError(reduction="average")


def test_a_loss_of_ones_own() -> None:
    class Quartic(losses.Loss):
        def call(self, y_true: Any, y_pred: Any) -> Any:
            return kgc.ops.mean((y_true - y_pred) ** 4, axis=-1)

    assert float(Quartic()(T, P)) == pytest.approx((E**4).mean(), rel=1e-5)
    x = kgc.Input((3,))
    model = kgc.Model(x, kgc.layers.Rescaling(1.0)(x))
    model.compile("sgd", Quartic())
    assert model.evaluate(P, T, verbose=0) == pytest.approx((E**4).mean(), rel=1e-5)


def test_targets_that_do_not_fit_are_refused() -> None:
    x = kgc.Input((4,))
    model = kgc.Model(x, kgc.layers.Dense(3, activation="softmax")(x))
    data = np.zeros((5, 4), "float32")
    model.compile("sgd", "sparse_categorical_crossentropy")
    with pytest.raises(DataError, match=r"the class 3, and output .* has the classes 0 to 2"):
        model.fit(data, LABELS + 1, verbose=0)
    with pytest.raises(DataError, match="does not fit output"):
        model.fit(data, ONE_HOT, verbose=0)
    model.compile("sgd", "categorical_crossentropy")
    with pytest.raises(DataError, match="SparseCategoricalCrossentropy"):
        model.fit(data, LABELS, verbose=0)
