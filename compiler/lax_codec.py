"""What a JAX primitive needs to be an op of ours: its operands, and a codec for each of its parameters.

A primitive's parameters may be records and enums of JAX; an op's attributes are a closed set of plain values.  A `Row`
says how the one becomes the other, both ways.  `ops/lax.py` is the table; what it does not list is not imported.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from . import attrs
from .errors import ArgumentError
from .importing import wrapped
from .op import Op, Trait, op
from .types import dtype_name, jax_dtype

_MANY = (tuple, list)


class NoCode(Exception):
    """A parameter's value that no codec of the table takes."""


class Codec(NamedTuple):
    """A parameter of a primitive as an attribute (`encode`), and back (`decode`)."""

    encode: Callable[[Any], Any]
    decode: Callable[[Any], Any]


def _plain(value: Any) -> Any:
    value = wrapped(value)
    if not isinstance(value, tuple) and getattr(value, "shape", None) == ():
        value = np.asarray(value).item()
    return attrs.normalize(value, "lax", "parameter")


def _optional(codec: Codec) -> Codec:
    def encode(value: Any) -> Any:
        return None if value is None else codec.encode(value)

    def decode(value: Any) -> Any:
        return None if value is None else codec.decode(value)

    return Codec(encode, decode)


def _record(made: Callable[..., Any], *fields: str) -> Codec:
    """A record of JAX as the tuple of its fields."""

    def encode(value: Any) -> Any:
        return tuple([_plain(tuple(getattr(value, field))) for field in fields])

    def decode(value: Any) -> Any:
        if type(value) not in _MANY or len(value) != len(fields):
            raise ArgumentError(f"{len(fields)} tuples are needed: {', '.join(fields)}", received=repr(value))
        return made(**dict(zip(fields, value, strict=True)))

    return Codec(encode, decode)


def _enum(names: Mapping[str, Any]) -> Codec:
    """A member of an enum of JAX as its name."""

    def encode(value: Any) -> Any:
        if value not in names.values():
            raise NoCode(repr(value))
        return value.name

    def decode(value: Any) -> Any:
        if value not in names:
            raise ArgumentError(f"{value!r} is not one of {', '.join(names)}", received=repr(value))
        return names[value]

    return Codec(encode, decode)


def _precision() -> Codec:
    one = _enum({member.name: member for member in lax.Precision})

    def encode(value: Any) -> Any:
        return tuple([one.encode(part) for part in value]) if type(value) in _MANY else one.encode(value)

    def decode(value: Any) -> Any:
        return tuple([one.decode(part) for part in value]) if type(value) in _MANY else one.decode(value)

    return _optional(Codec(encode, decode))


def _same(value: Any) -> Any:
    return value


PLAIN = Codec(_plain, _same)
DTYPE = _optional(Codec(dtype_name, jax_dtype))
PRECISION = _precision()
MODE = _enum({member.name: member for member in lax.GatherScatterMode})
ROUNDING = _enum({member.name: member for member in lax.RoundingMethod})
FFT_TYPE = _enum({member.name: member for member in lax.FftType})
GATHER = _record(
    lax.GatherDimensionNumbers,
    "offset_dims",
    "collapsed_slice_dims",
    "start_index_map",
    "operand_batching_dims",
    "start_indices_batching_dims",
)
SCATTER = _record(
    lax.ScatterDimensionNumbers,
    "update_window_dims",
    "inserted_window_dims",
    "scatter_dims_to_operand_dims",
    "operand_batching_dims",
    "scatter_indices_batching_dims",
)
CONV = _record(lax.ConvDimensionNumbers, "lhs_spec", "rhs_spec", "out_spec")

Parameter = tuple[Codec, Any]
"""A codec, and the attribute's default (`REQUIRED` when there is none)."""

REQUIRED = inspect.Parameter.empty


def _is_nowhere(value: Any) -> bool:
    """Whether it is a sharding over no devices: JAX writes one where a dtype is changed while gradients are taken."""
    return isinstance(value, jax.sharding.NamedSharding) and not value.mesh.shape


class Place(NamedTuple):
    """An operand: its name, whether it takes all that is left, and the dtype of a literal there.

    The dtype is a name; a capital letter for that of the other operands with this letter; or empty for the one Python's
    number has by itself.
    """

    name: str
    many: bool
    dtype: str


