"""Callbacks: what each does at each epoch, against lists recorded from Keras 3.15.1; and who is called when."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest

from kgc.compiler.errors import ArgumentError
from kgc.frontend.callback import HOOKS, Callback, overrides
from kgc.frontend.callbacks import (
    CallbackList,
    CSVLogger,
    EarlyStopping,
    History,
    LambdaCallback,
    LearningRateScheduler,
    ModelCheckpoint,
    ProgbarLogger,
    ReduceLROnPlateau,
    TerminateOnNaN,
)
from kgc.runtime import loop
from kgc.runtime.data.arrays import ArraySource
from kgc.runtime.data.batches import NamedArray

NAN = float("nan")


class Optimizer:
    """Keeps its learning rate as float32, as a variable does."""

    def __init__(self, rate: float = 0.5) -> None:
        self.learning_rate = rate

    def __setattr__(self, name: str, value: float) -> None:
        super().__setattr__(name, np.float32(value))


class Model:
    """As much of a model as callbacks use."""

    def __init__(self) -> None:
        self.stop_training = False
        self.optimizer = Optimizer()
        self.metrics: list[object] = []
        self.done: list[tuple] = []
        self.weights = 0

    def get_weights(self):
        return [self.weights]

    def set_weights(self, weights):
        self.done.append(("set_weights", *weights))

    def save(self, path, overwrite=True):
        self.done.append(("save", path))

    def save_weights(self, path, overwrite=True):
        self.done.append(("save_weights", path))


def drive(callback, values, model=None, key=None, attributes=()):
    """Train for one epoch a value; the state of callback and model after each."""
    model = model or Model()
    key = key or callback.monitor
    callback.set_params({})
    callback.set_model(model)
    model.stop_training = False
    callback.on_train_begin()
    states = []
    for epoch, value in enumerate(values):
        callback.on_epoch_begin(epoch)
        model.weights = epoch
        logs = {"other": 0.0} if value is None else {key: value}
        callback.on_epoch_end(epoch, logs)
        states.append((model.stop_training, *(getattr(callback, name) for name in attributes)))
        if model.stop_training:
            break
    callback.on_train_end()
    return states


# Recorded from Keras 3.15.1: after each epoch, whether it stops, `wait`, `best`, `best_epoch`.
EARLY_STOPPING = {
    "patience": (
        {"patience": 2},
        [1, 0.9, 0.95, 0.95, 0.8],
        [(False, 0, 1, 0), (False, 0, 0.9, 1), (False, 1, 0.9, 1), (True, 2, 0.9, 1)],
    ),
    "no patience": ({"patience": 0}, [1, 0.9, 0.95, 0.8], [(False, 0, 1, 0), (False, 0, 0.9, 1), (True, 1, 0.9, 1)]),
    "min_delta": ({"patience": 1, "min_delta": 0.06}, [1, 0.95, 0.9], [(False, 0, 1, 0), (True, 1, 1, 0)]),
    "negative min_delta": ({"patience": 1, "min_delta": -0.06}, [1, 0.95], [(False, 0, 1, 0), (True, 1, 1, 0)]),
    "baseline not beaten": (
        {"patience": 2, "baseline": 0.7},
        [1, 0.9, 0.8, 0.85, 0.86],
        [(False, 1, 1, 0), (False, 2, 0.9, 1), (False, 3, 0.8, 2), (True, 4, 0.8, 2)],
    ),
    "baseline beaten": (
        {"patience": 2, "baseline": 0.95},
        [1, 0.9, 0.6, 0.85, 0.86],
        [(False, 1, 1, 0), (False, 0, 0.9, 1), (False, 0, 0.6, 2), (False, 1, 0.6, 2), (True, 2, 0.6, 2)],
    ),
    "start_from_epoch": (
        {"patience": 2, "start_from_epoch": 3},
        [1, 2, 3, 4, 5, 6],
        [(False, 0, None, 0)] * 3 + [(False, 0, 4, 3), (False, 1, 4, 3), (True, 2, 4, 3)],
    ),
    "larger is better by name": (
        {"monitor": "val_accuracy", "patience": 2},
        [1, 2, 3, 2.5, 2],
        [(False, 0, 1, 0), (False, 0, 2, 1), (False, 0, 3, 2), (False, 1, 3, 2), (True, 2, 3, 2)],
    ),
    "smaller is better by name": (
        {"monitor": "loss", "patience": 2},
        [1, 2, 3],
        [(False, 0, 1, 0), (False, 1, 1, 0), (True, 2, 1, 0)],
    ),
    "mode": (
        {"monitor": "foo", "mode": "max", "patience": 1},
        [1, 2, 1, 1],
        [(False, 0, 1, 0), (False, 0, 2, 1), (True, 1, 2, 1)],
    ),
    "fractional patience": ({"patience": 1.5}, [1, 2, 3], [(False, 0, 1, 0), (False, 1, 1, 0), (True, 2, 1, 0)]),
}


@pytest.mark.parametrize("case", EARLY_STOPPING)
def test_early_stopping_as_keras(case):
    options, values, expected = EARLY_STOPPING[case]
    callback = EarlyStopping(**options)
    assert drive(callback, values, attributes=("wait", "best", "best_epoch")) == expected
    assert callback.stopped_epoch == (len(expected) - 1 if expected[-1][0] else 0)


def test_early_stopping_starts_anew_each_time():
    callback = EarlyStopping(monitor="loss", patience=1)
    drive(callback, [1, 2])
    assert drive(callback, [5, 6, 7], attributes=("wait", "best")) == [(False, 0, 5), (True, 1, 5)]


@pytest.mark.parametrize(("values", "best"), [([1, 0.9, 0.95, 0.95], 1), ([1, 0.9, 0.95], 1), ([1], 0)])
def test_early_stopping_restores_the_best_weights(capsys, values, best):
    model = Model()
    drive(EarlyStopping(patience=2, restore_best_weights=True, verbose=1), values, model)
    assert model.done == [("set_weights", best)]
    stopped = "Epoch 4: early stopping\n" if len(values) == 4 else ""
    assert capsys.readouterr().out == (
        f"{stopped}Restoring model weights from the end of the best epoch: {best + 1}.\n"
    )


def test_early_stopping_is_not_stuck_on_nan():
    """Here we part from Keras, for which nothing is better than NaN."""
    callback = EarlyStopping(patience=2)
    assert drive(callback, [NAN, 1, 0.5, NAN, 0.4], attributes=("wait", "best"))[1:] == [
        (False, 0, 1),
        (False, 0, 0.5),
        (False, 1, 0.5),
        (False, 0, 0.4),
    ]
    assert [state[0] for state in drive(EarlyStopping(patience=2), [NAN, NAN, NAN])] == [False, False, True]


def test_a_value_that_is_not_there_is_warned_of_and_not_counted():
    callback = EarlyStopping(patience=2)
    with pytest.warns(UserWarning, match="EarlyStopping needs 'val_loss', which is not in the logs: other"):
        states = drive(callback, [1, None, 3, 4], attributes=("wait",))
    assert states == [(False, 0), (False, 0), (False, 1), (True, 2)]


@pytest.mark.parametrize(
    ("name", "direction", "better"),
    [
        ("val_loss", None, "min"),
        ("out_loss", None, "min"),
        ("val_mean_squared_error", None, "min"),
        ("mae", None, "min"),
        ("val_out_accuracy", None, "max"),
        ("acc", None, "max"),
        ("auc_1", None, "max"),
        ("f1_score", None, "max"),
        ("precision_2", None, "max"),
        ("foo", None, None),
        ("lossy", None, None),
        ("foo", "up", "max"),
        ("val_foo", "up", "max"),
        ("out_foo", "down", "min"),
        ("foo", "sideways", None),
    ],
)
def test_which_way_is_better(name, direction, better):
    model = Model()
    if direction:
        model.metrics = [SimpleNamespace(name="foo", _direction=direction)]
    callback = EarlyStopping(monitor=name, patience=9)
    if better is None:
        with pytest.raises(ArgumentError, match=f"smaller or a larger '{name}' is better"):
            drive(callback, [1, 2], model)
        return
    drive(callback, [2, 3, 1], model)
    assert callback.best == {"min": 1, "max": 3}[better]


@pytest.mark.parametrize("kind", [EarlyStopping, ReduceLROnPlateau, lambda mode: ModelCheckpoint("a.keras", mode=mode)])
def test_illegal_mode(kind):
    with pytest.raises(ArgumentError, match="'auto', 'min' or 'max'"):
        kind(mode="biggest")


# Recorded from Keras 3.15.1: after each epoch `wait`, `best`, `cooldown_counter`, and "learning_rate" in the logs.
PLATEAU = {
    "patience": (
        {"patience": 2},
        [1, 1, 1, 1, 1, 1],
        [(0, 1, 0, 0.5), (1, 1, 0, 0.5), (0, 1, 0, 0.5), (1, 1, 0, 0.05), (0, 1, 0, 0.05), (1, 1, 0, 0.005)],
    ),
    "cooldown": (
        {"patience": 1, "cooldown": 2},
        [1] * 7,
        [
            (0, 1, 0, 0.5),
            (0, 1, 2, 0.5),
            (0, 1, 1, 0.05),
            (0, 1, 2, 0.05),
            (0, 1, 1, 0.005),
            (0, 1, 2, 0.005),
            (0, 1, 1, 0.0005),
        ],
    ),
    "min_lr": (
        {"patience": 1, "min_lr": 0.01},
        [1] * 6,
        [(0, 1, 0, 0.5), (0, 1, 0, 0.5), (0, 1, 0, 0.05), (1, 1, 0, 0.01), (2, 1, 0, 0.01), (3, 1, 0, 0.01)],
    ),
    "min_delta": (
        {"patience": 1, "min_delta": 0.15},
        [1, 0.9, 0.8],
        [(0, 1, 0, 0.5), (0, 1, 0, 0.5), (0, 0.8, 0, 0.05)],
    ),
    "default min_delta": (
        {"patience": 1},
        [1, 0.99995, 0.9998],
        [(0, 1, 0, 0.5), (0, 1, 0, 0.5), (0, 0.9998, 0, 0.05)],
    ),
    "no patience": ({"patience": 0}, [1, 1, 1], [(0, 1, 0, 0.5), (0, 1, 0, 0.5), (0, 1, 0, 0.05)]),
    "larger is better": (
        {"monitor": "val_accuracy", "patience": 1},
        [1, 2, 2, 1],
        [(0, 1, 0, 0.5), (0, 2, 0, 0.5), (0, 2, 0, 0.5), (0, 2, 0, 0.05)],
    ),
}


@pytest.mark.parametrize("case", PLATEAU)
def test_reduce_lr_on_plateau_as_keras(case):
    options, values, expected = PLATEAU[case]
    callback = ReduceLROnPlateau(**options)
    callback.set_model(Model())
    callback.on_train_begin()
    for epoch, (value, (*state, rate)) in enumerate(zip(values, expected, strict=True)):
        logs = {callback.monitor: value}
        callback.on_epoch_end(epoch, logs)
        assert [callback.wait, callback.best, callback.cooldown_counter] == state
        assert logs["learning_rate"] == pytest.approx(rate, rel=1e-6)


def test_reduce_lr_on_plateau_tells(capsys):
    drive(ReduceLROnPlateau(patience=1, min_lr=0.01, verbose=1), [1] * 5)
    assert capsys.readouterr().out == (
        "\nEpoch 2: ReduceLROnPlateau reducing learning rate to 0.05.\n"
        "\nEpoch 3: ReduceLROnPlateau reducing learning rate to 0.01.\n"
    )
    with pytest.warns(UserWarning, match="ReduceLROnPlateau needs 'val_loss'"):
        drive(ReduceLROnPlateau(), [None])
    with pytest.raises(ArgumentError, match="below 1"):
        ReduceLROnPlateau(factor=1.0)
    with pytest.raises(TypeError):
        ReduceLROnPlateau(epsilon=0.1)


@pytest.mark.parametrize(
    ("schedule", "rates"),
    [
        (lambda epoch, rate: rate * 0.5, [0.25, 0.125]),
        (lambda epoch: 0.1 * (epoch + 1), [0.1, 0.2]),
        (lambda epoch: np.float32(0.25), [0.25, 0.25]),
        (lambda epoch: np.array(0.25), [0.25, 0.25]),
        (lambda epoch: 1, [1, 1]),
        (lambda epoch, rate=None: 0.5 if rate is None else 0.125, [0.125, 0.125]),
    ],
)
def test_learning_rate_scheduler(schedule, rates, capsys):
    callback, model = LearningRateScheduler(schedule, verbose=1), Model()
    callback.set_model(model)
    for epoch, rate in enumerate(rates):
        callback.on_epoch_begin(epoch)
        logs: dict[str, float] = {}
        callback.on_epoch_end(epoch, logs)
        assert model.optimizer.learning_rate == logs["learning_rate"] == np.float32(rate)
    assert "\n\nEpoch 2: LearningRateScheduler setting learning rate to " in capsys.readouterr().out


@pytest.mark.parametrize("value", ["x", None, np.array([0.1]), True, object()])
def test_learning_rate_scheduler_wants_a_number(value):
    callback = LearningRateScheduler(lambda epoch: value)
    callback.set_model(Model())
    with pytest.raises(ArgumentError, match="must give a number"):
        callback.on_epoch_begin(0)


def test_a_mistake_in_a_schedule_is_not_hidden():
    """Keras tries again with one argument, and tells of the wrong mistake."""

    def schedule(epoch, rate):
        raise TypeError("inner")

    callback = LearningRateScheduler(schedule)
    callback.set_model(Model())
    with pytest.raises(TypeError, match="inner"):
        callback.on_epoch_begin(0)


# Recorded from Keras 3.15.1: what is saved in two or three epochs.
CHECKPOINTS = {
    "each epoch": ({}, "a.keras", [1, 0.9, 0.95], ["save a.keras"] * 3),
    "best": ({"save_best_only": True}, "a.keras", [1, 0.9, 0.95, 0.8], ["save a.keras"] * 3),
    "best, larger": ({"save_best_only": True, "mode": "max"}, "a.keras", [1, 2, 1], ["save a.keras"] * 2),
    "threshold": (
        {"save_best_only": True, "initial_value_threshold": 0.45},
        "a.keras",
        [0.5, 0.4, 0.3],
        ["save a.keras"] * 2,
    ),
    "names": ({}, "b{epoch:02d}-{val_loss:.2f}.keras", [1, 0.9], ["save b01-1.00.keras", "save b02-0.90.keras"]),
    "weights": ({"save_weights_only": True}, "w.weights.h5", [1], ["save_weights w.weights.h5"]),
    "hdf5": ({}, "w.h5", [1], ["save w.h5"]),
    "monitor unknown and not needed": ({"monitor": "foo"}, "a.keras", [1], ["save a.keras"]),
}


@pytest.mark.parametrize("case", CHECKPOINTS)
def test_checkpoints_as_keras(case, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options, path, values, expected = CHECKPOINTS[case]
    model = Model()
    drive(ModelCheckpoint(path, **options), values, model)
    assert [" ".join(entry) for entry in model.done] == expected


def test_checkpoints_every_so_many_batches(tmp_path):
    """Recorded from Keras 3.15.1: two epochs of 5 batches."""
    callback, model = ModelCheckpoint(tmp_path / "s{epoch}-{batch}.keras", save_freq=2), Model()
    callback.set_model(model)
    callback.on_train_begin()
    for epoch in range(2):
        callback.on_epoch_begin(epoch)
        for batch in range(5):
            callback.on_train_batch_end(batch, {"loss": 1.0})
        callback.on_epoch_end(epoch, {"loss": 1.0})
    names = [path.rpartition("/")[2] for _, path in model.done]
    assert names == ["s1-2.keras", "s1-4.keras", "s2-1.keras", "s2-3.keras", "s2-5.keras"]


def test_only_a_checkpoint_by_batches_makes_batches_wait():
    assert not CallbackList([ModelCheckpoint("a.keras")]).watches_batches("train")
    assert CallbackList([ModelCheckpoint("a.keras", save_freq=2)]).watches_batches("train")


def test_checkpoints_make_folders_and_tell(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    drive(ModelCheckpoint("x/y/w.keras", verbose=1, save_best_only=True), [1, 0.9, 0.95])
    assert (tmp_path / "x" / "y").is_dir()
    assert capsys.readouterr().out == (
        "\nEpoch 1: val_loss improved from None to 1.00000, saving model to x/y/w.keras\n"
        "\nEpoch 2: val_loss improved from 1.00000 to 0.90000, saving model to x/y/w.keras\n"
        "\nEpoch 3: val_loss did not improve from 0.90000\n"
    )
    drive(ModelCheckpoint("a.keras", verbose=1), [1])
    assert capsys.readouterr().out == "\nEpoch 1: saving model to a.keras\n"


def test_a_best_checkpoint_without_its_value_saves_all_the_same():
    model = Model()
    with pytest.warns(UserWarning, match="ModelCheckpoint needs 'val_loss'"):
        drive(ModelCheckpoint("a.keras", save_best_only=True), [1, None, 0.5], model)
    assert len(model.done) == 3


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        ({"filepath": "dir/w"}, "ends in '.keras'"),
        ({"filepath": "w.h5", "save_weights_only": True}, "ends in '.weights.h5' with save_weights_only"),
        ({"filepath": "w.keras", "save_freq": "x"}, "'epoch' or a number"),
        ({"filepath": "w.keras", "save_freq": 2.5}, "'epoch' or a number"),
        ({"filepath": "w.keras", "save_freq": 0}, "'epoch' or a number"),
    ],
)
def test_illegal_checkpoints(arguments, what):
    with pytest.raises(ArgumentError, match=what):
        ModelCheckpoint(**arguments)


def test_a_checkpoint_name_with_an_unknown_value():
    with pytest.raises(ArgumentError) as caught:
        drive(ModelCheckpoint("{epoch}-{mae:.2f}.keras"), [1])
    assert caught.value.hint == "the logs have epoch, val_loss"


def test_lambda_callback():
    seen: list[tuple] = []
    callback = LambdaCallback(
        on_epoch_begin=lambda epoch, logs: seen.append(("epoch", epoch)),
        on_train_batch_end=lambda batch, logs: seen.append(("batch", batch)),
        on_test_begin=lambda logs: seen.append(("test",)),
        on_epoch_end=None,
    )
    train([callback])
    assert seen == [("epoch", 0), ("batch", 0), ("batch", 1), ("batch", 2), ("test",)]
    with pytest.raises(ArgumentError, match="no hook on_epoch"):
        LambdaCallback(on_epoch=print)


@pytest.mark.parametrize("loss", [NAN, math.inf])
def test_terminate_on_nan(loss, capsys):
    callback, model = TerminateOnNaN(), Model()
    callback.set_model(model)
    callback.on_train_batch_end(2, {"loss": 1.0})
    callback.on_train_batch_end(2, {})
    assert not model.stop_training
    callback.on_train_batch_end(3, {"loss": loss})
    assert model.stop_training
    assert capsys.readouterr().out == "Batch 3: Invalid loss, terminating training\n"
    with pytest.raises(RuntimeError, match="batch 5"):
        TerminateOnNaN(raise_error=True).on_train_batch_end(5, {"loss": loss})


def test_csv_logger(tmp_path):
    """Recorded from Keras 3.15.1, but for the numbers."""
    path = tmp_path / "log.csv"

    def run(callback, *logs):
        callback.on_train_begin()
        for epoch, values in enumerate(logs):
            callback.on_epoch_end(epoch, values)
        callback.on_train_end()

    run(
        CSVLogger(path),
        {"loss": 0.5, "accuracy": 1.0},
        {"loss": 0.25, "accuracy": 1.0, "val_accuracy": 0.5, "val_loss": 2.0},
    )
    first = "epoch,accuracy,loss,val_accuracy,val_loss\n0,1.0,0.5,NA,NA\n1,1.0,0.25,0.5,2.0\n"
    assert path.read_text() == first
    run(CSVLogger(path, append=True, separator=";"), {"loss": 0.125, "accuracy": 1.0})
    assert path.read_text() == first + "0;1.0;0.125;NA;NA\n"
    run(CSVLogger(path), {"loss": 1.0, "learning_rate": 0.1})
    assert path.read_text() == "epoch,learning_rate,loss,val_loss\n0,0.1,1.0,NA\n"
    run(CSVLogger(tmp_path / "new.csv", append=True), {"loss": 1.0})
    assert (tmp_path / "new.csv").read_text() == "epoch,loss,val_loss\n0,1.0,NA\n"


class Number:
    """A scalar on a device."""

    waits = 0

    def __init__(self, value: float) -> None:
        self._value = value

    def __float__(self) -> float:
        Number.waits += 1
        return float(self._value)


def train(callbacks, epochs=1, model=None, **options):
    """Train a fake model for 3 batches an epoch, with validation of one batch."""
    Number.waits = 0
    hooks = CallbackList(callbacks, add_history=True, model=model or Model(), verbose=0, epochs=epochs, steps=3)
    source = ArraySource([NamedArray("x", np.arange(5.0))], batch_size=2)
    held_out = ArraySource([NamedArray("x", np.arange(2.0))], batch_size=2)

    def step(batch):
        return {"loss": Number(batch.index), "accuracy": Number(0.5)}

    loop.fit(step, source, hooks, epochs=epochs, validate=lambda: loop.evaluate(step, held_out, hooks, **options))
    return hooks


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
