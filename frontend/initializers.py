"""Initializers: the first values of weights, and what stands for one (`get`).

Distributions, fans and scaling are Keras's; the numbers are not.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Self

import numpy as np

from ..compiler.errors import ShapeError
from ..runtime import distributions
from . import identifiers
from .initializer import Array, Initializer, RandomInitializer, weight_dtype
from .saving import config as configs
from .saving.registry import serializable
from .variance_scaling import (
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LecunNormal,
    LecunUniform,
    VarianceScaling,
)


@serializable("keras.initializers", kind="initializer", aliases=("zero",))
class Zeros(Initializer):
    """All zeros."""

    def sample(self, shape: tuple[int, ...], dtype: np.dtype[Any], rng: np.random.Generator) -> Array:
        return np.zeros(shape, dtype)


@serializable("keras.initializers", kind="initializer", aliases=("one",))
class Ones(Initializer):
    """All ones."""

    def sample(self, shape: tuple[int, ...], dtype: np.dtype[Any], rng: np.random.Generator) -> Array:
        return np.ones(shape, dtype)


@serializable("keras.initializers", kind="initializer")
class Constant(Initializer):
    """`value` everywhere: a number, or an array that is broadcast to the shape."""

    def __init__(self, value: Any = 0.0) -> None:
        self.value = value

    def sample(self, shape: tuple[int, ...], dtype: np.dtype[Any], rng: np.random.Generator) -> Array:
        value = np.asarray(self.value).astype(dtype)
        try:
            return np.broadcast_to(value, shape).copy()
        except ValueError:
            raise ShapeError(
                "Constant's value does not broadcast to the weight's shape",
                received=f"value of shape {value.shape}, weight of shape {shape}",
                hint="give one number, or an array of the weight's shape",
            ) from None

    def get_config(self) -> dict[str, Any]:
        value = self.value
        return {"value": configs.serialize_keras_object(np.asarray(value)) if hasattr(value, "shape") else value}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        value = config.get("value", 0.0)
        if isinstance(value, Mapping) and "class_name" in value:
            value = configs.special(value, "a Constant's value")
        return cls(value)


@serializable("keras.initializers", kind="initializer", aliases=("IdentityInitializer",))
class Identity(Initializer):
    """`gain` times the identity matrix; for shapes of rank 2 only."""

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = gain

    def sample(self, shape: tuple[int, ...], dtype: np.dtype[Any], rng: np.random.Generator) -> Array:
        if len(shape) != 2:
            raise ShapeError(
                "The identity initializer makes matrices only",
                received=f"shape={shape}",
                hint="use another initializer for weights of another rank",
            )
        return (self.gain * np.eye(*shape)).astype(dtype)

    def get_config(self) -> dict[str, Any]:
        # Keras's own files leave the gain out, always; one that matters is kept here, and Keras reads it.
        return {} if self.gain == 1.0 else {"gain": self.gain}


@serializable("keras.initializers", kind="initializer", aliases=("uniform",))
class RandomUniform(RandomInitializer):
    """Uniform on [`minval`, `maxval`)."""

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: int | None = None) -> None:
        super().__init__(seed)
        self.minval, self.maxval = minval, maxval

    def sample(self, shape: tuple[int, ...], dtype: np.dtype[Any], rng: np.random.Generator) -> Array:
        return distributions.uniform(rng, shape, dtype, self.minval, self.maxval)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "minval": self.minval, "maxval": self.maxval}


@serializable("keras.initializers", kind="initializer", aliases=("normal",))
class RandomNormal(RandomInitializer):
    """Normal of `mean` and standard deviation `stddev`."""

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: int | None = None) -> None:
        super().__init__(seed)
        self.mean, self.stddev = mean, stddev

    def sample(self, shape: tuple[int, ...], dtype: np.dtype[Any], rng: np.random.Generator) -> Array:
        return distributions.normal(rng, shape, dtype, self.mean, self.stddev)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "mean": self.mean, "stddev": self.stddev}


@serializable("keras.initializers", kind="initializer")
class TruncatedNormal(RandomInitializer):
    """Normal of `mean` and standard deviation `stddev`, drawn again beyond two standard deviations.

    (So the numbers' own standard deviation is 0.88 of `stddev`.)
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: int | None = None) -> None:
        super().__init__(seed)
        self.mean, self.stddev = mean, stddev

    def sample(self, shape: tuple[int, ...], dtype: np.dtype[Any], rng: np.random.Generator) -> Array:
        return distributions.truncated_normal(rng, shape, dtype, self.mean, self.stddev)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "mean": self.mean, "stddev": self.stddev}


@serializable("keras.initializers", kind="initializer", aliases=("OrthogonalInitializer",))
class Orthogonal(RandomInitializer):
    """`gain` times a random matrix with orthonormal rows or columns, whichever are fewer (Saxe et al., 2014).

    Shapes of rank above 2 count as matrices of the last axis against all others.
    """

    def __init__(self, gain: float = 1.0, seed: int | None = None) -> None:
        super().__init__(seed)
        self.gain = gain

    def sample(self, shape: tuple[int, ...], dtype: np.dtype[Any], rng: np.random.Generator) -> Array:
        if len(shape) < 2:
            raise ShapeError(
                "The orthogonal initializer expects rank 2 or more",
                received=f"shape={shape}",
                hint="use another initializer for vectors",
            )
        matrix = distributions.orthogonal(rng, math.prod(shape[:-1]), shape[-1], dtype)
        return (matrix * np.asarray(self.gain, dtype)).reshape(shape)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "gain": self.gain}


IdentityInitializer, OrthogonalInitializer = Identity, Orthogonal
zeros, ones, constant, identity, orthogonal = Zeros, Ones, Constant, Identity, Orthogonal
random_uniform, random_normal, truncated_normal = RandomUniform, RandomNormal, TruncatedNormal
variance_scaling, glorot_uniform, glorot_normal = VarianceScaling, GlorotUniform, GlorotNormal
he_uniform, he_normal, lecun_uniform, lecun_normal = HeUniform, HeNormal, LecunUniform, LecunNormal


def get(identifier: Any) -> Any:
    """The initializer that a string ("he_normal", "HeNormal"), config, class, object or callable stands for.

    An array stands for itself: the weight must have its shape. None stays None.
    """
    if hasattr(identifier, "__array__") and np.ndim(identifier):
        array = np.asarray(identifier)

        def given(shape: Any, dtype: Any = None) -> Array:
            if tuple(shape) != array.shape:
                raise ShapeError(
                    "The array given as initializer has another shape than the weight",
                    received=f"array of shape {array.shape}, weight of shape {tuple(shape)}",
                    hint="transpose or reshape the array",
                )
            return array.astype(weight_dtype(dtype))

        return given
    return identifiers.get("initializer", identifier)


def serialize(initializer: Any) -> dict[str, Any]:
    """The config by which files name `initializer`."""
    return identifiers.serialize("initializer", initializer)


def deserialize(config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The initializer that `config` describes."""
    return identifiers.deserialize("initializer", config, custom_objects=custom_objects)
