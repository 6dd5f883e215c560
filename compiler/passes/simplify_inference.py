"""Take out what only gradients and training need.

    %0: f32[b, 4] = stop_gradient(%x)             %0: f32[b, 4] = relu(%x)
    %1: f32[b, 4] = relu(%0)                      return %0
    return %1
    assign %mean = %mean

To XLA these are free; what is gained are single uses that `fold_batch_norm` can see, state that need not be written
back, and a text that shows what is computed.  For inference only: without `stop_gradient` gradients are others.
"""

from __future__ import annotations

from ..graph import Graph
from ..ir import Value
from ..rewrite import replace
from ..rules import Rules

_RULES = Rules("simplify_inference")


def simplify_inference(graph: Graph) -> Graph:
    """The graph without `stop_gradient` and assignments of a state to itself."""
    graph = _RULES(graph).graph
    assigns = [(target, value) for target, value in graph.assigns if target is not value]
    return graph if len(assigns) == len(graph.assigns) else replace(graph, assigns=assigns)


@_RULES.row("stop_gradient(x)")
def _operand(x: Value) -> Value:
    return x
