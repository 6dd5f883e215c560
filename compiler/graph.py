"""A graph of nodes in single-assignment form: what the frontend records, passes improve, and the runtime emits.

A `Graph` is immutable once built (by `builder.Builder`): passes make new graphs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from . import equality, printer
from .attrs import kind_of, substitute_attr, symbols
from .dims import Dim
from .ir import Node, Operand, Value


class Graph:
    """Inputs, parameters and state to outputs and new state.

    Args:
        name: identifier after `@` in the text.
        inputs: data, targets, random key; named Values.
        params: trained arrays, in declared order.
        state: arrays that `assigns` may replace, in declared order.
        consts: constant arrays by their Value.
        nodes: in an order in which every operand comes before its use.
        outputs: what the graph returns; `output_names` names them, or is empty.
        assigns: (state Value, its new value), at most one a state.
    """

    __slots__ = (
        "_digest",
        "_symbols",
        "assigns",
        "consts",
        "inputs",
        "name",
        "nodes",
        "output_names",
        "outputs",
        "params",
        "state",
    )

    def __init__(
        self,
        name: str,
        inputs: Iterable[Value],
        params: Iterable[Value],
        state: Iterable[Value],
        consts: dict[Value, np.ndarray],
        nodes: Iterable[Node],
        outputs: Iterable[Value],
        assigns: Iterable[tuple[Value, Value]] = (),
        output_names: Iterable[str] = (),
    ) -> None:
        self.name, self.consts = name, consts
        self.inputs, self.params, self.state = tuple(inputs), tuple(params), tuple(state)
        self.nodes, self.outputs = tuple(nodes), tuple(outputs)
        self.assigns, self.output_names = tuple(assigns), tuple(output_names)
        self._digest: str | None = None
        self._symbols: tuple[str, ...] | None = None

    def arguments(self) -> Iterator[Value]:
        """Inputs, then params, then state, then constants."""
        yield from self.inputs
        yield from self.params
        yield from self.state
        yield from self.consts

    def roots(self) -> Iterator[Value]:
        """What must be computed: outputs and assigned values."""
        yield from self.outputs
        for _, value in self.assigns:
            yield value

    def users(self) -> dict[Value, list[Node]]:
        """Nodes that use each Value (a node once per use)."""
        found: dict[Value, list[Node]] = {}
        for node in self.nodes:
            for value in node.uses():
                found.setdefault(value, []).append(node)
        return found

    def digest(self) -> str:
        """Hash of the structure: equal graphs have equal digests."""
        if self._digest is None:
            self._digest = hashlib.sha256(printer.canonical_text(self).encode()).hexdigest()
        return self._digest

    def symbols(self) -> tuple[str, ...]:
        """Names of the unknown sizes in its types, in order of appearance."""
        if self._symbols is None:
            types = [value.type for value in self.arguments()]
            types += [result.type for node in self.nodes for result in node.results]
            self._symbols = tuple(dict.fromkeys(name for type_ in types for name in type_.symbols))
        return self._symbols

    def unbound(self) -> str | None:
        """A symbol that attributes of its nodes need and no input has as a size: a region with one cannot run."""
        bound = {str(size) for value in self.inputs for size in value.type.shape if isinstance(size, Dim)}
        for node in self.nodes:
            needed = [*symbols(node.attrs), *(name for inner in node.regions() for name in inner.symbols())]
            for name in needed:
                if name not in bound:
                    return name
        return None

    def substitute(self, env: Mapping[str, int | Dim]) -> Graph:
        """The graph with symbols replaced by sizes, in every type and attribute."""
        new: dict[Value, Value] = {}

        def argument(value: Value) -> Value:
            new[value] = Value(value.type.substitute(env), name=value.name)
            return new[value]

        def operand(item: Operand) -> Operand:
            if type(item) is Value:
                return new[item]
            return tuple(operand(part) for part in item) if kind_of(item) is tuple else item

        inputs, params, state = (
            [argument(value) for value in group] for group in (self.inputs, self.params, self.state)
        )
        consts = {argument(value): array for value, array in self.consts.items()}
        nodes: list[Node] = []
        for node in self.nodes:
            made = Node(
                node.op,
                tuple(operand(item) for item in node.operands),
                tuple(substitute_attr(value, env) for value in node.attrs),
                tuple(result.type.substitute(env) for result in node.results),
                node.loc,
            )
            new.update(zip(node.results, made.results, strict=True))
            nodes.append(made)
        outputs = [new[value] for value in self.outputs]
        assigns = [(new[target], new[value]) for target, value in self.assigns]
        return Graph(self.name, inputs, params, state, consts, nodes, outputs, assigns, self.output_names)

    def __str__(self) -> str:
        return printer.text(self)

    def __repr__(self) -> str:
        return f"<graph @{self.name}: {len(self.nodes)} nodes>"

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, Graph) and equality.difference(self, other) is None

    def __hash__(self) -> int:
        return hash(self.digest())
