"""Files that real Keras 3.15.1 wrote, read without it: architecture, weights, compilation, optimizer state."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kgc

from ...fixtures.keras_files.models import CLASSES, MODELS, as_given, flat, inputs, scale_layer, targets

FOLDER = Path(__file__).parents[2] / "fixtures" / "keras_files"
EXPECTED = dict(np.load(FOLDER / "expected.npz"))
ROWS = 4
COMPILED = ("mlp", "convnet", "sequential")


@pytest.fixture(autouse=True)
def own_classes() -> None:
    """The class that `own_layer.keras` names."""
    scale_layer(kgc)


def load(name: str, **options: Any) -> Any:
    return kgc.models.load_model(FOLDER / f"{name}.keras", **options)


def expected(name: str, what: str) -> list[np.ndarray]:
    keys = [key for key in EXPECTED if key.startswith(f"{name}|{what}|")]
    return [EXPECTED[key] for key in sorted(keys, key=lambda key: int(key.rpartition("|")[2]))]


def close(got: list[Any], wanted: list[np.ndarray], rtol: float = 1e-5) -> None:
    assert len(got) == len(wanted) > 0
    for a, b in zip(got, wanted, strict=True):
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, rtol=rtol, atol=1e-6 * max(1.0, float(np.abs(b).max())))


@pytest.mark.parametrize("name", [name for name in MODELS if name != "sequential_unbuilt"])
def test_predictions_are_those_of_keras(name: str) -> None:
    model = load(name)
    assert model.name == {"sequential": "sequential_model"}.get(name, name)
    outputs = flat(model.predict(as_given(name, inputs(model, ROWS)), verbose=0))
    close(outputs, expected(name, "out"), rtol=2e-2 if name == "low_precision" else 1e-5)


@pytest.mark.parametrize("name", [name for name in MODELS if name != "sequential_unbuilt"])
def test_what_is_saved_again_is_the_same_model(name: str, tmp_path: Path) -> None:
    model = load(name)
    model.save(tmp_path / "again.keras")
    again = kgc.models.load_model(tmp_path / "again.keras")
    assert again.get_config() == model.get_config()
    assert [v.path for v in again.weights] == [v.path for v in model.weights]
    for a, b in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    data = as_given(name, inputs(model, ROWS))
    for a, b in zip(flat(again.predict(data, verbose=0)), flat(model.predict(data, verbose=0)), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", COMPILED)
def test_training_goes_on_where_keras_left_it(name: str) -> None:
    model = load(name)
    model.train_on_batch(as_given(name, inputs(model, ROWS)), targets(name, model, ROWS))
    close(model.get_weights(), expected(name, "after"))
    assert int(model.optimizer.iterations.numpy()) == 3


@pytest.mark.parametrize("name", COMPILED)
def test_training_goes_on_after_a_save(name: str, tmp_path: Path) -> None:
    load(name).save(tmp_path / "m.keras")
    model = kgc.models.load_model(tmp_path / "m.keras")
    model.train_on_batch(as_given(name, inputs(model, ROWS)), targets(name, model, ROWS))
    close(model.get_weights(), expected(name, "after"))


def test_the_compilation_is_that_of_the_file() -> None:
    model = load("mlp")
    assert type(model.optimizer).__name__ == "Adam" and model.optimizer.clipnorm == 1.0
    assert float(model.optimizer.learning_rate) == pytest.approx(0.01)
    assert model.loss.get_config()["from_logits"] is True
    logs = model.evaluate(*(inputs(model, ROWS)), targets("mlp", model, ROWS), verbose=0, return_dict=True)
    assert set(logs) == {"loss", "accuracy"}
    schedule = load("convnet").optimizer.get_config()["learning_rate"]
    assert schedule["class_name"] == "ExponentialDecay" and schedule["config"]["decay_steps"] == 10


def test_a_model_loaded_uncompiled_is_not_compiled() -> None:
    model = load("mlp", compile=False)
    assert not model.compiled
    close(flat(model.predict(inputs(model, ROWS)[0], verbose=0)), expected("mlp", "out"))


def test_nested_and_shared_layers_are_one_object_each() -> None:
    twice = load("nested_twice")
    assert [layer.name for layer in twice.layers] == ["y", "x", "inner"] or len(twice.layers) == 3
    assert len(twice.weights) == 2
    beside = load("nested_beside")
    assert beside.get_layer("inner") is beside.get_layer("middle").get_layer("inner")
    across = load("shared_across")
    shared = across.get_layer("shared")
    assert shared is across.get_layer("a").get_layer("shared") is across.get_layer("b").get_layer("shared")
    assert len(across.weights) == len(beside.weights) == 2


def test_a_pinned_training_stays_and_a_default_one_does_not(tmp_path: Path) -> None:
    model = load("frozen_norm")
    norm, dropout = model.get_layer("norm"), model.get_layer("dropout")
    assert norm.inbound_nodes[0].kwargs == {"training": False} and not norm.trainable
    assert "training" not in dropout.inbound_nodes[0].kwargs
    x = np.ones((200, 4), "float32")
    dropped = np.asarray(model(x, training=True)) == 0
    assert 0.3 < dropped.mean() < 0.7
    kgc_model = kgc.Model(i := kgc.Input((4,)), kgc.layers.Dropout(0.5, name="off")(i, training=False))
    kgc_model.save(tmp_path / "m.keras")
    again = kgc.models.load_model(tmp_path / "m.keras")
    assert again.get_layer("off").inbound_nodes[0].kwargs == {"training": False}
    np.testing.assert_array_equal(again(x, training=True), x)


def test_a_sequential_model_without_an_input() -> None:
    model = load("sequential_unbuilt")
    assert not model.built and [layer.name for layer in model.layers] == ["first", "second"]
    assert model(np.zeros((2, 3), "float32")).shape == (2, 2)


def test_weights_files_of_keras(tmp_path: Path) -> None:
    model = MODELS["mlp"](kgc)
    model.load_weights(FOLDER / "mlp.weights.h5")
    assert [float(w.flat[0]) for w in model.get_weights()] == [1, 2, 3, 4]
    model.save_weights(tmp_path / "w.weights.h5")
    other = MODELS["mlp"](kgc)
    other.load_weights(tmp_path / "w.weights.h5")
    for a, b in zip(other.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_users_keep_their_variables_through_a_load() -> None:
    model = MODELS["mlp"](kgc)
    kernel = model.get_layer("hidden").kernel
    model.load_weights(FOLDER / "mlp.weights.h5")
    assert kernel is model.get_layer("hidden").kernel and float(kernel.numpy().flat[0]) == 1


def test_the_class_counts_are_those_of_the_targets() -> None:
    assert {name: load(name).outputs[0].shape[-1] for name in CLASSES} == CLASSES
