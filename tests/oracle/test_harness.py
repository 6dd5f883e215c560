"""The yardstick itself: draws repeat, fixtures fit the cases, and the comparison fails where it must."""

from __future__ import annotations

import numpy as np
import pytest

from .case import Scaled, difference, differences
from .catalogue import CASES, FACTS, FIXTURES, families, recorded_facts
from .draws import Draws


def test_draws_repeat_and_differ_by_name_and_seed() -> None:
    first, again, other, seeded = Draws("a"), Draws("a"), Draws("b"), Draws("a", 1)
    x = first.uniform(3, 4)
    assert np.array_equal(x, again.uniform(3, 4)) and first.digest == again.digest
    assert not np.array_equal(x, other.uniform(3, 4)) and not np.array_equal(x, seeded.uniform(3, 4))
    assert first.digest != other.digest


def test_draws_are_the_same_bytes_everywhere() -> None:
    """Numbers written down once: were these to change, every fixture would be of other inputs."""
    draws = Draws("fixed")
    assert draws.uniform(3, low=0.0, high=8.0, dtype="float64").tolist() == FIXED
    assert draws.integers(10, 4).tolist() == FIXED_INTEGERS


FIXED = [2.6681750917052645, 6.0953383603940186, 2.3588340521323277]
FIXED_INTEGERS = [9, 2, 5, 9]


def test_every_fixture_belongs_to_a_case() -> None:
    for family in families():
        with np.load(FIXTURES / f"{family}.npz") as file:
            names = {key.rpartition("|")[0] for key in file.files}
        assert names == {case.name for case in CASES.values() if case.family == family}
    assert {path.stem for path in FIXTURES.glob("*.npz")} == set(families())
    assert set(recorded_facts()) == set(FACTS)


ONES = np.ones(3, "float32")


@pytest.mark.parametrize(
    ("got", "expected"),
    [
        (np.array([1, 1, 1 + 2e-5], "float32"), ONES),
        (np.array([1, 1, np.nan], "float32"), ONES),
        (np.array([1, 1, np.inf], "float32"), ONES),
        (ONES, np.array([1, 1, np.nan], "float32")),
        (ONES.astype("float64"), ONES),
        (ONES[None], ONES),
        (np.array([1, 2]), np.array([1, 3])),
        (np.array([1000.0, 2e-3], "float32"), np.array([1000.0, 0.0], "float32")),
    ],
)
def test_difference_is_seen(got: np.ndarray, expected: np.ndarray) -> None:
    assert difference(Scaled(got, 0.0), expected) is not None


@pytest.mark.parametrize(
    ("got", "expected"),
    [
        (np.array([1, 1, 1 + 5e-6], "float32"), ONES),
        (np.array([1, np.inf, np.nan], "float32"), np.array([1, np.inf, np.nan], "float32")),
        (np.array([1000.0, 5e-4], "float32"), np.array([1000.0, 0.0], "float32")),
        (np.zeros((0, 3)), np.zeros((0, 3))),
    ],
)
def test_rounding_is_allowed(got: np.ndarray, expected: np.ndarray) -> None:
    assert difference(Scaled(got, 0.0), expected) is None


def test_a_difference_of_weights_is_held_to_their_scale() -> None:
    got, expected = np.array([1e-3 + 1e-6], "float32"), np.array([1e-3], "float32")
    assert difference(Scaled(got, 0.0), expected) is not None
    assert difference(Scaled(got, 1.0), expected) is None


def test_missing_and_surplus_results_are_named() -> None:
    lines = differences({"a": Scaled(ONES, 0.0)}, {"b": ONES})
    assert lines == ["b: missing", "a: not expected"]
