"""Constraints against numbers recorded from Keras."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from kgc.compiler.errors import ArgumentError
from kgc.frontend import constraints

RECORDED = np.load(Path(__file__).parents[1] / "fixtures" / "optimizers.npz")
FACTS = json.loads(RECORDED["facts"].tobytes())
ROWS = [pytest.param(i, *row, id=f"{row[0]}-{i}") for i, row in enumerate(FACTS["constraints"])]


@pytest.mark.parametrize(("index", "kind", "arguments", "serialized"), ROWS)
def test_values_and_configs_are_keras_own(
    index: int, kind: str, arguments: dict[str, Any], serialized: dict[str, Any]
) -> None:
    constraint = getattr(constraints, kind)(**arguments)
    for apply in (constraint, jax.jit(constraint)):
        np.testing.assert_allclose(apply(RECORDED["weight"]), RECORDED[f"constrained/{index}"], rtol=1e-5, atol=1e-6)
    assert constraints.serialize(constraint) == serialized
    assert constraints.serialize(constraints.deserialize(serialized)) == serialized


@pytest.mark.parametrize("name", [name for name in FACTS["signatures"] if name.startswith("constraints.")])
def test_signatures_are_keras_own(name: str) -> None:
    cls = getattr(constraints, name.partition(".")[2])
    found = [[key, repr(p.default)] for key, p in inspect.signature(cls).parameters.items()]
    assert found == FACTS["signatures"][name]


@pytest.mark.parametrize("kind", [constraints.MaxNorm, constraints.UnitNorm, constraints.MinMaxNorm])
def test_a_weight_of_zeros_stays_so_and_dtypes_are_kept(kind: type[constraints.Constraint]) -> None:
    for dtype in ("float32", "bfloat16"):
        found = kind()(np.zeros((3, 2), np.dtype(dtype)))
        assert found.dtype == dtype
        assert not np.asarray(found, np.float32).any()


def test_get() -> None:
    for name, kind in {
        "max_norm": constraints.MaxNorm,
        "NonNeg": constraints.NonNeg,
        "unit_norm": constraints.UnitNorm,
        "MinMaxNorm": constraints.MinMaxNorm,
    }.items():
        assert type(constraints.get(name)) is kind
    assert constraints.get(None) is None
    assert constraints.get(abs) is abs
    assert constraints.get({"class_name": "MaxNorm", "config": {"max_value": 3, "axis": [0, 1]}}).max_value == 3
    with pytest.raises(ArgumentError, match=r"(?s)No constraint is called 'maxnorm'.*'MaxNorm'"):
        constraints.get("maxnorm")
    with pytest.raises(ArgumentError, match="min_value"):
        constraints.MinMaxNorm(2.0, 1.0)
