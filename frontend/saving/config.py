"""Objects as JSON values and back, in the form that real Keras 3 gives them.

An object is `{"module", "class_name", "config", "registered_name"}`, with `build_config`, `compile_config` and
`shared_object_id` where they apply. As written by Keras 3.15.1:

- a public class of Keras: `module` as users import it (`keras.layers`), `registered_name` null;
- a class of the caller's own: its module (null for `__main__`), `registered_name` `package>Name`, or the bare name
  where it is not registered;
- a function: `{"module": "builtins", "class_name": "function", "config": <its name>, "registered_name": "function"}`;
- `__tensor__`, `__numpy__`, `__bytes__`, `__slice__`, `__ellipsis__` as class names of values that JSON lacks; tuples
  become lists; `__lambda__` holds marshalled code, and is refused here whatever is asked for;
- an object met a second time bears a `shared_object_id`; Keras leaves it out at the first.

Reading looks names up in `registry.py`, in the tables of the kinds that the place takes, and in what the caller gave.
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...compiler.errors import ArgumentError, FileFormatError, KgcError
from . import registry

Kinds = tuple[str, ...]
LAYER: Kinds = ("layer",)
EVERY: Kinds = (*(kind for kind in registry.KINDS if kind != "operation"), registry.ANY)
_PLAIN = (str, int, float, bool, type(None))
_DTYPES = frozenset(
    ["bool", "float16", "float32", "float64", *(f"{u}int{bits}" for u in ("", "u") for bits in (8, 16, 32, 64))]
)


@dataclass
class _Shared:
    """Objects met so far in one config: written ones with their dicts, read ones by `shared_object_id`."""

    written: dict[int, tuple[Any, dict[str, Any]]] = field(default_factory=dict)
    read: dict[Any, Any] = field(default_factory=dict)


_SHARED: ContextVar[_Shared | None] = ContextVar("shared_objects", default=None)


@contextmanager
def sharing() -> Iterator[None]:
    """Within, a layer that occurs twice is written with a `shared_object_id`, and made once when it is read."""
    token = _SHARED.set(_SHARED.get() or _Shared())
    try:
        yield
    finally:
        _SHARED.reset(token)


# Writing


def serialize_keras_object(obj: Any) -> Any:
    """`obj` as JSON values.

    Raises ArgumentError for what cannot be written: lambdas, and objects without `get_config`.
    """
    if isinstance(obj, np.generic):
        return obj.item()
    if isinstance(obj, _PLAIN):
        return obj
    if isinstance(obj, Mapping):
        return {_key(key): serialize_keras_object(value) for key, value in obj.items()}
    if isinstance(obj, list | tuple):
        return [serialize_keras_object(item) for item in obj]
    if isinstance(obj, bytes):
        return {"class_name": "__bytes__", "config": {"value": obj.decode("utf-8", "surrogateescape")}}
    if isinstance(obj, slice):
        parts = {"start": obj.start, "stop": obj.stop, "step": obj.step}
        return {"class_name": "__slice__", "config": {k: serialize_keras_object(v) for k, v in parts.items()}}
    if obj is Ellipsis:
        return {"class_name": "__ellipsis__", "config": {}}
    if hasattr(obj, "get_config") and not isinstance(obj, type):
        return _object_config(obj)
    if hasattr(obj, "__array__") and hasattr(obj, "dtype") and hasattr(obj, "shape"):
        array = np.asarray(obj)
        name = "__numpy__" if isinstance(obj, np.ndarray) else "__tensor__"
        return {"class_name": name, "config": {"value": array.tolist(), "dtype": array.dtype.name}}
    if callable(obj) and not isinstance(obj, type) and hasattr(obj, "__name__"):
        return _function_config(obj)
    raise ArgumentError(
        f"An object of {type(obj).__name__} cannot be written to a file",
        received=f"{obj!r:.80}",
        hint="give its class a `get_config()` that returns the constructor's arguments",
    )


def names_of(obj: Any, kinds: Iterable[str] = registry.KINDS) -> dict[str, Any]:
    """`module`, `class_name` and `registered_name` of a class, as files give them."""
    entry = registry.entry_of(obj, kinds)
    if entry is not None:
        return {"module": entry.module, "class_name": entry.name, "registered_name": entry.registered_name}
    module = None if obj.__module__ == "__main__" else obj.__module__
    return {"module": module, "class_name": obj.__name__, "registered_name": registry.get_registered_name(obj)}


def _object_config(obj: Any) -> dict[str, Any]:
    names = names_of(type(obj))
    made: dict[str, Any] = {
        "module": names["module"],
        "class_name": names["class_name"],
        "config": serialize_keras_object(obj.get_config()),
        "registered_name": names["registered_name"],
    }
    own_build = getattr(obj, "get_build_config", None)
    if (built := own_build() if own_build is not None else build_config(obj)) is not None:
        made["build_config"] = serialize_keras_object(built)
    if hasattr(obj, "get_compile_config"):
        made["compile_config"] = {}  # of the outermost model alone, and that by `model_file.py`
    shared = _SHARED.get()
    base = registry.base_of("layer")
    if shared is not None and base is not None and isinstance(obj, base):
        _, first = shared.written.setdefault(id(obj), (obj, made))
        if first is not made:
            number = first.setdefault("shared_object_id", len(shared.written))
            made["shared_object_id"] = number
    return made


def build_config(layer: Any) -> dict[str, Any] | None:
    """What a layer's own `build` was given: `{"input_shape": …}`, or `{"shapes_dict": …}`; None if not called."""
    shapes = getattr(layer, "_build_shapes", None)
    if shapes is None:
        return None
    if not (isinstance(shapes, tuple) and len(shapes) == 2 and isinstance(shapes[1], dict)):
        return {"input_shape": shapes}
    args, by_name = shapes
    given = {**dict(zip(list(inspect.signature(type(layer).build).parameters)[1:], args, strict=False)), **by_name}
    # Keras calls the only argument so, whatever the layer calls it.
    return {"input_shape": next(iter(given.values()))} if len(given) == 1 else {"shapes_dict": given}


