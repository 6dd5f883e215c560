"""Metrics that are means of a function of targets and predictions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..compiler.errors import ArgumentError
from . import crossentropy_functions as crossentropies, loss_functions as functions, metric_functions, ops
from .broadcasting import as_float, same_rank
from .metrics_base import Mean, MeanMetricWrapper
from .saving.registry import serializable


def _register(*aliases: str) -> Any:
    return serializable("keras.metrics", kind="metric", aliases=aliases)


class _OfFunction(MeanMetricWrapper):
    """Base of means of a function without further arguments."""

    function: Callable[..., Any]
    known_as: str

    def __init__(self, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(type(self).function, name or self.known_as, dtype)


@_register()
class Accuracy(_OfFunction):
    """How often predictions equal targets."""

    function, known_as = staticmethod(metric_functions.accuracy), "accuracy"


@_register()
class CategoricalAccuracy(_OfFunction):
    """How often the largest prediction is at the largest target."""

    function, known_as = staticmethod(metric_functions.categorical_accuracy), "categorical_accuracy"


@_register()
class SparseCategoricalAccuracy(_OfFunction):
    """How often the largest prediction is that of the target's class."""

    function, known_as = staticmethod(metric_functions.sparse_categorical_accuracy), "sparse_categorical_accuracy"


@_register()
class BinaryAccuracy(MeanMetricWrapper):
    """How often predictions above `threshold` are targets of 1, and others of 0."""

    def __init__(self, name: str = "binary_accuracy", dtype: Any = None, threshold: float = 0.5) -> None:
        if threshold is not None and not 0 < threshold < 1:
            raise ArgumentError(
                "BinaryAccuracy() takes a threshold between 0 and 1",
                received=f"{threshold=}",
                hint="it is compared with probabilities; put a sigmoid before it.",
            )
        super().__init__(metric_functions.binary_accuracy, name, dtype, threshold=threshold)


@_register()
class TopKCategoricalAccuracy(MeanMetricWrapper):
    """How often the class of a one-hot target is among the k largest predictions."""

    def __init__(self, k: int = 5, name: str = "top_k_categorical_accuracy", dtype: Any = None) -> None:
        super().__init__(metric_functions.top_k_categorical_accuracy, name, dtype, k=k)


@_register()
class SparseTopKCategoricalAccuracy(MeanMetricWrapper):
    """How often an integer target is among the k largest predictions."""

    def __init__(
        self,
        k: int = 5,
        name: str = "sparse_top_k_categorical_accuracy",
        dtype: Any = None,
        from_sorted_ids: bool = False,
    ) -> None:
        fn = metric_functions.sparse_top_k_categorical_accuracy
        super().__init__(fn, name, dtype, k=k, from_sorted_ids=from_sorted_ids)


@_register("mse")
class MeanSquaredError(_OfFunction):
    """mean((y_true - y_pred)²)."""

    function, known_as = staticmethod(functions.mean_squared_error), "mean_squared_error"


@_register()
class RootMeanSquaredError(Mean):
    """sqrt(mean((y_true - y_pred)²))."""

    def __init__(self, name: str = "root_mean_squared_error", dtype: Any = None) -> None:
        super().__init__(name, dtype)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        y_true, y_pred = same_rank(as_float(y_true, self.dtype), as_float(y_pred, self.dtype))
        super().update_state(ops.square(ops.subtract(y_pred, y_true)), sample_weight)

    def result(self) -> Any:
        return ops.sqrt(super().result())


@_register("mae")
class MeanAbsoluteError(_OfFunction):
    """mean(|y_true - y_pred|)."""

    function, known_as = staticmethod(functions.mean_absolute_error), "mean_absolute_error"


@_register("mape")
class MeanAbsolutePercentageError(_OfFunction):
    """100 * mean(|y_true - y_pred| / |y_true|)."""

    function, known_as = staticmethod(functions.mean_absolute_percentage_error), "mean_absolute_percentage_error"


