"""Equations that hold jaxprs or functions: loops and branches become our control ops, calls to the host `extern`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from jax import core

from . import dims, extern
from .importing import outer_p, results_of, wrapped
from .ir import Value
from .lax_codec import NoCode
from .op import REGISTRY
from .types import from_aval, jax_dtype

if TYPE_CHECKING:
    from .jaxpr_import import Importer, Place


class Scalar(NamedTuple):
    """A number in a jaxpr, with the dtype it has there."""

    value: int | float | bool
    dtype: str
    weak: bool


def _scan(importer: Importer, equation: Any, values: list[Any], place: Place) -> Sequence[Any]:
    params = equation.params
    body, count = params["jaxpr"], params["num_carry"]
    consts, carry, xs = _parts(values, params["num_consts"], count)
    types = [from_aval(atom.aval) for atom in body.jaxpr.invars]
    of_consts, of_carry, of_xs = _parts(types, len(consts), count)
    outer = _outer([body])

    def fill(inside: Importer, inputs: list[Value]) -> list[Any]:
        mine = inputs[count + len(xs) : count + len(xs) + len(consts)]
        return inside.closed(body, [*mine, *inputs[: count + len(xs)]], inside_of(place))

    region = importer.region("scan_body", [*of_carry, *of_xs, *of_consts], outer, fill)
    length = dims.wrap(params["length"])
    operands = (tuple(_operands(carry)), tuple(_operands(xs)), (*_operands(consts), *map(importer.resolve, outer)))
    static = (region, None if xs else length, bool(params["reverse"]), int(params["unroll"]), ())
    return importer.record(REGISTRY["scan"], operands, static, place.loc)


def _while(importer: Importer, equation: Any, values: list[Any], place: Place) -> Sequence[Any]:
    params = equation.params
    test, body = params["cond_jaxpr"], params["body_jaxpr"]
    tests, bodies, _ = _parts(values, params["cond_nconsts"], params["body_nconsts"])
    outer = _outer([test, body])
    types = [from_aval(atom.aval) for atom in equation.invars]

    def condition(inside: Importer, inputs: list[Value]) -> list[Any]:
        of_tests, _, of_carry = _parts(inputs[: len(values)], len(tests), len(bodies))
        return inside.closed(test, [*of_tests, *of_carry], inside_of(place))

    def step(inside: Importer, inputs: list[Value]) -> list[Any]:
        of_tests, of_bodies, of_carry = _parts(inputs[: len(values)], len(tests), len(bodies))
        after = inside.closed(body, [*of_bodies, *of_carry], inside_of(place))
        return [
            *of_tests,
            *of_bodies,
            *after,
            *inputs[len(values) :],
        ]

    regions = (
        importer.region("while_cond", types, outer, condition),
        importer.region("while_body", types, outer, step),
    )
    operands = (*_operands(values), *map(importer.resolve, outer))
    results = importer.record(REGISTRY["while_loop"], (operands,), (*regions, None), place.loc)
    return results[len(tests) + len(bodies) :]


def _cond(importer: Importer, equation: Any, values: list[Any], place: Place) -> Sequence[Any]:
    branches = list(equation.params["branches"])
    platforms = equation.params.get("branches_platforms")
    if platforms is not None:  # the branch that is right everywhere
        if None not in platforms:
            raise NoCode(f"branches_platforms={platforms!r}")
        branches = [branches[platforms.index(None)]]
    return _choose(importer, branches, values[0], values[1:], place)


def _choose(importer: Importer, branches: list[Any], index: Any, values: list[Any], place: Place) -> Sequence[Any]:
    """The branch of that index: of more than two, the first or one of the others."""
    if len(branches) == 1:
        return importer.closed(branches[0], values, place)
    outer = _outer(branches)
    index = importer.value(index)
    if len(branches) == 2:
        # JAX makes a number of the bool; the first branch is that for False.
        first, pred, subject = 1, importer.bools.get(index), ()
        if pred is None:
            (pred,) = importer.record(REGISTRY["lax.ne"], (index, 0), (), place.loc)
    else:
        first, subject = 0, (index,)
        (pred,) = importer.record(REGISTRY["lax.le"], (index, 0), (), place.loc)
    others = [branch for position, branch in enumerate(branches) if position != first]
    operands = (*subject, *map(importer.value, values), *map(importer.resolve, outer))
    given = [value.type.substitute(importer.env) for value in operands[: len(subject) + len(values)]]

    def chosen(inside: Importer, inputs: list[Value]) -> list[Any]:
        return inside.closed(branches[first], inputs[len(subject) : len(given)], inside_of(place))

    def rest(inside: Importer, inputs: list[Value]) -> list[Any]:
        left: Any = inputs[0]
        if subject:
            (left,) = inside.record(REGISTRY["lax.sub"], (inputs[0], 1), (), place.loc)
        return list(_choose(inside, others, left, inputs[len(subject) : len(given)], inside_of(place)))

    regions = (
        importer.region("branch_true", given, outer, chosen),
        importer.region("branch_false", given, outer, rest),
    )
    return importer.record(REGISTRY["cond"], (pred, operands), regions, place.loc)


def _checkpoint(importer: Importer, equation: Any, values: list[Any], place: Place) -> Sequence[Any]:
    params = equation.params
    if params["policy"] is not None:
        raise NoCode("a policy")
    body = params["jaxpr"]
    outer = _outer([body])
    count = len(values)

    def fill(inside: Importer, inputs: list[Value]) -> list[Any]:
        return inside.open(body, [], inputs[:count], inside_of(place))

    region = importer.region("checkpointed", [from_aval(atom.aval) for atom in body.invars], outer, fill)
    operands = (*map(importer.value, values), *map(importer.resolve, outer))
    return importer.record(REGISTRY["lax.checkpoint"], (operands,), (region, bool(params["prevent_cse"])), place.loc)


def _callback(importer: Importer, equation: Any, values: list[Any], place: Place) -> Sequence[Any]:
    """A call back to the host.  The types of its results are attributes, in which sizes become numbers."""
    made, params = equation.primitive, dict(equation.params)
    avals = params.pop("result_avals", ())
    parts = [made.name, *(getattr(value, "callback_func", value) for _, value in sorted(params.items()))]

    def function(arrays: list[Any], static: tuple[Any, ...]) -> list[Any]:
        if not static:
            made.bind(*arrays[1:], **params, **({"result_avals": ()} if "result_avals" in equation.params else {}))
            return arrays[:1]
        results = tuple(core.ShapedArray(shape, jax_dtype(dtype)) for shape, dtype in static)
        return list(made.bind(*arrays, **params, result_avals=results))

    sha = extern.register(made.name, "callback", parts, function)
    if not avals:
        importer.effects.append((sha, values, place.loc))
        return []
    types = [from_aval(aval) for aval in avals]
    static = tuple([(wrapped(type_.shape), type_.dtype) for type_ in types])
    return importer.record(REGISTRY["extern"], (tuple(map(importer.value, values)),), (sha, static), place.loc)


CONTROL: dict[str, Callable[[Any, Any, list[Any], Any], Sequence[Any]]] = {
    "scan": _scan,
    "while": _while,
    "cond": _cond,
    "checkpoint": _checkpoint,
    "remat2": _checkpoint,
    "platform_index": lambda importer, equation, values, place: [Scalar(0, "int32", False)],
    "pure_callback": _callback,
    "io_callback": _callback,
    "debug_callback": _callback,
    "debug_print": _callback,
}
"""How equations that hold jaxprs are imported, by the primitive's name."""


