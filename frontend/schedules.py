"""Learning-rate schedules: the learning rate as a function of the number of updates done.

The train step calls a schedule with the traced step number, so it is compiled into the step; formulas and arguments
are Keras's. Everything is computed in float32, as Keras does, because floors and restarts fall where float32 puts
them.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any, Self

import jax
import jax.numpy as jnp

from ..compiler.errors import ArgumentError
from . import identifiers
from .saving.registry import serializable, slot_base


@slot_base("schedule")
class LearningRateSchedule:
    """Base class. A subclass overrides `__call__(step)`, and `get_config` if it is to be saved.

    `step` is an int32 scalar, traced while a step is compiled: use arithmetic, `kgc.ops` or `jax.numpy`, and
    `ops.where` in the place of `if`. The result is a float, or a scalar.
    """

    def __call__(self, step: Any) -> Any:
        """The learning rate of the update that follows `step` completed ones."""
        raise NotImplementedError(f"{type(self).__name__} must override `__call__(self, step)`")

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        raise NotImplementedError(f"{type(self).__name__} must override `get_config(self)` to be saved")

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """The schedule whose `get_config` gave `config`."""
        return cls(**config)


@serializable("keras.optimizers.schedules", kind="schedule")
class ExponentialDecay(LearningRateSchedule):
    """initial · decay_rate ^ (step / decay_steps); with `staircase` the quotient is floored."""

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        decay_rate: float,
        staircase: bool = False,
        name: str = "ExponentialDecay",
    ) -> None:
        self.initial_learning_rate, self.decay_steps = initial_learning_rate, _positive("decay_steps", decay_steps)
        self.decay_rate, self.staircase, self.name = decay_rate, staircase, name

    def __call__(self, step: Any) -> jax.Array:
        periods = _float(step) / self.decay_steps
        if self.staircase:
            periods = jnp.floor(periods)
        return self.initial_learning_rate * jnp.float32(self.decay_rate) ** periods

    def get_config(self) -> dict[str, Any]:
        return _fields(self, "initial_learning_rate", "decay_steps", "decay_rate", "staircase", "name")


@serializable("keras.optimizers.schedules", kind="schedule")
class PiecewiseConstantDecay(LearningRateSchedule):
    """values[i] while step is at most boundaries[i]; values[-1] after the last boundary.

    `boundaries` grow strictly; `values` has one number more than `boundaries`.
    """

    def __init__(self, boundaries: Sequence[float], values: Sequence[float], name: str = "PiecewiseConstant") -> None:
        if len(boundaries) != len(values) - 1:
            raise ArgumentError(
                "PiecewiseConstantDecay expects one value more than there are boundaries",
                received=f"{len(boundaries)} boundaries {boundaries!r}, {len(values)} values {values!r}",
                hint="values[0] holds up to boundaries[0], and values[-1] after the last boundary",
            )
        if any(later <= earlier for earlier, later in itertools.pairwise(boundaries)):
            raise ArgumentError(
                "PiecewiseConstantDecay expects boundaries that grow strictly",
                received=f"boundaries={boundaries!r}",
                hint="boundaries are numbers of steps, the earliest first",
            )
        self.boundaries, self.values, self.name = boundaries, values, name

    def __call__(self, step: Any) -> jax.Array:
        at, rate = _float(step), jnp.float32(self.values[-1])
        for boundary, value in reversed(list(zip(self.boundaries, self.values, strict=False))):
            rate = jnp.where(at <= boundary, value, rate)
        return rate

    def get_config(self) -> dict[str, Any]:
        return _fields(self, "boundaries", "values", "name")


@serializable("keras.optimizers.schedules", kind="schedule")
class PolynomialDecay(LearningRateSchedule):
    """(initial - end) · (1 - step / decay_steps) ^ power + end, with `step` held at `decay_steps`.

    With `cycle`, `decay_steps` is multiplied by the least whole number (1 or more) that brings it to `step` or past it.
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        end_learning_rate: float = 0.0001,
        power: float = 1.0,
        cycle: bool = False,
        name: str = "PolynomialDecay",
    ) -> None:
        self.initial_learning_rate, self.decay_steps = initial_learning_rate, _positive("decay_steps", decay_steps)
        self.end_learning_rate, self.power, self.cycle, self.name = end_learning_rate, power, cycle, name

    def __call__(self, step: Any) -> jax.Array:
        at, length = _float(step), jnp.float32(self.decay_steps)
        if self.cycle:
            length = length * jnp.maximum(jnp.ceil(at / self.decay_steps), 1.0)
        else:
            at = jnp.minimum(at, length)
        span = self.initial_learning_rate - self.end_learning_rate
        return span * (1 - at / length) ** jnp.float32(self.power) + self.end_learning_rate

    def get_config(self) -> dict[str, Any]:
        return _fields(self, "initial_learning_rate", "decay_steps", "end_learning_rate", "power", "cycle", "name")


