"""State of a LossScaleOptimizer in files, to Keras and back."""

from __future__ import annotations

import numpy as np
import pytest

import kgc

X, Y = np.random.default_rng(0).random((16, 3)), np.random.default_rng(1).random((16, 1))


@pytest.mark.keras
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_files_of_keras_and_ours(tmp_path, keras):
    """Under the dtype policy, without which Keras too makes another optimizer when it loads."""
    for library in (keras, kgc):
        library.config.set_dtype_policy("mixed_float16")
    try:
        x = keras.Input((3,))
        theirs = keras.Model(x, keras.layers.Dense(1, dtype="float32")(keras.layers.Dense(4, activation="tanh")(x)))
        theirs.compile("adam", "mse")
        theirs.fit(X, Y, verbose=0)
        theirs.save(tmp_path / "theirs.keras")
        ours = kgc.models.load_model(tmp_path / "theirs.keras")
        for one, other in zip(theirs.optimizer.variables, ours.optimizer.variables, strict=True):
            np.testing.assert_allclose(np.asarray(one.value), other.numpy(), rtol=1e-6)
        ours.fit(X, Y, verbose=0)
        ours.save(tmp_path / "ours.keras")
        back = keras.models.load_model(tmp_path / "ours.keras")
    finally:
        for library in (keras, kgc):
            library.config.set_dtype_policy("float32")
    for one, other in zip(back.optimizer.variables, ours.optimizer.variables, strict=True):
        np.testing.assert_allclose(np.asarray(one.value), other.numpy(), rtol=1e-6)
