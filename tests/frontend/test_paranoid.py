"""Paranoid mode has nothing to say against the real passes, on models of every kind, predicting and training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import kgc as keras
from kgc import layers
from kgc.compiler import pipeline, printer
from kgc.compiler.specialize import specialize


def mlp() -> Any:
    x = inputs = keras.Input(shape=(6,))
    for _ in range(2):
        x = layers.Dropout(0.3)(layers.Dense(6, activation="relu", kernel_regularizer="l2")(x))
    return keras.Model(inputs, layers.Dense(4, activation="softmax")(x))


def convolutional() -> Any:
    inputs = keras.Input(shape=(8, 8, 3))
    x = layers.Rescaling(1.0 / 4)(inputs)
    x = layers.Conv2D(4, 3, use_bias=False)(x)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.BatchNormalization()(layers.Conv2D(4, 3, activation="relu")(layers.MaxPooling2D(2)(x)))
    return keras.Model(inputs, layers.Dense(4)(layers.Flatten()(x)))


def residual() -> Any:
    inputs = keras.Input(shape=(6, 6, 2))
    x = layers.Conv2D(4, 3, activation="relu", padding="same")(inputs)
    for _ in range(2):
        y = layers.Conv2D(4, 3, activation="relu", padding="same")(x)
        y = layers.BatchNormalization()(layers.Conv2D(4, 3, padding="same")(y))
        x = layers.Activation("relu")(layers.add([x, y]))
    return keras.Model(inputs, layers.Dense(4)(layers.GlobalAveragePooling2D()(x)))


def transformer() -> Any:
    tokens = keras.Input(shape=(None,), dtype="int32")
    x = layers.Embedding(11, 8, mask_zero=True)(tokens)
    y = layers.MultiHeadAttention(2, 4, dropout=0.1)(x, x)
    x = layers.LayerNormalization()(layers.add([x, y]))
    y = layers.Dense(8)(layers.Dense(12, activation="gelu")(x))
    x = layers.LayerNormalization()(layers.add([x, y]))
    return keras.Model(tokens, layers.Dense(4)(layers.GlobalAveragePooling1D()(x)))


def recurrent() -> Any:
    sequence = keras.Input(shape=(None, 3))
    x = layers.Masking()(sequence)
    x = layers.Bidirectional(layers.LSTM(3))(x)
    return keras.Model(sequence, layers.Dense(4)(x))


def ensemble() -> Any:
    inputs = keras.Input(shape=(5,))
    members = [keras.Sequential([layers.Dense(6, activation="tanh"), layers.Dense(4)])(inputs) for _ in range(3)]
    return keras.Model(inputs, layers.average(members))


def autoencoder() -> Any:
    inputs = keras.Input(shape=(8, 8, 1))
    x = layers.MaxPooling2D(2)(layers.Conv2D(3, 3, padding="same", activation="relu")(inputs))
    x = layers.Conv2DTranspose(3, 3, padding="same", activation="relu")(x)
    x = layers.Conv2D(1, 3, padding="same", activation="sigmoid")(layers.UpSampling2D(2)(x))
    return keras.Model(inputs, x)


def several() -> Any:
    title, body, tags = keras.Input((None,), dtype="int32"), keras.Input((3,), dtype="int32"), keras.Input((5,))
    words = layers.Embedding(13, 6)
    x = layers.concatenate([layers.GRU(4)(words(title)), layers.Flatten()(words(body)), tags])
    priority = layers.Dense(1, activation="sigmoid", name="priority")(x)
    return keras.Model([title, body, tags], [priority, layers.Dense(4, name="department")(x)])


def mixed() -> Any:
    inputs = keras.Input(shape=(6,))
    x = inputs
    for _ in range(2):
        x = layers.Dense(8, activation="relu", dtype="mixed_bfloat16")(x)
        x = layers.BatchNormalization(dtype="mixed_bfloat16")(x)
    return keras.Model(inputs, layers.Dense(4, activation="softmax", dtype="float32")(x))


def stack() -> Any:
    x = inputs = keras.Input(shape=(4,))
    for _ in range(4):
        x = layers.add([x, layers.Dense(4)(layers.Dense(5, activation="relu")(layers.BatchNormalization()(x)))])
    return keras.Model(inputs, layers.Dense(4)(x))


SPARSE = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
MODELS: list[tuple[Callable[[], Any], Any]] = [
    (mlp, "sparse_categorical_crossentropy"),
    (convolutional, SPARSE),
    (residual, None),  # None: predicting only, for time's sake
    (transformer, SPARSE),
    (recurrent, None),
    (ensemble, "mse"),
    (autoencoder, None),
    (several, None),
    (mixed, "categorical_crossentropy"),
    (stack, SPARSE),
]


def numbered(graph: Any) -> Any:
    shown = printer.symbol_names(graph).values()
    return specialize(graph, **{name: 4 if name[0] == "b" else 3 for name in shown})


@pytest.mark.parametrize(("make", "loss"), MODELS, ids=lambda value: getattr(value, "__name__", ""))
def test_no_false_alarm(make: Callable[[], Any], loss: Any) -> None:
    model = make()
    graphs = [(model.graph(), False)]
    if loss is not None:
        model.compile(optimizer="adam", loss=loss, metrics=["accuracy"])
        graphs.append((model.train_graph(), True))
    for graph, training in graphs:
        graph = graph if make is ensemble else numbered(graph)
        made = pipeline.optimize(graph, training=training, roll=make is stack, paranoid=True)
        assert not [note for note in made.notes if note.startswith("paranoid")], made.notes
        assert str(made.graph) != str(graph)


def test_a_model_too_large_is_not_checked_and_that_is_said() -> None:
    inputs = keras.Input(shape=(512, 512, 3))
    x = layers.Conv2D(64, 3)(layers.Conv2D(64, 3, activation="relu")(layers.Dropout(0.5)(inputs)))
    made = pipeline.optimize(keras.Model(inputs, x).graph(), paranoid=True)
    notes = [note for note in made.notes if note.startswith("paranoid: not checked")]
    assert len(notes) == 3 and "GFLOP" in notes[0]
