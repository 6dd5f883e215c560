"""Recomputation: the same numbers and gradients, and less memory."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kgc.compiler import interpret
from kgc.compiler.errors import ArgumentError
from kgc.compiler.op import REGISTRY
from kgc.compiler.parser import parse

checkpoint, scan = REGISTRY["checkpoint"], REGISTRY["scan"]

SEGMENT = """
graph @segment(%x: f32[b, n], %w: f32[n, n]) -> (f32[b, n], f32[b, n], i32[b]) {
  %0: f32[b, n] = matmul(%x, %w)
  %1: f32[b, n] = tanh(%0)
  %2: i32[b] = argmax(%1, axis=-1)
  return %1, %0, %2
}"""
DRAWS = """
graph @segment(%x: f32[b, n], %key: key[]) -> (f32[b, n]) {
  %0: key[] = fold_in(%key, 3)
  %1: f32[b, n] = dropout(%x, %0, rate=0.5)
  %2: f32[b, n] = multiply(%1, %1)
  return %2
}"""
STEP = """
graph @step(%c: f32[b, n], %x: f32[n, n], %k: i32[]) -> (f32[b, n], f32[b]) {
  %0: f32[b, n] = matmul(%c, %x)
  %1: f32[b, n] = sin(%0)
  %2: f32[b, n] = add(%1, %c)
  %3: f32[b] = sum(%1, axis=-1)
  %4: f32[b] = multiply(%3, %k)
  return %2, %4
}"""
RNG = np.random.default_rng(0)
X = RNG.normal(size=(4, 3)).astype("float32")
W = RNG.normal(size=(3, 3)).astype("float32")


def temporary(function: Any, *shapes: tuple[int, ...]) -> int:
    given = [jax.ShapeDtypeStruct(shape, "float32") for shape in shapes]
    analysis = jax.jit(function).lower(*given).compile().memory_analysis()
    return int(analysis.temp_size_in_bytes)


def test_results_and_gradients_are_those_of_the_graph() -> None:
    def ours(x: Any, w: Any) -> Any:
        y, z, _ = checkpoint(parse(SEGMENT), [x], [w])
        return (y * z).sum(), y

    def plain(x: Any, w: Any) -> Any:
        return (jnp.tanh(x @ w) * (x @ w)).sum(), jnp.tanh(x @ w)

    (a, y), of_a = jax.value_and_grad(ours, argnums=(0, 1), has_aux=True)(X, W)
    (b, z), of_b = jax.value_and_grad(plain, argnums=(0, 1), has_aux=True)(X, W)
    assert float(a) == float(b) and np.array_equal(y, z)
    for mine, theirs in zip(of_a, of_b, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-6)
    assert checkpoint(parse(SEGMENT), [X], [W])[2].tolist() == np.asarray(z).argmax(-1).tolist()


def test_random_numbers_are_the_same_both_times() -> None:
    key = jax.random.key(7)

    @jax.jit
    def run(x: Any) -> Any:
        return jax.value_and_grad(lambda x: checkpoint(parse(DRAWS), [x, key])[0].sum())(x)

    _, gradient = run(jnp.ones((64, 3)))
    (result,) = checkpoint(parse(DRAWS), [jnp.ones((64, 3)), key])
    np.testing.assert_array_equal(gradient, 2 * np.asarray(result))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_a_gradient_of_zero_or_nan_is_no_obstacle(dtype: str) -> None:
    text = SEGMENT.replace("f32", {"float32": "f32", "bfloat16": "bf16", "float16": "f16"}[dtype])

    def gradient(scale: float) -> Any:
        def loss(x: Any) -> Any:
            return (checkpoint(parse(text), [x], [jnp.asarray(W, dtype)])[0] * scale).sum().astype("float32")

        return jax.jit(jax.grad(loss))(jnp.asarray(X, dtype))

    assert not np.asarray(gradient(0.0), "float32").any()
    assert np.isnan(np.asarray(gradient(float("nan")), "float32")).all()
    assert np.isfinite(np.asarray(gradient(1.0), "float32")).all()


@pytest.mark.parametrize("sizes", [(1,), (2,), (3,), (4, 1), (6, 3, 1), (7,), (9,)])
@pytest.mark.parametrize("reverse", [False, True])
def test_a_loop_in_groups_computes_the_same(sizes: tuple[int, ...], reverse: bool) -> None:
    ws = RNG.normal(size=(7, 3, 3)).astype("float32")
    numbers = np.arange(7, dtype="int32")

    def run(checkpoint: Any) -> Any:
        def loss(x: Any, ws: Any) -> Any:
            last, each = scan(parse(STEP), [x], [ws, numbers], reverse=reverse, checkpoint=checkpoint)
            return (last**2).sum() + (each * jnp.arange(7.0)[:, None]).sum(), (last, each)

        return jax.value_and_grad(loss, argnums=(0, 1), has_aux=True)(X, ws)

    for a, b in zip(jax.tree.leaves(run(sizes)), jax.tree.leaves(run(())), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)


def test_a_loop_without_slices_takes_groups() -> None:
    body = parse("graph @body(%c: f32[b]) -> (f32[b]) {\n  %0: f32[b] = sin(%c)\n  return %0\n}")
    x = np.linspace(0, 1, 4).astype("float32")

    def gradient(sizes: Any) -> Any:
        return jax.grad(lambda x: scan(body, [x], [], length=5, checkpoint=sizes)[0].sum())(x)

    np.testing.assert_allclose(gradient((2,)), gradient(()), rtol=1e-6)


@pytest.mark.parametrize("sizes", [1, (0,), (-1,), (1, 1), (1, 2), (True,), (2.0,), (4, 3, 2, 1), "2"])
def test_sizes_of_groups_are_checked(sizes: Any) -> None:
    with pytest.raises(ArgumentError, match="positive ints that get smaller"):
        scan(parse(STEP), [X], [np.stack([W] * 7), np.arange(7, dtype="int32")], checkpoint=sizes)


def test_it_saves_memory_although_xla_merges_equal_operations() -> None:
    """Of 12 layers, four inputs of segments and the values of one segment are kept, not the values of all."""
    rows, n, layers = 4096, 16, 12
    layer = "  %{0}: f32[b, n] = matmul({1}, %w)\n  %{2}: f32[b, n] = sin(%{0})\n  %{3}: f32[b, n] = add(%{2}, {1})"
    lines = [layer.format(3 * k, f"%{3 * k - 1}" if k else "%x", 3 * k + 1, 3 * k + 2) for k in range(3)]
    head = "graph @three(%x: f32[b, n], %w: f32[n, n]) -> (f32[b, n]) {"
    three = parse("\n".join([head, *lines, "  return %8", "}"]))

    def with_it(x: Any, ws: Any) -> Any:
        for k in range(0, layers, 3):
            x = checkpoint(three, [x], [ws[k]])[0]
        return x.sum()

    def without(x: Any, ws: Any) -> Any:
        for k in range(0, layers, 3):
            x = interpret.evaluate(three, [x, ws[k]])[0][0]
        return x.sum()

    a, b = (temporary(jax.grad(function, argnums=1), (rows, n), (layers, n, n)) for function in (with_it, without))
    assert a < 0.6 * b
