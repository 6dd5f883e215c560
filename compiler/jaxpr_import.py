"""Equations of a jaxpr as nodes of a graph.

An `Importer` fills one builder: that of the enclosing graph, or that of a region.  Types of the nodes come from the
ops' own rules and are held against what JAX found.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from . import dims, extern, importing, infer, location
from .builder import Builder
from .dims import Dim
from .errors import GraphError, KgcError
from .graph import Graph
from .ir import Node, Value
from .jaxpr_control import CONTROL, Scalar
from .lax_codec import NATURAL, ROWS, NoCode, is_prng_key
from .location import Location
from .op import REGISTRY
from .types import TensorType, dtype_name, from_aval, jax_dtype

_LISTS = (tuple,)
_UNSET = ("empty", "empty2")
"""Arrays of any numbers, which are written over: zeros here."""

Env = Mapping[str, "int | Dim"]

_INLINED = {
    "jit": "jaxpr",
    "pjit": "jaxpr",
    "closed_call": "call_jaxpr",
    "core_call": "call_jaxpr",
    "core_closed_call": "call_jaxpr",
    "custom_vmap_call": "call",
}
"""Calls of a jaxpr that leave no trace in the graph, and the parameter that holds it."""

_RULED = {"custom_jvp_call": "call_jaxpr", "custom_vjp_call": "call_jaxpr", "custom_vjp_call_jaxpr": "fun_jaxpr"}
"""Likewise, where nobody will take gradients any more: the functions have rules of their own."""


class Place(NamedTuple):
    """Where equations come from: one location for all inside JAX's own functions, layer path, function of JAX."""

    loc: Location | None
    scope: str
    function: str


