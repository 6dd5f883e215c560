"""The closed tables through which names in files become objects.

A `.keras` file names classes and functions.  Looking such names up by import is how loading a file came to run
code in it (CVE-2025-1550, CVE-2025-8747, CVE-2025-9906), so here a name means something only in the *place* where it
stands: an activation's place is looked up among activations, a layer's among layers.  Every family registers its own
members as it defines them:

    @serializable("keras.layers", kind="layer")
    class Dense(Layer): ...

    @serializable("keras.optimizers", kind="optimizer", aliases=("rmsprop",))
    class RMSprop(Optimizer): ...

    @serializable("keras.activations", kind="activation")
    def relu(x): ...

and the base class of a kind says so, which is how the caller's own classes are checked for their place:

    @slot_base("layer")
    class Layer: ...

What a caller registers (`register_keras_serializable`) or gives (`custom_object_scope`) stands beside these tables, by
name. This file holds tables only; it imports nothing of the project, so that everything may import it.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, get_args

Kind = Literal[
    "layer",
    "operation",
    "activation",
    "initializer",
    "regularizer",
    "constraint",
    "loss",
    "metric",
    "optimizer",
    "schedule",
    "policy",
    "random",
]
KINDS: tuple[Kind, ...] = get_args(Kind)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Entry:
    """One name that files may use: `obj` stands in places of `kind` under `module` and `name`.

    `registered_name` is what Keras writes beside them: None for its public classes, the class's name for the few
    that its public API does not export (`Functional`).
    """

    obj: Any
    kind: Kind
    module: str
    name: str
    registered_name: str | None = None


_BY_PATH: dict[tuple[str, str, str], Entry] = {}
_BY_NAME: dict[tuple[str, str], Entry] = {}
_BY_ALIAS: dict[tuple[str, str], Entry] = {}
_BY_OBJECT: dict[int, tuple[Entry, ...]] = {}
_BASES: dict[str, type] = {}


def serializable(
    module: str,
    *,
    kind: Kind,
    name: str | None = None,
    registered_name: str | None = None,
    also: Iterable[str] = (),
    aliases: Iterable[str] = (),
) -> Callable[[T], T]:
    """Class or function decorator: in files, `module` and the object's own name (or `name`) stand for this object.

    `also` lists further modules under which older files name it; `aliases` further strings that stand for it in a
    call (`"mse"`).  A class's name in snake case is always one.  Raises ValueError for a name that is taken.
    """
    if kind not in KINDS:
        raise ValueError(f"kind {kind!r} is none of {KINDS}")

    def register(obj: T) -> T:
        own = name or str(getattr(obj, "__name__", ""))
        entry = Entry(obj, kind, module, own, registered_name)
        for path in (module, *also):
            _put(_BY_PATH, (kind, path, own), entry)
        _put(_BY_NAME, (kind, own), entry)
        for alias in {snake_case(own), *aliases} - {own}:
            _BY_ALIAS.setdefault((kind, alias), entry)
        _BY_OBJECT[id(obj)] = (*_BY_OBJECT.get(id(obj), ()), entry)
        return obj

    return register


def slot_base(kind: Kind) -> Callable[[T], T]:
    """Class decorator: a class of the caller's own may stand in places of `kind` if it derives from this one."""

    def register(base: T) -> T:
        if not isinstance(base, type):
            raise ValueError(f"the base of {kind!r} must be a class, not {base!r}")
        _BASES[kind] = base
        return base

    return register


def base_of(kind: str) -> type | None:
    """The class that objects of `kind` derive from; None where plain functions stand (activations)."""
    return _BASES.get(kind)


def find(kinds: Iterable[str], module: str | None, name: str) -> Entry | None:
    """The entry that a file means by `module` and `name` in a place that takes `kinds`; None if there is none."""
    for kind in kinds:
        entry = _BY_PATH.get((kind, module or "", name))
        if entry is not None:
            return entry
    return None


def by_name(kind: str, identifier: str) -> Entry | None:
    """The entry that a plain string stands for: its own name first (`"Adam"`), then aliases (`"adam"`, `"mse"`)."""
    return _BY_NAME.get((kind, identifier)) or _BY_ALIAS.get((kind, identifier))


def identifiers(kind: str) -> tuple[str, ...]:
    """Every string that `by_name` knows for `kind`, sorted: what an error may suggest."""
    return tuple(sorted({name for table in (_BY_NAME, _BY_ALIAS) for k, name in table if k == kind}))


def entry_of(obj: Any, kinds: Iterable[str] = KINDS) -> Entry | None:
    """How files name this very object (a class, not its subclasses; or a function) in a place that takes `kinds`."""
    for entry in _BY_OBJECT.get(id(obj), ()):
        if entry.obj is obj and entry.kind in kinds:
            return entry
    return None


