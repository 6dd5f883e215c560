"""Models through a file: the same outputs, names, structures and sizes; state, random numbers, foreign functions."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import kgc
from kgc import layers, ops
from kgc.compiler.errors import ArgumentError, ArtifactError, DataError, GraphError, ShapeError
from kgc.runtime.artifact.header import TensorSpec


def rows(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape, np.float32)


def mlp() -> Any:
    x = kgc.Input((6,), name="x")
    y = layers.Dense(8, activation="relu", name="hidden")(x)
    return kgc.Model(x, layers.Dense(3, name="head")(layers.Dropout(0.5)(y)), name="net")


def carried(model: Any, folder: Path, **how: Any) -> Any:
    path = folder / "m.kgc"
    model.export(path, platforms=how.pop("platforms", ()))
    return kgc.load(path, **how)


def same(left: Any, right: Any) -> None:
    assert jax.tree.structure(left) == jax.tree.structure(right)
    for a, b in zip(jax.tree.leaves(left), jax.tree.leaves(right), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(np.asarray(a, np.float32), np.asarray(b, np.float32))


@pytest.mark.parametrize("batch", [1, 5, 0])
def test_gives_what_the_model_gives(tmp_path: Path, batch: int) -> None:
    model = mlp()
    same(carried(model, tmp_path)(rows(batch, 6)), model(rows(batch, 6)))


def test_signature_and_names(tmp_path: Path) -> None:
    loaded = carried(mlp(), tmp_path)
    assert loaded.signature.inputs == TensorSpec("x", "float32", ("b", 6))
    assert loaded.signature.outputs == TensorSpec("head", "float32", ("b", 3))
    assert str(loaded.signature) == "x: float32[b, 6] -> head: float32[b, 3]"
    x = rows(2, 6)
    same(loaded(x=x), loaded(x))
    same(loaded.run({"x": x}), {"head": loaded(x)})


def test_batch_norm_is_folded_and_dropout_gone(tmp_path: Path) -> None:
    x = kgc.Input((8, 8, 2), name="x")
    y = layers.BatchNormalization(name="bn")(layers.Conv2D(3, 3, name="conv")(x))
    model = kgc.Model(x, layers.GlobalAveragePooling2D()(layers.Dropout(0.3)(y)))
    model.get_layer("bn").set_weights([rows(3) + 1, rows(3), rows(3), rows(3) ** 2 + 1])
    loaded = carried(model, tmp_path)
    used = {node.op.name for node in loaded.graph.nodes}
    assert not used & {"batch_normalization", "dropout"}
    assert not loaded.graph.state and not loaded.signature.random
    same(loaded(rows(3, 8, 8, 2)), model(rows(3, 8, 8, 2)))


def test_rolled_blocks_stay_rolled(tmp_path: Path) -> None:
    x = kgc.Input((4,), name="x")
    y = x
    for _ in range(6):
        y = layers.Add()([y, layers.Dense(4, activation="tanh")(y)])
    model = kgc.Model(x, y)
    model.compile("sgd", "mse", roll="always")
    loaded = carried(model, tmp_path, platforms=("cpu",), trust=True)
    assert [node.op.name for node in loaded.graph.nodes] == ["scan"]
    same(loaded(rows(3, 4)), model(rows(3, 4)))
    made = loaded.exported("cpu").call((rows(3, 4),), loaded.weights(), None)[0][0]
    np.testing.assert_allclose(made, model(rows(3, 4)), rtol=1e-5)


def test_structures_keep_names_and_nesting(tmp_path: Path) -> None:
    inputs = {"left": kgc.Input((4,), name="a"), "right": [kgc.Input((4,), name="c"), kgc.Input((2,), name="d")]}
    total = layers.Add(name="sum")([inputs["left"], inputs["right"][0]])
    model = kgc.Model(inputs, {"z": total, "y": (layers.Dense(2, name="dense")(total),)})  # d is used by nobody
    loaded = carried(model, tmp_path)
    data = {"left": rows(3, 4), "right": [rows(3, 4), rows(3, 2)]}
    named = {"a": rows(3, 4), "c": rows(3, 4), "d": rows(3, 2)}
    wanted = model(named)
    same(loaded(data), wanted)
    assert list(loaded(data)) == ["z", "y"]
    assert [spec.name for spec in loaded.signature.input_specs] == ["a", "c", "d"]
    same(loaded(named), wanted)
    same(loaded.run(named), {"sum": wanted["z"], "dense": wanted["y"][0]})
    assert loaded.verify() == 0


def test_two_outputs_of_one_layer_have_two_names(tmp_path: Path) -> None:
    x = kgc.Input((4, 2), name="x")
    loaded = carried(kgc.Model(x, layers.LSTM(3, return_state=True, name="lstm")(x)), tmp_path)
    assert [spec.name for spec in loaded.signature.output_specs] == ["lstm", "lstm_1", "lstm_2"]


def test_unknown_sizes_are_named(tmp_path: Path) -> None:
    ids = kgc.Input((None,), dtype="int32", name="ids")
    model = kgc.Model(ids, layers.GRU(5, name="gru")(layers.Embedding(7, 4)(ids)))
    loaded = carried(model, tmp_path)
    assert str(loaded.signature) == "ids: int32[b, t0] -> gru: float32[b, 5]"
    for length in (1, 9):
        same(loaded(np.ones((2, length), "int32")), model(np.ones((2, length), "int32")))


def test_large_constants_lie_beside_the_text(tmp_path: Path) -> None:
    table = rows(20, 6)

    class Positions(layers.Layer):
        def call(self, x: Any) -> Any:
            return x + ops.convert_to_tensor(table)

    x = kgc.Input((20, 6), name="x")
    model = kgc.Model(x, Positions()(x))
    loaded = carried(model, tmp_path)
    assert len(loaded._header.consts) == 1
    same(loaded(rows(2, 20, 6)), model(rows(2, 20, 6)))
    assert loaded.verify() == 0


def test_low_precision(tmp_path: Path) -> None:
    x = kgc.Input((4,), name="x", dtype="bfloat16")
    model = kgc.Model(x, layers.Dense(2, dtype="bfloat16")(x))
    loaded = carried(model, tmp_path)
    same(loaded(jnp.ones((2, 4), "bfloat16")), model(jnp.ones((2, 4), "bfloat16")))
    assert loaded(np.ones((2, 4), "float32")).dtype == "bfloat16"


def test_random_numbers_come_from_the_seed(tmp_path: Path) -> None:
    x = kgc.Input((400,), name="x")
    loaded = carried(kgc.Model(x, layers.Dropout(0.5)(x, training=True)), tmp_path)
    assert loaded.signature.random and loaded.verify() == 0
    ones = np.ones((1, 400), np.float32)
    same(loaded(ones, seed=1), loaded(ones, seed=1))
    assert (loaded(ones, seed=1) != loaded(ones, seed=2)).any()
    assert (loaded(ones) != loaded(ones)).any()
    assert 100 < int((loaded(ones, seed=3) == 0).sum()) < 300
    with pytest.raises(ArgumentError, match="no random numbers"):
        carried(mlp(), tmp_path)(rows(1, 6), seed=1)
    with pytest.raises(ArgumentError, match="seed"):
        loaded(ones, seed=-1)


def test_state_that_a_call_changes(tmp_path: Path) -> None:
    class Counter(layers.Layer):
        def build(self, input_shape: Any) -> None:
            self.count = self.add_weight(shape=(), initializer="zeros", trainable=False, name="count")

        def call(self, x: Any) -> Any:
            self.count.assign(self.count + 1.0)
            return x * self.count

    x = kgc.Input((1,), name="x")
    loaded = carried(kgc.Model(x, Counter()(x)), tmp_path)
    assert [float(loaded(np.ones((1, 1), "f"))[0, 0]) for _ in range(3)] == [1.0, 2.0, 3.0]


def test_inside_transformations(tmp_path: Path) -> None:
    model = mlp()
    loaded = carried(model, tmp_path)
    x = rows(3, 6)
    np.testing.assert_allclose(jax.jit(lambda a: loaded(a) * 2)(x), np.asarray(model(x)) * 2, rtol=1e-6)
    gradient = jax.grad(lambda a: loaded(a).sum())(jnp.asarray(x))
    assert gradient.shape == x.shape and bool((gradient != 0).any())


@jax.custom_vjp
def clipped(x: Any) -> Any:
    return jnp.sin(x)


clipped.defvjp(lambda x: (jnp.sin(x), x), lambda x, g: (jnp.clip(g, -1, 1),))


class Clipped(layers.Layer):
    def call(self, x: Any) -> Any:
        return jnp.asarray(clipped(x)) + 0.0


class Printing(layers.Layer):
    def call(self, x: Any) -> Any:
        jax.debug.print("{}", x)
        return jnp.sin(x)


def test_own_gradient_rules_travel_as_stablehlo_and_need_trust(tmp_path: Path) -> None:
    x = kgc.Input((3,), name="x")
    model = kgc.Model(x, layers.Dense(2)(Clipped()(x)))
    with pytest.raises(ArtifactError, match="gradient rules"):
        carried(model, tmp_path)
    loaded = carried(model, tmp_path, trust=True)
    for batch in (1, 4):
        same(loaded(rows(batch, 3)), model(rows(batch, 3)))


def test_callbacks_are_refused_at_the_line(tmp_path: Path) -> None:
    x = kgc.Input((3,), name="x")
    model = kgc.Model(x, Printing()(x))
    with pytest.raises(GraphError, match="on the host") as caught:
        model.export(tmp_path / "m.kgc")
    assert caught.value.where is not None and "debug.print" in caught.value.where.describe()
    assert not (tmp_path / "m.kgc").exists()


def test_stablehlo_needs_trust(tmp_path: Path) -> None:
    model = mlp()
    platforms = ("cpu", "cuda")
    with pytest.raises(ArgumentError, match="without trust"):
        carried(model, tmp_path, platforms=platforms).exported("cpu")
    loaded = carried(model, tmp_path, platforms=platforms, trust=True)
    x = rows(2, 6)
    np.testing.assert_allclose(loaded.exported("cpu").call((x,), loaded.weights(), None)[0][0], model(x), rtol=1e-6)
    assert loaded.exported("cuda").platforms == ("cuda",)
    with pytest.raises(ArgumentError, match="not asked for"):
        loaded.exported("tpu")


def test_without_the_frontend_in_a_fresh_process(tmp_path: Path) -> None:
    model = mlp()
    model.export(tmp_path / "m.kgc", platforms=())
    np.save(tmp_path / "x.npy", rows(4, 6))
    code = (
        "import sys\nsys.modules['kgc.frontend'] = None\nimport kgc, numpy as np\n"
        f"made = kgc.load({str(tmp_path / 'm.kgc')!r})(np.load({str(tmp_path / 'x.npy')!r}))\n"
        f"np.save({str(tmp_path / 'y.npy')!r}, made)\n"
        "print([name for name in sys.modules if name.startswith('kgc.frontend.')])\n"
        "print({'optax', 'h5py', 'rich'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=120, env={**os.environ}
    )
    assert done.stdout.split("\n")[:2] == ["[]", "set()"], done.stderr
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), model(rows(4, 6)))


@pytest.mark.parametrize(
    ("given", "error", "says"),
    [
        ((rows(2, 5),), ShapeError, r"input 'x' of 'net' is float32\[b, 6\]"),
        ((rows(6),), ShapeError, "Received: x: float32"),
        (([rows(2, 6), rows(2, 6)],), ShapeError, "input 'x'"),
        (({"z": rows(2, 6)},), DataError, "no input 'z'"),
        (({},), DataError, "lacks data for 'x'"),
        ((), ArgumentError, "on its inputs"),
        ((np.array(["a"]),), DataError, "takes numbers"),
    ],
)
def test_wrong_inputs(tmp_path: Path, given: Any, error: Any, says: str) -> None:
    with pytest.raises(error, match=says):
        carried(mlp(), tmp_path)(*given)


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ({"format": "onnx"}, "no other format"),
        ({"input_signature": [1]}, "input_signature"),
        ({"opset": 3}, "no argument 'opset'"),
        ({"platforms": ("gpu",)}, "by JAX's names"),
        ({"filepath": "m.keras"}, "`.kgc` files"),
        ({"filepath": "m.mlirbc"}, "format='stablehlo'"),
    ],
)
def test_export_refuses(tmp_path: Path, how: dict[str, Any], says: str) -> None:
    with pytest.raises(ArgumentError, match=says):
        mlp().export(**{"filepath": tmp_path / "m.kgc", **how})
    assert list(tmp_path.iterdir()) == []


def test_old_file_stays_when_export_fails(tmp_path: Path) -> None:
    path = tmp_path / "m.kgc"
    mlp().export(path, platforms=())
    before = path.read_bytes()
    x = kgc.Input((3,), name="x")
    with pytest.raises(GraphError):
        kgc.Model(x, Printing()(x)).export(path)
    assert path.read_bytes() == before


def test_exports_are_repeatable(tmp_path: Path) -> None:
    model = mlp()
    for name in ("a.kgc", "b.kgc"):
        model.export(tmp_path / name)
    written = (tmp_path / "a.kgc").read_bytes()
    assert written == (tmp_path / "b.kgc").read_bytes()
    assert b".py" not in written  # nor do they tell where files lie on this machine


def test_weights_are_those_of_the_time(tmp_path: Path) -> None:
    model = mlp()
    loaded = carried(model, tmp_path)
    before = np.asarray(model(rows(1, 6)))
    model.set_weights([w + 1 for w in model.get_weights()])
    same(loaded(rows(1, 6)), before)
