"""Which entries of a config mean one and the same layer."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any


def mark_shared(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """The config with a `shared_object_id` on every occurrence of a shared layer.

    Keras leaves the first one bare, so that read literally the file describes two layers, one of them without weights.
    An earlier object of the same class and config, name included, is the one that was meant.
    """
    if '"shared_object_id"' not in (text := json.dumps(config)):
        return config
    copy = json.loads(text)
    bare: dict[str, list[dict[str, Any]]] = {}
    known: set[Any] = set()
    for entry in list(_objects(copy)):
        number = entry.get("shared_object_id")
        if not isinstance(number, int):
            bare.setdefault(_fingerprint(entry), []).append(entry)
        elif number not in known:
            known.add(number)
            for earlier in bare.get(_fingerprint(entry), ()):
                earlier["shared_object_id"] = number
    return copy


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    """Serialized objects that have a name in their config, in the order of the text."""
    if isinstance(value, dict):
        inner = value.get("config")
        if "class_name" in value and isinstance(inner, dict) and "name" in inner and "module" in value:
            yield value
        for item in value.values():
            yield from _objects(item)
    elif isinstance(value, list):
        for item in value:
            yield from _objects(item)


def _fingerprint(entry: dict[str, Any]) -> str:
    return json.dumps([_bare(entry.get(key)) for key in ("module", "class_name", "config")], sort_keys=True)


def _bare(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _bare(item) for key, item in value.items() if key != "shared_object_id"}
    return [_bare(item) for item in value] if isinstance(value, list) else value
