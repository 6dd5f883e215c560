"""`compile(roll="auto")`: loops where they pay, by the number of steps; what is stored when a program is replaced."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

import kgc
from kgc import layers, optimizers

from .test_rolling import blocks, loops, same, trained


class Stop(kgc.callbacks.Callback):
    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.model.stop_training = True


def wide(width: int = 256, depth: int = 30) -> kgc.Model:
    x = y = kgc.Input((width,))
    for i in range(depth):
        small = [kgc.initializers.RandomNormal(stddev=0.01) for _ in range(2)]
        h = layers.Dense(width, "relu", kernel_initializer=small[0], name=f"in{i}")(y)
        y = layers.add([y, layers.Dense(width, kernel_initializer=small[1], name=f"out{i}")(h)])
    return kgc.Model(x, layers.Dense(1, name="head")(y))


def test_auto_rolls_deep_models_only() -> None:
    shallow, deep = blocks(3), blocks(32)
    trained(shallow, "auto", epochs=1)
    trained(deep, "auto", epochs=1)
    assert not loops(shallow) and loops(deep)
    (note,) = deep.decisions()["train"]
    assert note.startswith("roll_loops: 32 blocks of ") and "from in0 to add31: about 0." in note
    assert "s less to compile, " in note and note.endswith(" ms less a step")


def test_auto_rolls_for_few_steps_and_not_for_many() -> None:
    x, y = np.ones((2, 256), "float32"), np.ones((2, 1), "float32")
    model = wide()
    model.compile(optimizers.SGD(1e-4), "mse")
    model.fit(x, y, verbose=0)
    assert loops(model) and model.weights[2].index == 0
    assert "ms more a step" in model.decisions()["train"][0]
    before = model.predict(x, verbose=0)
    (step,) = model._steps.values()
    assert 10 < step.lasts < 10_000
    model.fit(x, y, epochs=3, steps_per_epoch=1, verbose=0)
    assert list(model._steps.values()) == [step]
    kept = model.get_weights()
    # Many steps: the program without loops is worth its compilation.  The stacks are taken apart.
    model.fit(x, y, epochs=round(step.lasts) + 1, verbose=0, callbacks=[Stop()])
    assert not loops(model) and model.weights[2].index is None
    assert model.decisions()["train"][0].startswith("roll_loops: not rolled: 30 blocks of ")
    other = wide()
    other.set_weights(kept)
    other.compile(optimizers.SGD(1e-4), "mse", roll="never")
    other.fit(x, y, verbose=0)
    same(model, other)
    assert not np.array_equal(before, model.predict(x, verbose=0))
    np.testing.assert_allclose(model.predict(x, verbose=0), other.predict(x, verbose=0), rtol=1e-4)
    # Another model's loop over the same layers stacks them again, and both go on.
    third = kgc.Model(model.input, model.output)
    third.compile(optimizers.SGD(1e-4), "mse", roll="always")
    for one in (third, model, third, model):
        one.fit(x, y, verbose=0)
        other.fit(x, y, verbose=0)
    assert model.weights[2].index == 0
    same(model, other, 1e-4)


def test_auto_trains_convolutions_unrolled_on_the_cpu() -> None:
    x = y = kgc.Input((4, 4, 2))
    for _ in range(60):
        y = layers.Conv2D(2, 3, padding="same", activation="relu")(y)
    model = kgc.Model(x, layers.Dense(1)(layers.Flatten()(y)))
    model.compile("sgd", "mse")
    step = model.train_program()
    assert any("convolutions" in note for note in step.decisions) == (jax.default_backend() == "cpu")
    assert model.decisions()["train"] == step.decisions
    assert model.program(False).decisions[0].startswith("roll_loops: 60 blocks of 3 nodes")
