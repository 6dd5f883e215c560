"""Max, average and global average pooling: windows, strides, padding, layouts."""

from __future__ import annotations

from typing import Any

from ..probing import add_layer


def add_pooling(name: str, shape: tuple[int, ...], **options: Any) -> None:
    """Register both kinds of pooling with one set of arguments."""
    for kind in ("MaxPooling2D", "AveragePooling2D"):
        add_layer(f"pooling/{kind}_{name}", lambda keras, kind=kind: getattr(keras.layers, kind)(**options), shape)


add_pooling("pool_2", (2, 6, 8, 3), pool_size=2)
add_pooling("pool_2_odd", (2, 7, 5, 3), pool_size=2)
add_pooling("pool_2_odd_same", (2, 7, 5, 3), pool_size=2, padding="same")
add_pooling("pool_3_stride_3", (2, 9, 6, 2), pool_size=3, strides=3)
add_pooling("pool_3_stride_1_same", (2, 5, 4, 2), pool_size=3, strides=1, padding="same")
add_pooling("pool_3_stride_2_same", (2, 8, 7, 2), pool_size=(3, 3), strides=(2, 2), padding="same")
add_pooling("overlapping", (2, 8, 7, 2), pool_size=3, strides=2)
add_pooling("uneven", (2, 8, 9, 2), pool_size=(2, 3), strides=(1, 2))
add_pooling("uneven_default_strides", (2, 8, 9, 2), pool_size=(2, 3))
add_pooling("stride_past_window", (2, 9, 8, 2), pool_size=2, strides=3)
add_pooling("pool_1_stride_2", (2, 6, 5, 2), pool_size=1, strides=2)
add_pooling("whole_image", (2, 4, 5, 2), pool_size=(4, 5))
add_pooling("channels_first", (2, 3, 6, 8), pool_size=2, data_format="channels_first")

add_layer("pooling/MaxPooling2D_default", lambda keras: keras.layers.MaxPooling2D(), (2, 6, 8, 3))
# With ties (ReLU's zeros), the gradient's path through the maximum is a choice.
add_layer(
    "pooling/MaxPooling2D_ties",
    lambda keras: keras.Sequential([keras.layers.ReLU(), keras.layers.MaxPooling2D(2)]),
    (2, 6, 8, 3),
)
add_layer(
    "pooling/MaxPooling2D_ties_overlapping",
    lambda keras: keras.Sequential([keras.layers.ReLU(), keras.layers.MaxPooling2D(3, strides=2, padding="same")]),
    (2, 6, 8, 3),
)
add_layer("pooling/global", lambda keras: keras.layers.GlobalAveragePooling2D(), (2, 5, 4, 3))
add_layer("pooling/global_keepdims", lambda keras: keras.layers.GlobalAveragePooling2D(keepdims=True), (2, 5, 4, 3))
add_layer(
    "pooling/global_channels_first",
    lambda keras: keras.layers.GlobalAveragePooling2D(data_format="channels_first"),
    (2, 3, 5, 4),
)
add_layer(
    "pooling/global_channels_first_keepdims",
    lambda keras: keras.layers.GlobalAveragePooling2D(data_format="channels_first", keepdims=True),
    (2, 3, 5, 4),
)
