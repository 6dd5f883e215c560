"""Cross-entropies, as losses: of yes/no targets, of one-hot and of integer classes."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..compiler.errors import ArgumentError, DataError
from ..compiler.types import TensorType, tensor_type
from . import ops
from .crossentropy_functions import (
    binary_crossentropy,
    binary_focal_crossentropy,
    categorical_crossentropy,
    categorical_focal_crossentropy,
    categorical_generalized_cross_entropy,
    sparse_categorical_crossentropy,
)
from .loss import LossFunctionWrapper
from .saving.registry import serializable


def _register(*aliases: str) -> Any:
    return serializable("keras.losses", kind="loss", aliases=aliases)


class _Crossentropy(LossFunctionWrapper):
    def _check_axis(self, axis: int) -> None:
        if isinstance(axis, bool) or not isinstance(axis, int):
            raise ArgumentError(
                f"{type(self).__name__}() takes an integer axis",
                received=f"axis={axis!r}",
                hint="axis=-1 is that of the classes in most models.",
            )


class _OfIntegers(_Crossentropy):
    """Base of losses whose targets are the numbers of classes."""

    @property
    def axis(self) -> int:
        """The axis of the classes in predictions."""
        return self.arguments.get("axis", -1)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return self.fn(y_true, y_pred, **self.arguments)

    def target_type(self, output: TensorType) -> TensorType:
        """Integers without the class axis."""
        axis = self.axis % output.rank
        return tensor_type((*output.shape[:axis], *output.shape[axis + 1 :]), "int32")

    def check_target(self, target: np.ndarray, output: Any, label: str) -> None:
        """Refuse targets of another shape than classes, and classes that the output does not have.

        Raises:
            DataError: shape or labels do not fit.
        """
        axis = self.axis % len(output.shape)
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
        if self.arguments.get("ignore_class") is not None:
            good |= target == self.arguments["ignore_class"]
        if not good.all():
            row = tuple(np.argwhere(~good)[0])
            raise DataError(
                f"{label} holds the class {target[row]}, and output '{output.name}' has the classes 0 to {classes - 1}",
                received=f"{target.dtype}{list(target.shape)} from {target.min()} to {target.max()}; "
                f"first at row {row[0]}",
                hint="number classes from 0, and give the last layer as many units as there are classes.",
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

    of_classes = True

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
class SparseCategoricalCrossentropy(_OfIntegers):
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


@_register()
class BinaryFocalCrossentropy(_Crossentropy):
    """Cross-entropy of yes/no targets in which easy ones count less; see `binary_focal_crossentropy`."""

    def __init__(
        self,
        apply_class_balancing: bool = False,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "binary_focal_crossentropy",
        dtype: Any = None,
    ) -> None:
        self._check_axis(axis)
        super().__init__(
            binary_focal_crossentropy,
            reduction,
            name,
            dtype,
            apply_class_balancing=apply_class_balancing,
            alpha=alpha,
            gamma=gamma,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        )


@_register()
class CategoricalFocalCrossentropy(_Crossentropy):
    """Cross-entropy of one-hot targets in which easy ones count less; see `categorical_focal_crossentropy`."""

    of_classes = True

    def __init__(
        self,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "categorical_focal_crossentropy",
        dtype: Any = None,
    ) -> None:
        self._check_axis(axis)
        super().__init__(
            categorical_focal_crossentropy,
            reduction,
            name,
            dtype,
            alpha=alpha,
            gamma=gamma,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        )


@_register()
class CategoricalGeneralizedCrossEntropy(_OfIntegers):
    """(1 - p^q) / q for the probability p of an integer class; see `categorical_generalized_cross_entropy`."""

    def __init__(
        self,
        q: float = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str = "categorical_generalized_cross_entropy",
        dtype: Any = None,
    ) -> None:
        if not 0 < q < 1:
            raise ArgumentError(
                "CategoricalGeneralizedCrossEntropy() takes q between 0 and 1",
                received=f"{q=}",
                hint="towards 0 it is the cross-entropy, towards 1 the absolute error.",
            )
        super().__init__(categorical_generalized_cross_entropy, reduction, name, dtype, q=q)
