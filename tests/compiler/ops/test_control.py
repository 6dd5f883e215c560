"""Loops and branches: against JAX's own, with unknown sizes, with literals, nested, and through gradients."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kgc.compiler import builder, interpret
from kgc.compiler.errors import ShapeError
from kgc.compiler.graph import Graph
from kgc.compiler.op import REGISTRY
from kgc.compiler.parser import parse
from kgc.compiler.types import parse_type
from kgc.compiler.verifier import verify

scan, cond, while_loop = (REGISTRY[name] for name in ("scan", "cond", "while_loop"))

STEP = """
graph @step(%c: f32[n, 2], %x: f32[n, 3], %w: f32[3, 2]) -> (f32[n, 2], f32[n, 2]) {
  %0: f32[n, 2] = matmul(%x, %w)
  %1: f32[n, 2] = add(%c, %0)
  %2: f32[n, 2] = tanh(%1)
  return %2, %1
}"""


def record(types: list[str], body: Any) -> Graph:
    """A graph of `body`, verified and read back from its text."""
    names: dict[str, Any] = {}
    with builder.Builder("g") as made:
        out = body(*[made.input(f"x{i}", parse_type(text, names)) for i, text in enumerate(types)])
        graph = verify(made.finish(out if isinstance(out, tuple) else [out]))
    assert verify(parse(str(graph))) == graph
    return graph


def looped(c: Any, xs: Any, w: Any, reverse: bool = False) -> Any:
    def step(carry: Any, x: Any) -> Any:
        y = carry + x @ w
        return jnp.tanh(y), y

    return jax.lax.scan(step, c, xs, reverse=reverse)


@pytest.mark.parametrize("reverse, unroll", [(False, 1), (True, 1), (False, 2)])
def test_scan_is_jaxs(reverse: bool, unroll: int) -> None:
    graph = record(
        ["f32[b, 2]", "f32[t, b, 3]", "f32[3, 2]"],
        lambda c, xs, w: scan(parse(STEP), [c], [xs], [w], reverse=reverse, unroll=unroll),
    )
    assert graph.outputs[1].type.shape[0] is graph.inputs[1].type.shape[0]
    assert graph.outputs[0].type is graph.inputs[0].type
    generator = np.random.default_rng(0)
    given = [generator.normal(size=shape).astype("float32") for shape in ((4, 2), (5, 4, 3), (3, 2))]

    def ours(arrays: list[Any]) -> Any:
        return interpret.evaluate(graph, arrays)[0]

    def theirs(arrays: list[Any]) -> Any:
        return list(looped(*arrays, reverse=reverse))

    for found, expected in zip(jax.jit(ours)(given), jax.jit(theirs)(given), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)
    gradients = [
        jax.jit(jax.grad(lambda arrays, run=run: sum(jnp.sum(jnp.sin(out)) for out in run(arrays))))(given)
        for run in (ours, theirs)
    ]
    for found, expected in zip(*gradients, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_lengths_that_are_unknown_are_made_equal() -> None:
    body = parse("graph @sum(%c: f32[], %x: f32[], %y: f32[]) -> (f32[]) {\n  %0: f32[] = multiply(%x, %y)\n"
                 "  %1: f32[] = add(%c, %0)\n  return %1\n}")  # fmt: skip
    graph = record(["f32[t]", "f32[s]"], lambda x, y: scan(body, [0.0], [x, y]))
    assert graph.inputs[0].type is graph.inputs[1].type
    (out,), _ = interpret.evaluate(graph, [np.arange(3, dtype="float32"), np.full(3, 2, "float32")])
    assert float(out) == 6.0
    with pytest.raises(ShapeError):
        interpret.evaluate(graph, [np.ones(3, "float32"), np.ones(4, "float32")])


def test_a_literal_carry_takes_the_dtype_of_the_region() -> None:
    body = parse("graph @half(%c: bf16[]) -> (bf16[]) {\n  %0: bf16[] = multiply(%c, 0.5)\n  return %0\n}")
    graph = record(["bf16[]"], lambda x: (scan(body, [1], [], length=3)[0] + x,))
    (out,), _ = interpret.evaluate(graph, [jnp.ones((), "bfloat16")])
    assert out.dtype == jnp.bfloat16
    assert float(out) == 1.125


def test_a_loop_may_run_an_unknown_number_of_times() -> None:
    body = parse("graph @grow(%c: f32[]) -> (f32[]) {\n  %0: f32[] = add(%c, 1.0)\n  return %0\n}")
    graph = record(["f32[t]"], lambda x: scan(body, [0.0], [], length=x.shape[0]))
    (out,), _ = interpret.evaluate(graph, [np.zeros(7, "float32")])
    assert float(out) == 7.0


def test_loops_nest_and_carry_keys() -> None:
    text = """
    graph @inner(%c: f32[n], %key: key[], %i: i32[]) -> (f32[n], key[]) {
      %0: key[] = fold_in(%key, %i)
      %1: f32[n] = dropout(%c, %0, rate=0.5)
      return %1, %0
    }

    graph @outer(%c: f32[n], %key: key[], %steps: i32[2]) -> (f32[n], key[]) {
      %0: f32[n], %1: key[] = scan(body=@inner, init=[%c, %key], xs=[%steps])
      return %0, %1
    }"""
    graph = record(["f32[b]", "key[]", "i32[3, 2]"], lambda x, key, steps: scan(parse(text), [x, key], [steps]))
    given = [np.ones(64, "float32"), jax.random.key(3), np.arange(6, dtype="int32").reshape(3, 2)]
    (out, key), _ = jax.jit(lambda arrays: interpret.evaluate(graph, arrays))(given)
    expected = jax.random.key(3)
    for i in range(6):
        expected = jax.random.fold_in(expected, i)
    assert bool(jnp.all(jax.random.key_data(key) == jax.random.key_data(expected)))
    assert set(np.unique(out)) <= {0.0, 64.0}


def branch(name: str, op: str) -> Graph:
    return parse(f"graph @{name}(%x: f32[n]) -> (f32[n]) {{\n  %0: f32[n] = {op}(%x)\n  return %0\n}}")


@pytest.mark.parametrize("pred", [True, False])
def test_cond_takes_one_branch(pred: bool) -> None:
    graph = record(["bool[]", "f32[b]"], lambda p, x: cond(p, [x], branch("yes", "sin"), branch("no", "square")))
    x = np.linspace(0.1, 1, 5, dtype="float32")
    run = jax.jit(lambda array: interpret.evaluate(graph, [np.bool_(pred), array])[0][0])
    np.testing.assert_allclose(run(x), np.sin(x) if pred else x * x, rtol=1e-6)
    slope = jax.jit(jax.grad(lambda array: run(array).sum()))(x)
    np.testing.assert_allclose(slope, np.cos(x) if pred else 2 * x, rtol=1e-6)


def test_branches_that_differ_in_a_size_that_is_unknown_are_refused_on_data() -> None:
    half = parse("graph @half(%x: f32[6], %y: f32[n]) -> (f32[n]) {\n  return %y\n}")
    full = parse("graph @full(%x: f32[6], %y: f32[n]) -> (f32[6]) {\n  return %x\n}")
    graph = record(["bool[]", "f32[6]", "f32[t]"], lambda p, x, y: cond(p, [x, y], half, full))
    (out,), _ = interpret.evaluate(graph, [np.bool_(True), np.ones(6, "float32"), np.zeros(6, "float32")])
    assert out.shape == (6,)
    with pytest.raises(ShapeError):
        interpret.evaluate(graph, [np.bool_(True), np.ones(6, "float32"), np.zeros(5, "float32")])


@pytest.mark.parametrize("limit, expected", [(None, 8), (2, 4), (0, 1)])
def test_while_loop_counts(limit: int | None, expected: int) -> None:
    less = parse("graph @less(%i: i32[], %x: f32[n]) -> (bool[]) {\n  %0: bool[] = less(%i, 3)\n  return %0\n}")
    double = parse(
        "graph @double(%i: i32[], %x: f32[n]) -> (i32[], f32[n]) {\n  %0: i32[] = add(%i, 1)\n"
        "  %1: f32[n] = add(%x, %x)\n  return %0, %1\n}"
    )
    graph = record(["f32[b]"], lambda x: while_loop(less, double, [0, x], maximum_iterations=limit)[1])
    (out,), _ = jax.jit(lambda arrays: interpret.evaluate(graph, arrays))([np.ones(3, "float32")])
    np.testing.assert_array_equal(out, np.full(3, expected))
