"""What is kept for the gradient, held against XLA's own analysis; and the plans that follow from it."""

from __future__ import annotations

from typing import Any

import jax
import pytest

from kgc.compiler import interpret, liveness, segments
from kgc.compiler.graph import Graph
from kgc.compiler.parser import parse
from kgc.compiler.passes.rematerialize import Plan, rematerialize
from kgc.compiler.types import parse_type

ROWS, WIDTH = 2048, 16
VALUE = ROWS * WIDTH * 4

BLOCK = "%{0}: f32[b, 16] = matmul({1}, %w{4})\n %{2}: f32[b, 16] = relu(%{0})\n %{3}: f32[b, 16] = add({1}, %{2})\n"


def chain(count: int) -> Graph:
    """Residual blocks: each keeps what enters it (the product takes it) and the product (relu does)."""
    lines = [BLOCK.format(3 * k, f"%{3 * k - 1}" if k else "%x", 3 * k + 1, 3 * k + 2, k) for k in range(count)]
    params = "".join(f"param %w{k}: f32[16, 16]\n" for k in range(count))
    last = 3 * count
    end = f"%{last}: f32[b, 16] = square(%{last - 1})\n%{last + 1}: f32[] = sum(%{last})\nreturn %{last + 1}\n}}"
    return parse("graph @chain(%x: f32[b, 16]) -> (f32[]) {\n" + params + "".join(lines) + end)


LOOP = """
graph @body(%c: f32[b, 16], %w: f32[16, 16]) -> (f32[b, 16]) {
  %0: f32[b, 16] = matmul(%c, %w)
  %1: f32[b, 16] = tanh(%0)
  %2: f32[b, 16] = matmul(%1, %w)
  %3: f32[b, 16] = add(%c, %2)
  return %3
}

graph @main(%x: f32[b, 16]) -> (f32[]) {
  param %ws: f32[36, 16, 16]
  %0: f32[b, 16] = scan(body=@body, init=[%x], xs=[%ws], invariants=[])
  %1: f32[] = sum(%0)
  return %1
}"""


def fixed(graph: Graph, rows: int = ROWS) -> Graph:
    return graph.substitute(dict.fromkeys(graph.symbols(), rows))


def temporary(graph: Graph) -> int:
    """Bytes of temporary buffers that XLA gives the gradient."""

    def gradient(inputs: Any, params: Any) -> Any:
        return jax.grad(lambda params: interpret.evaluate(graph, inputs, params)[0][0])(params)

    given = ([v.type.aval for v in group] for group in (graph.inputs, graph.params))
    return int(jax.jit(gradient).lower(*given).compile().memory_analysis().temp_size_in_bytes)


@pytest.mark.parametrize(
    ("type_", "size"),
    [("f32[3, 4]", 48), ("bf16[5]", 10), ("bool[7]", 7), ("i8[2]", 2), ("f64[2]", 16), ("key[]", 8), ("f32[]", 4)],
)
def test_bytes_of_a_value(type_: str, size: int) -> None:
    assert liveness.nbytes(parse_type(type_)) == size


@pytest.mark.parametrize(
    ("call", "operands", "results", "inner"),
    [
        ("matmul(%x, %w)", {0, 1}, set(), 0),
        ("add(%x, %x)", set(), set(), 0),
        ("tanh(%x)", set(), {0}, 0),
        ("relu(%x)", {0}, set(), 0),
        ("sin(%x)", set(), set(), 128),  # its cosine
    ],
)
def test_what_a_node_keeps(call: str, operands: set[int], results: set[int], inner: int) -> None:
    text = f"graph @g(%x: f32[8, 4], %w: f32[4, 4]) -> (f32[8, 4]) {{\n  %0: f32[8, 4] = {call}\n  return %0\n}}"
    kept = liveness.kept(parse(text).nodes[0])
    assert (set(kept.results), kept.inner) == (results, inner)
    assert set(kept.operands) == operands


def test_a_chain_keeps_two_values_a_block() -> None:
    found = liveness.estimate(fixed(chain(6)))
    assert found.kept == (2 * 6 - 1) * VALUE  # the first input is an argument, which is there anyway
    assert found.again == 0 and found.work > 6 * 2 * ROWS * WIDTH * WIDTH


GRAPHS = {"chain": chain(12), "loop": parse(LOOP)}
PLANS = {
    "chain": [Plan(), Plan(((0, 9), (9, 18), (18, 27))), Plan(((0, 18),))],
    "loop": [Plan(), *[Plan((), ((0, sizes),)) for sizes in ((1,), (6,), (6, 1))]],
}


@pytest.mark.parametrize(("name", "at"), [(name, at) for name, plans in PLANS.items() for at in range(len(plans))])
def test_the_estimate_is_near_what_xla_says(name: str, at: int) -> None:
    graph = rematerialize(fixed(GRAPHS[name]), PLANS[name][at]).graph
    actual = temporary(graph)
    assert actual == pytest.approx(liveness.estimate(graph).peak, rel=0.25)


@pytest.mark.parametrize("name", GRAPHS)
def test_plans_that_compute_more_again_take_less(name: str) -> None:
    options = segments.options(GRAPHS[name], dict.fromkeys(GRAPHS[name].symbols(), ROWS))
    assert options[0].plan == Plan() and len(options) > 2
    again, peaks = ([getattr(o.estimate, field) for o in options] for field in ("again", "peak"))
    assert again == sorted(again) and peaks == sorted(peaks, reverse=True)
    assert peaks[-1] < 0.5 * peaks[0]


def test_segments_end_where_little_is_handed_on() -> None:
    graph = chain(12)
    options = segments.options(graph, sizes_of(graph))
    for option in options:
        assert all(stop % 3 == 0 for _, stop in option.plan.segments)


def sizes_of(graph: Graph) -> dict[str, int]:
    return dict.fromkeys(graph.symbols(), ROWS)


def test_words_for_plans() -> None:
    graph = parse(LOOP)
    assert segments.describe(Plan(), graph) == "computes nothing again"
    assert segments.describe(Plan((), ((0, (6, 1)),)), graph) == (
        "computes again a loop of 36: groups of 6 and within them each iteration"
    )
    assert segments.describe(Plan(((0, 9),)), chain(4)) == "computes again 1 segment of 9 of 14 nodes"
