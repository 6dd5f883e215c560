"""Transforms of parameters: restricted, composed, applied."""

from __future__ import annotations

import numpy as np

from kgc.compiler import transform
from kgc.compiler.graph import Graph
from kgc.compiler.parser import parse
from kgc.compiler.verifier import verify

FIRST = parse("""graph @transform() -> (a: f32[2], b: f32[2]) {
  param %w: f32[2]
  param %v: f32[2]
  const %c: f32[2] = [1.0, 2.0]
  %0: f32[2] = add(%w, %c)
  %1: f32[2] = multiply(%v, 2.0)
  return %0, %1
}""")
SECOND = parse("""graph @transform() -> (d: f32[2]) {
  param %a: f32[2]
  param %w: f32[2]
  state %s: f32[2]
  const %c: f32[2] = [10.0, 20.0]
  %0: f32[2] = add(%a, %c)
  %1: f32[2] = multiply(%0, %w)
  %2: f32[2] = subtract(%1, %s)
  return %2
}""")
ARRAYS = {name: np.array(values, "float32") for name, values in {"w": [1, 2], "v": [3, 4], "s": [5, 6]}.items()}


def test_composition_feeds_the_second_from_the_first() -> None:
    both = transform.compose(FIRST, SECOND)
    assert both is not None
    assert (
        str(verify(both))
        == """graph @transform() -> (a: f32[2], b: f32[2], d: f32[2]) {
  param %w: f32[2]
  param %v: f32[2]
  state %s: f32[2]
  const %c: f32[2] = [1.0, 2.0]
  const %c_: f32[2] = [10.0, 20.0]
  %0: f32[2] = add(%w, %c)
  %1: f32[2] = multiply(%v, 2.0)
  %2: f32[2] = add(%0, %c_)
  %3: f32[2] = multiply(%2, %w)
  %4: f32[2] = subtract(%3, %s)
  return %0, %1, %4
}"""
    )
    made = transform.apply(both, ARRAYS)
    first = transform.apply(FIRST, ARRAYS)
    second = transform.apply(SECOND, {**ARRAYS, **first})
    for name, value in {**first, **second}.items():
        np.testing.assert_array_equal(made[name], value)


def test_nothing_is_neutral() -> None:
    assert transform.compose(None, None) is None
    assert transform.compose(FIRST, None) is FIRST and transform.compose(None, FIRST) is FIRST
    assert transform.apply(None, {}) == {} and transform.restrict(None, {"a"}) is None


def test_restriction_drops_what_is_not_needed() -> None:
    made: Graph | None = transform.restrict(transform.compose(FIRST, SECOND), {"b"})
    assert made is not None and [value.name for value in verify(made).arguments()] == ["v"] and len(made.nodes) == 1
    assert transform.restrict(FIRST, set()) is None
