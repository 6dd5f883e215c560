"""Names, arguments and configs of the layers: Keras 3.15's own."""

from __future__ import annotations

import json
import os
from typing import Any

import numpy as np
import pytest

import kgc
from kgc import layers

POLICY = {
    "module": "keras",
    "class_name": "DTypePolicy",
    "config": {"name": "float32"},
    "registered_name": None,
}


def one(module: str, name: str, **config: Any) -> dict[str, Any]:
    """A serialized object of Keras's."""
    return {"module": f"keras.{module}", "class_name": name, "config": config, "registered_name": None}


GLOROT = one("initializers", "GlorotUniform", seed=None, input_axes=None, output_axes=None)
ZEROS, ONES = one("initializers", "Zeros"), one("initializers", "Ones")
CONV = {
    "filters": 4, "kernel_size": (3, 3), "strides": (1, 1), "padding": "valid", "data_format": "channels_last",
    "dilation_rate": (1, 1), "groups": 1, "activation": "linear", "use_bias": True, "kernel_initializer": GLOROT,
    "bias_initializer": ZEROS, "kernel_regularizer": None, "bias_regularizer": None, "activity_regularizer": None,
    "kernel_constraint": None, "bias_constraint": None,
}  # fmt: skip
POOL = {"pool_size": (2, 2), "padding": "valid", "strides": (2, 2), "data_format": "channels_last"}
NORM = {
    "axis": -1, "momentum": 0.99, "epsilon": 0.001, "center": True, "scale": True, "beta_initializer": ZEROS,
    "gamma_initializer": ONES, "moving_mean_initializer": ZEROS, "moving_variance_initializer": ONES,
    "beta_regularizer": None, "gamma_regularizer": None, "beta_constraint": None, "gamma_constraint": None,
    "synchronized": False, "renorm": False, "renorm_clipping": None, "renorm_momentum": 0.99,
}  # fmt: skip
NUMPY = {"class_name": "__numpy__", "config": {"value": [3.0, 4.0], "dtype": "float64"}}

# Class, arguments in order, automatic name, what the config holds besides name, trainable and dtype.
ROWS: list[tuple[str, tuple[Any, ...], str, dict[str, Any]]] = [
    ("Conv2D", (4, 3), "conv2d", CONV),
    (
        "Conv2D",
        (6, (3, 2), 2, "SAME", "channels_first", 1, 3, "gelu", False),
        "conv2d",
        CONV
        | {"filters": 6, "kernel_size": (3, 2), "strides": (2, 2), "padding": "same", "data_format": "channels_first"}
        | {"groups": 3, "activation": "gelu", "use_bias": False},
    ),
    ("MaxPooling2D", (), "max_pooling2d", POOL),
    (
        "MaxPooling2D",
        (3, 1, "same"),
        "max_pooling2d",
        POOL | {"pool_size": (3, 3), "strides": (1, 1), "padding": "same"},
    ),
    ("AveragePooling2D", ((2, 3),), "average_pooling2d", POOL | {"pool_size": (2, 3), "strides": (2, 3)}),
    ("GlobalAveragePooling2D", (), "global_average_pooling2d", {"data_format": "channels_last", "keepdims": False}),
    (
        "GlobalMaxPooling2D",
        ("channels_first", True),
        "global_max_pooling2d",
        {"data_format": "channels_first", "keepdims": True},
    ),
    ("Flatten", (), "flatten", {"data_format": "channels_last"}),
    ("Reshape", ([3, -1],), "reshape", {"target_shape": (3, -1)}),
    ("ReLU", (), "re_lu", {"max_value": None, "negative_slope": 0.0, "threshold": 0.0}),
    ("ReLU", (6, 0.1, 1), "re_lu", {"max_value": 6, "negative_slope": 0.1, "threshold": 1}),
    ("LeakyReLU", (), "leaky_re_lu", {"negative_slope": 0.3}),
    ("ELU", (0.5,), "elu", {"alpha": 0.5}),
    ("Softmax", ((1, 2),), "softmax", {"axis": (1, 2)}),
    ("BatchNormalization", (), "batch_normalization", NORM),
    (
        "BatchNormalization",
        (1, 0.9, 1e-5, False, False, "ones", "zeros"),
        "batch_normalization",
        NORM
        | {"axis": 1, "momentum": 0.9, "epsilon": 1e-5, "center": False, "scale": False}
        | {"beta_initializer": ONES, "gamma_initializer": ZEROS},
    ),
    ("Dropout", (0.2, [None, 1], 3), "dropout", {"rate": 0.2, "seed": 3, "noise_shape": (None, 1)}),
    ("Add", (), "add", {}),
    ("Subtract", (), "subtract", {}),
    ("Multiply", (), "multiply", {}),
    ("Average", (), "average", {}),
    ("Maximum", (), "maximum", {}),
    ("Minimum", (), "minimum", {}),
    ("Concatenate", (1,), "concatenate", {"axis": 1}),
    ("Rescaling", (2.0,), "rescaling", {"scale": 2.0, "offset": 0.0}),
    ("Rescaling", ([1.0, 2.0], np.array([3.0, 4.0])), "rescaling", {"scale": [1.0, 2.0], "offset": NUMPY}),
    ("Identity", (), "identity", {}),
    ("Activation", ("tanh",), "activation", {"activation": "tanh"}),
]
EACH = pytest.mark.parametrize(
    ("kind", "arguments", "name", "wanted"), ROWS, ids=[f"{row[0]}-{i}" for i, row in enumerate(ROWS)]
)


