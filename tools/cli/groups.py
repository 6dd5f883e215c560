"""A graph by layers: the ops that one call of a layer made, as one line or one box.

An op's layer is the outermost part of its location's scope.  Ops that follow each other and belong to one layer are one
group, until a weight comes again: then the layer was called again.  Groups, like ops, come after what they use.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...compiler.graph import Graph
    from ...compiler.ir import Node, Value
    from ...compiler.location import Location


@dataclass
class Group:
    """Ops of one call of a layer.

    Attributes:
        label: the layer's path, or the op's name where an op belongs to none.
        uses: what comes from other groups or inputs; `weights` are its params and state.
        gives: its results that others use, or the graph returns or assigns.
    """

    label: str
    loc: Location | None
    nodes: list[Node]
    uses: list[Value]
    weights: list[Value]
    gives: list[Value]

    def ops(self) -> str:
        """Names of its ops in order, repeats counted: `matmul, add, relu x2`."""
        found: list[tuple[str, int]] = []
        for node in self.nodes:
            if found and found[-1][0] == node.op.name:
                found[-1] = node.op.name, found[-1][1] + 1
            else:
                found.append((node.op.name, 1))
        return ", ".join(name if count == 1 else f"{name} x{count}" for name, count in found)


def group(graph: Graph) -> list[Group]:
    """The graph's ops by layer, in order."""
    weights = {*graph.params, *graph.state}
    runs: list[tuple[str, list[Node]]] = []
    held: set[Value] = set()
    for node in graph.nodes:
        scope = node.loc.scope.partition("/")[0] if node.loc is not None else ""
        taken = {value for value in node.uses() if value in weights}
        if scope and runs and runs[-1][0] == scope and held.isdisjoint(taken):
            runs[-1][1].append(node)
            held |= taken
        else:
            runs.append((scope, [node]))
            held = taken
    wanted = set(graph.roots())
    owner: dict[Value, int] = {}
    used_by: dict[Value, set[int]] = {}
    for index, (_, nodes) in enumerate(runs):
        for node in nodes:
            owner.update((result, index) for result in node.results)
            for value in node.uses():
                used_by.setdefault(value, set()).add(index)
    found: list[Group] = []
    for index, (scope, nodes) in enumerate(runs):
        used = list(dict.fromkeys(value for node in nodes for value in node.uses() if owner.get(value) != index))
        gives = [
            result
            for node in nodes
            for result in node.results
            if result in wanted or used_by.get(result, set()) - {index}
        ]
        uses = [value for value in used if value not in weights and value not in graph.consts]
        own = [value for value in used if value in weights]
        found.append(Group(scope or nodes[0].op.name, nodes[0].loc, nodes, uses, own, gives))
    return found


def names(graph: Graph, groups: Sequence[Group]) -> dict[Value, str]:
    """A name for every value that goes between groups: the input's, or the layer's, numbered where it has several."""
    found = {value: value.name for value in graph.inputs}
    taken = set(found.values())
    counts: dict[str, int] = {}  # by label: thousands of ops may have one
    for one in groups:
        for value in one.gives:
            name, count = one.label, counts.get(one.label, 1)
            while name in taken:
                name, count = f"{one.label}_{count}", count + 1
            counts[one.label] = count
            taken.add(name)
            found[value] = name
    return found


def where(one: Group) -> str:
    """`model.py:7`, or nothing where the text had no locations, or the place is no line of the user's."""
    started_by = getattr(sys.modules.get("__main__"), "__file__", None)  # where loss and metrics seem to be made
    if one.loc is None or one.loc.file == started_by:
        return ""
    return f"{one.loc.file.rpartition('/')[2]}:{one.loc.line}"


def count(values: Sequence[Value]) -> int:
    """How many numbers the params and state hold."""
    total = 0
    for value in values:
        size = 1
        for axis in value.type.shape:
            size *= axis if isinstance(axis, int) else 1
        total += size
    return total
