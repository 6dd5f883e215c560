"""Specialisation: numbers for unknown sizes, in types, attributes and regions; and errors that name both places."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest

from kgc.compiler import interpret
from kgc.compiler.errors import ArgumentError, ShapeError
from kgc.compiler.op import REGISTRY
from kgc.compiler.parser import parse
from kgc.compiler.printer import symbol_names
from kgc.compiler.specialize import specialize
from kgc.compiler.verifier import verify

from .ops.calls import calls, numbers
from .strategies import arrays

TEXT = """graph @body(%c: f32[b, 4], %x: f32[b, 4]) -> (f32[b, 4]) {
  %0: f32[b, 4] = add(%c, %x)
  %1: f32[b, 4] = full(shape=(b, 4), fill_value=2.0)
  %2: f32[b, 4] = multiply(%0, %1)
  return %2
}

graph @main(%x: f32[b, t0, 4], %y: f32[b, t1]) -> (f32[b, 4], f32[b, 2*t1]) {
  param %w: f32[4, 4]
  state %s: f32[4]
  %0: f32[b, t0, 4] = matmul(%x, %w)
  %1: f32[t0, b, 4] = transpose(%0, axes=(1, 0, 2))
  %2: f32[b, 4] = full(shape=(b, 4), fill_value=0.0)
  %3: f32[b, 4] = scan(body=@body, init=[%2], xs=[%1], invariants=[])
  %4: f32[b, 2*t1] = concatenate([%y, %y], axis=1)
  %5: f32[4] = mean(%3, axis=0)
  return %3, %4
  assign %s = %5
}"""


def test_all_sizes() -> None:
    old = parse(TEXT)
    new = verify(specialize(old, b=6, t0=3, t1=5))
    assert str(new) == TEXT.replace("2*t1", "10").replace("t1", "5").replace("t0", "3").replace("[b,", "[6,").replace(
        "(b,", "(6,"
    ).replace(", b, 4]", ", 6, 4]")
    assert str(old) == TEXT and not new.symbols()
    given = arrays(new)
    groups = [[given[v.name] for v in group] for group in (old.inputs, old.params, old.state)]
    for a, b in zip(*(jax.tree.leaves(interpret.evaluate(graph, *groups)) for graph in (old, new)), strict=True):
        np.testing.assert_array_equal(a, b)


def test_one_size() -> None:
    new = verify(specialize(parse(TEXT), b=6))
    text = str(new)
    assert "%x: f32[6, t0, 4], %y: f32[6, t1]" in text and "f32[6, 2*t1]" in text and "[b" not in text
    assert str(specialize(specialize(parse(TEXT), t1=5), b=6, t0=3)) == str(specialize(parse(TEXT), b=6, t0=3, t1=5))


def test_none_and_static_graphs_stay() -> None:
    graph = parse(TEXT)
    assert specialize(graph) is graph


OPEN = """graph @main(%x: f32[b, t0, t1, 3]) -> (f32[b, r0, r1, 3]) {
  %0: f32[b, r0, r1, 3] = max_pool(%x, pool_size=(2, 2), padding="same")
  %1: f32[b, r0, r1, 3] = relu(%0)
  return %1
}"""


def test_sizes_that_only_numbers_tell_become_numbers() -> None:
    assert "-> (f32[2, 4, 3, 3])" in str(verify(specialize(parse(OPEN), b=2, t0=7, t1=6)))
    text = str(verify(specialize(parse(OPEN), b=2, t0=7)))
    assert "%x: f32[2, 7, t0, 3]" in text and "%1: f32[2, 4, - floordiv(- t0, 2), 3] = relu" in text


REGION_OF_ITS_OWN = """graph @twice(%x: f32[t0]) -> (f32[t0]) {
  %0: f32[t0] = add(%x, %x)
  return %0
}

