"""Masking: steps of a sequence that stand for nothing."""

from __future__ import annotations

from typing import Any

from ...compiler.errors import ShapeError
from .. import ops
from ..layer import Layer
from ..layer_config import base_config
from ..saving.registry import serializable
from . import checks


@serializable("keras.layers", kind="layer")
class Masking(Layer):
    """Marks the steps whose features all equal `mask_value`: f32[b, …, n] → f32[b, …, n] with a mask bool[b, …].

    Such steps become 0, and the mask, by which later layers skip them, is False there.

    Args:
        mask_value: what stands for nothing.
    """

    def __init__(self, mask_value: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.mask_value = checks.number(self, "mask_value", mask_value)
        self.supports_masking = True

    def check_input(self, inputs: Any, *rest: Any) -> None:
        """Refuse other than one tensor with features."""
        x = checks.one_tensor(self, inputs)
        if x.rank < 2:
            raise ShapeError(
                f"{checks.label(self)} takes a tensor of at least 2 axes",
                received=f"inputs: {x}",
                hint="the last axis holds the features of a step.",
            )

    def call(self, inputs: Any) -> Any:
        counts = ops.any(ops.not_equal(inputs, self.mask_value), axis=-1, keepdims=True)
        return ops.multiply(inputs, ops.cast(counts, inputs.dtype))

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """True for the steps that count."""
        return ops.any(ops.not_equal(inputs, self.mask_value), axis=-1)

    def get_config(self) -> dict[str, Any]:
        """Arguments that make the same layer."""
        return {**base_config(self), "mask_value": self.mask_value}
