"""What is random, held to Keras's distributions: which numbers are drawn is ours to choose, how they lie is not.

Seeds are fixed, so a bound either always holds or never; each is six standard deviations wide.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import kgc as keras

ROWS, UNITS = 200, 300


def dropped(x: np.ndarray, *args: Any, **options: Any) -> np.ndarray:
    """Training output of one Dropout."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input(shape=x.shape[1:])
    model = keras.Model(inputs, keras.layers.Dropout(*args, **options)(inputs))
    return np.asarray(model(x, training=True))


def ones(*shape: int) -> np.ndarray:
    return np.ones(shape, "float32")


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.8])
def test_dropout_drops_its_rate_and_scales_the_rest(rate: float) -> None:
    y = dropped(ones(ROWS, UNITS), rate)
    assert set(np.unique(y)) == {np.float32(0), np.float32(1) / np.float32(1 - rate)} or np.allclose(
        np.unique(y), [0, 1 / (1 - rate)], rtol=1e-6
    )
    bound = 6 * np.sqrt(rate * (1 - rate) / y.size)
    assert abs(np.mean(y == 0) - rate) < bound
    # Rows and columns alike: no stripe is dropped together.
    assert np.all(np.abs(np.mean(y == 0, axis=0) - rate) < bound * np.sqrt(ROWS))
    assert np.all(np.abs(np.mean(y == 0, axis=1) - rate) < bound * np.sqrt(UNITS))


def test_dropout_noise_shape_drops_whole_stripes() -> None:
    y = dropped(ones(50, 20, 30), 0.5, noise_shape=(None, 1, 30))
    assert np.all(y == y[:, :1])
    assert abs(np.mean(y == 0) - 0.5) < 6 * 0.5 / np.sqrt(50 * 30)


def test_dropout_keeps_the_mean() -> None:
    y = dropped(ones(ROWS, UNITS) * 3, 0.4)
    assert abs(np.mean(y) - 3) < 6 * 3 * np.sqrt(0.4 / 0.6 / y.size)


def test_dropout_calls_differ_and_seeds_repeat() -> None:
    x = ones(ROWS, UNITS)
    inputs = keras.Input(shape=(UNITS,))
    model = keras.Model(inputs, keras.layers.Dropout(0.5)(inputs))
    first, second = np.asarray(model(x, training=True)), np.asarray(model(x, training=True))
    assert abs(np.mean(first == second) - 0.5) < 6 * 0.5 / np.sqrt(x.size)
    assert np.array_equal(dropped(x, 0.5), dropped(x, 0.5))
    assert np.array_equal(dropped(x, 0.5, seed=3), dropped(x, 0.5, seed=3))
    assert not np.array_equal(dropped(x, 0.5, seed=3), dropped(x, 0.5, seed=4))


def test_two_dropouts_of_one_model_are_independent() -> None:
    x = ones(ROWS, UNITS)
    inputs = keras.Input(shape=(UNITS,))
    layers = keras.layers
    model = keras.Model(inputs, [layers.Dropout(0.5)(inputs), layers.Dropout(0.5)(inputs)])
    first, second = (np.asarray(y) for y in model(x, training=True))
    assert abs(np.mean(first == second) - 0.5) < 6 * 0.5 / np.sqrt(x.size)


def test_dropout_gradient_carries_the_same_mask() -> None:
    """What the forward pass dropped gets no gradient, the rest the scale: y = drop(x * w), loss = sum(y)."""
    from_ones = keras.Input(shape=(UNITS,))

    class Scale(keras.layers.Layer):
        def build(self, input_shape: Any) -> None:
            self.w = self.add_weight(shape=(UNITS,), initializer="zeros", name="w")

        def call(self, x: Any) -> Any:
            return x * keras.ops.reshape(self.w, (1, UNITS))

    scale = Scale()
    model = keras.Model(from_ones, keras.layers.Dropout(0.25)(scale(from_ones)))
    model.compile(optimizer=keras.optimizers.SGD(learning_rate=1.0), loss=lambda y_true, y_pred: keras.ops.sum(y_pred))
    model.fit(ones(1, UNITS), ones(1, UNITS), verbose=0)
    gradient = -scale.w.numpy()
    np.testing.assert_allclose(np.unique(gradient), [0, 4 / 3], rtol=1e-6)
    assert abs(np.mean(gradient == 0) - 0.25) < 6 * np.sqrt(0.25 * 0.75 / UNITS)


