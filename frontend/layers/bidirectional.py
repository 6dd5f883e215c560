"""Bidirectional: a recurrent layer from both ends of a sequence."""

from __future__ import annotations

from typing import Any

from ...compiler.errors import ArgumentError
from .. import ops
from ..layer import Layer
from ..layer_config import base_config
from ..saving import config as configs, registry
from ..saving.registry import serializable
from . import checks
from .rnn import SEQUENCE
from .wrappers import build_within

MODES = ("sum", "mul", "concat", "ave", None)


@serializable("keras.layers", kind="layer")
class Bidirectional(Layer):
    """Runs one recurrent layer forwards and one backwards over a sequence, and joins what they give.

    Args:
        layer: an `RNN`, or a layer with its attributes (`return_sequences`, `return_state`, `go_backwards`).  What runs
            is a new layer of the same config, named `forward_…`.
        merge_mode: how outputs are joined: "concat" (along the last axis), "sum", "mul", "ave"; None gives both.
        backward_layer: what runs backwards; by default a layer of the same config, named `backward_…`.
        weights: not supported: use `set_weights`.

    The outputs of a sequence stand at their steps, those of the backward layer too, and are zero where the mask is
    False.  With `return_state` the forward states follow, then the backward ones; `initial_state` is a list in the same
    order.
    """

    def __init__(
        self,
        layer: Any,
        merge_mode: str | None = "concat",
        weights: Any = None,
        backward_layer: Any = None,
        **kwargs: Any,
    ) -> None:
        for what, given in (("layer", layer), ("backward_layer", backward_layer)):
            if (given is not None or what == "layer") and not (
                isinstance(given, Layer) and all(hasattr(given, name) for name in _SHARED)
            ):
                raise ArgumentError(
                    f"Bidirectional takes a recurrent layer as {what}",
                    received=f"{what}={given!r:.80}",
                    hint="for example `layers.Bidirectional(layers.LSTM(8))`.",
                )
        kwargs.setdefault("name", None)
        super().__init__(**kwargs)
        if merge_mode not in MODES:
            raise ArgumentError(
                f"{checks.label(self)} takes merge_mode as one of {', '.join(map(repr, MODES))}",
                received=f"{merge_mode=}",
                hint="None gives the outputs of both layers.",
            )
        checks.unsupported(self, weights=weights)
        self.merge_mode = merge_mode
        self.forward_layer = _like(layer, name=f"forward_{layer.name.removeprefix('forward_')}")
        self.backward_layer: Any = backward_layer
        if backward_layer is None:
            turned = {"go_backwards": not layer.go_backwards, "name": f"backward_{layer.name.removeprefix('forward_')}"}
            self.backward_layer = _like(layer, **turned)
        self._check_pair()
        self.return_sequences, self.return_state = layer.return_sequences, layer.return_state
        self.stateful = layer.stateful
        if self.return_sequences:  # a masked step has no output of either layer that could be repeated for both
            for one in (self.forward_layer, self.backward_layer):
                one.zero_output_for_mask = True
        self.supports_masking = True

    def _check_pair(self) -> None:
        forward, backward = self.forward_layer, self.backward_layer
        for name in _SHARED:
            same = getattr(forward, name) == getattr(backward, name)
            if same == (name == "go_backwards"):
                raise ArgumentError(
                    f"{checks.label(self)}: the two layers must have {'opposite' if same else 'the same'} {name}",
                    received=f"{name}={getattr(forward, name)} forwards, {getattr(backward, name)} backwards",
                    hint="`backward_layer` is made with `go_backwards=True`." if same else "give both the same.",
                )

    @property
    def states(self) -> Any:
        """The states of both layers, where they are stateful."""
        both = [self.forward_layer.states, self.backward_layer.states]
        return None if None in both else tuple([*both[0], *both[1]])

    def reset_state(self) -> None:
        """Begin anew: the states of stateful layers become zeros."""
        self.forward_layer.reset_state()
        self.backward_layer.reset_state()

    def reset_states(self) -> None:
        """As `reset_state`."""
        self.reset_state()

    def build(self, input_shape: Any) -> None:
        for layer in (self.forward_layer, self.backward_layer):
            build_within(self, layer, input_shape)

    def check_input(self, sequences: Any, *rest: Any) -> None:
        """Refuse other than one sequence."""
        checks.one_tensor(self, sequences)
        if not hasattr(self.forward_layer, "check_features"):
            checks.axes(self, sequences, SEQUENCE)

    def call(self, sequences: Any, initial_state: Any = None, mask: Any = None, training: bool | None = None) -> Any:
        starts: tuple[Any, Any] = (None, None)
        if initial_state is not None:
            given = list(initial_state) if isinstance(initial_state, list | tuple) else [initial_state]
            half = len(given) // 2
            if len(given) != 2 * half or not half:
                raise ArgumentError(
                    f"{checks.label(self)} takes the initial states of both layers: forward ones, then backward ones",
                    received=f"initial_state: {', '.join(str(getattr(s, 'type', s)) for s in given)}",
                    hint="give as many for each of them.",
                )
            starts = (given[:half], given[half:])
        outputs: list[Any] = []
        states: list[Any] = []
        for layer, start in zip((self.forward_layer, self.backward_layer), starts, strict=True):
            options: dict[str, Any] = {} if start is None else {"initial_state": start}
            returned = layer(sequences, mask=mask, training=training, **options)
            outputs.append(returned[0] if self.return_state else returned)
            states += returned[1:] if self.return_state else []
        first, second = outputs
        if self.return_sequences:
            second = ops.flip(second, 1)
        if self.merge_mode is None:
            return (first, second, *states)
        joined = _JOIN[self.merge_mode](first, second)
        return (joined, *states) if self.return_state else joined

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """The mask of the outputs: that of the input for sequences, none for states and last outputs."""
        mask = previous_mask[0] if isinstance(previous_mask, list | tuple) else previous_mask
        own = mask if self.return_sequences else None
        return (own, own) if self.merge_mode is None else own

    def get_config(self) -> dict[str, Any]:
        """Arguments that make the same layer."""
        return {
            **base_config(self),
            "merge_mode": self.merge_mode,
            "layer": configs.serialize_keras_object(self.forward_layer),
            "backward_layer": configs.serialize_keras_object(self.backward_layer),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """The layer of a config."""
        made = {
            name: configs.deserialize(config[name], configs.LAYER, "a recurrent layer")
            for name in ("layer", "backward_layer")
            if config.get(name) is not None
        }
        return cls(**{**config, **made})


_SHARED = ("stateful", "go_backwards", "return_sequences", "return_state")
_JOIN: dict[str, Any] = {
    "concat": lambda a, b: ops.concatenate([a, b], -1),
    "sum": lambda a, b: ops.add(a, b),
    "ave": lambda a, b: ops.divide(ops.add(a, b), 2.0),
    "mul": lambda a, b: ops.multiply(a, b),
}


def _like(layer: Any, **changes: Any) -> Any:
    """A new layer of the same config, but for the changes; classes in it need not be registered."""
    inside = [layer]
    for one in inside:
        inside.extend(inner for _, inner in one._sublayers())
    own = {
        name: type(one)
        for one in inside
        if registry.entry_of(type(one)) is None
        for name in (registry.get_registered_name(type(one)), type(one).__name__)
    }
    with registry.custom_object_scope(own):
        return type(layer).from_config({**layer.get_config(), **changes})
