"""Metrics over several batches with sample weights, and how the string "accuracy" is understood."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..case import case
from ..draws import Draws

Make = Callable[[Any], Any]
Batch = Callable[[Draws, int], tuple[np.ndarray, ...]]
SIZES = (5, 3, 7)


def add_metric(name: str, make: Make, batch: Batch, weights: Callable[[int], tuple[int, ...]] | None = None) -> None:
    """Register a metric: its result after each of three batches, after a reset, and called as a function."""

    @case(f"metrics/{name}")
    def run(keras: Any, draws: Draws) -> dict[str, Any]:
        metric = make(keras)
        found: dict[str, Any] = {"empty": metric.result()}
        for i, size in enumerate(SIZES):
            values = batch(draws, size)
            more = {} if weights is None else {"sample_weight": draws.uniform(*weights(size), low=0.0, high=2.0)}
            metric.update_state(*values, **more)
            found[f"result.{i}"] = metric.result()
        metric.reset_state()
        found["reset"] = metric.result()
        found["call"] = metric(*batch(draws, 4))
        return found


def per_sample(size: int) -> tuple[int, ...]:
    return (size,)


def column(size: int) -> tuple[int, ...]:
    return (size, 1)


def per_time(size: int) -> tuple[int, ...]:
    return (size, 3)


def single(draws: Draws, size: int) -> tuple[np.ndarray, ...]:
    return (draws.uniform(size),)


def table(draws: Draws, size: int) -> tuple[np.ndarray, ...]:
    return (draws.uniform(size, 3),)


def scalar(draws: Draws, size: int) -> tuple[np.ndarray, ...]:
    return (draws.uniform(),)


def numbers(draws: Draws, size: int) -> tuple[np.ndarray, ...]:
    return draws.uniform(size, 3), draws.uniform(size, 3)


def sequences(draws: Draws, size: int) -> tuple[np.ndarray, ...]:
    return draws.uniform(size, 3, 2), draws.uniform(size, 3, 2)


def flat_targets(draws: Draws, size: int) -> tuple[np.ndarray, ...]:
    return draws.uniform(size), draws.uniform(size, 1)


def integers(draws: Draws, size: int) -> tuple[np.ndarray, ...]:
    return draws.integers(3, size, 3), draws.integers(3, size, 3)


def sparse(draws: Draws, size: int) -> tuple[np.ndarray, ...]:
    return draws.integers(3, size), draws.uniform(size, 3)


def sparse_column(draws: Draws, size: int) -> tuple[np.ndarray, ...]:
    return draws.integers(3, size, 1), draws.uniform(size, 3)


def sparse_sequence(draws: Draws, size: int) -> tuple[np.ndarray, ...]:
    return draws.integers(4, size, 3), draws.uniform(size, 3, 4)


def hot(draws: Draws, size: int) -> tuple[np.ndarray, ...]:
    return draws.one_hot(3, size), draws.uniform(size, 3)


def hot_sequence(draws: Draws, size: int) -> tuple[np.ndarray, ...]:
    return draws.one_hot(4, size, 3), draws.uniform(size, 3, 4)


def tied(draws: Draws, size: int) -> tuple[np.ndarray, ...]:
    """Several classes share the largest score."""
    return draws.one_hot(3, size), draws.integers(2, size, 3, dtype="float32")


def binary(draws: Draws, size: int) -> tuple[np.ndarray, ...]:
    return draws.integers(2, size, 1, dtype="float32"), draws.uniform(size, 1, low=0.0, high=1.0)


def binary_flat(draws: Draws, size: int) -> tuple[np.ndarray, ...]:
    return draws.integers(2, size), draws.uniform(size, low=0.0, high=1.0)


def binary_table(draws: Draws, size: int) -> tuple[np.ndarray, ...]:
    return draws.integers(2, size, 3), draws.uniform(size, 3, low=0.0, high=1.0)


def binary_halves(draws: Draws, size: int) -> tuple[np.ndarray, ...]:
    """Predictions on the threshold itself."""
    return draws.integers(2, size, 3), draws.integers(3, size, 3, dtype="float32") / 2


for _name, _batches in {
    "Mean": {"samples": single, "table": table, "scalar": scalar},
    "Accuracy": {"integers": integers},
    "BinaryAccuracy": {"column": binary, "flat": binary_flat, "table": binary_table, "halves": binary_halves},
    "CategoricalAccuracy": {"rows": hot, "sequence": hot_sequence, "ties": tied},
    "SparseCategoricalAccuracy": {"rows": sparse, "column": sparse_column, "sequence": sparse_sequence},
    "MeanSquaredError": {"rows": numbers, "sequence": sequences, "flat": flat_targets},
    "MeanAbsoluteError": {"rows": numbers, "sequence": sequences, "flat": flat_targets},
}.items():
    for _key, _batch in _batches.items():
        add_metric(f"{_name}_{_key}", lambda keras, name=_name: getattr(keras.metrics, name)(), _batch)
        if _key != "scalar":
            add_metric(
                f"{_name}_{_key}_weighted", lambda keras, name=_name: getattr(keras.metrics, name)(), _batch, per_sample
            )

add_metric("Mean_table_full_weights", lambda keras: keras.metrics.Mean(), table, per_time)
add_metric("Mean_table_column_weights", lambda keras: keras.metrics.Mean(), table, column)
add_metric("MeanSquaredError_column_weights", lambda keras: keras.metrics.MeanSquaredError(), numbers, column)
add_metric("MeanSquaredError_time_weights", lambda keras: keras.metrics.MeanSquaredError(), sequences, per_time)
add_metric(
    "SparseCategoricalAccuracy_time_weights", lambda keras: keras.metrics.SparseCategoricalAccuracy(),
    sparse_sequence, per_time,
)  # fmt: skip
add_metric("BinaryAccuracy_threshold", lambda keras: keras.metrics.BinaryAccuracy(threshold=0.8), binary_table)


def evaluated(
    keras: Any, draws: Draws, shape: tuple[int, ...], y: np.ndarray, metrics: Any, weighted: Any = None, **more: Any
) -> dict[str, Any]:
    """What `evaluate` reports, and in which order, for predictions that are the inputs themselves."""
    inputs = keras.Input(shape=shape)
    model = keras.Model(inputs, keras.layers.Activation("linear")(inputs))
    model.compile(loss="mse" if y.shape[1:] == shape else None, metrics=metrics, weighted_metrics=weighted)
    logs = model.evaluate(
        draws.uniform(len(y), *shape, low=0.0, high=1.0), y, batch_size=4, verbose=0, return_dict=True, **more
    )
    return {f"{i}.{key}": np.float64(value) for i, (key, value) in enumerate(logs.items())}


CHOICES: dict[str, tuple[tuple[int, ...], Callable[[Draws], np.ndarray]]] = {
    "one_unit": ((1,), lambda draws: draws.integers(2, 10, 1, dtype="float32")),
    "one_unit_flat_labels": ((1,), lambda draws: draws.integers(2, 10)),
    "one_hot": ((3,), lambda draws: draws.one_hot(3, 10)),
    "labels": ((3,), lambda draws: draws.integers(3, 10)),
    "label_column": ((3,), lambda draws: draws.integers(3, 10, 1)),
    "two_units_one_hot": ((2,), lambda draws: draws.one_hot(2, 10)),
    "sequence_labels": ((4, 3), lambda draws: draws.integers(3, 10, 4)),
    "sequence_one_hot": ((4, 3), lambda draws: draws.one_hot(3, 10, 4)),
    "sequence_one_unit": ((4, 1), lambda draws: draws.integers(2, 10, 4, 1)),
}
for _name, (_shape, _labels) in CHOICES.items():
    for _string in ("accuracy", "acc"):

        @case(f"metrics/{_string}_{_name}")
        def choice(
            keras: Any, draws: Draws, shape: Any = _shape, labels: Any = _labels, string: str = _string
        ) -> dict[str, Any]:
            return evaluated(keras, draws, shape, labels(draws), [string])


@case("metrics/weighted_metrics")
def weighted_metrics(keras: Any, draws: Draws) -> dict[str, Any]:
    """`metrics` ignore sample weights, `weighted_metrics` take them."""
    y, weight = draws.one_hot(3, 10), draws.uniform(10, low=0.0, high=2.0)
    return evaluated(keras, draws, (3,), y, ["accuracy", "mae"], ["accuracy", "mse"], sample_weight=weight)


@case("metrics/named")
def named(keras: Any, draws: Draws) -> dict[str, Any]:
    """Identifiers, objects and plain functions beside each other, and the names they report under."""

    def largest(y_true: Any, y_pred: Any) -> Any:
        return keras.ops.max(y_true - y_pred, axis=-1)

    metrics = ["mse", "mean_absolute_error", keras.metrics.MeanSquaredError(name="again"), largest]
    return evaluated(keras, draws, (3,), draws.uniform(10, 3), metrics)
