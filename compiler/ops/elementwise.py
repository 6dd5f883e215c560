"""Arithmetic, comparison and logic: each element of the result from the same element of the operands (broadcast)."""

# JAX's own annotations are partly unknown.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from ..op import Tensor, Trait, op
from ..types import dtype_name

_UNARY = Trait.ELEMENTWISE
_BINARY = Trait.ELEMENTWISE | Trait.BROADCASTS | Trait.PROMOTES
_SYMMETRIC = _BINARY | Trait.COMMUTATIVE


def _check_cast(x: Any, dtype: Any) -> None:
    dtype_name(dtype)


_FLOATS = [("f32[b, 3]",), ("bf16[t]",)]
_NUMBERS = [*_FLOATS, ("i32[b, 2]",)]
_PAIRS = [
    ("f32[b, t, 3]", "f32[b, 1, 3]"),
    ("bf16[b, 3]", 2.0),
    (2, "f32[4]"),
    ("i32[b, 2]", "f32[2]"),
]
_BOOLS = [("bool[b, 3]", "bool[3]"), ("bool[2]", True), ("i32[2]", "bool[2]")]


@op(_SYMMETRIC, samples=_PAIRS)
def add(x1: Tensor, x2: Tensor) -> Tensor:
    """x1 + x2.  Shape: broadcast."""
    return jnp.add(x1, x2)


@op(_BINARY, samples=_PAIRS)
def subtract(x1: Tensor, x2: Tensor) -> Tensor:
    """x1 - x2.  Shape: broadcast."""
    return jnp.subtract(x1, x2)


@op(_SYMMETRIC, samples=_PAIRS)
def multiply(x1: Tensor, x2: Tensor) -> Tensor:
    """x1 * x2.  Shape: broadcast."""
    return jnp.multiply(x1, x2)


@op(_BINARY, samples=_PAIRS)
def divide(x1: Tensor, x2: Tensor) -> Tensor:
    """x1 / x2, floating point also for integers.  Shape: broadcast."""
    return jnp.true_divide(x1, x2)


@op(_BINARY, samples=_PAIRS)
def floor_divide(x1: Tensor, x2: Tensor) -> Tensor:
    """x1 / x2 rounded towards minus infinity.  Shape: broadcast."""
    return jnp.floor_divide(x1, x2)


@op(_BINARY, samples=[("f32[b, t, 3]", 1.5), ("bf16[b, 3]", 2.0), (1.0, "f32[b, 1]"), ("i32[b, 2]", "i32[2]")])
def mod(x1: Tensor, x2: Tensor) -> Tensor:
    """Remainder of x1 / x2, with the sign of x2.  Shape: broadcast."""
    return jnp.mod(x1, x2)


@op(_BINARY, samples=[("f32[b, 3]", "f32[3]"), ("f32[b, 3]", 2), ("bf16[4]", 0.5), (2.0, "f32[4]"), ("i32[b]", 3)])
def power(x1: Tensor, x2: Tensor) -> Tensor:
    """x1 to the power x2.  Shape: broadcast."""
    return jnp.power(x1, x2)


@op(_SYMMETRIC, samples=_PAIRS)
def maximum(x1: Tensor, x2: Tensor) -> Tensor:
    """The larger of x1 and x2; where they are equal each gets half of the gradient.  Shape: broadcast."""
    return jnp.maximum(x1, x2)


@op(_SYMMETRIC, samples=_PAIRS)
def minimum(x1: Tensor, x2: Tensor) -> Tensor:
    """The smaller of x1 and x2; where they are equal each gets half of the gradient.  Shape: broadcast."""
    return jnp.minimum(x1, x2)


@op(_UNARY, samples=_NUMBERS)
def negative(x: Tensor) -> Tensor:
    """-x.  Shape: that of x."""
    return jnp.negative(x)


