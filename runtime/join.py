"""The outputs of predict: many batches on the device become one array on the host."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..compiler.errors import DataError

# Results of predict are copied to the host this many steps late, while the next ones run.
_STEPS_BEHIND = 2


class Joined:
    """Output leaves of all batches as one array each.

    Where the number of rows is known, each batch is written to its place in the result, so that the outputs are never
    in memory twice.
    """

    def __init__(self, rows: int | None) -> None:
        self._rows = rows
        self._pending: deque[list[Any]] = deque()
        self._whole: list[np.ndarray] | None = None
        self._parts: list[list[np.ndarray]] = []
        self._filled = 0

    def add(self, leaves: list[Any]) -> None:
        for leaf in leaves:
            start = getattr(leaf, "copy_to_host_async", None)
            if start is not None:
                start()
        self._pending.append(leaves)
        if len(self._pending) > _STEPS_BEHIND:
            self._store(self._pending.popleft())

    def finish(self) -> list[np.ndarray]:
        while self._pending:
            self._store(self._pending.popleft())
        if self._whole is not None:
            return [whole[: self._filled] for whole in self._whole]
        return [_concatenate(parts, i) for i, parts in enumerate(zip(*self._parts, strict=True))]

    def _store(self, leaves: list[Any]) -> None:
        arrays = [np.asarray(leaf) for leaf in leaves]
        for i, array in enumerate(arrays):
            if not array.ndim:
                raise DataError(
                    f"Output {i} has no batch axis, so predictions cannot be joined",
                    received=f"a scalar of {array.dtype}",
                    hint="call the model on the data instead: model(x)",
                )
        if self._whole is None and self._rows is not None:
            self._whole = [np.empty((self._rows, *array.shape[1:]), array.dtype) for array in arrays]
        if self._whole is not None and not self._write(arrays, self._whole):
            # The rows of the outputs are not those of the inputs after all: keep parts instead.
            self._parts = [[whole[: self._filled] for whole in self._whole]] if self._filled else []
            self._whole, self._rows = None, None
        if self._whole is None:
            self._parts.append(arrays)

    def _write(self, arrays: list[np.ndarray], whole: list[np.ndarray]) -> bool:
        """Write a batch behind what is already there, if all of its outputs have a place there."""
        stop = self._filled + len(arrays[0])
        for array, target in zip(arrays, whole, strict=True):
            if target[self._filled : stop].shape != array.shape or target.dtype != array.dtype:
                return False
        for array, target in zip(arrays, whole, strict=True):
            target[self._filled : stop] = array
        self._filled = stop
        return True


def joined_leaves(parts: Sequence[Sequence[Any]]) -> list[Any]:
    """The output leaves of several batches as those of one."""
    if len(parts) == 1:
        return list(parts[0])
    return [_concatenate([np.asarray(leaf) for leaf in column], i) for i, column in enumerate(zip(*parts, strict=True))]


def _concatenate(parts: Sequence[np.ndarray], i: int) -> np.ndarray:
    if len({part.shape[1:] for part in parts}) > 1:
        raise DataError(
            f"Output {i} changes its shape from batch to batch, so predictions cannot be joined",
            received=", ".join(sorted({str(part.shape) for part in parts})),
            hint="pad the inputs to one length, or predict batch by batch with predict_on_batch",
        )
    return np.concatenate(parts)
