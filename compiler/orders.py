"""Recognises masks of order: values whose elements depend on nothing but whether their row is before, at, or behind
their column, such as a lower triangle made of `arange` and `greater_equal`.

Rows are the last axis but one, columns the last.  Sizes need not be known: what is compared are linear forms of the two
positions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from . import attrs
from .dims import same
from .ir import Node, Value

Array = np.ndarray[Any, Any]

_DISTANCES = np.array([[1, 2, 1 << 40], [0, 0, 0], [-1, -2, -(1 << 40)]])
_DEEPEST = 64
"""Nodes one behind the other that a mask of order is made of, at most."""
_EXACT = ("int32", "int64", "float32", "float64")


def _select(which: Array, no: Array, yes: Array) -> Array:
    return np.where(which, yes, no)


_COMPARED: dict[str, Callable[..., Any]] = {
    "greater_equal": np.greater_equal, "lax.ge": np.greater_equal, "greater": np.greater, "lax.gt": np.greater,
    "less_equal": np.less_equal, "lax.le": np.less_equal, "less": np.less, "lax.lt": np.less,
    "equal": np.equal, "lax.eq": np.equal, "not_equal": np.not_equal, "lax.ne": np.not_equal,
}  # fmt: skip
_COMPUTED: dict[str, Callable[..., Any]] = {
    **_COMPARED,
    "add": np.add, "lax.add": np.add, "subtract": np.subtract, "lax.sub": np.subtract,
    "multiply": np.multiply, "lax.mul": np.multiply, "negative": np.negative, "lax.neg": np.negative,
    "logical_not": np.logical_not, "lax.not": np.logical_not, "logical_and": np.logical_and, "lax.and": np.logical_and,
    "logical_or": np.logical_or, "lax.or": np.logical_or, "where": np.where, "cast": np.copy,
    "lax.convert_element_type": np.copy,
    "lax.select_n": _select,
}  # fmt: skip


class _Linear(NamedTuple):
    """An integer: `number` and the positions along axes, counted from the last as -1, times their factors."""

    number: int
    factors: Mapping[int, int]


class Orders:
    """Reads values of one graph.

    Args:
        consts: the graph's constants.
    """

    def __init__(self, consts: Mapping[Value, Array]) -> None:
        self.consts = consts
        self._known: dict[Value, Array | None] = {}
        self._lines: dict[Value, _Linear | None] = {}

    def number(self, value: Any) -> float | None:
        """The number that every element of `value` is, where it is one that can be told."""
        if isinstance(value, bool | int | float):
            return value
        if type(value) is not Value:
            return None
        array = self.consts.get(value)
        if array is not None:
            return array.item() if array.ndim == 0 and array.dtype.kind in "biuf" else None
        node = value.node
        if node is None:
            return None
        if node.op.name == "full":
            return node.attr("fill_value")
        if node.op.name in _SHAPED and node.operands:
            return self.number(node.operands[0])
        return None

    def table(self, value: Any, depth: int = _DEEPEST) -> Array | None:
        """The elements behind, at and before the diagonal (row > column, =, <), where they depend on that only."""
        if type(value) is not Value:
            number = self.number(value)
            return None if number is None else np.array([number] * 3)
        if value not in self._known:
            found = self._table(value, depth - 1) if depth else None
            self._known[value] = None if found is None else found.astype(_numpy_dtype(value))
        return self._known[value]

    def _table(self, value: Value, depth: int) -> Array | None:
        number = self.number(value)
        if number is not None:
            return np.array([number] * 3)
        if value in self.consts:
            return _of_array(self.consts[value])
        node = value.node
        if node is None or len(node.results) != 1:
            return None
        name = node.op.name
        if name in _COMPARED:
            found = self._compared(node, _COMPARED[name], depth)
            if found is not None:
                return found
        if name in _SHAPED:
            places = _places(node)
            if places is None or any(places.get(axis, axis) != axis for axis in (-1, -2)):
                return None
            return self.table(node.operands[0], depth)
        if name not in _COMPUTED:
            return None
        operands = [x for operand in node.operands for x in (operand if attrs.is_tuple(operand) else (operand,))]
        tables = [self.table(x, depth) for x in operands]
        with np.errstate(all="ignore"):
            return None if any(t is None for t in tables) else np.asarray(_COMPUTED[name](*tables))

    def _compared(self, node: Node, compare: Callable[..., Any], depth: int) -> Array | None:
        left, right = (self._linear(operand, depth) for operand in node.operands)
        if left is None or right is None:
            return None
        difference = _sum(left, right, -1)
        factor = difference.factors.get(-2, 0)
        if not factor or dict(difference.factors) != {-2: factor, -1: -factor} or abs(difference.number) > abs(factor):
            return None
        found = compare(factor * _DISTANCES + difference.number, 0)
        return found[:, 0] if (found == found[:, :1]).all() else None

    def _linear(self, value: Any, depth: int) -> _Linear | None:
        number = self.number(value)
        if number is not None:
            return _Linear(int(number), {}) if number == number and abs(number) < 1 << 31 and number % 1 == 0 else None
        if type(value) is not Value:
            return None
        if value not in self._lines:
            self._lines[value] = self._line(value, depth - 1) if depth else None
        return self._lines[value]

    def _line(self, value: Value, depth: int) -> _Linear | None:
        node = value.node
        if node is None or value.dtype not in _EXACT:
            return None
        name = node.op.name
        if name == "arange":
            start, step = node.attr("start"), node.attr("step")
            start = 0 if node.attr("stop") is None else start
            return _Linear(start, {-1: 1}) if type(start) is int and step in (None, 1) else None
        if name == "lax.iota":
            return _Linear(0, {node.attr("dimension") - value.ndim: 1})
        if name in ("cast", "lax.convert_element_type"):
            return self._linear(node.operands[0], depth)
        if name in ("add", "lax.add", "subtract", "lax.sub"):
            left, right = (self._linear(operand, depth) for operand in node.operands)
            return None if left is None or right is None else _sum(left, right, -1 if "sub" in name else 1)
        if name in _SHAPED:
            inner, places = self._linear(node.operands[0], depth), _places(node)
            if inner is None or places is None or any(axis not in places for axis in inner.factors):
                return None
            return _Linear(inner.number, {places[axis]: factor for axis, factor in inner.factors.items()})
        return None


_SHAPED = ("expand_dims", "broadcast_to", "lax.broadcast_in_dim", "reshape", "lax.reshape", "getitem", "squeeze")


def _places(node: Node) -> dict[int, int] | None:
    """Where each axis of the operand with more than one element is in the result, both counted from the last; None
    where elements change places."""
    old, new = node.operands[0], node.results[0]
    if type(old) is not Value:
        return {}
    name = node.op.name
    axes = [axis for axis in range(old.ndim) if not same(old.shape[axis], 1)]
    if name == "broadcast_to":
        placed = [axis + new.ndim - old.ndim for axis in axes]
    elif name == "lax.broadcast_in_dim":
        placed = [node.attr("broadcast_dimensions")[axis] for axis in axes]
    elif name == "getitem":
        key = node.attr("key")
        parts = key if attrs.is_tuple(key) else (key,)
        if not all(part is None or part is Ellipsis or (type(part) is slice and part == slice(None)) for part in parts):
            return None
        placed = [axis for axis in range(new.ndim) if not same(new.shape[axis], 1)]
    else:  # axes of one element come and go
        placed = [axis for axis in range(new.ndim) if not same(new.shape[axis], 1)]
    if len(placed) != len(axes) or not all(same(old.shape[a], new.shape[b]) for a, b in zip(axes, placed, strict=True)):
        return None
    return {a - old.ndim: b - new.ndim for a, b in zip(axes, placed, strict=True)}


def _sum(left: _Linear, right: _Linear, sign: int) -> _Linear:
    factors = dict(left.factors)
    for axis, factor in right.factors.items():
        factors[axis] = factors.get(axis, 0) + sign * factor
    return _Linear(left.number + sign * right.number, {axis: factor for axis, factor in factors.items() if factor})


def _of_array(array: Array) -> Array | None:
    if array.ndim < 2 or array.shape[-1] < 2 or array.shape[-2] < 2 or array.dtype.kind not in "biuf":
        return None
    ones = np.ones(array.shape[-2:], bool)
    upto, before = np.tril(ones), np.tril(ones, -1)
    parts: list[Array] = [array[..., chosen] for chosen in (before, upto & ~before, ~upto)]
    if not all(part.size and (part == part.flat[0]).all() for part in parts):
        return None
    return np.array([part.flat[0] for part in parts])


def _numpy_dtype(value: Value) -> Any:
    return "float32" if value.dtype in ("bfloat16", "float16") else value.dtype
