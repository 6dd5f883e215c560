"""Maximum and average over windows.

XLA's own gradients of `reduce_window` are slow on CPU, so where a gradient is taken windows are taken apart: one
strided slice of the inputs for each position in the window, whose gradient is one padded tensor. Measured on two cores,
gradient in ms, reduce_window against slices: maximum 22-40 → 1.5 (64×28×28×64, 3×3 stride 3), 14-18 → 0.4
(64×28×28×32, 2×2), 74-85 → 9-11 (8×112×112×64, 3×3 stride 2); average 20 → 1.4, 0.3 → 0.4 and 45 → 3. Without a
gradient `reduce_window` stays, which XLA merges with a convolution before it (64×30×30×32, 3×3 to 64, then 3×3: 14 ms
for both, 57 as slices).
"""

# JAX's own annotations are partly unknown.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any, cast

import jax
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
        raise ShapeError(
            "pool: inputs need a batch axis, 1 to 3 spatial axes and channels", received=f"inputs: {inputs}"
        )
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
    window, step = _window(len(x), pool_size, strides)
    sizes = [window_count(*axis, padding) for axis in zip(spatial(x, data_format), window, step, strict=True)]
    return product(x) // product(spatial(x, data_format)) * product(sizes) * product(window)


def _window(rank: int, pool_size: Any, strides: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    window = per_axis("pool", "pool_size", pool_size, rank - 2)
    return window, window if strides is None else per_axis("pool", "strides", strides, rank - 2)


def _full(values: tuple[int, ...], data_format: str) -> tuple[int, ...]:
    """Per-axis values with ones for the batch and channel axes."""
    return (1, *values, 1) if data_format == "channels_last" else (1, 1, *values)


def _in_pieces(x: Tensor, sizes: tuple[int, ...]) -> bool:
    """Whether slices are to be taken: not where sizes are unknown, nor for so many that programs grow large."""
    return math.prod(sizes) <= 64 and all(known(n) for n, size in zip(x.shape, sizes, strict=True) if size > 1)


def _pieces(x: Tensor, sizes: tuple[int, ...], steps: tuple[int, ...], padding: str, fill: float) -> Iterator[Tensor]:
    """For each position in the window, row by row, the elements that stand there in all windows."""
    if padding == "same":
        around = lax.padtype_to_pads(x.shape, sizes, steps, "SAME")
        x = lax.pad(x, jnp.asarray(fill, x.dtype), [(before, after, 0) for before, after in around])
    reach = [
        (n - size) // step * step if size > 1 or step > 1 else n - 1
        for n, size, step in zip(x.shape, sizes, steps, strict=True)
    ]
    for start in itertools.product(*map(range, sizes)):
        yield lax.slice(x, start, [first + last + 1 for first, last in zip(start, reach, strict=True)], steps)


def _by_axis(reduce: Callable[..., Any], x: Any, sizes: Any, steps: Any, padding: str) -> Any:
    """`reduce(x, sizes, steps, padding)`; of large windows over volumes, one axis after the other, the last one first.

    The first of equal maxima is then the same.  Gradient in ms (8×16×16×16×16, 3×3×3 stride 2): maximum 6 → 3.5,
    average 17 → 4; of images, whole windows are as fast or faster.
    """
    if len([size for size in sizes if size > 1]) < 3 or math.prod(sizes) <= 8:
        return reduce(x, sizes, steps, padding)
    for axis in reversed(range(x.ndim)):
        size, step = [1] * x.ndim, [1] * x.ndim
        size[axis], step[axis] = sizes[axis], steps[axis]
        x = reduce(x, tuple(size), tuple(step), padding) if (size[axis], step[axis]) != (1, 1) else x
    return x


@functools.partial(jax.custom_jvp, nondiff_argnums=(1, 2, 3))
def _maximum(x: Tensor, sizes: tuple[int, ...], steps: tuple[int, ...], padding: str) -> Tensor:
    return lax.reduce_window(x, -jnp.inf, lax.max, sizes, steps, padding.upper())


@_maximum.defjvp
def _maximum_jvp(sizes: Any, steps: Any, padding: Any, primals: Any, tangents: Any) -> tuple[Tensor, Tensor]:
    """The tangent at the first position that holds the maximum, as XLA's select-and-scatter has it."""
    best, *others = _pieces(primals[0], sizes, steps, padding, -jnp.inf)
    place = jnp.zeros(best.shape, "int8")
    for index, piece in enumerate(others, 1):
        place = jnp.where(piece > best, jnp.asarray(index, "int8"), place)
        best = lax.max(best, piece)
    pieces = _pieces(tangents[0], sizes, steps, padding, 0.0)
    chosen = (jnp.where(place == index, piece, jnp.zeros_like(piece)) for index, piece in enumerate(pieces))
    return best, functools.reduce(lax.add, chosen)


@functools.partial(jax.custom_jvp, nondiff_argnums=(1, 2, 3))
def _total(x: Tensor, sizes: tuple[int, ...], steps: tuple[int, ...], padding: str) -> Tensor:
    return lax.reduce_window(x, x.dtype.type(0), lax.add, sizes, steps, padding.upper())


@_total.defjvp
def _total_jvp(sizes: Any, steps: Any, padding: Any, primals: Any, tangents: Any) -> tuple[Tensor, Tensor]:
    def added(x: Tensor) -> Tensor:
        return functools.reduce(lax.add, _pieces(x, sizes, steps, padding, 0.0))

    return added(primals[0]), added(tangents[0])


_SAMPLES = [
    ("f32[b, 4, 4, 2]", 2),
    ("f32[b, h, w, 2]", (2, 3), {"strides": 2, "padding": "same"}),
    ("f32[b, 5, 5, 1]", 3, {"strides": 2}),
    ("f32[b, t, 2]", 2),
    ("f32[b, 5, 4, 1]", 2, {"padding": "same"}),
    ("f32[b, 2, 4, 4]", 2, {"data_format": "channels_first"}),
    ("f32[2, 4, 4, 4, 1]", 2),
    ("f32[b, 4, 3, 5, 1]", (2, 3, 3), {"padding": "same", "strides": (1, 2, 2)}),
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
    window, step = _window(inputs.ndim, pool_size, strides)
    sizes, steps = _full(window, data_format), _full(step, data_format)
    if _in_pieces(inputs, sizes):
        return _by_axis(cast(Any, _maximum), inputs, sizes, steps, padding)
    return lax.reduce_window(inputs, -jnp.inf, lax.max, sizes, steps, padding.upper())


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
    window, step = _window(inputs.ndim, pool_size, strides)
    sizes, steps = _full(window, data_format), _full(step, data_format)

    def total(x: Tensor) -> Tensor:
        if _in_pieces(x, sizes):
            return _by_axis(cast(Any, _total), x, sizes, steps, padding)
        return lax.reduce_window(x, x.dtype.type(0), lax.add, sizes, steps, padding.upper())

    if padding == "valid":
        return total(inputs) / product(window)
    ones = jnp.ones([1 if size == 1 else n for size, n in zip(sizes, inputs.shape, strict=True)], inputs.dtype)
    summed = total(inputs)
    return summed / jnp.broadcast_to(total(ones), summed.shape)
