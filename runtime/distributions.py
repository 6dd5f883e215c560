"""Random arrays by NumPy, in the dtype that a weight is to have.

NumPy draws float32 and float64 only; half-precision weights are drawn as float32 and rounded.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..compiler.errors import DTypeError

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]
DType = np.dtype[Any]


def uniform(rng: np.random.Generator, shape: Shape, dtype: DType, low: float, high: float) -> Array:
    """Uniform on [low, high)."""
    return _scaled(np.asarray(rng.random(shape, _drawn_dtype(dtype))), high - low, low, dtype)


def normal(rng: np.random.Generator, shape: Shape, dtype: DType, mean: float, stddev: float) -> Array:
    """Normal of `mean` and `stddev`."""
    return _scaled(np.asarray(rng.standard_normal(shape, _drawn_dtype(dtype))), stddev, mean, dtype)


def truncated_normal(rng: np.random.Generator, shape: Shape, dtype: DType, mean: float, stddev: float) -> Array:
    """Normal of `mean` and `stddev`, drawn again where it lies beyond two standard deviations."""
    drawn = _drawn_dtype(dtype)
    numbers = np.asarray(rng.standard_normal(math.prod(shape), drawn))
    beyond = np.flatnonzero(np.abs(numbers) > 2)
    while beyond.size:
        numbers[beyond] = rng.standard_normal(beyond.size, drawn)
        beyond = beyond[np.abs(numbers[beyond]) > 2]
    return _scaled(numbers.reshape(shape), stddev, mean, dtype)


def orthogonal(rng: np.random.Generator, rows: int, columns: int, dtype: DType) -> Array:
    """A matrix with orthonormal rows or columns, whichever are fewer, uniform over all such matrices."""
    drawn = rng.standard_normal((max(rows, columns), min(rows, columns)), _drawn_dtype(dtype))
    q, r = np.linalg.qr(drawn)
    q = q * np.where(np.diag(r) < 0, -1, 1).astype(q.dtype)  # QR alone prefers some matrices: its signs are fixed
    return (q.T if rows < columns else q).astype(dtype)


def _drawn_dtype(dtype: DType) -> Any:
    if not np.issubdtype(dtype, np.floating) and dtype.name != "bfloat16":
        raise DTypeError(
            "Random weights are floats",
            received=f"dtype={dtype.name}",
            hint="for integer weights use the initializers Zeros, Ones or Constant",
        )
    return np.float64 if dtype.itemsize == 8 else np.float32


def _scaled(numbers: Array, scale: float, shift: float, dtype: DType) -> Array:
    numbers *= scale
    if shift:
        numbers += shift
    return numbers.astype(dtype, copy=False)
