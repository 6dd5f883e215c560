"""Stacks of handles: where they lie, what may be moved, and programs over them."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

from kgc.compiler import pipeline
from kgc.compiler.errors import ArgumentError
from kgc.compiler.parser import parse
from kgc.compiler.types import parse_type
from kgc.runtime.optimizer_update import Stacking
from kgc.runtime.program import Layout, Program
from kgc.runtime.stacking import Stack, cannot_store, check_roll, decide, is_together, store, with_stacks
from kgc.runtime.step import TrainStep
from kgc.runtime.store import STORE, Handle

COUNT = 4


def handle(value: float = 0.0, name: str = "h", type: str = "f32[3, 3]") -> Handle:
    type_ = parse_type(type)
    return Handle(np.full(type_.shape, value, "float32"), name=name, type=type_)  # type: ignore[arg-type]


def chain(count: int, first: int = 0) -> str:
    """A graph of `count` layers with kernels `w{first}`…, and a loss."""
    lines = [f"  param %w{first + i}: f32[3, 3]" for i in range(count)]
    at = "%x"
    for i in range(count):
        lines += [f"  %{2 * i}: f32[b, 3] = matmul({at}, %w{first + i})", f"  %{2 * i + 1}: f32[b, 3] = tanh(%{2 * i})"]
        at = f"%{2 * i + 1}"
    lines += [f"  %{2 * count}: f32[] = sum({at})", f"  return %{2 * count}, %{2 * count}"]
    return "\n".join(["graph @chain(%x: f32[b, 3]) -> (total: f32[], loss: f32[]) {", *lines, "}"])


def weights(count: int, seed: int = 0) -> dict[str, Handle]:
    rng = np.random.default_rng(seed)
    type_ = parse_type("f32[3, 3]")
    return {f"w{i}": Handle(rng.normal(size=(3, 3)).astype("float32"), name=f"w{i}", type=type_) for i in range(count)}


X = np.random.default_rng(1).normal(size=(5, 3)).astype("float32")
ADDRESS = np.zeros(5, np.uint32)


class Momentum:
    """v ← 0.9 v - 0.1 g;  w ← w + v, and a count."""

    def __init__(self, count: int, kinds: Any = None) -> None:
        self.count, self.kinds = count, kinds

    def stacking(self) -> Any:
        return Stacking(tuple(self.kinds or [0] * self.count), (None, *range(self.count)))

    def apply(self, grads: Any, params: Any, opt_state: Any, positions: Any = None) -> Any:
        new = [0.9 * v - 0.1 * g for v, g in zip(opt_state[1:], grads, strict=True)]
        return [p + v for p, v in zip(params, new, strict=True)], [opt_state[0] + 1, *new]

    def scaled_loss(self, loss: Any, opt_state: Any) -> Any:
        return loss


def make_step(
    held: dict[str, Handle], names: list[str], roll: Any = "always", slots: Any = None, **kwargs: Any
) -> tuple[TrainStep, list[Handle]]:
    first = int(names[0][1:])
    counter = Handle(np.zeros((), "float32"), name="iteration", type=parse_type("f32[]"))
    slots = slots or [counter, *(handle() for _ in names)]
    graph = parse(chain(len(names), first))
    return TrainStep(graph, held, names, Momentum(len(names), **kwargs), slots, roll=roll), slots


def test_a_stack_lies_where_its_members_lie() -> None:
    members = [handle(float(i)) for i in range(COUNT)]
    stack = Stack(members)
    assert not is_together(members) and cannot_store(stack) == ""
    assert stack.read()[:, 0, 0].tolist() == [0, 1, 2, 3]
    store({"s": stack})
    assert is_together(members) and stack.index is None and stack.slot is members[2].slot
    part = Stack(members[1:3])
    assert is_together(part.members) and part.index == slice(1, 3)
    assert np.asarray(part.read())[:, 0, 0].tolist() == [1, 2]
    version = STORE.version
    store({"s": stack, "p": part})  # they are: nothing moves
    assert STORE.version == version


def test_a_stack_grows_around_what_it_holds() -> None:
    members = [handle(float(i)) for i in range(5)]
    part = Stack(members[1:4])
    store({"p": part})
    whole = Stack(members)
    assert cannot_store(whole) == ""
    store({"w": whole})
    assert is_together(part.members) and part.index == slice(1, 4)
    assert np.asarray(whole.read())[:, 0, 0].tolist() == [0, 1, 2, 3, 4]


def test_a_layout_sees_that_any_member_was_moved() -> None:
    a, b, c = (handle() for _ in range(3))
    store({"s": Stack([a, b])})
    layout = Layout({"s": Stack([a, b])})
    assert not layout.moved()
    STORE.stack([b, c])
    assert layout.moved()


def test_what_is_interrupted_while_it_moves_is_asked_for_again() -> None:
    members = [handle(float(i)) for i in range(3)]

    class Interrupts(Handle):
        def __setattr__(self, name: str, value: Any) -> None:
            if name == "slot" and "slot" in self.__dict__:
                raise KeyboardInterrupt
            super().__setattr__(name, value)

    last = Interrupts(np.full((3, 3), 3.0, "float32"), name="h", type=members[0].type)
    version = STORE.version
    with pytest.raises(KeyboardInterrupt):
        STORE.stack([*members, last])
    assert STORE.version != version and [float(h.read()[0, 0]) for h in (*members, last)] == [0, 1, 2, 3]


def test_arrays_wait_for_a_step_of_another_thread() -> None:
    held = weights(2)
    program = Program(parse(chain(2)), held)
    found: list[Any] = []
    with STORE.lock:
        other = threading.Thread(target=lambda: found.append(program.arrays()))
        other.start()
        other.join(0.2)
        assert not found
    other.join()
    assert len(found) == 1


@pytest.mark.parametrize("order", [(1, 0, 2), (0, 2, 1), (0, 1, 3), (3, 1, 2)])
def test_another_order_is_refused(order: tuple[int, ...]) -> None:
    members = [handle() for _ in range(4)]
    store({"s": Stack(members[:3])})
    assert "another order" in cannot_store(Stack([members[i] for i in order]))


def test_what_cannot_be_stacked() -> None:
    assert cannot_store(Stack([handle(), handle(type="f32[2]")]))
    same = handle()
    assert cannot_store(Stack([same, same]))


def test_writing_a_part_leaves_the_others() -> None:
    members = [handle(float(i)) for i in range(3)]
    store({"s": Stack(members)})
    seen = members[1].read()
    for i, member in enumerate(members):
        member.write(np.full((3, 3), 10.0 + i, "float32"))
    assert [float(member.copy()[0, 0]) for member in members] == [10, 11, 12]
    assert float(seen[0, 0]) == 1.0
    kept = members[0].lend()
    members[0].write(np.zeros((3, 3), "float32"))
    assert float(kept[0, 0]) == 10.0


def test_names() -> None:
    assert with_stacks(["a", "b", "c", "d"], {"s": ["b", "d"]}) == ["a", "s", "c"]


def test_words() -> None:
    assert check_roll("auto") == "auto"
    with pytest.raises(ArgumentError, match="roll as"):
        check_roll(True)


def test_inference_takes_a_copy_until_the_weights_are_stacked() -> None:
    held = weights(COUNT)
    plain = Program(parse(chain(COUNT)), held)
    rolled = Program(parse(chain(COUNT)), held, roll="always")
    assert rolled.decisions == ["roll_loops: 4 blocks of 2 nodes"] and len(rolled.graph.nodes) == 2
    assert rolled.transform is not None and held["w0"].index is None
    np.testing.assert_allclose(rolled([X])[0], plain([X])[0], rtol=1e-6)
    held["w2"].write(np.eye(3, dtype="float32"))
    np.testing.assert_allclose(rolled([X])[0], plain([X])[0], rtol=1e-6)
    step, _ = make_step(held, [f"w{i}" for i in range(COUNT)])
    step([X], ADDRESS)
    np.testing.assert_allclose(rolled([X])[0], plain([X])[0], rtol=1e-6)
    assert rolled.transform is None and rolled.layout.slots == [held["w0"].slot]
    step([X], ADDRESS)
    np.testing.assert_allclose(rolled([X])[0], plain([X])[0], rtol=1e-6)


def test_auto_leaves_small_graphs() -> None:
    held = weights(COUNT)
    program = Program(parse(chain(COUNT)), held, roll="auto")
    assert program.decisions == ["roll_loops: not rolled: 9 nodes are few"] and len(program.graph.nodes) == 5
    plain = pipeline.optimize(parse(chain(90)), training=True)
    found = decide(plain, weights(90), "auto", kinds={})
    assert found.notes[0].startswith("roll_loops: 90 blocks of 1 node") and list(found.stacks) == ["blocks.w0"]
    found = decide(pipeline.optimize(parse(chain(75))), weights(75), "auto")
    assert found.notes == ["roll_loops: not rolled: loops would save 148 nodes, fewer than 150"]


def test_training_steps_are_the_same() -> None:
    ours, theirs = weights(COUNT), weights(COUNT)
    names = list(ours)
    rolled, slots = make_step(ours, names)
    plain, others = make_step(theirs, names, "never")
    assert rolled.trained == ["blocks.w0"] and plain.trained == names
    for _ in range(10):
        a, b = rolled([X], ADDRESS), plain([X], ADDRESS)
        np.testing.assert_allclose(a["loss"], b["loss"], rtol=1e-5)
    for name in names:
        np.testing.assert_allclose(ours[name].copy(), theirs[name].copy(), atol=1e-5)
    for mine, other in zip(slots, others, strict=True):
        np.testing.assert_allclose(mine.copy(), other.copy(), atol=1e-5)
    assert slots[1].slot is slots[COUNT].slot and slots[0].index is None


def test_two_graphs_over_one_set_of_weights_trained_in_turn() -> None:
    ours, theirs = weights(6), weights(6)
    names = list(ours)
    for held, roll in ((ours, "always"), (theirs, "never")):
        part, _ = make_step(held, names[1:4], roll)  # stacks three of them
        whole, _ = make_step(held, names, roll)  # then all six, around those three
        plain, _ = make_step(held, names, "never")
        short, _ = make_step(held, names[:4], roll, slots=None)
        for _ in range(3):
            for step in (part, whole, plain, short):
                step([X], ADDRESS)
        if roll == "always":
            assert [len(step.trained) for step in (part, whole, plain, short)] == [1, 1, 6, 1]
            assert ours["w0"].slot.array.shape == (6, 3, 3)
    for name in names:
        np.testing.assert_allclose(ours[name].copy(), theirs[name].copy(), atol=2e-5)


def test_training_in_another_order_is_not_rolled() -> None:
    held = weights(COUNT)
    store({"s": Stack([held[f"w{i}"] for i in reversed(range(COUNT))])})
    step, _ = make_step(held, list(held))
    assert step.decisions == [
        "roll_loops: not rolled: its weights are stored as a stack in another order, for another model"
    ]
    assert step.trained == list(held)
    before = held["w1"].copy()
    step([X], ADDRESS)
    assert not np.allclose(before, held["w1"].copy())


def test_kinds_and_refusals() -> None:
    step, _ = make_step(weights(8), [f"w{i}" for i in range(8)], kinds=[0, 0, 0, 0, 1, 1, 1, 1])
    assert step.trained == ["blocks.w0", "blocks.w4"]
    graph, held = parse(chain(4)), weights(4)
    step = TrainStep(graph, held, ["w0", "w1"], Momentum(2), [handle() for _ in range(3)], roll="always")
    assert step.decisions == ["roll_loops: not rolled: nothing repeats often enough"]

    class Whole(Momentum):
        def stacking(self) -> Any:
            return "it looks at whole variables"

    step = TrainStep(graph, held, list(held), Whole(4), [handle() for _ in range(5)], roll="always")
    assert step.decisions == ["roll_loops: not rolled: it looks at whole variables"]
