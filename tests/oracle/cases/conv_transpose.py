"""Transposed convolutions: strides, padding, output padding, dilation, layouts, activations."""

from __future__ import annotations

from typing import Any

from ..case import case
from ..draws import Draws
from ..probing import add_layer


def add_transposed(name: str, shape: tuple[int, ...], *args: Any, gradient: bool = True, **options: Any) -> None:
    """Register one of the three layers, by the number of axes."""
    kind = f"Conv{len(shape) - 2}DTranspose"
    add_layer(
        f"conv_transpose/{len(shape) - 2}d_{name}",
        lambda keras: getattr(keras.layers, kind)(*args, **options),
        shape,
        gradient=gradient,
    )


for padding in ("valid", "same"):
    for kernel, stride in ((1, 1), (3, 1), (2, 2), (3, 2), (4, 2), (5, 3), (2, 3), (1, 2), (4, 1)):
        add_transposed(f"{padding}_{kernel}_by_{stride}", (2, 5, 3), 4, kernel, strides=stride, padding=padding)
    add_transposed(padding, (2, 4, 5, 3), 2, 3, padding=padding)
    add_transposed(f"{padding}_strides", (2, 4, 3, 3), 2, 3, strides=2, padding=padding)
    add_transposed(f"{padding}_uneven", (2, 4, 3, 2), 3, (2, 3), strides=(3, 2), padding=padding)
    add_transposed(f"{padding}_past_kernel", (2, 4, 3, 2), 3, 2, strides=3, padding=padding)
    add_transposed(f"{padding}_dilation", (2, 5, 4, 2), 3, 3, dilation_rate=2, padding=padding)
    add_transposed(f"{padding}_dilation_even", (2, 5, 4, 2), 3, 2, dilation_rate=(2, 3), padding=padding)
    add_transposed(f"{padding}_more", (2, 4, 3, 2), 3, 3, strides=2, padding=padding, output_padding=1)
    add_transposed(f"{padding}_more_uneven", (2, 4, 3, 2), 3, 3, strides=(2, 3), padding=padding, output_padding=(0, 2))
    add_transposed(f"{padding}_more_even", (2, 4, 3, 2), 3, (4, 2), strides=(3, 2), padding=padding, output_padding=1)
    add_transposed(f"{padding}_more_none", (2, 4, 3, 2), 3, 1, strides=(1, 2), padding=padding, output_padding=0)
    add_transposed(padding, (2, 3, 2, 4, 2), 3, 2, padding=padding)
    add_transposed(f"{padding}_strides", (2, 2, 3, 2, 2), 2, 3, strides=2, padding=padding)
    add_transposed(f"{padding}_mixed", (1, 2, 3, 2, 2), 2, (1, 2, 3), strides=(2, 1, 3), padding=padding)
add_transposed("more", (1, 2, 3, 2, 2), 2, 3, strides=2, output_padding=1)
add_transposed("dilation", (1, 2, 3, 2, 2), 2, 2, dilation_rate=2)
add_transposed("relu", (2, 4, 5, 3), 2, 3, activation="relu", strides=2)
add_transposed("no_bias", (2, 4, 5, 3), 2, 3, use_bias=False)
add_transposed("more", (2, 5, 3), 2, 3, strides=3, output_padding=2)
add_transposed("dilation", (2, 5, 3), 2, 3, dilation_rate=3)
add_transposed("large_kernel", (1, 3, 3, 2), 2, 9, strides=2)  # of more positions than are taken apart
add_transposed("channels_first", (2, 3, 4, 5), 2, 3, data_format="channels_first", strides=2, gradient=False)
add_transposed("channels_first_same", (2, 3, 4, 5), 2, 3, data_format="channels_first", padding="same", gradient=False)
add_transposed("channels_first", (2, 3, 5), 2, 3, data_format="channels_first", strides=2, gradient=False)
add_transposed("channels_first", (1, 2, 2, 3, 2), 2, 2, data_format="channels_first", strides=2, gradient=False)
add_layer(
    "conv_transpose/positional_3d",
    lambda keras: keras.layers.Conv3DTranspose(2, 2, 2, "same", "channels_last", 1, 1, "relu", False),
    (1, 2, 2, 3, 2),
)
add_layer(
    "conv_transpose/there_and_back",
    lambda keras: keras.Sequential(
        [
            keras.layers.Conv2D(4, 3, strides=2, padding="same", activation="relu"),
            keras.layers.Conv2DTranspose(3, 3, strides=2, padding="same"),
        ]
    ),
    (2, 6, 8, 2),
)


@case("conv_transpose/op")
def op(keras: Any, draws: Draws) -> dict[str, Any]:
    """The function, on arrays: between layers, Keras's own loses its padding."""
    x, kernel = draws.uniform(2, 4, 3), draws.uniform(3, 2, 3)
    return {
        "same": keras.ops.conv_transpose(x, kernel, 2, "same"),
        "more": keras.ops.conv_transpose(x, kernel, 3, "valid", 1),
        "dilated": keras.ops.conv_transpose(x, kernel, padding="same", dilation_rate=2),
    }
