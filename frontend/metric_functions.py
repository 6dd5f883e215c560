"""Metrics as functions: one value for each sample, from targets and predictions."""

from __future__ import annotations

from typing import Any

from . import losses, ops
from .broadcasting import as_float, same_rank
from .saving.registry import serializable


def _register(*aliases: str) -> Any:
    return serializable("keras.metrics", kind="metric", aliases=aliases)


def accuracy(y_true: Any, y_pred: Any) -> Any:
    """1 where the prediction equals the target, else 0."""
    y_true, y_pred = same_rank(as_float(y_true), as_float(y_pred))
    return ops.cast(ops.equal(y_true, y_pred), "float32")


@_register()
def binary_accuracy(y_true: Any, y_pred: Any, threshold: float = 0.5) -> Any:
    """1 where `y_pred > threshold` equals the target, else 0."""
    y_true, y_pred = same_rank(as_float(y_true), as_float(y_pred))
    return ops.cast(ops.equal(y_true, ops.cast(ops.greater(y_pred, threshold), "float32")), "float32")


@_register()
def categorical_accuracy(y_true: Any, y_pred: Any) -> Any:
    """1 where the largest prediction is at the largest target, else 0."""
    return ops.cast(ops.equal(ops.argmax(y_true, axis=-1), ops.argmax(y_pred, axis=-1)), "float32")


@_register()
def sparse_categorical_accuracy(y_true: Any, y_pred: Any) -> Any:
    """1 where the largest prediction is that of the target's class, else 0."""
    y_true = ops.convert_to_tensor(y_true) if not hasattr(y_true, "dtype") else y_true
    last = y_true.shape[-1] if len(y_true.shape) else None
    if len(y_true.shape) == len(y_pred.shape) and isinstance(last, int) and last == 1:
        y_true = ops.squeeze(y_true, -1)
    return ops.cast(ops.equal(ops.cast(y_true, "int32"), ops.argmax(y_pred, axis=-1)), "float32")


for _function in (
    losses.binary_crossentropy,
    losses.categorical_crossentropy,
    losses.sparse_categorical_crossentropy,
    losses.huber,
):
    serializable("keras.metrics", kind="metric")(_function)
