"""Callbacks that watch a value: which way is better, whether it got better, and what to do when it does not."""

from __future__ import annotations

import warnings
from typing import Any, Literal

import numpy as np

from ..compiler.errors import ArgumentError
from .callback import Callback

Logs = dict[str, Any]

# The last word of a name decides where no metric of the model says which way is better.
_SMALLER = frozenset(
    "loss error mse mae mape msle rmse crossentropy divergence hinge perplexity poisson logcosh".split()
)
_LARGER = frozenset("accuracy acc auc precision recall iou score similarity specificity sensitivity".split())


class MonitorCallback(Callback):
    """A callback that watches one value of the logs.

    Args:
        monitor: name of the value.
        mode: "min" if smaller is better, "max" if larger is; "auto" asks the model's metrics, then the name.
        initial_value: the value to beat; None if any value is better.
        min_delta: what counts as better must be better by more than this; its sign plays no part.

    Raises ArgumentError for another `mode`.
    """

    def __init__(
        self, monitor: str = "val_loss", mode: str = "auto", initial_value: float | None = None, min_delta: float = 0
    ) -> None:
        super().__init__()
        if mode not in ("auto", "min", "max"):
            raise ArgumentError(
                f"`mode` of {type(self).__name__} is 'auto', 'min' or 'max'",
                received=f"mode={mode!r}",
                hint="'min' for a loss, 'max' for an accuracy",
            )
        self.monitor = monitor
        self.mode = mode
        self.best: Any = initial_value
        self.min_delta = min_delta
        self._direction: Literal["min", "max"] | None = None

    def set_model(self, model: Any) -> None:
        """Another model may have other metrics."""
        super().set_model(model)
        self._direction = None

    def improved(self, value: Any, best: Any) -> bool:
        """Whether `value` is better than `best`. Anything is better than None, and a number better than NaN.

        Raises ArgumentError if `mode` is "auto" and nothing tells which way is better.
        """
        if self._direction is None:
            self._direction = self._find_direction()
        if best is None:
            return True
        if best != best:
            return bool(value == value)
        margin = abs(self.min_delta)
        return bool(value < best - margin if self._direction == "min" else value > best + margin)

    def current(self, logs: Logs | None, purpose: str) -> Any:
        """The monitored value, or None and a warning that `purpose` cannot do without it."""
        value = (logs or {}).get(self.monitor)
        if value is None:
            names = ", ".join(sorted(logs or {})) or "none"
            warnings.warn(f"{purpose} needs '{self.monitor}', which is not in the logs: {names}", stacklevel=4)
        return value

    def _find_direction(self) -> Literal["min", "max"]:
        if self.mode == "min" or self.mode == "max":
            return self.mode
        name = self.monitor.removeprefix("val_")
        for metric in getattr(self.model, "metrics", None) or ():
            own = getattr(metric, "name", None)
            direction = getattr(metric, "_direction", None)
            if own and direction in ("up", "down") and (name == own or name.endswith(f"_{own}")):
                return "max" if direction == "up" else "min"
        # A second metric of one kind is called auc_1.
        word = name.rstrip("_0123456789").rpartition("_")[2]
        if word in _SMALLER:
            return "min"
        if word in _LARGER:
            return "max"
        raise ArgumentError(
            f"{type(self).__name__} cannot tell whether a smaller or a larger '{self.monitor}' is better",
            received="mode='auto'",
            hint="give mode='min' or mode='max'",
        )


