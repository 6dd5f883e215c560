"""Strings, configs, classes and objects that stand for an optimizer, initializer, regularizer, and so on.

Every such family has a `get`, `serialize` and `deserialize` of the same meaning. A string means something in its own
family only, and in what the caller registered; configs are read by the one reader that files go through
(`saving/config`). Nothing is ever imported by name.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from ..compiler.errors import ArgumentError, GraphError, nearest, shown
from .saving import config as configs, registry

Custom = Mapping[str, Any]


def get(kind: registry.Kind, identifier: Any, *, custom_objects: Custom | None = None, any_case: bool = False) -> Any:
    """The object that `identifier` stands for: None, an object, a callable, a class, a string or a config.

    Classes, and strings that name one, are called without arguments. Raises ArgumentError for anything else.
    """
    if not custom_objects:
        return _get(kind, identifier, any_case)
    with registry.custom_object_scope(custom_objects):
        return _get(kind, identifier, any_case)


def _get(kind: registry.Kind, identifier: Any, any_case: bool) -> Any:
    base = registry.base_of(kind)
    if identifier is None or (base is not None and isinstance(identifier, base)):
        return identifier
    if isinstance(identifier, str):
        found = _by_name(kind, identifier, any_case)
        return found() if isinstance(found, type) else found
    if isinstance(identifier, Mapping):
        return deserialize(kind, identifier)
    if isinstance(identifier, type) and base is not None and issubclass(identifier, base):
        return identifier()
    if callable(identifier) and not isinstance(identifier, type):
        return identifier
    raise ArgumentError(
        f"This is no {kind}",
        received=shown(identifier),
        hint=f"give a name such as {_example(kind)!r}, an object, or None.",
    )


def serialize(kind: registry.Kind, obj: Any) -> Any:
    """The config by which files name `obj`: `{"module", "class_name", "config", "registered_name"}`.

    Raises ArgumentError for what has no name there: a lambda, or a string.
    """
    if isinstance(obj, str | type):
        raise ArgumentError(f"This is no {kind} object", received=f"{obj!r:.80}", hint="`get` makes one of a name")
    return configs.serialize_keras_object(obj)


def deserialize(kind: registry.Kind, config: Mapping[str, Any], *, custom_objects: Custom | None = None) -> Any:
    """The object that `config` (from `serialize`) describes.

    Raises ArgumentError for what is no such config, FileFormatError for a name that nobody gave or values that the
    class does not take.
    """
    if not isinstance(config.get("class_name"), str):
        raise ArgumentError(
            f"This is no config of {_an(kind)}",
            received=f"{dict(config)!r:.80}",
            hint='a config reads {"class_name": "...", "config": {...}}',
        )
    with registry.custom_object_scope(custom_objects or {}):
        return configs.deserialize({"config": {}, **config}, (kind,), _an(kind))


_OPTAX = ("adadelta", "adafactor", "adamax", "lamb", "lion", "nadam")
"""Optimizers of Keras's that kgc lacks, and optax has under the same names."""


def _by_name(kind: registry.Kind, name: str, any_case: bool) -> Any:
    given = registry.get_registered_object(name)
    if given is not None:
        return given
    entry = registry.by_name(kind, name) or (registry.by_name(kind, name.lower()) if any_case else None)
    if entry is not None:
        return entry.obj
    if kind == "optimizer" and name.lower() in _OPTAX:
        raise ArgumentError(
            f"kgc does not have Keras's optimizer {name!r} yet",
            received=repr(name),
            hint=f"optax has one, which goes in as itself: `compile(optax.{name.lower()}(…), …)`.",
        )
    raise ArgumentError(
        f"No {kind} is called {name!r}",
        received=repr(name),
        hint=f"{nearest(name, (*registry.identifiers(kind), *registry.custom_names()))} An object of your own goes in "
        "as itself, or under its name if it is registered.",
    )


def check_two_arguments(what: str, function: Any) -> None:
    """Refuse a function that cannot be called with targets and predictions.

    Raises:
        ArgumentError: it takes other arguments.
    """
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return  # built in, and tells nothing
    try:
        signature.bind(None, None)
    except TypeError as error:
        raise ArgumentError(
            f"{what} cannot be called with (y_true, y_pred): {error}",
            received=f"a function of {signature}",
            hint="write `def name(y_true, y_pred): …`.",
        ) from None


def check_returned(what: str, values: Any) -> None:
    """Refuse what a loss or metric returns and is no tensor.

    Raises:
        GraphError: None, text, a list.
    """
    if not hasattr(values, "dtype") and not isinstance(values, int | float):
        raise GraphError(
            f"{what} must return a tensor",
            received=shown(values),
            hint="return one value for each sample, or one in all, computed from y_true and y_pred.",
        )


def _example(kind: registry.Kind) -> str:
    names = registry.identifiers(kind)
    return next((name for name in names if name.islower()), names[0] if names else "name")


def _an(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"
