"""The loop of fit over fake steps: order of hooks, stopping, exceptions, steps of an epoch, when the host waits."""

from __future__ import annotations

from contextlib import nullcontext

import numpy as np
import pytest

from kgc.compiler.errors import ArgumentError, DataError
from kgc.runtime import loop
from kgc.runtime.data.batches import Batch, Source

from .loops import EPOCH, Recorder, Scalar, Training, fit, source


@pytest.fixture(autouse=True)
def no_waits_yet():
    Scalar.waits = 0


def test_fit_calls_what_keras_calls():
    """Recorded from Keras 3.15.1: fit of 5 rows in batches of 2, validation of 3 rows in batches of 2."""
    hooks, training = Recorder(), Training()
    logs = fit(training, hooks, epochs=2)
    second = [(name, 1) if name.startswith("epoch") else (name, *rest) for name, *rest in EPOCH]
    assert hooks.seen == [("train_begin",), *EPOCH, *second, ("train_end",)]
    assert training.epochs == [0, 1]
    assert list(logs.items()) == [("accuracy", 0.5), ("loss", 6.0), ("val_loss", 7.0)]
    assert hooks.last_logs is logs


def test_no_epoch_is_left():
    hooks = Recorder()
    assert fit(Training(), hooks, epochs=2, initial_epoch=2) == {}
    assert hooks.seen == [("train_begin",), ("train_end",)]


def test_epochs_are_numbered_from_the_initial_one():
    training, hooks = Training(), Recorder()
    fit(training, hooks, epochs=5, initial_epoch=3, validate=None)
    assert training.epochs == [3, 4]
    assert [key for key in hooks.seen if key[0] == "epoch_end"] == [("epoch_end", 3), ("epoch_end", 4)]


# Recorded from Keras 3.15.1: what is still called after `stop_training = True` in a hook of the first of two epochs.
@pytest.mark.parametrize(
    ("stop", "batches"),
    [
        (("train_begin",), 1),
        (("epoch_begin", 0), 1),
        (("train_batch_begin", 1), 2),
        (("train_batch_end", 1), 2),
        (("epoch_end", 0), 3),
    ],
    ids=str,
)
def test_stopping(stop, batches):
    hooks, training = Recorder(stop=stop), Training()
    fit(training, hooks, epochs=2)
    assert hooks.seen == [("train_begin",), *EPOCH[: 1 + 2 * batches], *EPOCH[7:], ("train_end",)]
    assert len(training.batches) == batches


def test_a_new_fit_forgets_the_stop():
    hooks, training = Recorder(), Training()
    hooks.flags["train"] = True
    fit(training, hooks, validate=None)
    assert len(training.batches) == 3


def test_stopping_evaluate_and_predict():
    hooks = Recorder(stop=("test_batch_end", 0))
    loop.evaluate(lambda batch: {}, source(), hooks)
    assert hooks.seen == [("test_begin",), ("test_batch_begin", 0), ("test_batch_end", 0), ("test_end",)]
    hooks = Recorder(stop=("predict_batch_end", 1))
    (out,) = loop.predict(lambda batch: [batch.x[0]], source(), hooks)
    assert out.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    "fail",
    [
        ("train_begin",),
        ("epoch_begin", 0),
        ("train_batch_begin", 1),
        ("train_batch_end", 1),
        ("test_batch_end", 0),
        ("test_end",),
        ("epoch_end", 0),
        ("train_end",),
    ],
    ids=str,
)
def test_after_an_exception_in_a_hook_no_hook_is_called(fail):
    """As in Keras: no `on_train_end`; and the same source and hooks serve a second fit."""
    hooks, training = Recorder(fail=fail), Training()
    with pytest.raises(KeyboardInterrupt):
        fit(training, hooks)
    called = [key for key in hooks.seen if key != ("aborted",)]
    assert called[-1] == fail and hooks.seen[-1] == ("aborted",)
    hooks.seen, hooks._fail = [], None
    fit(training, hooks)
    assert hooks.seen == [("train_begin",), *EPOCH, ("train_end",)]


