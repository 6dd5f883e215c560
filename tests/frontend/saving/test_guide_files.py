"""The guide's models in `.keras` files: real Keras's are read here; with Keras, both ways in full size."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kgc

from ...fixtures.keras_files.guide import GUIDE, data, flat, targets
from .test_live_keras import configs_differ

FOLDER = Path(__file__).parents[2] / "fixtures" / "keras_files"
EXPECTED = dict(np.load(FOLDER / "expected.npz"))
COMPILED = ("mnist_model", "ticket")
ROWS = 4


def expected(name: str, what: str) -> list[np.ndarray]:
    keys = [key for key in EXPECTED if key.startswith(f"guide_{name}|{what}|")]
    return [EXPECTED[key] for key in sorted(keys, key=lambda key: int(key.rpartition("|")[2]))]


def worst(got: list[np.ndarray], wanted: list[np.ndarray]) -> float:
    """The largest error as a share of its limit (rtol 1e-5, and 1e-6 of the tensor's scale)."""
    assert len(got) == len(wanted) > 0
    shares = []
    for a, b in zip(got, wanted, strict=True):
        assert a.shape == b.shape and np.all(np.isfinite(b))
        limit = 1e-5 * np.abs(b) + 1e-6 * max(float(np.abs(b).max()), 1e-3)
        shares.append(float((np.abs(a - b) / limit).max()))
    return max(shares)


def given(model: Any) -> Any:
    arrays = data(model, ROWS)
    return arrays if len(arrays) > 1 else arrays[0]


def load(name: str) -> Any:
    GUIDE["custom_dense"](kgc, False)  # registers the class that one of them names
    return kgc.models.load_model(FOLDER / f"guide_{name}.keras")


@pytest.mark.parametrize("name", GUIDE)
def test_predictions_are_those_of_keras(name: str) -> None:
    model = load(name)
    assert worst(flat(model.predict(given(model), verbose=0)), expected(name, "out")) < 1


@pytest.mark.parametrize("name", GUIDE)
def test_what_is_saved_again_is_the_same_model(name: str, tmp_path: Path) -> None:
    model = load(name)
    model.save(tmp_path / "again.keras")
    again = kgc.models.load_model(tmp_path / "again.keras")
    assert again.get_config() == model.get_config()
    pairs = zip(flat(again.predict(given(model), verbose=0)), flat(model.predict(given(model), verbose=0)), strict=True)
    for a, b in pairs:
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", COMPILED)
def test_training_goes_on_where_keras_left_it(name: str) -> None:
    model = load(name)
    model.train_on_batch(given(model), targets(model, ROWS))
    assert worst(model.get_weights(), expected(name, "after")) < 10  # a step of RMSprop divides by small numbers


@pytest.mark.keras
@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize("name", GUIDE)
def test_in_full_size_keras_and_kgc_read_each_others_files(keras: Any, name: str, tmp_path: Path) -> None:
    errors = []
    for writer, reader in ((kgc, keras), (keras, kgc)):
        GUIDE["custom_dense"](reader, True)
        writer.utils.clear_session()
        model = GUIDE[name](writer, True)
        rng = np.random.default_rng(3)
        model.set_weights([rng.uniform(-0.1, 0.1, w.shape) for w in model.get_weights()])
        model.save(tmp_path / f"{writer.__name__}.keras")
        other = reader.models.load_model(tmp_path / f"{writer.__name__}.keras")
        assert [w.shape for w in other.get_weights()] == [w.shape for w in model.get_weights()]
        x = given(model)
        errors.append(worst(flat(other.predict(x, verbose=0)), flat(model.predict(x, verbose=0))))
    print(f"{name}: worst error over its limit {max(errors):.3f}")
    assert max(errors) < 1


@pytest.mark.keras
@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize("name", GUIDE)
def test_configs_are_word_for_word_those_of_keras(keras: Any, name: str) -> None:
    assert configs_differ(keras, lambda k: GUIDE[name](k, False)) == []
