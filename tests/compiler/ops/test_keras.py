"""Results, dtypes and gradients of the ops against those recorded from Keras, and live where Keras is installed."""

from __future__ import annotations

import os
from typing import Any

import jax
import numpy as np
import pytest

from kgc.compiler import ops  # noqa: F401
from kgc.compiler.op import REGISTRY

from .keras_cases import CASES, OPS, results
from .record_keras import TABLE, recorded, stored

TOLERANCE = {"float32": (1e-5, 1e-6), "bfloat16": (1e-2, 1e-2), "float16": (2e-3, 2e-3)}
"""Relative, and absolute as a part of the largest value; whole numbers are exact."""


@pytest.fixture(scope="module")
def table() -> dict[str, dict[str, tuple[str, np.ndarray]]]:
    return recorded()


def computed(op: str) -> dict[str, dict[str, np.ndarray]]:
    """What the op gives for its cases, of which some mix integers with the floats of attributes."""

    def einsum(subscripts: str, *operands: Any) -> Any:
        return REGISTRY["einsum"](subscripts, list(operands))

    with jax.numpy_dtype_promotion("standard"):
        return results(op, einsum if op == "einsum" else REGISTRY[op])


def check(name: str, expected: dict[str, tuple[str, np.ndarray]], found: dict[str, tuple[str, np.ndarray]]) -> None:
    assert found.keys() == expected.keys(), name
    for key, (dtype, want) in expected.items():
        got_dtype, got = found[key]
        assert (got_dtype, got.shape) == (dtype, want.shape), f"{name} {key}"
        relative, absolute = TOLERANCE.get(dtype, (0.0, 0.0))
        finite = np.abs(want[np.isfinite(want)]) if want.dtype.kind == "f" else np.zeros(0)
        scale = float(finite.max(initial=0.0))
        np.testing.assert_allclose(got, want, rtol=relative, atol=absolute * scale, err_msg=f"{name} {key}")


@pytest.mark.parametrize("op", OPS)
def test_agrees_with_the_table(op: str, table: dict[str, dict[str, tuple[str, np.ndarray]]]) -> None:
    for name, found in computed(op).items():
        check(name, table[name], stored(found))


def test_table_holds_the_cases(table: dict[str, Any]) -> None:
    assert table.keys() == CASES.keys(), f"record {TABLE.name} again"


@pytest.mark.keras
@pytest.mark.parametrize("op", OPS)
def test_agrees_with_live_keras(op: str) -> None:
    os.environ["KERAS_BACKEND"] = "jax"
    import keras

    found = computed(op)
    for name, expected in results(op, getattr(keras.activations if op == "mish" else keras.ops, op)).items():
        check(name, stored(expected), stored(found[name]))
