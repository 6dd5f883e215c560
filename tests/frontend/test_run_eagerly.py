"""compile(run_eagerly=True) and compile(jit_compile=False): what a user can look at, and that the numbers stay."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import kgc
from kgc import layers, ops

RNG = np.random.default_rng(0)
X, Y = RNG.random((4, 3)).astype("f4"), RNG.random((4, 1)).astype("f4")


def values_of(x):
    """The numbers of a tensor; None while a graph is traced."""
    return np.asarray(x) if isinstance(x, jax.Array) and not isinstance(x, jax.core.Tracer) else None


class Look(layers.Layer):
    """Keeps what its `call` sees on arrays."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.seen = []

    def call(self, x, training=False, mask=None):
        if values_of(x) is not None:
            self.seen.append((values_of(x), training, None if mask is None else values_of(mask)))
        return x


def trained(model, weights, **options):
    """Loss and metric of an epoch, an evaluation, a prediction, and the weights after it."""
    kgc.utils.set_random_seed(1)
    model.set_weights(weights)
    model.compile(kgc.optimizers.SGD(0.1), "mse", metrics=["mae"], **options)
    history = model.fit(X, Y, batch_size=2, verbose=0).history
    metrics = [*history["loss"], *history["mae"], *model.evaluate(X, Y, batch_size=2, verbose=0)]
    return [*metrics, model.predict(X, batch_size=2, verbose=0), *model.get_weights()]


class Mixed(layers.Layer):
    """Noise, state, a loss, a nested layer, `jax.numpy` and `ops`, all in one `call`."""

    def build(self, input_shape):
        self.dense, self.drop = layers.Dense(3, activity_regularizer="l2"), layers.Dropout(0.5)
        self.norm, self.scale = layers.BatchNormalization(), self.add_weight(shape=(), initializer="ones")

    def call(self, x, training=False):
        x = self.drop(self.dense(x), training=training)
        self.add_loss(ops.mean(x) * 0.1)
        return self.norm(jnp.tanh(x) * self.scale, training=training)


def mixed(look=None):
    kgc.utils.set_random_seed(0)
    x = kgc.Input((3,))
    return kgc.Model(x, layers.Dense(1, kernel_regularizer="l2")((look or Look())(Mixed()(x))))


@pytest.mark.parametrize("options", [{"run_eagerly": True}, {"jit_compile": False}], ids=str)
def test_the_numbers_stay(options):
    model = mixed()
    weights = model.get_weights()
    for one, other in zip(trained(model, weights, **options), trained(model, weights), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_call_sees_the_arrays_of_every_step():
    look = Look()
    model = mixed(look)
    weights = model.get_weights()
    trained(model, weights)
    assert look.seen == []
    trained(model, weights, run_eagerly=True)
    assert [(array.shape, training) for array, training, _ in look.seen] == [((2, 3), True)] * 2 + [((2, 3), False)] * 4
    look.seen.clear()
    model.train_on_batch(X[:2], Y[:2])
    model.test_on_batch(X[:2], Y[:2])
    model.predict_on_batch(X[:2])
    assert [training for _, training, _ in look.seen] == [True, False, False]


def test_what_is_seen_is_what_is_computed():
    """Weights, random numbers and state are those of the step: so are the outputs, the loss and the metric."""
    seen = []

    def loss(y_true, y_pred):
        value = ops.mean(ops.square(y_true - y_pred))
        if values_of(value) is not None:
            seen.append(float(value))
        return value

    x = kgc.Input((3,))
    h = layers.BatchNormalization()(layers.Dropout(0.5)(layers.Dropout(0.3, seed=4)(layers.Dense(3)(x))))
    model = kgc.Model(x, layers.Dense(1)(h))
    model.compile("sgd", loss, run_eagerly=True)
    for step in range(4):
        model.reset_metrics()
        assert model.train_on_batch(X, Y) == pytest.approx(seen[-1], rel=1e-5)
        assert len(seen) == step + 1
    assert len(set(seen)) == 4


def test_looking_assigns_nothing():
    model = mixed()
    model.compile("sgd", "mse", run_eagerly=True)
    weights = model.get_weights()
    step = model._train_step
    model._train_step = lambda *types: lambda *given: {}
    model.fit(X, Y, batch_size=2, verbose=0)
    for one, other in zip(model.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(one, other)
    model._train_step = step


def test_masks_are_seen():
    look, after = Look(), Look()
    x = kgc.Input((None,), dtype="int32")
    h = look(layers.Embedding(5, 4, mask_zero=True)(x))
    model = kgc.Model(x, layers.Dense(1)(after(layers.LSTM(3)(h))))
    model.compile("sgd", "mse", run_eagerly=True)
    words = np.array([[1, 2, 0], [3, 0, 0], [1, 1, 1], [2, 2, 0]])
    model.predict_on_batch(words)
    assert look.seen[0][2].tolist() == (words != 0).tolist()
    assert after.seen[0][2] is None


class Cell(layers.Layer):
    """A recurrent cell with noise that keeps what it sees."""

    def __init__(self, units):
        super().__init__()
        self.units = self.state_size = self.output_size = units
        self.seen = []

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1] + self.units, self.units), name="kernel")
        self.drop = layers.Dropout(0.5)

    def call(self, x, states, training=False):
        h = ops.tanh(ops.matmul(ops.concatenate([self.drop(x, training=training), states[0]], -1), self.kernel))
        if values_of(h) is not None:
            self.seen.append(values_of(h))
        return h, [h]


