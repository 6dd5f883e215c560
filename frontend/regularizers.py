"""Regularizers: penalties on weights, added to the loss.

They are written in ops, so that a penalty is part of the train graph and on plain arrays just runs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Self

import numpy as np

from ..compiler.errors import ArgumentError, ShapeError
from . import identifiers, ops
from .saving.registry import serializable, slot_base


@slot_base("regularizer")
class Regularizer:
    """Base class. A subclass overrides `__call__(x)`, which returns a scalar, and `get_config` if it is to be saved."""

    def __call__(self, x: Any) -> Any:
        """The penalty on the weight `x` (any shape), a scalar."""
        raise NotImplementedError(f"{type(self).__name__} must override `__call__(self, x)`")

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        raise NotImplementedError(f"{type(self).__name__} must override `get_config(self)` to be saved")

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """The regularizer whose `get_config` gave `config`."""
        return cls(**config)


@serializable("keras.regularizers", kind="regularizer")
class L1(Regularizer):
    """l1 · Σ|x|."""

    def __init__(self, l1: float = 0.01) -> None:
        self.l1 = _rounded(_strength("l1", l1))

    def __call__(self, x: Any) -> Any:
        return ops.sum(ops.absolute(x)) * self.l1

    def get_config(self) -> dict[str, Any]:
        return {"l1": self.l1}


@serializable("keras.regularizers", kind="regularizer")
class L2(Regularizer):
    """l2 · Σx²."""

    def __init__(self, l2: float = 0.01) -> None:
        self.l2 = _strength("l2", l2)

    def __call__(self, x: Any) -> Any:
        return ops.sum(ops.square(x)) * self.l2

    def get_config(self) -> dict[str, Any]:
        return {"l2": self.l2}


@serializable("keras.regularizers", kind="regularizer", aliases=("l1_l2", "l1l2"))
class L1L2(Regularizer):
    """l1 · Σ|x| + l2 · Σx²."""

    def __init__(self, l1: float = 0.0, l2: float = 0.0) -> None:
        self.l1, self.l2 = _strength("l1", l1), _strength("l2", l2)

    def __call__(self, x: Any) -> Any:
        return ops.sum(ops.absolute(x)) * self.l1 + ops.sum(ops.square(x)) * self.l2

    def get_config(self) -> dict[str, Any]:
        return {"l1": self.l1, "l2": self.l2}


@serializable("keras.regularizers", kind="regularizer")
class OrthogonalRegularizer(Regularizer):
    """factor · the mean of |cosine| over all pairs of different rows (or columns, by `mode`) of a matrix."""

    def __init__(self, factor: float = 0.01, mode: str = "rows") -> None:
        if mode not in ("rows", "columns"):
            raise ArgumentError(
                "OrthogonalRegularizer does not know this mode",
                received=f"mode={mode!r}",
                hint="use 'rows' or 'columns'",
            )
        self.factor, self.mode = _rounded(_strength("factor", factor)), mode

    def __call__(self, x: Any) -> Any:
        if len(x.shape) != 2:
            raise ShapeError(
                "OrthogonalRegularizer takes matrices only",
                received=f"x of shape {tuple(x.shape)}",
                hint="L2 takes any shape",
            )
        by_rows = self.mode == "rows"
        norms = ops.sum(ops.square(x), axis=1 if by_rows else 0, keepdims=True)
        units = x / ops.sqrt(ops.maximum(norms, 1e-12))
        other = ops.transpose(units)
        cosines = ops.matmul(units, other) if by_rows else ops.matmul(other, units)
        count = x.shape[0 if by_rows else 1]
        apart = ops.sum(ops.absolute(cosines)) - ops.sum(ops.square(units))  # without each one's product with itself
        return apart * (self.factor / max(count * (count - 1.0), 1.0))

    def get_config(self) -> dict[str, Any]:
        return {"factor": self.factor, "mode": self.mode}


l1, l2, l1_l2, orthogonal_regularizer = L1, L2, L1L2, OrthogonalRegularizer


def get(identifier: Any) -> Any:
    """The regularizer that a string ("l2", "L2"), config, class, object or callable stands for; None stays None."""
    return identifiers.get("regularizer", identifier)


def serialize(regularizer: Any) -> dict[str, Any]:
    """The config by which files name `regularizer`."""
    return identifiers.serialize("regularizer", regularizer)


def deserialize(config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The regularizer that `config` describes."""
    return identifiers.deserialize("regularizer", config, custom_objects=custom_objects)


def _strength(name: str, value: Any) -> float:
    number = 0.0 if value is None else value
    if not isinstance(number, int | float | np.floating | np.integer) or not math.isfinite(number) or number < 0:
        raise ArgumentError(
            "A regularizer's strength is a finite number, 0 or greater",
            received=f"{name}={value!r}",
            hint="such as 0.01",
        )
    return float(number)


def _rounded(number: float) -> float:
    """In float32, which is what Keras keeps here and writes into files."""
    return float(np.float32(number))
