"""`model.save`, `load_model` and their kin on kgc's own models."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import optax
import pytest

import kgc
from kgc.compiler.errors import ArgumentError, FileFormatError
from kgc.frontend.saving import catalogue, h5, model_file, registry
from kgc.frontend.saving.weights import places

from ...fixtures.keras_files.models import KERAS_CANNOT_READ, MODELS, as_given, flat, inputs, scale_layer

FRONTEND = Path(catalogue.__file__).parents[1]
X = np.linspace(-1, 1, 24, dtype="float32").reshape(4, 6)


def mlp() -> Any:
    return MODELS["mlp"](kgc)


def trained() -> Any:
    model = mlp()
    model.train_on_batch(X, np.array([0, 1, 2, 0]))
    return model


def same_weights(a: Any, b: Any) -> bool:
    return all(np.array_equal(x, y) for x, y in zip(a.get_weights(), b.get_weights(), strict=True))


# Files


def test_a_saved_model_is_the_model(tmp_path: Path) -> None:
    model = trained()
    model.save(tmp_path / "m.keras")
    again = kgc.models.load_model(str(tmp_path / "m.keras"))
    assert same_weights(model, again)
    for a, b in zip(model.optimizer.variables, again.optimizer.variables, strict=True):
        assert a.path == b.path
        np.testing.assert_array_equal(a.numpy(), b.numpy())
    assert os.listdir(tmp_path) == ["m.keras"]


@pytest.mark.parametrize("function", ["write_weights", "write_archive"])
def test_a_failure_in_the_middle_leaves_the_old_file(
    function: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "m.keras"
    model = trained()
    model.save(path)
    before = path.read_bytes()
    original = getattr(model_file, function)

    def fail(*args: Any) -> None:
        original(*args[:-1], None) if function == "write_weights" else None
        raise OSError("no space left on device")

    monkeypatch.setattr(model_file, function, fail)
    with pytest.raises(OSError, match="no space"):
        trained().save(path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["m.keras"]


def test_a_failure_while_weights_are_written_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "m.weights.h5"
    trained().save_weights(path)
    before = path.read_bytes()
    monkeypatch.setattr(h5py.Group, "create_dataset", lambda *args, **kwargs: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        mlp().save_weights(path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["m.weights.h5"]


def test_saves_at_once_leave_one_whole_file(tmp_path: Path) -> None:
    path, wrong = tmp_path / "m.keras", []
    models = [mlp() for _ in range(3)]
    for value, model in enumerate(models):
        model.set_weights([np.full(w.shape, value, "float32") for w in model.get_weights()])
    models[0].save(path)

    def save(model: Any) -> None:
        try:
            for _ in range(5):
                model.save(path)
        except Exception as error:
            wrong.append(error)

    threads = [threading.Thread(target=save, args=(model,)) for model in models]
    for thread in threads:
        thread.start()
    for _ in range(5):
        values = {float(w.flat[0]) for w in kgc.models.load_model(path).get_weights()}
        assert len(values) == 1
    for thread in threads:
        thread.join()
    assert not wrong and os.listdir(tmp_path) == ["m.keras"]


MISTAKES = {
    "h5": lambda m, folder: m.save(folder / "m.h5"),
    "no ending": lambda m, folder: m.save(folder / "model"),
    "folder": lambda m, folder: m.save(folder / "m.keras", zipped=False),
    "exists": lambda m, folder: m.save(folder / "old.keras", overwrite=False),
    "weights ending": lambda m, folder: m.save_weights(folder / "m.h5"),
    "shards": lambda m, folder: m.save_weights(folder / "m.weights.h5", max_shard_size=1),
    "read weights ending": lambda m, folder: m.load_weights(folder / "m.keras"),
    "by name": lambda m, folder: m.load_weights(folder / "m.weights.h5", by_name=True),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_are_told_at_the_users_line(name: str, tmp_path: Path) -> None:
    (tmp_path / "old.keras").write_bytes(b"old")
    with pytest.raises(ArgumentError) as caught:
        MISTAKES[name](mlp(), tmp_path)
    assert caught.value.where is not None and caught.value.where.file == __file__
    assert os.listdir(tmp_path) == ["old.keras"] and (tmp_path / "old.keras").read_bytes() == b"old"


def test_what_is_no_model_file(tmp_path: Path) -> None:
    trained().save_weights(tmp_path / "w.weights.h5")
    (tmp_path / "text.keras").write_text("hello")
    with pytest.raises(FileFormatError, match="load_weights"):
        kgc.models.load_model(tmp_path / "w.weights.h5")
    with pytest.raises(FileFormatError):
        kgc.models.load_model(tmp_path / "text.keras")
    with pytest.raises(FileNotFoundError):
        kgc.models.load_model(tmp_path / "none.keras")


def test_a_compilation_that_no_file_holds_is_left_out_with_a_warning(tmp_path: Path) -> None:
    model = mlp()
    model.compile(optax.sgd(0.1), "sparse_categorical_crossentropy")
    with pytest.warns(UserWarning, match="not compiled"):
        model.save(tmp_path / "m.keras")
    again = kgc.models.load_model(tmp_path / "m.keras")
    assert not again.compiled and same_weights(model, again)
    model.compile("sgd", lambda y, p: (y - p) ** 2)
    with pytest.warns(UserWarning, match="lambda"):
        model.save(tmp_path / "m.keras")


def my_loss(y_true: Any, y_pred: Any) -> Any:
    return kgc.ops.mean(kgc.ops.square(y_true - y_pred), axis=-1)


def test_a_function_of_ones_own_is_a_loss_again(tmp_path: Path) -> None:
    model = MODELS["sequential"](kgc)
    model.compile(kgc.optimizers.SGD(0.1), my_loss, metrics=[my_loss])
    model.save(tmp_path / "m.keras")
    with pytest.raises(FileFormatError, match="my_loss"):
        kgc.models.load_model(tmp_path / "m.keras")
    again = kgc.models.load_model(tmp_path / "m.keras", custom_objects={"my_loss": my_loss})
    assert again.loss is my_loss
    x, y = inputs(model, 4)[0], np.zeros((4, 2), "float32")
    assert again.evaluate(x, y, verbose=0) == pytest.approx(model.evaluate(x, y, verbose=0))


# Weights


def test_load_weights_keeps_what_does_not_fit_when_asked(tmp_path: Path) -> None:
    model = trained()
    model.save_weights(tmp_path / "m.weights.h5")
    x = kgc.Input((6,))
    h = kgc.layers.Dense(5)(x)
    other = kgc.Model(x, kgc.layers.Dense(7)(h))
    before = other.get_weights()
    with pytest.raises(FileFormatError, match=r"\[5, 3\] in the file, \[5, 7\] in the model"):
        other.load_weights(tmp_path / "m.weights.h5")
    assert all(np.array_equal(a, b) for a, b in zip(other.get_weights(), before, strict=True))
    with pytest.warns(UserWarning, match="left as they are"):
        other.load_weights(tmp_path / "m.weights.h5", skip_mismatch=True)
    got = other.get_weights()
    assert np.array_equal(got[0], model.get_weights()[0]) and np.array_equal(got[2], before[2])


def test_an_optimizer_of_another_kind_keeps_its_state(tmp_path: Path) -> None:
    model = trained()
    model.save_weights(tmp_path / "m.weights.h5")
    other = mlp()
    other.compile(kgc.optimizers.SGD(0.5), "sparse_categorical_crossentropy")
    with pytest.warns(UserWarning, match="optimizer keeps"):
        other.load_weights(tmp_path / "m.weights.h5")
    assert same_weights(model, other) and float(other.optimizer.learning_rate) == 0.5


class Attributed(kgc.layers.Layer):
    """Layers wherever a layer may hold them, and a property that shows one under another name."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        dense = kgc.layers.Dense
        self._hidden = dense(2, name="hidden")
        self.beta = dense(2, name="beta")
        self.alias = self.beta
        self.rows = [dense(2, name="r0"), [dense(2, name="r1")], dense(2, name="r2")]
        self.table = {"b": dense(2, name="tb"), "a": (dense(2, name="ta"),)}

    @property
    def shown(self) -> Any:
        return self._hidden

    @property
    def broken(self) -> Any:
        raise RuntimeError("not yet")

    def call(self, x: Any) -> Any:
        layers = [
            self._hidden,
            self.beta,
            self.rows[0],
            self.rows[1][0],
            self.rows[2],
            self.table["b"],
            self.table["a"][0],
        ]
        for layer in layers:
            x = layer(x)
        return x


