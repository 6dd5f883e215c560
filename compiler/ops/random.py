"""Random numbers.

Every op takes a key; keys are made by `fold_in` from the graph's key and a site, so every number has an address.
"""

# JAX's own annotations are partly unknown.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from ..errors import ArgumentError, DTypeError, ShapeError
from ..op import Tensor, Trait, op
from .checks import as_tuple, check_float, differ, dtype_of, shape_of

Shape = tuple[Any, ...]


def check_key(op_name: str, key: Any) -> None:
    """Refuse a key that is none, or an array of them."""
    if dtype_of(key) != "key" or shape_of(key):
        raise DTypeError(
            f"{op_name}: key must be one random key", received=f"key: {key}", hint="`jax.random.key(seed)` makes one."
        )


def check_draw(op_name: str) -> Callable[..., None]:
    """The check of an op whose first operand is a key."""

    def check(key: Any, *rest: Any) -> None:
        check_key(op_name, key)

    return check


def _check_fold_in(key: Any, data: Any) -> None:
    check_key("fold_in", key)
    if not dtype_of(data).startswith(("int", "uint")) or shape_of(data):
        raise DTypeError("fold_in: data must be one integer", received=f"data: {data}")


@op(Trait.RANDOM, samples=[("key[]", 3), ("key[]", "i32[]")], check=_check_fold_in)
def fold_in(key: Tensor, data: Tensor) -> Tensor:
    """A key of its own for each number.  Shape: one key."""
    return jax.random.fold_in(key, data)


@op(
    Trait.RANDOM,
    samples=[("key[]", (2, 3)), ("key[]", ("$b", 3), {"minval": -1.0, "maxval": 2.0, "dtype": "bfloat16"})],
    check=check_draw("random_uniform"),
)
def random_uniform(
    key: Tensor, shape: Shape, minval: float = 0.0, maxval: float = 1.0, dtype: str | None = "float32"
) -> Tensor:
    """Uniform in [minval, maxval).  Shape: `shape`."""
    return jax.random.uniform(key, shape, dtype or "float32", minval, maxval)


@op(
    Trait.RANDOM,
    samples=[("key[]", (2, 3)), ("key[]", ("$b", 3), {"mean": 1.0, "stddev": 0.5})],
    check=check_draw("random_normal"),
)
def random_normal(
    key: Tensor, shape: Shape, mean: float = 0.0, stddev: float = 1.0, dtype: str | None = "float32"
) -> Tensor:
    """Normally distributed.  Shape: `shape`."""
    return jax.random.normal(key, shape, dtype or "float32") * stddev + mean


@op(
    Trait.RANDOM,
    samples=[("key[]", (2, 3)), ("key[]", ("$b", 3), {"mean": 1.0, "stddev": 0.5})],
    check=check_draw("truncated_normal"),
)
def truncated_normal(
    key: Tensor, shape: Shape, mean: float = 0.0, stddev: float = 1.0, dtype: str | None = "float32"
) -> Tensor:
    """Normally distributed, drawn again beyond two of the given standard deviations.  Shape: `shape`."""
    return jax.random.truncated_normal(key, -2.0, 2.0, shape, dtype or "float32") * stddev + mean


@op(
    Trait.RANDOM,
    samples=[("key[]", (2, 3), 0, 5), ("key[]", ("$b",), {"minval": -2, "maxval": 2})],
    check=check_draw("random_randint"),
)
def random_randint(key: Tensor, shape: Shape, minval: int, maxval: int, dtype: str = "int32") -> Tensor:
    """Uniform integers from minval up to but without maxval.  Shape: `shape`."""
    return jax.random.randint(key, shape, minval, maxval, dtype)


def _check_probability(op_name: str, name: str, value: Any) -> None:
    if type(value) not in (int, float) or not 0 <= value <= 1:
        raise ArgumentError(f"{op_name}: {name} must be a number from 0 to 1", received=f"{name}={value!r}")


def _check_bernoulli(key: Any, shape: Any, p: Any, dtype: Any) -> None:
    check_key("bernoulli", key)
    _check_probability("bernoulli", "p", p)


@op(
    Trait.RANDOM,
    samples=[("key[]", (2, 3)), ("key[]", ("$b", 3), 0.25, {"dtype": "float32"})],
    check=_check_bernoulli,
)
def bernoulli(key: Tensor, shape: Shape, p: float = 0.5, dtype: str = "bool") -> Tensor:
    """True (or 1) with probability p.  Shape: `shape`."""
    return jax.random.bernoulli(key, p, shape).astype(dtype)


def _check_dropout(x: Any, key: Any, rate: Any, noise_shape: Any, training: Any) -> None:
    check_key("dropout", key)
    _check_probability("dropout", "rate", rate)
    check_float("dropout", x=x)
    shape = shape_of(x)
    if noise_shape is None:
        return
    noises = as_tuple(noise_shape)
    fits = len(noises) == len(shape)
    if not fits or any(differ(noise, size) for noise, size in zip(noises, shape, strict=True) if noise != 1):
        raise ShapeError(
            "dropout: noise_shape must have one entry for each axis: its size, 1 (dropped together) or None (its size)",
            received=f"x: {x}, noise_shape={noise_shape!r}",
        )


@op(
    Trait.RANDOM | Trait.TRAINING,
    samples=[
        ("f32[b, 3]", "key[]", 0.5),
        ("f32[b, t, 3]", "key[]", 0.25, {"noise_shape": (None, 1, 3)}),
        ("f32[b, 3]", "key[]", 0.5, {"training": False}),
        ("bf16[4]", "key[]", 0.0),
        ("f32[b, 3]", "key[]", 1.0),
    ],
    check=_check_dropout,
)
def dropout(
    x: Tensor, key: Tensor, rate: float, noise_shape: tuple[Any, ...] | None = None, training: bool = True
) -> Tensor:
    """Elements dropped with probability `rate`, the others divided by 1 - rate; x itself unless training.

    Shape: that of x.  noise_shape: where an entry is 1, that axis is dropped or kept as a whole.
    """
    if not training or rate == 0:
        return x
    if rate == 1:
        return jnp.zeros_like(x)
    shape = x.shape
    if noise_shape is not None:
        shape = tuple(size if noise is None else noise for noise, size in zip(noise_shape, x.shape, strict=True))
    keep = jax.random.bernoulli(key, 1 - rate, shape)
    return jnp.where(jnp.broadcast_to(keep, x.shape), x / (1 - rate), jnp.zeros_like(x))
