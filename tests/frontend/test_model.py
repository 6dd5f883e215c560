"""Models that users write as classes: `build` from shapes makes their weights without data."""

from __future__ import annotations

import numpy as np
import pytest

import kgc
from kgc import layers
from kgc.compiler.errors import ArgumentError


class Net(kgc.Model):
    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(4, name="dense")

    def call(self, inputs):
        return self.dense(inputs["a"] + inputs["b"] if isinstance(inputs, dict) else inputs)


def test_build_makes_the_weights():
    model = Net()
    model.build((None, 8))
    assert model.built and model.count_params() == 36 and model.output_shape == (None, 4)
    lines = []
    model.summary(print_fn=lambda text, **_: lines.append(text))
    assert "Total params: 36" in "\n".join(lines)
    model.compile("sgd", "mse")
    model.fit(np.ones((2, 8)), np.ones((2, 4)), verbose=0)


def test_build_takes_shapes_by_name():
    model = Net()
    model.build({"a": (None, 8), "b": (None, 8)})
    assert model.input_names == ["a", "b"] and model.count_params() == 36


def test_build_inside_another_model():
    class Outer(kgc.Model):
        def __init__(self):
            super().__init__()
            self.net = Net()

        def build(self, input_shape):
            self.net.build(input_shape)
            super().build(input_shape)

        def call(self, inputs):
            return self.net(inputs)

    called, built = Outer(), Outer()
    called(np.ones((2, 8), np.float32))
    built.build((None, 8))
    assert called.count_params() == built.count_params() == 36
    assert len(built.weights) == 2


def test_build_needs_a_shape():
    with pytest.raises(ArgumentError, match="is built for a shape"):
        Net().build()
