"""Metrics as functions: one value for each sample, from targets and predictions."""

from __future__ import annotations

from typing import Any

from . import crossentropy_functions, loss_functions, ops
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


def _in_top_k(labels: Any, y_pred: Any, k: int) -> Any:
    """1 where the score of the label is among the k largest (or equals the least of them), else 0."""
    own = ops.take_along_axis(y_pred, ops.expand_dims(labels, -1), -1)
    least = ops.top_k(y_pred, k)[0][..., -1:]
    return ops.cast(ops.squeeze(ops.greater_equal(own, least), -1), "float32")


@_register()
def top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> Any:
    """1 where the class of the one-hot target is among the k largest predictions, else 0."""
    return _in_top_k(ops.argmax(y_true, axis=-1), as_float(y_pred), k)


@_register()
def sparse_top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5, from_sorted_ids: bool = False) -> Any:
    """1 where the integer target is among the k largest predictions, else 0.

    Args:
        from_sorted_ids: whether y_pred holds the classes themselves, the likeliest first.
    """
    y_true, y_pred = ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)
    last = y_true.shape[-1] if len(y_true.shape) else None
    if len(y_true.shape) == len(y_pred.shape) and isinstance(last, int) and last == 1:
        y_true = ops.squeeze(y_true, -1)
    if from_sorted_ids:
        first = ops.cast(y_pred[..., :k], "int32")
        labels = ops.expand_dims(ops.cast(y_true, "int32"), -1)
        return ops.cast(ops.any(ops.equal(labels, first), axis=-1), "float32")
    return _in_top_k(ops.cast(y_true, "int32"), as_float(y_pred), k)


def _centred(y_true: Any, y_pred: Any, axis: int) -> tuple[Any, Any, Any]:
    """Both without their means along the axis, and the difference of the means."""
    y_true, y_pred = same_rank(as_float(y_true), as_float(y_pred))
    means = [ops.mean(x, axis, keepdims=True) for x in (y_true, y_pred)]
    return ops.subtract(y_true, means[0]), ops.subtract(y_pred, means[1]), ops.subtract(*means)


@_register()
def pearson_correlation(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """The correlation of y_true and y_pred along an axis."""
    y_true, y_pred, _ = _centred(y_true, y_pred, axis)
    unit = [
        ops.multiply(x, ops.minimum(ops.rsqrt(ops.sum(ops.square(x), axis, keepdims=True)), 1e7))
        for x in (y_true, y_pred)
    ]
    return ops.sum(ops.multiply(*unit), axis)


@_register()
def concordance_correlation(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """2 cov / (var + var + (difference of the means)²) along an axis (Lin, 1989)."""
    y_true, y_pred, apart = _centred(y_true, y_pred, axis)
    both = ops.mean(ops.multiply(y_true, y_pred), axis)
    spread = ops.add(ops.mean(ops.square(y_true), axis), ops.mean(ops.square(y_pred), axis))
    below = ops.add(spread, ops.squeeze(ops.square(apart), axis))
    return ops.divide(ops.multiply(both, 2.0), ops.add(below, 1e-7))


for _function in (
    crossentropy_functions.binary_crossentropy,
    crossentropy_functions.binary_focal_crossentropy,
    crossentropy_functions.categorical_crossentropy,
    crossentropy_functions.categorical_focal_crossentropy,
    crossentropy_functions.sparse_categorical_crossentropy,
    loss_functions.huber,
    loss_functions.log_cosh,
):
    serializable("keras.metrics", kind="metric")(_function)
