"""`Sequential`: a functional model written as a list of layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..compiler.errors import ArgumentError, GraphError, shown
from . import call, symbolic, trace, tree
from .functional import Functional
from .input import Input, InputLayer
from .layer import Layer
from .model import Model
from .saving.registry import serializable


@serializable("keras", kind="layer", also=("keras.models", "keras.src.models.sequential"))
class Sequential(Model):
    """Layers one after the other.

    Args:
        layers: layers, the first of which may be an `Input`.
        trainable: whether training changes the weights.
        name: name of the model.

    Without an `Input` the model is built by its first call, by `build(input_shape)`, or by the data given to `fit`.
    """

    def __init__(self, layers: Sequence[Any] | None = None, trainable: bool = True, name: str | None = None) -> None:
        super().__init__(trainable=trainable, name=name)
        self._layers: list[Layer] = []
        # The symbolic result behind each of `_layers`, as soon as the input is known.
        self._results: list[symbolic.KerasTensor] = []
        for layer in layers or []:
            self.add(layer)

    def add(self, layer: Any, rebuild: bool = True) -> None:
        """Add a layer at the end.

        Args:
            layer: an uncalled layer, or an `Input` as the first.
            rebuild: as in Keras; here only the new layer is called in either case, and the rest when it is needed.

        Raises:
            ArgumentError: it is no layer, or an Input that is not the first.
            GraphError: its name is taken.
            ShapeError, DTypeError: it cannot take what the layer before it gives; the model stays as it was.
        """
        if isinstance(layer, symbolic.KerasTensor) and isinstance(layer.node.operation, InputLayer):
            layer = layer.node.operation
        if not isinstance(layer, Layer):
            raise ArgumentError(
                f"Sequential '{self.name}' takes layers of kgc",
                received=shown(layer),
                hint="take layers from kgc alone (`import kgc as keras`), uncalled: `Sequential([layers.Dense(10)])`.",
            )
        if any(layer.name == other.name for other in self._layers):
            raise GraphError(
                f"Sequential '{self.name}' has a layer named '{layer.name}' already",
                received=repr(layer),
                hint="give it another name: `layers.Dense(…, name=…)`.",
            )
        if isinstance(layer, InputLayer) and self._layers:
            raise ArgumentError(
                f"Sequential '{self.name}' takes an Input only as the first",
                received=f"'{layer.name}' after {len(self._layers)} layers",
                hint="leave it out: a layer's output is the next one's input.",
            )
        if not self._layers and not isinstance(layer, InputLayer):
            if layer._given_input_shape is not None:
                self.add(Input(layer._given_input_shape))
            elif isinstance(layer, Functional) and isinstance(layer.input, symbolic.KerasTensor):
                self.add(Input(layer.input.shape[1:], dtype=layer.input.dtype))
        if isinstance(layer, InputLayer):
            self._results.append(layer.inbound_nodes[0].outputs[0])
        elif self._results:
            self._results.append(self._called(layer))
        self._layers.append(layer)
        self._changed()

    def pop(self, rebuild: bool = True) -> Layer:
        """Remove the last layer, and return it (`rebuild` as in `add`)."""
        if not self._layers:
            raise ArgumentError(f"Sequential '{self.name}' has no layers", hint="`add` some before `pop`.")
        layer = self._layers.pop()
        if self._results:
            result = self._results.pop()
            layer.inbound_nodes[:] = [node for node in layer.inbound_nodes if node is not result.node]
        self._changed()
        return layer

    def _called(self, layer: Layer) -> symbolic.KerasTensor:
        with trace.within(self.name):
            result = layer(self._results[-1])
        if not isinstance(result, symbolic.KerasTensor):
            raise GraphError(
                f"Sequential '{self.name}' takes layers that give one tensor",
                received=f"'{layer.name}' gives {shown(result)}",
                hint="use `Model(inputs, outputs)` for several.",
            )
        return result

    def _changed(self) -> None:
        """The layers are others: what was made of the old ones is stale."""
        object.__setattr__(self, "_functional", None)
        self.built = self.has_graph
        self._programs.clear()
        self.forget_compiled()

    @property
    def has_graph(self) -> bool:
        """Whether the input is known and a layer follows it."""
        return bool(self._results) and not isinstance(self._layers[-1], InputLayer)

    @property
    def functional(self) -> Any:
        """The functional model behind this one, made when it is first asked for."""
        if self.__dict__.get("_functional") is None and self.has_graph:
            self._set_functional(self._results[0], self._results[-1])
        return super().functional

    def prepare_for(self, x: Any) -> None:
        """Build it for data of this shape, batch open; nothing when it is built."""
        if not self.has_graph:
            (leaf,) = tree.leaves(x) if tree.is_nested(x) else (x,)
            self.build((None, *leaf.shape[1:]))

    def build(self, input_shape: Any = None) -> None:
        """Make the weights for inputs of this shape, batch included."""
        if not self.has_graph:
            if input_shape is None or not self._layers:
                raise GraphError(
                    f"Sequential '{self.name}' needs layers and an input shape to be built",
                    received=f"{len(self._layers)} layers, {input_shape=}",
                    hint="`add` layers, the first of them `Input(shape=(…))`.",
                )
            layers, self._layers = self._layers, []
            try:
                self.add(Input(batch_shape=tuple(input_shape)))
                for layer in layers:
                    self.add(layer)
            except BaseException:
                self._layers, self._results = layers, []
                raise

    @property
    def layers(self) -> list[Layer]:
        """The layers, the Input left out."""
        return [layer for layer in self._layers if not isinstance(layer, InputLayer)]

    def _sublayers(self) -> list[tuple[str, Layer]]:
        return [("layers", layer) for layer in self._layers]

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """The outputs on Values."""
        return self.functional.call(inputs, training, mask)

    def run_traced(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Outputs on Values; built outside the trace, for the layers are the model's own."""
        if not self.has_graph:
            (shape,) = tree.leaves([call.shapes(args[0])]) if tree.is_nested(args[0]) else (call.shapes(args[0]),)
            tracing = trace.current()
            scopes = tracing.scopes if tracing is not None else []
            with trace.suspended(), trace.within(*scopes):
                self.build((None, *shape[1:]))
        return super().run_traced(args, kwargs)

    def run_eager(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Outputs on arrays."""
        if args:
            self.prepare_for(args[0])
        return self.functional(*args, **kwargs)
