"""Losses: eager values under every reduction, and values with gradients through `compile` and `fit`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..case import case
from ..draws import Draws
from ..probing import offset, step

Make = Callable[[Any], Any]
Data = Callable[[Draws], tuple[np.ndarray, np.ndarray]]


def add_loss(name: str, make: Make, data: Data, weights: tuple[int, ...] | None = None) -> None:
    """Register a loss over (y_true, y_pred): its value by a call, and value and gradient through `fit`.

    `weights` is the shape of sample weights; with them, both are asked again.
    """

    @case(f"losses/{name}")
    def run(keras: Any, draws: Draws) -> dict[str, Any]:
        y_true, y_pred = data(draws)
        found: dict[str, Any] = {"value": make(keras)(y_true, y_pred)}
        found |= fitted(keras, "", make(keras), y_true, y_pred)
        if weights is not None:
            sample_weight = draws.uniform(*weights, low=0.0, high=2.0)
            found["weighted"] = make(keras)(y_true, y_pred, sample_weight=sample_weight)
            found |= fitted(keras, "weighted_", make(keras), y_true, y_pred, sample_weight=sample_weight)
        return found


def fitted(keras: Any, prefix: str, loss: Any, y_true: np.ndarray, y_pred: np.ndarray, **fit: Any) -> dict[str, Any]:
    """The loss that `fit` reports and its gradient by the prediction."""
    inputs = keras.Input(batch_shape=y_pred.shape)
    shift = offset(keras, y_pred.shape)
    model = keras.Model(inputs, shift(inputs))
    value = step(keras, model, [y_pred], y_true, loss, **fit)
    return {f"{prefix}fit": value, f"{prefix}gradient": -shift.offset.numpy()}


def add_value(name: str, make: Make, data: Data, weights: tuple[int, ...] | None = None) -> None:
    """Register a loss's value by a call alone, with and without sample weights."""

    @case(f"losses/{name}")
    def run(keras: Any, draws: Draws) -> dict[str, Any]:
        y_true, y_pred = data(draws)
        found: dict[str, Any] = {"value": make(keras)(y_true, y_pred)}
        if weights is not None:
            sample_weight = draws.uniform(*weights, low=0.0, high=2.0)
            found["weighted"] = make(keras)(y_true, y_pred, sample_weight=sample_weight)
        return found


def labels(draws: Draws) -> tuple[np.ndarray, np.ndarray]:
    return draws.integers(4, 6), draws.probabilities(6, 4)


def label_logits(draws: Draws) -> tuple[np.ndarray, np.ndarray]:
    return draws.integers(4, 6), draws.uniform(6, 4, low=-4.0, high=4.0)


def label_column_logits(draws: Draws) -> tuple[np.ndarray, np.ndarray]:
    return draws.integers(4, 6, 1), draws.uniform(6, 4, low=-4.0, high=4.0)


def label_sequence_logits(draws: Draws) -> tuple[np.ndarray, np.ndarray]:
    return draws.integers(4, 3, 5), draws.uniform(3, 5, 4, low=-4.0, high=4.0)


def label_picture_probabilities(draws: Draws) -> tuple[np.ndarray, np.ndarray]:
    return draws.integers(3, 2, 2, 4), draws.probabilities(2, 2, 4, 3)


def float_labels(draws: Draws) -> tuple[np.ndarray, np.ndarray]:
    return draws.integers(4, 6, dtype="float32"), draws.uniform(6, 4)


def hot(draws: Draws) -> tuple[np.ndarray, np.ndarray]:
    return draws.one_hot(4, 6), draws.probabilities(6, 4)


def hot_logits(draws: Draws) -> tuple[np.ndarray, np.ndarray]:
    return draws.one_hot(4, 6), draws.uniform(6, 4, low=-4.0, high=4.0)


def soft_logits(draws: Draws) -> tuple[np.ndarray, np.ndarray]:
    return draws.probabilities(6, 4), draws.uniform(6, 4, low=-4.0, high=4.0)


def sequence_logits(draws: Draws) -> tuple[np.ndarray, np.ndarray]:
    return draws.one_hot(4, 3, 5), draws.uniform(3, 5, 4, low=-4.0, high=4.0)


