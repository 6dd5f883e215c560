"""Pooling by slices against XLA's `reduce_window`: values, and gradients where maxima are equal."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from kgc.compiler import ops  # noqa: F401
from kgc.compiler.op import REGISTRY

max_pool, average_pool = REGISTRY["max_pool"], REGISTRY["average_pool"]

CASES = [
    ((2, 7, 8, 2), (2, 2), (2, 2), "valid"),
    ((2, 7, 8, 2), (3, 2), (2, 3), "same"),
    ((2, 6, 6, 2), (3, 3), (1, 1), "same"),
    ((1, 5, 5, 1), (2, 2), (3, 3), "valid"),
    ((2, 9, 2), (4,), (2,), "same"),
    ((1, 4, 4, 5, 2), (2, 2, 2), (2, 1, 2), "valid"),
    ((2, 6, 5, 7, 2), (3, 2, 3), (2, 1, 2), "same"),  # one axis after the other
    ((1, 9, 9, 1), (9, 9), (1, 1), "valid"),  # so many positions that reduce_window is taken
]


def window(x: Any, size: tuple[int, ...], step: tuple[int, ...], padding: str) -> Any:
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, *size, 1), (1, *step, 1), padding.upper())


@pytest.mark.parametrize("shape, size, step, padding", CASES)
def test_maximum_and_its_gradient_are_xlas(
    shape: tuple[int, ...], size: tuple[int, ...], step: tuple[int, ...], padding: str
) -> None:
    x = np.random.default_rng(0).integers(-1, 2, shape).astype("float32")  # most windows hold equal maxima

    def both(x: Any) -> Any:
        found, pull = jax.vjp(lambda x: max_pool(x, size, step, padding), x)
        expected, pull_expected = jax.vjp(lambda x: window(x, size, step, padding), x)
        weights = jnp.cos(jnp.arange(found.size, dtype="float32")).reshape(found.shape)
        return found, expected, pull(weights), pull_expected(weights)

    found, expected, gradient, gradient_expected = jax.jit(both)(x)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_allclose(gradient, gradient_expected, rtol=1e-6, atol=1e-6)


def test_maximum_can_be_differentiated_twice_and_forwards() -> None:
    x = np.random.default_rng(1).normal(size=(1, 4, 4, 1)).astype("float32")

    def total(x: Any) -> Any:
        return jnp.sum(max_pool(x, 2) ** 3)

    twice = jax.jit(jax.jacfwd(jax.grad(total)))(x).reshape(16, 16)
    chosen = np.asarray(jax.jit(jax.grad(lambda x: jnp.sum(max_pool(x, 2))))(x)).ravel()
    np.testing.assert_allclose(twice, np.diag(6 * x.ravel() * chosen), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("pool", [max_pool, average_pool])
def test_nan_stays(pool: Any) -> None:
    x = np.ones((1, 4, 4, 1), "float32")
    x[0, 0, 1, 0] = np.nan
    out = np.asarray(pool(x, 2))[0, :, :, 0]
    assert np.isnan(out[0, 0])
    assert np.isfinite(out).sum() == 3


def test_minus_infinity_is_no_padding() -> None:
    x = np.full((1, 3, 3, 1), -np.inf, "float32")
    assert np.isneginf(max_pool(x, 2, padding="same")).all()


def test_channels_first_is_the_transpose() -> None:
    x = np.random.default_rng(2).normal(size=(2, 3, 5, 6)).astype("float32")
    for pool in (max_pool, average_pool):
        moved = pool(np.moveaxis(x, 1, -1), 2, padding="same")
        np.testing.assert_allclose(
            pool(x, 2, padding="same", data_format="channels_first"), np.moveaxis(moved, -1, 1), rtol=1e-6
        )


def test_average_of_padded_windows_counts_what_is_there() -> None:
    x = np.array([1, 2, 3, 4, 5], "float32").reshape(1, 5, 1)
    np.testing.assert_allclose(np.ravel(average_pool(x, 2, padding="same")), [1.5, 3.5, 5.0])
