"""Nested structures of tensors: tuples, lists and dicts, in the user's own order (JAX's trees would sort dict keys)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

_LEAF, _LIST, _TUPLE, _NAMED, _MAPPING = range(5)
_kinds: dict[type, int] = {}


def _kind(cls: type) -> int:
    """What instances of a class are; asked of every leaf of every call, so it is remembered by class."""
    kind = _MAPPING if issubclass(cls, Mapping) else _LIST if issubclass(cls, list) else _LEAF
    if issubclass(cls, tuple):
        kind = _NAMED if hasattr(cls, "_fields") else _TUPLE
    _kinds[cls] = kind
    return kind


def leaves(structure: Any) -> Iterator[Any]:
    """The leaves, left to right; None is a leaf."""
    found: list[Any] = []
    _collect(structure, found)
    return iter(found)


def _collect(structure: Any, found: list[Any]) -> None:
    cls = type(structure)
    kind = _kinds.get(cls)
    if kind is None:
        kind = _kind(cls)
    if kind == _LEAF:
        found.append(structure)
    else:
        for item in structure.values() if kind == _MAPPING else structure:
            _collect(item, found)


def keras_leaves(structure: Any) -> Iterator[Any]:
    """The leaves in the order in which Keras flattens: dicts by sorted key."""
    if isinstance(structure, Mapping):
        for key in sorted(structure):
            yield from keras_leaves(structure[key])
    elif isinstance(structure, list | tuple):
        for item in structure:
            yield from keras_leaves(item)
    else:
        yield structure


def map_leaves(function: Callable[[Any], Any], structure: Any) -> Any:
    """The structure with `function` applied to each leaf."""
    cls = type(structure)
    kind = _kinds.get(cls)
    if kind is None:
        kind = _kind(cls)
    if kind == _LEAF:
        return function(structure)
    if kind == _MAPPING:
        return {key: map_leaves(function, item) for key, item in structure.items()}
    items = [map_leaves(function, item) for item in structure]
    return items if kind == _LIST else cls(*items) if kind == _NAMED else tuple(items)


def pack(structure: Any, flat: Any) -> Any:
    """The structure with its leaves replaced, in order."""
    arrivals = iter(flat)
    return map_leaves(lambda _: next(arrivals), structure)


def paths(structure: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """(path, leaf) pairs; the path of a lone leaf is empty."""
    if isinstance(structure, Mapping):
        for key, item in structure.items():
            yield from paths(item, f"{prefix}.{key}" if prefix else str(key))
    elif isinstance(structure, list | tuple):
        for index, item in enumerate(structure):
            yield from paths(item, f"{prefix}[{index}]")
    else:
        yield prefix, structure


def is_nested(structure: Any) -> bool:
    """Whether it is a container rather than a leaf."""
    return isinstance(structure, list | tuple | Mapping)