@serializable("keras.optimizers.schedules", kind="schedule")
class InverseTimeDecay(LearningRateSchedule):
    """initial / (1 + decay_rate · step / decay_steps); with `staircase` the quotient step / decay_steps is floored."""

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        decay_rate: float,
        staircase: bool = False,
        name: str = "InverseTimeDecay",
    ) -> None:
        self.initial_learning_rate, self.decay_steps = initial_learning_rate, _positive("decay_steps", decay_steps)
        self.decay_rate, self.staircase, self.name = decay_rate, staircase, name

    def __call__(self, step: Any) -> jax.Array:
        periods = _float(step) / self.decay_steps
        if self.staircase:
            periods = jnp.floor(periods)
        return self.initial_learning_rate / (1 + self.decay_rate * periods)

    def get_config(self) -> dict[str, Any]:
        return _fields(self, "initial_learning_rate", "decay_steps", "decay_rate", "staircase", "name")


@serializable("keras.optimizers.schedules", kind="schedule")
class CosineDecay(LearningRateSchedule):
    """A linear rise from `initial_learning_rate` to `warmup_target` over `warmup_steps` (left out when `warmup_target`
    is None), then half a cosine over `decay_steps` down to `alpha` of where it starts (Loshchilov & Hutter, 2016)."""

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        alpha: float = 0.0,
        name: str = "CosineDecay",
        warmup_target: float | None = None,
        warmup_steps: int = 0,
    ) -> None:
        self.initial_learning_rate, self.decay_steps = initial_learning_rate, _positive("decay_steps", decay_steps)
        self.alpha, self.name, self.warmup_target, self.warmup_steps = alpha, name, warmup_target, warmup_steps

    def __call__(self, step: Any) -> jax.Array:
        at = _float(step)
        if self.warmup_target is None:
            return self._decayed(at, self.initial_learning_rate)
        decayed = self._decayed(at - self.warmup_steps, self.warmup_target)
        if not self.warmup_steps:
            return decayed
        rise = self.warmup_target - self.initial_learning_rate
        warm = rise * (at / self.warmup_steps) + self.initial_learning_rate
        return jnp.where(at < self.warmup_steps, warm, decayed)

    def _decayed(self, at: jax.Array, start: float) -> jax.Array:
        progress = jnp.minimum(at, self.decay_steps) / self.decay_steps
        cosine = 0.5 * (1 + jnp.cos(math.pi * progress))
        return start * ((1 - self.alpha) * cosine + self.alpha)

    def get_config(self) -> dict[str, Any]:
        return _fields(self, "initial_learning_rate", "decay_steps", "alpha", "name", "warmup_target", "warmup_steps")


@serializable("keras.optimizers.schedules", kind="schedule")
class CosineDecayRestarts(LearningRateSchedule):
    """Half a cosine over `first_decay_steps` down to `alpha` of the initial rate, again and again; each period is
    `t_mul` times as long as the one before and begins at `m_mul` times its rate (Loshchilov & Hutter, 2016)."""

    def __init__(
        self,
        initial_learning_rate: float,
        first_decay_steps: float,
        t_mul: float = 2.0,
        m_mul: float = 1.0,
        alpha: float = 0.0,
        name: str = "SGDRDecay",
    ) -> None:
        self.initial_learning_rate = initial_learning_rate
        self.first_decay_steps = _positive("first_decay_steps", first_decay_steps)
        self.t_mul, self.m_mul, self.alpha, self.name = _positive("t_mul", t_mul), m_mul, alpha, name

    def __call__(self, step: Any) -> jax.Array:
        done = _float(step) / self.first_decay_steps
        if self.t_mul == 1.0:
            period = jnp.floor(done)
            progress = done - period
        else:
            # Period i begins after 1 + t + … + t^(i-1) = (1 - t^i) / (1 - t) first periods; solved for i.
            ratio = jnp.float32(self.t_mul)
            period = jnp.floor(jnp.log(1 - done * (1 - ratio)) / jnp.log(ratio))
            progress = (done - (1 - ratio**period) / (1 - ratio)) / ratio**period
        cosine = 0.5 * jnp.float32(self.m_mul) ** period * (1 + jnp.cos(math.pi * progress))
        return self.initial_learning_rate * ((1 - self.alpha) * cosine + self.alpha)

    def get_config(self) -> dict[str, Any]:
        return _fields(self, "initial_learning_rate", "first_decay_steps", "t_mul", "m_mul", "alpha", "name")


def serialize(learning_rate_schedule: LearningRateSchedule) -> dict[str, Any]:
    """The config by which files name a schedule."""
    return identifiers.serialize("schedule", learning_rate_schedule)


def deserialize(config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> LearningRateSchedule:
    """The schedule that `config` describes."""
    return identifiers.deserialize("schedule", config, custom_objects=custom_objects)


def _float(step: Any) -> jax.Array:
    return jnp.asarray(getattr(step, "value", step)).astype(jnp.float32)


def _fields(schedule: LearningRateSchedule, *names: str) -> dict[str, Any]:
    return {name: getattr(schedule, name) for name in names}


def _positive(name: str, number: float) -> float:
    if not number > 0:
        raise ArgumentError(
            f"A schedule expects {name} to be greater than 0",
            received=f"{name}={number!r}",
            hint="it is a number of steps, and the schedule divides by it",
        )
    return number
