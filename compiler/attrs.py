"""Static attributes of ops: a closed set of Python values, normalised when they enter.

int, float, str, bool, None, dtype (kept as its name), dim, slice, Ellipsis, Graph, and tuples of them.  Memo keys hold
(type, value), because 1 == 1.0 == True and floats are told apart by their bits.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol, TypeGuard, runtime_checkable

import jax.numpy as jnp
import numpy as np

from .dims import Dim, substitute
from .errors import ArgumentError
from .types import dtype_name


@runtime_checkable
class GraphLike(Protocol):
    """A region: what `Graph` offers to attributes without being imported here."""

    def digest(self) -> str: ...

    def symbols(self) -> tuple[str, ...]: ...

    def substitute(self, env: Mapping[str, int | Dim]) -> Any: ...


kind_of: Callable[[Any], type[Any]] = type
"""`type(value)`, which a type checker does not know on a value of any type."""

_ATOMS = (int, float, str, bool, type(None), type(Ellipsis))


def normalize(value: Any, op: str, name: str) -> Any:
    """`value` as a member of the closed set.

    Raises:
        ArgumentError: it is none (an array, a callable, an enum, a set, bytes, a complex number).
    """
    kind = kind_of(value)
    if kind in _ATOMS or kind is Dim:
        return value
    if kind is tuple or kind is list:
        return tuple(normalize(item, op, name) for item in value)
    if kind is slice:
        parts = (normalize(part, op, name) for part in (value.start, value.stop, value.step))
        return slice(*parts)
    if issubclass(kind, (np.bool_, np.integer, np.floating)):
        return value.item()
    if kind is dict:
        return tuple((normalize(k, op, name), normalize(v, op, name)) for k, v in value.items())
    if isinstance(value, np.dtype) or (isinstance(value, type) and _is_dtype(value)):
        return dtype_name(value)
    if isinstance(value, GraphLike):
        return value
    raise ArgumentError(
        f"{op}() cannot take {name}={value!r}: attributes of an op are static",
        received=f"{name}: {kind.__module__}.{kind.__qualname__}",
        hint="give an int, float, str, bool, None, dtype, size, slice, or a tuple of them.",
    )


def symbols(value: Any) -> Iterator[str]:
    """Names of the symbols in it, repeats included; not those inside regions."""
    if type(value) is Dim:
        yield from value.symbols
    elif is_tuple(value):
        for item in value:
            yield from symbols(item)
    elif kind_of(value) is slice:
        yield from symbols((value.start, value.stop, value.step))


def is_normal(value: Any) -> bool:
    """Whether `value` is a member of the closed set as it stands."""
    if type(value) in _ATOMS or type(value) is Dim:
        return True
    if is_tuple(value):
        return all(map(is_normal, value))
    if kind_of(value) is slice:
        return all(map(is_normal, (value.start, value.stop, value.step)))
    return isinstance(value, GraphLike)


def is_tuple(value: Any) -> TypeGuard[tuple[Any, ...]]:
    """Whether it is a tuple, said so that a type checker does not take its members for unknown."""
    return type(value) is tuple


def _is_dtype(value: type) -> bool:
    if value in (int, float, bool):
        return True
    try:
        return jnp.dtype(value).kind != "O"  # NumPy takes any class as object
    except TypeError:
        return False


def key(value: Any) -> Any:
    """Hashable stand-in in which values of different types or bits differ."""
    kind = kind_of(value)
    if kind is float:
        return ("f", "nan" if math.isnan(value) else value.hex())
    if kind is int or kind is str or value is None or value is Ellipsis or kind is Dim:
        return (kind, value)
    if kind is bool:
        return (bool, value)
    if kind is tuple:
        return tuple([key(item) for item in value])
    if kind is slice:
        return ("slice", key(value.start), key(value.stop), key(value.step))
    return ("graph", value.digest(), value.symbols())  # a digest has symbols under canonical names


def substitute_attr(value: Any, env: Mapping[str, int | Dim]) -> Any:
    """`value` with symbols replaced by sizes, in tuples, slices and regions too."""
    kind = kind_of(value)
    if kind is Dim:
        return substitute(value, env)
    if kind is tuple:
        return tuple([substitute_attr(item, env) for item in value])
    if kind is slice:
        return slice(*(substitute_attr(part, env) for part in (value.start, value.stop, value.step)))
    if kind in _ATOMS:
        return value
    return value.substitute(env)


def has_dims(value: Any) -> bool:
    """Whether a symbol occurs in it."""
    kind = kind_of(value)
    if kind is tuple:
        return any(has_dims(item) for item in value)
    if kind is slice:
        return any(has_dims(part) for part in (value.start, value.stop, value.step))
    return kind is Dim
