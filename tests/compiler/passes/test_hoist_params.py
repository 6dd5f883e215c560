"""`hoist_params`: what is computed from parameters alone becomes a parameter, for inference."""

from __future__ import annotations

import time

import pytest

from kgc.compiler.parser import parse
from kgc.compiler.passes import hoist_params as module
from kgc.compiler.passes.hoist_params import hoist_params
from kgc.compiler.passes.prune_dead import prune_dead
from kgc.compiler.verifier import verify

from ..strategies import holds, same_numbers

JOINED = """
graph @main(%x: f32[b, 6]) -> (f32[b, 12], f32[b, 12]) {
  param %q: f32[6, 4]
  param %k: f32[6, 8]
  param %bias: f32[12]
  %0: f32[6, 12] = concatenate([%q, %k], axis=1)
  %1: f32[b, 12] = matmul(%x, %0)
  %2: f32[12] = tanh(%bias)
  %3: f32[b, 12] = add(%1, %2)
  return %1, %3
}"""

HOISTED = """
graph @main(%x: f32[b, 6]) -> (f32[b, 12], f32[b, 12]) {
  param %q.hoisted: f32[6, 12]
  param %bias.hoisted: f32[12]
  %0: f32[b, 12] = matmul(%x, %q.hoisted)
  %1: f32[b, 12] = add(%0, %bias.hoisted)
  return %0, %1
}"""

MADE_BY = """
graph @transform() -> (q.hoisted: f32[6, 12], bias.hoisted: f32[12]) {
  param %q: f32[6, 4]
  param %k: f32[6, 8]
  param %bias: f32[12]
  %0: f32[6, 12] = concatenate([%q, %k], axis=1)
  %1: f32[12] = tanh(%bias)
  return %0, %1
}"""


def test_text() -> None:
    holds(hoist_params, JOINED, HOISTED, made_by=MADE_BY, at_end=prune_dead)


def joined(*changes: str) -> str:
    """JOINED, without the tanh, with what stands before each arrow replaced by what stands behind it."""
    text = JOINED.replace("  %2: f32[12] = tanh(%bias)\n", "").replace("%2)", "%bias)")
    for change in changes:
        old, new = change.split(" → ")
        assert old in text, old
        text = text.replace(old, new)
    return text


KEPT = {
    "a param is used elsewhere": joined("return %1, %3 → %4: f32[6, 4] = sin(%q)\n  return %1, %4",
                                        "(f32[b, 12], f32[b, 12]) → (f32[b, 12], f32[6, 4])"),
    "it is an output": joined("return %1, %3 → return %1, %q", "(f32[b, 12], f32[b, 12]) → (f32[b, 12], f32[6, 4])"),
    "shape and order alone": joined("concatenate([%q, %k], axis=1) → transpose(%k)", "k: f32[6, 8] → k: f32[12, 6]"),
    "it would grow": joined("concatenate([%q, %k], axis=1) → multiply(%k, %q)", "k: f32[6, 8] → k: f32[6, 1]",
                            "q: f32[6, 4] → q: f32[1, 12]"),
    "an unknown size": joined("concatenate([%q, %k], axis=1) → broadcast_to(%k, shape=(b, 6, 12))",
                              "%0: f32[6, 12] → %0: f32[b, 6, 12]", "k: f32[6, 8] → k: f32[6, 12]",
                              "%1: f32[b, 12] = matmul(%x, %0) → %1: f32[b, 12] = einsum(subscripts=\"bi,bij->bj\", "
                              "operands=[%x, %0])"),
    "state that is assigned": joined("  param %k: f32[6, 8]\n → ", "  %0: →   state %k: f32[6, 8]\n  %0:",
                                     "return %1, %3 → %4: f32[6, 8] = sin(%k)\n  return %1, %3\n  assign %k = %4"),
}  # fmt: skip


@pytest.mark.parametrize("case", KEPT)
def test_what_is_left_alone(case: str) -> None:
    graph = verify(prune_dead(parse(KEPT[case])))
    assert hoist_params(graph).graph is graph


def test_state_that_is_not_assigned_may_take_part() -> None:
    text = joined("  param %k: f32[6, 8]\n → ", "  %0: →   state %k: f32[6, 8]\n  %0:")
    old = verify(parse(text))
    result = hoist_params(old)
    new = verify(prune_dead(result.graph))
    assert [value.name for value in new.params] == ["q.hoisted", "bias"] and not new.state
    same_numbers(old, new, result.transform)


def test_too_many_are_left_in_the_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 1)
    graph = parse(JOINED)
    result = hoist_params(graph)
    assert result.graph is graph and result.notes == ("not hoisted: 2 parameters, more than 1",)


def test_a_chain_of_which_every_value_is_used_takes_linear_time() -> None:
    def seconds(count: int) -> float:
        lines = ["graph @main(%x: f32[b, 4]) -> (f32[b, 4]) {", "  param %w: f32[4]", "  %y0: f32[b, 4] = sin(%x)"]
        for i in range(count):
            lines.append(f"  %u{i + 1}: f32[4] = tanh({f'%u{i}' if i else '%w'})")
            lines.append(f"  %y{i + 1}: f32[b, 4] = multiply(%y{i}, %u{i + 1})")
        graph = parse("\n".join([*lines, f"  return %y{count}", "}"]))
        start = time.process_time()
        assert len(hoist_params(graph).graph.nodes) == 2 * count
        return time.process_time() - start

    assert seconds(4000) < 10 * min(seconds(1000) for _ in range(3))