@op(_UNARY, samples=_NUMBERS)
def absolute(x: Tensor) -> Tensor:
    """|x|, with gradient 0 at 0.  Shape: that of x."""
    return jnp.absolute(x)


@op(_UNARY, samples=_NUMBERS)
def sign(x: Tensor) -> Tensor:
    """-1, 0 or 1 by the sign of x.  Shape: that of x."""
    return jnp.sign(x)


@op(_UNARY, samples=_NUMBERS)
def square(x: Tensor) -> Tensor:
    """x * x.  Shape: that of x."""
    return jnp.square(x)


@op(_UNARY, samples=_FLOATS)
def sqrt(x: Tensor) -> Tensor:
    """Square root; NaN below 0.  Shape: that of x."""
    return jnp.sqrt(x)


@op(_UNARY, samples=_FLOATS)
def rsqrt(x: Tensor) -> Tensor:
    """1 / sqrt(x).  Shape: that of x, which is floating point."""
    return lax.rsqrt(x)


@op(_UNARY, samples=_FLOATS)
def reciprocal(x: Tensor) -> Tensor:
    """1 / x.  Shape: that of x."""
    return jnp.reciprocal(x)


@op(_UNARY, samples=_NUMBERS)
def exp(x: Tensor) -> Tensor:
    """e to the power x.  Shape: that of x."""
    return jnp.exp(x)


@op(_UNARY, samples=_FLOATS)
def expm1(x: Tensor) -> Tensor:
    """exp(x) - 1, exact near 0.  Shape: that of x."""
    return jnp.expm1(x)


@op(_UNARY, samples=_FLOATS)
def log(x: Tensor) -> Tensor:
    """Natural logarithm; -inf at 0, NaN below.  Shape: that of x."""
    return jnp.log(x)


@op(_UNARY, samples=_FLOATS)
def log1p(x: Tensor) -> Tensor:
    """log(1 + x), exact near 0.  Shape: that of x."""
    return jnp.log1p(x)


@op(_UNARY, samples=_FLOATS)
def sin(x: Tensor) -> Tensor:
    """Sine, of radians.  Shape: that of x."""
    return jnp.sin(x)


@op(_UNARY, samples=_FLOATS)
def cos(x: Tensor) -> Tensor:
    """Cosine, of radians.  Shape: that of x."""
    return jnp.cos(x)


@op(_UNARY, samples=_FLOATS)
def erf(x: Tensor) -> Tensor:
    """Error function.  Shape: that of x, which is floating point."""
    return lax.erf(x)


def _floating(x: Tensor) -> Tensor:
    x = jnp.asarray(x)
    return x if jnp.issubdtype(x.dtype, jnp.floating) else x.astype("float32")


@op(_UNARY, samples=_NUMBERS)
def floor(x: Tensor) -> Tensor:
    """Largest whole number not above x, in the dtype of x; float32 for integers.  Shape: that of x."""
    return jnp.floor(_floating(x))


@op(_UNARY, samples=_NUMBERS)
def ceil(x: Tensor) -> Tensor:
    """Smallest whole number not below x, in the dtype of x; float32 for integers.  Shape: that of x."""
    return jnp.ceil(_floating(x))


@op(_UNARY, samples=[*_NUMBERS, ("f32[b]", {"decimals": 1})])
def round(x: Tensor, decimals: int = 0) -> Tensor:
    """x to that many decimals, halves to the even digit.  Shape: that of x."""
    return jnp.round(x, decimals)


@op(_SYMMETRIC, samples=_PAIRS)
def equal(x1: Tensor, x2: Tensor) -> Tensor:
    """x1 == x2, as bool.  Shape: broadcast."""
    return jnp.equal(x1, x2)


@op(_SYMMETRIC, samples=_PAIRS)
def not_equal(x1: Tensor, x2: Tensor) -> Tensor:
    """x1 != x2, as bool.  Shape: broadcast."""
    return jnp.not_equal(x1, x2)


