"""The part of the call graph between some inputs and outputs, in Keras's order; iterative and linear."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..compiler.errors import GraphError
from .symbolic import CallNode, KerasTensor, Operation


class Subgraph:
    """What lies between `inputs` and `outputs`.

    Attributes:
        nodes: calls to run, in Keras's order, each after those whose results it takes; inputs' own calls left out.
        operations: layers and functions by decreasing depth, as `model.layers` and files list them.
        depths: nodes by depth, for those who write files.
    """

    def __init__(self, inputs: Sequence[KerasTensor], outputs: Sequence[KerasTensor], name: str) -> None:
        given = {id(tensor) for tensor in inputs}
        order, first_seen = _visit(outputs, given, name)
        input_nodes = {id(tensor.node): tensor.node for tensor in inputs}
        reached = {id(node) for node in order}
        if not any(id(node) in reached for node in input_nodes.values()):
            raise GraphError(
                f"the outputs of model '{name}' do not depend on its inputs",
                received=f"inputs {[t.name for t in inputs]}, outputs {[t.name for t in outputs]}",
                hint="pass the tensors that `Input()` returned, and outputs computed from them.",
            )
        self.depths = _depths(order)
        # As in Keras: by depth, and within a depth in the order in which the depths were found.  It decides which of
        # two calls of one layer changes its state first.
        by_key = {id(node): node for node in order}
        ran = sorted(self.depths, key=lambda key: -self.depths[key])
        self.nodes = [
            by_key[key] for key in ran if key in by_key and not all(id(t) in given for t in by_key[key].outputs)
        ]
        depth: dict[int, int] = {}
        for node in order:
            key = id(node.operation)
            depth[key] = max(depth.get(key, 0), self.depths[id(node)])
        operations: dict[int, Operation] = {id(op): op for op in first_seen}
        for node in input_nodes.values():
            operations.setdefault(id(node.operation), node.operation)
        index = {key: number for number, key in enumerate(operations)}
        self.operations = sorted(operations.values(), key=lambda op: (-depth.get(id(op), 0), index[id(op)]))
        self.all_nodes = order + [node for key, node in input_nodes.items() if key not in reached]


def _visit(outputs: Sequence[KerasTensor], given: set[int], name: str) -> tuple[list[CallNode], list[Operation]]:
    """Nodes in post-order, and operations in the order in which they are first met."""
    order: list[CallNode] = []
    seen_operations: dict[int, Operation] = {}
    done: set[int] = set()
    for tensor in outputs:
        stack: list[tuple[KerasTensor, bool]] = [(tensor, False)]
        while stack:
            current, expanded = stack.pop()
            node = current.node
            if expanded:
                order.append(node)
                continue
            if id(node) in done:
                continue
            done.add(id(node))
            seen_operations.setdefault(id(node.operation), node.operation)
            if id(current) in given:
                order.append(node)
                continue
            if not node.inputs:
                raise _disconnected(current, name)
            stack.append((current, True))
            stack.extend((parent, False) for parent in reversed(node.inputs) if id(parent.node) not in done)
    return order, list(seen_operations.values())


def _depths(order: list[CallNode]) -> dict[int, int]:
    """Distance from the outputs; all calls of a shared layer count as deep as the deepest so far."""
    depths: dict[int, int] = {}
    by_operation: dict[int, int] = {}
    for node in reversed(order):
        key = id(node.operation)
        depth = max(depths.get(id(node), 0), by_operation.get(key, 0))
        depths[id(node)] = by_operation[key] = depth
        for parent in node.parents():
            depths[id(parent)] = max(depths.get(id(parent), 0), depth + 1)
    return depths


def _disconnected(tensor: KerasTensor, name: str) -> GraphError:
    return GraphError(
        f"model '{name}' needs the input '{tensor.name}', which is not among its inputs",
        received=f"{tensor!r}, made at {tensor.node.loc.describe() if tensor.node.loc else '?'}",
        hint=f"add it: `Model(inputs=[…, {tensor.name}], …)`.",
    )


def check_names(operations: Sequence[Any], name: str) -> None:
    """Refuse two different operations of one name."""
    seen: dict[str, Any] = {}
    for operation in operations:
        other = seen.setdefault(operation.name, operation)
        if other is not operation:
            lines = [
                op.inbound_nodes[0].loc.describe()
                for op in (other, operation)
                if op.inbound_nodes and op.inbound_nodes[0].loc
            ]
            raise GraphError(
                f"model '{name}' has two layers named '{operation.name}'",
                received="; ".join(lines),
                hint="give them different names: `layers.Dense(…, name=…)`.",
            )
