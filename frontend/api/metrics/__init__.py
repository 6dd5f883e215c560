"""`kgc.metrics`: the metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kgc.frontend.lazy import lazy

__all__ = [
    "Accuracy", "BinaryAccuracy", "CategoricalAccuracy", "Mean", "MeanAbsoluteError", "MeanSquaredError", "Metric",
    "SparseCategoricalAccuracy",
]  # fmt: skip

if TYPE_CHECKING:
    from kgc.frontend.metrics import Accuracy as Accuracy
    from kgc.frontend.metrics import BinaryAccuracy as BinaryAccuracy
    from kgc.frontend.metrics import CategoricalAccuracy as CategoricalAccuracy
    from kgc.frontend.metrics import Mean as Mean
    from kgc.frontend.metrics import MeanAbsoluteError as MeanAbsoluteError
    from kgc.frontend.metrics import MeanSquaredError as MeanSquaredError
    from kgc.frontend.metrics import Metric as Metric
    from kgc.frontend.metrics import SparseCategoricalAccuracy as SparseCategoricalAccuracy
else:
    __getattr__, __dir__ = lazy(
        __name__,
        __all__,
        {
            "kgc.frontend.metrics": (
                "Accuracy BinaryAccuracy CategoricalAccuracy Mean MeanAbsoluteError MeanSquaredError Metric "
                "SparseCategoricalAccuracy"
            ),
        },
    )
