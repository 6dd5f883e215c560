"""Initializers whose spread follows from a weight's number of inputs and outputs: Glorot, He, LeCun."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..compiler.errors import ArgumentError
from ..runtime import distributions
from .initializer import Array, RandomInitializer
from .saving.registry import serializable

Axes = Sequence[int] | None

# Standard deviation of a standard normal distribution cut off at -2 and 2.
_TRUNCATED_STDDEV = 0.87962566103423978


@serializable("keras.initializers", kind="initializer")
class VarianceScaling(RandomInitializer):
    """Mean 0 and variance `scale / n`, where n counts a unit's inputs, outputs, or the mean of both (`mode`).

    `mode` is "fan_in", "fan_out" or "fan_avg"; `distribution` "truncated_normal", "untruncated_normal" or "uniform"
    ("normal" is "truncated_normal"). Weights are (in, out) for Dense and (…, in, out) for convolutions, whose window
    multiplies both counts; `input_axes` and `output_axes`, given together, name the counted axes instead.
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: int | None = None,
        input_axes: Axes = None,
        output_axes: Axes = None,
    ) -> None:
        super().__init__(seed)
        if not scale > 0:
            raise ArgumentError(
                "VarianceScaling expects a scale greater than 0", received=f"scale={scale!r}", hint="such as 1.0 or 2.0"
            )
        self.scale, self.mode = scale, _one_of("mode", mode, "fan_in", "fan_out", "fan_avg")
        distribution = "truncated_normal" if distribution == "normal" else distribution
        self.distribution = _one_of("distribution", distribution, "truncated_normal", "untruncated_normal", "uniform")
        if (input_axes is None) != (output_axes is None):
            raise ArgumentError(
                "input_axes and output_axes go together",
                received=f"input_axes={input_axes!r}, output_axes={output_axes!r}",
                hint="name the axes of both sides, or of neither",
            )
        self.input_axes, self.output_axes = input_axes, output_axes

    def sample(self, shape: tuple[int, ...], dtype: np.dtype[Any], rng: np.random.Generator) -> Array:
        fan_in, fan_out = self._fans(shape)
        n = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        stddev = math.sqrt(self.scale / max(1.0, n))
        if self.distribution == "uniform":
            limit = math.sqrt(3) * stddev
            return distributions.uniform(rng, shape, dtype, -limit, limit)
        if self.distribution == "untruncated_normal":
            return distributions.normal(rng, shape, dtype, 0.0, stddev)
        return distributions.truncated_normal(rng, shape, dtype, 0.0, stddev / _TRUNCATED_STDDEV)

    def _fans(self, shape: tuple[int, ...]) -> tuple[int, int]:
        if self.input_axes is not None and self.output_axes is not None:
            return math.prod(shape[axis] for axis in self.input_axes), math.prod(
                shape[axis] for axis in self.output_axes
            )
        if len(shape) < 2:
            return (shape or (1,))[0], (shape or (1,))[0]
        window = math.prod(shape[:-2])
        return window * shape[-2], window * shape[-1]

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "scale": self.scale,
            "mode": self.mode,
            "distribution": self.distribution,
            "input_axes": self.input_axes,
            "output_axes": self.output_axes,
        }


class _Preset(VarianceScaling):
    """A named setting of VarianceScaling: scale, mode and distribution are the class's, not arguments."""

    _setting: tuple[float, str, str]

    def __init__(self, seed: int | None = None, input_axes: Axes = None, output_axes: Axes = None) -> None:
        super().__init__(*self._setting, seed=seed, input_axes=input_axes, output_axes=output_axes)

    def get_config(self) -> dict[str, Any]:
        return {"seed": self.seed, "input_axes": self.input_axes, "output_axes": self.output_axes}


@serializable("keras.initializers", kind="initializer")
class GlorotUniform(_Preset):
    """Uniform within ±√(6 / (fan_in + fan_out)) (Glorot & Bengio, 2010)."""

    _setting = (1.0, "fan_avg", "uniform")


@serializable("keras.initializers", kind="initializer")
class GlorotNormal(_Preset):
    """Truncated normal of standard deviation √(2 / (fan_in + fan_out)) (Glorot & Bengio, 2010)."""

    _setting = (1.0, "fan_avg", "truncated_normal")


@serializable("keras.initializers", kind="initializer")
class HeUniform(_Preset):
    """Uniform within ±√(6 / fan_in) (He et al., 2015)."""

    _setting = (2.0, "fan_in", "uniform")


@serializable("keras.initializers", kind="initializer")
class HeNormal(_Preset):
    """Truncated normal of standard deviation √(2 / fan_in) (He et al., 2015)."""

    _setting = (2.0, "fan_in", "truncated_normal")


@serializable("keras.initializers", kind="initializer")
class LecunUniform(_Preset):
    """Uniform within ±√(3 / fan_in) (LeCun et al., 1998)."""

    _setting = (1.0, "fan_in", "uniform")


@serializable("keras.initializers", kind="initializer")
class LecunNormal(_Preset):
    """Truncated normal of standard deviation √(1 / fan_in) (LeCun et al., 1998)."""

    _setting = (1.0, "fan_in", "truncated_normal")


def _one_of(name: str, value: Any, *allowed: str) -> str:
    if value in allowed:
        return value
    raise ArgumentError(
        f"VarianceScaling does not know this {name}",
        received=f"{name}={value!r}",
        hint=f"use one of {', '.join(map(repr, allowed))}",
    )
