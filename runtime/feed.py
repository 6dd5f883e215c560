"""The batches of each epoch, numbered and put together for execution; an epoch may be a part of one long stream."""

from __future__ import annotations

from collections.abc import Generator, Iterator

from ..compiler.errors import DataError
from .data.batches import Batch, Source, stacked
from .warning import warn


class Feed:
    """The batches of each epoch; an epoch may be a fixed number of steps of one long stream.

    Args:
        source: the data.
        per_execution: how many steps go into one execution; the last of an epoch may have fewer.
        steps: steps of an epoch; None for all that the source gives.
        what: what an epoch is called in messages.
        stack: whether batches of one size become one Batch of several steps.
    """

    def __init__(self, source: Source, per_execution: int, steps: int | None, what: str, *, stack: bool = True) -> None:
        self._source, self._per, self._steps, self._what = source, per_execution, steps, what
        self._stack = stack
        self._stream: Iterator[Batch] | None = None
        self._ahead: Batch | None = None
        self._running: Generator[list[Batch]] | None = None
        self._told = False

    def ready(self, epoch: int) -> bool:
        """Whether there is data for one more epoch; a warning where a stream that cannot be read again has ended."""
        if not self._source.once:
            return True
        if self._ahead is None:
            self._ahead = self._pull(epoch)
        if self._ahead is None and not self._told:
            warn(
                f"The data ended after {epoch} {'epoch' if epoch == 1 else 'epochs'}, and the training with them.",
                "a generator is used up after one pass: give `steps_per_epoch`, and a generator that goes on; or data "
                "that can be read again, such as a `kgc.utils.PyDataset`.",
            )
        return self._ahead is not None

    def epoch(self, epoch: int) -> Iterator[list[Batch]]:
        """The batches of `epoch`, by execution. DataError if there is none; a warning if fewer than asked for."""
        self._running = self._executions(epoch)
        return self._running

    def close(self) -> None:
        """Nobody reads on."""
        for stream in (self._running, self._stream):
            close = getattr(stream, "close", None)
            if close is not None:
                close()
        self._source.close()

    def _executions(self, epoch: int) -> Generator[list[Batch]]:
        self._source.begin_epoch()
        done = 0
        group: list[Batch] = []
        for batch in self._batches(epoch):
            batch.index = done
            done += batch.steps
            if batch.steps == self._per:
                yield [batch]
                continue
            group.append(batch)
            if len(group) == self._per:
                whole = stacked(group) if self._stack else None
                yield group if whole is None else [whole]
                group = []
        if group:
            yield group
        if not done:
            raise DataError(
                f"The data gave no batch for this {self._what}",
                hint="a generator is used up after one pass: give a `Sequence`-like object, or one that repeats",
            )
        if self._steps is not None and done < self._steps:
            self._told = self._source.once
            warn(
                f"The data ran out after {done} of {self._steps} steps; the {self._what} ends here.",
                "ask for fewer steps, or let the data go on: `while True` in a generator, `repeat()` of a data set.",
            )
        self._source.end_epoch()

    def _batches(self, epoch: int) -> Iterator[Batch]:
        steps = self._steps
        if not self._source.once and (steps is None or steps == self._source.steps):
            yield from self._source.batches(epoch, self._per if self._stack else 1)
            return
        done = 0
        while steps is None or done < steps:
            batch, self._ahead = self._ahead, None
            if batch is None:  # a stream that has ended begins again, but not within an epoch
                batch = self._pull(epoch, again=not done)
            if batch is None:
                return
            done += 1
            yield batch

    def _pull(self, epoch: int, again: bool = True) -> Batch | None:
        """The next batch of the stream; None at its end."""
        batch = None if self._stream is None else next(self._stream, None)
        if batch is None:
            self._stream = None
            if again:
                self._stream = iter(self._source.batches(epoch, 1))
                batch = next(self._stream, None)
        return batch
