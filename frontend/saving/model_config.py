"""The config of a functional model, written and read as real Keras 3.15 does.

    {"name", "trainable", "layers": [...], "input_layers": ..., "output_layers": ...}

- `layers` lists the operations of the call graph by decreasing depth: layers, and functions called between them
  (`op_names.py`). Each is a serialized object with two more keys: `name`, and `inbound_nodes`, its calls inside this
  model in the order in which they were made.
- A node is `{"args": [...], "kwargs": {...}}` with tensors as `{"class_name": "__keras_tensor__", "config": {"shape",
  "dtype", "keras_history": [operation's name, index of its node, index of the result]}}`.
- Indices count the operation's nodes inside this model, from 0.
- `input_layers` and `output_layers` repeat the structure that the model was given, a `[name, node, result]` triple in
  the place of each tensor. In these two alone, the nodes of a nested functional model (no `Sequential`) count from 1.
- Keras records `training` where a layer's signature has a default for it (Dropout: False), as though the caller had
  said so; and `mask: null` where a layer takes a mask and was called on one tensor alone. A `training` that the caller
  did give, and that equals the default, is named by kgc under a third key, `explicit`, which Keras does not read.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from .. import layer_config, symbolic, tree
from ..input import InputLayer
from . import config as configs
from .function_calls import function_entry
from .registry import entry_of

TENSOR = "__keras_tensor__"


def functional_config(model: Any) -> dict[str, Any]:
    """What `get_config` of a functional model returns."""
    kept = {id(node) for node in model._subgraph.all_nodes}
    calls = {id(op): [n for n in op.inbound_nodes if id(n) in kept] for op in model._subgraph.operations}
    place = {id(node): index for op in model._subgraph.operations for index, node in enumerate(calls[id(op)])}

    def triple(tensor: Any) -> list[Any]:
        return [tensor.node.operation.name, place[id(tensor.node)], tensor.index]

    def end(tensor: Any) -> list[Any]:
        name, node, index = triple(tensor)
        return [name, node + first_index(tensor.node.operation), index]

    with configs.sharing():
        layers = [_entry(op, calls[id(op)], triple) for op in model._subgraph.operations]
    return {
        "name": model.name,
        "trainable": model.trainable,
        "layers": layers,
        "input_layers": tree.map_leaves(end, _as_lists(model.input)),
        "output_layers": tree.map_leaves(end, _as_lists(model.output)),
    }


def sequential_config(model: Any) -> dict[str, Any]:
    """What `get_config` of a sequential model returns: its layers in order, the Input first once it is built."""
    layers = list(model._layers)
    functional = model.functional if model.has_graph else None
    if functional is not None and not isinstance(layers[0], InputLayer):
        tensor = functional.inputs[0]
        source = tensor.node.operation
        if not isinstance(source, InputLayer):
            source = InputLayer(batch_shape=tensor.shape, dtype=tensor.dtype, name=tensor.name)
        layers.insert(0, source)
    config = layer_config.base_config(model)
    with configs.sharing():
        config["layers"] = [configs.serialize_keras_object(layer) for layer in layers]
    if functional is not None:
        config["build_input_shape"] = list(functional.inputs[0].shape)
    return config


def first_index(operation: Any) -> int:
    """The index of an operation's first node in `input_layers` and `output_layers`."""
    return 1 if hasattr(operation, "_subgraph") else 0


def _entry(operation: Any, nodes: list[Any], triple: Callable[[Any], list[Any]]) -> dict[str, Any]:
    if isinstance(operation, symbolic.FunctionCall):
        entry, inbound = function_entry(operation, nodes, lambda value: _values(value, triple))
    else:
        entry = configs.serialize_keras_object(operation)
        calls = [] if isinstance(operation, InputLayer) else nodes
        inbound = [_layer_node(operation, node, triple) for node in calls]
    entry["name"] = operation.name
    entry["inbound_nodes"] = inbound
    return entry


def _layer_node(layer: Any, node: Any, triple: Callable[[Any], list[Any]]) -> dict[str, Any]:
    kwargs = dict(node.kwargs)
    explicit = {}
    default, position = training_default(type(layer))
    if default is not None and kwargs.get("training") is not None:
        explicit = {"explicit": ["training"]} if kwargs["training"] == default else {}
    elif default is not None and len(node.args) <= position:
        kwargs["training"] = default
    if _takes_mask(type(layer)) and (hasattr(layer, "_subgraph") or (len(node.args) == 1 and not node.kwargs)):
        kwargs.setdefault("mask", None)
    return {"args": _values(list(node.args), triple), "kwargs": _values(kwargs, triple), **explicit}


def _values(value: Any, triple: Callable[[Any], list[Any]]) -> Any:
    if isinstance(value, symbolic.KerasTensor):
        config = {"shape": list(value.shape), "dtype": value.dtype, "keras_history": triple(value)}
        return {"class_name": TENSOR, "config": config}
    if isinstance(value, Mapping):
        return {key: _values(item, triple) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_values(item, triple) for item in value]
    return configs.serialize_keras_object(value)


def _as_lists(structure: Any) -> Any:
    if isinstance(structure, Mapping):
        return {key: _as_lists(item) for key, item in structure.items()}
    return [_as_lists(item) for item in structure] if isinstance(structure, list | tuple) else structure


# What Keras records for its layers when nobody says `training`: the default in the signature of their `call`. (kgc's
# own signatures say None, which is what those layers do: they follow the phase.)
_RECORDED = dict.fromkeys(
    [
        *("AlphaDropout", "Dropout", "GaussianDropout", "GaussianNoise"),
        *("SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "SpectralNormalization"),
        *("AdditiveAttention", "Attention", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"),
        *("GRU", "GRUCell", "LSTM", "LSTMCell", "RNN", "SimpleRNN", "SimpleRNNCell", "StackedRNNCells"),
    ],
    False,
)


@functools.cache
def training_default(cls: type) -> tuple[bool | None, int]:
    """What is recorded for `training` when nobody says it (None: nothing), and the argument's position."""
    entry = entry_of(cls, ("layer",))
    names = list(inspect.signature(getattr(cls, "call")).parameters.values())[1:]  # noqa: B009
    for position, parameter in enumerate(names):
        if parameter.name == "training":
            if entry is not None:
                return _RECORDED.get(entry.name), position
            return (parameter.default if isinstance(parameter.default, bool) else None), position
    return None, len(names)


@functools.cache
def _takes_mask(cls: type) -> bool:
    return "mask" in inspect.signature(getattr(cls, "call")).parameters  # noqa: B009