def unnormalised(draws: Draws) -> tuple[np.ndarray, np.ndarray]:
    return draws.one_hot(4, 6), draws.uniform(6, 4, low=0.1, high=0.9)


def binary(draws: Draws) -> tuple[np.ndarray, np.ndarray]:
    return draws.integers(2, 6, 1, dtype="float32"), draws.uniform(6, 1, low=0.05, high=0.95)


def binary_logits(draws: Draws) -> tuple[np.ndarray, np.ndarray]:
    return draws.integers(2, 6, 3, dtype="float32"), draws.uniform(6, 3, low=-4.0, high=4.0)


def binary_integers(draws: Draws) -> tuple[np.ndarray, np.ndarray]:
    return draws.integers(2, 6, 3), draws.uniform(6, 3, low=-4.0, high=4.0)


def binary_sequence(draws: Draws) -> tuple[np.ndarray, np.ndarray]:
    return draws.integers(2, 3, 4, 2, dtype="float32"), draws.uniform(3, 4, 2, low=0.05, high=0.95)


def extreme_probabilities(draws: Draws) -> tuple[np.ndarray, np.ndarray]:
    """Certainty, right and wrong: where clipping shows."""
    return np.array([[0.0], [0.0], [1.0], [1.0]], "float32"), np.array([[0.0], [1.0], [0.0], [1.0]], "float32")


def extreme_rows(draws: Draws) -> tuple[np.ndarray, np.ndarray]:
    return np.eye(3, dtype="float32"), np.array([[1, 0, 0], [1, 0, 0], [0, 0, 1]], "float32")


def extreme_logits(draws: Draws) -> tuple[np.ndarray, np.ndarray]:
    return np.array([0, 1, 2], "int32"), np.array([[90, 0, 0], [90, -90, 0], [0, 900, -900]], "float32")


def numbers(draws: Draws) -> tuple[np.ndarray, np.ndarray]:
    return draws.uniform(6, 3), draws.uniform(6, 3, low=-3.0, high=3.0)


def sequences(draws: Draws) -> tuple[np.ndarray, np.ndarray]:
    return draws.uniform(3, 4, 2), draws.uniform(3, 4, 2, low=-3.0, high=3.0)


def flat_targets(draws: Draws) -> tuple[np.ndarray, np.ndarray]:
    """Targets (6,) against predictions (6, 1): one number a row on both sides."""
    return draws.uniform(6), draws.uniform(6, 1)


def sparse(**options: Any) -> Make:
    return lambda keras: keras.losses.SparseCategoricalCrossentropy(**options)


def categorical(**options: Any) -> Make:
    return lambda keras: keras.losses.CategoricalCrossentropy(**options)


def binary_loss(**options: Any) -> Make:
    return lambda keras: keras.losses.BinaryCrossentropy(**options)


