"""Loops whose body is a Python function: it is traced once, into a graph that the `scan` op holds.

The body may read variables, use tensors from around it and draw random numbers: what it uses of the graph around it
becomes an operand of the loop.  What it draws has an address for each iteration.  It can assign no variable and add no
loss, for these would be one for each iteration.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..compiler import importing
from ..compiler.attrs import kind_of
from ..compiler.builder import Builder
from ..compiler.errors import GraphError, ShapeError
from ..compiler.graph import Graph
from ..compiler.ir import Node, Value
from ..compiler.ops.checks import differ
from ..compiler.types import TensorType, tensor_type
from . import trace, tree

Body = Callable[[Any, Any], tuple[Any, Any]]


def scan(body: Body, init: Any, xs: Any, *, what: str, reverse: bool = False) -> tuple[Any, Any]:
    """`body(carry, x)` for each position of the first axis of the tensors in xs; only inside a `call`.

    Args:
        body: from what is carried and the slices of xs to the new carry, nested alike, and a result.
        init: what is carried into the first iteration: tensors, nested.
        xs: tensors with one first axis, nested; at least one.
        what: names the loop in errors ("the loop of RNN 'rnn'").
        reverse: from the last position to the first; results still stand where their slices stood.

    Returns:
        the last carry, and the results with a new first axis, nested as `body` returned them.

    Raises:
        GraphError: the body assigns a variable or adds a loss.
        ShapeError: the body does not carry on the same types.
    """
    outer = trace.current()
    if outer is None:
        raise GraphError(f"{what} runs inside a `call` only", hint="call the layer, not its `call` method.")
    if outer.concrete:
        return outer.loop(body, init, xs, reverse)
    region = _Region(outer, what)
    if importing.is_active():
        return _by_jax(region, body, init, xs, reverse)
    start = [outer.builder.operand(leaf) for leaf in tree.leaves(init)]
    start = [leaf if type(leaf) is Value else outer.builder.const(np.asarray(leaf)) for leaf in start]
    rows = list(tree.leaves(xs))
    carried = [region.argument(f"c{index}", leaf.type) for index, leaf in enumerate(start)]
    slices = [region.argument(f"x{index}", _slice(row.type)) for index, row in enumerate(rows)]
    region.iteration = region.argument("i", tensor_type((), "int32"))
    with region:
        carry, results = body(tree.pack(init, carried), tree.pack(xs, slices))
        new = list(tree.leaves(carry))
        _check_carry(what, carried, new)
        outputs = [*new, *tree.leaves(results)]
        region.check()
        if region.draws:
            outputs.insert(len(new), trace.op("add")(region.iteration, 1))
    if region.draws:
        start.append(outer.builder.const(np.zeros((), "int32")))
        carried.append(region.iteration)
    graph, captured = region.close([*carried, *slices], outputs)
    returned = trace.op("scan")(graph, start, rows, captured, reverse=reverse)
    _demand(returned[0].node, graph)
    count = len(start)
    return tree.pack(carry, returned[: len(new)]), tree.pack(results, returned[count:])


def _slice(type_: TensorType) -> TensorType:
    return tensor_type(type_.shape[1:], type_.dtype, type_.weak)


def _demand(node: Node, region: Graph) -> None:
    """What the body demands of sizes, the loop demands in the graph around it."""
    node.substitution = (*node.substitution, *(item for inner in region.nodes for item in inner.substitution))


def _check_carry(what: str, before: Sequence[Value], after: Sequence[Any]) -> None:
    if len(before) != len(after):
        raise ShapeError(
            f"{what} carries {len(before)} tensor{'s' if len(before) != 1 else ''}, and a step returns {len(after)}",
            received=f"{', '.join(str(getattr(x, 'type', x)) for x in after) or 'nothing'}",
            hint="a step returns new states nested as the states it was given.",
        )
    for index, (old, new) in enumerate(zip(before, after, strict=True)):
        shape, dtype = tuple(getattr(new, "shape", ())), str(getattr(new, "dtype", old.dtype))
        misfit = len(shape) != len(old.shape) or any(differ(a, b) for a, b in zip(old.shape, shape, strict=True))
        if misfit or dtype != old.dtype:
            raise ShapeError(
                f"{what} carries state {index} as {old.type}, and a step makes it {getattr(new, 'type', new)}",
                received=f"state {index}: {getattr(new, 'type', new)}",
                hint="a state keeps its shape and dtype from step to step; the initial state must have them too.",
            )


class _Region(trace.Trace):
    """The trace of a loop's body: a graph of its own within that of `outer`, with which it shares everything else."""

    def __init__(self, outer: trace.Trace, what: str) -> None:
        self.__dict__.update(outer.__dict__)
        self.outer, self.what = outer, what
        self.builder = _RegionBuilder(outer.builder)
        self.losses = []
        self.iteration: Any = None
        self.draws = False

    def argument(self, name: str, type_: TensorType) -> Value:
        """An input of the body."""
        return Value(type_, name=self.builder.unique(name))

    def key(self, stream: str, seed: int | None = None) -> Any:
        """A key for the next draw, other ones in every iteration of this loop and of those around it."""
        key = super().key(stream, seed)
        for region in self._loops():
            region.draws = True
            key = trace.op("fold_in")(key, region.iteration)
        return key

    def _loops(self) -> list[_Region]:
        around = self.outer._loops() if isinstance(self.outer, _Region) else []
        return [*around, self]

    def assign(self, variable: trace.Variable, value: Any) -> None:
        raise GraphError(
            f"{self.what} assigns the variable '{variable.path}', which a step of a loop cannot do",
            received=f"{variable.path}: {variable.type}",
            hint="carry it as a state of the cell; a layer such as BatchNormalization stands outside the loop.",
        )

    def check(self) -> None:
        """Refuse losses."""
        if self.losses:
            raise GraphError(
                f"{self.what} adds a loss in a step",
                received=f"{len(self.losses)} calls of add_loss, or activity regularizers",
                hint="add it outside the loop, from what the loop returns.",
            )

    def close(self, inputs: list[Value], outputs: list[Any]) -> tuple[Graph, list[Value]]:
        """The graph of the body, and the values around it that it uses, which are its last inputs."""
        builder = self.builder
        results = [builder.operand(item) for item in outputs]
        results = [item if type(item) is Value else builder.const(np.asarray(item)) for item in results]
        own = {id(value) for value in (*inputs, *builder.consts)}
        own.update(id(result) for node in builder.nodes for result in node.results)
        captured: dict[int, tuple[Value, Value]] = {}

        def inside(item: Any) -> Any:
            if kind_of(item) is tuple:
                return tuple([inside(part) for part in item])
            if type(item) is not Value or id(item) in own:
                return item
            if id(item) not in captured:
                captured[id(item)] = (item, self.argument("w", item.type))
            return captured[id(item)][1]

        for node in builder.nodes:
            node.operands = inside(node.operands)
        results = [inside(item) for item in results]
        arguments = [*inputs, *(argument for _, argument in captured.values())]
        graph = Graph(builder.name, arguments, (), (), builder.consts, builder.nodes, results)
        return graph, [value for value, _ in captured.values()]


