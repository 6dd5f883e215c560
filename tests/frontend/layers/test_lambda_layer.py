"""Lambda: functions in ops and in jax.numpy, masks, files, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import kgc
from kgc import Input, Model, layers, ops
from kgc.compiler.errors import ArgumentError, FileFormatError, GraphError, ShapeError

X = np.arange(6, dtype="float32").reshape(2, 3)


def shifted(x: Any, by: float = 1.0) -> Any:
    return x + by


@kgc.saving.register_keras_serializable(package="tests")
def registered(x: Any) -> Any:
    return x * 3.0


def by_phase(x: Any, training: bool | None = None) -> Any:
    return x * 2.0 if training else x


def counted(x: Any, mask: Any = None) -> Any:
    return ops.sum(ops.cast(mask, "float32"), axis=-1, keepdims=True)


def test_functions_of_ops_and_of_jax() -> None:
    inputs = Input((3,))
    for function in (lambda x: ops.sin(x) * 2.0, lambda x: jnp.sin(x) * 2.0):
        model = Model(inputs, layers.Lambda(function)(inputs))
        np.testing.assert_allclose(model(X), np.sin(X) * 2.0, rtol=1e-5)
    assert model.layers[1].name.startswith("lambda") and not model.weights


def test_arguments_phase_and_mask() -> None:
    np.testing.assert_array_equal(layers.Lambda(shifted, arguments={"by": 5.0})(X), X + 5.0)
    layer = layers.Lambda(by_phase)
    np.testing.assert_array_equal(layer(X, training=True), X * 2.0)
    np.testing.assert_array_equal(layer(X), X)
    words = Input((4,), dtype="int32")
    embedded = layers.Embedding(5, 2, mask_zero=True)(words)
    model = Model(words, layers.Lambda(counted)(embedded))
    np.testing.assert_array_equal(model(np.array([[1, 0, 2, 0]])), [[2.0]])
    assert getattr(layers.Lambda(lambda x: x)(embedded), "_keras_mask", None) is None
    kept = layers.Lambda(lambda x: x, mask=lambda x, mask: mask)(embedded)
    assert kept._keras_mask.shape == (None, 4)


def test_several_tensors_and_nested_results() -> None:
    a, b = Input((3,)), Input((3,))
    both = layers.Lambda(lambda xs: {"sum": xs[0] + xs[1], "product": xs[0] * xs[1]})([a, b])
    found = Model([a, b], both)([X, X + 1])
    np.testing.assert_array_equal(found["product"], X * (X + 1))


def test_an_output_shape_is_held_to() -> None:
    inputs = Input((3,))
    assert layers.Lambda(lambda x: x[:, :2], output_shape=(2,))(inputs).shape == (None, 2)
    assert layers.Lambda(lambda x: x[:, :2], output_shape=lambda shape: (shape[0], 2))(inputs).shape == (None, 2)
    assert layers.Lambda(lambda x: x[:, :2], output_shape=(None,))(inputs).shape == (None, 2)
    with pytest.raises(ShapeError, match="does not give its output_shape"):
        layers.Lambda(lambda x: x[:, :2], output_shape=(3,))(inputs)


def test_files_name_functions(tmp_path: Path) -> None:
    inputs = Input((3,))
    model = Model(inputs, layers.Lambda(shifted, arguments={"by": 2.0})(layers.Lambda(registered)(inputs)))
    model.save(tmp_path / "m.keras")
    with pytest.raises(FileFormatError, match="custom_objects=\\{'shifted'"):
        kgc.models.load_model(tmp_path / "m.keras")
    again = kgc.models.load_model(tmp_path / "m.keras", custom_objects={"shifted": shifted})
    np.testing.assert_array_equal(again(X), X * 3.0 + 2.0)
    relu = Model(inputs, layers.Lambda(kgc.activations.relu)(inputs))
    relu.save(tmp_path / "r.keras")
    np.testing.assert_array_equal(kgc.models.load_model(tmp_path / "r.keras")(X - 3.0), np.maximum(X - 3.0, 0.0))


def test_anonymous_functions_do_not_go_to_files(tmp_path: Path) -> None:
    inputs = Input((3,))
    model = Model(inputs, layers.Lambda(lambda x: x, name="odd")(inputs))
    with pytest.raises(ArgumentError, match="Lambda 'odd' has an anonymous function") as caught:
        model.save(tmp_path / "m.keras")
    assert "register_keras_serializable" in str(caught.value) and not list(tmp_path.iterdir())
    with pytest.raises(ArgumentError, match="anonymous mask"):
        layers.Lambda(shifted, mask=lambda x, mask: mask).get_config()


@pytest.mark.parametrize("place", ["function", "mask", "output_shape"])
def test_marshalled_code_is_refused(place: str) -> None:
    config = layers.Lambda(registered).get_config()
    config[place] = {"class_name": "__lambda__", "config": {"code": "4wEAAAA=", "defaults": None, "closure": None}}
    whole = {"module": "keras.layers", "class_name": "Lambda", "config": config, "registered_name": None}
    with pytest.raises(FileFormatError, match="does not run code from files"):
        layers.Lambda.from_config(dict(config))
    with pytest.raises(FileFormatError, match="does not run code from files"):
        kgc.saving.deserialize_keras_object(whole, safe_mode=False)


def test_what_is_no_function_is_refused() -> None:
    with pytest.raises(ArgumentError, match="takes function as a function"):
        layers.Lambda("relu")
    with pytest.raises(ArgumentError, match="takes a function, not a layer"):
        layers.Lambda(layers.Dense(3))
    dense = layers.Dense(3)
    with pytest.raises(GraphError, match="uses weights, which belong to no layer"):
        layers.Lambda(lambda x: dense(x))(Input((3,)))
