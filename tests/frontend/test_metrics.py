"""Metrics: numbers by hand over several batches, from plain Python and inside `fit`, and how names choose them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import kgc
from kgc import metrics, ops
from kgc.compiler.errors import ArgumentError

RNG = np.random.default_rng(0)
T, P = RNG.normal(size=(6, 3)).astype("float32"), RNG.normal(size=(6, 3)).astype("float32")
LABELS = np.array([0, 2, 1, 1, 0, 2])
ONE_HOT = np.eye(3, dtype="float32")[LABELS]
W = np.array([0.0, 1.0, 2.0, 0.5, 3.0, 1.0], "float32")
RIGHT = (P.argmax(-1) == LABELS).astype("float32")
YES = (T > 0).astype("float32")

CASES: list[tuple[Any, Any, Any, np.ndarray]] = [
    (metrics.MeanSquaredError, T, P, ((T - P) ** 2).mean(-1)),
    (metrics.MeanAbsoluteError, T, P, np.abs(T - P).mean(-1)),
    (metrics.SparseCategoricalAccuracy, LABELS, P, RIGHT),
    (metrics.SparseCategoricalAccuracy, LABELS[:, None], P, RIGHT),
    (metrics.CategoricalAccuracy, ONE_HOT, P, RIGHT),
    (metrics.BinaryAccuracy, YES, P, ((P > 0.5) == YES).mean(-1)),
    (metrics.Accuracy, YES, (P > 0).astype("float32"), ((P > 0) == YES).mean(-1)),
]


@pytest.mark.parametrize(("kind", "target", "output", "wanted"), CASES)
def test_a_mean_over_batches(kind: Any, target: Any, output: Any, wanted: np.ndarray) -> None:
    metric = kind()
    metric.update_state(target[:2], output[:2])
    metric.update_state(target[2:], output[2:])
    assert float(metric.result()) == pytest.approx(wanted.mean(), rel=1e-5)
    metric.reset_state()
    assert float(metric.result()) == 0.0
    metric.update_state(target[:2], output[:2], sample_weight=W[:2])
    metric.update_state(target[2:], output[2:], sample_weight=W[2:])
    assert float(metric.result()) == pytest.approx((wanted * W).sum() / W.sum(), rel=1e-5)
    assert len(metric.variables) == 2 and all(not v.trainable for v in metric.variables)


def test_mean_and_sum_of_values() -> None:
    mean, total = metrics.Mean(), metrics.Sum()
    for values, weight in (([1.0, 3.0], None), ([5.0, 7.0], [1.0, 0.0]), (2.0, None)):
        mean.update_state(values, sample_weight=weight)
        total.update_state(values, sample_weight=weight)
    assert float(mean.result()) == pytest.approx(11 / 4) and float(total.result()) == 11.0
    assert float(metrics.Mean()([2.0, 4.0])) == 3.0


@pytest.mark.parametrize(
    ("loss", "units", "target", "chosen"),
    [
        ("mse", 1, YES[:, :1], metrics.binary_accuracy),
        ("sparse_categorical_crossentropy", 3, LABELS, metrics.sparse_categorical_accuracy),
        ("sparse_categorical_crossentropy", 3, LABELS[:, None], metrics.sparse_categorical_accuracy),
        ("categorical_crossentropy", 3, ONE_HOT, metrics.categorical_accuracy),
    ],
)
def test_accuracy_is_chosen_by_the_shapes(loss: str, units: int, target: np.ndarray, chosen: Any) -> None:
    x = kgc.Input((3,))
    model = kgc.Model(x, kgc.layers.Dense(units, activation="softmax" if units > 1 else "sigmoid")(x))
    for word in ("accuracy", "acc"):
        model.compile(kgc.optimizers.SGD(0.0), loss, metrics=[word])
        logs = model.fit(P, target, batch_size=4, verbose=0).history
        wanted = np.asarray(chosen(target, model.predict(P, verbose=0))).mean()
        assert logs[word] == [pytest.approx(wanted, rel=1e-5)]


class Largest(metrics.Metric):
    """The largest error so far, and how many samples there were."""

    def __init__(self, name: str = "largest") -> None:
        super().__init__(name=name)
        self.best = self.add_weight((), "zeros", name="best")
        self.rows = self.add_weight((), "zeros", name="rows")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        self.best.assign(ops.maximum(self.best, ops.max(ops.absolute(y_true - y_pred))))
        self.rows.assign_add(ops.sum(ops.ones_like(y_pred[:, 0])))

    def result(self) -> Any:
        return {"largest": self.best.value, "rows": self.rows.value}


def test_a_metric_of_ones_own_gives_several_logs() -> None:
    x = kgc.Input((3,))
    model = kgc.Model(x, kgc.layers.Rescaling(1.0)(x))
    model.compile("sgd", "mse", metrics=[Largest()])
    assert model.evaluate(P, T, batch_size=4, verbose=0, return_dict=True) == {
        "loss": pytest.approx(((T - P) ** 2).mean(), rel=1e-5),
        "largest": pytest.approx(np.abs(T - P).max(), rel=1e-6),
        "rows": 6.0,
    }
    metric = Largest()
    metric.update_state(T, P)
    assert float(metric.result()["largest"]) == pytest.approx(np.abs(T - P).max(), rel=1e-6)


def test_equal_names_are_told_apart() -> None:
    x = kgc.Input((3,))
    model = kgc.Model(x, kgc.layers.Dense(3)(x))
    model.compile("sgd", "mse", metrics=["mse", "mse"], weighted_metrics=["mse"])
    assert len(model.fit(P, T, verbose=0).history) == 4
    assert len(set(model.metrics_names)) == 4


def test_identifiers() -> None:
    assert float(metrics.get("mae")(T, P)) == pytest.approx(np.abs(T - P).mean(), rel=1e-5)
    again = metrics.deserialize(metrics.serialize(metrics.BinaryAccuracy(threshold=0.2)))
    assert again.get_config()["threshold"] == 0.2
    with pytest.raises(ArgumentError, match="acuracy"):
        metrics.get("acuracy")
    with pytest.raises(ArgumentError, match="threshold between 0 and 1"):
        metrics.BinaryAccuracy(threshold=2.0)
