"""Callbacks that watch a value, and the learning rate's: each epoch against lists recorded from Keras 3.15.1."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from kgc.compiler.errors import ArgumentError
from kgc.frontend.callbacks import (
    EarlyStopping,
    LearningRateScheduler,
    ModelCheckpoint,
    ReduceLROnPlateau,
)

from .driving import NAN, Model, drive

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
