"""Checks that a graph is what it claims: single assignment, order, types by the ops' own rules, names, regions.

Runs on every graph before it is emitted and between passes.
"""

from __future__ import annotations

from typing import Any

from . import attrs, infer
from .dims import Dim
from .errors import IRError, KgcError
from .graph import Graph
from .ir import Node, Value
from .types import TensorType


def verify(graph: Graph, after: str = "") -> Graph:
    """The graph, when it holds.

    Args:
        graph: what to check, regions included.
        after: the pass that made it, for the message.

    Raises:
        IRError: what is wrong, and at which node.
    """
    blame = f" after {after}" if after else ""
    names: set[str] = set()
    known: set[int] = set()
    for value in graph.arguments():
        if not value.name or value.name in names:
            raise IRError(f"@{graph.name}{blame}: argument name '{value.name}' is empty or taken")
        if value.node is not None:
            raise IRError(f"@{graph.name}{blame}: argument %{value.name} is the result of a node")
        names.add(value.name)
        known.add(id(value))
    for value, array in graph.consts.items():
        if array.shape != value.type.shape or array.dtype != value.type.aval.dtype:
            raise IRError(
                f"@{graph.name}{blame}: constant %{value.name} is {array.dtype}{array.shape}, not {value.type}"
            )
    for index, node in enumerate(graph.nodes):
        _verify_node(graph, node, index, known, blame)
        for position, result in enumerate(node.results):
            if id(result) in known or result.node is not node or result.index != position:
                raise IRError(
                    f"@{graph.name}{blame}: node {index} ({node.op.name}) does not own its results", where=node.loc
                )
            known.add(id(result))
    for value in graph.roots():
        if id(value) not in known:
            raise IRError(f"@{graph.name}{blame}: an output is not computed in the graph", received=repr(value))
    if graph.output_names and len(graph.output_names) != len(graph.outputs):
        raise IRError(f"@{graph.name}{blame}: {len(graph.output_names)} output names for {len(graph.outputs)} outputs")
    state = {id(value) for value in graph.state}
    assigned: set[int] = set()
    for target, value in graph.assigns:
        if id(target) not in state or id(target) in assigned:
            raise IRError(f"@{graph.name}{blame}: %{target.name} is no state, or is assigned twice")
        assigned.add(id(target))
        if not _agree(target.type, value.type, weak=False):
            raise IRError(f"@{graph.name}{blame}: %{target.name} is {target.type} and is assigned {value.type}")
    return graph


_OPERANDS = (Value, int, float, bool)


def _verify_node(graph: Graph, node: Node, index: int, known: set[int], blame: str) -> None:
    where = f"@{graph.name}{blame}: node {index} ({node.op.name})"
    if len(node.operands) != len(node.op.operand_names) or len(node.attrs) != len(node.op.attr_names):
        raise IRError(f"{where} has the wrong number of operands or attributes", where=node.loc)
    for kind, operand in zip((k for k in node.op.kinds if k != "attr"), node.operands, strict=True):
        items = operand if attrs.is_tuple(operand) and kind == "list" else (operand,)
        if operand is None and kind == "optional":
            continue
        if (kind == "list") != (type(operand) is tuple) or not all(type(item) in _OPERANDS for item in items):
            raise IRError(f"{where}: operand {operand!r} does not fit its place", where=node.loc)
    for value in node.uses():
        if id(value) not in known:
            raise IRError(
                f"{where} uses a value that is not computed before it",
                where=node.loc,
                received=repr(value),
                hint="a tensor kept from another `call` or another model cannot be used here.",
            )
    for name, value in zip(node.op.attr_names, node.attrs, strict=True):
        if not attrs.is_normal(value):
            raise IRError(f"{where}: {name}={value!r:.60} is no attribute: they are static", where=node.loc)
    for region in node.regions():
        verify(region)
    try:
        types, _ = infer.result_types(node.op, node.operands, node.attrs, "", node.loc)
    except KgcError as error:
        raise IRError(f"{where} does not type: {error.what}", where=node.loc, received=error.received) from None
    actual = [result.type for result in node.results]
    if len(types) != len(actual) or not all(_agree(a, b) for a, b in zip(actual, types, strict=True)):
        raise IRError(
            f"{where} has type {', '.join(map(str, actual))}, its rule says {', '.join(map(str, types))}",
            where=node.loc,
        )


def _agree(recorded: TensorType, derived: TensorType, weak: bool = True) -> bool:
    if recorded is derived:
        return True
    same = recorded.dtype == derived.dtype and recorded.rank == derived.rank
    if not same or (weak and recorded.weak != derived.weak):
        return False
    return all(_sizes_agree(a, b) for a, b in zip(recorded.shape, derived.shape, strict=True))


def _sizes_agree(recorded: Any, derived: Any) -> bool:
    if recorded is derived or (isinstance(recorded, int) and isinstance(derived, int) and recorded == derived):
        return True
    # A size that only numbers could tell (r…) stands for anything until the program is specialised.
    return any(isinstance(size, Dim) and any(s[0] == "r" for s in size.symbols) for size in (recorded, derived))


def uses_of(graph: Graph, value: Value) -> int:
    """How often a value is used: by nodes, outputs and assignments."""
    count = sum(1 for node in graph.nodes for used in node.uses() if used is value)
    return count + sum(1 for root in graph.roots() if root is value)
