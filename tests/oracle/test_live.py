"""kgc beside real Keras on numbers that no fixture has seen:  pytest -m keras tests/oracle

`KGC_ORACLE_SEED=n` draws others.
"""

from __future__ import annotations

import contextlib
import json
import os
import warnings
from collections.abc import Iterator
from typing import Any

import jax
import pytest

import kgc

from .case import Case, differences, results
from .catalogue import CASES, FACTS, KERAS

pytestmark = pytest.mark.keras
SEED = int(os.environ.get("KGC_ORACLE_SEED", "1"))


@pytest.fixture(scope="module")
def keras() -> Iterator[Any]:
    """Real Keras on JAX."""
    os.environ["KERAS_BACKEND"] = "jax"
    with lenient():
        module = pytest.importorskip("keras")
    if module.__version__ != KERAS:
        pytest.skip(f"the oracle is Keras {KERAS}; this is {module.__version__}")
    yield module


@contextlib.contextmanager
def lenient() -> Iterator[None]:
    """The suite holds promotions and warnings strict for kgc's sake: Keras leans on the ones and gives the others."""
    with (
        jax.numpy_rank_promotion("allow"),
        jax.numpy_dtype_promotion("standard"),
        warnings.catch_warnings(action="ignore"),
    ):
        yield


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_numbers(case: Case, keras: Any) -> None:
    with lenient():
        expected, _ = results(case, keras, SEED)
    got, _ = results(case, kgc, SEED)
    wrong = differences(got, {key: value.value for key, value in expected.items()}, case.tolerance)
    assert not wrong, "\n".join([case.name, *wrong])


@pytest.mark.parametrize("name", FACTS)
def test_facts(name: str, keras: Any) -> None:
    with lenient():
        expected = FACTS[name](keras)
    assert json.loads(json.dumps(FACTS[name](kgc))) == json.loads(json.dumps(expected))
