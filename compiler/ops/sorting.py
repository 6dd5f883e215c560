"""Ops that order elements."""

# JAX's own annotations are partly unknown.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from typing import Any

from jax import lax

from ..errors import ArgumentError, ShapeError
from ..op import Tensor, Trait, op
from .checks import known, shape_of


def _check_top_k(x: Any, k: Any, sorted: Any) -> None:
    shape = shape_of(x)
    if type(k) is not int or k < 1:
        raise ArgumentError("top_k: k must be a positive int", received=f"k={k!r}")
    if not shape or (known(shape[-1]) and shape[-1] < k):
        raise ShapeError(
            f"top_k: the last axis has fewer than {k} elements",
            received=f"x: {x}, k={k}",
            hint="k is the size of that axis at most.",
        )


@op(
    Trait.MOVES,
    samples=[("f32[b, 5]", 2), ("f32[b, t, 4]", 1), ("i32[6]", 3, {"sorted": False})],
    check=_check_top_k,
)
def top_k(x: Tensor, k: int, sorted: bool = True) -> tuple[Tensor, Tensor]:
    """The k largest elements along the last axis, largest first, and their indices; of equal ones the first.

    Shapes: that of x with k on the last axis, both; indices are i32.  They are in order with `sorted=False` too.
    """
    values, indices = lax.top_k(x, k)
    return values, indices
