"""Compute branches that are alike, and differ in their weights, as one with a leading axis.

    %0: f32[b, 8] = matmul(%x, %a.kernel)               %0: f32[3, 4, 8] = stack([%a.kernel, %b.kernel, %c.kernel])
    %1: f32[b, 8] = relu(%0)                            %1: f32[3, b, 8] = einsum("ab,cbd->cad", [%x, %0])
    %2: f32[b, 2] = matmul(%1, %a.kernel_1)             %2: f32[3, b, 8] = relu(%1)
    … and so for %b and %c                              %3: f32[3, 8, 2] = stack([%a.kernel_1, …])
                                                        %4: f32[3, b, 2] = matmul(%2, %3)
                                                        %5: f32[b, 2] = getitem(%4, key=0)  …

An ensemble of small models is many small products, each of which takes less time than starting it: batched, there is
one for each layer.  `hoist_params` makes the stacks beforehand.  Measured on a 2-core CPU, time batched by time apart,
for models of two layers and more, with kernels of at most 32 columns:

    branches         `predict`, 64 rows at a time        1024 rows           one row
    16 (32-32-32-1)  0.71, the program alone (0.168 to 0.120 ms)
    16 (64-16-1)     0.70                                0.83                0.88
    8 (64-32-1)      0.75                                0.91                0.97
    5 (64-32-32-1)   0.85 to 1.1                         1.2                 1.15
    3 (128-32-1)     1.0                                 1.05                1.05

against 0.1 to 0.3 s more until the first result; kernels of 64 columns gain nothing, of 256 columns lose a quarter.  So
8 branches are the fewest, and the guide's ensemble of three models of one layer is not batched.  In training it is left
out: with stacks made in each step, steps take 0.6 to 1.2 of the time, `fit` as a whole the same.  (With weights
*stored* as stacks they would take 0.25 to 0.75.)

Branches are `matmul` with kernels of their own, elementwise ops, and softmax over the last axis, on one input or on
inputs of one type; they end where anything else stands.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from typing import Any

from .. import attrs
from ..branches import Row, narrow
from ..graph import Graph
from ..ir import Node, Operand, Value
from ..ops.indexing import getitem
from ..ops.linalg import einsum, matmul
from ..ops.shape import expand_dims, stack
from ..rewrite import Rewriter
from ..transform import copied, moved
from ..types import tensor_type


def batch_branches(graph: Graph) -> Graph:
    """The graph with branches that are alike computed at once, where they are narrow."""
    groups = narrow(graph)
    while groups:
        try:
            return _Batcher(graph, groups).result()
        except _Misfit as misfit:  # a type comes out differently with a leading axis
            groups = [group for group in groups if misfit.row not in group]
    return graph


class _Misfit(Exception):
    def __init__(self, row: Row) -> None:
        super().__init__(row.first.op.name)
        self.row = row


class _Batcher:
    """Builds the graph with rows in place of their nodes."""

    def __init__(self, graph: Graph, groups: Sequence[Sequence[Row]]) -> None:
        self.graph, self.new = graph, Rewriter(graph)
        self.row_of = {member: row for group in groups for row in group for member in row.members}
        self.whole: dict[Value, Value] = {}  # by the first branch's result
        self.stacks: dict[tuple[int, ...], Value] = {}

    def result(self) -> Graph:
        """The new graph."""
        wanted = set(self.graph.roots())
        for node in self.graph.nodes:
            row = self.row_of.get(node)
            for index, operand in enumerate(node.operands):
                if row is None or row.columns[index] != "row":
                    wanted.update(_values(operand))
        with self.new:
            for node in self._ordered():
                row = self.row_of.get(node)
                if row is None:
                    self.new.nodes.append(copied(node, self.new.new))
                    continue
                self.new.at = node.loc
                made = self.whole[node.results[0]] = self._batched(row)
                for index, member in enumerate(row.members):
                    if member.results[0] in wanted:
                        self.new.replace(member, getitem(made, index))
        return self.new.result().graph

    def _ordered(self) -> list[Node]:
        """Nodes outside of rows, and the first node of each row, so that what they take comes before them."""
        place = {node: index for index, node in enumerate(self.graph.nodes)}
        first = {node: self.row_of[node].first if node in self.row_of else node for node in self.graph.nodes}
        waits: dict[Node, set[Node]] = {unit: set() for unit in first.values()}
        for node in self.graph.nodes:
            waits[first[node]].update(first[value.node] for value in node.uses() if value.node is not None)
        users: dict[Node, list[Node]] = {}
        for unit, others in waits.items():
            for other in others:
                users.setdefault(other, []).append(unit)
        ready = [place[unit] for unit, others in waits.items() if not others]
        heapq.heapify(ready)
        order: list[Node] = []
        while ready:
            unit = self.graph.nodes[heapq.heappop(ready)]
            order.append(unit)
            for user in users.get(unit, ()):
                waits[user].discard(unit)
                if not waits[user]:
                    heapq.heappush(ready, place[user])
        return order

    def _batched(self, row: Row) -> Value:
        node, result = row.first, row.first.results[0]
        operands = [self._operand(row, index) for index in range(len(node.operands))]
        if node.op.name == "matmul":
            made = _product(operands, result.ndim, row.columns[0] == "shared")
        else:
            for index, (column, old) in enumerate(zip(row.columns, node.operands, strict=True)):
                if column != "shared" and old.ndim < result.ndim:
                    operands[index] = expand_dims(operands[index], tuple(range(1, result.ndim - old.ndim + 1)))
            static = [
                -1 if name == "axis" else value for name, value in zip(node.op.attr_names, node.attrs, strict=True)
            ]
            made = node.op(*node.op.arguments(operands, static))
        if made.type is not tensor_type((len(row.members), *result.shape), result.dtype, result.type.weak):
            raise _Misfit(row)
        return made

    def _operand(self, row: Row, index: int) -> Any:
        first = row.first.operands[index]
        if row.columns[index] == "shared":
            return moved(first, self.new.new)
        if row.columns[index] == "row":
            return self.whole[first]
        values = [moved(value, self.new.new) for value in row.operands(index)]
        key = tuple(map(id, values))
        if key not in self.stacks:
            self.stacks[key] = stack(values)
        return self.stacks[key]


def _product(operands: Sequence[Any], rank: int, shared: bool) -> Value:
    """The product of inputs of that rank, one for all branches or one for each, with each branch's kernel."""
    if shared:
        return einsum("ab,cbd->cad" if rank == 2 else "abc,dce->dabe", list(operands))
    return matmul(*operands) if rank == 2 else einsum("abcd,ade->abce", list(operands))


def _values(operand: Operand) -> Iterator[Value]:
    for x in operand if attrs.is_tuple(operand) else (operand,):
        if type(x) is Value:
            yield x
