"""`kgc.ops`: what a `call` may compute with, and what may stand between layers.

The ops themselves come from the compiler's catalogue; the functions below are composites of them.  On KerasTensors each
public function, op or composite, makes exactly one node of the call graph.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..compiler.ops import creation
from ..compiler.ops.activation import (
    elu as elu,
)
from ..compiler.ops.activation import (
    gelu as gelu,
)
from ..compiler.ops.activation import (
    hard_sigmoid as hard_sigmoid,
)
from ..compiler.ops.activation import (
    hard_silu as hard_silu,
)
from ..compiler.ops.activation import (
    leaky_relu as leaky_relu,
)
from ..compiler.ops.activation import (
    log_sigmoid as log_sigmoid,
)
from ..compiler.ops.activation import (
    log_softmax as log_softmax,
)
from ..compiler.ops.activation import (
    mish as mish,
)
from ..compiler.ops.activation import (
    relu as relu,
)
from ..compiler.ops.activation import (
    relu6 as relu6,
)
from ..compiler.ops.activation import (
    selu as selu,
)
from ..compiler.ops.activation import (
    sigmoid as sigmoid,
)
from ..compiler.ops.activation import (
    silu as silu,
)
from ..compiler.ops.activation import (
    softmax as softmax,
)
from ..compiler.ops.activation import (
    softplus as softplus,
)
from ..compiler.ops.activation import (
    softsign as softsign,
)
from ..compiler.ops.activation import (
    tanh as tanh,
)
from ..compiler.ops.conv import (
    conv as conv,
)
from ..compiler.ops.creation import dim_size as dim_size
from ..compiler.ops.elementwise import (
    absolute as absolute,
)
from ..compiler.ops.elementwise import (
    add as add,
)
from ..compiler.ops.elementwise import (
    cast as cast,
)
from ..compiler.ops.elementwise import (
    ceil as ceil,
)
from ..compiler.ops.elementwise import (
    clip as clip,
)
from ..compiler.ops.elementwise import (
    cos as cos,
)
from ..compiler.ops.elementwise import (
    divide as divide,
)
from ..compiler.ops.elementwise import (
    equal as equal,
)
from ..compiler.ops.elementwise import (
    erf as erf,
)
from ..compiler.ops.elementwise import (
    exp as exp,
)
from ..compiler.ops.elementwise import (
    expm1 as expm1,
)
from ..compiler.ops.elementwise import (
    floor as floor,
)
from ..compiler.ops.elementwise import (
    floor_divide as floor_divide,
)
from ..compiler.ops.elementwise import (
    greater as greater,
)
from ..compiler.ops.elementwise import (
    greater_equal as greater_equal,
)
from ..compiler.ops.elementwise import (
    isfinite as isfinite,
)
from ..compiler.ops.elementwise import (
    isnan as isnan,
)
from ..compiler.ops.elementwise import (
    less as less,
)
from ..compiler.ops.elementwise import (
    less_equal as less_equal,
)
from ..compiler.ops.elementwise import (
    log as log,
)
from ..compiler.ops.elementwise import (
    log1p as log1p,
)
from ..compiler.ops.elementwise import (
    logical_and as logical_and,
)
from ..compiler.ops.elementwise import (
    logical_not as logical_not,
)
from ..compiler.ops.elementwise import (
    logical_or as logical_or,
)
from ..compiler.ops.elementwise import (
    logical_xor as logical_xor,
)
from ..compiler.ops.elementwise import (
    maximum as maximum,
)
from ..compiler.ops.elementwise import (
    minimum as minimum,
)
from ..compiler.ops.elementwise import (
    mod as mod,
)
from ..compiler.ops.elementwise import (
    multiply as multiply,
)
from ..compiler.ops.elementwise import (
    negative as negative,
)
from ..compiler.ops.elementwise import (
    not_equal as not_equal,
)
from ..compiler.ops.elementwise import (
    power as power,
)
from ..compiler.ops.elementwise import (
    reciprocal as reciprocal,
)
from ..compiler.ops.elementwise import (
    round as round,
)
from ..compiler.ops.elementwise import (
    rsqrt as rsqrt,
)
from ..compiler.ops.elementwise import (
    sign as sign,
)
from ..compiler.ops.elementwise import (
    sin as sin,
)
from ..compiler.ops.elementwise import (
    sqrt as sqrt,
)
from ..compiler.ops.elementwise import (
    square as square,
)
from ..compiler.ops.elementwise import (
    stop_gradient as stop_gradient,
)
from ..compiler.ops.elementwise import (
    subtract as subtract,
)
from ..compiler.ops.elementwise import (
    where as where,
)
from ..compiler.ops.indexing import (
    getitem as getitem,
)
from ..compiler.ops.indexing import (
    one_hot as one_hot,
)
from ..compiler.ops.indexing import (
    take as take,
)
from ..compiler.ops.indexing import (
    take_along_axis as take_along_axis,
)
from ..compiler.ops.linalg import (
    einsum as einsum,
)
from ..compiler.ops.linalg import (
    matmul as matmul,
)
from ..compiler.ops.losses import (
    binary_crossentropy as binary_crossentropy,
)
from ..compiler.ops.losses import (
    categorical_crossentropy as categorical_crossentropy,
)
from ..compiler.ops.losses import (
    sparse_categorical_crossentropy as sparse_categorical_crossentropy,
)
from ..compiler.ops.normalization import (
    batch_normalization as batch_normalization,
)
from ..compiler.ops.normalization import (
    moments as moments,
)
from ..compiler.ops.pooling import (
    average_pool as average_pool,
)
from ..compiler.ops.pooling import (
    max_pool as max_pool,
)
from ..compiler.ops.reduction import (
    all as all,
)
from ..compiler.ops.reduction import (
    any as any,
)
from ..compiler.ops.reduction import (
    argmax as argmax,
)
from ..compiler.ops.reduction import (
    argmin as argmin,
)
from ..compiler.ops.reduction import (
    cumsum as cumsum,
)
from ..compiler.ops.reduction import (
    logsumexp as logsumexp,
)
from ..compiler.ops.reduction import (
    max as max,
)
from ..compiler.ops.reduction import (
    mean as mean,
)
from ..compiler.ops.reduction import (
    min as min,
)
from ..compiler.ops.reduction import (
    prod as prod,
)
from ..compiler.ops.reduction import (
    std as std,
)
from ..compiler.ops.reduction import (
    sum as sum,
)
from ..compiler.ops.reduction import (
    var as var,
)
from ..compiler.ops.shape import (
    broadcast_to as broadcast_to,
)
from ..compiler.ops.shape import (
    concatenate as concatenate,
)
from ..compiler.ops.shape import (
    expand_dims as expand_dims,
)
from ..compiler.ops.shape import (
    flip as flip,
)
from ..compiler.ops.shape import (
    pad as pad,
)
from ..compiler.ops.shape import (
    repeat as repeat,
)
from ..compiler.ops.shape import (
    reshape as reshape,
)
from ..compiler.ops.shape import (
    split as split,
)
from ..compiler.ops.shape import (
    squeeze as squeeze,
)
from ..compiler.ops.shape import (
    stack as stack,
)
from ..compiler.ops.shape import (
    tile as tile,
)
from ..compiler.ops.shape import (
    transpose as transpose,
)
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
    """x as a tensor, in `dtype` if given."""
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
    return isinstance(x, jax.Array) or hasattr(type(x), "__kgc_record__") or hasattr(x, "type")


@composite
def abs(x: Any) -> Any:
    """|x|."""
    return absolute(x)


@composite
def true_divide(x1: Any, x2: Any) -> Any:
    """x1 / x2."""
    return divide(x1, x2)


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
