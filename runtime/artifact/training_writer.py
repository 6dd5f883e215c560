"""Puts the train step of a model into an artifact: the finished step as IR, and the arrays that it needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from ...compiler import extern as externs, pipeline, printer
from ...compiler.errors import GraphError, KgcError
from ...compiler.finished import finish
from ...compiler.graph import Graph
from ...compiler.types import TensorType
from ..program import Program, is_key
from ..step import TrainStep
from ..store import Handle
from . import container, examples
from .checked import every_node, read_ir
from .execution import Execution, short_names
from .fields import ArraySpec, Example, TensorSpec, Text
from .training import STEPS
from .training_header import TrainingHeader

_PASSES = ("prune_dead", "fold_constants", "eliminate_common", "prune_dead")


@dataclass(frozen=True)
class Trained:
    """What is to be known of a model's training.

    Attributes:
        step: not rolled.
        labels: names of the optimizer's variables, by the handle's id.
        targets: names of outputs, by the names of the step's inputs that are their targets.
        rate: what holds the learning rate, where it follows no schedule.
        iterations: what counts the steps.
        metrics: state of metrics, and what it is when an epoch begins.
        averages: pairs of a variable and what holds its average.
        seed: of random numbers; `runs` counts calls (see `TrainingHeader`).
    """

    step: TrainStep
    labels: Mapping[int, str]
    targets: Mapping[str, str]
    rate: Handle | None
    iterations: Handle
    metrics: Sequence[tuple[Handle, np.ndarray]]
    averages: Sequence[tuple[Handle, Handle]]
    seed: int
    runs: Mapping[str, int]


def add(
    parts: container.Parts, trained: Trained, program: Program, constants: dict[str, ArraySpec], path: str
) -> TrainingHeader:
    """Put the training into `parts`, large constants also into `constants`.

    Raises:
        GraphError: the step calls Python on the host, or computes what graphs have no op for.
    """
    step, transform = trained.step, program.transform_of_all
    _refuse_callbacks(step.graph)
    names = _names(trained, program)
    graph = _finished(trained, names)
    handles: dict[str, Any] = {names[key]: place for key, place in step.variables.items()}  # it is not rolled
    needed = [value.name for value in (*transform.params, *transform.state)] if transform is not None else []
    handles.update({name: program.variables[name] for name in needed if name not in handles})
    metrics = {id(handle): array for handle, array in trained.metrics}
    arrays = {name: metrics[id(h)] if id(h) in metrics else h.copy() for name, h in handles.items()}
    written = {value.name for value in graph.state}
    used = {value.name for value in graph.params} | set(needed)

    def spec(name: str) -> ArraySpec:
        array = arrays[name]
        return ArraySpec(array.dtype.name, tuple(array.shape), parts.add(array), name)

    def held(handle: Handle | None) -> str:
        name = "" if handle is None else by_id.get(id(handle), "")
        return name if name in written else ""

    def text(one: Graph) -> tuple[Text, Graph]:
        data, consts = printer.text(one).encode(), printer.external_constants(one)
        for name, array in consts.items():
            constants[name] = ArraySpec(array.dtype.name, tuple(array.shape), parts.add(array))
        ops = {node.op.name: node.op.version for node in every_node(one)}
        found = Text(parts.add(data), dict(sorted(ops.items())))
        return found, read_ir(data, consts, ops, path)

    ir, graph = text(graph)
    by_id = {id(handle): name for name, handle in handles.items()}
    random = any(map(is_key, graph.inputs))
    return TrainingHeader(
        step=ir,
        weights=None if transform is None else text(transform)[0],
        params=[spec(name) for name in handles if name in used - written],
        state=[spec(value.name) for value in graph.state],
        targets=_targets(trained, program),
        outputs=list(trained.targets.values()),
        logs=list(step.log_names),
        rate=held(trained.rate),
        iterations=held(trained.iterations),
        metrics=[spec(held(handle)) for handle, _ in trained.metrics if held(handle)],
        averages=[(by_id[id(handle)], by_id[id(average)]) for handle, average in trained.averages],
        random=random,
        seed=trained.seed,
        runs=dict(trained.runs),
        example=_example(parts, graph, parts.hashes[ir.part].hex(), arrays, random),
    )


def _refuse_callbacks(graph: Graph) -> None:
    for node in every_node(graph):
        if node.op is externs.extern:
            function = externs.lookup(node.attr("sha"))
            if function.kind != "gradient" or node.attr("static"):
                raise GraphError(
                    f"training calls Python on the host ({function.name}), which a file cannot hold",
                    where=node.loc,
                    hint="take the callback (`jax.debug.print`, `pure_callback`) out of what is exported.",
                )


def _names(trained: Trained, program: Program) -> dict[str, str]:
    """Names in the file by those that the step has: weights have those of the model's own graph."""
    own = {id(handle): name for name, handle in program.variables.items()}
    taken, found = set(own.values()), dict[str, str]()
    taken |= {value.name for value in trained.step.graph.inputs}
    for name, place in trained.step.variables.items():
        known = own.get(id(place))
        if known is None:
            label = trained.labels.get(id(place), name)
            known, count = label, 0
            while known in taken:
                count += 1
                known = f"{label}_{count}"
            taken.add(known)
        found[name] = known
    return found


