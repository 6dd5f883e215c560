"""The models and the data that are timed, over the public names that kgc and Keras share.

Also run by path, in processes that time a cold start: it imports nothing but NumPy.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

BATCH = 64
CLASSES = 10
TAGS, WORDS, DEPARTMENTS = 12, 10_000, 4
TOKENS, LENGTH, WIDTH, HEADS, BLOCKS = 5_000, 64, 64, 4, 2


# Models
def mlp(keras: Any) -> Any:
    """The guide's first model: 784-64-64-10."""
    inputs = keras.Input(shape=(784,))
    x = keras.layers.Dense(64, activation="relu")(inputs)
    x = keras.layers.Dense(64, activation="relu")(x)
    return keras.Model(inputs, keras.layers.Dense(CLASSES)(x))


def conv(keras: Any) -> Any:
    """Two convolutions of 3 x 3 with batch normalisation, a pooling between them, and a classifier."""
    layers = keras.layers
    inputs = keras.Input(shape=(28, 28, 1))
    x = layers.Conv2D(16, 3, padding="same", use_bias=False)(inputs)
    x = layers.MaxPooling2D(2)(layers.ReLU()(layers.BatchNormalization()(x)))
    x = layers.Conv2D(32, 3, padding="same", use_bias=False)(x)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    return keras.Model(inputs, layers.Dense(CLASSES)(layers.GlobalAveragePooling2D()(x)))


def autoencoder(keras: Any) -> Any:
    """The guide's encoder of images to 16 numbers, and its decoder behind it."""
    layers = keras.layers
    inputs = keras.Input(shape=(28, 28, 1))
    x = layers.Conv2D(16, 3, activation="relu")(inputs)
    x = layers.Conv2D(32, 3, activation="relu")(x)
    x = layers.MaxPooling2D(3)(x)
    x = layers.Conv2D(32, 3, activation="relu")(x)
    x = layers.Conv2D(16, 3, activation="relu")(x)
    x = layers.GlobalMaxPooling2D()(x)
    x = layers.Reshape((4, 4, 1))(x)
    x = layers.Conv2DTranspose(16, 3, activation="relu")(x)
    x = layers.Conv2DTranspose(32, 3, activation="relu")(x)
    x = layers.UpSampling2D(3)(x)
    x = layers.Conv2DTranspose(16, 3, activation="relu")(x)
    return keras.Model(inputs, layers.Conv2DTranspose(1, 3, activation="relu")(x))


def ensemble(keras: Any) -> Any:
    """The guide's three models of one layer each, averaged."""
    models = []
    for _ in range(3):
        inputs = keras.Input(shape=(128,))
        models.append(keras.Model(inputs, keras.layers.Dense(1)(inputs)))
    inputs = keras.Input(shape=(128,))
    return keras.Model(inputs, keras.layers.average([model(inputs) for model in models]))


def ticket(keras: Any) -> Any:
    """The guide's model of three inputs and two outputs: embeddings and LSTMs over title and body."""
    layers = keras.layers
    title = keras.Input(shape=(None,), name="title")
    body = keras.Input(shape=(None,), name="body")
    tags = keras.Input(shape=(TAGS,), name="tags")
    x = layers.concatenate(
        [
            layers.LSTM(128)(layers.Embedding(WORDS, 64)(title)),
            layers.LSTM(32)(layers.Embedding(WORDS, 64)(body)),
            tags,
        ]
    )
    outputs = {
        "priority": layers.Dense(1, name="priority")(x),
        "department": layers.Dense(DEPARTMENTS, name="department")(x),
    }
    return keras.Model([title, body, tags], outputs)


