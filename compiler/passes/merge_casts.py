"""Leave out casts that other casts undo: where layers of different precision meet.

    %0: f32[b, 8] = cast(%x, dtype="float32")                    %0: bf16[b, 2, 4] = reshape(%x, newshape=(b, 2, 4))
    %1: f32[b, 2, 4] = reshape(%0, newshape=(b, 2, 4))
    %2: bf16[b, 2, 4] = cast(%1, dtype="bfloat16")

XLA:CPU merges these as well, no slower; gained is what a person sees: 6 dense layers in bfloat16 between which the axes
move in float32 have 16 nodes instead of 26.

Two casts become one where the type between them holds every number of the first type, so that the first cast rounds
nothing; and where it holds every number of the last type too, or there is no gradient, for gradients go the same way
back.  Casts go past ops that only arrange elements, if they meet another one there.  The first cast and what is between
must have no other use: gradients of several uses are summed in the type that they have there.  So numbers stay what
they were, to the last bit, in value and gradient.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from ..attrs import is_tuple
from ..graph import Graph
from ..ir import Value
from ..op import Op
from ..ops.elementwise import cast
from ..ops.indexing import getitem
from ..ops.shape import concatenate, expand_dims, flip, reshape, squeeze, stack, transpose
from ..rewrite import again
from ..rules import Rules
from ..types import is_float, is_integer, jax_dtype

_RULES = Rules("merge_casts")

_ARRANGE: set[Op] = {concatenate, expand_dims, flip, getitem, reshape, squeeze, stack, transpose}
"""Ops that only arrange elements, forward and backward: that repeat none, so that no gradients are summed."""
_DEPTH = 8
"""Ops that a cast may go past."""


def merge_casts(graph: Graph) -> Graph:
    """The graph without casts that undo each other."""
    return _RULES(graph).graph


@_RULES.row("cast(once(between := cast(x, _)), dtype)")
def _one_cast(x: Any, between: Value, dtype: str) -> Value | None:
    if not isinstance(x, Value) or not _is_one(x.dtype, between.dtype, dtype):
        return None
    return x if x.dtype == dtype and not x.type.weak else cast(x, dtype)


@_RULES.row("cast(once(y := MOVES(...)), dtype)")
def _past(y: Value, dtype: str) -> Value | None:
    if not _meets_a_cast(y, dtype, _DEPTH):
        return None
    node: Any = y.node
    (given,) = node.operands
    return again(y, tuple([cast(x, dtype) for x in given]) if is_tuple(given) else cast(given, dtype))


def _meets_a_cast(y: Any, dtype: str, depth: int) -> bool:
    """Whether behind each operand of what arranges `y` stands a cast that is one with a cast to `dtype`."""
    node = y.node if isinstance(y, Value) else None
    if node is None or not depth:
        return False
    if node.op is cast:
        return isinstance(node.operands[0], Value) and _is_one(node.operands[0].dtype, y.dtype, dtype)
    if node.op not in _ARRANGE:
        return False
    (given,) = node.operands
    return all(_meets_a_cast(x, dtype, depth - 1) for x in (given if is_tuple(given) else (given,)))


def _is_one(first: str, between: str, last: str) -> bool:
    """Whether a cast from `first` over `between` to `last` is the same as one that goes there directly.

    From a float, integers that are too large become the largest; from an integer, they lose their upper bits."""
    if is_integer(first) and is_float(between) and is_integer(last) and not _holds(last, first):
        return False
    return _holds(between, first) and (not (is_float(first) and is_float(last)) or _holds(between, last))


def _holds(wide: str, narrow: str) -> bool:
    """Whether the type `wide` has every number that `narrow` has."""
    if wide == narrow or narrow == "bool":
        return True
    if is_float(wide) and is_float(narrow):
        a, b = _limits(wide), _limits(narrow)
        return a.nmant >= b.nmant and a.maxexp >= b.maxexp and a.minexp <= b.minexp
    if not is_integer(narrow):
        return False
    inner = _limits(narrow)
    if is_float(wide):
        return int(inner.max).bit_length() <= _limits(wide).nmant + 1
    return is_integer(wide) and _limits(wide).min <= inner.min and _limits(wide).max >= inner.max


def _limits(dtype: str) -> Any:
    """NumPy's `finfo` or `iinfo` of the type."""
    numbers: Any = jnp  # whose annotations are in part unknown to pyright
    return numbers.finfo(jax_dtype(dtype)) if is_float(dtype) else numbers.iinfo(jax_dtype(dtype))
