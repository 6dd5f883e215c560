"""The optimizers, with Keras's arguments, defaults, names and numbers; any optax transformation; and `get`.

Each class is its arguments: the formula is the row of that name in `runtime/optimizer_rules`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np
import optax

from ..compiler.errors import ArgumentError
from ..runtime import optimizer_rules as rules
from ..runtime.optimizer_update import Arrays, Stacking, constrained
from . import identifiers
from .optimizer import Optimizer, check, is_number
from .saving.registry import serializable
from .schedules import LearningRateSchedule
from .variable import Variable

Rate = float | LearningRateSchedule


@serializable("keras.optimizers", kind="optimizer")
class SGD(Optimizer):
    """Gradient descent, with `momentum` (0: none) and optionally Nesterov's form of it."""

    rule = rules.SGD
    fields = ("momentum", "nesterov")

    def __init__(
        self,
        learning_rate: Rate = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        _check_share("momentum", momentum)
        self.momentum, self.nesterov = momentum, nesterov
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
            ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name, **kwargs,
        )  # fmt: skip


@serializable("keras.optimizers", kind="optimizer", aliases=("rmsprop",))
class RMSprop(Optimizer):
    """Steps divided by the root of a running mean (weight `rho`) of squared gradients; `centered` by their spread."""

    rule = rules.RMSPROP
    fields = ("rho", "momentum", "epsilon", "centered")

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        _check_share("rho", rho)
        _check_share("momentum", momentum)
        _check_epsilon(epsilon)
        self.rho, self.momentum, self.epsilon, self.centered = rho, momentum, epsilon, centered
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
            ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name, **kwargs,
        )  # fmt: skip


@serializable("keras.optimizers", kind="optimizer")
class Adam(Optimizer):
    """Running means of gradients (`beta_1`) and of their squares (`beta_2`), corrected for their start from 0."""

    rule = rules.ADAM
    fields = ("beta_1", "beta_2", "epsilon", "amsgrad")

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        _check_share("beta_1", beta_1, below_one=True)
        _check_share("beta_2", beta_2, below_one=True)
        _check_epsilon(epsilon)
        self.beta_1, self.beta_2, self.epsilon, self.amsgrad = beta_1, beta_2, epsilon, amsgrad
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
            ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name, **kwargs,
        )  # fmt: skip


@serializable("keras.optimizers", kind="optimizer", aliases=("adamw",))
class AdamW(Adam):
    """Adam with weight decay on by default (Loshchilov & Hutter, 2019)."""

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        weight_decay: float = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        check("weight_decay", weight_decay, is_number(weight_decay), "a number in AdamW (Adam goes without)")
        super().__init__(
            learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay, clipnorm, clipvalue, global_clipnorm,
            use_ema, ema_momentum, ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name,
            **kwargs,
        )  # fmt: skip


@serializable("keras.optimizers", kind="optimizer")
class Adagrad(Optimizer):
    """Steps divided by the root of the sum of all squared gradients so far."""

    rule = rules.ADAGRAD
    fields = ("initial_accumulator_value", "epsilon")

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        initial_accumulator_value: float = 0.1,
        epsilon: float = 1e-7,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        start = initial_accumulator_value
        check("initial_accumulator_value", start, is_number(start) and start >= 0, "a number of at least 0")
        _check_epsilon(epsilon)
        self.initial_accumulator_value, self.epsilon = initial_accumulator_value, epsilon
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
            ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name, **kwargs,
        )  # fmt: skip


