"""Embedding, Masking and LayerNormalization: unknown sizes, masks, precision, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kgc import Input, Model, layers
from kgc.compiler.errors import ArgumentError, DTypeError, ShapeError

RNG = np.random.default_rng(0)


def test_rows_by_integers_of_any_shape() -> None:
    layer = layers.Embedding(7, 3)
    for shape in ((), (None,), (None, 4)):
        assert layer(Input(shape, dtype="int32")).shape == (None, *shape, 3)
    table = layer.get_weights()[0]
    assert table.shape == (7, 3) and np.abs(table).max() <= 0.05
    x = np.array([[0, 6, 3]])
    np.testing.assert_array_equal(layer(x), table[x])
    np.testing.assert_array_equal(layer(x.astype("float64")), table[x])


def test_half_precision_tells_integers_apart() -> None:
    layer = layers.Embedding(1000, 2, dtype="mixed_bfloat16")
    x = np.arange(990, 1000, dtype="float32")[None]
    found = layer(x)
    assert str(found.dtype) == "bfloat16"
    np.testing.assert_allclose(np.asarray(found, "float32")[0], layer.get_weights()[0][990:], rtol=1e-2)


def test_a_table_may_be_given() -> None:
    table = RNG.normal(size=(4, 2)).astype("float32")
    for given in (table, [table]):
        layer = layers.Embedding(4, 2, weights=given, trainable=False)
        np.testing.assert_array_equal(layer(np.array([3])), table[[3]])
        assert not layer.trainable_weights
    with pytest.raises(ShapeError):
        layers.Embedding(5, 2, weights=table)


def test_the_length_is_not_needed() -> None:
    with pytest.warns(UserWarning, match="input_length"):
        layers.Embedding(4, 2, input_length=5)


def test_masks() -> None:
    inputs = Input((None,), dtype="int32")
    x = np.array([[1, 0, 2], [0, 0, 3]])
    embedded = layers.Embedding(4, 2, mask_zero=True)(inputs)
    mask: Any = embedded._keras_mask
    assert mask.shape == (None, None) and mask.dtype == "bool"
    np.testing.assert_array_equal(Model(inputs, mask)(x), x != 0)
    assert getattr(layers.Embedding(4, 2)(inputs), "_keras_mask", None) is None
    steps = Input((None, 2))
    masked = layers.Masking(mask_value=5.0)(steps)
    y = np.array([[[5, 5], [5, 1], [0, 0]]], "float32")
    mask = masked._keras_mask
    np.testing.assert_array_equal(Model(steps, mask)(y), [[False, True, True]])
    np.testing.assert_array_equal(Model(steps, masked)(y), [[[0, 0], [5, 1], [0, 0]]])


def test_a_repeated_row_learns_from_each_place() -> None:
    inputs = Input((4,), dtype="int32")
    layer = layers.Embedding(3, 2, embeddings_initializer="zeros")
    model = Model(inputs, layer(inputs))
    model.compile("sgd", lambda y, p: (y * p).mean() * 8.0)
    model.fit(np.array([[1, 1, 1, 0]]), np.ones((1, 4, 2), "float32"), verbose=0)
    np.testing.assert_allclose(layer.get_weights()[0], [[-0.01] * 2, [-0.03] * 2, [0, 0]], rtol=1e-5)


@pytest.mark.parametrize("shape", [(4,), (None, 4), (None, None, 4)])
def test_normalization_of_unknown_sizes(shape: tuple[Any, ...]) -> None:
    inputs = Input(shape)
    assert layers.LayerNormalization()(inputs).shape == (None, *shape)


def test_normalization_by_hand() -> None:
    x = RNG.normal(3.0, 2.0, size=(2, 3, 4)).astype("float32")
    for axis, axes in ((-1, (2,)), (1, (1,)), ([2, 1], (1, 2))):
        wanted = (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + 1e-3)
        layer = layers.LayerNormalization(axis)
        np.testing.assert_allclose(layer(x), wanted, rtol=1e-5, atol=1e-6)
        assert layer.gamma.shape == tuple(x.shape[i] for i in axes)
    rms = layers.LayerNormalization(rms_scaling=True)
    np.testing.assert_allclose(rms(x), x / np.sqrt(x.var(-1, keepdims=True) + 1e-3), rtol=1e-5)
    assert [w.name for w in rms.weights] == ["gamma"]


def test_half_precision_sums_in_single() -> None:
    """In bfloat16 the mean of many numbers near 100 would be off by far more than their spread."""
    x = RNG.normal(100.0, 2.0, size=(4, 4096)).astype("bfloat16" if hasattr(np, "bfloat16") else "float32")
    inputs = Input((4096,), dtype="bfloat16")
    model = Model(inputs, layers.LayerNormalization(dtype="bfloat16")(inputs))
    found = np.asarray(model(x), "float32")
    assert np.abs(found.mean(-1)).max() < 0.01 and np.abs(found.std(-1) - 1).max() < 0.01


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.Embedding(0, 3), "takes input_dim as a positive int"),
        (lambda: layers.Embedding(3, 2.5), "takes output_dim as a positive int"),
        (lambda: layers.Embedding(3, 2, lora_rank=2), "does not support lora_rank"),
        (lambda: layers.Embedding(3, 2, embeddings_initializer="unifrom"), "No initializer is called 'unifrom'"),
        (lambda: layers.Embedding(3, 2, mask_zeros=True), "does not have the argument 'mask_zeros'"),
        (lambda: layers.Masking("zero"), "takes mask_value as a number"),
        (lambda: layers.LayerNormalization("last"), "takes axis as an int, or several"),
        (lambda: layers.LayerNormalization([]), "takes axis as an int, or several"),
        (lambda: layers.LayerNormalization(epsilon=None), "takes epsilon as a number"),
    ],
)
def test_wrong_arguments(make: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        make()


def test_inputs_that_do_not_fit() -> None:
    with pytest.raises(DTypeError, match="takes one tensor"):
        layers.Embedding(3, 2)([Input((2,)), Input((2,))])
    with pytest.raises(ShapeError, match="at least 2 axes"):
        layers.Masking()(Input(()))
    with pytest.raises(ShapeError, match="normalises axis 3, and its input has 3 axes"):
        layers.LayerNormalization(3)(Input((4, 5)))
    with pytest.raises(ShapeError, match="normalises axis -1, 2"):
        layers.LayerNormalization([2, -1])(Input((4, 5)))
    with pytest.raises(ShapeError, match="the normalised axis"):
        layers.LayerNormalization()(Input((4, None)))
    norm = layers.LayerNormalization()
    norm(Input((4, 5)))
    with pytest.raises(ShapeError, match="of size 5"):
        norm(Input((4, 6)))