class _RegionBuilder(Builder):
    """Records a body's nodes; variables and keys that it is the first to use are declared in the graph around it."""

    def __init__(self, outer: Builder) -> None:
        super().__init__("body")
        self.outer, self.loc, self.scope = outer, outer.loc, outer.scope

    def input(self, name: str, type: TensorType) -> Value:
        return self.outer.input(name, type)

    def param(self, name: str, type: TensorType) -> Value:
        return self.outer.param(name, type)

    def declare_state(self, name: str, type: TensorType) -> Value:
        return self.outer.declare_state(name, type)


def _by_jax(region: _Region, body: Body, init: Any, xs: Any, reverse: bool) -> tuple[Any, Any]:
    """The loop inside a `call` that JAX is tracing: its own, which is imported as the `scan` op."""
    nests: dict[str, Any] = {}
    start = [importing.as_array(leaf) for leaf in tree.leaves(init)]
    rows = [importing.as_array(leaf) for leaf in tree.leaves(xs)]

    def step(carry: list[Any], slices: list[Any]) -> tuple[list[Any], list[Any]]:
        region.iteration = carry[-1]
        with region:
            new, results = body(tree.pack(init, carry[:-1]), tree.pack(xs, slices))
            nests["carry"], nests["results"] = new, results
            leaves = [importing.as_array(leaf) for leaf in tree.leaves(new)]
            region.check()
            kept = [importing.as_array(leaf) for leaf in tree.leaves(results)]
            return [*leaves, carry[-1] + 1], kept

    last, results = jax.lax.scan(step, [*start, jnp.zeros((), "int32")], rows, reverse=reverse)
    return tree.pack(nests["carry"], last[:-1]), tree.pack(nests["results"], results)