@_register("msle")
class MeanSquaredLogarithmicError(_OfFunction):
    """mean((log(y_true + 1) - log(y_pred + 1))²)."""

    function, known_as = staticmethod(functions.mean_squared_logarithmic_error), "mean_squared_logarithmic_error"


@_register()
class LogCoshError(_OfFunction):
    """mean(log(cosh(y_pred - y_true)))."""

    function, known_as = staticmethod(functions.log_cosh), "logcosh"


@_register()
class Poisson(_OfFunction):
    """mean(y_pred - y_true * log(y_pred))."""

    function, known_as = staticmethod(functions.poisson), "poisson"


@_register()
class KLDivergence(_OfFunction):
    """sum(y_true * log(y_true / y_pred)), of probabilities."""

    function, known_as = staticmethod(functions.kl_divergence), "kl_divergence"


@_register()
class Hinge(_OfFunction):
    """mean(max(1 - y_true * y_pred, 0)), for targets of -1 and 1 (or 0 and 1)."""

    function, known_as = staticmethod(functions.hinge), "hinge"


@_register()
class SquaredHinge(_OfFunction):
    """mean(max(1 - y_true * y_pred, 0)²), for targets of -1 and 1 (or 0 and 1)."""

    function, known_as = staticmethod(functions.squared_hinge), "squared_hinge"


@_register()
class CategoricalHinge(_OfFunction):
    """max(1 + the largest score of a wrong class - that of the right one, 0), for one-hot targets."""

    function, known_as = staticmethod(functions.categorical_hinge), "categorical_hinge"


class _AlongAxis(MeanMetricWrapper):
    """Base of means of a function of vectors along an axis."""

    function: Callable[..., Any]
    known_as: str

    def __init__(self, name: str | None = None, dtype: Any = None, axis: int = -1) -> None:
        super().__init__(type(self).function, name or self.known_as, dtype, axis=axis)
        self._direction = "up"


@_register()
class CosineSimilarity(_AlongAxis):
    """cos of the angle between target and prediction."""

    function, known_as = staticmethod(functions.cosine), "cosine_similarity"


@_register()
class PearsonCorrelation(_AlongAxis):
    """The correlation of target and prediction along an axis (Pearson, 1895)."""

    function, known_as = staticmethod(metric_functions.pearson_correlation), "pearson_correlation"


@_register()
class ConcordanceCorrelation(_AlongAxis):
    """The correlation of target and prediction, less where their means or spreads differ (Lin, 1989)."""

    function, known_as = staticmethod(metric_functions.concordance_correlation), "concordance_correlation"


@_register("bce")
class BinaryCrossentropy(MeanMetricWrapper):
    """Cross-entropy of yes/no targets."""

    def __init__(
        self,
        name: str = "binary_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
    ) -> None:
        super().__init__(
            crossentropies.binary_crossentropy, name, dtype, from_logits=from_logits, label_smoothing=label_smoothing
        )


@_register()
class CategoricalCrossentropy(MeanMetricWrapper):
    """Cross-entropy of one-hot targets."""

    def __init__(
        self,
        name: str = "categorical_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
        axis: int = -1,
    ) -> None:
        super().__init__(
            crossentropies.categorical_crossentropy,
            name,
            dtype,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        )


@_register()
class SparseCategoricalCrossentropy(MeanMetricWrapper):
    """Cross-entropy of integer targets."""

    def __init__(
        self,
        name: str = "sparse_categorical_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        ignore_class: int | None = None,
        axis: int = -1,
    ) -> None:
        super().__init__(
            crossentropies.sparse_categorical_crossentropy,
            name,
            dtype,
            from_logits=from_logits,
            ignore_class=ignore_class,
            axis=axis,
        )

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        ignored = self.arguments["ignore_class"]
        if sample_weight is not None and ignored is not None:  # with weights those samples do not count; as in Keras
            labels = ops.cast(ops.not_equal(ops.cast(y_true, "int32"), ignored), self.dtype)
            labels, sample_weight = same_rank(labels, as_float(sample_weight, self.dtype))
            sample_weight = ops.multiply(sample_weight, labels)
        super().update_state(y_true, y_pred, sample_weight)
