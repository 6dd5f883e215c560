"""Reductions over axes, and running sums.

`axis` is an int, a tuple of them, or None for all; the axes go, or stay with size 1 if `keepdims`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from ..errors import ArgumentError
from ..op import Tensor, Trait, op
from .checks import check_axes, check_axis, flops_per_element, shape_of

Axes = int | tuple[int, ...] | None

_FLOATS = [
    ("f32[b, 3]",),
    ("f32[b, t, 4]", {"axis": -1}),
    ("f32[b, 3, 4]", {"axis": (1, 2), "keepdims": True}),
    ("bf16[2, 3]", {"axis": 0}),
]
_NUMBERS = [*_FLOATS, ("i32[b, 2]", {"axis": 1})]
_BOOLS = [("bool[b, 3]",), ("bool[b, t]", {"axis": -1, "keepdims": True})]


def _check(name: str) -> Callable[..., None]:
    def check(x: Any, axis: Any, keepdims: Any) -> None:
        check_axes(name, axis, len(shape_of(x)))

    return check


def _check_one(name: str) -> Callable[..., None]:
    def check(x: Any, axis: Any, _: Any = None) -> None:
        if isinstance(axis, tuple):
            raise ArgumentError(f"{name}: axis must be one int, or None", received=f"axis={axis!r}")
        if axis is not None:
            check_axis(name, axis, len(shape_of(x)))

    return check


@op(Trait.REDUCES, samples=[*_NUMBERS, ("bool[b]",)], check=_check("sum"), flops=flops_per_element(1))
def sum(x: Tensor, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Sum; bools are counted as int32.  Shape: x without the axes."""
    return jnp.sum(x, axis, keepdims=keepdims)


@op(Trait.REDUCES, samples=_NUMBERS, check=_check("mean"), flops=flops_per_element(1))
def mean(x: Tensor, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Mean, floating point also for integers.  Shape: x without the axes."""
    return jnp.mean(x, axis, keepdims=keepdims)


@op(Trait.REDUCES, samples=_NUMBERS, check=_check("max"), flops=flops_per_element(1))
def max(x: Tensor, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Maximum; equal maxima share the gradient.  Shape: x without the axes."""
    return jnp.max(x, axis, keepdims=keepdims)


@op(Trait.REDUCES, samples=_NUMBERS, check=_check("min"), flops=flops_per_element(1))
def min(x: Tensor, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Minimum; equal minima share the gradient.  Shape: x without the axes."""
    return jnp.min(x, axis, keepdims=keepdims)


@op(Trait.REDUCES, samples=_NUMBERS, check=_check("prod"), flops=flops_per_element(1))
def prod(x: Tensor, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Product.  Shape: x without the axes."""
    return jnp.prod(x, axis, keepdims=keepdims)


@op(Trait.REDUCES, samples=_BOOLS, check=_check("any"))
def any(x: Tensor, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Whether one element is true (numbers: not 0), as bool.  Shape: x without the axes."""
    return jnp.any(x, axis, keepdims=keepdims)


@op(Trait.REDUCES, samples=_BOOLS, check=_check("all"))
def all(x: Tensor, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Whether every element is true (numbers: not 0), as bool.  Shape: x without the axes."""
    return jnp.all(x, axis, keepdims=keepdims)


@op(Trait.REDUCES, samples=_FLOATS, check=_check("var"), flops=flops_per_element(3))
def var(x: Tensor, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Variance, over n and not n - 1.  Shape: x without the axes."""
    return jnp.var(x, axis, keepdims=keepdims)


@op(Trait.REDUCES, samples=_FLOATS, check=_check("std"), flops=flops_per_element(3))
def std(x: Tensor, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Square root of the variance over n; its gradient is NaN where that is 0.  Shape: x without the axes."""
    return jnp.std(x, axis, keepdims=keepdims)


@op(Trait.REDUCES, samples=_FLOATS, check=_check("logsumexp"), flops=flops_per_element(4))
def logsumexp(x: Tensor, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """log(sum(exp(x))) without overflow.  Shape: x without the axes."""
    return jax.nn.logsumexp(x, axis, keepdims=keepdims)


_ARGS = [("f32[b, 3]", {"axis": -1}), ("f32[2, 3]",), ("i32[b, 2]", {"axis": 1, "keepdims": True})]


@op(Trait.REDUCES, samples=_ARGS, check=_check_one("argmax"))
def argmax(x: Tensor, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Position of the first maximum as int32, in the flattened tensor without an axis.  Shape: x without the axis."""
    return jnp.argmax(x, axis, keepdims=keepdims)


@op(Trait.REDUCES, samples=_ARGS, check=_check_one("argmin"))
def argmin(x: Tensor, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Position of the first minimum as int32, in the flattened tensor without an axis.  Shape: x without the axis."""
    return jnp.argmin(x, axis, keepdims=keepdims)


@op(
    Trait.REDUCES,
    samples=[
        ("f32[b, 3]", {"axis": -1}),
        ("f32[2, 3]",),
        ("f32[b, t]", {"axis": 1}),
        ("i32[4]", {"axis": 0, "dtype": "float32"}),
    ],
    check=_check_one("cumsum"),
)
def cumsum(x: Tensor, axis: int | None = None, dtype: str | None = None) -> Tensor:
    """Running sum along an axis; of the flattened tensor without one.  Shape: that of x, or (its size,)."""
    return jnp.cumsum(x, axis, dtype)
