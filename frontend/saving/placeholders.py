"""Weights of a model that is being read: their values are about to arrive, and their sizes are held to what is there.

Whoever writes a file may write `Dense(10**12)` into it. The weights file beside it tells how many bytes there are in
fact; while a model is rebuilt, its weights take zeros instead of drawing initial values, and no more bytes than that.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np

from ...compiler.errors import FileFormatError


class _Budget:
    def __init__(self, total: int) -> None:
        self.total = self.left = total


_BUDGET: ContextVar[_Budget | None] = ContextVar("placeholders", default=None)


@contextmanager
def expecting(nbytes: int) -> Iterator[None]:
    """Within, `take` gives zeros for at most `nbytes` bytes of weights."""
    token = _BUDGET.set(_Budget(nbytes))
    try:
        yield
    finally:
        _BUDGET.reset(token)


def take(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray | None:
    """Zeros in the place of a new weight's initial value, while a file is read; None at other times.

    Raises FileFormatError when the weights so far are larger than those in the file.
    """
    budget = _BUDGET.get()
    if budget is None:
        return None
    budget.left -= math.prod(shape) * dtype.itemsize
    if budget.left < 0:
        raise FileFormatError(
            f"The file describes a model with more weights than it holds ({budget.total} bytes)",
            received=f"one more of shape {list(shape)}",
        )
    return np.zeros(shape, dtype)
