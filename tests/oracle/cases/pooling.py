"""Max, average and global average pooling: windows, strides, padding, layouts."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..case import case
from ..draws import Draws
from ..probing import add_layer


def add_pooling(name: str, shape: tuple[int, ...], **options: Any) -> None:
    """Register both kinds of pooling with one set of arguments."""
    for kind in (f"MaxPooling{len(shape) - 2}D", f"AveragePooling{len(shape) - 2}D"):
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

add_pooling("pool_2", (2, 7, 3), pool_size=2)
add_pooling("pool_3_stride_2_same", (2, 8, 3), pool_size=3, strides=2, padding="same")
add_pooling("channels_first", (2, 3, 7), pool_size=2, strides=1, data_format="channels_first")
add_pooling("pool_2", (2, 4, 5, 6, 2), pool_size=2)
add_pooling("pool_3_stride_2_same", (1, 5, 4, 6, 2), pool_size=3, strides=2, padding="same")
add_pooling("uneven", (1, 5, 4, 6, 2), pool_size=(2, 1, 3), strides=(1, 2, 2))
add_pooling("large", (1, 6, 6, 5, 1), pool_size=5, strides=1)  # of more positions than are taken apart
add_pooling("channels_first", (1, 2, 4, 5, 6), pool_size=2, data_format="channels_first")
add_layer("pooling/MaxPooling1D_default", lambda keras: keras.layers.MaxPooling1D(), (2, 6, 3))
add_layer("pooling/MaxPooling3D_default", lambda keras: keras.layers.MaxPooling3D(), (1, 4, 4, 2, 3))

for rank, shape in ((1, (2, 5, 3)), (2, (2, 5, 4, 3)), (3, (2, 3, 5, 4, 3))):
    for kind in (f"GlobalMaxPooling{rank}D", f"GlobalAveragePooling{rank}D"):
        for form, options in (
            ("plain", {}),
            ("keepdims", {"keepdims": True}),
            ("channels_first", {"data_format": "channels_first"}),
            ("channels_first_keepdims", {"data_format": "channels_first", "keepdims": True}),
        ):
            add_layer(
                f"pooling/{kind}_{form}",
                lambda keras, kind=kind, options=options: getattr(keras.layers, kind)(**options),
                shape,
            )


@case("pooling/masked")
def masked(keras: Any, draws: Draws) -> dict[str, Any]:
    """Means over what a mask leaves; NaN where it leaves nothing."""
    x, mask = draws.uniform(4, 3, 5), np.array([[1, 1, 0], [1, 1, 1], [0, 0, 0], [0, 1, 0]], bool)
    layer = keras.layers.GlobalAveragePooling1D
    y = np.transpose(x, (0, 2, 1))
    return {
        "plain": layer()(x, mask=mask),
        "keepdims": layer(keepdims=True)(x, mask=mask),
        "channels_first": layer("channels_first")(y, mask=mask),
        "channels_first_keepdims": layer("channels_first", keepdims=True)(y, mask=mask),
    }
