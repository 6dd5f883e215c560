"""Layers that prepare data inside the model: Rescaling."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...compiler.errors import ArgumentError, ShapeError
from ...compiler.ops.checks import differ
from ...compiler.types import jax_dtype
from .. import ops
from ..layer import Layer
from ..layer_config import base_config
from ..saving.config import serialize_keras_object, special
from ..saving.registry import serializable
from . import checks


@serializable("keras.layers", kind="layer")
class Rescaling(Layer):
    """x * scale + offset, in the layer's compute dtype: bytes come out as floats.

    Args:
        scale, offset: numbers, or lists or arrays of them, broadcast against the inputs from the right.
    """

    def __init__(self, scale: Any, offset: Any = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scale, self.offset = self._numbers("scale", scale), self._numbers("offset", offset)
        self.supports_masking = True

    def _numbers(self, what: str, value: Any) -> Any:
        array = None if isinstance(value, str | Mapping) else np.asarray(value)
        if array is None or array.dtype.kind not in "fiu":
            raise ArgumentError(
                f"{checks.label(self)} takes {what} as a number, or a list or array of numbers",
                received=f"{what}={value!r:.80}",
                hint="such as `Rescaling(1 / 255)`.",
            )
        return array.item() if array.ndim == 0 else value

    def check_input(self, inputs: Any, *rest: Any) -> None:
        """Refuse inputs that scale or offset cannot be broadcast to."""
        x = checks.one_tensor(self, inputs)
        for what, value in (("scale", self.scale), ("offset", self.offset)):
            shape = np.shape(value)
            pairs = zip(reversed(shape), reversed(x.shape), strict=False)
            if len(shape) > x.rank or any(one != 1 and differ(one, size) for one, size in pairs):
                raise ShapeError(
                    f"{checks.label(self)} has a {what} of shape {shape}, which does not fit its input",
                    received=f"inputs: {x}",
                    hint="sizes are aligned from the right: one number for each channel, or a single one.",
                )

    def call(self, inputs: Any) -> Any:
        x = inputs if inputs.dtype == self.compute_dtype else ops.cast(inputs, self.compute_dtype)
        x = ops.multiply(x, self._operand(self.scale))
        return (
            x if isinstance(self.offset, int | float) and self.offset == 0 else ops.add(x, self._operand(self.offset))
        )

    def _operand(self, value: Any) -> Any:
        return float(value) if isinstance(value, int | float) else np.asarray(value, jax_dtype(self.compute_dtype))

    def get_config(self) -> dict[str, Any]:
        """Arguments that make the same layer."""
        return {
            **base_config(self),
            "scale": serialize_keras_object(self.scale),
            "offset": serialize_keras_object(self.offset),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """The layer of a config."""
        return super().from_config({key: _array(value) for key, value in config.items()})


def _array(value: Any) -> Any:
    """An array that a config holds as a dict, or the value itself."""
    is_array = isinstance(value, Mapping) and value.get("class_name") in ("__numpy__", "__tensor__")
    return special(value, "an argument of Rescaling") if is_array else value
