"""`kgc.losses`: the losses, as classes and as functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kgc.runtime.lazy import lazy

__all__ = [
    "BinaryCrossentropy", "BinaryFocalCrossentropy", "CategoricalCrossentropy", "CategoricalFocalCrossentropy",
    "CategoricalGeneralizedCrossEntropy", "CategoricalHinge", "CosineSimilarity", "Dice", "Hinge", "Huber",
    "KLDivergence", "LogCosh", "Loss", "MeanAbsoluteError", "MeanAbsolutePercentageError", "MeanSquaredError",
    "MeanSquaredLogarithmicError", "Poisson", "SparseCategoricalCrossentropy", "SquaredHinge", "Tversky",
    "binary_crossentropy", "binary_focal_crossentropy", "categorical_crossentropy", "categorical_focal_crossentropy",
    "categorical_generalized_cross_entropy", "categorical_hinge", "cosine_similarity", "deserialize", "dice", "get",
    "hinge", "huber", "kl_divergence", "log_cosh", "mean_absolute_error", "mean_absolute_percentage_error",
    "mean_squared_error", "mean_squared_logarithmic_error", "poisson", "serialize", "sparse_categorical_crossentropy",
    "squared_hinge", "tversky",
]  # fmt: skip

if TYPE_CHECKING:
    from kgc.frontend.crossentropy_functions import binary_crossentropy as binary_crossentropy
    from kgc.frontend.crossentropy_functions import binary_focal_crossentropy as binary_focal_crossentropy
    from kgc.frontend.crossentropy_functions import categorical_crossentropy as categorical_crossentropy
    from kgc.frontend.crossentropy_functions import categorical_focal_crossentropy as categorical_focal_crossentropy
    from kgc.frontend.crossentropy_functions import (
        categorical_generalized_cross_entropy as categorical_generalized_cross_entropy,
    )
    from kgc.frontend.crossentropy_functions import sparse_categorical_crossentropy as sparse_categorical_crossentropy
    from kgc.frontend.crossentropy_losses import BinaryCrossentropy as BinaryCrossentropy
    from kgc.frontend.crossentropy_losses import BinaryFocalCrossentropy as BinaryFocalCrossentropy
    from kgc.frontend.crossentropy_losses import CategoricalCrossentropy as CategoricalCrossentropy
    from kgc.frontend.crossentropy_losses import CategoricalFocalCrossentropy as CategoricalFocalCrossentropy
    from kgc.frontend.crossentropy_losses import (
        CategoricalGeneralizedCrossEntropy as CategoricalGeneralizedCrossEntropy,
    )
    from kgc.frontend.crossentropy_losses import SparseCategoricalCrossentropy as SparseCategoricalCrossentropy
    from kgc.frontend.loss import Loss as Loss
    from kgc.frontend.loss_functions import categorical_hinge as categorical_hinge
    from kgc.frontend.loss_functions import cosine_similarity as cosine_similarity
    from kgc.frontend.loss_functions import dice as dice
    from kgc.frontend.loss_functions import hinge as hinge
    from kgc.frontend.loss_functions import huber as huber
    from kgc.frontend.loss_functions import kl_divergence as kl_divergence
    from kgc.frontend.loss_functions import log_cosh as log_cosh
    from kgc.frontend.loss_functions import mean_absolute_error as mean_absolute_error
    from kgc.frontend.loss_functions import mean_absolute_percentage_error as mean_absolute_percentage_error
    from kgc.frontend.loss_functions import mean_squared_error as mean_squared_error
    from kgc.frontend.loss_functions import mean_squared_logarithmic_error as mean_squared_logarithmic_error
    from kgc.frontend.loss_functions import poisson as poisson
    from kgc.frontend.loss_functions import squared_hinge as squared_hinge
    from kgc.frontend.loss_functions import tversky as tversky
    from kgc.frontend.losses import CategoricalHinge as CategoricalHinge
    from kgc.frontend.losses import CosineSimilarity as CosineSimilarity
    from kgc.frontend.losses import Dice as Dice
    from kgc.frontend.losses import Hinge as Hinge
    from kgc.frontend.losses import Huber as Huber
    from kgc.frontend.losses import KLDivergence as KLDivergence
    from kgc.frontend.losses import LogCosh as LogCosh
    from kgc.frontend.losses import MeanAbsoluteError as MeanAbsoluteError
    from kgc.frontend.losses import MeanAbsolutePercentageError as MeanAbsolutePercentageError
    from kgc.frontend.losses import MeanSquaredError as MeanSquaredError
    from kgc.frontend.losses import MeanSquaredLogarithmicError as MeanSquaredLogarithmicError
    from kgc.frontend.losses import Poisson as Poisson
    from kgc.frontend.losses import SquaredHinge as SquaredHinge
    from kgc.frontend.losses import Tversky as Tversky
    from kgc.frontend.losses import deserialize as deserialize
    from kgc.frontend.losses import get as get
    from kgc.frontend.losses import serialize as serialize
else:
    __getattr__, __dir__ = lazy(
        __name__,
        __all__,
        {
            "kgc.frontend.crossentropy_functions": (
                "binary_crossentropy binary_focal_crossentropy categorical_crossentropy "
                "categorical_focal_crossentropy categorical_generalized_cross_entropy sparse_categorical_crossentropy"
            ),
            "kgc.frontend.crossentropy_losses": (
                "BinaryCrossentropy BinaryFocalCrossentropy CategoricalCrossentropy CategoricalFocalCrossentropy "
                "CategoricalGeneralizedCrossEntropy SparseCategoricalCrossentropy"
            ),
            "kgc.frontend.loss": "Loss",
            "kgc.frontend.loss_functions": (
                "categorical_hinge cosine_similarity dice hinge huber kl_divergence log_cosh mean_absolute_error "
                "mean_absolute_percentage_error mean_squared_error mean_squared_logarithmic_error poisson "
                "squared_hinge tversky"
            ),
            "kgc.frontend.losses": (
                "CategoricalHinge CosineSimilarity Dice Hinge Huber KLDivergence LogCosh MeanAbsoluteError "
                "MeanAbsolutePercentageError MeanSquaredError MeanSquaredLogarithmicError Poisson SquaredHinge "
                "Tversky deserialize get serialize"
            ),
        },
    )
