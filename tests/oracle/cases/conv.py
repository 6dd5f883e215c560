"""Conv2D: strides, padding, dilation, groups, layouts, activations."""

from __future__ import annotations

from typing import Any

from ..probing import add_layer


def add_conv(name: str, shape: tuple[int, ...], *args: Any, gradient: bool = True, **options: Any) -> None:
    """Register one Conv2D."""
    add_layer(f"conv/{name}", lambda keras: keras.layers.Conv2D(*args, **options), shape, gradient=gradient)


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
