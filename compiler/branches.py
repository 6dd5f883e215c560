"""Finds branches of a graph that are alike: nodes of one structure, from the graph's arguments on, that differ in which
params they take.

Nodes of one structure stand at one depth, so none depends on another: whatever is found may be computed at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from . import attrs
from .graph import Graph
from .ir import Node, Operand, Value
from .isomorphism import leaves
from .op import Trait

BRANCHES = 8
"""Fewest branches that are computed at once."""
COLUMNS, NUMBERS = 32, 4096
"""Most columns, and most numbers, of their kernels."""

_NEVER = Trait.RANDOM | Trait.OPAQUE | Trait.CONTROL | Trait.IMPORTED
_ALONG_LAST = ("softmax", "log_softmax")


@dataclass
class Row:
    """One node of each branch, alike.

    Attributes:
        members: in the order of the branches.
        columns: for each operand, what it is in each branch: "shared", one value or literal; "params", one of each
            branch; "row", the results of another row; "inputs", those of the graph.
    """

    members: list[Node]
    columns: list[str] = field(default_factory=list[str])

    @property
    def first(self) -> Node:
        """The node of the first branch."""
        return self.members[0]

    def operands(self, index: int) -> list[Operand]:
        """The operand of that index in each branch."""
        return [member.operands[index] for member in self.members]


def narrow(graph: Graph) -> list[list[Row]]:
    """The rows that are computed at once: those of branches of two layers or more, with small kernels.

    Single layers on one input are parallel rather than branches: for them there is `merge_parallel`."""
    return [group for group in rows(graph) if _pays(group)]


def _pays(group: Sequence[Row]) -> bool:
    products = [row for row in group if row.first.op.name == "matmul"]
    sizes: list[Any] = [row.first.operands[1].shape for row in products]
    small = all(
        type(height) is int and type(columns) is int and columns <= COLUMNS and height * columns <= NUMBERS
        for height, columns in sizes
    )
    return small and len(group[0].members) >= BRANCHES and any(row.columns[0] == "row" for row in products)


def rows(graph: Graph) -> list[list[Row]]:
    """Rows that could be computed at once, those that use each other together; operands before users."""
    known: dict[Any, int] = {}
    number: dict[Value, Any] = {value: ("argument", value.type) for value in graph.arguments()}
    by_class: dict[int, list[Node]] = {}
    params = set(graph.params)
    for node in graph.nodes:
        described = tuple([number[x] if type(x) is Value else attrs.key(x) for x in leaves(node)])
        lists = tuple([len(x) if attrs.is_tuple(x) else -1 for x in node.operands])
        key = (node.op, attrs.key(node.attrs) if node.attrs else (), node.results[0].type, lists, described)
        own = known.setdefault(key, len(known))
        by_class.setdefault(own, []).append(node)
        number.update((result, (own, result.index)) for result in node.results)
    found = dict[Node, Row]()  # by first member
    groups = dict[int, list[Row]]()
    group_of = dict[int, int]()
    for members in by_class.values():
        if len(members) < 2 or not _may(members[0]):
            continue
        row = Row(members)
        row.columns = [_column(row.operands(index), found, params) for index in range(len(members[0].operands))]
        if "" in row.columns or not _fits(row):
            continue
        found[members[0]] = row
        inner = {group_of[id(found[_node(row.first.operands[i])])] for i, c in enumerate(row.columns) if c == "row"}
        own = min(inner, default=id(row))
        groups.setdefault(own, [])
        for other in inner - {own}:
            for moved in groups.pop(other):
                group_of[id(moved)] = own
                groups[own].append(moved)
        groups[own].append(row)
        group_of[id(row)] = own
    place = {node: index for index, node in enumerate(graph.nodes)}
    return [sorted(group, key=lambda row: place[row.first]) for group in groups.values()]


def _node(value: Any) -> Any:
    return value.node


def _may(node: Node) -> bool:
    """Whether the op can be computed for several branches at once."""
    if node.op.traits & _NEVER or len(node.results) != 1 or any(attrs.is_tuple(x) for x in node.operands):
        return False
    if node.op.name in _ALONG_LAST:
        axis = node.attr("axis")
        return type(axis) is int and axis % node.results[0].ndim == node.results[0].ndim - 1
    return node.op.name == "matmul" or node.op.has(Trait.ELEMENTWISE)


def _column(operands: Sequence[Operand], found: dict[Node, Row], params: set[Value]) -> str:
    first = operands[0]
    if type(first) is not Value or all(x is first for x in operands):
        return "shared"
    values: list[Any] = list(operands)
    if len(set(values)) < len(values):
        return ""
    if first in params:
        return "params" if params.issuperset(values) else ""
    row = found.get(first.node) if first.node is not None else None
    if row is not None and len(row.members) == len(values):
        return "row" if all(x.node is member for x, member in zip(values, row.members, strict=True)) else ""
    return "inputs" if all(x.node is None and x not in params for x in values) else ""


def _fits(row: Row) -> bool:
    """Whether something is there to be computed at once: a product with kernels, or what follows on one."""
    if row.first.op.name == "matmul":
        x, kernel = row.first.operands
        plain = type(x) is Value and type(kernel) is Value and 2 <= x.ndim <= 3 and kernel.ndim == 2
        return plain and row.columns[1] == "params" and row.columns[0] != "params" and x.dtype == kernel.dtype
    return "row" in row.columns and "inputs" not in row.columns
