"""The models and the data that are timed, over the public names that kgc and Keras share.

Also run by path, in processes that time a cold start: it imports nothing but NumPy.
"""

from __future__ import annotations

from typing import Any

import numpy as np

BATCH = 64
SHAPES: dict[str, tuple[int, ...]] = {"mlp": (784,), "conv": (28, 28, 1)}
CLASSES = 10


def mlp(keras: Any) -> Any:
    """The guide's first model: 784-64-64-10."""
    inputs = keras.Input(shape=SHAPES["mlp"])
    x = keras.layers.Dense(64, activation="relu")(inputs)
    x = keras.layers.Dense(64, activation="relu")(x)
    return keras.Model(inputs, keras.layers.Dense(CLASSES)(x))


def conv(keras: Any) -> Any:
    """Two convolutions of 3 x 3 with batch normalisation, a pooling between them, and a classifier."""
    layers = keras.layers
    inputs = keras.Input(shape=SHAPES["conv"])
    x = layers.Conv2D(16, 3, padding="same", use_bias=False)(inputs)
    x = layers.MaxPooling2D(2)(layers.ReLU()(layers.BatchNormalization()(x)))
    x = layers.Conv2D(32, 3, padding="same", use_bias=False)(x)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    return keras.Model(inputs, layers.Dense(CLASSES)(layers.GlobalAveragePooling2D()(x)))


def chain(keras: Any, depth: int, width: int = 8) -> Any:
    """`depth` Dense layers in a row."""
    inputs = keras.Input(shape=(width,))
    x = inputs
    for _ in range(depth):
        x = keras.layers.Dense(width, activation="relu")(x)
    return keras.Model(inputs, x)


MODELS = {"mlp": mlp, "conv": conv}


def compiled(keras: Any, name: str) -> Any:
    """A workload's model, compiled as the guide does: RMSprop, cross-entropy from logits, accuracy."""
    model = MODELS[name](keras)
    model.compile(
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        optimizer=keras.optimizers.RMSprop(learning_rate=0.001),
        metrics=["accuracy"],
    )
    return model


def data(name: str, rows: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Float32 inputs in [0, 1) and int32 labels that a model can learn: each class brightens a patch of its own."""
    random = np.random.default_rng(seed)
    labels = random.integers(CLASSES, size=rows, dtype="int32")
    x = random.random((rows, 784), dtype="float32")
    step = 784 // CLASSES
    for label in range(CLASSES):
        x[labels == label, label * step : (label + 1) * step] *= 2.0
    return (x / 2.0).reshape(rows, *SHAPES[name]), labels
