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


# Kinds that are a mean of a function, or a count.
def positive(draws: Draws, size: int) -> tuple[np.ndarray, ...]:
    return draws.uniform(size, 3, low=0.1, high=2.0), draws.uniform(size, 3, low=0.1, high=2.0)


def distributions(draws: Draws, size: int) -> tuple[np.ndarray, ...]:
    return draws.probabilities(size, 3), draws.probabilities(size, 3)


def signs(draws: Draws, size: int) -> tuple[np.ndarray, ...]:
    return draws.integers(2, size, 3, dtype="float32") * 2 - 1, draws.uniform(size, 3)


def truths(draws: Draws, size: int) -> tuple[np.ndarray, ...]:
    return draws.integers(2, size, 3, dtype="float32"), draws.uniform(size, 3)


def hot_probabilities(draws: Draws, size: int) -> tuple[np.ndarray, ...]:
    return draws.one_hot(5, size), draws.probabilities(size, 5)


def class_probabilities(draws: Draws, size: int) -> tuple[np.ndarray, ...]:
    return draws.integers(5, size), draws.probabilities(size, 5)


def sorted_classes(draws: Draws, size: int) -> tuple[np.ndarray, ...]:
    return draws.integers(5, size), draws.integers(5, size, 4)


def tied_classes(draws: Draws, size: int) -> tuple[np.ndarray, ...]:
    return draws.integers(5, size), draws.integers(3, size, 5, dtype="float32")


def sequence_classes(draws: Draws, size: int) -> tuple[np.ndarray, ...]:
    return draws.integers(5, size, 3), draws.uniform(size, 3, 5)


def never(draws: Draws, size: int) -> tuple[np.ndarray, ...]:
    return np.zeros((size, 3), "float32"), draws.uniform(size, 3, low=0.0, high=0.4)


def add_kind(
    key: str, batch: Batch, *names: str, weights: Callable[[int], tuple[int, ...]] | None = per_sample, **options: Any
) -> None:
    """Register metrics of those names and options, without weights and, where they are given, with them."""
    for name in names:
        make = lambda keras, name=name: getattr(keras.metrics, name)(**options)  # noqa: E731
        add_metric(f"{name}_{key}", make, batch)
        if weights is not None:
            add_metric(f"{name}_{key}_weighted", make, batch, weights)


add_kind("rows", positive, "MeanAbsolutePercentageError", "MeanSquaredLogarithmicError", "Poisson")
add_kind("rows", numbers, "RootMeanSquaredError", "LogCoshError", "CosineSimilarity", "Hinge", "SquaredHinge")
add_kind("sequence", sequences, "RootMeanSquaredError", "LogCoshError", "CosineSimilarity")
add_kind("axis", sequences, "CosineSimilarity", axis=1)
add_kind("axis", sequences, "PearsonCorrelation", "ConcordanceCorrelation", axis=1)
add_kind("rows", numbers, "PearsonCorrelation", "ConcordanceCorrelation")
add_kind("rows", distributions, "KLDivergence")
add_kind("signs", signs, "Hinge", "SquaredHinge")
add_kind("truths", truths, "Hinge", "SquaredHinge")
add_kind("rows", hot, "CategoricalHinge")
add_kind("rows", hot_probabilities, "CategoricalCrossentropy")
add_kind("rows", class_probabilities, "SparseCategoricalCrossentropy")
add_kind("ignoring", class_probabilities, "SparseCategoricalCrossentropy", ignore_class=2)
add_kind("table", binary_table, "BinaryCrossentropy")
add_kind("first", hot_probabilities, "TopKCategoricalAccuracy", k=2)
add_kind("all", hot_probabilities, "TopKCategoricalAccuracy")
add_kind("first", class_probabilities, "SparseTopKCategoricalAccuracy", k=2)
add_kind("ties", tied_classes, "SparseTopKCategoricalAccuracy", k=2)
add_kind("sequence", sequence_classes, "SparseTopKCategoricalAccuracy", k=2)
add_kind("sorted", sorted_classes, "SparseTopKCategoricalAccuracy", k=2, from_sorted_ids=True)
add_kind("table", table, "Sum", weights=per_time)

