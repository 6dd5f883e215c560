"""Whole models over ten SGD steps, the last batch of an epoch short: history, weights, evaluate, predict."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..case import case
from ..draws import Draws
from ..probing import as_list

# 36 rows in batches of 8 are five steps an epoch, the last over 4 rows; two epochs are ten steps.
ROWS, BATCH, EPOCHS = 36, 8, 2


def train(keras: Any, draws: Draws, model: Any, x: Any, y: Any, compiled: dict[str, Any], **fit: Any) -> dict[str, Any]:
    """Ten steps from drawn weights, and all that can be seen of them."""
    before = draws.fill(model, scale=0.5)
    compiled = {"optimizer": keras.optimizers.SGD(learning_rate=0.05)} | compiled
    model.compile(**compiled)
    history = model.fit(x, y, batch_size=BATCH, epochs=EPOCHS, shuffle=False, verbose=0, **fit).history
    found: dict[str, Any] = {f"history.{key}": np.array(values) for key, values in history.items()}
    for i, (value, first) in enumerate(zip(model.get_weights(), before, strict=True)):
        found[f"weight.{i}"] = value if value.size <= 500 else value.ravel()[:: value.size // 200]
        if np.array_equal(value, first):
            found[f"untouched.{i}"] = True
    logs = model.evaluate(x, y, batch_size=BATCH, verbose=0, return_dict=True)
    found |= {f"evaluate.{key}": np.float64(value) for key, value in logs.items()}
    predicted = model.predict(x, batch_size=BATCH, verbose=0)
    if isinstance(predicted, dict):
        return found | {f"predict.{key}": value for key, value in predicted.items()}
    return found | {f"predict.{i}": value for i, value in enumerate(as_list(predicted))}


def mlp(keras: Any, features: int = 20) -> Any:
    """The guide's first model."""
    inputs = keras.Input(shape=(features,), name="digits")
    x = keras.layers.Dense(64, activation="relu")(inputs)
    x = keras.layers.Dense(64, activation="relu")(x)
    return keras.Model(inputs=inputs, outputs=keras.layers.Dense(10)(x), name="mnist_model")


def digits(draws: Draws, features: int = 20) -> tuple[np.ndarray, np.ndarray]:
    return draws.uniform(ROWS, features, low=0.0, high=1.0), draws.integers(10, ROWS)


def sparse(keras: Any, **more: Any) -> dict[str, Any]:
    """The guide's loss and metric."""
    return {"loss": keras.losses.SparseCategoricalCrossentropy(from_logits=True), "metrics": ["accuracy"]} | more


@case("models/mlp")
def plain(keras: Any, draws: Draws) -> dict[str, Any]:
    return train(keras, draws, mlp(keras), *digits(draws), sparse(keras))


@case("models/mlp_guide_size")
def guide_size(keras: Any, draws: Draws) -> dict[str, Any]:
    draws_scale = {"optimizer": keras.optimizers.SGD(learning_rate=0.001)}
    return train(keras, draws, mlp(keras, 784), *digits(draws, 784), sparse(keras, **draws_scale))


@case("models/mlp_momentum")
def momentum(keras: Any, draws: Draws) -> dict[str, Any]:
    optimizer = keras.optimizers.SGD(learning_rate=0.02, momentum=0.9, nesterov=True)
    return train(keras, draws, mlp(keras), *digits(draws), sparse(keras, optimizer=optimizer))


@case("models/mlp_schedule_clipnorm")
def schedule_clipnorm(keras: Any, draws: Draws) -> dict[str, Any]:
    rate = keras.optimizers.schedules.ExponentialDecay(0.1, decay_steps=4, decay_rate=0.5)
    optimizer = keras.optimizers.SGD(learning_rate=rate, clipnorm=0.5)
    return train(keras, draws, mlp(keras), *digits(draws), sparse(keras, optimizer=optimizer))


@case("models/mlp_rmsprop", tolerance=10.0)
def rmsprop(keras: Any, draws: Draws) -> dict[str, Any]:
    """RMSprop divides by the gradient's size and so keeps a small gradient's rounding: hence the tolerance."""
    optimizer = keras.optimizers.RMSprop(learning_rate=0.001, epsilon=1e-3)
    return train(keras, draws, mlp(keras), *digits(draws), sparse(keras, optimizer=optimizer))


