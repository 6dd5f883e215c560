"""Moments, and batch normalization by given moments."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from jax import lax

from ..errors import ShapeError
from ..op import Tensor, Trait, op
from .checks import check_axes, check_axis, check_float, differ, flops_per_element, shape_of


def _check_batch_normalization(
    x: Any, mean: Any, variance: Any, axis: Any, offset: Any, scale: Any, epsilon: Any
) -> None:
    shape = shape_of(x)
    position = check_axis("batch_normalization", axis, len(shape))
    check_float("batch_normalization", x=x)
    for name, value in (("mean", mean), ("variance", variance), ("offset", offset), ("scale", scale)):
        if value is None:
            continue
        sizes = shape_of(value)
        if len(sizes) != 1 or differ(sizes[0], shape[position]):
            raise ShapeError(
                f"batch_normalization: {name} needs {shape[position]} numbers, one for each channel on axis {axis}",
                received=f"x: {x}, {name}: {value}",
            )


@op(
    Trait.NORMALIZES | Trait.PROMOTES,
    samples=[
        ("f32[b, 3]", "f32[3]", "f32[3]", {"axis": -1}),
        ("f32[b, h, w, 3]", "f32[3]", "f32[3]", {"axis": -1, "offset": "f32[3]", "scale": "f32[3]", "epsilon": 0.01}),
        ("f32[b, 3, 4]", "f32[3]", "f32[3]", {"axis": 1, "scale": "f32[3]"}),
    ],
    check=_check_batch_normalization,
    flops=flops_per_element(2),
)
def batch_normalization(
    x: Tensor,
    mean: Tensor,
    variance: Tensor,
    axis: int,
    offset: Tensor | None = None,
    scale: Tensor | None = None,
    epsilon: float = 0.001,
) -> Tensor:
    """(x - mean) / sqrt(variance + epsilon) * scale + offset.

    Shape: that of x; mean, variance, offset and scale are (size of that axis,).
    """
    around = tuple(i for i in range(x.ndim) if i != axis % x.ndim)
    factor = lax.rsqrt(variance + epsilon)
    if scale is not None:
        factor = factor * scale
    shift = -mean * factor
    if offset is not None:
        shift = shift + offset
    return x * jnp.expand_dims(factor, around) + jnp.expand_dims(shift, around)


def _check_moments(x: Any, axes: Any, keepdims: Any) -> None:
    check_axes("moments", axes, len(shape_of(x)), "axes")
    check_float("moments", x=x)


@op(
    Trait.REDUCES | Trait.NORMALIZES,
    samples=[
        ("f32[b, 3]", 0),
        ("f32[b, h, w, 3]", (0, 1, 2)),
        ("f32[b, 4, 3]", (1,), {"keepdims": True}),
        ("bf16[4, 3]", 0),
    ],
    check=_check_moments,
    flops=flops_per_element(4),
)
def moments(x: Tensor, axes: int | tuple[int, ...], keepdims: bool = False) -> tuple[Tensor, Tensor]:
    """Mean and variance over the axes (variance over n, not n - 1).  Shapes: x without the axes, both."""
    return jnp.mean(x, axes, keepdims=keepdims), jnp.var(x, axes, keepdims=keepdims)
