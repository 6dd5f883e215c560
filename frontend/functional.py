"""`Model(inputs, outputs)`: the call graph between symbolic tensors, as a layer that can be trained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from ..compiler.errors import ArgumentError, DataError, DTypeError, GraphError, ShapeError, shown
from ..compiler.graph import Graph
from ..compiler.ir import Value
from ..compiler.types import dtype_name
from ..runtime.program import Program
from ..runtime.store import STORE
from . import call, masks, recall, subgraph, symbolic, trace, tree
from .layer import Layer
from .model import Model as Model
from .saving.registry import serializable


@serializable("keras.src.models.functional", kind="layer", registered_name="Functional")
class Functional(Model):
    """The model that `Model(inputs, outputs)` makes."""

    trained_outside = False  # whether a Sequential or a subclass that this one serves is compiled

    def __init__(
        self, inputs: Any, outputs: Any, name: str | None = None, trainable: bool = True, **kwargs: Any
    ) -> None:
        super().__init__(name=name, **kwargs)
        for word, structure in (("inputs", inputs), ("outputs", outputs)):
            flat = list(tree.leaves(structure))
            for leaf in flat:
                if not isinstance(leaf, symbolic.KerasTensor):
                    raise GraphError(
                        f"Model() takes symbolic tensors as {word}",
                        received=shown(leaf),
                        hint="kgc's `Input()`, and layer calls on its result, return such tensors.",
                    )
            if not flat:
                raise GraphError(
                    f"Model() was given no {word}",
                    received=f"{word}={structure!r}",
                    hint="it is Model(inputs, outputs).",
                )
        inputs, outputs = recall.from_inputs(inputs, outputs, self.name)
        self._input_structure, self._output_structure = inputs, outputs
        self._inputs: list[symbolic.KerasTensor] = list(tree.leaves(inputs))
        self._outputs: list[symbolic.KerasTensor] = list(tree.leaves(outputs))
        if len({id(tensor) for tensor in self._inputs}) != len(self._inputs):
            raise GraphError(
                f"model '{self.name}' was given one input twice",
                received=", ".join(repr(tensor.name) for tensor in self._inputs),
                hint="name each input once; a tensor may be used as often as you like.",
            )
        # Layers, and so weights, stand in Keras's order, in which dicts are sorted; data stay in the user's.
        self._subgraph = subgraph.Subgraph(list(tree.keras_leaves(inputs)), list(tree.keras_leaves(outputs)), self.name)
        subgraph.check_names(self._subgraph.operations, self.name)
        self._fast: dict[Any, Any] = {}
        self._compiled: dict[Any, Program] = {}
        self._locked = self.built = True
        if not trainable:
            self.trainable = False
        self._traced(None)  # sizes that contradict each other show at the user's line

    # Structure
    @property
    def functional(self) -> Functional:
        """This model."""
        return self

    @property
    def has_graph(self) -> bool:
        """True."""
        return True

    def prepare_for(self, x: Any) -> None:
        """Nothing: it is built."""

    @property
    def operations(self) -> list[symbolic.Operation]:
        """Layers and functions, by decreasing depth."""
        return list(self._subgraph.operations)

    @property
    def layers(self) -> list[Layer]:
        """The layers, those nearest the inputs first."""
        return [operation for operation in self._subgraph.operations if isinstance(operation, Layer)]

    def _sublayers(self) -> list[tuple[str, Layer]]:
        return [("layers", layer) for layer in self.layers]

    @property
    def input(self) -> Any:
        """The symbolic inputs, nested as given."""
        return self._input_structure

    @property
    def output(self) -> Any:
        """The symbolic outputs, nested as given."""
        return self._output_structure

    # Tracing
    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """The outputs on Values: every call between inputs and outputs, in order.

        Args:
            inputs: as the model's inputs are nested.
            mask: masks of the inputs, nested likewise; by default those that travel with them.
        """
        flat = self.flatten_inputs(inputs)
        for value, given in zip(flat, self._flatten_masks(mask), strict=True):
            if given is not None:
                masks.attach(value, given)
        for value, tensor in zip(flat, self._inputs, strict=True):
            if not hasattr(value, "dtype"):
                raise DTypeError(
                    f"input '{tensor.name}' of model '{self.name}' is a tensor",
                    received=shown(value),
                    hint="call it on what `Input()` or a layer returned, or on an array.",
                )
            self._check_shape(tensor, tuple(value.shape), f"{value.dtype}{list(value.shape)}")
        return self._run_nodes(flat)

    def _flatten_masks(self, mask: Any) -> list[Any]:
        if mask is None:
            return [None] * len(self._inputs)
        flat = list(tree.leaves(mask))
        if len(flat) != len(self._inputs):
            raise ArgumentError(
                f"model '{self.name}' takes a mask for each of its {len(self._inputs)} inputs",
                received=f"mask={shown(mask)}",
                hint="None stands for an input without one.",
            )
        return flat

    def _run_nodes(self, flat: list[Any]) -> Any:
        tracing = trace.current()
        if tracing is None:
            raise GraphError(f"model '{self.name}' was called outside a trace")
        builder = tracing.builder
        before = builder.loc
        values: dict[int, Any] = {id(tensor): value for tensor, value in zip(self._inputs, flat, strict=True)}

        def fill(leaf: Any) -> Any:
            return values[id(leaf)] if isinstance(leaf, symbolic.KerasTensor) else leaf

        for node in self._subgraph.nodes:
            builder.loc = node.loc
            args, kwargs = tree.map_leaves(fill, (node.args, node.kwargs))
            outputs = node.operation.run_traced(args, kwargs)
            for tensor, value in zip(node.outputs, tree.leaves(outputs), strict=True):
                values[id(tensor)] = value
        builder.loc = before
        return tree.map_leaves(fill, self._output_structure)

    def flatten_inputs(self, inputs: Any) -> list[Any]:
        """Inputs given as one tensor, a list in order, or a dict by name, in the model's own order.

        Raises:
            DataError: count or names differ.
        """
        names = list(self._input_structure) if isinstance(self._input_structure, Mapping) else self.input_names
        if isinstance(inputs, Mapping):
            by_name = dict(inputs)
            missing = [name for name in names if name not in by_name]
            if missing:
                missing = [name for name in self.input_names if name not in by_name]
                names = self.input_names
            if missing:
                raise DataError(
                    f"model '{self.name}' lacks data for {', '.join(map(repr, missing))}",
                    received=f"a dict of {', '.join(map(repr, by_name))}",
                    hint=f"its inputs are {', '.join(map(repr, names))}.",
                )
            return [by_name[name] for name in names]
        flat = list(tree.leaves(inputs))
        if len(flat) != len(self._inputs):
            raise DataError(
                f"model '{self.name}' takes {len(self._inputs)} input{'s' if len(self._inputs) != 1 else ''} "
                f"({', '.join(map(repr, self.input_names))})",
                received=f"{len(flat)}: {', '.join(str(getattr(leaf, 'shape', leaf))[:40] for leaf in flat)}",
                hint="give one tensor for each input, as a list in this order, or a dict by name.",
            )
        return flat

    def trace_into(self, tracing: trace.Trace) -> tuple[list[Value], Any]:
        """Declare variables and inputs in the current trace and run the model: input Values, outputs (nested)."""
        for variable in self.weights:
            tracing.declare(variable)
        values = [tracing.builder.input(tensor.name, tensor.type) for tensor in self._inputs]
        tracing.training_stack.append(None)
        outputs = _inside(self, values)
        tracing.training_stack.pop()
        return values, outputs

    def graph(self, training: bool = False) -> Graph:
        """The model as IR, before any pass."""
        return self._traced(training)[0]

    def graph_variables(self) -> dict[str, Any]:
        """The variables that stand behind the params and state of `graph()`, by their names there."""
        return self._traced(False)[1]

    def _traced(self, training: bool | None, losses: bool = False) -> tuple[Graph, dict[str, Any]]:
        with trace.Trace(self.name, training) as tracing:
            _, outputs = self.trace_into(tracing)
            flat = list(tree.leaves(outputs))
            self._masked = [index for index, leaf in enumerate(flat) if masks.of(leaf) is not None]
            beside = [masks.of(flat[index]) for index in self._masked] if losses else []
            graph = tracing.finish([*flat, *beside, *(tracing.losses if losses else ())])
        self._adds_losses = bool(tracing.losses)
        if training is None:
            self._by_default = tracing.by_default
        return graph, dict(tracing.variables)

    # On arrays
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if len(args) == 1 and not kwargs:
            array = args[0]
            if isinstance(array, jax.Array | np.ndarray) and trace.current() is None and masks.of(array) is None:
                found = self._fast.get((array.shape, array.dtype))
                with STORE.lock:
                    if found is not None and found[0] == STORE.version:
                        return found[1]((array,), *found[2], None)[0][0]
        return super().__call__(*args, **kwargs)

    def run_eager(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Outputs on arrays: the program of the symbolic graph, which serves every batch size."""
        given = call.bind(self, args, kwargs)
        inputs, training = given["inputs"], given.get("training")
        if given.get("mask") is not None or masks.any_of(inputs):
            return super().run_eager(args, kwargs)
        arrays = [
            self.fit_input(call.to_array(self, leaf), tensor)
            for leaf, tensor in zip(self.flatten_inputs(inputs), self._inputs, strict=True)
        ]
        program = self.program(None if training is None else bool(training), losses=True)
        outputs = program(arrays, call.call_address() if program.random else None)
        count = len(self._outputs)
        self._eager_losses = outputs[count + len(self._masked) :]
        for index, mask in zip(self._masked, outputs[count:], strict=False):
            masks.attach(outputs[index], mask)
        single = len(outputs) == len(arrays) == 1 and isinstance(self._output_structure, symbolic.KerasTensor)
        if single and training is None and not program.random and not program.assigned and arrays[0] is inputs:
            if len(self._fast) > 64:
                self._fast.clear()
            self._fast[arrays[0].shape, arrays[0].dtype] = (STORE.version, program.jitted, program.arrays())
        return tree.pack(self._output_structure, outputs[:count])

    def fit_input(self, array: Any, tensor: symbolic.KerasTensor) -> Any:
        """`array` in the input's dtype.

        Raises:
            ShapeError: its shape does not fit the input.
        """
        self._check_shape(tensor, tuple(array.shape), f"{dtype_name(array.dtype)}{list(array.shape)}")
        return array if array.dtype.name == tensor.dtype else array.astype(tensor.type.aval.dtype)

    def _check_shape(self, tensor: symbolic.KerasTensor, shape: tuple[Any, ...], received: str) -> None:
        wanted = tensor.type.shape
        known = [(a, b) for a, b in zip(wanted, shape, strict=False) if isinstance(a, int) and isinstance(b, int)]
        if len(shape) != len(wanted) or any(a != b for a, b in known):
            raise ShapeError(
                f"input '{tensor.name}' of model '{self.name}' has shape {tensor.shape}",
                received=f"{tensor.name}: {received}",
                hint="None stands for any size; the first axis is the batch.",
            )

    def program(self, training: bool | None, losses: bool = False) -> Program:
        """The compiled forward pass; made again when a layer was frozen, unfrozen or changed.

        With `losses` the outputs are followed by the masks that they carry, and by what `add_loss` and activity
        regularizers add, where there is any.

        None stands for a call in which nobody says `training`: inference, but where a layer's own default says True.
        """
        if training is None and not self._by_default:
            training = False
        losses = losses and (self._adds_losses or bool(self._masked))
        key = (training, losses, self.trainable_flags())
        found = self._compiled.get(key)
        if found is None:
            graph, variables = self._traced(training, losses)
            found = self._compiled[key] = Program(
                graph,
                variables,
                training=bool(training),
                roll=self.rolls,
                owns=not (self.compiled or self.trained_outside),
            )
        return found

    def programs(self) -> dict[Any, Program]:
        """The programs that `program` has made, by (training, losses, …)."""
        return self._compiled

    def forget_programs(self) -> None:
        """Trace and compile anew at the next use (`compile` does this)."""
        self._fast.clear()
        self._compiled.clear()


@call.location.boundary
def _inside(model: Functional, values: list[Any]) -> Any:
    return model._run_nodes(values)


Model.functional_class = Functional
