"""Models that begin at the result of a layer, and classes that hand inputs and outputs to `super().__init__`."""

from __future__ import annotations

import numpy as np
import pytest

import kgc
from kgc import layers
from kgc.compiler.errors import ArgumentError, GraphError

X = np.random.default_rng(0).random((3, 4)).astype(np.float32)


def chain():
    inputs = kgc.Input((4,), name="image")
    hidden = layers.Dense(3, name="hidden")(inputs)
    middle = layers.Dense(2, name="middle")(hidden)
    return inputs, hidden, middle, layers.Dense(2, name="head")(middle + 1.0)


def test_the_tail_of_a_model_is_a_model(tmp_path):
    inputs, hidden, _, outputs = chain()
    whole, body, tail = kgc.Model(inputs, outputs), kgc.Model(inputs, hidden), kgc.Model(hidden, outputs)
    assert [layer.name for layer in tail.layers] == ["hidden", "middle", "head"]
    assert isinstance(tail.layers[0], layers.InputLayer) and tail.input_names == ["hidden"]
    assert tail.get_layer("head") is whole.get_layer("head")
    np.testing.assert_allclose(tail(np.asarray(body(X))), whole(X), rtol=1e-6)
    tail.save(tmp_path / "tail.keras")
    loaded = kgc.models.load_model(tmp_path / "tail.keras")
    np.testing.assert_array_equal(loaded(np.asarray(body(X))), tail(np.asarray(body(X))))


def test_lines_stay_those_of_the_layers_calls():
    _, hidden, middle, outputs = chain()
    tail = kgc.Model(hidden, outputs)
    again = [node for node in tail._subgraph.nodes if node.operation.name == "middle"]
    assert again[0].loc == middle.node.loc


def test_an_input_and_a_result_of_it_together():
    inputs, hidden, middle, outputs = chain()
    model = kgc.Model([hidden, inputs], [outputs, middle])
    assert model.input_names == ["hidden", "image"]
    assert len(kgc.Model([hidden, inputs], [outputs, hidden + 0.0, inputs]).outputs) == 3
    body = kgc.Model(inputs, hidden)
    np.testing.assert_allclose(model([body(X), X])[0], kgc.Model(inputs, outputs)(X), rtol=1e-6)


def test_a_name_that_a_layer_has_is_not_the_inputs():
    shared = layers.Dense(4, name="shared")
    inputs = kgc.Input((4,))
    first = shared(inputs)
    model = kgc.Model(first, shared(first))
    assert [layer.name for layer in model.layers] == ["shared_input", "shared"]


def test_a_tail_that_needs_more_inputs_says_so():
    inputs, _, middle, _ = chain()
    with pytest.raises(GraphError, match="needs the input 'image'"):
        kgc.Model(middle, layers.Add()([middle, layers.Dense(2)(inputs)]))


@kgc.saving.register_keras_serializable("tests")
class Classifier(kgc.Model):
    """A functional model with a class of its own."""

    def __init__(self, units=3, **kwargs):
        inputs = kgc.Input((4,))
        head = layers.Dense(units)
        super().__init__(inputs=inputs, outputs=head(inputs), **kwargs)
        self.head = head
        self.units = units

    def largest(self, x):
        return np.argmax(self(x), axis=-1)


def test_a_class_may_hand_inputs_and_outputs_to_super(tmp_path):
    first, second = Classifier(5, name="first"), Classifier()
    assert first.name == "first" and first.output_shape == (None, 5) and second.output_shape == (None, 3)
    assert [type(layer).__name__ for layer in first.layers] == ["InputLayer", "Dense"]
    assert len(first.weights) == 2 and first.largest(X).shape == (3,)
    first.compile("sgd", "mse")
    first.fit(X, np.zeros((3, 5), np.float32), verbose=0)
    assert first.get_config()["units"] == 5
    first.save(tmp_path / "m.keras")
    loaded = kgc.models.load_model(tmp_path / "m.keras")
    assert type(loaded) is Classifier
    np.testing.assert_array_equal(loaded(X), first(X))


def test_a_class_without_a_constructor_of_its_own():
    class Mine(kgc.Model):
        pass

    inputs, _, _, outputs = chain()
    model = Mine(inputs, outputs)
    assert isinstance(model, Mine)
    again = Mine.from_config(model.get_config())
    assert type(again) is Mine and [layer.name for layer in again.layers] == [layer.name for layer in model.layers]


def test_a_call_of_its_own_beside_inputs_is_refused():
    class Both(kgc.Model):
        def call(self, inputs):
            return inputs

    inputs, _, _, outputs = chain()
    with pytest.raises(ArgumentError, match="has a `call` of its own"):
        Both(inputs, outputs)
