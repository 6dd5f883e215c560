"""Moments, batch normalization by given moments, and layer normalization by the sample's own."""

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


def _check_layer_normalization(x: Any, gamma: Any, beta: Any, axis: Any, epsilon: Any, rms_scaling: Any) -> None:
    shape = shape_of(x)
    axes = check_axes("layer_normalization", axis, len(shape))
    check_float("layer_normalization", x=x)
    wanted = [shape[position] for position in sorted(axes)]
    for name, value in (("gamma", gamma), ("beta", beta)):
        if value is None:
            continue
        sizes = shape_of(value)
        if len(sizes) != len(wanted) or any(differ(a, b) for a, b in zip(sizes, wanted, strict=True)):
            raise ShapeError(
                f"layer_normalization: {name} needs the sizes of the axes that are normalised: {tuple(wanted)}",
                received=f"x: {x}, {name}: {value}",
            )


@op(
    Trait.NORMALIZES | Trait.PROMOTES | Trait.BROADCASTS,
    samples=[
        ("f32[b, 3]",),
        ("f32[b, t, 4]", "f32[4]", "f32[4]"),
        ("f32[b, 3, 4]", "f32[3, 4]", "f32[3, 4]", {"axis": (1, 2), "epsilon": 0.01}),
        ("f32[b, 3, t]", "f32[3]", {"axis": 1}),
        ("f32[b, 4]", "f32[4]", {"rms_scaling": True}),
        ("bf16[2, 4]", "f32[4]", "f32[4]"),
    ],
    check=_check_layer_normalization,
    flops=flops_per_element(8),
)
def layer_normalization(
    x: Tensor,
    gamma: Tensor | None = None,
    beta: Tensor | None = None,
    axis: int | tuple[int, ...] = -1,
    epsilon: float | None = None,
    rms_scaling: bool = False,
) -> Tensor:
    """(x - mean) / sqrt(variance + epsilon) * gamma + beta, moments over the axes (Ba et al., 2016).

    Shape: that of x; gamma and beta have the sizes of the axes, in their order in x.  Computed in single precision at
    least, for sums over features lose too much in half precision.

    Args:
        epsilon: 1e-7 by default.
        rms_scaling: leaves out "- mean" (the variance stays one around the mean) and "+ beta".
    """
    axes = tuple(sorted(i % x.ndim for i in (axis if isinstance(axis, tuple) else (axis,))))
    rest = tuple(i for i in range(x.ndim) if i not in axes)
    dtype, exact = x.dtype, jnp.promote_types(x.dtype, "float32")
    x = x.astype(exact)
    mean = jnp.mean(x, axes, keepdims=True)
    centered = x - mean
    factor = lax.rsqrt(jnp.mean(jnp.square(centered), axes, keepdims=True) + (1e-7 if epsilon is None else epsilon))
    y = (x if rms_scaling else centered) * factor
    if gamma is not None:
        y = y * jnp.expand_dims(gamma.astype(exact), rest)
    if beta is not None and not rms_scaling:
        y = y + jnp.expand_dims(beta.astype(exact), rest)
    return y.astype(dtype)
