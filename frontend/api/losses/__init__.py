"""`kgc.losses`: the losses, as classes and as functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kgc.frontend.lazy import lazy

__all__ = [
    "BinaryCrossentropy", "CategoricalCrossentropy", "Huber", "Loss", "MeanAbsoluteError", "MeanSquaredError",
    "SparseCategoricalCrossentropy", "binary_crossentropy", "categorical_crossentropy", "deserialize", "get", "huber",
    "mean_absolute_error", "mean_squared_error", "serialize", "sparse_categorical_crossentropy",
]  # fmt: skip

if TYPE_CHECKING:
    from kgc.frontend.loss_functions import binary_crossentropy as binary_crossentropy
    from kgc.frontend.loss_functions import categorical_crossentropy as categorical_crossentropy
    from kgc.frontend.loss_functions import huber as huber
    from kgc.frontend.loss_functions import mean_absolute_error as mean_absolute_error
    from kgc.frontend.loss_functions import mean_squared_error as mean_squared_error
    from kgc.frontend.loss_functions import sparse_categorical_crossentropy as sparse_categorical_crossentropy
    from kgc.frontend.losses import BinaryCrossentropy as BinaryCrossentropy
    from kgc.frontend.losses import CategoricalCrossentropy as CategoricalCrossentropy
    from kgc.frontend.losses import Huber as Huber
    from kgc.frontend.losses import Loss as Loss
    from kgc.frontend.losses import MeanAbsoluteError as MeanAbsoluteError
    from kgc.frontend.losses import MeanSquaredError as MeanSquaredError
    from kgc.frontend.losses import SparseCategoricalCrossentropy as SparseCategoricalCrossentropy
    from kgc.frontend.losses import deserialize as deserialize
    from kgc.frontend.losses import get as get
    from kgc.frontend.losses import serialize as serialize
else:
    __getattr__, __dir__ = lazy(
        __name__,
        __all__,
        {
            "kgc.frontend.loss_functions": (
                "binary_crossentropy categorical_crossentropy huber mean_absolute_error mean_squared_error "
                "sparse_categorical_crossentropy"
            ),
            "kgc.frontend.losses": (
                "BinaryCrossentropy CategoricalCrossentropy Huber Loss MeanAbsoluteError MeanSquaredError "
                "SparseCategoricalCrossentropy deserialize get serialize"
            ),
        },
    )
