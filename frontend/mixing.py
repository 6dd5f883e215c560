"""Functions of the user's in a trace: a layer's `call`, a loss, a metric.  They may mix `kgc.ops` with `jax.numpy`.

They run on our tensors first.  What hands those to `jax.numpy` is refused by JAX; it is then rolled back, traced again
by JAX itself, and what it did is imported as `lax.*` ops.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..compiler import importing, jaxpr
from ..compiler.ir import Value
from . import masks, trace, tree


def run(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """`function(*args, **kwargs)`, recorded in the current trace if there is one.

    Raises:
        ShapeError, DTypeError, GraphError: what JAX refuses in it, at the user's line; whatever else it raises.
    """
    tracing = trace.current()
    if tracing is None or tracing.concrete:
        return function(*args, **kwargs)
    mark = tracing.mark()
    try:
        return function(*args, **kwargs)
    except Exception as error:  # JAX refuses our tensors with whatever its functions raise
        if importing.is_active() or not jaxpr.is_refusal(error):
            raise
    tracing.roll_back(mark)
    return _run_by_jax(function, args, kwargs, tracing)


def _run_by_jax(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], tracing: trace.Trace
) -> Any:
    leaves = [leaf for leaf in tree.leaves((args, kwargs)) if type(leaf) is Value]
    mark = tracing.mark()
    losses = len(tracing.losses)
    kept: dict[str, Any] = {}

    def flat(*tracers: Any) -> list[Any]:
        arrivals = iter(tracers)
        for leaf, tracer in zip(leaves, tracers, strict=True):
            if masks.of(leaf) is not None:
                masks.attach(tracer, masks.of(leaf))
        filled = tree.map_leaves(lambda leaf: next(arrivals) if type(leaf) is Value else leaf, (args, kwargs))
        kept["outputs"] = function(*filled[0], **filled[1])
        kept["assigned"] = tracing.traced_assignments()
        added, tracing.losses[losses:] = tracing.losses[losses:], []
        kept["losses"] = len(added)
        beside = {index: masks.of(leaf) for index, leaf in enumerate(tree.leaves(kept["outputs"]))}
        kept["masks"] = [index for index, mask in beside.items() if mask is not None]
        return [
            *tree.leaves(kept["outputs"]),
            *(value for _, value in kept["assigned"]),
            *added,
            *(beside[index] for index in kept["masks"]),
        ]

    values = jaxpr.trace_mixing(flat, leaves, lambda: tracing.roll_back(mark))
    count = len(list(tree.leaves(kept["outputs"])))
    for index, mask in zip(kept["masks"], values[len(values) - len(kept["masks"]) :], strict=True):
        tracing.set_mask(values[index], mask)
    del values[len(values) - len(kept["masks"]) :]
    for (variable, _), value in zip(kept["assigned"], values[count:], strict=False):
        tracing.assign(variable, value)
    tracing.losses.extend(values[len(values) - kept["losses"] :] if kept["losses"] else [])
    return tree.pack(kept["outputs"], values[:count])