@op(_BINARY, samples=_PAIRS)
def less(x1: Tensor, x2: Tensor) -> Tensor:
    """x1 < x2, as bool.  Shape: broadcast."""
    return jnp.less(x1, x2)


@op(_BINARY, samples=_PAIRS)
def less_equal(x1: Tensor, x2: Tensor) -> Tensor:
    """x1 <= x2, as bool.  Shape: broadcast."""
    return jnp.less_equal(x1, x2)


@op(_BINARY, samples=_PAIRS)
def greater(x1: Tensor, x2: Tensor) -> Tensor:
    """x1 > x2, as bool.  Shape: broadcast."""
    return jnp.greater(x1, x2)


@op(_BINARY, samples=_PAIRS)
def greater_equal(x1: Tensor, x2: Tensor) -> Tensor:
    """x1 >= x2, as bool.  Shape: broadcast."""
    return jnp.greater_equal(x1, x2)


@op(_SYMMETRIC, samples=_BOOLS)
def logical_and(x1: Tensor, x2: Tensor) -> Tensor:
    """Both are true (numbers: not 0), as bool.  Shape: broadcast."""
    return jnp.logical_and(x1, x2)


@op(_SYMMETRIC, samples=_BOOLS)
def logical_or(x1: Tensor, x2: Tensor) -> Tensor:
    """One or both are true (numbers: not 0), as bool.  Shape: broadcast."""
    return jnp.logical_or(x1, x2)


@op(_SYMMETRIC, samples=_BOOLS)
def logical_xor(x1: Tensor, x2: Tensor) -> Tensor:
    """Exactly one is true (numbers: not 0), as bool.  Shape: broadcast."""
    return jnp.logical_xor(x1, x2)


@op(_UNARY, samples=[("bool[b, 3]",), ("i32[2]",)])
def logical_not(x: Tensor) -> Tensor:
    """x is not true (numbers: is 0), as bool.  Shape: that of x."""
    return jnp.logical_not(x)


@op(
    _BINARY,
    samples=[("bool[b, 3]", "f32[b, 3]", "f32[3]"), ("bool[b, 1]", "bf16[b, 3]", 0.0), ("bool[2]", 1, "i32[2]")],
)
def where(condition: Tensor, x1: Tensor, x2: Tensor) -> Tensor:
    """x1 where the condition is true, x2 elsewhere.  Shape: broadcast of all three."""
    return jnp.where(condition, x1, x2)


@op(_BINARY, samples=[("f32[b, 3]", 0.0, 0.55), ("i32[b]", 0, 1), ("f32[b, 3]", "f32[3]", 1.0)])
def clip(x: Tensor, x_min: Tensor, x_max: Tensor) -> Tensor:
    """x held between x_min and x_max.  Shape: broadcast."""
    return jnp.clip(x, x_min, x_max)


@op(
    _UNARY,
    samples=[
        ("f32[b, 3]", "bfloat16"),
        ("f32[b, 3]", "int32"),
        ("i32[b]", "float32"),
        ("bool[2]", "float32"),
        (1.5, "int32"),
    ],
    check=_check_cast,
)
def cast(x: Tensor, dtype: str) -> Tensor:
    """x in another dtype; floats lose their fraction on the way to integers.  Shape: that of x."""
    return jnp.asarray(x).astype(dtype)


@op(_UNARY, samples=_NUMBERS)
def isnan(x: Tensor) -> Tensor:
    """Whether an element is NaN, as bool.  Shape: that of x."""
    return jnp.isnan(x)


@op(_UNARY, samples=_NUMBERS)
def isfinite(x: Tensor) -> Tensor:
    """Whether an element is neither NaN nor infinite, as bool.  Shape: that of x."""
    return jnp.isfinite(x)


@op(_UNARY, samples=_NUMBERS)
def stop_gradient(variable: Tensor) -> Tensor:
    """The operand, which gets no gradient.  Shape: that of the operand."""
    return jax.lax.stop_gradient(variable)
