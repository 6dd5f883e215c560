"""The batches of each epoch, numbered, where an epoch may be a part of one long stream."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

from ..compiler.errors import DataError
from .data.batches import Batch, Source

_RAN_OUT = (
    "The data ran out after {got} of {wanted} steps; the {what} ends here. The data must give at least that many "
    "batches: lower the number of steps, or let the generator repeat."
)


class Feed:
    """The batches of each epoch, numbered; an epoch may be a fixed number of steps of one long stream."""

    def __init__(self, source: Source, chunk: int, steps: int | None, what: str) -> None:
        self._source, self._chunk, self._steps, self._what = source, chunk, steps, what
        self._stream: Iterator[Batch] | None = None

    def epoch(self, epoch: int) -> Iterator[Batch]:
        """The batches of `epoch`. DataError if there is none; a warning if there are fewer than asked for."""
        if self._steps is None or self._steps == self._source.steps:
            batches = self._source.batches(epoch, self._chunk)
        else:
            batches = self._next(epoch, self._steps)
        done = 0
        for batch in batches:
            batch.index = done
            done += batch.steps
            yield batch
        if self._steps is not None and 0 < done < self._steps:
            warnings.warn(_RAN_OUT.format(got=done, wanted=self._steps, what=self._what), stacklevel=3)
        if not done:
            raise DataError(
                f"The data gave no batch for this {self._what}",
                hint="a generator is used up after one pass: give a `Sequence`-like object, or one that repeats",
            )

    def _next(self, epoch: int, steps: int) -> Iterator[Batch]:
        """Up to `steps` more batches of the stream; a stream that has ended begins again, but not within an epoch."""
        for i in range(steps):
            batch = None if self._stream is None else next(self._stream, None)
            if batch is None and i == 0:
                self._stream = iter(self._source.batches(epoch, 1))
                batch = next(self._stream, None)
            if batch is None:
                self._stream = None
                return
            yield batch
