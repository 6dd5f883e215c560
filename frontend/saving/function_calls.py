"""Functions of `kgc.ops` that stand between the layers of a file: their entries, and calls made from entries."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from ...compiler.errors import ArgumentError, FileFormatError
from ...compiler.op import Op
from .. import activations, ops, symbolic, tree
from . import config as configs
from .op_names import BY_FUNCTION, Row


def function_entry(
    operation: Any, nodes: list[Any], write: Callable[[Any], Any]
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    row = BY_FUNCTION.get(operation.public_name)
    if row is None:
        raise ArgumentError(
            f"`{operation.public_name}`, called between layers, has no counterpart in Keras's files",
            hint="call it inside a layer of your own",
        )
    signature = getattr(operation.function, "signature", None) or inspect.signature(operation.function)
    config: dict[str, Any] = {}
    inbound = []
    for node in nodes:
        bound = signature.bind(*node.args, **node.kwargs)
        bound.apply_defaults()
        config = {key: bound.arguments.pop(key) for key in row.keys}
        if any(isinstance(leaf, symbolic.KerasTensor) for leaf in tree.leaves(config)):
            raise ArgumentError(
                f"'{operation.name}' ({row.class_name}) takes a tensor for one of {', '.join(row.keys)}, which Keras's "
                "files cannot say",
                hint="call it inside a layer of your own",
            )
        inbound.append({"args": write(list(bound.arguments.values())), "kwargs": {}})
    entry = {
        "module": row.module,
        "class_name": row.class_name,
        "config": configs.serialize_keras_object({"name": operation.name, **config, **row.fixed}),
        "registered_name": row.class_name,
    }
    return entry, inbound


def function_call(row: Row, inner: Any, name: str, what: str) -> symbolic.FunctionCall:
    """The function of a row, with the static arguments of a config."""
    if not isinstance(inner, Mapping):
        raise FileFormatError(f"The config of {what} is not an object", received=f"{inner!r:.80}")
    static = {}
    for key, value in inner.items():
        if key in row.keys:
            static[key] = _tuples(configs.deserialize(value, (), what))
        elif key in row.fixed and value != row.fixed[key]:
            raise FileFormatError(f"{what} has {key}={value!r:.40}, which kgc's `{row.function}` does not know")
        elif key != "name" and key not in row.fixed:
            raise FileFormatError(f"{what} has {key!r:.40}, which kgc's `{row.function}` does not know")
    module, _, attribute = row.function.rpartition(".")
    function = getattr(activations if module else ops, attribute)
    if not isinstance(function, Op):
        function = inspect.unwrap(function)
    made = symbolic.FunctionCall(_Static(function, static) if static else function, row.function)
    made.name = name
    return made


class _Static:
    """A function with some of its arguments given, under the signature of the function."""

    def __init__(self, function: Any, static: dict[str, Any]) -> None:
        signature = getattr(function, "signature", None) or inspect.signature(function)
        self.function, self._order = function, list(signature.parameters)
        changed = [p.replace(default=static[p.name]) if p.name in static else p for p in signature.parameters.values()]
        first = [p for p in changed if p.name not in static]
        given = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in changed if p.name in static]
        self.signature = signature.replace(parameters=[*first, *given])

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        bound = self.signature.bind(*args, **kwargs)
        bound.apply_defaults()
        return self.function(*[bound.arguments[name] for name in self._order])


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value
