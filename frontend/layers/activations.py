"""Activation functions that are layers of their own, for their arguments: ReLU, LeakyReLU, ELU, Softmax."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...compiler.errors import ArgumentError
from .. import activations, ops
from ..layer import Layer
from ..layer_config import base_config
from ..saving.registry import serializable
from . import checks


class Elementwise(Layer):
    """Base of layers that take one tensor of any shape."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def check_input(self, inputs: Any, *rest: Any) -> None:
        """Refuse lists of tensors."""
        checks.one_tensor(self, inputs)


@serializable("keras.layers", kind="layer")
class ReLU(Elementwise):
    """max(x, 0), with a slope below `threshold` and a ceiling.

    Args:
        max_value: largest result; no limit by default.
        negative_slope: slope below the threshold.
        threshold: values up to it become negative_slope * (x - threshold).
    """

    def __init__(
        self, max_value: float | None = None, negative_slope: float = 0.0, threshold: float = 0.0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.max_value = None if max_value is None else checks.number(self, "max_value", max_value, 0)
        self.negative_slope = checks.number(self, "negative_slope", negative_slope, 0)
        self.threshold = checks.number(self, "threshold", threshold, 0)

    def call(self, inputs: Any) -> Any:
        return activations.relu(inputs, self.negative_slope, self.max_value, self.threshold)

    def get_config(self) -> dict[str, Any]:
        """Arguments that make the same layer."""
        return {
            **base_config(self),
            "max_value": self.max_value,
            "negative_slope": self.negative_slope,
            "threshold": self.threshold,
        }


@serializable("keras.layers", kind="layer")
class LeakyReLU(Elementwise):
    """x where x is positive, negative_slope * x elsewhere."""

    def __init__(self, negative_slope: float = 0.3, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.negative_slope = checks.number(self, "negative_slope", negative_slope, 0)

    def call(self, inputs: Any) -> Any:
        return ops.leaky_relu(checks.as_float(self, inputs), self.negative_slope)

    def get_config(self) -> dict[str, Any]:
        """Arguments that make the same layer."""
        return {**base_config(self), "negative_slope": self.negative_slope}


@serializable("keras.layers", kind="layer")
class ELU(Elementwise):
    """x where x is positive, alpha * (exp(x) - 1) elsewhere."""

    def __init__(self, alpha: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.alpha = checks.number(self, "alpha", alpha)

    def call(self, inputs: Any) -> Any:
        return ops.elu(checks.as_float(self, inputs), self.alpha)

    def get_config(self) -> dict[str, Any]:
        """Arguments that make the same layer."""
        return {**base_config(self), "alpha": self.alpha}


@serializable("keras.layers", kind="layer")
class Softmax(Elementwise):
    """exp(x) over its sum along an axis, or along several together.

    `call` takes a `mask` of the inputs' shape: where it is False the result is 0, and the others sum to 1.

    Args:
        axis: axis or axes to normalise over.
    """

    def __init__(self, axis: int | Sequence[int] = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        given = list(axis) if isinstance(axis, Sequence) and not isinstance(axis, str) else [axis]
        if not given or any(isinstance(one, bool) or not isinstance(one, int) for one in given):
            raise ArgumentError(
                f"{checks.label(self)} takes axis as an int, or several",
                received=f"axis={axis!r}",
                hint="-1 is the last axis.",
            )
        self.axis = axis

    def check_input(self, inputs: Any, *rest: Any) -> None:
        """Refuse lists of tensors, and axes that the input does not have."""
        rank = checks.one_tensor(self, inputs).rank
        if any(not -rank <= axis < rank for axis in self._axes()):
            raise ArgumentError(
                f"{checks.label(self)} normalises over axis {self.axis}, and its input has {rank} axes",
                received=f"inputs: {inputs}",
                hint=f"axes are from {-rank} to {rank - 1}; axis 0 is the batch.",
            )

    def _axes(self) -> tuple[int, ...]:
        return (self.axis,) if isinstance(self.axis, int) else tuple(self.axis)

    def call(self, inputs: Any, mask: Any = None) -> Any:
        x, axes = checks.as_float(self, inputs), self._axes()
        axis = axes[0] if len(axes) == 1 else axes
        if mask is None:
            return ops.softmax(x, axis)
        mask = ops.cast(mask, "bool")
        # A finite number: where all is masked, an infinite one would give NaN.
        lowest = -6e4 if x.dtype == "float16" else -3e38
        return ops.where(mask, ops.softmax(ops.where(mask, x, lowest), axis), 0.0)

    def get_config(self) -> dict[str, Any]:
        """Arguments that make the same layer."""
        return {**base_config(self), "axis": self.axis}
