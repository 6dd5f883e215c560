"""Layers as one op each: matrix product or convolution, bias and activation.

No model is written with these: `passes/fuse_layers` puts them where the three stand in a row, so that a line of IR is a
layer.  Each computes what the three compute, by the same JAX functions in the same order, to the same bits.
"""

# JAX's own annotations are partly unknown.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from ..attrs import is_tuple
from ..errors import ArgumentError, ShapeError
from ..ir import Node
from ..op import Op, Tensor, Trait, op
from . import activation as functions
from .checks import differ, product, shape_of
from .conv import FORMATS, conv
from .elementwise import exp
from .linalg import matmul

ACTIVATIONS: dict[str, Op] = {
    function.name: function
    for function in (
        functions.elu,
        exp,
        functions.gelu,
        functions.hard_sigmoid,
        functions.hard_silu,
        functions.leaky_relu,
        functions.log_sigmoid,
        functions.log_softmax,
        functions.mish,
        functions.relu,
        functions.relu6,
        functions.selu,
        functions.sigmoid,
        functions.silu,
        functions.softmax,
        functions.softplus,
        functions.softsign,
        functions.tanh,
    )
}
"""What `activation` may name."""


def is_bias(bias: tuple[Any, ...], shape: tuple[Any, ...], axis: int) -> bool:
    """Whether something of the shape `bias` adds one number a channel to a tensor whose channels are that axis."""
    aligned = (*[1] * (len(shape) - len(bias)), *bias)
    wanted = [shape[axis] if other == axis else 1 for other in range(len(shape))]
    return len(aligned) == len(wanted) and all(
        type(a) is int and type(b) is int and a == b for a, b in zip(aligned, wanted, strict=True)
    )


def parts(node: Node) -> int:
    """How many ops the node stands for: one, but for a layer."""
    if node.op not in (dense, conv_layer):
        return 1
    return 1 + (node.operand("bias") is not None) + (node.attr("activation") is not None)


def _check_rest(name: str, bias: Any, shape: tuple[Any, ...], axis: int, activation: Any, options: Any) -> None:
    if bias is not None and not is_bias(shape_of(bias), shape, axis):
        raise ShapeError(
            f"{name}: the bias needs {shape[axis]} numbers, one for each channel",
            received=f"bias: {bias}",
            hint="its shape is (channels,), or has size 1 on every other axis.",
        )
    if activation is not None and (type(activation) is not str or activation not in ACTIVATIONS):
        raise ArgumentError(
            f"{name}: there is no activation {activation!r}", hint=f"there are {', '.join(ACTIVATIONS)}."
        )
    most = 0 if activation is None else len(ACTIVATIONS[activation].attr_names)
    if not is_tuple(options) or len(options) > most:
        raise ArgumentError(
            f"{name}: options are a tuple of at most {most}, the attributes of the activation",
            received=f"activation={activation!r}, options={options!r}",
        )


def _check_dense(x: Any, kernel: Any, bias: Any, activation: Any, options: Any) -> None:
    left, right = shape_of(x), shape_of(kernel)
    if len(left) < 2 or len(right) != 2 or differ(left[-1], right[0]):
        raise ShapeError(
            "dense: the kernel is a matrix with a row for each element on the last axis of x",
            received=f"x: {x}, kernel: {kernel}",
            hint="x is (…, m, k) and the kernel (k, n).",
        )
    _check_rest("dense", bias, (*left[:-1], right[1]), len(left) - 1, activation, options)


def _check_conv_layer(
    inputs: Any,
    kernel: Any,
    bias: Any,
    strides: Any,
    padding: Any,
    data_format: Any,
    dilation_rate: Any,
    activation: Any,
    options: Any,
) -> None:
    if conv.check is not None:
        conv.check(inputs, kernel, strides, padding, data_format, dilation_rate)
    rank = len(shape_of(inputs))
    axis = 1 if data_format == FORMATS[1] else rank - 1
    shape = (*[None] * axis, shape_of(kernel)[-1], *[None] * (rank - 1 - axis))
    _check_rest("conv_layer", bias, shape, axis, activation, options)


