"""Convolution over one, two or three spatial axes."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from jax import lax

from ..errors import ShapeError
from ..op import Tensor, Trait, op
from . import taps
from .checks import check_choice, check_float, known, per_axis, product, shape_of

FORMATS = ("channels_last", "channels_first")


def spatial(shape: tuple[Any, ...], data_format: str) -> tuple[Any, ...]:
    """Sizes of the spatial axes."""
    return shape[1:-1] if data_format == "channels_last" else shape[2:]


def channels(shape: tuple[Any, ...], data_format: str) -> Any:
    """Number of channels."""
    return shape[-1] if data_format == "channels_last" else shape[1]


def window_count(size: Any, window: int, stride: int, padding: str) -> Any:
    """How many windows fit on an axis."""
    return -(-size // stride) if padding == "same" else (size - window) // stride + 1


def _check(inputs: Any, kernel: Any, strides: Any, padding: Any, data_format: Any, dilation_rate: Any) -> None:
    x, k = shape_of(inputs), shape_of(kernel)
    received = f"inputs: {inputs}, kernel: {kernel}"
    check_choice("conv", "padding", padding, ("valid", "same"))
    check_choice("conv", "data_format", data_format, FORMATS)
    check_float("conv", kernel=kernel)
    count = len(x) - 2
    if count not in (1, 2, 3) or len(k) != len(x):
        raise ShapeError(
            "conv: inputs need a batch axis, 1 to 3 spatial axes and channels; the kernel as many axes",
            received=received,
            hint="the kernel is (*kernel_size, input channels // groups, output channels).",
        )
    per_axis("conv", "strides", strides, count)
    rates = per_axis("conv", "dilation_rate", dilation_rate, count)
    given, wanted = channels(x, data_format), k[-2]
    if not known(given):
        raise ShapeError(
            "conv: the number of input channels must be known",
            received=received,
            hint="give `Input(shape=…)` a size for that axis.",
        )
    if known(wanted) and (wanted == 0 or given % wanted or k[-1] % (given // wanted)):
        raise ShapeError(
            f"conv: inputs with {given} channels do not fit a kernel for {wanted} input and {k[-1]} output channels",
            received=received,
            hint="the kernel is (*kernel_size, input channels // groups, output channels), and groups divides both.",
        )
    if padding == "valid":
        for size, window, rate in zip(spatial(x, data_format), k[:-2], rates, strict=True):
            if known(size) and known(window) and size < (window - 1) * rate + 1:
                raise ShapeError(
                    f"conv: a kernel that spans {(window - 1) * rate + 1} does not fit on an axis of size {size}",
                    received=received,
                    hint='padding="same" keeps the size.',
                )


def _flops(inputs: Any, kernel: Any, strides: Any, padding: str, data_format: str, dilation_rate: Any) -> Any:
    x, k = shape_of(inputs), shape_of(kernel)
    steps = per_axis("conv", "strides", strides, len(x) - 2)
    rates = per_axis("conv", "dilation_rate", dilation_rate, len(x) - 2)
    spans = [(window - 1) * rate + 1 for window, rate in zip(k[:-2], rates, strict=True)]
    sizes = spatial(x, data_format)
    windows = [window_count(*axis, padding) for axis in zip(sizes, spans, steps, strict=True)]
    return 2 * x[0] * product(windows) * product(k)


@op(
    Trait.CONTRACTS | Trait.PROMOTES,
    samples=[
        ("f32[b, 5, 5, 3]", "f32[3, 3, 3, 4]"),
        ("f32[b, h, w, 3]", "f32[3, 3, 3, 4]", {"padding": "same", "strides": 2}),
        ("f32[b, t, 4]", "f32[3, 4, 2]", {"dilation_rate": 2, "padding": "same"}),
        ("f32[b, 6, 6, 4]", "f32[2, 3, 2, 6]", {"strides": (2, 1)}),
        ("f32[b, 3, 5, 5]", "f32[3, 3, 3, 2]", {"data_format": "channels_first"}),
        ("f32[2, 4, 4, 4, 1]", "f32[2, 2, 2, 1, 2]"),
        ("f32[b, d, h, 4, 2]", "f32[2, 3, 2, 2, 1]", {"padding": "same", "strides": (2, 1, 3)}),
        ("f32[b, 2, 4, 3, 3]", "f32[2, 2, 2, 1, 2]", {"data_format": "channels_first"}),
        ("f32[b, 1, 6, 3, 3]", "f32[3, 2, 2, 1, 2]", {"data_format": "channels_first", "dilation_rate": (2, 1, 1)}),
    ],
    check=_check,
    flops=_flops,
)
def conv(
    inputs: Tensor,
    kernel: Tensor,
    strides: int | tuple[int, ...] = 1,
    padding: str = "valid",
    data_format: str = "channels_last",
    dilation_rate: int | tuple[int, ...] = 1,
) -> Tensor:
    """Convolution (cross-correlation, as in every neural network library).

    Shape: inputs (batch, *sizes, channels), kernel (*kernel_size, channels // groups, filters) give
    (batch, *new sizes, filters); with `data_format="channels_first"` the channels are axis 1.  `groups` follows from
    the kernel.  New sizes: size / stride rounded up for "same", (size - span) // stride + 1 for "valid".
    """
    count = inputs.ndim - 2
    steps = per_axis("conv", "strides", strides, count)
    rates = per_axis("conv", "dilation_rate", dilation_rate, count)
    x, k = promoted(inputs, kernel)
    groups = channels(x.shape, data_format) // k.shape[-2]
    letters = "DHW"[-count:]
    layout = f"N{letters}C" if data_format == "channels_last" else f"NC{letters}"

    def library(x: Tensor, k: Tensor) -> Tensor:
        return lax.conv_general_dilated(
            x,
            k,
            window_strides=steps,
            padding=padding.upper(),
            rhs_dilation=rates,
            dimension_numbers=(layout, f"{letters}IO", layout),
            feature_group_count=groups,
        )

    def by_taps(x: Tensor, k: Tensor) -> Tensor:
        x = jnp.moveaxis(x, 1, -1) if data_format == "channels_first" else x
        spans = [(window - 1) * rate + 1 for window, rate in zip(k.shape[:-2], rates, strict=True)]
        y = taps.convolution(x, k, steps, rates, lax.padtype_to_pads(x.shape[1:-1], spans, steps, padding.upper()))
        return jnp.moveaxis(y, -1, 1) if data_format == "channels_first" else y

    if count == 3 and groups == 1 and taps.fit(x, k):
        return taps.on_cpu(by_taps, library, x, k)
    return library(x, k)


def promoted(inputs: Tensor, kernel: Tensor) -> tuple[Tensor, Tensor]:
    """Both in one dtype."""
    if inputs.dtype == kernel.dtype:
        return inputs, kernel
    dtype = jnp.promote_types(inputs.dtype, kernel.dtype)
    return lax.convert_element_type(inputs, dtype), lax.convert_element_type(kernel, dtype)
