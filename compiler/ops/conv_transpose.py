"""Transposed convolution: the gradient of a convolution, used to enlarge."""

# JAX's own annotations are partly unknown.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import functools
from typing import Any, cast

import jax
import jax.numpy as jnp
from jax import lax

from ..errors import ArgumentError, ShapeError
from ..op import Tensor, Trait, op
from . import taps
from .checks import as_tuple, check_choice, check_float, differ, known, per_axis, product, shape_of
from .conv import FORMATS, channels, promoted, spatial

Sizes = int | tuple[int, ...]


def cuts(padding: str, window: int, stride: int, rate: int, output_padding: int | None) -> tuple[int, int]:
    """How many elements (before, after) are added on an axis to the full result, (size - 1) * stride + span.

    Negative numbers are cut off; these are Keras's rules.
    """
    span = (window - 1) * rate + 1
    if padding == "valid":
        return 0, max(stride - span, 0) if output_padding is None else output_padding
    if output_padding is None:  # the result is size * stride
        before, total = max(span - stride, 0) // 2, span - stride
    else:
        total = span // 2 * 2 - output_padding
        before = max(total, 0) // 2
    return -before, before - total


def _arguments(rank: int, strides: Any, output_padding: Any, dilation_rate: Any) -> tuple[Any, Any, Any]:
    """strides, dilation_rate and output_padding for each spatial axis."""
    steps = per_axis("conv_transpose", "strides", strides, rank)
    rates = per_axis("conv_transpose", "dilation_rate", dilation_rate, rank)
    more = as_tuple(output_padding)
    more = more * rank if len(more) == 1 else more
    if len(more) != rank or any(one is not None and (type(one) is not int or one < 0) for one in more):
        raise ArgumentError(
            f"conv_transpose: output_padding must be None, an int, or {rank} of them, none negative",
            received=f"output_padding={output_padding!r}",
        )
    return steps, rates, more


def _pads(kernel: Any, padding: str, steps: Any, rates: Any, more: Any) -> taps.Pairs:
    return [cuts(padding, *axis) for axis in zip(kernel[:-2], steps, rates, more, strict=True)]


def _check(
    inputs: Any, kernel: Any, strides: Any, padding: Any, output_padding: Any, data_format: Any, dilation_rate: Any
) -> None:
    x, k = shape_of(inputs), shape_of(kernel)
    received = f"inputs: {inputs}, kernel: {kernel}"
    check_choice("conv_transpose", "padding", padding, ("valid", "same"))
    check_choice("conv_transpose", "data_format", data_format, FORMATS)
    check_float("conv_transpose", inputs=inputs, kernel=kernel)
    count = len(x) - 2
    if count not in (1, 2, 3) or len(k) != len(x):
        raise ShapeError(
            "conv_transpose: inputs need a batch axis, 1 to 3 spatial axes and channels; the kernel as many axes",
            received=received,
            hint="the kernel is (*kernel_size, output channels, input channels).",
        )
    if not all(known(size) for size in k[:-2]):
        raise ShapeError("conv_transpose: the sizes of the kernel must be known", received=received)
    _arguments(count, strides, output_padding, dilation_rate)
    if differ(channels(x, data_format), k[-1]):
        raise ShapeError(
            f"conv_transpose: inputs with {channels(x, data_format)} channels do not fit a kernel for {k[-1]}",
            received=received,
            hint="the kernel is (*kernel_size, output channels, input channels).",
        )


def _flops(
    inputs: Any, kernel: Any, strides: Any, padding: str, output_padding: Any, data_format: str, dilation_rate: Any
) -> Any:
    x = shape_of(inputs)
    return 2 * x[0] * product(spatial(x, data_format)) * product(shape_of(kernel))


