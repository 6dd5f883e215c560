"""Files of attention, embedding, normalization and functions as layers: from kgc to real Keras and back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kgc

from .test_live_keras import differences, plain

pytestmark = [
    pytest.mark.keras,
    pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning"),
]


def doubled(x: Any, times: float = 2.0) -> Any:
    return x * times


def transformer(k: Any) -> Any:
    """Words to classes: embedding with a mask, self-attention, normalization."""
    words = k.Input((5,), dtype="int32", name="words")
    x = k.layers.Embedding(11, 8, mask_zero=True, embeddings_regularizer="l2", name="table")(words)
    x = k.layers.Add()([x, k.layers.MultiHeadAttention(2, 3, value_dim=3, name="attend")(x, x)])
    x = k.layers.LayerNormalization(epsilon=1e-5, name="norm")(x)
    x = k.layers.EinsumDense("abc,cd->abd", (None, 4), bias_axes="d", activation="relu", name="mixed")(x)
    return k.Model(words, k.layers.Dense(3, name="head")(k.layers.GlobalAveragePooling1D()(x)))


def steps(k: Any) -> Any:
    """Masked steps, a query of its own, causal order, and a function as a layer."""
    x, q = k.Input((6, 4), name="steps"), k.Input((3, 5), name="query")
    y = k.layers.Masking(mask_value=-1.0)(x)
    y = k.layers.MultiHeadAttention(2, 4, output_shape=7, use_bias=False)(q, y, use_causal_mask=True)
    y = k.layers.Lambda(doubled, arguments={"times": 3.0})(y)
    return k.Model([x, q], k.layers.LayerNormalization(axis=[1, 2], center=False)(y))


def gated(k: Any) -> Any:
    """A gate, a window, and two axes of steps."""
    x = k.Input((6, 4))
    y = k.layers.MultiHeadAttention(2, 3, use_gate=True, sliding_window=2)(x, x)
    y = k.layers.Reshape((3, 2, 4))(y)
    return k.Model(x, k.layers.MultiHeadAttention(2, 3, attention_axes=(1, 2), dropout=0.3, seed=5)(y, y))


MODELS = {"transformer": transformer, "steps": steps, "gated": gated}


def filled(model: Any) -> Any:
    rng = np.random.default_rng(1)
    model.set_weights([rng.uniform(-0.5, 0.5, w.shape).astype(w.dtype) for w in model.get_weights()[:]])
    return model


def inputs(name: str) -> Any:
    rng = np.random.default_rng(2)
    if name == "transformer":
        return rng.integers(0, 11, (4, 5)).astype("int32")
    x = rng.normal(size=(4, 6, 4)).astype("float32")
    if name == "gated":
        return x
    x[0, 2] = x[1, 4] = -1.0
    return [x, rng.normal(size=(4, 3, 5)).astype("float32")]


@pytest.mark.parametrize("name", MODELS)
def test_models_both_ways(keras: Any, name: str, tmp_path: Path) -> None:
    given = {"doubled": doubled}
    model, data = filled(MODELS[name](kgc)), inputs(name)
    model.save(tmp_path / "ours.keras")
    theirs = keras.models.load_model(tmp_path / "ours.keras", custom_objects=given)
    wanted = model.predict(data, verbose=0)
    np.testing.assert_allclose(theirs.predict(data, verbose=0), wanted, rtol=1e-5, atol=1e-6)
    theirs.save(tmp_path / "theirs.keras")
    again = kgc.models.load_model(tmp_path / "theirs.keras", custom_objects=given)
    np.testing.assert_allclose(again.predict(data, verbose=0), wanted, rtol=1e-6, atol=1e-6)
    # Weights alone.
    theirs.save_weights(tmp_path / "theirs.weights.h5")
    fresh = MODELS[name](kgc)
    fresh.load_weights(tmp_path / "theirs.weights.h5")
    for a, b in zip(fresh.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", MODELS)
def test_configs_are_those_of_keras(keras: Any, name: str) -> None:
    found = []
    for k in (kgc, keras):
        k.utils.clear_session()
        found.append(
            [plain(json.loads(json.dumps(k.saving.serialize_keras_object(layer)))) for layer in MODELS[name](k).layers]
        )
    assert list(differences(*found)) == []


def test_a_lambda_of_keras_is_refused(keras: Any, tmp_path: Path) -> None:
    x = keras.Input((3,))
    keras.Model(x, keras.layers.Lambda(lambda t: t + 1)(x)).save(tmp_path / "m.keras")
    with pytest.raises(kgc.compiler.errors.FileFormatError, match="marshalled code of a lambda"):
        kgc.models.load_model(tmp_path / "m.keras")
