"""`get_config` for layers: what their constructors were given."""

from __future__ import annotations

import inspect
from typing import Any

from ..compiler.errors import ArgumentError, did_you_mean
from . import regularizers

_PLAIN = (str, int, float, bool, type(None))


def usage(cls: type, unknown: str = "") -> str:
    """The constructor as a user writes it, after the arguments that an unknown one may have meant."""
    parameters = list(inspect.signature(cls.__init__).parameters.values())[1:]
    bare = inspect.Signature([p.replace(annotation=p.empty) for p in parameters])
    guess = did_you_mean(unknown, [p.name for p in parameters if p.kind is not p.VAR_KEYWORD])
    return f"{guess} It is {cls.__name__}{bare}." if unknown and guess else f"it is {cls.__name__}{bare}."


def base_config(layer: Any) -> dict[str, Any]:
    """What every layer's config holds."""
    policy = layer.dtype_policy
    config: dict[str, Any] = {
        "name": layer.name,
        "trainable": layer.trainable,
        "dtype": {
            "module": "keras",
            "class_name": "DTypePolicy",
            "config": policy.get_config(),
            "registered_name": None,
        },
    }
    if layer.activity_regularizer is not None:
        config["activity_regularizer"] = regularizers.serialize(layer.activity_regularizer)
    return config


def get_config(layer: Any) -> dict[str, Any]:
    """The base config, with the constructor's arguments where they are plain values.

    Raises:
        ArgumentError: the constructor has arguments that cannot be written down.
    """
    config = base_config(layer)
    cls = type(layer)
    parameters = inspect.signature(cls.__init__).parameters
    named = [name for name, p in list(parameters.items())[1:] if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
    if not named:
        return config
    args, kwargs = layer._init_arguments
    given = inspect.signature(cls.__init__).bind(layer, *args, **kwargs)
    given.apply_defaults()
    for name in named:
        value = given.arguments[name]
        if not _is_plain(value) and name not in config:
            raise ArgumentError(
                f"{cls.__name__} has the argument '{name}', which cannot be written to a config by itself",
                received=f"{name}={value!r:.60}",
                hint="write `get_config(self)` that returns the arguments of `__init__`, and `from_config` "
                "where needed.",
            )
        config.setdefault(name, value)
    return config


def from_config(cls: Any, config: dict[str, Any]) -> Any:
    """The object of a config.

    Raises:
        ArgumentError: the constructor does not take it.
    """
    try:
        return cls(**config)
    except TypeError as error:
        raise ArgumentError(
            f"{cls.__name__} cannot be made from its config: {error}", received=str(config)[:200], hint=usage(cls)
        ) from error


def _is_plain(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(_is_plain(item) for item in value)
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_plain(item) for key, item in value.items())
    return isinstance(value, _PLAIN)
