"""One whole update of an optimizer: a pure function on lists of arrays, which the train step calls while it is traced.

An `Update` is made of values only (a rule, numbers, functions), so it can be compared: a program that was compiled
with one fits any other that is equal. What may change without compiling anew, the learning rate and the count, is in
the state.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from ..compiler.errors import ArgumentError
from ..compiler.location import Location
from . import optimizer_rules as rules

Arrays = list[Any]

AVERAGE, ACCUMULATOR = "average", "gradient_accumulator"

_NEEDS_VALUES = (
    jax.errors.ConcretizationTypeError,
    jax.errors.TracerArrayConversionError,
    jax.errors.TracerIntegerConversionError,
)


@dataclass(frozen=True)
class Averaging:
    """Running averages of the parameters, and after how many updates they take the parameters' place (None: never)."""

    momentum: float
    overwrite_frequency: int | None


class Stacking(NamedTuple):
    """How an optimizer takes stacks of parameters in the place of parameters.

    Attributes:
        kinds: one of each parameter; a stack is of parameters whose kinds are equal.
        owners: for each variable of the optimizer, the position of the parameter that it belongs to, or None.
    """

    kinds: tuple[Hashable, ...]
    owners: tuple[int | None, ...]


@dataclass(frozen=True)
class Update:
    """`update(grads, params, opt_state) -> (new_params, new_opt_state)`.

    The state is a list: count of calls (int32), learning rate (float32; only without a schedule), then the slots of
    each of `groups`, interleaved over the parameters. That is the order in which Keras stores them.

    constants: the rule's hyperparameters, as pairs.
    schedule: learning rate as a function of the count; None when it is in the state.
    constraints: for each parameter what it is projected by at the end, or None.
    """

    rule: rules.Rule
    constants: tuple[tuple[str, Any], ...]
    around: rules.Around
    schedule: Callable[[Any], Any] | None
    averaging: Averaging | None
    constraints: tuple[Callable[[Any], Any] | None, ...]

    @property
    def groups(self) -> list[tuple[str, ...]]:
        """Names of the slots, by group."""
        own = [tuple(slot.name for slot in group) for group in self.rule.layout(dict(self.constants))]
        averages = [(AVERAGE,)] if self.averaging else []
        return averages + ([(ACCUMULATOR,)] if self.around.gradient_accumulation_steps else []) + own

    @property
    def starts(self) -> dict[str, float]:
        """The number that fills each slot at first, by the slot's name."""
        own = {slot.name: self.rule.start(slot, dict(self.constants)) for slot in self.rule.slots}
        return {name: own.get(name, 0.0) for group in self.groups for name in group}

    def stacking(self) -> Stacking | str:
        """How stacks of parameters are updated: each number as before.  Or why they cannot be."""
        if self.around.clipnorm:
            return "the optimizer's clipnorm is for each variable"
        decayed = self.around.decayed
        kinds = [  # a constraint looks at a whole variable
            (decayed is None or decayed[at], None if project is None else at)
            for at, project in enumerate(self.constraints)
        ]
        head: list[int | None] = [None] if self.schedule else [None, None]
        owners = [at for group in self.groups for at in range(len(kinds)) for _ in group]
        return Stacking(tuple(kinds), (*head, *owners))

    def of(self, positions: Sequence[int]) -> Update:
        """The update of these parameters only; each may be a stack of parameters of its kind."""
        decayed = self.around.decayed
        chosen = None if decayed is None else tuple([decayed[at] for at in positions])
        constraints = tuple([self.constraints[at] for at in positions])
        return replace(self, around=replace(self.around, decayed=chosen), constraints=constraints)

    def transformation(self) -> optax.GradientTransformationExtraArgs:
        """The part that optax knows: from gradients to what is added to the parameters."""
        return rules.as_transformation(self.rule, dict(self.constants), self.around)

    def __call__(self, grads: Sequence[Any], params: Sequence[Any], opt_state: Sequence[Any]) -> tuple[Arrays, Arrays]:
        head = 1 if self.schedule else 2
        count = opt_state[0]
        rate = rate_at(self.schedule, count) if self.schedule else opt_state[1]
        kept = self._unpacked(opt_state[head:], len(params))
        every = self.around.gradient_accumulation_steps
        averages = [own.pop(AVERAGE) for own in kept] if self.averaging else []
        sums = tuple(own.pop(ACCUMULATOR) for own in kept) if every else ()
        deltas, state = self.transformation().update(
            list(grads), rules.RuleState(count, sums, tuple(kept)), list(params), hyper={"learning_rate": rate}
        )
        new_params: Arrays = list(optax.apply_updates(list(params), deltas))  # pyright: ignore[reportArgumentType]
        _, new_sums, slots = tuple(state)  # pyright: ignore[reportArgumentType]
        new_kept = [dict(own) for own in slots]
        for own, total in zip(new_kept, new_sums, strict=False):
            own[ACCUMULATOR] = total
        if self.averaging:
            new_params, averages = rules.move_averages(
                new_params, averages, count // (every or 1), self.averaging.momentum, self.averaging.overwrite_frequency
            )
            for own, average in zip(new_kept, averages, strict=True):
                own[AVERAGE] = average
        projected = constrained(new_params, self.constraints)
        packed = [own[name] for group in self.groups for own in new_kept for name in group]
        return projected, [count + 1, *opt_state[1:head], *packed]

    def _unpacked(self, slots: Sequence[Any], count: int) -> list[dict[str, Any]]:
        kept: list[dict[str, Any]] = [{} for _ in range(count)]
        places = [(own, name) for group in self.groups for own in kept for name in group]
        for (own, name), array in zip(places, slots, strict=True):
            own[name] = array
        return kept


def constrained(params: Sequence[Any], constraints: Sequence[Callable[[Any], Any] | None]) -> Arrays:
    """Each parameter as its constraint leaves it."""
    return [p if project is None else project(p) for p, project in zip(params, constraints, strict=True)]


def rate_at(schedule: Callable[[Any], Any], step: Any) -> jax.Array:
    """What a schedule gives after `step` updates, float32.

    Raises ArgumentError, at the schedule's own line, if it needs the value of `step` while that is traced.
    """
    try:
        rate = schedule(step)
    except _NEEDS_VALUES as error:
        raise ArgumentError(
            f"The schedule {type(schedule).__name__} needs the value of `step` in Python, and there is none while the "
            "train step is compiled",
            where=_line_in(type(schedule).__call__, error.__traceback__),
            hint="compute with arithmetic or `kgc.ops`, and choose with `ops.where(step < 100, a, b)`, not `if`",
        ) from None
    return jnp.asarray(getattr(rate, "value", rate)).astype(jnp.float32)


def _line_in(function: Any, traceback: types.TracebackType | None) -> Location | None:
    """Where in `function` the traceback passed."""
    code, found = getattr(function, "__code__", None), None
    while traceback is not None:
        if traceback.tb_frame.f_code is code:
            found = Location(code=code, lasti=traceback.tb_lasti)
        traceback = traceback.tb_next
    return found