add_loss("sparse_probabilities", sparse(), labels, (6,))
add_loss("sparse_logits", sparse(from_logits=True), label_logits, (6,))
add_loss("sparse_column", sparse(from_logits=True), label_column_logits, (6,))
add_loss("sparse_sequence", sparse(from_logits=True), label_sequence_logits, (3, 5))
add_loss("sparse_sequence_column_weights", sparse(from_logits=True), label_sequence_logits, (3, 1))
add_loss("sparse_picture", sparse(), label_picture_probabilities)
add_loss("sparse_float_labels", sparse(from_logits=True), float_labels)
add_loss("sparse_ignore_class", sparse(from_logits=True, ignore_class=2), label_logits, (6,))
add_loss("sparse_ignore_class_probabilities", sparse(ignore_class=0), labels)
add_loss("sparse_ignore_class_sequence", sparse(from_logits=True, ignore_class=1), label_sequence_logits, (3, 5))
add_loss("sparse_extreme", sparse(from_logits=True), extreme_logits)
add_loss("categorical_probabilities", categorical(), hot, (6,))
add_loss("categorical_logits", categorical(from_logits=True), hot_logits, (6,))
add_loss("categorical_soft", categorical(from_logits=True), soft_logits)
add_loss("categorical_smoothing", categorical(from_logits=True, label_smoothing=0.2), hot_logits, (6,))
add_loss("categorical_smoothing_probabilities", categorical(label_smoothing=0.1), hot)
add_loss("categorical_unnormalised", categorical(), unnormalised)
add_loss("categorical_sequence", categorical(from_logits=True), sequence_logits, (3, 5))
add_loss("categorical_axis", categorical(from_logits=True, axis=1), sequence_logits)
add_loss("categorical_extreme", categorical(), extreme_rows)
add_loss("binary_probabilities", binary_loss(), binary, (6,))
add_loss("binary_logits", binary_loss(from_logits=True), binary_logits, (6,))
add_loss("binary_integers", binary_loss(from_logits=True), binary_integers)
add_loss("binary_smoothing", binary_loss(from_logits=True, label_smoothing=0.2), binary_logits)
add_loss("binary_smoothing_probabilities", binary_loss(label_smoothing=0.1), binary)
add_loss("binary_sequence", binary_loss(), binary_sequence, (3, 4))
add_loss("binary_axis", binary_loss(axis=1), binary_sequence)
add_loss("binary_extreme", binary_loss(), extreme_probabilities)
for _name in ("MeanSquaredError", "MeanAbsoluteError", "Huber"):
    add_loss(f"{_name}", lambda keras, name=_name: getattr(keras.losses, name)(), numbers, (6,))
    add_loss(f"{_name}_sequence", lambda keras, name=_name: getattr(keras.losses, name)(), sequences, (3, 4))
    add_loss(f"{_name}_column_weights", lambda keras, name=_name: getattr(keras.losses, name)(), sequences, (3, 1))
    add_loss(f"{_name}_flat", lambda keras, name=_name: getattr(keras.losses, name)(), flat_targets, (6,))
    add_loss(f"{_name}_sum", lambda keras, name=_name: getattr(keras.losses, name)(reduction="sum"), numbers, (6,))
add_loss("Huber_delta", lambda keras: keras.losses.Huber(delta=0.4), numbers, (6,))
add_loss("sparse_sum", sparse(from_logits=True, reduction="sum"), label_logits, (6,))
add_loss("sparse_weighted_mean", sparse(from_logits=True, reduction="mean_with_sample_weight"), label_logits, (6,))

for _reduction in ("sum", "sum_over_batch_size", "mean", "mean_with_sample_weight", "none", None):
    add_value(f"sparse_reduction_{_reduction}", sparse(from_logits=True, reduction=_reduction), label_logits, (6,))
    add_value(
        f"MeanSquaredError_reduction_{_reduction}",
        lambda keras, reduction=_reduction: keras.losses.MeanSquaredError(reduction=reduction),
        sequences,
        (3, 4),
    )
    add_value(
        f"binary_reduction_{_reduction}", binary_loss(from_logits=True, reduction=_reduction), binary_logits, (6, 1)
    )


def positive(draws: Draws) -> tuple[np.ndarray, np.ndarray]:
    return draws.uniform(6, 3, low=0.1, high=2.0), draws.uniform(6, 3, low=0.1, high=2.0)


def distributions(draws: Draws) -> tuple[np.ndarray, np.ndarray]:
    return draws.probabilities(6, 4), draws.probabilities(6, 4)


def signs(draws: Draws) -> tuple[np.ndarray, np.ndarray]:
    return draws.integers(2, 6, 3, dtype="float32") * 2 - 1, draws.uniform(6, 3)


def truths(draws: Draws) -> tuple[np.ndarray, np.ndarray]:
    return draws.integers(2, 6, 3, dtype="float32"), draws.uniform(6, 3)


def chances(draws: Draws) -> tuple[np.ndarray, np.ndarray]:
    return draws.integers(2, 6, 3, dtype="float32"), draws.uniform(6, 3, low=0.05, high=0.95)


def add_plain(key: str, data: Data, *names: str, weights: tuple[int, ...] | None = (6,), **options: Any) -> None:
    for name in names:
        add_loss(f"{name}_{key}", lambda keras, n=name: getattr(keras.losses, n)(**options), data, weights)


