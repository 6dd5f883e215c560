"""`kgc.compile`: graphs from text run and train, over arrays of their own or over a model's."""

from __future__ import annotations

import signal
from typing import Any

import numpy as np
import pytest

import kgc
from kgc import layers
from kgc.compiler.errors import ArgumentError, DataError, DTypeError, GraphError, IRError, ShapeError
from kgc.runtime.store import STORE

FIT = """
graph @fit(%x: f32[b, 4], %y: f32[b, 1]) -> (loss: f32[], mae: f32[]) {
  param %w: f32[4, 1]
  param %frozen: f32[1]
  state %seen: i32[]
  %0: f32[b, 1] = matmul(%x, %w)
  %1: f32[b, 1] = add(%0, %frozen)
  %2: f32[b, 1] = subtract(%1, %y)
  %3: f32[b, 1] = multiply(%2, %2)
  %4: f32[] = mean(%3)
  %5: f32[b, 1] = absolute(%2)
  %6: f32[] = mean(%5)
  %7: i32[] = add(%seen, 1)
  return %4, %6
  assign %seen = %7
}
"""
ARRAYS = {"w": np.zeros((4, 1), np.float32), "frozen": np.zeros(1, np.float32), "seen": np.int32(0)}


@pytest.fixture
def model() -> kgc.Model:
    x = kgc.Input((4,), name="x")
    return kgc.Model(x, layers.Dense(2, name="out")(layers.Dense(8, activation="tanh", name="hidden")(x)))


def data(rows: int = 6) -> tuple[np.ndarray, np.ndarray]:
    x = np.random.default_rng(0).normal(size=(rows, 4)).astype(np.float32)
    return x, x @ np.array([[1.0], [-2.0], [0.5], [3.0]], np.float32)


def test_text_edited_by_hand_runs_over_the_models_weights(model: kgc.Model) -> None:
    x, _ = data()
    edited = kgc.parse(str(model.graph()).replace("tanh", "relu"))
    program = kgc.compile(edited, model)
    first, second = model.layers[1], model.layers[2]
    wanted = second(np.maximum(x @ first.kernel.numpy() + first.bias.numpy(), 0))
    np.testing.assert_allclose(program(x), wanted, rtol=1e-5, atol=1e-6)
    first.set_weights([np.zeros((4, 8), np.float32), np.zeros(8, np.float32)])
    np.testing.assert_allclose(program(x=x), np.tile(second.bias.numpy(), (6, 1)))


def test_arrays_by_name_are_copied(model: kgc.Model) -> None:
    x, _ = data()
    arrays = kgc.compile(model.graph(), model).arrays
    program = kgc.compile(model.graph(), arrays)
    before = np.asarray(model(x))
    np.testing.assert_allclose(program(x), before, rtol=1e-6)
    model.set_weights([np.zeros_like(w) for w in model.get_weights()])
    np.testing.assert_allclose(program(x), before, rtol=1e-6)


def test_training_goes_down_the_first_output_and_keeps_what_is_not_trained() -> None:
    x, y = data(64)
    program = kgc.compile(FIT, ARRAYS, optimizer=kgc.optimizers.SGD(0.1), trained=["w"])
    logs = [program.train_step(x, y=y) for _ in range(200)]
    assert list(logs[0]) == ["loss", "mae"]
    assert float(logs[-1]["loss"]) < 1e-4 < float(logs[0]["loss"])
    np.testing.assert_allclose(program.arrays["w"][:, 0], [1.0, -2.0, 0.5, 3.0], atol=0.05)
    assert program.arrays["frozen"] == 0 and program.arrays["seen"] == 200
    assert ARRAYS["seen"] == 0 and not ARRAYS["w"].any()


def test_a_step_is_the_gradient_step() -> None:
    x, y = data(8)
    program = kgc.compile(FIT, ARRAYS, optimizer=kgc.optimizers.SGD(0.5))
    program.train_step(x, y)
    gradient = 2 * x.T @ -y / 8
    np.testing.assert_allclose(program.arrays["w"], -0.5 * gradient, rtol=1e-5)
    np.testing.assert_allclose(program.arrays["frozen"], [y.mean()], rtol=1e-5)


