"""`simplify_inference`: what only gradients and training need goes."""

from __future__ import annotations

import pytest

from kgc.compiler.parser import parse
from kgc.compiler.passes.simplify_inference import simplify_inference

from ..strategies import holds

CASES = {
    "assignments of a state to itself": (
        """
graph @main(%x: f32[4]) -> (f32[4]) {
  state %mean: f32[4]
  state %moving: f32[4]
  state %other: f32[4]
  %0: f32[4] = stop_gradient(%mean)
  %1: f32[4] = add(%x, %mean)
  return %1
  assign %mean = %0
  assign %moving = %1
  assign %other = %mean
}""",
        """
graph @main(%x: f32[4]) -> (f32[4]) {
  state %mean: f32[4]
  state %moving: f32[4]
  state %other: f32[4]
  %0: f32[4] = add(%x, %mean)
  return %0
  assign %moving = %0
  assign %other = %mean
}""",
    ),
    "inside regions": (
        """
graph @yes(%x: f32[b]) -> (f32[b]) {
  %0: f32[b] = stop_gradient(%x)
  return %0
}

graph @main(%x: f32[b1], %p: bool[]) -> (f32[b1]) {
  %0: f32[b1] = cond(%p, [%x], true=@yes, false=@yes)
  return %0
}""",
        """
graph @yes(%x: f32[b]) -> (f32[b]) {
  return %x
}

graph @main(%x: f32[b1], %p: bool[]) -> (f32[b1]) {
  %0: f32[b1] = cond(%p, [%x], true=@yes, false=@yes)
  return %0
}""",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_texts(case: str) -> None:
    before, after = CASES[case]
    holds(simplify_inference, before, str(parse(after or before)), tolerance=0)
