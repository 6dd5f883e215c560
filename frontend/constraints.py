"""Constraints: what a weight is projected onto after every update.

They are pure functions on arrays (`jax.numpy`), for they run on the updated parameters inside the train step, after
the optimizer, and are no part of the model's graph.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import jax
import jax.numpy as jnp

from ..compiler.errors import ArgumentError
from . import identifiers
from .saving.registry import serializable, slot_base

_EPSILON = 1e-7  # Keras's `config.epsilon()`, so that a weight of norm zero stays zero

Axis = int | Sequence[int] | None


@slot_base("constraint")
class Constraint:
    """Base class. A subclass overrides `__call__(w)`, which returns the projected weight (same shape and dtype)."""

    def __call__(self, w: Any) -> Any:
        """The weight itself: this class constrains nothing."""
        return w

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """The constraint whose `get_config` gave `config`."""
        return cls(**config)


@serializable("keras.constraints", kind="constraint")
class MaxNorm(Constraint):
    """Scale weights down so that their norm along `axis` is at most `max_value`.

    `axis` is 0 for the input axis of a Dense kernel, (0, 1, 2) for a Conv2D kernel (height, width, in, out).
    """

    def __init__(self, max_value: float = 2, axis: Axis = 0) -> None:
        self.max_value, self.axis = max_value, axis

    def __call__(self, w: Any) -> jax.Array:
        w, norm = _with_norm(w, self.axis)
        return w * (jnp.clip(norm, 0, self.max_value) / (norm + _EPSILON))

    def get_config(self) -> dict[str, Any]:
        return {"max_value": self.max_value, "axis": self.axis}


@serializable("keras.constraints", kind="constraint")
class NonNeg(Constraint):
    """Set negative weights to zero."""

    def __call__(self, w: Any) -> jax.Array:
        return jnp.maximum(jnp.asarray(w), 0)


@serializable("keras.constraints", kind="constraint")
class UnitNorm(Constraint):
    """Scale weights so that their norm along `axis` is 1 (a weight of norm 0 stays 0)."""

    def __init__(self, axis: Axis = 0) -> None:
        self.axis = axis

    def __call__(self, w: Any) -> jax.Array:
        w, norm = _with_norm(w, self.axis)
        return w / (norm + _EPSILON)

    def get_config(self) -> dict[str, Any]:
        return {"axis": self.axis}


@serializable("keras.constraints", kind="constraint")
class MinMaxNorm(Constraint):
    """Move the norm along `axis` towards [`min_value`, `max_value`]: the new norm is
    `(1 - rate) * norm + rate * clip(norm, min_value, max_value)`."""

    def __init__(self, min_value: float = 0.0, max_value: float = 1.0, rate: float = 1.0, axis: Axis = 0) -> None:
        if min_value > max_value:
            raise ArgumentError(
                "MinMaxNorm expects min_value to be at most max_value",
                received=f"min_value={min_value!r}, max_value={max_value!r}",
                hint="they stand in this order: MinMaxNorm(min_value, max_value)",
            )
        self.min_value, self.max_value, self.rate, self.axis = min_value, max_value, rate, axis

    def __call__(self, w: Any) -> jax.Array:
        w, norm = _with_norm(w, self.axis)
        wanted = self.rate * jnp.clip(norm, self.min_value, self.max_value) + (1 - self.rate) * norm
        return w * (wanted / (norm + _EPSILON))

    def get_config(self) -> dict[str, Any]:
        return {"min_value": self.min_value, "max_value": self.max_value, "rate": self.rate, "axis": self.axis}


max_norm, non_neg, unit_norm, min_max_norm = MaxNorm, NonNeg, UnitNorm, MinMaxNorm


def get(identifier: Any) -> Any:
    """The constraint that a string ("max_norm"), config, class, object or callable stands for; None stays None."""
    return identifiers.get("constraint", identifier)


def serialize(constraint: Any) -> dict[str, Any]:
    """The config by which files name `constraint`."""
    return identifiers.serialize("constraint", constraint)


def deserialize(config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The constraint that `config` describes."""
    return identifiers.deserialize("constraint", config, custom_objects=custom_objects)


def _with_norm(w: Any, axis: Axis) -> tuple[jax.Array, jax.Array]:
    w = jnp.asarray(w)
    axes = axis if isinstance(axis, int | None) else tuple(axis)
    return w, jnp.sqrt(jnp.sum(jnp.square(w), axis=axes, keepdims=True))