def test_an_exception_in_a_step_leaves_the_steps_before():
    hooks, training = Recorder(), Training(fail_at=1)
    with pytest.raises(FloatingPointError):
        fit(training, hooks)
    assert hooks.seen == [("train_begin",), *EPOCH[:4], ("aborted",)]
    assert len(training.batches) == 1
    for run in (loop.evaluate, loop.predict):
        hooks = Recorder()
        with pytest.raises(FloatingPointError):
            run(Training(fail_at=0).step, source(), hooks)
        assert hooks.seen[-1] == ("aborted",) and len(hooks.seen) == 3


def test_the_host_waits_once_an_epoch():
    training = Training()
    loop.fit(training.step, source(200, 2), Recorder(), epochs=3)
    assert len(training.batches) == 300
    assert Scalar.waits == 3 * 2, "one wait for each of the two values at the end of each epoch"


def batch_hooks(hooks: Recorder) -> list[tuple]:
    return [(key[0].removeprefix("train_batch_"), key[1]) for key in hooks.seen if "train_batch" in key[0]]


def test_batch_hooks_are_called_once_for_each_execution():
    """As Keras 3.15.1, but that it counts the last one as though it were whole."""
    training, hooks = Training(), Recorder()
    loop.fit(training.step, source(11, 2), hooks, per_execution=4, epochs=2)
    assert [(b.index, b.steps) for b in training.batches] == [(0, 4), (4, 1), (5, 1)] * 2
    assert batch_hooks(hooks) == [("begin", 0), ("end", 3), ("begin", 4), ("end", 5)] * 2


@pytest.mark.parametrize(("stack", "steps"), [(True, [3, 1, 1, 3, 1, 1]), (False, [1] * 10)])
def test_executions_are_as_long_where_an_epoch_is_a_part_of_the_data(stack, steps):
    training, hooks = Training(), Recorder()
    loop.fit(training.step, source(10, 1), hooks, per_execution=3, steps_per_epoch=5, epochs=2, stack=stack)
    assert [b.steps for b in training.batches] == steps
    assert batch_hooks(hooks) == [("begin", 0), ("end", 2), ("begin", 3), ("end", 4)] * 2
    assert np.concatenate([b.x[0].ravel() for b in training.batches]).tolist() == list(range(10))


def test_a_batch_of_another_size_is_not_stacked():
    training, hooks = Training(), Recorder()
    loop.fit(training.step, source(5, 2), hooks, per_execution=3)
    assert [(b.index, b.steps, b.rows) for b in training.batches] == [(0, 1, 2), (1, 1, 2), (2, 1, 1)]
    assert batch_hooks(hooks) == [("begin", 0), ("end", 2)]


def test_evaluate_and_predict_count_executions_too():
    hooks = Recorder(watch=True)
    loop.evaluate(Training().step, source(5, 1), hooks, per_execution=2)
    assert [key for key in hooks.seen if key[0] == "test_batch_end"] == [("test_batch_end", i) for i in (1, 3, 4)]
    seen = []
    hooks = Recorder(watch=True)
    hooks.on_predict_batch_end = lambda batch, logs: seen.append((batch, logs["outputs"][0].tolist()))
    result = loop.predict(lambda b: [b.x[0] * 2], source(5, 2), hooks, per_execution=2)
    assert seen == [(1, [0, 2, 4, 6]), (2, [8])]
    assert result[0].tolist() == [0, 2, 4, 6, 8]


# Recorded from Keras 3.15.1: validation of epochs 0 to 3.
@pytest.mark.parametrize(
    ("frequency", "epochs"), [(1, [0, 1, 2, 3]), (2, [1, 3]), ([1, 4], [0, 3]), ({2}, [1]), (np.int64(3), [2])]
)
def test_validation_frequency(frequency, epochs):
    validated = []
    training = Training()

    def validate():
        validated.append(training.epochs[-1])
        return {}

    fit(training, Recorder(), epochs=4, validate=validate, validation_freq=frequency)
    assert validated == epochs


