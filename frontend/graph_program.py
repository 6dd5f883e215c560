"""`kgc.compile`: a graph with arrays: read from text, edited by hand, made by a pass of one's own.

graph = kgc.parse(open("model.ir").read())
program = kgc.compile(graph, model)  # over the model's own weights; or over arrays by name
outputs = program(x)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from ..compiler.dims import Dim
from ..compiler.errors import ArgumentError, DataError, DTypeError, GraphError, ShapeError, shown
from ..compiler.graph import Graph
from ..compiler.ir import Value
from ..compiler.parser import parse
from ..compiler.types import TensorType, is_float
from ..compiler.verifier import verify
from ..runtime import seeds
from ..runtime.interrupts import between_steps
from ..runtime.memory import parse_limit
from ..runtime.program import Program, data_names
from ..runtime.stacking import Roll, check_roll
from ..runtime.step import TrainStep
from . import optimizers
from .model import Model
from .variable import Variable

_CALL, _STEP = 6, 7
"""Purposes of random addresses; those of models stand in `runs`."""


def compile(
    graph: Graph | str,
    arrays: Mapping[str, Any] | Model | None = None,
    *,
    optimizer: Any = None,
    trained: Iterable[str] | None = None,
    passes: Sequence[str] | None = None,
    roll: Roll = "auto",
    memory_limit: Any = None,
) -> GraphProgram:
    """The graph as a program over these arrays.

    Args:
        graph: a graph, or its text.
        arrays: the graph's params and state by name, which are copied; or a model whose variables have these names in
            `model.graph()`: then the program works on the model's own.
        optimizer: makes it trainable (see `GraphProgram.train_step`): a name, an optimizer, or an optax transformation.
        trained: names of the params that the optimizer changes; by default all of a float dtype.
        passes: names of the passes to run; by default all.
        roll: whether equal blocks become loops ("auto", "always", "never").
        memory_limit: what a training step may take of the device's memory, as for `Model.compile`.

    Raises:
        IRError: the text is no IR, or the graph does not verify.
        ArgumentError: an array is missing, or is the graph's neither as param nor as state.
        ShapeError, DTypeError: an array does not fit its type.
    """
    roll = check_roll(roll)
    made = parse(graph) if isinstance(graph, str) else graph
    if not isinstance(made, Graph):
        raise ArgumentError(
            "compile() takes a graph, or its text", received=f"{graph!r:.60}", hint="a model has `model.compile(…)`."
        )
    if not isinstance(arrays, Mapping | Model | None):
        raise ArgumentError(
            "compile() takes the arrays of a graph by name, or a model that has them",
            received=f"arrays={shown(arrays)}",
            hint="`kgc.compile(graph, {'dense.kernel': kernel, …})`.",
        )
    given = {} if arrays is None else arrays
    return GraphProgram(made, given, optimizer, trained, passes, roll, parse_limit(memory_limit))


class GraphProgram:
    """A graph that runs and, with an optimizer, trains.

    Attributes:
        source: the graph as it was given; `graph` is what runs.
        variables: its params and state by name.
    """

    def __init__(
        self,
        source: Graph,
        arrays: Mapping[str, Any] | Model,
        optimizer: Any,
        trained: Iterable[str] | None,
        passes: Sequence[str] | None,
        roll: Roll,
        memory_limit: int | None,
    ) -> None:
        self.source = verify(source)
        self.variables = _shared(source, arrays) if isinstance(arrays, Model) else _variables(source, arrays)
        self.optimizer = None if optimizer is None else optimizers.get(optimizer)
        if self.optimizer is None and trained is not None:
            raise ArgumentError(
                "`trained` says what an optimizer changes, and there is none", hint="give `optimizer=`."
            )
        if self.optimizer is None and memory_limit is not None:
            raise ArgumentError(
                "`memory_limit` is for the steps of an optimizer, and there is none", hint="give `optimizer=`."
            )
        params = {value.name for value in source.params}
        floats = [value.name for value in source.params if is_float(value.dtype)]
        self._trained = floats if trained is None else list(dict.fromkeys(trained))
        for name in self._trained:
            if name not in params:
                raise ArgumentError(
                    f"the graph @{source.name} has no param '{name}' to train",
                    received=f"trained={self._trained!r:.80}",
                    hint=f"its params are {', '.join(value.name for value in source.params) or 'none'}.",
                )
        self._passes, self._memory_limit = passes, memory_limit
        self._roll: Roll = roll
        self._program: Program | None = None
        self._step: TrainStep | None = None
        self._calls = self._steps = 0

    @property
    def graph(self) -> Graph:
        """The optimised graph that calls run."""
        return self._forward().graph

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """Params and state by name, as they are now."""
        return {name: variable.numpy() for name, variable in self.variables.items()}

    def __call__(self, *inputs: Any, **named: Any) -> Any:
        """The outputs on arrays, given in the graph's order or by name: one, or a list.

        State that the graph assigns is changed.
        """
        program = self._forward()
        data = self._data(inputs, named)
        address = np.array([seeds.word(), _CALL, self._calls], np.uint32)
        self._calls += 1
        outputs = program(data, address if program.random else None)
        return outputs[0] if len(outputs) == 1 else outputs

    def train_step(self, *inputs: Any, **named: Any) -> dict[str, Any]:
        """One step of the optimizer down the first output, a scalar; that and the other outputs by their names.

        Raises:
            GraphError: there is no optimizer, or the first output is no scalar.
        """
        if self._step is None or self._step.outdated:
            self._step = self._made_step()
        data = self._data(inputs, named)
        address = np.array([seeds.word(), _STEP, 0, 0, self._steps], np.uint32)
        self._steps += 1
        with between_steps():
            return self._step(data, address)

    def _forward(self) -> Program:
        if self._program is None:
            self._program = Program(self.source, self.variables, passes=self._passes, roll=self._roll)
        return self._program

    def _made_step(self) -> TrainStep:
        if self.optimizer is None:
            raise GraphError(
                f"the program of @{self.source.name} has no optimizer", hint="`kgc.compile(…, optimizer='adam')`."
            )
        loss = self.source.outputs[0] if self.source.outputs else None
        if loss is None or loss.type.shape or not is_float(loss.dtype):
            raise GraphError(
                f"training goes down the first output of @{self.source.name}, which must be a scalar",
                received="no output" if loss is None else f"{loss.type}",
                hint="reduce it to a mean in the graph, or put the loss first.",
            )
        trained = [self.variables[name] for name in self._trained]
        self.optimizer.build(trained)
        names = self.source.output_names or tuple([f"output_{i}" for i in range(len(self.source.outputs))])
        objective = "objective"
        while objective in names:
            objective += "_"
        # The step differentiates the first output, and logs the others; the loss is logged as one of these.
        graph = Graph(
            self.source.name,
            self.source.inputs,
            self.source.params,
            self.source.state,
            self.source.consts,
            self.source.nodes,
            (loss, *self.source.outputs),
            self.source.assigns,
            (objective, *names),
        )
        return TrainStep(
            graph,
            self.variables,
            self._trained,
            self.optimizer,
            self.optimizer.variables,
            self._passes,
            roll=self._roll,
            memory_limit=self._memory_limit,
        )

    def _data(self, inputs: tuple[Any, ...], named: Mapping[str, Any]) -> list[Any]:
        names = data_names(self.source)
        unknown = [name for name in named if name not in names[len(inputs) :]]
        if len(inputs) > len(names) or unknown or len(inputs) + len(named) < len(names):
            given = [f"{len(inputs)} in order", *map(repr, named)]
            raise ArgumentError(
                f"the program of @{self.source.name} takes {', '.join(names) or 'no inputs'}",
                received=", ".join(given),
                hint="give each once, in order or by name.",
            )
        types = {value.name: value.type for value in self.source.inputs}
        arrays = [*inputs, *(named[name] for name in names[len(inputs) :])]
        return [_array(n, types[n], a) for n, a in zip(names, arrays, strict=True)]


def _array(name: str, type_: TensorType, given: Any) -> Any:
    """An input as an array: JAX's as they are, others in the input's dtype."""
    if isinstance(given, jax.Array):
        return given
    try:
        return np.asarray(given, type_.aval.dtype)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"the input '{name}' takes numbers: {type_}", received=shown(given), hint="give an array."
        ) from error


def _shared(graph: Graph, model: Model) -> dict[str, Variable]:
    known = model.graph_variables()
    wanted = {value.name: value for value in (*graph.params, *graph.state)}
    for name, value in wanted.items():
        variable = known.get(name)
        if variable is None or tuple(variable.shape) != value.type.shape or variable.dtype != value.dtype:
            raise ArgumentError(
                f"the model '{model.name}' has no variable %{name}: {value.type}",
                received="none of that name" if variable is None else f"{variable.dtype}{list(variable.shape)}",
                hint=f"its variables are {', '.join(known)}.",
            )
    return {name: known[name] for name in wanted}


def _variables(graph: Graph, arrays: Mapping[str, Any]) -> dict[str, Variable]:
    wanted = {value.name: value for value in (*graph.params, *graph.state)}
    missing = [name for name in wanted if name not in arrays]
    unknown = [name for name in arrays if name not in wanted]
    if missing or unknown:
        raise ArgumentError(
            f"compile() takes an array for each param and state of @{graph.name}, by name",
            received=f"without {', '.join(missing)}" if missing else f"also {', '.join(map(repr, unknown))}",
            hint=f"they are {', '.join(wanted) or 'none'}.",
        )
    params = {value.name for value in graph.params}
    return {name: _variable(value, arrays[name], name in params) for name, value in wanted.items()}


def _variable(value: Value, given: Any, is_param: bool) -> Variable:
    array = np.asarray(given)
    if any(isinstance(size, Dim) for size in value.type.shape):
        raise ShapeError(
            f"%{value.name} has an open size, and an array has none",
            received=f"{value.type}",
            hint="`kgc.passes.specialize(graph, …)` sets it.",
        )
    if array.shape != value.type.shape:
        raise ShapeError(
            f"%{value.name} is {value.type} in the graph",
            received=f"an array of shape {array.shape}",
            hint="give it that shape, or change the graph's type.",
        )
    wanted = np.dtype(value.type.aval.dtype)
    if array.dtype != wanted:
        if not np.can_cast(array.dtype, wanted, "same_kind"):
            raise DTypeError(
                f"%{value.name} is {value.type} in the graph",
                received=f"an array of {array.dtype}",
                hint=f"convert it: `array.astype({wanted.name!r})`.",
            )
        array = array.astype(wanted)
    return Variable(array, dtype=value.dtype, trainable=is_param, name=value.name.rpartition(".")[2])
