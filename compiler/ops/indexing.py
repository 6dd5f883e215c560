"""Ops that pick elements: by position, by a tensor of indices, and one-hot vectors."""

# JAX's own annotations are partly unknown.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np

from ..dims import Dim
from ..errors import ArgumentError, ShapeError
from ..op import Tensor, Trait, op
from ..tensor import OPERATORS
from .checks import check_axis, check_indices, differ, known, shape_of


def indices_of(key: Any) -> tuple[Any, ...]:
    """The indices of a key: a list is one index, as in NumPy."""
    return cast("tuple[Any, ...]", key) if isinstance(key, tuple) else (key,)


def _check_getitem(x: Any, key: Any) -> None:
    shape = shape_of(x)
    parts = indices_of(key)
    for part in parts:
        if not (part is None or part is Ellipsis or type(part) in (int, slice) or isinstance(part, Dim)):
            raise ArgumentError(
                f"getitem: {part!r} cannot be an index",
                received=f"key: {key!r}",
                hint="ints, slices, None and Ellipsis index; `ops.take` picks by a tensor, `ops.where` by a condition.",
            )
    used = sum(1 for part in parts if part is not None and part is not Ellipsis)
    if used > len(shape) or sum(1 for part in parts if part is Ellipsis) > 1:
        raise ShapeError(
            f"getitem: {used} indices for {len(shape)} axes",
            received=f"x: {x}, key: {key!r}",
            hint="the first axis is the batch; `...` stands for the axes that are not named, once.",
        )
    axis = 0
    for part in parts:
        if part is Ellipsis:
            axis += len(shape) - used
        elif part is not None:
            size = shape[axis]
            if type(part) is int and known(size) and not -size <= part < size:
                raise ShapeError(
                    f"getitem: index {part} is out of range for axis {axis} of size {size}",
                    received=f"x: {x}",
                    hint=f"indices are from {-size} to {size - 1}.",
                )
            axis += 1


@op(
    Trait.MOVES,
    samples=[
        ("f32[b, 4]", (slice(None), 1)),
        ("f32[b, t, 4]", (Ellipsis, slice(None, None, -1))),
        ("f32[b, t, 4]", (slice(None), -1)),
        ("f32[b, 5]", (slice(None), None, slice(1, 4, 2))),
        ("f32[3, 4]", 0),
        ("f32[b, t]", (slice(None), slice(0, "$t"))),
    ],
    check=_check_getitem,
)
def getitem(x: Tensor, key: Any) -> Tensor:
    """x[key], as in NumPy, for ints, slices, None and Ellipsis.  Shape: that of what is picked."""
    return jnp.asarray(x)[key]


def index(x: Any, key: Any) -> Any:
    """`x[key]` of a symbolic tensor: as `getitem`, or `take` where one index is a tensor, an array or a list.

    Raises:
        ArgumentError: several indices are tensors, or one stands beside an int.
    """
    parts = indices_of(key)
    chosen = [i for i, part in enumerate(parts) if isinstance(part, list) or hasattr(part, "shape")]
    if not chosen:
        return getitem(x, key)
    position = chosen[0]
    picked: Any = parts[position]
    if isinstance(picked, list):
        picked = np.asarray(cast("list[Any]", picked))
    others = [part for i, part in enumerate(parts) if i != position]
    if len(chosen) > 1 or not all(part is None or part is Ellipsis or isinstance(part, slice) for part in others):
        raise ArgumentError(
            "a tensor can be indexed by one tensor of indices, beside slices only",
            received=f"key: {key!r}",
            hint="`ops.take` and `ops.take_along_axis` pick along one axis; index in two steps.",
        )
    if str(picked.dtype) == "bool":
        raise ArgumentError(
            "a tensor cannot be indexed by a condition: the number of results would depend on the data",
            received=f"key: {key!r}",
            hint="`ops.where(condition, x, 0)` keeps the shape.",
        )
    kept = tuple(slice(None) if i == position else part for i, part in enumerate(parts))
    rest = getitem(x, kept) if any(part != slice(None) for part in kept) else x
    before = kept[:position]
    if any(part is Ellipsis for part in before):
        axis = position - len(parts)
    else:
        axis = position
    return OPERATORS["take"](rest, picked, axis=axis)


OPERATORS["getitem"] = index


def _check_take(x: Any, indices: Any, axis: Any) -> None:
    check_indices("take", indices)
    if axis is not None:
        check_axis("take", axis, len(shape_of(x)))


@op(
    Trait.MOVES,
    samples=[
        ("f32[5, 3]", "i32[b, t]", {"axis": 0}),
        ("f32[b, 4]", "i32[2]", {"axis": 1}),
        ("f32[b, 4]", 1, {"axis": -1}),
        ("f32[2, 3]", "i32[b]"),
    ],
    check=_check_take,
)
def take(x: Tensor, indices: Tensor, axis: int | None = None) -> Tensor:
    """Slices of x at the indices along an axis (None: elements of the flattened x).

    Negative indices count from the end; those out of range give NaN (integers: the smallest).  Shape: that of x, with
    the shape of the indices in place of the axis.
    """
    return jnp.take(x, indices, axis)


def _check_take_along_axis(x: Any, indices: Any, axis: Any) -> None:
    check_indices("take_along_axis", indices)
    left, right = shape_of(x), shape_of(indices)
    if axis is None:
        if len(right) != 1:
            raise ShapeError(
                "take_along_axis: without an axis the indices must have one axis", received=f"indices: {indices}"
            )
        return
    position = check_axis("take_along_axis", axis, len(left))
    bad = len(left) != len(right) or any(
        differ(a, b) and 1 not in (a, b) for i, (a, b) in enumerate(zip(left, right, strict=True)) if i != position
    )
    if bad:
        raise ShapeError(
            "take_along_axis: x and indices must have the same sizes, except on the axis",
            received=f"x: {x}, indices: {indices}, axis={axis}",
        )


@op(
    Trait.MOVES | Trait.BROADCASTS,
    samples=[
        ("f32[b, 4]", "i32[b, 2]", {"axis": 1}),
        ("f32[b, t, 4]", "i32[b, t, 1]", {"axis": -1}),
        ("f32[2, 3]", "i32[b]"),
    ],
    check=_check_take_along_axis,
)
def take_along_axis(x: Tensor, indices: Tensor, axis: int | None = None) -> Tensor:
    """Elements of x at the indices along an axis, row by row.  Shape: that of the indices."""
    return jnp.take_along_axis(x, indices, axis)


def _check_one_hot(x: Any, num_classes: Any, axis: Any, dtype: Any) -> None:
    check_indices("one_hot", x)
    check_axis("one_hot", axis, len(shape_of(x)) + 1)
    if not (isinstance(num_classes, Dim) or (type(num_classes) is int and num_classes > 0)):
        raise ArgumentError("one_hot: num_classes must be a positive int", received=f"num_classes={num_classes!r}")


@op(
    Trait.MOVES,
    samples=[("i32[b]", 3), ("i32[b, t]", 4, {"axis": 1, "dtype": "bfloat16"}), (1, 3)],
    check=_check_one_hot,
)
def one_hot(x: Tensor, num_classes: int, axis: int = -1, dtype: str | None = "float32") -> Tensor:
    """1 at the index along a new axis, 0 elsewhere; all 0 for an index out of range.

    Shape: that of x, with num_classes at `axis`.
    """
    return jax.nn.one_hot(x, num_classes, axis=axis, dtype=dtype or "float32")
