"""A model and an optimizer that only remember, and a loop that drives one callback with given values."""

from __future__ import annotations

import numpy as np

from kgc.frontend.callback_list import CallbackList
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
