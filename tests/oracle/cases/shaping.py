"""Flatten, Reshape, Rescaling."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..case import case
from ..draws import Draws
from ..probing import add_layer

add_layer("shaping/flatten", lambda keras: keras.layers.Flatten(), (2, 3, 4))
add_layer("shaping/flatten_rank_4", lambda keras: keras.layers.Flatten(), (2, 3, 2, 4))
add_layer("shaping/flatten_rank_2", lambda keras: keras.layers.Flatten(), (2, 3))
add_layer("shaping/flatten_rank_1", lambda keras: keras.layers.Flatten(), (4,))
add_layer(
    "shaping/flatten_channels_first", lambda keras: keras.layers.Flatten(data_format="channels_first"), (2, 3, 2, 4)
)
add_layer("shaping/reshape", lambda keras: keras.layers.Reshape((4, 3)), (2, 12))
add_layer("shaping/reshape_unknown_last", lambda keras: keras.layers.Reshape((4, -1)), (2, 12))
add_layer("shaping/reshape_unknown_first", lambda keras: keras.layers.Reshape((-1, 4)), (2, 3, 8))
add_layer("shaping/reshape_flat", lambda keras: keras.layers.Reshape((-1,)), (2, 3, 4))
add_layer("shaping/reshape_rank_4", lambda keras: keras.layers.Reshape((2, -1, 3)), (2, 4, 6))
add_layer("shaping/rescaling", lambda keras: keras.layers.Rescaling(1.0 / 127.5, offset=-1.0), (2, 3, 3, 2))
add_layer("shaping/rescaling_scale_only", lambda keras: keras.layers.Rescaling(0.1), (2, 3))
add_layer(
    "shaping/rescaling_lists",
    lambda keras: keras.layers.Rescaling([0.5, 2.0, 4.0], offset=[1.0, 0.0, -1.0]),
    (2, 3, 3, 3),
)
add_layer(
    "shaping/rescaling_arrays",
    lambda keras: keras.layers.Rescaling(np.array([0.5, 2.0, 4.0]), offset=np.array([1.0, 0.0, -1.0])),
    (2, 4, 3),
)
add_layer(
    "shaping/rescaling_array_and_number",
    lambda keras: keras.layers.Rescaling(np.array([0.5, 2.0, 4.0], "float32"), offset=0.25),
    (2, 3),
)


@case("shaping/rescaling_bytes")
def rescaling_bytes(keras: Any, draws: Draws) -> dict[str, Any]:
    """Pictures as bytes come out as floats."""
    inputs = keras.Input(shape=(4, 4, 3), dtype="uint8")
    outputs = keras.layers.Rescaling(1.0 / 255)(inputs)
    model = keras.Model(inputs, outputs)
    x = draws.integers(256, 2, 4, 4, 3, dtype="uint8")
    return {"call": model(x), "predict": model.predict(x, verbose=0)}
