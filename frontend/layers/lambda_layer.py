"""Lambda: a Python function as a layer."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from ...compiler.errors import ArgumentError, GraphError, ShapeError
from ...compiler.ops.checks import differ
from .. import call, trace, tree
from ..layer import Layer
from ..layer_config import base_config
from ..saving import config as configs, registry
from ..saving.registry import serializable
from . import checks

_FUNCTIONS = ("activation", registry.ANY)
"""What a Lambda may be in a file: an activation, or what the caller gave."""


@serializable("keras.layers", kind="layer")
class Lambda(Layer):
    """A function of tensors, in `kgc.ops` or `jax.numpy`, as a layer without weights.

    A file names the function, and does not hold its code: a model saves when it is a `def` (no `lambda`) that
    `register_keras_serializable` decorates, or that `custom_objects` gives again when the file is loaded.

    Args:
        function: called with the inputs; also with `mask` and `training` where it has such parameters.
        output_shape: sizes of the result without the batch, None where unknown, or a function of the input's shape;
            not needed, for the function is traced, but held to.
        mask: the mask of the result, or a function of the inputs and their mask; by default there is none.
        arguments: further keyword arguments of the function.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        output_shape: Any = None,
        mask: Any = None,
        arguments: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        for what, value in (("function", function), ("mask", mask)):
            if not (callable(value) or (what == "mask" and (value is None or hasattr(value, "shape")))):
                raise ArgumentError(
                    f"{checks.label(self)} takes {what} as a function",
                    received=f"{what}={value!r:.60}",
                    hint="`layers.Lambda(lambda x: x * 2)`.",
                )
        if isinstance(function, Layer):
            raise ArgumentError(
                f"{checks.label(self)} takes a function, not a layer",
                received=f"function={function!r}",
                hint="call the layer itself; its weights would not be trained here.",
            )
        self.function = function
        self.mask = mask
        self.arguments = dict(arguments or {})
        self._output_shape = output_shape
        self.supports_masking = mask is not None
        parameters = _parameters(function)
        self._takes = tuple(name for name in ("mask", "training") if name in parameters)

    def call(self, inputs: Any, mask: Any = None, training: bool | None = None) -> Any:
        given = {"mask": mask, "training": training}
        further = {name: given[name] for name in self._takes if name not in self.arguments}
        tracing = trace.current()
        known = set(tracing.variables) if tracing is not None else set()
        outputs = self.function(inputs, **self.arguments, **further)
        if tracing is not None and (used := [name for name in tracing.variables if name not in known]):
            self._refuse_weights(used)
        self._check_outputs(inputs, outputs)
        return outputs

    def _refuse_weights(self, used: list[str]) -> None:
        """A function's weights are no layer's: they would be neither trained nor saved with the model."""
        raise GraphError(
            f"the function of {checks.label(self)} uses weights, which belong to no layer of the model there",
            received=", ".join(used[:4]),
            hint="write a `Layer` that holds them as attributes; a Lambda has none.",
        )

    def _check_outputs(self, inputs: Any, outputs: Any) -> None:
        wanted = self._output_shape
        if wanted is None:
            return
        if callable(wanted):
            shape: Any = wanted(call.shapes(inputs))
            sizes = tuple(shape)
        else:
            first = next(iter(tree.leaves(inputs)))
            sizes = (first.shape[0], *(wanted if isinstance(wanted, list | tuple) else (wanted,)))
        leaves = list(tree.leaves(outputs))
        found = tuple(leaves[0].shape) if len(leaves) == 1 and hasattr(leaves[0], "shape") else None
        if found is None or not all(isinstance(size, int) or size is None for size in sizes[1:]):
            return
        if len(found) != len(sizes) or any(differ(a, b) for a, b in zip(found, sizes, strict=True)):
            raise ShapeError(
                f"the function of {checks.label(self)} does not give its output_shape",
                received=f"{tuple(call.shapes(leaves[0]))}, output_shape={sizes[1:]} and a batch",
                hint="leave `output_shape` out: the function is traced.",
            )

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """What `mask` says."""
        return self.mask(inputs, previous_mask) if callable(self.mask) else self.mask

    def get_config(self) -> dict[str, Any]:
        """Arguments that make the same layer.

        Raises:
            ArgumentError: the function, or that of the mask or of the shape, is anonymous.
        """
        config = {**base_config(self), "function": self._written("function", self.function)}
        if self._output_shape is not None:
            config["output_shape"] = self._written("output_shape", self._output_shape)
        if self.mask is not None:
            config["mask"] = self._written("mask", self.mask)
        return {**config, "arguments": self.arguments}

    def _written(self, what: str, value: Any) -> Any:
        if callable(value) and getattr(value, "__name__", "<lambda>") == "<lambda>":
            raise ArgumentError(
                f"{checks.label(self)} has an anonymous {what}, and a file does not carry its code",
                received=f"{what}={value!r:.60}",
                hint="define it with `def`, and decorate it with `@keras.saving.register_keras_serializable()`, or "
                "pass it as `custom_objects` when the file is loaded.",
            )
        return configs.serialize_keras_object(value) if callable(value) else value

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """The layer of a config; its functions are those that the caller registered or gives as custom objects.

        Raises:
            FileFormatError: a function's code, or the name of one that nobody gave.
        """
        found = dict(config)
        for what in ("function", "output_shape", "mask"):
            if isinstance(found.get(what), Mapping):
                found[what] = configs.deserialize(found[what], _FUNCTIONS, f"the {what} of a Lambda layer")
        return cls(**found)


def _parameters(function: Callable[..., Any]) -> Mapping[str, Any]:
    try:
        return inspect.signature(function).parameters
    except (TypeError, ValueError):
        return {}  # built in, and tells nothing
