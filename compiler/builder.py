"""Builds a graph: declares inputs, parameters and state, and records ops as they are called.

A builder is current inside `with builder:`; an op called on Values records itself there.  Names of arguments are made
unique; `finish` solves what must be equal among unknown sizes and puts it into the types.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Generator, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from jax import core

from . import attrs, infer, location, unify
from .attrs import kind_of
from .errors import DTypeError, GraphError
from .graph import Graph
from .ir import Node, Value
from .location import Location
from .types import TensorType, dtype_name, from_aval, tensor_type

_local = threading.local()


def current() -> Builder | None:
    """The innermost builder of this thread, or None."""
    stack = getattr(_local, "stack", None)
    return stack[-1] if stack else None


def _line() -> Location | None:
    builder = current()
    return None if builder is None else builder.loc


location.traced_line(_line)


@contextlib.contextmanager
def suspended() -> Generator[None]:
    """Inside, no builder of this thread is current."""
    stack: list[Builder] = getattr(_local, "stack", [])
    _local.stack = []
    try:
        yield
    finally:
        _local.stack = stack


def no_trace(caller: str, received: str, where: Location | None = None) -> GraphError:
    """The error for a Value used when nothing is being traced, or another graph."""
    return GraphError(
        f"{caller} was given a tensor of a finished trace",
        where=where,
        received=received,
        hint="do not keep tensors of one `call` (on `self`, in a list) for later; "
        "return them, or use an `add_weight` state.",
    )


class Builder:
    """Records one graph.

    Attributes:
        scope: layer path that goes into locations.
        loc: the user's line for ops recorded by kgc's own layers (None: look for the user's frame).
    """

    def __init__(self, name: str = "main") -> None:
        self.name, self.scope = name, ""
        self.loc: Location | None = None
        self.inputs: list[Value] = []
        self.params: list[Value] = []
        self.state: list[Value] = []
        self.consts: dict[Value, np.ndarray] = {}
        self.nodes: list[Node] = []
        self._names: set[str] = set()
        self._arrays: dict[int, tuple[Any, Value]] = {}

    def __enter__(self) -> Builder:
        stack: list[Builder] | None = getattr(_local, "stack", None)
        if stack is None:
            stack = _local.stack = []
        stack.append(self)
        return self

    def __exit__(self, *exc: object) -> None:
        _local.stack.pop()

    def input(self, name: str, type: TensorType) -> Value:
        """Declare an input."""
        return self._declare(self.inputs, name, type)

    def param(self, name: str, type: TensorType) -> Value:
        """Declare a trained parameter."""
        return self._declare(self.params, name, type)

    def declare_state(self, name: str, type: TensorType) -> Value:
        """Declare state, which `finish(assigns=…)` may replace."""
        return self._declare(self.state, name, type)

    def _declare(self, group: list[Value], name: str, type: TensorType) -> Value:
        value = Value(type, name=self.unique(name))
        group.append(value)
        return value

    def unique(self, name: str) -> str:
        """`name`, with a number behind it when it is taken."""
        candidate, count = name, 0
        while candidate in self._names:
            count += 1
            candidate = f"{name}_{count}"
        self._names.add(candidate)
        return candidate

    def const(self, array: Any, name: str = "c") -> Value:
        """A constant array; the same object gives the same Value."""
        known = self._arrays.get(id(array))
        if known is not None:
            return known[1]
        concrete = np.asarray(array)
        if concrete.dtype == object:
            raise DTypeError("an array of Python objects cannot be a constant of the graph", received=f"{array!r:.60}")
        type_ = tensor_type(concrete.shape, dtype_name(concrete.dtype))  # not weak: emission makes a plain array of it
        value = Value(type_, name=self.unique(name))
        self.consts[value] = concrete.astype(type_.dtype) if concrete.dtype.name != type_.dtype else concrete
        self._arrays[id(array)] = (array, value)
        return value

    def operand(self, value: Any) -> Any:
        """A Value or literal as it is; an array as a constant."""
        kind = kind_of(value)
        if kind is Value or kind in (int, float, bool):
            return value
        resolve = getattr(kind, "__kgc_operand__", None)
        if resolve is not None:  # a variable stands for its value here
            return self.operand(resolve(value))
        if isinstance(value, core.Tracer):
            raise GraphError(
                "a JAX tracer met a kgc tensor in one op",
                received=f"{value}",
                hint="do not call kgc layers inside your own `jax.jit`, `jax.grad` or `jax.lax` function; "
                "call `jax.numpy` directly in `call`.",
            )
        return self.const(value)

    def record(
        self, op: Any, operands: tuple[Any, ...], static: tuple[Any, ...], loc: Location | None = None
    ) -> tuple[Value, ...]:
        """Add one node; its results."""
        if loc is None:
            found = location.here(self.loc)
            loc = found.within(self.scope) if found is not None else None
        types, substitution = infer.result_types(op, operands, static, self.scope, loc)
        node = Node(op, operands, static, types, loc, substitution)
        self.nodes.append(node)
        return node.results

    def copy(self, node: Node, operands: tuple[Any, ...]) -> tuple[Value, ...]:
        """Add a node like `node` on other operands of the same types; its results keep their types and location."""
        made = Node(node.op, operands, node.attrs, tuple([r.type for r in node.results]), node.loc)
        self.nodes.append(made)
        return made.results

    def finish(
        self,
        outputs: Iterable[Any],
        assigns: Mapping[Value, Value] | None = None,
        output_names: Sequence[str] = (),
    ) -> Graph:
        """The graph; outputs that are arrays or numbers become constants."""
        results = [self.operand(value) for value in outputs]
        results = [self.const(np.asarray(value)) if type(value) is not Value else value for value in results]
        self._check_own(results)
        env = unify.solve(self.nodes)
        if env:
            self._retype(env)
        return Graph(
            self.name,
            self.inputs,
            self.params,
            self.state,
            self.consts,
            self.nodes,
            results,
            tuple((assigns or {}).items()),
            output_names,
        )

    def _check_own(self, outputs: Iterable[Value]) -> None:
        """Refuse tensors that were kept from the trace of another graph."""
        own = {id(value) for group in (self.inputs, self.params, self.state, self.consts) for value in group}
        for node in self.nodes:
            for value in node.uses():
                if id(value) not in own:
                    raise no_trace(f"{node.op.name}()", str(value.type), node.loc)
            own.update(map(id, node.results))
        for value in outputs:
            if id(value) not in own:
                raise no_trace(f"the end of '{self.name}'", str(value.type))

    def _retype(self, env: Mapping[str, Any]) -> None:
        for value in (*self.inputs, *self.params, *self.state):
            value.type = value.type.substitute(env)
        for node in self.nodes:
            for result in node.results:
                result.type = result.type.substitute(env)
            if node.op.attr_names and (attrs.has_dims(node.attrs) or next(node.regions(), None) is not None):
                node.attrs = tuple([attrs.substitute_attr(value, env) for value in node.attrs])


def typed(value: Any) -> TensorType:
    """The type of a Value, an array, or anything with shape and dtype."""
    return value.type if type(value) is Value else from_aval(value)
