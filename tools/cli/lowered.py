"""What JAX and XLA make of a graph: its jaxpr, its StableHLO for each platform, the HLO that this machine runs."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .failure import Failure
from .progress import working

if TYPE_CHECKING:
    from ...compiler.graph import Graph
    from ...runtime.step import TrainStep

Function = tuple[Any, tuple[Any, ...], list[str]]
"""A jitted function, the types it is called on, and a name for each of its leaves."""


def of_graph(graph: Graph) -> Function:
    """The graph from data, params and state to outputs and new state."""
    import jax

    from ...runtime.artifact.execution import ADDRESS, Execution
    from ...runtime.program import data_names, is_key

    execution = Execution(graph, "").renamed()
    made = execution.graph
    data = tuple(_aval(value) for value in made.inputs if not is_key(value))
    params = (*made.params[: execution.split], *made.state, *made.params[execution.split :])
    arrays = tuple(_aval(value) for value in params)
    address = _aval_of(ADDRESS) if len(data) < len(made.inputs) else None
    names = [*data_names(made), *(value.name for value in params), *(["address"] if address is not None else [])]
    return jax.jit(_named(execution.run, graph.name)), (data, arrays, address), names


def of_step(step: TrainStep, sizes: Mapping[str, int]) -> Function:
    """The train step with gradients and update: from what it replaces, what it reads, data, and a random address."""
    from ...runtime.artifact.execution import short_names

    env: dict[str, Any] = dict(short_names(step.graph.symbols()))
    env.update({name: sizes[str(short)] for name, short in env.items() if str(short) in sizes})
    avals, names = step.arguments(env)
    return step.jitted, avals, names


def jaxpr(function: Function) -> str:
    """The jaxpr, with a comment that names its arguments."""
    import jax

    call, avals, names = function
    made = jax.make_jaxpr(call)(*avals)
    return f"// arguments: {', '.join(names)}\n{made}\n"


def stablehlo(function: Function, platforms: Sequence[str]) -> str:
    """StableHLO, for each platform behind a comment where there are several."""
    from jax import export

    call, avals, names = function
    parts: list[str] = [f"// arguments: {', '.join(names)}\n"]
    for platform in platforms:
        with working(f"lowering for {platform}"):
            module = str(export.export(call, platforms=[platform])(*avals).mlir_module())
        parts.append((f"// {platform}\n" if len(platforms) > 1 else "") + _without_locations(module))
    return "".join(parts)


def hlo(function: Function, graph: Graph) -> str:
    """The HLO that XLA gives for this machine, after its own passes."""
    if graph.symbols():
        from ...compiler import printer

        names = [printer.symbol_names(graph)[symbol] for symbol in graph.symbols()]
        advice = "give --batch N" if names[0][0] == "b" else "give `Input(shape=…)` a size there"
        raise Failure(
            "--emit hlo shows what XLA compiles, for which every size is known, "
            f"and {', '.join(names)} {'is' if len(names) == 1 else 'are'} open: {advice}",
            status=2,
        )
    call, avals, _ = function
    with working("compiling"):
        return str(call.lower(*avals).compile().as_text())


def _without_locations(module: str) -> str:
    """MLIR text without `loc(…)`, which is half of it and says where in JAX and kgc an op was made."""
    lines = [line for line in module.splitlines() if not line.startswith("#loc")]
    return "\n".join(re.sub(r' loc\((?:unknown|#loc\d*|"[^"]*")\)', "", line) for line in lines) + "\n"


def _named(run: Callable[..., Any], name: str) -> Callable[..., Any]:
    def main(data: Any, arrays: Any, address: Any) -> Any:
        return run(data, arrays, address)

    main.__name__ = main.__qualname__ = "".join(c if c.isalnum() else "_" for c in name)
    return main


def _aval(value: Any) -> Any:
    return _aval_of(value.type)


def _aval_of(type_: Any) -> Any:
    import jax

    return jax.ShapeDtypeStruct(type_.aval.shape, type_.aval.dtype)
