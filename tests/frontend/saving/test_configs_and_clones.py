"""Models through configs and JSON text, clones, classes of one's own, and the tables that names are looked up in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kgc
from kgc.compiler.errors import ArgumentError, FileFormatError
from kgc.frontend.saving import catalogue, registry

from ...fixtures.keras_files.models import KERAS_CANNOT_READ, MODELS, as_given, flat, inputs, scale_layer

FRONTEND = Path(catalogue.__file__).parents[1]
X = np.linspace(-1, 1, 24, dtype="float32").reshape(4, 6)


def mlp() -> Any:
    return MODELS["mlp"](kgc)


def same_weights(a: Any, b: Any) -> bool:
    return all(np.array_equal(x, y) for x, y in zip(a.get_weights(), b.get_weights(), strict=True))


# Classes of one's own


@registry.register_keras_serializable(package="tests_saving")
class Tower(kgc.Model):
    """A model written as a class."""

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.first = kgc.layers.Dense(units, activation="relu")
        self.norm = kgc.layers.BatchNormalization()
        self.last = kgc.layers.Dense(2)

    def call(self, x: Any, training: bool | None = None) -> Any:
        return self.last(self.norm(self.first(x), training=training))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units}


def test_a_model_class_of_ones_own(tmp_path: Path) -> None:
    model = Tower(5, name="tower")
    model.compile("sgd", "mse")
    model.train_on_batch(X, np.zeros((4, 2), "float32"))
    model.save(tmp_path / "m.keras")
    again = kgc.models.load_model(tmp_path / "m.keras")
    assert type(again) is Tower and again.name == "tower" and again.units == 5
    assert same_weights(model, again)
    np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))
    model.save_weights(tmp_path / "m.weights.h5")
    other = Tower(5)
    other(X)
    other.load_weights(tmp_path / "m.weights.h5")
    assert same_weights(model, other)


class Plain(kgc.layers.Layer):
    """No `get_config`: its arguments are plain."""

    def __init__(self, factor: float, shape: tuple[int, ...] = (1, 2), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.factor, self.shape = factor, shape

    def call(self, x: Any) -> Any:
        return x * self.factor


def test_a_layer_without_a_config_of_its_own(tmp_path: Path) -> None:
    x = kgc.Input((3,))
    model = kgc.Model(x, Plain(3.0, name="plain")(x))
    model.save(tmp_path / "m.keras")
    with pytest.raises(FileFormatError, match="custom_objects=\\{'Plain'"):
        kgc.models.load_model(tmp_path / "m.keras")
    again = kgc.models.load_model(tmp_path / "m.keras", custom_objects={"Plain": Plain})
    np.testing.assert_array_equal(again(np.ones((1, 3), "float32")), np.full((1, 3), 3.0))


def test_a_class_is_built_from_the_file_if_it_asks(tmp_path: Path) -> None:
    seen: list[Any] = []

    class Asking(Plain):
        def get_build_config(self) -> dict[str, Any]:
            return {"anything": [1, 2]}

        def build_from_config(self, config: dict[str, Any]) -> None:
            seen.append(config)

    x = kgc.Input((3,))
    kgc.Model(x, Asking(3.0)(x)).save(tmp_path / "m.keras")
    kgc.models.load_model(tmp_path / "m.keras", custom_objects={"Asking": Asking})
    assert seen == [{"anything": [1, 2]}]


# Configs


@pytest.mark.parametrize("name", [name for name in MODELS if name != "sequential_unbuilt"])
def test_a_model_goes_through_its_config_and_json(name: str) -> None:
    scale_layer(kgc)
    model = MODELS[name](kgc)
    text = model.to_json()
    for again in (kgc.models.model_from_json(text), type(model).from_config(model.get_config())):
        again.set_weights(model.get_weights())
        assert again.get_config() == model.get_config()
        data = as_given(name, inputs(model, 2))
        for a, b in zip(flat(again(data)), flat(model(data)), strict=True):
            np.testing.assert_array_equal(a, b)
    assert kgc.models.model_from_json(text).compiled == model.compiled
    assert json.loads(model.to_json(indent=2)) == json.loads(text)


def test_new_weights_come_with_a_config() -> None:
    model = mlp()
    assert not same_weights(model, kgc.Model.from_config(model.get_config()))


def test_a_function_without_a_counterpart_says_so() -> None:
    x = kgc.Input((3,))
    with pytest.raises(ArgumentError, match="mish"):
        kgc.Model(x, kgc.activations.mish(x)).get_config()


# Clones


@pytest.mark.parametrize("name", list(MODELS))
def test_a_clone_has_the_same_calls_and_new_weights(name: str) -> None:
    scale_layer(kgc)
    model = MODELS[name](kgc)
    clone = kgc.models.clone_model(model)
    assert clone.get_config() == model.get_config()
    if model.built:
        assert not set(map(id, clone.weights)) & set(map(id, model.weights))
        clone.set_weights(model.get_weights())
        data = as_given(name, inputs(model, 2))
        for a, b in zip(flat(clone(data)), flat(model(data)), strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", [name for name in MODELS if name not in KERAS_CANNOT_READ])
def test_a_clone_by_a_function(name: str) -> None:
    scale_layer(kgc)
    model = MODELS[name](kgc)
    made: list[str] = []

    def same(layer: Any) -> Any:
        made.append(layer.name)
        return type(layer).from_config(layer.get_config())

    clone = kgc.models.clone_model(model, clone_function=same)
    assert clone.get_config() == model.get_config()
    assert sorted(made) == sorted(x.name for x in model.layers if not isinstance(x, kgc.layers.InputLayer))


def test_a_clone_with_other_layers_and_inputs() -> None:
    def wider(layer: Any) -> Any:
        config = layer.get_config()
        if config.get("units") == 5:
            config["units"] = 50
        return type(layer).from_config(config)

    x = kgc.Input((6,), name="given")
    clone = kgc.models.clone_model(mlp(), input_tensors=[x], clone_function=wider)
    assert clone.inputs == [x] and clone.get_layer("hidden").units == 50
    with pytest.raises(ArgumentError, match="1 inputs"):
        kgc.models.clone_model(mlp(), input_tensors=[x, x])


# Tables


def test_the_catalogue_holds_every_module_of_layers() -> None:
    helpers = {"__init__", "checks", "fused_rnn", "weighted"}  # no layer of theirs has a name in files
    modules = {path.stem for path in (FRONTEND / "layers").glob("*.py")} - helpers
    held = {module.__name__.rpartition(".")[2] for module in catalogue.FAMILIES if ".layers." in module.__name__}
    assert held == modules


# Made of a function, which `compile` takes as it is.
UNNAMED = {"metrics.MeanMetricWrapper"}


def test_every_public_class_stands_in_the_tables() -> None:
    for namespace, kind in (
        ("layers", "layer"),
        ("losses", "loss"),
        ("metrics", "metric"),
        ("optimizers", "optimizer"),
    ):
        package = getattr(kgc, namespace)
        base = registry.base_of(kind)
        assert base is not None
        for name in package.__all__:
            cls = getattr(package, name)
            known = f"{namespace}.{name}" in UNNAMED or cls is base
            if isinstance(cls, type) and issubclass(cls, base) and not known:
                assert registry.entry_of(cls, (kind,)) is not None, f"{namespace}.{name}"
