"""What the ops' checks share: axes, sizes, and the words of their errors."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, cast

from ..errors import ArgumentError, DTypeError
from ..types import TensorType, is_float, is_integer

Size = Any
"""An int, or a Dim."""


def as_tuple(value: Any) -> tuple[Any, ...]:
    """A tuple or a list as a tuple; anything else as a tuple of one."""
    return tuple(cast(Any, value)) if isinstance(value, tuple | list) else (value,)


def shape_of(x: Any) -> tuple[Size, ...]:
    """Shape of a TensorType; that of a literal is ()."""
    return x.shape if isinstance(x, TensorType) else ()


def dtype_of(x: Any) -> str:
    """dtype of a TensorType or a literal."""
    if isinstance(x, TensorType):
        return x.dtype
    return "bool" if isinstance(x, bool) else "int32" if isinstance(x, int) else "float32"


def product(sizes: Sequence[Size]) -> Any:
    """Product of sizes; a Dim where one is unknown."""
    return math.prod(sizes)


def flops_per_element(count: int) -> Callable[..., Any]:
    """A `flops` rule: that many operations for each element of the first operand."""

    def flops(x: Any, *rest: Any) -> Any:
        return count * product(shape_of(x))

    return flops


def known(size: Size) -> bool:
    """Whether the size is a number."""
    return isinstance(size, int)


def differ(a: Size, b: Size) -> bool:
    """Whether two sizes are known and unequal."""
    return known(a) and known(b) and a != b


def check_axis(op: str, axis: Any, rank: int, what: str = "axis") -> int:
    """`axis` counted from 0.

    Raises:
        ArgumentError: it is no int, or out of range for the rank.
    """
    if type(axis) is not int:
        raise ArgumentError(f"{op}: {what} must be an int", received=f"{what}={axis!r}")
    if not -rank <= axis < rank:
        allowed = f"from {-rank} to {rank - 1}" if rank else "none: the tensor is a scalar"
        raise ArgumentError(
            f"{op}: {what} {axis} is out of range for {rank} axes",
            received=f"{what}={axis}",
            hint=f"axes are {allowed}.",
        )
    return axis % rank


def check_axes(op: str, axis: Any, rank: int, what: str = "axis") -> tuple[int, ...]:
    """Axes counted from 0; all of them where `axis` is None.

    Raises:
        ArgumentError: out of range, or an axis stands twice.
    """
    if axis is None:
        return tuple(range(rank))
    found = tuple(check_axis(op, one, rank, what) for one in as_tuple(axis))
    if len(set(found)) != len(found):
        raise ArgumentError(f"{op}: an axis stands twice in {what}", received=f"{what}={axis!r}")
    return found


def check_indices(op: str, indices: Any) -> None:
    """Refuse indices that are not integers."""
    dtype = dtype_of(indices)
    if not is_integer(dtype):
        raise DTypeError(
            f"{op}: indices must be integers",
            received=f"indices: {indices}",
            hint='`ops.cast(indices, "int32")` makes them so.',
        )


def check_float(op: str, **tensors: Any) -> None:
    """Refuse tensors that are not floating point."""
    for name, x in tensors.items():
        if not is_float(dtype_of(x)):
            raise DTypeError(
                f"{op}: {name} must be floating point",
                received=f"{name}: {x}",
                hint=f'`ops.cast({name}, "float32")` makes it so.',
            )


def check_choice(op: str, what: str, value: Any, allowed: Sequence[Any]) -> None:
    """Refuse a value outside a closed set."""
    if value not in allowed:
        raise ArgumentError(
            f"{op}: {what} must be one of {', '.join(map(repr, allowed))}", received=f"{what}={value!r}"
        )


def per_axis(op: str, what: str, value: Any, count: int) -> tuple[int, ...]:
    """An int, or one int per spatial axis, as a tuple of positive ints.

    Raises:
        ArgumentError: another number of them, or one that is not positive.
    """
    found = as_tuple(value)
    if len(found) == 1:
        found = found * count
    if len(found) != count or any(type(one) is not int or one < 1 for one in found):
        raise ArgumentError(
            f"{op}: {what} must be a positive int, or {count} of them: one for each spatial axis",
            received=f"{what}={value!r}",
        )
    return found
