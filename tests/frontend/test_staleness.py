"""What is changed after it was traced or compiled takes effect, and what is shared stays apart."""

from __future__ import annotations

import numpy as np
import pytest

import kgc
from kgc import layers, ops
from kgc.compiler.errors import ArgumentError, DataError, ShapeError

X = np.ones((4, 3), np.float32)


def ones(units: int) -> layers.Dense:
    return layers.Dense(units, kernel_initializer="ones")


def test_a_sequential_changed_after_compile_is_another_model() -> None:
    model = kgc.Sequential([kgc.Input((3,)), ones(2), layers.ReLU()])
    model.compile("sgd", "mse")
    y = np.zeros((4, 2))
    assert model.evaluate(X, y, verbose=0) == pytest.approx(9.0)
    model.pop()
    model.add(layers.Activation("tanh"))
    assert model.evaluate(X, y, verbose=0) == pytest.approx(np.tanh(3.0) ** 2)
    assert model.fit(X, y, verbose=0).history["loss"] == [pytest.approx(np.tanh(3.0) ** 2)]


def test_a_layer_that_does_not_fit_leaves_a_sequential_as_it_was() -> None:
    model = kgc.Sequential([kgc.Input((3,)), ones(2)])
    with pytest.raises(ShapeError):
        model.add(layers.Conv2D(2, 3))
    model.add(ones(1))
    assert [layer.units for layer in model.layers] == [2, 1]
    assert np.asarray(model(X)).tolist() == [[6.0]] * 4


def test_each_layer_of_a_sequential_is_called_once() -> None:
    model = kgc.Sequential()
    model.add(kgc.Input((3,)))
    for _ in range(20):
        model.add(layers.Dense(3))
    assert [len(layer.inbound_nodes) for layer in model.layers] == [1] * 20
    assert model.layers[5].output.shape == (None, 3)


def test_an_attribute_changed_after_the_first_call_takes_effect() -> None:
    dense = layers.Dense(2, kernel_initializer="ones", activation="linear")
    inputs = kgc.Input((3,))
    model = kgc.Model(inputs, dense(inputs))
    assert float(np.asarray(model(X))[0, 0]) == float(np.asarray(dense(X))[0, 0]) == 3.0
    model.predict(X, verbose=0)
    dense.activation = ops.tanh
    found = [np.asarray(model(X)), np.asarray(dense(X)), model.predict(X, verbose=0)]
    assert all(array[0, 0] == pytest.approx(np.tanh(3.0)) for array in found)


def test_an_input_may_be_called_key() -> None:
    query, key = kgc.Input((3,), name="query"), kgc.Input((3,), name="key")
    model = kgc.Model([query, key], layers.Dropout(0.5)(layers.Add()([query, key])))
    assert np.asarray(model([X, X])).tolist() == model.predict({"query": X, "key": X}, verbose=0).tolist()
    model.compile("sgd", "mse")
    assert len(model.fit([X, X], X, verbose=0).history["loss"]) == 1


def test_a_variable_given_to_another_keeps_its_array() -> None:
    inputs = kgc.Input((3,))
    left, right = (kgc.Model(inputs, layers.Dense(2)(inputs)) for _ in range(2))
    left.weights[0].assign(right.weights[0])
    before = left.weights[0].numpy()
    right.compile("sgd", "mse")
    right.fit(X, np.zeros((4, 2)), verbose=0)
    assert left.weights[0].numpy().tolist() == before.tolist()
    assert right.weights[0].numpy().tolist() != before.tolist()


def test_freezing_one_weight_changes_the_loss_that_evaluate_reports() -> None:
    inputs = kgc.Input((3,))
    dense = layers.Dense(1, kernel_initializer="ones", use_bias=False, kernel_regularizer=kgc.regularizers.L2(1.0))
    model = kgc.Model(inputs, dense(inputs))
    model.compile("sgd", "mse")
    y = np.full((4, 1), 3.0)
    assert model.evaluate(X, y, verbose=0) == pytest.approx(3.0)
    dense.kernel.trainable = False
    assert model.evaluate(X, y, verbose=0) == pytest.approx(0.0)


def test_a_compile_that_fails_leaves_the_earlier_one() -> None:
    inputs = kgc.Input((3,))
    model = kgc.Model(inputs, ones(1)(inputs))
    model.compile("sgd", "mse")
    with pytest.raises(ArgumentError):
        model.compile("sgd", "mze")
    assert model.evaluate(X, np.zeros((4, 1)), verbose=0) == pytest.approx(9.0)


def test_names_in_logs_do_not_clash() -> None:
    inputs = kgc.Input((3,))
    model = kgc.Model(inputs, ones(1)(inputs))
    model.compile("sgd", "mse", metrics=[kgc.metrics.MeanAbsoluteError(name="loss")])
    logs = model.evaluate(X, np.zeros((4, 1)), verbose=0, return_dict=True)
    assert logs == {"loss": pytest.approx(9.0), "loss_1": pytest.approx(3.0)}


def test_class_weights_of_what_has_several_classes_a_sample() -> None:
    inputs = kgc.Input((3, 2))
    model = kgc.Model(inputs, layers.Dense(2, activation="softmax")(inputs))
    model.compile("sgd", "categorical_crossentropy")
    x = np.ones((2, 3, 2), np.float32)
    with pytest.raises(DataError, match="one class a sample"):
        model.fit(x, np.eye(2)[np.zeros((2, 3), int)], class_weight={0: 1.0}, verbose=0)
