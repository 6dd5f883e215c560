"""Fake steps, a source, and hooks that write down what they are told."""

from __future__ import annotations

import numpy as np

from kgc.runtime import loop
from kgc.runtime.data.arrays import ArraySource
from kgc.runtime.data.batches import Batch, NamedArray


class Scalar:
    """A number on a device: counts how often the host waits for it."""

    waits = 0

    def __init__(self, value: float) -> None:
        self.value = value

    def __float__(self) -> float:
        Scalar.waits += 1
        return float(self.value)


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
