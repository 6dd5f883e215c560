"""The callback that shows a progress bar."""

from __future__ import annotations

from typing import Any

from ..runtime.hooks import as_floats
from .callback import Callback
from .progbar import Progbar, check_verbose

__all__ = ["Progbar", "ProgbarLogger"]


class ProgbarLogger(Callback):
    """Shows a Progbar for each epoch of fit, and for evaluate and predict.

    It reads values from the device only when it is about to draw, so that it never holds up the training.
    """

    def __init__(self) -> None:
        super().__init__()
        self._bar: Progbar | None = None
        self._verbose = 1
        self._target: int | None = None
        self._epochs = 1
        self._seen = 0
        self._in_fit = False

    def set_params(self, params: dict[str, Any]) -> None:
        """Takes "verbose", "epochs" and "steps"."""
        super().set_params(params)
        self._verbose = check_verbose(params.get("verbose", 1))
        self._target = params.get("steps")
        self._epochs = params.get("epochs") or 1

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._in_fit = True

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        self._in_fit = False

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if self._verbose and self._epochs > 1:
            print(f"Epoch {epoch + 1}/{self._epochs}", flush=True)
        self._begin()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._finish(logs)
        self._target = self._target or self._seen  # where nobody knew the number of steps, the first epoch tells it

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        if not self._in_fit:
            self._begin()
        else:
            self.hold()

    def on_test_end(self, logs: dict[str, Any] | None = None) -> None:
        if not self._in_fit:
            self._finish(logs)

    def on_predict_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._begin()

    def on_predict_end(self, logs: dict[str, Any] | None = None) -> None:
        self._finish(logs)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._update(batch, logs)

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        if not self._in_fit:
            self._update(batch, logs)

    def on_predict_batch_end(self, batch: int, logs: Any = None) -> None:
        self._update(batch, None)

    def hold(self) -> None:
        """The epoch's steps are done: what follows counts as elapsed time, but not as time per step."""
        if self._bar is not None:
            self._bar.hold()

    def abandon(self) -> None:
        """After an exception: end the line that was begun."""
        self._in_fit = False
        if self._bar is not None:
            self._bar.abandon()
            self._bar = None

    def _begin(self) -> None:
        self._seen = 0
        self._bar = Progbar(self._target, verbose=self._verbose, stateless_metrics=())

    def _update(self, batch: int, logs: Any) -> None:
        self._seen = batch + 1
        if self._bar is not None and self._bar.tick(self._seen):
            self._bar.update(self._seen, as_floats(logs or {}).items(), finalize=False)

    def _finish(self, logs: dict[str, Any] | None) -> None:
        if self._bar is not None:
            self._bar.target = self._bar.target or self._seen
            self._bar.update(self._seen, (logs or {}).items(), finalize=True)
            self._bar = None