def _function_config(function: Any) -> dict[str, Any]:
    name = registry.get_registered_name(function)
    if name == "<lambda>":
        raise ArgumentError(
            "A lambda cannot be written to a file: only its code could be, and files do not carry code",
            hint="define it with `def`, and register it or pass it as `custom_objects` when the file is loaded",
        )
    entry = registry.entry_of(function)
    config = entry.name if entry is not None else name
    return {"module": "builtins", "class_name": "function", "config": config, "registered_name": "function"}


def _key(key: Any) -> str:
    if not isinstance(key, str):
        raise ArgumentError("Files take dicts with strings as keys only", received=f"{key!r:.80}")
    return key


# Reading


def deserialize_keras_object(
    config: Any, custom_objects: Mapping[str, Any] | None = None, safe_mode: bool | None = True
) -> Any:
    """The object that `config` describes, made of kgc's classes and of what the caller registered or gives here.

    Marshalled lambdas are refused with `safe_mode=False` too: no file runs code. Raises FileFormatError for a name
    that is in no table, a config that is malformed, or one that its class does not take.
    """
    with registry.custom_object_scope(custom_objects or {}):
        return deserialize(config, EVERY, "an object")


def deserialize(config: Any, kinds: Kinds, what: str) -> Any:
    """As `deserialize_keras_object`, in a place that takes objects of `kinds`; errors call the place `what`."""
    if isinstance(config, _PLAIN):
        return config
    if isinstance(config, list):
        return [deserialize(item, kinds, what) for item in config]
    if not isinstance(config, Mapping):
        raise FileFormatError(f"The config of {what} holds a value that is none of JSON's", received=f"{config!r:.80}")
    if "class_name" not in config or "config" not in config:
        return {key: deserialize(value, kinds, what) for key, value in config.items()}
    name, inner = config["class_name"], config["config"]
    if not isinstance(name, str):
        raise FileFormatError(f"The config of {what} has a class name that is no string", received=f"{name!r:.80}")
    if name.startswith("__"):
        return special(config, what)
    if name == "function":
        if not isinstance(inner, str):
            raise FileFormatError(f"The config of {what} names a function by no string", received=f"{inner!r:.80}")
        return _function(inner, kinds, what)
    shared, number = _SHARED.get(), config.get("shared_object_id")
    if shared is not None and isinstance(number, int) and number in shared.read:
        known = shared.read[number]
        if registry.fits(known, kinds):
            return known
    made = create(find_class(config, kinds, what), inner, what)
    if not registry.fits(made, kinds):
        raise FileFormatError(f"{name} stands in the place of {what}, and is none", received=f"{type(made).__name__}")
    if shared is not None and isinstance(number, int):
        shared.read[number] = made
    # Layers build themselves when they are called; a class of the caller's own may ask to be built from the file.
    if isinstance(config.get("build_config"), Mapping) and hasattr(made, "build_from_config"):
        made.build_from_config(dict(config["build_config"]))
    return made


