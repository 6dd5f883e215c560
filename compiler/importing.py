"""Our ops as JAX primitives, for a `call` that mixes them with `jax.numpy`.

Such a call is traced by `jax.make_jaxpr`; while `active()` holds, our ops bind the primitive `kgc_op`, whose abstract
evaluation is the op's shape rule, and values of the enclosing graph enter through `kgc_outer`.  `jaxpr.py` then turns
the equations into nodes, in which our ops are ops again.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Any

import jax
from jax import core, export
from jax.extend.core import Primitive
from jax.interpreters import ad

from . import attrs, builder as building, dims, infer, location
from .dims import Dim
from .ir import Value
from .location import Location
from .types import TensorType, from_aval, jax_dtype

_local = threading.local()
# Takes part in the keys of JAX's tracing caches: what a jitted function of the user's gave in one trace holds that
# trace's values, and must not come back in another.
_jax: Any = jax  # whose annotations are in part unknown to pyright
_context: Any = _jax.make_user_context(None)
_SCOPE = "kgc{"


def is_active() -> bool:
    """Whether ops called with JAX tracers are to be bound as primitives."""
    return getattr(_local, "env", None) is not None


@contextlib.contextmanager
def active(env: Mapping[str, int | Dim] | None = None) -> Generator[None]:
    """Bind our ops as primitives inside; `env` replaces unknown sizes in the types of outer values."""
    before = getattr(_local, "env", None)
    _local.env = dict(env or {})
    try:
        with _context(object()):
            yield
    finally:
        _local.env = before


@contextlib.contextmanager
def suspended() -> Generator[None]:
    """Run bodies of ops inside as plain JAX functions."""
    before = getattr(_local, "env", None)
    _local.env = None
    try:
        with _context(None):
            yield
    finally:
        _local.env = before


@contextlib.contextmanager
def scoped(path: str) -> Generator[None]:
    """Give equations of `jax.numpy` traced inside this layer path (the frontend enters it where it calls a layer)."""
    with jax.named_scope(f"{_SCOPE}{path}}}"):
        yield


def scope_of(name_stack: str) -> str | None:
    """The innermost layer path in an equation's name stack."""
    start = name_stack.rfind(_SCOPE)
    return None if start < 0 else name_stack[start + len(_SCOPE) : name_stack.index("}", start)]


def is_body(op: str) -> bool:
    """Whether the body of `op` was begun by `Call.run` and asks for the first time."""
    found = bool(op) and getattr(_local, "body", "") == op
    if found:
        _local.body = ""
    return found


_MANY = (tuple, list)


def results_of(out: Any) -> list[Any]:
    """What an op's call returns, as a list."""
    return list(out) if attrs.kind_of(out) in _MANY else [out]


class Call:
    """One call of our op, as a primitive's parameter: operands marked `ARRAY` arrive as arrays."""

    def __init__(
        self, op: Any, operands: tuple[Any, ...], static: tuple[Any, ...], loc: Location | None = None
    ) -> None:
        self.op, self.operands, self.static, self.loc = op, operands, static, loc

    def filled(self, arrays: Sequence[Any]) -> tuple[Any, ...]:
        """Operands with the arrays in the places of their marks."""
        arrivals = iter(arrays)
        return tuple(_fill(item, arrivals) for item in self.operands)

    def apply(self, *arrays: Any) -> list[Any]:
        """`run`, for `jax.vmap`."""
        return self.run(arrays)

    def run(self, arrays: Sequence[Any]) -> list[Any]:
        """The op's body on arrays; its results."""
        operands: list[Any] = [list(item) if type(item) in _MANY else item for item in self.filled(arrays)]
        _local.body = self.op.name
        try:
            out = self.op.run(self.op.arguments(operands, infer.lowered(self.static)))
        finally:
            _local.body = ""
        return results_of(out)

    def __repr__(self) -> str:
        return f"<call of {self.op.name}>"


