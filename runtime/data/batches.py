"""What the loops take from every kind of data: a source, and the batches it gives.

The loops know no more of data than this, so arrays, generators and foreign loaders are all one to them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
import numpy as np


class NamedArray(NamedTuple):
    """One leaf of the data a user gave.

    Args:
        name: how messages call it: an input's or output's name, "x", "y", "sample_weight".
        array: anything with rows: NumPy or JAX array, nested list, pandas or polars object.
        dtype: NumPy name of the dtype to cast to; None for the dtype that JAX would give it (float64 → float32).
    """

    name: str
    array: Any
    dtype: str | None = None


@dataclass(slots=True)
class Batch:
    """The rows of one step, or of several steps when `steps` is more than 1.

    Shapes: a leaf is `[rows, …]` for one step, and `[steps, rows / steps, …]` for several, which are then all equally
    large. Leaves stand in the order in which the source was given them.

    Args:
        x: inputs.
        y: targets; empty where there are none.
        weights: sample weights, one entry for each target or none at all; an entry may be None.
        rows: number of rows of all its steps together.
        steps: number of steps.
        index: number of its first step within the epoch; the loop sets it.
        form: what a stream says of the types of targets and weights, which may change from batch to batch; None where
            they are the same for all batches.
    """

    x: tuple[np.ndarray, ...]
    y: tuple[np.ndarray, ...]
    weights: tuple[np.ndarray | None, ...]
    rows: int
    steps: int = 1
    index: int = 0
    form: Any = None


def stacked(batches: Sequence[Batch]) -> Batch | None:
    """Several batches of one step each as one of several steps; None where their shapes, dtypes or forms differ."""
    first = batches[0]
    leaves = [(*b.x, *b.y, *b.weights) for b in batches]
    alike = all(
        b.form is first.form and _kinds(row) == _kinds(leaves[0]) for b, row in zip(batches, leaves, strict=True)
    )
    if not alike:
        return None
    joined = tuple([_stack(column) for column in zip(*leaves, strict=True)])
    x, y = len(first.x), len(first.x) + len(first.y)
    rows = sum(b.rows for b in batches)
    return Batch(joined[:x], joined[x:y], joined[y:], rows, len(batches), first.index, first.form)


def _kinds(leaves: Sequence[Any]) -> list[Any]:
    return [None if leaf is None else (leaf.shape, leaf.dtype) for leaf in leaves]


def _stack(leaves: Sequence[Any]) -> Any:
    if leaves[0] is None:
        return None
    return jnp.stack(leaves) if any(isinstance(leaf, jax.Array) for leaf in leaves) else np.stack(leaves)


class Source(Protocol):
    """Data that can be read once an epoch.

    Attributes:
        once: whether this is one stream that goes on where the last epoch ended, and gives nothing more once it has
            ended.
    """

    once: bool = False

    @property
    def steps(self) -> int | None:
        """Number of steps of one epoch; None where it is not known in advance."""
        ...

    @property
    def rows(self) -> int | None:
        """Number of rows of one epoch; None where it is not known in advance."""
        ...

    def batches(self, epoch: int, chunk: int = 1) -> Iterator[Batch]:
        """The batches of `epoch`, in its order.

        With `chunk` more than 1, full batches come `chunk` steps at a time as one Batch, and what is left over comes
        one step at a time; the rows and their order are the same.
        """
        ...

    def begin_epoch(self) -> None:
        """An epoch begins."""

    def end_epoch(self) -> None:
        """An epoch has ended, and not by an exception."""

    def close(self) -> None:
        """Nobody reads on: threads of the source's own end."""
