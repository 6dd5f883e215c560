"""Tensors made from attributes.  Their shapes may hold sizes that are not known until the model runs."""

# JAX's own annotations are partly unknown.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from ..dims import Dim
from ..errors import ArgumentError
from ..op import Tensor, Trait, op
from .checks import as_tuple


def _check_shape(op_name: str, shape: Any) -> None:
    sizes = as_tuple(shape)
    if not all(isinstance(size, Dim) or (type(size) is int and size >= 0) for size in sizes):
        raise ArgumentError(
            f"{op_name}: shape must be a tuple of sizes that are not negative", received=f"shape={shape!r}"
        )


def _check_full(shape: Any, fill_value: Any, dtype: Any) -> None:
    _check_shape("full", shape)
    if type(fill_value) not in (int, float, bool):
        raise ArgumentError(
            "full: fill_value must be a number",
            received=f"fill_value={fill_value!r}",
            hint="`ops.broadcast_to` repeats a tensor.",
        )


@op(
    Trait.CREATES,
    samples=[((2, 3), 0.0), (("$b", 4), 1, {"dtype": "int32"}), ((), True, {"dtype": "bool"}), ((2,), float("-inf"))],
    check=_check_full,
)
def full(shape: tuple[Any, ...], fill_value: float, dtype: str | None = "float32") -> Tensor:
    """One number everywhere.  Shape: `shape`."""
    return jnp.full(shape, fill_value, dtype or "float32")


def _check_arange(start: Any, stop: Any, step: Any, dtype: Any) -> None:
    for name, value in (("start", start), ("stop", stop), ("step", step)):
        allowed = (int, float) if name == "start" else (int, float, type(None))
        if not (isinstance(value, Dim) or type(value) in allowed):
            raise ArgumentError(f"arange: {name} must be a number or a size", received=f"{name}={value!r}")
    if step == 0:
        raise ArgumentError("arange: step must not be 0", received=f"step={step}")


@op(
    Trait.CREATES,
    samples=[(5,), (0, "$t"), (1, 7, 2, "float32"), (0.0, 1.0, 0.25), ("$b",)],
    check=_check_arange,
)
def arange(start: Any, stop: Any = None, step: Any = None, dtype: str | None = None) -> Tensor:
    """Numbers from start (without stop: from 0) up to but without stop; int32 for ints, float32 for floats.

    Shape: ((stop - start) / step rounded up,).
    """
    return jnp.arange(start, stop, step, dtype=dtype)


def _check_eye(N: Any, M: Any, k: Any, dtype: Any) -> None:
    _check_shape("eye", (N, N if M is None else M))


@op(Trait.CREATES, samples=[(3,), (2, 4, 1), ("$t",), (2, {"dtype": "int32"})], check=_check_eye)
def eye(N: int, M: int | None = None, k: int = 0, dtype: str | None = "float32") -> Tensor:
    """1 on the k-th diagonal, 0 elsewhere.  Shape: (N, M), M being N by default."""
    return jnp.eye(N, M, k, dtype or "float32")


@op(Trait.CREATES, samples=[("$b",), ("$2*t + 1", {"dtype": "float32"}), (3,)])
def dim_size(dim: int, dtype: str = "int32") -> Tensor:
    """A size as a number that can be computed with.  Shape: scalar."""
    return jnp.asarray(dim).astype(dtype)
