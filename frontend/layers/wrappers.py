"""Layers around a layer: the base of them, and TimeDistributed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...compiler.errors import ArgumentError, ShapeError
from ...compiler.ops.checks import differ, known
from .. import ops, trace, tree
from ..layer import Layer
from ..layer_config import base_config
from ..saving import config as configs
from ..saving.registry import serializable
from ..signatures import signature
from . import checks

_OURS = __name__.partition(".")[0]


@serializable("keras.layers", kind="layer")
class Wrapper(Layer):
    """Base of layers that hold one other layer, in the attribute `layer`; called, it calls that.

    Args:
        layer: the layer.
    """

    def __init__(self, layer: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not isinstance(layer, Layer):
            raise ArgumentError(
                f"{checks.label(self)} takes a layer",
                received=f"layer={layer!r:.80}",
                hint=f"for example `layers.{type(self).__name__}(layers.Dense(8))`.",
            )
        self.layer = layer

    def build(self, input_shape: Any = None) -> None:
        build_within(self, self.layer, input_shape)

    def call(self, *args: Any, **kwargs: Any) -> Any:
        return self.layer(*args, **kwargs)

    def get_config(self) -> dict[str, Any]:
        """Arguments that make the same layer."""
        return {**base_config(self), "layer": configs.serialize_keras_object(self.layer)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """The layer of a config."""
        return cls(**{**config, "layer": configs.deserialize(config["layer"], configs.LAYER, "a layer")})


def build_within(owner: Layer, layer: Layer, input_shape: Any) -> None:
    """Build a layer that another one holds, so that its weights' paths say so.  In a trace its call will."""
    if not layer.built and trace.current() is None:
        with trace.within(owner.name):
            layer.build(input_shape)


@serializable("keras.layers", kind="layer")
class TimeDistributed(Wrapper):
    """A layer on every step of a sequence: [b, t, …] → [b, t, …].

    Steps are put into the batch, [b * t, …], and the layer is called once.  Where a step's result may depend on the
    whole batch (a layer with moving statistics, a layer of the caller's own) it is called for each step instead, as
    long as their number is known.

    Args:
        layer: gets inputs without the time axis.

    Called with `mask`, bool [b, t]: a layer whose `call` has a `mask` gets that of its step.
    """

    def __init__(self, layer: Any, **kwargs: Any) -> None:
        super().__init__(layer, **kwargs)
        self.supports_masking = True

    def build(self, input_shape: Any = None) -> None:
        build_within(self, self.layer, (input_shape[0], *input_shape[2:]))

    def check_input(self, inputs: Any, *rest: Any) -> None:
        """Refuse inputs without a time axis."""
        x = checks.one_tensor(self, inputs)
        if x.rank < 3:
            raise ShapeError(
                f"{checks.label(self)} takes a sequence for each sample: at least 3 axes (batch, time, …)",
                received=f"inputs: {x}",
                hint="`layers.Reshape` adds an axis of size 1; `Input(shape=…)` is given without the batch.",
            )

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        if mask is not None and (
            len(mask.shape) != 2 or any(differ(a, b) for a, b in zip(mask.shape, inputs.shape, strict=False))
        ):
            raise ShapeError(
                f"{checks.label(self)} takes a mask of one truth value for each step: [batch, time]",
                received=f"mask: {getattr(mask, 'type', mask.shape)}",
                hint="leave it out, or reduce it over the other axes.",
            )
        options = {"training": training} if training is not None else {}
        takes_mask = mask is not None and "mask" in signature(type(self.layer).call).parameters
        steps = inputs.shape[1]
        if known(steps) and not _by_sample(self.layer):
            each = []
            for step in range(steps):
                given = options if not takes_mask else {**options, "mask": mask[:, step]}  # pyright: ignore
                each.append(self.layer(inputs[:, step], **given))
            return tree.pack(each[0], [ops.stack(list(y), 1) for y in zip(*map(tree.leaves, each), strict=True)])
        batch = inputs.shape[0]
        if takes_mask:
            options = {**options, "mask": ops.reshape(mask, (batch * steps,))}
        outputs = self.layer(ops.reshape(inputs, (batch * steps, *inputs.shape[2:])), **options)
        return tree.map_leaves(lambda y: ops.reshape(y, (batch, steps, *y.shape[1:])), outputs)


def _by_sample(layer: Any) -> bool:
    """Whether a layer of ours treats every sample of a batch by itself: it and those in it have no state."""
    return all(
        type(one).__module__.partition(".")[0] == _OURS
        and not one._non_trainable_variables
        and not getattr(one, "stateful", False)
        for one in _inside(layer)
    )


def _inside(layer: Any) -> Iterator[Any]:
    yield layer
    for _, inner in layer._sublayers():
        yield from _inside(inner)
