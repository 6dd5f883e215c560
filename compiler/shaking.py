"""A graph as one compiled function of named arrays: its results and gradients, as they are or shaken.

Shaken, every argument and every result of a node is off by up to one unit in the last place, which shows how much of a
number is rounding.  Graphs before and after a pass take the arrays of the same source, by the transform between them,
so that gradients are those with respect to the same params.
"""

# JAX's own annotations are partly unknown.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Mapping
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np

from . import transform as transforms
from .graph import Graph
from .interpret import evaluate

Results = dict[str, np.ndarray[Any, Any]]
GRADIENT = "the gradient of "

_jit = cast(Any, jax.jit)
_jnp = cast(Any, jnp)


def compiled(
    graph: Graph, transform: Graph | None, source: Graph, floats: Collection[str], shaken: bool = False
) -> Callable[[Mapping[str, Any], float], Results]:
    """A function from the source's arrays by name, and a phase that decides how to shake, to results by name.

    Args:
        graph: what is evaluated.
        transform: from the source's params and state to the graph's; None where these are the same.
        source: whose assigned states the results have, whether the graph assigns them or not.
        floats: arguments of the source with respect to which gradients of the outputs are taken; may be empty.
        shaken: whether to shake.
    """
    stacks = transforms.stacks(transform)
    moving = {value.name for value in (*source.params, *source.state)}

    def forward(given: Mapping[str, Any], touch: Callable[[Any], Any] | None) -> tuple[list[Any], dict[str, Any]]:
        known = dict(given)
        if touch is not None:
            known = {name: touch(array) if name in moving or name in floats else array for name, array in known.items()}
        known |= transforms.apply(transform, known)
        groups = ([known[value.name] for value in group] for group in (graph.inputs, graph.params, graph.state))
        outputs, assigned = evaluate(graph, *groups, touch=touch)
        state = {target.name: given[target.name] for target, _ in source.assigns}  # what is not assigned stays
        for (target, _), array in zip(graph.assigns, assigned, strict=True):
            members = stacks.get(target.name)
            state |= {target.name: array} if members is None else dict(zip(members, array, strict=True))
        return outputs, state

    def everything(given: Mapping[str, Any], phase: Any) -> dict[str, Any]:
        touch = _Shaking(phase) if shaken else None

        def total(moved: Mapping[str, Any]) -> tuple[Any, Any]:
            found = forward({**given, **moved}, touch)
            weighed = [_weighed(array, i) for i, array in enumerate(found[0]) if _is_float(array)]
            return sum(weighed, _jnp.zeros((), "float32")), found

        moved = {name: given[name] for name in given if name in floats}
        nothing: dict[str, Any] = {}
        slope_of: Any = cast(Any, jax).grad(total, has_aux=True)
        slopes, (outputs, state) = slope_of(moved) if moved else (nothing, total(nothing)[1])
        labels = source.output_names or [""] * len(outputs)
        results = {
            f"output {i}{f' ({name})' if name else ''}": a
            for i, (name, a) in enumerate(zip(labels, outputs, strict=True))
        }
        results |= {f"state {name}": array for name, array in state.items()}
        results |= {f"{GRADIENT}{name}": array for name, array in slopes.items()}
        return {name: _plain(array) for name, array in results.items()}

    function = _jit(everything, compiler_options=_quickly())

    def run(given: Mapping[str, Any], phase: float) -> Results:
        made: dict[str, Any] = function(given, np.float32(phase))
        return {name: np.asarray(array) for name, array in made.items()}

    return run


@functools.cache
def _quickly() -> dict[str, Any]:
    """Options with which XLA compiles in a quarter of the time: nearly all goes into what runs once or twice."""
    options: dict[str, Any] = {"xla_backend_optimization_level": 0, "xla_cpu_use_fusion_emitters": False}
    try:
        _jit(_jnp.sin, compiler_options=options)(np.float32(0))
    except Exception:  # another XLA, with other options
        return {}
    return options


class _Shaking:
    """Multiplies by 1 and a unit in the last place, or a part of it, up or down, for each element another."""

    def __init__(self, phase: Any) -> None:
        self.phase, self.count = phase, 0

    def __call__(self, x: Any) -> Any:
        if not _is_float(x) or jax.typeof(x).weak_type:
            return x
        self.count += 1
        wide = "float64" if x.dtype == "float64" else "float32"
        wave = _jnp.cos(1.7 * _jnp.arange(x.size, dtype=wide) + (2.3 * self.phase.astype(wide) + 0.9 * self.count))
        unit = float(_jnp.finfo(x.dtype).eps)
        return (x.astype(wide) * (1.0 + unit * wave.reshape(x.shape))).astype(x.dtype)


def _weighed(array: Any, index: int) -> Any:
    """The sum of the elements under weights of the output's own, so that no two faults cancel."""
    weights = _jnp.cos((0.7 + 0.1 * index) * _jnp.arange(array.size, dtype="float32") + 1.0 * index)
    return _jnp.sum(array.astype("float32").reshape(-1) * weights)


def _is_float(x: Any) -> bool:
    return bool(_jnp.issubdtype(x.dtype, _jnp.floating))


def _plain(array: Any) -> Any:
    return jax.random.key_data(array) if _jnp.issubdtype(array.dtype, jax.dtypes.prng_key) else array