def special(config: Mapping[str, Any], what: str) -> Any:
    """The value of a `__…__` class name; FileFormatError for lambdas and all that is not known."""
    name, inner = config["class_name"], config["config"]
    if name == "__lambda__":
        raise FileFormatError(
            f"The file holds the marshalled code of a lambda as {what}, and kgc does not run code from files",
            hint="save the model with a named function in its place, and register that or give it as custom_objects",
        )
    try:
        if name == "__slice__":
            return slice(*(_index(inner[key]) for key in ("start", "stop", "step")))
        if name == "__ellipsis__":
            return Ellipsis
        if name == "__bytes__":
            return inner["value"].encode("utf-8", "surrogateescape")
        if name in ("__numpy__", "__tensor__") and inner["dtype"] in _DTYPES:
            return np.array(inner["value"], dtype=inner["dtype"])
    except (TypeError, ValueError, KeyError, AttributeError, OverflowError) as error:
        raise FileFormatError(f"The file holds a malformed {name} as {what}", received=f"{inner!r:.80}") from error
    raise FileFormatError(f"The file holds a {name} as {what}, which kgc does not read", received=f"{inner!r:.80}")


def find_class(config: Mapping[str, Any], kinds: Kinds, what: str) -> Any:
    """The class (or function) that `module`, `class_name` and `registered_name` mean in a place of `kinds`."""
    name, module, registered = config["class_name"], config.get("module"), config.get("registered_name")
    if module is not None and not isinstance(module, str):
        raise FileFormatError(f"The config of {what} has a module that is no string", received=f"{module!r:.80}")
    # Keras's public classes carry no registered name, and cannot be replaced by an object of the same name.
    for key in (registered, name) if isinstance(registered, str) or not module else ():
        found = registry.get_registered_object(key)
        if found is not None:
            return _checked(found, kinds, what, name)
    entry = registry.find(kinds, module, name)
    if entry is None and not module:
        entry = next((e for e in (registry.by_name(kind, name) for kind in kinds) if e is not None), None)
    if entry is None or not isinstance(entry.obj, type):
        raise _unknown(f"{module}.{name}" if module else name, kinds, what, registered)
    return entry.obj


def create(cls: Any, inner: Any, what: str) -> Any:
    """An object of `cls` from its config; whatever its constructor makes of hostile values becomes FileFormatError."""
    if not isinstance(inner, Mapping):
        raise FileFormatError(f"The config of {what} is not an object of names and values", received=f"{inner!r:.80}")
    try:
        if hasattr(cls, "from_config"):
            return cls.from_config(dict(inner))
        return cls(**inner)
    except FileFormatError:
        raise
    except Exception as error:
        reason = error.what if isinstance(error, KgcError) else f"{type(error).__name__}: {error}"
        raise FileFormatError(
            f"{getattr(cls, '__name__', cls)} cannot be made from the config of {what}: {reason}",
            received=error.received if isinstance(error, KgcError) else f"{dict(inner)!r:.200}",
            hint=error.hint if isinstance(error, KgcError) else None,
        ) from error


def _checked(found: Any, kinds: Kinds, what: str, name: str) -> Any:
    """A class or function that the caller gave, if the place takes it."""
    if registry.fits(found, kinds):
        return found
    raise FileFormatError(f"{name!r} stands in the place of {what}, and is none", received=f"{found!r:.80}")


def _function(name: str, kinds: Kinds, what: str) -> Any:
    found = registry.get_registered_object(name)
    if found is not None:
        return _checked(found, kinds, what, name)
    for kind in kinds:
        entry = registry.by_name(kind, name)
        if entry is not None and not isinstance(entry.obj, type):
            return entry.obj
    raise _unknown(name, kinds, what, None)


def _unknown(full: str, kinds: Kinds, what: str, registered: Any) -> FileFormatError:
    known = [*registry.custom_names(), *(entry.name for kind in kinds for entry in registry.entries(kind))]
    near = difflib.get_close_matches(full.rpartition(".")[2], known, n=3, cutoff=0.6)
    hint = f"did you mean {', '.join(map(repr, near))}? " if near else ""
    name = registered if isinstance(registered, str) else full.rpartition(".")[2]
    hint += (
        f"a class or function of your own is found if you decorate it with @register_keras_serializable, or pass it: "
        f"custom_objects={{{name!r}: …}}"
    )
    return FileFormatError(f"The file names {full!r} as {what}, which is in no table of such", hint=hint)


def _index(value: Any) -> Any:
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    raise ValueError("a slice takes integers")
