"""Whatever ends a `fit` early leaves the model as its last finished step left it, whole and usable."""

from __future__ import annotations

import signal
import threading
import time
from typing import Any

import numpy as np
import pytest

import kgc
from kgc import layers


class Stop(Exception):
    """Raised in the middle of things."""


def usable(model: Any, data: Any) -> None:
    """Check that every array can be read, and that the model predicts, evaluates and trains."""
    for variable in (*model.weights, *model.optimizer.variables):
        assert np.isfinite(variable.numpy()).all()
        assert np.isfinite(np.asarray(variable.value)).all()
    assert np.isfinite(model.predict(data[0], verbose=0)).all()
    assert np.isfinite(model.evaluate(*data, verbose=0)).all()
    before = model.get_weights()
    model.fit(*data, batch_size=4, verbose=0)
    assert not all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


HOOKS = [
    "on_train_begin",
    "on_epoch_begin",
    "on_train_batch_begin",
    "on_train_batch_end",
    "on_test_begin",
    "on_test_batch_end",
    "on_epoch_end",
    "on_train_end",
]


class Keeping(kgc.callbacks.Callback):
    """Keeps the weights after each step."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.weights = [model.get_weights()]

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.weights.append(self.model.get_weights())


@pytest.mark.parametrize("kind", [Stop, KeyboardInterrupt])
def test_an_exception_in_any_hook(data: Any, mlp: Any, kind: type[BaseException]) -> None:
    def hurting(hook: str) -> Any:
        def hurt(self: Any, *args: Any) -> None:
            getattr(Keeping, hook)(self, *args)
            raise kind("now")

        return type("Hurting", (Keeping,), {hook: hurt})(model)

    model = mlp()
    model.compile("adam", "mse", metrics=["mae"])
    for hook in HOOKS:
        callback = hurting(hook)
        with pytest.raises(kind, match="now"):
            model.fit(*data, batch_size=6, verbose=0, callbacks=[callback], validation_data=data)
        for now, then in zip(model.get_weights(), callback.weights[-1], strict=True):
            np.testing.assert_array_equal(now, then)
    usable(model, data)


def test_an_error_while_tracing(data: Any) -> None:
    class Sometimes(layers.Layer):
        broken = False

        def call(self, x: Any) -> Any:
            if self.broken:
                raise Stop("traced")
            return x * 1.0

    inputs = kgc.Input((4,))
    layer = Sometimes()
    model = kgc.Model(inputs, layers.Dense(2)(layer(layers.Dense(3)(inputs))))
    model.compile("adam", "mse")
    model.fit(*data, verbose=0)
    before = model.get_weights()
    layer.broken = True
    model.compile("adam", "mse")
    for run in (model.fit, model.evaluate):
        with pytest.raises(Stop, match="traced"):
            run(*data, verbose=0)
    layer.broken = False
    for now, then in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)
    usable(model, data)


def test_an_error_while_a_step_compiles(data: Any, mlp: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    model = mlp()
    model.compile("adam", "mse")

    def failing(*_: Any) -> Any:
        raise Stop("emission")

    before = model.get_weights()
    with monkeypatch.context() as patch:
        patch.setattr("kgc.compiler.interpret.evaluate", failing)
        with pytest.raises(Stop, match="emission"):
            model.fit(*data, verbose=0)
    for now, then in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)
    usable(model, data)


def interrupted(model: Any, data: Any, times: int) -> None:
    """Fit and be interrupted, again and again, at moments that have nothing to do with the steps."""
    rng, main = np.random.default_rng(0), threading.main_thread().ident or 0
    for _ in range(times):
        running = threading.Event()

        class Running(kgc.callbacks.Callback):
            def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
                running.set()  # noqa: B023

        def interrupt() -> None:
            running.wait()  # noqa: B023
            time.sleep(delay)  # noqa: B023
            signal.pthread_kill(main, signal.SIGINT)

        delay = float(rng.uniform(0, 0.01))
        thread = threading.Thread(target=interrupt)
        thread.start()
        with pytest.raises(KeyboardInterrupt):
            model.fit(*data, batch_size=4, epochs=100_000, verbose=0, callbacks=[Running()])
        thread.join()
        for variable in (*model.weights, *model.optimizer.variables):
            assert np.isfinite(variable.numpy()).all()


def test_an_interrupt_at_any_moment(data: Any, mlp: Any) -> None:
    model = mlp()
    model.compile("adam", "mse")
    before = signal.getsignal(signal.SIGINT)
    interrupted(model, data, 25)
    assert signal.getsignal(signal.SIGINT) is before
    usable(model, data)


def test_without_care_an_interrupt_would_break_the_model(data: Any, mlp: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from kgc.runtime.interrupts import Step

    monkeypatch.setattr(Step, "__enter__", lambda self: None)
    model = mlp()
    model.compile("adam", "mse")
    with pytest.raises(RuntimeError, match="deleted"):
        interrupted(model, data, 300)
