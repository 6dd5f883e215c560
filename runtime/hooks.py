"""What the loops tell of their progress, and to whom: the protocol that the frontend's callbacks implement.

Logs stay on the device until somebody reads them: a loop that waited for every step's loss would leave the device
idle between steps.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Protocol

Logs = Mapping[str, Any]
"""Names and values: Python numbers, or scalars that are still on the device."""

Phase = Literal["train", "test", "predict"]


class Hooks(Protocol):
    """What the loops tell of their progress. Batch hooks may get logs that are still on the device."""

    def watches_batches(self, phase: Phase) -> bool:
        """Whether somebody wants to be called at every batch, so that batches may not be run in chunks."""
        ...

    def stopped(self, phase: Phase) -> bool:
        """Whether somebody has asked for the phase to stop."""
        ...

    def resume(self, phase: Phase) -> None:
        """Forget such a wish: a new phase begins."""
        ...

    def aborted(self) -> None:
        """An exception is on its way through the loop; no other hook follows."""
        ...

    def on_train_begin(self, logs: Logs | None = None) -> None: ...
    def on_train_end(self, logs: Logs | None = None) -> None: ...
    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None: ...
    def on_epoch_end(self, epoch: int, logs: dict[str, Any]) -> None: ...
    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None: ...
    def on_train_batch_end(self, batch: int, logs: Logs) -> None: ...
    def on_test_begin(self, logs: Logs | None = None) -> None: ...
    def on_test_end(self, logs: Logs | None = None) -> None: ...
    def on_test_batch_begin(self, batch: int, logs: Logs | None = None) -> None: ...
    def on_test_batch_end(self, batch: int, logs: Logs) -> None: ...
    def on_predict_begin(self, logs: Logs | None = None) -> None: ...
    def on_predict_end(self, logs: Logs | None = None) -> None: ...
    def on_predict_batch_begin(self, batch: int, logs: Logs | None = None) -> None: ...
    def on_predict_batch_end(self, batch: int, logs: Logs) -> None: ...


def as_floats(logs: Logs) -> dict[str, Any]:
    """Logs as Python floats, in alphabetical order; what is no single number stays as it is.

    This waits for the device. All values are asked for before the first is waited for.
    """
    for value in logs.values():
        start = getattr(value, "copy_to_host_async", None)
        if start is not None:
            start()
    return {name: _as_float(logs[name]) for name in sorted(logs)}


def _as_float(value: Any) -> Any:
    if isinstance(value, float | str) or value is None:
        return value
    try:
        return float(value)
    except (TypeError, ValueError):
        return value
