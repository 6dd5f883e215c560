"""Losses: what training minimises."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..compiler.errors import ArgumentError, DataError, ShapeError, nearest
from ..compiler.types import TensorType, tensor_type
from . import identifiers, masks, naming, ops
from .broadcasting import as_float, count, same_rank
from .dtype_policies import floatx, get as get_policy
from .loss_functions import (
    binary_crossentropy as binary_crossentropy,
    categorical_crossentropy as categorical_crossentropy,
    huber as huber,
    mean_absolute_error as mean_absolute_error,
    mean_squared_error as mean_squared_error,
    sparse_categorical_crossentropy as sparse_categorical_crossentropy,
)
from .saving.registry import serializable, slot_base

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
        if self.fn is not sparse_categorical_crossentropy:
            y_true = as_float(y_true, self.dtype)
            y_true, y_pred = same_rank(y_true, y_pred)
        return self.fn(y_true, y_pred, **self.arguments)

    def check_target(self, target: np.ndarray, output: Any, label: str) -> None:
        """Refuse targets of another shape than the predictions, but for a last axis of size 1."""
        given, wanted = target.shape[1:], output.shape[1:]
        fits = _agree(given, wanted) or _agree(given, (*wanted, 1)) or _agree((*given, 1), wanted)
        if fits or self.fn not in _WRAPPERS:
            return
        hint = "targets have the shape of the output: give the last layer as many units as a target has numbers."
        if self.fn is categorical_crossentropy and (len(given) < len(wanted) or given[-1:] == (1,)):
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


def _register(*aliases: str) -> Any:
    return serializable("keras.losses", kind="loss", aliases=aliases)


@_register()
class MeanSquaredError(LossFunctionWrapper):
    """mean((y_true - y_pred)²)."""

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str = "mean_squared_error", dtype: Any = None
    ) -> None:
        super().__init__(mean_squared_error, reduction, name, dtype)


@_register()
class MeanAbsoluteError(LossFunctionWrapper):
    """mean(|y_true - y_pred|)."""

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str = "mean_absolute_error", dtype: Any = None
    ) -> None:
        super().__init__(mean_absolute_error, reduction, name, dtype)


@_register()
class Huber(LossFunctionWrapper):
    """Squared error below `delta`, linear beyond (Huber, 1964)."""

    def __init__(
        self,
        delta: float = 1.0,
        reduction: str | None = "sum_over_batch_size",
        name: str = "huber_loss",
        dtype: Any = None,
    ) -> None:
        super().__init__(huber, reduction, name, dtype, delta=delta)


class _Crossentropy(LossFunctionWrapper):
    def _check_axis(self, axis: int) -> None:
        if isinstance(axis, bool) or not isinstance(axis, int):
            raise ArgumentError(
                f"{type(self).__name__}() takes an integer axis",
                received=f"axis={axis!r}",
                hint="axis=-1 is that of the classes in most models.",
            )


@_register()
class BinaryCrossentropy(_Crossentropy):
    """Cross-entropy of independent yes/no targets; see `binary_crossentropy`."""

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "binary_crossentropy",
        dtype: Any = None,
    ) -> None:
        self._check_axis(axis)
        super().__init__(
            binary_crossentropy,
            reduction,
            name,
            dtype,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        )


@_register()
class CategoricalCrossentropy(_Crossentropy):
    """Cross-entropy of one-hot (or soft) targets; see `categorical_crossentropy`."""

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "categorical_crossentropy",
        dtype: Any = None,
    ) -> None:
        self._check_axis(axis)
        super().__init__(
            categorical_crossentropy,
            reduction,
            name,
            dtype,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        )


@_register()
class SparseCategoricalCrossentropy(_Crossentropy):
    """Cross-entropy of integer targets; see `sparse_categorical_crossentropy`."""

    def __init__(
        self,
        from_logits: bool = False,
        ignore_class: int | None = None,
        reduction: str | None = "sum_over_batch_size",
        axis: int = -1,
        name: str = "sparse_categorical_crossentropy",
        dtype: Any = None,
    ) -> None:
        self._check_axis(axis)
        super().__init__(
            sparse_categorical_crossentropy,
            reduction,
            name,
            dtype,
            from_logits=from_logits,
            ignore_class=ignore_class,
            axis=axis,
        )

    def counted(self, y_true: Any, y_pred: Any) -> Any:
        """All but the samples of `ignore_class`."""
        ignored, axis = self.arguments["ignore_class"], self.arguments["axis"]
        if ignored is None:
            return None
        labels = ops.cast(y_true, "int32")
        return ops.not_equal(ops.squeeze(labels, axis) if len(labels.shape) == len(y_pred.shape) else labels, ignored)

    def target_type(self, output: TensorType) -> TensorType:
        """Integers without the class axis."""
        axis = self.arguments["axis"] % output.rank
        return tensor_type((*output.shape[:axis], *output.shape[axis + 1 :]), "int32")

    def check_target(self, target: np.ndarray, output: Any, label: str) -> None:
        """Refuse targets of another shape than classes, and classes that the output does not have.

        Raises:
            DataError: shape or labels do not fit.
        """
        axis = self.arguments["axis"] % len(output.shape)
        classes = output.shape[axis]
        wanted = (*output.shape[:axis], *output.shape[axis + 1 :])[1:]
        shape = target.shape[1:]
        if len(shape) == len(wanted) + 1 and shape[axis - 1] == 1:
            shape = (*shape[: axis - 1], *shape[axis:])
        if len(shape) != len(wanted) or any(w is not None and s != w for s, w in zip(shape, wanted, strict=True)):
            one_hot = len(target.shape) == len(output.shape) and target.shape[axis] == classes
            raise DataError(
                f"{label} does not fit output '{output.name}' of shape {output.shape} under loss '{self.name}'",
                received=f"{target.dtype}{list(target.shape)}",
                hint="for one-hot targets use `CategoricalCrossentropy`."
                if one_hot
                else "give one class number for each sample.",
            )
        if classes is None or not target.size:
            return
        if target.dtype.kind != "f" and target.min() >= 0 and target.max() < classes:
            return
        good = (target >= 0) & (target < classes)
        if self.arguments["ignore_class"] is not None:
            good |= target == self.arguments["ignore_class"]
        if not good.all():
            row = tuple(np.argwhere(~good)[0])
            raise DataError(
                f"{label} holds the class {target[row]}, and output '{output.name}' has the classes 0 to {classes - 1}",
                received=f"{target.dtype}{list(target.shape)} from {target.min()} to {target.max()}; "
                f"first at row {row[0]}",
                hint="number classes from 0, and give the last layer as many units as there are classes.",
            )


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


def _agree(given: tuple[Any, ...], wanted: tuple[Any, ...]) -> bool:
    """Whether sizes are equal where they are known."""
    return len(given) == len(wanted) and all(w is None or g == w for g, w in zip(given, wanted, strict=True))


_WRAPPERS: dict[Any, type] = {
    mean_squared_error: MeanSquaredError,
    mean_absolute_error: MeanAbsoluteError,
    huber: Huber,
    binary_crossentropy: BinaryCrossentropy,
    categorical_crossentropy: CategoricalCrossentropy,
    sparse_categorical_crossentropy: SparseCategoricalCrossentropy,
}


def _aligned(weight: Any, values: Any, what: str) -> Any:
    """The weights with axes of size 1 at the end, as many as the values have more."""
    if len(weight.shape) > len(values.shape):
        raise ShapeError(
            f"{what} has more axes than the loss has",
            received=f"{weight.shape} against {values.shape}",
            hint="give one number for each sample, or for each step of it.",
        )
    for _ in range(len(values.shape) - len(weight.shape)):
        weight = ops.expand_dims(weight, -1)
    return weight
