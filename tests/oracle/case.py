"""What a case is, and the list of all of them.

A case is a function `fn(keras, draws)` over the package's public names alone: given real Keras it makes what is
expected, given kgc what is held against it. A fact is a function `fn(keras)` whose result is plain JSON and must be
equal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from .draws import Draws

Run = Callable[[Any, Draws], Mapping[str, Any]]
Fact = Callable[[Any], Any]


class Scaled(NamedTuple):
    """A result that carries rounding errors of a scale larger than its own, as a difference of weights does."""

    value: Any
    scale: float


@dataclass(frozen=True)
class Case:
    """One comparison: `name` is "family/what", `tolerance` multiplies both limits."""

    name: str
    run: Run
    tolerance: float = 1.0

    @property
    def family(self) -> str:
        return self.name.partition("/")[0]


CASES: dict[str, Case] = {}
FACTS: dict[str, Fact] = {}


def add(name: str, run: Run, tolerance: float = 1.0) -> None:
    """Register a case under a name of its own."""
    if name in CASES:
        raise ValueError(f"two cases are named {name!r}")
    CASES[name] = Case(name, run, tolerance)


def case(name: str, tolerance: float = 1.0) -> Callable[[Run], Run]:
    """Decorator form of `add`."""

    def register(run: Run) -> Run:
        add(name, run, tolerance)
        return run

    return register


def fact(run: Fact) -> Fact:
    """Register a fact under its function's name."""
    if run.__name__ in FACTS:
        raise ValueError(f"two facts are named {run.__name__!r}")
    FACTS[run.__name__] = run
    return run


def results(one: Case, keras: Any, seed: int = 0) -> tuple[dict[str, Scaled], int]:
    """Run a case: its results by name, and the digest of what it drew."""
    draws = Draws(one.name, seed)
    found = {}
    for key, value in one.run(keras, draws).items():
        value, scale = value if isinstance(value, Scaled) else (value, 0.0)
        found[key] = Scaled(np.asarray(value), float(scale))
    return found, draws.digest


def limits(got: Scaled, expected: np.ndarray, tolerance: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Errors and what they may be, where `expected` is finite: rtol 1e-5, and atol 1e-6 of the tensor's scale."""
    finite = np.isfinite(expected)
    value, wanted = got.value[finite].astype("float64"), expected[finite].astype("float64")
    scale = max(float(np.max(np.abs(wanted), initial=0.0)), got.scale)
    return np.abs(value - wanted), tolerance * (1e-6 * scale + 1e-5 * np.abs(wanted))


def difference(got: Scaled, expected: np.ndarray, tolerance: float = 1.0) -> str | None:
    """What is wrong with `got`, or None. Dtype and shape must be equal, whole numbers and truth values too."""
    value = got.value
    if value.dtype != expected.dtype:
        return f"dtype {value.dtype}, expected {expected.dtype}"
    if value.shape != expected.shape:
        return f"shape {value.shape}, expected {expected.shape}"
    if expected.dtype.kind not in "fc":
        return None if np.array_equal(value, expected) else f"{value!r}, expected {expected!r}"
    finite = np.isfinite(expected)
    if not np.array_equal(value[~finite], expected[~finite], equal_nan=True):
        return f"values that are not finite differ: {value[~finite]}, expected {expected[~finite]}"
    error, limit = limits(got, expected, tolerance)
    outside = ~(error <= limit)  # NaN compares false, and so lies outside
    if not np.any(outside):
        return None
    worst = int(np.argmax(np.where(np.isnan(error), np.inf, error - limit)))
    return (
        f"{np.sum(outside)} of {error.size} numbers outside; worst {value[finite][worst]!r}, "
        f"expected {expected[finite][worst]!r}, error {error[worst]:.3g}, limit {limit[worst]:.3g}"
    )


def differences(got: Mapping[str, Scaled], expected: Mapping[str, np.ndarray], tolerance: float = 1.0) -> list[str]:
    """All that is wrong with a case's results, one line each."""
    wrong = [f"{key}: missing" for key in expected if key not in got]
    wrong += [f"{key}: not expected" for key in got if key not in expected]
    for key, value in got.items():
        if key in expected and (message := difference(value, expected[key], tolerance)):
            wrong.append(f"{key}: {message}")
    return wrong
