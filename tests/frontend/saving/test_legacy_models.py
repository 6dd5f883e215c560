"""Whole models in Keras's older `.h5` format: of Keras 2 as its versions wrote them, of Keras 3 by real Keras."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import kgc
from kgc.compiler.errors import FileFormatError

from .legacy_files import legacy, same, values

RNG = np.random.default_rng(0)


def whole(path: Path, config: Any, weights: dict[str, dict[str, np.ndarray]], training: Any = None) -> Path:
    legacy(path, weights, "model_weights")
    with h5py.File(path, "r+") as file:
        file.attrs["keras_version"], file.attrs["backend"] = "2.15.0", "tensorflow"
        file.attrs["model_config"] = json.dumps(config)
        if training is not None:
            file.attrs["training_config"] = json.dumps(training)
    return path


def dense(name: str, units: int, inbound: Any = None, **more: Any) -> dict[str, Any]:
    """A Dense layer as Keras 2 wrote it."""
    initializer = {"class_name": "GlorotUniform", "config": {"seed": None}}
    config = {
        "name": name, "trainable": True, "dtype": "float32", "units": units, "activation": "relu", "use_bias": True,
        "kernel_initializer": initializer, "bias_initializer": {"class_name": "Zeros", "config": {}},
        "kernel_regularizer": {"class_name": "L2", "config": {"l2": 0.01}}, "bias_regularizer": None,
        "activity_regularizer": None, "kernel_constraint": None, "bias_constraint": None, **more,
    }  # fmt: skip
    entry = {"class_name": "Dense", "config": config}
    return entry if inbound is None else {**entry, "name": name, "inbound_nodes": inbound}


def input_layer(name: str, size: int) -> dict[str, Any]:
    config = {"batch_input_shape": [None, size], "dtype": "float32", "sparse": False, "ragged": False, "name": name}
    return {"class_name": "InputLayer", "config": config, "name": name, "inbound_nodes": []}


def kernel_and_bias(*shape: int) -> dict[str, np.ndarray]:
    return {"k": RNG.normal(size=shape).astype("float32"), "b": RNG.normal(size=shape[-1]).astype("float32")}


def test_a_functional_model_of_keras_2(tmp_path: Path) -> None:
    inner = {
        "class_name": "Functional",
        "config": {
            "name": "inner",
            "layers": [input_layer("z", 4), dense("deep", 4, [[["z", 0, 0, {}]]])],
            "input_layers": [["z", 0, 0]],
            "output_layers": [["deep", 0, 0]],
        },
        "name": "inner",
        "inbound_nodes": [[["a", 0, 0, {}]], [["inner", 1, 0, {}]]],
    }
    add = {"class_name": "Add", "config": {"name": "add", "trainable": True, "dtype": "float32"}, "name": "add"}
    add["inbound_nodes"] = [[["a", 0, 0, {}], ["inner", 2, 0, {}]]]
    config = {
        "class_name": "Model",
        "config": {
            "name": "old",
            "layers": [input_layer("x", 3), dense("a", 4, [[["x", 0, 0, {}]]]), inner, add],
            "input_layers": [["x", 0, 0]],
            "output_layers": [["add", 0, 0]],
        },
    }
    weights = {"x": {}, "a": kernel_and_bias(3, 4), "inner": kernel_and_bias(4, 4), "add": {}}
    training = {
        "loss": "mse", "metrics": ["mae"], "weighted_metrics": None, "loss_weights": None, "sample_weight_mode": None,
        "optimizer_config": {"class_name": "SGD", "config": {"name": "SGD", "learning_rate": 0.25, "momentum": 0.5}},
    }  # fmt: skip
    model = kgc.models.load_model(whole(tmp_path / "old.h5", config, weights, training))
    assert model.name == "old" and [layer.name for layer in model.layers] == ["x", "a", "inner", "add"]
    relu = lambda x, w: np.maximum(x @ w["k"] + w["b"], 0)  # noqa: E731
    x = RNG.normal(size=(5, 3)).astype("float32")
    a = relu(x, weights["a"])
    expected = a + relu(relu(a, weights["inner"]), weights["inner"])
    np.testing.assert_allclose(model.predict(x, verbose=0), expected, rtol=1e-5, atol=1e-6)
    assert type(model.optimizer).__name__ == "SGD" and float(model.optimizer.learning_rate) == 0.25
    assert kgc.models.load_model(tmp_path / "old.h5", compile=False).compiled is False


def test_a_sequential_model_of_keras_2(tmp_path: Path) -> None:
    layer = dense("a", 4, batch_input_shape=[None, 3])
    weights = {"a": kernel_and_bias(3, 4), "b": kernel_and_bias(4, 2)}
    for config in ([layer, dense("b", 2)], {"name": "s", "layers": [layer, dense("b", 2)]}):
        path = whole(tmp_path / "old.h5", {"class_name": "Sequential", "config": config}, weights)
        model = kgc.models.load_model(path)
        assert model.input_shape == (None, 3) and model.output_shape == (None, 2)
        same(model, values(weights))


@pytest.mark.parametrize(
    "config",
    [
        {"class_name": "Lambda", "config": {"name": "l", "function": ["4wEAAAA=", None, None]}},
        {"class_name": "Sequential", "config": [{"class_name": "system", "module": "os", "config": {}}]},
        {"class_name": "Sequential", "config": [{"class_name": "load", "config": {"name": "x"}}]},
        {"class_name": "Sequential", "config": [dense("a", 10**9, batch_input_shape=[None, 10**6])]},
        {"class_name": "Sequential", "config": 3},
        {"class_name": "Sequential"},
        {"class_name": "Dense", "config": {"units": 3}},
        [],
        "text",
    ],
)
def test_configs_make_layers_and_nothing_else(tmp_path: Path, config: Any) -> None:
    with pytest.raises(FileFormatError):
        kgc.models.load_model(whole(tmp_path / "m.h5", config, {"a": kernel_and_bias(3, 4)}))


def test_weights_alone_are_no_model(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="weights, and no model"):
        kgc.models.load_model(legacy(tmp_path / "w.h5", {"a": kernel_and_bias(3, 4)}))


# Real Keras


@pytest.mark.keras
@pytest.mark.filterwarnings("ignore")
def test_models_that_keras_wrote(keras: Any, tmp_path: Path) -> None:
    def make(module: Any) -> Any:
        x = module.Input((8, 8, 3), name="x")
        h = module.layers.Conv2D(4, 3, activation="relu")(x)
        h = module.layers.BatchNormalization()(h)
        h = module.layers.add([h, module.layers.Conv2D(4, 1)(h)])
        h = module.layers.GlobalAveragePooling2D()(h)
        z = module.Input((4,))
        inner = module.Model(z, module.layers.Dense(4, activation="tanh")(z))
        model = module.Model(x, module.layers.Concatenate()([inner(inner(h)), h]))
        model.compile("adam", "mean_squared_error")
        return model

    theirs = make(keras)
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(8, 8, 8, 3)).astype("float32"), rng.normal(size=(8, 8)).astype("float32")
    theirs.fit(x, y, epochs=2, verbose=0)
    theirs.save(tmp_path / "m.h5")
    wanted = theirs.predict(x, verbose=0)
    ours = kgc.models.load_model(tmp_path / "m.h5")
    np.testing.assert_allclose(ours.predict(x, verbose=0), wanted, rtol=1e-5, atol=1e-6)
    assert int(ours.optimizer.iterations.numpy()) == 2
    for mine, real in zip(ours.optimizer.variables, theirs.optimizer.variables, strict=True):
        np.testing.assert_allclose(np.asarray(mine), np.asarray(real), rtol=1e-6)
    other = make(kgc)
    other.load_weights(tmp_path / "m.h5")
    np.testing.assert_allclose(other.predict(x, verbose=0), wanted, rtol=1e-5, atol=1e-6)
