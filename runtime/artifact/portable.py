"""A model as one StableHLO module, for runtimes that know nothing of kgc, nor of JAX.

Its `main` takes the inputs, flat, and gives the outputs, flat; the weights are constants in it.  A model that draws
random numbers takes `uint32[3]` behind the inputs.  Bytecode is StableHLO's portable one (`.mlirbc`, which it keeps
readable for five years); `.mlir` is the same as text.
"""

from __future__ import annotations

import os
from typing import Any

import jax
from jax import export

from ...compiler.dims import Dim
from ...compiler.errors import GraphError
from ..files import atomic_write
from ..program import Program, data_names, is_key
from . import container, stablehlo
from .execution import ADDRESS, short_names

SUFFIXES = (".mlirbc", ".mlir")


def write(path: str, program: Program, platform: str, batch_size: int | None) -> None:
    """Write what `program` computes to a file that ends in one of `SUFFIXES`.

    Args:
        path: where.
        program: for inference.
        platform: what its module is lowered for.
        batch_size: rows of every input; None leaves them open: not every runtime can take that, and the module then
            calls `shape_assertion` on the sizes, which StableHLO's shape refinement takes out.

    Raises:
        GraphError: the model keeps state from call to call, calls Python on the host, or JAX cannot lower it.
    """
    stablehlo.carry_externs(program.graph, container.Parts())  # refuses calls to the host, at the user's line
    if program.assigned:
        raise GraphError(
            f"'{program.source.name}' keeps state from call to call, which a StableHLO module has no place for",
            received=", ".join(program.assigned),
            hint="export an artifact (`format='kgc'`).",
        )
    source = program.source.substitute(_sizes(program.source.symbols(), batch_size))
    data = [value.type.aval for value in source.inputs if not is_key(value)]
    arrays, made = program.arrays()
    count = len(data_names(source))

    def main(*given: Any) -> list[Any]:
        address = given[count] if program.random else None
        return program.evaluate([given[at] for at in program.positions], arrays, made, address)

    lowered = jax.jit(main, keep_unused=True)
    avals = [*data, ADDRESS.aval] if program.random else data
    try:
        with stablehlo.without_locations():
            module = export.export(lowered, platforms=[platform])(*avals)
    except Exception as error:  # of many kinds: sizes that it cannot express, calls without a stable form
        first = next((line.strip() for line in f"{error}".splitlines() if line.strip()), "")
        raise GraphError(
            f"'{program.source.name}' cannot be written as StableHLO",
            received=f"{type(error).__name__}: {first}"[:300],
            hint="give `batch_size`, and `Input(shape=…)` sizes, where they are open." if batch_size is None else None,
        ) from error
    text = path.endswith(".mlir")
    with atomic_write(os.fspath(path)) as file:
        file.write(module.mlir_module().encode() if text else bytes(module.mlir_module_serialized))


def _sizes(symbols: tuple[str, ...], batch_size: int | None) -> dict[str, int | Dim]:
    """Names of this file for open sizes, and the batch's number where it has one."""
    found = short_names(symbols)
    if batch_size is not None:
        found.update({symbol: batch_size for symbol in symbols if symbol[0] == "b"})
    return found
