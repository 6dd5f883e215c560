"""One store owns every array: models share layers, users hold variables, slots move, and all see the same values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kgc
from kgc import layers
from kgc.runtime.store import STORE


def two_models(seed: int = 0) -> tuple[Any, Any, list[Any]]:
    """Two models over a shared body with heads of their own, and the shared layers."""
    kgc.utils.set_random_seed(seed)
    inputs = kgc.Input((4,))
    shared = [layers.Dense(4, activation="tanh", name=f"shared_{i}") for i in range(3)]
    x = inputs
    for layer in shared:
        x = layer(x)
    first = kgc.Model(inputs, layers.Dense(2, name="head_1")(x))
    second = kgc.Model(inputs, layers.Dense(2, name="head_2")(layers.BatchNormalization(name="norm")(x)))
    return first, second, shared


def test_models_over_the_same_layers_see_each_other_train(data: Any) -> None:
    first, second, shared = two_models()
    first.compile(kgc.optimizers.Adam(0.01), "mse")
    second.compile(kgc.optimizers.SGD(0.01, momentum=0.9), "mse")
    handles = list(shared[0].weights)
    expected = second.predict(data[0], verbose=0)
    for _ in range(2):
        first.fit(*data, verbose=0)
        after = second.predict(data[0], verbose=0)
        assert not np.allclose(after, expected)
        np.testing.assert_allclose(after, np.asarray(second(data[0])), rtol=1e-6)
        before = first.predict(data[0], verbose=0)
        second.fit(*data, verbose=0)
        expected = second.predict(data[0], verbose=0)
        assert not np.allclose(first.predict(data[0], verbose=0), before)
    assert all(a is b for a, b in zip(handles, shared[0].weights, strict=True))
    assert all(any(handle is weight for weight in model.weights) for handle in handles for model in (first, second))
    # The optimizers' states stay apart.
    assert int(first.optimizer.iterations.numpy()) == int(second.optimizer.iterations.numpy()) == 2
    assert len(first.optimizer.variables) == 2 + 2 * 8 and len(second.optimizer.variables) == 2 + 10


def test_a_program_that_keeps_its_arrays_would_be_noticed(data: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, _ = two_models()
    first.compile("sgd", "mse")
    before = second.predict(data[0], verbose=0)
    with monkeypatch.context() as patch:  # a store whose version stands still: programs keep the arrays they have
        now = STORE.version
        patch.setattr(type(STORE), "version", property(lambda self: now, lambda self, value: None), raising=False)
        first.fit(*data, verbose=0)
        with pytest.raises((RuntimeError, ValueError), match="deleted"):
            second.predict(data[0], verbose=0)
    STORE.touch()
    assert not np.array_equal(second.predict(data[0], verbose=0), before)


def test_references_stay_true(data: Any, mlp: Any, tmp_path: Path) -> None:
    model = mlp()
    kernel = model.layers[1].kernel
    handles = list(model.weights)
    model.compile("adam", "mse")

    def check() -> None:
        assert all(a is b for a, b in zip(handles, model.weights, strict=True))
        assert model.layers[1].kernel is kernel
        x = data[0].astype("float64") @ kernel.numpy() + model.layers[1].bias.numpy()
        hidden = kgc.Model(model.inputs, model.layers[1].output)
        np.testing.assert_allclose(hidden.predict(data[0], verbose=0), np.maximum(x, 0), rtol=1e-5, atol=1e-6)

    check()
    start = kernel.numpy()
    model.fit(*data, verbose=0)
    check()
    assert not np.array_equal(kernel.numpy(), start)
    model.evaluate(*data, verbose=0)
    check()
    model.save(tmp_path / "m.keras")
    model.save_weights(tmp_path / "m.weights.h5")
    saved = kernel.numpy()
    model.set_weights([np.zeros(v.shape, "float32") for v in handles])
    check()
    assert not kernel.numpy().any()
    model.load_weights(tmp_path / "m.weights.h5")
    check()
    np.testing.assert_array_equal(kernel.numpy(), saved)
    model.fit(*data, verbose=0)
    check()
    model.train_on_batch(*data)
    check()


def test_an_array_taken_before_fit_stays_readable(data: Any, mlp: Any) -> None:
    model = mlp()
    model.compile("adam", "mse")
    kept: list[tuple[Any, np.ndarray]] = []

    def keep() -> None:
        for variable in (*model.weights, *model.optimizer.variables):
            kept.append((variable.value, variable.numpy()))

    class Keeping(kgc.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            keep()

    keep()
    model.fit(*data, batch_size=4, epochs=2, verbose=0, callbacks=[Keeping()])
    keep()
    model.fit(*data, batch_size=4, verbose=0)
    model.train_on_batch(*data)
    for array, value in kept:
        np.testing.assert_array_equal(np.asarray(array), value)


def test_what_the_user_assigns_stays_the_users(data: Any) -> None:
    import jax.numpy as jnp

    inputs = kgc.Input((4,))
    layer = layers.Dense(2)
    model = kgc.Model(inputs, layer(inputs))
    model.compile("sgd", "mse")
    mine = jnp.ones((4, 2))
    layer.kernel.assign(mine)
    model.fit(*data, batch_size=4, verbose=0)
    assert np.asarray(mine).sum() == 8
    theirs = np.ones((4, 2), "float32")
    layer.kernel.assign(theirs)
    theirs[:] = 5
    assert layer.kernel.numpy().sum() == 8
    model.fit(*data, batch_size=4, verbose=0)
    assert (theirs == 5).all()


class Remember(layers.Layer):
    """Keeps its last input in two variables, and returns one of its weights' array among its outputs."""

    def build(self, input_shape: Any) -> None:
        self.last = self.add_weight((12, 4), "zeros", trainable=False)
        self.again = self.add_weight((12, 4), "zeros", trainable=False)

    def call(self, x: Any) -> Any:
        self.last.assign(x)
        self.again.assign(x)
        return x * 1.0, self.last.value


