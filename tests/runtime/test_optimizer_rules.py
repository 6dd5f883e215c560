"""The rules against numbers recorded from Keras, and what surrounds them against hand-made sums."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from kgc.runtime import optimizer_rules as rules

RECORDED = np.load(Path(__file__).parents[1] / "fixtures" / "optimizers.npz")
FACTS = json.loads(RECORDED["facts"].tobytes())
ROWS = {"SGD": rules.SGD, "RMSprop": rules.RMSPROP, "Adam": rules.ADAM, "Adagrad": rules.ADAGRAD}
NOT_THE_RULES = {"name", "learning_rate", "use_ema", "ema_momentum", "ema_overwrite_frequency"}
AROUND = {
    "weight_decay",
    "clipnorm",
    "global_clipnorm",
    "clipvalue",
    "loss_scale_factor",
    "gradient_accumulation_steps",
}
PLAIN = [
    name
    for name, facts in FACTS["optimizers"].items()
    if facts["class"] in ROWS and not (AROUND | {"schedule", "constraint", "use_ema"}) & facts["arguments"].keys()
]


def close(found: Any, expected: Any) -> None:
    scale = float(np.max(np.abs(expected)))
    np.testing.assert_allclose(np.asarray(found), expected, rtol=1e-5, atol=1e-6 * scale)


@pytest.mark.parametrize("name", PLAIN)
def test_ten_steps_give_keras_numbers(name: str) -> None:
    facts = FACTS["optimizers"][name]
    config = facts["config"]
    constants = {key: value for key, value in config.items() if key not in NOT_THE_RULES | AROUND}
    transformation: Any = rules.as_transformation(ROWS[facts["class"]], constants)
    params = {key: jnp.asarray(RECORDED[f"{name}/{key}"][0]) for key in ("kernel", "bias")}
    state = transformation.init(params)

    @jax.jit
    def step(params: Any, state: Any, grads: Any, rate: Any) -> Any:
        updates, state = transformation.update(grads, state, params, hyper={"learning_rate": rate})
        return optax.apply_updates(params, updates), state

    for i in range(10):
        grads = {key: RECORDED[f"grads/{key}"][i] for key in params}
        params, state = step(params, state, grads, np.float32(config["learning_rate"]))
        for key, param in params.items():
            close(param, RECORDED[f"{name}/{key}"][i + 1])


def test_a_changed_learning_rate_compiles_nothing() -> None:
    transformation: Any = rules.as_transformation(
        rules.ADAM, {"beta_1": 0.9, "beta_2": 0.99, "epsilon": 1e-7, "amsgrad": 0}
    )
    params = [jnp.ones(3)]
    traced = []

    @jax.jit
    def step(state: Any, rate: Any) -> Any:
        traced.append(1)
        return transformation.update([jnp.ones(3)], state, params, hyper={"learning_rate": rate})

    state = transformation.init(params)
    moves = [float(step(state, np.float32(rate))[0][0][0]) for rate in (0.1, 0.2)]
    assert len(traced) == 1
    assert moves[1] == pytest.approx(2 * moves[0])


def test_slots_stand_in_groups() -> None:
    def layout(rule: rules.Rule, **hyper: Any) -> list[list[str]]:
        return [[slot.name for slot in group] for group in rule.layout(hyper)]

    assert layout(rules.SGD, momentum=0.0) == []
    assert layout(rules.SGD, momentum=0.5) == [["momentum"]]
    assert layout(rules.ADAM, amsgrad=True) == [["momentum", "velocity"], ["velocity_hat"]]
    assert layout(rules.RMSPROP, momentum=0.5, centered=True) == [["velocity"], ["momentum"], ["average_gradient"]]
    assert layout(rules.RMSPROP, momentum=0.0, centered=True) == [["velocity"], ["average_gradient"]]


PLAIN_SGD = {"momentum": 0.0, "nesterov": False}


def moved(grads: list[Any], *, calls: int = 0, **around: Any) -> list[np.ndarray]:
    """What plain gradient descent at rate 1 adds to parameters of ones."""
    transformation: Any = rules.as_transformation(rules.SGD, PLAIN_SGD, rules.Around(**around))
    grads = [jnp.asarray(grad, jnp.float32) for grad in grads]
    params = [jnp.ones_like(grad) for grad in grads]
    state = transformation.init(params)._replace(calls=jnp.int32(calls))
    updates, _ = transformation.update(grads, state, params, hyper={"learning_rate": jnp.float32(1.0)})
    return [np.asarray(update) for update in updates]


def test_limits() -> None:
    close(moved([[3.0, 4.0], [0.3, 0.4]], clipnorm=1.0), [[-0.6, -0.8], [-0.3, -0.4]])
    close(moved([[3.0, 0.0], [0.0, 4.0]], global_clipnorm=1.0), [[-0.6, 0.0], [0.0, -0.8]])
    close(moved([[3.0, -4.0, 0.5]], clipvalue=1.0), [[-1.0, 1.0, -0.5]])
    close(moved([[0.0, 0.0]], clipnorm=1.0), [[0.0, 0.0]])


def test_gradients_are_unscaled_before_they_are_clipped() -> None:
    close(moved([[4.0, 2.0]], clipvalue=1.0, loss_scale_factor=4.0), [[-1.0, -0.5]])


def test_an_overflowing_global_norm_is_seen() -> None:
    assert np.isnan(moved([[1e30, 1.0], [1.0]], global_clipnorm=1.0)[1]).all()


def test_decay_takes_parameters_off_in_proportion_to_the_rate() -> None:
    close(moved([[0.0], [0.0]], weight_decay=0.25, decayed=(True, False)), [[-0.25], [0.0]])


def test_accumulation_waits_and_moves_by_the_mean() -> None:
    transformation: Any = rules.as_transformation(rules.SGD, PLAIN_SGD, rules.Around(gradient_accumulation_steps=2))
    params = [jnp.zeros(1)]
    state = transformation.init(params)
    moves = []
    for grad in (4.0, -2.0, 1.0, 1.0):
        updates, state = transformation.update(
            [jnp.full(1, grad)], state, params, hyper={"learning_rate": jnp.float32(1.0)}
        )
        moves.append(float(updates[0][0]))
    assert moves == [0.0, -1.0, 0.0, -1.0]
    assert int(state.calls) == 4


@pytest.mark.parametrize("rule", [rules.SGD, rules.RMSPROP, rules.ADAM, rules.ADAGRAD])
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_parameters_keep_their_dtype_late_in_training(rule: rules.Rule, dtype: str) -> None:
    constants = {
        "momentum": 0.9, "nesterov": True, "rho": 0.9, "epsilon": 1e-3, "centered": True, "beta_1": 0.9,
        "beta_2": 0.999, "amsgrad": True, "initial_accumulator_value": 0.1,
    }  # fmt: skip
    transformation: Any = rules.as_transformation(rule, constants, rules.Around(global_clipnorm=1.0, weight_decay=0.1))
    params = [jnp.ones((2, 3), dtype)]
    state = transformation.init(params)._replace(calls=jnp.int32(100_000))
    grads = [jnp.full((2, 3), 0.5)]
    updates, new = transformation.update(grads, state, params, hyper={"learning_rate": jnp.float32(0.1)})
    assert {leaf.dtype.name for leaf in jax.tree.leaves((updates, new.slots))} == {dtype}
    assert np.isfinite(np.asarray(updates[0], np.float32)).all()
    assert (np.asarray(updates[0], np.float32) < 0).all()


def test_the_first_average_is_the_parameter_itself() -> None:
    params, averages = [jnp.full(2, 3.0)], [jnp.zeros(2)]
    same, averages = rules.move_averages(params, averages, jnp.int32(0), 0.5, None)
    close(averages[0], [3.0, 3.0])
    _, averages = rules.move_averages([jnp.full(2, 5.0)], averages, jnp.int32(1), 0.5, None)
    close(averages[0], [4.0, 4.0])
    overwritten, averages = rules.move_averages([jnp.full(2, 8.0)], averages, jnp.int32(2), 0.5, 3)
    close(overwritten[0], [6.0, 6.0])
    assert same == params
