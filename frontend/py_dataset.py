"""`PyDataset`: the base of data sets whose batches have numbers."""

from __future__ import annotations

import operator
from typing import Any

from ..compiler.errors import ArgumentError


class PyDataset:
    """Batches by number. A subclass writes `__getitem__`, which gives one batch, and `__len__`, how many there are.

    A batch is `(x, y)`, `(x, y, sample_weight)`, or `(x,)` to predict. `fit` takes the batches in a new order each
    epoch, or in their own with `shuffle=False`.

    Args:
        workers: with 2 or more, so many threads make batches in advance; otherwise each is made when it is needed.
        use_multiprocessing: not supported.
        max_queue_size: number of batches that are made in advance at most.

    Raises:
        ArgumentError: an illegal number, or `use_multiprocessing`.
    """

    workers = 1
    use_multiprocessing = False
    max_queue_size = 10

    def __init__(self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10) -> None:
        if use_multiprocessing:
            raise ArgumentError(
                f"{type(self).__name__} cannot be read by processes: kgc starts none",
                received=f"{use_multiprocessing=}",
                hint="`workers=4` reads with threads; a torch DataLoader has processes of its own.",
            )
        self.workers = _count("workers", workers, 0)
        self.max_queue_size = _count("max_queue_size", max_queue_size, 1)

    def __getitem__(self, index: int) -> Any:
        raise NotImplementedError(f"{type(self).__name__} needs `__getitem__(self, index)`, which gives a batch")

    @property
    def num_batches(self) -> int | None:
        """Number of batches of an epoch; None, in a subclass, for batches without end."""
        if not hasattr(self, "__len__"):
            raise NotImplementedError(f"{type(self).__name__} needs `__len__(self)`: the number of batches of an epoch")
        return len(self)  # pyright: ignore[reportArgumentType]

    def on_epoch_begin(self) -> None:
        """Called before each epoch."""

    def on_epoch_end(self) -> None:
        """Called after each epoch."""


Sequence = PyDataset
"""An older name."""


def _count(name: str, value: Any, at_least: int) -> int:
    try:
        number = -1 if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = -1
    if number < at_least:
        raise ArgumentError(f"`{name}` is an integer of at least {at_least}", received=f"{name}={value!r}")
    return number
