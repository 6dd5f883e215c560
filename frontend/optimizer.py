"""What every optimizer is: arguments, the variables that hold its state, and one pure update made from both.

An optimizer is a description. The update itself (`runtime/optimizer_update`) is called by the train step while that
is traced; so what may be told to an optimizer later without compiling anew (a learning rate) is a variable, and all
else is part of `program_key`, by which a program built earlier knows that it no longer fits.
"""

from __future__ import annotations

import numbers
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, Self

import jax
import numpy as np
import optax

from ..compiler.errors import ArgumentError
from ..compiler.types import jax_dtype
from ..runtime import optimizer_rules as rules
from ..runtime.optimizer_update import AVERAGE, Arrays, Averaging, Stacking, Update, rate_at
from . import schedules
from .naming import auto_name
from .saving.registry import slot_base
from .schedules import LearningRateSchedule
from .variable import Variable

_BASE_FIELDS = (
    "weight_decay",
    "clipnorm",
    "global_clipnorm",
    "clipvalue",
    "use_ema",
    "ema_momentum",
    "ema_overwrite_frequency",
    "loss_scale_factor",
    "gradient_accumulation_steps",
)


@slot_base("optimizer")
class Optimizer:
    """Base of the optimizers, and what they share.

    Every update: gradients are divided by `loss_scale_factor`; with `gradient_accumulation_steps` they are summed, and
    only every n-th call goes on, with their mean; they are clipped (each to norm `clipnorm`, all together to
    `global_clipnorm`, or each number to ±`clipvalue`); `weight_decay · learning_rate · param` comes off; the rule
    updates; with `use_ema` a running average of each parameter is moved, and every `ema_overwrite_frequency` updates
    put in its place; at last the variables' constraints are applied.

    A subclass sets `rule`, and `fields` to the names of the rule's hyperparameters, which are attributes.
    """

    rule: ClassVar[rules.Rule | None] = None
    fields: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule,
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
        if kwargs:
            raise ArgumentError(
                f"{type(self).__name__} has no argument {', '.join(map(repr, kwargs))}",
                received=", ".join(f"{key}={value!r}" for key, value in kwargs.items()),
                hint="the learning rate is `learning_rate`; to lower it over time, give a schedule",
            )
        clips = {"clipnorm": clipnorm, "clipvalue": clipvalue, "global_clipnorm": global_clipnorm}
        if sum(clip is not None for clip in clips.values()) > 1:
            raise ArgumentError(
                "Only one of clipnorm, clipvalue and global_clipnorm can be set",
                received=", ".join(f"{key}={clip!r}" for key, clip in clips.items() if clip is not None),
                hint="clipnorm is by variable, global_clipnorm over all of them, clipvalue by element.",
            )
        for key, limit in clips.items():
            check(key, limit, limit is None or (is_number(limit) and limit >= 0), "a number, 0 (off) or greater")
        check("weight_decay", weight_decay, weight_decay is None or is_number(weight_decay), "a number or None")
        check("ema_momentum", ema_momentum, is_number(ema_momentum) and 0 <= ema_momentum <= 1, "from 0 to 1")
        check_count("ema_overwrite_frequency", ema_overwrite_frequency, 1)
        check_count("gradient_accumulation_steps", gradient_accumulation_steps, 2)
        scale = loss_scale_factor
        check("loss_scale_factor", scale, scale is None or (is_number(scale) and scale > 0), "greater than 0, or None")
        check("name", name, name is None or (isinstance(name, str) and "/" not in name), "a string without '/'")
        self.weight_decay, self.clipnorm, self.clipvalue = weight_decay, clipnorm, clipvalue
        self.global_clipnorm, self.use_ema, self.ema_momentum = global_clipnorm, use_ema, ema_momentum
        self.ema_overwrite_frequency, self.loss_scale_factor = ema_overwrite_frequency, loss_scale_factor
        self.gradient_accumulation_steps = gradient_accumulation_steps
        self.name = name or auto_name(type(self).__name__)
        self.built = False
        self._iterations = self._variable("iteration", np.zeros((), np.int32))
        rate = _rate(learning_rate)
        self._rate: Variable | LearningRateSchedule = (
            rate if isinstance(rate, LearningRateSchedule) else self._variable("learning_rate", rate)
        )
        self._trained: list[Variable] = []
        # Slots by the identity of the variable, which is kept too, so that its identity stays its own.
        self._slots: dict[int, tuple[Variable, dict[str, Variable]]] = {}
        self._undecayed: list[Variable | re.Pattern[str]] = []
        self._constraints: tuple[Callable[[Any], Any] | None, ...] = ()
        self._compiled: tuple[Any, Callable[..., Any]] | None = None

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        self.__dict__["_made"] = None  # the update follows from the attributes; loops ask for it at every step

    # --- learning rate and count -----------------------------------------------------------------------------------

    @property
    def learning_rate(self) -> Any:
        """The current learning rate: its variable, or what the schedule gives at `iterations`."""
        if isinstance(self._rate, LearningRateSchedule):
            return rate_at(self._rate, self._iterations.value)
        return self._rate

    @learning_rate.setter
    def learning_rate(self, rate: float | LearningRateSchedule) -> None:
        new = _rate(rate)
        if isinstance(new, LearningRateSchedule):
            self._rate = new
        elif isinstance(self._rate, LearningRateSchedule):
            raise ArgumentError(
                f"The learning rate of {self.name!r} follows a schedule, so it cannot be set to a number",
                received=f"learning_rate={rate!r}",
                hint="make the optimizer with a number, or give it another schedule",
            )
        else:
            self._rate.assign(new)

    @property
    def iterations(self) -> Any:
        """Number of updates so far: a variable (int32), or an int while gradients are accumulated."""
        every = self.gradient_accumulation_steps
        return int(self._iterations.numpy()) // every if every else self._iterations

    # --- state -----------------------------------------------------------------------------------------------------

    def build(self, variables: Sequence[Variable]) -> None:
        """Make the state for these trained variables, in their order; those known from before keep theirs.

        The variables' constraints are taken as they are now."""
        self._trained = list(variables)
        self._constraints = tuple(variable.constraint for variable in self._trained)
        starts = self._update().starts
        for variable in self._trained:
            _, own = self._slots.setdefault(id(variable), (variable, {}))
            for slot in starts.keys() - own.keys():
                # Zeros are not written before something is added to them.
                value = np.zeros(variable.shape, jax_dtype(variable.dtype))
                if starts[slot]:
                    value.fill(starts[slot])
                own[slot] = self._variable(f"{variable.path.replace('/', '_')}_{slot}", value, owned=True)
        self.built = True

    @property
    def variables(self) -> list[Variable]:
        """All state, in the order in which Keras stores it: iteration, learning rate (unless it follows a schedule),
        averages, gradient sums, then the rule's slots."""
        head = [self._iterations, self._rate] if isinstance(self._rate, Variable) else [self._iterations]
        owned = [self._slots[id(variable)][1] for variable in self._trained]
        return head + [own[slot] for group in self._update().groups for own in owned for slot in group]

    def exclude_from_weight_decay(
        self, var_list: Iterable[Variable] | None = None, var_names: Iterable[str] | None = None
    ) -> None:
        """Leave variables out of weight decay: these, and those in whose name one of `var_names` (regular expressions)
        is found."""
        self._undecayed += [*(var_list or ()), *map(re.compile, var_names or ())]

    def finalize_variable_values(self, variables: Iterable[Variable]) -> None:
        """With `use_ema`, put the averages in the variables' place, as at the end of training."""
        if self.use_ema and int(self._iterations.numpy()):
            for variable in variables:
                variable.assign(self._slots[id(variable)][1][AVERAGE].numpy())

    def _variable(self, name: str, value: np.ndarray[Any, Any], *, owned: bool = False) -> Variable:
        variable = Variable.owning(value, name) if owned else Variable(value, trainable=False, name=name)
        variable.path = f"{self.name}/{name}"
        return variable

    # --- the update ------------------------------------------------------------------------------------------------

    def _update(self) -> Update:
        made: Update | None = self.__dict__["_made"]
        if made is None:
            made = self.__dict__["_made"] = self._make_update()
        return made

    def _make_update(self) -> Update:
        if self.rule is None:
            raise ArgumentError(
                f"{type(self).__name__} has no update rule",
                hint="set the class attribute `rule`, or give `compile` an optax transformation; overriding "
                "`update_step` is not supported yet",
            )
        around = rules.Around(
            loss_scale_factor=self.loss_scale_factor,
            gradient_accumulation_steps=self.gradient_accumulation_steps,
            clipnorm=self.clipnorm,
            global_clipnorm=self.global_clipnorm,
            clipvalue=self.clipvalue,
            weight_decay=self.weight_decay,
            decayed=tuple(map(self._decays, self._trained)) if self._undecayed else None,
        )
        return Update(
            rule=self.rule,
            constants=tuple((name, getattr(self, name)) for name in self.fields),
            around=around,
            schedule=self._rate if isinstance(self._rate, LearningRateSchedule) else None,
            averaging=Averaging(self.ema_momentum, self.ema_overwrite_frequency) if self.use_ema else None,
            constraints=self._constraints,
        )

    def _decays(self, variable: Variable) -> bool:
        return not any(
            out.search(variable.name) if isinstance(out, re.Pattern) else out is variable for out in self._undecayed
        )

    @property
    def program_key(self) -> Any:
        """What a program that holds `apply` was compiled for (hashable). No variable's value is part of it."""
        return self._update()

    def transformation(self) -> optax.GradientTransformationExtraArgs:
        """This optimizer as an optax transformation, from gradients to what is added to the parameters (so without
        schedule, averages and constraints): `update(grads, state, params, hyper={"learning_rate": scalar})`."""
        return self._update().transformation()

    def stacking(self) -> Stacking | str:
        """How `apply` takes stacks of parameters, for a program of which equal blocks were made a loop; or why not."""
        if type(self).apply is not Optimizer.apply:
            return f"{type(self).__name__} has an `apply` of its own"
        return self._update().stacking()

    def apply(
        self,
        grads: Sequence[Any],
        params: Sequence[Any],
        opt_state: Sequence[Any],
        positions: Sequence[int] | None = None,
    ) -> tuple[Arrays, Arrays]:
        """One update, pure and traceable: `(new_params, new_opt_state)`.

        Gradients (of the loss as `scale_loss` gives it) and parameters are in the order given to `build`, the state in
        that of `variables`.  With `positions` (see `stacking`) they are for the parameters at these positions, or for
        stacks of which these are the first.
        """
        if positions is not None:
            return self._update().of(positions)(grads, params, opt_state)
        if not len(grads) == len(params) == len(self._trained):
            raise ArgumentError(
                f"Optimizer {self.name!r} was built for {len(self._trained)} variables",
                received=f"{len(grads)} gradients, {len(params)} parameters",
                hint="give one of each for every variable, in the order given to `build`",
            )
        return self._update()(grads, params, opt_state)

    def stateless_apply(
        self, optimizer_variables: Sequence[Any], grads: Sequence[Any], trainable_variables: Sequence[Any]
    ) -> tuple[Arrays, Arrays]:
        """`apply` with Keras's order of arguments: `(trainable_variables, optimizer_variables)` after one update."""
        return self.apply(grads, trainable_variables, optimizer_variables)

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Any, Variable]]) -> None:
        """Update variables in place from `(gradient, variable)` pairs, as in a training loop of one's own."""
        grads, variables = zip(*grads_and_vars, strict=True)
        if not self.built:
            self.build(variables)
        if [id(variable) for variable in variables] != [id(variable) for variable in self._trained]:
            raise ArgumentError(
                f"Optimizer {self.name!r} was built for other variables, or for these in another order",
                received=", ".join(variable.name for variable in variables),
                hint="use one optimizer for one list of variables",
            )
        if self._compiled is None or self._compiled[0] != self.program_key:
            self._compiled = (self.program_key, jax.jit(self.apply))
        params, state = self._compiled[1](
            list(grads), [v.read() for v in variables], [v.read() for v in self.variables]
        )
        for variable, value in zip((*variables, *self.variables), (*params, *state), strict=True):
            variable.assign(value)

    def scale_loss(self, loss: Any) -> Any:
        """The loss whose gradients `apply` expects: times `loss_scale_factor`."""
        return loss if self.loss_scale_factor is None else loss * self.loss_scale_factor

    def scaled_loss(self, loss: Any, opt_state: Sequence[Any]) -> Any:
        """As `scale_loss`, for a program: what may change from step to step is read from the state."""
        return self.scale_loss(loss)

    # --- description -----------------------------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, with the learning rate as it is now (in float32)."""
        rate = self._rate
        plain = schedules.serialize(rate) if isinstance(rate, LearningRateSchedule) else float(rate.numpy())
        fields = {name: getattr(self, name) for name in (*_BASE_FIELDS, *self.fields)}
        return {"name": self.name, "learning_rate": plain, **fields}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """The optimizer whose `get_config` gave `config`."""
        arguments = dict(config)
        if isinstance(arguments.get("learning_rate"), Mapping):
            arguments["learning_rate"] = schedules.deserialize(arguments["learning_rate"])
        return cls(**arguments)


def is_number(value: Any) -> bool:
    """Whether `value` is a real number (a bool is not)."""
    return isinstance(value, numbers.Real | np.number) and not isinstance(value, bool)


def check(name: str, value: Any, holds: bool, expected: str) -> None:
    """Raise ArgumentError, saying that `name` is `expected`, unless it `holds`."""
    if not holds:
        raise ArgumentError(
            f"An optimizer's {name} is {expected}",
            received=f"{name}={value!r}",
            hint="arguments, their meaning and defaults are Keras's.",
        )


def check_count(name: str, value: Any, least: int) -> None:
    """Raise ArgumentError unless `value` is None or an integer of at least `least`."""
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    check(name, value, value is None or bool(whole and value >= least), f"an integer of at least {least}, or None")


def _rate(rate: Any) -> np.ndarray[Any, Any] | LearningRateSchedule:
    if isinstance(rate, LearningRateSchedule):
        return rate
    if is_number(rate):
        return np.asarray(rate, np.float32)
    raise ArgumentError(
        "A learning rate is a number or a schedule",
        received=f"learning_rate={rate!r}",
        hint="for a rate of your own, subclass `optimizers.schedules.LearningRateSchedule`; functions are not "
        "supported yet",
    )