def inside_of(place: Place) -> Place:
    """The place that a region's equations start from: each has its own line."""
    return place._replace(loc=place.loc if place.function else None)


def _parts(items: Sequence[Any], first: int, second: int) -> tuple[list[Any], list[Any], list[Any]]:
    """The first, the next `second`, and the others."""
    return list(items[:first]), list(items[first : first + second]), list(items[first + second :])


def _operands(values: Sequence[Any]) -> list[Any]:
    """Operands of a loop, where numbers take the dtype of the region's input."""
    return [item.value if type(item) is Scalar else item for item in values]


def _outer(jaxprs: Sequence[Any]) -> list[Value]:
    """Values of the enclosing graph that jaxprs use, each once."""
    found: dict[int, Value] = {}
    for jaxpr in jaxprs:
        for equation in _equations(jaxpr):
            if equation.primitive is outer_p:
                value = equation.params["outer"].value
                found.setdefault(id(value), value)
    return list(found.values())


def _equations(jaxpr: Any) -> Iterator[Any]:
    for equation in getattr(jaxpr, "jaxpr", jaxpr).eqns:
        yield equation
        for param in equation.params.values():
            for item in results_of(param):
                if hasattr(item, "eqns") or hasattr(item, "jaxpr"):
                    yield from _equations(item)
