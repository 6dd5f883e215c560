"""Evaluate a graph on arrays: under `jax.jit` this is the lowering, on plain arrays it is the reference.

Unknown sizes are bound from the shapes of the arguments, and every result is held against its type while the program
is specialised to these shapes: the check costs nothing at run time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

import jax.numpy as jnp
from jax import lax

from . import attrs, dims, infer
from .dims import Dim
from .errors import KgcError, ShapeError
from .graph import Graph
from .ir import Node, Value
from .types import TensorType

_jnp: Any = jnp  # whose annotations are in part unknown to pyright


def evaluate(
    graph: Graph,
    inputs: Sequence[Any],
    params: Sequence[Any] = (),
    state: Sequence[Any] = (),
    *,
    touch: Callable[[Any], Any] | None = None,
) -> tuple[list[Any], list[Any]]:
    """Outputs, and the new values of `graph.assigns` in their order.

    Args:
        graph: a verified graph.
        inputs, params, state: arrays (or JAX tracers) in the graph's order.
        touch: what is done to every result of a node before it is used: `paranoid` shakes it.

    Raises:
        ShapeError: the shapes contradict the graph's types; it names the argument or the node.
    """
    env: dict[str, int | Dim] = {}
    values: dict[Value, Any] = {}
    pending: list[Value] = []
    for group, arrays in ((graph.inputs, inputs), (graph.params, params), (graph.state, state)):
        for value, array in zip(group, arrays, strict=True):
            values[value] = array
            if not bind(value.type, array, env):
                raise _misfit(graph, value, array, env)
            if not value.type.is_static:
                pending.append(value)
    for value in pending:  # a size bound by a later axis decides about an earlier one
        if not bind(value.type, values[value], env):
            raise _misfit(graph, value, values[value], env)
    for value, array in graph.consts.items():
        values[value] = _constant(value.type, array)
    for node in graph.nodes:
        results = run_node(node, values, env)
        if touch is not None:
            results = [touch(result) for result in results]
        for value, array in zip(node.results, results, strict=True):
            if not bind(value.type, array, env):
                raise _failed(node, value, array, env)
            values[value] = array
    return [values[value] for value in graph.outputs], [values[value] for _, value in graph.assigns]


def run_node(node: Node, values: dict[Value, Any], env: dict[str, int | Dim]) -> Sequence[Any]:
    """Results of one node, given arrays for the Values it uses."""
    static = attrs.substitute_attr(node.attrs, env) if env else node.attrs
    operands = [_filled(operand, values) for operand in node.operands]
    try:
        out = node.op.run(node.op.arguments(operands, infer.lowered(static)))
    except KgcError as error:
        if error.where is None:
            error.where = node.loc
        raise
    except infer.REFUSALS as error:
        raise _refused(node, operands, error) from error
    return out if issubclass(attrs.kind_of(out), (tuple, list)) else (out,)


def bind(type_: TensorType, array: Any, env: dict[str, int | Dim]) -> bool:
    """Bind the type's unknown sizes from the array's shape; whether the shape fits."""
    shape = array.shape if hasattr(array, "shape") else jnp.shape(array)
    if len(shape) != len(type_.shape):
        return False
    return all(dims.solve(size, dims.wrap(actual), env) for size, actual in zip(type_.shape, shape, strict=True))


def _constant(type_: TensorType, array: Any) -> Any:
    """The array with the weak-type flag that its type says, on which the dtype of results depends."""
    made = _jnp.asarray(array)
    if not type_.weak:
        return made
    convert: Any = lax.convert_element_type_p
    return convert.bind(made, new_dtype=made.dtype, weak_type=True, sharding=None)


def _filled(operand: Any, values: dict[Value, Any]) -> Any:
    if type(operand) is Value:
        return values[operand]
    return [_filled(item, values) for item in operand] if attrs.kind_of(operand) is tuple else operand


def _misfit(graph: Graph, value: Value, array: Any, env: dict[str, int | Dim]) -> ShapeError:
    sizes = ", ".join(f"{name}={size}" for name, size in env.items())
    return ShapeError(
        f"'{value.name}' does not fit the graph @{graph.name}, which takes {value.type} there",
        received=f"{value.name}: {jnp.shape(array)}" + (f" where {sizes}" if sizes else ""),
        hint=_misfit_hint(value.type.shape, jnp.shape(array)),
    )


def _misfit_hint(shape: tuple[int | Dim, ...], actual: tuple[int, ...]) -> str:
    if len(shape) == len(actual):
        for axis, (size, given) in enumerate(zip(shape, actual, strict=True)):
            if isinstance(size, int) and size != given and not axis:
                return f"the batch was fixed at {size}: give as many rows, or leave the batch of the `Input` open."
            if isinstance(size, Dim) and not size.is_symbol:
                return f"axis {axis} may have the sizes {size} only: an op of the model needs that."
    return "sizes of one name must agree over all inputs."


def _refused(node: Node, operands: list[Any], error: Exception) -> ShapeError:
    layer = f" in layer '{node.loc.scope}'" if node.loc is not None and node.loc.scope else ""
    reason = str(error).strip().partition("\n")[0] or type(error).__name__
    return ShapeError(
        f"{node.op.name}{layer} cannot take this data: {reason}",
        where=node.loc,
        received=", ".join(_described(operand) for operand in operands if operand is not None),
        hint="sizes that were unknown when the model was defined do not fit together on this data.",
    )


def _described(operand: Any) -> str:
    if isinstance(operand, list):
        return f"[{', '.join(map(_described, cast(list[Any], operand)))}]"
    return f"{operand.dtype}{list(operand.shape)}" if hasattr(operand, "shape") else repr(operand)


def _failed(node: Node, value: Value, array: Any, env: dict[str, int | Dim]) -> ShapeError:
    layer = f" in layer '{node.loc.scope}'" if node.loc is not None and node.loc.scope else ""
    shapes = ", ".join(str(used.type.substitute(env)) for used in node.uses())
    return ShapeError(
        f"{node.op.name}{layer} gives shape {tuple(jnp.shape(array))} on this data, "
        f"where the graph expects {value.type.substitute(env)}",
        where=node.loc,
        received=shapes,
        hint="sizes that were unknown when the model was defined do not fit together on this data.",
    )
