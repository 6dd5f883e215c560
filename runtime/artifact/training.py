"""The train step of an artifact: IR from inputs and targets to logs and new state, and the arrays that it changes.

Everything that a step needs is in that graph: forward, loss, gradients, the optimizer's update, metrics.  So there is
no optimizer here, and no loss: only a graph that is called again and again on its own results.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np

from ...compiler.errors import ArtifactError
from ...compiler.graph import Graph
from ...compiler.ir import Value
from ..program import data_names, is_key
from ..store import refuse_tracers
from . import examples
from .checked import agrees, every_node, read_ir
from .container import Container
from .execution import Execution
from .fields import ArraySpec, Example, TensorSpec, Text
from .header import Header
from .training_header import TrainingHeader

STEPS = 2
"""Steps of the recorded example: the second sees what the first did to the weights."""
_PURPOSE = {"fit": 2, "train_on_batch": 3}
"""Of random addresses, as `model.fit` and `model.train_on_batch` have them."""


class Training:
    """The step, compiled for each set of shapes, and the arrays as it left them.

    Args:
        container: the file.
        header: its header, with `training`.
        array: gives an array of the file.

    Attributes:
        values: all arrays of the step by name, on the device.
        runs: how many calls there were of `fit` and `train_on_batch`, by the model and here.

    Raises:
        ArtifactError: what the header says of the step is not so.
    """

    def __init__(self, container: Container, header: Header, array: Callable[[ArraySpec], np.ndarray]) -> None:
        if header.training is None:
            raise ArtifactError(f"{container.path} cannot be trained")
        self.header: TrainingHeader = header.training
        self._container, self._array = container, array
        consts = {name: array(spec) for name, spec in header.consts.items()}
        self.graph = self._read(self.header.step, consts)
        self._check_step(header)
        self.execution = self._made(self.header.step, self.graph)
        self._weights: Execution | None = None
        if self.header.weights is not None:
            graph = self._read(self.header.weights, consts)
            self._check_weights(graph, header)
            self._weights = self._made(self.header.weights, graph)
        self._consts = consts
        self.runs = dict(self.header.runs)
        self.values: dict[str, Any] = {}

    def load(self) -> None:
        """Read the arrays of the file."""
        given = {spec.name: self._array(spec) for spec in (*self.header.params, *self.header.state)} | self._consts
        with jax.ensure_compile_time_eval():
            self.values = dict(zip(given, jax.device_put(list(given.values())), strict=True))

    def step(self, data: Mapping[str, Any], address: Any) -> dict[str, Any]:
        """Train once on inputs and targets by name; the logs, on the device."""
        arrays = self._arrays_of(self.execution)
        given = tuple([data[name] for name in data_names(self.graph)])
        logs, assigned = self.execution(given, arrays, address if self.header.random else None)
        refuse_tracers(assigned)
        new = {target.name: array for (target, _), array in zip(self.graph.assigns, assigned, strict=True)}
        self.values.update(new)  # all at once: an interrupt leaves the arrays of one step, not of two
        return dict(zip(self.header.logs, logs, strict=True))

    def address(self, run: str, epoch: int = 0, step: int = 0) -> np.ndarray:
        """The address of a step's random numbers in the present run: as the model's, which it goes on from."""
        seed = self.header.seed
        word = (seed ^ (seed >> 32)) & 0xFFFFFFFF
        return np.array([word, _PURPOSE[run], self.runs[run], epoch, step], np.uint32)

    def reset_metrics(self) -> None:
        """Forget what metrics have seen."""
        for spec in self.header.metrics:
            self.values[spec.name] = jax.device_put(self._array(spec))

    def use_averages(self) -> None:
        """Put averages in the place of what they are averages of, as at the end of `fit`."""
        if self.header.averages and int(self.values[self.header.iterations]):
            for name, average in self.header.averages:
                self.values[name] = self.values[average]

    def weights(self) -> dict[str, Any]:
        """What the passes made of weights for the model's own IR, by name."""
        if self._weights is None:
            return {}
        made, _ = self._weights((), self._arrays_of(self._weights))
        return dict(zip(self._weights.graph.output_names, made, strict=True))

    def recorded(self) -> list[np.ndarray]:
        """The logs of some steps on the recorded batch, from the arrays as they are now and metrics begun anew."""
        if not isinstance(self.header.example, Example):
            return []
        data = tuple(self._array(spec) for spec in self.header.example.inputs)
        execution = self._made(self.header.step, self.graph, examples.PRECISION)
        arrays = self._arrays_of(execution, fresh=True)
        try:
            return examples.replayed(execution, data, arrays, self.example_address(), STEPS)
        except ValueError as error:
            raise self._container.damaged(f"its training does not take its example: {error}") from error

    def example_address(self) -> np.ndarray | None:
        """Where random numbers of the recorded steps come from."""
        return np.zeros(5, np.uint32) if self.header.random else None

    def _arrays_of(self, execution: Execution, fresh: bool = False) -> tuple[Any, ...]:
        """Params, state and large constants, in the order in which a program takes them."""
        graph, values = execution.graph, self.values
        names = [value.name for value in (*graph.params[: execution.split], *graph.state)]
        fresh_ones = {spec.name: self._array(spec) for spec in self.header.metrics} if fresh else {}
        return tuple([fresh_ones.get(name, values[name]) for name in (*names, *execution.constants)])

    def _read(self, text: Text, consts: Mapping[str, np.ndarray]) -> Graph:
        graph = read_ir(self._container.copy(text.part), consts, text.ops, self._container.path)
        if any(node.op.name == "extern" for node in every_node(graph)):
            raise self._container.damaged("its training calls functions, which it has no need of")
        return graph

    def _made(self, text: Text, graph: Graph, precision: str | None = None) -> Execution:
        return Execution(graph, self._container.hash(text.part), precision)

    def _check_step(self, header: Header) -> None:
        graph, training = self.graph, self.header
        specs: dict[str, ArraySpec] = {spec.name: spec for spec in (*training.params, *training.state)}
        if [value.name for value in graph.state] != [spec.name for spec in training.state] or not all(
            _is(specs.get(value.name), value) for value in (*graph.params, *graph.state)
        ):
            raise self._container.damaged("params and state of training are others in the header than in the IR")
        inputs: dict[str, TensorSpec] = {spec.name: spec for spec in header.signature.input_specs}
        if inputs.keys() & {spec.name for spec in training.targets}:
            raise self._container.damaged("a target has the name of an input")
        inputs.update({spec.name: spec for spec in training.targets})
        given = [value for value in graph.inputs if not is_key(value)]
        if not all(value.name in inputs and agrees(inputs[value.name], value) for value in given):
            raise self._container.damaged("what training takes is another than its IR says")
        if len(graph.outputs) != len(training.logs) or any(map(is_key, graph.outputs)):
            raise self._container.damaged("the logs of training are others than those of its IR")
        if training.random != (len(given) < len(graph.inputs)):
            raise self._container.damaged("its training is wrong about random numbers")
        if isinstance(training.example, Example):
            kinds = [(spec.dtype, len(spec.shape)) for spec in training.example.inputs]
            taken = [(value.dtype, value.type.rank) for value in given]
            if kinds != taken or len(training.example.outputs) != STEPS * len(training.logs):
                raise self._container.damaged("the example of its training is another than its IR takes")

    def _check_weights(self, graph: Graph, header: Header) -> None:
        specs = {spec.name: spec for spec in (*self.header.params, *self.header.state)}
        wanted = {spec.name: spec for spec in (*header.params, *header.state)}
        made = dict(zip(graph.output_names, graph.outputs, strict=False))
        if (
            graph.inputs
            or graph.assigns
            or len(made) != len(graph.outputs)
            or not all(_is(specs.get(value.name), value) for value in (*graph.params, *graph.state))
            or not all(_is(wanted.get(name), value) for name, value in made.items())
        ):
            raise self._container.damaged("what makes its weights is for others")


def _is(spec: ArraySpec | None, value: Value) -> bool:
    """Whether an array of the file is what the IR says; unknown sizes are none."""
    return (
        spec is not None and value.type.is_static and (spec.dtype, spec.shape) == (value.dtype, tuple(value.type.shape))
    )
