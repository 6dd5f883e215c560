"""compile(steps_per_execution=n): the numbers of single steps, and hooks once for n of them."""

from __future__ import annotations

import numpy as np
import pytest

import kgc
from kgc import layers
from kgc.runtime.step import TrainStep

RNG = np.random.default_rng(0)
X, Y = RNG.random((22, 3)).astype("f4"), RNG.random((22, 1)).astype("f4")


def net(*around):
    """A small model; `around` are layers in its middle."""
    kgc.utils.set_random_seed(0)
    x = kgc.Input((3,))
    h = layers.Dropout(0.5)(x)
    for layer in around:
        h = layer(h)
    return kgc.Model(x, layers.Dense(1)(h))


class Told(kgc.callbacks.Callback):
    """Numbers and losses of the hooks."""

    def __init__(self):
        super().__init__()
        self.seen, self.losses = [], []

    def on_train_batch_begin(self, batch, logs=None):
        self.seen.append(("begin", batch))

    def on_train_batch_end(self, batch, logs=None):
        self.seen.append(("end", batch))
        self.losses.append((batch, (logs or {})["loss"]))

    def on_test_batch_end(self, batch, logs=None):
        self.seen.append(("test", batch))

    def on_predict_batch_end(self, batch, logs=None):
        self.seen.append(("predict", batch, (logs or {})["outputs"].shape))


def run(steps, model, told=None, **options):
    kgc.utils.set_random_seed(1)
    optimizer = kgc.optimizers.SGD(kgc.optimizers.schedules.ExponentialDecay(0.1, 5, 0.5), momentum=0.9)
    model.compile(optimizer, "mse", metrics=["mae"], steps_per_execution=steps)
    options = {"batch_size": 2, "epochs": 2, **options}
    history = model.fit(X, Y, verbose=0, callbacks=[told or Told()], **options).history
    return [*history["loss"], *history["mae"], *model.get_weights(), *(v.numpy() for v in optimizer.variables)]


@pytest.mark.parametrize(
    ("steps", "options"),
    [(3, {}), (3, {"batch_size": 4}), (30, {"epochs": 1}), (3, {"steps_per_epoch": 7, "epochs": 3})],
    ids=str,
)
def test_the_numbers_are_those_of_single_steps(steps, options):
    """Random numbers, metrics, state, a schedule and momentum go on from step to step."""
    model = net(*([layers.BatchNormalization()] if not options else []))
    weights = model.get_weights()
    if "steps_per_epoch" in options:
        options = {**options, "batch_size": 1}  # 21 of 22 steps
    wanted = run(1, model, **options)
    model.set_weights(weights)
    found = run(steps, model, **options)
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_hooks_are_called_once_for_each_execution():
    """Recorded from Keras 3.15.1, which numbers the last end as though its execution were whole: ("end", 11)."""
    model, told, single = net(), Told(), Told()
    run(3, model, told, batch_size=2, epochs=1)
    assert told.seen == [("begin", 0), ("end", 2), ("begin", 3), ("end", 5), ("begin", 6), ("end", 8), ("begin", 9), (
        "end", 10)]  # fmt: skip
    model = net()
    run(1, model, single, batch_size=2, epochs=1)
    assert [loss for _, loss in told.losses] == pytest.approx([dict(single.losses)[at] for at in (2, 5, 8, 10)])


def test_evaluate_and_predict():
    model, told = net(), Told()
    model.compile("sgd", "mse", steps_per_execution=4)
    single = model.evaluate(X, Y, batch_size=22, verbose=0)
    assert model.evaluate(X, Y, batch_size=2, verbose=0, callbacks=[told]) == pytest.approx(single)
    out = model.predict(X, batch_size=3, verbose=0, callbacks=[told])
    assert told.seen == [("test", 3), ("test", 7), ("test", 10), ("predict", 3, (12, 1)), ("predict", 7, (10, 1))]
    np.testing.assert_allclose(out, model.predict(X, verbose=0), rtol=1e-6)


def test_a_generator_is_stacked_too(monkeypatch):
    counted = []
    before = TrainStep._run
    monkeypatch.setattr(TrainStep, "_run", lambda self, d, a, steps: counted.append(steps) or before(self, d, a, steps))
    model = net()
    model.compile("sgd", "mse", steps_per_execution=3)
    parts = [(X[i : i + 2], Y[i : i + 2]) for i in range(0, 22, 2)]
    model.fit(iter([*parts, (X[:1], Y[:1])]), verbose=0)
    assert counted == [3, 3, 3, 1, 1, 1], "the last execution holds a batch of another size"


def test_convolutions_on_the_cpu_are_stepped_one_by_one(monkeypatch):
    """In a loop XLA computes the gradient of their weights many times slower."""
    counted = []
    before = TrainStep._run
    monkeypatch.setattr(TrainStep, "_run", lambda self, d, a, steps: counted.append(steps) or before(self, d, a, steps))
    model = net(layers.Reshape((3, 1)), layers.Conv1D(2, 2), layers.Flatten())
    weights = model.get_weights()
    wanted = run(1, model, batch_size=4)
    counted.clear()
    told = Told()
    model.set_weights(weights)
    found = run(3, model, told, batch_size=4)
    assert set(counted) == {1} and [batch for kind, batch in told.seen if kind == "end"] == [2, 5, 2, 5]
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(one, other)


def test_an_interrupt_leaves_the_last_execution():
    class Stop(kgc.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 5:
                raise KeyboardInterrupt

    model = net()
    model.compile("sgd", "mse", steps_per_execution=3)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y, batch_size=2, verbose=0, shuffle=False, callbacks=[Stop()])
    assert int(model.optimizer.iterations.numpy()) == 6
    assert all(np.isfinite(weight).all() for weight in model.get_weights())


@pytest.mark.parametrize(
    "options", [{"steps_per_execution": 5}, {"run_eagerly": True}, {"jit_compile": False}], ids=str
)
def test_files_keep_how_steps_run(tmp_path, options):
    model = net()
    model.compile("sgd", "mse", **options)
    model.save(tmp_path / "model.keras")
    again = kgc.models.load_model(tmp_path / "model.keras")
    names = ("steps_per_execution", "run_eagerly", "jit_compile")
    assert [getattr(again, name) for name in names] == [getattr(model, name) for name in names]
