"""Ten thousand layers in a chain: no recursion, nothing quadratic."""

from __future__ import annotations

import time
from typing import Any

import pytest

import kgc
from kgc import layers


class Twice(layers.Layer):
    """A layer without weights."""

    def call(self, x: Any) -> Any:
        return x * 2.0


def chain(depth: int, make: Any) -> tuple[float, Any]:
    """Seconds to define a chain, make a model of it and trace it, and the graph."""
    start = time.process_time()
    inputs = kgc.Input((2,))
    x = inputs
    for _ in range(depth):
        x = make()(x)
    model = kgc.Model(inputs, x)
    graph = model.graph()
    assert len(model.layers) == depth + 1
    assert len(model.weights) == len(graph.params)
    return time.process_time() - start, graph


@pytest.mark.parametrize("make", [Twice, lambda: layers.Dense(2)], ids=["plain", "dense"])
def test_a_deep_chain(make: Any) -> None:
    chain(50, make)  # warm
    short, _ = chain(1_000, make)
    long, graph = chain(10_000, make)
    assert len(graph.nodes) >= 10_000
    assert long < 25 * short  # ten times as long, with room for a busy machine; quadratic would be a hundred


def test_a_deep_chain_prints_and_verifies() -> None:
    from kgc.compiler.verifier import verify

    _, graph = chain(3_000, Twice)
    verify(graph)
    assert str(graph).count("multiply(") == 3_000