@pytest.mark.parametrize("backwards", [False, True])
def test_a_cell_sees_every_step_of_time(backwards):
    cell, look = Cell(2), Look()
    x = kgc.Input((3, 2))
    model = kgc.Model(x, look(layers.RNN(cell, return_sequences=True, go_backwards=backwards)(x)))
    model.compile("sgd", "mse", run_eagerly=True)
    data = RNG.random((4, 3, 2)).astype("f4")
    weights = model.get_weights()
    kgc.utils.set_random_seed(0)
    found = model.train_on_batch(data, data)
    assert len(cell.seen) == 3
    np.testing.assert_array_equal(np.stack(cell.seen, 1), look.seen[0][0])
    kgc.utils.set_random_seed(0)
    model.set_weights(weights)
    model.compile("sgd", "mse")
    assert model.train_on_batch(data, data) == pytest.approx(found, rel=1e-5)


def test_a_subclassed_model():
    class Own(kgc.Model):
        def __init__(self):
            super().__init__()
            self.first, self.look, self.last = layers.Dense(3), Look(), layers.Dense(1)

        def call(self, x):
            return self.last(self.look(self.first(x)))

    model = Own()
    model.compile("sgd", "mse", run_eagerly=True)
    model.fit(X, Y, batch_size=2, verbose=0)
    assert len(model.look.seen) == 2


def test_an_error_in_call_shows_at_its_line():
    class Fails(layers.Layer):
        def call(self, x):
            if values_of(x) is not None:
                raise KeyError("seen")  # the user's line
            return x

    x = kgc.Input((3,))
    model = kgc.Model(x, Fails()(x))
    model.compile("sgd", "mse", run_eagerly=True)
    with pytest.raises(KeyError, match="seen") as caught:
        model.fit(X, X, verbose=0)
    assert "# the user's line" in str(caught.traceback[-1].statement)
    model.run_eagerly = False
    model.jit_compile = True
    model.fit(X, X, verbose=0)


def test_it_may_be_switched_afterwards():
    look = Look()
    x = kgc.Input((3,))
    model = kgc.Model(x, layers.Dense(1)(look(x)))
    model.compile("sgd", "mse")
    assert (model.run_eagerly, model.jit_compile, model.steps_per_execution) == (False, True, 1)

    class Switch(kgc.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.model.run_eagerly = epoch == 1

    model.fit(X, Y, epochs=3, verbose=0, callbacks=[Switch()])
    assert len(look.seen) == 1


def test_both_at_once():
    model = mixed()
    with pytest.warns(UserWarning, match="compiles no step"):
        model.compile("sgd", "mse", run_eagerly=True, jit_compile=True)
    assert not model.compiles_steps


def test_steps_per_execution_group_what_is_run_one_by_one():
    seen = []

    class Told(kgc.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append(batch)

    look = Look()
    x = kgc.Input((3,))
    model = kgc.Model(x, layers.Dense(1)(look(x)))
    model.compile("sgd", "mse", run_eagerly=True, steps_per_execution=3)
    model.fit(X, Y, batch_size=1, verbose=0, callbacks=[Told()])
    assert seen == [2, 3] and len(look.seen) == 4