def test_calls_give_outputs_and_change_state() -> None:
    x, y = data()
    program = kgc.compile(FIT, ARRAYS)
    loss, mae = program(x, y)
    assert np.isclose(loss, (y**2).mean()) and np.isclose(mae, np.abs(y).mean())
    assert program.arrays["seen"] == 1


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        ({"w": np.zeros((3, 1))}, ShapeError, r"%w is f32\[4, 1\] in the graph"),
        ({"w": np.zeros((4, 1), complex)}, DTypeError, r"%w is f32\[4, 1\] in the graph"),
        ({"v": np.zeros(1)}, ArgumentError, "also 'v'"),
        ({"w": None}, ArgumentError, "without w"),
    ],
)
def test_arrays_that_do_not_fit(change: dict[str, object], kind: type[Exception], message: str) -> None:
    arrays = {k: v for k, v in {**ARRAYS, **change}.items() if v is not None}
    with pytest.raises(kind, match=message):
        kgc.compile(FIT, arrays)


def test_a_step_keeps_to_its_memory_limit() -> None:
    x, y = data(8)
    program = kgc.compile(FIT, ARRAYS, optimizer="sgd", memory_limit=100)
    with pytest.raises(ArgumentError, match="does not fit into memory_limit"):
        program.train_step(x, y)
    roomy = kgc.compile(FIT, ARRAYS, optimizer="sgd", memory_limit="1MB")
    assert float(roomy.train_step(x, y)["loss"]) > 0
    with pytest.raises(ArgumentError, match="takes memory_limit"):
        kgc.compile(FIT, ARRAYS, memory_limit="much")


def test_an_interrupt_waits_for_the_end_of_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    program = kgc.compile(FIT, ARRAYS, optimizer="sgd", trained=["w"])
    x, y = data()
    program.train_step(x, y)
    rebind = STORE.rebind

    def interrupted(*given: Any) -> None:
        signal.raise_signal(signal.SIGINT)  # the old arrays are gone, and the new ones not yet in their place
        rebind(*given)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(STORE, "rebind", interrupted)
        program.train_step(x, y)
    assert program.arrays["seen"] == 2
    program.train_step(x, y)


@pytest.mark.parametrize("arrays", [[np.ones(3)], np.ones(3), 5])
def test_arrays_without_names(arrays: object) -> None:
    with pytest.raises(ArgumentError, match="arrays of a graph by name"):
        kgc.compile(FIT, arrays)  # type: ignore[arg-type]


def test_what_cannot_be_compiled(model: kgc.Model) -> None:
    with pytest.raises(ArgumentError, match="takes a graph, or its text"):
        kgc.compile(model)  # pyright: ignore[reportArgumentType]
    with pytest.raises(IRError, match="IR text"):
        kgc.compile("graph @f( -> {")
    with pytest.raises(ArgumentError, match=r"has no variable %w: f32\[4, 1\]"):
        kgc.compile(FIT, model)
    with pytest.raises(ArgumentError, match="roll as 'auto'"):
        kgc.compile(FIT, ARRAYS, roll="sometimes")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ArgumentError, match="no param 'seen' to train"):
        kgc.compile(FIT, ARRAYS, optimizer="sgd", trained=["seen"])
    with pytest.raises(ArgumentError, match="there is none"):
        kgc.compile(FIT, ARRAYS, trained=["w"])
    with pytest.raises(ArgumentError, match="`memory_limit` is for the steps"):
        kgc.compile(FIT, ARRAYS, memory_limit="1GB")


def test_what_cannot_be_trained_or_called(model: kgc.Model) -> None:
    x, y = data()
    program = kgc.compile(FIT, ARRAYS)
    with pytest.raises(GraphError, match="has no optimizer"):
        program.train_step(x, y)
    with pytest.raises(GraphError, match="must be a scalar"):
        kgc.compile(model.graph(), model, optimizer="sgd").train_step(x)
    for given, named in (((x,), {}), ((x, y, y), {}), ((x,), {"z": y}), ((x,), {"x": x})):
        with pytest.raises(ArgumentError, match="takes x, y"):
            program(*given, **named)
    with pytest.raises(ShapeError):
        program(x[:, :3], y)
    with pytest.raises(DataError, match="the input 'x' takes numbers"):
        program("much", y)
