"""The optimizers' update rules, as rows, and the optax transformation made of one.

optax's own optimizers are not used for Keras's: its Adam adds epsilon after the bias correction where Keras adds it
before, which is 9e-3 of a weight's scale after ten steps. A row holds the formula and the names of the slots (arrays
kept per parameter), in the order in which Keras stores them, because files number them in that order.

Hyperparameters that may change while training (the learning rate) enter `update` as arrays, so that changing them
compiles nothing anew; the others are constants of the program.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

Array = jax.Array
Slots = dict[str, Array]
Hyper = Mapping[str, Any]


class Slot(NamedTuple):
    """An array kept for every parameter.

    Keras stores slots in groups, one after another; in a group, all slots of a parameter stand together (Adam: m0, v0,
    m1, v1, …; with amsgrad a second group of v̂0, v̂1, … follows). `when` names the hyperparameter that must be truthy
    for the slot to exist, `start` the one that holds its first value (0 when None).
    """

    name: str
    group: int = 0
    when: str | None = None
    start: str | None = None


@dataclass(frozen=True)
class Rule:
    """One optimizer's formula.

    `update(grad, param, slots, count, hyper) -> (delta, new_slots)`: the parameter becomes `param + delta`; `count`
    (int32 scalar) is the number of updates completed before; `hyper` holds the learning rate as an array and the
    other hyperparameters as Python numbers.
    """

    name: str
    slots: tuple[Slot, ...]
    update: Callable[[Array, Array, Slots, Array, Hyper], tuple[Array, Slots]]

    def layout(self, hyper: Hyper) -> tuple[tuple[Slot, ...], ...]:
        """The slots that exist under `hyper`, by group, in stored order."""
        present = [slot for slot in self.slots if slot.when is None or hyper[slot.when]]
        groups = sorted({slot.group for slot in present})
        return tuple(tuple(slot for slot in present if slot.group == group) for group in groups)

    def start(self, slot: Slot, hyper: Hyper) -> float:
        """The value that fills `slot` at first."""
        return 0.0 if slot.start is None else float(hyper[slot.start])


def _sgd(grad: Array, param: Array, slots: Slots, count: Array, hyper: Hyper) -> tuple[Array, Slots]:
    """v ← momentum·v - lr·g;  p ← p + v, or with Nesterov p ← p + momentum·v - lr·g  (Sutskever et al., 2013)."""
    step = -_like(hyper["learning_rate"], grad) * grad
    if not hyper["momentum"]:
        return step, {}
    velocity = hyper["momentum"] * slots["momentum"] + step
    return (hyper["momentum"] * velocity + step if hyper["nesterov"] else velocity), {"momentum": velocity}


def _rmsprop(grad: Array, param: Array, slots: Slots, count: Array, hyper: Hyper) -> tuple[Array, Slots]:
    """s ← rho·s + (1 - rho)·g²;  p ← p - lr·g / √(s + epsilon)  (Hinton, 2012; centered: Graves, 2013).

    Epsilon stands under the root. Centered, the running mean's square is taken off s; with momentum, the step is
    gathered in a velocity of its own.
    """
    rho = hyper["rho"]
    new = {"velocity": rho * slots["velocity"] + (1 - rho) * jnp.square(grad)}
    spread = new["velocity"]
    if hyper["centered"]:
        new["average_gradient"] = rho * slots["average_gradient"] + (1 - rho) * grad
        spread = spread - jnp.square(new["average_gradient"])
    step = _like(hyper["learning_rate"], grad) * grad * jax.lax.rsqrt(spread + hyper["epsilon"])
    if hyper["momentum"]:
        step = new["momentum"] = hyper["momentum"] * slots["momentum"] + step
    return -step, new


def _adam(grad: Array, param: Array, slots: Slots, count: Array, hyper: Hyper) -> tuple[Array, Slots]:
    """m ← m + (1 - b1)·(g - m);  v ← v + (1 - b2)·(g² - v);  p ← p - α·m / (√v + epsilon)  (Kingma & Ba, 2015).

    α = lr·√(1 - b2ᵗ) / (1 - b1ᵗ): the bias is corrected outside the root, and epsilon is the paper's "epsilon hat"
    (end of its section 2). With amsgrad √v is that of the largest v so far (Reddi et al., 2018).
    """
    t = count.astype(_wide(grad)) + 1  # half precision could not count past 2048, nor hold 1 - 0.999ᵗ
    correction = jnp.sqrt(1 - hyper["beta_2"] ** t) / (1 - hyper["beta_1"] ** t)
    alpha = _like(_like(hyper["learning_rate"], t) * correction, grad)
    momentum = slots["momentum"] + (grad - slots["momentum"]) * (1 - hyper["beta_1"])
    velocity = slots["velocity"] + (jnp.square(grad) - slots["velocity"]) * (1 - hyper["beta_2"])
    new, largest = {"momentum": momentum, "velocity": velocity}, velocity
    if hyper["amsgrad"]:
        largest = new["velocity_hat"] = jnp.maximum(slots["velocity_hat"], velocity)
    return -(momentum * alpha) / (jnp.sqrt(largest) + hyper["epsilon"]), new


def _adagrad(grad: Array, param: Array, slots: Slots, count: Array, hyper: Hyper) -> tuple[Array, Slots]:
    """a ← a + g²;  p ← p - lr·g / √(a + epsilon)  (Duchi et al., 2011; epsilon under the root)."""
    accumulator = slots["accumulator"] + jnp.square(grad)
    step = _like(hyper["learning_rate"], grad) * grad / jnp.sqrt(accumulator + hyper["epsilon"])
    return -step, {"accumulator": accumulator}


SGD = Rule("sgd", (Slot("momentum", when="momentum"),), _sgd)
RMSPROP = Rule(
    "rmsprop",
    (Slot("velocity"), Slot("momentum", 1, when="momentum"), Slot("average_gradient", 2, when="centered")),
    _rmsprop,
)
ADAM = Rule("adam", (Slot("momentum"), Slot("velocity"), Slot("velocity_hat", 1, when="amsgrad")), _adam)
ADAGRAD = Rule("adagrad", (Slot("accumulator", start="initial_accumulator_value"),), _adagrad)


@dataclass(frozen=True)
class Around:
    """What every rule may be wrapped in, in the order in which it is applied.

    loss_scale_factor: the loss was multiplied by this, so gradients are divided by it.
    gradient_accumulation_steps: gradients are summed, and only every n-th call updates, with their mean.
    clipnorm, global_clipnorm, clipvalue: limits on each gradient's norm, on the norm of all together, on each number.
    weight_decay: every update also takes `weight_decay * learning_rate * param` off (Loshchilov & Hutter, 2019).
    decayed: which parameters, by position, decay; None for all.
    """

    loss_scale_factor: float | None = None
    gradient_accumulation_steps: int | None = None
    clipnorm: float | None = None
    global_clipnorm: float | None = None
    clipvalue: float | None = None
    weight_decay: float | None = None
    decayed: tuple[bool, ...] | None = None


class RuleState(NamedTuple):
    """State of `as_transformation`: calls so far (int32), sums of gradients (empty unless accumulating), slots."""

    calls: Array
    accumulators: tuple[Array, ...]
    slots: tuple[Slots, ...]


def as_transformation(
    rule: Rule, constants: Hyper, around: Around | None = None
) -> optax.GradientTransformationExtraArgs:
    """`rule` as an optax transformation over any pytree of float parameters.

    `constants` holds the rule's hyperparameters as Python numbers. `update(grads, state, params, *, hyper)` takes
    those that change while training, at least `{"learning_rate": float32 scalar}`; they may be traced. Updates have
    the parameters' dtypes.
    """
    wrapped = around or Around()
    every = wrapped.gradient_accumulation_steps or 0
    names = [slot for group in rule.layout(constants) for slot in group]

    def init(params: Any) -> RuleState:
        leaves = [np.zeros(np.shape(leaf), leaf.dtype) for leaf in jax.tree.leaves(params)]
        slots = tuple({slot.name: np.full_like(leaf, rule.start(slot, constants)) for slot in names} for leaf in leaves)
        accumulators = tuple(np.copy(leaf) for leaf in leaves) if every else ()
        return jax.device_put(RuleState(np.zeros((), np.int32), accumulators, slots))  # pyright: ignore[reportArgumentType]

    def advance(
        grads: Sequence[Array], params: Sequence[Array], slots: tuple[Slots, ...], count: Array, hyper: Hyper
    ) -> tuple[list[Array], tuple[Slots, ...]]:
        deltas, new = [], []
        for i, (grad, param, own) in enumerate(zip(_clipped(grads, wrapped), params, slots, strict=True)):
            delta, own = rule.update(grad, param, own, count, hyper)
            if wrapped.weight_decay and (wrapped.decayed is None or wrapped.decayed[i]):
                delta = delta - param * (wrapped.weight_decay * _like(hyper["learning_rate"], param))
            deltas.append(delta)
            new.append(own)
        return deltas, tuple(new)

    def update(
        updates: Any, state: RuleState, params: Any = None, *, hyper: Hyper, **extra_args: Any
    ) -> tuple[Any, RuleState]:
        leaves, tree = jax.tree.flatten(params)
        grads = [grad.astype(leaf.dtype) for grad, leaf in zip(jax.tree.leaves(updates), leaves, strict=True)]
        if wrapped.loss_scale_factor:
            grads = [grad / wrapped.loss_scale_factor for grad in grads]
        hyper = {**constants, **hyper}
        if not every:
            deltas, slots = advance(grads, leaves, state.slots, state.calls, hyper)
            return tree.unflatten(deltas), RuleState(state.calls + 1, (), slots)

        sums = [total + grad for total, grad in zip(state.accumulators, grads, strict=True)]

        def act() -> tuple[list[Array], tuple[Array, ...], tuple[Slots, ...]]:
            means = [total / every for total in sums]
            deltas, slots = advance(means, leaves, state.slots, state.calls // every, hyper)
            return deltas, tuple(jnp.zeros_like(total) for total in sums), slots

        def wait() -> tuple[list[Array], tuple[Array, ...], tuple[Slots, ...]]:
            return [jnp.zeros_like(leaf) for leaf in leaves], tuple(sums), state.slots

        deltas, accumulators, slots = jax.lax.cond((state.calls + 1) % every == 0, act, wait)
        return tree.unflatten(deltas), RuleState(state.calls + 1, accumulators, slots)

    return optax.GradientTransformationExtraArgs(init, update)  # pyright: ignore[reportArgumentType]  # `hyper` is ours


def move_averages(
    params: Sequence[Array],
    averages: Sequence[Array],
    count: Array,
    momentum: float,
    overwrite_frequency: int | None,
) -> tuple[list[Array], list[Array]]:
    """Move each running average of a parameter towards it; returns (parameters, averages).

    `count` (int32 scalar) is the number of updates completed before the present one; at the first, the average
    becomes the parameter. Every `overwrite_frequency` updates the parameters become their averages.
    """
    keep = jnp.where(count == 0, 0.0, momentum)
    new_averages = []
    for param, average in zip(params, averages, strict=True):
        share = _like(keep, param)
        new_averages.append(share * average + (1 - share) * param)
    if not overwrite_frequency:
        return list(params), new_averages
    due = (count + 1) % overwrite_frequency == 0
    overwritten = [jnp.where(due, average, param) for param, average in zip(params, new_averages, strict=True)]
    return overwritten, new_averages


def _clipped(grads: Sequence[Array], around: Around) -> Sequence[Array]:
    if around.clipnorm:
        return [_scaled_down(grad, _norm([grad]), around.clipnorm) for grad in grads]
    if around.global_clipnorm:
        norm = _norm(grads)
        norm = jnp.where(jnp.isfinite(norm), norm, jnp.nan)  # a norm that overflowed must not read as a step of zero
        return [_scaled_down(grad, norm, around.global_clipnorm) for grad in grads]
    if around.clipvalue:
        return [jnp.clip(grad, -around.clipvalue, around.clipvalue) for grad in grads]
    return grads


def _norm(grads: Sequence[Array]) -> Array:
    wide = np.result_type(*map(_wide, grads))
    return jnp.sqrt(sum((jnp.sum(jnp.square(grad.astype(wide))) for grad in grads), jnp.zeros((), wide)))


def _scaled_down(grad: Array, norm: Array, limit: float) -> Array:
    return grad * _like(limit / jnp.maximum(norm, limit), grad)


def _wide(array: Array) -> np.dtype[Any]:
    return np.promote_types(array.dtype, np.float32)


def _like(number: Any, reference: Array) -> Array:
    """A hyperparameter in the dtype of the array it multiplies, so that it promotes nothing."""
    return jnp.asarray(number).astype(reference.dtype)