@case("models/mlp_softmax_probabilities")
def softmax_probabilities(keras: Any, draws: Draws) -> dict[str, Any]:
    """Softmax in the model, loss over probabilities: what a compiler may move to the logits form."""
    inputs = keras.Input(shape=(20,))
    x = keras.layers.Dense(16, activation="tanh")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(10, activation="softmax")(x))
    return train(
        keras, draws, model, *digits(draws), {"loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"]}
    )


@case("models/sigmoid_probabilities")
def sigmoid_probabilities(keras: Any, draws: Draws) -> dict[str, Any]:
    inputs = keras.Input(shape=(20,))
    x = keras.layers.Dense(16, activation="relu")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid")(x))
    x, _ = digits(draws)
    y = draws.integers(2, ROWS, dtype="float32")
    return train(keras, draws, model, x, y, {"loss": "binary_crossentropy", "metrics": ["accuracy"]})


@case("models/sequential")
def sequential(keras: Any, draws: Draws) -> dict[str, Any]:
    model = keras.Sequential(
        [keras.Input(shape=(20,)), keras.layers.Dense(16, activation="relu"), keras.layers.Dense(10)]
    )
    return train(keras, draws, model, *digits(draws), sparse(keras))


@case("models/sample_weight")
def sample_weight(keras: Any, draws: Draws) -> dict[str, Any]:
    weight = draws.uniform(ROWS, low=0.0, high=2.0)
    compiled = sparse(keras, weighted_metrics=["accuracy"])
    return train(keras, draws, mlp(keras), *digits(draws), compiled, sample_weight=weight)


@case("models/class_weight")
def class_weight(keras: Any, draws: Draws) -> dict[str, Any]:
    weights = {i: 0.5 + 0.25 * i for i in range(10)}
    return train(keras, draws, mlp(keras), *digits(draws), sparse(keras), class_weight=weights)


@case("models/class_weight_one_hot")
def class_weight_one_hot(keras: Any, draws: Draws) -> dict[str, Any]:
    x, y = digits(draws)
    compiled = {"loss": keras.losses.CategoricalCrossentropy(from_logits=True), "metrics": ["accuracy"]}
    weights = {i: 2.0 - 0.1 * i for i in range(10)}
    return train(keras, draws, mlp(keras), x, np.eye(10, dtype="float32")[y], compiled, class_weight=weights)


@case("models/validation_data")
def validation_data(keras: Any, draws: Draws) -> dict[str, Any]:
    held = draws.uniform(13, 20, low=0.0, high=1.0), draws.integers(10, 13)
    return train(keras, draws, mlp(keras), *digits(draws), sparse(keras), validation_data=held)


@case("models/validation_data_weighted")
def validation_data_weighted(keras: Any, draws: Draws) -> dict[str, Any]:
    held = draws.uniform(13, 20, low=0.0, high=1.0), draws.integers(10, 13), draws.uniform(13, low=0.0, high=2.0)
    fit = {"validation_data": held, "validation_batch_size": 5}
    return train(keras, draws, mlp(keras), *digits(draws), sparse(keras), **fit)


@case("models/validation_split")
def validation_split(keras: Any, draws: Draws) -> dict[str, Any]:
    """The last rows, before any shuffling, are held back."""
    return train(keras, draws, mlp(keras), *digits(draws), sparse(keras), validation_split=0.3)


@case("models/frozen_layer")
def frozen_layer(keras: Any, draws: Draws) -> dict[str, Any]:
    model = mlp(keras)
    model.layers[1].trainable = False
    return train(keras, draws, model, *digits(draws), sparse(keras))


@case("models/shared_layer")
def shared_layer(keras: Any, draws: Draws) -> dict[str, Any]:
    left, right = keras.Input(shape=(8,), name="left"), keras.Input(shape=(8,), name="right")
    shared = keras.layers.Dense(6, activation="tanh")
    joined = keras.layers.Concatenate()([shared(left), shared(right)])
    model = keras.Model([left, right], keras.layers.Dense(2)(joined))
    xs = [draws.uniform(ROWS, 8), draws.uniform(ROWS, 8)]
    return train(keras, draws, model, xs, draws.uniform(ROWS, 2), {"loss": "mse", "metrics": ["mae"]})