class Outer:
    """A value of the enclosing graph, as a primitive's parameter (compared by identity)."""

    def __init__(self, value: Value) -> None:
        self.value = value

    def __repr__(self) -> str:
        return repr(self.value)


class _Mark:
    def __repr__(self) -> str:
        return "ARRAY"


ARRAY = _Mark()
"""Marks an operand that arrives as an array."""


def _fill(item: Any, arrivals: Iterator[Any]) -> Any:
    if item is ARRAY:
        return next(arrivals)
    return tuple([_fill(part, arrivals) for part in item]) if attrs.kind_of(item) in _MANY else item


def bind(op: Any, values: Sequence[Any]) -> Any:
    """Bind the primitive for a call of `op` with `values` in the order of its parameters."""
    arrays: list[Any] = []
    operands: list[Any] = []
    static: list[Any] = []

    def mark(item: Any) -> Any:
        if item is None or type(item) in (int, float, bool):
            return item
        arrays.append(outer(item) if type(item) is Value else item)
        return ARRAY

    for name, kind, value in zip(op.params, op.kinds, values, strict=True):
        if kind == "attr":
            static.append(attrs.normalize(wrapped(value), op.name, name))
        else:
            operands.append(tuple([mark(item) for item in value]) if kind == "list" else mark(value))
    current = building.current()
    found = location.here(current.loc if current is not None else None)
    loc = found.within(current.scope) if found is not None and current is not None else found
    results: list[Any] = op_p.bind(*arrays, call=Call(op, tuple(operands), tuple(static), loc))
    return op.packed(tuple(results))


def wrapped(value: Any) -> Any:
    """An attribute as it may come from a tracer's shape: JAX's sizes become ours."""
    if issubclass(type(value), _MANY):
        return tuple([wrapped(item) for item in value])
    if type(value) is slice:
        return slice(wrapped(value.start), wrapped(value.stop), wrapped(value.step))
    return dims.wrap(value) if export.is_symbolic_dim(value) else value


def outer(value: Value) -> Any:
    """A tracer that stands for a value of the enclosing graph.  Only while `is_active()`."""
    return outer_p.bind(outer=Outer(value))


op_p: Any = Primitive("kgc_op")
op_p.multiple_results = True
outer_p: Any = Primitive("kgc_outer")


def shaped(type_: TensorType) -> Any:
    """The abstract value of a type."""
    return core.ShapedArray(type_.aval.shape, jax_dtype(type_.dtype), weak_type=type_.weak)


def _op_types(*avals: Any, call: Call) -> list[Any]:
    values = [Value(from_aval(aval)) for aval in avals]
    scope = call.loc.scope if call.loc is not None else ""
    with suspended():
        types, _ = infer.result_types(call.op, call.filled(values), call.static, scope, call.loc)
    return [shaped(type_) for type_ in types]


def _outer_type(*, outer: Outer) -> Any:
    env: Mapping[str, int | Dim] | None = getattr(_local, "env", None)
    return shaped(outer.value.type.substitute(env or {}))


def _op_jvp(primals: Sequence[Any], tangents: Sequence[Any], *, call: Call) -> tuple[Any, Any]:
    """A gradient that the user takes inside `call`: results stay the op's, tangents come from its body."""
    results = op_p.bind(*primals, call=call)
    moved = [i for i, tangent in enumerate(tangents) if type(tangent) is not ad.Zero]

    def body(*some: Any) -> list[Any]:
        given = list(primals)
        for i, primal in zip(moved, some, strict=True):
            given[i] = primal
        return call.run(given)

    _, found = _jax.jvp(body, [primals[i] for i in moved], [tangents[i] for i in moved])
    return results, found


op_p.def_abstract_eval(_op_types)
outer_p.def_abstract_eval(_outer_type)
ad.primitive_jvps[op_p] = _op_jvp  # pyright: ignore[reportUnknownMemberType]


def as_array(value: Any) -> Any:
    """What a traced function may return, as JAX takes it: a value of the enclosing graph becomes its tracer."""
    return outer(value) if type(value) is Value else _jax.numpy.asarray(value)
