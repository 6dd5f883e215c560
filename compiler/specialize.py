"""Specialisation: the graph for given numbers in the place of its unknown sizes.

    specialize(graph, b=64)

    graph @main(%x: f32[b, t0, 4]) -> (f32[b]) {         graph @main(%x: f32[64, t0, 4]) -> (f32[64]) {
      %0: f32[b, r0, 2] = pool(%x)                         %0: f32[64, r0, 2] = pool(%x)

Every type, attribute and region is substituted, and every result typed again by its op's own rule: a size that only
numbers could tell (`r0`) becomes a number where its node's operands have become so.  What a rule refuses, or what two
places want to be different numbers, is an error that names both.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from . import attrs, dims, infer, printer, unify
from .dims import Dim
from .errors import ArgumentError, KgcError, ShapeError
from .graph import Graph
from .ir import Node, Value
from .transform import moved
from .types import TensorType, tensor_type

Env = dict[str, "int | Dim"]


def specialize(graph: Graph, **sizes: int) -> Graph:
    """The graph with numbers for unknown sizes; sizes not given stay unknown.

    Args:
        graph: left as it is.
        sizes: by the names that the printed graph has for them (`b`, `t0`), numbers from 1.

    Raises:
        ArgumentError: the graph has no such size, or it is not to be chosen; or a number is none, or below 1.
        ShapeError: a node cannot be had at these sizes; or two places want different numbers of one size.
    """
    names = {shown: name for name, shown in printer.symbol_names(graph).items()}
    free = {name for value in _given(graph) for name in value.type.symbols}
    env: Env = {}
    for shown, size in sizes.items():
        _check(shown, size, names, free)
        env[names[shown]] = size
    at = ", at " + ", ".join(f"{name}={size}" for name, size in sizes.items())
    return _Specializing(graph, env, at).run() if env else graph


def _given(graph: Graph) -> Iterator[Value]:
    """The arguments by whose arrays sizes are bound."""
    yield from graph.inputs
    yield from graph.params
    yield from graph.state


def _check(shown: str, size: Any, names: Mapping[str, str], free: set[str]) -> None:
    if shown not in names:
        known = [name for name, of in names.items() if of in free]
        near = difflib.get_close_matches(shown, known, 3)
        told = f"did you mean {' or '.join(near)}?" if near else f"its sizes are {', '.join(known)}."
        raise ArgumentError(
            f"the graph has no size '{shown}'",
            received=f"{shown}={size!r}",
            hint=told if known else "all of its sizes are numbers already.",
        )
    if names[shown] not in free:
        raise ArgumentError(
            f"the size '{shown}' follows from what is computed and cannot be chosen",
            received=f"{shown}={size!r}",
            hint="give the sizes of the inputs; it becomes a number with them.",
        )
    if type(size) is not int or size < 1:
        raise ArgumentError(f"a size is a number from 1: '{shown}'", received=f"{shown}={size!r}")


def entered(node: Node, region: Graph, given: Sequence[TensorType | None], env: Mapping[str, int | Dim]) -> Env:
    """What a region's symbols stand for where `node` calls it.

    Args:
        given: types of the node's operands, lists flattened; None for a number.
        env: what the symbols around it stand for, which the region's may be too.
    """
    shapes: list[Any] = [None if type_ is None else type_.shape for type_ in given]
    if node.op.name == "scan":  # the body is given slices of xs
        first = len(node.operand("init"))
        sliced = range(first, first + len(node.operand("xs")))
        shapes = [shape[1:] if i in sliced and shape else shape for i, shape in enumerate(shapes)]
    known: Env = {}
    for value, shape in zip(region.inputs, shapes[len(shapes) - len(region.inputs) :], strict=False):
        for size, actual in zip(value.type.shape, shape or (), strict=False):
            dims.solve(size, actual, known)
    return {**env, **known}


class _Specializing:
    """One graph under way; a region has another of its own.

    Attributes:
        env: numbers, and other sizes, by symbol; grows by those that only numbers could tell.
        told: the node that told each of the latter.
    """

    def __init__(self, graph: Graph, env: Env, at: str) -> None:
        self.graph, self.env, self.at = graph, env, at
        self.new: dict[Value, Any] = {}
        self.told: dict[str, Node] = {}

    def run(self) -> Graph:
        graph = self.graph
        inputs, params, state = ([self.argument(v) for v in g] for g in (graph.inputs, graph.params, graph.state))
        consts = {self.argument(value): array for value, array in graph.consts.items()}
        nodes = [self.node(node) for node in graph.nodes]
        outputs = [self.new[value] for value in graph.outputs]
        assigns = [(self.new[target], self.new[value]) for target, value in graph.assigns]
        for target, value in assigns:
            if any(map(_differ, target.type.shape, value.type.shape)):
                raise ShapeError(
                    f"'{target.name}' is assigned another shape{self.at}",
                    where=value.node.loc if value.node is not None else None,
                    received=f"{target.type} is assigned {self.described(value)}",
                )
        made = Graph(graph.name, inputs, params, state, consts, nodes, outputs, assigns, graph.output_names)
        demanded = unify.solve(node for node in nodes if node.substitution)
        return made.substitute(demanded) if demanded else made

    def argument(self, value: Value) -> Value:
        made = self.new[value] = Value(self.typed(value.type, f"'{value.name}'"), name=value.name)
        return made

    def typed(self, type_: TensorType, whose: str, node: Node | None = None) -> TensorType:
        found = type_.substitute(self.env)
        for size, before in zip(found.shape, type_.shape, strict=True):
            if isinstance(size, int) and isinstance(before, Dim) and size < 1:
                raise ShapeError(
                    f"{whose} would have a size of {size}{self.at}",
                    where=node.loc if node is not None else None,
                    received=str(type_),
                    hint="choose larger sizes.",
                )
        return found

    def node(self, node: Node) -> Node:
        operands = tuple([moved(operand, self.new) for operand in node.operands])
        recorded = [self.typed(result.type, _named(node), node) for result in node.results]
        static = tuple([self.attribute(value, node, operands) for value in node.attrs])
        try:
            derived, demand = infer.result_types(node.op, operands, static, _scope(node), node.loc)
        except KgcError as error:
            raise ShapeError(
                f"{_named(node)} cannot be had{self.at}: {error.what}",
                where=node.loc,
                received="; ".join(self.described(value) for value in _values(operands)),
            ) from None
        types = [self.agreed(node, a, b) for a, b in zip(recorded, derived, strict=True)]
        made = Node(node.op, operands, static, tuple(types), node.loc, demand)
        self.new.update(zip(node.results, made.results, strict=True))
        return made

    def attribute(self, value: Any, node: Node, operands: Sequence[Any]) -> Any:
        if attrs.is_tuple(value):
            return tuple([self.attribute(item, node, operands) for item in value])
        if isinstance(value, Graph):
            given = [item.type if type(item) is Value else None for item in _flat(operands)]
            return _Specializing(value, entered(node, value, given, self.env), self.at).run()
        return attrs.substitute_attr(value, self.env)

    def agreed(self, node: Node, recorded: TensorType, derived: TensorType) -> TensorType:
        """The type of a result, from what the graph says of it and what the op's rule does."""
        shape: list[int | Dim] = []
        for said, told in zip(recorded.shape, derived.shape, strict=True):
            if _open(told):  # the rule does not know either
                shape.append(said)
                continue
            before = set(self.env)
            if _open(said) and dims.solve(said, told, self.env):
                self.told.update(dict.fromkeys(set(self.env) - before, node))
            elif _differ(said, told):
                raise self.contradiction(node, recorded, derived)
            shape.append(dims.substitute(said, self.env))
        return tensor_type(tuple(shape), derived.dtype, derived.weak)

    def contradiction(self, node: Node, recorded: TensorType, derived: TensorType) -> ShapeError:
        symbols = {name for result in node.results for name in result.type.symbols}
        others = [other for name, other in self.told.items() if name in symbols]
        blame = [f"{_named(other)} made it {recorded}{_line(other)}" for other in others]
        makers = [self.described(value) for value in node.uses()]
        return ShapeError(
            f"{_named(node)} gives {derived}{self.at}, where the graph wants {recorded}",
            where=node.loc,
            received="; ".join(blame or makers),
            hint="two places of the graph want one size to be different numbers.",
        )

    def described(self, value: Value) -> str:
        """A value by its type, and the op and line, or the argument, that it comes from."""
        if value.node is None:
            return f"{value.type} is '{value.name}'"
        return f"{value.type} is made by {_named(value.node)}{_line(value.node)}"


def _values(operands: Sequence[Any]) -> Iterator[Value]:
    return (item for item in _flat(operands) if type(item) is Value)


def _flat(operands: Sequence[Any]) -> Iterator[Any]:
    for operand in operands:
        if attrs.is_tuple(operand):
            yield from operand
        else:
            yield operand


def _scope(node: Node) -> str:
    return node.loc.scope if node.loc is not None else ""


def _named(node: Node) -> str:
    return f"{node.op.name} in layer '{_scope(node)}'" if _scope(node) else node.op.name


def _line(node: Node) -> str:
    return f" at {node.loc.file}:{node.loc.line}" if node.loc is not None else ""


def _open(size: int | Dim) -> bool:
    """Whether only numbers can tell the size (see `dims`)."""
    return isinstance(size, Dim) and any(name[0] == "r" for name in size.symbols)


def _differ(a: int | Dim, b: int | Dim) -> bool:
    return isinstance(a, int) and isinstance(b, int) and a != b
