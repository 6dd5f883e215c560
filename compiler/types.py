"""Types of values: element type, shape with named dimensions, and JAX's weak-type flag.

`TensorType` is interned: equal types are one object, so memo tables key on identity.  Text is JAX's: `f32[b, 10]`,
`key[]` for a random key, `~f32[]` for a weakly typed value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from . import dims
from .dims import Dim
from .errors import DTypeError, IRError

SHORT: dict[str, str] = {
    "float32": "f32",
    "bfloat16": "bf16",
    "float16": "f16",
    "float64": "f64",
    "int8": "i8",
    "int16": "i16",
    "int32": "i32",
    "int64": "i64",
    "uint8": "u8",
    "uint16": "u16",
    "uint32": "u32",
    "uint64": "u64",
    "bool": "bool",
    "complex64": "c64",
    "key": "key",
}
LONG: dict[str, str] = {short: long for long, short in SHORT.items()}
_jax: Any = jax  # whose annotations are in part unknown to pyright
_WITHOUT_X64 = {"float64": "float32", "int64": "int32", "uint64": "uint32", "complex128": "complex64"}

Shape = tuple["int | Dim", ...]


class TensorType:
    """Element type and shape.  Make it with `tensor_type`; equal types are identical."""

    __slots__ = ("_aval", "dtype", "shape", "weak")

    shape: Shape
    dtype: str
    weak: bool

    def __init__(self, shape: Shape, dtype: str, weak: bool) -> None:
        self.shape, self.dtype, self.weak = shape, dtype, weak
        self._aval: Any = None

    @property
    def rank(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def is_static(self) -> bool:
        """Whether every size is a number."""
        return all(isinstance(size, int) for size in self.shape)

    @property
    def symbols(self) -> tuple[str, ...]:
        """Names of the symbols in the shape, in order of appearance."""
        return tuple(dict.fromkeys(name for size in self.shape if isinstance(size, Dim) for name in size.symbols))

    @property
    def aval(self) -> jax.ShapeDtypeStruct:
        """What `jax.eval_shape` takes."""
        if self._aval is None:
            shape = tuple(dims.unwrap(size) for size in self.shape)
            self._aval = jax.ShapeDtypeStruct(shape, jax_dtype(self.dtype), weak_type=self.weak)
        return self._aval

    def substitute(self, env: Mapping[str, int | Dim]) -> TensorType:
        """The type with symbols replaced by sizes."""
        if self.is_static or not any(name in env for name in self.symbols):
            return self
        return tensor_type(tuple(dims.substitute(size, env) for size in self.shape), self.dtype, self.weak)

    def __str__(self) -> str:
        return f"{'~' if self.weak else ''}{SHORT[self.dtype]}[{', '.join(map(str, self.shape))}]"

    def __repr__(self) -> str:
        return str(self)


_interned: dict[tuple[Any, ...], TensorType] = {}
_key_dtype: list[Any] = []


def tensor_type(shape: Shape, dtype: str, weak: bool = False) -> TensorType:
    """The one type with this shape (ints and Dims), dtype (a name from `SHORT`) and weak-type flag."""
    key = (tuple((type(size), size) for size in shape), dtype, weak)
    found = _interned.get(key)
    if found is None:
        found = _interned[key] = TensorType(shape, dtype, weak)
    return found


def from_aval(aval: Any) -> TensorType:
    """Our type of a JAX abstract value, an array, or a `ShapeDtypeStruct`."""
    shape = tuple(dims.wrap(size) for size in aval.shape)
    return tensor_type(shape, dtype_name(aval.dtype), bool(getattr(aval, "weak_type", False)))


def dtype_name(dtype: Any) -> str:
    """Canonical name (`float32`) of anything that says a dtype; 64-bit types become 32-bit as in JAX without x64.

    Raises:
        DTypeError: it names no dtype that kgc has.
    """
    if isinstance(dtype, str):
        name = dtype
    elif dtype is float or dtype is int or dtype is bool:
        name = {float: "float32", int: "int32", bool: "bool"}[dtype]
    elif _is_scalar_class(dtype):  # whose `dtype` is a descriptor
        name = _numpy_name(dtype)
    else:
        name = _numpy_name(getattr(dtype, "dtype", dtype))
    if not _jax.config.read("jax_enable_x64"):
        name = _WITHOUT_X64.get(name, name)
    if name not in SHORT:
        known = ", ".join(SHORT)
        raise DTypeError(
            f"{dtype!r} is no dtype that kgc has", received=f"dtype={dtype!r:.60}", hint=f"one of {known}."
        )
    return name


def _is_scalar_class(dtype: Any) -> bool:
    return isinstance(dtype, type) and issubclass(dtype, np.generic)


_names: dict[Any, str] = {}  # of NumPy's dtypes, whose names are slow to ask


def _numpy_name(dtype: Any) -> str:
    if not isinstance(dtype, np.dtype):
        return _asked_name(dtype)
    name = _names.get(dtype)
    if name is None:
        name = _names[dtype] = _asked_name(dtype)
    return name


def _asked_name(dtype: Any) -> str:
    if jnp.issubdtype(dtype, jax.dtypes.prng_key):
        return "key"
    try:
        return np.dtype(dtype).name
    except TypeError:
        return str(dtype)


def jax_dtype(name: str) -> Any:
    """The dtype JAX wants for a canonical name."""
    if name == "key":
        if not _key_dtype:  # eval_shape makes no key, so no backend is started
            _key_dtype.append(_jax.eval_shape(jax.random.key, 0).dtype)
        return _key_dtype[0]
    return jnp.dtype(name)


def is_float(dtype: str) -> bool:
    """Whether the dtype is a floating point one."""
    return dtype in ("float32", "bfloat16", "float16", "float64")


def is_integer(dtype: Any) -> bool:
    """Whether the dtype is an integer one (bool is not)."""
    return str(dtype).startswith(("int", "uint"))  # arrays and tracers say it by an object of NumPy's


_TYPE = re.compile(r"\s*(~?)([a-z]+[0-9]*)\s*\[(.*)\]\s*", re.S)


def parse_type(text: str, names: dict[str, Dim] | None = None) -> TensorType:
    """The type written as `f32[b, 10]`.  `names` maps the symbols of one graph, and is extended.

    Raises:
        IRError: the text is no type.
    """
    found = _TYPE.fullmatch(text)
    if found is None or found[2] not in LONG:
        raise IRError(f"{text!r} is no type", hint="write it as `f32[b, 10]`.")
    names = {} if names is None else names
    sizes = [part for part in _split(found[3]) if part.strip()]
    return tensor_type(tuple(dims.parse(part, names) for part in sizes), LONG[found[2]], bool(found[1]))


def _split(text: str) -> list[str]:
    """Split at the commas outside parentheses."""
    parts, depth = [""], 0
    for char in text:
        depth += (char == "(") - (char == ")")
        if char == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += char
    return parts
