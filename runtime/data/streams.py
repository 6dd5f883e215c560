"""Batches that somebody else makes, as a source of the loops.

Items are taken in the thread that trains, one by one as they are needed. A thread in advance would win nothing there:
steps are dispatched without waiting for their results, so the next item is made while the device computes (measured:
an item of 37 ms before a step of 37 ms gives 41-52 ms a step without a thread, 42-55 with one). And a generator of the
user's is never asked for more than is used, in no other thread than he may expect. A `PyDataset` that asks for
`workers` gets them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from .batches import Batch, Source
from .loaders import Loader


class StreamSource(Source):
    """The items of a Loader, read as batches.

    Args:
        loader: gives the items.
        read: makes a Batch of an item; the second argument is its number in the pass, from 0.

    What the loader's code raises goes through as it is.
    """

    def __init__(self, loader: Loader, read: Callable[[Any, int], Batch]) -> None:
        self.loader, self._read = loader, read
        self.once = loader.once
        self._begun = False
        self._items: Iterator[Any] | None = None
        self._number = 0
        self._first: Batch | None = None

    @property
    def steps(self) -> int | None:
        """Number of batches of one pass; None where it is not known."""
        return self.loader.steps

    @property
    def rows(self) -> int | None:
        """Not known."""
        return None

    def peek(self, epoch: int) -> Batch | None:
        """The first batch of the pass that `epoch` begins with, which will come again there; None if there is none."""
        if self._first is None:
            self.begin_epoch()
            self._open(epoch)
            self._first = self._next()
        return self._first

    def batches(self, epoch: int, chunk: int = 1) -> Iterator[Batch]:
        """The batches of a pass, one step each."""
        first, self._first = self._first, None
        if first is None:
            self._open(epoch)
            first = self._next()
        while first is not None:
            yield first
            first = self._next()

    def begin_epoch(self) -> None:
        """Tell the data set, unless `peek` has done it already."""
        if not self._begun:
            self._begun = True
            self.loader.begin_epoch()

    def end_epoch(self) -> None:
        """Tell the data set."""
        self._begun = False
        self.loader.end_epoch()

    def close(self) -> None:
        """Close the pass that is open."""
        self._first, self._begun = None, False
        items, self._items = self._items, None
        close = getattr(items, "close", None)
        if close is not None:
            close()

    def _open(self, epoch: int) -> None:
        self._items = self.loader.open(epoch)
        if not self.once:
            self._number = 0

    def _next(self) -> Batch | None:
        for item in self._items or ():
            self._number += 1
            return self._read(item, self._number - 1)
        return None
