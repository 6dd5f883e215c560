"""A `call` that mixes `jax.numpy` with our tensors: traced by JAX, and its equations imported into the graph.

JAX's functions refuse our tensors (`is_refusal`).  The same call is then run on JAX's own tracers (`trace_mixing`), in
which our ops are primitives.  In the jaxpr that comes out they become our ops again, with their attributes and
literals; what is JAX's own becomes `lax.<name>` ops from the closed table of `ops/lax.py`; loops and branches become
our control ops, which hold graphs; functions with a gradient rule of their own stay one op (`extern.py`).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import numpy as np

from . import builder as building, dims, extern, importing, infer
from .dims import Dim
from .errors import GraphError, KgcError, ShapeError
from .ir import Value
from .jaxpr_import import Importer, Place
from .refusals import explained, is_refusal as is_refusal

_jax: Any = jax  # whose annotations are in part unknown to pyright


def trace_mixing(
    function: Callable[..., Sequence[Any]],
    arguments: Sequence[Value],
    restore: Callable[[], None] | None = None,
) -> list[Any]:
    """Run `function` on JAX's tracers in place of our values, and record what it does in the current builder.

    While it runs, `importing.is_active()` holds: ops given tracers return tracers, ops without operands too, and a
    value of the enclosing graph (a variable, a key) enters by `importing.outer(value)`, which ops do by themselves.

    Args:
        function: takes one tracer for each argument and returns a flat sequence: tensors (tracers, Values, arrays),
            and anything else, which comes back as it is.  Assigned values and losses go behind the outputs.
        arguments: Values of the current builder's graph.
        restore: undoes what `function` did to the caller's state.  With it, a function that JAX refuses because two
            unknown sizes would have to be equal is run again with these made equal, as ops do it by themselves.

    Returns:
        what `function` returned, with a Value of the current graph for each tensor.

    Raises:
        GraphError: no trace is going on, or a function of JAX is used that graphs do not have.
        ShapeError, DTypeError: JAX refuses; anything the function itself raises comes through.
    """
    current = building.current()
    if current is None:
        raise GraphError("a mixing call is traced outside a graph")
    first: Exception | None = None
    for attempt, env in enumerate(_attempts(arguments)):
        if attempt and restore is not None:
            restore()
        try:
            closed, returned = _traced(function, arguments, env)
        except Exception as error:
            first = first or error
            if restore is None or not isinstance(error, ShapeError | GraphError):
                break
            continue
        return _imported(current, closed, returned, arguments, env)
    if first is None:
        raise GraphError("a mixing call was not traced")
    raise _explained(first, arguments) from first.__cause__


def _explained(error: Exception, arguments: Sequence[Value]) -> Exception:
    found = explained(error, ", ".join(str(value.type) for value in arguments))
    if isinstance(found, KgcError):
        found.__notes__ = []  # JAX's, on where its frames are
    return found


class _Tensor:
    """Marks the place of a tensor among what a function returned."""


_TENSOR = _Tensor()


def _traced(
    function: Callable[..., Sequence[Any]], arguments: Sequence[Value], env: dict[str, int | Dim]
) -> tuple[Any, list[Any]]:
    returned: list[Any] = []

    def traced(*tracers: Any) -> list[Any]:
        try:
            results = list(function(*tracers))
        except Exception as error:  # before JAX takes its frames out of the traceback
            raise _explained(error, arguments) from error
        returned.extend(_TENSOR if _is_tensor(item) else item for item in results)
        return [importing.as_array(item) for item in results if _is_tensor(item)]

    avals = [value.type.substitute(env).aval for value in arguments]
    with importing.active(env), extern.intercepting():
        return _jax.make_jaxpr(traced)(*avals), returned


def _is_tensor(item: Any) -> bool:
    return isinstance(item, jax.Array | np.ndarray | Value)


def _imported(
    current: building.Builder, closed: Any, returned: list[Any], arguments: Sequence[Value], env: dict[str, int | Dim]
) -> list[Any]:
    importer = Importer(current, env)
    mark = len(current.nodes)
    place = Place(None, current.scope, "")
    results = importer.closed(closed, arguments, place)
    outputs = [
        importer.weakened(item, aval.weak_type, place) for item, aval in zip(results, closed.out_avals, strict=True)
    ]
    values = iter(importer.tied(outputs))
    if env and len(current.nodes) > mark:
        node = current.nodes[mark]
        node.substitution = (*node.substitution, *env.items())
    return [next(values) if item is _TENSOR else item for item in returned]


def _attempts(arguments: Sequence[Value]) -> Iterator[dict[str, int | Dim]]:
    """What unknown sizes may stand for: themselves; then one batch; then sizes that are aligned from the right."""
    yield {}
    symbols = dict.fromkeys(name for value in arguments for name in value.type.symbols)
    batches = sorted((name for name in symbols if name[0] == "b"), key=dims.number_of)
    merged: dict[str, int | Dim] = {name: dims.symbol(batches[0]) for name in batches[1:]}
    if merged:
        yield merged
    aligned = dict(merged)
    for left, right in itertools.combinations(arguments, 2):
        for a, b in zip(reversed(left.shape), reversed(right.shape), strict=False):
            found = infer.pair(dims.substitute(a, merged), dims.substitute(b, merged))
            if found is not None and 1 not in [size for size in (a, b) if isinstance(size, int)]:
                aligned.setdefault(*found)
    if aligned != merged:
        yield aligned
