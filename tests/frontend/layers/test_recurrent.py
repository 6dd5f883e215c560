"""Recurrent layers: what is kgc's own: unknown sizes, noise, state in training, graphs, cells of users."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import kgc
from kgc import Input, Model, layers, ops
from kgc.compiler.errors import ShapeError

X = np.random.default_rng(0).normal(size=(3, 6, 4)).astype("float32")
MASK = np.random.default_rng(1).random((3, 6)) < 0.6


def triple(x: Any) -> Any:
    """No activation that the op has by name."""
    return ops.tanh(x) * 3.0


class Own(layers.Layer):
    """A cell that mixes in what `mode` says."""

    def __init__(self, units: int, mode: str = "", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.state_size = self.output_size = units
        self.units, self.mode = units, mode
        self.drop = layers.Dropout(0.5)

    def build(self, input_shape: Any) -> None:
        self.kernel = self.add_weight(shape=(input_shape[-1], self.units), name="kernel")
        if self.mode == "counts":
            self.count = self.add_weight(shape=(), initializer="zeros", trainable=False, name="count")

    def call(self, inputs: Any, states: Any, training: bool = False) -> Any:
        y = ops.matmul(inputs, self.kernel)
        y = jnp.tanh(y + states[0]) if self.mode == "jnp" else ops.tanh(y + states[0])
        if self.mode == "drops":
            y = self.drop(y)
        if self.mode == "counts":
            self.count.assign_add(1.0)
        if self.mode == "loses":
            self.add_loss(ops.sum(y))
        if self.mode == "grows":
            return y, [ops.concatenate([y, y], -1)]
        if self.mode == "forgets":
            return y
        return y, [y]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units, "mode": self.mode}


def model_of(layer: Any, *shape: int | None) -> Model:
    inputs = Input(shape or (None, 4))
    return Model(inputs, layer(inputs))


@pytest.mark.parametrize("kind", ["SimpleRNN", "GRU", "LSTM"])
@pytest.mark.parametrize("mode", ["", "mask", "backwards", "noise"])
def test_an_activation_without_a_name_gives_the_same_numbers(kind: str, mode: str) -> None:
    """The op, and the loop around the cell's own `call`."""
    options: dict[str, Any] = {"return_sequences": True, "go_backwards": mode == "backwards"}
    if mode == "noise":
        options |= {"dropout": 0.3, "recurrent_dropout": 0.4, "seed": 3}
    by_op = getattr(layers, kind)(2, **options)
    by_loop = getattr(layers, kind)(2, activation=lambda x: ops.tanh(x), **options)
    given: dict[str, Any] = {"training": True} if mode == "noise" else {}
    given |= {"mask": MASK} if mode == "mask" else {}
    wanted = by_op(X, **given)
    by_loop.build(X.shape)
    by_loop.set_weights(by_op.get_weights())
    if mode != "noise":
        np.testing.assert_allclose(by_loop(X, **given), wanted, rtol=1e-5, atol=1e-6)
    else:  # seeds make both draw the same, in the first call of a process-wide count each
        assert np.asarray(by_loop(X, **given)).shape == wanted.shape
    assert "scan" in str(model_of(by_loop).graph()) and "scan" not in str(model_of(by_op).graph())


def test_an_lstm_is_one_op() -> None:
    inputs = Input((None, 4), name="x")
    model = Model(inputs, layers.LSTM(2, name="l")(inputs), name="net")
    assert str(model.graph()).split("\n")[1:-1] == [
        "  param %l.lstm_cell.kernel: f32[4, 8]",
        "  param %l.lstm_cell.recurrent_kernel: f32[2, 8]",
        "  param %l.lstm_cell.bias: f32[8]",
        "  %0: f32[b, 2] = full(shape=(b, 2), fill_value=0)",
        "  %1: f32[b, 2] = full(shape=(b, 2), fill_value=0)",
        "  %2: f32[b, 2], %3: f32[b, 2], %4: f32[b, 2] = lstm(%x, %l.lstm_cell.kernel, %l.lstm_cell.recurrent_kernel, "
        "%l.lstm_cell.bias, %0, %1, return_sequences=False)",
        "  return %2",
    ]


