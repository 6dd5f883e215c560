"""`LossScaleOptimizer`: keeps small gradients of float16 models from becoming zero.

The loss is multiplied by a number before its gradients are taken, and they are divided by it (Micikevicius et al.,
2018). The number grows until gradients overflow, and is halved then; such an update is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import jax.numpy as jnp
import numpy as np

from ..compiler.errors import ArgumentError
from ..runtime.optimizer_update import Arrays, Stacking
from . import identifiers
from .optimizer import Optimizer, check, check_count, is_number
from .saving.registry import serializable
from .variable import Variable

_OWN = 4
"""How many variables come before those of the inner optimizer."""


@serializable("keras.optimizers", kind="optimizer")
class LossScaleOptimizer(Optimizer):
    """An optimizer around another one that scales the loss.

    Args:
        inner_optimizer: what updates the weights; learning rate, clipping and all else are its.
        initial_scale: what the loss is multiplied by at first.
        dynamic_growth_steps: after so many updates in a row whose gradients were all finite, the scale is doubled. It
            is halved where one is not, and that update does not take place.
        name: of the optimizer.
    """

    def __init__(
        self,
        inner_optimizer: Optimizer,
        initial_scale: float = 32768.0,
        dynamic_growth_steps: int = 2000,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        if kwargs:
            raise ArgumentError(
                f"LossScaleOptimizer has no argument {', '.join(map(repr, kwargs))}",
                received=", ".join(f"{key}={value!r}" for key, value in kwargs.items()),
                hint="give it to the inner optimizer.",
            )
        inner: Any = identifiers.get("optimizer", inner_optimizer, any_case=True)
        if not isinstance(inner, Optimizer) or isinstance(inner, LossScaleOptimizer):
            raise ArgumentError(
                "LossScaleOptimizer takes the optimizer that it scales the loss for",
                received=repr(inner_optimizer),
                hint="for example `LossScaleOptimizer(Adam())`.",
            )
        if inner.loss_scale_factor is not None:
            raise ArgumentError(
                "LossScaleOptimizer and its inner optimizer would both scale the loss",
                received=f"loss_scale_factor={inner.loss_scale_factor!r}",
                hint="leave `loss_scale_factor` out.",
            )
        check("initial_scale", initial_scale, is_number(initial_scale) and initial_scale > 0, "greater than 0")
        check_count("dynamic_growth_steps", dynamic_growth_steps, 1)
        super().__init__(0.0, name=name)
        self.inner_optimizer = inner
        self.initial_scale, self.dynamic_growth_steps = initial_scale, dynamic_growth_steps
        self.step_counter = self._variable("step_counter", np.zeros((), np.int32))
        self.dynamic_scale = self._variable("dynamic_scale", np.asarray(initial_scale, np.float32))

    @property
    def learning_rate(self) -> Any:
        """That of the inner optimizer."""
        return self.inner_optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, rate: Any) -> None:
        self.inner_optimizer.learning_rate = rate

    @property
    def iterations(self) -> Any:
        """Number of updates that took place."""
        return self.inner_optimizer.iterations

    def build(self, variables: Sequence[Variable]) -> None:
        """Make the inner optimizer's state."""
        self._trained = list(variables)
        self.inner_optimizer.build(variables)
        self.built = True

    @property
    def variables(self) -> list[Variable]:
        """Keras's order: iteration and learning rate, which stay 0, the counter, the scale; the inner optimizer's."""
        rate: Any = self._rate
        return [self._iterations, rate, self.step_counter, self.dynamic_scale, *self.inner_optimizer.variables]

    @property
    def program_key(self) -> Any:
        """What a program that holds `apply` was compiled for (hashable)."""
        return type(self), self.dynamic_growth_steps, self.inner_optimizer.program_key

    def stacking(self) -> Stacking | str:
        """As the inner optimizer."""
        inner = self.inner_optimizer.stacking()
        return inner if isinstance(inner, str) else inner._replace(owners=(*[None] * _OWN, *inner.owners))

    def apply(
        self,
        grads: Sequence[Any],
        params: Sequence[Any],
        opt_state: Sequence[Any],
        positions: Sequence[int] | None = None,
    ) -> tuple[Arrays, Arrays]:
        """One update from gradients of the loss as `scaled_loss` gives it, pure and traceable."""
        *head, counter, scale = opt_state[:_OWN]
        inner = list(opt_state[_OWN:])
        finite = jnp.asarray(True)
        for grad in grads:
            finite = finite & jnp.isfinite(grad).all()
        unscaled = [(grad / scale.astype(jnp.float32)).astype(grad.dtype) for grad in grads]
        updated, new_inner = self.inner_optimizer.apply(unscaled, params, inner, positions)
        grows = counter >= self.dynamic_growth_steps - 1
        new_scale = jnp.where(finite, jnp.where(grows, scale * 2.0, scale), scale / 2.0)
        new_counter = jnp.where(finite & ~grows, counter + 1, 0).astype(counter.dtype)
        kept = [jnp.where(finite, new, old) for new, old in zip(updated, params, strict=True)]
        state = [jnp.where(finite, new, old) for new, old in zip(new_inner, inner, strict=True)]
        return kept, [*head, new_counter, new_scale, *state]

    def scale_loss(self, loss: Any) -> Any:
        """The loss times the scale as it is now."""
        return loss * self.dynamic_scale.value

    def scaled_loss(self, loss: Any, opt_state: Sequence[Any]) -> Any:
        """The loss times the scale of this state."""
        return loss * opt_state[_OWN - 1]

    def finalize_variable_values(self, variables: Any) -> None:
        """The inner optimizer's averages in the variables' place, where it keeps some."""
        self.inner_optimizer.finalize_variable_values(variables)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            "name": self.name,
            "inner_optimizer": identifiers.serialize("optimizer", self.inner_optimizer),
            "initial_scale": self.initial_scale,
            "dynamic_growth_steps": self.dynamic_growth_steps,
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """The optimizer whose `get_config` gave `config`."""
        arguments = dict(config)
        inner = arguments.pop("inner_optimizer")
        return cls(identifiers.deserialize("optimizer", inner) if isinstance(inner, Mapping) else inner, **arguments)