def entries(kind: str | None = None) -> tuple[Entry, ...]:
    """All entries, or those of one kind, in order of registration."""
    unique = {id(entry): entry for entry in _BY_PATH.values()}
    return tuple(entry for entry in unique.values() if kind is None or entry.kind == kind)


# The caller's own objects

_CUSTOM: dict[str, Any] = {}
_CUSTOM_NAMES: dict[int, tuple[Any, str]] = {}
_SCOPE: ContextVar[tuple[Mapping[str, Any], ...]] = ContextVar("custom_objects", default=())


def register_keras_serializable(package: str = "Custom", name: str | None = None) -> Callable[[T], T]:
    """Decorator for a class or function of your own: files name it `package>name`, and find it again without
    `custom_objects`.

    A class must have `get_config`. Registering another object under the same name replaces it.
    """

    def register(obj: T) -> T:
        if isinstance(obj, type) and not hasattr(obj, "get_config"):
            raise ValueError(f"{obj.__name__} has no `get_config`, so no file can describe an object of it")
        full = f"{package}>{name or getattr(obj, '__name__', '')}"
        _CUSTOM[full] = obj
        _CUSTOM_NAMES[id(obj)] = (obj, full)
        return obj

    return register


@contextmanager
def custom_object_scope(*objects: Mapping[str, Any]) -> Iterator[None]:
    """Within, names in configs are looked up in these mappings first, the last one given before the others."""
    for mapping in objects:
        if not isinstance(mapping, Mapping):
            raise ValueError(f"custom objects are given as a dict from names to objects, not {mapping!r}")
    token = _SCOPE.set((*_SCOPE.get(), *objects))
    try:
        yield
    finally:
        _SCOPE.reset(token)


CustomObjectScope = custom_object_scope
"""Keras's other name of it."""


def get_custom_objects() -> dict[str, Any]:
    """The dict of what was registered, by full name; entries may be added and removed."""
    return _CUSTOM


def get_registered_name(obj: Any) -> str:
    """`package>name` of a registered class or function, else its own name."""
    known, full = _CUSTOM_NAMES.get(id(obj), (None, ""))
    return full if known is obj and _CUSTOM.get(full) is obj else str(getattr(obj, "__name__", type(obj).__name__))


def get_registered_object(
    name: str | None,
    custom_objects: Mapping[str, Any] | None = None,
    module_objects: Mapping[str, Any] | None = None,
) -> Any:
    """What the caller gave under `name`: in `custom_objects`, a scope, a registration, or `module_objects`; or None."""
    if not isinstance(name, str):
        return None
    for mapping in (custom_objects or {}, *reversed(_SCOPE.get()), _CUSTOM, module_objects or {}):
        if name in mapping:
            return mapping[name]
    return None


def custom_names(custom_objects: Mapping[str, Any] | None = None) -> tuple[str, ...]:
    """Every name that `get_registered_object` knows: what an error may suggest."""
    return tuple({name: None for mapping in (custom_objects or {}, *_SCOPE.get(), _CUSTOM) for name in mapping})


_FUNCTIONS = frozenset(("activation", "initializer", "regularizer", "constraint", "loss", "metric"))
ANY = "object"
"""A place that takes objects of every kind, as `deserialize_keras_object` is."""


def fits(obj: Any, kinds: Iterable[str]) -> bool:
    """Whether an object, a class or a function that the caller gave may stand in a place that takes `kinds`.

    Where functions may stand (activations, losses, …), so may any callable that is not of another kind.
    """
    cls = obj if isinstance(obj, type) else type(obj)
    of = next((kind for kind, base in _BASES.items() if issubclass(cls, base)), None)
    for kind in kinds:
        if kind == ANY or kind == of or entry_of(cls, (kind,)) is not None:
            return True
        base = _BASES.get(kind)
        if base is not None and issubclass(cls, base):
            return True
        if kind in _FUNCTIONS and of is None and callable(obj):
            return True
    return False


@functools.lru_cache(4096)
def snake_case(name: str) -> str:
    """Keras's snake case of a class name, as its weight files spell groups: `Conv2D` is `conv2d`, `ReLU` `re_lu`."""
    name = re.sub(r"\W+", "", name)
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def _put(table: dict[Any, Entry], key: Any, entry: Entry) -> None:
    taken = table.get(key)
    # A module that is reloaded defines its classes anew; the same definition may replace itself.
    if taken is not None and _origin(taken.obj) != _origin(entry.obj):
        raise ValueError(f"{key} already stands for {taken.obj!r}; it cannot also stand for {entry.obj!r}")
    table[key] = entry


def _origin(obj: Any) -> tuple[str, str]:
    return (str(getattr(obj, "__module__", "")), str(getattr(obj, "__qualname__", obj)))
