"""Layers that convolve, pool, enlarge, pad and cut: unknown sizes, layouts, names, weights, configs, files."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kgc
from kgc import Input, Model, layers
from kgc.compiler.parser import parse

Shape = tuple[int | None, ...]
N = None

# Class, arguments, shape of the input without the batch, shape of the result.
ROWS: list[tuple[str, dict[str, Any], Shape, Shape]] = [
    ("Conv1D", {"filters": 4, "kernel_size": 3}, (N, 2), (N, N, 4)),
    ("Conv1D", {"filters": 4, "kernel_size": 3, "padding": "causal", "dilation_rate": 2}, (N, 2), (N, N, 4)),
    ("Conv1D", {"filters": 4, "kernel_size": 3, "padding": "causal", "strides": 2}, (9, 2), (N, 5, 4)),
    ("Conv3D", {"filters": 4, "kernel_size": 3}, (N, N, 5, 2), (N, N, N, 3, 4)),
    ("Conv3D", {"filters": 4, "kernel_size": 3, "strides": 2, "padding": "same"}, (N, 4, N, 2), (N, N, 2, N, 4)),
    ("Conv1DTranspose", {"filters": 4, "kernel_size": 3, "strides": 2}, (N, 2), (N, N, 4)),
    ("Conv1DTranspose", {"filters": 4, "kernel_size": 3, "strides": 3, "output_padding": 2}, (5, 2), (N, 17, 4)),
    ("Conv2DTranspose", {"filters": 4, "kernel_size": 3, "strides": 2, "padding": "same"}, (N, 5, 2), (N, N, 10, 4)),
    ("Conv2DTranspose", {"filters": 4, "kernel_size": (3, 2), "dilation_rate": 2}, (N, N, 2), (N, N, N, 4)),
    (
        "Conv2DTranspose",
        {"filters": 4, "kernel_size": 3, "strides": (2, 3), "data_format": "channels_first"},
        (2, N, 5),
        (N, 4, N, 15),
    ),
    ("Conv3DTranspose", {"filters": 4, "kernel_size": 3, "strides": 2}, (N, N, 3, 2), (N, N, N, 7, 4)),
    ("MaxPooling1D", {"pool_size": 2}, (N, 2), (N, N, 2)),
    ("AveragePooling1D", {"pool_size": 2, "padding": "same"}, (N, 2), (N, N, 2)),
    ("MaxPooling3D", {}, (N, N, 5, 2), (N, N, N, 2, 2)),
    ("AveragePooling3D", {"pool_size": 3, "strides": 2, "padding": "same"}, (N, N, 5, 2), (N, N, N, 3, 2)),
    ("GlobalAveragePooling1D", {}, (N, 2), (N, 2)),
    ("GlobalMaxPooling1D", {"keepdims": True, "data_format": "channels_first"}, (2, N), (N, 2, 1)),
    ("GlobalAveragePooling3D", {"keepdims": True}, (N, N, N, 2), (N, 1, 1, 1, 2)),
    ("GlobalMaxPooling3D", {}, (N, N, N, 2), (N, 2)),
    ("UpSampling1D", {"size": 3}, (N, 2), (N, N, 2)),
    ("UpSampling2D", {}, (N, 4, 2), (N, N, 8, 2)),
    ("UpSampling2D", {"size": (2, 3), "interpolation": "bilinear"}, (N, N, 2), (N, N, N, 2)),
    ("UpSampling2D", {"data_format": "channels_first", "interpolation": "bicubic"}, (2, N, 4), (N, 2, N, 8)),
    ("UpSampling3D", {}, (N, N, 3, 2), (N, N, N, 6, 2)),
    ("ZeroPadding1D", {"padding": (1, 2)}, (N, 2), (N, N, 2)),
    ("ZeroPadding2D", {"padding": ((1, 2), (0, 3))}, (N, 4, 2), (N, N, 7, 2)),
    ("ZeroPadding3D", {"data_format": "channels_first"}, (2, N, 4, N), (N, 2, N, 6, N)),
    ("Cropping1D", {"cropping": (1, 2)}, (N, 2), (N, N, 2)),
    ("Cropping2D", {"cropping": ((1, 2), (0, 3))}, (N, 4, 2), (N, N, 1, 2)),
    ("Cropping3D", {"cropping": (1, 0, 2)}, (N, N, 5, 2), (N, N, N, 1, 2)),
    ("Permute", {"dims": (2, 3, 1)}, (N, 4, 2), (N, 4, 2, N)),
    ("RepeatVector", {"n": 3}, (N,), (N, 3, N)),
]
EACH = pytest.mark.parametrize(
    ("kind", "arguments", "shape", "result"), ROWS, ids=[f"{row[0]}-{i}" for i, row in enumerate(ROWS)]
)


@EACH
def test_unknown_sizes(kind: str, arguments: dict[str, Any], shape: Shape, result: Shape) -> None:
    inputs = Input(shape)
    outputs = getattr(layers, kind)(**arguments)(inputs)
    assert outputs.shape == result
    model = Model(inputs, outputs)
    assert parse(str(model.graph())) == model.graph()
    found = model(np.ones((2, *(7 if size is None else size for size in shape)), "float32")).shape
    assert found[0] == 2
    assert all(size is None or size == actual for size, actual in zip(result, found, strict=True))


@EACH
def test_configs_come_back_from_json(kind: str, arguments: dict[str, Any], shape: Shape, result: Shape) -> None:
    config = json.loads(json.dumps(getattr(layers, kind)(**arguments).get_config()))
    again = getattr(layers, kind).from_config(config)
    assert json.loads(json.dumps(again.get_config())) == config


@pytest.mark.keras
@EACH
def test_names_and_configs_are_those_of_keras(
    kind: str, arguments: dict[str, Any], shape: Shape, result: Shape
) -> None:
    os.environ["KERAS_BACKEND"] = "jax"
    keras = pytest.importorskip("keras")
    keras.utils.clear_session()
    kgc.utils.clear_session()
    theirs, ours = getattr(keras.layers, kind)(**arguments), getattr(layers, kind)(**arguments)
    assert ours.get_config() == theirs.get_config()
    theirs.build((N, *shape))
    ours.build((N, *shape))
    assert [(w.path, tuple(w.shape)) for w in ours.weights] == [(w.path, tuple(w.shape)) for w in theirs.weights]


def test_dot_of_unknown_sizes() -> None:
    rows, columns, flat = Input((N, 3)), Input((3, N)), Input((N,))
    assert layers.Dot((2, 1))([rows, columns]).shape == (N, N, N)
    product = layers.dot([rows, Input((N, 3))], axes=2, normalize=True)
    assert product.shape == (N, N, N)
    model = Model([flat, other := Input((N,))], layers.Dot(1)([flat, other]))
    x = np.arange(6, dtype="float32").reshape(2, 3)
    np.testing.assert_allclose(model([x, x]), [[5], [50]])
    with pytest.raises(ValueError):
        model([x, x[:, :2]])


def test_masked_means() -> None:
    layer = layers.GlobalAveragePooling1D()
    x, mask = np.arange(12, dtype="float32").reshape(2, 3, 2), np.array([[1, 0, 1], [0, 1, 0]], bool)
    np.testing.assert_allclose(layer(x, mask=mask), [[2, 3], [8, 9]])
    assert layer.supports_masking
    assert layer.compute_mask(x, mask) is None


def test_one_op_each() -> None:
    inputs = Input((N, N, 2))
    x = layers.UpSampling2D(2)(inputs)
    x = layers.Conv2DTranspose(3, 3, strides=2, padding="same", use_bias=False, name="c")(x)
    assert [str(node.op.name) for node in Model(inputs, x).graph().nodes] == ["upsample", "conv_transpose"]
    assert 'f32[b, 4*t0, 4*t1, 3] = conv_transpose(%0, %c.kernel, strides=2, padding="same")' in str(
        Model(inputs, x).graph()
    )


def test_bytes_stay_bytes_where_nothing_is_computed() -> None:
    inputs = Input((6, 6, 3), dtype="uint8")
    for layer in (layers.UpSampling2D(), layers.ZeroPadding2D(), layers.Cropping2D(1), layers.Permute((2, 1, 3))):
        assert layer(inputs).dtype == "uint8"
    for layer in (layers.Conv2DTranspose(2, 3), layers.UpSampling2D(interpolation="bilinear")):
        assert layer(inputs).dtype == "float32"


def test_the_other_names_of_layers() -> None:
    for alias, kind in {
        "AvgPool1D": "AveragePooling1D",
        "AvgPool3D": "AveragePooling3D",
        "MaxPool1D": "MaxPooling1D",
        "MaxPool3D": "MaxPooling3D",
        "GlobalAvgPool1D": "GlobalAveragePooling1D",
        "GlobalAvgPool3D": "GlobalAveragePooling3D",
        "GlobalMaxPool1D": "GlobalMaxPooling1D",
        "GlobalMaxPool3D": "GlobalMaxPooling3D",
        "Convolution1D": "Conv1D",
        "Convolution3D": "Conv3D",
        "Convolution1DTranspose": "Conv1DTranspose",
        "Convolution2DTranspose": "Conv2DTranspose",
        "Convolution3DTranspose": "Conv3DTranspose",
    }.items():
        assert getattr(layers, alias) is getattr(layers, kind)


def sequences(keras: Any) -> Any:
    """A model with every layer of sequences."""
    x = inputs = keras.Input((12, 3), name="x")
    x = keras.layers.Conv1D(4, 3, padding="causal", dilation_rate=2, activation="relu")(x)
    x = keras.layers.ZeroPadding1D((1, 3))(x)
    x = keras.layers.MaxPooling1D(2)(x)
    x = keras.layers.Conv1DTranspose(3, 3, strides=2, padding="same", output_padding=1)(x)
    x = keras.layers.Cropping1D((1, 0))(keras.layers.UpSampling1D(2)(x))
    x = keras.layers.Permute((2, 1))(keras.layers.AveragePooling1D(2)(x))
    a, b = keras.layers.GlobalAveragePooling1D()(x), keras.layers.GlobalMaxPooling1D("channels_first")(x)
    a = keras.layers.dot([keras.layers.RepeatVector(3)(a), x], axes=(2, 2), normalize=True)
    return keras.Model(inputs, [a, b])


def volumes(keras: Any) -> Any:
    """A model with layers of images and of volumes."""
    x = inputs = keras.Input((4, 5, 2), name="x")
    x = keras.layers.UpSampling2D((2, 1), interpolation="bilinear")(keras.layers.ZeroPadding2D(((0, 1), 2))(x))
    x = keras.layers.Conv2DTranspose(4, (3, 2), strides=(2, 1), kernel_regularizer="l2")(x)
    x = keras.layers.Reshape((4, 5, 10, 4))(keras.layers.Cropping2D(((0, 1), (0, 0)))(x))
    x = keras.layers.Conv3D(3, 2, padding="same")(keras.layers.UpSampling3D((1, 2, 1))(x))
    x = keras.layers.Conv3DTranspose(2, 2, strides=2)(keras.layers.MaxPooling3D()(x))
    x = keras.layers.Cropping3D(1)(keras.layers.ZeroPadding3D((1, 0, 1))(x))
    a = keras.layers.GlobalAveragePooling3D()(keras.layers.AveragePooling3D(2)(x))
    return keras.Model(inputs, [a, keras.layers.GlobalMaxPooling3D()(x)])


@pytest.mark.parametrize("build", [sequences, volumes])
def test_files(build: Any, tmp_path: Path) -> None:
    model = build(kgc)
    x = np.random.default_rng(0).normal(size=(2, *model.inputs[0].shape[1:])).astype("float32")
    model.save(tmp_path / "m.keras")
    again = kgc.models.load_model(tmp_path / "m.keras")
    for a, b in zip(again(x), model(x), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.keras
@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize("build", [sequences, volumes])
def test_files_between_kgc_and_keras(build: Any, tmp_path: Path) -> None:
    os.environ["KERAS_BACKEND"] = "jax"
    keras = pytest.importorskip("keras")
    ours, theirs = build(kgc), build(keras)
    x = np.random.default_rng(0).normal(size=(2, *ours.inputs[0].shape[1:])).astype("float32")
    ours.save(tmp_path / "ours.keras")
    theirs.save(tmp_path / "theirs.keras")
    for model, other in (
        (ours, keras.models.load_model(tmp_path / "ours.keras")),
        (theirs, kgc.models.load_model(tmp_path / "theirs.keras")),
    ):
        for a, b in zip(other(x), model(x), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
