"""Compute what is written twice once.

    %0: f32[b, 4] = relu(%x)                 %0: f32[b, 4] = relu(%x)
    %1: f32[b, 4] = relu(%x)                 %1: f32[b, 4] = add(%0, %0)
    %2: f32[b, 4] = add(%0, %1)

XLA does this too, after JAX has traced and lowered every copy; here it spares that time, and patterns that demand a
single use find it.  Two nodes are the same when op, operands, attributes and types are: attributes by type and value
(1 is not 1.0), literals by bits (0.0 is not -0.0), the operands of a commutative op in either order.  Random ops on the
same key and site give the same numbers, so they are one as well; on different sites they never are.  Equal constants
become one.
"""

from __future__ import annotations

from typing import Any

from .. import attrs
from ..graph import Graph
from ..ir import Node, Value
from ..op import Trait
from ..printer import constant_name
from ..rewrite import Rewriter, map_regions
from ..transform import copied


def eliminate_common(graph: Graph) -> Graph:
    """The graph with equal nodes and equal constants merged into the first of them."""
    new = Rewriter(map_regions(graph, eliminate_common))
    _merge_constants(new)
    seen: dict[Any, Node] = {}
    for node in new.source.nodes:
        candidate = copied(node, new.new)
        opaque = node.has(Trait.OPAQUE)  # it may count its calls
        first = candidate if opaque else seen.setdefault(_key(candidate), candidate)
        if first is candidate:
            new.nodes.append(candidate)
        else:
            new.replace(node, first.results)
    return new.result().graph


def _key(node: Node) -> Any:
    operands = [_operand_key(operand) for operand in node.operands]
    if node.op.has(Trait.COMMUTATIVE):
        operands[:2] = sorted(operands[:2], key=repr)
    return (node.op, tuple(operands), attrs.key(node.attrs), tuple([result.type for result in node.results]))


def _operand_key(operand: Any) -> Any:
    if type(operand) is Value:
        return ("value", id(operand))
    return tuple([_operand_key(item) for item in operand]) if attrs.is_tuple(operand) else attrs.key(operand)


def _merge_constants(new: Rewriter) -> None:
    known: dict[Any, Value] = {}
    sizes = [(value.type, array.nbytes) for value, array in new.consts.items()]
    for (value, array), size in zip(list(new.consts.items()), sizes, strict=True):
        if sizes.count(size) > 1:
            first = known.setdefault((value.type, constant_name(array)), value)
            if first is not value:
                new.new[value] = first
                del new.consts[value]
