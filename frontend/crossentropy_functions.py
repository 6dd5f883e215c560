"""Cross-entropies as functions: one value for each sample, from targets and predictions."""

from __future__ import annotations

from typing import Any

from ..compiler.errors import ArgumentError
from . import ops
from .broadcasting import as_float, same_rank
from .saving.registry import serializable

_EPSILON = 1e-7


def _register(*aliases: str) -> Any:
    return serializable("keras.losses", kind="loss", aliases=aliases)


@_register("bce")
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


@_register()
def binary_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """(1 - p)^gamma times the cross-entropy, p the probability of the truth; mean over `axis` (Lin et al., 2017).

    Args:
        apply_class_balancing: whether yes counts alpha, and no 1 - alpha.
        gamma: how much less what is nearly certain counts.
        from_logits, label_smoothing: as in `binary_crossentropy`.
    """
    y_true, y_pred = same_rank(as_float(y_true), as_float(y_pred))
    if label_smoothing:
        y_true = ops.add(ops.multiply(y_true, 1.0 - label_smoothing), 0.5 * label_smoothing)
    if from_logits:
        y_pred = ops.sigmoid(y_pred)
    values = ops.binary_crossentropy(y_true, y_pred)
    y_false = ops.subtract(1.0, y_true)
    right = ops.add(ops.multiply(y_true, y_pred), ops.multiply(y_false, ops.subtract(1.0, y_pred)))
    values = ops.multiply(ops.power(ops.subtract(1.0, right), gamma), values)
    if apply_class_balancing:
        share = ops.add(ops.multiply(y_true, alpha), ops.multiply(y_false, 1.0 - alpha))
        values = ops.multiply(share, values)
    return ops.mean(values, axis)


@_register()
def categorical_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """sum(alpha * (1 - p)^gamma * -t log p) over `axis`, for one-hot targets (Lin et al., 2017).

    Args:
        alpha: factor of all.
        gamma: how much less what is nearly certain counts.
        from_logits, label_smoothing: as in `categorical_crossentropy`.
    """
    y_true, y_pred = as_float(y_true), as_float(y_pred)
    if label_smoothing:
        y_true = ops.add(ops.multiply(y_true, 1.0 - label_smoothing), label_smoothing / y_pred.shape[axis])
    if from_logits:
        y_pred = ops.softmax(y_pred, axis)
    y_pred = ops.divide(y_pred, ops.sum(y_pred, axis, keepdims=True))
    y_pred = ops.clip(y_pred, _EPSILON, 1.0 - _EPSILON)
    values = ops.multiply(ops.negative(y_true), ops.log(y_pred))
    weights = ops.multiply(ops.power(ops.subtract(1.0, y_pred), gamma), alpha)
    return ops.sum(ops.multiply(weights, values), axis)


@_register()
def categorical_generalized_cross_entropy(y_true: Any, y_pred: Any, q: float) -> Any:
    """(1 - p^q) / q for the probability p of each integer target's class (Zhang & Sabuncu, 2018).

    Raises:
        ArgumentError: q is not between 0 and 1.
    """
    if not 0 < q < 1:
        raise ArgumentError(
            "categorical_generalized_cross_entropy() takes q between 0 and 1",
            received=f"{q=}",
            hint="towards 0 it is the cross-entropy, towards 1 the absolute error.",
        )
    y_true, y_pred = ops.cast(y_true, "int32"), as_float(y_pred)
    if len(y_true.shape) == len(y_pred.shape):
        y_true = ops.squeeze(y_true, -1)
    hot = ops.one_hot(y_true, y_pred.shape[-1])
    right = ops.sum(ops.multiply(hot, y_pred), -1)
    return ops.divide(ops.subtract(1.0, ops.power(right, q)), q)
