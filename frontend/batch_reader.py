"""Reads what a stream gives as batches that fit the model: each is checked, cast and copied."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from ..compiler.errors import DataError, KgcError
from ..runtime.data.arrays import cast
from ..runtime.data.batches import Batch, NamedArray
from .fit_data import Data, prepare


class Form:
    """Types of the targets and weights of a batch, batch unknown; the same types are the same object."""

    __slots__ = ("targets", "weights")

    def __init__(self, data: Data) -> None:
        self.targets, self.weights = data.target_types(), data.weight_types()


class Reader:
    """Makes batches of items; the first one says how all must be: which of y and sample_weight there are, their
    dtypes and ranks.

    An item is `(x, y, sample_weight)`, `(x, y)`, `(x,)`, or x alone, each as `fit` takes it for arrays.  A list stands
    for a tuple, as loaders give it, but for a model of several inputs that is only asked to predict.

    Raises:
        DataError: a batch that does not fit the model, or is unlike the first.
    """

    def __init__(self, model: Any, class_weight: Any, what: str) -> None:
        self._model, self._class_weight, self._what = model, class_weight, what
        self._predicts = what.startswith("predict")
        self._forms: dict[Any, Form] = {}
        self._first: list[Any] | None = None
        self._known: dict[Any, tuple[Form, list[NamedArray]]] = {}

    def __call__(self, item: Any, number: int) -> Batch:
        try:
            kinds = _kinds_of(item)
            known = self._known.get(kinds) if kinds is not None else None
            if known is not None and len({len(array) for array in item}) == 1 and len(item[0]):
                return self._like(item, *known)
            x, y, weight = self._parts(item)
            data = prepare(self._model, x, y, weight, self._class_weight, self._what)
            batch = self._batch(data)
        except KgcError as error:
            error.what = f"batch {number} of the data (from 0): {error.what}"
            raise
        if kinds is not None:
            self._remember(kinds, item, data, batch)
        return batch

    def _remember(self, kinds: Any, item: tuple[np.ndarray, ...], data: Data, batch: Batch) -> None:
        """Batches like this one need not be looked at from the ground up: 29 us in place of 157."""
        leaves = [leaf for leaf in (*data.x, *data.y, *data.weights) if leaf is not None]
        plain = [id(leaf.array) for leaf in leaves] == [id(array) for array in item]
        whole = np.dtype(leaves[0].dtype).kind != "f" and leaves[0].array.dtype.kind == "f"  # must hold no fractions
        if plain and not whole:
            self._known[kinds] = batch.form, leaves

    def _like(self, item: tuple[np.ndarray, ...], form: Form, leaves: list[NamedArray]) -> Batch:
        """The batch of x, or x and y, or x, y and weights, whose dtypes and shapes are known; labels are checked."""
        if len(item) > 1:
            loss = self._model._require_compiled("fit").losses[0]
            if loss is not None:
                loss.check_target(item[1], self._model.outputs[0], leaves[1].name)
        taken = [_taken(leaf._replace(array=array)) for leaf, array in zip(leaves, item, strict=True)]
        weights: tuple[Any, ...] = tuple(taken[2:]) if len(taken) != 2 else (None,)
        return Batch(x=(taken[0],), y=tuple(taken[1:2]), weights=weights, rows=len(taken[0]), form=form)

    def _parts(self, item: Any) -> tuple[Any, Any, Any]:
        model = self._model
        if self._predicts and isinstance(item, list) and model.has_graph and len(item) == len(model.inputs) > 1:
            return item, None, None
        if not isinstance(item, list | tuple):
            return item, None, None
        if not 1 <= len(item) <= 3:
            raise DataError(
                f"{self._what} takes batches as (x, y), (x, y, sample_weight) or x",
                received=f"a {type(item).__name__} of {len(item)}",
                hint="several inputs or targets go in as a list or dict of their own: `([a, b], y)`.",
            )
        x, y, weight = (*item, None, None)[:3]
        return x, None if self._predicts else y, None if self._predicts else weight

    def _batch(self, data: Data) -> Batch:
        if not data.rows:
            raise DataError(
                f"{self._what} was given a batch that holds no rows",
                received=", ".join(f"{leaf.name}: {leaf.array.shape}" for leaf in data.x),
                hint="leave out batches that a filter has emptied.",
            )
        kinds = [_kind(leaf) for leaf in (*data.y, *data.weights)]
        if self._first is None:
            self._first = kinds
        elif kinds != self._first:
            leaf, first, found = next(
                row for row in zip((*data.y, *data.weights), self._first, kinds, strict=True) if row[1] != row[2]
            )
            name = leaf.name if leaf is not None else "y or sample_weight"
            raise DataError(
                f"{name} differs from that of the first batch",
                received=f"{_shown_kind(found)}, after {_shown_kind(first)}",
                hint="all batches have the same structure, dtypes and numbers of axes.",
            )
        sizes = tuple(
            [None if leaf is None else (leaf.array.shape[1:], leaf.dtype) for leaf in (*data.y, *data.weights)]
        )
        form = self._forms.get(sizes)
        if form is None:
            form = self._forms[sizes] = Form(data)
        x = [_taken(leaf) for leaf in data.x]
        y, weights = ([None if leaf is None else _taken(leaf) for leaf in group] for group in (data.y, data.weights))
        targets = tuple([leaf for leaf in y if leaf is not None])
        return Batch(x=tuple(x), y=targets, weights=tuple(weights), rows=data.rows, form=form)


def _kinds_of(item: Any) -> Any:
    """Dtypes and shapes of a tuple of arrays, but for the number of rows; None of anything else."""
    if type(item) is not tuple or not all([type(array) is np.ndarray and array.ndim for array in item]):
        return None
    return tuple([(array.dtype, array.shape[1:]) for array in item])


def _kind(leaf: NamedArray | None) -> Any:
    return None if leaf is None else (np.dtype(leaf.dtype or leaf.array.dtype).name, leaf.array.ndim)


def _shown_kind(kind: Any) -> str:
    return "nothing" if kind is None else f"{kind[0]} of {kind[1]} axes"


def _taken(leaf: NamedArray) -> np.ndarray:
    """The array in its dtype.  A copy: generators fill one buffer again and again, and a step may still be reading."""
    dtype = np.dtype(leaf.dtype) if leaf.dtype is not None else jax.dtypes.canonicalize_dtype(leaf.array.dtype)
    made = cast(leaf.array, dtype, leaf.name)
    return np.array(made) if made is leaf.array else made
