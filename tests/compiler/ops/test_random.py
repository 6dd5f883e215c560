"""Random ops: distributions, scaling, and that a key decides every number."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest

from kgc.compiler import ops  # noqa: F401
from kgc.compiler.op import REGISTRY

COUNT = 20_000
KEY = jax.random.key(11)

# Name, attributes, mean, standard deviation, smallest, largest.
DISTRIBUTIONS: list[tuple[str, dict[str, Any], float, float, float, float]] = [
    ("random_uniform", {}, 0.5, 12**-0.5, 0.0, 1.0),
    ("random_uniform", {"minval": -3.0, "maxval": 1.0}, -1.0, 4 * 12**-0.5, -3.0, 1.0),
    ("random_normal", {"mean": 2.0, "stddev": 0.5}, 2.0, 0.5, -10.0, 10.0),
    ("truncated_normal", {}, 0.0, 0.8796, -2.0, 2.0),  # 0.8796: of a normal cut at two standard deviations
    ("truncated_normal", {"mean": 1.0, "stddev": 0.1}, 1.0, 0.08796, 0.8, 1.2),
    ("random_randint", {"minval": -2, "maxval": 3}, 0.0, 2**0.5, -2.0, 2.0),
    ("bernoulli", {"p": 0.2, "dtype": "float32"}, 0.2, 0.4, 0.0, 1.0),
]


@pytest.mark.parametrize("name, attrs, mean, deviation, low, high", DISTRIBUTIONS)
def test_distribution(name: str, attrs: dict[str, Any], mean: float, deviation: float, low: float, high: float) -> None:
    drawn = np.asarray(REGISTRY[name](KEY, (COUNT,), **attrs), "float64")
    assert drawn.mean() == pytest.approx(mean, abs=4 * deviation / COUNT**0.5)
    assert drawn.std() == pytest.approx(deviation, rel=0.03)
    assert low <= drawn.min() and drawn.max() <= high


@pytest.mark.parametrize("name", ["random_uniform", "random_normal", "truncated_normal"])
def test_a_key_decides(name: str) -> None:
    draw = REGISTRY[name]
    other = REGISTRY["fold_in"](KEY, 1)
    np.testing.assert_array_equal(draw(KEY, (4,)), draw(KEY, (4,)))
    assert not np.array_equal(draw(KEY, (4,)), draw(other, (4,)))
    assert draw(KEY, (4,), dtype="bfloat16").dtype == "bfloat16"


def test_sites_give_different_keys() -> None:
    fold_in = REGISTRY["fold_in"]
    keys = {np.asarray(jax.random.key_data(fold_in(KEY, site))).tobytes() for site in range(50)}
    assert len(keys) == 50
    assert fold_in(KEY, 3) == jax.random.fold_in(KEY, 3) == fold_in(KEY, np.int32(3))


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_dropout_keeps_the_mean(rate: float) -> None:
    x = np.ones(COUNT, "float32")
    out = np.asarray(REGISTRY["dropout"](x, KEY, rate))
    assert set(np.unique(out)) == {np.float32(0), np.float32(np.float32(1) / np.float32(1 - rate))}
    assert (out == 0).mean() == pytest.approx(rate, abs=0.02)


def test_dropout_is_the_identity_unless_training() -> None:
    x = np.array([1.0, np.nan, np.inf], "float32")
    for attrs in ({"rate": 0.5, "training": False}, {"rate": 0.0}):
        np.testing.assert_array_equal(REGISTRY["dropout"](x, KEY, **attrs), x)


def test_dropout_of_everything_is_zero_with_a_finite_gradient() -> None:
    x = np.ones(3, "float32")
    value, slope = jax.value_and_grad(lambda x: REGISTRY["dropout"](x, KEY, 1.0).sum())(x)
    assert value == 0
    np.testing.assert_array_equal(slope, np.zeros(3))


def test_noise_shape_drops_together() -> None:
    out = np.asarray(REGISTRY["dropout"](np.ones((4, 50, 3), "float32"), KEY, 0.5, noise_shape=(None, 1, 3)))
    assert (out == out[:, :1]).all()
    assert len(np.unique(out)) == 2
    assert len({row.tobytes() for row in out[:, 0]}) > 1
