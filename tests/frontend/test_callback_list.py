"""Who is called when, and with what: many callbacks as one."""

from __future__ import annotations

import numpy as np
import pytest

from kgc.compiler.errors import ArgumentError
from kgc.frontend.callback import HOOKS, Callback, overrides
from kgc.frontend.callbacks import (
    CallbackList,
    EarlyStopping,
    History,
    LambdaCallback,
    ProgbarLogger,
    ReduceLROnPlateau,
    TerminateOnNaN,
)
from kgc.runtime import loop
from kgc.runtime.data.arrays import ArraySource
from kgc.runtime.data.batches import NamedArray

from .driving import Model, Number, drive, train


class Everything(Callback):
    """Overrides every hook."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple] = []


for _name in HOOKS:
    setattr(Everything, _name, lambda self, *args, _name=_name: self.seen.append((_name, *args)))


def test_every_hook_gets_floats_as_in_keras():
    """Recorded from Keras 3.15.1."""
    callback = Everything()
    hooks = train([callback])
    numbers = {"accuracy": 0.5}
    assert callback.seen == [
        ("on_train_begin", {}),
        ("on_epoch_begin", 0, {}),
        ("on_train_batch_begin", 0, {}),
        ("on_train_batch_end", 0, {**numbers, "loss": 0.0}),
        ("on_train_batch_begin", 1, {}),
        ("on_train_batch_end", 1, {**numbers, "loss": 1.0}),
        ("on_train_batch_begin", 2, {}),
        ("on_train_batch_end", 2, {**numbers, "loss": 2.0}),
        ("on_test_begin", {}),
        ("on_test_batch_begin", 0, {}),
        ("on_test_batch_end", 0, {**numbers, "loss": 0.0}),
        ("on_test_end", {**numbers, "loss": 0.0}),
        ("on_epoch_end", 0, {**numbers, "loss": 2.0, "val_accuracy": 0.5, "val_loss": 0.0}),
        ("on_train_end", {**numbers, "loss": 2.0, "val_accuracy": 0.5, "val_loss": 0.0}),
    ]
    logs = callback.seen[3][2]
    assert list(logs) == ["accuracy", "loss"] and type(logs["loss"]) is float
    assert callback.params == {"verbose": 0, "epochs": 1, "steps": 3}
    assert callback.model is hooks.model


def test_predict_hooks_get_the_outputs():
    callback = Everything()
    hooks = CallbackList([callback], model=Model())
    source = ArraySource([NamedArray("x", np.arange(3.0))], batch_size=2)
    loop.predict(lambda batch: [batch.x[0]], source, hooks)
    assert [key[:2] for key in callback.seen if "batch_end" in key[0]] == [
        ("on_predict_batch_end", 0),
        ("on_predict_batch_end", 1),
    ]
    assert callback.seen[2][2]["outputs"][0].tolist() == [0, 1]


def test_hooks_that_nobody_overrides_cost_no_waiting():
    class Epochs(Callback):
        def on_epoch_end(self, epoch, logs=None):
            pass

    train([Epochs(), EarlyStopping(patience=3)], epochs=2)
    assert Number.waits == 2 * (2 + 2), "the epoch's logs and the validation's"
    train([TerminateOnNaN()], epochs=2)
    assert Number.waits == 2 * (2 + 2) + 2 * 3 * 2
    train([TerminateOnNaN(), TerminateOnNaN()], epochs=2)
    assert Number.waits == 2 * (2 + 2) + 2 * 3 * 2, "floats are made once for all"


def test_the_older_names_of_batch_hooks():
    """As in Keras, they follow training batches only."""
    seen = []

    class Old(Callback):
        def on_batch_begin(self, batch, logs=None):
            seen.append(("begin", batch))

        def on_batch_end(self, batch, logs=None):
            seen.append(("end", batch, (logs or {})["loss"]))

    train([Old()])
    assert seen == [("begin", 0), ("end", 0, 0.0), ("begin", 1), ("end", 1, 1.0), ("begin", 2), ("end", 2, 2.0)]


def test_callbacks_for_a_base_class_of_the_same_kind():
    """What was written for Keras's own Callback is told apart hook by hook too."""
    base = type("Callback", (), {name: lambda self, *args: None for name in HOOKS})
    theirs = type("Theirs", (base,), {"on_epoch_end": lambda self, epoch, logs: None})()
    assert [hook for hook in HOOKS if overrides(theirs, hook)] == ["on_epoch_end"]
    mine = type("Callback", (Callback,), {"on_epoch_end": lambda self, epoch, logs: None})()
    assert [hook for hook in HOOKS if overrides(mine, hook)] == ["on_epoch_end"]