# Name -> variance as a function of fans, and the farthest a number may lie in standard deviations.
TRUNCATED = 2 / 0.87962566103423978
INITIALIZERS: dict[str, tuple[Any, float]] = {
    "glorot_uniform": (lambda fan_in, fan_out: 2 / (fan_in + fan_out), np.sqrt(3)),
    "glorot_normal": (lambda fan_in, fan_out: 2 / (fan_in + fan_out), TRUNCATED),
    "he_uniform": (lambda fan_in, fan_out: 2 / fan_in, np.sqrt(3)),
    "he_normal": (lambda fan_in, fan_out: 2 / fan_in, TRUNCATED),
    "lecun_uniform": (lambda fan_in, fan_out: 1 / fan_in, np.sqrt(3)),
    "lecun_normal": (lambda fan_in, fan_out: 1 / fan_in, TRUNCATED),
    "random_uniform": (lambda fan_in, fan_out: 0.05**2 / 3, np.sqrt(3)),
    "random_normal": (lambda fan_in, fan_out: 0.05**2, np.inf),
}


def kernel(layer: Any, *shape: int) -> np.ndarray:
    """A fresh layer's kernel."""
    keras.utils.set_random_seed(0)
    layer(keras.Input(shape=shape))
    return layer.kernel.numpy()


def check(values: np.ndarray, variance: float, reach: float) -> None:
    """Mean zero, the given variance, and nothing farther than `reach` standard deviations."""
    deviation = np.sqrt(variance)
    assert abs(values.mean()) < 6 * deviation / np.sqrt(values.size)
    # The variance of a sample variance is at most 2 sigma^4 / n for these (flat or normal) shapes.
    assert abs(values.var() / variance - 1) < 6 * np.sqrt(2 / values.size)
    assert np.abs(values).max() <= reach * deviation * (1 + 1e-6)
    assert np.isinf(reach) or np.abs(values).max() > 0.95 * reach * deviation


@pytest.mark.parametrize("name", INITIALIZERS)
def test_dense_kernels(name: str) -> None:
    variance, reach = INITIALIZERS[name]
    values = kernel(keras.layers.Dense(120, kernel_initializer=name), 250)
    check(values, variance(250, 120), float(reach))


@pytest.mark.parametrize("name", ["glorot_uniform", "he_normal"])
def test_conv_kernels_count_the_window_in_both_fans(name: str) -> None:
    variance, reach = INITIALIZERS[name]
    values = kernel(keras.layers.Conv2D(40, (3, 5), kernel_initializer=name), 8, 8, 50)
    check(values, variance(15 * 50, 15 * 40), float(reach))


def test_defaults_are_glorot_uniform_and_zeros() -> None:
    layer = keras.layers.Dense(120)
    check(kernel(layer, 250), 2 / (250 + 120), float(np.sqrt(3)))
    assert not layer.bias.numpy().any()


def test_layers_of_one_shape_start_apart() -> None:
    inputs = keras.Input(shape=(30,))
    first, second = keras.layers.Dense(30), keras.layers.Dense(30)
    second(first(inputs))
    assert not np.array_equal(first.kernel.numpy(), second.kernel.numpy())
    assert abs(np.corrcoef(first.kernel.numpy().ravel(), second.kernel.numpy().ravel())[0, 1]) < 6 / 30


def test_fit_shuffles_every_epoch_anew_and_visits_every_row() -> None:
    """The weight's path betrays the order of rows: one row a step, gradient equal to the row's number."""
    inputs = keras.Input(shape=(1,))

    class Log(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            path.append(float(self.model.get_weights()[0][0, 0]))

    path: list[float] = []
    model = keras.Model(inputs, keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")(inputs))
    model.compile(
        optimizer=keras.optimizers.SGD(learning_rate=1.0), loss=lambda y_true, y_pred: keras.ops.sum(y_true * y_pred)
    )
    keras.utils.set_random_seed(0)
    rows = np.arange(1, 21, dtype="float32")[:, None]
    model.fit(np.ones_like(rows), rows, batch_size=1, epochs=2, callbacks=[Log()], verbose=0)
    order = -np.diff([0.0, *path])
    first, second = order[:20].tolist(), order[20:].tolist()
    assert sorted(first) == sorted(second) == rows.ravel().tolist()
    assert first != rows.ravel().tolist() and first != second
