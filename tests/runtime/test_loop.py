"""The loops over fake steps: order of hooks, stopping, exceptions, steps of an epoch, and when the host waits."""

from __future__ import annotations

import numpy as np
import pytest

from kgc.compiler.errors import ArgumentError, DataError
from kgc.runtime import loop
from kgc.runtime.data.arrays import ArraySource
from kgc.runtime.data.batches import Batch, NamedArray
from kgc.runtime.hooks import as_floats


class Scalar:
    """A number on a device: counts how often the host waits for it."""

    waits = 0

    def __init__(self, value: float) -> None:
        self.value = value

    def __float__(self) -> float:
        Scalar.waits += 1
        return float(self.value)


@pytest.fixture(autouse=True)
def no_waits_yet():
    Scalar.waits = 0


class Recorder:
    """Hooks that write down what they are told, and may stop or raise at one of them."""

    def __init__(self, stop: tuple | None = None, fail: tuple | None = None, watch: bool = False) -> None:
        self.seen: list[tuple] = []
        self.flags: dict[str, bool] = {}
        self.last_logs: dict | None = None
        self._stop, self._fail, self._watch = stop, fail, watch

    def watches_batches(self, phase):
        return self._watch

    def stopped(self, phase):
        return self.flags.get(phase, False)

    def resume(self, phase):
        self.flags[phase] = False

    def aborted(self):
        self.seen.append(("aborted",))

    def __getattr__(self, name):
        if not name.startswith("on_"):
            raise AttributeError(name)

        def hook(*args):
            key = (name.removeprefix("on_"), *(a for a in args if isinstance(a, int)))
            self.seen.append(key)
            self.last_logs = args[-1] if args and isinstance(args[-1], dict) else None
            if key == self._stop:
                self.flags[name.split("_")[1] if "predict" in name or "test" in name else "train"] = True
            if key == self._fail:
                raise KeyboardInterrupt

        return hook


def source(rows: int = 5, size: int = 2) -> ArraySource:
    return ArraySource([NamedArray("x", np.arange(rows, dtype="f4"))], batch_size=size)


class Training:
    """A step that counts itself; its logs are running means, as those of a real step."""

    def __init__(self, fail_at: int | None = None) -> None:
        self.batches: list[Batch] = []
        self.epochs: list[int] = []
        self._fail_at = fail_at

    def begin(self, epoch: int) -> None:
        self.epochs.append(epoch)

    def step(self, batch: Batch) -> dict[str, Scalar]:
        if len(self.batches) == self._fail_at:
            raise FloatingPointError("step")
        self.batches.append(batch)
        return {"loss": Scalar(len(self.batches)), "accuracy": Scalar(0.5)}


EPOCH = [
    ("epoch_begin", 0),
    ("train_batch_begin", 0),
    ("train_batch_end", 0),
    ("train_batch_begin", 1),
    ("train_batch_end", 1),
    ("train_batch_begin", 2),
    ("train_batch_end", 2),
    ("test_begin",),
    ("test_batch_begin", 0),
    ("test_batch_end", 0),
    ("test_batch_begin", 1),
    ("test_batch_end", 1),
    ("test_end",),
    ("epoch_end", 0),
]


def fit(training: Training, hooks: Recorder, rows: int = 5, **options) -> dict:
    def validate():
        return loop.evaluate(lambda batch: {"loss": Scalar(7)}, source(3), hooks)

    options.setdefault("validate", validate)
    return loop.fit(training.step, source(rows), hooks, begin_epoch=training.begin, **options)


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


def test_batches_are_numbered_and_chunks_count_their_steps():
    training, hooks = Training(), Recorder()
    loop.fit(training.step, source(11, 2), hooks, chunk=2, epochs=2)
    assert [(b.index, b.steps) for b in training.batches] == [(0, 2), (2, 2), (4, 1), (5, 1)] * 2
    assert [key for key in hooks.seen if "batch" in key[0]] == [
        ("train_batch_begin", 0),
        ("train_batch_end", 1),
        ("train_batch_begin", 2),
        ("train_batch_end", 3),
        ("train_batch_begin", 4),
        ("train_batch_end", 4),
        ("train_batch_begin", 5),
        ("train_batch_end", 5),
    ] * 2


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


class OneShot:
    """A source that gives its batches once, as a generator does."""

    rows = None
    steps = None

    def __init__(self, *batches: Batch) -> None:
        self._batches = iter(batches)

    def batches(self, epoch, chunk=1):
        return self._batches


def test_data_that_give_nothing():
    batch = Batch(x=(np.ones(2),), y=(), weights=(), rows=2)
    with pytest.raises(DataError, match="no batch"):
        loop.fit(Training().step, OneShot(batch), Recorder(), epochs=2)
    with pytest.raises(DataError, match="no batch"):
        loop.evaluate(Training().step, OneShot(), Recorder())
    with pytest.raises(DataError, match="no batch"):
        loop.predict(lambda b: [b.x[0]], OneShot(), Recorder(), steps=3)


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


