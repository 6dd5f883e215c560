"""Initializers: Keras's configs, distributions and scaling; values that follow from seeds alone."""

from __future__ import annotations

import inspect
import json
import math
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from kgc.compiler.errors import ArgumentError, DTypeError, FileFormatError, KgcError, ShapeError
from kgc.frontend import initializers
from kgc.runtime import seeds

FACTS = json.loads(np.load(Path(__file__).parents[1] / "fixtures" / "optimizers.npz")["facts"].tobytes())
SHAPE = tuple(FACTS["sampled_shape"])
ROWS = [pytest.param(*row, id=f"{row[0]}-{i}") for i, row in enumerate(FACTS["initializers"])]
RANDOM = ["RandomUniform", "RandomNormal", "TruncatedNormal", "VarianceScaling", "GlorotUniform", "GlorotNormal",
          "HeUniform", "HeNormal", "LecunUniform", "LecunNormal", "Orthogonal"]  # fmt: skip


@pytest.fixture(autouse=True)
def seed() -> None:
    seeds.set_seed(11)


@pytest.mark.parametrize(("kind", "arguments", "serialized", "moments"), ROWS)
def test_distributions_are_keras_own(
    kind: str, arguments: dict[str, Any], serialized: dict[str, Any], moments: list[float]
) -> None:
    initializer = getattr(initializers, kind)(**arguments)
    values = initializer(SHAPE[2:] if kind == "Identity" else SHAPE)
    assert values.dtype == np.float32
    mean, std, low, high = moments
    # Two samples of 36,000: their means differ by about std / 134, their stds by half of that.
    assert np.mean(values) == pytest.approx(mean, abs=0.04 * std + 1e-12)
    assert np.std(values) == pytest.approx(std, rel=0.02)
    if "normal" not in kind.lower() and kind != "Orthogonal" and "untruncated_normal" not in arguments.values():
        assert (np.min(values), np.max(values)) == pytest.approx((low, high), rel=5e-3)
    assert initializers.serialize(initializer) == serialized


@pytest.mark.parametrize("row", FACTS["initializers"], ids=lambda row: row[0])
def test_configs_come_back(row: list[Any]) -> None:
    again = initializers.deserialize(row[2])
    assert type(again).__name__ == row[0]
    assert initializers.serialize(again) == row[2]


@pytest.mark.parametrize("name", [name for name in FACTS["signatures"] if name.startswith("initializers.")])
def test_signatures_are_keras_own(name: str) -> None:
    cls = getattr(initializers, name.partition(".")[2])
    found = [[key, repr(p.default)] for key, p in inspect.signature(cls).parameters.items()]
    assert found == FACTS["signatures"][name]


@pytest.mark.parametrize("name", ["RandomUniform", "HeNormal", "Orthogonal"])
def test_a_seed_fixes_the_values_at_every_call_whatever_the_process_seed(name: str) -> None:
    kind = getattr(initializers, name)
    first = kind(seed=3)((4, 5))
    seeds.set_seed(99)
    initializer = kind(seed=3)
    np.testing.assert_array_equal(initializer((4, 5)), first)
    np.testing.assert_array_equal(initializer((4, 5)), first)
    assert not np.array_equal(kind(seed=4)((4, 5)), first)


@pytest.mark.parametrize("name", RANDOM)
def test_without_a_seed_each_object_has_values_of_its_own_which_the_process_seed_repeats(name: str) -> None:
    kind = getattr(initializers, name)
    one, two = kind(), kind()
    first, second = one((4, 5)), two((4, 5))
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(one((4, 5)), first)
    seeds.set_seed(11)
    np.testing.assert_array_equal(kind()((4, 5)), first)


def test_sample_takes_the_callers_generator() -> None:
    draw = initializers.GlorotUniform().sample
    first = draw((4, 5), np.dtype("float32"), seeds.generator("here"))
    np.testing.assert_array_equal(draw((4, 5), np.dtype("float32"), seeds.generator("here")), first)


