"""The programs that a subject runs, with made-up data: `predict` and, of a compiled model, one step of training.

They are the very programs of `model.predict` and `fit`, passes and loops included; only the data are made up, of the
right types and ranges (indices within their table, classes within the outputs).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from ...compiler import flat, interpret, pipeline
from ...compiler.errors import ArgumentError
from ...compiler.flat import Block
from ...compiler.graph import Graph
from ...compiler.ir import Node, Value
from ...compiler.types import TensorType, is_float, jax_dtype
from ...frontend.functional import Model
from ...runtime.program import data_names, feed, is_key

_ADDRESS = 5
"""Numbers in the address of a step's random keys; the values do not matter here."""
_SIZE = 32
"""Of an axis other than the batch whose size the model leaves open."""


@dataclass
class Traced:
    """One program, ready to be counted, and to be run.

    Attributes:
        graph: what it computes, optimised.
        block: its steps, all sizes known.
        sizes: what was put for each unknown size, by the name that the text has for it.
        donated: bytes that results take over from arguments.
        run: computes it once, on made-up data; what it returns can be waited for.
        lower: as `jax.jit(…).lower`, for XLA's own figures.
    """

    graph: Graph
    block: Block
    sizes: dict[str, int]
    donated: int
    run: Callable[[], Any]
    lower: Callable[[], Any]


def trace(subject: Model | Graph, mode: str, batch: int, sizes: Mapping[str, int] | None = None) -> Traced:
    """The program of a model, or of a graph, at these sizes.

    Args:
        mode: "predict" or "train".
        batch: size of every unknown first axis.
        sizes: of other unknown axes, by input name and axis ("title.1"), else 32.

    Raises:
        ArgumentError: a size is given for an axis that is not there or known; or a graph is to be trained.
    """
    if isinstance(subject, Graph):
        if mode == "train":
            raise ArgumentError("only a compiled model can be trained: a graph alone has no optimizer")
        return _of_graph(subject, batch, sizes or {})
    return (_of_training if mode == "train" else _of_predicting)(subject, batch, sizes or {})


def _of_predicting(model: Model, batch: int, sizes: Mapping[str, int]) -> Traced:
    program = model.program(False)
    env, shown = _sizes(program.source, batch, sizes)
    data = _data(program.source, env)
    chosen = tuple([jax.device_put(data[at]) for at in program.positions])
    tags = flat.Tags(program.graph)
    copied = copy.copy(program)
    copied.graph = tags.graph
    arrays, made = program.arrays()
    key = np.zeros(_ADDRESS, np.uint32)
    closed = jax.make_jaxpr(copied._run)(chosen, arrays, made, key)
    return Traced(
        program.graph,
        flat.flatten(closed, tags.nodes, jax.default_backend()),
        shown,
        0,
        lambda: program(data, key),
        lambda: program.jitted.lower(chosen, arrays, made, key),
    )


def _of_training(model: Model, batch: int, sizes: Mapping[str, int]) -> Traced:
    step = model.train_program()
    env, shown = _sizes(step.source, batch, sizes)
    data = [jax.device_put(array) for array in _data(step.source, env)]
    tags = flat.Tags(step.graph)
    copied = copy.copy(step)
    copied.graph = tags.graph
    slots = step.layout.slots
    written, fixed = (
        tuple([jax.ShapeDtypeStruct(np.shape(slots[at].array), slots[at].array.dtype) for at in places])
        for places in (step._written, step._fixed)
    )
    given = tuple([data[at] for at in step._positions])
    key = np.zeros(_ADDRESS, np.uint32)
    closed = jax.make_jaxpr(copied._step)(written, fixed, given, key)
    return Traced(
        step.graph,
        flat.flatten(closed, tags.nodes, jax.default_backend()),
        shown,
        sum(int(np.prod(spec.shape)) * spec.dtype.itemsize for spec in written),
        lambda: (step(data, key), [slot.array for slot in step._written_slots]),
        lambda: step.jitted.lower(written, fixed, given, key),
    )


