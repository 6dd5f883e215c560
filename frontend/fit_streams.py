"""Generators, data sets and loaders given to `fit`, `evaluate`, `predict`."""

from __future__ import annotations

from typing import Any

from ..compiler.errors import ArgumentError, DataError, shown
from ..compiler.types import TensorType
from ..runtime.data.loaders import is_loader, loader
from ..runtime.data.streams import StreamSource
from . import tree
from .batch_reader import Form, Reader


class Stream:
    """What `fit_data.Data` is for arrays: a source of batches, and the types of what stands in them.

    Args:
        x: what gives the batches; see `as_stream`.
        steps: name and value of the argument that says how many to take.
        epoch: number of the first epoch.
        order: whether an indexed data set is shuffled, and how; see `runtime.data.loaders.loader`.

    Raises:
        DataError: it gives no batch, or one that does not fit the model.
        ArgumentError: it never ends, and nobody says how many steps to take.
    """

    def __init__(
        self,
        model: Any,
        x: Any,
        class_weight: Any,
        what: str,
        *,
        steps: tuple[str, int | None],
        epoch: int = 0,
        order: tuple[Any, ...] = (False, None, ()),
    ) -> None:
        self.loader = loader(x, *order)
        if self.loader.endless and steps[1] is None:
            raise ArgumentError(
                f"{what} was given a {self.loader.kind} that never ends",
                received=f"{steps[0]}=None",
                hint=f"say how many batches to take: `{steps[0]}=100`.",
            )
        self._source = StreamSource(self.loader, Reader(model, class_weight, what))
        first = self._source.peek(epoch)
        if first is None:
            raise DataError(
                f"{what} was given a {self.loader.kind} that gives no batch",
                received=shown(x),
                hint="a generator is used up after one pass: make a new one for each call.",
            )
        self._form: Form = first.form

    @property
    def spent(self) -> bool:
        """Whether it is an iterator that has ended."""
        return self.loader.once and self._source.peek(0) is None

    def source(self, *_: Any) -> StreamSource:
        """The batches; batch size and order are the loader's."""
        return self._source

    def target_types(self) -> list[TensorType | None]:
        """Types of the targets of the first batch, batch unknown."""
        return self._form.targets

    def weight_types(self) -> list[TensorType | None]:
        """Types of the sample weights of the first batch, batch unknown."""
        return self._form.weights

    def close(self) -> None:
        """End what reads in advance."""
        self._source.close()


def as_stream(model: Any, x: Any, y: Any) -> Any:
    """`x` if it gives batches, an iterable of them if it is a list of batches, else None.

    A list holds batches, not arrays, where no targets are given apart, all its items are tuples, and these are not
    the model's own inputs.
    """
    if is_loader(x):
        return x
    if y is None and isinstance(x, list) and x and all(isinstance(item, tuple) for item in x):
        nested = model.has_graph and sum(1 for _ in tree.leaves(x)) == len(model.inputs)
        return None if nested else _Listed(x)
    return None


class _Listed:
    """A list of batches, as something that is no list."""

    def __init__(self, items: list[Any]) -> None:
        self._items = items

    def __iter__(self) -> Any:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)


def held_batches(model: Any, given: Any) -> Any:
    """validation_data as something that gives batches; None where it is (x, y) or (x, y, sample_weight)."""
    if isinstance(given, list) and 2 <= len(given) <= 3 and all(isinstance(item, tuple) for item in given):
        if sum(1 for _ in tree.leaves(given[0])) == len(model.inputs):
            return None
    return as_stream(model, given, None)


def refuse_beside(stream: Any, what: str, **arguments: Any) -> None:
    """Raise ArgumentError for arguments that are for arrays, and were given beside something that gives batches."""
    for name, value in arguments.items():
        if value is not None:
            raise ArgumentError(
                f"{what} takes no {name} together with a {type(stream).__name__}",
                received=f"{name}={shown(value) if hasattr(value, 'shape') else repr(value)}",
                hint=_HINTS[name],
            )


_HINTS = {
    "y": "its batches hold the targets: (x, y).",
    "sample_weight": "its batches hold the weights: (x, y, sample_weight).",
    "batch_size": "its batches come as they are; `validation_batch_size` is for validation_data of arrays.",
    "validation_batch_size": "its batches come as they are.",
    "validation_split": "give `validation_data`, which may be a second one.",
    "shuffle": "its batches come in its own order.",
}