class OptaxOptimizer(Optimizer):
    """An optax transformation as it is: its state is the optimizer's, its learning rate its own.

    `learning_rate` can be read and set only if the transformation was made with `optax.inject_hyperparams`. It goes
    into no file: give it to `compile` again after loading.
    """

    def __init__(self, transformation: optax.GradientTransformation, name: str | None = None) -> None:
        super().__init__(0.0, name=name)
        self._foreign = optax.with_extra_args_support(transformation)
        self._state: list[Variable] = []
        self._tree: Any = None

    @property
    def learning_rate(self) -> Any:
        """The variable that `optax.inject_hyperparams` made of the learning rate."""
        if self._tree is not None:
            paths = jax.tree_util.tree_flatten_with_path(self._tree.unflatten(range(len(self._state))))[0]
            for path, index in paths:
                if jax.tree_util.keystr(path).endswith(".hyperparams['learning_rate']"):
                    return self._state[index]
        raise ArgumentError(
            "An optax transformation keeps its learning rate to itself",
            hint="make it with `optax.inject_hyperparams(optax.adam)(learning_rate=…)`, and build the optimizer, to "
            "read or set it",
        )

    @learning_rate.setter
    def learning_rate(self, rate: Rate) -> None:
        check("learning_rate", rate, is_number(rate), "a number here: optax has schedules of its own")
        self.learning_rate.assign(np.asarray(rate, np.float32))

    def build(self, variables: Sequence[Variable]) -> None:
        """Make the transformation's state for these trained variables."""
        if self.built and [id(v) for v in variables] != [id(v) for v in self._trained]:
            raise ArgumentError(
                "An optax transformation's state is for the variables that it was built with",
                received=f"{len(variables)} variables; built with {len(self._trained)}",
                hint="give `compile` the transformation again, which starts a new state",
            )
        if self.built:
            return
        self._trained = list(variables)
        self._constraints = tuple(variable.constraint for variable in variables)
        # One compiled call: eagerly, optax would compile a kernel for every shape.
        state = jax.jit(self._foreign.init)([variable.read() for variable in variables])
        leaves, self._tree = jax.tree.flatten(state)
        self._state = [self._variable(f"state_{i}", np.asarray(leaf)) for i, leaf in enumerate(leaves)]
        self.built = True

    @property
    def variables(self) -> list[Variable]:
        """Iteration, then the leaves of the transformation's state."""
        return [self._iterations, *self._state]

    def transformation(self) -> optax.GradientTransformationExtraArgs:
        """The transformation itself."""
        return self._foreign

    def stacking(self) -> Stacking | str:
        """It cannot be known what a transformation does over the numbers of one parameter."""
        return "an optax transformation may treat each variable as a whole"

    def apply(
        self,
        grads: Sequence[Any],
        params: Sequence[Any],
        opt_state: Sequence[Any],
        positions: Sequence[int] | None = None,
    ) -> tuple[Arrays, Arrays]:
        """One update, as `Optimizer.apply`; of all parameters only."""
        state = self._tree.unflatten(opt_state[1:])
        updates, new_state = self._foreign.update(list(grads), state, list(params))
        new_params: Arrays = list(optax.apply_updates(list(params), updates))  # pyright: ignore[reportArgumentType]
        return constrained(new_params, self._constraints), [opt_state[0] + 1, *jax.tree.leaves(new_state)]

    @property
    def program_key(self) -> Any:
        """What a program that holds `apply` was compiled for."""
        return (self._foreign, self._constraints)

    def get_config(self) -> dict[str, Any]:
        """Raises ArgumentError: an optax transformation is made of functions, which no file holds."""
        raise ArgumentError(
            "An optax transformation cannot be stored",
            hint="save the model without its optimizer, and give `compile` the transformation again after loading",
        )


def get(identifier: Any) -> Optimizer:
    """The optimizer that `identifier` stands for: an optimizer, a name in any case ("adam", "RMSprop"), a config
    (from `serialize`), or an optax transformation. Raises ArgumentError for anything else."""
    if isinstance(identifier, optax.GradientTransformation):
        return OptaxOptimizer(identifier)
    found = identifiers.get("optimizer", identifier, any_case=True)
    if not isinstance(found, Optimizer):
        raise ArgumentError(
            "This is no optimizer",
            received=repr(identifier),
            hint="give a name such as 'adam', an optimizer, or an optax transformation",
        )
    return found


def serialize(optimizer: Optimizer) -> dict[str, Any]:
    """The config by which files name `optimizer`."""
    return identifiers.serialize("optimizer", optimizer)


def deserialize(config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Optimizer:
    """The optimizer that `config` describes."""
    return identifiers.deserialize("optimizer", config, custom_objects=custom_objects)


def _check_share(name: str, value: Any, below_one: bool = False) -> None:
    top = "below 1" if below_one else "at most 1"
    check(name, value, is_number(value) and 0 <= value and (value < 1 or (value == 1 and not below_one)),
          f"a number of at least 0 and {top}")  # fmt: skip


def _check_epsilon(epsilon: Any) -> None:
    check("epsilon", epsilon, is_number(epsilon) and epsilon >= 0, "a number of at least 0")
