"""Take out what computes its own operand, and what undoes the op before it; exact in value and gradient.

    %0: f32[b, 8, 8] = reshape(%x, newshape=(b, 8, 8))       %0: f32[b, 64] = relu(%x)
    %1: f32[b, 64] = reshape(%0, newshape=(b, 64))           %1: f32[b, 64] = square(%0)
    %2: f32[b, 64] = multiply(%1, 1.0)
    %3: f32[b, 64] = relu(%2)
    %4: f32[b, 64] = relu(%3)
    %5: f32[b, 64] = power(%4, 2)

XLA does most of this too, after JAX has traced and lowered it, and for each program anew.  Gained are a text that shows
what is computed (6 layers in `TimeDistributed`: 27 → 17 nodes), single uses that other patterns demand, and the random
key: dropout that is off, in inference or in a frozen base that trains under a new head, does not ask for one any more
(12 of them: 50 → 26 nodes).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from .. import attrs
from ..attrs import is_tuple
from ..errors import GraphError
from ..graph import Graph
from ..ir import Value
from ..ops.elementwise import add, square, subtract
from ..ops.shape import concatenate, expand_dims, reshape, split, squeeze, transpose
from ..rules import Rules
from ..types import is_float, is_integer

_RULES = Rules("simplify_algebra")


def simplify_algebra(graph: Graph) -> Graph:
    """The graph without identities and without pairs of ops that undo each other."""
    return _RULES(graph).graph


# A row that returns its operand applies where that has the type of the result, to the last bit of it.
@_RULES.row("TRAINING(x, ..., training=False)")
@_RULES.row("dropout(x, _, 0, ...)")
@_RULES.row("cast(x, _)")
@_RULES.row("reshape(x, _)")
@_RULES.row("squeeze(x, _)")
@_RULES.row("broadcast_to(x, _)")
@_RULES.row("tile(x, _)")
@_RULES.row("concatenate([x], _)")
@_RULES.row("multiply(x, 1)")
@_RULES.row("divide(x, 1)")
@_RULES.row("power(x, 1)")
@_RULES.row("logical_and(x, True)")
@_RULES.row("logical_or(x, False)")
@_RULES.row("where(_, x, x)")
@_RULES.row("negative(negative(x))")
@_RULES.row("logical_not(logical_not(x))")
@_RULES.row("flip(flip(x, axis), axis)")
@_RULES.row("relu(x := relu(_))")
@_RULES.row("absolute(x := absolute(_))")
@_RULES.row("stop_gradient(x := stop_gradient(_))")
def _operand(x: Any) -> Value | None:
    return x if isinstance(x, Value) else None


@_RULES.row("add(x, zero)")
def _plus_zero(x: Any, zero: Any) -> Value | None:
    """-0.0 + 0.0 is 0.0, so that only adding -0.0 changes no number."""
    return _minus_zero(x, -float(zero)) if type(zero) in (int, float) and zero == 0 else None


@_RULES.row("subtract(x, zero)")
def _minus_zero(x: Any, zero: Any) -> Value | None:
    if not isinstance(x, Value) or type(zero) not in (int, float) or zero != 0:
        return None
    return x if is_integer(x.dtype) or math.copysign(1, zero) > 0 else None


@_RULES.row("pad(x, width, ...)")
def _nothing_around(x: Any, width: Any) -> Value | None:
    return None if attrs.has_dims(width) else x


@_RULES.row("transpose(x, axes)")
def _same_order(x: Value, axes: Any) -> Value | None:
    return x if _order(axes, x.ndim) == list(range(x.ndim)) else None


@_RULES.row("getitem(x, key)")
def _everything(x: Value, key: Any) -> Value | None:
    parts = key if is_tuple(key) else (key,)
    return x if all(part is Ellipsis or (type(part) is slice and part == slice(None)) for part in parts) else None


@_RULES.row("add(x, negative(y))")
def _difference(x: Any, y: Any) -> Value | None:
    return _of_one_type(subtract(x, y), y)


@_RULES.row("subtract(x, negative(y))")
def _sum(x: Any, y: Any) -> Value | None:
    return _of_one_type(add(x, y), y)


def _of_one_type(made: Value, y: Any) -> Value | None:
    """`made`, where `y` goes into it as it is: an integer that is widened behind `negative` has overflown before."""
    return made if isinstance(y, Value) and (made.dtype == y.dtype or is_float(y.dtype)) else None


@_RULES.row("power(x, 2)")
def _square(x: Any) -> Value | None:
    return square(x) if isinstance(x, Value) else None


@_RULES.row("transpose(transpose(x, first), second)")
def _one_order(x: Value, first: Any, second: Any) -> Value:
    order = _order(first, x.ndim)
    axes = tuple([order[axis] for axis in _order(second, x.ndim)])
    return x if axes == tuple(range(x.ndim)) else transpose(x, axes)


@_RULES.row("y := reshape(inner, _)")
@_RULES.row("y := squeeze(inner, _)")
@_RULES.row("y := expand_dims(inner, _)")
def _one_shape(y: Value, inner: Any) -> Value | None:
    """Row by row the elements stay in their order, however often they are given another shape."""
    node = inner.node if isinstance(inner, Value) else None
    if node is None or node.op not in (reshape, squeeze, expand_dims):
        return None
    (x,) = node.operands
    if not isinstance(x, Value) or x.type is y.type:
        return x
    return reshape(x, y.shape) if _as_many(x, y) else None


@_RULES.row("concatenate(xs, axis)")
def _joined_again(xs: Sequence[Any], axis: int) -> Value | None:
    node = xs[0].node if isinstance(xs[0], Value) else None
    if node is None or node.op is not split or len(xs) != len(node.results):
        return None
    if not all(a is b for a, b in zip(xs, node.results, strict=True)):
        return None
    x = node.operands[0]
    return x if node.attr("axis") % x.ndim == axis % x.ndim else None


@_RULES.row("first := split(whole, _, axis)")
def _cut_again(first: Any, whole: Any, axis: int) -> Sequence[Value] | None:
    node = whole.node if isinstance(whole, Value) else None
    if node is None or node.op is not concatenate or node.attr("axis") % whole.ndim != axis % whole.ndim:
        return None
    xs = node.operand("xs")
    return xs if len(xs) == len(first.node.results) and all(isinstance(x, Value) for x in xs) else None


def _as_many(x: Value, y: Value) -> bool:
    """Whether both surely have as many elements; a size that an op between them was the first to have is unknown."""
    if not set(y.type.symbols) <= set(x.type.symbols):
        return False
    try:
        return bool(math.prod(x.shape) == math.prod(y.shape))
    except GraphError:
        return False


def _order(axes: Any, rank: int) -> list[int]:
    return list(range(rank - 1, -1, -1)) if axes is None else [axis % rank for axis in axes]
