"""Turns the samples of a registered op into calls: recorded in a graph, and on arrays."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

import jax
import numpy as np

from kgc.compiler import attrs, builder, dims, ops  # noqa: F401
from kgc.compiler.dims import Dim
from kgc.compiler.graph import Graph
from kgc.compiler.op import REGISTRY, Op
from kgc.compiler.parser import parse
from kgc.compiler.types import TensorType, jax_dtype, parse_type, tensor_type


class Call:
    """One sample: operands as types, literals, None or lists of those; attributes as values."""

    def __init__(self, op: Op, sample: tuple[Any, ...]) -> None:
        self.op = op
        self.names: dict[str, Dim] = {}
        given = list(sample)
        kwargs = given.pop() if given and isinstance(given[-1], dict) else {}
        bound = op.bind(tuple(given), kwargs)
        self.values = [
            self.attr(value) if kind == "attr" else self.operand(value)
            for kind, value in zip(op.kinds, bound, strict=True)
        ]

    def operand(self, value: Any) -> Any:
        if isinstance(value, list | tuple):
            return [self.operand(item) for item in value]
        return parse_type(value, self.names) if isinstance(value, str) else value

    def attr(self, value: Any) -> Any:
        if isinstance(value, str) and value.lstrip().startswith("graph "):
            return parse(value)
        if isinstance(value, str) and value.startswith("$"):
            return dims.parse(value[1:], self.names)
        if isinstance(value, tuple):
            return tuple(self.attr(item) for item in value)
        if isinstance(value, slice):
            return slice(self.attr(value.start), self.attr(value.stop), self.attr(value.step))
        return value

    def at(self, env: dict[str, int | Dim]) -> Call:
        """The call with sizes in the place of symbols."""

        def put(value: Any) -> Any:
            if isinstance(value, list):
                return [put(item) for item in value]
            return value.substitute(env) if isinstance(value, TensorType) else attrs.substitute_attr(value, env)

        made = Call.__new__(Call)
        made.op, made.names, made.values = self.op, self.names, [put(value) for value in self.values]
        return made

    def types(self) -> Iterator[TensorType]:
        for kind, value in zip(self.op.kinds, self.values, strict=True):
            if kind != "attr":
                yield from (x for x in (value if isinstance(value, list) else [value]) if isinstance(x, TensorType))

    def filled(self, tensors: Any) -> list[Any]:
        """Arguments with tensors in the places of types."""
        arrivals = iter(tensors)

        def fill(value: Any) -> Any:
            if isinstance(value, list):
                return [fill(item) for item in value]
            return next(arrivals) if isinstance(value, TensorType) else value

        return [
            value if kind == "attr" else fill(value) for kind, value in zip(self.op.kinds, self.values, strict=True)
        ]

    def graph(self) -> Graph:
        """The call, recorded."""
        with builder.Builder("sample") as made:
            inputs = [made.input(f"x{i}", type_) for i, type_ in enumerate(self.types())]
            bound = {name for type_ in self.types() for name in type_.symbols}
            free = tuple(size for size in self.names.values() if str(size) not in bound)
            if free:  # sizes that stand in attributes only
                made.input("sizes", tensor_type(free, "bool"))
            out = self.op(*self.filled(inputs))
            return made.finish(out if isinstance(out, tuple) else [out])


def calls(name: str) -> list[Call]:
    """The samples of an op, with unknown sizes."""
    return [Call(REGISTRY[name], sample) for sample in REGISTRY[name].samples]


def arrays(types: list[TensorType], seed: int = 0) -> list[Any]:
    """A NumPy array for each type: floats in (0.2, 0.9), all different; ints 0 or 1; for a key, a key."""
    generator = np.random.default_rng(seed)
    found: list[Any] = []
    for type_ in types:
        shape: Any = type_.shape
        if type_.dtype == "key":
            found.append(jax.random.split(jax.random.key(seed), shape) if shape else jax.random.key(seed))
        elif type_.dtype.startswith(("float", "bfloat")):
            count = math.prod(shape)
            steps = (np.arange(count) + generator.uniform(0.2, 0.8)) / max(count, 1)
            found.append(generator.permutation(0.2 + 0.7 * steps).reshape(shape).astype(jax_dtype(type_.dtype)))
        else:
            found.append(np.asarray(generator.integers(0, 2, shape)).astype(jax_dtype(type_.dtype)))
    return found


def numbers(types: Iterable[TensorType]) -> dict[str, int | Dim]:
    """Numbers for the unknown sizes: batches 2, others such that all samples fit."""
    return {name: {"b": 2, "d": 3}.get(name[0], 4) for type_ in types for name in type_.symbols}


def concrete(types: Iterable[TensorType]) -> list[TensorType]:
    """Types with numbers for the unknown sizes."""
    known = list(types)
    return [type_.substitute(numbers(known)) for type_ in known]


def results(out: Any) -> list[Any]:
    """Results as a list."""
    return list(out) if isinstance(out, tuple | list) else [out]
