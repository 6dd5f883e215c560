"""The guide's own layers and models as classes: see `test_guide`."""

from __future__ import annotations

import numpy as np
import pytest

import kgc as keras
from kgc import layers, ops


class CustomDense(layers.Layer):
    """The guide's own layer."""

    def __init__(self, units=32):
        super().__init__()
        self.units = units

    def build(self, input_shape):
        self.w = self.add_weight(
            shape=(input_shape[-1], self.units),
            initializer="random_normal",
            trainable=True,
        )
        self.b = self.add_weight(shape=(self.units,), initializer="random_normal", trainable=True)

    def call(self, inputs):
        return ops.matmul(inputs, self.w) + self.b

    def get_config(self):
        return {"units": self.units}


def test_a_layer_of_ones_own_and_its_config() -> None:
    inputs = keras.Input((4,))
    outputs = CustomDense(10)(inputs)
    model = keras.Model(inputs, outputs)
    config = model.get_config()
    new_model = keras.Model.from_config(config, custom_objects={"CustomDense": CustomDense})
    assert new_model.output_shape == (None, 10)
    assert isinstance(new_model.layers[1], CustomDense) and new_model.layers[1].units == 10


def test_the_same_model_as_a_class() -> None:
    inputs = keras.Input(shape=(32,))
    x = layers.Dense(64, activation="relu")(inputs)
    outputs = layers.Dense(10)(x)
    functional = keras.Model(inputs, outputs)

    class MLP(keras.Model):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.dense_1 = layers.Dense(64, activation="relu")
            self.dense_2 = layers.Dense(10)

        def call(self, inputs):
            x = self.dense_1(inputs)
            return self.dense_2(x)

    mlp = MLP()
    _ = mlp(ops.zeros((1, 32)))
    mlp.set_weights(functional.get_weights())
    x = np.random.default_rng(0).random((3, 32), dtype="float32")
    np.testing.assert_allclose(mlp(x), functional(x), rtol=1e-6)


def test_a_layer_with_a_loop_over_time_and_a_model_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    units = 32
    timesteps = 10
    input_dim = 5
    inputs = keras.Input((None, units))
    x = layers.GlobalAveragePooling1D()(inputs)
    outputs = layers.Dense(1)(x)
    model = keras.Model(inputs, outputs)

    class CustomRNN(layers.Layer):
        def __init__(self):
            super().__init__()
            self.units = units
            self.projection_1 = layers.Dense(units=units, activation="tanh")
            self.projection_2 = layers.Dense(units=units, activation="tanh")
            self.classifier = model

        def call(self, inputs):
            outputs = []
            state = ops.zeros(shape=(inputs.shape[0], self.units))
            for t in range(inputs.shape[1]):
                x = inputs[:, t, :]
                h = self.projection_1(x)
                y = h + self.projection_2(state)
                state = y
                outputs.append(y)
            features = ops.stack(outputs, axis=1)
            print(features.shape)
            return self.classifier(features)

    rnn_model = CustomRNN()
    result = rnn_model(ops.zeros((1, timesteps, input_dim)))
    assert "(1, 10, 32)" in capsys.readouterr().out
    assert tuple(result.shape) == (1, 1)


def test_a_layer_with_a_loop_in_a_functional_model() -> None:
    units = 32
    timesteps = 10
    input_dim = 5
    batch_size = 16

    class CustomRNN(layers.Layer):
        def __init__(self):
            super().__init__()
            self.units = units
            self.projection_1 = layers.Dense(units=units, activation="tanh")
            self.projection_2 = layers.Dense(units=units, activation="tanh")
            self.classifier = layers.Dense(1)

        def call(self, inputs):
            outputs = []
            state = ops.zeros(shape=(inputs.shape[0], self.units))
            for t in range(inputs.shape[1]):
                x = inputs[:, t, :]
                h = self.projection_1(x)
                y = h + self.projection_2(state)
                state = y
                outputs.append(y)
            features = ops.stack(outputs, axis=1)
            return self.classifier(features)

    inputs = keras.Input(batch_shape=(batch_size, timesteps, input_dim))
    x = layers.Conv1D(32, 3)(inputs)
    outputs = CustomRNN()(x)
    model = keras.Model(inputs, outputs)
    assert model.output_shape == (batch_size, 8, 1)
    rnn_model = CustomRNN()
    _ = rnn_model(ops.zeros((1, 10, 5)))
    free = keras.Input((timesteps, input_dim))  # kgc needs no fixed batch for this
    assert keras.Model(free, CustomRNN()(free))(np.zeros((3, 10, 5), "float32")).shape == (3, 10, 1)
