"""`kgc.random`: random tensors, outside models and in a layer's `call`.

`seed` decides where a draw's numbers come from. Left out, they have an address: inside a `call` that of the layer and
the step, elsewhere the number of the draw since `set_random_seed`. An int gives the same numbers at every call. A
`SeedGenerator` gives others each time, which follow from its seed and its count alone; the count is state, and goes on
where it was in a model that is trained.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from ..compiler.dims import Dim
from ..compiler.errors import ArgumentError, DTypeError, GraphError, ShapeError, shown
from ..compiler.ops import random as draws, sampling
from ..compiler.types import dtype_name, is_float, is_integer
from ..runtime import seeds
from ..runtime.program import derive_key
from . import call, dtype_policies, naming, symbolic, trace
from .saving.registry import serializable
from .variable import Variable

_WORD = 2**32
_derived = jax.jit(derive_key)


@serializable("keras.random", kind="random", also=("keras.src.random.seed_generator",))
class SeedGenerator:
    """A stream of random numbers of its own, for `seed=` of this module's functions.

    Args:
        seed: an integer from 0 to 2**32 - 1; by default one that follows from `set_random_seed`.
        name: its name.

    Attributes:
        state: variable uint32 (2,): the seed, and the number of draws so far.
    """

    def __init__(self, seed: int | None = None, name: str | None = None, **kwargs: Any) -> None:
        if kwargs:
            raise ArgumentError(
                f"SeedGenerator() does not have the argument '{next(iter(kwargs))}'",
                received=", ".join(f"{key}={value!r:.40}" for key, value in kwargs.items()),
                hint="it is SeedGenerator(seed=None, name=None).",
            )
        self.name = name or naming.auto_name("SeedGenerator")
        if seed is None:
            seed = int(seeds.generator("seed generator", seeds.next_call("seed generator")).integers(_WORD))
        self._seed = seeds.check_seed(seed)
        if self._seed >= _WORD:
            raise ArgumentError("SeedGenerator() takes a seed below 2**32", received=f"{seed=}", hint="such as 42.")
        value = np.array([self._seed, 0], np.uint32)
        self.state = Variable(value, dtype="uint32", trainable=False, name=f"{self.name}_state")
        self.state.path = f"{self.name}/{self.state.name}"

    def next(self, ordered: bool = True) -> Any:
        """The state before this draw, uint32 (2,); the count goes up by one."""
        state = self.state.value
        self.state.assign(state + np.array([0, 1], np.uint32))
        return state

    def get_config(self) -> dict[str, Any]:
        """The arguments that make the same generator; the count is not among them."""
        return {"seed": self._seed, "name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> SeedGenerator:
        """The generator of a config."""
        return cls(**config)


Seed = int | SeedGenerator | None


def normal(shape: Sequence[Any], mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: Seed = None) -> Any:
    """Normally distributed numbers of this shape, in a float dtype (`floatx` by default)."""
    return draws.random_normal(_key("normal", seed), _shape("normal", shape), mean, stddev, _float("normal", dtype))


def truncated_normal(
    shape: Sequence[Any], mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: Seed = None
) -> Any:
    """As `normal`, drawn again beyond two standard deviations."""
    name = "truncated_normal"
    return draws.truncated_normal(_key(name, seed), _shape(name, shape), mean, stddev, _float(name, dtype))


def uniform(
    shape: Sequence[Any], minval: float = 0.0, maxval: float = 1.0, dtype: Any = None, seed: Seed = None
) -> Any:
    """Numbers of this shape, uniform in [minval, maxval), in a float dtype (`floatx` by default)."""
    name = "uniform"
    return draws.random_uniform(_key(name, seed), _shape(name, shape), minval, maxval, _float(name, dtype))


def randint(shape: Sequence[Any], minval: int, maxval: int, dtype: Any = "int32", seed: Seed = None) -> Any:
    """Integers of this shape, uniform from minval up to but without maxval."""
    found = dtype_name(dtype)
    if not is_integer(found):
        raise DTypeError(
            "random.randint() makes integers",
            received=f"dtype={dtype!r}",
            hint="`random.uniform` makes floats, such as `uniform(shape, 0, 5)`.",
        )
    return draws.random_randint(_key("randint", seed), _shape("randint", shape), minval, maxval, found)


def dropout(inputs: Any, rate: float, noise_shape: Sequence[Any] | None = None, seed: Seed = None) -> Any:
    """Elements dropped with probability `rate`, the others divided by 1 - rate; at every call, not in training alone.

    noise_shape: where an entry is 1, that axis is dropped or kept as a whole.
    """
    x = _tensor("dropout", inputs, "layers.Dropout")
    noise = None if noise_shape is None else tuple(noise_shape)
    return draws.dropout(x, _key("dropout", seed), rate=rate, noise_shape=noise)


def shuffle(x: Any, axis: int = 0, seed: Seed = None) -> Any:
    """x with its slices along an axis in another order."""
    return sampling.random_shuffle(_tensor("shuffle", x), _key("shuffle", seed), axis)


def categorical(logits: Any, num_samples: int, dtype: Any = "int32", seed: Seed = None) -> Any:
    """Class numbers (batch, num_samples), drawn with probabilities softmax(logits), logits of (batch, classes)."""
    x = _tensor("categorical", logits)
    return sampling.random_categorical(x, _key("categorical", seed), num_samples, dtype_name(dtype))


def gamma(shape: Sequence[Any], alpha: Any, dtype: Any = None, seed: Seed = None) -> Any:
    """Gamma-distributed numbers of this shape, with shape parameter alpha (which broadcasts) and scale 1."""
    alpha = _tensor("gamma", alpha)
    return sampling.random_gamma(_key("gamma", seed), alpha, _shape("gamma", shape), _float("gamma", dtype))


def beta(shape: Sequence[Any], alpha: Any, beta: Any, dtype: Any = None, seed: Seed = None) -> Any:
    """Beta-distributed numbers of this shape; alpha and beta broadcast."""
    given = _tensor("beta", alpha), _tensor("beta", beta)
    return sampling.random_beta(_key("beta", seed), *given, _shape("beta", shape), _float("beta", dtype))


def binomial(shape: Sequence[Any], counts: Any, probabilities: Any, dtype: Any = None, seed: Seed = None) -> Any:
    """How many of `counts` trials succeed, each with its probability, in this shape; both broadcast."""
    given = _tensor("binomial", counts), _tensor("binomial", probabilities)
    name = "binomial"
    return sampling.random_binomial(_key(name, seed), *given, _shape(name, shape), _float(name, dtype))


# Keys
def _key(function: str, seed: Any) -> Any:
    """The random key of one draw."""
    if seed is None:
        tracing = trace.current()
        if tracing is not None:
            return tracing.key(tracing.stream)
        return _derived(call.call_address())
    if isinstance(seed, SeedGenerator):
        state = seed.next()
        return draws.fold_in(sampling.random_key(state[0]), state[1])
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer):
        raise ArgumentError(
            f"random.{function}() takes seed as an integer, a SeedGenerator or None",
            received=f"seed={shown(seed)}",
            hint="an integer gives the same numbers at every call, a SeedGenerator others each time.",
        )
    value = seeds.check_seed(seed)
    key = sampling.random_key(_word(value % _WORD))
    return key if value < _WORD else draws.fold_in(key, _word(value // _WORD))


def _word(value: int) -> Any:
    """A literal where int32 has it."""
    return value if value < _WORD // 2 else np.uint32(value)


# Arguments
def _shape(function: str, shape: Any) -> tuple[Any, ...]:
    sizes = shape if isinstance(shape, list | tuple) else (shape,)
    for size in sizes:
        if isinstance(size, Dim) or (isinstance(size, int | np.integer) and not isinstance(size, bool) and size >= 0):
            continue
        raise ShapeError(
            f"random.{function}() takes shape as sizes",
            received=f"shape={shape!r}",
            hint="inside a `call`, `x.shape` and `ops.shape(x)` give sizes also where they are not known yet."
            if size is None
            else "sizes are integers of at least 0.",
        )
    return tuple(size if isinstance(size, Dim) else int(size) for size in sizes)


def _float(function: str, dtype: Any) -> str:
    found = dtype_name(dtype or dtype_policies.floatx())
    if not is_float(found):
        raise DTypeError(
            f"random.{function}() makes floats", received=f"dtype={dtype!r}", hint="`random.randint` makes integers."
        )
    return found


def _tensor(function: str, x: Any, layer: str = "") -> Any:
    """An argument that may be a tensor; a list of numbers becomes one."""
    if isinstance(x, symbolic.KerasTensor):
        raise GraphError(
            f"random.{function}() was given a symbolic tensor between layers",
            received=repr(x),
            hint=f"use `{layer}`." if layer else "call it inside a layer's `call`.",
        )
    if isinstance(x, list | tuple):
        x = np.asarray(x)
    if isinstance(x, np.ndarray) and x.dtype == np.float64:
        return x.astype(dtype_policies.floatx())
    return x.value if isinstance(x, Variable) else x
