"""Metrics: what training reports.  Here is how a metric is found by its name, and chosen for an output."""

from __future__ import annotations

from typing import Any

from ..compiler.ir import Value
from . import identifiers, losses
from .metric_functions import (
    binary_accuracy,
    categorical_accuracy,
    sparse_categorical_accuracy,
)
from .metrics_base import Mean as Mean, MeanMetricWrapper, Metric, Sum as Sum
from .metrics_confusion import (
    FalseNegatives as FalseNegatives,
    FalsePositives as FalsePositives,
    Precision as Precision,
    Recall as Recall,
    TrueNegatives as TrueNegatives,
    TruePositives as TruePositives,
)
from .metrics_curve import (
    AUC as AUC,
    PrecisionAtRecall as PrecisionAtRecall,
    RecallAtPrecision as RecallAtPrecision,
    SensitivityAtSpecificity as SensitivityAtSpecificity,
    SpecificityAtSensitivity as SpecificityAtSensitivity,
)
from .metrics_mean import (
    Accuracy as Accuracy,
    BinaryAccuracy as BinaryAccuracy,
    BinaryCrossentropy as BinaryCrossentropy,
    CategoricalAccuracy as CategoricalAccuracy,
    CategoricalCrossentropy as CategoricalCrossentropy,
    CategoricalHinge as CategoricalHinge,
    ConcordanceCorrelation as ConcordanceCorrelation,
    CosineSimilarity as CosineSimilarity,
    Hinge as Hinge,
    KLDivergence as KLDivergence,
    LogCoshError as LogCoshError,
    MeanAbsoluteError as MeanAbsoluteError,
    MeanAbsolutePercentageError as MeanAbsolutePercentageError,
    MeanSquaredError as MeanSquaredError,
    MeanSquaredLogarithmicError as MeanSquaredLogarithmicError,
    PearsonCorrelation as PearsonCorrelation,
    Poisson as Poisson,
    RootMeanSquaredError as RootMeanSquaredError,
    SparseCategoricalAccuracy as SparseCategoricalAccuracy,
    SparseCategoricalCrossentropy as SparseCategoricalCrossentropy,
    SparseTopKCategoricalAccuracy as SparseTopKCategoricalAccuracy,
    SquaredHinge as SquaredHinge,
    TopKCategoricalAccuracy as TopKCategoricalAccuracy,
)
from .metrics_score import F1Score as F1Score, FBetaScore as FBetaScore, R2Score as R2Score

_CHOSEN: dict[str, tuple[Any, Any, Any]] = {
    "accuracy": (binary_accuracy, sparse_categorical_accuracy, categorical_accuracy),
    "crossentropy": (
        losses.binary_crossentropy,
        losses.sparse_categorical_crossentropy,
        losses.categorical_crossentropy,
    ),
}
_SHORT = {"acc": "accuracy", "ce": "crossentropy"}


def get_for_output(identifier: Any, target: Value | None, output: Value) -> Any:
    """The metric of an identifier for an output: "accuracy" is chosen by the shapes, as Keras chooses.

    Raises:
        ArgumentError: it names no metric.
    """
    if isinstance(identifier, str) and identifier.lower() in {*_CHOSEN, *_SHORT}:
        word = identifier.lower()
        binary, sparse, categorical = _CHOSEN[_SHORT.get(word, word)]
        last = output.shape[-1] if output.shape else 1
        if isinstance(last, int) and last == 1:
            return MeanMetricWrapper(binary, identifier)
        shape = () if target is None else target.shape
        one = bool(shape) and isinstance(shape[-1], int) and shape[-1] == 1
        return MeanMetricWrapper(sparse if len(shape) < len(output.shape) or one else categorical, identifier)
    metric = get(identifier)
    if isinstance(identifier, str):
        metric.name = identifier  # logs show what the user wrote
    return metric


def check(identifier: Any) -> None:
    """Refuse what `get_for_output` cannot make a metric of.

    Raises:
        ArgumentError: it names no metric, or is a function of other than two arguments.
    """
    if not isinstance(identifier, str) or identifier.lower() not in {*_CHOSEN, *_SHORT}:
        get(identifier)


def get(identifier: Any) -> Any:
    """The metric of a name, metric, loss, function, or config; None stays None.

    Raises:
        ArgumentError: it names no metric.
    """
    if identifier is None or isinstance(identifier, Metric):
        return identifier
    if isinstance(identifier, losses.Loss):
        loss = identifier
        return MeanMetricWrapper(lambda y, p: loss(y, p), loss.name)
    found = identifiers.get("metric", identifier, any_case=True)
    if isinstance(found, Metric):
        return found
    name = getattr(found, "__name__", "metric")
    identifiers.check_two_arguments(f"metric '{name}'", found)
    return MeanMetricWrapper(found, name)


def serialize(metric: Any) -> Any:
    """The config by which files name a metric."""
    return identifiers.serialize("metric", metric)


def deserialize(config: Any, custom_objects: Any = None) -> Any:
    """The metric of a config."""
    return identifiers.get("metric", config, custom_objects=custom_objects)
