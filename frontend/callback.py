"""The base of all callbacks: every hook there is, doing nothing."""

from __future__ import annotations

from typing import Any

Logs = dict[str, Any]

TRAIN_BATCH_HOOKS = ("on_train_batch_begin", "on_train_batch_end")
TEST_BATCH_HOOKS = ("on_test_batch_begin", "on_test_batch_end")
PREDICT_BATCH_HOOKS = ("on_predict_batch_begin", "on_predict_batch_end")
PHASE_HOOKS = (
    "on_train_begin",
    "on_train_end",
    "on_test_begin",
    "on_test_end",
    "on_predict_begin",
    "on_predict_end",
    "on_epoch_begin",
    "on_epoch_end",
)
HOOKS = (*PHASE_HOOKS, *TRAIN_BATCH_HOOKS, *TEST_BATCH_HOOKS, *PREDICT_BATCH_HOOKS)
"""Names of all hooks that the loops call; `on_batch_begin` and `on_batch_end` are older names for the train ones."""


class Callback:
    """Something that is told how fit, evaluate and predict go on. Override the hooks you need.

    In every hook the model can be used: its weights can be read, set and saved, `model.stop_training = True` ends the
    training, `model.evaluate` evaluates. Values in `logs` are Python floats. What a hook adds to the `logs` of
    `on_epoch_end` is seen by the callbacks after it, by the History and in the progress bar.

    A batch hook that is not overridden costs nothing; one that is makes the training wait for every batch's result.

    Attributes:
        params: "verbose", "epochs" and "steps" (steps of an epoch; None if not known) of the running call.
        model: the model.
    """

    def __init__(self) -> None:
        self.params: dict[str, Any] | None = None
        self._model: Any = None

    @property
    def model(self) -> Any:
        """The model that is trained, evaluated or predicts; None outside a call."""
        return self._model

    def set_params(self, params: dict[str, Any]) -> None:
        """Called first, with what becomes `params`."""
        self.params = params

    def set_model(self, model: Any) -> None:
        """Called second, with what becomes `model`."""
        self._model = model

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Before the first epoch of fit. `logs` is empty."""

    def on_train_end(self, logs: Logs | None = None) -> None:
        """After the last epoch of fit, with its logs; not called when fit ends by an exception."""

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Before an epoch, counted from 0."""

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """After an epoch and its validation, with the epoch's logs and the validation's under "val_" names."""

    def on_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """An older name for `on_train_batch_begin`."""

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """An older name for `on_train_batch_end`."""

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Before a batch of fit, counted from 0 in each epoch."""
        self.on_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """After a batch of fit, with the logs of the epoch so far."""
        self.on_batch_end(batch, logs)

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """Before evaluate, and before the validation within fit."""

    def on_test_end(self, logs: Logs | None = None) -> None:
        """After evaluate or validation, with its logs (without "val_")."""

    def on_test_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Before a batch of evaluate or validation."""

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """After a batch of evaluate or validation, with the logs so far."""

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        """Before predict."""

    def on_predict_end(self, logs: Logs | None = None) -> None:
        """After predict."""

    def on_predict_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Before a batch of predict."""

    def on_predict_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """After a batch of predict; `logs["outputs"]` is the batch's output."""


# The older names take part: overriding `on_batch_end` is overriding `on_train_batch_end`.
_OLDER = {"on_train_batch_begin": "on_batch_begin", "on_train_batch_end": "on_batch_end"}


def overrides(callback: Any, hook: str) -> bool:
    """Whether `callback` has a `hook` of its own, in its class or set on the object itself.

    Compared with the last class named Callback among its bases, so that callbacks written for Keras's own base class
    are understood too.
    """
    base = next((c for c in reversed(type(callback).__mro__) if c.__name__ == "Callback"), None)
    for name in (hook, _OLDER.get(hook, hook)):
        method = getattr(callback, name, None)
        if method is not None and getattr(method, "__func__", method) is not getattr(base, name, None):
            return True
    return False
