"""Structural equality of graphs: types, ops, attributes, wiring, names of arguments, constants' bytes.

Names of values, of symbols and of the graph do not count; symbols must correspond one to one.
"""

from __future__ import annotations

from typing import Any

from . import dims
from .attrs import GraphLike, kind_of
from .dims import Dim
from .ir import GraphParts, Value
from .types import TensorType


def difference(left: GraphParts, right: GraphParts, *, locations: bool = False) -> str | None:
    """The first difference in words, or None for equal graphs; locations count if asked."""
    return _Comparison(locations).graphs(left, right)


class _Comparison:
    def __init__(self, locations: bool) -> None:
        self.locations = locations
        self.there: dict[str, int | Dim] = {}
        self.back: dict[str, str] = {}

    def graphs(self, left: GraphParts, right: GraphParts) -> str | None:
        values: dict[Value, Value] = {}
        for kind in ("inputs", "params", "state"):
            ours, theirs = getattr(left, kind), getattr(right, kind)
            if [v.name for v in ours] != [v.name for v in theirs]:
                return f"{kind}: {[v.name for v in ours]} against {[v.name for v in theirs]}"
            for a, b in zip(ours, theirs, strict=True):
                values[a] = b
                if not self.types(a.type, b.type):
                    return f"{kind} {a.name}: {a.type} against {b.type}"
        if len(left.consts) != len(right.consts):
            return f"{len(left.consts)} constants against {len(right.consts)}"
        for (a, array), (b, other) in zip(left.consts.items(), right.consts.items(), strict=True):
            values[a] = b
            if not self.types(a.type, b.type) or array.dtype != other.dtype or array.tobytes() != other.tobytes():
                return f"constant {a.name} differs"
        if len(left.nodes) != len(right.nodes):
            return f"{len(left.nodes)} nodes against {len(right.nodes)}"
        for index, (a, b) in enumerate(zip(left.nodes, right.nodes, strict=True)):
            if a.op is not b.op:
                return f"node {index}: {a.op.name} against {b.op.name}"
            if not self.operands(a.operands, b.operands, values):
                return f"node {index} ({a.op.name}): operands differ"
            if not self.attrs(a.attrs, b.attrs):
                return f"node {index} ({a.op.name}): attributes {a.attrs} against {b.attrs}"
            if len(a.results) != len(b.results):
                return f"node {index} ({a.op.name}): number of results"
            for x, y in zip(a.results, b.results, strict=True):
                values[x] = y
                if not self.types(x.type, y.type):
                    return f"node {index} ({a.op.name}): {x.type} against {y.type}"
            if self.locations and a.loc != b.loc:
                return f"node {index} ({a.op.name}): {a.loc!r} against {b.loc!r}"
        if not _same(left.outputs, right.outputs, values):
            return "outputs differ"
        if left.output_names != right.output_names:
            return f"output names {left.output_names} against {right.output_names}"
        ours, theirs = left.assigns, right.assigns
        if len(ours) != len(theirs) or not all(_same(a, b, values) for a, b in zip(ours, theirs, strict=True)):
            return "assignments differ"
        return None

    def types(self, left: TensorType, right: TensorType) -> bool:
        if left is right and left.is_static:
            return True
        if (left.dtype, left.weak, left.rank) != (right.dtype, right.weak, right.rank):
            return False
        return all(self.sizes(a, b) for a, b in zip(left.shape, right.shape, strict=True))

    def sizes(self, left: Any, right: Any) -> bool:
        if not (isinstance(left, Dim) and isinstance(right, Dim)):
            return type(left) is type(right) and left == right
        new = [name for name in left.symbols if name not in self.there]
        free = [name for name in right.symbols if name not in self.back]
        if len(new) != len(free):
            return False
        for mine, other in zip(new, free, strict=True):
            if (mine[0] == "b") != (other[0] == "b"):
                return False
            self.there[mine], self.back[other] = dims.symbol(other), mine
        return left.substitute(self.there) is right

    def operands(self, left: Any, right: Any, values: dict[Value, Value]) -> bool:
        if type(left) is not type(right):
            return False
        if type(left) is Value:
            return values.get(left) is right
        if kind_of(left) is tuple:
            return len(left) == len(right) and all(
                self.operands(a, b, values) for a, b in zip(left, right, strict=True)
            )
        return repr(left) == repr(right)

    def attrs(self, left: Any, right: Any) -> bool:
        if isinstance(left, Dim) or isinstance(right, Dim):
            return self.sizes(left, right)
        if type(left) is not type(right):
            return False
        if kind_of(left) is tuple:
            return len(left) == len(right) and all(self.attrs(a, b) for a, b in zip(left, right, strict=True))
        if kind_of(left) is slice:
            return self.attrs((left.start, left.stop, left.step), (right.start, right.stop, right.step))
        if isinstance(left, GraphLike):
            return self.graphs(left, right) is None  # pyright: ignore[reportArgumentType]
        return repr(left) == repr(right)


def _same(left: tuple[Value, ...], right: tuple[Value, ...], values: dict[Value, Value]) -> bool:
    return len(left) == len(right) and all(values.get(a) is b for a, b in zip(left, right, strict=True))
