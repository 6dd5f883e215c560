"""What every test runs under: the CPU, fixed seeds, and JAX's strictest reading of ranks and dtypes.

Ranks and dtypes are held strict so that a silent broadcast or promotion inside kgc shows up as an error; an op whose
contract broadcasts or promotes lifts the rule for its own body.
"""

from __future__ import annotations

import os

# Before the first import of JAX, which reads it once.
os.environ["JAX_PLATFORMS"] = "cpu"

import random

import hypothesis
import jax
import numpy as np
import pytest

jax.config.update("jax_platforms", "cpu")
jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_numpy_dtype_promotion", "strict")

hypothesis.settings.register_profile("kgc", derandomize=True, deadline=None, database=None)
hypothesis.settings.load_profile("kgc")


@pytest.fixture(autouse=True)
def fixed_seeds() -> None:
    """Start each test from the same seeds, so that no test depends on those run before it."""
    random.seed(0)
    np.random.seed(0)
