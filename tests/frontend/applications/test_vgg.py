"""VGG: its layers, what fits together, its weights; on small copies where numbers are computed."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import kgc
from kgc import applications, layers, ops
from kgc.compiler.errors import ArgumentError, DataError, FileFormatError, ShapeError
from kgc.frontend.applications import imagenet, vgg
from kgc.frontend.saving.placeholders import expecting

RNG = np.random.default_rng(0)
CONVOLUTIONS = {"vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}
MAKERS = {"vgg16": applications.VGG16, "vgg19": applications.VGG19}


def without_values(make: Any, **arguments: Any) -> Any:
    """A model whose initial values nobody needs: zeros are made at once."""
    with expecting(1 << 40):
        return make(**arguments)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of models in an empty cache, without a network."""

    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise OSError("no network")

    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr("urllib.request.urlopen", refuse)
    (tmp_path / "models").mkdir()
    return tmp_path / "models"


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """VGG16 with a single convolution in its only two blocks."""
    monkeypatch.setattr(vgg, "VARIANT_16", replace(vgg.VARIANT_16, convolutions=(1, 1)))


def published(path: Path, convolutions: tuple[int, ...] = (1, 1)) -> list[np.ndarray]:
    """A file in the published layout, of the convolutions alone; its arrays."""
    values, channels = [], 3
    with h5py.File(path, "w") as file:
        listed = [b"input_1"]
        file.create_group("input_1").attrs["weight_names"] = np.array([])
        for block, count in enumerate(convolutions, 1):
            for index in range(1, count + 1):
                name = f"block{block}_conv{index}"
                filters = min(32 * 2**block, 512)
                group = file.create_group(name)
                group.attrs["weight_names"] = np.array([f"{name}_W_1:0".encode(), f"{name}_b_1:0".encode()])
                for key, shape in (("W", (3, 3, channels, filters)), ("b", (filters,))):
                    values.append(RNG.normal(size=shape).astype("float32") * 0.1)
                    group.create_dataset(f"{name}_{key}_1:0", data=values[-1])
                listed.append(name.encode())
                channels = filters
            file.create_group(f"block{block}_pool").attrs["weight_names"] = np.array([])
            listed.append(f"block{block}_pool".encode())
        file.attrs["layer_names"] = np.array(listed)
    return values


@pytest.mark.parametrize("name", ["vgg16", "vgg19"])
@pytest.mark.parametrize("top", [True, False])
def test_layers(name: str, top: bool) -> None:
    model = without_values(MAKERS[name], weights=None, include_top=top)
    wanted = []
    for block, count in enumerate(CONVOLUTIONS[name], 1):
        wanted += [f"block{block}_conv{index}" for index in range(1, count + 1)] + [f"block{block}_pool"]
    wanted += ["flatten", "fc1", "fc2", "predictions"] if top else []
    assert model.name == name and [layer.name for layer in model.layers][1:] == wanted
    counts = {("vgg16", True): 138_357_544, ("vgg16", False): 14_714_688}
    counts |= {("vgg19", True): 143_667_240, ("vgg19", False): 20_024_384}
    assert sum(int(np.prod(w.shape)) for w in model.weights) == counts[name, top]
    assert model.input_shape == ((None, 224, 224, 3) if top else (None, None, None, 3))
    assert model.output_shape == ((None, 1000) if top else (None, None, None, 512))


@pytest.mark.usefixtures("small")
def test_without_the_top() -> None:
    make = applications.VGG16
    assert make(weights=None, include_top=False, pooling="avg").output_shape == (None, 128)
    assert make(weights=None, include_top=False, pooling="max").layers[-1].name.startswith("global_max_pooling2d")
    assert make(weights=None, include_top=False, input_shape=(40, 48, 1)).output_shape == (None, 10, 12, 128)
    with pytest.warns(UserWarning, match="1 or 3 colours"):
        make(weights=None, include_top=False, input_shape=(32, 32, 4))


@pytest.mark.usefixtures("small")
def test_classes_and_activation() -> None:
    model = without_values(
        applications.VGG16, weights=None, input_shape=(32, 32, 3), classes=7, classifier_activation=None, name="mine"
    )
    assert model.name == "mine" and model.output_shape == (None, 7)
    assert model.layers[-1].activation is kgc.activations.get("linear")


