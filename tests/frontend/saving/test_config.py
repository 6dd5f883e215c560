"""Objects as JSON values and back, and the names by which they go."""

from __future__ import annotations

import json
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import kgc
from kgc.compiler.errors import ArgumentError, FileFormatError
from kgc.frontend.saving import registry
from kgc.frontend.saving.config import deserialize, deserialize_keras_object, serialize_keras_object


@registry.register_keras_serializable(package="tests_config")
class Stretch(kgc.layers.Layer):
    def __init__(self, factor: float = 2.0, inner: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.factor, self.inner = factor, inner

    def call(self, x: Any) -> Any:
        return x * self.factor

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "factor": self.factor, "inner": serialize_keras_object(self.inner)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        return cls(**{**config, "inner": deserialize_keras_object(config["inner"])})


@registry.register_keras_serializable(package="tests_config")
def twice(x: Any) -> Any:
    return x * 2


def unregistered(x: Any) -> Any:
    return x


def test_plain_values_are_themselves() -> None:
    value = {"a": [1, 2.5, None, True, "x"], "b": {"c": []}}
    assert serialize_keras_object(value) == value
    assert deserialize_keras_object(value) == value


SPECIAL = {
    "tuple": ((1, (2,)), [1, [2]]),
    "NumPy number": (np.float32(0.5), 0.5),
    "NumPy truth": (np.bool_(True), True),
    "slice": (slice(None, 3, None), slice(None, 3, None)),
    "ellipsis": (Ellipsis, Ellipsis),
    "bytes": (b"a\xff", b"a\xff"),
}


@pytest.mark.parametrize("name", SPECIAL)
def test_values_that_json_lacks(name: str) -> None:
    given, expected = SPECIAL[name]
    assert deserialize_keras_object(json.loads(json.dumps(serialize_keras_object(given)))) == expected


@pytest.mark.parametrize("array", [np.arange(6, dtype="int32").reshape(2, 3), jnp.ones((2,)), np.zeros((0, 2))])
def test_arrays(array: Any) -> None:
    config = serialize_keras_object(array)
    assert config["class_name"] == ("__numpy__" if isinstance(array, np.ndarray) else "__tensor__")
    again = deserialize_keras_object(json.loads(json.dumps(config)))
    assert again.dtype == array.dtype
    np.testing.assert_array_equal(again.ravel(), np.ravel(array))


def test_what_real_keras_writes_for_a_public_class() -> None:
    assert serialize_keras_object(kgc.regularizers.L2(0.5)) == {
        "module": "keras.regularizers",
        "class_name": "L2",
        "config": {"l2": 0.5},
        "registered_name": None,
    }


def test_what_real_keras_writes_for_ones_own() -> None:
    config = serialize_keras_object(Stretch(3.0, kgc.regularizers.L2(0.5), name="s"))
    assert (config["class_name"], config["registered_name"]) == ("Stretch", "tests_config>Stretch")
    assert config["module"] == __name__
    again = deserialize_keras_object(json.loads(json.dumps(config)))
    assert type(again) is Stretch and again.factor == 3.0 and again.name == "s"
    assert isinstance(again.inner, kgc.regularizers.L2)
    function = {"module": "builtins", "class_name": "function", "registered_name": "function"}
    assert serialize_keras_object(twice) == {**function, "config": "tests_config>twice"}
    assert serialize_keras_object(unregistered) == {**function, "config": "unregistered"}
    assert serialize_keras_object(kgc.activations.relu) == {**function, "config": "relu"}


def test_functions_are_found_where_they_were_given() -> None:
    assert deserialize_keras_object(serialize_keras_object(twice)) is twice
    config = serialize_keras_object(unregistered)
    assert deserialize_keras_object(config, custom_objects={"unregistered": unregistered}) is unregistered
    with registry.custom_object_scope({"unregistered": unregistered}):
        assert deserialize_keras_object(config) is unregistered
    with pytest.raises(FileFormatError, match="'unregistered'"):
        deserialize_keras_object(config)


def test_an_activation_of_ones_own_goes_through_a_layer() -> None:
    layer = kgc.layers.Dense(2, activation=twice, kernel_regularizer=kgc.regularizers.L2(0.5))
    again = deserialize_keras_object(json.loads(json.dumps(serialize_keras_object(layer))))
    assert again.activation is twice and again.kernel_regularizer.l2 == 0.5
    own = kgc.layers.Dense(2, activation=unregistered)
    config = json.loads(json.dumps(serialize_keras_object(own)))
    again = deserialize_keras_object(config, custom_objects={"unregistered": unregistered})
    assert again.activation is unregistered


@pytest.mark.parametrize("safe_mode", [True, False, None])
def test_lambdas_are_refused_whatever_is_asked(safe_mode: bool | None) -> None:
    for inner in ({"code": "4wAAAA==", "defaults": None, "closure": None}, {"value": ["4wAAAA==", None, None]}):
        with pytest.raises(FileFormatError, match="lambda"):
            deserialize_keras_object({"class_name": "__lambda__", "config": inner}, safe_mode=safe_mode)


def test_what_cannot_be_written_is_told() -> None:
    class Bare:
        pass

    for value in (Bare(), Bare, object, {1: 2}, np.dtype("float32"), lambda x: x):
        with pytest.raises(ArgumentError):
            serialize_keras_object(value)


MALFORMED = {
    "slice": {"class_name": "__slice__", "config": {"start": "0", "stop": 1, "step": None}},
    "slice without an end": {"class_name": "__slice__", "config": {"start": 0}},
    "ragged array": {"class_name": "__numpy__", "config": {"value": [[1], [1, 2]], "dtype": "float32"}},
    "array of objects": {"class_name": "__numpy__", "config": {"value": [1], "dtype": "object"}},
    "array of another dtype": {"class_name": "__numpy__", "config": {"value": [1], "dtype": "f4,O"}},
    "tensor without a value": {"class_name": "__tensor__", "config": {"dtype": "float32"}},
    "bytes that are none": {"class_name": "__bytes__", "config": {"value": 5}},
    "class name": {"class_name": 5, "config": {}},
    "config": {"module": "keras.regularizers", "class_name": "L2", "config": 5},
    "argument": {"module": "keras.regularizers", "class_name": "L2", "config": {"l3": 0.1}},
    "module": {"module": ["keras"], "class_name": "L2", "config": {}},
    "function": {"module": "builtins", "class_name": "function", "config": {"a": 1}},
    "unknown special": {"class_name": "__reduce__", "config": {}},
    "no JSON": {"a": object()},
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_configs_are_refused(name: str) -> None:
    with pytest.raises(FileFormatError):
        deserialize_keras_object(MALFORMED[name])


def test_a_layer_is_no_activation_though_it_can_be_called() -> None:
    config = serialize_keras_object(Stretch())
    assert isinstance(deserialize(config, ("layer",), "a layer"), Stretch)
    for kind in ("activation", "initializer", "loss", "metric", "optimizer", "schedule"):
        with pytest.raises(FileFormatError, match="is none"):
            deserialize(config, (kind,), f"a {kind}")


def test_a_config_without_a_module_is_looked_up_in_its_place() -> None:
    assert isinstance(deserialize({"class_name": "L2", "config": {}}, ("regularizer",), "x"), kgc.regularizers.L2)
    with pytest.raises(FileFormatError):
        deserialize({"class_name": "L2", "config": {}}, ("initializer",), "x")


def test_the_inner_error_is_told_with_its_hint() -> None:
    config = serialize_keras_object(kgc.layers.Dense(3))
    config["config"]["units"] = -1
    with pytest.raises(FileFormatError, match="units as a positive int") as caught:
        deserialize_keras_object(config)
    assert caught.value.__cause__ is not None
