"""`TrainStep`: gradient, update and state in one call, over buffers that are given away and come back."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest

from kgc.compiler.parser import parse
from kgc.runtime.program import Layout
from kgc.runtime.step import TrainStep
from kgc.runtime.store import STORE, Handle

GRAPH = """
graph @step(%x: f32[b, 2]) -> (total: f32[], loss: f32[], count: f32[]) {
  param %w: f32[2]
  param %frozen: f32[]
  state %n: f32[]
  %0: f32[b, 2] = multiply(%x, %w)
  %1: f32[] = sum(%0)
  %2: f32[] = multiply(%1, %frozen)
  %3: f32[] = add(%n, 1.0)
  return %2, %2, %3
  assign %n = %3
}
"""


class Descent:
    """w - 0.1 · gradient, and a count of the updates."""

    def apply(self, grads: Any, params: Any, opt_state: Any) -> Any:
        return [p - 0.1 * g for p, g in zip(params, grads, strict=True)], [opt_state[0] + 1]

    def scaled_loss(self, loss: Any, opt_state: Any) -> Any:
        return loss


def make() -> tuple[TrainStep, dict[str, Handle], Handle]:
    graph = parse(GRAPH)
    start: dict[str, Any] = {"w": [1.0, 2.0], "frozen": 3.0, "n": 0.0}
    held = {
        value.name: Handle(np.asarray(start[value.name], "float32"), name=value.name, type=value.type)
        for value in (*graph.params, *graph.state)
    }
    slot = Handle(np.zeros((), "int32"), name="iteration", type=graph.state[0].type)
    return TrainStep(graph, held, ["w"], Descent(), [slot]), held, slot


ADDRESS = np.zeros(5, np.uint32)


def test_numbers() -> None:
    step, held, slot = make()
    w = np.array([1.0, 2.0])
    for count, batch in enumerate((2, 2, 3), 1):
        logs = step([np.ones((batch, 2), "float32")], ADDRESS)
        assert list(logs) == ["loss", "count"] and float(logs["count"]) == count
        assert float(logs["loss"]) == pytest.approx(3 * batch * w.sum(), rel=1e-5)
        w -= 0.1 * 3 * batch
        np.testing.assert_allclose(held["w"].copy(), w, rtol=1e-5)
    assert float(held["frozen"].read()) == 3.0 and float(held["n"].read()) == 3.0 and int(slot.read()) == 3


def test_buffers_are_given_away_unless_lent() -> None:
    step, held, _ = make()
    data = [np.ones((2, 2), "float32")]
    step(data, ADDRESS)
    own = held["w"].slot.array
    step(data, ADDRESS)
    assert own.is_deleted()
    mine = held["w"].lend()
    fixed = held["frozen"].slot.array
    step(data, ADDRESS)
    step(data, ADDRESS)
    assert not mine.is_deleted() and held["frozen"].slot.array is fixed


def test_what_others_write_between_steps_is_seen() -> None:
    step, held, _ = make()
    data = [np.ones((2, 2), "float32")]
    step(data, ADDRESS)
    held["w"].write(np.zeros(2, "float32"))
    held["frozen"].write(np.float32(1.0))
    held["n"].write(np.float32(7.0))
    logs = step(data, ADDRESS)
    assert float(logs["loss"]) == 0.0 and float(logs["count"]) == 8.0
    np.testing.assert_allclose(held["w"].copy(), [-0.2, -0.2], rtol=1e-6)


def test_stacked_slots() -> None:
    step, held, _ = make()
    other = Handle(np.full(2, 9.0, "float32"), name="other", type=held["w"].type)
    data = [np.ones((2, 2), "float32")]
    step(data, ADDRESS)
    STORE.stack([other, held["w"]])
    assert Layout({"w": held["w"], "other": other}).places == {"w": (0, 1), "other": (0, 0)}
    step(data, ADDRESS)
    np.testing.assert_allclose(held["w"].copy(), [-0.2, 0.8], rtol=1e-5)
    np.testing.assert_array_equal(other.copy(), 9.0)


def test_a_failing_step_gives_nothing_away(monkeypatch: pytest.MonkeyPatch) -> None:
    step, held, _ = make()
    data = [np.ones((2, 2), "float32")]
    step(data, ADDRESS)
    before = held["w"].copy()
    with monkeypatch.context() as patch:
        patch.setattr(step.optimizer, "apply", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            step([np.ones((5, 2), "float32")], ADDRESS)
    np.testing.assert_array_equal(held["w"].copy(), before)
    step(data, ADDRESS)
    step([np.ones((5, 2), "float32")], ADDRESS)
    assert isinstance(held["w"].slot.array, jax.Array)
