"""Embedding: a vector for each integer."""

from __future__ import annotations

import warnings
from typing import Any

from ...compiler.types import is_integer
from .. import ops, regularizers
from ..layer import Layer
from ..layer_config import base_config
from ..saving.registry import serializable
from . import checks, weighted


@serializable("keras.layers", kind="layer")
class Embedding(Layer):
    """Row i of a table for each integer i: i32[b, …] → f32[b, …, output_dim].

    Floats are cut off to integers first.  Negative integers count from the end; one out of range gives NaN.

    Args:
        input_dim: number of rows, one more than the largest integer.
        output_dim: size of each row.
        embeddings_initializer, embeddings_regularizer, embeddings_constraint: of the table.
        mask_zero: whether 0 stands for "no step": the output's mask is False there.
        weights: the table, or a list with it alone, to start from.
        lora_rank, lora_alpha, quantization_config: not supported.
    """

    embeddings: Any

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None,
        mask_zero: bool = False,
        weights: Any = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        quantization_config: Any = None,
        **kwargs: Any,
    ) -> None:
        if kwargs.pop("input_length", None) is not None:
            warnings.warn("Embedding() does not need `input_length`: leave it out.", UserWarning, stacklevel=2)
        # Floats in half precision could not tell integers apart: they are not cast to the compute dtype.
        super().__init__(autocast=False, **kwargs)
        checks.unsupported(self, lora_rank=lora_rank, lora_alpha=lora_alpha, quantization_config=quantization_config)
        self.input_dim = checks.positive(self, "input_dim", input_dim)
        self.output_dim = checks.positive(self, "output_dim", output_dim)
        weighted.keep(self, embeddings=(embeddings_initializer, embeddings_regularizer, embeddings_constraint))
        self.mask_zero = self.supports_masking = bool(mask_zero)
        if weights is not None:
            self.build(None)
            self.set_weights(weights if isinstance(weights, list) else [weights])

    def build(self, input_shape: Any = None) -> None:
        weighted.make(self, "embeddings", (self.input_dim, self.output_dim))

    def check_input(self, inputs: Any, *rest: Any) -> None:
        """Refuse other than one tensor."""
        checks.one_tensor(self, inputs)

    def call(self, inputs: Any) -> Any:
        if inputs.dtype not in ("int32", "int64"):
            inputs = ops.cast(inputs, "int32")
        rows = ops.take(self.embeddings, inputs, axis=0)
        return rows if rows.dtype == self.compute_dtype else ops.cast(rows, self.compute_dtype)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """True where the integer is not 0; None without `mask_zero`."""
        return ops.not_equal(inputs, 0 if is_integer(inputs.dtype) else 0.0) if self.mask_zero else None

    def get_config(self) -> dict[str, Any]:
        """Arguments that make the same layer."""
        return {
            **base_config(self),
            "input_dim": self.input_dim,
            "output_dim": self.output_dim,
            **weighted.config(self, "embeddings"),
            "activity_regularizer": regularizers.serialize(self.activity_regularizer),
            "mask_zero": self.mask_zero,
            "quantization_config": None,
        }
