"""`model.save`, `load_model` and their kin on kgc's own models."""

from __future__ import annotations

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
from kgc.frontend.saving import h5, model_file
from kgc.frontend.saving.weights import places

from ...fixtures.keras_files.models import MODELS, inputs

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
    model = mlp()
    model.save(path)
    before = path.read_bytes()
    original = getattr(model_file, function)

    def fail(*args: Any) -> None:
        original(*args[:-1], None) if function == "write_weights" else None
        raise OSError("no space left on device")

    monkeypatch.setattr(model_file, function, fail)
    with pytest.raises(OSError, match="no space"):
        mlp().save(path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["m.keras"]


def test_a_failure_while_weights_are_written_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "m.weights.h5"
    mlp().save_weights(path)
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
    "read weights ending": lambda m, folder: m.load_weights(folder / "m.npz"),
    "read weights argument": lambda m, folder: m.load_weights(folder / "m.weights.h5", strict=False),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_are_told_at_the_users_line(name: str, tmp_path: Path) -> None:
    (tmp_path / "old.keras").write_bytes(b"old")
    with pytest.raises(ArgumentError) as caught:
        MISTAKES[name](mlp(), tmp_path)
    assert caught.value.where is not None and caught.value.where.file == __file__
    assert os.listdir(tmp_path) == ["old.keras"] and (tmp_path / "old.keras").read_bytes() == b"old"


def test_what_is_no_model_file(tmp_path: Path) -> None:
    mlp().save_weights(tmp_path / "w.weights.h5")
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
    model = mlp()
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
