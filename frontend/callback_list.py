"""Many callbacks as one: what the loops call.

Device scalars become floats here, once for all callbacks, and only at hooks that somebody overrides; the progress bar
is asked apart, for it reads only what it is about to draw.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ..compiler.errors import ArgumentError
from ..runtime.hooks import Logs, Phase, as_floats
from .callback import HOOKS, Callback, overrides
from .progress import ProgbarLogger

_STOP_FLAG: dict[Phase, str] = {"train": "stop_training", "test": "stop_evaluating", "predict": "stop_predicting"}


class History(Callback):
    """Keeps the logs of every epoch; `fit` returns it.

    Attributes:
        epoch: numbers of the epochs, from 0.
        history: name → its value at the end of each epoch.
    """

    def __init__(self) -> None:
        super().__init__()
        self.epoch: list[int] = []
        self.history: dict[str, list[Any]] = {}

    def set_model(self, model: Any) -> None:
        """Also makes this the model's `history`."""
        super().set_model(model)
        if model is not None:
            model.history = self

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Start anew."""
        self.epoch = []
        self.history = {}

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Keep the epoch's logs."""
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)


class CallbackList:
    """Calls each hook on every callback, in their order; the History and the progress bar come last.

    Args:
        callbacks: one callback, several, or a CallbackList, which is taken apart.
        add_history: add a History unless there is one.
        add_progbar: add a ProgbarLogger unless there is one.
        model: the model that the callbacks get.
        params: what becomes their `params`: verbose, epochs, steps.

    Raises ArgumentError for something that is no callback.
    """

    def __init__(
        self,
        callbacks: Callback | Iterable[Any] | CallbackList | None = None,
        add_history: bool = False,
        add_progbar: bool = False,
        model: Any = None,
        **params: Any,
    ) -> None:
        self.callbacks: list[Any] = _as_list(callbacks)
        self.history = next((c for c in self.callbacks if isinstance(c, History)), None)
        bar = next((c for c in self.callbacks if isinstance(c, ProgbarLogger)), None)
        if self.history is None and add_history:
            self.history = History()
            self.callbacks.append(self.history)
        if bar is None and add_progbar:
            bar = ProgbarLogger()
            self.callbacks.append(bar)
        # A class derived from it may read the logs, and is called as any other callback.
        self._progbar = bar if type(bar) is ProgbarLogger else None
        self.model: Any = None
        self.params: dict[str, Any] = {}
        self._watchers: dict[str, list[Callable[..., object]]] = {}
        self.set_params(params)
        if model is not None:
            self.set_model(model)

    def set_params(self, params: dict[str, Any]) -> None:
        """Give `params` to every callback."""
        self.params = params
        for callback in self.callbacks:
            callback.set_params(params)

    def set_model(self, model: Any) -> None:
        """Give the model to every callback."""
        self.model = model
        for callback in self.callbacks:
            callback.set_model(model)

    def watches_batches(self, phase: Phase) -> bool:
        """Whether a callback other than the progress bar overrides a batch hook of `phase`."""
        hooks = (f"on_{phase}_batch_begin", f"on_{phase}_batch_end")
        return any(overrides(c, hook) for c in self.callbacks if c is not self._progbar for hook in hooks)

    def stopped(self, phase: Phase) -> bool:
        """Whether the model's `stop_training` (`stop_evaluating`, `stop_predicting`) is set."""
        return bool(getattr(self.model, _STOP_FLAG[phase], False))

    def resume(self, phase: Phase) -> None:
        """Clear that flag."""
        if self.model is not None:
            setattr(self.model, _STOP_FLAG[phase], False)

    def aborted(self) -> None:
        """End a line that the progress bar has begun, so that a traceback starts on one of its own."""
        for callback in self.callbacks:
            if isinstance(callback, ProgbarLogger):
                callback.abandon()

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Also finds out which hooks are overridden."""
        self._look()
        self._call("on_train_begin", logs or {})

    def on_train_end(self, logs: Logs | None = None) -> None:
        self._call("on_train_end", logs or {})

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._call("on_epoch_begin", epoch, logs or {})

    def on_epoch_end(self, epoch: int, logs: dict[str, Any]) -> None:
        """Callbacks may add to `logs`."""
        if self._progbar is not None:
            self._progbar.hold()
        self._call("on_epoch_end", epoch, logs)

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """Also finds out which hooks are overridden."""
        self._look()
        self._call("on_test_begin", logs or {})

    def on_test_end(self, logs: Logs | None = None) -> None:
        self._call("on_test_end", logs or {})

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        """Also finds out which hooks are overridden."""
        self._look()
        self._call("on_predict_begin", logs or {})

    def on_predict_end(self, logs: Logs | None = None) -> None:
        self._call("on_predict_end", logs or {})

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        self._call("on_train_batch_begin", batch, logs or {})

    def on_test_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        self._call("on_test_batch_begin", batch, logs or {})

    def on_predict_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        self._call("on_predict_batch_begin", batch, logs or {})

    def on_train_batch_end(self, batch: int, logs: Logs) -> None:
        """`logs` may be device scalars."""
        self._batch_end("on_train_batch_end", batch, logs)

    def on_test_batch_end(self, batch: int, logs: Logs) -> None:
        """`logs` may be device scalars."""
        self._batch_end("on_test_batch_end", batch, logs)

    def on_predict_batch_end(self, batch: int, logs: Logs) -> None:
        """`logs["outputs"]` is handed on as it is."""
        for hook in self._watchers["on_predict_batch_end"]:
            hook(batch, dict(logs))
        if self._progbar is not None:
            self._progbar.on_predict_batch_end(batch)

    def _batch_end(self, name: str, batch: int, logs: Logs) -> None:
        watchers = self._watchers[name]
        if watchers:
            logs = as_floats(logs)
            for hook in watchers:
                hook(batch, logs)
        if self._progbar is not None:
            getattr(self._progbar, name)(batch, logs)

    def _call(self, name: str, *args: Any) -> None:
        for hook in self._watchers[name]:
            hook(*args)

    def _look(self) -> None:
        """Collect the hooks that are overridden. Batch ends of the progress bar are called apart."""
        self._watchers = {
            name: [
                getattr(callback, name)
                for callback in self.callbacks
                if overrides(callback, name) and not (callback is self._progbar and name.endswith("_batch_end"))
            ]
            for name in HOOKS
        }


def _as_list(callbacks: Any) -> list[Any]:
    if callbacks is None:
        return []
    if isinstance(callbacks, CallbackList):
        return list(callbacks.callbacks)
    listed = [callbacks] if hasattr(callbacks, "set_model") else callbacks
    if isinstance(listed, str) or not isinstance(listed, Iterable):
        raise ArgumentError(
            "`callbacks` is a callback or a list of callbacks",
            received=f"callbacks={callbacks!r}",
            hint="for example `callbacks=[EarlyStopping()]`",
        )
    flat = list(listed)
    for i, callback in enumerate(flat):
        if isinstance(callback, type) or not hasattr(callback, "set_model") or not hasattr(callback, "set_params"):
            raise ArgumentError(
                f"callbacks[{i}] is not a callback",
                received=repr(callback),
                hint="derive it from kgc.callbacks.Callback, and give an object of the class, not the class",
            )
    return flat
