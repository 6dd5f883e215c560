"""A computation that is finished, as a graph: gradients are taken, parameters updated, and nothing is left to derive.

A function on arrays is traced by JAX with the graph's own unknown sizes, and its equations become `lax.*` ops of the
closed table, loops and branches our control ops.  So a train step becomes IR that needs neither the code of its layers
nor that of its optimizer.  Functions with gradient rules of their own have been derived by them, and are inlined.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax

from .builder import Builder
from .errors import GraphError
from .graph import Graph
from .jaxpr_import import Importer, Place
from .refusals import explained
from .types import TensorType

_jax: Any = jax  # whose annotations are in part unknown to pyright

Types = Mapping[str, TensorType]


def finish(
    name: str,
    function: Callable[[dict[str, Any], dict[str, Any]], tuple[Sequence[Any], Mapping[str, Any]]],
    inputs: Types,
    params: Types,
    state: Types,
    output_names: Sequence[str],
) -> Graph:
    """The graph of `function(inputs, variables) -> (outputs, new values of state)`, all by name.

    Args:
        name: of the graph.
        function: on arrays or tracers; `variables` holds params and state.
        inputs, params, state: types by name, sizes open as they are; the names must differ.
        output_names: names of the outputs.

    Raises:
        GraphError: it needs the value of an unknown size, or a function of JAX that graphs do not have.
    """
    builder = Builder(name)
    given = [builder.input(key, type_) for key, type_ in inputs.items()]
    variables = [builder.param(key, type_) for key, type_ in params.items()]
    slots = {key: builder.declare_state(key, type_) for key, type_ in state.items()}
    values = [*given, *variables, *slots.values()]
    if [value.name for value in values] != [*inputs, *params, *state]:
        raise GraphError(f"@{name}: inputs, params and state share names")
    changed: list[str] = []

    def traced(*arrays: Any) -> list[Any]:
        arrived = dict(zip([*inputs, *params, *state], arrays, strict=True))
        outputs, new = function({key: arrived[key] for key in inputs}, {key: arrived[key] for key in (*params, *state)})
        changed[:] = new
        return [*outputs, *new.values()]

    try:
        closed = _jax.make_jaxpr(traced)(*[value.type.aval for value in values])
    except Exception as error:
        raise explained(error, ", ".join(str(value.type) for value in given)) from error.__cause__
    importer = Importer(builder, {}, finished=True)
    with builder:
        results = [importer.value(item) for item in importer.closed(closed, values, Place(None, "", ""))]
        results = importer.tied(results)
    outputs, new = results[: len(output_names)], results[len(output_names) :]
    assigns = {slots[key]: value for key, value in zip(changed, new, strict=True) if value is not slots[key]}
    for target, value in assigns.items():
        if target.type.dtype != value.type.dtype or target.type.shape != value.type.shape:
            raise GraphError(f"the new value of '{target.name}' in @{name} is {value.type}, not {target.type}")
    return builder.finish(outputs, assigns, output_names)
