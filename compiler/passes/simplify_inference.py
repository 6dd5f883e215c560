"""Take out what only training needs, and what computes its own operand.

    %0: key[] = fold_in(%key, 3)                          %0: f32[b, 4] = relu(%x)
    %1: f32[b, 4] = dropout(%x, %0, rate=0.5, training=False)
    %2: f32[b, 4] = stop_gradient(%1)
    %3: f32[b, 4] = cast(%2, dtype="float32")
    %4: f32[b, 4] = relu(%3)

To XLA these are free; what is gained is the random key, which the graph no longer asks for once `prune_dead` has run,
single uses that `fold_batch_norm` can see, and a text that shows what is computed.  For inference only: without
`stop_gradient` gradients are others.
"""

from __future__ import annotations

from typing import Any

from ..attrs import is_tuple
from ..graph import Graph
from ..ir import Value
from ..rewrite import replace
from ..rules import Rules

_RULES = Rules("simplify_inference")


def simplify_inference(graph: Graph) -> Graph:
    """The graph without training-only ops, identities, and assignments of a state to itself."""
    graph = _RULES(graph).graph
    assigns = [(target, value) for target, value in graph.assigns if target is not value]
    return graph if len(assigns) == len(graph.assigns) else replace(graph, assigns=assigns)


# A row that returns its operand applies where that has the type of the result, to the last bit of it.
@_RULES.row("TRAINING(x, ..., training=False)")
@_RULES.row("dropout(x, _, 0, ...)")
@_RULES.row("stop_gradient(x)")
@_RULES.row("cast(x, _)")
@_RULES.row("reshape(x, _)")
@_RULES.row("broadcast_to(x, _)")
@_RULES.row("concatenate([x], _)")
def _operand(x: Value) -> Value:
    return x


@_RULES.row("transpose(x, axes)")
def _same_order(x: Value, axes: Any) -> Value | None:
    order = range(x.ndim - 1, -1, -1) if axes is None else [axis % x.ndim for axis in axes]
    return x if list(order) == list(range(x.ndim)) else None


@_RULES.row("getitem(x, key)")
def _everything(x: Value, key: Any) -> Value | None:
    parts = key if is_tuple(key) else (key,)
    return x if all(part is Ellipsis or (type(part) is slice and part == slice(None)) for part in parts) else None
