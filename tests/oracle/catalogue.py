"""Imports every file of cases, which fills the tables, and reads what was recorded."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import numpy as np

from .case import CASES, FACTS, Case
from .cases import (  # noqa: F401  (each registers its cases)
    activation,
    attention,
    conv,
    conv_lstm,
    conv_transpose,
    dense,
    dtypes,
    embedding,
    facts,
    losses,
    merging,
    metrics,
    models,
    normalization,
    optimizers,
    pooling,
    recurrent,
    resizing,
    shaping,
)

FIXTURES = Path(__file__).parent / "fixtures"
DIGEST = "digest"
KERAS = "3.15.1"

__all__ = ["CASES", "DIGEST", "FACTS", "FIXTURES", "KERAS", "families", "recorded", "recorded_facts"]


def families() -> dict[str, list[Case]]:
    """Cases by family: one fixture each."""
    found: dict[str, list[Case]] = {}
    for case in CASES.values():
        found.setdefault(case.family, []).append(case)
    return found


@functools.cache
def _family(name: str) -> dict[str, dict[str, np.ndarray]]:
    """All recorded results of one family, by case name."""
    found: dict[str, dict[str, np.ndarray]] = {}
    with np.load(FIXTURES / f"{name}.npz", allow_pickle=False) as file:
        for key in file.files:
            case, _, result = key.rpartition("|")
            found.setdefault(case, {})[result] = file[key]
    return found


def recorded(case: Case) -> tuple[dict[str, np.ndarray], int]:
    """What real Keras gave for a case, and the digest of what it was given."""
    path = FIXTURES / f"{case.family}.npz"
    if not path.exists() or case.name not in (found := _family(case.family)):
        raise LookupError(f"{case.name} was never recorded: run `python -m tests.oracle.record`")
    results = dict(found[case.name])
    return results, int(results.pop(DIGEST))


@functools.cache
def recorded_facts() -> dict[str, Any]:
    """All facts as real Keras gave them."""
    return json.loads((FIXTURES / "facts.json").read_text())