@case("models/nested")
def nested(keras: Any, draws: Draws) -> dict[str, Any]:
    """A model called as a layer, twice, inside another."""
    inner_in = keras.Input(shape=(6,))
    inner = keras.Model(inner_in, keras.layers.Dense(6, activation="tanh")(inner_in), name="inner")
    inputs = keras.Input(shape=(6,))
    model = keras.Model(inputs, keras.layers.Dense(1)(inner(inner(inputs))))
    return train(keras, draws, model, draws.uniform(ROWS, 6), draws.uniform(ROWS, 1), {"loss": "mse"})


def conv(keras: Any, momentum: float = 0.9) -> Any:
    """A small convolutional net with batch normalisation and a residual."""
    inputs = keras.Input(shape=(8, 8, 2))
    x = keras.layers.Rescaling(0.5, offset=0.1)(inputs)
    x = keras.layers.Conv2D(4, 3, padding="same", use_bias=False)(x)
    x = keras.layers.BatchNormalization(momentum=momentum)(x)
    x = block = keras.layers.ReLU()(x)
    x = keras.layers.Conv2D(4, 3, padding="same", use_bias=False)(x)
    x = keras.layers.BatchNormalization(momentum=momentum)(x)
    x = keras.layers.Add()([block, x])
    x = keras.layers.MaxPooling2D(2)(keras.layers.Activation("tanh")(x))
    x = keras.layers.Conv2D(6, 3, strides=2, activation="tanh")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, keras.layers.Dense(3)(x), name="conv")


@case("models/conv", tolerance=10.0)
def conv_net(keras: Any, draws: Draws) -> dict[str, Any]:
    """Normalised, the first steps' rounding is carried through ten: hence the tolerance."""
    x, y = draws.uniform(ROWS, 8, 8, 2), draws.integers(3, ROWS)
    return train(keras, draws, conv(keras), x, y, sparse(keras))


@case("models/conv_validation", tolerance=10.0)
def conv_validation(keras: Any, draws: Draws) -> dict[str, Any]:
    """Validation uses the moving statistics as they stand after each epoch."""
    x, y = draws.uniform(ROWS, 8, 8, 2), draws.integers(3, ROWS)
    held = draws.uniform(10, 8, 8, 2), draws.integers(3, 10)
    return train(keras, draws, conv(keras, 0.5), x, y, sparse(keras), validation_data=held)


@case("models/average_pooling_net")
def average_pooling_net(keras: Any, draws: Draws) -> dict[str, Any]:
    inputs = keras.Input(shape=(8, 8, 2))
    x = keras.layers.Conv2D(4, 3, activation="silu")(inputs)
    x = keras.layers.AveragePooling2D(2)(x)
    x = keras.layers.Reshape((-1, 4))(x)
    x = keras.layers.Flatten()(keras.layers.Dense(3, activation="relu")(x))
    model = keras.Model(inputs, keras.layers.Softmax()(keras.layers.Dense(3)(x)))
    x, y = draws.uniform(ROWS, 8, 8, 2), draws.one_hot(3, ROWS)
    return train(keras, draws, model, x, y, {"loss": "categorical_crossentropy", "metrics": ["accuracy"]})


def two_outputs(keras: Any) -> Any:
    """The guide's ticket shape: two inputs, two named outputs."""
    title, tags = keras.Input(shape=(6,), name="title"), keras.Input(shape=(4,), name="tags")
    x = keras.layers.concatenate([keras.layers.Dense(5, activation="tanh")(title), tags])
    priority = keras.layers.Dense(1, name="priority")(x)
    department = keras.layers.Dense(3, name="department")(x)
    return keras.Model(inputs=[title, tags], outputs=[priority, department])


