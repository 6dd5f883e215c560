"""ConvLSTM1D, 2D, 3D: paddings, strides, dilation, layouts, states, gradients."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..case import case
from ..draws import Draws
from .recurrent import add_sequence

IMAGES = (2, 3, 6, 5, 2)
BOTH = {"return_sequences": True, "return_state": True}


def add_conv(
    name: str, shape: tuple[int, ...], *args: Any, states: Any = (), gradient: bool = True, **options: Any
) -> None:
    """Register one ConvLSTM of the rank that the shape has."""
    kind = f"ConvLSTM{len(shape) - 3}D"
    add_sequence(
        name,
        lambda keras: getattr(keras.layers, kind)(*args, **options),
        *states,
        x=shape,
        gradient=gradient,
        family="conv_lstm",
    )


add_conv("plain", IMAGES, 3, 2)
add_conv("both", IMAGES, 3, 2, **BOTH)
add_conv("odd_kernel", IMAGES, 2, 3, **BOTH)
add_conv("same", IMAGES, 3, 3, padding="same", **BOTH)
add_conv("same_even", IMAGES, 3, (2, 4), padding="same", **BOTH)
add_conv("strides", IMAGES, 3, 2, strides=2, **BOTH)
add_conv("strides_same", IMAGES, 3, 3, strides=(2, 1), padding="same", **BOTH)
add_conv("dilation", IMAGES, 2, 2, dilation_rate=2, **BOTH)
add_conv("backwards", IMAGES, 2, 2, go_backwards=True, **BOTH)
add_conv("activations", IMAGES, 2, 2, activation="relu", recurrent_activation="hard_sigmoid")
add_conv("no_bias", IMAGES, 2, 2, use_bias=False)
add_conv("initial", IMAGES, 2, 2, states=[(2, 5, 4, 2)] * 2, **BOTH)
add_conv("dropout_inference", IMAGES, 2, 2, dropout=0.5, recurrent_dropout=0.5, gradient=False)
add_conv("lines", (2, 4, 6, 2), 3, 3, padding="same", **BOTH)
add_conv("volumes", (2, 2, 3, 4, 3, 1), 2, 2, **BOTH)
# XLA on CPU cannot run some of this layout's gradients, in Keras neither: outputs only.
add_conv("channels_first", (2, 3, 2, 6, 5), 3, 2, data_format="channels_first", gradient=False, **BOTH)


@case("conv_lstm/initial_bias")
def initial_bias(keras: Any, draws: Draws) -> dict[str, Any]:
    """A fresh layer's bias, and the shapes of its weights."""
    made = keras.layers.ConvLSTM2D(3, (3, 2))
    made(keras.Input(shape=(None, 6, 5, 2)))
    shapes = [np.array(w.shape) for w in made.get_weights()]
    return {"bias": made.get_weights()[2]} | {f"shape.{i}": shape for i, shape in enumerate(shapes)}
