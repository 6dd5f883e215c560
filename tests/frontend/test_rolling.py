"""`compile(roll=…)`: a rolled model is the same model, only its programs are others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import optax
import pytest

import kgc
from kgc import layers, optimizers
from kgc.compiler.errors import ArgumentError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(24, 6)).astype("float32")
Y = RNG.normal(size=(24, 2)).astype("float32")


def blocks(count: int = 4, *, norm: bool = False, drop: bool = False, **dense: Any) -> kgc.Model:
    """Residual blocks of two dense layers; the same weights at each call."""
    kgc.utils.set_random_seed(5)
    x = y = kgc.Input((6,))
    for i in range(count):
        h = layers.Dense(8, activation="tanh", name=f"in{i}", **dense)(y)
        if norm:
            h = layers.BatchNormalization(name=f"bn{i}")(h)
        if drop:
            h = layers.Dropout(0.3, name=f"drop{i}")(h)
        y = layers.add([y, layers.Dense(6, name=f"out{i}")(h)], name=f"add{i}")
    return kgc.Model(x, layers.Dense(2, name="head")(y))


def trained(
    model: kgc.Model, roll: str, optimizer: Any = None, epochs: int = 5, **kwargs: Any
) -> dict[str, list[float]]:
    model.compile(optimizer or optimizers.SGD(0.02, momentum=0.9), "mse", roll=roll, **kwargs)
    kgc.utils.set_random_seed(9)
    return model.fit(X, Y, epochs=epochs, batch_size=12, verbose=0, shuffle=False).history


def loops(model: kgc.Model, what: str = "train") -> bool:
    return any("blocks of" in note and "not rolled" not in note for note in model.decisions()[what])


def same(a: kgc.Model, b: kgc.Model, tolerance: float = 2e-5) -> None:
    assert [v.path for v in a.weights] == [v.path for v in b.weights]
    for mine, other in zip(a.get_weights(), b.get_weights(), strict=True):
        np.testing.assert_allclose(mine, other, atol=tolerance)


KINDS: dict[str, dict[str, Any]] = {
    "plain": {},
    "normalized, dropped, regularized": {"norm": True, "drop": True, "kernel_regularizer": "l2"},
}


@pytest.mark.parametrize("kind", KINDS)
def test_ten_steps_are_the_same(kind: str) -> None:
    a, b = blocks(**KINDS[kind]), blocks(**KINDS[kind])
    ours, theirs = trained(a, "always"), trained(b, "never")
    assert loops(a) and not loops(b)
    np.testing.assert_allclose(ours["loss"], theirs["loss"], rtol=2e-5)
    same(a, b)
    np.testing.assert_allclose(a.predict(X, verbose=0), b.predict(X, verbose=0), atol=2e-5)
    np.testing.assert_allclose(a.evaluate(X, Y, verbose=0), b.evaluate(X, Y, verbose=0), rtol=2e-5)
    assert loops(a, "test") and loops(a, "predict")


OPTIMIZERS: dict[str, Any] = {
    "adam, amsgrad, averages": lambda: optimizers.Adam(1e-3, amsgrad=True, use_ema=True),
    "rmsprop, centered": lambda: optimizers.RMSprop(1e-3, centered=True, momentum=0.5),
    "accumulating, clipped": lambda: optimizers.SGD(0.01, gradient_accumulation_steps=2, global_clipnorm=0.5),
    "scaled": lambda: optimizers.LossScaleOptimizer(optimizers.SGD(0.01, momentum=0.5), initial_scale=8.0),
    "schedule, decay": lambda: optimizers.Adagrad(
        optimizers.schedules.ExponentialDecay(0.01, 3, 0.5), weight_decay=0.01
    ),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers(name: str) -> None:
    a, b = blocks(), blocks()
    trained(a, "always", OPTIMIZERS[name](), 2)
    trained(b, "never", OPTIMIZERS[name](), 2)
    assert loops(a)
    same(a, b)
    assert [v.path.split("/")[1:] for v in a.optimizer.variables] == [
        v.path.split("/")[1:] for v in b.optimizer.variables
    ]
    for mine, other in zip(a.optimizer.variables, b.optimizer.variables, strict=True):
        np.testing.assert_allclose(mine.numpy(), other.numpy(), atol=2e-5)


def test_weight_decay_of_some() -> None:
    def decaying() -> Any:
        made = optimizers.SGD(0.02, weight_decay=0.5)
        made.exclude_from_weight_decay(var_names=["bias"])
        return made

    a, b = blocks(), blocks()
    trained(a, "always", decaying(), 2)
    trained(b, "never", decaying(), 2)
    assert loops(a)
    same(a, b)


@pytest.mark.parametrize(
    ("optimizer", "reason"),
    [(lambda: optimizers.Adam(clipnorm=1.0), "clipnorm"), (lambda: optax.sgd(1e-3), "optax")],
)
def test_optimizers_that_look_at_whole_variables(optimizer: Any, reason: str) -> None:
    a, b = blocks(), blocks()
    trained(a, "always", optimizer(), 1)
    trained(b, "never", optimizer(), 1)
    assert reason in a.decisions()["train"][0]
    same(a, b, 0)


def test_constraints_keep_their_weights_out_of_stacks() -> None:
    a, b = blocks(kernel_constraint="max_norm"), blocks(kernel_constraint="max_norm")
    trained(a, "always", epochs=2)
    trained(b, "never", epochs=2)
    assert not loops(a)
    same(a, b)


def test_frozen_blocks_are_a_loop_of_their_own() -> None:
    models = blocks(6), blocks(6)
    for model, roll in zip(models, ("always", "never"), strict=True):
        for i in range(3):
            model.get_layer(f"in{i}").trainable = model.get_layer(f"out{i}").trainable = False
        before = model.get_layer("in1").get_weights()
        trained(model, roll, epochs=2)
        np.testing.assert_array_equal(before[0], model.get_layer("in1").get_weights()[0])
    assert sum("3 blocks" in note for note in models[0].decisions()["train"]) == 2
    for model, roll in zip(models, ("always", "never"), strict=True):  # thawed, the two stacks become one
        for layer in model.layers:
            layer.trainable = True
        trained(model, roll, epochs=2)
    assert any("6 blocks" in note for note in models[0].decisions()["train"])
    same(*models)


def test_two_models_over_one_set_of_layers() -> None:
    def two(roll: str) -> list[kgc.Model]:
        whole = blocks(6)
        part = kgc.Model(whole.inputs, layers.Dense(2, name="other")(whole.get_layer("add3").output))
        plain = kgc.Model(whole.inputs, whole.get_layer("head").output)
        for model, how in ((whole, roll), (part, roll), (plain, "never")):
            model.compile(optimizers.SGD(0.01, momentum=0.9), "mse", roll=how)
        for _ in range(2):
            for model in (part, whole, plain):
                model.fit(X, Y, epochs=1, batch_size=12, verbose=0, shuffle=False)
        return [whole, part, plain]

    ours, theirs = two("always"), two("never")
    assert [loops(model) for model in ours] == [True, True, False]
    for a, b in zip(ours, theirs, strict=True):
        same(a, b)
    np.testing.assert_array_equal(ours[0].get_layer("in2").get_weights()[0], ours[2].get_layer("in2").get_weights()[0])


def chain(dense: list[Any], head: Any) -> kgc.Model:
    """Residual layers, one after the other."""
    x = y = kgc.Input((6,))
    for layer in dense:
        y = layers.add([y, layer(y)])
    return kgc.Model(x, head(y))


def test_models_that_take_layers_in_another_order_train_in_turn() -> None:
    results: list[list[np.ndarray]] = []
    for roll in ("always", "never"):
        kgc.utils.set_random_seed(5)
        dense, head = [layers.Dense(6, activation="tanh") for _ in range(4)], layers.Dense(2)
        forward, plain, backward = chain(dense, head), chain(dense, head), chain(dense[::-1], head)
        for model, rolls in ((forward, roll), (plain, "never"), (backward, roll)):
            model.compile(optimizers.SGD(0.02), "mse", roll=rolls)
        for model in (forward, plain, backward, forward, plain, backward):
            model.fit(X, Y, epochs=1, verbose=0, shuffle=False)
        results.append(forward.get_weights())
        if roll == "always":
            assert loops(backward) and any("another order" in note for note in forward.decisions()["train"])
    for ours, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=2e-5)


def test_calls_see_weights_that_were_stacked_in_another_order() -> None:
    kgc.utils.set_random_seed(5)
    dense, head = [layers.Dense(6, activation="tanh") for _ in range(4)], layers.Dense(2)
    forward, plain, other, backward = (chain(row, head) for row in (dense, dense, dense, dense[::-1]))
    for model, roll in ((forward, "always"), (plain, "never"), (other, "never"), (backward, "always")):
        model.compile(optimizers.SGD(0.02), "mse", roll=roll)
    forward.fit(X, Y, epochs=1, verbose=0)
    plain(X)  # which keeps its program for the next call
    other.fit(X, Y, epochs=1, verbose=0)
    backward.fit(X, Y, epochs=1, verbose=0)
    assert [layer.kernel.index for layer in dense] == [3, 2, 1, 0]
    np.testing.assert_allclose(plain(X), chain(dense, head)(X), atol=1e-5)


def test_export_of_training_leaves_stacks_as_they_are(tmp_path: Path) -> None:
    model = blocks()
    trained(model, "always")
    before = [(variable.slot, variable.index) for variable in model.weights]
    assert any(index is not None for _, index in before)
    model.export(tmp_path / "m.kgc", training=True, platforms=())
    assert [(variable.slot, variable.index) for variable in model.weights] == before


def test_files_hold_the_weights_of_layers(tmp_path: Path) -> None:
    a, b = blocks(), blocks()
    trained(a, "always", optimizers.Adam(1e-3), 2)
    trained(b, "never", optimizers.Adam(1e-3), 2)
    a.save(tmp_path / "a.keras")
    again = kgc.models.load_model(tmp_path / "a.keras")
    same(a, again, 0)
    for mine, other in zip(a.optimizer.variables, again.optimizer.variables, strict=True):
        np.testing.assert_array_equal(mine.numpy(), other.numpy())
    b.save_weights(tmp_path / "b.weights.h5")
    a.load_weights(tmp_path / "b.weights.h5")  # into stacks
    same(a, b, 0)
    for model in (a, again, b):
        model.set_weights(b.get_weights())
    for model, roll in ((a, "always"), (again, "always"), (b, "never")):
        model.compile(optimizers.SGD(0.02), "mse", roll=roll)
        model.fit(X, Y, epochs=2, batch_size=12, verbose=0, shuffle=False)
    same(a, b)
    same(again, b)


def test_weights_stay_what_they_were() -> None:
    model = blocks()
    before = [(v.path, v.shape, v.trainable, id(v)) for v in model.weights]
    lines: list[list[str]] = [[], []]
    model.compile("sgd", "mse")
    model.summary(print_fn=lines[0].append)
    trained(model, "always", epochs=1)
    assert [(v.path, v.shape, v.trainable, id(v)) for v in model.weights] == before
    model.summary(print_fn=lines[1].append)
    tables = ["".join(part).partition("Total params")[0] for part in lines]
    assert tables[0] == tables[1] and "in0" in tables[0]
    one = model.get_layer("in2").kernel
    one.assign(np.ones((6, 8)))
    assert np.all(model.get_layer("in2").get_weights()[0] == 1) and not np.any(
        model.get_layer("in1").kernel.numpy() == 1
    )
    np.testing.assert_allclose(model.predict(X, verbose=0), np.asarray(model(X)), atol=1e-6)


def test_callbacks_may_write_weights_between_steps() -> None:
    class Halve(kgc.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            kernel = self.model.get_layer("out1").kernel
            kernel.assign(kernel.numpy() * 0.5)

    models = blocks(), blocks()
    for model, roll in zip(models, ("always", "never"), strict=True):
        model.compile(optimizers.SGD(0.02), "mse", roll=roll)
        model.fit(X, Y, epochs=2, batch_size=12, verbose=0, shuffle=False, callbacks=[Halve()])
    same(*models)


def test_several_steps_in_one_program() -> None:
    a, b = blocks(), blocks()
    trained(a, "always", steps_per_execution=2)
    trained(b, "never")
    assert loops(a)
    same(a, b)


def test_eager_steps_are_those_of_the_layers() -> None:
    model = blocks()
    trained(model, "always", epochs=1, jit_compile=False)
    assert model.decisions()["train"] == ["roll_loops: never, as told"]


def test_sequential_models_predict_as_their_compile_was_told() -> None:
    def made(**told: Any) -> kgc.Model:
        model = kgc.Sequential([kgc.Input((6,)), *(layers.Dense(6, activation="relu") for _ in range(4))])
        model.compile("sgd", "mse", roll="always", **told)
        model.predict(X, verbose=0)
        return model

    assert not loops(made(run_eagerly=True), "predict")
    model = made()
    assert loops(model, "predict")
    assert all(variable.index is None for variable in model.weights)  # training decides how they are stored


def test_sequential_models_and_subclasses() -> None:
    model = kgc.Sequential([kgc.Input((6,)), *(layers.Dense(6, activation="tanh") for _ in range(5)), layers.Dense(2)])
    assert model.decisions() == {}
    trained(model, "always", epochs=1)
    model.predict(X, verbose=0)
    assert loops(model) and loops(model, "predict")
    with pytest.raises(ArgumentError, match="roll as"):
        model.compile("sgd", "mse", roll=True)


def test_transformer_blocks() -> None:
    def transformer(depth: int = 3) -> kgc.Model:
        x = y = kgc.Input((4, 8))
        for i in range(depth):
            h = layers.LayerNormalization(name=f"norm{i}")(y)
            h = layers.MultiHeadAttention(2, 4, dropout=0.2, name=f"attention{i}")(h, h)
            y = layers.add([y, layers.Dropout(0.2, name=f"drop{i}")(h)])
            h = layers.Dense(16, "relu", name=f"up{i}")(layers.LayerNormalization(name=f"norm{i}b")(y))
            y = layers.add([y, layers.Dropout(0.2, name=f"drop{i}b")(layers.Dense(8, name=f"down{i}")(h))])
        return kgc.Model(x, layers.Dense(2, name="head")(layers.GlobalAveragePooling1D()(y)))

    a, b = transformer(), transformer()
    b.set_weights(a.get_weights())
    x = np.random.default_rng(1).normal(size=(6, 4, 8)).astype("float32")
    for model, roll in ((a, "always"), (b, "never")):
        model.compile(optimizers.SGD(0.05), "mse", roll=roll)
        kgc.utils.set_random_seed(4)
        model.fit(x, np.ones((6, 2), "float32"), epochs=3, batch_size=6, verbose=0, shuffle=False)
    same(a, b)
    np.testing.assert_allclose(a.predict(x, verbose=0), b.predict(x, verbose=0), rtol=1e-5, atol=1e-6)
    for what in ("train", "predict"):
        assert a.decisions()[what][0].startswith("roll_loops: 3 blocks of "), a.decisions()


def test_masks_of_dropout_are_the_same_to_the_bit() -> None:
    def dropping(roll: str) -> list[np.ndarray]:
        x = y = kgc.Input((50,))
        kept = []
        for i in range(4):
            y = layers.Dropout(0.5, name=f"drop{i}")(y)
            kept.append(y)
            y = layers.Dense(50, kernel_initializer="identity", name=f"d{i}")(y)
        model = kgc.Model(x, kept)
        model.compile(roll=roll)
        kgc.utils.set_random_seed(2)
        made = [np.asarray(value) for value in model(np.ones((8, 50), "float32"), training=True)]
        assert loops(model, "call in training") == (roll == "always")
        return made

    for a, b in zip(dropping("always"), dropping("never"), strict=True):
        np.testing.assert_array_equal(a, b)
        assert (a == 0).any() and (a != 0).any()


def test_penalties_that_differ_divide_loops_or_do_not_change_numbers() -> None:
    def penalized() -> kgc.Model:
        x = y = kgc.Input((6,))
        for i in range(8):
            penalty = "l2" if i < 4 else kgc.regularizers.L1(0.1)
            y = layers.Dense(6, "tanh", kernel_regularizer=penalty, name=f"d{i}")(y)
        return kgc.Model(x, layers.Dense(2, name="head")(y))

    a, b = penalized(), penalized()
    b.set_weights(a.get_weights())
    histories = [trained(model, roll) for model, roll in ((a, "always"), (b, "never"))]
    assert loops(a)
    same(a, b)
    np.testing.assert_allclose(histories[0]["loss"], histories[1]["loss"], rtol=1e-5)


def test_layers_frozen_after_they_were_rolled() -> None:
    a, b = blocks(6), blocks(6)
    b.set_weights(a.get_weights())
    for model, roll in ((a, "always"), (b, "never")):
        trained(model, roll, epochs=2)
        for i in (2, 3):
            model.get_layer(f"in{i}").trainable = model.get_layer(f"out{i}").trainable = False
        frozen = model.get_layer("in2").get_weights()
        trained(model, roll, epochs=2)
        np.testing.assert_array_equal(frozen[0], model.get_layer("in2").get_weights()[0])
        for layer in model.layers:
            layer.trainable = True
        trained(model, roll, epochs=2)
        assert not np.array_equal(frozen[0], model.get_layer("in2").get_weights()[0])
    assert loops(a)
    same(a, b)
