"""Convolutions over one to three axes: strides, padding, dilation, groups, layouts, activations."""

from __future__ import annotations

from typing import Any

from ..probing import add_layer


def add_conv(name: str, shape: tuple[int, ...], *args: Any, gradient: bool = True, **options: Any) -> None:
    """Register one convolution, by the number of axes."""
    kind = f"Conv{len(shape) - 2}D"
    add_layer(f"conv/{name}", lambda keras: getattr(keras.layers, kind)(*args, **options), shape, gradient=gradient)


add_conv("plain", (2, 7, 6, 3), 4, 3)
add_conv("relu", (2, 7, 6, 3), 4, 3, activation="relu")
add_conv("no_bias", (2, 7, 6, 3), 4, 3, use_bias=False)
add_conv("same", (2, 7, 6, 3), 4, 3, padding="same")
add_conv("same_even_kernel", (2, 7, 6, 3), 4, 2, padding="same")
add_conv("one_by_one", (2, 5, 4, 3), 4, 1)
add_conv("uneven_kernel", (2, 7, 6, 3), 4, (3, 2))
add_conv("strides", (2, 8, 7, 3), 4, 3, strides=2)
add_conv("strides_same", (2, 8, 7, 3), 4, 3, strides=2, padding="same")
add_conv("strides_same_odd", (2, 7, 9, 2), 3, 3, strides=2, padding="same")
add_conv("strides_uneven", (2, 8, 9, 3), 4, 3, strides=(2, 3))
add_conv("strides_uneven_same", (2, 8, 9, 3), 4, (2, 3), strides=(3, 2), padding="same")
add_conv("strides_past_kernel", (2, 9, 9, 2), 3, 2, strides=3)
add_conv("dilation", (2, 8, 7, 3), 4, 3, dilation_rate=2)
add_conv("dilation_same", (2, 8, 7, 3), 4, 3, dilation_rate=2, padding="same")
add_conv("dilation_uneven", (2, 8, 9, 2), 3, 2, dilation_rate=(2, 3))
add_conv("groups", (2, 6, 5, 4), 6, 3, groups=2)
add_conv("groups_same_strides", (2, 6, 5, 4), 8, 3, groups=4, padding="same", strides=2)
add_conv("depthwise_by_groups", (2, 6, 5, 3), 3, 3, groups=3, padding="same")
add_conv("whole_image", (2, 5, 4, 2), 3, (5, 4))
add_conv("tanh", (2, 6, 5, 2), 3, 3, activation="tanh")
add_conv("softmax", (2, 6, 5, 2), 3, 3, activation="softmax")
# XLA on CPU cannot run some of this layout's gradients, in Keras neither: outputs only.
add_conv("channels_first", (2, 3, 7, 6), 4, 3, data_format="channels_first", gradient=False)
add_conv(
    "channels_first_same_strides",
    (2, 3, 7, 6),
    4,
    3,
    data_format="channels_first",
    padding="same",
    strides=2,
    activation="relu",
    gradient=False,
)

add_layer(
    "conv/two_in_a_row",
    lambda keras: keras.Sequential(
        [
            keras.layers.Conv2D(4, 3, padding="same", activation="relu"),
            keras.layers.Conv2D(2, 3, strides=2),
        ]
    ),
    (2, 7, 6, 3),
)

add_conv("1d", (2, 9, 3), 4, 3)
add_conv("1d_same_strides", (2, 9, 3), 4, 3, padding="same", strides=2)
add_conv("1d_dilation", (2, 9, 3), 4, 3, dilation_rate=2)
add_conv("1d_groups", (2, 9, 4), 6, 3, groups=2, activation="relu")
add_conv("1d_channels_first", (2, 3, 9), 4, 3, data_format="channels_first", gradient=False)
add_conv("causal", (2, 9, 3), 4, 3, padding="causal")
add_conv("causal_even_no_bias", (2, 7, 3), 4, 2, padding="causal", use_bias=False)
add_conv("causal_dilation", (2, 9, 3), 4, 3, padding="causal", dilation_rate=2)
add_conv("causal_past_the_start", (2, 3, 2), 2, 5, padding="causal", dilation_rate=2)
add_conv("causal_strides", (2, 8, 3), 4, 3, padding="causal", strides=2)
add_conv("causal_groups", (2, 8, 4), 4, 3, padding="causal", groups=2)
add_conv("causal_channels_first", (2, 3, 8), 4, 3, padding="causal", data_format="channels_first", gradient=False)
add_conv("3d", (2, 4, 5, 4, 3), 2, 3)
add_conv("3d_same", (2, 3, 5, 4, 2), 3, (2, 3, 1), padding="same", activation="relu")
add_conv("3d_strides", (1, 5, 4, 6, 2), 3, 3, strides=2)
add_conv("3d_strides_same", (1, 5, 4, 6, 2), 3, 3, strides=(2, 1, 3), padding="same")
add_conv("3d_dilation", (1, 5, 4, 6, 2), 3, 2, dilation_rate=(1, 2, 3))
add_conv("3d_dilation_same", (1, 5, 4, 6, 2), 3, 2, dilation_rate=2, padding="same")
add_conv("3d_groups", (1, 4, 4, 3, 4), 4, 2, groups=2)
add_conv("3d_large_kernel", (1, 5, 6, 5, 2), 2, (5, 5, 3))  # of more positions than are taken apart
add_conv("3d_channels_first", (2, 3, 4, 5, 4), 2, 3, data_format="channels_first", gradient=False)
