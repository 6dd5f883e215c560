"""`kgc.utils`: seeds, vectors of classes, names from the start."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

import kgc
from kgc.compiler.errors import ArgumentError
from kgc.runtime import seeds


def test_set_random_seed_sets_all_generators() -> None:
    kgc.utils.set_random_seed(7)
    first = (random.random(), np.random.rand(), seeds.generator("x").random())
    kgc.utils.set_random_seed(7)
    assert (random.random(), np.random.rand(), seeds.generator("x").random()) == first
    numpy_seed: Any = np.int64(8)
    kgc.utils.set_random_seed(numpy_seed)
    assert random.random() != first[0]
    assert seeds.seed() == 8


@pytest.mark.parametrize("seed", [-1, 2**32, 1.0, "1", None, True])
def test_seeds_that_are_refused(seed: Any) -> None:
    with pytest.raises(ArgumentError, match="takes an integer from 0 to"):
        kgc.utils.set_random_seed(seed)


@pytest.mark.parametrize(
    ("x", "classes", "wanted"),
    [
        ([0, 2, 1], None, [[1, 0, 0], [0, 0, 1], [0, 1, 0]]),
        ([0, 1], 3, [[1, 0, 0], [0, 1, 0]]),
        ([[0], [1]], None, [[1, 0], [0, 1]]),
        ([[0, 1], [1, 1]], None, [[[1, 0], [0, 1]], [[0, 1], [0, 1]]]),
        (2, None, [0, 0, 1]),
        ([1.0, 0.0], None, [[0, 1], [1, 0]]),
        (np.array([1, 0], "uint8"), None, [[0, 1], [1, 0]]),
        ([True, False], None, [[0, 1], [1, 0]]),
        ([], 2, np.zeros((0, 2))),
    ],
)
def test_to_categorical(x: Any, classes: int | None, wanted: Any) -> None:
    found = kgc.utils.to_categorical(x, classes)
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize(
    ("x", "classes", "what"),
    [
        ([0, 5], 3, "classes from 0 to 2"),
        ([-1, 1], None, "classes from 0 to 1"),
        ([0.5], None, "whole numbers"),
        (["a"], None, "whole numbers"),
        ([], None, "needs num_classes"),
        ([0], 0, "num_classes as a positive int"),
        ([0], 2.0, "num_classes as a positive int"),
    ],
)
def test_classes_that_are_refused(x: Any, classes: Any, what: str) -> None:
    with pytest.raises(ArgumentError, match=what) as caught:
        kgc.utils.to_categorical(x, classes)
    assert caught.value.hint


def test_a_symbolic_tensor_is_told_of_one_hot() -> None:
    with pytest.raises(ArgumentError) as caught:
        kgc.utils.to_categorical(kgc.Input((), dtype="int32"), 3)
    assert "one_hot" in str(caught.value.hint)


def test_clear_session_starts_the_names_again() -> None:
    kgc.utils.clear_session()
    assert [kgc.layers.Dense(1).name, kgc.layers.Dense(1).name] == ["dense", "dense_1"]
    kgc.config.set_dtype_policy("mixed_bfloat16")
    kgc.utils.clear_session()
    assert kgc.layers.Dense(1).name == "dense"
    assert kgc.config.dtype_policy().name == "float32"


def test_what_else_is_there() -> None:
    assert kgc.utils.is_keras_tensor(kgc.Input((3,)))
    assert not kgc.utils.is_keras_tensor(np.zeros(3))
    assert kgc.utils.Progbar(3, verbose=0).target == 3
    assert kgc.utils.get_custom_objects is kgc.saving.get_custom_objects


def test_get_source_inputs() -> None:
    def names(tensor: Any) -> list[str]:
        return [source.name for source in kgc.utils.get_source_inputs(tensor)]

    a, b, c = (kgc.Input((2,), name=name) for name in "abc")
    both = kgc.layers.add([a, kgc.ops.relu(b)])
    assert names(kgc.layers.add([both, a])) == ["a", "b"]
    (source,) = kgc.utils.get_source_inputs(c)
    assert source is c
    chain = c
    for _ in range(3000):
        chain = chain + 1
    assert names(chain) == ["c"]
    with pytest.raises(ArgumentError, match="symbolic tensor"):
        kgc.utils.get_source_inputs(np.zeros(3))


def test_sequences_are_padded_and_cut_as_in_keras() -> None:
    rows = [[1], [2, 3], [4, 5, 6]]
    pad = kgc.utils.pad_sequences
    assert pad(rows).tolist() == [[0, 0, 1], [0, 2, 3], [4, 5, 6]] and pad(rows).dtype == np.int32
    assert pad(rows, padding="post", value=-1).tolist() == [[1, -1, -1], [2, 3, -1], [4, 5, 6]]
    assert pad(rows, maxlen=2).tolist() == [[0, 1], [2, 3], [5, 6]]
    assert pad(rows, maxlen=2, truncating="post").tolist() == [[0, 1], [2, 3], [4, 5]]
    assert pad([], maxlen=2).shape == (0, 2) and pad([[], [7]]).tolist() == [[0], [7]]
    vectors = pad([np.ones((1, 2)), np.ones((3, 2))], dtype="float32")
    assert vectors.shape == (2, 3, 2) and vectors[0].tolist() == [[0, 0], [0, 0], [1, 1]]
    for wrong in ({"padding": "left"}, {"truncating": None}):
        with pytest.raises(ArgumentError, match="as 'pre' or 'post'"):
            pad(rows, **wrong)
    with pytest.raises(ArgumentError, match="a list of sequences"):
        pad([1, 2])
    with pytest.raises(ArgumentError, match="different shapes"):
        pad([np.ones((1, 2)), np.ones((1, 3))])


def test_policies_have_the_names_of_older_code() -> None:
    before = kgc.config.dtype_policy()
    try:
        kgc.mixed_precision.set_global_policy("mixed_bfloat16")
        assert kgc.mixed_precision.global_policy().name == "mixed_bfloat16"
        assert kgc.mixed_precision.Policy is kgc.mixed_precision.DTypePolicy
        assert kgc.layers.Dense(2).compute_dtype == "bfloat16"
    finally:
        kgc.config.set_dtype_policy(before)
