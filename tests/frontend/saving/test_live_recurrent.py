"""Recurrent layers beside real Keras: files in both directions, configs, paths of weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kgc

pytestmark = [pytest.mark.keras, pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")]

IMAGES = (None, 6, 5, 2)
LAYERS: dict[str, Any] = {
    "lstm": lambda layers: layers.LSTM(3, return_sequences=True),
    "gru": lambda layers: layers.GRU(3, reset_after=False, activation="relu"),
    "simple_rnn": lambda layers: layers.SimpleRNN(3, use_bias=False),
    "bidirectional": lambda layers: layers.Bidirectional(layers.LSTM(3, return_sequences=True), merge_mode="sum"),
    "two_ways": lambda layers: layers.Bidirectional(layers.LSTM(3), backward_layer=layers.GRU(2, go_backwards=True)),
    "stack": lambda layers: layers.RNN([layers.GRUCell(3), layers.LSTMCell(2)]),
    "cell": lambda layers: layers.RNN(layers.LSTMCell(2), return_sequences=True),
    "time_distributed": lambda layers: layers.TimeDistributed(layers.Dense(2)),
    "conv_lstm": lambda layers: layers.ConvLSTM2D(3, 2, return_sequences=True),
}


def model(package: Any, name: str) -> Any:
    package.utils.clear_session()
    inputs = package.Input(IMAGES if name == "conv_lstm" else (None, 4))
    return package.Model(inputs, LAYERS[name](package.layers)(inputs))


@pytest.mark.parametrize("name", LAYERS)
def test_files_configs_and_paths(keras: Any, name: str, tmp_path: Path) -> None:
    ours, theirs = model(kgc, name), model(keras, name)
    assert [v.path for v in ours.weights] == [v.path for v in theirs.weights]
    assert plain(json.loads(ours.to_json())) == plain(json.loads(theirs.to_json()))
    x = np.random.default_rng(0).normal(size=(2, 3, *ours.input.shape[2:])).astype("float32")
    ours.save(tmp_path / "ours.keras")
    theirs.save(tmp_path / "theirs.keras")
    for saved, loaded in (
        (ours, keras.models.load_model(tmp_path / "ours.keras")),
        (theirs, kgc.models.load_model(tmp_path / "theirs.keras")),
    ):
        np.testing.assert_allclose(loaded(x), np.asarray(saved(x)), rtol=1e-5, atol=1e-6)


def plain(value: Any) -> Any:
    """A config without what carries no meaning: shapes that were built for, masks of None."""
    if isinstance(value, dict):
        dropped = ["build_config", "compile_config", *(["mask"] if value.get("mask", 0) is None else [])]
        return {key: plain(item) for key, item in value.items() if key not in dropped}
    return [plain(item) for item in value] if isinstance(value, list) else value
