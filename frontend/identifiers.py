"""Strings, configs, classes and objects that stand for an optimizer, initializer, regularizer, and so on.

Every such family has a `get`, `serialize` and `deserialize` of the same meaning, over the registry's tables. A name
that is in no table, and in nothing the caller gives, is an error that tells the nearest names: nothing is imported by
name.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from ..compiler.errors import ArgumentError
from .saving import registry

Custom = Mapping[str, Any]


def get(kind: registry.Kind, identifier: Any, *, custom_objects: Custom | None = None, any_case: bool = False) -> Any:
    """The object that `identifier` stands for: None, an object, a callable, a class, a string or a config.

    Classes, and strings that name one, are called without arguments. Raises ArgumentError for anything else.
    """
    base = registry.base_of(kind)
    if identifier is None or (base is not None and isinstance(identifier, base)):
        return identifier
    if isinstance(identifier, str):
        found = _by_name(kind, identifier, custom_objects, any_case)
        return found() if isinstance(found, type) else found
    if isinstance(identifier, Mapping):
        return deserialize(kind, identifier, custom_objects=custom_objects, any_case=any_case)
    if isinstance(identifier, type) and base is not None and issubclass(identifier, base):
        return identifier()
    if callable(identifier) and not isinstance(identifier, type):
        return identifier
    raise ArgumentError(
        f"This is no {kind}",
        received=f"{identifier!r}",
        hint=f"give a name such as {_example(kind)!r}, an object, or None",
    )


def serialize(kind: registry.Kind, obj: Any) -> dict[str, Any]:
    """The config by which files name `obj`: `{"module", "class_name", "config", "registered_name"}`, as Keras's.

    A plain function is named by its own name, and found again only in `custom_objects`.
    """
    if not hasattr(obj, "get_config"):
        name = getattr(obj, "__name__", None)
        if name is None or name == "<lambda>":
            raise ArgumentError(
                f"This {kind} has no name to be stored under",
                received=repr(obj),
                hint="define it with `def`, or as a class with `get_config`",
            )
        return {"module": "builtins", "class_name": "function", "config": name, "registered_name": name}
    cls = type(obj)
    entry = registry.entry_of(cls, (kind,))
    module, name, registered = (cls.__module__, cls.__name__, cls.__name__)
    if entry is not None:
        module, name, registered = entry.module, entry.name, entry.registered_name
    return {"module": module, "class_name": name, "config": obj.get_config(), "registered_name": registered}


def deserialize(
    kind: registry.Kind, config: Mapping[str, Any], *, custom_objects: Custom | None = None, any_case: bool = False
) -> Any:
    """The object that `config` (from `serialize`) describes; ArgumentError for a name that nobody gave."""
    name = config.get("class_name")
    inner = config.get("config", {})
    if name == "function":
        name = inner
    if not isinstance(name, str) or not isinstance(inner, Mapping | str):
        raise ArgumentError(
            f"This is no config of {_an(kind)}",
            received=f"{dict(config)!r}",
            hint='a config reads {"class_name": "...", "config": {...}}',
        )
    found = None
    for key in (config.get("registered_name"), name):
        found = found or (custom_objects or {}).get(str(key))
    if found is None and config.get("module") not in (None, "builtins"):
        entry = registry.find((kind,), config["module"], name)
        if entry is None:
            raise _unknown(kind, f"{config['module']}.{name}", name)
        found = entry.obj
    if found is None:
        found = _by_name(kind, name, None, any_case)
    if config.get("class_name") == "function" or not isinstance(inner, Mapping):
        return found
    build = getattr(found, "from_config", found)
    return build(dict(inner)) if build is not found else found(**inner)


def _by_name(kind: registry.Kind, name: str, custom_objects: Custom | None, any_case: bool) -> Any:
    if custom_objects and name in custom_objects:
        return custom_objects[name]
    entry = registry.by_name(kind, name) or (registry.by_name(kind, name.lower()) if any_case else None)
    if entry is None:
        raise _unknown(kind, name, name)
    return entry.obj


def _unknown(kind: registry.Kind, full: str, name: str) -> ArgumentError:
    known = {known.lower(): known for known in registry.identifiers(kind)}
    near = [known[match] for match in difflib.get_close_matches(name.lower(), known, n=3, cutoff=0.5)]
    hint = f"did you mean {', '.join(map(repr, near))}?" if near else f"names are: {', '.join(known.values())}"
    return ArgumentError(
        f"No {kind} is called {name!r}",
        received=repr(full),
        hint=f"{hint} Objects of your own go in as objects, or by name in `custom_objects`.",
    )


def _example(kind: registry.Kind) -> str:
    names = registry.identifiers(kind)
    return next((name for name in names if name.islower()), names[0] if names else "name")


def _an(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"