@pytest.mark.parametrize("name", [*RANDOM, "Zeros", "Ones", "Constant", "Identity"])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_values_have_the_dtype_asked_for_and_come_from_numpy(name: str, dtype: str) -> None:
    values = getattr(initializers, name)()((6, 4), dtype)
    assert type(values) is np.ndarray
    assert (values.dtype.name, values.shape) == (dtype, (6, 4))
    assert np.isfinite(values.astype(np.float32)).all()


def test_a_dtype_may_be_any_spelling_of_one() -> None:
    zeros = initializers.Zeros()
    assert {zeros((2,), dtype).dtype.name for dtype in ("float32", np.float32, jnp.float32, np.dtype("f4"), None)} == {
        "float32"
    }
    assert zeros((2,), "int32").dtype == np.int32
    assert zeros(3).shape == (3,)
    assert zeros(()).shape == ()


@pytest.mark.parametrize(
    ("shape", "fan_in", "fan_out"),
    [
        ((), 1, 1),
        ((5,), 5, 5),
        ((5, 7), 5, 7),
        ((3, 5, 7), 15, 21),
        ((2, 3, 5, 7), 30, 42),
        ((2, 3, 5, 7, 11), 210, 330),
    ],
)
def test_fans_of_every_rank(shape: tuple[int, ...], fan_in: int, fan_out: int) -> None:
    def limit(mode: str, **axes: Any) -> float:
        """The bound of the uniform draw, from the same numbers drawn on [-1, 1)."""
        initializer = initializers.VarianceScaling(3.0, mode, "uniform", seed=1, **axes)
        return float(np.median(initializer(shape) / initializers.RandomUniform(-1.0, 1.0, seed=1)(shape)))

    assert limit("fan_in") == pytest.approx(3 / math.sqrt(fan_in), rel=1e-5)
    assert limit("fan_out") == pytest.approx(3 / math.sqrt(fan_out), rel=1e-5)
    assert limit("fan_avg") == pytest.approx(3 / math.sqrt((fan_in + fan_out) / 2), rel=1e-5)
    if len(shape) == 4:
        axes = {"input_axes": [0], "output_axes": [1, -1]}
        assert limit("fan_in", **axes) == pytest.approx(3 / math.sqrt(2), rel=1e-5)
        assert limit("fan_out", **axes) == pytest.approx(3 / math.sqrt(21), rel=1e-5)


@pytest.mark.parametrize("shape", [(3, 5), (5, 3), (2, 3, 4), (4, 1, 2), (4, 4)])
def test_orthogonal_rows_or_columns(shape: tuple[int, ...]) -> None:
    matrix = initializers.Orthogonal(2.0)(shape).reshape(-1, shape[-1])
    gram = matrix @ matrix.T if matrix.shape[0] < matrix.shape[1] else matrix.T @ matrix
    np.testing.assert_allclose(gram, 4 * np.eye(len(gram)), atol=1e-5)


def test_truncated_normals_stay_within_two_deviations() -> None:
    values = initializers.TruncatedNormal(1.0, 0.5)((100_000,))
    assert np.abs(values - 1.0).max() <= 1.0
    # The density at the border is that of the normal, so draws near it are neither piled up nor missing.
    assert np.mean(np.abs(values - 1.0) > 0.9) == pytest.approx(0.0287, abs=0.003)


def test_constants() -> None:
    np.testing.assert_array_equal(initializers.Constant([1.0, 2.0])((2, 2)), [[1, 2], [1, 2]])
    np.testing.assert_array_equal(initializers.Identity(2.0)((2, 3)), [[2, 0, 0], [0, 2, 0]])
    array = initializers.Constant(np.array([1.0, 2.0], "float32"))
    again = initializers.deserialize(initializers.serialize(array))
    assert initializers.serialize(array)["config"]["value"]["class_name"] == "__numpy__"
    np.testing.assert_array_equal(again((2,)), [1, 2])


def test_a_gain_that_matters_is_kept() -> None:
    assert initializers.deserialize(initializers.serialize(initializers.Identity(2.0))).gain == 2.0


