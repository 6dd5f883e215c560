"""StableHLO in artifacts: the program for those who have no kgc, and functions with gradient rules of their own.

None of it reaches JAX unless the caller said `trust=True`: its reader was not written for hostile bytes.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import jax
from jax import export

from ...compiler import extern as externs, rewrite
from ...compiler.errors import ArgumentError, GraphError
from ...compiler.graph import Graph
from ...compiler.ir import Node, Value
from ..program import is_key
from .container import Container, Parts
from .execution import ADDRESS, Execution

PLATFORMS = ("cpu", "cuda", "rocm", "tpu")


def check_platforms(platforms: Iterable[str]) -> tuple[str, ...]:
    """The platforms, each once.

    Raises:
        ArgumentError: one is none that JAX knows.
    """
    found = (platforms,) if isinstance(platforms, str) else tuple(dict.fromkeys(platforms))
    for name in found:
        if name not in PLATFORMS:
            raise ArgumentError(
                "export() takes platforms by JAX's names",
                received=f"platforms={found!r}",
                hint=f"they are {', '.join(map(repr, PLATFORMS))}.",
            )
    return found


def export_program(execution: Execution, platform: str) -> bytes | str:
    """The serialized export with an open batch, or why there is none."""
    # Sizes under names of this file, for those of the process are numbered as they come.
    execution = execution.renamed()
    graph = execution.graph
    data = tuple(value.type.aval for value in graph.inputs if not is_key(value))
    params = (*graph.params[: execution.split], *graph.state, *graph.params[execution.split :])
    address = ADDRESS.aval if len(data) < len(graph.inputs) else None
    arrays = tuple(jax.ShapeDtypeStruct(value.type.shape, value.type.aval.dtype) for value in params)
    try:
        with without_locations():
            made = export.export(jax.jit(execution.run), platforms=[platform])(data, arrays, address)
        return bytes(made.serialize())
    except Exception as error:  # of many kinds: sizes that it cannot express, calls without a stable form
        first = next((line.strip() for line in f"{error}".splitlines() if line.strip()), "")
        return f"{type(error).__name__}: {first}"[:300]


@contextlib.contextmanager
def without_locations() -> Iterator[None]:
    """Keep the paths of this machine's files out of what is lowered inside."""
    config: Any = jax.config
    before = config.jax_traceback_in_locations_limit
    config.update("jax_traceback_in_locations_limit", 0)
    try:
        yield
    finally:
        config.update("jax_traceback_in_locations_limit", before)


def carry_externs(graph: Graph, parts: Parts) -> tuple[Graph, dict[str, int]]:
    """The graph with each `extern` node named by its StableHLO, and the parts that hold it.

    Raises:
        GraphError: a function runs on the host, or has no StableHLO; the error is at the user's line.
    """
    found: dict[str, int] = {}

    def visit(node: Node) -> Any:
        if node.op is not externs.extern:
            return None
        operands, sha, static = (*node.operands, *node.attrs)
        function = externs.lookup(sha)
        if function.kind != "gradient" or static:
            raise GraphError(
                f"the model calls Python on the host ({function.name}), which a file cannot hold",
                where=node.loc,
                hint="take the callback (`jax.debug.print`, `pure_callback`) out of the model that is exported.",
            )
        blob = _exported(function, operands, node)
        number = parts.add(blob)
        name = parts.hashes[number].hex()[:16]
        found[name] = number
        enter(name, blob)
        return externs.extern(list(operands), name, ())

    def renamed(one: Graph) -> Graph:
        return rewrite.rebuild(rewrite.map_regions(one, renamed), visit)

    return renamed(graph), found


def _exported(function: externs.Extern, operands: tuple[Any, ...], node: Node) -> bytes:
    tensors = [operand for operand in operands if type(operand) is Value]

    def body(*arrays: Any) -> tuple[Any, ...]:
        arrivals = iter(arrays)
        return tuple(function.function([next(arrivals) if type(o) is Value else o for o in operands], ()))

    avals = [jax.ShapeDtypeStruct(value.type.aval.shape, value.type.aval.dtype) for value in tensors]
    try:
        with without_locations():
            return bytes(export.export(jax.jit(body), platforms=("cpu", "cuda", "tpu"))(*avals).serialize())
    except Exception as error:  # of many kinds
        raise GraphError(
            f"{function.name}, which has a gradient rule of its own, cannot be exported",
            where=node.loc,
            received=f"{type(error).__name__}: {error}".partition("\n")[0][:300],
        ) from error


def enter(name: str, blob: bytes) -> None:
    """Make an `extern` of serialized StableHLO that is trusted."""
    exported = export.deserialize(bytearray(blob))

    def function(operands: list[Any], _: tuple[Any, ...]) -> list[Any]:
        return list(exported.call(*[operand for operand in operands if not isinstance(operand, int | float)]))

    externs.enter(name, externs.Extern(f"StableHLO {name}", "gradient", function))


def enter_externs(container: Container, names: Mapping[str, int]) -> None:
    """Make the `extern`s of a file that is trusted.

    Raises:
        ArtifactError: one is not what its name says, or JAX refuses it.
    """
    for name, number in names.items():
        blob = container.copy(number)
        if container.hash(number)[:16] != name:
            raise container.damaged(f"extern {name!r:.40} is another")
        try:
            enter(name, blob)
        except Exception as error:
            raise container.damaged(f"extern {name!r} cannot be read: {error}") from error