class Importer:
    """Imports equations into `builder`.

    Args:
        builder: gets the nodes and constants.
        env: sizes that were replaced by others while the jaxpr was traced.
        captured: in a region, its inputs for values of the enclosing graph, by the id of those.
        finished: whether no gradient will be taken of what is imported, so that rules for one may be lost.
    """

    def __init__(
        self, builder: Builder, env: Env, captured: Mapping[int, Value] | None = None, finished: bool = False
    ) -> None:
        self.builder, self.env, self.captured, self.finished = builder, env, captured, finished
        self.bools: dict[Value, Value] = {}
        self.effects: list[tuple[str, list[Any], Location | None]] = []
        self._constants: dict[tuple[str, str], Value] = {}

    # Values
    def resolve(self, value: Value) -> Value:
        """A value of the enclosing graph, as this graph has it."""
        return value if self.captured is None else self.captured[id(value)]

    def value(self, item: Any) -> Value:
        """A Value for what an equation gave; a number becomes a constant."""
        if type(item) is Value:
            return item
        key = (repr(item.value), item.dtype)
        if key not in self._constants:
            self._constants[key] = self.builder.const(np.asarray(item.value, jax_dtype(item.dtype)))
        return self._constants[key]

    def constant(self, array: Any, place: Place) -> Value:
        """A captured array."""
        if is_prng_key(getattr(array, "dtype", np.dtype("float32"))):
            check_key(array.dtype, place.loc)
            data = self.builder.const(np.asarray(jax.random.key_data(array)))
            return self.record(REGISTRY["lax.random_wrap"], (data,), (), place.loc)[0]
        return self.builder.const(array)

    def literal(self, literal: Any) -> Any:
        """A literal of an equation."""
        array = np.asarray(literal.val)
        dtype = dtype_name(literal.aval.dtype)
        if array.shape or array.dtype.kind == "c":
            return self.builder.const(array.astype(jax_dtype(dtype)))
        kind = bool if dtype == "bool" else int if dtype.startswith(("int", "uint")) else float
        return Scalar(kind(array.item()), dtype, bool(literal.aval.weak_type))

    # Equations
    def closed(self, closed: Any, arguments: Sequence[Any], place: Place) -> list[Any]:
        """Results of a closed jaxpr on these values."""
        consts = [self.constant(array, place) for array in closed.consts]
        return self.open(closed.jaxpr, consts, arguments, place)

    def open(self, jaxpr: Any, consts: Sequence[Value], arguments: Sequence[Any], place: Place) -> list[Any]:
        """Results of a jaxpr whose constants are given."""
        known: dict[Any, Any] = dict(zip([*jaxpr.constvars, *jaxpr.invars], [*consts, *arguments], strict=True))

        def read(atom: Any) -> Any:
            return self.literal(atom) if hasattr(atom, "val") else known[atom]

        for equation in jaxpr.eqns:
            results = self.equation(equation, [read(atom) for atom in equation.invars], self.place(equation, place))
            known.update(zip(equation.outvars, results, strict=True))
        return [read(atom) for atom in jaxpr.outvars]

    def place(self, equation: Any, around: Place) -> Place:
        """Location and layer path of an equation."""
        info = equation.source_info
        scope = importing.scope_of(str(info.name_stack))
        scope = around.scope if scope is None else scope
        loc = around.loc
        if loc is None and info.traceback is not None:
            codes, offsets = info.traceback.raw_frames()
            loc = location.of_frames(codes, offsets, self.builder.loc)
        return Place(loc.within(scope) if loc is not None else None, scope, around.function)

    def equation(self, equation: Any, values: list[Any], place: Place) -> Sequence[Any]:
        """Results of one equation on these values."""
        name, params = equation.primitive.name, equation.params
        if name == importing.op_p.name:
            return self.ours(params["call"], equation, values, place)
        if name == importing.outer_p.name:
            return [self.resolve(params["outer"].value)]
        if name == "dim_as_value":
            return self.record(REGISTRY["dim_size"], (), (dims.wrap(params["dim"]), "int32"), place.loc)
        try:
            if name in _INLINED:
                return self.inlined(params[_INLINED[name]], params.get("name", ""), values, place)
            if self.finished and name in _RULED:
                return self.inlined(params[_RULED[name]], params.get("name", ""), values, place)
            if name in CONTROL:
                results = CONTROL[name](self, equation, values, place)
                if equation.effects and results:
                    self.effects.append((extern.AFTER, [results[0]], place.loc))
                return results[: len(equation.outvars)]
            if name == "convert_element_type" and type(values[0]) is Scalar:
                return [converted(values[0], params)]
            if name == "broadcast_in_dim" and type(values[0]) is Scalar and not values[0].weak:
                shape = tuple([dims.wrap(size) for size in params["shape"]])
                return self.record(REGISTRY["full"], (), (shape, *values[0][:2]), place.loc)
            if name in _UNSET:
                made = equation.outvars[0].aval
                shape = tuple([dims.wrap(size) for size in made.shape])
                return self.record(REGISTRY["full"], (), (shape, 0, dtype_name(made.dtype)), place.loc)
            if name == "stop_gradient" and self.finished:
                return values
            if name == "stop_gradient":
                return [self.record(REGISTRY[name], (self.value(item),), (), place.loc)[0] for item in values]
            if name in ROWS:
                return self.lax(name, equation, values, place)
        except NoCode as reason:
            raise self.unsupported(name, place, f" with {reason}") from None
        raise self.unsupported(name, place)

    def inlined(self, closed: Any, name: str, values: list[Any], place: Place) -> list[Any]:
        """Results of a jitted function's equations.

        Those of JAX's own functions belong to the line that called them: JAX may have traced them for an earlier one.
        """
        debug = getattr(closed.jaxpr, "debug_info", None)
        file = str(getattr(debug, "func_src_info", "")).rpartition(" at ")[2].rpartition(":")[0]
        theirs = not file or location.is_our_file(file)
        inside = Place(place.loc if theirs else None, place.scope, place.function or (name if theirs else ""))
        return self.closed(closed, values, inside)

    def ours(self, call: importing.Call, equation: Any, values: list[Any], place: Place) -> Sequence[Value]:
        """A call of our own op."""
        arrays: list[Any] = []
        for item, atom in zip(values, equation.invars, strict=True):
            weak = bool(atom.aval.weak_type)
            if type(item) is Scalar:
                natural = item.weak and item.dtype == NATURAL[type(item.value)]
                arrays.append(item.value if natural else self.value(item))
            else:
                arrays.append(self.weakened(item, weak, place))
        loc = call.loc or place.loc
        return self.checked(self.record(call.op, call.filled(arrays), call.static, loc), equation, place)

    def lax(self, name: str, equation: Any, values: list[Any], place: Place) -> Sequence[Value]:
        """A primitive of the table."""
        row = ROWS[name]
        static = row.attributes(equation.params)
        wanted = row.literal_dtypes([None if type(item) is Scalar else item.type.dtype for item in values])
        plain = [
            item.value
            if type(item) is Scalar and item.dtype == (dtype or NATURAL[type(item.value)])
            else self.value(item)
            for item, dtype in zip(values, wanted, strict=True)
        ]
        results = self.record(row.op, row.operands(plain), static, place.loc)
        if name == "convert_element_type" and type(plain[0]) is Value and plain[0].type.dtype == "bool":
            self.bools[results[0]] = plain[0]
        return self.checked(results, equation, place)

    def weakened(self, item: Any, weak: bool, place: Place) -> Value:
        """A value that is weakly typed, or is not, as JAX has it: ops of ours that promote dtypes must see that."""
        value = self.value(item)
        if value.type.weak == weak or value.type.dtype == "key":
            return value
        return self.record(REGISTRY["lax.convert_element_type"], (value,), (value.type.dtype, weak), place.loc)[0]

    def record(
        self, op: Any, operands: tuple[Any, ...], static: tuple[Any, ...], loc: Location | None
    ) -> tuple[Value, ...]:
        """Add one node; its results."""
        spec = tuple([self._substituted(item) for item in operands]) if self.env else operands
        types, substitution = infer.result_types(op, spec, static, loc.scope if loc is not None else "", loc)
        demands = [item for value in static if type(value) is Graph for item in _demands(value)]
        node = Node(op, operands, static, types, loc, (*substitution, *demands))
        self.builder.nodes.append(node)
        return node.results

    def _substituted(self, operand: Any) -> Any:
        if type(operand) is Value:
            return Value(operand.type.substitute(self.env))
        return tuple([self._substituted(item) for item in operand]) if type(operand) in _LISTS else operand

    def checked(self, results: tuple[Value, ...], equation: Any, place: Place) -> tuple[Value, ...]:
        """The results, when they have the types that JAX found."""
        for result, atom in zip(results, equation.outvars, strict=True):
            expected = type_of(atom.aval, place.loc)
            if expected.dtype != result.type.dtype or any(
                a is not b for a, b in zip(expected.shape, result.type.shape, strict=True)
            ):
                raise GraphError(
                    f"{equation.primitive.name} was traced as {expected}, and has type {result.type} as an op",
                    where=place.loc,
                    hint="this is a fault of kgc; `ops` has functions that do not need this way.",
                )
        return results

    def region(
        self,
        name: str,
        types: Sequence[TensorType],
        outer: Sequence[Value],
        fill: Callable[[Importer, list[Value]], list[Any]],
    ) -> Graph:
        """A graph of inputs of these types, then of the values of the enclosing graph that it uses.

        `fill` imports into it, from its inputs to its outputs.
        """
        inside = Builder(name)
        inputs = [inside.input(f"x{index}", type_) for index, type_ in enumerate(types)]
        values = [inside.input(f"w{index}", value.type.substitute(self.env)) for index, value in enumerate(outer)]
        captured = {id(value): got for value, got in zip(outer, values, strict=True)}
        importer = Importer(inside, self.env, captured, self.finished)
        # A region that only does something on the host has a result all the same, by which it is kept alive.
        items = fill(importer, [*inputs, *values]) or [Scalar(0, "int32", False)]
        outputs = importer.tied([importer.value(item) for item in items])
        return Graph(name, inside.inputs, (), (), inside.consts, inside.nodes, outputs)

    def tied(self, outputs: list[Value]) -> list[Value]:
        """The outputs, the first of which now waits for what only prints: nothing else keeps that alive."""
        for sha, values, loc in self.effects if outputs else ():
            operands = tuple([outputs[0], *(self.value(item) for item in values)])
            outputs = [self.record(REGISTRY["extern"], (operands,), (sha, ()), loc)[0], *outputs[1:]]
        self.effects = []
        return outputs

    def unsupported(self, name: str, place: Place, why: str = "") -> KgcError:
        """The error for what the table does not have."""
        function = place.function or name
        needs = (
            f"it needs the primitive `{name}`{why}, for which kgc's graphs have no op"
            if place.function
            else f"kgc's graphs have no op for it{why}"
        )
        return GraphError(
            f"`{function}` of JAX cannot be part of a model: {needs}",
            where=place.loc,
            hint="use a function of `kgc.ops`, or compute it of simpler functions of `jax.numpy`.",
        )


def converted(number: Scalar, params: Mapping[str, Any]) -> Scalar:
    """A number in another dtype."""
    dtype = dtype_name(params["new_dtype"])
    value = np.asarray(np.asarray(number.value, jax_dtype(number.dtype)).astype(jax_dtype(dtype)))
    kind = bool if dtype == "bool" else int if dtype.startswith(("int", "uint")) else float
    return Scalar(kind(value.item()), dtype, bool(params["weak_type"]))


def type_of(aval: Any, where: Location | None) -> TensorType:
    """Our type of an abstract value."""
    if is_prng_key(aval.dtype):
        check_key(aval.dtype, where)
    return from_aval(aval)


def check_key(dtype: Any, where: Location | None) -> None:
    """Refuse keys of another generator than JAX's default."""
    if dtype != jax_dtype("key"):
        raise GraphError(
            "a random key of another generator than JAX's default is used",
            where=where,
            received=str(dtype),
            hint="make keys by `jax.random.key(seed)` without `impl`.",
        )


def _demands(region: Graph) -> list[tuple[str, int | Dim]]:
    """What the nodes of a region demand of sizes: the node that holds it demands it in the enclosing graph."""
    return [item for node in region.nodes for item in node.substitution]
