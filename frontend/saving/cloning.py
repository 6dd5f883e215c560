"""`clone_model`: the same calls on new layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...compiler.errors import ArgumentError
from .. import functional, sequential, symbolic, tree
from .. import input as inputs
from ..layer import Layer


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
        clone_function: makes the layer to stand for a layer; by default one of the same config.
        call_function, recursive: not supported.
    """
    if kwargs or call_function is not None or recursive:
        raise ArgumentError("clone_model() supports input_tensors and clone_function only")
    clone = clone_function or _same
    if isinstance(model, sequential.Sequential):
        if input_tensors is not None:
            raise ArgumentError("clone_model() takes input_tensors with functional models only")
        layers = [_same(layer) if isinstance(layer, inputs.InputLayer) else clone(layer) for layer in model._layers]
        made = type(model)(layers, name=model.name)
        if model.has_graph and not made.has_graph:
            made.build(model.functional.inputs[0].shape)
        return made
    if not isinstance(model, functional.Functional):
        raise ArgumentError("clone_model() takes functional and sequential models", received=type(model).__name__)
    return _clone_functional(model, input_tensors, clone)


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

    for node in model._subgraph.nodes:
        old = node.operation
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


def _same(layer: Layer) -> Layer:
    return type(layer).from_config(layer.get_config())
