"""Saving a model while it trains."""

from __future__ import annotations

import operator
import os
import warnings
from typing import Any

from ..compiler.errors import ArgumentError
from .monitor import MonitorCallback

Logs = dict[str, Any]


class ModelCheckpoint(MonitorCallback):
    """Saves the model, or its weights, after epochs or every so many batches.

    Args:
        filepath: where to; ends in ".keras" (or ".h5"), and in ".weights.h5" with `save_weights_only`. May name
            `{epoch}` (from 1), `{batch}` (from 1, when saving by batches) and any value of the logs, with a format as
            in "{epoch:02d}-{val_loss:.2f}.keras". Folders are made.
        monitor: name of the value that decides what is best.
        verbose: 1 prints what is done.
        save_best_only: save only when the value is better than at any time before.
        save_weights_only: `model.save_weights` instead of `model.save`.
        mode: "min", "max" or "auto".
        save_freq: "epoch", or a number of batches, counted across epochs; the callback then reads every batch's logs.
        initial_value_threshold: with `save_best_only`, the value to beat from the start.

    Raises ArgumentError for another ending, `save_freq` or `mode`, and for a `filepath` that names what the logs have
    not.
    """

    def __init__(
        self,
        filepath: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: int | str = "epoch",
        initial_value_threshold: float | None = None,
    ) -> None:
        super().__init__(monitor, mode, initial_value_threshold)
        self.filepath = os.fspath(filepath)
        self.verbose = verbose
        self.save_best_only = save_best_only
        self.save_weights_only = save_weights_only
        self.save_freq = _check_frequency(save_freq)
        endings = (".weights.h5",) if save_weights_only else (".keras", ".h5")
        if not self.filepath.endswith(endings):
            raise ArgumentError(
                f"`filepath` of ModelCheckpoint ends in '{endings[0]}'" + " with save_weights_only" * save_weights_only,
                received=f"filepath={self.filepath!r}",
                hint="the ending says in which format the file is written",
            )
        self._epoch = 0
        self._batches = 0
        self._last_batch = -1
        if self.save_freq != "epoch":
            # Set on the object, for a batch hook that is overridden makes every batch wait for its result.
            self.on_train_batch_end = self._after_batch

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._epoch = epoch
        self._last_batch = -1

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if self.save_freq == "epoch":
            self._save(epoch, None, logs or {})

    def _after_batch(self, batch: int, logs: Logs | None = None) -> None:
        # A batch number may stand for several steps, which then are counted by the distance to the last one.
        self._batches += batch - self._last_batch
        self._last_batch = batch
        if self._batches >= int(self.save_freq):
            self._batches = 0
            self._save(self._epoch, batch, logs or {})

    def _save(self, epoch: int, batch: int | None, logs: Logs) -> None:
        path = self._path(epoch, batch, logs)
        say = f"\nEpoch {epoch + 1}: " if self.verbose > 0 else ""
        if self.save_best_only:
            value = logs.get(self.monitor)
            if value is None:
                warnings.warn(
                    f"ModelCheckpoint needs '{self.monitor}' to know what is best; it is not in the logs "
                    f"({', '.join(sorted(logs)) or 'none'}), and the model is saved anyway",
                    stacklevel=3,
                )
            elif not self.improved(value, self.best):
                if say:
                    print(f"{say}{self.monitor} did not improve from {self.best:.5f}")
                return
            else:
                before = "None" if self.best is None else f"{self.best:.5f}"
                self.best = value
                say = say and f"{say}{self.monitor} improved from {before} to {value:.5f}, "
        if say:
            print(f"{say}saving model to {path}")
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        save = self.model.save_weights if self.save_weights_only else self.model.save
        save(path, overwrite=True)

    def _path(self, epoch: int, batch: int | None, logs: Logs) -> str:
        known = {**logs, "epoch": epoch + 1} | ({} if batch is None else {"batch": batch + 1})
        try:
            return self.filepath.format(**known)
        except (KeyError, IndexError, ValueError) as error:
            raise ArgumentError(
                "`filepath` of ModelCheckpoint names a value that the logs do not have, or formats it wrongly",
                received=f"filepath={self.filepath!r}",
                hint=f"the logs have {', '.join(sorted(known))}",
            ) from error


def _check_frequency(save_freq: Any) -> int | str:
    if save_freq == "epoch":
        return "epoch"
    try:
        number = 0 if isinstance(save_freq, bool) else operator.index(save_freq)
    except TypeError:
        number = 0
    if number < 1:
        raise ArgumentError(
            "`save_freq` of ModelCheckpoint is 'epoch' or a number of batches",
            received=f"save_freq={save_freq!r}",
            hint="leave it out to save after every epoch",
        )
    return number