def _finished(trained: Trained, names: Mapping[str, str]) -> Graph:
    """The step as one graph, gradients and update and all."""
    step = trained.step
    inputs = {value.name: value.type for value in step.graph.inputs}
    handles: dict[str, Any] = {names[key]: place for key, place in step.variables.items()}
    types: dict[str, TensorType] = {name: handle.type for name, handle in handles.items()}
    state = {names[key]: types[names[key]] for key in step.changed}
    params = {name: type_ for name, type_ in types.items() if name not in state}

    def compute(given: dict[str, Any], values: dict[str, Any]) -> tuple[Sequence[Any], Mapping[str, Any]]:
        own = {key: values[name] for key, name in names.items()}
        logs, new = step.compute([given[value.name] for value in step.graph.inputs], own)
        return logs, {names[key]: value for key, value in new.items()}

    try:
        graph = finish(step.source.name, compute, inputs, params, state, step.log_names)
        return pipeline.optimize(graph, _PASSES, training=True).graph
    except KgcError as error:
        error.what = f"the train step cannot be exported: {error.what}"
        raise


def _targets(trained: Trained, program: Program) -> list[TensorSpec]:
    """Types of the targets; sizes have the names that they have in the signature."""
    source = trained.step.source
    ours, theirs = ({v.name: v.type for v in graph.inputs} for graph in (source, program.source))
    named = short_names(program.source.symbols())
    for name in theirs.keys() & ours.keys():
        for mine, size in zip(ours[name].shape, theirs[name].shape, strict=True):
            symbol = str(mine)
            if not isinstance(mine, int) and symbol in source.symbols() and str(size) in named:
                named.setdefault(symbol, named[str(size)])
    named = {**short_names(source.symbols()), **named}
    found: list[TensorSpec] = []
    for name in trained.targets:
        type_ = ours[name].substitute(named)
        found.append(
            TensorSpec(name, type_.dtype, tuple(size if isinstance(size, int) else str(size) for size in type_.shape))
        )
    return found


def _example(
    parts: container.Parts,
    graph: Graph,
    identity: str,
    given: Mapping[str, np.ndarray],
    random: bool,
) -> Example | str:
    execution = Execution(graph, identity, examples.PRECISION)
    consts = {printer.constant_name(array): array for array in graph.consts.values()}
    names = [value.name for value in (*graph.params, *graph.state)]
    held = {**given, **consts}
    arrays = tuple(jax.device_put([held[name] for name in (*names, *execution.constants)]))
    address = np.zeros(5, np.uint32) if random else None
    made = examples.record(execution, graph, arrays, address, STEPS)
    if isinstance(made, str):
        return made
    inputs, wanted = ([ArraySpec(a.dtype.name, tuple(a.shape), parts.add(a)) for a in group] for group in made)
    return Example(inputs, wanted, 0, jax.default_backend())
