"""`prune_dead`: what nothing needs goes, names and order of the rest stay."""

from __future__ import annotations

import pytest

from kgc.compiler.parser import parse
from kgc.compiler.passes.prune_dead import prune_dead

from ..strategies import holds

CASES = {
    "nodes, params, state, constants and inputs": (
        """
graph @main(%x: f32[b, 4], %y: f32[b, 3], %key: key[]) -> (f32[b, 4]) {
  param %head.kernel: f32[4, 1000]
  param %kernel: f32[4, 4]
  state %unused: f32[4]
  const %c: f32[3] = [1.0, 2.0, 3.0]
  const %d: f32[4] = [1.0, 2.0, 3.0, 4.0]
  %0: f32[b, 4] = matmul(%x, %kernel)
  %1: f32[b, 1000] = matmul(%0, %head.kernel)
  %2: f32[b, 4] = add(%0, %d)
  %3: f32[b, 1000] = softmax(%1)
  return %2
}""",
        """
graph @main(%x: f32[b, 4]) -> (f32[b, 4]) {
  param %kernel: f32[4, 4]
  const %d: f32[4] = [1.0, 2.0, 3.0, 4.0]
  %0: f32[b, 4] = matmul(%x, %kernel)
  %1: f32[b, 4] = add(%0, %d)
  return %1
}""",
    ),
    "state that is only assigned stays, and what it is assigned": (
        """
graph @main(%x: f32[b, 4]) -> () {
  param %w: f32[4]
  state %mean: f32[4]
  state %count: i32[]
  state %read: i32[]
  %0: f32[4] = mean(%x, axis=0)
  %1: f32[4] = multiply(%0, %w)
  %2: f32[4] = sin(%1)
  return
  assign %mean = %1
  assign %count = %read
}""",
        """
graph @main(%x: f32[b, 4]) -> () {
  param %w: f32[4]
  state %mean: f32[4]
  state %count: i32[]
  state %read: i32[]
  %0: f32[4] = mean(%x, axis=0)
  %1: f32[4] = multiply(%0, %w)
  return
  assign %mean = %1
  assign %count = %read
}""",
    ),
    "a node of which one result is used stays; outputs that are arguments stay": (
        """
graph @main(%x: f32[b, 4], %y: f32[b]) -> (left: f32[b, 2], y: f32[b]) {
  param %w: f32[4]
  %0: f32[b, 2], %1: f32[b, 2] = split(%x, indices_or_sections=2, axis=1)
  %2: f32[b, 2] = sin(%1)
  return %0, %y
}""",
        """
graph @main(%x: f32[b, 4], %y: f32[b]) -> (left: f32[b, 2], y: f32[b]) {
  %0: f32[b, 2], %1: f32[b, 2] = split(%x, indices_or_sections=2, axis=1)
  return %0, %y
}""",
    ),
    "an input whose shape tells a size": (
        """
graph @main(%u: f32[b, t0], %x: f32[b, 7], %y: f32[t0, 3], %z: f32[b1]) -> (f32[b, 4], f32[2*t0]) {
  %0: f32[b, 4] = full(shape=(b, 4), fill_value=1.0)
  %1: f32[b, 7] = sin(%x)
  %2: f32[2*t0] = full(shape=(2*t0,), fill_value=1.0)
  return %0, %2
}""",
        """
graph @main(%u: f32[b, t0]) -> (f32[b, 4], f32[2*t0]) {
  %0: f32[b, 4] = full(shape=(b, 4), fill_value=1.0)
  %1: f32[2*t0] = full(shape=(2*t0,), fill_value=1.0)
  return %0, %1
}""",
    ),
    "an input whose shape tells a size that another has as a part": (
        """
graph @main(%x: f32[b, d0*t0], %y: f32[b, t0]) -> (f32[b, d0*t0], f32[t0]) {
  %0: f32[t0] = full(shape=(t0,), fill_value=1.0)
  return %x, %0
}""",
        """
graph @main(%x: f32[b, d0*t0], %y: f32[b, t0]) -> (f32[b, d0*t0], f32[t0]) {
  %0: f32[t0] = full(shape=(t0,), fill_value=1.0)
  return %x, %0
}""",
    ),
    "regions keep their inputs": (
        """
graph @body(%c: f32[b], %x: f32[b], %w: f32[]) -> (f32[b]) {
  const %unused: f32[] = 1.0
  %0: f32[b] = add(%c, %x)
  %1: f32[b] = multiply(%0, %w)
  return %0
}

graph @main(%x: f32[4, b1], %y: f32[b1]) -> (f32[b1]) {
  %0: f32[b1] = scan(body=@body, init=[%y], xs=[%x], invariants=[1.0])
  return %0
}""",
        """
graph @body(%c: f32[b], %x: f32[b], %w: f32[]) -> (f32[b]) {
  %0: f32[b] = add(%c, %x)
  return %0
}

graph @main(%x: f32[4, b1], %y: f32[b1]) -> (f32[b1]) {
  %0: f32[b1] = scan(body=@body, init=[%y], xs=[%x], invariants=[1.0])
  return %0
}""",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_texts(case: str) -> None:
    before, after = CASES[case]
    old, new = parse(before), prune_dead(parse(before))
    assert str(new) == str(parse(after))
    for kind in ("inputs", "params", "state"):
        kept = [value.name for value in getattr(new, kind)]
        assert kept == [value.name for value in getattr(old, kind) if value.name in kept]
    holds(prune_dead, str(old), str(new), grads=True)


def test_a_graph_without_dead_parts_is_itself() -> None:
    graph = prune_dead(parse(CASES["nodes, params, state, constants and inputs"][0]))
    assert prune_dead(graph) is graph