def test_arrays_that_pass_through_are_not_given_away(data: Any) -> None:
    import jax.numpy as jnp

    inputs = kgc.Input(batch_shape=(12, 4))
    x, last = (layer := Remember())(inputs)
    model = kgc.Model(inputs, [layers.Dense(2)(x), last])
    model.compile("sgd", ["mse", None])
    mine = jnp.asarray(data[0])
    seen = model(mine)[1]
    for _ in range(2):
        model.fit(mine, [data[1], None], batch_size=12, verbose=0, shuffle=False)
    np.testing.assert_array_equal(np.asarray(mine), data[0])
    np.testing.assert_array_equal(np.asarray(seen), data[0])
    np.testing.assert_array_equal(layer.last.numpy(), layer.again.numpy())


def trained(data: Any, when: str) -> list[np.ndarray]:
    """Numbers of two models trained in turn, their shared kernels stacked `when`."""
    first, second, shared = two_models(seed=3)
    handles = [layer.kernel for layer in shared]
    paths, order = [v.path for v in first.weights], list(first.weights)

    def stack_if(now: str) -> None:
        if when == now:
            values = [v.numpy() for v in handles]
            slot = STORE.stack(handles)
            assert all(v.slot is slot for v in handles)
            for v, value in zip(handles, values, strict=True):
                np.testing.assert_array_equal(v.numpy(), value)
                assert v.trainable and v.shape == (4, 4) and v.name == "kernel"

    stack_if("before")
    first.compile(kgc.optimizers.Adam(0.01), "mse")
    stack_if("after compile")
    losses = [*first.fit(*data, verbose=0).history["loss"]]
    stack_if("between")
    second.compile(kgc.optimizers.SGD(0.01, momentum=0.9), "mse")
    losses += [*second.fit(*data, verbose=0).history["loss"], *first.fit(*data, verbose=0).history["loss"]]
    shared[1].trainable = False  # one index of the stack is trained no more
    frozen = handles[1].numpy()
    losses += first.fit(*data, verbose=0).history["loss"]
    np.testing.assert_array_equal(handles[1].numpy(), frozen)
    handles[2].assign(np.full((4, 4), 0.1))
    assert [v.path for v in first.weights] == paths
    assert all(a is b for a, b in zip(order, first.weights, strict=True))
    return [np.array(losses), first.predict(data[0], verbose=0), *first.get_weights(), *second.get_weights()]


def test_stacked_variables_train_as_unstacked_ones(data: Any) -> None:
    plain = trained(data, "never")
    for when in ("before", "after compile", "between"):
        for one, other in zip(trained(data, when), plain, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-7, err_msg=when)


def test_save_and_load_see_stacked_variables(data: Any, tmp_path: Path) -> None:
    first, _, shared = two_models()
    STORE.stack([layer.kernel for layer in shared])
    STORE.stack([layer.bias for layer in shared])
    first.compile("sgd", "mse")
    first.fit(*data, verbose=0)
    first.save(tmp_path / "m.keras")
    expected = first.predict(data[0], verbose=0)
    np.testing.assert_array_equal(kgc.models.load_model(tmp_path / "m.keras").predict(data[0], verbose=0), expected)
    kept = first.get_weights()
    first.set_weights([np.zeros_like(value) for value in kept])
    assert not any(layer.kernel.numpy().any() for layer in shared)
    first.set_weights(kept)
    np.testing.assert_array_equal(first.predict(data[0], verbose=0), expected)


def test_threads_use_a_model_while_it_trains(data: Any, mlp: Any) -> None:
    import threading

    model = mlp()
    model.compile("adam", "mse")
    stop, errors, calls = threading.Event(), [], []

    def use() -> None:
        while not stop.is_set():
            try:
                assert np.isfinite(np.asarray(model(data[0]))).all()
                assert np.isfinite(model.layers[1].kernel.numpy()).all()
                calls.append(1)
            except BaseException as error:
                errors.append(error)
                return

    threads = [threading.Thread(target=use) for _ in range(3)]
    for thread in threads:
        thread.start()
    model.fit(*data, batch_size=2, epochs=20, verbose=0)
    stop.set()
    for thread in threads:
        thread.join()
    assert not errors and len(calls) >= 3
