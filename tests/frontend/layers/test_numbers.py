"""Numbers that recorded results of Keras do not cover: by formula, by distribution, by what state becomes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import kgc
from kgc import Input, Model, layers

RNG = np.random.default_rng(7)
X, Y = RNG.normal(size=(4, 3, 5)).astype("float32"), RNG.normal(size=(4, 3, 5)).astype("float32")
V = RNG.normal(size=(4, 5)).astype("float32")


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        ("Add", lambda x, y: x + y),
        ("Subtract", lambda x, y: x - y),
        ("Multiply", lambda x, y: x * y),
        ("Average", lambda x, y: (x + y) / 2),
        ("Maximum", np.maximum),
        ("Minimum", np.minimum),
    ],
)
def test_merging(kind: str, wanted: Any) -> None:
    np.testing.assert_allclose(getattr(layers, kind)()([X, Y]), wanted(X, Y), rtol=1e-6)
    np.testing.assert_allclose(getattr(layers, kind)()([V, X]), wanted(V[:, None], X), rtol=1e-6)
    a, b = Input((3, 5)), Input((3, 5))
    joined = getattr(layers, kind.lower())([a, b], name="m")
    assert joined.node.operation.name == "m"
    np.testing.assert_allclose(Model([a, b], joined)([X, Y]), wanted(X, Y), rtol=1e-6)


def test_concatenating() -> None:
    a, b = Input((3, 5)), Input((3, 5))
    joined = layers.concatenate([a, b, a], axis=1, name="k")
    assert (joined.node.operation.name, joined.shape) == ("k", (None, 9, 5))
    np.testing.assert_array_equal(Model([a, b], joined)([X, Y]), np.concatenate([X, Y, X], 1))
    assert layers.Concatenate(0)([X, Y]).shape == (8, 3, 5)


def test_a_masked_softmax() -> None:
    mask = Y > 0
    y = np.asarray(layers.Softmax()(X, mask=mask))
    e = np.where(mask, np.exp(X), 0)
    np.testing.assert_allclose(y, e / np.maximum(e.sum(-1, keepdims=True), 1e-30), rtol=1e-5)
    assert not np.any(y[~mask])
    assert not np.any(np.asarray(layers.Softmax(axis=(1, 2))(X, mask=np.zeros_like(mask))))


# Batch normalization
def test_moving_statistics() -> None:
    norm = layers.BatchNormalization(momentum=0.5, epsilon=0.01)
    y = norm(X, training=True)
    mean, variance = X.mean((0, 1)), X.var((0, 1))
    np.testing.assert_allclose(y, (X - mean) / np.sqrt(variance + 0.01), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(norm.moving_mean.numpy(), mean / 2, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(norm.moving_variance.numpy(), 0.5 + variance / 2, rtol=1e-5)
    before = norm.get_weights()
    mean, variance = before[2:]
    np.testing.assert_allclose(norm(X), (X - mean) / np.sqrt(variance + 0.01), rtol=1e-5, atol=1e-6)
    for now, then in zip(norm.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)


def test_weights_in_order() -> None:
    norm = layers.BatchNormalization(name="n")
    norm(X)
    assert [w.path for w in norm.weights] == ["n/gamma", "n/beta", "n/moving_mean", "n/moving_variance"]
    assert [w.name for w in norm.trainable_weights] == ["gamma", "beta"]
    bare = layers.BatchNormalization(center=False, scale=False)
    bare(X)
    assert [w.name for w in bare.weights] == ["moving_mean", "moving_variance"]


def test_a_layer_called_twice_updates_twice() -> None:
    norm = layers.BatchNormalization(momentum=0.5)
    a, b = Input((3, 5)), Input((3, 5))
    model = Model([a, b], layers.add([norm(a), norm(b)]))
    model([X, Y], training=True)
    np.testing.assert_allclose(norm.moving_mean.numpy(), X.mean((0, 1)) / 4 + Y.mean((0, 1)) / 2, rtol=1e-5, atol=1e-7)


def test_freezing_between_calls() -> None:
    norm = layers.BatchNormalization(center=False, scale=False, momentum=0.5)
    norm(X, training=True)
    before = norm.get_weights()
    norm.trainable = False
    frozen = norm(X, training=True)
    np.testing.assert_array_equal(norm.get_weights()[0], before[0])
    np.testing.assert_allclose(frozen, norm(X), rtol=1e-6)
    norm.trainable = True
    norm(X, training=True)
    assert not np.array_equal(norm.get_weights()[0], before[0])


def test_moments_over_what_a_mask_leaves() -> None:
    mask = np.array([[1, 1, 0], [1, 0, 0], [1, 1, 1], [0, 0, 0]], bool)
    norm = layers.BatchNormalization(momentum=0.5)
    y = norm(X, training=True, mask=mask)
    kept = X[mask]
    np.testing.assert_allclose(y, (X - kept.mean(0)) / np.sqrt(kept.var(0) + 1e-3), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(norm.moving_variance.numpy(), 0.5 + kept.var(0) / 2, rtol=1e-5)
    empty = layers.BatchNormalization(momentum=0.5)
    assert np.all(np.isfinite(empty(X, training=True, mask=np.zeros_like(mask))))
    np.testing.assert_array_equal(empty.moving_mean.numpy(), 0)


# Dropout
LARGE = np.ones((200, 50), "float32")


def test_dropout_by_distribution() -> None:
    kgc.utils.set_random_seed(1)
    y = np.asarray(layers.Dropout(0.3)(LARGE, training=True))
    assert set(np.unique(y)) == {0.0, np.float32(1 / 0.7)}
    assert np.mean(y == 0) == pytest.approx(0.3, abs=0.02)
    np.testing.assert_array_equal(layers.Dropout(0.3)(LARGE), LARGE)
    np.testing.assert_array_equal(layers.Dropout(0)(LARGE, training=True), LARGE)
    assert not np.any(np.asarray(layers.Dropout(1.0)(LARGE, training=True)))


@pytest.mark.parametrize("noise", [(None, 1), (1, 50), (200, 1), (50,)])
def test_noise_shape(noise: tuple[int | None, ...]) -> None:
    y = np.asarray(layers.Dropout(0.5, noise_shape=noise)(LARGE, training=True))
    assert 0 < np.mean(y == 0) < 1
    for axis, size in enumerate((1,) * (2 - len(noise)) + noise):
        if size == 1:
            assert np.all(y == np.take(y, [0], axis))


def test_each_call_draws_anew_and_a_seed_repeats_it_all() -> None:
    layer = layers.Dropout(0.5)
    kgc.utils.set_random_seed(3)
    first, second = np.asarray(layer(LARGE, training=True)), np.asarray(layer(LARGE, training=True))
    assert not np.array_equal(first, second)
    kgc.utils.set_random_seed(3)
    np.testing.assert_array_equal(layer(LARGE, training=True), first)


def test_a_layers_own_seed() -> None:
    five, none = layers.Dropout(0.5, seed=5), layers.Dropout(0.5)

    def draw(layer: layers.Layer, seed: int) -> np.ndarray[Any, Any]:
        kgc.utils.set_random_seed(seed)
        return np.asarray(layer(LARGE, training=True))

    np.testing.assert_array_equal(draw(five, 1), draw(five, 2))
    assert not np.array_equal(draw(none, 1), draw(none, 2))
    assert not np.array_equal(draw(five, 1), draw(layers.Dropout(0.5, seed=6), 1))


def test_two_layers_of_one_model_drop_differently() -> None:
    inputs = Input((50,))
    model = Model(inputs, [layers.Dropout(0.5)(inputs), layers.Dropout(0.5)(inputs)])
    left, right = model(LARGE, training=True)
    assert not np.array_equal(left, right)


def test_rescaling_keeps_one_op_where_there_is_no_offset() -> None:
    inputs = Input((3,), dtype="uint8")
    model = Model(inputs, layers.Rescaling(1 / 255)(inputs))
    assert [node.op.name for node in model.graph().nodes] == ["cast", "multiply"]
    np.testing.assert_allclose(model(np.array([[0, 51, 255]], "uint8")), [[0, 0.2, 1]], rtol=1e-6)
