"""Passes on models as people write them: predictions and trained weights are those without the pass."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import kgc
from kgc import layers
from kgc.compiler import pipeline


@pytest.fixture(autouse=True)
def pipeline_as_it_was() -> Iterator[None]:
    before, policy = list(pipeline.PASSES), kgc.config.dtype_policy()
    yield
    pipeline.PASSES[:] = before
    kgc.config.set_dtype_policy(policy)


def convolutions() -> Any:
    x = kgc.Input((8, 8, 3))
    y = layers.Conv2D(4, 3, padding="same", activation="relu")(x)
    y = layers.BatchNormalization()(y)
    y = layers.Conv2D(4, 3, use_bias=False)(y)
    y = layers.LeakyReLU(0.1)(layers.BatchNormalization()(y))
    y = layers.Flatten()(layers.MaxPooling2D(2)(y))
    return kgc.Model(x, layers.Dense(3, activation="softmax")(y))


def steps_apart() -> Any:
    x = y = kgc.Input((5, 6, 6, 3))
    for _ in range(2):
        y = layers.TimeDistributed(layers.Conv2D(4, 3, padding="same", activation="tanh"))(y)
    y = layers.TimeDistributed(layers.Flatten())(y)
    return kgc.Model(x, layers.GRU(3)(layers.TimeDistributed(layers.Dense(4))(y)))


def frozen_base() -> Any:
    inner = kgc.Input((8,))
    y = inner
    for _ in range(2):
        y = layers.Dropout(0.5)(layers.Dense(8, activation="gelu")(y))
    base = kgc.Model(inner, y)
    x = kgc.Input((8,))
    return kgc.Model(x, layers.Dense(2)(base(x, training=False)))


def half_precision() -> Any:
    kgc.config.set_dtype_policy("mixed_bfloat16")
    x = kgc.Input((8,), dtype="int32")
    y = layers.Embedding(10, 8)(x)
    y = layers.Dense(8, activation="relu")(layers.LayerNormalization()(y))
    y = layers.Permute((2, 1), dtype="float32")(layers.Reshape((4, 16), dtype="float32")(y))
    y = layers.Dense(4, activation="silu")(y)
    return kgc.Model(x, layers.Dense(3, dtype="float32")(layers.Flatten()(y)))


MODELS: dict[str, tuple[Callable[[], Any], int]] = {
    "convolutions": (convolutions, 3),
    "steps apart": (steps_apart, 3),
    "a frozen base": (frozen_base, 2),
    "half precision": (half_precision, 3),
}


@functools.cache
def run(name: str, without: str | None) -> list[np.ndarray]:
    """Predictions, weights after an epoch, and predictions by those; without that pass, if one is named."""
    if without is not None:
        pipeline.unregister(without)
    make, width = MODELS[name]
    kgc.utils.set_random_seed(3)
    model = make()
    shape = tuple(model.input_shape[1:])
    rng = np.random.default_rng(1)
    x = rng.integers(0, 10, (8, *shape)) if name == "half precision" else rng.normal(size=(8, *shape)).astype("float32")
    y = rng.normal(size=(8, width)).astype("float32")
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            gamma, beta, mean, variance = layer.get_weights()
            layer.set_weights([gamma * 1.5, beta - 0.5, mean + 0.25, variance * 2])
    model.compile(kgc.optimizers.SGD(0.01), "mse")
    before = model.predict(x, verbose=0)
    model.fit(x, y, batch_size=4, epochs=1, shuffle=False, verbose=0)
    return [before, *model.get_weights(), model.predict(x, verbose=0)]


EXACT = [
    ("convolutions", "fuse_layers"),
    ("steps apart", "fuse_layers"),
    ("steps apart", "simplify_algebra"),
    ("a frozen base", "simplify_algebra"),
    ("half precision", "merge_casts"),
    ("half precision", "cast_params"),
    ("half precision", "fuse_layers"),
]


@pytest.mark.parametrize(("name", "without"), EXACT)
def test_no_bit_changes(name: str, without: str) -> None:
    for with_it, plain in zip(run(name, None), run(name, without), strict=True):
        np.testing.assert_array_equal(np.asarray(with_it, "float32"), np.asarray(plain, "float32"))


def test_folded_normalizations() -> None:
    for with_it, plain in zip(run("convolutions", None), run("convolutions", "fold_batch_norm"), strict=True):
        np.testing.assert_allclose(with_it, plain, rtol=1e-5, atol=1e-6)


def ops(model: Any, training: bool) -> list[str]:
    graph = pipeline.optimize(model.graph(training=training), training=training).graph
    return [node.op.name for node in graph.nodes]


def test_what_a_person_sees() -> None:
    assert ops(convolutions(), False) == ["conv_layer", "conv_layer", "max_pool", "reshape", "dense"]
    assert ops(frozen_base(), True) == ["dense", "dense", "dense"]
    assert ops(steps_apart(), True).count("reshape") <= 3
    assert (
        ops(half_precision(), True).count("cast") == 6
    )  # of four weights, of the rows of the table, and of what goes into float32
    assert ops(half_precision(), False).count("cast") == 1


def test_a_frozen_base_asks_for_no_random_key() -> None:
    graph = frozen_base().graph(training=True)
    assert len(graph.inputs) == 2
    assert [value.name for value in pipeline.optimize(graph, training=True).graph.inputs] == [graph.inputs[0].name]
