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

from ..compiler.types import dtype_name
from ..compiler.ops.activation import (
    elu as elu,
    gelu as gelu,
    hard_sigmoid as hard_sigmoid,
    hard_silu as hard_silu,
    leaky_relu as leaky_relu,
    log_sigmoid as log_sigmoid,
    log_softmax as log_softmax,
    mish as mish,
    relu as relu,
    relu6 as relu6,
    selu as selu,
    sigmoid as sigmoid,
    silu as silu,
    softmax as softmax,
    softplus as softplus,
    softsign as softsign,
    tanh as tanh,
)
from ..compiler.ops.conv import (
    conv as conv,
)
from ..compiler.ops.elementwise import (
    absolute as absolute,
    add as add,
    cast as cast,
    ceil as ceil,
    clip as clip,
    cos as cos,
    divide as divide,
    equal as equal,
    erf as erf,
    exp as exp,
    expm1 as expm1,
    floor as floor,
    floor_divide as floor_divide,
    greater as greater,
    greater_equal as greater_equal,
    isfinite as isfinite,
    isnan as isnan,
    less as less,
    less_equal as less_equal,
    log as log,
    log1p as log1p,
    logical_and as logical_and,
    logical_not as logical_not,
    logical_or as logical_or,
    logical_xor as logical_xor,
    maximum as maximum,
    minimum as minimum,
    mod as mod,
    multiply as multiply,
    negative as negative,
    not_equal as not_equal,
    power as power,
    reciprocal as reciprocal,
    round as round,
    rsqrt as rsqrt,
    sign as sign,
    sin as sin,
    sqrt as sqrt,
    square as square,
    stop_gradient as stop_gradient,
    subtract as subtract,
    where as where,
)
from ..compiler.ops.indexing import (
    getitem as getitem,
    one_hot as one_hot,
    take as take,
    take_along_axis as take_along_axis,
)
from ..compiler.ops.linalg import (
    einsum as einsum,
    matmul as matmul,
)
from ..compiler.ops.losses import (
    binary_crossentropy as binary_crossentropy,
    categorical_crossentropy as categorical_crossentropy,
    sparse_categorical_crossentropy as sparse_categorical_crossentropy,
)
from ..compiler.ops.normalization import (
    batch_normalization as batch_normalization,
    moments as moments,
)
from ..compiler.ops.pooling import (
    average_pool as average_pool,
    max_pool as max_pool,
)
from ..compiler.ops.reduction import (
    all as all,
    any as any,
    argmax as argmax,
    argmin as argmin,
    cumsum as cumsum,
    logsumexp as logsumexp,
    max as max,
    mean as mean,
    min as min,
    prod as prod,
    std as std,
    sum as sum,
    var as var,
)
from ..compiler.ops.shape import (
    broadcast_to as broadcast_to,
    concatenate as concatenate,
    expand_dims as expand_dims,
    flip as flip,
    pad as pad,
    repeat as repeat,
    reshape as reshape,
    split as split,
    squeeze as squeeze,
    stack as stack,
    tile as tile,
    transpose as transpose,
)
from ..compiler.ops import creation
from ..compiler.ops.creation import dim_size as dim_size
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
