"""A `call` is Python that runs when a graph is traced: weights are made once, and `training` comes from one order."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import kgc
from kgc import layers, ops
from kgc.compiler.errors import GraphError


class InCall(layers.Layer):
    """Makes its weight in the first call, and counts how often it is traced."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scale: Any = None
        self.traces = 0

    def call(self, x: Any) -> Any:
        self.traces += 1
        if self.scale is None:
            self.scale = self.add_weight((x.shape[-1],), "ones", name="scale")
        return x * self.scale


def test_weights_made_in_call_are_made_once_and_trained(data: Any) -> None:
    inputs = kgc.Input((4,))
    layer = InCall()
    model = kgc.Model(inputs, layers.Dense(2)(layer(layer(inputs))))
    scale = layer.scale
    assert [v.name for v in model.weights] == ["scale", "kernel", "bias"]
    model.compile("sgd", "mse")
    model.fit(*data, verbose=0, epochs=2)
    model.predict(data[0], verbose=0)
    assert layer.scale is scale and layer.weights == [scale]
    assert not np.array_equal(scale.numpy(), np.ones(4))
    traced = InCall()
    traced(np.ones((2, 4), "float32"))
    assert len(traced.weights) == 1


def test_unguarded_weights_in_call_are_refused() -> None:
    class Careless(layers.Layer):
        def call(self, x: Any) -> Any:
            return x * self.add_weight((), "ones")

    inputs = kgc.Input((4,))
    with pytest.raises(GraphError, match="makes a weight in a call after its first"):
        kgc.Model(inputs, Careless()(inputs))


def test_call_runs_by_trace_and_not_by_step(data: Any) -> None:
    inputs = kgc.Input((4,))
    layer = InCall()
    model = kgc.Model(inputs, layers.Dense(2)(layer(inputs)))
    model.compile("sgd", "mse")
    model.fit(*data, batch_size=3, verbose=0)
    count = layer.traces
    model.fit(*data, batch_size=3, epochs=3, verbose=0)
    model.fit(data[0][:5], data[1][:5], batch_size=2, verbose=0)  # other shapes: compiled anew from the same graph
    assert layer.traces == count
    model.predict(data[0], verbose=0)
    model(data[0])
    assert layer.traces <= count + 1


