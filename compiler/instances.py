"""Small random instances of a graph: numbers for its unknown sizes, and arrays that make sense for its arguments.

What an argument may hold is read off its uses: an index lies within the axis it picks from, a variance is positive, a
probability lies between 0 and 1, a mask hides some.  All else is drawn from a normal distribution, params scaled by
their fan-in, so that values stay of order 1 and miss the kinks of what is computed.
"""

from __future__ import annotations

import functools
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, cast

import jax
import numpy as np

from . import attrs, dims
from .errors import KgcError
from .graph import Graph
from .infer import REFUSALS
from .interpret import evaluate
from .ir import Node, Value
from .op import Trait
from .specialize import entered
from .types import TensorType, is_float

Env = dict[str, "int | dims.Dim"]
Arrays = dict[str, Any]

KINDS = ("sizes that differ", "one row", "sizes that are equal")
"""How unknown sizes are chosen: faults hide where a batch is 1, and where sizes agree by chance."""
_SCALES = (1, 2, 4, 8, 16)
"""Sizes are raised so far until the graph takes them: pooling and convolutions eat up small ones."""

DRAWS = ("plain", "wide", "positive")
"""How floats are drawn: as said above; inputs four times as wide (what saturates shows); all of them positive (what
has a logarithm or a root of an input is a number)."""


class Domain(NamedTuple):
    """What an argument may hold: `kind` is "index" (from 0 to `below`), "positive" or "unit" (between 0 and 1)."""

    kind: str
    below: int = 0


def symbols(graph: Graph) -> list[str]:
    """The unknown sizes of a graph's arguments, in order of appearance."""
    return list(dict.fromkeys(name for value in graph.arguments() for name in value.type.symbols))


def sizes(graph: Graph, rng: np.random.Generator) -> Iterator[tuple[str, Env | None]]:
    """For each of `KINDS`, numbers for the graph's unknown sizes; None where it takes none of those tried."""
    names = symbols(graph)
    if not names:
        yield "", {}
        return
    for kind in KINDS:
        candidates = (_candidate(kind, graph, names, scale, rng) for scale in _SCALES)
        yield kind, next((env for env in candidates if _takes(graph, env)), None)


def _candidate(kind: str, graph: Graph, names: list[str], scale: int, rng: np.random.Generator) -> Env:
    if kind == "sizes that are equal":
        shapes = [size for value in graph.arguments() for size in value.type.shape]
        known = Counter(size for size in shapes if isinstance(size, int) and 2 < size <= 16)
        size = known.most_common(1)[0][0] if known else 4
        return dict.fromkeys(names, size * scale)
    picked = iter([int(size) for size in rng.permutation(np.arange(5, 10 + len(names)))])
    return {name: 1 if kind == "one row" and name[0] == "b" else _grown(name, next(picked), scale) for name in names}


def _grown(name: str, size: int, scale: int) -> int:
    return size if name[0] == "b" else size * scale


def _takes(graph: Graph, env: Env) -> bool:
    """Whether the graph can be evaluated at these sizes."""
    unknown = [size for value in graph.arguments() for size in value.type.shape if isinstance(size, dims.Dim)]
    numbers = [dims.substitute(size, env) for size in unknown]
    if not all(isinstance(size, int) and size > 0 for size in numbers):
        return False
    groups = [[value.type.substitute(env).aval for value in g] for g in (graph.inputs, graph.params, graph.state)]
    try:
        cast(Any, jax).eval_shape(functools.partial(evaluate, graph), *groups)
    except (KgcError, *REFUSALS):
        return False
    return True


def work(graph: Graph, env: Mapping[str, int | dims.Dim]) -> tuple[float, float]:
    """Estimates for one evaluation: floating point operations; and elements of arguments and all that is computed."""
    operations, elements = _work(graph, env)
    return operations, elements + sum(_elements(value.type.substitute(env)) for value in graph.arguments())


def _work(graph: Graph, env: Mapping[str, int | dims.Dim]) -> tuple[float, float]:
    operations = elements = 0.0
    for node in graph.nodes:
        made = sum(_elements(result.type.substitute(env)) for result in node.results)
        cost = _operations(node, env)
        for region in node.regions():
            given = [item.type.substitute(env) if type(item) is Value else None for item in _flat(node)]
            inner, values = _work(region, entered(node, region, given, env))
            times = _length(node, env)
            cost, made = cost + times * inner, made + times * values
        operations, elements = operations + max(cost, made), elements + made
    return operations, elements


def _elements(type_: TensorType) -> float:
    return math.prod(size if isinstance(size, int) else 8 for size in type_.shape)  # what is not known here is small


def _operations(node: Node, env: Mapping[str, int | dims.Dim]) -> float:
    if node.op.flops is None:
        return 0.0
    operands = [_typed(operand, env) for operand in node.operands]
    try:
        found = node.op.flops(*node.op.arguments(operands, attrs.substitute_attr(node.attrs, env)))
        return float(found) if isinstance(found, int | float) else 0.0
    except REFUSALS:
        return 0.0


def _typed(operand: Any, env: Mapping[str, int | dims.Dim]) -> Any:
    if type(operand) is Value:
        return operand.type.substitute(env)
    return tuple(_typed(item, env) for item in operand) if attrs.is_tuple(operand) else operand


