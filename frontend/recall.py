"""Models that begin at the result of a layer: the calls behind it are made again, behind an `Input` of its type."""

from __future__ import annotations

from typing import Any

from . import symbolic, tree
from .input import Input, InputLayer
from .subgraph import Subgraph


def from_inputs(inputs: Any, outputs: Any, name: str) -> tuple[Any, Any]:
    """Inputs and outputs of the same calls, in which every input is that of an `Input`.

    As in Keras.  A file, a summary and a picture can then say where the model begins; the layers are the same, and
    have one more call each.
    """
    given = list(tree.leaves(inputs))
    if all(isinstance(tensor.node.operation, InputLayer) for tensor in given):
        return inputs, outputs
    subgraph = Subgraph(list(tree.keras_leaves(inputs)), list(tree.keras_leaves(outputs)), name)
    taken = {node.operation.name for node in subgraph.nodes}
    found = {id(tensor): _input(tensor, taken) for tensor in given}

    def again(leaf: Any) -> Any:
        return found.get(id(leaf), leaf) if isinstance(leaf, symbolic.KerasTensor) else leaf

    for node in subgraph.nodes:
        args, kwargs = tree.map_leaves(again, (node.args, node.kwargs))
        results = symbolic.record(node.operation, args, kwargs)
        node.operation.inbound_nodes[-1].loc = node.loc
        for before, after in zip(node.outputs, tree.leaves(results), strict=True):
            found.setdefault(id(before), after)
    return tree.map_leaves(again, inputs), tree.map_leaves(again, outputs)


def _input(tensor: Any, taken: set[str]) -> Any:
    if isinstance(tensor.node.operation, InputLayer):
        return tensor
    name = tensor.name if tensor.name not in taken else f"{tensor.name}_input"
    return Input(batch_shape=tensor.shape, dtype=tensor.dtype, name=name)
