"""Activation functions, by element and along an axis.

Each is the function Keras uses on JAX, so that gradients agree at the kinks too (that of relu at 0 is 0, where
`maximum(x, 0)` has 0.5).
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from ..op import Tensor, Trait, op
from .checks import check_axes, flops_per_element, shape_of

_FLOATS = [("f32[b, 3]",), ("bf16[t]",)]


def _check_softmax(x: Any, axis: Any) -> None:
    check_axes("softmax", axis, len(shape_of(x)))


def _check_log_softmax(x: Any, axis: Any) -> None:
    check_axes("log_softmax", axis, len(shape_of(x)))


@op(Trait.ELEMENTWISE, samples=[*_FLOATS, ("i32[b]",)])
def relu(x: Tensor) -> Tensor:
    """max(x, 0), with gradient 0 at 0.  Shape: that of x."""
    return jax.nn.relu(x)


@op(Trait.ELEMENTWISE, samples=_FLOATS)
def relu6(x: Tensor) -> Tensor:
    """min(max(x, 0), 6).  Shape: that of x."""
    return jax.nn.relu6(x)


@op(Trait.ELEMENTWISE, samples=[*_FLOATS, ("f32[b]", {"negative_slope": 0.1})])
def leaky_relu(x: Tensor, negative_slope: float = 0.2) -> Tensor:
    """x where x is positive, negative_slope * x elsewhere.  Shape: that of x."""
    return jax.nn.leaky_relu(x, negative_slope)


@op(Trait.ELEMENTWISE, samples=[*_FLOATS, ("f32[b]", {"alpha": 0.5})])
def elu(x: Tensor, alpha: float = 1.0) -> Tensor:
    """x where x is positive, alpha * (exp(x) - 1) elsewhere.  Shape: that of x."""
    return jax.nn.elu(x, alpha)


@op(Trait.ELEMENTWISE, samples=_FLOATS)
def selu(x: Tensor) -> Tensor:
    """Scaled elu with the constants of self-normalizing networks (Klambauer et al. 2017).  Shape: that of x."""
    return jax.nn.selu(x)


@op(Trait.ELEMENTWISE, samples=[*_FLOATS, ("f32[b]", {"approximate": False})])
def gelu(x: Tensor, approximate: bool = True) -> Tensor:
    """x times the normal distribution function of x (by tanh if approximate).  Shape: that of x."""
    return jax.nn.gelu(x, approximate)


@op(Trait.ELEMENTWISE, samples=_FLOATS)
def silu(x: Tensor) -> Tensor:
    """x * sigmoid(x), also called swish.  Shape: that of x."""
    return jax.nn.silu(x)


@op(Trait.ELEMENTWISE, samples=_FLOATS)
def hard_silu(x: Tensor) -> Tensor:
    """x * hard_sigmoid(x), also called hard swish.  Shape: that of x."""
    return jax.nn.hard_silu(x)


@op(Trait.ELEMENTWISE, samples=_FLOATS)
def mish(x: Tensor) -> Tensor:
    """x * tanh(softplus(x)).  Shape: that of x."""
    return jax.nn.mish(x)


@op(Trait.ELEMENTWISE, samples=_FLOATS)
def sigmoid(x: Tensor) -> Tensor:
    """1 / (1 + exp(-x)).  Shape: that of x."""
    return jax.nn.sigmoid(x)


@op(Trait.ELEMENTWISE, samples=_FLOATS)
def hard_sigmoid(x: Tensor) -> Tensor:
    """relu6(x + 3) / 6.  Shape: that of x."""
    return jax.nn.hard_sigmoid(x)


@op(Trait.ELEMENTWISE, samples=_FLOATS)
def log_sigmoid(x: Tensor) -> Tensor:
    """log(sigmoid(x)), exact where sigmoid is near 0.  Shape: that of x."""
    return jax.nn.log_sigmoid(x)


@op(Trait.ELEMENTWISE, samples=_FLOATS)
def tanh(x: Tensor) -> Tensor:
    """Hyperbolic tangent.  Shape: that of x."""
    return jnp.tanh(x)


@op(Trait.ELEMENTWISE, samples=_FLOATS)
def softplus(x: Tensor) -> Tensor:
    """log(1 + exp(x)).  Shape: that of x."""
    return jax.nn.softplus(x)


@op(Trait.ELEMENTWISE, samples=_FLOATS)
def softsign(x: Tensor) -> Tensor:
    """x / (1 + |x|).  Shape: that of x."""
    return jax.nn.soft_sign(x)


@op(
    Trait.NORMALIZES,
    samples=[("f32[b, 3]",), ("f32[b, t, 4]", {"axis": 1}), ("bf16[2, 5]",), ("f32[2, 3, 4]", {"axis": (1, 2)})],
    check=_check_softmax,
    flops=flops_per_element(5),
)
def softmax(x: Tensor, axis: int | tuple[int, ...] | None = -1) -> Tensor:
    """exp(x) over its sum along the axis (several axes: over all of them).  Shape: that of x."""
    return jax.nn.softmax(x, axis)


@op(
    Trait.NORMALIZES,
    samples=[("f32[b, 3]",), ("f32[b, t, 4]", {"axis": 1}), ("bf16[2, 5]",)],
    check=_check_log_softmax,
    flops=flops_per_element(5),
)
def log_softmax(x: Tensor, axis: int | tuple[int, ...] | None = -1) -> Tensor:
    """log(softmax(x)), exact where softmax is near 0.  Shape: that of x."""
    return jax.nn.log_softmax(x, axis)