def test_places_of_layers_within_layers() -> None:
    """Recorded from real Keras with the same class."""
    found = {layer.name: path for path, layer in places(Attributed(name="top"))}
    assert found == {
        "top": "",
        "beta": "alias",
        "r0": "rows/dense",
        "r1": "rows/container/dense",
        "r2": "rows/dense_1",
        "hidden": "shown",
        "tb": "table/dense",
        "ta": "table/container/dense",
    }


class OwnStore(kgc.layers.Layer):
    """Keeps its weights in files under names of its own."""

    def build(self, input_shape: Any) -> None:
        self.scale = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="scale")

    def call(self, x: Any) -> Any:
        return x * self.scale

    def save_own_variables(self, store: Any) -> None:
        store["logarithm"] = np.log(self.scale.numpy())

    def load_own_variables(self, store: Any) -> None:
        self.scale.assign(np.exp(store["logarithm"]))


def test_a_layer_may_store_its_weights_itself(tmp_path: Path) -> None:
    x = kgc.Input((3,))
    model = kgc.Model(x, OwnStore(name="own")(x))
    model.set_weights([np.array([1, 2, 4], "float32")])
    model.save(tmp_path / "m.keras")
    with h5.open_h5(_weights(tmp_path / "m.keras")) as reader:
        assert list(reader.datasets) == ["layers/own_store/vars/logarithm"]
    again = kgc.models.load_model(tmp_path / "m.keras", custom_objects={"OwnStore": OwnStore})
    np.testing.assert_allclose(again.get_weights()[0], [1, 2, 4], rtol=1e-6)


def _weights(path: Path) -> Any:
    import io
    import zipfile

    with zipfile.ZipFile(path) as archive:
        return io.BytesIO(archive.read("model.weights.h5"))


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


def test_a_model_that_begins_within_another_says_why_it_cannot_be_saved() -> None:
    x = kgc.Input((3,))
    h = kgc.layers.Dense(3, name="before")(x)
    model = kgc.Model(h, kgc.layers.Dense(2)(h))
    with pytest.raises(ArgumentError, match="begins at a result of 'before'"):
        model.get_config()


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
    modules = {path.stem for path in (FRONTEND / "layers").glob("*.py")} - {"__init__", "checks"}
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
