"""What gives batches of its own: generators, iterables, `PyDataset`s, loaders of other libraries.

They are known by what they can do, never by their class, so that no other library is imported. Every kind becomes a
`Loader`: something that opens one pass over its items.
"""

from __future__ import annotations

import itertools
import numbers
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol

import numpy as np

from ...compiler.errors import ArgumentError


class Loader(Protocol):
    """Gives items, each a batch in the form that its author chose.

    Attributes:
        kind: what messages call it.
        steps: number of items of one pass; None where it is not known.
        endless: whether a pass is known never to end.
        once: whether it is an iterator, which goes on where it was left.
    """

    kind: str
    steps: int | None
    endless: bool
    once: bool

    def open(self, epoch: int) -> Iterator[Any]:
        """A pass over the items. An iterator with a `close` is closed when it is left early."""
        ...

    def begin_epoch(self) -> None: ...

    def end_epoch(self) -> None: ...


def is_loader(x: Any) -> bool:
    """Whether `x` gives batches, and is no array or structure of arrays."""
    if x is None or isinstance(x, list | tuple | Mapping | str | bytes | numbers.Number | type):
        return False
    if any(hasattr(x, name) for name in ("shape", "__array__", "to_numpy")):
        return False
    return any(hasattr(x, name) for name in ("__iter__", "__next__", "as_numpy_iterator")) or _is_indexed(x)


def is_single_pass(x: Any) -> bool:
    """Whether nothing can come after the end of `x`, as with a generator; iterators of a user's own may begin anew."""
    return hasattr(x, "__next__") and type(x).__module__ in ("builtins", "itertools")


def loader(
    x: Any,
    shuffle: bool = False,
    generator: Callable[..., np.random.Generator] | None = None,
    address: tuple[str | int, ...] = (),
) -> Loader:
    """The Loader of something that `is_loader`.

    Args:
        shuffle: whether the items of an indexed data set come in a new order each epoch, drawn from
            `generator(*address, epoch)`; all others have an order of their own.
    """
    if _is_indexed(x):
        return Indexed(x, shuffle, generator, address)
    return Iterated(x)


def _is_indexed(x: Any) -> bool:
    kind = type(x)
    if not hasattr(kind, "__getitem__") or not (hasattr(kind, "__len__") or hasattr(kind, "num_batches")):
        return False
    return not hasattr(kind, "__iter__") or hasattr(kind, "on_epoch_end")


class Iterated:
    """An iterator, or something that can be iterated again and again."""

    def __init__(self, x: Any) -> None:
        self.kind = type(x).__name__
        self._x = x
        self.steps, self.endless = _count(x)
        self.once = hasattr(x, "__next__") and iter(x) is x

    def open(self, epoch: int) -> Iterator[Any]:
        read = getattr(self._x, "as_numpy_iterator", None)
        items: Iterable[Any] = self._x if read is None else read()
        return _Kept(iter(items)) if self.once else iter(items)

    def begin_epoch(self) -> None:
        pass

    def end_epoch(self) -> None:
        pass


class _Kept:
    """An iterator of the user's, which is not closed when it is left."""

    def __init__(self, items: Iterator[Any]) -> None:
        self._items = items

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        return next(self._items)


def _count(x: Any) -> tuple[int | None, bool]:
    """Number of items of one pass (None if not known), and whether they never end."""
    cardinality = getattr(x, "cardinality", None)
    if callable(cardinality):  # tf.data: -1 is endless, -2 unknown
        number: Any = cardinality()
        number = int(number.numpy() if hasattr(number, "numpy") else number)
        return (number if number >= 0 else None), number == -1
    if not hasattr(type(x), "__len__"):
        return None, False
    try:
        return len(x), False
    except (TypeError, NotImplementedError):  # loaders over streams have a `__len__` that refuses
        return None, False


class Indexed:
    """A data set whose batches have numbers, such as a `PyDataset`."""

    once = False

    def __init__(
        self,
        x: Any,
        shuffle: bool,
        generator: Callable[..., np.random.Generator] | None,
        address: tuple[str | int, ...],
    ) -> None:
        self.kind = type(x).__name__
        self._x, self._shuffle, self._generator, self._address = x, shuffle, generator, address
        if getattr(x, "use_multiprocessing", False):
            raise ArgumentError(
                f"kgc does not start processes for '{self.kind}'",
                received="use_multiprocessing=True",
                hint="`workers=4` reads with threads; a torch DataLoader has processes of its own.",
            )
        self._workers = int(getattr(x, "workers", 1) or 0)
        self._ahead = max(int(getattr(x, "max_queue_size", 10) or 0), self._workers)
        number = x.num_batches if hasattr(type(x), "num_batches") else len(x)
        self.steps, self.endless = (None if number is None else int(number)), number is None

    def open(self, epoch: int) -> Iterator[Any]:
        order: Iterable[int] = itertools.count() if self.steps is None else range(self.steps)
        if self._shuffle and self._generator is not None and self.steps is not None:
            order = self._generator(*self._address, epoch).permutation(self.steps).tolist()
        return self._by_threads(order) if self._workers > 1 else map(self._x.__getitem__, order)

    def _by_threads(self, order: Iterable[int]) -> Generator[Any]:
        """Items in order, read by threads in advance. The threads end with the generator."""
        pool = ThreadPoolExecutor(self._workers, thread_name_prefix="kgc data")
        waiting: deque[Future[Any]] = deque()
        try:
            for number in order:
                waiting.append(pool.submit(self._x.__getitem__, number))
                if len(waiting) >= self._ahead:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            # Not waited for: an item that hangs must not hold up Ctrl-C.
            pool.shutdown(wait=False, cancel_futures=True)

    def begin_epoch(self) -> None:
        self._tell("on_epoch_begin")

    def end_epoch(self) -> None:
        self._tell("on_epoch_end")

    def _tell(self, name: str) -> None:
        method = getattr(self._x, name, None)
        if method is not None:
            method()
