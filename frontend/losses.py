"""Losses: what training minimises.  Here those of numbers and of margins, and how a loss is found by its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import identifiers
from .crossentropy_functions import (
    binary_crossentropy as binary_crossentropy,
    binary_focal_crossentropy as binary_focal_crossentropy,
    categorical_crossentropy as categorical_crossentropy,
    categorical_focal_crossentropy as categorical_focal_crossentropy,
    categorical_generalized_cross_entropy as categorical_generalized_cross_entropy,
    sparse_categorical_crossentropy as sparse_categorical_crossentropy,
)
from .crossentropy_losses import (
    BinaryCrossentropy as BinaryCrossentropy,
    BinaryFocalCrossentropy as BinaryFocalCrossentropy,
    CategoricalCrossentropy as CategoricalCrossentropy,
    CategoricalFocalCrossentropy as CategoricalFocalCrossentropy,
    CategoricalGeneralizedCrossEntropy as CategoricalGeneralizedCrossEntropy,
    SparseCategoricalCrossentropy as SparseCategoricalCrossentropy,
)
from .loss import Loss, LossFunctionWrapper, PlainLoss
from .loss_functions import (
    categorical_hinge as categorical_hinge,
    cosine_similarity as cosine_similarity,
    dice as dice,
    hinge as hinge,
    huber as huber,
    kl_divergence as kl_divergence,
    log_cosh as log_cosh,
    mean_absolute_error as mean_absolute_error,
    mean_absolute_percentage_error as mean_absolute_percentage_error,
    mean_squared_error as mean_squared_error,
    mean_squared_logarithmic_error as mean_squared_logarithmic_error,
    poisson as poisson,
    squared_hinge as squared_hinge,
    tversky as tversky,
)
from .saving.registry import serializable

_MEAN = "sum_over_batch_size"


def _register(*aliases: str) -> Any:
    return serializable("keras.losses", kind="loss", aliases=aliases)


class _OfFunction(LossFunctionWrapper):
    """Base of losses that are a function without further arguments."""

    function: Callable[..., Any]
    known_as: str

    def __init__(self, reduction: str | None = _MEAN, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(type(self).function, reduction, name or self.known_as, dtype)


@_register()
class MeanSquaredError(_OfFunction):
    """mean((y_true - y_pred)²)."""

    function, known_as = staticmethod(mean_squared_error), "mean_squared_error"


@_register()
class MeanAbsoluteError(_OfFunction):
    """mean(|y_true - y_pred|)."""

    function, known_as = staticmethod(mean_absolute_error), "mean_absolute_error"


@_register()
class MeanAbsolutePercentageError(_OfFunction):
    """100 * mean(|y_true - y_pred| / |y_true|)."""

    function, known_as = staticmethod(mean_absolute_percentage_error), "mean_absolute_percentage_error"


@_register()
class MeanSquaredLogarithmicError(_OfFunction):
    """mean((log(y_true + 1) - log(y_pred + 1))²)."""

    function, known_as = staticmethod(mean_squared_logarithmic_error), "mean_squared_logarithmic_error"


@_register()
class LogCosh(_OfFunction):
    """mean(log(cosh(y_pred - y_true)))."""

    function, known_as = staticmethod(log_cosh), "log_cosh"


@_register()
class Poisson(_OfFunction):
    """mean(y_pred - y_true * log(y_pred)): counts with expectation y_pred."""

    function, known_as = staticmethod(poisson), "poisson"


@_register()
class KLDivergence(_OfFunction):
    """sum(y_true * log(y_true / y_pred)), of probabilities (Kullback & Leibler, 1951)."""

    function, known_as = staticmethod(kl_divergence), "kl_divergence"


@_register()
class Hinge(_OfFunction):
    """mean(max(1 - y_true * y_pred, 0)), for targets of -1 and 1 (or 0 and 1)."""

    function, known_as = staticmethod(hinge), "hinge"


@_register()
class SquaredHinge(_OfFunction):
    """mean(max(1 - y_true * y_pred, 0)²), for targets of -1 and 1 (or 0 and 1)."""

    function, known_as = staticmethod(squared_hinge), "squared_hinge"


@_register()
class CategoricalHinge(_OfFunction):
    """max(1 + the largest score of a wrong class - that of the right one, 0), for one-hot targets."""

    function, known_as, of_classes = staticmethod(categorical_hinge), "categorical_hinge", True


@_register()
class Huber(LossFunctionWrapper):
    """Squared error below `delta`, linear beyond (Huber, 1964)."""

    def __init__(
        self, delta: float = 1.0, reduction: str | None = _MEAN, name: str = "huber_loss", dtype: Any = None
    ) -> None:
        super().__init__(huber, reduction, name, dtype, delta=delta)


@_register()
class CosineSimilarity(LossFunctionWrapper):
    """-cos of the angle between target and prediction: -1 where they point one way, 1 where they are opposed."""

    def __init__(
        self, axis: int = -1, reduction: str | None = _MEAN, name: str = "cosine_similarity", dtype: Any = None
    ) -> None:
        super().__init__(cosine_similarity, reduction, name, dtype, axis=axis)


@_register()
class Dice(LossFunctionWrapper):
    """1 - 2 |A ∩ B| / (|A| + |B|), over `axis`: by default over the whole batch (Milletari et al., 2016)."""

    def __init__(self, reduction: str | None = _MEAN, name: str = "dice", axis: Any = None, dtype: Any = None) -> None:
        super().__init__(dice, reduction, name, dtype, axis=axis)


@_register()
class Tversky(LossFunctionWrapper):
    """1 - |A ∩ B| / (|A ∩ B| + alpha * missed + beta * wrongly found), over `axis` (Salehi et al., 2017)."""

    def __init__(
        self,
        alpha: float = 0.5,
        beta: float = 0.5,
        reduction: str | None = _MEAN,
        name: str = "tversky",
        axis: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(tversky, reduction, name, dtype, alpha=alpha, beta=beta, axis=axis)


def get(identifier: Any) -> Any:
    """The loss of a name, loss, function, or config; None stays None.

    Raises:
        ArgumentError: it names no loss.
    """
    if identifier is None or isinstance(identifier, Loss):
        return identifier
    found = identifiers.get("loss", identifier, any_case=True)
    if isinstance(found, Loss) or found is None:
        return found
    wrapper = _WRAPPERS.get(found)
    if wrapper is not None:
        return wrapper()
    identifiers.check_two_arguments(f"loss '{getattr(found, '__name__', 'loss')}'", found)
    return PlainLoss(found)


def serialize(loss: Any) -> Any:
    """The config by which files name a loss."""
    return identifiers.serialize("loss", loss)


def deserialize(config: Any, custom_objects: Any = None) -> Any:
    """The loss of a config."""
    return identifiers.get("loss", config, custom_objects=custom_objects)


_WRAPPERS: dict[Any, Callable[[], Loss]] = {
    mean_squared_error: MeanSquaredError,
    mean_absolute_error: MeanAbsoluteError,
    mean_absolute_percentage_error: MeanAbsolutePercentageError,
    mean_squared_logarithmic_error: MeanSquaredLogarithmicError,
    log_cosh: LogCosh,
    poisson: Poisson,
    kl_divergence: KLDivergence,
    hinge: Hinge,
    squared_hinge: SquaredHinge,
    categorical_hinge: CategoricalHinge,
    huber: Huber,
    cosine_similarity: CosineSimilarity,
    dice: Dice,
    tversky: Tversky,
    binary_crossentropy: BinaryCrossentropy,
    binary_focal_crossentropy: BinaryFocalCrossentropy,
    categorical_crossentropy: CategoricalCrossentropy,
    categorical_focal_crossentropy: CategoricalFocalCrossentropy,
    sparse_categorical_crossentropy: SparseCategoricalCrossentropy,
}
"""The loss that a function of kgc's own stands for."""
