"""`clone_model`: the same calls on new layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...compiler.errors import ArgumentError
from .. import functional, input as inputs, sequential, symbolic, tree
from ..layer import Layer
from . import config as configs, registry
from .shared_ids import mark_shared
from .weights import places


def clone_model(
    model: Any,
    input_tensors: Any = None,
    clone_function: Callable[[Layer], Layer] | None = None,
    call_function: Any = None,
    recursive: bool = False,
    **kwargs: Any,
) -> Any:
    """A model of the same layers and calls, with new layers and new weights.

    Args:
        model: a functional or sequential model.
        input_tensors: tensors to begin at, in the place of new Inputs.
        clone_function: makes the layer to stand for a layer; by default one of the same config. It is not asked for
            layers within nested models, which are copied whole.
        call_function, recursive: not supported.
    """
    if kwargs or call_function is not None or recursive:
        raise ArgumentError("clone_model() supports input_tensors and clone_function only")
    if not isinstance(model, functional.Functional | sequential.Sequential):
        raise ArgumentError("clone_model() takes functional and sequential models", received=type(model).__name__)
    if clone_function is None and input_tensors is None:
        return _from_config(model)
    clone = clone_function or _same
    if isinstance(model, sequential.Sequential):
        if input_tensors is not None:
            raise ArgumentError("clone_model() takes input_tensors with functional models only")
        layers = [_same(layer) if isinstance(layer, inputs.InputLayer) else clone(layer) for layer in model._layers]
        made = type(model)(layers, name=model.name)
        if model.has_graph and not made.has_graph:
            made.build(model.functional.inputs[0].shape)
        return made
    return _clone_functional(model, input_tensors, clone)


def _from_config(model: Any) -> Any:
    """By way of the config, which knows layers that are shared between nested models."""
    own = {
        name: type(layer)
        for _, layer in places(model)
        if registry.entry_of(type(layer)) is None
        for name in (registry.get_registered_name(type(layer)), type(layer).__name__)
    }
    with registry.custom_object_scope(own), configs.sharing():
        return configs.deserialize(mark_shared(configs.serialize_keras_object(model)), configs.LAYER, "the model")


def _clone_functional(model: Any, input_tensors: Any, clone: Callable[[Layer], Layer]) -> Any:
    given = None if input_tensors is None else list(tree.leaves(input_tensors))
    if given is not None and len(given) != len(model.inputs):
        raise ArgumentError(f"'{model.name}' has {len(model.inputs)} inputs", received=f"{len(given)} input_tensors")
    tensors: dict[int, Any] = {}
    for index, tensor in enumerate(model.inputs):
        made = (
            given[index]
            if given is not None
            else inputs.Input(batch_shape=tensor.shape, dtype=tensor.dtype, name=tensor.name)
        )
        tensors[id(tensor)] = made
    operations: dict[int, Any] = {}

    def filled(leaf: Any) -> Any:
        return tensors[id(leaf)] if isinstance(leaf, symbolic.KerasTensor) else leaf

    for node in _as_made(model._subgraph.nodes):
        old: Any = node.operation
        if id(old) not in operations:
            if isinstance(old, symbolic.FunctionCall):
                operations[id(old)] = symbolic.FunctionCall(old.function, old.public_name)
                operations[id(old)].name = old.name
            else:
                operations[id(old)] = clone(old)
        args, kwargs = tree.map_leaves(filled, (node.args, node.kwargs))
        outputs = operations[id(old)](*args, **kwargs)
        for before, after in zip(node.outputs, tree.leaves(outputs), strict=True):
            tensors[id(before)] = after
    return type(model)(tree.map_leaves(filled, model.input), tree.map_leaves(filled, model.output), name=model.name)


def _as_made(nodes: list[symbolic.CallNode]) -> list[symbolic.CallNode]:
    """Nodes in an order in which arguments come first, and the calls of one operation as they were made."""
    within = {id(node) for node in nodes}
    before: dict[int, list[symbolic.CallNode]] = {}
    last: dict[int, symbolic.CallNode] = {}
    for node in sorted(nodes, key=lambda node: node.index):
        earlier = last.get(id(node.operation))
        needs = [*node.parents(), *([earlier] if earlier is not None else [])]
        before[id(node)] = [need for need in needs if id(need) in within]
        last[id(node.operation)] = node
    order: dict[int, symbolic.CallNode] = {}
    for node in nodes:
        stack = [node]
        while stack:
            waiting = [need for need in before[id(stack[-1])] if id(need) not in order]
            if waiting and id(stack[-1]) not in order:
                stack.extend(waiting)
            else:
                done = stack.pop()
                order.setdefault(id(done), done)
    return list(order.values())


def _same(layer: Layer) -> Layer:
    return type(layer).from_config(layer.get_config())
