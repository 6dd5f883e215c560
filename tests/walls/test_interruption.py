"""Whatever ends a `fit` early leaves the model as its last finished step left it, whole and usable."""

from __future__ import annotations

import signal
from collections.abc import Callable
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
    assert np.isfinite(model.evaluate(*data, verbose=0))
    before = model.get_weights()
    model.fit(*data, batch_size=4, verbose=0)
    assert not all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


HOOKS = [
    "on_train_begin", "on_epoch_begin", "on_train_batch_begin", "on_train_batch_end", "on_test_begin", "on_test_batch_end",
    "on_epoch_end", "on_train_end",
]  # fmt: skip


def test_an_exception_in_any_hook(data: Any, mlp: Any) -> None:
    model = mlp()
    model.compile("adam", "mse", metrics=["mae"])
    for kind in (Stop, KeyboardInterrupt):
        for hook in HOOKS:
            finished: list[list[np.ndarray]] = [model.get_weights()]

            class Raising(kgc.callbacks.Callback):
                def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
                    finished.append(self.model.get_weights())  # noqa: B023

            def hurt(*_: Any) -> None:
                raise kind("now")  # noqa: B023

            callback = Raising()
            before = getattr(callback, hook)
            setattr(callback, hook, lambda *args: (before(*args), hurt()))  # noqa: B023
            with pytest.raises(kind, match="now"):
                model.fit(*data, batch_size=6, verbose=0, callbacks=[callback], validation_data=data)
            for now, then in zip(model.get_weights(), finished[-1], strict=True):
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


def test_an_error_while_a_step_compiles_or_first_runs(data: Any, mlp: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from kgc.runtime.step import TrainStep

    model = mlp()
    model.compile("adam", "mse")
    whole: Callable[..., Any] = TrainStep._lay_out

    def layout(self: Any) -> None:
        whole(self)
        jitted, self.runs = self.jitted, 0

        def failing(*args: Any) -> Any:
            jitted(*args)  # the buffers given away are gone by now
            raise Stop("at the end of the first run")

        self.jitted = failing

    before = model.get_weights()
    with monkeypatch.context() as patch:
        patch.setattr(TrainStep, "_lay_out", layout)
        with pytest.raises(Stop, match="first run"):
            model.fit(*data, verbose=0)
    for now, then in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)
    model.compile("adam", "mse")
    usable(model, data)


def test_interrupts_at_any_moment(data: Any, mlp: Any) -> None:
    """A signal handler raises between two bytecodes, also just behind a step whose buffers are gone."""
    model = mlp()
    model.compile("adam", "mse")
    model.fit(*data, batch_size=4, verbose=0)
    rng = np.random.default_rng(0)

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    previous = signal.signal(signal.SIGALRM, interrupt)
    try:
        for _ in range(40):
            count = int(model.optimizer.iterations.numpy())
            try:
                signal.setitimer(signal.ITIMER_REAL, float(rng.uniform(0.004, 0.02)))
                model.fit(*data, batch_size=4, epochs=10_000, verbose=0)
            except KeyboardInterrupt:
                pass
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
            assert int(model.optimizer.iterations.numpy()) >= count
            assert all(np.isfinite(value).all() for value in model.get_weights())
    finally:
        signal.signal(signal.SIGALRM, previous)
    usable(model, data)