add_plain("rows", positive, "MeanAbsolutePercentageError", "MeanSquaredLogarithmicError", "Poisson")
add_plain("any", numbers, "MeanAbsolutePercentageError", "LogCosh", "CosineSimilarity", "Hinge", "SquaredHinge")
add_plain("sequence", sequences, "LogCosh", "CosineSimilarity", "MeanSquaredLogarithmicError", weights=(3, 4))
add_plain("axis", sequences, "CosineSimilarity", axis=1, weights=None)
add_plain("rows", distributions, "KLDivergence")
add_plain("signs", signs, "Hinge", "SquaredHinge")
add_plain("truths", truths, "Hinge", "SquaredHinge")
add_plain("rows", hot_logits, "CategoricalHinge")
add_plain("sum", numbers, "LogCosh", reduction="sum")
add_plain("rows", chances, "BinaryFocalCrossentropy", "Dice", "Tversky", weights=None)
add_plain("weighted", chances, "BinaryFocalCrossentropy")
add_plain("axis", chances, "Dice", "Tversky", axis=1)
add_plain("shares", chances, "Tversky", alpha=0.3, beta=0.6, weights=None)
add_plain("options", chances, "BinaryFocalCrossentropy", apply_class_balancing=True, alpha=0.4, gamma=1.5)
add_plain("logits", binary_logits, "BinaryFocalCrossentropy", from_logits=True, label_smoothing=0.1)
add_plain("rows", hot, "CategoricalFocalCrossentropy")
add_plain("options", hot, "CategoricalFocalCrossentropy", alpha=0.4, gamma=1.5, label_smoothing=0.1)
add_plain("logits", hot_logits, "CategoricalFocalCrossentropy", from_logits=True)
add_plain("unnormalised", unnormalised, "CategoricalFocalCrossentropy", weights=None)
add_plain("rows", labels, "CategoricalGeneralizedCrossEntropy")
add_plain("options", labels, "CategoricalGeneralizedCrossEntropy", q=0.8)

FUNCTIONS: dict[str, tuple[Data, dict[str, Any]]] = {
    "sparse_categorical_crossentropy": (label_logits, {"from_logits": True}),
    "categorical_crossentropy": (hot_logits, {"from_logits": True, "label_smoothing": 0.1}),
    "binary_crossentropy": (binary_logits, {"from_logits": True, "label_smoothing": 0.1}),
    "mean_squared_error": (sequences, {}),
    "mean_absolute_error": (sequences, {}),
    "huber": (sequences, {"delta": 0.5}),
    "mean_absolute_percentage_error": (positive, {}),
    "mean_squared_logarithmic_error": (positive, {}),
    "log_cosh": (sequences, {}),
    "poisson": (positive, {}),
    "kl_divergence": (distributions, {}),
    "cosine_similarity": (sequences, {"axis": 1}),
    "hinge": (truths, {}),
    "squared_hinge": (signs, {}),
    "categorical_hinge": (hot_logits, {}),
    "dice": (chances, {"axis": 0}),
    "tversky": (chances, {"alpha": 0.2, "beta": 0.7}),
    "binary_focal_crossentropy": (chances, {"apply_class_balancing": True}),
    "categorical_focal_crossentropy": (hot, {"gamma": 1.0}),
    "categorical_generalized_cross_entropy": (labels, {"q": 0.3}),
}
for _name, (_data, _options) in FUNCTIONS.items():
    # The function form gives one value a sample.
    @case(f"losses/function_{_name}")
    def function(
        keras: Any, draws: Draws, name: str = _name, data: Data = _data, options: dict[str, Any] = _options
    ) -> dict[str, Any]:
        return {"value": getattr(keras.losses, name)(*data(draws), **options)}


STRINGS: dict[str, Data] = {
    "sparse_categorical_crossentropy": labels,
    "categorical_crossentropy": hot,
    "binary_crossentropy": binary,
    "mse": numbers,
    "mae": numbers,
    "mean_squared_error": numbers,
    "mean_absolute_error": numbers,
    "huber": numbers,
    "mape": positive,
    "msle": positive,
    "log_cosh": numbers,
    "poisson": positive,
    "kld": distributions,
    "cosine_similarity": numbers,
    "hinge": truths,
    "squared_hinge": signs,
    "categorical_hinge": hot_logits,
    "bce": chances,
}
for _name, _data in STRINGS.items():

    @case(f"losses/named_{_name}")
    def named(keras: Any, draws: Draws, name: str = _name, data: Data = _data) -> dict[str, Any]:
        y_true, y_pred = data(draws)
        return fitted(keras, "", name, y_true, y_pred)