# Recorded from Keras 3.15.1: steps of each epoch where one pass over the data has so many.
@pytest.mark.parametrize(
    ("available", "wanted", "epochs", "steps", "warned"),
    [
        (3, 2, 4, [2, 1, 2, 1], True),
        (3, 10, 3, [3, 3, 3], True),
        (4, 2, 5, [2, 2, 2, 2, 2], False),
        (3, 3, 2, [3, 3], False),
    ],
)
def test_steps_per_epoch(available, wanted, epochs, steps, warned):
    training, hooks = Training(), Recorder()

    def run():
        loop.fit(training.step, source(available, 1), hooks, epochs=epochs, steps_per_epoch=wanted)

    if warned:
        with pytest.warns(UserWarning, match="ran out"):
            run()
    else:
        run()
    starts = [i for i, key in enumerate(hooks.seen) if key[0] == "epoch_begin"]
    counted = [hooks.seen[a:b].count for a, b in zip(starts, [*starts[1:], None], strict=True)]
    assert [sum(count(("train_batch_end", i)) for i in range(10)) for count in counted] == steps
    assert [b.index for b in training.batches] == [i for n in steps for i in range(n)]


def test_an_epoch_goes_on_where_the_last_one_ended():
    training = Training()
    loop.fit(training.step, source(4, 1), Recorder(), epochs=3, steps_per_epoch=2)
    assert [b.x[0].tolist() for b in training.batches] == [[0], [1], [2], [3], [0], [1]]


class OneShot(Source):
    """A source that gives its batches once, as a generator does."""

    once = True

    def __init__(self, *batches: Batch) -> None:
        self._batches = iter(batches)

    @property
    def rows(self):
        return None

    @property
    def steps(self):
        return None

    def batches(self, epoch, chunk=1):
        return self._batches


def test_data_that_give_nothing():
    with pytest.raises(DataError, match="no batch"):
        loop.fit(Training().step, OneShot(), Recorder(), epochs=2)
    with pytest.raises(DataError, match="no batch"):
        loop.evaluate(Training().step, OneShot(), Recorder())
    with pytest.raises(DataError, match="no batch"):
        loop.predict(lambda b: [b.x[0]], OneShot(), Recorder(), steps=3)


# Steps of each epoch of a stream that has so many and cannot be read again, and what is said.
@pytest.mark.parametrize(
    ("available", "wanted", "steps", "said"),
    [
        (3, None, [3], "ended after 1 epoch,"),
        (4, 2, [2, 2], "ended after 2 epochs,"),
        (5, 2, [2, 2, 1], "ran out after 1 of 2 steps"),
        (1, 2, [1], "ran out after 1 of 2 steps"),
        (8, 2, [2, 2, 2, 2], None),
        (20, 2, [2, 2, 2, 2], None),
    ],
)
def test_training_ends_with_a_stream(available, wanted, steps, said):
    batches = [Batch(x=(np.ones(2),), y=(), weights=(), rows=2) for _ in range(available)]
    training, hooks, stream = Training(), Recorder(), OneShot(*batches)
    with pytest.warns(UserWarning, match=said) if said else nullcontext() as caught:
        loop.fit(training.step, stream, hooks, epochs=4, steps_per_epoch=wanted)
    assert said is None or len(caught) == 1
    ends = [key[1] for key in hooks.seen if key[0] == "epoch_end"]
    assert ends == list(range(len(steps))) and hooks.seen[-1] == ("train_end",)
    assert [b.index for b in training.batches] == [i for count in steps for i in range(count)]
    assert len(list(stream.batches(9))) == max(available - sum(steps), 0), "more was taken than was used"


def test_a_stream_is_closed_however_the_loop_ends():
    for end in ({}, {"fail": ("train_batch_end", 0)}, {"stop": ("train_batch_end", 0)}):
        stream = OneShot(*[Batch(x=(np.ones(2),), y=(), weights=(), rows=2) for _ in range(3)])
        closed = []
        stream.close = lambda closed=closed: closed.append(True)
        with pytest.raises(KeyboardInterrupt) if "fail" in end else nullcontext():
            loop.fit(Training().step, stream, Recorder(**end))
        assert closed == [True]


@pytest.mark.parametrize(
    "options",
    [
        {"epochs": 2.5},
        {"epochs": -1},
        {"initial_epoch": -1},
        {"steps_per_epoch": 0},
        {"validation_freq": 0},
        {"validation_freq": 1.5},
        {"validation_freq": "ab"},
        {"epochs": True},
    ],
    ids=str,
)
def test_illegal_arguments(options):
    with pytest.raises(ArgumentError) as caught:
        fit(Training(), Recorder(), **options)
    ((name, value),) = options.items()
    assert caught.value.received == f"{name}={value!r}"