def _of_graph(source: Graph, batch: int, sizes: Mapping[str, int]) -> Traced:
    graph = pipeline.optimize(source).graph
    env, shown = _sizes(graph, batch, sizes)
    tags = flat.Tags(graph)
    random = np.random.default_rng(0)
    weights = [
        [_array(random, value.type.substitute(env), None) for value in row] for row in (graph.params, graph.state)
    ]
    arguments = jax.device_put((tuple(_data(graph, env)), tuple(weights[0]), tuple(weights[1])))
    key = np.zeros(_ADDRESS, np.uint32)

    def function(used: Graph) -> Callable[..., Any]:
        return lambda data, params, state, key: interpret.evaluate(used, feed(used, data, key), params, state)

    jitted = jax.jit(function(graph))
    closed = jax.make_jaxpr(function(tags.graph))(*arguments, key)
    return Traced(
        graph,
        flat.flatten(closed, tags.nodes, jax.default_backend()),
        shown,
        0,
        lambda: jitted(*arguments, key),
        lambda: jitted.lower(*arguments, key),
    )


def _sizes(graph: Graph, batch: int, given: Mapping[str, int]) -> tuple[dict[str, int], dict[str, int]]:
    """A number for each symbol of a graph, and those that are not the batch by input and axis."""
    env: dict[str, int] = {}
    shown: dict[str, int] = {}
    known: dict[str, int] = {}
    for value in graph.inputs:
        for axis, size in enumerate(value.type.shape):
            place = f"{value.name}.{axis}"
            if isinstance(size, int) or not size.is_symbol:
                continue
            name = str(size)
            if size.is_batch:
                env[name] = batch
            elif place in given:
                env[name] = shown[place] = known[place] = given[place]
            elif name not in env:
                env[name] = shown[place] = _SIZE
    unknown = [place for place in given if place not in known]
    if unknown:
        places = ", ".join(shown) or "none"
        raise ArgumentError(
            f"there is no axis of unknown size {unknown[0]!r}",
            received=f"{unknown[0]}={given[unknown[0]]}",
            hint=f"axes of unknown size beside the batch: {places}.",
        )
    for name in graph.symbols():
        env.setdefault(name, batch if name[0] == "b" else _SIZE)
    return env, shown


def _data(graph: Graph, env: Mapping[str, int]) -> list[np.ndarray]:
    """An array for each input that takes data."""
    random = np.random.default_rng(0)
    values = {value.name: value for value in graph.inputs if not is_key(value)}
    users = graph.users()
    return [
        _array(random, values[name].type.substitute(env), _classes(values[name], users)) for name in data_names(graph)
    ]


def _array(random: np.random.Generator, type_: TensorType, classes: tuple[str, int] | None) -> np.ndarray:
    shape: Any = type_.shape
    if type_.dtype == "bool":
        return random.random(shape) < 0.5
    dtype = jax_dtype(type_.dtype)
    if classes is not None and classes[0] == "one hot":
        found = np.zeros(shape, np.float32)
        picked = random.integers(0, shape[-1], shape[:-1])
        np.put_along_axis(found, picked[..., None], 1.0, axis=-1)
        return found.astype(dtype)
    if classes is not None:
        return random.integers(0, max(classes[1], 1), shape).astype(dtype)
    if is_float(type_.dtype):
        return random.random(shape, dtype=np.float32).astype(dtype)
    return random.integers(0, 2, shape).astype(dtype)


def _classes(value: Value, users: Mapping[Value, list[Node]], depth: int = 8) -> tuple[str, int] | None:
    """What an input chooses among: rows of a table, or classes; None for plain numbers."""
    for node in users.get(value, ()) if depth else ():
        name = node.op.name
        if name == "take" and node.operand("indices") is value:
            table, axis = node.operand("x"), node.attr("axis")
            size = table.type.shape[axis or 0]
            return ("index", size) if isinstance(size, int) else None
        if name == "one_hot":
            return "index", node.attr("num_classes")
        if name == "sparse_categorical_crossentropy" and node.operand("target") is value:
            size = node.operand("output").type.shape[node.attr("axis")]
            return ("index", size) if isinstance(size, int) else None
        if name == "categorical_crossentropy" and node.operand("target") is value:
            return "one hot", 0
        if name == "binary_crossentropy" and node.operand("target") is value:
            return "index", 2
        if name in ("cast", "reshape", "expand_dims", "squeeze", "stop_gradient", "lax.convert_element_type"):
            found = _classes(node.results[0], users, depth - 1)
            if found is not None:
                return found
    return None