def _flat(node: Node) -> Iterator[Any]:
    for operand in node.operands:
        yield from operand if attrs.is_tuple(operand) else (operand,)


def _length(node: Node, env: Mapping[str, int | dims.Dim]) -> float:
    if node.op.name != "scan":
        return 8.0 if node.op.name == "while_loop" else 1.0
    length = node.attr("length")
    for operand in node.operand("xs"):
        length = operand.type.substitute(env).shape[0]
    length = dims.substitute(length, env) if length is not None else 1
    return float(length) if isinstance(length, int) else 8.0


def arrays(graph: Graph, env: Env, draw: str, rng: np.random.Generator) -> Arrays:
    """An array for every input, param and state of the graph, by name.

    Args:
        graph: whose unknown sizes are in `env`.
        draw: one of `DRAWS`.
        rng: what decides the numbers.
    """
    wanted = domains(graph, env)
    made: Arrays = {}
    for role, group in (("input", graph.inputs), ("param", graph.params), ("state", graph.state)):
        for value in group:
            made[value.name] = _array(role, value.type.substitute(env), wanted.get(value), draw, rng)
    return made


def _array(role: str, type_: TensorType, domain: Domain | None, draw: str, rng: Any) -> Any:
    shape: Any = type_.shape
    if type_.dtype == "key":
        keys = cast(Any, jax.random).split(jax.random.key(int(rng.integers(1 << 30))), max(1, math.prod(shape)))
        return keys.reshape(shape)
    if type_.dtype == "bool":
        made = rng.uniform(size=shape) < 0.7
        if made.ndim:
            made[..., 0] = True  # nobody attends to nothing
        return made
    dtype: Any = type_.aval.dtype
    if domain is not None and domain.kind == "index":
        return rng.integers(0, max(1, domain.below), shape).astype(dtype)
    if not is_float(type_.dtype):
        return rng.integers(0, 3, shape).astype(dtype)
    if domain is not None:
        low, high = (0.1, 0.9) if domain.kind == "unit" else (0.2, 2.0)
        return rng.uniform(low, high, shape).astype(dtype)
    if draw == "positive":
        return rng.uniform(0.2, 2.0, shape).astype(dtype)
    scale = {"input": 4.0 if draw == "wide" else 1.0, "param": 1.0, "state": 0.5}[role]
    if role == "param":
        scale = 0.5 if len(shape) < 2 else 1.0 / math.sqrt(max(1, math.prod(shape[:-1])))
    return (scale * rng.standard_normal(shape)).astype(dtype)


def domains(graph: Graph, env: Env) -> dict[Value, Domain]:
    """What the values of a graph may hold, where their uses say something about it."""
    found: dict[Value, Domain] = {}

    def demand(value: Any, domain: Domain | None) -> None:
        if type(value) is Value and domain is not None:
            known = found.get(value)
            if known is None or domain.kind != "index" or known.kind != "index":
                found[value] = known or domain
            else:
                found[value] = Domain("index", min(known.below, domain.below))

    for node in reversed(graph.nodes):
        if node.op.has(Trait.MOVES) or node.op.name in ("cast", "stop_gradient"):
            data: Any = node.operands[0]
            for value in data if attrs.is_tuple(data) else (data,):
                for result in node.results:
                    demand(value, found.get(result))
        rules = _USES.get(node.op.name, {})
        for name, rule in rules.items():
            demand(node.operand(name), rule(node, env))
    return found


def _index(data: str, axis: str) -> Callable[[Node, Env], Domain | None]:
    """An index into an axis of another operand."""

    def rule(node: Node, env: Env) -> Domain | None:
        value, along = node.operand(data), node.attr(axis)
        if type(value) is not Value:
            return None
        shape: Any = value.type.substitute(env).shape
        size: Any = math.prod(s for s in shape if isinstance(s, int)) if along is None else shape[along]
        return Domain("index", size if isinstance(size, int) else 1)

    return rule


def _classes(node: Node, env: Env) -> Domain:
    return Domain("index", node.attr("num_classes"))


def _positive(node: Node, env: Env) -> Domain:
    return Domain("positive")


def _unit(node: Node, env: Env) -> Domain:
    return Domain("unit")


def _unless_logits(node: Node, env: Env) -> Domain | None:
    return None if node.attr("from_logits") else Domain("unit")


_USES: dict[str, dict[str, Callable[[Node, Env], Domain | None]]] = {
    "take": {"indices": _index("x", "axis")},
    "take_along_axis": {"indices": _index("x", "axis")},
    "one_hot": {"x": _classes},
    "sparse_categorical_crossentropy": {"target": _index("output", "axis"), "output": _unless_logits},
    "categorical_crossentropy": {"target": _unit, "output": _unless_logits},
    "binary_crossentropy": {"target": _unit, "output": _unless_logits},
    "batch_normalization": {"variance": _positive},
    "sqrt": {"x": _positive},
    "rsqrt": {"x": _positive},
    "log": {"x": _positive},
    "random_gamma": {"alpha": _positive},
    "random_beta": {"alpha": _positive, "beta": _positive},
    "random_binomial": {"counts": _positive, "probabilities": _unit},
}
"""Op, operand, and what it wants there."""
