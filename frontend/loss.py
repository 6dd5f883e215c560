"""What all losses are: reduction, weights, masks, and the targets that they take."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..compiler.errors import ArgumentError, DataError, ShapeError, nearest
from ..compiler.types import TensorType, tensor_type
from . import identifiers, masks, naming, ops
from .broadcasting import as_float, count, same_rank
from .dtype_policies import floatx, get as get_policy
from .saving import registry
from .saving.registry import slot_base

_REDUCTIONS = ("sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none", None)


@slot_base("loss")
class Loss:
    """Base of losses.  Subclasses write `call(y_true, y_pred)`, which gives one value for each sample.

    Args:
        name: shown in summaries and files.
        reduction: "sum_over_batch_size" (mean over all values), "sum", "mean", "mean_with_sample_weight" (divides by
            the sum of the weights), "none".
        dtype: dtype of the computation.

    Calling it with targets, predictions and optional sample weights gives the reduced loss.
    """

    def __init__(
        self, name: str | None = None, reduction: str | None = "sum_over_batch_size", dtype: Any = None
    ) -> None:
        if reduction not in _REDUCTIONS:
            raise ArgumentError(
                "a loss has no such reduction",
                received=f"reduction={reduction!r}",
                hint=nearest(str(reduction), [word for word in _REDUCTIONS if word]),
            )
        self.name = name or naming.auto_name(type(self).__name__)
        self.reduction = reduction
        self.dtype = floatx() if dtype is None else get_policy(dtype).compute_dtype

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Values by sample."""
        raise ArgumentError(
            f"loss {type(self).__name__} has no `call` method",
            received=f"class {type(self).__name__}",
            hint="write `def call(self, y_true, y_pred): …`, which returns one value for each sample.",
        )

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        mask = masks.of(y_pred)
        y_pred = as_float(y_pred, self.dtype)
        y_true = ops.convert_to_tensor(y_true) if not hasattr(y_true, "dtype") else y_true
        values = self.call(y_true, y_pred)
        identifiers.check_returned(f"loss '{self.name}'", values)
        counted = self.counted(y_true, y_pred)
        if mask is not None:
            counted = mask if counted is None else ops.logical_and(counted, mask)
        return reduce_weighted(values, sample_weight, self.reduction, self.dtype, counted)

    def counted(self, y_true: Any, y_pred: Any) -> Any:
        """Which values count, as a bool tensor of their shape; None where all do."""
        return None

    def target_type(self, output: TensorType) -> TensorType:
        """Type of the targets for predictions of this type."""
        return tensor_type(output.shape, output.dtype)

    def check_target(self, target: np.ndarray, output: Any, label: str) -> None:
        """Refuse targets that cannot belong to predictions of this shape; a loss of the user's own may take any.

        Raises:
            DataError: rank or sizes differ.
        """

    def get_config(self) -> dict[str, Any]:
        """Arguments that make the same loss."""
        return {"name": self.name, "reduction": self.reduction}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """The loss of a config."""
        return cls(**config)


def reduce_weighted(values: Any, sample_weight: Any, reduction: str | None, dtype: str, counted: Any = None) -> Any:
    """Weigh and reduce values by sample; a mean is over those that are `counted` (a mask says so, or the loss)."""
    values = as_float(values, dtype)
    weight: Any = None
    if counted is not None:
        weight = _aligned(as_float(counted, dtype), values, "the mask of the predictions")
        if reduction in ("mean", "sum_over_batch_size"):
            weight = ops.multiply(weight, ops.divide(count(weight), ops.add(ops.sum(weight), 1e-7)))
    if sample_weight is not None:
        given = as_float(sample_weight, dtype)
        values, given = same_rank(values, given)
        given = _aligned(given, values, "sample_weight")
        weight = given if weight is None else ops.multiply(_aligned(weight, values, "the mask"), given)
    if weight is not None:
        values = ops.multiply(values, weight)
        if reduction == "mean_with_sample_weight":
            total = ops.sum(ops.broadcast_to(weight, values.shape))
            return ops.divide(ops.sum(values), ops.where(ops.equal(total, 0.0), 1.0, total))
    if reduction in (None, "none"):
        return values
    total = ops.sum(values) if len(values.shape) else values
    return total if reduction == "sum" else ops.divide(total, count(values))


class LossFunctionWrapper(Loss):
    """A function `(y_true, y_pred, **kwargs)` as a loss."""

    of_classes = False
    """Whether targets are one-hot, or probabilities of classes."""

    def __init__(
        self,
        fn: Callable[..., Any],
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name or getattr(fn, "__name__", "loss"), reduction, dtype)
        self.fn, self.arguments = fn, kwargs

    def call(self, y_true: Any, y_pred: Any) -> Any:
        y_true, y_pred = same_rank(as_float(y_true, self.dtype), y_pred)
        return self.fn(y_true, y_pred, **self.arguments)

    def check_target(self, target: np.ndarray, output: Any, label: str) -> None:
        """Refuse targets of another shape than the predictions, but for a last axis of size 1; of kgc's losses only."""
        given, wanted = target.shape[1:], output.shape[1:]
        fits = agree(given, wanted) or agree(given, (*wanted, 1)) or agree((*given, 1), wanted)
        if fits or registry.entry_of(type(self), ("loss",)) is None:
            return
        hint = "targets have the shape of the output: give the last layer as many units as a target has numbers."
        if self.of_classes and (len(given) < len(wanted) or given[-1:] == (1,)):
            hint = "for integer labels use `SparseCategoricalCrossentropy`, or `utils.to_categorical(y)`."
        raise DataError(
            f"{label} does not fit output '{output.name}' of shape {output.shape} under loss '{self.name}'",
            received=f"{target.dtype}{list(target.shape)}",
            hint=hint,
        )

    def get_config(self) -> dict[str, Any]:
        """Arguments that make the same loss."""
        config = super().get_config()
        if type(self) is LossFunctionWrapper:
            config["fn"] = identifiers.serialize("loss", self.fn)
        return {**config, **self.arguments}


class PlainLoss(LossFunctionWrapper):
    """A function of the user's own, given to `compile`; targets may have any shape."""

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return self.fn(as_float(y_true, self.dtype), y_pred)


def agree(given: tuple[Any, ...], wanted: tuple[Any, ...]) -> bool:
    """Whether sizes are equal where they are known."""
    return len(given) == len(wanted) and all(w is None or g == w for g, w in zip(given, wanted, strict=True))


def _aligned(weight: Any, values: Any, what: str) -> Any:
    """The weights with axes of size 1 at the end, as many as the values have more; a scalar takes any weights."""
    if len(weight.shape) > len(values.shape) > 0:
        raise ShapeError(
            f"{what} has more axes than the loss has",
            received=f"{weight.shape} against {values.shape}",
            hint="give one number for each sample, or for each step of it.",
        )
    for _ in range(len(values.shape) - len(weight.shape)):
        weight = ops.expand_dims(weight, -1)
    return weight
