"""Regularizers against numbers recorded from Keras."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kgc.compiler.errors import ArgumentError, ShapeError
from kgc.frontend import regularizers

RECORDED = np.load(Path(__file__).parents[1] / "fixtures" / "optimizers.npz")
FACTS = json.loads(RECORDED["facts"].tobytes())
WEIGHT = RECORDED["weight"]
ROWS = [pytest.param(*row, id=f"{row[0]}-{i}") for i, row in enumerate(FACTS["regularizers"])]


@pytest.mark.parametrize(("kind", "arguments", "serialized", "value"), ROWS)
def test_values_and_configs_are_keras_own(
    kind: str, arguments: dict[str, Any], serialized: dict[str, Any], value: float
) -> None:
    regularizer = getattr(regularizers, kind)(**arguments)
    if arguments.get("mode") != "columns":  # Keras 3.15.1 divides rows by the columns' norms there
        assert float(regularizer(WEIGHT)) == pytest.approx(value, rel=1e-5)
    assert regularizers.serialize(regularizer) == serialized
    assert regularizers.serialize(regularizers.deserialize(serialized)) == serialized


@pytest.mark.parametrize("name", [name for name in FACTS["signatures"] if name.startswith("regularizers.")])
def test_signatures_are_keras_own(name: str) -> None:
    cls = getattr(regularizers, name.partition(".")[2])
    found = [[key, repr(p.default)] for key, p in inspect.signature(cls).parameters.items()]
    assert found == FACTS["signatures"][name]


def test_columns_are_the_rows_of_the_transpose() -> None:
    weight = WEIGHT[:, :3]
    columns = regularizers.OrthogonalRegularizer(0.3, "columns")(weight)
    assert float(columns) == pytest.approx(float(regularizers.OrthogonalRegularizer(0.3)(weight.T)), rel=1e-5)


def test_orthogonality() -> None:
    regularizer = regularizers.OrthogonalRegularizer(1.0)
    assert float(regularizer(3 * np.eye(3, dtype="float32"))) == pytest.approx(0.0, abs=1e-6)
    assert float(regularizer(np.ones((3, 2), "float32"))) == pytest.approx(1.0, rel=1e-5)


def test_get() -> None:
    for name, kind in {
        "l1": regularizers.L1,
        "L2": regularizers.L2,
        "l1_l2": regularizers.L1L2,
        "l1l2": regularizers.L1L2,
        "orthogonal_regularizer": regularizers.OrthogonalRegularizer,
    }.items():
        assert type(regularizers.get(name)) is kind
    assert regularizers.get(None) is None
    assert regularizers.get(abs) is abs
    assert regularizers.get({"class_name": "L2", "config": {"l2": 0.5}}).l2 == 0.5
    assert regularizers.L1L2(None, None).get_config() == {"l1": 0.0, "l2": 0.0}


MISTAKES = {
    "name": (ArgumentError, lambda: regularizers.get("l3"), "'l1'"),
    "number": (ArgumentError, lambda: regularizers.get(3), "This is no regularizer"),
    "negative": (ArgumentError, lambda: regularizers.L1(-1.0), "l1=-1.0"),
    "nan": (ArgumentError, lambda: regularizers.L2(float("nan")), "l2=nan"),
    "string": (ArgumentError, lambda: regularizers.L2("a"), "l2='a'"),
    "mode": (ArgumentError, lambda: regularizers.OrthogonalRegularizer(mode="x"), "columns"),
    "rank": (ShapeError, lambda: regularizers.OrthogonalRegularizer()(np.ones(3, "float32")), "(3,)"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_are_told_at_the_users_line(name: str) -> None:
    kind, mistake, said = MISTAKES[name]
    with pytest.raises(kind) as caught:
        mistake()
    assert said in str(caught.value)
    assert caught.value.where.file == __file__