NAMES = {
    "glorot_uniform": "GlorotUniform", "GlorotUniform": "GlorotUniform", "zeros": "Zeros", "zero": "Zeros",
    "one": "Ones", "uniform": "RandomUniform", "normal": "RandomNormal", "orthogonal": "Orthogonal",
    "OrthogonalInitializer": "Orthogonal", "IdentityInitializer": "Identity", "he_normal": "HeNormal",
    "variance_scaling": "VarianceScaling", "truncated_normal": "TruncatedNormal", "constant": "Constant",
}  # fmt: skip


def test_get() -> None:
    for name, expected in NAMES.items():
        assert type(initializers.get(name)).__name__ == expected
    made = initializers.HeNormal()
    assert initializers.get(made) is made
    assert type(initializers.get(initializers.Zeros)) is initializers.Zeros
    assert initializers.get({"class_name": "RandomNormal", "config": {"stddev": 1.0}}).stddev == 1.0
    assert initializers.get({"class_name": "Zeros"})((1,))[0] == 0
    assert initializers.get(None) is None
    assert initializers.get(len) is len


def test_an_array_stands_for_itself() -> None:
    given = initializers.get(np.arange(3.0))
    np.testing.assert_array_equal(given((3,), "float32"), [0, 1, 2])
    with pytest.raises(ShapeError, match="another shape"):
        given((2,))


MISTAKES: dict[str, tuple[type[KgcError], Any, str]] = {
    "near": (ArgumentError, lambda: initializers.get("glorot_unform"), "'glorot_uniform'"),
    "case": (ArgumentError, lambda: initializers.get("Glorot_Uniform"), "'glorot_uniform'"),
    "nothing like it": (ArgumentError, lambda: initializers.get("qqqq"), "names are"),
    "number": (ArgumentError, lambda: initializers.get(3), "This is no initializer"),
    "list": (ArgumentError, lambda: initializers.get([1, 2]), "This is no initializer"),
    "base": (ArgumentError, lambda: initializers.get("Initializer"), "No initializer"),
    "another family": (ArgumentError, lambda: initializers.get("adam"), "No initializer"),
    "module": (FileFormatError, lambda: initializers.deserialize({"module": "os", "class_name": "Zeros"}), "os.Zeros"),
    "config": (ArgumentError, lambda: initializers.deserialize({"config": {}}), "class_name"),
    "scale": (ArgumentError, lambda: initializers.VarianceScaling(0.0), "scale=0.0"),
    "mode": (ArgumentError, lambda: initializers.VarianceScaling(mode="FAN_IN"), "fan_avg"),
    "distribution": (ArgumentError, lambda: initializers.VarianceScaling(distribution="x"), "untruncated_normal"),
    "axes": (ArgumentError, lambda: initializers.GlorotNormal(input_axes=[0]), "go together"),
    "seed": (ArgumentError, lambda: initializers.RandomNormal(seed=1.5), "seed=1.5"),
    "rank": (ShapeError, lambda: initializers.Identity()((2, 3, 4)), "(2, 3, 4)"),
    "rank 1": (ShapeError, lambda: initializers.Orthogonal()((3,)), "rank 2 or more"),
    "unknown size": (ShapeError, lambda: initializers.Zeros()((None, 3)), "known sizes"),
    "negative size": (ShapeError, lambda: initializers.Zeros()((-1, 3)), "(-1, 3)"),
    "broadcast": (ShapeError, lambda: initializers.Constant([1.0, 2.0, 3.0])((2, 2)), "(3,)"),
    "integers": (DTypeError, lambda: initializers.GlorotUniform()((2,), "int32"), "int32"),
    "dtype": (DTypeError, lambda: initializers.Zeros()((2,), "float99"), "float99"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_are_told_at_the_users_line(name: str) -> None:
    kind, mistake, said = MISTAKES[name]
    with pytest.raises(kind) as caught:
        mistake()
    assert said in str(caught.value)
    assert caught.value.where is not None
    assert caught.value.where.file == __file__