def ticket_data(draws: Draws) -> tuple[list[np.ndarray], list[np.ndarray]]:
    xs = [draws.uniform(ROWS, 6), draws.uniform(ROWS, 4)]
    return xs, [draws.integers(2, ROWS, 1, dtype="float32"), draws.one_hot(3, ROWS)]


def ticket_losses(keras: Any) -> list[Any]:
    losses = keras.losses
    return [losses.BinaryCrossentropy(from_logits=True), losses.CategoricalCrossentropy(from_logits=True)]


Named = Callable[[list[Any]], Any]
KINDS: dict[str, Named] = {"list": list, "dict": lambda pair: dict(zip(("priority", "department"), pair, strict=True))}
for _kind, _shape in KINDS.items():

    @case(f"models/two_outputs_{_kind}")
    def outputs(keras: Any, draws: Draws, shape: Named = _shape) -> dict[str, Any]:
        xs, ys = ticket_data(draws)
        compiled = {
            "loss": shape(ticket_losses(keras)),
            "loss_weights": shape([1.0, 0.2]),
            "metrics": shape([["accuracy"], ["accuracy", "mae"]]),
        }
        return train(keras, draws, two_outputs(keras), xs, shape(ys), compiled)


@case("models/two_outputs_sample_weight")
def two_outputs_sample_weight(keras: Any, draws: Draws) -> dict[str, Any]:
    xs, ys = ticket_data(draws)
    weight = [draws.uniform(ROWS, low=0.0, high=2.0), draws.uniform(ROWS, low=0.0, high=2.0)]
    compiled = {"loss": ticket_losses(keras), "weighted_metrics": [["accuracy"], ["accuracy"]]}
    return train(keras, draws, two_outputs(keras), xs, ys, compiled, sample_weight=weight)


@case("models/two_outputs_one_loss")
def two_outputs_one_loss(keras: Any, draws: Draws) -> dict[str, Any]:
    """One string stands for both outputs; inputs are given by name."""
    xs, ys = ticket_data(draws)
    named = {"tags": xs[1], "title": xs[0]}
    return train(keras, draws, two_outputs(keras), named, ys, {"loss": "mse", "metrics": ["mae", "mse"]})


@case("models/dict_outputs")
def dict_outputs(keras: Any, draws: Draws) -> dict[str, Any]:
    """A model whose outputs are a dict, in the user's order."""
    inputs = keras.Input(shape=(6,))
    x = keras.layers.Dense(5, activation="tanh")(inputs)
    model = keras.Model(inputs, {"second": keras.layers.Dense(2)(x), "first": keras.layers.Dense(3)(x)})
    y = {"second": draws.uniform(ROWS, 2), "first": draws.uniform(ROWS, 3)}
    return train(keras, draws, model, draws.uniform(ROWS, 6), y, {"loss": {"second": "mse", "first": "mae"}})


@case("models/plain_functions")
def plain_functions(keras: Any, draws: Draws) -> dict[str, Any]:
    """A loss and a metric that are functions: one value a row, and a single value."""

    def fourth_power(y_true: Any, y_pred: Any) -> Any:
        return keras.ops.mean((y_true - y_pred) ** 4, axis=-1)

    def bias(y_true: Any, y_pred: Any) -> Any:
        return keras.ops.mean(y_pred - y_true)

    inputs = keras.Input(shape=(6,))
    model = keras.Model(inputs, keras.layers.Dense(2, activation="tanh")(inputs))
    x, y = draws.uniform(ROWS, 6), draws.uniform(ROWS, 2, low=-0.9, high=0.9)
    return train(keras, draws, model, x, y, {"loss": fourth_power, "metrics": [bias]})


@case("models/regularized")
def regularized(keras: Any, draws: Draws) -> dict[str, Any]:
    inputs = keras.Input(shape=(6,))
    x = keras.layers.Dense(5, activation="tanh", kernel_regularizer=keras.regularizers.L2(0.01))(inputs)
    model = keras.Model(inputs, keras.layers.Dense(2, bias_regularizer="l1")(x))
    x, y = draws.uniform(ROWS, 6), draws.uniform(ROWS, 2)
    return train(keras, draws, model, x, y, {"loss": "mse", "metrics": ["mse"]})
