"""The callbacks that come with kgc: arguments, defaults and effects are those of Keras 3."""

from __future__ import annotations

import csv
import inspect
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ..compiler.errors import ArgumentError
from .callback import HOOKS, Callback
from .callback_list import CallbackList, History
from .checkpoint import ModelCheckpoint
from .monitor import EarlyStopping, ReduceLROnPlateau, learning_rate
from .progress import ProgbarLogger

__all__ = [
    "CSVLogger",
    "Callback",
    "CallbackList",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "ModelCheckpoint",
    "ProgbarLogger",
    "ReduceLROnPlateau",
    "TerminateOnNaN",
]

Logs = dict[str, Any]


class LearningRateScheduler(Callback):
    """Sets the learning rate before each epoch, and adds "learning_rate" to the logs.

    Args:
        schedule: function of the epoch (from 0) and the present learning rate, or of the epoch only, that gives the
            new learning rate.
        verbose: 1 prints it.

    Raises ArgumentError if `schedule` gives something else than one number.
    """

    def __init__(self, schedule: Callable[..., Any], verbose: int = 0) -> None:
        super().__init__()
        self.schedule = schedule
        self.verbose = verbose

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        optimizer = self.model.optimizer
        arguments = (epoch, learning_rate(optimizer))
        rate = self.schedule(*(arguments if _takes_two(self.schedule) else arguments[:1]))
        value = _number(rate)
        if value is None:
            raise ArgumentError(
                "The schedule of LearningRateScheduler must give a number",
                received=f"{rate!r} for epoch {epoch}",
                hint="return the rate for that epoch, also where it does not change",
            )
        optimizer.learning_rate = value
        if self.verbose > 0:
            print(f"\nEpoch {epoch + 1}: LearningRateScheduler setting learning rate to {value}.")

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if logs is not None:
            logs["learning_rate"] = learning_rate(self.model.optimizer)


class LambdaCallback(Callback):
    """A callback made of functions.

    Args:
        on_epoch_begin, on_epoch_end: functions of the epoch and the logs.
        on_train_begin, on_train_end: functions of the logs.
        on_train_batch_begin, on_train_batch_end: functions of the batch and the logs.
        hooks: any other hook by its name, such as `on_test_end`.

    Raises ArgumentError for a name that is no hook.
    """

    def __init__(
        self,
        on_epoch_begin: Callable[..., Any] | None = None,
        on_epoch_end: Callable[..., Any] | None = None,
        on_train_begin: Callable[..., Any] | None = None,
        on_train_end: Callable[..., Any] | None = None,
        on_train_batch_begin: Callable[..., Any] | None = None,
        on_train_batch_end: Callable[..., Any] | None = None,
        **hooks: Callable[..., Any] | None,
    ) -> None:
        super().__init__()
        given = {
            "on_epoch_begin": on_epoch_begin,
            "on_epoch_end": on_epoch_end,
            "on_train_begin": on_train_begin,
            "on_train_end": on_train_end,
            "on_train_batch_begin": on_train_batch_begin,
            "on_train_batch_end": on_train_batch_end,
            **hooks,
        }
        for name, function in given.items():
            if name not in (*HOOKS, "on_batch_begin", "on_batch_end"):
                raise ArgumentError(f"There is no hook {name}", received=f"{name}={function!r}", hint=", ".join(HOOKS))
            if function is not None:
                setattr(self, name, function)


class TerminateOnNaN(Callback):
    """Stops the training after a batch whose loss is NaN or infinite. It reads the loss of every batch.

    Args:
        raise_error: raise RuntimeError instead.
    """

    def __init__(self, raise_error: bool = False) -> None:
        super().__init__()
        self.raise_error = raise_error

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        loss = (logs or {}).get("loss")
        if loss is None or math.isfinite(loss):
            return
        if self.raise_error:
            raise RuntimeError(f"The loss is {loss} after batch {batch}")
        print(f"Batch {batch}: Invalid loss, terminating training")
        self.model.stop_training = True


class CSVLogger(Callback):
    """Writes the logs of every epoch as a line of a CSV file; "NA" for values that an epoch does not have.

    The columns are the epoch, the names in the first epoch's logs in alphabetical order, and a "val_" name for each
    of them where there is none yet, since validation may come in later epochs only.

    Args:
        filename: the file.
        separator: between the columns.
        append: go on with an existing file instead of starting anew.
    """

    def __init__(self, filename: str | os.PathLike[str], separator: str = ",", append: bool = False) -> None:
        super().__init__()
        self.filename = os.fspath(filename)
        self.sep = separator
        self.append = append
        self.keys: list[str] | None = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.keys = None
        if not self.append:
            Path(self.filename).write_bytes(b"")

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        logs = logs or {}
        if self.keys is None:
            names = sorted(logs)
            validated = any(name.startswith("val_") for name in names)
            self.keys = names if validated else [*names, *(f"val_{n}" for n in names if n != "learning_rate")]
        # Opened for each line: the file is whole after every epoch, and nothing stays open after an exception.
        with open(self.filename, "a", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, delimiter=self.sep, lineterminator="\n")
            if not file.tell():
                writer.writerow(["epoch", *self.keys])
            writer.writerow([epoch, *(logs.get(name, "NA") for name in self.keys)])


def _number(value: Any) -> float | None:
    """A number, or an array of no dimension, as a float; None for anything else."""
    if value is None or isinstance(value, bool | str) or np.ndim(value):
        return None
    try:
        return float(value)
    except TypeError:
        return None


def _takes_two(schedule: Callable[..., Any]) -> bool:
    try:
        inspect.signature(schedule).bind(0, 0.0)
    except TypeError:
        return False
    except ValueError:
        return True
    return True
