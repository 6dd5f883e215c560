"""Metrics that weigh several counts into one score: FBetaScore, F1Score, R2Score."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..compiler.errors import ArgumentError, GraphError, ShapeError
from . import ops
from .broadcasting import as_float, count
from .metrics_base import Metric
from .saving.registry import serializable

_EPSILON = 1e-7
_AVERAGES = (None, "micro", "macro", "weighted")
_AGGREGATIONS = (None, "uniform_average", "variance_weighted_average")


def _register(*aliases: str) -> Any:
    return serializable("keras.metrics", kind="metric", aliases=aliases)


class _ByClass(Metric):
    """Base of metrics whose state has a number for each class, and is made at the first batch."""

    def _tables(self, y_true: Any, y_pred: Any) -> tuple[Any, Any]:
        """Both as floats.

        Raises:
            ShapeError: they are no tables of one row for each sample, of a known number of columns.
        """
        y_true, y_pred = as_float(y_true, self.dtype), as_float(y_pred, self.dtype)
        ranks = len(y_true.shape), len(y_pred.shape)
        if ranks != (2, 2) or not isinstance(y_pred.shape[-1], int):
            raise ShapeError(
                f"metric '{self.name}' takes targets and predictions of two axes, the last one of known size",
                received=f"y_true: {y_true.shape}, y_pred: {y_pred.shape}",
                hint="one row for each sample; integer targets become such rows by `utils.to_categorical`.",
            )
        return y_true, y_pred

    def _need(self, what: str) -> None:
        if what not in self.__dict__:
            raise GraphError(
                f"metric '{self.name}' does not know yet how many columns there are",
                received="no batch so far",
                hint="update it first.",
            )

    def _add(self, **values: Any) -> None:
        for name, value in values.items():
            getattr(self, name).assign(ops.add(getattr(self, name), value))


@_register()
class FBetaScore(_ByClass):
    """(1 + beta²) precision * recall / (beta² precision + recall), by class.

    Args:
        average: None (a number for each class), "macro" (their mean), "weighted" (their mean by how often each is
            true), "micro" (of counts over all classes).
        beta: how much more recall counts than precision.
        threshold: found is what has a score above this; by default the largest score of each sample.
    """

    true_positives: Any
    false_positives: Any
    false_negatives: Any
    intermediate_weights: Any

    def __init__(
        self,
        average: str | None = None,
        beta: float = 1.0,
        threshold: float | None = None,
        name: str | None = "fbeta_score",
        dtype: Any = None,
    ) -> None:
        super().__init__(dtype, name)
        named = f"{type(self).__name__}()"
        if average not in _AVERAGES:
            raise ArgumentError(
                f"{named} takes average as one of {', '.join(map(repr, _AVERAGES))}",
                received=f"{average=}",
                hint="None gives a number for each class.",
            )
        for what, value, right in (
            ("beta", beta, isinstance(beta, int | float) and beta > 0),
            ("threshold", threshold, threshold is None or (isinstance(threshold, int | float) and 0 < threshold <= 1)),
        ):
            if isinstance(value, bool) or not right:
                raise ArgumentError(
                    f"{named} takes {what} as a number above 0", received=f"{what}={value!r}", hint="for example 0.5."
                )
        self.average, self.beta, self.threshold = average, beta, threshold
        self._direction = "up"

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        y_true, y_pred = self._tables(y_true, y_pred)
        if "true_positives" not in self.__dict__:
            shape = () if self.average == "micro" else (y_pred.shape[-1],)
            for name in ("true_positives", "false_positives", "false_negatives", "intermediate_weights"):
                setattr(self, name, self.add_variable(shape, "zeros", name=name))
        if self.threshold is None:
            largest = ops.greater_equal(y_pred, ops.max(y_pred, -1, keepdims=True))
            found = ops.logical_and(largest, ops.greater(ops.absolute(y_pred), 1e-9))
        else:
            found = ops.greater(y_pred, self.threshold)
        found = ops.cast(found, self.dtype)
        weight = None if sample_weight is None else ops.expand_dims(as_float(sample_weight, self.dtype), 1)
        axis = None if self.average == "micro" else 0

        def total(values: Any) -> Any:
            return ops.sum(values if weight is None else ops.multiply(values, weight), axis)

        self._add(
            true_positives=total(ops.multiply(found, y_true)),
            false_positives=total(ops.multiply(found, ops.subtract(1.0, y_true))),
            false_negatives=total(ops.multiply(ops.subtract(1.0, found), y_true)),
            intermediate_weights=total(y_true),
        )

    def result(self) -> Any:
        self._need("true_positives")
        true = self.true_positives.value
        found = ops.add(ops.add(true, self.false_positives), _EPSILON)
        wanted = ops.add(ops.add(true, self.false_negatives), _EPSILON)
        precision, recall = ops.divide(true, found), ops.divide(true, wanted)
        square = self.beta * self.beta
        below = ops.add(ops.add(ops.multiply(precision, square), recall), _EPSILON)
        score = ops.divide(ops.multiply(ops.multiply(precision, recall), 1.0 + square), below)
        if self.average == "weighted":
            weights = self.intermediate_weights.value
            return ops.sum(ops.multiply(score, ops.divide(weights, ops.add(ops.sum(weights), _EPSILON))))
        return score if self.average is None else ops.mean(score)

    def get_config(self) -> dict[str, Any]:
        """Arguments that make the same metric."""
        return {**super().get_config(), "average": self.average, "beta": self.beta, "threshold": self.threshold}


@_register()
class F1Score(FBetaScore):
    """2 precision * recall / (precision + recall), by class; arguments as in `FBetaScore`."""

    def __init__(
        self,
        average: str | None = None,
        threshold: float | None = None,
        name: str | None = "f1_score",
        dtype: Any = None,
    ) -> None:
        super().__init__(average=average, beta=1.0, threshold=threshold, name=name, dtype=dtype)

    def get_config(self) -> dict[str, Any]:
        """Arguments that make the same metric."""
        config = super().get_config()
        del config["beta"]
        return config


@_register()
class R2Score(_ByClass):
    """1 - the sum of squared errors / the sum of squares around the mean, by column.

    Args:
        class_aggregation: None (a number for each column), "uniform_average" (their mean),
            "variance_weighted_average" (their mean by the spread of each).
        num_regressors: number of variables that predictions rest on, for the adjusted score.
    """

    squared_sum: Any
    total: Any
    residual: Any
    count: Any

    def __init__(
        self,
        class_aggregation: str | None = "uniform_average",
        num_regressors: int = 0,
        name: str | None = "r2_score",
        dtype: Any = None,
    ) -> None:
        super().__init__(dtype, name)
        if class_aggregation not in _AGGREGATIONS:
            raise ArgumentError(
                f"R2Score() takes class_aggregation as one of {', '.join(map(repr, _AGGREGATIONS))}",
                received=f"{class_aggregation=}",
                hint="None gives a number for each column.",
            )
        if isinstance(num_regressors, bool) or not isinstance(num_regressors, int) or num_regressors < 0:
            raise ArgumentError(
                "R2Score() takes num_regressors as an int of at least 0",
                received=f"{num_regressors=}",
                hint="0 gives the score that is not adjusted.",
            )
        self.class_aggregation, self.num_regressors = class_aggregation, num_regressors
        self._direction = "up"
        self.num_samples = self.add_variable((), "zeros", name="num_samples")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        y_true, y_pred = self._tables(y_true, y_pred)
        if "squared_sum" not in self.__dict__:
            for name, known in (
                ("squared_sum", "squared_sum"),
                ("total", "sum"),
                ("residual", "residual"),
                ("count", "count"),
            ):
                setattr(self, name, self.add_variable((y_pred.shape[-1],), "zeros", name=known))
        weight = ops.ones_like(y_true)
        if sample_weight is not None:
            given = as_float(sample_weight, self.dtype)
            given = ops.expand_dims(given, 1) if len(given.shape) == 1 else given
            weight = ops.multiply(weight, given)
        weighted = ops.multiply(y_true, weight)
        errors = ops.square(ops.subtract(y_true, y_pred))
        self._add(
            squared_sum=ops.sum(ops.multiply(y_true, weighted), 0),
            total=ops.sum(weighted, 0),
            residual=ops.sum(ops.multiply(errors, weight), 0),
            count=ops.sum(weight, 0),
            num_samples=count(y_true),
        )

    def result(self) -> Any:
        self._need("squared_sum")
        mean = ops.divide(self.total, self.count)
        spread = ops.subtract(self.squared_sum, ops.multiply(self.total, mean))
        score = ops.subtract(1.0, ops.divide(self.residual, spread))
        score = ops.where(ops.equal(ops.absolute(score), np.float32(np.inf)), 0.0, score)
        if self.class_aggregation == "uniform_average":
            score = ops.mean(score)
        elif self.class_aggregation == "variance_weighted_average":
            score = ops.divide(ops.sum(ops.multiply(score, spread)), ops.sum(spread))
        if not self.num_regressors:
            return score
        rest = ops.subtract(self.num_samples.value, float(self.num_regressors + 1))
        factor = ops.divide(ops.subtract(self.num_samples.value, 1.0), rest)
        return ops.subtract(1.0, ops.multiply(ops.subtract(1.0, score), factor))

    def get_config(self) -> dict[str, Any]:
        """Arguments that make the same metric."""
        config = {"class_aggregation": self.class_aggregation, "num_regressors": self.num_regressors}
        return {**super().get_config(), **config}
