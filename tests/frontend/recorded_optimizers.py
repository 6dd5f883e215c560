"""What real Keras 3.15.1 was recorded to do with each optimizer, and the same optimizers of ours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from kgc.frontend import constraints, optimizers, schedules
from kgc.frontend.optimizer import Optimizer
from kgc.frontend.variable import Variable

RECORDED = np.load(Path(__file__).parents[1] / "fixtures" / "optimizers.npz")
FACTS = json.loads(RECORDED["facts"].tobytes())
NAMES = ("kernel", "bias")


def make(name: str) -> tuple[Optimizer, list[Variable]]:
    """The recorded optimizer, built for the recorded starting parameters."""
    facts = FACTS["optimizers"][name]
    arguments = dict(facts["arguments"])
    schedule, constraint = arguments.pop("schedule", None), arguments.pop("constraint", None)
    exclude = arguments.pop("exclude", None)
    if schedule:
        row = FACTS["schedules"][schedule]
        arguments["learning_rate"] = getattr(schedules, row["class"])(**row["arguments"])
    optimizer = getattr(optimizers, facts["class"])(**arguments, name="opt")
    variables = [Variable(RECORDED[f"{name}/{key}"][0], name=key) for key in NAMES]
    for variable in variables:
        variable.constraint = constraints.get(constraint)
    if exclude:
        optimizer.exclude_from_weight_decay(var_names=exclude)
    optimizer.build(variables)
    return optimizer, variables


def values(variables: list[Variable]) -> list[np.ndarray]:
    return [variable.numpy() for variable in variables]


def close(found: Any, expected: Any) -> None:
    scale = float(np.max(np.abs(expected)))
    np.testing.assert_allclose(np.asarray(found), expected, rtol=1e-5, atol=1e-6 * scale)
