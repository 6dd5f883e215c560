"""Writes an artifact: the optimised graph of a program, its arrays, an example, and StableHLO for those who want it."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jaxlib.version import __version__ as jaxlib_version

from ...compiler import printer
from ...compiler.graph import Graph
from ...compiler.ir import Value
from ..program import Program, is_key
from . import compiled, container, examples, stablehlo, training_writer
from .checked import every_node, read_ir
from .execution import Execution, short_names
from .fields import ArraySpec, Example, TensorSpec, map_leaves
from .header import Header, Signature
from .training_writer import Trained


def write(
    filepath: str | os.PathLike[str],
    program: Program,
    inputs: Any,
    outputs: Any,
    platforms: Sequence[str] = (),
    trained: Trained | None = None,
) -> None:
    """Write `program` to a file, atomically.

    Args:
        filepath: where.
        program: for inference; its parameters are written as passes made them.
        inputs, outputs: names of the inputs of its unoptimised graph, and of its outputs, nested as they are to be in
            the signature.
        platforms: for which StableHLO is put into the file; where JAX cannot, the header says why.
        trained: how it is trained, where the file is to be trained further.

    Raises:
        GraphError: the program calls Python on the host.
        ArgumentError: a platform that JAX does not know.
    """
    platforms = stablehlo.check_platforms(platforms)
    parts = container.Parts()
    graph, externs = stablehlo.carry_externs(program.graph, parts)
    text = printer.text(graph).encode()
    consts = printer.external_constants(graph)
    # What is written from here on is what a reader will have.
    ops = {node.op.name: node.op.version for node in every_node(graph)}
    graph = read_ir(text, consts, ops, os.fspath(filepath))
    arrays = _arrays(program)
    params, state = ([_spec(parts, arrays[v.name], v.name) for v in group] for group in (graph.params, graph.state))
    constants = {name: _spec(parts, array) for name, array in consts.items()}
    ir = parts.add(text)
    execution = Execution(graph, parts.hashes[ir].hex(), examples.PRECISION)
    given = tuple(
        [arrays[v.name] for v in (*graph.params, *graph.state)] + [consts[name] for name in execution.constants]
    )
    training = None
    if trained is not None:
        training = training_writer.add(parts, trained, program, constants, os.fspath(filepath))
    signature = _signature(program.source, inputs, outputs, any(map(is_key, graph.inputs)))
    header = Header(
        name=program.source.name,
        signature=signature,
        ir=ir,
        ops=dict(sorted(ops.items())),
        params=params,
        state=state,
        consts=constants,
        example=_example(parts, execution, given, program, signature),
        stablehlo={name: _stablehlo(parts, execution, name) for name in platforms},
        extern=externs,
        producer={
            "kgc": compiled.VERSION,
            "jax": jax.__version__,
            "jaxlib": jaxlib_version,
            "numpy": np.__version__,
            "python": ".".join(map(str, sys.version_info[:3])),
        },
        training=training,
    )
    container.write(filepath, header.fields(), parts)


def _arrays(program: Program) -> dict[str, np.ndarray]:
    """The parameters and state of the optimised graph, by name."""
    arrays, made = program.arrays()
    derived = {} if program.transform is None else dict(zip(program.transform.output_names, made, strict=True))
    return {
        value.name: np.asarray(
            derived[value.name] if value.name in derived else program.layout.pick(arrays, value.name)
        )
        for value in (*program.graph.params, *program.graph.state)
    }


def _spec(parts: container.Parts, array: np.ndarray, name: str = "") -> ArraySpec:
    return ArraySpec(array.dtype.name, tuple(array.shape), parts.add(array), name)


def _example(
    parts: container.Parts, execution: Execution, arrays: tuple[Any, ...], program: Program, signature: Signature
) -> Example | str:
    address = examples.address(0) if signature.random else None
    made = examples.record(execution, program.source, arrays, address)
    if isinstance(made, str):
        return made
    inputs, outputs = ([_spec(parts, array) for array in group] for group in made)
    return Example(inputs, outputs, 0, jax.default_backend())


def _stablehlo(parts: container.Parts, execution: Execution, platform: str) -> int | str:
    made = stablehlo.export_program(execution, platform)
    return made if isinstance(made, str) else parts.add(made)


def _signature(graph: Graph, inputs: Any, outputs: Any, random: bool) -> Signature:
    """Names, dtypes and shapes, unknown sizes named in order of appearance."""
    names = short_names(graph.symbols())
    by_name = {value.name: value for value in graph.inputs}

    def spec(name: str, value: Value) -> TensorSpec:
        shape = value.type.substitute(names).shape
        return TensorSpec(name, value.dtype, tuple(size if isinstance(size, int) else str(size) for size in shape))

    given = map_leaves(lambda name: spec(name, by_name[name]), inputs)
    results = iter(graph.outputs)
    return Signature(given, map_leaves(lambda name: spec(name, next(results)), outputs), random)