class Everywhere(layers.Layer):
    """Weights of its own and sublayers, in attributes, lists, tuples and dicts."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.first = layers.Dense(2, name="first")
        self.listed = [layers.Dense(2, name="l0"), layers.Dense(2, name="l1")]
        self.named = {"z": layers.Dense(2, name="dz"), "a": layers.Dense(2, name="da")}
        self.nested = [[layers.Dense(2, name="n0")], (layers.Dense(2, name="n1"),)]
        self.own = self.add_weight((1,), "zeros", name="own")

    def build(self, input_shape: Any) -> None:
        self.late = self.add_weight((2,), "zeros", name="late")
        self.state = self.add_weight((2,), "zeros", trainable=False, name="state")
        self.after = layers.Dense(2, name="after")

    def call(self, x: Any) -> Any:
        inner = [self.after, *self.nested[1], *self.nested[0], *self.named.values(), *self.listed, self.first]
        for layer in inner:
            x = layer(x)
        return x + self.late


def test_weights_stand_in_the_order_of_keras() -> None:
    inputs = kgc.Input((2,))
    model = kgc.Model(inputs, Everywhere(name="c")(inputs))
    dense = ["first", "l0", "l1", "dz", "da", "n0", "n1", "after"]  # as real Keras 3.15.1 lists them
    sublayers = [f"c/{name}/{part}" for name in dense for part in ("kernel", "bias")]
    assert [v.path for v in model.weights] == ["c/own", "c/late", "c/state", *sublayers]
    assert [v.path for v in model.trainable_weights] == ["c/own", "c/late", *sublayers]


def test_a_build_that_fails_leaves_no_weights_behind() -> None:
    class Failing(layers.Layer):
        fails = True

        def build(self, input_shape: Any) -> None:
            self.w = self.add_weight((input_shape[-1],), "ones", name="w")
            if self.fails:
                raise RuntimeError("later")

        def call(self, x: Any) -> Any:
            return x * self.w

    layer = Failing()
    with pytest.raises(RuntimeError, match="later"):
        layer(kgc.Input((4,)))
    assert not layer.built
    layer.fails = False
    layer(kgc.Input((4,)))
    assert [v.path for v in layer.weights] == [f"{layer.name}/w"]


# training
class Seeing(layers.Layer):
    """Adds 1 in training."""

    def call(self, x: Any, training: Any = None) -> Any:
        return x + 1.0 if training else x * 1.0


class SeeingFalse(Seeing):
    def call(self, x: Any, training: Any = False) -> Any:
        return x + 1.0 if training else x * 1.0


class SeeingTrue(Seeing):
    def call(self, x: Any, training: Any = True) -> Any:
        return x + 1.0 if training else x * 1.0


class Around(layers.Layer):
    """Calls another layer, and says `training` to it or nothing."""

    def __init__(self, inner: Any, said: Any = None) -> None:
        super().__init__()
        self.inner, self.said = inner, said

    def call(self, x: Any, training: Any = None) -> Any:
        return self.inner(x) if self.said is None else self.inner(x, training=self.said)


def seen(outputs: Any) -> bool:
    return bool(np.asarray(outputs).mean() > 0.5)


ZEROS = np.zeros((2, 1), "float32")


@pytest.mark.parametrize("layer", [Seeing, SeeingFalse, SeeingTrue])
def test_the_phase_stands_before_the_signatures_default(layer: type) -> None:
    inputs = kgc.Input((1,))
    model = kgc.Model(inputs, layer()(inputs))
    model.compile("sgd", "mae")
    default = layer is SeeingTrue
    assert seen(model(ZEROS)) == seen(model(ZEROS)) == seen(layer()(ZEROS)) == default  # nobody says anything
    assert not seen(model.predict(ZEROS, verbose=0)) and not seen(model(ZEROS, training=False))
    assert seen(model(ZEROS, training=True)) and seen(layer()(ZEROS, training=True))
    assert seen(model(ZEROS)) == default
    assert model.evaluate(ZEROS, ZEROS, verbose=0) == 0.0
    inputs = kgc.Input((1,))
    trained = kgc.Model(inputs, layers.Dense(1, kernel_initializer="zeros")(layer()(inputs)) + layer()(inputs))
    trained.compile(kgc.optimizers.SGD(0.0), "mae")
    assert trained.fit(ZEROS, ZEROS, verbose=0).history["loss"] == [1.0]


@pytest.mark.parametrize("layer", [Seeing, SeeingFalse, SeeingTrue])
@pytest.mark.parametrize("said", [True, False])
def test_the_explicit_argument_stands_first(layer: type, said: bool) -> None:
    inputs = kgc.Input((1,))
    pinned = kgc.Model(inputs, layer()(inputs, training=said))
    inside = kgc.Model(inputs, Around(layer(), said)(inputs))
    nested = kgc.Model(inputs, kgc.Model(inputs, layer()(inputs))(inputs, training=said))
    for model in (pinned, inside, nested):
        for outer in (True, False):
            assert seen(model(ZEROS, training=outer)) == said
        assert seen(model.predict(ZEROS, verbose=0)) == seen(model(ZEROS)) == said


@pytest.mark.parametrize("said", [True, False])
def test_the_enclosing_call_stands_before_phase_and_default(said: bool) -> None:
    for layer in (Seeing, SeeingFalse, SeeingTrue):
        inputs = kgc.Input((1,))
        model = kgc.Model(inputs, Around(Around(layer()))(inputs, training=said))
        assert seen(model.predict(ZEROS, verbose=0)) == said
        assert seen(Around(layer())(ZEROS, training=said)) == said


def base() -> Any:
    """A frozen-to-be base with batch norm and dropout."""
    inputs = kgc.Input((4,))
    x = layers.BatchNormalization()(layers.Dense(3)(inputs))
    return kgc.Model(inputs, layers.Dropout(0.5)(x), name="base")


def test_a_pinned_base_stays_in_inference_through_fit(data: Any) -> None:
    """Real Keras 3.15.1 lets `fit` override the argument; here what the user wrote holds."""
    inner = base()
    inner.trainable = False
    inputs = kgc.Input((4,))
    model = kgc.Model(inputs, layers.Dense(2)(inner(inputs, training=False)))
    model.compile("sgd", "mse")
    before = inner.get_weights()
    model.fit(*data, epochs=2, batch_size=4, verbose=0)
    for now, then in zip(inner.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)
    loss = model.evaluate(*data, verbose=0)
    model.reset_metrics()
    assert model.train_on_batch(*data) == pytest.approx(loss, rel=1e-5)
    assert not any(
        "dropout(" in line and "training=False" not in line for line in str(model.train_graph()).splitlines()
    )


def test_an_unpinned_base_moves_its_statistics(data: Any) -> None:
    inner = base()
    inputs = kgc.Input((4,))
    model = kgc.Model(inputs, layers.Dense(2)(inner(inputs)))
    model.compile("sgd", "mse")
    norm = inner.layers[2]
    model.fit(*data, verbose=0)
    assert norm.moving_mean.numpy().any()
    inner.trainable = False  # batch norm that is frozen runs in inference, as in Keras
    moved = norm.moving_mean.numpy()
    model.fit(*data, verbose=0)
    np.testing.assert_array_equal(norm.moving_mean.numpy(), moved)
    inner.trainable = True
    model.fit(*data, verbose=0)
    assert not np.array_equal(norm.moving_mean.numpy(), moved)


def test_a_batch_norm_called_twice_updates_twice() -> None:
    inputs = kgc.Input((1,))
    norm = layers.BatchNormalization(momentum=0.5)
    model = kgc.Model(inputs, norm(norm(inputs) + 3.0))
    model(np.array([[2.0], [4.0]], "float32"), training=True)
    # 0 → 0.5·0 + 0.5·3 = 1.5, then the mean of the second call's input, 3: 0.5·1.5 + 0.5·3.
    np.testing.assert_allclose(norm.moving_mean.numpy(), [2.25], rtol=1e-5)


class Mixes(layers.Layer):
    """Ours and JAX's functions in one `call`, with a weight, state, a loss and a sublayer."""

    def build(self, input_shape: Any) -> None:
        self.w = self.add_weight((input_shape[-1],), "ones", name="w")
        self.seen = self.add_weight((), "zeros", trainable=False, name="seen")
        self.inner = layers.Dense(3, activation="relu")

    def call(self, x: Any) -> Any:
        self.seen.assign_add(1.0)
        y = jnp.cumsum(self.inner(x), axis=-1) * self.w.value[0]
        return jnp.where(y > 1.0, y, ops.tanh(y))


def test_a_call_that_mixes_jax_numpy(data: Any) -> None:
    inputs = kgc.Input((4,))
    layer = Mixes()
    model = kgc.Model(inputs, layers.Dense(2)(layer(inputs)))
    hidden = np.maximum(data[0] @ layer.inner.kernel.numpy(), 0).cumsum(-1)
    expected = np.where(hidden > 1, hidden, np.tanh(hidden))
    np.testing.assert_allclose(np.asarray(layer(data[0])), expected, rtol=1e-5, atol=1e-6)
    start = float(layer.seen.numpy())
    model.compile("sgd", "mse")
    model.fit(*data, batch_size=4, epochs=2, verbose=0)
    assert float(layer.seen.numpy()) == start + 6
    assert not np.array_equal(layer.w.numpy(), np.ones(4)) and "lax.cumsum(" in str(model.graph())
    assert len(layer.weights) == 4
