"""`roll_loops` on random graphs and random stacks of blocks: verified, and the numbers before against after."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
from hypothesis import given, settings
from hypothesis.strategies import DrawFn

from kgc.compiler.graph import Graph
from kgc.compiler.loops import Rolling
from kgc.compiler.op import REGISTRY as OPS
from kgc.compiler.passes.prune_dead import prune_dead
from kgc.compiler.passes.roll_loops import roll_loops
from kgc.compiler.verifier import verify

from ..strategies import graphs
from .test_roll_loops import rolled, stack_of


@settings(max_examples=30, deadline=None)
@given(graphs(most=12))
def test_random_graphs(graph: Graph) -> None:
    result = roll_loops(graph, Rolling(least=1))
    verify(result.graph)


@st.composite
def stacks(draw: DrawFn) -> Graph:
    """Stacks of random blocks, with taps, penalties, state, sites, shared weights and other blocks between."""
    size = draw(st.integers(1, 3))
    steps = [draw(st.sampled_from(["dense", "skip", "drop", "state", "shared", "sin", "tap"])) for _ in range(size)]
    odd = draw(st.sets(st.integers(0, 7), max_size=2))
    taps = draw(st.sets(st.integers(0, 7), max_size=2))

    def block(y: Any, own: dict[str, Any], i: int) -> Any:
        first, new, out = y, {}, []
        for at, step in enumerate(steps):
            if step == "dense":
                y = OPS["tanh"](OPS["matmul"](y, own["kernel"] if at % 2 else own["other"]))
            elif step == "skip":
                y = OPS["add"](y, OPS["sin"](first))
            elif step == "drop":
                y = OPS["dropout"](y, OPS["fold_in"](own["key"], 10 * i + at), 0.5)
            elif step == "state":
                new["mean"] = OPS["add"](own["mean"], OPS["mean"](y, axis=0))
            elif step == "shared":
                y = OPS["matmul"](y, own["shared"])
            elif step == "tap" and i in taps:
                out.append(OPS["mean"](y, axis=1))
            y = OPS["sin"](y)
        return (OPS["multiply"](y, 0.5) if i in odd else y), new, out

    def end(y: Any, owned: list[dict[str, Any]]) -> list[Any]:
        return [OPS["sum"](OPS["square"](own["kernel"])) for own in owned]

    return stack_of(
        draw(st.integers(1, 8)),
        block,
        params=("kernel: f32[4, 4]", "other: f32[4, 4]"),
        state=("mean: f32[4]",),
        shared="f32[4, 4]",
        end=end if draw(st.booleans()) else None,
    )


@settings(max_examples=12, deadline=None)
@given(stacks())
def test_random_stacks(graph: Graph) -> None:
    rolled(prune_dead(graph), grads=False, tolerance=1e-5)
