"""LossScaleOptimizer, and when `compile` uses it."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

import kgc
from kgc import layers, optimizers
from kgc.compiler.errors import ArgumentError
from kgc.frontend.variable import Variable


def scaling(**options):
    return optimizers.LossScaleOptimizer(optimizers.Adam(0.1), initial_scale=4.0, dynamic_growth_steps=2, **options)


# Recorded from Keras 3.15.1: gradients, then weight, counter, scale, count, first moment.
RECORDED = [
    ([4.0, 4.0], 0.900001, 1, 4.0, 1, 0.1),
    ([4.0, 4.0], 0.8000022, 0, 8.0, 2, 0.19),
    ([np.inf, 1.0], 0.8000022, 0, 4.0, 2, 0.19),
    ([np.nan, 1.0], 0.8000022, 0, 2.0, 2, 0.19),
    ([1.0, 1.0], 0.70582145, 1, 2.0, 3, 0.221),
    ([1.0, 1.0], 0.6142462, 0, 4.0, 4, 0.2489),
    ([1.0, 1.0], 0.5292649, 1, 4.0, 5, 0.24901),
]


def test_the_numbers_are_those_of_keras():
    optimizer, weight = scaling(), Variable(np.ones(2, "f4"), name="w")
    optimizer.build([weight])
    params, state = [jnp.ones(2)], [jnp.asarray(v.numpy()) for v in optimizer.variables]
    for gradient, wanted, counter, scale, count, moment in RECORDED:
        params, state = optimizer.apply([jnp.asarray(gradient, "float32")], params, state)
        np.testing.assert_allclose(params[0], wanted, rtol=1e-6)
        found = [float(np.ravel(state[at])[0]) for at in (2, 3, 4, 6)]
        np.testing.assert_allclose(found, [counter, scale, count, moment], rtol=1e-6)


def test_variables_stand_in_the_order_of_keras():
    optimizer = scaling()
    optimizer.build([Variable(np.ones(2, "f4"), name="w")])
    assert [variable.path.split("/")[0].rstrip("_0123456789") for variable in optimizer.variables] == [
        "loss_scale_optimizer"] * 4 + ["adam"] * 4  # fmt: skip
    names = [variable.name for variable in optimizer.variables]
    assert names[:6] == ["iteration", "learning_rate", "step_counter", "dynamic_scale", "iteration", "learning_rate"]


def test_what_it_hands_on():
    optimizer = scaling()
    optimizer.learning_rate = 0.5
    assert float(optimizer.inner_optimizer.learning_rate.numpy()) == float(optimizer.learning_rate.numpy()) == 0.5
    assert optimizer.iterations is optimizer.inner_optimizer.iterations
    assert float(optimizer.scale_loss(jnp.asarray(2.0))) == 8.0
    again = optimizers.deserialize(optimizers.serialize(optimizer))
    assert again.get_config() == optimizer.get_config()
    assert optimizer.get_config()["inner_optimizer"]["class_name"] == "Adam"


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda: optimizers.LossScaleOptimizer("adam", clipnorm=1.0), "no argument 'clipnorm'"),
        (lambda: optimizers.LossScaleOptimizer(3), "optimizer"),
        (lambda: optimizers.LossScaleOptimizer(scaling()), "the optimizer that it scales the loss for"),
        (lambda: optimizers.LossScaleOptimizer(optimizers.SGD(loss_scale_factor=2.0)), "both scale the loss"),
        (lambda: optimizers.LossScaleOptimizer("sgd", initial_scale=0), "greater than 0"),
        (lambda: optimizers.LossScaleOptimizer("sgd", dynamic_growth_steps=0), "at least 1"),
    ],
)
def test_what_it_refuses(make, what):
    with pytest.raises(ArgumentError, match=what):
        make()


def net(policy):
    before = kgc.config.dtype_policy()
    kgc.config.set_dtype_policy(policy)
    try:
        x = kgc.Input((3,))
        kgc.utils.set_random_seed(0)
        return kgc.Model(x, layers.Dense(1, dtype="float32")(layers.Dense(4, activation="tanh")(x)))
    finally:
        kgc.config.set_dtype_policy(before)


X, Y = np.random.default_rng(0).random((16, 3)), np.random.default_rng(1).random((16, 1)) * 1e-4


@pytest.mark.parametrize(
    ("policy", "optimizer", "options", "scales"),
    [
        ("mixed_float16", "sgd", {}, True),
        ("mixed_float16", "sgd", {"auto_scale_loss": False}, False),
        ("mixed_float16", optimizers.SGD(loss_scale_factor=8.0), {}, False),
        ("mixed_bfloat16", "sgd", {}, False),
        ("float32", "sgd", {}, False),
    ],
)
def test_compile_scales_where_gradients_may_vanish(policy, optimizer, options, scales):
    model = net(policy)
    model.compile(optimizer, "mse", **options)
    assert isinstance(model.optimizer, optimizers.LossScaleOptimizer) == scales
    given = optimizers.LossScaleOptimizer("sgd")
    model.compile(given, "mse")
    assert model.optimizer is given


def test_small_gradients_train_float16_models():
    kept = {}
    for scales in (True, False):
        model = net("mixed_float16")
        before = model.get_weights()[0]
        model.compile(optimizers.SGD(1e6), lambda y, p: (y - p) * 1e-9, auto_scale_loss=scales)
        model.fit(X, Y, batch_size=4, epochs=2, verbose=0)
        kept[scales] = np.abs(model.get_weights()[0] - before).max()
    assert kept[True] > 0 == kept[False], "gradients below the least float16 number are zero"


def test_an_overflow_halves_the_scale_and_leaves_the_weights():
    model = net("mixed_float16")
    model.compile(optimizers.LossScaleOptimizer(optimizers.SGD(0.1), initial_scale=2.0**30), "mse")
    before = model.get_weights()
    model.train_on_batch(X, Y + 1e3)
    assert float(model.optimizer.dynamic_scale.numpy()) == 2.0**29 and int(model.optimizer.iterations.numpy()) == 0
    for one, other in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, other)
    model.fit(X, Y, epochs=40, verbose=0)
    assert int(model.optimizer.iterations.numpy()) > 0 and np.isfinite(model.get_weights()[0]).all()


def test_its_state_is_saved(tmp_path):
    model = net("mixed_float16")
    model.compile("adam", "mse")
    model.fit(X, Y, verbose=0)
    model.save(tmp_path / "model.keras")
    again = kgc.models.load_model(tmp_path / "model.keras")
    for one, other in zip(model.optimizer.variables, again.optimizer.variables, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())
