"""What holds for any graph, on random ones over the whole op table: as it is, specialised, and after every pass."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from kgc.compiler import equality, pipeline
from kgc.compiler.errors import ShapeError
from kgc.compiler.graph import Graph
from kgc.compiler.parser import parse
from kgc.compiler.printer import external_constants
from kgc.compiler.specialize import specialize
from kgc.compiler.verifier import verify

from .random_graphs import bound, programs

SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]
SIZES = st.fixed_dictionaries({"b": st.integers(1, 3), "t": st.integers(2, 5), "d": st.integers(1, 3)})


def holds(graph: Graph) -> None:
    """The graph verifies, and is its text."""
    again = parse(str(verify(graph)), external_constants(graph))
    assert equality.difference(graph, again) is None
    assert str(verify(again)) == str(graph) and again.digest() == graph.digest()


@settings(max_examples=60, suppress_health_check=SLOW)
@given(programs())
def test_text_and_types(graph: Graph) -> None:
    holds(graph)


@settings(max_examples=30, suppress_health_check=SLOW)
@given(programs(), SIZES)
def test_specialised(graph: Graph, sizes: dict[str, int]) -> None:
    try:
        made = specialize(graph, **bound(graph, sizes))
    except ShapeError:
        return  # a graph may want a size to be larger
    holds(made)
    holds(specialize(graph, b=sizes["b"]))


@pytest.mark.parametrize("training", [False, True], ids=["inference", "training"])
@settings(max_examples=25, suppress_health_check=SLOW)
@given(programs(most=12))
def test_after_every_pass(training: bool, graph: Graph) -> None:
    text = str(graph)
    made = pipeline.optimize(graph, training=training, roll=True, after=lambda name, after: holds(after))
    if made.transform is not None:
        holds(made.transform)
    assert str(graph) == text


@pytest.mark.parametrize("training", [False, True], ids=["inference", "training"])
@settings(max_examples=15, suppress_health_check=SLOW)
@given(programs(least=4, most=9, slow=False), SIZES)
def test_numbers_after_every_pass(training: bool, graph: Graph, sizes: dict[str, int]) -> None:
    try:
        graph = specialize(graph, **bound(graph, sizes))
    except ShapeError:
        return
    pipeline.optimize(graph, training=training, roll=True, paranoid=True)


@settings(max_examples=3, suppress_health_check=SLOW)
@given(programs(least=4, most=9, slow=False))
def test_numbers_at_all_kinds_of_sizes(graph: Graph) -> None:
    pipeline.optimize(graph, roll=True, paranoid=True)
