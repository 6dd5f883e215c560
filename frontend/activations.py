"""Activation functions by name: the public ops under the names that Keras gives them in `activation=`."""

from __future__ import annotations

from typing import Any

from ..compiler.errors import ArgumentError
from . import identifiers, ops
from .saving.registry import by_name, entry_of, serializable


def _register(*aliases: str, name: str | None = None) -> Any:
    return serializable("keras.activations", kind="activation", name=name, aliases=aliases)


@_register()
def relu(x: Any, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> Any:
    """max(x, 0), with a slope below `threshold` and a ceiling.

    f(x) = max_value where x >= max_value, x between, negative_slope * (x - threshold) below threshold.
    """
    if max_value is not None and (max_value < 0 or (threshold and max_value < threshold)):
        raise ArgumentError(
            "relu() takes a max_value of at least 0",
            received=f"{max_value=}, {threshold=}",
            hint="and not below the threshold.",
        )
    if not threshold and max_value is None:
        return ops.leaky_relu(x, negative_slope) if negative_slope else ops.relu(x)
    if not threshold and not negative_slope and max_value == 6:
        return ops.relu6(x)
    # Written so that gradients where the pieces meet are Keras's: 0 at the threshold, half at the ceiling.
    y = ops.where(ops.greater(x, threshold), x, 0.0) if threshold else ops.relu(x)
    if max_value is not None:
        y = ops.minimum(y, max_value)
    return ops.subtract(y, ops.multiply(ops.relu(ops.subtract(threshold, x)), negative_slope)) if negative_slope else y


@_register()
def leaky_relu(x: Any, negative_slope: float = 0.2) -> Any:
    """x above 0, negative_slope * x below."""
    return ops.leaky_relu(x, negative_slope)


@_register()
def relu6(x: Any) -> Any:
    """min(max(x, 0), 6)."""
    return ops.relu6(x)


@_register()
def softmax(x: Any, axis: int = -1) -> Any:
    """exp(x) normalised to sum 1 over `axis`."""
    return ops.softmax(x, axis)


@_register()
def log_softmax(x: Any, axis: int = -1) -> Any:
    """Logarithm of softmax."""
    return ops.log_softmax(x, axis)


@_register()
def elu(x: Any, alpha: float = 1.0) -> Any:
    """x above 0, alpha * (exp(x) - 1) below."""
    return ops.elu(x, alpha)


@_register()
def selu(x: Any) -> Any:
    """Scaled exponential linear unit (Klambauer et al., 2017)."""
    return ops.selu(x)


@_register()
def softplus(x: Any) -> Any:
    """log(exp(x) + 1)."""
    return ops.softplus(x)


@_register()
def softsign(x: Any) -> Any:
    """x / (|x| + 1)."""
    return ops.softsign(x)


@_register("swish")
def silu(x: Any) -> Any:
    """x * sigmoid(x)."""
    return ops.silu(x)


@_register()
def gelu(x: Any, approximate: bool = False) -> Any:
    """x * P(X <= x) for a standard normal X (Hendrycks & Gimpel, 2016)."""
    return ops.gelu(x, approximate)


@_register()
def tanh(x: Any) -> Any:
    """Hyperbolic tangent."""
    return ops.tanh(x)


@_register()
def sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x))."""
    return ops.sigmoid(x)


@_register()
def hard_sigmoid(x: Any) -> Any:
    """min(max(x / 6 + 1/2, 0), 1)."""
    return ops.hard_sigmoid(x)


@_register("hard_swish")
def hard_silu(x: Any) -> Any:
    """x * hard_sigmoid(x)."""
    return ops.hard_silu(x)


@_register()
def log_sigmoid(x: Any) -> Any:
    """Logarithm of sigmoid."""
    return ops.log_sigmoid(x)


@_register()
def mish(x: Any) -> Any:
    """x * tanh(softplus(x))."""
    return ops.mish(x)


@_register()
def exponential(x: Any) -> Any:
    """exp(x)."""
    return ops.exp(x)


@_register()
def linear(x: Any) -> Any:
    """x itself."""
    return x


def get(identifier: Any) -> Any:
    """The activation function of a name, function, config, or None (linear).

    Raises:
        ArgumentError: it names no activation.
    """
    if identifier is None:
        return linear
    return identifiers.get("activation", identifier)


def serialize(activation: Any) -> Any:
    """The name of an activation as configs hold it; a config for a function of the caller's own."""
    entry = entry_of(activation, ("activation",))
    return entry.name if entry is not None else identifiers.serialize("activation", activation)


def deserialize(config: Any, custom_objects: Any = None) -> Any:
    """The activation of a name or config."""
    if isinstance(config, str) and (entry := by_name("activation", config)) is not None:
        return entry.obj
    return identifiers.get("activation", config, custom_objects=custom_objects)
