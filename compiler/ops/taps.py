"""Convolutions as one matrix product for each position in the kernel: what XLA's own are slower than, on a CPU.

A position ("tap") of the kernel meets one strided slice of the inputs, and a transposed convolution spreads each tap's
product over one padded tensor; the gradient of either is the other.  XLA:CPU runs what it cannot hand to a library
(volumes, and gradients of dilated inputs) in plain loops.  Measured on two cores, ms, XLA's form against this one,
forward and gradients, of volumes: 4×12×12×12×32, 3×3×3 → 64: 124 → 82, stride 2: 167 → 14; of one channel,
4×16×16×16×1 → 16: 32 → 3.  Transposed convolutions: see `conv_transpose`.
"""

# JAX's own annotations are partly unknown.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable
from typing import Any, cast

import jax.numpy as jnp
from jax import lax

from ..op import Tensor
from .checks import known

MOST = 64
"""Kernels of more positions are left to XLA, for programs would grow large."""

Pairs = list[tuple[Any, Any]]


def fit(x: Tensor, kernel: Tensor) -> bool:
    """Whether a kernel (*sizes, m, n) may be taken apart: sizes are known, and its positions few."""
    return all(map(known, (*x.shape[1:], *kernel.shape))) and math.prod(kernel.shape[:-2]) <= MOST


def on_cpu(fast: Callable[..., Tensor], otherwise: Callable[..., Tensor], *operands: Tensor) -> Tensor:
    """`fast(*operands)` in a program for a CPU, `otherwise(*operands)` in one for anything else."""
    return cast(Any, lax.platform_dependent)(*operands, cpu=fast, default=otherwise)


def convolution(x: Tensor, kernel: Tensor, strides: Any, rates: Any, pads: Pairs) -> Tensor:
    """Cross-correlation of x (batch, *sizes, m), padded by (before, after) per axis, with kernel (*sizes, m, n)."""
    x = lax.pad(x, jnp.zeros((), x.dtype), [(0, 0, 0), *((*pair, 0) for pair in pads), (0, 0, 0)])
    spans = [(window - 1) * rate + 1 for window, rate in zip(kernel.shape[:-2], rates, strict=True)]
    counts = [(size - span) // step + 1 for size, span, step in zip(x.shape[1:-1], spans, strides, strict=True)]

    def product(tap: tuple[int, ...]) -> Tensor:
        start = [position * rate for position, rate in zip(tap, rates, strict=True)]
        stop = [first + (count - 1) * step + 1 for first, count, step in zip(start, counts, strides, strict=True)]
        piece = lax.slice(x, (0, *start, 0), (x.shape[0], *stop, x.shape[-1]), (1, *strides, 1))
        return _dot(piece, kernel[tap], 0)

    return _sum(product, kernel).astype(x.dtype)


def transposed(x: Tensor, kernel: Tensor, strides: Any, rates: Any, pads: Pairs) -> Tensor:
    """Each element of x (batch, *sizes, n), `strides` apart, spread by kernel (*sizes, m, n), and what overlaps summed.

    Shape: (batch, *((size - 1) * stride + span + before + after), m); `pads` may be negative, which cuts off.
    """

    def product(tap: tuple[int, ...]) -> Tensor:
        spread = _dot(x, kernel[tap], 1)
        around = [
            (before + position * rate, after + (window - 1 - position) * rate, step - 1)
            for (before, after), position, rate, window, step in zip(
                pads, tap, rates, kernel.shape[:-2], strides, strict=True
            )
        ]
        return lax.pad(spread, jnp.zeros((), spread.dtype), [(0, 0, 0), *around, (0, 0, 0)])

    return _sum(product, kernel).astype(x.dtype)


def _dot(x: Tensor, tap: Tensor, axis: int) -> Tensor:
    """The last axis of x against `axis` of a kernel's tap, summed in 32 bits at least."""
    wide = jnp.promote_types(x.dtype, "float32")
    return lax.dot_general(x, tap, (((x.ndim - 1,), (axis,)), ((), ())), preferred_element_type=wide)


def _sum(product: Callable[[tuple[int, ...]], Tensor], kernel: Tensor) -> Tensor:
    return functools.reduce(lax.add, map(product, itertools.product(*map(range, kernel.shape[:-2]))))
