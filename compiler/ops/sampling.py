"""Random draws beyond the uniform and the normal: from given classes and distributions, and in another order."""

# JAX's own annotations are partly unknown.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from ..errors import DTypeError, ShapeError
from ..op import Tensor, Trait, op
from .checks import check_axis, check_float, dtype_of, shape_of
from .random import check_draw, check_key

Shape = tuple[Any, ...]


def _check_random_key(seed: Any) -> None:
    if not dtype_of(seed).startswith(("int", "uint")) or shape_of(seed):
        raise DTypeError("random_key: seed must be one integer", received=f"seed: {seed}")


@op(Trait.RANDOM | Trait.CREATES, samples=[(3,), ("u32[]",)], check=_check_random_key)
def random_key(seed: Tensor) -> Tensor:
    """The key of a seed.  Shape: one key."""
    return jax.random.key(seed)


def _check_shuffle(x: Any, key: Any, axis: Any) -> None:
    check_key("random_shuffle", key)
    check_axis("random_shuffle", axis, len(shape_of(x)))


@op(
    Trait.RANDOM,
    samples=[("f32[5, 3]", "key[]"), ("i32[b, 3]", "key[]", {"axis": 1}), ("f32[2, 5]", "key[]", {"axis": -1})],
    check=_check_shuffle,
)
def random_shuffle(x: Tensor, key: Tensor, axis: int = 0) -> Tensor:
    """x with its slices along an axis in another order, each order equally likely.  Shape: that of x."""
    order = jax.random.uniform(key, (x.shape[axis],))
    return jnp.take(x, jnp.argsort(order), axis=axis)


def _check_categorical(logits: Any, key: Any, num_samples: Any, dtype: Any) -> None:
    check_key("random_categorical", key)
    check_float("random_categorical", logits=logits)
    if len(shape_of(logits)) != 2:
        raise ShapeError(
            "random_categorical: logits must have two axes, the batch and the classes", received=f"logits: {logits}"
        )


@op(
    Trait.RANDOM,
    samples=[("f32[2, 3]", "key[]", 4), ("f32[b, 3]", "key[]", 2, {"dtype": "int8"})],
    check=_check_categorical,
)
def random_categorical(logits: Tensor, key: Tensor, num_samples: int, dtype: str = "int32") -> Tensor:
    """Classes drawn with probabilities softmax(logits).  Shape: (batch, num_samples), from (batch, classes)."""
    drawn = jax.random.categorical(key, logits[:, None, :], axis=-1, shape=(logits.shape[0], num_samples))
    return drawn.astype(dtype)


@op(
    Trait.RANDOM,
    samples=[("key[]", 0.5, (2, 3)), ("key[]", "f32[3]", ("$b", 3))],
    check=check_draw("random_gamma"),
)
def random_gamma(key: Tensor, alpha: Tensor, shape: Shape, dtype: str = "float32") -> Tensor:
    """Gamma-distributed with shape parameter alpha, which broadcasts to `shape`, and scale 1.  Shape: `shape`."""
    return jax.random.gamma(key, jnp.asarray(alpha, dtype), shape, dtype)


@op(
    Trait.RANDOM,
    samples=[("key[]", 0.5, 2.0, (2, 3)), ("key[]", "f32[3]", 1.5, ("$b", 3))],
    check=check_draw("random_beta"),
)
def random_beta(key: Tensor, alpha: Tensor, beta: Tensor, shape: Shape, dtype: str = "float32") -> Tensor:
    """Beta-distributed; alpha and beta broadcast to `shape`.  Shape: `shape`."""
    return jax.random.beta(key, jnp.asarray(alpha, dtype), jnp.asarray(beta, dtype), shape, dtype)


@op(
    Trait.RANDOM,
    samples=[("key[]", 5, 0.25, (2, 3)), ("key[]", "f32[3]", 0.5, ("$b", 3))],
    check=check_draw("random_binomial"),
)
def random_binomial(key: Tensor, counts: Tensor, probabilities: Tensor, shape: Shape, dtype: str = "float32") -> Tensor:
    """How many of `counts` trials succeed, each with its probability; both broadcast to `shape`.  Shape: `shape`."""
    counts, probabilities = jnp.asarray(counts, dtype), jnp.asarray(probabilities, dtype)
    return jax.random.binomial(key, counts, probabilities, shape, dtype)
