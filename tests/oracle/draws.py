"""The numbers a case works on: drawn from its name and a seed, so that no fixture has to hold them.

`RandomState.random_sample` is frozen for good and exact (53 bits scaled by a power of two), and everything drawn
here is made from it with single IEEE operations: the same case draws the same bytes on every machine and NumPy.
A digest of all that was drawn lies beside the recorded results, so a case changed after recording is found out.
"""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np


class Draws:
    """A seeded source of arrays for one case."""

    def __init__(self, name: str, seed: int = 0) -> None:
        self._random = np.random.RandomState(zlib.crc32(f"{name}:{seed}".encode()))
        self.digest = 0

    def _noted(self, array: np.ndarray) -> np.ndarray:
        self.digest = zlib.crc32(f"{array.dtype}{array.shape}".encode() + array.tobytes(), self.digest)
        return array

    def uniform(self, *shape: int, low: float = -1.5, high: float = 1.5, dtype: str = "float32") -> np.ndarray:
        """Uniform numbers in [low, high)."""
        return self._noted((self._random.random_sample(shape) * (high - low) + low).astype(dtype))

    def integers(self, high: int, *shape: int, dtype: str = "int32") -> np.ndarray:
        """Uniform integers in [0, high)."""
        return self._noted(np.floor(self._random.random_sample(shape) * high).astype(dtype))

    def one_hot(self, classes: int, *shape: int, dtype: str = "float32") -> np.ndarray:
        """Rows with a single one, of shape (*shape, classes)."""
        return np.eye(classes, dtype=dtype)[self.integers(classes, *shape)]

    def probabilities(self, *shape: int) -> np.ndarray:
        """Positive float32 rows that sum to one along the last axis."""
        raw = self.uniform(*shape, low=0.05, high=1.0, dtype="float64")
        return (raw / raw.sum(-1, keepdims=True)).astype("float32")

    def weights(self, holder: Any, scale: float = 0.8) -> list[np.ndarray]:
        """Values for all weights of a built layer or model, in `get_weights` order; variances are positive."""
        values = []
        for variable in holder.weights:
            low, high = (0.5, 1.5) if "variance" in variable.name else (-scale, scale)
            values.append(self.uniform(*(int(n) for n in variable.shape), low=low, high=high))
        return values

    def fill(self, holder: Any, scale: float = 0.8) -> list[np.ndarray]:
        """Draw weights for a built layer or model and set them."""
        values = self.weights(holder, scale)
        holder.set_weights(values)
        return values