COUNTS = ("TruePositives", "FalsePositives", "TrueNegatives", "FalseNegatives", "Precision", "Recall")
add_kind("flat", binary_flat, *COUNTS)
add_kind("column", binary, *COUNTS, weights=column)
add_kind("table", binary_table, *COUNTS, weights=per_time)
add_kind("halves", binary_halves, *COUNTS, weights=None)
add_kind("never", never, *COUNTS, weights=None)
add_kind("threshold", binary_flat, *COUNTS, thresholds=0.3)
add_kind("thresholds", binary_flat, *COUNTS, thresholds=[0.2, 0.3, 0.9])
add_kind("even_thresholds", binary_halves, *COUNTS, thresholds=[0.0, 0.25, 0.5, 0.75, 1.0], weights=None)
SHARES = ("Precision", "Recall")
add_kind("first", hot_probabilities, *SHARES, top_k=2, weights=None)
add_kind("first_of_a_class", hot_probabilities, *SHARES, top_k=2, class_id=1)
add_kind("first_threshold", hot_probabilities, *SHARES, top_k=2, thresholds=0.3, weights=None)
add_kind("of_a_class", binary_table, *SHARES, class_id=2)
add_kind("of_a_class_thresholds", binary_table, *SHARES, class_id=0, thresholds=[0.1, 0.6])

for _curve in ("ROC", "PR"):
    for _method in ("interpolation", "minoring", "majoring"):
        add_kind(f"{_curve}_{_method}", binary_flat, "AUC", curve=_curve, summation_method=_method)
add_kind("few", binary_table, "AUC", num_thresholds=5, weights=per_time)
add_kind("given", binary_flat, "AUC", thresholds=[0.2, 0.3, 0.9])
add_kind("given_evenly", binary_halves, "AUC", thresholds=[0.25, 0.5, 0.75], weights=None)
add_kind("logits", truths, "AUC", from_logits=True, weights=None)
add_kind("labels", binary_table, "AUC", multi_label=True, num_labels=3, weights=None)
add_kind("labels_PR", binary_table, "AUC", multi_label=True, num_labels=3, curve="PR", weights=None)
add_kind("labels_weighed", binary_table, "AUC", multi_label=True, num_labels=3, label_weights=[1, 2, 3], weights=None)
add_kind("half", binary_flat, "SensitivityAtSpecificity", specificity=0.5)
add_kind("half", binary_flat, "SpecificityAtSensitivity", sensitivity=0.5)
add_kind("half", binary_flat, "PrecisionAtRecall", recall=0.5)
add_kind("half", binary_flat, "RecallAtPrecision", precision=0.5)
add_kind("few", binary_flat, "RecallAtPrecision", precision=0.4, num_thresholds=4)
add_kind("of_a_class", binary_table, "PrecisionAtRecall", recall=0.6, class_id=1)
add_kind("never", never, "PrecisionAtRecall", recall=0.6, weights=None)
add_kind("halves", binary_halves, "RecallAtPrecision", precision=0.5, num_thresholds=5, weights=None)
add_kind("halves", binary_halves, "PrecisionAtRecall", recall=0.5, num_thresholds=5, weights=None)


def add_score(name: str, make: Make, batch: Batch, weights: Callable[[int], tuple[int, ...]] | None = None) -> None:
    """Register a metric that has no result before its first batch."""

    @case(f"metrics/{name}")
    def run(keras: Any, draws: Draws) -> dict[str, Any]:
        metric, found = make(keras), {}
        for i, size in enumerate(SIZES):
            values = batch(draws, size)
            more = {} if weights is None else {"sample_weight": draws.uniform(*weights(size), low=0.0, high=2.0)}
            metric.update_state(*values, **more)
            found[f"result.{i}"] = metric.result()
        metric.reset_state()
        found["call"] = metric(*batch(draws, 4))
        return found


for _average in (None, "micro", "macro", "weighted"):
    add_score(f"F1Score_{_average}", lambda keras, a=_average: keras.metrics.F1Score(average=a), hot_probabilities)
    add_score(
        f"FBetaScore_{_average}",
        lambda keras, a=_average: keras.metrics.FBetaScore(average=a, beta=2.0, threshold=0.3),
        binary_table,
        per_sample,
    )
for _aggregation in (None, "uniform_average", "variance_weighted_average"):
    _make = lambda keras, a=_aggregation: keras.metrics.R2Score(class_aggregation=a)  # noqa: E731
    add_score(f"R2Score_{_aggregation}", _make, numbers)
    add_score(f"R2Score_{_aggregation}_weighted", _make, numbers, per_sample)
add_score("R2Score_adjusted", lambda keras: keras.metrics.R2Score(num_regressors=2), numbers)


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


@case("metrics/in_training")
def in_training(keras: Any, draws: Draws) -> dict[str, Any]:
    """Counts, curves and scores in `evaluate`, among them such as make their state at the first batch."""
    metrics = [
        keras.metrics.Precision(name="precision"),
        keras.metrics.Recall(name="recall", thresholds=0.3),
        keras.metrics.AUC(name="auc"),
        keras.metrics.F1Score(average="macro"),
        keras.metrics.R2Score(),
        keras.metrics.RootMeanSquaredError(),
        keras.metrics.TopKCategoricalAccuracy(k=2),
        "cosine_similarity",
    ]
    return evaluated(keras, draws, (3,), draws.one_hot(3, 10), metrics)


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
