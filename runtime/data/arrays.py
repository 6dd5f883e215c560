"""Arrays in memory as batches: checked once, shuffled by address, gathered on the host.

A gathered batch is always a fresh array and an unshuffled one a view of the user's, for JAX may read the memory of a
NumPy array after the call that took it has returned: a buffer that is filled again and again would be overwritten
under a running step.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import ml_dtypes
import numpy as np

from ...compiler.errors import ArgumentError, DataError, KgcError
from .batches import Batch, NamedArray, Source

# A whole array is cast in advance only up to this size: above it a second copy of the data might not fit in memory.
_CAST_WHOLE_UP_TO = 64 * 2**20


class ArraySource(Source):
    """Batches of arrays that all have the same number of rows.

    The last batch is smaller where the rows do not divide. Every array is cast to its dtype without a warning: in
    advance if the result is at most 64 MiB, else batch by batch.

    Args:
        x: the inputs.
        y: the targets; empty for predict.
        weights: sample weights, one entry (an array or None) for each target, or empty.
        batch_size: rows of a batch.
        shuffle: True for a new order of rows each epoch, "batch" for a new order of batches whose rows stay together,
            False for the order given.
        generator: `runtime.seeds.generator`; needed if `shuffle`. The order of an epoch is drawn from
            `generator(*address, epoch)` and from nothing else.
        address: where the shuffling's random numbers come from.

    Raises:
        DataError: arrays that differ in their number of rows, have none, or hold no numbers.
        ArgumentError: an illegal `batch_size` or `shuffle`.
    """

    def __init__(
        self,
        x: Sequence[NamedArray],
        y: Sequence[NamedArray] = (),
        weights: Sequence[NamedArray | None] = (),
        *,
        batch_size: int = 32,
        shuffle: bool | str = False,
        generator: Callable[..., np.random.Generator] | None = None,
        address: tuple[str | int, ...] = ("shuffle",),
    ) -> None:
        self.batch_size = _check_batch_size(batch_size)
        if not isinstance(shuffle, bool | np.bool_) and shuffle != "batch":
            raise ArgumentError(
                "`shuffle` is True, False or 'batch'",
                received=f"shuffle={shuffle!r}",
                hint="'batch' draws a new order of batches, whose rows stay together",
            )
        if shuffle and generator is None:
            raise ArgumentError("A source that shuffles needs a `generator`", received="generator=None")
        self._shuffle, self._generator, self._address = shuffle, generator, address
        self._x = tuple(_Column(leaf) for leaf in x)
        self._y = tuple(_Column(leaf) for leaf in y)
        self._weights = tuple(None if leaf is None else _Column(leaf) for leaf in weights)
        columns = [*self._x, *self._y, *(w for w in self._weights if w is not None)]
        self._rows = _check_rows([(column.name, column.array) for column in columns])

    @property
    def rows(self) -> int:
        """Number of rows of one epoch."""
        return self._rows

    @property
    def steps(self) -> int:
        """Number of batches of one epoch, a smaller last one included."""
        return math.ceil(self._rows / self.batch_size)

    def __len__(self) -> int:
        return self.steps

    def batches(self, epoch: int, chunk: int = 1) -> Iterator[Batch]:
        """The batches of `epoch`; see `Source.batches`."""
        order = self._order(epoch)
        size, rows = self.batch_size, self._rows
        full_chunks = rows // (size * chunk) if chunk > 1 else 0
        for i in range(full_chunks):
            yield self._batch(order, i * size * chunk, (i + 1) * size * chunk, chunk)
        for start in range(full_chunks * size * chunk, rows, size):
            yield self._batch(order, start, min(start + size, rows), 1)

    def _order(self, epoch: int) -> np.ndarray | None:
        """Row numbers in the order of `epoch`; None for the order given."""
        if not self._shuffle or self._generator is None:
            return None
        random = self._generator(*self._address, epoch)
        if self._shuffle != "batch":
            return random.permutation(self._rows)
        full = self._rows // self.batch_size
        within = np.arange(self.batch_size)
        whole = (random.permutation(full)[:, None] * self.batch_size + within).ravel()
        return np.concatenate([whole, np.arange(full * self.batch_size, self._rows)])

    def _batch(self, order: np.ndarray | None, start: int, stop: int, steps: int) -> Batch:
        index = slice(start, stop) if order is None else order[start:stop]
        return Batch(
            x=tuple([column.take(index, steps) for column in self._x]),
            y=tuple([column.take(index, steps) for column in self._y]),
            weights=tuple([None if column is None else column.take(index, steps) for column in self._weights]),
            rows=stop - start,
            steps=steps,
        )


class _Column:
    """One array and the dtype its batches have."""

    __slots__ = ("array", "dtype", "name")

    def __init__(self, leaf: NamedArray) -> None:
        array = as_array(leaf)
        self.name = leaf.name
        self.dtype = np.dtype(leaf.dtype) if leaf.dtype is not None else jax.dtypes.canonicalize_dtype(array.dtype)
        if array.size * self.dtype.itemsize <= _CAST_WHOLE_UP_TO:
            # Rows that do not lie together in memory (pandas gives columns) cost twenty times as much to gather.
            array = np.ascontiguousarray(cast(array, self.dtype, self.name))
        self.array = array

    def take(self, index: slice | np.ndarray, steps: int) -> np.ndarray:
        # Not np.take: it copies the whole array first where that is not contiguous.
        rows = cast(self.array[index], self.dtype, self.name)
        return rows if steps == 1 else rows.reshape(steps, -1, *rows.shape[1:])


def split(
    leaves: Sequence[NamedArray | None], validation_split: float
) -> tuple[list[NamedArray | None], list[NamedArray | None]]:
    """Split arrays into a training part and a validation part: the last rows, as they stand before any shuffling.

    Args:
        leaves: inputs, targets and weights, flat; None stays None in both parts.
        validation_split: fraction of the rows that goes to validation; `floor(rows * (1 - validation_split))` rows
            stay for training.

    Returns:
        The leaves of the training part and those of the validation part, as views.

    Raises:
        ArgumentError: a fraction that is not between 0 and 1.
        DataError: too few rows for both parts to have one.
    """
    try:
        legal = not isinstance(validation_split, bool) and 0.0 < float(validation_split) < 1.0
    except (TypeError, ValueError):
        legal = False
    if not legal:
        raise ArgumentError(
            "`validation_split` is a fraction between 0 and 1",
            received=f"validation_split={validation_split!r}",
            hint="validation_split=0.2 keeps the last fifth of the rows for validation",
        )
    arrays = [None if leaf is None else as_array(leaf) for leaf in leaves]
    pairs = [(leaf.name, a) for leaf, a in zip(leaves, arrays, strict=True) if leaf is not None and a is not None]
    rows = _check_rows(pairs)
    at = math.floor(rows * (1.0 - float(validation_split)))
    if at in (0, rows):
        raise DataError(
            f"{rows} rows are too few to split into training and validation",
            received=f"validation_split={validation_split!r}, which leaves {at} rows for training",
            hint="give more rows or another fraction",
        )

    def part(rows: slice) -> list[NamedArray | None]:
        return [
            None if leaf is None or array is None else leaf._replace(array=array[rows])
            for leaf, array in zip(leaves, arrays, strict=True)
        ]

    return part(slice(0, at)), part(slice(at, None))


def as_array(leaf: NamedArray) -> np.ndarray:
    """The NumPy array of a leaf, not copied where it is one already.

    Raises DataError, naming the leaf, for what has no rows of numbers: text, ragged lists, scalars, objects.
    """
    value = leaf.array
    try:
        array = np.asarray(_readable(value))
        if array.dtype == object and array.ndim:
            array = np.asarray(array.tolist())
    except KgcError:
        raise
    except Exception as error:
        raise DataError(
            f"'{leaf.name}' cannot be read as an array: {error}", received=_describe(value), hint=_hint(value)
        ) from error
    if array.dtype.kind not in "biufc" and array.dtype.type.__module__ != ml_dtypes.__name__:
        raise DataError(f"'{leaf.name}' does not hold numbers", received=_describe(value), hint=_hint(value))
    if not array.ndim:
        raise DataError(
            f"'{leaf.name}' has no rows: its first axis must be the samples",
            received=_describe(value),
            hint="a single sample x is given as x[None]",
        )
    return array


def _readable(value: Any) -> Any:
    """What NumPy can read: objects of pandas and TensorFlow by their own methods."""
    if hasattr(value, "to_numpy"):
        return value.to_numpy()
    return value.numpy() if hasattr(value, "numpy") and not hasattr(value, "__array__") else value


def cast(array: np.ndarray, dtype: np.dtype, name: str) -> np.ndarray:
    """`array` as `dtype`, and the array itself where it has that dtype.

    Raises DataError, naming `name`, where numbers would become meaningless: complex to real, NaN to integer.
    """
    if array.dtype == dtype:
        return array
    if array.dtype.kind == "c" and dtype.kind != "c":
        raise DataError(
            f"'{name}' holds complex numbers, and {dtype.name} is wanted",
            received=f"{array.dtype.name}{list(array.shape)}",
            hint="give the real and the imaginary part as two features",
        )
    if dtype.kind in "iu" and array.dtype.kind == "f" and not np.isfinite(array).all():
        raise DataError(
            f"'{name}' holds NaN or infinity, and {dtype.name} is wanted",
            received=f"{array.dtype.name}{list(array.shape)}",
            hint="replace missing values before training",
        )
    # A number too large for float32 becomes infinity, and stays visible in the loss.
    with np.errstate(over="ignore"):
        return array.astype(dtype)


def _check_rows(arrays: Sequence[tuple[str, np.ndarray]]) -> int:
    """The number of rows that all `arrays` have."""
    if not arrays:
        raise DataError("No data was given", hint="pass at least one array")
    counts = {len(array) for _, array in arrays}
    received = ", ".join(f"{name}: {len(array)}" for name, array in arrays)
    if len(counts) > 1:
        raise DataError(
            "The arrays differ in their number of rows",
            received=received,
            hint="the first axis of every array is the sample",
        )
    if not len(arrays[0][1]):
        raise DataError(
            "The arrays have no rows", received=received, hint="look at what selected or read them: it left nothing"
        )
    return len(arrays[0][1])


def _check_batch_size(batch_size: object) -> int:
    try:
        size = 0 if isinstance(batch_size, bool) else operator.index(batch_size)  # type: ignore[arg-type]
    except TypeError:
        size = 0
    if size < 1:
        raise ArgumentError(
            "`batch_size` is an integer of at least 1",
            received=f"batch_size={batch_size!r}",
            hint="it is the number of rows of one step; None stands for 32",
        )
    return size


def _describe(value: Any) -> str:
    shape, dtype = getattr(value, "shape", None), getattr(value, "dtype", None)
    kind = f"{type(value).__module__}.{type(value).__qualname__}".removeprefix("builtins.")
    return kind + (f" of shape {tuple(shape)}" if isinstance(shape, tuple) else "") + (f", {dtype}" if dtype else "")


def _hint(value: Any) -> str:
    """What to do about a value that is no array of numbers."""
    if hasattr(value, "toarray"):
        return "a sparse matrix is given as .toarray()"
    if hasattr(value, "detach"):
        return "a torch tensor is given as .detach().cpu().numpy()"
    return "give an array of numbers: text as integer ids, rows of different lengths padded to one length"
