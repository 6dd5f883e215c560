"""`Model`: a layer with inputs, outputs and a training loop.

`Model(inputs, outputs)` makes a `Functional`.  `Sequential`, and models that users write as classes with a `call`,
have a functional model behind them, made from the first data they see; what concerns data and training asks that one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from ..compiler.errors import ArgumentError, GraphError, nearest, shown
from ..compiler.graph import Graph
from ..compiler.types import dtype_name
from ..runtime.program import Program
from . import symbolic, trace, tree
from .input import Input
from .layer import Layer
from .saving.model_methods import Saving
from .show.summary import summarize
from .trainer import Trainer


class Model(Saving, Trainer, Layer):
    """A layer with inputs, outputs and a training loop.

    `Model(inputs, outputs)` makes a functional model.  A subclass writes `__init__` and `call`, as for a layer.

    Args:
        inputs: a KerasTensor, or a list, tuple or dict of them.
        outputs: likewise, computed from the inputs.
        name: name of the model.
        trainable: whether training changes its weights.

    Raises:
        GraphError: the outputs do not depend on the inputs, or on others than these; two layers share a name.
    """

    functional_class: ClassVar[Any] = None
    _watched = False  # its attributes belong to training (`stop_training`), not to what is traced

    def __init__(
        self, inputs: Any = None, outputs: Any = None, name: str | None = None, trainable: bool = True, **kwargs: Any
    ) -> None:
        if inputs is not None and outputs is not None and type(self) is not Model:
            self._become_functional()
            self.functional_class.__init__(self, inputs, outputs, name, trainable, **kwargs)
            return
        if inputs is not None or outputs is not None:
            raise ArgumentError(
                "Model() takes inputs and outputs, both",
                received=f"inputs={shown(inputs)}, outputs={shown(outputs)}",
                hint="it is Model(inputs, outputs, name=…).",
            )
        super().__init__(name=name, trainable=trainable, **kwargs)

    def _become_functional(self) -> None:
        """Let a user's class, which hands inputs and outputs to `super().__init__`, be one of functional models."""
        cls = type(self)
        if cls.call is not Layer.call:
            raise ArgumentError(
                f"{cls.__name__}() hands inputs and outputs to `super().__init__`, and has a `call` of its own",
                received=f"class {cls.__name__}",
                hint="write one of them: the layers between inputs and outputs are the model's `call`.",
            )
        for base in cls.__mro__:
            if Model in base.__bases__:
                base.__bases__ = tuple(self.functional_class if one is Model else one for one in base.__bases__)

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        if cls is Model and (len(args) >= 2 or "outputs" in kwargs or "inputs" in kwargs):
            return super().__new__(cls.functional_class, *args, **kwargs)
        return super().__new__(cls, *args, **kwargs)

    @property
    def functional(self) -> Any:
        """The functional model behind this one.

        Raises:
            GraphError: it is not built yet.
        """
        found = self.__dict__.get("_functional")
        if found is None:
            raise GraphError(
                f"model '{self.name}' is not built yet",
                hint="begin it with `Input(shape=(…))`, call it on data, or `build(input_shape)`.",
            )
        return found

    @property
    def has_graph(self) -> bool:
        """Whether there is a functional model, or must be made from data first."""
        return self.__dict__.get("_functional") is not None

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """The inputs' masks where the model is said to support masking; others come from the layers inside."""
        return previous_mask if self.supports_masking else None

    def build(self, input_shape: Any = None) -> None:
        """Make the weights for inputs of this shape, batch included, by tracing `call`.

        Args:
            input_shape: sizes, None where unknown; or a list or dict of those, as `call` takes its first argument.

        Raises:
            ArgumentError: no shape was given.
        """
        if trace.current() is None and not self.has_graph:
            if input_shape is None:
                raise ArgumentError(
                    f"model '{self.name}' is built for a shape",
                    received="input_shape=None",
                    hint="`model.build((None, 784))`, or call it on data.",
                )
            inputs = _inputs_of(input_shape)
            self._set_functional(inputs, symbolic.record(self, (inputs,), {}))
        self.built = True

    def prepare_for(self, x: Any) -> None:
        """Build it for data of these shapes, batch open; nothing when it is built."""
        if not self.has_graph:
            inputs = tree.map_leaves(_input_like, x)
            self._set_functional(inputs, symbolic.record(self, (inputs,), {}))

    def _set_functional(self, inputs: Any, outputs: Any) -> None:
        object.__setattr__(self, "_functional", self.functional_class(inputs, outputs, name=self.name))
        self._tell_functional()

    def _tell_functional(self) -> None:
        """The functional model makes the programs, and this one knows what `compile` was told."""
        self.functional.roll, self.functional.trained_outside = self.rolls, self.compiled

    @property
    def layers(self) -> list[Layer]:
        """The layers, those nearest the inputs first."""
        return [layer for _, layer in self._sublayers()]

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """The layer of that name or position.

        Raises:
            ArgumentError: there is none, or neither or both were given.
        """
        if (name is None) == (index is None):
            raise ArgumentError(
                "get_layer() takes a name or an index",
                received=f"{name=}, {index=}",
                hint="`get_layer('head')`, or `get_layer(index=-1)`.",
            )
        layers = self.layers
        if index is not None:
            if not -len(layers) <= index < len(layers):
                raise ArgumentError(
                    f"model '{self.name}' has {len(layers)} layers",
                    received=f"{index=}",
                    hint=f"indices are from {-len(layers)} to {len(layers) - 1}.",
                )
            return layers[index]
        for layer in layers:
            if layer.name == name:
                return layer
        raise ArgumentError(
            f"model '{self.name}' has no layer '{name}'",
            received=f"{name=}",
            hint=nearest(str(name), (layer.name for layer in layers)),
        )

    def summary(
        self,
        line_length: int | None = None,
        positions: list[float] | None = None,
        print_fn: Any = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
        layer_range: list[str] | None = None,
    ) -> None:
        """Print a table of the layers; see `show.summary`."""
        summarize(self, line_length, positions, print_fn, expand_nested, show_trainable, layer_range)

    @property
    def inputs(self) -> list[symbolic.KerasTensor]:
        """The symbolic inputs, flat."""
        return list(tree.leaves(self.input))

    @property
    def outputs(self) -> list[symbolic.KerasTensor]:
        """The symbolic outputs, flat."""
        return list(tree.leaves(self.output))

    @property
    def input(self) -> Any:
        """The symbolic inputs, nested as given."""
        return self.functional.input

    @property
    def output(self) -> Any:
        """The symbolic outputs, nested as given."""
        return self.functional.output

    @property
    def input_shape(self) -> Any:
        """Shapes of the inputs, nested as given."""
        return tree.map_leaves(lambda tensor: tensor.shape, self.input)

    @property
    def output_shape(self) -> Any:
        """Shapes of the outputs, nested as given."""
        return tree.map_leaves(lambda tensor: tensor.shape, self.output)

    @property
    def input_names(self) -> list[str]:
        """Names of the inputs, flat."""
        return [tensor.name for tensor in self.inputs]

    @property
    def output_names(self) -> list[str]:
        """Names of the operations that give the outputs, flat."""
        return [tensor.name for tensor in self.outputs]

    @property
    def operations(self) -> list[symbolic.Operation]:
        """Layers and functions, by decreasing depth."""
        return self.functional.operations

    def graph(self, training: bool = False) -> Graph:
        """The model as IR, before any pass."""
        return self.functional.graph(training)

    def graph_variables(self) -> dict[str, Any]:
        """The variables that stand behind the params and state of `graph()`, by their names there."""
        return self.functional.graph_variables()

    def flatten_inputs(self, inputs: Any) -> list[Any]:
        """Inputs given as one tensor, a list in order, or a dict by name, in the model's own order."""
        return self.functional.flatten_inputs(inputs)

    def trace_into(self, tracing: trace.Trace) -> tuple[list[Any], Any]:
        """Declare variables and inputs in the current trace and run the model: input Values, outputs (nested)."""
        return self.functional.trace_into(tracing)

    def program(self, training: bool | None) -> Program:
        """The compiled forward pass; made again when a layer was frozen or unfrozen."""
        return self.functional.program(training)

    def forget_programs(self) -> None:
        """Trace and compile anew at the next use (`compile` does this)."""
        self._programs.clear()
        if self.has_graph:
            self._tell_functional()
            self.functional.forget_programs()


def _input_like(leaf: Any) -> symbolic.KerasTensor:
    dtype = dtype_name(leaf.dtype)
    return Input(tuple(leaf.shape[1:]), dtype="float32" if dtype == "float64" else dtype)


def _inputs_of(shape: Any) -> Any:
    """An Input for each shape in the structure."""
    if isinstance(shape, Mapping):
        return {name: Input(batch_shape=tuple(sizes), name=str(name)) for name, sizes in shape.items()}
    if all(size is None or isinstance(size, int) for size in shape):
        return Input(batch_shape=tuple(shape))
    return [_inputs_of(sizes) for sizes in shape]
