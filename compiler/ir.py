"""The intermediate representation's small parts: values, and the nodes that compute them.

Operands are Values, Python scalars (weakly typed literals), None (an optional operand left out) or tuples of those (a
list operand).  `graph.Graph` puts nodes together.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np

from .attrs import is_tuple, kind_of
from .dims import Dim
from .location import Location
from .tensor import OPERATORS, TensorMethods
from .types import TensorType

Operand = Any  # Value | int | float | bool | None | tuple[Operand, ...]


class Value(TensorMethods):
    """One result of a node, or an input, parameter, state or constant of a graph (then `node` is None)."""

    __slots__ = ("index", "name", "node", "type")

    def __init__(self, type: TensorType, node: Node | None = None, index: int = 0, name: str = "") -> None:
        self.type, self.node, self.index, self.name = type, node, index, name

    @property
    def shape(self) -> tuple[int | Dim, ...]:
        """Sizes; a size that is not known is a `Dim`, which may be used wherever a size is taken."""
        return self.type.shape

    @property
    def dtype(self) -> str:
        """Name of the element type, as in Keras (`"float32"`)."""
        return self.type.dtype

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.type.shape)

    def __eq__(self, other: object) -> Any:  # elementwise, as on arrays; identity is `is`
        return OPERATORS["equal"](self, other)

    def __ne__(self, other: object) -> Any:
        return OPERATORS["not_equal"](self, other)

    __hash__ = object.__hash__  # by identity: no two are of one hash, so that no dict asks whether they are equal

    def __repr__(self) -> str:
        name = f"%{self.name}: " if self.name else ""
        return f"<tensor {name}{self.type}>"


class Node:
    """One op applied to operands.  `operands` and `attrs` stand in the order of the op's parameters."""

    __slots__ = ("attrs", "loc", "op", "operands", "results", "substitution")

    def __init__(
        self,
        op: Any,
        operands: tuple[Operand, ...],
        attrs: tuple[Any, ...],
        types: tuple[TensorType, ...],
        loc: Location | None = None,
        substitution: tuple[tuple[str, int | Dim], ...] = (),
    ) -> None:
        self.op, self.operands, self.attrs, self.loc = op, operands, attrs, loc
        self.substitution = substitution
        self.results = tuple([Value(type, self, index) for index, type in enumerate(types)])

    def uses(self) -> Iterator[Value]:
        """The Values among the operands, in order, repeats included."""
        found: list[Value] = []
        for operand in self.operands:
            if type(operand) is Value:
                found.append(operand)
            elif kind_of(operand) is tuple:
                found.extend([item for item in operand if type(item) is Value])
        return iter(found)

    def attr(self, name: str) -> Any:
        """The attribute of that name."""
        return self.attrs[self.op.attr_names.index(name)]

    def operand(self, name: str) -> Operand:
        """The operand of that name."""
        return self.operands[self.op.operand_names.index(name)]

    def regions(self) -> Iterator[Any]:
        """The graphs among the attributes, in tuples too."""
        for value in self.attrs:
            yield from _graphs(value)

    def has(self, trait: Any) -> bool:
        """Whether its op, or one in its regions, has that trait."""
        return self.op.has(trait) or any(inner.has(trait) for region in self.regions() for inner in region.nodes)

    def __repr__(self) -> str:
        return f"<node {self.op.name} -> {', '.join(str(result.type) for result in self.results)}>"


def _graphs(value: Any) -> Iterator[Any]:
    if is_tuple(value):
        for item in value:
            yield from _graphs(item)
    elif hasattr(value, "digest"):
        yield value


class GraphParts(Protocol):
    """What printing and comparing need of a `graph.Graph`, which itself needs them."""

    name: str
    inputs: tuple[Value, ...]
    params: tuple[Value, ...]
    state: tuple[Value, ...]
    consts: dict[Value, np.ndarray[Any, Any]]
    nodes: tuple[Node, ...]
    outputs: tuple[Value, ...]
    assigns: tuple[tuple[Value, Value], ...]
    output_names: tuple[str, ...]

    def arguments(self) -> Iterator[Value]: ...

    def digest(self) -> str: ...
