"""Functions with a gradient rule of their own, and calls back to the host."""

from __future__ import annotations

import functools
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from kgc.compiler import builder, extern, interpret
from kgc.compiler.errors import GraphError, IRError
from kgc.compiler.graph import Graph
from kgc.compiler.jaxpr import trace_mixing
from kgc.compiler.op import REGISTRY
from kgc.compiler.parser import parse
from kgc.compiler.types import parse_type
from kgc.compiler.verifier import verify

from .mixing import agree, arrays_of, graph_of, round_trip

M = "f32[b, 8]"


@pytest.fixture(autouse=True)
def as_users_have_it() -> Iterator[None]:
    with jax.numpy_rank_promotion("allow"), jax.numpy_dtype_promotion("standard"):
        yield


@jax.custom_vjp
def odd(x: Any, y: Any) -> Any:
    """A product whose gradient is no product's."""
    return jnp.sum(x * y, -1)


odd.defvjp(
    lambda x, y: (odd(x, y), (x, y)),
    lambda kept, g: (g[:, None] * 7 * jnp.ones_like(kept[0]), g[:, None] * kept[0] * 3),
)


@functools.partial(jax.custom_jvp, nondiff_argnums=(1,))
def powered(x: Any, n: int) -> Any:
    """x**n, with slope 5 everywhere."""
    return x**n


@powered.defjvp
def _(n: int, primals: Any, tangents: Any) -> Any:
    return powered(primals[0], n), 5.0 * tangents[0]


@jax.custom_vjp
def in_dicts(tensors: Any) -> Any:
    return {"double": tensors["x"] * 2, "total": jnp.sum(tensors["x"])}


in_dicts.defvjp(lambda t: (in_dicts(t), None), lambda _, g: ({"x": g["double"] * 9 + g["total"]},))


def ops_of(graph: Graph) -> list[str]:
    return [node.op.name for node in graph.nodes]


def test_gradient_rules_are_kept() -> None:
    graphs = agree(
        [
            (lambda m: jnp.tanh(odd(m * 2, m)), M),
            (lambda m: powered(m, 3) + powered(m, 2), M),
            (lambda m: (lambda out: out["double"] + out["total"])(in_dicts({"x": m})), M),
            (lambda m: jax.custom_gradient(lambda x: (x * x, lambda g: g * 11.0))(m), M),
            (lambda m: jax.jit(lambda m: powered(jnp.sin(m), 2))(m), M),
            (lambda m: lax.scan(lambda c, a: (powered(c, 2) + a, odd(c[None], a[None])), m[0], m), M),
            (lambda m: jax.vmap(lambda row: powered(row, 2))(m), M),
            (lambda m: jax.grad(lambda m: jnp.sum(powered(REGISTRY["relu"](m), 2)) + jnp.sum(odd(m, m)))(m), M),
        ]
    )
    assert ops_of(graphs[0]) == ["lax.mul", "extern", "lax.tanh"]
    assert ops_of(graphs[1]) == ["extern", "extern", "lax.add"]
    assert graphs[1].nodes[0].attrs != graphs[1].nodes[1].attrs
    gradient = jax.grad(lambda x: interpret.evaluate(graphs[1], [x])[0][0].sum())(jnp.ones((2, 8)))
    np.testing.assert_array_equal(gradient, np.full((2, 8), 10.0))


def test_the_same_function_has_the_same_name_and_another_has_another() -> None:
    def scaled(by: float) -> Any:
        @jax.custom_jvp
        def scale(x: Any) -> Any:
            return x * by

        scale.defjvp(lambda primals, tangents: (scale(*primals), tangents[0]))
        return scale

    graphs = [graph_of(lambda m, by=by: scaled(by)(m), M) for by in (2.0, 2.0, 3.0)]
    assert graphs[0] == graphs[1] != graphs[2]
    (sha, _) = graphs[0].nodes[0].attrs
    assert extern.lookup(sha).name == "scale" and extern.lookup(sha).kind == "gradient"
    x = jnp.ones((2, 8))
    assert [float(interpret.evaluate(graph, [x])[0][0][0, 0]) for graph in graphs] == [2.0, 2.0, 3.0]


