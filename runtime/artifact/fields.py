"""The leaves of an artifact's header: what each of its maps is made of, as Python values, and how they are checked.

Nothing here needs JAX, so `kgc inspect` does not either.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

ITEMSIZE = {
    "bool": 1, "int8": 1, "uint8": 1, "int16": 2, "uint16": 2, "float16": 2, "bfloat16": 2,
    "int32": 4, "uint32": 4, "float32": 4, "int64": 8, "uint64": 8, "float64": 8, "complex64": 8,
}  # fmt: skip
"""Bytes of an element of each dtype that a part may hold."""
DEEPEST = 32
MOST_AXES = 32
LARGEST_SIZE = 1 << 40


@dataclass(frozen=True)
class TensorSpec:
    """An input or an output.

    Attributes:
        name: unique among the inputs, or the outputs.
        dtype: name of the element type.
        shape: sizes; an unknown one is its name, `b` the batch, and one name is one size wherever it stands.
    """

    name: str
    dtype: str
    shape: tuple[int | str, ...]

    def __str__(self) -> str:
        return f"{self.name}: {self.dtype}[{', '.join(map(str, self.shape))}]"


@dataclass(frozen=True)
class ArraySpec:
    """An array in the file; its name where it has one."""

    dtype: str
    shape: tuple[int, ...]
    part: int
    name: str = ""

    @property
    def size(self) -> int:
        """Its bytes."""
        return math.prod(self.shape) * ITEMSIZE[self.dtype]


@dataclass(frozen=True)
class Example:
    """Recorded inputs and outputs, flat; the seed of its call; and the platform on which it was made."""

    inputs: list[ArraySpec]
    outputs: list[ArraySpec]
    seed: int
    platform: str

    def fields(self) -> dict[str, Any]:
        """As msgpack takes it."""
        inputs, outputs = ([array_fields(spec) for spec in group] for group in (self.inputs, self.outputs))
        return {"inputs": inputs, "outputs": outputs, "seed": self.seed, "platform": self.platform}


@dataclass(frozen=True)
class Text:
    """A graph in the file: the part with its IR text, and the version of the meaning of every op in it."""

    part: int
    ops: Mapping[str, int]

    def fields(self) -> dict[str, Any]:
        """As msgpack takes it."""
        return {"part": self.part, "ops": dict(self.ops)}


def leaves(structure: Any) -> Iterator[Any]:
    """The leaves of nested lists, tuples and dicts, left to right, dicts in their own order."""
    if isinstance(structure, Mapping):
        structure = structure.values()
    elif not isinstance(structure, list | tuple):
        yield structure
        return
    for item in structure:
        yield from leaves(item)


def map_leaves(function: Callable[[Any], Any], structure: Any) -> Any:
    """The structure with `function` applied to each leaf."""
    if isinstance(structure, Mapping):
        return {key: map_leaves(function, item) for key, item in structure.items()}
    if isinstance(structure, list):
        return [map_leaves(function, item) for item in structure]
    if isinstance(structure, tuple):
        return tuple([map_leaves(function, item) for item in structure])
    return function(structure)


def pack(structure: Any, flat: Sequence[Any]) -> Any:
    """The structure with its leaves replaced, in order."""
    arrivals = iter(flat)
    return map_leaves(lambda _: next(arrivals), structure)


def shown(structure: Any) -> str:
    """Nested specs as a person reads them."""
    if isinstance(structure, Mapping):
        return "{" + ", ".join(f"{key!r}: {shown(item)}" for key, item in structure.items()) + "}"
    if isinstance(structure, list | tuple):
        inside = ", ".join(map(shown, structure))
        return (
            f"[{inside}]" if isinstance(structure, list) else f"({inside},)" if len(structure) == 1 else f"({inside})"
        )
    return str(structure)


def packed(structure: Any) -> dict[str, Any]:
    """Nested specs as msgpack takes them."""
    if isinstance(structure, Mapping):
        return {"dict": [[str(key), packed(item)] for key, item in structure.items()]}
    if isinstance(structure, list | tuple):
        return {"list" if isinstance(structure, list) else "tuple": [packed(item) for item in structure]}
    return {"name": structure.name, "dtype": structure.dtype, "shape": list(structure.shape)}


def array_fields(spec: ArraySpec) -> dict[str, Any]:
    """An array as msgpack takes it."""
    found = {"dtype": spec.dtype, "shape": list(spec.shape), "part": spec.part}
    return {"name": spec.name, **found} if spec.name else found


class Wrong(Exception):
    """What is wrong with a header."""


class Fields:
    """Takes maps of a header apart; every value is of the one kind that it may be, or this raises."""

    def ir(self, value: Any) -> Text:
        self.keys(value, "ir", ["part", "ops"])
        ops = {name: self.count(v, "version") for name, v in self.map(value["ops"], "ops").items()}
        return Text(self.count(value["part"], "part"), ops)

    def arrays(self, value: Any, what: str) -> list[ArraySpec]:
        return [self.array(item, True) for item in self.list(value, what)]

    def texts(self, value: Any, what: str) -> list[str]:
        return [self.text(item, what) for item in self.list(value, what)]

    def example(self, value: Any) -> Example | str:
        if type(value) is str:
            return value
        self.keys(value, "example", ["inputs", "outputs", "seed", "platform"])
        inputs, outputs = (
            [self.array(item, False) for item in self.list(value[kind], kind)] for kind in ("inputs", "outputs")
        )
        return Example(inputs, outputs, self.count(value["seed"], "seed"), self.text(value["platform"], "platform"))

    def nested(self, value: Any, depth: int) -> Any:
        if depth > DEEPEST:
            raise Wrong("the signature is nested too deeply")
        keys = set(self.map(value, "signature"))
        if keys == {"name", "dtype", "shape"}:
            shape = self.list(value["shape"], "shape")
            if len(shape) > MOST_AXES:
                raise Wrong(f"a shape has {len(shape)} axes")
            sizes = tuple(size if type(size) is str else self.size(size) for size in shape)
            return TensorSpec(self.text(value["name"], "name"), self.dtype(value["dtype"]), sizes)
        if keys == {"dict"}:
            rows = self.list(value["dict"], "dict")
            if not all(type(row) is list and len(row) == 2 for row in rows):
                raise Wrong("a dict of the signature has rows that are no pairs")
            names = [self.text(row[0], "key") for row in rows]
            self.unique("keys of a dict", names)
            return {name: self.nested(row[1], depth + 1) for name, row in zip(names, rows, strict=True)}
        for kind, make in (("list", list), ("tuple", tuple)):
            if keys == {kind}:
                return make([self.nested(item, depth + 1) for item in self.list(value[kind], kind)])
        raise Wrong(f"a part of the signature has the keys {sorted(map(str, keys))}")

    def array(self, value: Any, named: bool) -> ArraySpec:
        self.keys(value, "an array", [*(["name"] if named else []), "dtype", "shape", "part"])
        shape = self.list(value["shape"], "shape")
        if len(shape) > MOST_AXES:
            raise Wrong(f"a shape has {len(shape)} axes")
        sizes = tuple(self.size(size) for size in shape)
        name = self.text(value["name"], "name") if named else ""
        if named and not name:
            raise Wrong("an array's name is empty")
        return ArraySpec(self.dtype(value["dtype"]), sizes, self.count(value["part"], "part"), name)

    def keys(self, value: Any, what: str, names: Sequence[str]) -> None:
        if set(self.map(value, what)) != set(names):
            raise Wrong(f"{what} has the keys {sorted(value)}, not {sorted(names)}")

    def unique(self, what: str, names: list[str]) -> None:
        if len(set(names)) != len(names):
            raise Wrong(f"{what}: a name stands twice")

    def of(self, kind: type, value: Any, what: str) -> Any:
        if type(value) is not kind:
            raise Wrong(f"{what} is a {type(value).__name__}, not a {kind.__name__}")
        return value

    def map(self, value: Any, what: str) -> dict[str, Any]:
        found = self.of(dict, value, what)
        if not all(type(key) is str for key in found):
            raise Wrong(f"{what} has a key that is no text")
        return found

    def list(self, value: Any, what: str) -> list[Any]:
        return self.of(list, value, what)

    def text(self, value: Any, what: str) -> str:
        return self.of(str, value, what)

    def count(self, value: Any, what: str) -> int:
        if self.of(int, value, what) < 0:
            raise Wrong(f"{what} is negative")
        return value

    def size(self, value: Any) -> int:
        if self.count(value, "a size") > LARGEST_SIZE:
            raise Wrong(f"a size of {value}")
        return value

    def dtype(self, value: Any) -> str:
        if self.text(value, "dtype") not in ITEMSIZE:
            raise Wrong(f"there is no dtype {value!r:.40}")
        return value