graph @main(%p: bool[], %x: f32[t0], %y: f32[b]) -> (f32[t0], f32[b]) {
  %0: f32[t0] = cond(%p, [%x], true=@twice, false=@twice)
  %1: f32[b] = cond(%p, [%y], true=@twice, false=@twice)
  return %0, %1
}"""


def test_a_region_has_the_sizes_of_its_call() -> None:
    new = verify(specialize(parse(REGION_OF_ITS_OWN), t0=7))
    inside = [region.inputs[0].type.shape for node in new.nodes for region in node.regions()]
    assert (
        inside[:2] == [(7,), (7,)] and [shape[0] is new.inputs[2].type.shape[0] for shape in inside[2:]] == [True] * 2
    )
    parse(str(new))


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"c": 3}, "no size 'c'"),
        ({"t2": 3}, "no size 't2'"),
        ({"b": 0}, "a size is a number from 1"),
        ({"b": -1}, "a size is a number from 1"),
        ({"b": True}, "a size is a number from 1"),
        ({"b": 2.0}, "a size is a number from 1"),
        ({"b": "2"}, "a size is a number from 1"),
    ],
)
def test_wrong_sizes(sizes: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message) as caught:
        specialize(parse(TEXT), **sizes)
    assert caught.value.received


def test_hints() -> None:
    with pytest.raises(ArgumentError, match="no size") as caught:
        specialize(parse(TEXT), batch=3)
    assert caught.value.hint == "its sizes are b, t0, t1."
    with pytest.raises(ArgumentError, match="follows from what is computed"):
        specialize(parse(OPEN), r0=3)
    static = specialize(parse(TEXT), b=6, t0=3, t1=5)
    with pytest.raises(ArgumentError) as caught:
        specialize(static, b=6)
    assert caught.value.hint == "all of its sizes are numbers already."


def test_a_size_that_is_none() -> None:
    text = """graph @main(%x: f32[b, t0 + -2]) -> (f32[b, t0 + -2]) {
  %0: f32[b, t0 + -2] = relu(%x)
  return %0
}"""
    with pytest.raises(ShapeError, match="'x' would have a size of 0, at t0=2"):
        specialize(parse(text), t0=2)


MISFIT = """graph @main(%x: f32[b, t0], %y: f32[b, t1]) -> (f32[b, r0]) {
  %0: f32[b, r0] = getitem(%x, key=(..., slice(None, 3, None)))  loc("model.py":3, "left")
  %1: f32[b, r0] = getitem(%y, key=(..., slice(None, 3, None)))  loc("model.py":5, "right")
  %2: f32[b, r0] = add(%0, %1)  loc("model.py":8, "sum")
  return %2
}"""


def test_contradictions_name_both_places() -> None:
    assert "f32[1, 3]" in str(specialize(parse(MISFIT), b=1, t0=7, t1=9))
    with pytest.raises(ShapeError) as caught:
        specialize(parse(MISFIT), b=1, t0=7, t1=2)
    text = str(caught.value)
    assert "model.py:5" in text and "model.py:3" in text and "'left'" in text and "'right'" in text


REFUSED = """graph @main(%x: f32[b, t0]) -> (f32[b, r1]) {
  %0: f32[b, r0] = getitem(%x, key=(..., slice(None, 3, None)))  loc("model.py":3, "left")
  %1: f32[b, r1] = add(%x, %0)  loc("model.py":8, "sum")
  return %1
}"""


def test_a_rule_that_refuses_names_the_makers_of_its_operands() -> None:
    specialize(parse(REFUSED), t0=3)
    with pytest.raises(ShapeError) as caught:
        specialize(parse(REFUSED), t0=7)
    text = str(caught.value)
    assert "add in layer 'sum' cannot be had, at t0=7" in text and "model.py:8" in text
    assert "is made by getitem in layer 'left' at model.py:3" in text and "is 'x'" in text


@pytest.mark.parametrize("name", REGISTRY)
def test_every_op(name: str) -> None:
    """At numbers for all sizes no size is unknown, and the graph verifies."""
    for call in calls(name):
        graph = call.graph()
        shown = symbol_names(graph)
        known = numbers(value.type for value in graph.inputs)
        new = specialize(graph, **{shown[symbol]: size for symbol, size in known.items()})
        assert not verify(new).symbols()
