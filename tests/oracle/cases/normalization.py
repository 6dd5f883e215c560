"""BatchNormalization (axes, options, both modes, moving statistics), LayerNormalization, and Dropout's inference."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..case import case
from ..draws import Draws
from ..probing import add_layer, linear_loss, one_or_all


def add_norm(name: str, shape: tuple[int, ...], **options: Any) -> None:
    """Register one BatchNormalization in both modes."""
    add_layer(f"normalization/{name}", lambda keras: keras.layers.BatchNormalization(**options), shape, training=True)


add_norm("rank_2", (6, 5))
add_norm("rank_3", (4, 3, 5))
add_norm("rank_4", (3, 4, 2, 5))
add_norm("axis_1", (3, 4, 2, 5), axis=1)
add_norm("axis_2", (3, 4, 2, 5), axis=2)
add_norm("axis_minus_2", (3, 4, 5), axis=-2)
add_norm("no_center", (6, 5), center=False)
add_norm("no_scale", (6, 5), scale=False)
add_norm("neither", (3, 4, 2, 5), center=False, scale=False)
add_norm("epsilon", (6, 5), epsilon=0.1)
add_norm("momentum", (6, 5), momentum=0.5)
add_norm("momentum_zero", (6, 5), momentum=0.0)
add_norm("all_options", (3, 4, 2, 5), axis=-1, momentum=0.9, epsilon=1e-5, scale=False)

add_layer(
    "normalization/frozen",
    lambda keras: keras.layers.BatchNormalization(trainable=False),
    (6, 5),
    training=True,
)
add_layer(
    "normalization/conv_norm_relu",
    lambda keras: keras.Sequential(
        [
            keras.layers.Conv2D(4, 3, use_bias=False),
            keras.layers.BatchNormalization(),
            keras.layers.ReLU(),
        ]
    ),
    (2, 6, 5, 3),
    training=True,
)


def add_layer_norm(name: str, shape: tuple[int, ...], **options: Any) -> None:
    """Register one LayerNormalization."""
    add_layer(f"normalization/layer_{name}", lambda keras: keras.layers.LayerNormalization(**options), shape)


add_layer_norm("rank_2", (6, 5))
add_layer_norm("rank_3", (4, 3, 5))
add_layer_norm("rank_4", (3, 4, 2, 5))
add_layer_norm("axis_1", (3, 4, 5), axis=1)
add_layer_norm("axes", (3, 4, 5), axis=(1, 2))
add_layer_norm("axes_unsorted", (3, 4, 5), axis=[2, 1])
add_layer_norm("axes_negative", (3, 4, 2, 5), axis=[-1, -3])
add_layer_norm("no_center", (6, 5), center=False)
add_layer_norm("no_scale", (6, 5), scale=False)
add_layer_norm("neither", (3, 4, 5), center=False, scale=False)
add_layer_norm("epsilon", (6, 5), epsilon=0.1)


@case("normalization/layer_far_from_zero")
def far_from_zero(keras: Any, draws: Draws) -> dict[str, Any]:
    """Moments of numbers whose mean is large against their spread."""
    return {"output": keras.layers.LayerNormalization()(draws.uniform(6, 32, low=4.0, high=5.0))}


@case("normalization/layer_half_precision")
def half_precision(keras: Any, draws: Draws) -> dict[str, Any]:
    """Half precision in and out, single precision between."""
    layer, x = keras.layers.LayerNormalization(dtype="mixed_bfloat16"), draws.uniform(6, 64, low=3.0, high=4.0)
    layer(x)
    draws.fill(layer)
    return {"output": np.asarray(keras.ops.cast(layer(x), "float32"))}


@case("normalization/initial")
def initial(keras: Any, draws: Draws) -> dict[str, Any]:
    """A fresh layer's weights and outputs need no random numbers."""
    inputs = keras.Input(shape=(5,))
    model = keras.Model(inputs, keras.layers.BatchNormalization()(inputs))
    found = {f"weight.{i}": w for i, w in enumerate(model.get_weights())}
    return found | {"output": model(draws.uniform(4, 5))}


@case("normalization/called_twice")
def called_twice(keras: Any, draws: Draws) -> dict[str, Any]:
    """Two calls of one layer in a model update its statistics twice, the second from what the first left."""
    norm = keras.layers.BatchNormalization(momentum=0.5)
    left, right = keras.Input(shape=(5,)), keras.Input(shape=(5,))
    model = keras.Model([left, right], [norm(left), norm(right)])
    draws.fill(norm)
    xs = [draws.uniform(6, 5), draws.uniform(6, 5, low=0.0, high=4.0)]
    targets = [draws.uniform(6, 5), draws.uniform(6, 5)]
    model.compile(optimizer=keras.optimizers.SGD(learning_rate=0.1), loss=[linear_loss(keras)] * 2)
    model.fit(xs, targets, batch_size=6, epochs=1, shuffle=False, verbose=0)
    return {f"weight.{i}": w for i, w in enumerate(model.get_weights())}


@case("normalization/several_batches")
def several_batches(keras: Any, draws: Draws) -> dict[str, Any]:
    """Moving statistics over the batches of two epochs, the last one short."""
    inputs = keras.Input(shape=(4, 3))
    model = keras.Model(inputs, keras.layers.BatchNormalization(momentum=0.7)(inputs))
    draws.fill(model)
    x, y = draws.uniform(10, 4, 3, low=-1.0, high=3.0), draws.uniform(10, 4, 3)
    model.compile(optimizer=keras.optimizers.SGD(learning_rate=0.05), loss="mse")
    model.fit(x, y, batch_size=4, epochs=2, shuffle=False, verbose=0)
    return {f"weight.{i}": w for i, w in enumerate(model.get_weights())} | {"predict": model.predict(x, verbose=0)}


def add_dropout(name: str, shape: tuple[int, ...], *args: Any, **options: Any) -> None:
    """Dropout passes its input on outside training, and inside where the rate is zero."""

    @case(f"normalization/dropout_{name}")
    def run(keras: Any, draws: Draws) -> dict[str, Any]:
        inputs = keras.Input(shape=shape[1:])
        model = keras.Model(inputs, keras.layers.Dropout(*args, **options)(inputs))
        x = draws.uniform(*shape)
        found = {"call": model(x), "inference": model(x, training=False), "predict": model.predict(x, verbose=0)}
        if not args[0]:
            found["training"] = model(x, training=True)
        return found


add_dropout("inference", (3, 5), 0.5)
add_dropout("inference_rank_3", (3, 4, 5), 0.3, noise_shape=(None, 1, 5), seed=3)
add_dropout("rate_zero", (3, 5), 0)


@case("normalization/dropout_expected_loss")
def dropout_expected_loss(keras: Any, draws: Draws) -> dict[str, Any]:
    """`evaluate` drops nothing."""
    inputs = keras.Input(shape=(5,))
    model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Dropout(0.5)(inputs)))
    draws.fill(model)
    model.compile(loss="mse")
    x, y = draws.uniform(6, 5), draws.uniform(6, 2)
    return {"loss": model.evaluate(one_or_all([x]), y, batch_size=4, verbose=0)}
