"""What a loop is predicted to save and to lose: follows steps, sizes and platform, and no clock."""

from __future__ import annotations

import pytest

from kgc.compiler.loop_costs import Usage, balance, compiling, size
from kgc.compiler.loops import Rolling
from kgc.compiler.parser import parse
from kgc.compiler.passes.roll_loops import roll_loops
from kgc.compiler.types import parse_type


def chain(width: int, depth: int) -> str:
    params = "".join(f"  param %k{i}: f32[{width}, {width}]\n" for i in range(depth))
    nodes = [f"  %{2 * i}: f32[b, {width}] = matmul({f'%{2 * i - 1}' if i else '%x'}, %k{i})\n"
             f"  %{2 * i + 1}: f32[b, {width}] = tanh(%{2 * i})\n" for i in range(depth)]  # fmt: skip
    head = f"graph @main(%x: f32[b, {width}]) -> (f32[b, {width}]) {{\n"
    return f"{head}{params}{''.join(nodes)}  return %{2 * depth - 1}\n}}"


def weighed(width: int, depth: int, **usage: object):
    graph = parse(chain(width, depth))
    body = graph.nodes[:2]
    return balance(Usage(**usage), body, depth, [graph.params[0].type], [graph.inputs[0].type])  # type: ignore[arg-type]


def test_size() -> None:
    assert size(parse_type("f32[b, 4]"), 10) == 160
    assert size(parse_type("bf16[2, 3]"), 10) == 12
    assert size(parse_type("key[]"), 10) == 8


def test_small_weights_cost_nothing_and_large_ones_do() -> None:
    small, large = weighed(8, 20, training=True), weighed(1024, 20, training=True)
    assert small.lost < 0 < large.lost and small.saved == large.saved > 0
    assert small.pays(10**9)
    assert large.pays(1) and not large.pays(1000)


def test_more_rows_cost_more_in_training_only() -> None:
    few, many = (weighed(64, 20, training=True, rows=rows) for rows in (8, 8192))
    assert few.lost < many.lost
    assert weighed(64, 20, rows=8) == weighed(64, 20, rows=8192)


def test_inference_saves_and_loses_less() -> None:
    for width in (64, 1024):
        here, there = weighed(width, 20), weighed(width, 20, training=True)
        assert 0 < here.saved < there.saved and here.lost >= 0


def test_elsewhere_turns_count() -> None:
    a, b = weighed(64, 20, platform="gpu"), weighed(64, 40, platform="gpu")
    assert 0 < a.lost < b.lost
    assert compiling(parse(chain(4, 10)).nodes, True) == pytest.approx(20 * 5e-3)


@pytest.mark.parametrize(("steps", "rolls"), [(1, True), (100_000, False)])
def test_the_pass_weighs_and_says_so(steps: int, rolls: bool) -> None:
    graph = parse(chain(512, 20))
    result = roll_loops(graph, Rolling(usage=Usage(steps, training=True)))
    assert (result.graph is not graph) == rolls
    (note,) = result.notes
    assert note.startswith("20 blocks of 2 nodes: about" if rolls else "not rolled: 20 blocks of 2 nodes: about")
    assert " ms more a step" in note and ("100000" in note) == (not rolls)


def test_stacks_that_there_are_cost_nothing() -> None:
    graph = parse(chain(1024, 10))
    stacked = frozenset(value.name for value in graph.params)
    assert roll_loops(graph, Rolling(usage=Usage(10**9))).graph is graph
    assert roll_loops(graph, Rolling(usage=Usage(10**9, stacked=stacked))).graph is not graph