def resnet(keras: Any) -> Any:
    """The guide's toy ResNet for images of 32 x 32 x 3."""
    layers = keras.layers
    inputs = keras.Input(shape=(32, 32, 3))
    x = layers.Conv2D(32, 3, activation="relu")(inputs)
    x = layers.Conv2D(64, 3, activation="relu")(x)
    x = layers.MaxPooling2D(3)(x)
    for _ in range(2):
        y = layers.Conv2D(64, 3, activation="relu", padding="same")(x)
        y = layers.Conv2D(64, 3, activation="relu", padding="same")(y)
        x = layers.add([y, x])
    x = layers.Conv2D(64, 3, activation="relu")(x)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dense(256, activation="relu")(x)
    x = layers.Dropout(0.5)(x)
    return keras.Model(inputs, layers.Dense(CLASSES)(x))


def transformer(keras: Any) -> Any:
    """A classifier of 64 tokens: embeddings, two blocks of attention and two Dense layers, the mean."""
    layers = keras.layers
    tokens = keras.Input(shape=(LENGTH,), dtype="int32")
    x = layers.Embedding(TOKENS, WIDTH)(tokens)
    for _ in range(BLOCKS):
        y = layers.LayerNormalization(epsilon=1e-6)(x)
        x = layers.add([x, layers.MultiHeadAttention(HEADS, WIDTH // HEADS)(y, y)])
        y = layers.LayerNormalization(epsilon=1e-6)(x)
        y = layers.Dense(4 * WIDTH, activation="relu")(y)
        x = layers.add([x, layers.Dense(WIDTH)(y)])
    x = layers.GlobalAveragePooling1D()(layers.LayerNormalization(epsilon=1e-6)(x))
    return keras.Model(tokens, layers.Dense(CLASSES)(x))


def chain(keras: Any, depth: int, width: int = 8) -> Any:
    """`depth` Dense layers in a row."""
    inputs = keras.Input(shape=(width,))
    x = inputs
    for _ in range(depth):
        x = keras.layers.Dense(width, activation="relu")(x)
    return keras.Model(inputs, x)


def deep(keras: Any, kind: str, depth: int) -> Any:
    """`depth` equal blocks behind each other: "mlp" of two Dense(64), or "transformer" as trained, with dropout.

    The second kernels start small, so that a thousand blocks neither explode nor vanish."""
    layers = keras.layers

    def small() -> Any:
        return layers.Dense(64, kernel_initializer=keras.initializers.RandomNormal(stddev=0.01))

    inputs = x = keras.Input(shape=(64,) if kind == "mlp" else (16, 64))
    for _ in range(depth):
        if kind == "mlp":
            x = layers.add([x, small()(layers.Dense(64, activation="relu")(x))])
            continue
        y = layers.LayerNormalization(epsilon=1e-6)(x)
        y = layers.MultiHeadAttention(4, 16, dropout=0.1)(y, y)
        x = layers.add([x, layers.Dropout(0.1)(y)])
        y = layers.LayerNormalization(epsilon=1e-6)(x)
        y = small()(layers.Dense(256, activation="relu")(y))
        x = layers.add([x, layers.Dropout(0.1)(y)])
    return keras.Model(inputs, layers.Dense(1)(x if kind == "mlp" else layers.GlobalAveragePooling1D()(x)))


def deep_data(kind: str, rows: int) -> tuple[Any, Any]:
    """Inputs and targets of a `deep` model."""
    random = np.random.default_rng(0)
    x = random.standard_normal((rows, 64) if kind == "mlp" else (rows, 16, 64)).astype("float32")
    return x, np.zeros((rows, 1), "float32")


# What they are trained on
def classes(*shape: int) -> Callable[[np.random.Generator, int], Any]:
    """Float32 inputs in [0, 1) and int32 labels that a model can learn: each class brightens a patch of its own."""

    def make(random: np.random.Generator, rows: int) -> Any:
        labels = random.integers(CLASSES, size=rows, dtype="int32")
        size = int(np.prod(shape))
        x = random.random((rows, size), dtype="float32")
        step = size // CLASSES
        for label in range(CLASSES):
            x[labels == label, label * step : (label + 1) * step] *= 2.0
        return (x / 2.0).reshape(rows, *shape), labels

    return make


def _one_hot(random: np.random.Generator, rows: int) -> Any:
    x, labels = classes(32, 32, 3)(random, rows)
    return x, np.eye(CLASSES, dtype="float32")[labels]


def _images(random: np.random.Generator, rows: int) -> Any:
    x, _ = classes(28, 28, 1)(random, rows)
    return x, x


def _sums(random: np.random.Generator, rows: int) -> Any:
    x = random.random((rows, 128), dtype="float32")
    return x, x.mean(axis=1, keepdims=True)


def _tickets(random: np.random.Generator, rows: int) -> Any:
    x = {
        "title": random.integers(WORDS, size=(rows, 12)).astype("float32"),
        "body": random.integers(WORDS, size=(rows, 100)).astype("float32"),
        "tags": random.integers(2, size=(rows, TAGS)).astype("float32"),
    }
    department = np.eye(DEPARTMENTS, dtype="float32")[random.integers(DEPARTMENTS, size=rows)]
    return x, {"priority": x["tags"][:, :1], "department": department}


def _sentences(random: np.random.Generator, rows: int) -> Any:
    labels = random.integers(CLASSES, size=rows, dtype="int32")
    x = random.integers(TOKENS, size=(rows, LENGTH), dtype="int32")
    x[:, ::4] = labels[:, None]  # every fourth token tells the class
    return x, labels


class Workload(NamedTuple):
    """A model, how it is compiled, and how much it is given.

    Attributes:
        model: makes it from a package.
        data: inputs and targets of so many rows.
        loss: makes what `compile` takes as `loss` and beside it.
        rows: of a timed epoch, and of a quick one.
    """

    model: Callable[[Any], Any]
    data: Callable[[np.random.Generator, int], Any]
    loss: Callable[[Any], dict[str, Any]]
    rows: tuple[int, int]


def _sparse(keras: Any) -> dict[str, Any]:
    return {"loss": keras.losses.SparseCategoricalCrossentropy(from_logits=True), "metrics": ["accuracy"]}


def _categorical(keras: Any) -> dict[str, Any]:
    return {"loss": keras.losses.CategoricalCrossentropy(from_logits=True), "metrics": ["acc"]}


def _squared(keras: Any) -> dict[str, Any]:
    return {"loss": keras.losses.MeanSquaredError()}


def _two_losses(keras: Any) -> dict[str, Any]:
    losses = {
        "priority": keras.losses.BinaryCrossentropy(from_logits=True),
        "department": keras.losses.CategoricalCrossentropy(from_logits=True),
    }
    return {"loss": losses, "loss_weights": {"priority": 1.0, "department": 0.2}}


WORKLOADS = {
    "mlp": Workload(mlp, classes(784), _sparse, (60_000, 64)),
    "conv": Workload(conv, classes(28, 28, 1), _sparse, (2_048, 64)),
    "autoencoder": Workload(autoencoder, _images, _squared, (512, 64)),
    "ensemble": Workload(ensemble, _sums, _squared, (20_000, 64)),
    "ticket": Workload(ticket, _tickets, _two_losses, (640, 64)),
    "resnet": Workload(resnet, _one_hot, _categorical, (256, 64)),
    "transformer": Workload(transformer, _sentences, _sparse, (640, 64)),
}


def compiled(keras: Any, name: str) -> Any:
    """A workload's model, compiled with RMSprop as the guide does."""
    workload = WORKLOADS[name]
    model = workload.model(keras)
    model.compile(optimizer=keras.optimizers.RMSprop(learning_rate=0.001), **workload.loss(keras))
    return model


def data(name: str, rows: int, seed: int = 0) -> tuple[Any, Any]:
    """Inputs and targets, as `fit` takes them."""
    return WORKLOADS[name].data(np.random.default_rng(seed), rows)
