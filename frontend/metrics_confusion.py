"""Metrics of yes and no: counts of what was found, missed and wrongly found, at thresholds; Precision and Recall."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..compiler.errors import ArgumentError, ShapeError
from . import ops
from .broadcasting import as_float, same_rank
from .metrics_base import Metric
from .saving.registry import serializable

_LOWEST = -1e10
"""What stands for the score of a class that is not among the first k, and is above no threshold."""


def _register(*aliases: str) -> Any:
    return serializable("keras.metrics", kind="metric", aliases=aliases)


def checked_thresholds(what: str, thresholds: Any) -> list[float]:
    """Thresholds as a list.

    Raises:
        ArgumentError: one is no number from 0 to 1.
    """
    given = list(thresholds) if isinstance(thresholds, list | tuple | np.ndarray) else [thresholds]
    right = [isinstance(one, int | float | np.number) and not isinstance(one, bool) and 0 <= one <= 1 for one in given]
    if not given or not all(right):
        raise ArgumentError(
            f"{what} takes thresholds from 0 to 1",
            received=f"thresholds={thresholds!r}",
            hint="predictions are probabilities: put a sigmoid before them.",
        )
    return [float(one) for one in given]


def only_top_k(y_pred: Any, k: int) -> Any:
    """The k largest scores along the last axis; all others are below every threshold."""
    chosen = ops.sum(ops.one_hot(ops.top_k(y_pred, k)[1], y_pred.shape[-1]), -2)
    return ops.where(ops.greater(chosen, 0.0), y_pred, _LOWEST)


def counts(
    y_true: Any,
    y_pred: Any,
    thresholds: Sequence[float],
    sample_weight: Any,
    dtype: str,
    by_label: bool = False,
) -> dict[str, Any]:
    """Weighted numbers of true and false positives and negatives at each threshold, by name.

    Shapes: (thresholds,), or (thresholds, labels) with `by_label`.

    Args:
        y_true, y_pred: truths of 0 and 1 and scores, of one shape but for an axis of size 1 at the end.
        by_label: whether the last axis holds labels that are counted on their own.
    """
    y_true, y_pred = same_rank(as_float(y_true, dtype), as_float(y_pred, dtype))
    if len(y_true.shape) != len(y_pred.shape):
        raise ShapeError(
            "targets and predictions must have one shape",
            received=f"y_true: {y_true.shape}, y_pred: {y_pred.shape}",
            hint="one truth of 0 or 1 goes with each score.",
        )
    weight = None if sample_weight is None else _spread(as_float(sample_weight, dtype), y_pred)
    kept = (y_pred.shape[-1],) if by_label else ()
    shape = (1, -1, *kept)
    y_true, y_pred = ops.reshape(y_true, shape), ops.reshape(y_pred, shape)
    steps = np.asarray(thresholds, "float32").reshape(-1, 1, *[1] * len(kept))
    y_true = ops.cast(ops.not_equal(y_true, 0.0), dtype)
    found = ops.greater(y_pred, steps)
    yes = y_true if weight is None else ops.multiply(y_true, ops.reshape(weight, shape))
    no = ops.subtract(1.0, y_true)
    no = no if weight is None else ops.multiply(no, ops.reshape(weight, shape))
    total = {
        "true_positives": (found, yes),
        "false_positives": (found, no),
        "true_negatives": (ops.logical_not(found), no),
        "false_negatives": (ops.logical_not(found), yes),
    }
    return {name: ops.sum(ops.where(where, values, 0.0), 1) for name, (where, values) in total.items()}


def _spread(weight: Any, like: Any) -> Any:
    """Weights by sample as weights by score."""
    like, weight = same_rank(like, weight, expand_rank_1=False)
    for _ in range(len(like.shape) - len(weight.shape)):
        weight = ops.expand_dims(weight, -1)
    return ops.broadcast_to(weight, like.shape)


def share(part: Any, rest: Any) -> Any:
    """part / (part + rest), and 0 where both are 0."""
    total = ops.add(part, rest)
    empty = ops.equal(total, 0.0)
    return ops.where(empty, 0.0, ops.divide(part, ops.where(empty, 1.0, total)))


class _Count(Metric):
    """Base of weighted counts at thresholds."""

    counted: str

    def __init__(self, thresholds: Any = None, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(dtype, name)
        self.init_thresholds = thresholds
        self.thresholds = checked_thresholds(f"{type(self).__name__}()", 0.5 if thresholds is None else thresholds)
        self._direction = "up" if self.counted.startswith("true") else "down"
        self.accumulator = self.add_variable((len(self.thresholds),), "zeros", name="accumulator")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        found = counts(y_true, y_pred, self.thresholds, sample_weight, self.dtype)
        self.accumulator.assign(ops.add(self.accumulator, found[self.counted]))

    def result(self) -> Any:
        value = self.accumulator.value
        return value[0] if len(self.thresholds) == 1 else value

    def get_config(self) -> dict[str, Any]:
        """Arguments that make the same metric."""
        return {**super().get_config(), "thresholds": self.init_thresholds}


@_register()
class TruePositives(_Count):
    """How many scores above a threshold (0.5 by default; several: a number for each) are of a truth of 1."""

    counted = "true_positives"


@_register()
class FalsePositives(_Count):
    """How many scores above a threshold (0.5 by default; several: a number for each) are of a truth of 0."""

    counted = "false_positives"


@_register()
class TrueNegatives(_Count):
    """How many scores up to a threshold (0.5 by default; several: a number for each) are of a truth of 0."""

    counted = "true_negatives"


@_register()
class FalseNegatives(_Count):
    """How many scores up to a threshold (0.5 by default; several: a number for each) are of a truth of 1."""

    counted = "false_negatives"


class _Share(Metric):
    """Base of Precision and Recall: the share of true positives among them and another count."""

    other: str

    def __init__(
        self,
        thresholds: Any = None,
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(dtype, name)
        for what, value, least in (("top_k", top_k, 1), ("class_id", class_id, 0)):
            right = isinstance(value, int | np.integer) and not isinstance(value, bool) and value >= least
            if value is not None and not right:
                raise ArgumentError(
                    f"{type(self).__name__}() takes {what} as an int of at least {least}",
                    received=f"{what}={value!r}",
                    hint="leave it out for all classes.",
                )
        self._direction = "up"
        self.init_thresholds, self.top_k, self.class_id = thresholds, top_k, class_id
        named = f"{type(self).__name__}()"
        if thresholds is None:  # whatever is among the first k counts
            self.thresholds = [0.5 if top_k is None else _LOWEST]
        else:
            self.thresholds = checked_thresholds(named, thresholds)
        shape = (len(self.thresholds),)
        self.true_positives = self.add_variable(shape, "zeros", name="true_positives")
        self._other = self.add_variable(shape, "zeros", name=self.other)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        y_true, y_pred = same_rank(as_float(y_true, self.dtype), as_float(y_pred, self.dtype))
        if self.top_k is not None:
            y_pred = only_top_k(y_pred, self.top_k)
        if self.class_id is not None:
            y_true, y_pred = (ops.getitem(x, (..., self.class_id)) for x in (y_true, y_pred))
        found = counts(y_true, y_pred, self.thresholds, sample_weight, self.dtype)
        self.true_positives.assign(ops.add(self.true_positives, found["true_positives"]))
        self._other.assign(ops.add(self._other, found[self.other]))

    def result(self) -> Any:
        value = share(self.true_positives.value, self._other.value)
        return value[0] if len(self.thresholds) == 1 else value

    def get_config(self) -> dict[str, Any]:
        """Arguments that make the same metric."""
        config = {"thresholds": self.init_thresholds, "top_k": self.top_k, "class_id": self.class_id}
        return {**super().get_config(), **config}


@_register()
class Precision(_Share):
    """Of what was found, the share that is true: tp / (tp + fp).

    Args:
        thresholds: found is what has a score above 0.5, above this, or (several: one result each) above these.
        top_k: found are the k largest scores of each sample (above the threshold, if one is given).
        class_id: counts this class alone, of the last axis.
    """

    other = "false_positives"


@_register()
class Recall(_Share):
    """Of what is true, the share that was found: tp / (tp + fn).

    Args:
        thresholds: found is what has a score above 0.5, above this, or (several: one result each) above these.
        top_k: found are the k largest scores of each sample (above the threshold, if one is given).
        class_id: counts this class alone, of the last axis.
    """

    other = "false_negatives"