PROGRAM = """
import jax, jax.numpy as jnp
from kgc.compiler import builder, ops
from kgc.compiler.jaxpr import trace_mixing
from kgc.compiler.types import parse_type

def call(x):
    jax.debug.print("{}", x)
    jax.debug.callback(print, x)
    return [jax.custom_gradient(lambda x: (x, lambda g: g))(x)]

with builder.Builder() as made:
    print(made.finish(trace_mixing(call, [made.input("x", parse_type("f32[b]"))])))
"""


def test_another_process_gives_the_same_name() -> None:
    texts = [subprocess.check_output([sys.executable, "-c", PROGRAM], text=True) for _ in range(2)]
    assert texts[0] == texts[1] and texts[0].count("extern") == 3


def test_unknown_name_is_said_when_typed_and_when_run() -> None:
    text = 'graph @g(%x: f32[b]) -> (f32[b]) {\n  %0: f32[b] = extern([%x], sha="0000")\n  return %0\n}'
    graph = parse(text)
    with pytest.raises(IRError, match="a Python function that this process does not have: @extern"):
        verify(graph)
    with pytest.raises(GraphError, match="a Python function that this process does not have"):
        interpret.evaluate(graph, [jnp.ones(2)])


def test_rules_must_see_all_tensors_as_arguments() -> None:
    def through(inner: Any) -> Any:
        function = jax.custom_jvp(inner)
        function.defjvp(lambda primals, tangents: (function(*primals), tangents[0]))
        return function

    with builder.Builder() as made:
        x, w = made.input("x", parse_type(M)), made.param("w", parse_type("f32[8]"))
        for call in (lambda x: [through(lambda y: REGISTRY["add"](y, w))(x)], lambda x: [through(lambda y: y * x)(x)]):
            with pytest.raises(GraphError, match="gradient rule of its own") as caught:
                trace_mixing(call, [x])
            assert "as an argument" in str(caught.value)


def test_jax_is_left_as_it_was() -> None:
    before = jax.custom_jvp.__call__, jax.custom_vjp.__call__
    with pytest.raises(ZeroDivisionError):
        graph_of(lambda m: 1 / 0, M)
    assert (jax.custom_jvp.__call__, jax.custom_vjp.__call__) == before


# The host
def test_pure_callback_runs_at_any_size() -> None:
    def tripled(m: Any) -> Any:
        shape = jax.ShapeDtypeStruct(m.shape, m.dtype)
        return jnp.sin(jax.pure_callback(lambda a: np.asarray(a) * 3, shape, m, vmap_method="sequential"))

    graph = round_trip(graph_of(tripled, M))
    assert ops_of(graph) == ["extern", "lax.sin"]
    assert extern.lookup(graph.nodes[0].attrs[0]).kind == "callback"
    for rows in (2, 3):
        out = jax.jit(lambda x: interpret.evaluate(graph, [x])[0][0])(jnp.ones((rows, 8)))
        np.testing.assert_allclose(out, np.full((rows, 8), np.sin(3.0)), rtol=1e-6)


def test_prints_stay_alive_and_in_order(capfd: pytest.CaptureFixture[str]) -> None:
    def shown(m: Any) -> Any:
        jax.debug.print("mean {}", m.mean())
        lax.scan(lambda c, a: (jax.debug.print("row {}", a) or c, None), 0.0, m[:, 0])
        jax.debug.callback(lambda v: print("host", v.shape), m)
        return m * 2

    graph = round_trip(graph_of(shown, M))
    used = {id(value) for node in graph.nodes for value in node.uses()} | {id(value) for value in graph.outputs}
    externs = [node for node in graph.nodes if node.op.name == "extern"]
    assert len(externs) == 3 and all(id(node.results[0]) in used for node in externs)
    (x,) = arrays_of(graph)

    def run(x: Any) -> Any:
        return interpret.evaluate(graph, [x])[0][0].sum()

    np.testing.assert_allclose(jax.jit(jax.grad(run))(x), np.full((2, 8), 2.0))
    jax.effects_barrier()
    said = capfd.readouterr().out
    assert all(word in said for word in ("mean 0.", "row 0.", "host (2, 8)"))