@op(
    Trait.CONTRACTS | Trait.PROMOTES,
    samples=[
        ("f32[b, 4, 3, 3]", "f32[3, 3, 2, 3]", {"strides": 2, "padding": "same"}),
        ("f32[b, h, w, 3]", "f32[3, 2, 4, 3]", {"strides": (2, 3)}),
        ("f32[b, h, 4, 2]", "f32[3, 3, 2, 2]", {"strides": 2, "padding": "same", "output_padding": 1}),
        ("f32[b, t, 4]", "f32[3, 2, 4]", {"dilation_rate": 2, "padding": "same"}),
        ("f32[b, 3, 4, 5]", "f32[2, 2, 2, 3]", {"data_format": "channels_first", "strides": 3}),
        ("f32[2, 2, 3, 2, 1]", "f32[2, 2, 2, 2, 1]"),
        ("f32[b, 3, 2]", "f32[70, 2, 2]"),
    ],
    check=_check,
    flops=_flops,
)
def conv_transpose(
    inputs: Tensor,
    kernel: Tensor,
    strides: Sizes = 1,
    padding: str = "valid",
    output_padding: Sizes | None = None,
    data_format: str = "channels_last",
    dilation_rate: Sizes = 1,
) -> Tensor:
    """Each input element, `strides` apart, spread over a window by the kernel; what overlaps is summed.

    Shape: inputs (batch, *sizes, channels), kernel (*kernel_size, filters, channels) give
    (batch, *new sizes, filters); with `data_format="channels_first"` the channels are axis 1.  With
    span = (kernel_size - 1) * dilation_rate + 1, new sizes are size * stride for "same" and
    size * stride + max(span - stride, 0) for "valid"; with an output_padding, (size - 1) * stride + span
    + output_padding, less 2 * (span // 2) for "same".
    """
    rank = inputs.ndim - 2
    x, k = promoted(inputs, kernel)
    if data_format == "channels_first":
        x = jnp.moveaxis(x, 1, -1)
    steps, rates, more = _arguments(rank, strides, output_padding, dilation_rate)
    pads = tuple(_pads(k.shape, padding, steps, rates, more))
    form = _dilated
    if taps.fit(x, k) and not _keeps_sizes(k, steps, rates, pads):
        form = _by_taps if rank == 3 else cast(Any, _transposed)
    y = form(x, k, steps, rates, pads)
    return jnp.moveaxis(y, -1, 1) if data_format == "channels_first" else y


def _keeps_sizes(kernel: Tensor, strides: Any, rates: Any, pads: Any) -> bool:
    """Whether this is an ordinary convolution of the same sizes, of up to two axes: XLA's gradients are fast."""
    axes = zip(kernel.shape[:-2], strides, rates, pads, strict=True)
    return len(strides) < 3 and all(
        step == 1 and (window - 1) * rate + before + after == 0 for window, step, rate, (before, after) in axes
    )


def _dilated(x: Tensor, kernel: Tensor, strides: Any, rates: Any, pads: Any) -> Tensor:
    """The result as a convolution of the inputs with zeros between them."""
    letters = "DHW"[2 - x.ndim :]
    spans = [(window - 1) * rate for window, rate in zip(kernel.shape[:-2], rates, strict=True)]
    return lax.conv_general_dilated(
        x,
        jnp.flip(kernel, range(kernel.ndim - 2)),
        window_strides=(1,) * len(spans),
        padding=[(span + before, span + after) for span, (before, after) in zip(spans, pads, strict=True)],
        lhs_dilation=strides,
        rhs_dilation=rates,
        dimension_numbers=(f"N{letters}C", f"{letters}OI", f"N{letters}C"),
    )


def _by_taps(x: Tensor, kernel: Tensor, strides: Any, rates: Any, pads: Any) -> Tensor:
    fast, other = (
        functools.partial(form, strides=strides, rates=rates, pads=pads) for form in (taps.transposed, _dilated)
    )
    return taps.on_cpu(fast, other, x, kernel)


# XLA's own is as fast forward and by the inputs; the gradient by the kernel is what the taps are for. Forward and
# gradients on two cores, ms: 32×14×14×64 → 32, 3×3 stride 2, 380 → 33; stride 1 "valid" 385 → 28, but "same" 17 → 21.
_transposed = jax.custom_jvp(_dilated, nondiff_argnums=(2, 3, 4))


@_transposed.defjvp
def _transposed_jvp(strides: Any, rates: Any, pads: Any, primals: Any, tangents: Any) -> tuple[Tensor, Tensor]:
    x, kernel = primals
    by_x = _dilated(tangents[0], kernel, strides, rates, pads)
    by_kernel = _by_taps(x, tangents[1], strides, rates, pads)
    return _dilated(x, kernel, strides, rates, pads), by_x + by_kernel