@pytest.mark.usefixtures("small")
def test_input_tensor() -> None:
    x = kgc.Input((64, 64, 3), name="picture")
    model = applications.VGG16(
        weights=None, include_top=False, input_tensor=layers.Rescaling(2.0, name="rescaling")(x), name="q"
    )
    assert model.inputs == [x] and [layer.name for layer in model.layers][:3] == [
        "picture",
        "rescaling",
        "block1_conv1",
    ]
    assert model.output_shape == (None, 16, 16, 128)
    with pytest.raises(ArgumentError, match="input_tensor"):
        applications.VGG16(weights=None, include_top=False, input_tensor=np.zeros((1, 32, 32, 3)))


@pytest.mark.usefixtures("small")
def test_published_weights_by_path(tmp_path: Path) -> None:
    values = published(tmp_path / "w.h5")
    model = applications.VGG16(weights=tmp_path / "w.h5", include_top=False)
    for got, wanted in zip(model.get_weights(), values, strict=True):
        np.testing.assert_array_equal(got, wanted)
    model.save_weights(tmp_path / "new.weights.h5")
    again = applications.VGG16(weights=str(tmp_path / "new.weights.h5"), include_top=False, pooling="avg")
    np.testing.assert_array_equal(again.get_weights()[2], values[2])
    published(tmp_path / "other.h5", (1, 2))
    with pytest.raises(FileFormatError, match=r"has 2 layers with weights, .* holds 3"):
        applications.VGG16(weights=tmp_path / "other.h5", include_top=False)


def test_imagenet_from_the_cache(home: Path, small: None, monkeypatch: pytest.MonkeyPatch) -> None:
    source = vgg.VARIANT_16.weights_without_top
    assert source.name == "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"
    values = published(home / source.name)
    with pytest.raises(DataError, match="not the one that was published"):
        applications.VGG16(include_top=False)
    digest = hashlib.md5((home / source.name).read_bytes()).hexdigest()
    monkeypatch.setattr(vgg, "VARIANT_16", replace(vgg.VARIANT_16, weights_without_top=replace(source, hash=digest)))
    model = applications.VGG16(include_top=False)
    np.testing.assert_array_equal(model.get_weights()[0], values[0])


@pytest.mark.parametrize("name", ["vgg16", "vgg19"])
def test_imagenet_without_a_network(home: Path, name: str) -> None:
    with pytest.raises(DataError, match="cannot be downloaded: no network") as caught:
        MAKERS[name]()
    said = str(caught.value)
    assert str(home / f"{name}_weights_tf_dim_ordering_tf_kernels.h5") in said and "(md5 " in said


@pytest.mark.parametrize(
    "arguments, error, said",
    [
        ({"weights": "imagnet"}, ArgumentError, "path of a file that is there"),
        ({"weights": 3}, ArgumentError, "path of a file"),
        ({"classes": 10}, ArgumentError, "tells 1000 classes"),
        ({"weights": None, "classes": 0}, ArgumentError, "positive int"),
        ({"classifier_activation": "relu"}, ArgumentError, "softmax"),
        ({"input_shape": (64, 64, 3)}, ShapeError, "(224, 224, 3)"),
        ({"include_top": False, "input_shape": (64, 64, 1)}, ShapeError, "3 colours"),
        ({"weights": None, "input_shape": (None, None, 3)}, ShapeError, "to know the size"),
        ({"weights": None, "include_top": False, "input_shape": (31, 64, 3)}, ShapeError, "32 x 32 at least"),
        ({"weights": None, "include_top": False, "input_shape": (64, 64)}, ShapeError, "height, width and colours"),
        ({"weights": None, "include_top": False, "pooling": "mean"}, ArgumentError, "pooling"),
    ],
)
def test_what_does_not_go_together(home: Path, arguments: dict[str, Any], error: type[Exception], said: str) -> None:
    with pytest.raises(error) as caught:
        applications.VGG19(**arguments)
    assert said in str(caught.value)


# Pictures and classes


