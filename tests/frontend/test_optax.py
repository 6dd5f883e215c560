"""Any optax transformation as an optimizer."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from kgc.frontend import constraints, optimizers
from kgc.frontend.variable import Variable

from .recorded_optimizers import NAMES, RECORDED, close


def test_an_optax_transformation_is_used_as_it_is() -> None:
    foreign: Any = optax.chain(optax.clip_by_global_norm(0.5), optax.trace(0.9), optax.scale(-0.1))
    optimizer = optimizers.get(foreign)
    variables = [Variable(RECORDED[f"adam/{key}"][0], name=key) for key in NAMES]
    params: Any = [jnp.asarray(v.numpy()) for v in variables]
    state = foreign.init(params)
    for i in range(3):
        grads = [jnp.asarray(RECORDED[f"grads/{key}"][i]) for key in NAMES]
        updates, state = foreign.update(grads, state, params)
        params = optax.apply_updates(params, updates)
        optimizer.apply_gradients(zip(grads, variables, strict=True))
    close(variables[0].numpy(), params[0])
    assert int(optimizer.iterations) == 3
    assert len(optimizer.variables) == 1 + len(jax.tree.leaves(state))


def test_constraints_hold_under_optax_too() -> None:
    optimizer = optimizers.get(optax.sgd(1.0))
    variable = Variable(np.ones(2, "float32"), name="w")
    variable.constraint = constraints.NonNeg()
    optimizer.apply_gradients([(jnp.full(2, 3.0), variable)])
    assert variable.numpy().tolist() == [0.0, 0.0]


def test_an_injected_learning_rate_is_read_and_set() -> None:
    optimizer = optimizers.get(optax.inject_hyperparams(optax.sgd)(learning_rate=0.5))
    variable = Variable(np.zeros(2, "float32"), name="w")
    optimizer.build([variable])
    assert float(optimizer.learning_rate) == 0.5
    optimizer.learning_rate = 2.0
    optimizer.apply_gradients([(jnp.ones(2), variable)])
    assert variable.numpy().tolist() == [-2.0, -2.0]
