"""Real Keras 3.15.1 beside kgc: files in both directions, and configs word for word."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kgc

from ...fixtures.keras_files.models import KERAS_CANNOT_READ, MODELS, as_given, flat, inputs, scale_layer, targets

pytestmark = [pytest.mark.keras, pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")]
BUILT = [name for name in MODELS if name != "sequential_unbuilt"]
COMPILED = ("mlp", "convnet", "sequential")
ROWS = 4


def filled(model: Any) -> Any:
    rng = np.random.default_rng(3)
    model.set_weights([rng.uniform(0.1, 0.9, w.shape) - 0.3 * (w.ndim > 1) for w in model.get_weights()])
    return model


def same(a: Any, b: Any, rtol: float = 1e-5) -> None:
    assert len(flat(a)) == len(flat(b)) > 0
    for x, y in zip(flat(a), flat(b), strict=True):
        assert x.shape == y.shape
        np.testing.assert_allclose(x, y, rtol=rtol, atol=1e-6 * max(1.0, float(np.abs(y).max())))


@pytest.mark.parametrize("name", [name for name in BUILT if name not in KERAS_CANNOT_READ])
def test_keras_reads_what_kgc_writes(keras: Any, name: str, tmp_path: Path) -> None:
    scale_layer(kgc)
    scale_layer(keras)
    model = filled(MODELS[name](kgc))
    data = inputs(model, ROWS)
    if model.compiled:
        model.train_on_batch(as_given(name, data), targets(name, model, ROWS))
    model.save(tmp_path / "m.keras")
    theirs = keras.models.load_model(tmp_path / "m.keras")
    assert theirs.name == model.name
    tolerance = 2e-2 if name == "low_precision" else 1e-5
    same(theirs.predict(as_given(name, data), verbose=0), model.predict(as_given(name, data), verbose=0), tolerance)
    # And back: what Keras makes of our file, we read.
    theirs.save(tmp_path / "theirs.keras")
    again = kgc.models.load_model(tmp_path / "theirs.keras")
    same(again.predict(as_given(name, data), verbose=0), model.predict(as_given(name, data), verbose=0), tolerance)


@pytest.mark.parametrize("name", COMPILED)
def test_keras_trains_on_from_a_file_of_kgc(keras: Any, name: str, tmp_path: Path) -> None:
    model = filled(MODELS[name](kgc))
    for layer in model.layers:
        if type(layer).__name__ == "Dropout":
            layer.rate = 0.0
    data, y = as_given(name, inputs(model, ROWS)), targets(name, model, ROWS)
    for _ in range(2):
        model.train_on_batch(data, y)
    model.save(tmp_path / "m.keras")
    theirs = keras.models.load_model(tmp_path / "m.keras")
    assert int(theirs.optimizer.iterations.value) == 2
    theirs.train_on_batch(data, y)
    model.train_on_batch(data, y)
    same(theirs.get_weights(), model.get_weights(), 1e-4)


@pytest.mark.parametrize("name", BUILT)
def test_weights_files_in_both_directions(keras: Any, name: str, tmp_path: Path) -> None:
    scale_layer(kgc)
    scale_layer(keras)
    ours, theirs = filled(MODELS[name](kgc)), MODELS[name](keras)
    ours.save_weights(tmp_path / "a.weights.h5")
    theirs.load_weights(tmp_path / "a.weights.h5")
    same(theirs.get_weights(), ours.get_weights(), 0)
    theirs.set_weights([w + 1 for w in theirs.get_weights()])
    theirs.save_weights(tmp_path / "b.weights.h5")
    ours.load_weights(tmp_path / "b.weights.h5")
    same(ours.get_weights(), theirs.get_weights(), 0)


@pytest.mark.parametrize("name", list(MODELS))
def test_configs_are_word_for_word_those_of_keras(keras: Any, name: str) -> None:
    scale_layer(kgc)
    scale_layer(keras)
    assert configs_differ(keras, MODELS[name]) == []


def configs_differ(keras: Any, build: Callable[[Any], Any]) -> list[str]:
    """Where the configs differ that kgc and Keras write for one model."""
    found = []
    for namespace in (kgc, keras):
        namespace.utils.clear_session()
        found.append(plain(json.loads(build(namespace).to_json())))
    return list(differences(*found))


def differences(ours: Any, theirs: Any, path: str = "") -> Iterator[str]:
    """Where two configs differ, by path."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in {**ours, **theirs}:
            if key in ours and key in theirs:
                yield from differences(ours[key], theirs[key], f"{path}/{key}")
            else:
                yield f"{path}/{key} is only in {'ours' if key in ours else 'theirs'}"
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for index, pair in enumerate(zip(ours, theirs, strict=True)):
            yield from differences(*pair, f"{path}/{index}")
    elif ours != theirs or type(ours) is not type(theirs):
        yield f"{path}: {ours!r} != {theirs!r}"


def plain(value: Any) -> Any:
    """A config without what carries no meaning: ids of shared objects, shapes that were built for, masks of None."""
    if isinstance(value, dict):
        dropped = (
            "shared_object_id",
            "build_config",
            "compile_config",
            *(["mask"] if value.get("mask", 0) is None else []),
        )
        return {key: plain(item) for key, item in value.items() if key not in dropped}
    return [plain(item) for item in value] if isinstance(value, list) else value


def test_keras_refuses_what_it_cannot_read(keras: Any) -> None:
    """The models that the other tests leave out are out of Keras's own reach."""
    folder = Path(__file__).parents[2] / "fixtures" / "keras_files"
    for name in KERAS_CANNOT_READ:
        with pytest.raises(Exception, match=r"could not be loaded|not connected"):
            keras.models.load_model(folder / f"{name}.keras")
