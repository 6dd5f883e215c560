"""Hostile files: no name in them reaches anything but the tables, no size beyond what is stored, nothing runs."""

from __future__ import annotations

import copy
import io
import json
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import kgc
from kgc.compiler.errors import FileFormatError
from kgc.frontend.saving.config import deserialize_keras_object

from ...fixtures.keras_files.models import MODELS, scale_layer

FOLDER = Path(__file__).parents[2] / "fixtures" / "keras_files"
CODE = "4wEAAAAAAAAAAAAAAAEAAAADAAAA8wYAAACXAHwAUwCpAU6pAKkB2gF4cwEAAAAg+gY8c3RkaW4+"
LAMBDA = {"class_name": "__lambda__", "config": {"code": CODE, "defaults": None, "closure": None}}


def members(name: str) -> dict[str, bytes]:
    with zipfile.ZipFile(FOLDER / f"{name}.keras") as archive:
        return {info.filename: archive.read(info) for info in archive.infolist()}


def load(tmp_path: Path, config: Any, weights: bytes, **options: Any) -> Any:
    path = tmp_path / "m.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", "{}")
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("model.weights.h5", weights)
    return kgc.models.load_model(path, **options)


MLP = members("mlp")
CONFIG: dict[str, Any] = json.loads(MLP["config.json"])
WEIGHTS = MLP["model.weights.h5"]


