"""Every model's graphs print, parse back to equal graphs, and verify; before the passes and after them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import kgc
from kgc import layers, ops
from kgc.compiler import equality, pipeline
from kgc.compiler.graph import Graph
from kgc.compiler.parser import parse
from kgc.compiler.printer import external_constants
from kgc.compiler.verifier import verify


class Mixing(layers.Layer):
    """Uses `jax.numpy` on our tensors."""

    def build(self, input_shape: Any) -> None:
        self.scale = self.add_weight((input_shape[-1],), "ones", name="scale")
        self.count = self.add_weight((), "zeros", trainable=False, name="count")

    def call(self, x: Any) -> Any:
        self.count.assign(self.count + 1.0)
        return ops.add(jnp.sin(x) * ops.tanh(x), self.scale)


def mlp() -> Any:
    x = kgc.Input((4,))
    h = layers.Dropout(0.2)(layers.Dense(5, activation="relu", kernel_regularizer="l2")(x))
    return kgc.Model(x, layers.Dense(3, activation="softmax")(h)), "sparse_categorical_crossentropy"


def convnet() -> Any:
    x = kgc.Input((8, 8, 1))
    h = layers.Conv2D(4, 3, padding="same", use_bias=False)(layers.Rescaling(0.5)(x))
    h = layers.ReLU()(layers.BatchNormalization()(h))
    h = layers.MaxPooling2D(2)(h)
    h = layers.AveragePooling2D(2)(h)
    return kgc.Model(x, layers.Dense(2)(layers.Flatten()(h))), "mse"


def open_sizes() -> Any:
    x = kgc.Input((None, None, 3))
    h = layers.Add()([layers.Conv2D(4, 3, 2, padding="same")(x), layers.Conv2D(4, 1, 2, padding="same")(x)])
    return kgc.Model(
        x, layers.Dense(1, activation="sigmoid")(layers.GlobalAveragePooling2D()(h))
    ), "binary_crossentropy"


def shared_and_nested() -> Any:
    inner_in = kgc.Input((4,))
    norm = layers.BatchNormalization()
    inner = kgc.Model(inner_in, norm(layers.Dropout(0.5)(norm(inner_in))))
    a, b = kgc.Input((4,), name="a"), kgc.Input((4,), name="b")
    joined = layers.Concatenate()([inner(a), inner(b, training=False), a * 2.0 - b[:, ::-1]])
    return kgc.Model({"a": a, "b": b}, {"y": layers.Dense(2)(joined), "z": layers.Reshape((2, 2))(a)}), {"y": "mse"}


def mixing() -> Any:
    x = kgc.Input((4,))
    return kgc.Model(x, layers.Dense(1)(Mixing()(x))), "mae"


def constants() -> Any:
    x = kgc.Input((100,))
    table = np.arange(100, dtype="float32")
    return kgc.Model(x, ops.mean(x * table + ops.ones((100,)), axis=-1, keepdims=True)), "mse"


def sequential() -> Any:
    model = kgc.Sequential([kgc.Input((4,)), layers.Dense(3, activation="gelu"), layers.Softmax(), layers.Dense(1)])
    return model, "mse"


MODELS: list[Callable[[], Any]] = [mlp, convnet, open_sizes, shared_and_nested, mixing, constants, sequential]


def holds(graph: Graph) -> None:
    """Check that the text says all that the graph is."""
    verify(graph)
    text = str(graph)
    again = parse(text, external_constants(graph))
    assert again == graph, equality.difference(again, graph)
    assert again.digest() == graph.digest()
    assert str(again) == text
    verify(again)


@pytest.mark.parametrize("make", MODELS, ids=lambda make: make.__name__)
def test_every_graph_of_a_model_is_its_text(make: Callable[[], Any]) -> None:
    model, loss = make()
    model.compile("sgd", loss, metrics=None if isinstance(loss, dict) else ["accuracy"])
    for graph, training in (
        (model.graph(), False),
        (model.graph(training=True), True),
        (model.train_graph(), True),
        (model.test_graph(), False),
    ):
        holds(graph)
        optimized = pipeline.optimize(graph, training=training, after=lambda _, made: holds(made))
        if optimized.transform is not None:
            holds(optimized.transform)


def test_a_changed_text_is_another_graph() -> None:
    graph = mlp()[0].graph()
    other = parse(str(graph).replace("relu(", "tanh("))
    assert other != graph and other.digest() != graph.digest()
