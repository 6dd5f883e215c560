"""Models inside the user's own `jax.jit`, `jax.grad` and `jax.vmap`: right numbers, and no tracer left in the store."""

from __future__ import annotations

from typing import Any

import jax
import jax.core
import jax.numpy as jnp
import numpy as np
import pytest

import kgc
from kgc import layers
from kgc.compiler.errors import GraphError


def clean(model: Any) -> None:
    """Check that the store holds arrays only, and that the model runs."""
    for variable in model.weights:
        assert not isinstance(variable.read(), jax.core.Tracer)
    assert np.isfinite(model.predict(np.ones((2, 4), "float32"), verbose=0)).all()


def folded() -> Any:
    """A net whose batch norm is folded into the dense kernel in inference."""
    inputs = kgc.Input((4,))
    return kgc.Model(inputs, layers.BatchNormalization()(layers.Dense(3)(inputs)))


@pytest.mark.parametrize("first", ["jit", "outside"])
def test_a_model_inside_jit(data: Any, first: str) -> None:
    for make in (folded, lambda: kgc.Sequential([kgc.Input((4,)), layers.Dense(3, activation="relu")])):
        model = make()
        if first == "outside":
            model(data[0])
        inside = jax.jit(lambda x, model=model: model(x) * 2.0)(data[0])
        clean(model)
        np.testing.assert_allclose(np.asarray(inside), 2.0 * np.asarray(model(data[0])), rtol=1e-5, atol=1e-6)


def test_a_layer_inside_jit_and_grad(data: Any) -> None:
    layer = layers.Dense(3, activation="tanh")
    out = jax.jit(lambda x: layer(x))(data[0])
    np.testing.assert_allclose(np.asarray(out), np.asarray(layer(data[0])), rtol=1e-6)
    grad = jax.grad(lambda x: layer(x).sum())(jnp.asarray(data[0]))
    slope = 1 - np.asarray(out) ** 2
    np.testing.assert_allclose(np.asarray(grad), slope @ layer.kernel.numpy().T, rtol=1e-5, atol=1e-6)
    mapped = jax.vmap(lambda x: layer(x[None])[0])(jnp.asarray(data[0]))
    np.testing.assert_allclose(np.asarray(mapped), np.asarray(out), rtol=1e-5, atol=1e-6)


def test_a_value_read_inside_jit_is_the_array(data: Any) -> None:
    model = folded()
    kernel = model.layers[1].kernel
    out = jax.jit(lambda x: x @ kernel.value)(data[0])
    clean(model)
    np.testing.assert_allclose(np.asarray(out), data[0] @ kernel.numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("transform", [jax.jit, lambda f: jax.grad(lambda x: f(x).sum()), jax.vmap])
def test_state_cannot_be_assigned_inside(data: Any, transform: Any) -> None:
    model = folded()
    before = model.get_weights()
    with pytest.raises(GraphError, match="cannot be assigned inside"):
        transform(lambda x: model(x.reshape(-1, 4), training=True))(jnp.asarray(data[0]))
    with pytest.raises(GraphError, match="cannot be assigned inside"):
        transform(lambda x: model.layers[1].bias.assign(x.reshape(-1)[:3]))(jnp.asarray(data[0]))
    clean(model)
    for now, then in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)
    model.compile("sgd", "mse")
    model.fit(data[0], np.zeros((12, 3), "float32"), verbose=0)
