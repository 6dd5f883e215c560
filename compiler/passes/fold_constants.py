"""Compute now what depends on constants only.

    const %scale: f32[3] = [1.0, 2.0, 4.0]           const %c: f32[3] = [1.0, 0.5, 0.25]
    %0: f32[3] = divide(1.0, %scale)                 %0: f32[b, 3] = multiply(%x, %c)
    %1: f32[b, 3] = multiply(%x, %0)

XLA folds constants anew at every compilation, and gives up on what takes it long; here it is done once, other passes
see the numbers, and so does whoever reads the text.  A result may have as many bytes as the operands together, or
64 KiB: nothing grows.  What only creates (`full`, `arange`, `eye`) is shorter as an op and stays, unless something is
computed from it.  Random ops, loops and Python functions of the user's are left alone.  All that is folded is computed
in one jitted call.
"""

from __future__ import annotations

from typing import Any, cast

import jax
import numpy as np

from .. import interpret
from ..attrs import has_dims
from ..graph import Graph
from ..ir import Node, Value
from ..op import Trait
from ..rewrite import Rewriter, map_regions
from ..transform import copied, live
from ..types import TensorType

LIMIT = 64 * 1024
"""Bytes that a result may have, whatever its operands have."""

_NEVER = Trait.RANDOM | Trait.CONTROL | Trait.OPAQUE


def fold_constants(graph: Graph) -> Graph:
    """The graph with nodes of constants replaced by constants."""
    graph = map_regions(graph, fold_constants)
    constant: set[Value] = set(graph.consts)
    folded: dict[Node, bool] = {}  # node -> whether it is worth a constant of its own
    for node in graph.nodes:
        uses = list(node.uses())
        if all(value in constant for value in uses) and _may_fold(node, uses):
            constant.update(node.results)
            folded[node] = bool(uses) or not node.op.has(Trait.CREATES)
    roots = set(graph.roots())
    needed = {value for node in graph.nodes if node not in folded for value in node.uses()} | roots
    wanted = [result for node, worth in folded.items() if worth for result in node.results if result in needed]
    if not wanted:
        return graph
    new = Rewriter(graph)
    gone = {value for node, worth in folded.items() if worth for value in node.results}
    for value, array in zip(wanted, _compute(graph, wanted), strict=True):
        const = Value(value.type, name=new.unique("c"))
        new.consts[const] = array
        new.new[value] = const
    for node in graph.nodes:
        if not any(result in gone for result in node.results):
            new.nodes.append(copied(node, new.new))
    return new.result().graph


def _may_fold(node: Node, uses: list[Value]) -> bool:
    if node.op.traits & _NEVER or next(node.regions(), None) is not None:
        return False
    if has_dims(node.attrs):  # a size that is not known yet is no constant
        return False
    types = [result.type for result in node.results]
    if not all(type_.is_static and type_.dtype != "key" for type_ in types):
        return False
    return sum(map(_bytes, types)) <= max(LIMIT, sum(_bytes(value.type) for value in uses))


def _bytes(type_: TensorType) -> int:
    size = type_.aval.dtype.itemsize
    for axis in type_.shape:
        size *= axis if isinstance(axis, int) else 1
    return size


def _compute(graph: Graph, wanted: list[Value]) -> list[np.ndarray]:
    """The values of `wanted`, by one jitted call."""
    nodes, used = live(graph.nodes, wanted)
    consts = {value: array for value, array in graph.consts.items() if value in used}
    part = Graph("constants", (), (), (), consts, nodes, wanted)
    jit = cast(Any, jax.jit)  # pyright: ignore[reportUnknownMemberType]
    return [np.asarray(array) for array in jit(lambda: interpret.evaluate(part, ())[0])()]