class Row:
    """One primitive of the table, and its op."""

    def __init__(
        self, name: str, places: Sequence[Place], params: Mapping[str, Parameter], ignored: Iterable[str]
    ) -> None:
        self.name, self.places, self.params, self.ignored = name, tuple(places), dict(params), frozenset(ignored)
        self.op: Op | None = None

    def attributes(self, params: Mapping[str, Any]) -> tuple[Any, ...]:
        """An equation's parameters as attributes.

        Raises:
            NoCode: one of them has a value that the table does not take.
        """
        for name, value in params.items():
            if name not in self.params and name not in self.ignored and value is not None and not _is_nowhere(value):
                raise NoCode(f"{name}={value!r}")
        return tuple([codec.encode(params[name]) for name, (codec, _) in self.params.items()])

    def operands(self, values: Sequence[Any]) -> tuple[Any, ...]:
        """An equation's operands in the places of the op's."""
        left = list(values)
        after = sum(1 for place in self.places if not place.many)
        found: list[Any] = []
        for place in self.places:
            if place.many:
                count = len(left) - after
                found.append(tuple(left[:count]))
                del left[:count]
            else:
                after -= 1
                found.append(left.pop(0))
        return tuple(found)

    def literal_dtypes(self, dtypes: Sequence[str | None]) -> list[str]:
        """dtype that a literal has at each position, given the operands' dtypes (None for literals)."""
        places = self.operands(range(len(dtypes)))
        wanted = [""] * len(dtypes)
        for place, found in zip(self.places, places, strict=True):
            for position in found if place.many else (found,):
                wanted[position] = place.dtype
        letters: dict[str, str] = {}
        for letter, dtype in zip(wanted, dtypes, strict=True):
            if dtype is not None and letter.isupper():
                letters.setdefault(letter, dtype)
        return [letters.get(letter, "") if letter.isupper() else letter for letter in wanted]


ROWS: dict[str, Row] = {}
"""The table, by the primitive's name."""

NATURAL: dict[type, str] = {bool: "bool", int: "int32", float: "float32"}
"""dtype of a Python number as an array."""


def primitive(
    name: str,
    operands: str,
    call: Callable[..., Any],
    traits: Trait,
    samples: Iterable[tuple[Any, ...]],
    params: Mapping[str, Parameter | Codec] | None = None,
    ignored: Iterable[str] = (),
    flops: Callable[..., Any] | None = None,
) -> None:
    """Enter a primitive into the table, as the op `lax.<name>`.

    Args:
        name: JAX's name of the primitive.
        operands: names, with `:dtype` or `:T` for literals and a `*` before one that takes all that are left.
        call: takes arrays (flat) and decoded parameters.
        traits: beside `IMPORTED`.
        samples: as for `@op`.
        params: codec of each parameter that becomes an attribute, with its default where it has one.
        ignored: parameters that follow from the others.
        flops: as for `@op`.
    """
    places = [
        Place(part.lstrip("*").partition(":")[0], part[0] == "*", part.partition(":")[2]) for part in operands.split()
    ]
    given = {key: value if not isinstance(value, Codec) else (value, REQUIRED) for key, value in (params or {}).items()}
    row = Row(name, places, given, ignored)
    count = len(places)

    def body(*values: Any) -> Any:
        flat: list[Any] = []
        for place, value in zip(places, values[:count], strict=True):
            flat.extend(value if place.many else (value,))
        decoded = {
            key: codec.decode(value) for (key, (codec, _)), value in zip(given.items(), values[count:], strict=True)
        }
        try:
            out = call(*_typed(row, flat), **decoded)
        except AssertionError as error:  # JAX's own checks of parameters, which text may get wrong
            raise ValueError(str(error) or f"{name} does not take these parameters") from error
        return tuple(out) if type(out) in _MANY else out

    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    parameters = [
        inspect.Parameter(place.name, kind, annotation="Sequence[Tensor]" if place.many else "Tensor")
        for place in places
    ]
    # A parameter with a default may not stand before one without: then none has.
    optional = all(default is not REQUIRED for _, default in list(given.values())[_first_default(given) :])
    parameters += [
        inspect.Parameter(key, kind, default=default if optional else REQUIRED, annotation="Any")
        for key, (_, default) in given.items()
    ]
    body.__signature__ = inspect.Signature(parameters)  # pyright: ignore[reportFunctionMemberAccess]
    known = "lax." + name.replace("-", "_")
    body.__name__ = body.__qualname__ = known
    body.__doc__ = f"JAX's primitive `{name}`, as a traced `call` has it; parameters as in `jax.lax`."
    row.op = op(Trait.IMPORTED | traits, samples=samples, name=known, flops=flops)(body)
    ROWS[name] = row


def _first_default(given: Mapping[str, Parameter]) -> int:
    return next((i for i, (_, default) in enumerate(given.values()) if default is not REQUIRED), len(given))


def _typed(row: Row, values: Sequence[Any]) -> list[Any]:
    """Operands with Python's numbers given the dtype of their place."""
    if not any(type(value) in NATURAL for value in values):
        return list(values)
    dtypes = row.literal_dtypes([None if type(value) in NATURAL else dtype_name(value.dtype) for value in values])
    return [
        value
        if type(value) not in NATURAL or dtype in ("", NATURAL[type(value)])
        else np.asarray(value, jax_dtype(dtype))
        for value, dtype in zip(values, dtypes, strict=True)
    ]


def bound(made: Any, **fixed: Any) -> Callable[..., Any]:
    """A call that binds a primitive, with the parameters that are always the same."""

    def call(*arrays: Any, **params: Any) -> Any:
        return made.bind(*arrays, **params, **fixed)

    return call


def with_many(function: Callable[..., Any], **fixed: Any) -> Callable[..., Any]:
    """A call of a function that takes its arrays as one list."""

    def call(*arrays: Any, **params: Any) -> Any:
        return function(list(arrays), **params, **fixed)

    return call


def is_prng_key(dtype: Any) -> bool:
    """Whether a dtype is that of random keys, of whatever generator."""
    return bool(jnp.issubdtype(dtype, jax.dtypes.prng_key))
