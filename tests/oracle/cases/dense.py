"""Dense: ranks, biases, activations, regularizers."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..case import case
from ..draws import Draws
from ..probing import add_layer, gradients

add_layer("dense/plain", lambda keras: keras.layers.Dense(4), (3, 5))
add_layer("dense/relu", lambda keras: keras.layers.Dense(4, activation="relu"), (3, 5))
add_layer("dense/no_bias", lambda keras: keras.layers.Dense(4, use_bias=False), (3, 5))
add_layer("dense/one_unit", lambda keras: keras.layers.Dense(1, activation="sigmoid"), (6, 5))
add_layer("dense/one_feature", lambda keras: keras.layers.Dense(3, activation="tanh"), (6, 1))
add_layer("dense/one_row", lambda keras: keras.layers.Dense(3), (1, 5))
add_layer("dense/rank_3", lambda keras: keras.layers.Dense(4, activation="relu"), (2, 3, 5))
add_layer("dense/rank_4", lambda keras: keras.layers.Dense(4, activation="gelu"), (2, 3, 2, 5))
add_layer("dense/softmax", lambda keras: keras.layers.Dense(4, activation="softmax"), (3, 5))
add_layer("dense/softmax_rank_3", lambda keras: keras.layers.Dense(4, activation="softmax"), (2, 3, 5))
add_layer("dense/function", lambda keras: keras.layers.Dense(4, activation=keras.ops.tanh), (3, 5))
add_layer("dense/named_function", lambda keras: keras.layers.Dense(4, activation=keras.activations.relu), (3, 5))
add_layer(
    "dense/two_in_a_row",
    lambda keras: keras.Sequential([keras.layers.Dense(4, activation="relu"), keras.layers.Dense(2)]),
    (3, 5),
)
add_layer("dense/wide", lambda keras: keras.layers.Dense(64, activation="relu"), (8, 100))


class SharedTwice:
    """The same Dense over two inputs, as one callable with the layer's weights."""

    def __init__(self, keras: Any) -> None:
        self.layer = keras.layers.Dense(3, activation="tanh")

    def __call__(self, xs: Any) -> Any:
        return [self.layer(x) for x in xs]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.layer, name)


add_layer("dense/shared", SharedTwice, (3, 5), (3, 5))


def add_regularized(name: str, **regularizers: Any) -> None:
    """A Dense whose regularizers add to the loss; each value is a function of the package that makes one."""

    def build(keras: Any) -> Any:
        made = {key: value(keras) for key, value in regularizers.items()}
        return keras.layers.Dense(4, activation="tanh", **made)

    @case(f"dense/{name}")
    def run(keras: Any, draws: Draws) -> dict[str, Any]:
        weights = [draws.uniform(5, 4), draws.uniform(4)]
        x, target = draws.uniform(3, 5), draws.uniform(3, 4)
        return gradients(keras, build, [x], lambda layer: weights, [target])


add_regularized("kernel_l2", kernel_regularizer=lambda keras: keras.regularizers.L2(0.02))
add_regularized("kernel_l1", kernel_regularizer=lambda keras: keras.regularizers.L1(0.03))
add_regularized("kernel_l1_l2", kernel_regularizer=lambda keras: keras.regularizers.L1L2(l1=0.01, l2=0.02))
add_regularized("bias_l2", bias_regularizer=lambda keras: keras.regularizers.L2(0.1))
add_regularized("activity_l2", activity_regularizer=lambda keras: keras.regularizers.L2(0.1))
add_regularized("regularizer_name", kernel_regularizer=lambda keras: "l2")
add_regularized(
    "all_regularizers",
    kernel_regularizer=lambda keras: keras.regularizers.L2(0.02),
    bias_regularizer=lambda keras: keras.regularizers.L1(0.03),
    activity_regularizer=lambda keras: keras.regularizers.L1(0.01),
)


@case("dense/regularization_in_evaluate")
def regularization_in_evaluate(keras: Any, draws: Draws) -> dict[str, Any]:
    """`evaluate` adds regularisation to the loss as `fit` does."""
    inputs = keras.Input(shape=(5,))
    hidden = keras.layers.Dense(4, kernel_regularizer=keras.regularizers.L2(0.1))(inputs)
    model = keras.Model(inputs, keras.layers.Dense(2, kernel_regularizer=keras.regularizers.L1(0.1))(hidden))
    draws.fill(model)
    model.compile(optimizer=keras.optimizers.SGD(learning_rate=0.1), loss="mse", metrics=["mae"])
    logs = model.evaluate(draws.uniform(6, 5), draws.uniform(6, 2), batch_size=4, verbose=0, return_dict=True)
    return {key: np.float64(value) for key, value in logs.items()}