def full(name: str, wanted: dict[str, Any]) -> dict[str, Any]:
    """The whole config of a layer."""
    return {"name": name, "trainable": True, "dtype": POLICY, **wanted}


@EACH
def test_names_and_configs(kind: str, arguments: tuple[Any, ...], name: str, wanted: dict[str, Any]) -> None:
    kgc.utils.clear_session()
    layer = getattr(layers, kind)(*arguments)
    assert layer.name == name
    assert layer.get_config() == full(name, wanted)


@EACH
def test_configs_come_back_from_json(kind: str, arguments: tuple[Any, ...], name: str, wanted: dict[str, Any]) -> None:
    kgc.utils.clear_session()
    config = json.loads(json.dumps(getattr(layers, kind)(*arguments).get_config()))
    again = getattr(layers, kind).from_config(config)
    assert json.loads(json.dumps(again.get_config())) == config


@pytest.mark.keras
@EACH
def test_configs_are_those_of_keras(kind: str, arguments: tuple[Any, ...], name: str, wanted: dict[str, Any]) -> None:
    os.environ["KERAS_BACKEND"] = "jax"
    keras = pytest.importorskip("keras")
    keras.utils.clear_session()
    layer = getattr(keras.layers, kind)(*arguments)
    assert layer.name == name
    assert layer.get_config() == full(name, wanted)


def test_options_that_all_layers_share() -> None:
    config = layers.Conv2D(
        2, 1, name="c", trainable=False, dtype="mixed_bfloat16", activity_regularizer="l2", kernel_constraint="non_neg"
    ).get_config()
    assert (config["name"], config["trainable"], config["dtype"]["config"]) == ("c", False, {"name": "mixed_bfloat16"})
    assert config["activity_regularizer"] == one("regularizers", "L2", l2=0.01)
    assert config["kernel_constraint"] == one("constraints", "NonNeg")


def test_the_other_names_of_layers() -> None:
    for alias, kind in {
        "AvgPool2D": "AveragePooling2D",
        "MaxPool2D": "MaxPooling2D",
        "GlobalAvgPool2D": "GlobalAveragePooling2D",
        "GlobalMaxPool2D": "GlobalMaxPooling2D",
        "Convolution2D": "Conv2D",
    }.items():
        assert getattr(layers, alias) is getattr(layers, kind)