def test_history():
    hooks = train([LambdaCallback(on_epoch_end=lambda epoch, logs: logs.update(mine=epoch * 10))], epochs=2)
    history = hooks.history
    assert history.epoch == [0, 1]
    assert history.history == {
        "accuracy": [0.5, 0.5],
        "loss": [2.0, 2.0],
        "val_accuracy": [0.5, 0.5],
        "val_loss": [0.0, 0.0],
        "mine": [0, 10],
    }
    assert hooks.model.history is history


def test_stop_training_is_the_models():
    class Stop(Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = epoch == 1

    assert train([Stop()], epochs=5).history.epoch == [0, 1]
    model = Model()
    model.stop_training = True
    assert train([], epochs=3, model=model).history.epoch == [0, 1, 2]


def test_an_exception_leaves_usable_callbacks():
    class Fail(Callback):
        fail = True

        def on_train_batch_end(self, batch, logs=None):
            if self.fail and batch == 1:
                raise KeyboardInterrupt

    failing, everything, model = Fail(), Everything(), Model()
    with pytest.raises(KeyboardInterrupt):
        train([everything, failing], model=model)
    assert everything.seen[-1][0] == "on_train_batch_end"
    failing.fail = False
    hooks = train([everything, failing], model=model)
    assert everything.seen[-1][0] == "on_train_end" and hooks.history.epoch == [0]


def test_the_list():
    mine, history = Callback(), History()
    added = CallbackList([mine], add_history=True, add_progbar=True)
    assert [type(c) for c in added.callbacks] == [Callback, History, ProgbarLogger]
    assert CallbackList([history, mine], add_history=True).callbacks == [history, mine]
    assert CallbackList([history], add_history=True).history is history
    assert CallbackList(mine).callbacks == [mine] and CallbackList((mine,)).callbacks == [mine]
    assert CallbackList(CallbackList([mine])).callbacks == [mine]
    assert CallbackList().callbacks == [] and CallbackList().history is None


@pytest.mark.parametrize("wrong", [3, "early", [Callback, 3], [EarlyStopping]], ids=str)
def test_what_is_no_callback(wrong):
    with pytest.raises(ArgumentError, match="callback"):
        CallbackList(wrong)


@pytest.mark.keras
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("seed", range(40))
def test_random_runs_end_as_in_keras(monkeypatch, seed):
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    import keras

    class Theirs(Model):
        jax_state_sync = staticmethod(lambda: None)

    random = np.random.default_rng(seed)
    values = random.integers(0, 5, 12) / 4
    mode = str(random.choice(["min", "max"]))
    stopping = {
        "monitor": "v",
        "mode": mode,
        "patience": int(random.integers(0, 4)),
        "min_delta": float(random.choice([0.0, 0.25, -0.25])),
        "baseline": random.choice([None, 0.5]),
        "start_from_epoch": int(random.integers(0, 3)),
        "restore_best_weights": True,
    }
    mine, theirs = EarlyStopping(**stopping), keras.callbacks.EarlyStopping(**stopping)
    my_model, their_model = Model(), Theirs()
    my_states = drive(mine, values, my_model, attributes=("wait", "best", "stopped_epoch"))
    their_states = drive(theirs, values, their_model, attributes=("wait", "best", "stopped_epoch"))
    assert my_states == their_states
    assert mine.best_epoch == theirs.best_epoch and my_model.done == their_model.done

    plateau = {
        "monitor": "v",
        "mode": mode,
        "factor": 0.5,
        "patience": int(random.integers(0, 3)),
        "min_delta": float(random.choice([0.0, 0.25])),
        "cooldown": int(random.integers(0, 3)),
        "min_lr": float(random.choice([0.0, 0.1])),
    }
    mine, theirs = ReduceLROnPlateau(**plateau), keras.callbacks.ReduceLROnPlateau(**plateau)
    my_model, their_model = Model(), Theirs()
    their_model.optimizer = keras.optimizers.SGD(0.5)
    assert drive(mine, values, my_model, attributes=("wait", "best", "cooldown_counter")) == drive(
        theirs, values, their_model, attributes=("wait", "best", "cooldown_counter")
    )
    assert float(my_model.optimizer.learning_rate) == float(their_model.optimizer.learning_rate)
