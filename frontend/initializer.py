"""The base of initializers.

All values are computed by NumPy: JAX would compile a kernel for every shape, which is most of the time that a cold
start takes. Every draw has an address (see `runtime/seeds`).
"""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import Any, Self

import numpy as np

from ..compiler.errors import DTypeError, ShapeError
from ..runtime import seeds
from . import dtype_policies
from .saving.registry import slot_base

Array = np.ndarray[Any, Any]


@slot_base("initializer")
class Initializer:
    """Base class. A subclass overrides `__call__(shape, dtype=None)`, and `get_config` if it is to be saved.

    The built-in ones override `sample`, which is told where randomness comes from.
    """

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        """An array of `shape` (sizes, or one size) and `dtype` (`config.floatx()` when None)."""
        return self.sample(weight_shape(shape), weight_dtype(dtype), self._generator())

    def sample(self, shape: tuple[int, ...], dtype: np.dtype[Any], rng: np.random.Generator) -> Array:
        """As a call, with random numbers from `rng`."""
        raise NotImplementedError(f"{type(self).__name__} must override `__call__(self, shape, dtype=None)`")

    def _generator(self) -> np.random.Generator:
        return np.random.Generator(np.random.PCG64(0))  # for those that draw nothing

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """The initializer whose `get_config` gave `config`."""
        return cls(**config)

    def clone(self) -> Self:
        """Another initializer of the same arguments."""
        return type(self).from_config(self.get_config())


class RandomInitializer(Initializer):
    """Base of the random ones. An int `seed` fixes the values; every call gives the same.

    Without a seed the object draws under an address of its own, which follows from `set_random_seed` and from how
    many initializers were called before it; it too gives the same values at every call.
    """

    def __init__(self, seed: int | None = None) -> None:
        self.seed = None if seed is None else seeds.check_seed(seed)
        self._call: int | None = None

    def _generator(self) -> np.random.Generator:
        if self.seed is not None:
            return seeds.seeded_generator(self.seed, "initializer")
        if self._call is None:
            self._call = seeds.next_call("initializer")
        return seeds.generator("initializer", self._call)

    def get_config(self) -> dict[str, Any]:
        return {"seed": self.seed}


def weight_shape(shape: Any) -> tuple[int, ...]:
    """`shape` (sizes, or one size) as ints; ShapeError if a size is not known."""
    sizes = (shape,) if isinstance(shape, int | np.integer) else shape
    try:
        known = tuple(operator.index(size) for size in sizes)
    except TypeError:
        known = (-1,)
    if any(size < 0 for size in known):
        raise ShapeError(
            "An initializer expects a shape of known sizes",
            received=f"shape={shape!r}",
            hint="a weight cannot have a size that is unknown when it is made",
        )
    return known


def weight_dtype(dtype: Any) -> np.dtype[Any]:
    """`dtype` as NumPy's (`config.floatx()` for None); DTypeError if there is none of that name."""
    try:
        return np.dtype(getattr(dtype, "name", dtype) or dtype_policies.floatx())
    except TypeError:
        raise DTypeError(
            "An initializer does not know this dtype", received=f"dtype={dtype!r}", hint="such as 'float32'"
        ) from None
