"""Nested structures of tensors: tuples, lists and dicts, in the user's own order (JAX's trees would sort dict keys)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any


def leaves(structure: Any) -> Iterator[Any]:
    """The leaves, left to right; None is a leaf."""
    if isinstance(structure, Mapping):
        for item in structure.values():
            yield from leaves(item)
    elif isinstance(structure, list | tuple):
        for item in structure:
            yield from leaves(item)
    else:
        yield structure


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
    if isinstance(structure, Mapping):
        return {key: map_leaves(function, item) for key, item in structure.items()}
    if isinstance(structure, list):
        return [map_leaves(function, item) for item in structure]
    if isinstance(structure, tuple):
        items = [map_leaves(function, item) for item in structure]
        return type(structure)(*items) if hasattr(structure, "_fields") else tuple(items)
    return function(structure)


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
