"""`kgc.metrics`: the metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kgc.frontend.lazy import lazy

__all__ = [
    "Accuracy", "BinaryAccuracy", "BinaryCrossentropy", "CategoricalAccuracy", "CategoricalCrossentropy", "Mean",
    "MeanAbsoluteError", "MeanMetricWrapper", "MeanSquaredError", "Metric", "SparseCategoricalAccuracy",
    "SparseCategoricalCrossentropy", "Sum", "binary_accuracy", "binary_crossentropy", "categorical_accuracy",
    "categorical_crossentropy", "deserialize", "get", "huber", "mean_absolute_error", "mean_squared_error", "serialize",
    "sparse_categorical_accuracy", "sparse_categorical_crossentropy",
]  # fmt: skip

if TYPE_CHECKING:
    from kgc.frontend.loss_functions import binary_crossentropy as binary_crossentropy
    from kgc.frontend.loss_functions import categorical_crossentropy as categorical_crossentropy
    from kgc.frontend.loss_functions import huber as huber
    from kgc.frontend.loss_functions import mean_absolute_error as mean_absolute_error
    from kgc.frontend.loss_functions import mean_squared_error as mean_squared_error
    from kgc.frontend.loss_functions import sparse_categorical_crossentropy as sparse_categorical_crossentropy
    from kgc.frontend.metric_functions import binary_accuracy as binary_accuracy
    from kgc.frontend.metric_functions import categorical_accuracy as categorical_accuracy
    from kgc.frontend.metric_functions import sparse_categorical_accuracy as sparse_categorical_accuracy
    from kgc.frontend.metrics import Accuracy as Accuracy
    from kgc.frontend.metrics import BinaryAccuracy as BinaryAccuracy
    from kgc.frontend.metrics import BinaryCrossentropy as BinaryCrossentropy
    from kgc.frontend.metrics import CategoricalAccuracy as CategoricalAccuracy
    from kgc.frontend.metrics import CategoricalCrossentropy as CategoricalCrossentropy
    from kgc.frontend.metrics import Mean as Mean
    from kgc.frontend.metrics import MeanAbsoluteError as MeanAbsoluteError
    from kgc.frontend.metrics import MeanMetricWrapper as MeanMetricWrapper
    from kgc.frontend.metrics import MeanSquaredError as MeanSquaredError
    from kgc.frontend.metrics import Metric as Metric
    from kgc.frontend.metrics import SparseCategoricalAccuracy as SparseCategoricalAccuracy
    from kgc.frontend.metrics import SparseCategoricalCrossentropy as SparseCategoricalCrossentropy
    from kgc.frontend.metrics import Sum as Sum
    from kgc.frontend.metrics import deserialize as deserialize
    from kgc.frontend.metrics import get as get
    from kgc.frontend.metrics import serialize as serialize
else:
    __getattr__, __dir__ = lazy(
        __name__,
        __all__,
        {
            "kgc.frontend.loss_functions": (
                "binary_crossentropy categorical_crossentropy huber mean_absolute_error mean_squared_error "
                "sparse_categorical_crossentropy"
            ),
            "kgc.frontend.metric_functions": "binary_accuracy categorical_accuracy sparse_categorical_accuracy",
            "kgc.frontend.metrics": (
                "Accuracy BinaryAccuracy BinaryCrossentropy CategoricalAccuracy CategoricalCrossentropy Mean "
                "MeanAbsoluteError MeanMetricWrapper MeanSquaredError Metric SparseCategoricalAccuracy "
                "SparseCategoricalCrossentropy Sum deserialize get serialize"
            ),
        },
    )