def changed(change: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    config = copy.deepcopy(CONFIG)
    change(config)
    return config


def dense(config: dict[str, Any]) -> dict[str, Any]:
    return config["config"]["layers"][1]


def named(module: str | None, name: str, /, **config: Any) -> dict[str, Any]:
    return {"module": module, "class_name": name, "config": config, "registered_name": None}


def test_the_unchanged_file_loads(tmp_path: Path) -> None:
    assert load(tmp_path, CONFIG, WEIGHTS).name == "mlp"


# Names


GADGETS = [
    named("os", "system", command="touch /tmp/kgc_was_here"),
    named("subprocess", "Popen", args=["true"]),
    named("builtins", "eval", source="1"),
    named("builtins", "exec", source="1"),
    named("keras.config", "enable_unsafe_deserialization"),
    named("keras.saving", "load_model", filepath="x", safe_mode=False),
    named("keras.utils", "get_file", fname="x", origin="http://localhost/x"),
    named("keras.src.utils.file_utils", "get_file", fname="x", origin="http://localhost/x"),
    named("keras.models", "load_model", filepath="x"),
    named("keras.layers", "Lambda", function=LAMBDA),
    named("keras.layers", "TorchModuleWrapper", module="x"),
    named("keras.layers", "TFSMLayer", filepath="/tmp"),
    named("keras.layers", "StringLookup", vocabulary="/etc/passwd"),
    named("kgc.frontend.saving.keras_file", "load_model", filepath="x"),
    named("kgc.frontend.layers.core", "Dense", units=3),
    named("kgc_side_effect", "Anything"),
    named(None, "Anything"),
    {**named("keras.layers", "Dense", units=3), "class_name": "__import__"},
    {"module": "builtins", "class_name": "function", "config": "eval", "registered_name": "function"},
    {"module": "builtins", "class_name": "function", "config": "os.system", "registered_name": "function"},
    {"module": "os", "class_name": "function", "config": "system", "registered_name": "function"},
    LAMBDA,
    {"class_name": "__typespec__", "config": {}},
]

Place = Callable[[dict[str, Any], Any], Any]
PLACES: dict[str, Place] = {
    "model": lambda c, v: (c.clear(), c.update(v)),
    "layer": lambda c, v: dense(c).update(v),
    "activation": lambda c, v: dense(c)["config"].update(activation=v),
    "initializer": lambda c, v: dense(c)["config"].update(kernel_initializer=v),
    "regularizer": lambda c, v: dense(c)["config"].update(kernel_regularizer=v),
    "constraint": lambda c, v: dense(c)["config"].update(kernel_constraint=v),
    "optimizer": lambda c, v: c["compile_config"].update(optimizer=v),
    "schedule": lambda c, v: c["compile_config"]["optimizer"]["config"].update(learning_rate=v),
    "loss": lambda c, v: c["compile_config"].update(loss=v),
    "metric": lambda c, v: c["compile_config"].update(metrics=[v]),
    "argument": lambda c, v: dense(c)["inbound_nodes"][0]["args"].append(v),
    "keyword": lambda c, v: dense(c)["inbound_nodes"][0]["kwargs"].update(training=v),
}


@pytest.fixture
def side_effect(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A module that anybody could import by name; nobody does."""
    (tmp_path / "kgc_side_effect.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    yield
    assert "kgc_side_effect" not in sys.modules
    assert not Path("/tmp/kgc_was_here").exists()


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.usefixtures("side_effect")
def test_no_name_is_found_outside_the_tables(place: str, tmp_path: Path) -> None:
    for gadget in GADGETS:
        if place == "layer" and gadget["class_name"] == "Dense":
            continue  # a public layer of Keras is what stands there
        config = changed(lambda c, gadget=gadget: PLACES[place](c, copy.deepcopy(gadget)))
        for safe_mode in (False, None):
            with pytest.raises(FileFormatError):
                load(tmp_path, config, WEIGHTS, safe_mode=safe_mode)


OTHER_KINDS = {
    "layer": [
        named("keras.losses", "MeanSquaredError"),
        named("keras.optimizers", "Adam"),
        named("keras.metrics", "Mean"),
    ],
    "activation": [named("keras.layers", "Dense", units=1), named("keras.initializers", "Zeros")],
    "initializer": [named("keras.layers", "Dense", units=1), named("keras.regularizers", "L2", l2=0.1)],
    "regularizer": [named("keras.initializers", "Zeros"), named("keras.constraints", "NonNeg")],
    "constraint": [named("keras.layers", "Dense", units=1), named("keras.losses", "MeanSquaredError")],
    "optimizer": [named("keras.losses", "MeanSquaredError"), named("keras.layers", "Dense", units=1), "Dense"],
    "schedule": [named("keras.optimizers", "Adam"), named("keras.layers", "Dense", units=1)],
    "loss": [named("keras.layers", "Dense", units=1), named("keras.optimizers", "Adam")],
    "metric": [named("keras.layers", "Dense", units=1), named("keras.optimizers", "Adam")],
    "model": [named("keras.layers", "Dense", units=1), named("keras.losses", "MeanSquaredError")],
}


@pytest.mark.parametrize("place", OTHER_KINDS)
def test_an_object_of_another_kind_is_refused(place: str, tmp_path: Path) -> None:
    for value in OTHER_KINDS[place]:
        with pytest.raises(FileFormatError):
            load(tmp_path, changed(lambda c, value=value: PLACES[place](c, copy.deepcopy(value))), WEIGHTS)


@pytest.mark.parametrize("place", [place for place in OTHER_KINDS if place not in ("layer", "model")])
def test_a_class_of_the_callers_own_stands_in_its_place_only(place: str, tmp_path: Path) -> None:
    block = scale_layer(kgc)
    value = {"module": "x", "class_name": "Block", "config": {"units": 3}, "registered_name": "tests>Block"}
    for objects in ({}, {"Block": block}):
        with pytest.raises(FileFormatError):
            load(tmp_path, changed(lambda c: PLACES[place](c, copy.deepcopy(value))), WEIGHTS, custom_objects=objects)


def test_a_public_class_is_not_replaced_by_one_of_its_name(tmp_path: Path) -> None:
    class Dense(kgc.layers.Dense):
        pass

    model = load(tmp_path, CONFIG, WEIGHTS, custom_objects={"Dense": Dense})
    assert type(model.get_layer("hidden")) is kgc.layers.Dense


DOORS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "model_from_json": lambda config: kgc.models.model_from_json(json.dumps(config)),
    "Model.from_config": lambda config: kgc.Model.from_config(config["config"]),
    "Functional.from_config": lambda config: type(MODELS["mlp"](kgc)).from_config(config["config"]),
    "deserialize_keras_object": deserialize_keras_object,
    "safe_mode=False": lambda config: deserialize_keras_object(config, safe_mode=False),
    "Sequential.from_config": lambda config: kgc.Sequential.from_config(
        {"name": "s", "layers": config["config"]["layers"][:2]}
    ),
    "Layer.from_config": lambda config: kgc.layers.Dense.from_config(dense(config)["config"]),
}


@pytest.mark.parametrize("door", DOORS)
def test_every_door_is_the_same(door: str) -> None:
    for value in (LAMBDA, named("os", "system", command="x"), named("keras.layers", "Dense", units=1)):
        with pytest.raises(FileFormatError):
            DOORS[door](changed(lambda c, value=value: PLACES["activation"](c, value)))


# Sizes


BOMBS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "units": lambda c: dense(c)["config"].update(units=10**12),
    "some units": lambda c: dense(c)["config"].update(units=6),
    "input": lambda c: c["config"]["layers"][0]["config"].update(batch_shape=[None, 10**12]),
    "many layers": lambda c: [
        c["config"]["layers"].append({**copy.deepcopy(dense(c)), "name": f"more_{i}"}) for i in range(50)
    ],
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_model_larger_than_its_weights_is_refused_before_memory_is_taken(name: str, tmp_path: Path) -> None:
    start = time.monotonic()
    with pytest.raises(FileFormatError, match="more weights than it holds"):
        load(tmp_path, changed(BOMBS[name]), WEIGHTS)
    assert time.monotonic() - start < 5


# Wiring


def node(c: dict[str, Any]) -> dict[str, Any]:
    return c["config"]["layers"][2]["inbound_nodes"][0]


def history(c: dict[str, Any]) -> list[Any]:
    return node(c)["args"][0]["config"]["keras_history"]


WIRING: dict[str, Callable[[dict[str, Any]], Any]] = {
    "a layer that is none": lambda c: history(c).__setitem__(0, "nobody"),
    "a call that is none": lambda c: history(c).__setitem__(1, 1),
    "a call before the first": lambda c: history(c).__setitem__(1, -1),
    "a result that is none": lambda c: history(c).__setitem__(2, 1),
    "a result before the first": lambda c: history(c).__setitem__(2, -1),
    "itself": lambda c: history(c).__setitem__(0, "predictions"),
    "an index that is none": lambda c: history(c).__setitem__(1, "0"),
    "an index of True": lambda c: history(c).__setitem__(1, True),
    "no history": lambda c: node(c)["args"][0]["config"].pop("keras_history"),
    "no arguments": lambda c: node(c).pop("args"),
    "arguments that are no list": lambda c: node(c).update(args={}),
    "keywords that are no object": lambda c: node(c).update(kwargs=[]),
    "a keyword that nobody takes": lambda c: node(c)["kwargs"].update(nonsense=1),
    "no calls": lambda c: c["config"]["layers"][2].update(inbound_nodes=[]),
    "calls of Keras 2": lambda c: c["config"]["layers"][2].update(inbound_nodes=[[["hidden", 0, 0, {}]]]),
    "two layers of one name": lambda c: c["config"]["layers"].append(copy.deepcopy(dense(c))),
    "no layers": lambda c: c["config"].pop("layers"),
    "a layer that is no object": lambda c: c["config"]["layers"].append("dense"),
    "no outputs": lambda c: c["config"].pop("output_layers"),
    "outputs of nothing": lambda c: c["config"].update(output_layers=["nobody", 0, 0]),
    "empty outputs": lambda c: c["config"].update(output_layers=[]),
    "a shape that does not fit": lambda c: c["config"]["layers"][0]["config"].update(batch_shape=[None, 2, 3, 4]),
    "a class name that is no string": lambda c: dense(c).update(class_name=["Dense"]),
    "a module that is no string": lambda c: dense(c).update(module=1),
    "a config that is no object": lambda c: dense(c).update(config="units"),
    "an argument that Dense has not": lambda c: dense(c)["config"].update(unit=3),
    "units that are no number": lambda c: dense(c)["config"].update(units="5"),
    "an unknown activation": lambda c: dense(c)["config"].update(activation="reluu"),
    "a dtype that is none": lambda c: dense(c)["config"].update(dtype="float31"),
    "an optimizer's argument": lambda c: c["compile_config"]["optimizer"]["config"].update(speed=1),
    "a compile_config that is none": lambda c: c.update(compile_config=[1]),
    "an entry that compile has not": lambda c: c["compile_config"].update(run_this="x"),
    "a loss that is none": lambda c: c["compile_config"].update(loss="mean_squared_horror"),
}


@pytest.mark.parametrize("name", WIRING)
def test_wiring_and_values_that_make_no_model(name: str, tmp_path: Path) -> None:
    with pytest.raises(FileFormatError) as caught:
        load(tmp_path, changed(WIRING[name]), WEIGHTS)
    assert caught.value.where is not None and caught.value.where.file == __file__


def test_the_users_line_and_a_hint_are_told(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError) as caught:
        load(tmp_path, changed(lambda c: dense(c).update(class_name="Dens")), WEIGHTS)
    assert "did you mean 'Dense'" in str(caught.value) and "custom_objects={'Dens'" in str(caught.value)


# Weights


def rewritten(change: Callable[[Any], Any]) -> bytes:
    file = io.BytesIO(WEIGHTS)
    with h5py.File(file, "r+") as h5:
        change(h5)
    return file.getvalue()


def replaced(path: str, data: Any) -> Callable[[Any], None]:
    def change(h5: Any) -> None:
        del h5[path]
        h5.create_dataset(path, data=data)

    return change


UNFIT: dict[str, Callable[[Any], Any]] = {
    "an array missing": lambda h5: h5.__delitem__("layers/dense/vars/1"),
    "a layer missing": lambda h5: h5.__delitem__("layers/dense_1"),
    "another shape": replaced("layers/dense/vars/0", np.zeros((5, 6), "float32")),
    "another kind": replaced("layers/dense/vars/0", np.zeros((6, 5), "int32")),
    "one array more": lambda h5: h5.create_dataset("layers/dense/vars/2", data=np.float32(1)),
    "one layer more": lambda h5: h5.create_dataset("layers/dense_2/vars/0", data=np.zeros(3, "float32")),
    "an array of another name": lambda h5: h5.move("layers/dense/vars/0", "layers/dense/vars/kernel"),
    "an optimizer's array missing": lambda h5: h5.__delitem__("optimizer/vars/4"),
    "an optimizer's array of another shape": replaced("optimizer/vars/2", np.zeros(3, "float32")),
    "an external array": lambda h5: (
        h5.__delitem__("layers/dense/vars/1"),
        h5["layers/dense/vars"].create_dataset("1", (5,), "float32", external=[("/etc/passwd", 0, 20)]),
    ),
    "a link": lambda h5: h5.__setitem__("layers/other", h5py.ExternalLink("/etc/passwd", "/")),
}


@pytest.mark.parametrize("name", UNFIT)
def test_weights_that_do_not_fit(name: str, tmp_path: Path) -> None:
    with pytest.raises(FileFormatError):
        load(tmp_path, CONFIG, rewritten(UNFIT[name]))


@pytest.mark.parametrize("name", [name for name in UNFIT if "optimizer" not in name])
def test_weights_that_do_not_fit_change_nothing(name: str, tmp_path: Path) -> None:
    path = tmp_path / "w.weights.h5"
    path.write_bytes(rewritten(UNFIT[name]))
    model = MODELS["mlp"](kgc)
    before = model.get_weights()
    with pytest.raises(FileFormatError):
        model.load_weights(path)
    for a, b in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(a, b)


# Any values at all


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.floats(),
    st.sampled_from(["", "relu", "Dense", "keras.layers", "__lambda__", "__keras_tensor__", "function", "é\ud800"]),
    st.lists(st.none(), max_size=3),
    st.just({}),
    st.sampled_from([named("keras.layers", "Dense", units=1), LAMBDA, ["image", 0, 0]]),
)


def spots(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every (container, key) of a config."""
    for key in list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield value, key
        yield from spots(value[key])


@settings(max_examples=60)
@given(st.data())
def test_any_value_anywhere_gives_a_model_or_the_one_error(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    config = copy.deepcopy(CONFIG)
    for _ in range(data.draw(st.integers(1, 2))):
        container, key = data.draw(st.sampled_from([(c, k) for c, k in spots(config)]))
        if isinstance(container, dict) and data.draw(st.booleans()):
            container.pop(key)
        else:
            container[key] = data.draw(VALUES)
        config = copy.deepcopy(config)
    try:
        model = load(tmp_path_factory.mktemp("fuzz"), config, WEIGHTS)
        assert isinstance(model, kgc.Model)
    except FileFormatError as error:
        assert str(error)
