"""Losses as functions: one value for each sample, from targets and predictions."""

from __future__ import annotations

import math
from typing import Any

from . import ops
from .broadcasting import as_float, same_rank
from .saving.registry import serializable

_EPSILON = 1e-7
"""What keeps divisions and logarithms finite (Keras's `epsilon()`)."""


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


@_register("mape")
def mean_absolute_percentage_error(y_true: Any, y_pred: Any) -> Any:
    """100 * mean(|y_true - y_pred| / |y_true|) over the last axis."""
    y_true, y_pred = same_rank(as_float(y_true), as_float(y_pred))
    size = ops.maximum(ops.absolute(y_true), _EPSILON)
    return ops.multiply(ops.mean(ops.absolute(ops.divide(ops.subtract(y_true, y_pred), size)), -1), 100.0)


@_register("msle")
def mean_squared_logarithmic_error(y_true: Any, y_pred: Any) -> Any:
    """mean((log(y_true + 1) - log(y_pred + 1))²) over the last axis; negative numbers count as 0."""
    y_true, y_pred = same_rank(as_float(y_true), as_float(y_pred))
    logarithms = [ops.log(ops.add(ops.maximum(x, _EPSILON), 1.0)) for x in (y_pred, y_true)]
    return ops.mean(ops.square(ops.subtract(*logarithms)), -1)


@_register()
def log_cosh(y_true: Any, y_pred: Any) -> Any:
    """mean(log(cosh(y_pred - y_true))) over the last axis."""
    y_true, y_pred = same_rank(as_float(y_true), as_float(y_pred))
    error = ops.subtract(y_pred, y_true)
    values = ops.subtract(ops.add(error, ops.softplus(ops.multiply(error, -2.0))), math.log(2.0))
    return ops.mean(values, -1)


@_register()
def poisson(y_true: Any, y_pred: Any) -> Any:
    """mean(y_pred - y_true * log(y_pred)) over the last axis."""
    y_true, y_pred = same_rank(as_float(y_true), as_float(y_pred))
    return ops.mean(ops.subtract(y_pred, ops.multiply(y_true, ops.log(ops.add(y_pred, _EPSILON)))), -1)


@_register("kld")
def kl_divergence(y_true: Any, y_pred: Any) -> Any:
    """sum(y_true * log(y_true / y_pred)) over the last axis (Kullback & Leibler, 1951)."""
    y_true, y_pred = (ops.clip(x, _EPSILON, 1.0) for x in same_rank(as_float(y_true), as_float(y_pred)))
    return ops.sum(ops.multiply(y_true, ops.log(ops.divide(y_true, y_pred))), -1)


@_register()
def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """-cos of the angle between vectors along `axis`."""
    return ops.negative(cosine(y_true, y_pred, axis))


def cosine(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """cos of the angle between vectors along `axis`; 0 where one is 0."""
    vectors: list[Any] = []
    for x in same_rank(as_float(y_true), as_float(y_pred)):
        inverse = ops.rsqrt(ops.sum(ops.square(x), axis, keepdims=True))
        vectors.append(ops.multiply(x, ops.minimum(inverse, 1.0 / _EPSILON)))
    return ops.sum(ops.multiply(*vectors), axis)


def _signs(y_true: Any) -> Any:
    """Targets of 0 and 1 as -1 and 1; others as they are."""
    binary = ops.all(ops.logical_or(ops.equal(y_true, 0.0), ops.equal(y_true, 1.0)))
    return ops.where(binary, ops.subtract(ops.multiply(y_true, 2.0), 1.0), y_true)


@_register()
def hinge(y_true: Any, y_pred: Any) -> Any:
    """mean(max(1 - y_true * y_pred, 0)) over the last axis; targets of 0 and 1 count as -1 and 1."""
    y_true, y_pred = same_rank(as_float(y_true), as_float(y_pred))
    return ops.mean(ops.maximum(ops.subtract(1.0, ops.multiply(_signs(y_true), y_pred)), 0.0), -1)


@_register()
def squared_hinge(y_true: Any, y_pred: Any) -> Any:
    """mean(max(1 - y_true * y_pred, 0)²) over the last axis; targets of 0 and 1 count as -1 and 1."""
    y_true, y_pred = same_rank(as_float(y_true), as_float(y_pred))
    return ops.mean(ops.square(ops.maximum(ops.subtract(1.0, ops.multiply(_signs(y_true), y_pred)), 0.0)), -1)


@_register()
def categorical_hinge(y_true: Any, y_pred: Any) -> Any:
    """max(1 + the largest score of a wrong class - that of the right one, 0) along the last axis."""
    y_true, y_pred = as_float(y_true), as_float(y_pred)
    right = ops.sum(ops.multiply(y_true, y_pred), -1)
    wrong = ops.max(ops.multiply(ops.subtract(1.0, y_true), y_pred), -1)
    return ops.maximum(ops.add(ops.subtract(wrong, right), 1.0), 0.0)


@_register()
def dice(y_true: Any, y_pred: Any, axis: Any = None) -> Any:
    """1 - 2 |A ∩ B| / (|A| + |B|) over `axis`, or over all axes (Milletari et al., 2016)."""
    y_true, y_pred = as_float(y_true), as_float(y_pred)
    both = ops.sum(ops.multiply(y_true, y_pred), axis)
    sizes = ops.add(ops.sum(y_true, axis), ops.sum(y_pred, axis))
    return ops.subtract(1.0, ops.divide(ops.add(ops.multiply(both, 2.0), _EPSILON), ops.add(sizes, _EPSILON)))


@_register()
def tversky(y_true: Any, y_pred: Any, alpha: float = 0.5, beta: float = 0.5, axis: Any = None) -> Any:
    """1 - |A ∩ B| / (|A ∩ B| + alpha * missed + beta * wrongly found) over `axis`, or all (Salehi et al., 2017)."""
    y_true, y_pred = as_float(y_true), as_float(y_pred)
    both = ops.sum(ops.multiply(y_true, y_pred), axis)
    missed = ops.sum(ops.multiply(y_true, ops.subtract(1.0, y_pred)), axis)
    wrong = ops.sum(ops.multiply(ops.subtract(1.0, y_true), y_pred), axis)
    weighed = ops.add(ops.multiply(missed, alpha), ops.multiply(wrong, beta))
    return ops.subtract(1.0, ops.divide(ops.add(both, _EPSILON), ops.add(ops.add(both, weighed), _EPSILON)))
