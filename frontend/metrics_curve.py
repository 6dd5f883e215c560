"""Metrics of curves over thresholds: AUC, and the best of one share where another is given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..compiler.errors import ArgumentError, GraphError, nearest
from . import ops
from .broadcasting import as_float, same_rank
from .metrics_base import Metric
from .metrics_confusion import checked_thresholds, counts, share
from .saving.registry import serializable

_COUNTS = ("true_positives", "false_positives", "true_negatives", "false_negatives")
_MARGIN = 1e-7
"""How far the outer thresholds lie beyond 0 and 1, so that all scores are above the one and none above the other."""


def _register(*aliases: str) -> Any:
    return serializable("keras.metrics", kind="metric", aliases=aliases)


class _Curve(Metric):
    """Base of metrics that count at many thresholds."""

    true_positives: Any
    false_positives: Any
    true_negatives: Any
    false_negatives: Any
    thresholds: list[float]

    def __init__(self, name: str | None, dtype: Any) -> None:
        super().__init__(dtype, name)
        self._direction = "up"

    def _make(self, shape: tuple[int, ...]) -> None:
        for name in _COUNTS:
            setattr(self, name, self.add_variable(shape, "zeros", name=name))

    def _count(self, y_true: Any, y_pred: Any, sample_weight: Any, by_label: bool = False) -> None:
        found = counts(y_true, y_pred, self.thresholds, sample_weight, self.dtype, by_label)
        for name in _COUNTS:
            getattr(self, name).assign(ops.add(getattr(self, name), found[name]))


def _spaced(what: str, count: Any) -> list[float]:
    """That many thresholds from 0 to 1.

    Raises:
        ArgumentError: fewer than two, or no int.
    """
    if isinstance(count, bool) or not isinstance(count, int | np.integer) or count < 2:
        raise ArgumentError(
            f"{what} takes num_thresholds as an int of at least 2",
            received=f"num_thresholds={count!r}",
            hint="200 is the default.",
        )
    return [index / (int(count) - 1) for index in range(int(count))]


@_register()
class AUC(_Curve):
    """The area under a curve over thresholds, by a sum over them.

    Args:
        num_thresholds: how many thresholds, from 0 to 1.
        curve: "ROC" (recall over the share of the false that is found) or "PR" (precision over recall).
        summation_method: "interpolation" (trapezoids; for PR as in Davis & Goadrich, 2006), "minoring", "majoring".
        thresholds: those between 0 and 1, in place of `num_thresholds`.
        multi_label: whether the last axis holds labels; each has an area, and the result is their mean.
        num_labels: how many, if the metric is to be ready before its first batch.
        label_weights: weights of the labels in that mean.
        from_logits: whether predictions are logits.
    """

    def __init__(
        self,
        num_thresholds: int = 200,
        curve: str = "ROC",
        summation_method: str = "interpolation",
        name: str | None = None,
        dtype: Any = None,
        thresholds: Sequence[float] | None = None,
        multi_label: bool = False,
        num_labels: int | None = None,
        label_weights: Sequence[float] | None = None,
        from_logits: bool = False,
    ) -> None:
        super().__init__(name, dtype)
        self.curve = self._word("curve", curve, ("ROC", "PR"))
        methods = ("interpolation", "minoring", "majoring")
        self.summation_method = self._word("summation_method", summation_method, methods)
        if not multi_label and (label_weights is not None or num_labels is not None):
            raise ArgumentError(
                "AUC() takes num_labels and label_weights with multi_label=True only",
                received=f"{num_labels=}, {label_weights=}",
                hint="without it all scores belong to one curve.",
            )
        if thresholds is None:
            between = _spaced("AUC()", num_thresholds)[1:-1]
        else:
            between = sorted(checked_thresholds("AUC()", thresholds))
        self._init_thresholds = None if thresholds is None else list(thresholds)
        self.thresholds = [-_MARGIN, *between, 1.0 + _MARGIN]
        self.num_thresholds = len(self.thresholds)
        self.multi_label, self.from_logits, self.num_labels = multi_label, from_logits, num_labels
        self.label_weights = None if label_weights is None else [float(weight) for weight in label_weights]
        if not multi_label:
            self._make((self.num_thresholds,))
        elif num_labels is not None:
            self._make((self.num_thresholds, num_labels))

    @staticmethod
    def _word(what: str, value: Any, allowed: tuple[str, ...]) -> str:
        found = next((word for word in allowed if isinstance(value, str) and word.lower() == value.lower()), None)
        if found is None:
            raise ArgumentError(
                f"AUC() takes {what} as one of {', '.join(map(repr, allowed))}",
                received=f"{what}={value!r}",
                hint=nearest(str(value), list(allowed)),
            )
        return found

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        y_pred = as_float(y_pred, self.dtype)
        if self.from_logits:
            y_pred = ops.sigmoid(y_pred)
        if self.multi_label and not self._variables:
            self._make((self.num_thresholds, y_pred.shape[-1]))
        self._count(y_true, y_pred, sample_weight, self.multi_label)

    def result(self) -> Any:
        if not self._variables:
            raise GraphError(
                f"metric '{self.name}' does not know yet how many labels there are",
                received="num_labels=None, and no batch so far",
                hint="give `num_labels`, or update it first.",
            )
        if self.curve == "PR" and self.summation_method == "interpolation":
            areas = self._interpolated()
        else:
            areas = self._summed()
        if not self.multi_label:
            return areas
        if self.label_weights is None:
            return ops.mean(areas)
        weights = np.asarray(self.label_weights, "float32")
        return ops.divide(ops.sum(ops.multiply(areas, weights)), float(weights.sum()) or 1.0)

    def _summed(self) -> Any:
        recall = share(self.true_positives.value, self.false_negatives.value)
        if self.curve == "ROC":
            x, y = share(self.false_positives.value, self.true_negatives.value), recall
        else:
            x, y = recall, share(self.true_positives.value, self.false_positives.value)
        if self.summation_method == "interpolation":
            heights = ops.multiply(ops.add(y[:-1], y[1:]), 0.5)
        else:
            heights = (ops.minimum if self.summation_method == "minoring" else ops.maximum)(y[:-1], y[1:])
        return ops.sum(ops.multiply(ops.subtract(x[:-1], x[1:]), heights), 0)

    def _interpolated(self) -> Any:
        """Between two thresholds true positives grow in proportion to all that is found, and precision does not."""
        true, found = self.true_positives.value, ops.add(self.true_positives, self.false_positives)
        gained = ops.subtract(true[:-1], true[1:])
        slope = _ratio(gained, ops.maximum(ops.subtract(found[:-1], found[1:]), 0.0))
        intercept = ops.subtract(true[1:], ops.multiply(slope, found[1:]))
        both = ops.logical_and(ops.greater(found[:-1], 0.0), ops.greater(found[1:], 0.0))
        growth = ops.where(both, _ratio(found[:-1], ops.maximum(found[1:], 0.0)), 1.0)
        total = ops.maximum(ops.add(true[1:], self.false_negatives.value[1:]), 0.0)
        area = ops.multiply(slope, ops.add(gained, ops.multiply(intercept, ops.log(growth))))
        return ops.sum(_ratio(area, total), 0)

    def get_config(self) -> dict[str, Any]:
        """Arguments that make the same metric."""
        config: dict[str, Any] = {
            "num_thresholds": self.num_thresholds,
            "curve": self.curve,
            "summation_method": self.summation_method,
            "multi_label": self.multi_label,
            "num_labels": self.num_labels,
            "label_weights": self.label_weights,
            "from_logits": self.from_logits,
        }
        if self._init_thresholds is not None:
            config["thresholds"] = self._init_thresholds
        return {**super().get_config(), **config}


def _ratio(above: Any, below: Any) -> Any:
    """above / below, and 0 where below is 0."""
    empty = ops.equal(below, 0.0)
    return ops.where(empty, 0.0, ops.divide(above, ops.where(empty, 1.0, below)))


class _Best(_Curve):
    """Base of metrics that give the largest of one share over the thresholds at which another is large enough."""

    given: str

    def __init__(self, value: float, num_thresholds: int, class_id: int | None, name: str | None, dtype: Any) -> None:
        super().__init__(name, dtype)
        named = f"{type(self).__name__}()"
        if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not 0 <= value <= 1:
            raise ArgumentError(
                f"{named} takes {self.given} as a number from 0 to 1",
                received=f"{self.given}={value!r}",
                hint="for example 0.5.",
            )
        self.value, self.num_thresholds, self.class_id = float(value), num_thresholds, class_id
        self.thresholds = [0.5] if num_thresholds == 1 else _spaced(named, num_thresholds)
        self._make((len(self.thresholds),))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        if self.class_id is not None:
            y_true, y_pred = same_rank(as_float(y_true, self.dtype), as_float(y_pred, self.dtype))
            y_true, y_pred = (ops.getitem(x, (..., self.class_id)) for x in (y_true, y_pred))
        self._count(y_true, y_pred, sample_weight)

    def shares(self) -> tuple[Any, Any]:
        """What must be large enough, and what is then made as large as can be."""
        raise NotImplementedError

    @property
    def sensitivities(self) -> Any:
        """Of what is true, the share that was found."""
        return share(self.true_positives.value, self.false_negatives.value)

    @property
    def specificities(self) -> Any:
        """Of what is false, the share that was not found."""
        return share(self.true_negatives.value, self.false_positives.value)

    @property
    def precisions(self) -> Any:
        """Of what was found, the share that is true."""
        return share(self.true_positives.value, self.false_positives.value)

    def result(self) -> Any:
        bound, wanted = self.shares()
        good = ops.greater_equal(bound, self.value)
        return ops.max(ops.where(good, wanted, 0.0))

    def get_config(self) -> dict[str, Any]:
        """Arguments that make the same metric."""
        config = {"class_id": self.class_id, "num_thresholds": self.num_thresholds, self.given: self.value}
        return {**super().get_config(), **config}


@_register()
class SensitivityAtSpecificity(_Best):
    """The largest tp / (tp + fn) over thresholds at which tn / (tn + fp) is `specificity` at least."""

    given = "specificity"

    def __init__(
        self,
        specificity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(specificity, num_thresholds, class_id, name, dtype)

    def shares(self) -> tuple[Any, Any]:
        """Specificity and sensitivity."""
        return self.specificities, self.sensitivities


@_register()
class SpecificityAtSensitivity(_Best):
    """The largest tn / (tn + fp) over thresholds at which tp / (tp + fn) is `sensitivity` at least."""

    given = "sensitivity"

    def __init__(
        self,
        sensitivity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(sensitivity, num_thresholds, class_id, name, dtype)

    def shares(self) -> tuple[Any, Any]:
        """Sensitivity and specificity."""
        return self.sensitivities, self.specificities


@_register()
class PrecisionAtRecall(_Best):
    """The largest tp / (tp + fp) over thresholds at which tp / (tp + fn) is `recall` at least."""

    given = "recall"

    def __init__(
        self,
        recall: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(recall, num_thresholds, class_id, name, dtype)

    def shares(self) -> tuple[Any, Any]:
        """Recall and precision."""
        return self.sensitivities, self.precisions


@_register()
class RecallAtPrecision(_Best):
    """The largest tp / (tp + fn) over thresholds at which tp / (tp + fp) is `precision` at least."""

    given = "precision"

    def __init__(
        self,
        precision: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(precision, num_thresholds, class_id, name, dtype)

    def shares(self) -> tuple[Any, Any]:
        """Precision and recall."""
        return self.precisions, self.sensitivities