class EarlyStopping(MonitorCallback):
    """Stops the training when a value has stopped getting better.

    Args:
        monitor: name of the value in the logs.
        min_delta: what counts as better must be better by more than this.
        patience: epochs without anything better after which the training stops.
        verbose: 1 prints when it stops.
        mode: "min", "max" or "auto".
        baseline: a value that must be beaten too for the patience to start anew.
        restore_best_weights: give the model the weights of its best epoch at the end of the training, however it ends.
        start_from_epoch: epochs at the start that are not watched.

    Attributes:
        best, best_epoch: the best value and its epoch (from 0).
        stopped_epoch: epoch in which it stopped the training; 0 if it did not.
        wait: epochs since the last better value.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        super().__init__(monitor, mode, min_delta=min_delta)
        self.patience = patience
        self.verbose = verbose
        self.baseline = baseline
        self.restore_best_weights = restore_best_weights
        self.start_from_epoch = start_from_epoch
        self._reset()

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._reset()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        value = self.current(logs, "EarlyStopping")
        if value is None or epoch < self.start_from_epoch:
            return
        self.wait += 1
        if self.improved(value, self.best):
            self.best, self.best_epoch = value, epoch
            if self.restore_best_weights:
                self.best_weights = self.model.get_weights()
            if self.baseline is None or self.improved(value, self.baseline):
                self.wait = 0
        elif self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: Logs | None = None) -> None:
        if self.stopped_epoch > 0 and self.verbose > 0:
            print(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.restore_best_weights and self.best_weights is not None:
            if self.verbose > 0:
                print(f"Restoring model weights from the end of the best epoch: {self.best_epoch + 1}.")
            self.model.set_weights(self.best_weights)

    def _reset(self) -> None:
        self.wait = 0
        self.stopped_epoch = 0
        self.best: Any = None
        self.best_epoch = 0
        self.best_weights: list[np.ndarray] | None = None


class ReduceLROnPlateau(MonitorCallback):
    """Lowers the learning rate when a value has stopped getting better, and adds "learning_rate" to the logs.

    Args:
        monitor: name of the value in the logs.
        factor: the new learning rate is the old one times this; below 1.
        patience: epochs without anything better after which the learning rate is lowered.
        verbose: 1 prints it.
        mode: "min", "max" or "auto".
        min_delta: what counts as better must be better by more than this.
        cooldown: epochs after a lowering in which nothing is counted.
        min_lr: the learning rate never goes below this.

    Raises ArgumentError for a factor of 1 or more.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
    ) -> None:
        super().__init__(monitor, mode, min_delta=min_delta)
        if factor >= 1.0:
            raise ArgumentError(
                "`factor` of ReduceLROnPlateau is below 1",
                received=f"factor={factor!r}",
                hint="the learning rate is multiplied by it",
            )
        self.factor = factor
        self.patience = patience
        self.verbose = verbose
        self.cooldown = cooldown
        self.min_lr = min_lr
        self._reset()

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._reset()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        logs = {} if logs is None else logs
        rate = learning_rate(self.model.optimizer)
        logs["learning_rate"] = rate
        value = self.current(logs, "ReduceLROnPlateau")
        if value is None:
            return
        if self.in_cooldown():
            self.cooldown_counter -= 1
            self.wait = 0
        if self.improved(value, self.best):
            self.best = value
            self.wait = 0
        elif not self.in_cooldown():
            self.wait += 1
            # The rate is a float32: compared with a Python float it would never quite be `min_lr`.
            if self.wait >= self.patience and rate > np.float32(self.min_lr):
                lower = max(rate * self.factor, self.min_lr)
                self.model.optimizer.learning_rate = lower
                if self.verbose > 0:
                    print(f"\nEpoch {epoch + 1}: ReduceLROnPlateau reducing learning rate to {lower}.")
                self.cooldown_counter = self.cooldown
                self.wait = 0

    def in_cooldown(self) -> bool:
        """Whether a lowering was so short ago that nothing is counted."""
        return self.cooldown_counter > 0

    def _reset(self) -> None:
        self.best: Any = None
        self.wait = 0
        self.cooldown_counter = 0


def learning_rate(optimizer: Any) -> float:
    """An optimizer's present learning rate."""
    rate = optimizer.learning_rate
    return float(rate.numpy() if hasattr(rate, "numpy") else rate)
