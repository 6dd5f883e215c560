"""Functions of `jax.numpy` traced as a mixing `call`, and held against themselves under `jax.jit`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kgc.compiler import builder, interpret, ops  # noqa: F401
from kgc.compiler.equality import difference
from kgc.compiler.graph import Graph
from kgc.compiler.jaxpr import trace_mixing
from kgc.compiler.parser import parse
from kgc.compiler.printer import external_constants
from kgc.compiler.types import is_float, parse_type
from kgc.compiler.verifier import verify

Case = tuple[Any, ...]
"""A function, and the types of its arguments as text."""


def graph_of(function: Callable[..., Any], *types: str) -> Graph:
    """The graph of a function traced on tensors of these types."""
    names: dict[str, Any] = {}
    with builder.Builder("mix") as made:
        inputs = [made.input(f"x{i}", parse_type(text, names)) for i, text in enumerate(types)]
        return made.finish(trace_mixing(lambda *xs: jax.tree.leaves(function(*xs)), inputs))


def round_trip(graph: Graph) -> Graph:
    """The graph parsed from its text, when it is equal."""
    again = parse(str(verify(graph)), external_constants(graph))
    assert difference(graph, again) is None
    return verify(again)


def arrays_of(graph: Graph) -> list[Any]:
    """An array for each input: floats in (0.2, 0.9), ints from 0 to 2, keys; batches are 2, other unknown sizes 4."""
    generator = np.random.default_rng(0)
    found: list[Any] = []
    for value in graph.inputs:
        type_ = value.type.substitute({name: 2 if name[0] == "b" else 4 for name in value.type.symbols})
        if type_.dtype == "key":
            found.append(jax.random.key(3))
        elif is_float(type_.dtype):
            found.append(jnp.asarray(generator.uniform(0.2, 0.9, type_.shape), type_.dtype))
        else:
            found.append(jnp.asarray(generator.integers(0, 3, type_.shape), type_.dtype))
    return found


def agree(cases: Sequence[Case]) -> list[Graph]:
    """Import each function; hold text, types, values and gradients against the function itself."""
    graphs = [graph_of(function, *types) for function, *types in cases]
    again = [round_trip(graph) for graph in graphs]
    given = [arrays_of(graph) for graph in graphs]

    def plain(case: Case) -> Callable[..., list[Any]]:
        return lambda *xs: jax.tree.leaves(case[0](*xs))

    def emitted(graph: Graph) -> Callable[..., list[Any]]:
        return lambda *xs: interpret.evaluate(graph, xs)[0]

    def everything(functions: list[Callable[..., list[Any]]]) -> Any:
        # Most of the time goes into optimising programs that run once.
        quick = functools.partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})
        return quick(lambda inputs: [_with_gradient(f, xs) for f, xs in zip(functions, inputs, strict=True)])(given)

    expected = everything([plain(case) for case in cases])
    for position, found in enumerate(everything([emitted(graph) for graph in again])):
        name = cases[position][0]
        for left, right in zip(jax.tree.leaves(expected[position]), jax.tree.leaves(found), strict=True):
            same(left, right, str(name))
        for value, array in zip(graphs[position].outputs, expected[position][0], strict=True):
            assert value.type.dtype == ("key" if jnp.issubdtype(array.dtype, jax.dtypes.prng_key) else array.dtype.name)
            assert value.type.weak == getattr(array, "weak_type", False)
    return graphs


def same(left: Any, right: Any, name: str = "") -> None:
    """Equal in dtype, and in value up to rounding."""
    assert left.dtype == right.dtype, name
    if jnp.issubdtype(left.dtype, jax.dtypes.prng_key):
        left, right = jax.random.key_data(left), jax.random.key_data(right)
    left, right = (np.asarray(x, "complex128") for x in (left, right))
    np.testing.assert_allclose(left, right, rtol=1e-5, atol=1e-6, err_msg=name)


def _with_gradient(function: Callable[..., list[Any]], inputs: list[Any]) -> tuple[list[Any], list[Any]]:
    """Results, and the gradient of a weighted sum of those that are floating point."""
    floats = [i for i, x in enumerate(inputs) if jnp.issubdtype(x.dtype, jnp.floating)]

    def total(moved: list[Any]) -> tuple[Any, list[Any]]:
        given = list(inputs)
        for i, x in zip(floats, moved, strict=True):
            given[i] = x
        out = function(*given)
        parts = [x.astype("float32") for x in out if jnp.issubdtype(x.dtype, jnp.floating)]
        return sum(jnp.vdot(jnp.cos(jnp.arange(x.size, dtype="float32")), x.ravel()) for x in parts), out

    if not any(jnp.issubdtype(x.dtype, jnp.floating) for x in jax.eval_shape(function, *inputs)) or not floats:
        return function(*inputs), []
    gradient, out = jax.grad(total, has_aux=True)([inputs[i] for i in floats])
    return out, gradient