def _rest_flops(elements: Any, bias: Any, activation: str | None) -> Any:
    per_element = 0 if bias is None else 1
    if activation is not None:
        per_element += 5 if ACTIVATIONS[activation].has(Trait.NORMALIZES) else 1
    return elements * per_element


def _dense_flops(x: Any, kernel: Any, bias: Any, activation: str | None, options: Any) -> Any:
    rows = product(shape_of(x)[:-1])
    inner, columns = shape_of(kernel)
    return 2 * rows * inner * columns + _rest_flops(rows * columns, bias, activation)


def _conv_layer_flops(
    inputs: Any,
    kernel: Any,
    bias: Any,
    strides: Any,
    padding: str,
    data_format: str,
    dilation_rate: Any,
    activation: str | None,
    options: Any,
) -> Any:
    known: Any = conv.flops
    whole = known(inputs, kernel, strides, padding, data_format, dilation_rate)
    each = 2 * product(shape_of(kernel)[:-1])  # for one element of the result
    return whole + _rest_flops(whole // each, bias, activation)


def _rest(y: Tensor, bias: Tensor | None, activation: str | None, options: tuple[Any, ...]) -> Tensor:
    if bias is not None:
        y = jnp.add(y, bias)
    return y if activation is None else ACTIVATIONS[activation].fn(y, *options)


@op(
    Trait.CONTRACTS | Trait.BROADCASTS | Trait.PROMOTES,
    samples=[
        ("f32[b, 3]", "f32[3, 4]", "f32[4]", {"activation": "relu"}),
        ("f32[b, t, 3]", "f32[3, 4]", {"activation": "leaky_relu", "options": (0.1,)}),
        ("bf16[b, 3]", "bf16[3, 4]", "bf16[1, 4]"),
        ("f32[b, 3]", "f32[3, 4]", {"activation": "softmax"}),
    ],
    check=_check_dense,
    flops=_dense_flops,
)
def dense(
    x: Tensor,
    kernel: Tensor,
    bias: Tensor | None = None,
    activation: str | None = None,
    options: tuple[Any, ...] = (),
) -> Tensor:
    """activation(matmul(x, kernel) + bias).

    Shape: x (…, m, k) and kernel (k, n) give (…, m, n); bias is (n,), or has size 1 on every other axis.

    Args:
        activation: name of an op in `ACTIVATIONS`.
        options: its attributes, in their order; those left out at the end are at their default.
    """
    return _rest(matmul.fn(x, kernel), bias, activation, options)


@op(
    Trait.CONTRACTS | Trait.BROADCASTS | Trait.PROMOTES,
    samples=[
        ("f32[b, 5, 5, 3]", "f32[3, 3, 3, 4]", "f32[4]", {"activation": "relu"}),
        ("f32[b, h, w, 3]", "f32[3, 3, 3, 4]", {"padding": "same", "strides": 2, "activation": "silu"}),
        ("f32[b, 3, 5, 5]", "f32[3, 3, 3, 2]", "f32[2, 1, 1]", {"data_format": "channels_first"}),
        ("bf16[b, t, 4]", "bf16[3, 4, 2]", "bf16[2]", {"activation": "elu", "options": (0.5,)}),
    ],
    check=_check_conv_layer,
    flops=_conv_layer_flops,
)
def conv_layer(
    inputs: Tensor,
    kernel: Tensor,
    bias: Tensor | None = None,
    strides: int | tuple[int, ...] = 1,
    padding: str = "valid",
    data_format: str = "channels_last",
    dilation_rate: int | tuple[int, ...] = 1,
    activation: str | None = None,
    options: tuple[Any, ...] = (),
) -> Tensor:
    """activation(conv(inputs, kernel, …) + bias).

    Shape: as `conv`; bias is (filters,), or has size 1 on every axis but that of the channels.

    Args:
        activation: name of an op in `ACTIVATIONS`.
        options: its attributes, in their order; those left out at the end are at their default.
    """
    y = conv.fn(inputs, kernel, strides, padding, data_format, dilation_rate)
    return _rest(y, bias, activation, options)
