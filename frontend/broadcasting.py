"""How targets, predictions and weights of different ranks are brought together, as Keras does it."""

from __future__ import annotations

from typing import Any

from . import ops


def same_rank(left: Any, right: Any, expand_rank_1: bool = True) -> tuple[Any, Any]:
    """Both with one rank: a last axis of size 1 that one has and the other lacks is dropped (or added to rank 1)."""
    a, b = len(left.shape), len(right.shape)
    if a == b + 1 and _is_one(left.shape[-1]):
        return (left, ops.expand_dims(right, -1)) if b == 1 and expand_rank_1 else (ops.squeeze(left, -1), right)
    if b == a + 1 and _is_one(right.shape[-1]):
        return (ops.expand_dims(left, -1), right) if a == 1 and expand_rank_1 else (left, ops.squeeze(right, -1))
    return left, right


def _is_one(size: Any) -> bool:
    return isinstance(size, int) and size == 1


def as_float(x: Any, dtype: str = "float32") -> Any:
    """x in `dtype`."""
    x = ops.convert_to_tensor(x) if not hasattr(x, "dtype") or isinstance(x, list) else x
    return x if str(x.dtype) == dtype else ops.cast(x, dtype)


def count(x: Any) -> Any:
    """Number of elements of x as a float: a number where all sizes are known, else a tensor."""
    known, unknown = 1, None
    for size in x.shape:
        if isinstance(size, int):
            known *= size
        else:
            unknown = size if unknown is None else unknown * size
    return float(known) if unknown is None else size_tensor(unknown * known)


def size_tensor(size: Any) -> Any:
    """A size as a float scalar: a number, or a tensor where the size is not known yet."""
    return float(size) if isinstance(size, int) else ops.dim_size(size, "float32")
