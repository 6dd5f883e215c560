"""Maximum and average over windows."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from jax import lax

from ..errors import ShapeError
from ..op import Tensor, Trait, op
from .checks import check_choice, check_float, known, per_axis, product, shape_of
from .conv import FORMATS, spatial, window_count


def _check(inputs: Any, pool_size: Any, strides: Any, padding: Any, data_format: Any) -> None:
    x = shape_of(inputs)
    check_choice("pool", "padding", padding, ("valid", "same"))
    check_choice("pool", "data_format", data_format, FORMATS)
    check_float("pool", inputs=inputs)
    count = len(x) - 2
    if count not in (1, 2, 3):
        raise ShapeError("pool: inputs need a batch axis, 1 to 3 spatial axes and channels", received=f"inputs: {inputs}")
    window = per_axis("pool", "pool_size", pool_size, count)
    per_axis("pool", "strides", pool_size if strides is None else strides, count)
    for size, span in zip(spatial(x, data_format), window, strict=True):
        if padding == "valid" and known(size) and size < span:
            raise ShapeError(
                f"pool: a window of {span} does not fit on an axis of size {size}",
                received=f"inputs: {inputs}, pool_size={pool_size}",
                hint='take a smaller pool_size, or padding="same".',
            )


def _flops(inputs: Any, pool_size: Any, strides: Any, padding: str, data_format: str) -> Any:
    x = shape_of(inputs)
    window, step, count = _window(len(x), pool_size, strides)
    sizes = [window_count(*axis, padding) for axis in zip(spatial(x, data_format), window, step, strict=True)]
    return product(x) // product(spatial(x, data_format)) * product(sizes) * product(window)


def _window(rank: int, pool_size: Any, strides: Any) -> tuple[tuple[int, ...], tuple[int, ...], int]:
    count = rank - 2
    window = per_axis("pool", "pool_size", pool_size, count)
    return window, window if strides is None else per_axis("pool", "strides", strides, count), count


def _full(values: tuple[int, ...], data_format: str) -> tuple[int, ...]:
    """Per-axis values with ones for the batch and channel axes."""
    return (1, *values, 1) if data_format == "channels_last" else (1, 1, *values)


_SAMPLES = [
    ("f32[b, 8, 8, 3]", 2),
    ("f32[b, h, w, 2]", (2, 3), {"strides": 2, "padding": "same"}),
    ("f32[b, 7, 7, 2]", 3, {"strides": 2}),
    ("f32[b, t, 2]", 2),
    ("f32[b, 7, 8, 2]", 2, {"padding": "same"}),
    ("f32[b, 2, 6, 6]", 2, {"data_format": "channels_first"}),
    ("f32[2, 4, 4, 4, 1]", 2),
]


@op(Trait.POOLS, samples=_SAMPLES, check=_check, flops=_flops)
def max_pool(
    inputs: Tensor,
    pool_size: int | tuple[int, ...],
    strides: int | tuple[int, ...] | None = None,
    padding: str = "valid",
    data_format: str = "channels_last",
) -> Tensor:
    """Maximum over windows; the first of equal maxima gets the gradient.

    Shape: (batch, *sizes, channels) to (batch, *new sizes, channels); with `data_format="channels_first"` the channels
    are axis 1.  strides=None steps by pool_size.
    """
    window, step, _ = _window(inputs.ndim, pool_size, strides)
    return lax.reduce_window(
        inputs, -jnp.inf, lax.max, _full(window, data_format), _full(step, data_format), padding.upper()
    )


@op(Trait.POOLS, samples=_SAMPLES, check=_check, flops=_flops)
def average_pool(
    inputs: Tensor,
    pool_size: int | tuple[int, ...],
    strides: int | tuple[int, ...] | None = None,
    padding: str = "valid",
    data_format: str = "channels_last",
) -> Tensor:
    """Mean over windows; with padding="same" over the part of the window that lies on the inputs.

    Shape: as `max_pool`.
    """
    window, step, _ = _window(inputs.ndim, pool_size, strides)
    sizes, steps = _full(window, data_format), _full(step, data_format)
    zero = inputs.dtype.type(0)
    total = lax.reduce_window(inputs, zero, lax.add, sizes, steps, padding.upper())
    if padding == "valid":
        return total / product(window)
    ones = jnp.ones([1 if span == 1 else size for span, size in zip(sizes, inputs.shape, strict=True)], inputs.dtype)
    count = lax.reduce_window(ones, zero, lax.add, sizes, steps, padding.upper())
    return total / jnp.broadcast_to(count, total.shape)
