"""Small models and data that the tests of the walls share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import kgc
from kgc import layers

Data = tuple[np.ndarray, np.ndarray]


@pytest.fixture
def data() -> Data:
    """Inputs f32[12, 4] and targets f32[12, 2]."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(12, 4)).astype("float32"), rng.normal(size=(12, 2)).astype("float32")


@pytest.fixture
def mlp() -> Callable[..., Any]:
    """A function that makes an uncompiled net: dense, batch norm, dropout, dense."""

    def make(activation: str = "relu", rate: float = 0.5, name: str | None = None) -> Any:
        inputs = kgc.Input((4,))
        x = layers.Dense(6, activation=activation)(inputs)
        x = layers.BatchNormalization()(x)
        x = layers.Dropout(rate)(x)
        return kgc.Model(inputs, layers.Dense(2)(x), name=name)

    return make


@pytest.fixture
def values() -> Callable[[Any], list[np.ndarray]]:
    """A function that copies the values of a model's weights."""
    return lambda model: [variable.numpy() for variable in model.weights]


def same(left: list[np.ndarray], right: list[np.ndarray]) -> bool:
    """Whether all arrays are equal, bit by bit."""
    return len(left) == len(right) and all(np.array_equal(a, b) for a, b in zip(left, right, strict=True))
