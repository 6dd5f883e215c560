"""Enlarging by repetition against NumPy, and its gradient against a sum."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kgc.compiler import ops  # noqa: F401
from kgc.compiler.op import REGISTRY

upsample = REGISTRY["upsample"]


@pytest.mark.parametrize(
    ("shape", "size", "data_format"),
    [
        ((2, 4, 3), (3,), "channels_last"),
        ((2, 3, 4, 2), (2, 3), "channels_last"),
        ((2, 3, 4, 2), (1, 1), "channels_last"),
        ((2, 2, 3, 4), (3, 1), "channels_first"),
        ((1, 2, 3, 2, 2), (2, 1, 4), "channels_last"),
    ],
)
def test_repetition(shape: tuple[int, ...], size: tuple[int, ...], data_format: str) -> None:
    first = 1 if data_format == "channels_last" else 2
    x = np.random.default_rng(0).normal(size=shape).astype("float32")
    wanted = x
    for axis, count in enumerate(size, first):
        wanted = np.repeat(wanted, count, axis)
    np.testing.assert_array_equal(upsample(x, size, data_format), wanted)
    c = np.random.default_rng(1).normal(size=wanted.shape).astype("float32")
    found = jax.grad(lambda x: (upsample(x, size, data_format) * c).sum())(jnp.asarray(x))
    summed = c
    for axis, count in enumerate(size, first):
        split = (*summed.shape[:axis], summed.shape[axis] // count, count, *summed.shape[axis + 1 :])
        summed = summed.reshape(split).sum(axis + 1)
    np.testing.assert_allclose(found, summed, rtol=1e-5, atol=1e-5)