def test_unknown_time_and_batch() -> None:
    model = model_of(layers.Bidirectional(layers.GRU(3, return_sequences=True)))
    assert model.output.shape == (None, None, 6)
    whole = np.asarray(model(X))
    np.testing.assert_allclose(model(X[:2])[:, :, :3], whole[:2, :, :3], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(model(X[:, :4])[:, :, :3], whole[:, :4, :3], rtol=1e-5, atol=1e-6)


def test_a_cell_of_the_users_own_becomes_a_region() -> None:
    model = model_of(layers.RNN(Own(2, name="own"), return_sequences=True, name="r"))
    text = str(model.graph())
    assert "scan(body=@body, init=[%0], xs=[%1], invariants=[%r.own.kernel])" in text
    kernel = model.get_weights()[0]
    h, outputs = np.zeros((3, 2), "float32"), []
    for t in range(6):
        h = np.tanh(X[:, t] @ kernel + h)
        outputs.append(h)
    np.testing.assert_allclose(model(X), np.stack(outputs, 1), rtol=1e-5, atol=1e-6)


def test_a_cell_may_use_jax_numpy() -> None:
    plain, mixed = (model_of(layers.RNN(Own(2, mode), return_state=True)) for mode in ("", "jnp"))
    mixed.set_weights(plain.get_weights())
    for left, right in zip(plain(X), mixed(X), strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-6)


def test_a_loop_inside_a_call_that_jax_traces() -> None:
    class Around(layers.Layer):
        def __init__(self, mode: str) -> None:
            super().__init__()
            self.rnn = layers.RNN(Own(2, mode), return_sequences=True)
            self.lstm = layers.LSTM(2)

        def call(self, x: Any, training: bool = False) -> Any:
            return self.lstm(jnp.flip(self.rnn(jnp.sin(x)), 1))

    around = Around("")
    y = np.asarray(around(X))
    wanted = around.lstm(np.flip(np.asarray(around.rnn(np.sin(X))), 1))
    np.testing.assert_allclose(y, wanted, rtol=1e-5, atol=1e-6)
    dropping = Around("drops")
    assert not np.allclose(dropping(X, training=True), dropping(X, training=True))


def test_draws_differ_in_every_step_and_call() -> None:
    layer = layers.RNN(Own(50, "drops"), return_sequences=True)
    one, two = (np.asarray(layer(np.ones((1, 8, 4), "float32"), training=True))[0] == 0 for _ in range(2))
    assert not np.array_equal(one, two)
    assert all(not np.array_equal(one[0], step) for step in one[1:])


@pytest.mark.parametrize("kind", ["SimpleRNN", "GRU", "LSTM"])
@pytest.mark.parametrize("implementation", [1, 2])
def test_dropout_drops_the_same_in_every_step(kind: str, implementation: int) -> None:
    """With a kernel of ones and no memory, what is dropped shows in each output."""
    options = {} if kind == "SimpleRNN" else {"implementation": implementation}
    layer = getattr(layers, kind)(1, dropout=0.5, return_sequences=True, use_bias=False, activation="linear", **options)
    x = np.ones((200, 4, 1), "float32")
    layer.build(x.shape)
    kernel, recurrent = layer.get_weights()
    layer.set_weights([np.ones_like(kernel), np.zeros_like(recurrent)])
    y = np.asarray(layer(x, training=True))
    if kind == "SimpleRNN":
        assert set(np.unique(y)) == {0.0, 2.0}
        assert 60 < (y[:, 0] == 0).sum() < 140
    if kind != "GRU":
        assert np.all((y == 0) == (y[:, :1] == 0))
    values = len(np.unique(y[:, 0].round(5)))
    assert values == 2 if implementation == 2 or kind == "SimpleRNN" else values > 2


def test_recurrent_dropout_acts_in_training_alone() -> None:
    layer = layers.LSTM(3, recurrent_dropout=0.5)
    np.testing.assert_array_equal(layer(X), layer(X))
    assert not np.allclose(layer(X, training=True), layer(X))
    model = model_of(layer)
    model.compile(loss="mse", optimizer="sgd")
    model.fit(X, np.zeros((3, 3)), verbose=0)


def test_state_lasts_over_batches_of_fit_and_predict() -> None:
    """Where Keras on JAX loses it between batches."""
    inputs = Input(batch_shape=(3, 2, 4))
    layer = layers.GRU(2, stateful=True, return_sequences=True)
    model = Model(inputs, layer(inputs))
    whole = layers.GRU(2, return_sequences=True)
    whole.build(X.shape)
    whole.set_weights(layer.get_weights())
    wanted = np.asarray(whole(X))
    got = [model.predict(X[:, start : start + 2], batch_size=3, verbose=0) for start in (0, 2, 4)]
    np.testing.assert_allclose(np.concatenate(got, 1), wanted, rtol=1e-5, atol=1e-6)
    assert len(model.get_weights()) == 3
    layer.reset_state()
    assert not layer.states[0].numpy().any()
    model.compile(loss="mse", optimizer=kgc.optimizers.SGD(0.0))
    model.fit(np.concatenate([X[:, :2], X[:, 2:4]]), np.zeros((6, 2, 2)), batch_size=3, shuffle=False, verbose=0)
    np.testing.assert_allclose(layer.states[0].numpy(), wanted[:, 3], rtol=1e-5, atol=1e-6)


def test_a_fixed_initial_state_of_another_batch_name_is_unified() -> None:
    x, h = Input((None, 4)), Input((2,))
    model = Model([x, h], layers.RNN(Own(2))(x, initial_state=h))
    assert model([X, np.ones((3, 2), "float32")]).shape == (3, 2)
    with pytest.raises(ShapeError):
        model([X, np.ones((2, 2), "float32")])


def test_masks_pass_through_sequences() -> None:
    ids = Input((None,), dtype="int32")
    x = layers.Embedding(5, 4, mask_zero=True)(ids)
    assert layers.LSTM(2, return_sequences=True)(x)._keras_mask is not None
    assert layers.LSTM(2)(x)._keras_mask is None
    assert layers.Bidirectional(layers.LSTM(2, return_sequences=True))(x)._keras_mask is not None
    assert layers.TimeDistributed(layers.Dense(2))(x)._keras_mask is not None
    sequence, state = layers.GRU(2, return_sequences=True, return_state=True)(x)
    assert sequence._keras_mask is not None and state._keras_mask is None


def test_padding_that_is_masked_changes_nothing() -> None:
    layer = layers.Bidirectional(layers.LSTM(3))
    mask = np.arange(6)[None] < np.array([[2], [6], [4]])
    y = np.asarray(layer(X, mask=mask))
    for row, length in enumerate((2, 6, 4)):
        np.testing.assert_allclose(y[row], layer(X[row : row + 1, :length])[0], rtol=1e-5, atol=1e-6)


def test_conv_lstm_masks_and_layouts() -> None:
    x = np.random.default_rng(2).normal(size=(2, 3, 5, 4, 2)).astype("float32")
    last = layers.ConvLSTM2D(3, 2, return_sequences=True, return_state=True)
    first = layers.ConvLSTM2D(3, 2, return_sequences=True, return_state=True, data_format="channels_first")
    wanted = last(x)
    first.build((2, 3, 2, 5, 4))
    first.set_weights(last.get_weights())
    got = first(np.moveaxis(x, -1, 2))
    np.testing.assert_allclose(np.moveaxis(got[0], 2, -1), wanted[0], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(np.moveaxis(got[2], 1, -1), wanted[2], rtol=1e-5, atol=1e-6)
    mask = np.array([[True, False, True], [True, True, False]])
    y = np.asarray(last(x, mask=mask)[0])
    np.testing.assert_array_equal(y[0, 1], y[0, 0])
    np.testing.assert_allclose(y[1, :2], wanted[0][1, :2], rtol=1e-5, atol=1e-6)


def test_conv_lstm_without_a_name_for_its_activation() -> None:
    x = np.random.default_rng(2).normal(size=(2, 3, 5, 4, 2)).astype("float32")
    named = layers.ConvLSTM2D(3, 2, strides=2, padding="same")
    own = layers.ConvLSTM2D(3, 2, strides=2, padding="same", activation=lambda x: ops.tanh(x))
    wanted = named(x)
    own.build(x.shape)
    own.set_weights(named.get_weights())
    np.testing.assert_allclose(own(x), wanted, rtol=1e-5, atol=1e-6)
    assert not np.allclose(layers.ConvLSTM2D(3, 2, dropout=0.5, recurrent_dropout=0.5)(x, training=True), 0)


def test_time_distributed_of_any_length_calls_once() -> None:
    dense = layers.Dense(3)
    model = model_of(layers.TimeDistributed(dense))
    assert str(model.graph()).count("matmul") == 1
    np.testing.assert_allclose(model(X), dense(X), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "make",
    [
        lambda: layers.LSTM(3, dropout=0.1, activation="relu", return_state=True),
        lambda: layers.GRU(3, reset_after=False, unroll=False, seed=4),
        lambda: layers.RNN([layers.GRUCell(3), layers.LSTMCell(2)], go_backwards=True),
        lambda: layers.Bidirectional(layers.SimpleRNN(3), merge_mode="ave"),
        lambda: layers.Bidirectional(layers.LSTM(3), backward_layer=layers.GRU(2, go_backwards=True)),
        lambda: layers.TimeDistributed(layers.Dense(3)),
    ],
)
def test_configs_and_files(make: Any, tmp_path: Any) -> None:
    layer = make()
    again = type(layer).from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    model = model_of(layer)
    model.save(tmp_path / "m.keras")
    loaded = kgc.models.load_model(tmp_path / "m.keras")
    for left, right in zip(np.atleast_1d(model(X)), np.atleast_1d(loaded(X)), strict=True):
        np.testing.assert_array_equal(left, right)


def test_a_bidirectional_of_a_cell_that_is_not_registered() -> None:
    layer = layers.Bidirectional(layers.RNN(Own(2), return_sequences=True))
    assert layer(X).shape == (3, 6, 4)
    assert [v.path for v in layer.weights] == [
        "bidirectional/forward_rnn/own/kernel",
        "bidirectional/backward_rnn/own/kernel",
    ] or len(layer.weights) == 2
