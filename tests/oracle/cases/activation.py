"""Activations by name, in their layers, and at the points where they bend."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..case import case
from ..draws import Draws
from ..probing import add_layer, gradients

NAMES = (
    "relu", "sigmoid", "tanh", "softmax", "softplus", "softsign", "elu", "selu", "gelu", "silu", "swish",
    "exponential", "hard_sigmoid", "leaky_relu", "relu6", "mish", "linear", "log_softmax",
)  # fmt: skip

# Where pieces meet, a gradient is a convention, and Keras's is JAX's. Each row is compared at a scale of its own.
BENDS = np.array([[-1.0, -0.5, -0.0, 0.0, 0.5, 1.0], [-8.0, -6.0, -3.0, 3.0, 6.0, 8.0]], "float32")
FAR = np.array([[-1000.0, -120.0, -90.0, -40.0, -20.0], [20.0, 40.0, 90.0, 120.0, 1000.0]], "float32")

for _name in NAMES:
    add_layer(f"activation/{_name}", lambda keras, name=_name: keras.layers.Activation(name), (3, 7), spread=4.0)


def add_points(name: str, points: np.ndarray, build: Any) -> None:
    """Outputs and gradients of an elementwise layer at given points."""

    @case(f"activation/{name}")
    def run(keras: Any, draws: Draws) -> dict[str, Any]:
        inputs = keras.Input(shape=points.shape[1:])
        model = keras.Model(inputs, build(keras)(inputs))
        target = np.ones_like(points)
        slopes = gradients(keras, build, [points], lambda layer: [], [target])["input_gradient.0"]
        found = {f"output.{i}": row for i, row in enumerate(np.asarray(model(points)))}
        return found | {f"gradient.{i}": row for i, row in enumerate(slopes)}


for _name in NAMES:
    if "softmax" not in _name:
        add_points(f"{_name}_bends", BENDS, lambda keras, name=_name: keras.layers.Activation(name))
for _name in NAMES:
    if _name not in ("exponential", "softmax", "log_softmax"):
        add_points(f"{_name}_far", FAR, lambda keras, name=_name: keras.layers.Activation(name))

RELUS: dict[str, dict[str, float]] = {
    "max_value": {"max_value": 1.0},
    "negative_slope": {"negative_slope": 0.1},
    "threshold": {"threshold": 0.5},
    "negative_slope_threshold": {"negative_slope": 0.2, "threshold": 1.0},
    "max_value_threshold": {"max_value": 3.0, "threshold": 1.0},
    "all": {"max_value": 3.0, "negative_slope": 0.1, "threshold": 0.5},
    "six": {"max_value": 6.0},
}
add_layer("activation/relu_layer", lambda keras: keras.layers.ReLU(), (3, 7))
for _key, _options in RELUS.items():
    add_layer(
        f"activation/relu_layer_{_key}",
        lambda keras, options=_options: keras.layers.ReLU(**options),
        (3, 7),
        spread=4.0,
    )
    add_points(f"relu_layer_{_key}_bends", BENDS, lambda keras, options=_options: keras.layers.ReLU(**options))

add_layer("activation/softmax_layer", lambda keras: keras.layers.Softmax(), (3, 7))
add_layer("activation/softmax_axis_1", lambda keras: keras.layers.Softmax(axis=1), (2, 3, 4))
add_layer("activation/softmax_axis_minus_2", lambda keras: keras.layers.Softmax(axis=-2), (2, 3, 4))
add_layer("activation/softmax_axes", lambda keras: keras.layers.Softmax(axis=(1, 2)), (2, 3, 4))
add_layer("activation/softmax_large", lambda keras: keras.layers.Softmax(), (3, 7), spread=200.0)
add_layer("activation/log_softmax_large", lambda keras: keras.layers.Activation("log_softmax"), (3, 7), spread=200.0)
add_layer("activation/function", lambda keras: keras.layers.Activation(keras.activations.gelu), (3, 7))
add_layer("activation/ops_function", lambda keras: keras.layers.Activation(keras.ops.softplus), (3, 7))
add_layer("activation/rank_4", lambda keras: keras.layers.Activation("silu"), (2, 3, 4, 2))
