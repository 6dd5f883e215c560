"""`kgc.losses`: the losses, as classes and as functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kgc.frontend.lazy import lazy

__all__ = [
    "BinaryCrossentropy", "CategoricalCrossentropy", "Loss", "MeanAbsoluteError", "MeanSquaredError",
    "SparseCategoricalCrossentropy",
]  # fmt: skip

if TYPE_CHECKING:
    from kgc.frontend.losses import BinaryCrossentropy as BinaryCrossentropy
    from kgc.frontend.losses import CategoricalCrossentropy as CategoricalCrossentropy
    from kgc.frontend.losses import Loss as Loss
    from kgc.frontend.losses import MeanAbsoluteError as MeanAbsoluteError
    from kgc.frontend.losses import MeanSquaredError as MeanSquaredError
    from kgc.frontend.losses import SparseCategoricalCrossentropy as SparseCategoricalCrossentropy
else:
    __getattr__, __dir__ = lazy(
        __name__,
        __all__,
        {
            "kgc.frontend.losses": (
                "BinaryCrossentropy CategoricalCrossentropy Loss MeanAbsoluteError MeanSquaredError "
                "SparseCategoricalCrossentropy"
            ),
        },
    )
