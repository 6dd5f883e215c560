"""A functional model made from its config (`model_config.py` tells the format), by making its calls again.

Nothing is computed: a call on symbolic tensors is traced for its types, and layers make their weights.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ...compiler.errors import FileFormatError, KgcError
from .. import symbolic
from ..input import InputLayer
from . import config as configs
from .function_calls import function_call
from .model_config import TENSOR, first_index, training_default
from .op_names import BY_CLASS
from .shared_ids import mark_shared


def functional_from_config(cls: Any, config: Mapping[str, Any]) -> Any:
    """The functional model that `config` describes, made by `cls(inputs=, outputs=, name=, trainable=)`.

    Raises FileFormatError for a config that is none, and for layers that do not take what it gives them.
    """
    name = config.get("name")
    what = f"model {name!r}"
    if not isinstance(config.get("layers"), list) or not isinstance(name, str | None):
        raise FileFormatError("The config of a functional model has no list of layers, or a name that is no string")
    with configs.sharing():
        tensors = _Calls(mark_shared(config), what).replay()
    inputs, outputs = (tensors(config.get(key), key) for key in ("input_layers", "output_layers"))
    try:
        return cls(inputs=inputs, outputs=outputs, name=name, trainable=bool(config.get("trainable", True)))
    except FileFormatError:
        raise
    except KgcError as error:
        raise FileFormatError(f"The config describes no {what}: {error.what}", received=error.received) from error


def sequential_from_config(cls: Any, config: Mapping[str, Any]) -> Any:
    """The sequential model that `config` describes, made by `cls(layers=, name=, trainable=)`.

    Raises FileFormatError for a config that is none.
    """
    name, entries, shape = config.get("name"), config.get("layers"), config.get("build_input_shape")
    what = f"model {name!r}"
    if not isinstance(entries, list):
        raise FileFormatError("The config of a sequential model has no list of layers", received=f"{entries!r:.80}")
    with configs.sharing():
        layers = [
            configs.deserialize(entry, configs.LAYER, f"layer {index} of {what}")
            for index, entry in enumerate(mark_shared(config)["layers"])
        ]
    try:
        model = cls(layers=layers, name=name, trainable=bool(config.get("trainable", True)))
        if shape is not None and not model.built:
            model.build(tuple(shape))
    except FileFormatError:
        raise
    except Exception as error:
        reason = error.what if isinstance(error, KgcError) else f"{type(error).__name__}: {error}"
        raise FileFormatError(
            f"The config describes no {what}: {reason}",
            received=error.received if isinstance(error, KgcError) else None,
        ) from error
    return model


class _Calls:
    """The calls that a config lists, made again in an order in which each finds its arguments."""

    def __init__(self, config: Mapping[str, Any], what: str) -> None:
        self.what = what
        self.operations: dict[str, Any] = {}
        self.nodes: dict[tuple[str, int], Mapping[str, Any]] = {}
        self.results: dict[tuple[str, int], list[Any]] = {}
        for entry in config["layers"]:
            self._add(entry)

    def _add(self, entry: Any) -> None:
        if not isinstance(entry, Mapping) or not isinstance(entry.get("class_name"), str):
            raise FileFormatError(f"A layer of {self.what} is not described by an object", received=f"{entry!r:.80}")
        inner = entry.get("config")
        name = entry.get("name", inner.get("name") if isinstance(inner, Mapping) else None)
        nodes = entry.get("inbound_nodes", [])
        if not isinstance(name, str) or name in self.operations:
            raise FileFormatError(f"A layer of {self.what} has no name, or that of another", received=f"{name!r:.80}")
        if not isinstance(nodes, list) or not all(
            isinstance(n, Mapping) and isinstance(n.get("args"), list) for n in nodes
        ):
            raise FileFormatError(
                f"Layer {name!r} of {self.what} lists its calls in no form that Keras 3 writes",
                received=f"{nodes!r:.80}",
                hint="a model of Keras 2 can be saved again by real Keras 3",
            )
        row = BY_CLASS.get((str(entry.get("module")), entry["class_name"]))
        if row is not None:
            operation = function_call(row, inner, name, f"'{name}' in {self.what}")
        else:
            operation = configs.deserialize(entry, configs.LAYER, f"layer '{name}' of {self.what}")
        self.operations[name] = operation
        if isinstance(operation, InputLayer):
            self.results[name, 0] = operation.inbound_nodes[0].outputs
        else:
            for index, node in enumerate(nodes):
                self.nodes[name, index] = node

    def replay(self) -> Callable[[Any, str], Any]:
        """Make every call; the function that it returns turns structures of triples into tensors."""
        waiting: dict[tuple[str, int], int] = {}
        after: dict[tuple[str, int], list[tuple[str, int]]] = {}
        for key, node in self.nodes.items():
            needs = {(h[0], h[1]) for h in self._histories([node["args"], node.get("kwargs", {})], key[0])}
            if (key[0], key[1] - 1) in self.nodes:
                needs.add((key[0], key[1] - 1))  # calls of one operation are made in their order
            needs = {need for need in needs if need not in self.results}
            waiting[key] = len(needs)
            for need in needs:
                after.setdefault(need, []).append(key)
        ready = deque(key for key, count in waiting.items() if not count)
        made = 0
        while ready:
            key = ready.popleft()
            self._call(key)
            made += 1
            for later in after.get(key, ()):
                waiting[later] -= 1
                if not waiting[later]:
                    ready.append(later)
        if made != len(self.nodes):
            stuck = sorted({name for (name, _), count in waiting.items() if count})
            raise FileFormatError(f"Calls in {self.what} wait for each other", received=", ".join(stuck[:5]))
        return self._structure

    def _call(self, key: tuple[str, int]) -> None:
        operation, node = self.operations[key[0]], self.nodes[key]
        what = f"'{key[0]}' in {self.what}"
        args = [self._value(value, what) for value in node["args"]]
        kwargs = node.get("kwargs", {})
        if not isinstance(kwargs, Mapping):
            raise FileFormatError(f"A call of {what} has keyword arguments that are no object")
        kwargs = {name: self._value(value, what) for name, value in kwargs.items()}
        if isinstance(operation, symbolic.FunctionCall):
            if operation.public_name == "getitem" and len(args) == 2 and isinstance(args[1], list):
                args[1] = tuple(args[1])
        else:
            explicit = node.get("explicit")
            explicit = isinstance(explicit, list) and "training" in explicit
            if not explicit and "training" in kwargs and kwargs["training"] == training_default(type(operation))[0]:
                del kwargs["training"]
            if kwargs.get("mask", 0) is None:
                del kwargs["mask"]
        try:
            operation(*args, **kwargs)
        except FileFormatError:
            raise
        except Exception as error:
            reason = error.what if isinstance(error, KgcError) else f"{type(error).__name__}: {error}"
            raise FileFormatError(
                f"A call of {what} fails: {reason}",
                received=error.received if isinstance(error, KgcError) else None,
            ) from error
        self.results[key] = operation.inbound_nodes[-1].outputs

    def _value(self, value: Any, what: str) -> Any:
        if isinstance(value, Mapping) and value.get("class_name") == TENSOR:
            return self._tensor(self._history(value, what))
        if isinstance(value, list):
            return [self._value(item, what) for item in value]
        if isinstance(value, Mapping) and "class_name" not in value:
            return {key: self._value(item, what) for key, item in value.items()}
        return configs.deserialize(value, (), f"an argument of {what}")

    def _histories(self, value: Any, what: str) -> Iterator[tuple[str, int, int]]:
        if isinstance(value, Mapping):
            if value.get("class_name") == TENSOR:
                yield self._history(value, what)
                return
            value = list(value.values())
        if isinstance(value, list):
            for item in value:
                yield from self._histories(item, what)

    def _history(self, value: Mapping[str, Any], what: str) -> tuple[str, int, int]:
        config = value.get("config")
        return self._triple(config.get("keras_history") if isinstance(config, Mapping) else None, what)

    def _triple(self, triple: Any, what: str) -> tuple[str, int, int]:
        if _is_triple(triple):
            name, node, index = triple
            if (name, node) in self.nodes or (name, node) in self.results:
                return name, node, index
        raise FileFormatError(f"{what} takes a tensor that no layer of {self.what} gives", received=f"{triple!r:.80}")

    def _tensor(self, triple: tuple[str, int, int]) -> Any:
        results = self.results.get(triple[:2])
        if results is None or not 0 <= triple[2] < len(results):
            raise FileFormatError(f"Layer {triple[0]!r} of {self.what} has no such result", received=f"{list(triple)}")
        return results[triple[2]]

    def _structure(self, structure: Any, what: str) -> Any:
        if _is_triple(structure):
            name, node, index = structure
            first = first_index(self.operations.get(name))
            return self._tensor(self._triple([name, node - first, index], what))
        if isinstance(structure, list):
            return [self._structure(item, what) for item in structure]
        if isinstance(structure, Mapping):
            return {key: self._structure(item, what) for key, item in structure.items()}
        raise FileFormatError(f"{what} of {self.what} is no structure of tensors", received=f"{structure!r:.80}")


def _is_triple(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 3
        and isinstance(value[0], str)
        and all(isinstance(item, int) and not isinstance(item, bool) for item in value[1:])
    )