def test_evaluate():
    hooks, begun = Recorder(), []
    logs = loop.evaluate(lambda b: {"loss": Scalar(b.index), "acc": 1}, source(), hooks, begin=lambda: begun.append(1))
    assert logs == {"acc": 1.0, "loss": 2.0} and list(logs) == ["acc", "loss"] and begun == [1]
    assert hooks.last_logs is logs
    assert Scalar.waits == 1
    assert loop.evaluate(lambda b: {"loss": Scalar(b.index)}, source(), hooks, steps=2) == {"loss": 1.0}
    with pytest.warns(UserWarning, match="after 3 of 9 steps"):
        loop.evaluate(lambda b: {}, source(), hooks, steps=9)


def test_predict_joins_every_output():
    hooks = Recorder()
    a, b = loop.predict(lambda batch: (batch.x[0] * 2, np.stack([batch.x[0]] * 3, 1).astype(int)), source(5, 2), hooks)
    assert a.tolist() == [0, 2, 4, 6, 8] and a.dtype == np.float32
    assert b.tolist() == [[i] * 3 for i in range(5)] and b.dtype == int
    assert a.flags.writeable
    assert [k for k in hooks.seen if k[0] == "predict_batch_end"] == [("predict_batch_end", i) for i in range(3)]


@pytest.mark.parametrize("steps", [None, 2])
def test_predict_without_knowing_the_rows(steps):
    (out,) = loop.predict(lambda batch: [batch.x[0]], source(5, 2), Recorder(), steps=steps)
    assert out.tolist() == [0, 1, 2, 3, 4][: None if steps is None else 4]


def test_predict_packs_and_shows_outputs_only_to_those_who_look():
    hooks = Recorder()
    assert (
        loop.predict(lambda b: [b.x[0]], source(2, 2), hooks, pack=lambda leaves: {"out": leaves[0]})["out"].size == 2
    )
    shown = []

    class Watcher(Recorder):
        def on_predict_batch_end(self, batch, logs):
            shown.append(logs["outputs"][0].tolist())

    hooks = Watcher(watch=True)
    loop.predict(lambda b: [b.x[0]], source(3, 2), hooks)
    assert shown == [[0, 1], [2]]


@pytest.mark.parametrize("per_row", [0.5, 2])
def test_outputs_whose_rows_are_not_those_of_the_inputs(per_row):
    """Twice as many rows as inputs, or one row a batch: joined all the same."""

    def step(batch):
        return [np.repeat(batch.x[0], 2) if per_row == 2 else batch.x[0][:1], batch.x[0]]

    a, b = loop.predict(step, source(6, 2), Recorder())
    assert a.tolist() == ([0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5] if per_row == 2 else [0, 2, 4])
    assert b.tolist() == [0, 1, 2, 3, 4, 5]


def test_outputs_that_change_after_the_first_batch():
    def widths(batch):
        return [np.zeros((batch.rows, 1 + (batch.index == 1)))]

    with pytest.raises(DataError, match="changes its shape"):
        loop.predict(widths, source(6, 2), Recorder())
    with pytest.raises(DataError, match="no batch axis"):
        loop.predict(lambda batch: [np.float32(1)], source(), Recorder())
    out = loop.predict(lambda b: [np.zeros(b.rows, "f4" if b.index else "f8")], source(6, 2), Recorder())
    assert out[0].dtype == np.float64


def test_predict_copies_to_the_host_while_later_steps_run():
    log = []

    class Device:
        def __init__(self, i):
            self.i = i

        def copy_to_host_async(self):
            log.append(f"ask {self.i}")

        def __array__(self, dtype=None, copy=None):
            log.append(f"take {self.i}")
            return np.full(2, self.i)

    (out,) = loop.predict(lambda batch: [Device(batch.index)], source(8, 2), Recorder())
    assert out.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert log == ["ask 0", "ask 1", "ask 2", "take 0", "ask 3", "take 1", "take 2", "take 3"]


def test_logs_become_floats_in_alphabetical_order():
    asked = []

    class Device(Scalar):
        def copy_to_host_async(self):
            asked.append(Scalar.waits)

    logs = as_floats({"z": Device(1), "a": Device(2), "text": "x", "none": None, "many": np.arange(2)})
    assert list(logs) == ["a", "many", "none", "text", "z"]
    assert (logs["a"], logs["z"], logs["text"], logs["none"]) == (2.0, 1.0, "x", None)
    assert logs["many"].tolist() == [0, 1]
    assert asked == [0, 0], "all are asked for before the first is waited for"