@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
def test_preprocess_input(dtype: str) -> None:
    x = RNG.integers(0, 256, (2, 4, 5, 3)).astype(dtype)
    before = x.copy()
    wanted = x[..., ::-1].astype("float64") - [103.939, 116.779, 123.68]
    got = applications.vgg19.preprocess_input(x)
    assert got.dtype == ("float32" if dtype == "uint8" else dtype)
    np.testing.assert_allclose(got, wanted, rtol=1e-6, atol=1e-4)
    np.testing.assert_array_equal(x, before)
    first = applications.vgg16.preprocess_input(x.transpose(0, 3, 1, 2), data_format="channels_first")
    np.testing.assert_array_equal(first.transpose(0, 2, 3, 1), got)
    np.testing.assert_array_equal(applications.vgg16.preprocess_input(x[0]), got[0])


def test_preprocess_input_of_tensors() -> None:
    x = RNG.uniform(0, 255, (1, 4, 4, 3)).astype("float32")
    wanted = applications.vgg16.preprocess_input(x)
    np.testing.assert_allclose(applications.vgg16.preprocess_input(ops.convert_to_tensor(x)), wanted, rtol=1e-6)
    symbol = kgc.Input((4, 4, 3))
    model = kgc.Model(symbol, applications.vgg16.preprocess_input(symbol))
    np.testing.assert_allclose(model.predict(x, verbose=0), wanted, rtol=1e-5, atol=1e-5)


def test_other_modes() -> None:
    x = np.array([0.0, 127.5, 255.0]).reshape(1, 1, 3)
    preprocess = applications.imagenet_utils.preprocess_input
    np.testing.assert_allclose(preprocess(x, mode="tf").ravel(), [-1, 0, 1])
    wanted = (np.array([0, 0.5, 1]) - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    np.testing.assert_allclose(preprocess(x, mode="torch").ravel(), wanted)
    for arguments in ({"mode": "x"}, {"data_format": "x"}):
        with pytest.raises(ArgumentError):
            preprocess(x, **arguments)
    with pytest.raises(ArgumentError, match="3 colours"):
        preprocess(np.zeros((4, 4, 1)))


def test_decode_predictions(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = json.dumps({str(i): [f"n{i:08d}", f"class_{i}"] for i in range(1000)}).encode()
    scores = np.zeros((2, 1000), "float32")
    scores[0, 3], scores[0, 700], scores[1, 999] = 0.7, 0.2, 1.0
    with pytest.raises(DataError, match="not in the cache"):
        applications.vgg16.decode_predictions(scores)
    (home / "imagenet_class_index.json").write_bytes(text)
    monkeypatch.setattr(imagenet, "CLASSES", replace(imagenet.CLASSES, hash=hashlib.md5(text).hexdigest()))
    first, second = applications.vgg19.decode_predictions(scores, top=2)
    assert first == [("n00000003", "class_3", np.float32(0.7)), ("n00000700", "class_700", np.float32(0.2))]
    assert second[0] == ("n00000999", "class_999", 1.0) and len(second) == 2
    with pytest.raises(ArgumentError, match="1,000 classes"):
        applications.vgg16.decode_predictions(scores[:, :10])


# Real Keras


@pytest.mark.keras
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_the_same_as_keras(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    keras = pytest.importorskip("keras")
    import jax

    with jax.numpy_rank_promotion("allow"), jax.numpy_dtype_promotion("standard"):
        theirs = keras.applications.VGG16(weights=None, include_top=False, input_shape=(32, 32, 3), pooling="avg")
        theirs.save(tmp_path / "m.h5")
        x = RNG.uniform(0, 255, (2, 32, 32, 3)).astype("float32")
        given = keras.applications.vgg16.preprocess_input(x.copy())
        wanted = theirs.predict(given, verbose=0)
    arguments: dict[str, Any] = {"include_top": False, "input_shape": (32, 32, 3), "pooling": "avg"}
    ours = applications.VGG16(weights=tmp_path / "m.h5", **arguments)
    assert [layer.name for layer in ours.layers][1:-1] == [layer.name for layer in theirs.layers][1:-1]
    np.testing.assert_array_equal(applications.vgg16.preprocess_input(x), given)
    scale = float(np.abs(wanted).max())
    np.testing.assert_allclose(ours.predict(given, verbose=0), wanted, rtol=1e-5, atol=1e-6 * max(1.0, scale))
    ours.save(tmp_path / "ours.keras")
    with jax.numpy_rank_promotion("allow"), jax.numpy_dtype_promotion("standard"):
        back = keras.models.load_model(tmp_path / "ours.keras")
        np.testing.assert_allclose(back.predict(given, verbose=0), wanted, rtol=1e-5, atol=1e-6 * max(1.0, scale))
