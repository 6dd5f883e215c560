"""Layers that every model has: Dense, Activation, Identity."""

from __future__ import annotations

from typing import Any

from ...compiler.errors import ShapeError
from .. import activations, ops
from ..layer import Layer
from ..layer_config import base_config
from ..saving.registry import serializable
from . import checks, weighted


@serializable("keras.layers", kind="layer")
class Dense(Layer):
    """activation(x @ kernel + bias) over the last axis: f32[..., n] → f32[..., units].

    Args:
        units: size of the last axis of the result.
        activation: applied at the end; none by default.
        use_bias: whether a bias is added.
        kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer, activity_regularizer,
        kernel_constraint, bias_constraint: of the two weights, and a penalty on the result.
        lora_rank, lora_alpha, quantization_config: not supported.
    """

    kernel: Any
    bias: Any

    def __init__(
        self,
        units: int,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        quantization_config: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        checks.unsupported(self, lora_rank=lora_rank, lora_alpha=lora_alpha, quantization_config=quantization_config)
        self.units, self.use_bias = checks.positive(self, "units", units), use_bias
        self.activation = activations.get(activation)
        weighted.keep(
            self,
            kernel=(kernel_initializer, kernel_regularizer, kernel_constraint),
            bias=(bias_initializer, bias_regularizer, bias_constraint),
        )
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        weighted.make(self, "kernel", (input_shape[-1], self.units))
        if self.use_bias:
            weighted.make(self, "bias", (self.units,))

    def check_input(self, inputs: Any, *rest: Any) -> None:
        """Refuse other than one tensor, whose last axis has the size that the kernel has."""
        x = checks.one_tensor(self, inputs)
        if x.rank < 2:
            raise ShapeError(
                f"{checks.label(self)} takes a tensor of at least 2 axes",
                received=f"inputs: {x}",
                hint="the first axis is the batch.",
            )
        checks.fits(self, x, -1, None if self.kernel is None else self.kernel.shape[0], "the last axis")

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        x = ops.matmul(inputs, self.kernel)
        if self.bias is not None:
            x = ops.add(x, self.bias)
        return self.activation(x)

    def get_config(self) -> dict[str, Any]:
        """Arguments that make the same layer."""
        return {
            **base_config(self),
            "units": self.units,
            "activation": activations.serialize(self.activation),
            "use_bias": self.use_bias,
            **weighted.config(self, "kernel", "bias"),
            "quantization_config": None,
        }


@serializable("keras.layers", kind="layer")
class Activation(Layer):
    """An activation function as a layer.

    Args:
        activation: name or function.
    """

    def __init__(self, activation: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.activation = activations.get(activation)

    def call(self, inputs: Any) -> Any:
        return self.activation(inputs)

    def get_config(self) -> dict[str, Any]:
        """Arguments that make the same layer."""
        return {**base_config(self), "activation": activations.serialize(self.activation)}


@serializable("keras.layers", kind="layer")
class Identity(Layer):
    """Its input, nested as it is."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        return inputs
