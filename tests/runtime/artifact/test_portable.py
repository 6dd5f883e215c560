"""StableHLO for other runtimes: XLA alone, with neither kgc nor JAX's export, computes what the model computes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from jaxlib import _jax, xla_client

import kgc
from kgc import layers
from kgc.compiler.errors import ArgumentError, GraphError


def rows(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape, np.float32)


def by_xla(path: Path, *arrays: np.ndarray) -> list[np.ndarray]:
    """The outputs of a module, compiled and run by XLA's client."""
    device: Any = jax.devices("cpu")[0]
    program = device.client.compile_and_load(path.read_bytes(), _jax.DeviceList((device,)), xla_client.CompileOptions())
    results = program.execute_sharded([jax.device_put(array) for array in arrays])
    return [np.asarray(one[0]) for one in results.disassemble_into_single_device_arrays()]


def two_inputs() -> Any:
    x, unused, y = kgc.Input((6,), name="x"), kgc.Input((2,), name="unused"), kgc.Input((4,), name="y")
    joined = layers.Concatenate()([layers.BatchNormalization()(layers.Dense(8)(x)), y])
    return kgc.Model([x, unused, y], {"a": layers.Dense(3, activation="softmax")(joined), "b": joined}, name="net")


def test_xla_computes_what_the_model_computes(tmp_path: Path) -> None:
    model = two_inputs()
    model.export(tmp_path / "m.mlirbc", format="stablehlo", batch_size=3)
    data = [rows(3, 6), rows(3, 2), rows(3, 4)]
    for given, wanted in zip(by_xla(tmp_path / "m.mlirbc", *data), model(data).values(), strict=True):
        np.testing.assert_allclose(given, wanted, rtol=1e-6, atol=1e-7)


def test_text_has_open_sizes_and_no_paths(tmp_path: Path) -> None:
    two_inputs().export(tmp_path / "m.mlir", format="stablehlo")
    text = (tmp_path / "m.mlir").read_text()
    assert "tensor<?x6xf32>" in text and "@main" in text
    assert ".py" not in text


def test_random_models_take_an_address(tmp_path: Path) -> None:
    x = kgc.Input((50,), name="x")
    model = kgc.Model(x, layers.Dropout(0.5)(x, training=True))
    model.export(tmp_path / "m.mlirbc", format="stablehlo", batch_size=1)
    one, again, other = (
        by_xla(tmp_path / "m.mlirbc", np.ones((1, 50), np.float32), np.array([seed, 0, 0], np.uint32))[0]
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, again)
    assert (one != other).any()


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ({"filepath": "m.kgc"}, "`.mlirbc` and `.mlir`"),
        ({"training": True}, "not its training"),
        ({"platforms": ("cpu", "cuda")}, "for one platform"),
        ({"batch_size": 0}, "number of rows"),
        ({"format": "kgc", "filepath": "m.kgc", "batch_size": 3}, "for format='stablehlo' only"),
    ],
)
def test_refuses(tmp_path: Path, how: dict[str, Any], says: str) -> None:
    given = {"filepath": "m.mlirbc", "format": "stablehlo", **how}
    with pytest.raises(ArgumentError, match=says):
        two_inputs().export(tmp_path / given.pop("filepath"), **given)
    assert list(tmp_path.iterdir()) == []


def test_state_and_callbacks_are_refused(tmp_path: Path) -> None:
    class Counter(layers.Layer):
        def build(self, input_shape: Any) -> None:
            self.count = self.add_weight(shape=(), initializer="zeros", trainable=False, name="count")

        def call(self, x: Any) -> Any:
            self.count.assign(self.count + 1.0)
            return x * self.count

    class Printing(layers.Layer):
        def call(self, x: Any) -> Any:
            jax.debug.print("{}", x)
            return jax.numpy.sin(x)

    x = kgc.Input((3,), name="x")
    for layer, says in ((Counter(), "state from call to call"), (Printing(), "on the host")):
        with pytest.raises(GraphError, match=says):
            kgc.Model(x, layer(x)).export(tmp_path / "m.mlir", format="stablehlo")
