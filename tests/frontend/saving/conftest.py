"""Real Keras beside kgc, for the tests that are marked `keras`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture
def keras() -> Iterator[Any]:
    """Real Keras 3.15.1 on JAX, which relies on JAX's implicit promotions."""
    import jax

    os.environ["KERAS_BACKEND"] = "jax"
    real = pytest.importorskip("keras")
    assert real.__version__ == "3.15.1" and real.backend.backend() == "jax"
    with jax.numpy_rank_promotion("allow"), jax.numpy_dtype_promotion("standard"):
        yield real
