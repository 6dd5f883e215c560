"""Operations counted on what JAX traced, held to XLA's own count of the compiled program; and the steps counted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import pytest

from kgc.compiler import flat, interpret, work
from kgc.compiler.op import REGISTRY
from kgc.compiler.parser import parse
from kgc.compiler.types import tensor_type
from kgc.compiler.work import Work

Call = Callable[..., Any]


def op(name: str, **attrs: Any) -> Call:
    return lambda *xs: REGISTRY[name](*xs, **attrs)


def gradients(run: Call) -> Call:
    """Gradients of the sum of squares by every operand: squares, so that XLA has no constant to fold."""

    def total(*xs: Any) -> Any:
        out = run(*xs)
        return jnp.sum(jnp.square(out[0] if isinstance(out, tuple) else out))

    return lambda *xs: jax.grad(total, argnums=tuple(range(len(xs))))(*xs)


def block_of(run: Call, *shapes: tuple[int, ...]) -> flat.Block:
    return flat.flatten(jax.make_jaxpr(run)(*[jax.ShapeDtypeStruct(shape, "float32") for shape in shapes]))


def by_xla(run: Call, *shapes: tuple[int, ...]) -> tuple[float, float]:
    specs = [jax.ShapeDtypeStruct(shape, "float32") for shape in shapes]
    found = jax.jit(run).lower(*specs).compile().cost_analysis()
    return found.get("flops", 0.0), found.get("transcendentals", 0.0)


# Products are counted exactly; what is elementwise XLA may simplify, or do twice where it fuses, and it sums rows in
# two stages.
CASES: list[tuple[str, Call, list[tuple[int, ...]], float]] = [
    ("matmul", op("matmul"), [(32, 40), (40, 24)], 0.001),
    ("einsum", lambda x, y: REGISTRY["einsum"]("bthd,bshd->bhts", [x, y]), [(4, 12, 2, 8), (4, 10, 2, 8)], 0.001),
    ("conv valid", op("conv"), [(4, 12, 12, 6), (3, 3, 6, 8)], 0.001),
    ("conv same", op("conv", padding="same"), [(4, 12, 12, 6), (3, 3, 6, 8)], 0.001),
    ("conv strided", op("conv", padding="same", strides=2), [(4, 13, 12, 6), (3, 3, 6, 8)], 0.001),
    ("conv dilated", op("conv", dilation_rate=2), [(4, 13, 12, 6), (3, 3, 6, 8)], 0.001),
    ("conv grouped", op("conv"), [(4, 12, 12, 6), (3, 3, 3, 8)], 0.001),
    ("conv 1d", op("conv", padding="same"), [(4, 30, 6), (5, 6, 8)], 0.001),
    ("conv_transpose", op("conv_transpose", strides=2, padding="same"), [(4, 6, 6, 8), (3, 3, 6, 8)], 0.001),
    ("pool", op("average_pool", pool_size=2), [(4, 12, 12, 6)], 0.5),
    ("attention", op("dot_product_attention"), [(4, 32, 2, 32)] * 3, 0.05),
    ("softmax", op("softmax"), [(64, 50)], 0.2),
    ("layer norm", op("layer_normalization"), [(64, 50), (50,), (50,)], 0.25),
    ("sum", op("sum", axis=0), [(64, 50)], 0.001),
    ("resize", op("resize", size=(16, 16)), [(2, 8, 8, 3)], 0.1),
    ("sort", lambda x: jnp.sort(x, axis=1), [(1, 64)], 0.1),
]


@pytest.mark.parametrize(("run", "shapes", "tolerance"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_operations_are_those_that_xla_counts(run: Call, shapes: list[tuple[int, ...]], tolerance: float) -> None:
    flops, _ = by_xla(run, *shapes)
    assert work.total(block_of(run, *shapes)).flops == pytest.approx(flops, rel=tolerance)


GRADIENTS: list[tuple[str, Call, list[tuple[int, ...]], float]] = [
    ("matmul", op("matmul"), [(32, 40), (40, 24)], 0.02),
    ("conv", op("conv", padding="same"), [(4, 12, 12, 16), (3, 3, 16, 24)], 0.02),
    ("conv strided", op("conv", strides=2), [(4, 13, 13, 16), (3, 3, 16, 24)], 0.05),
    ("attention", op("dot_product_attention"), [(4, 32, 2, 32)] * 3, 0.1),
    ("layer norm", op("layer_normalization"), [(64, 50), (50,), (50,)], 0.5),
]


@pytest.mark.parametrize(("run", "shapes", "tolerance"), [g[1:] for g in GRADIENTS], ids=[g[0] for g in GRADIENTS])
def test_gradients_are_counted_as_xla_counts_them(run: Call, shapes: list[tuple[int, ...]], tolerance: float) -> None:
    flops, _ = by_xla(gradients(run), *shapes)
    block = block_of(gradients(run), *shapes)
    assert work.total(block).flops == pytest.approx(flops, rel=tolerance)
    assert any(step.backward for step in block.steps) and not all(step.backward for step in block.steps)


@pytest.mark.parametrize(("name", "each"), [("exp", 1), ("tanh", 1), ("sigmoid", 1), ("log1p", 1), ("relu", 0)])
def test_transcendental_functions_are_counted_apart(name: str, each: int) -> None:
    _, functions = by_xla(op(name), (16, 20))
    assert work.total(block_of(op(name), (16, 20))).functions == each * 320 == functions


def test_recurrent_ops_count_every_step() -> None:
    """XLA's count has a loop's body once, so the two are compared for one turn."""
    shapes = [(4, 10, 6), (6, 32), (8, 32)]
    run = op("lstm")
    block = block_of(run, *shapes)
    once = sum(work.of(step).flops for step, _ in block.walk())
    assert once == pytest.approx(by_xla(run, *shapes)[0], rel=0.15)
    products = sum(work.of(step).flops * n for step, n in block.walk() if step.primitive == "dot_general")
    assert products == 2 * 4 * 10 * (6 * 32 + 8 * 32)


@pytest.mark.parametrize("name", ["matmul", "einsum", "conv"])
def test_rules_of_ops_agree_with_what_is_traced(name: str) -> None:
    run, shapes = next((run, shapes) for label, run, shapes, _ in CASES if label.startswith(name))
    types = [typed(shape) for shape in shapes]
    found: Any = REGISTRY[name]
    rule = found.flops(*(("bthd,bshd->bhts", types) if name == "einsum" else _filled(found, types)))
    assert rule == work.total(block_of(run, *shapes)).flops


def _filled(found: Any, types: list[Any]) -> list[Any]:
    return [*types, *found.defaults[len(types) :]]


def typed(shape: tuple[int, ...]) -> Any:
    return tensor_type(shape, "float32")


# The list of steps
def test_a_loop_counts_as_often_as_it_runs() -> None:
    def run(x: Any) -> Any:
        return jax.lax.scan(lambda c, _: (c @ c, None), x, None, length=7)[0]

    assert work.total(block_of(run, (8, 8))) == Work(7 * 2 * 8**3)


def test_a_branch_of_another_platform_is_left_out() -> None:
    def run(x: Any) -> Any:
        return jax.lax.platform_dependent(x, cpu=lambda x: x @ x, default=lambda x: (x @ x) @ (x @ x))

    assert work.total(block_of(run, (8, 8))).flops == 2 * 8**3


def test_what_no_output_needs_is_left_out() -> None:
    def run(x: Any) -> Any:
        jnp.sin(x @ x)
        return x + 1

    assert [step.primitive for step in block_of(run, (8, 8)).steps] == ["add"]


def test_calls_are_written_out_where_they_stand() -> None:
    block = block_of(lambda x: jax.jit(lambda y: jax.nn.relu(y) * 2)(x) + 1, (8,))
    assert [step.primitive for step in block.steps] == ["max", "mul", "add"]
    assert [step.operands[0] for step in block.steps[1:]] == [step.results[0] for step in block.steps[:-1]]


TEXT = """graph @net(%x: f32[4, 3], %n: i32[]) -> (f32[]) {
  param %w: f32[3, 3]
  %0: f32[4, 3] = matmul(%x, %w)
  %1: f32[4, 3] = tanh(%0)
  %2: f32[] = sum(%1)
  return %2
}
"""


def test_steps_know_their_node_forward_and_backward() -> None:
    graph = parse(TEXT)
    tags = flat.Tags(graph)

    def loss(w: Any, x: Any, n: Any) -> Any:
        return interpret.evaluate(tags.graph, [x, n], [w])[0][0]

    specs = [jax.ShapeDtypeStruct(*spec) for spec in (((3, 3), "float32"), ((4, 3), "float32"), ((), "int32"))]
    steps = flat.flatten(jax.make_jaxpr(jax.value_and_grad(loss))(*specs), tags.nodes).steps
    products = [(step.node, step.backward) for step in steps if step.primitive == "dot_general"]
    assert products == [(graph.nodes[0], False), (graph.nodes[0], True)]
    assert next(step.node for step in steps if step.primitive == "tanh") is graph.nodes[1]


REGION = """graph @body(%c: f32[3, 3]) -> (f32[3, 3]) {
  %0: f32[3, 3] = matmul(%c, %c)
  return %0
}

graph @net(%x: f32[3, 3]) -> (f32[3, 3]) {
  %0: f32[3, 3] = scan(body=@body, init=[%x], xs=[], invariants=[], length=5)
  return %0
}
"""


def test_nodes_within_regions_have_steps_of_their_own() -> None:
    graph = parse(REGION)
    tags = flat.Tags(graph)
    closed = jax.make_jaxpr(lambda x: interpret.evaluate(tags.graph, [x])[0])(jax.ShapeDtypeStruct((3, 3), "float32"))
    found = [(step.node.op.name, times) for step, times in flat.flatten(closed, tags.nodes).walk() if step.node]
    assert ("matmul", 5) in found and ("scan", 1) in found
    assert graph.nodes[0].op is REGISTRY["scan"]  # the graph itself is as it was
