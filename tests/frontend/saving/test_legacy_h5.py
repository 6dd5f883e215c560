"""Weights and models in Keras's older `.h5` format: files in its layouts, written here by h5py."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import kgc as keras
from kgc import layers
from kgc.compiler.errors import ArgumentError, FileFormatError
from kgc.frontend.saving.h5 import open_h5
from kgc.frontend.saving.legacy_h5 import is_legacy

from .legacy_files import legacy, same, values

RNG = np.random.default_rng(0)


def mlp(**more: Any) -> Any:
    x = keras.Input((3,), name="x")
    h = layers.Dense(4, activation="relu", name="first")(x)
    h = layers.Dropout(0.5, name="drop")(h)
    h = layers.BatchNormalization(name="norm")(h)
    return keras.Model(x, layers.Dense(2, name="head")(h), name="mlp")


def stored(suffix: str = ":0", prefix: str = "{0}/") -> dict[str, dict[str, np.ndarray]]:
    """Weights for `mlp`."""
    shapes = {
        "first": {"kernel": (3, 4), "bias": (4,)},
        "drop": {},
        "norm": {"gamma": (4,), "beta": (4,), "moving_mean": (4,), "moving_variance": (4,)},
        "head": {"kernel": (4, 2), "bias": (2,)},
    }
    return {
        layer: {
            prefix.format(layer) + name + suffix: RNG.uniform(0.1, 1, shape).astype("float32")
            for name, shape in weights.items()
        }
        for layer, weights in {"x": {}, **shapes}.items()
    }


@pytest.mark.parametrize("texts", ["bytes", "variable"])
@pytest.mark.parametrize("prefix", ["", "{0}/", "mlp/{0}/"])
@pytest.mark.parametrize("group", ["", "model_weights"])
def test_layouts(tmp_path: Path, texts: str, prefix: str, group: str) -> None:
    made = stored(prefix=prefix)
    model = mlp()
    model.load_weights(legacy(tmp_path / "w.h5", made, group, texts))
    same(model, values(made))


@pytest.mark.parametrize("options", [{"chunks": True}, {"chunks": True, "compression": "gzip", "shuffle": True}])
def test_arrays_in_chunks(tmp_path: Path, options: dict[str, Any]) -> None:
    value = RNG.normal(size=(3, 4)).astype("float32")
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file.attrs["layer_names"] = [b"d"]
        file.create_group("d").attrs["weight_names"] = [b"d/kernel:0"]
        file["d"].create_dataset("d/kernel:0", data=value, **options)
    model = keras.Sequential([keras.Input((3,)), layers.Dense(4, use_bias=False)])
    model.load_weights(tmp_path / "w.h5")
    same(model, [value])


def test_other_filters_are_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file.attrs["layer_names"] = [b"d"]
        file.create_group("d").attrs["weight_names"] = [b"k"]
        file["d"].create_dataset("k", data=np.zeros((3, 4), "float32"), compression="lzf")
    with pytest.raises(FileFormatError, match="filters that are not allowed"):
        mlp().load_weights(tmp_path / "w.h5")


def test_long_lists_are_split(tmp_path: Path) -> None:
    made = stored()
    legacy(tmp_path / "w.h5", made)
    with h5py.File(tmp_path / "w.h5", "r+") as file:
        listed = list(file.attrs["layer_names"])
        del file.attrs["layer_names"]
        file.attrs["layer_names0"], file.attrs["layer_names1"] = listed[:2], listed[2:]
    model = mlp()
    model.load_weights(tmp_path / "w.h5")
    same(model, values(made))


def test_the_content_decides_and_not_the_name(tmp_path: Path) -> None:
    made = stored()
    model = mlp()
    model.load_weights(legacy(tmp_path / "w.weights.h5", made))
    same(model, values(made))
    model.save_weights(tmp_path / "n.weights.h5")
    (tmp_path / "n.weights.h5").rename(tmp_path / "n.h5")
    other = mlp()
    other.load_weights(tmp_path / "n.h5")
    same(other, values(made))
    model.save(tmp_path / "m.keras")
    again = mlp()
    again.load_weights(tmp_path / "m.keras")
    same(again, values(made))
    with open_h5(tmp_path / "w.weights.h5") as old, open_h5(tmp_path / "n.h5") as new:
        assert is_legacy(old) and not is_legacy(new)


def test_nested_models_are_one_layer(tmp_path: Path) -> None:
    inner = mlp()
    x = keras.Input((3,))
    model = keras.Model(x, layers.Dense(1, name="last")(inner(x)))
    weights = stored()
    # Trained ones first, over all its layers.
    order = [0, 1, 2, 3, 6, 7, 4, 5]
    flat_values = values(weights)
    file = {
        "mlp": {f"w{i}": flat_values[at] for i, at in enumerate(order)},
        "last": {"k": np.ones((2, 1), "float32"), "b": np.zeros(1, "float32")},
    }
    model.load_weights(legacy(tmp_path / "w.h5", file))
    same(inner, flat_values)


def test_by_name(tmp_path: Path) -> None:
    made = stored()
    part = {"head": made["head"], "unknown": {"k": np.zeros(3, "float32")}, "drop": {}, "first": made["first"]}
    legacy(tmp_path / "w.h5", part)
    model = mlp()
    before = model.get_weights()
    with pytest.raises(FileFormatError, match=r"3 layers with weights, .* holds 3|by_name|does not fit|holds 1"):
        model.load_weights(tmp_path / "w.h5")
    model.load_weights(tmp_path / "w.h5", by_name=True)
    same(model, [*values({"first": made["first"]}), *before[2:6], *values({"head": made["head"]})])


def test_what_does_not_fit_changes_nothing(tmp_path: Path) -> None:
    made = stored()
    made["head"] = {"k": np.zeros((4, 3), "float32"), "b": np.zeros(3, "float32")}
    path = legacy(tmp_path / "w.h5", made)
    model = mlp()
    before = model.get_weights()
    for by_name in (False, True):
        with pytest.raises(FileFormatError, match=r"'mlp/head/kernel'|'head/kernel'") as caught:
            model.load_weights(path, by_name=by_name)
        assert "float32[4, 3] in the file, float32[4, 2] in the model" in str(caught.value)
        same(model, before)
    with pytest.warns(UserWarning, match="'head'"):
        model.load_weights(path, skip_mismatch=True)
    same(model, [*values(made)[:6], *before[6:]])


def test_counts(tmp_path: Path) -> None:
    made = stored()
    del made["head"]
    with pytest.raises(FileFormatError, match=r"has 3 layers with weights, .* holds 2"):
        mlp().load_weights(legacy(tmp_path / "a.h5", made))
    made = stored()
    made["norm"].popitem()
    with pytest.raises(FileFormatError, match=r"'norm' has 4 weights, .* holds 3"):
        mlp().load_weights(legacy(tmp_path / "b.h5", made))
    made = stored()
    made["first"] = {name: value.astype("int32") for name, value in made["first"].items()}
    with pytest.raises(FileFormatError, match="does not fit"):
        mlp().load_weights(legacy(tmp_path / "c.h5", made))


def test_arguments(tmp_path: Path) -> None:
    model = mlp()
    model.save_weights(tmp_path / "w.weights.h5")
    with pytest.raises(ArgumentError, match="by_name with files of the older"):
        model.load_weights(tmp_path / "w.weights.h5", by_name=True)
    with pytest.raises(ArgumentError, match="'foo'"):
        model.load_weights(tmp_path / "w.weights.h5", foo=1)
    with pytest.raises(ArgumentError, match="end in"):
        model.load_weights(tmp_path / "w.npz")
    with pytest.raises(ArgumentError, match=r"\.keras") as caught:
        model.save(tmp_path / "m.h5")
    assert "kgc reads the older `.h5` format" in str(caught.value)


# Hostile files


def spoiled(path: Path, old: bytes, new: bytes) -> Path:
    data = path.read_bytes()
    assert old in data and len(old) == len(new)
    path.write_bytes(data.replace(old, new))
    return path


def test_a_list_may_name_what_is_not_there(tmp_path: Path) -> None:
    legacy(tmp_path / "w.h5", stored())
    with h5py.File(tmp_path / "w.h5", "r+") as file:
        file["first"].attrs["weight_names"] = [b"../head/kernel", b"x"]
    with pytest.raises(FileFormatError, match="does not hold it"):
        mlp().load_weights(tmp_path / "w.h5")


def test_links_out_of_the_file_are_refused(tmp_path: Path) -> None:
    legacy(tmp_path / "w.h5", stored())
    with h5py.File(tmp_path / "w.h5", "r+") as file:
        del file["head/head/kernel:0"]
        file["head/head/kernel:0"] = h5py.ExternalLink("/etc/passwd", "/")
    with pytest.raises(FileFormatError, match="link"):
        mlp().load_weights(tmp_path / "w.h5")


def test_heaps_of_texts_are_checked(tmp_path: Path) -> None:
    legacy(tmp_path / "w.h5", stored(), texts="variable")
    spoiled(tmp_path / "w.h5", b"GCOL", b"GC0L")
    with pytest.raises(FileFormatError, match="heap"):
        mlp().load_weights(tmp_path / "w.h5")


def test_one_text_cannot_be_told_a_thousand_times(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file.attrs["layer_names"] = ["x" * 60_000, *["y"] * 2000]
    data = (tmp_path / "w.h5").read_bytes()
    at = data.index(struct.pack("<I", 60_000))
    reference = data[at : at + 16]
    (tmp_path / "w.h5").write_bytes(data[:at] + reference * 2001 + data[at + 16 * 2001 :])
    with pytest.raises(FileFormatError, match="not where it should be"):
        mlp().load_weights(tmp_path / "w.h5")


@pytest.mark.parametrize("seed", range(40))
def test_changed_bytes_end_in_an_error_or_in_arrays(tmp_path: Path, seed: int) -> None:
    path = legacy(tmp_path / "w.h5", stored(), texts="variable" if seed % 2 else "bytes")
    rng = np.random.default_rng(seed)
    data = bytearray(path.read_bytes())
    for at in rng.integers(0, len(data), 12):
        data[at] = rng.integers(0, 256)
    path.write_bytes(data)
    try:
        mlp().load_weights(path)
    except FileFormatError:
        pass
