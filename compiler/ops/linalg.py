"""Matrix products."""

# JAX's own annotations are partly unknown.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp

from ..errors import ArgumentError, ShapeError
from ..op import Tensor, Trait, op
from .checks import differ, product, shape_of


def _check_matmul(x1: Any, x2: Any) -> None:
    left, right = shape_of(x1), shape_of(x2)
    for name, shape in (("x1", left), ("x2", right)):
        if not shape:
            raise ShapeError(
                f"matmul: {name} is a scalar",
                received=f"x1: {x1}, x2: {x2}",
                hint="use `ops.multiply` (or `*`) for scalars.",
            )
    inner = right[0] if len(right) == 1 else right[-2]
    if differ(left[-1], inner):
        raise ShapeError(
            f"matmul: the last axis of x1 has {left[-1]} elements, the axis of x2 that it is summed with has {inner}",
            received=f"x1: {x1}, x2: {x2}",
            hint="x1 is (…, m, k) and x2 (…, k, n).",
        )


def _matmul_flops(x1: Any, x2: Any) -> Any:
    left, right = shape_of(x1), shape_of(x2)
    columns = right[-1] if len(right) > 1 else 1
    extra = right[:-2] if len(right) > len(left) else ()
    return 2 * product(left) * columns * product(extra)


@op(
    Trait.CONTRACTS | Trait.BROADCASTS | Trait.PROMOTES,
    samples=[
        ("f32[b, 3]", "f32[3, 2]"),
        ("f32[b, t, 3]", "f32[3, 4]"),
        ("f32[b, 4, t]", "f32[b, t, 2]"),
        ("f32[b, 3]", "f32[3]"),
        ("bf16[b, 3]", "bf16[3, 2]"),
    ],
    check=_check_matmul,
    flops=_matmul_flops,
)
def matmul(x1: Tensor, x2: Tensor) -> Tensor:
    """Matrix product.  Shape: (…, m, k) with (…, k, n) gives (…, m, n); leading axes broadcast; int8 gives int32."""
    if getattr(x1, "dtype", None) == getattr(x2, "dtype", None) == jnp.int8:
        return jnp.matmul(x1, x2, preferred_element_type=jnp.int32)
    return jnp.matmul(x1, x2)


def _check_einsum(subscripts: Any, operands: Sequence[Any]) -> None:
    if not isinstance(subscripts, str):
        raise ArgumentError("einsum: subscripts must be a string", received=repr(subscripts))
    terms = subscripts.partition("->")[0].replace(" ", "").split(",")
    if len(terms) != len(operands):
        raise ArgumentError(
            f"einsum: '{subscripts}' speaks of {len(terms)} operands, {len(operands)} were given",
            received=", ".join(map(str, operands)),
        )
    sizes: dict[str, Any] = {}
    for term, x in zip(terms, operands, strict=True):
        shape = shape_of(x)
        if "." in term:
            continue
        if len(term) != len(shape):
            raise ShapeError(
                f"einsum: '{term}' names {len(term)} axes, the operand has {len(shape)}",
                received=str(x),
                hint="one letter for each axis, the batch too; `...` stands for any number of them.",
            )
        for letter, size in zip(term, shape, strict=True):
            before = sizes.setdefault(letter, size)
            if differ(before, size) and 1 not in (before, size):
                raise ShapeError(
                    f"einsum: axis '{letter}' would be {before} and {size}",
                    received=", ".join(map(str, operands)),
                )


def _einsum_flops(subscripts: str, operands: Sequence[Any]) -> Any:
    """Product over all letters: that of one contraction without intermediate results, twice."""
    sizes: dict[str, Any] = {}
    extra: tuple[Any, ...] = ()
    for term, x in zip(subscripts.partition("->")[0].replace(" ", "").split(","), operands, strict=True):
        head, dots, tail = term.partition("...")
        shape = shape_of(x)
        ends = [*shape[: len(head)], *(shape[len(shape) - len(tail) :] if dots else ())]
        if dots and len(shape) - len(ends) > len(extra):
            extra = shape[len(head) : len(shape) - len(tail)]
        sizes.update(zip(head + tail, ends, strict=True))
    return 2 * product(tuple(sizes.values())) * product(extra)


@op(
    Trait.CONTRACTS | Trait.BROADCASTS | Trait.PROMOTES,
    samples=[
        ("ij,jk->ik", ["f32[b, 3]", "f32[3, 2]"]),
        ("bthd,bshd->bhts", ["f32[b, t, 2, 3]", "f32[b, t, 2, 3]"]),
        ("...i,ij->...j", ["f32[b, t, 3]", "f32[3, 2]"]),
        ("ii->i", ["f32[3, 3]"]),
        ("bti,bsi->bts", ["f32[b, t, 3]", "f32[b, s, 3]"]),
    ],
    check=_check_einsum,
    flops=_einsum_flops,
)
def einsum(subscripts: str, operands: Sequence[Tensor]) -> Tensor:
    """Sum of products in Einstein's notation.  Shape: the letters behind `->`."""
    try:
        return jnp.einsum(subscripts, *operands)
    except AssertionError as refusal:  # two unknown sizes under one letter: refused, so that substitutions are tried
        raise ValueError(str(refusal)) from refusal
