"""Fold a batch normalization by fixed statistics into the convolution or matrix product before it, for inference.

    %0: f32[b, 8, 8, 4] = conv(%x, %conv.kernel)                %0: f32[b, 8, 8, 4] = conv(%x, %conv.kernel.folded)
    %1: f32[b, 8, 8, 4] = add(%0, %conv.bias)                   %1: f32[b, 8, 8, 4] = add(%0, %conv.bias.folded)
    %2: f32[b, 8, 8, 4] = batch_normalization(%1, %bn.mean,
          %bn.variance, axis=-1, offset=%bn.beta, scale=%bn.gamma)

    factor = scale / sqrt(variance + epsilon)
    conv.kernel.folded = conv.kernel * factor           conv.bias.folded = (conv.bias - mean) * factor + offset

The new parameters are made by the transform, once, before the program runs.  XLA cannot do this: to it parameters are
arguments like any other.  Saved are the normalization's pass over the activations where it is not fused with the
product (CPU convolutions), its four parameters, and their loading and shipping.

The product and the sum with the bias must have no other use, and kernel, bias, statistics, scale and offset must be
params, state or constants of one dtype.  The bias may be shaped for `channels_first`.
"""

from __future__ import annotations

from typing import Any

from ..graph import Graph
from ..ir import Value
from ..ops.elementwise import add, multiply, negative, rsqrt, subtract
from ..ops.shape import reshape
from ..rewrite import again, derive, is_fixed
from ..rules import Rules
from ..transform import PassResult

_RULES = Rules("fold_batch_norm")


def fold_batch_norm(graph: Graph) -> PassResult:
    """The graph with batch normalizations folded, and the transform that makes the new kernels and biases."""
    return _RULES(graph)


@_RULES.row("batch_normalization(once(y := CONTRACTS(x, kernel, ...)), mean, variance, axis, offset, scale, epsilon)")
@_RULES.row(
    "batch_normalization(once(add(once(y := CONTRACTS(x, kernel, ...)), bias)),"
    " mean, variance, axis, offset, scale, epsilon)"
)
def _fold(
    y: Value,
    x: Any,
    kernel: Any,
    mean: Any,
    variance: Any,
    axis: int,
    offset: Any,
    scale: Any,
    epsilon: float,
    bias: Any = None,
) -> Value | None:
    channels = _channels(y)
    flat = bias if bias is None else _flat(bias, y, channels)
    given = [kernel, mean, variance, *(value for value in (offset, scale) if value is not None)]
    if channels is None or axis % y.ndim != channels or (bias is not None and flat is None):
        return None
    if not all(is_fixed(value) and value.dtype == y.dtype for value in given):
        return None
    shape = (-1, *[1] * (y.ndim - 1 - channels))  # a bias as broadcasting aligns it
    named = next(value for value in (flat, offset, mean) if value is not None)
    folded = derive(f"{kernel.name}.folded", _kernel, kernel, variance, scale, epsilon=epsilon)
    shift = derive(
        f"{named.name}.folded", _bias, named, mean, variance, offset, scale, flat, epsilon=epsilon, shape=shape
    )
    return add(again(y, x, folded), shift)


def _channels(y: Value) -> int | None:
    """The axis of `y` that is the kernel's last, or None where that is not so simple."""
    product: Any = y.node
    if product.op.name == "conv":
        return 1 if product.attr("data_format") == "channels_first" else y.ndim - 1
    if product.op.name == "matmul" and all(isinstance(operand, Value) for operand in product.operands):
        left, right = product.operands
        return y.ndim - 1 if left.ndim > 1 and right.ndim == 2 else None
    return None


def _flat(bias: Any, y: Value, channels: int | None) -> Value | None:
    """The parameter with one number a channel behind `bias`, where that is what it adds to `y`."""
    if not isinstance(bias, Value) or channels is None or bias.ndim > y.ndim or bias.dtype != y.dtype:
        return None
    wanted = tuple(y.shape[channels] if axis == channels else 1 for axis in range(y.ndim))
    shape = (*[1] * (y.ndim - bias.ndim), *bias.shape)
    if not all(type(a) is int and type(b) is int and a == b for a, b in zip(shape, wanted, strict=True)):
        return None
    while bias.node is not None and bias.node.op.name == "reshape":
        bias = bias.node.operands[0]
    return bias if is_fixed(bias) else None


def _factor(variance: Value, scale: Value | None, epsilon: float) -> Value:
    factor = rsqrt(add(variance, epsilon))
    return factor if scale is None else multiply(factor, scale)


def _kernel(kernel: Value, variance: Value, scale: Value | None, *, epsilon: float) -> Value:
    return multiply(kernel, _factor(variance, scale, epsilon))


def _bias(
    named: Value,
    mean: Value,
    variance: Value,
    offset: Value | None,
    scale: Value | None,
    bias: Value | None,
    *,
    epsilon: float,
    shape: tuple[int, ...],
) -> Value:
    if bias is not None and bias.ndim > 1:
        bias = reshape(bias, (-1,))
    centred = negative(mean) if bias is None else subtract(bias, mean)
    shift = multiply(centred, _factor(variance, scale, epsilon))
    shift = shift if offset is None else add(shift, offset)
    return shift if len(shape) == 1 else reshape(shift, shape)
