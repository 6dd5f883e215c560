"""Losses as functions: one value for each sample, from targets and predictions."""

from __future__ import annotations

from typing import Any

from . import ops
from .broadcasting import as_float, same_rank
from .saving.registry import serializable


def _register(*aliases: str) -> Any:
    return serializable("keras.losses", kind="loss", aliases=aliases)


@_register("mse")
def mean_squared_error(y_true: Any, y_pred: Any) -> Any:
    """mean((y_true - y_pred)²) over the last axis."""
    y_true, y_pred = same_rank(as_float(y_true), as_float(y_pred))
    return ops.mean(ops.square(ops.subtract(y_true, y_pred)), -1)


@_register("mae")
def mean_absolute_error(y_true: Any, y_pred: Any) -> Any:
    """mean(|y_true - y_pred|) over the last axis."""
    y_true, y_pred = same_rank(as_float(y_true), as_float(y_pred))
    return ops.mean(ops.absolute(ops.subtract(y_true, y_pred)), -1)


@_register()
def huber(y_true: Any, y_pred: Any, delta: float = 1.0) -> Any:
    """Mean over the last axis of e²/2 for |e| <= delta, delta·|e| - delta²/2 beyond (Huber, 1964)."""
    y_true, y_pred = same_rank(as_float(y_true), as_float(y_pred))
    error = ops.absolute(ops.subtract(y_true, y_pred))
    small = ops.multiply(ops.square(error), 0.5)
    large = ops.subtract(ops.multiply(error, delta), 0.5 * delta * delta)
    return ops.mean(ops.where(ops.less_equal(error, delta), small, large), -1)


@_register()
def binary_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> Any:
    """-(t log p + (1 - t) log(1 - p)), mean over `axis`.

    Args:
        from_logits: whether y_pred are logits rather than probabilities.
        label_smoothing: moves targets towards 1/2 by this fraction.
    """
    y_true, y_pred = same_rank(as_float(y_true), as_float(y_pred))
    if label_smoothing:
        y_true = ops.add(ops.multiply(y_true, 1.0 - label_smoothing), 0.5 * label_smoothing)
    return ops.mean(ops.binary_crossentropy(y_true, y_pred, from_logits=from_logits), axis)


@_register()
def categorical_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> Any:
    """-sum(t log p) over `axis`, for one-hot (or soft) targets.

    Args:
        from_logits: whether y_pred are logits rather than probabilities.
        label_smoothing: moves targets towards the uniform distribution by this fraction.
    """
    y_true, y_pred = as_float(y_true), as_float(y_pred)
    if label_smoothing:
        classes = y_pred.shape[axis]
        y_true = ops.add(ops.multiply(y_true, 1.0 - label_smoothing), label_smoothing / classes)
    return ops.categorical_crossentropy(y_true, y_pred, from_logits=from_logits, axis=axis)


@_register()
def sparse_categorical_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, ignore_class: int | None = None, axis: int = -1
) -> Any:
    """-log p[class], for integer targets.

    Args:
        from_logits: whether y_pred are logits rather than probabilities.
        ignore_class: samples of this class have loss 0.
    """
    y_true, y_pred = ops.cast(y_true, "int32"), as_float(y_pred)
    if len(y_true.shape) == len(y_pred.shape) and isinstance(y_true.shape[axis], int) and y_true.shape[axis] == 1:
        y_true = ops.squeeze(y_true, axis)
    if ignore_class is None:
        return ops.sparse_categorical_crossentropy(y_true, y_pred, from_logits=from_logits, axis=axis)
    valid = ops.not_equal(y_true, ignore_class)
    target = ops.multiply(y_true, ops.cast(valid, "int32"))
    values = ops.sparse_categorical_crossentropy(target, y_pred, from_logits=from_logits, axis=axis)
    return ops.where(valid, values, 0.0)
