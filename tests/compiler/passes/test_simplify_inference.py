"""`simplify_inference`: training-only ops, identities and idle assignments go."""

from __future__ import annotations

import pytest

from kgc.compiler.parser import parse
from kgc.compiler.passes.simplify_inference import simplify_inference

from ..strategies import holds

CASES = {
    "dropout that does nothing": (
        """
graph @main(%x: f32[b, 4], %key: key[]) -> (f32[b, 4]) {
  %0: key[] = fold_in(%key, 3)
  %1: f32[b, 4] = dropout(%x, %0, rate=0.5, training=False)
  %2: f32[b, 4] = dropout(%1, %0, rate=0)
  %3: f32[b, 4] = dropout(%2, %0, rate=0.0, noise_shape=(None, 1))
  %4: f32[b, 4] = dropout(%3, %0, rate=0.5)
  return %4
}""",
        """
graph @main(%x: f32[b, 4], %key: key[]) -> (f32[b, 4]) {
  %0: key[] = fold_in(%key, 3)
  %1: f32[b, 4] = dropout(%x, %0, rate=0.5)
  return %1
}""",
    ),
    "keys that are left over": (
        """
graph @main(%x: f32[b, 4], %key: key[]) -> (f32[b, 4]) {
  %0: key[] = fold_in(%key, 3)
  %1: f32[b, 4] = dropout(%x, %0, rate=0.5, training=False)
  %2: f32[b, 4] = relu(%1)
  return %2
}""",
        """
graph @main(%x: f32[b, 4], %key: key[]) -> (f32[b, 4]) {
  %0: f32[b, 4] = relu(%x)
  return %0
}""",
    ),
    "identities": (
        """
graph @main(%x: f32[b, t0, 4], %n: ~f32[]) -> (f32[b, t0, 4], f32[b, t0, 4], f32[], f32[4, t0, b]) {
  %0: f32[b, t0, 4] = stop_gradient(%x)
  %1: f32[b, t0, 4] = cast(%0, dtype="float32")
  %2: f32[b, t0, 4] = reshape(%1, newshape=(b, t0, 4))
  %3: f32[b, t0, 4] = transpose(%2, axes=(0, 1, -1))
  %4: f32[b, t0, 4] = broadcast_to(%3, shape=(b, t0, 4))
  %5: f32[b, t0, 4] = getitem(%4, key=(slice(None, None, None), ...))
  %6: f32[b, t0, 4] = concatenate([%5], axis=1)
  %7: f32[b, t0, 4] = transpose(%x, axes=(0, 1, 2))
  %8: f32[] = cast(%n, dtype="float32")
  %9: f32[4, t0, b] = transpose(%x)
  return %6, %7, %8, %9
}""",
        """
graph @main(%x: f32[b, t0, 4], %n: ~f32[]) -> (f32[b, t0, 4], f32[b, t0, 4], f32[], f32[4, t0, b]) {
  %0: f32[] = cast(%n, dtype="float32")
  %1: f32[4, t0, b] = transpose(%x)
  return %x, %x, %0, %1
}""",
    ),
    "what only looks like an identity": (
        """
graph @main(%x: f32[b, 4, 4], %y: f32[b, 1]) -> (f32[b, 4, 4], f32[b, 4, 4], f32[b, 4], bf16[b, 1], f32[1, b]) {
  %0: f32[b, 4, 4] = transpose(%x, axes=(0, 2, 1))
  %1: f32[b, 4, 4] = getitem(%x, key=(slice(None, None, None), slice(None, None, -1)))
  %2: f32[b, 4] = broadcast_to(%y, shape=(b, 4))
  %3: bf16[b, 1] = cast(%y, dtype="bfloat16")
  %4: f32[1, b] = reshape(%y, newshape=(1, b))
  return %0, %1, %2, %3, %4
}""",
        None,
    ),
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
