"""Public functions of `kgc.ops` that are composites of ops.

On KerasTensors each of them makes exactly one node of the call graph, as an op does.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..compiler.errors import ArgumentError
from ..compiler.ir import Value
from ..compiler.ops import creation, linalg
from ..compiler.ops.activation import silu
from ..compiler.ops.elementwise import absolute, cast, divide, sqrt, square
from ..compiler.ops.reduction import sum
from ..compiler.ops.shape import broadcast_to, split, squeeze, transpose
from ..compiler.types import dtype_name
from . import dtype_policies, symbolic, trace, tree


def composite(function: Callable[..., Any]) -> Callable[..., Any]:
    """A public function of several ops: on KerasTensors it makes one call node."""

    @functools.wraps(function)
    def public(*args: Any, **kwargs: Any) -> Any:
        if trace.current() is None:
            for leaf in tree.leaves((args, kwargs)):
                if isinstance(leaf, symbolic.KerasTensor):
                    return symbolic.record(symbolic.FunctionCall(function, function.__name__), args, kwargs)
        return function(*args, **kwargs)

    return public


def zeros(shape: Any, dtype: Any = None) -> Any:
    """Zeros of this shape; a size may be one of an unknown axis (`x.shape[0]`)."""
    return creation.full(_sizes(shape), 0, _float(dtype))


def ones(shape: Any, dtype: Any = None) -> Any:
    """Ones of this shape; a size may be one of an unknown axis."""
    return creation.full(_sizes(shape), 1, _float(dtype))


def full(shape: Any, fill_value: Any, dtype: Any = None) -> Any:
    """A tensor of this shape filled with a number or a scalar tensor."""
    if isinstance(fill_value, int | float | bool):
        return creation.full(_sizes(shape), fill_value, _float(dtype))
    return broadcast_to(cast(fill_value, _float(dtype)), _sizes(shape))


@composite
def zeros_like(x: Any, dtype: Any = None) -> Any:
    """Zeros of the shape of x."""
    return creation.full(_shape_of(x), 0, dtype_name(dtype or x.dtype))


@composite
def ones_like(x: Any, dtype: Any = None) -> Any:
    """Ones of the shape of x."""
    return creation.full(_shape_of(x), 1, dtype_name(dtype or x.dtype))


@composite
def full_like(x: Any, fill_value: Any, dtype: Any = None) -> Any:
    """A tensor of the shape of x filled with a number."""
    return creation.full(_shape_of(x), fill_value, dtype_name(dtype or x.dtype))


def arange(start: Any, stop: Any = None, step: Any = 1, dtype: Any = None) -> Any:
    """Numbers from start up to stop (from 0 up to start when stop is not given)."""
    if stop is None:
        start, stop = 0, start
    if dtype is None:
        dtype = "float32" if float in map(type, (start, stop, step)) else "int32"
    return creation.arange(start, stop, step, dtype_name(dtype))


def eye(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> Any:
    """The identity matrix, its diagonal moved by k."""
    return creation.eye(N, M, k, _float(dtype))


def shape(x: Any) -> tuple[Any, ...]:
    """Sizes of x; one that is not known is a `Dim` inside a `call`, None between layers."""
    return tuple(x.shape)


def convert_to_tensor(x: Any, dtype: Any = None, sparse: bool | None = None, ragged: bool | None = None) -> Any:
    """x as a tensor, in `dtype` if given.

    Raises:
        ArgumentError: a sparse or ragged tensor is asked for; kgc has dense ones only.
    """
    if sparse or ragged:
        raise ArgumentError(
            "convert_to_tensor() makes dense tensors only", received=f"{sparse=}, {ragged=}", hint="leave it out."
        )
    if hasattr(type(x), "__kgc_operand__"):
        x = x.__kgc_operand__()
    if not hasattr(x, "shape"):
        array = np.asarray(x)
        x = jnp.asarray(array, dtype_name(array.dtype if dtype is None else dtype))
    elif isinstance(x, np.ndarray):
        x = jnp.asarray(x.astype(dtype_name(x.dtype), copy=False))
    return x if dtype is None or dtype_name(x.dtype) == dtype_name(dtype) else cast(x, dtype_name(dtype))


def convert_to_numpy(x: Any) -> np.ndarray:
    """x as a NumPy array."""
    return np.asarray(x)


def is_tensor(x: Any) -> bool:
    """Whether x is a tensor, symbolic or not."""
    return isinstance(x, jax.Array | Value) or hasattr(type(x), "__kgc_record__")


@composite
def abs(x: Any) -> Any:
    """|x|."""
    return absolute(x)


@composite
def true_divide(x1: Any, x2: Any) -> Any:
    """x1 / x2."""
    return divide(x1, x2)


@composite
def einsum(subscripts: str, *operands: Any) -> Any:
    """Sum of products in Einstein's notation.  Shape: the letters behind `->`.

    Args:
        subscripts: letters of each operand's axes, by commas, and behind `->` those of the result: `"ij,jk->ik"`.
        operands: tensors, one by one or in one list.
    """
    several = len(operands) == 1 and isinstance(operands[0], list | tuple)
    return linalg.einsum(subscripts, list(operands[0] if several else operands))


@composite
def swish(x: Any) -> Any:
    """x * sigmoid(x)."""
    return silu(x)


@composite
def unstack(x: Any, num: int | None = None, axis: int = 0) -> list[Any]:
    """The parts of x along an axis of known size."""
    parts = split(x, num or x.shape[axis], axis)
    return [squeeze(part, axis) for part in (parts if isinstance(parts, list | tuple) else [parts])]


@composite
def swapaxes(x: Any, axis1: int, axis2: int) -> Any:
    """x with two axes exchanged."""
    order = list(range(len(x.shape)))
    order[axis1], order[axis2] = order[axis2], order[axis1]
    return transpose(x, tuple(order))


@composite
def norm(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Euclidean norm over the axes."""
    return sqrt(sum(square(x), axis, keepdims))


def _sizes(shape: Any) -> tuple[Any, ...]:
    return tuple(shape) if isinstance(shape, Sequence) else (shape,)


def _shape_of(x: Any) -> tuple[Any, ...]:
    return tuple(x.shape)


def _float(dtype: Any) -> str:
    return dtype_name(dtype or dtype_policies.floatx())
