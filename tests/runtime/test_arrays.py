"""Arrays as batches: counts, casts, orders, chunks, splits."""

from __future__ import annotations

import warnings

import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, strategies as st

from kgc.compiler.errors import ArgumentError, DataError
from kgc.runtime.data import arrays
from kgc.runtime.data.arrays import ArraySource, as_array, split
from kgc.runtime.data.batches import NamedArray


def generator(*address: str | int) -> np.random.Generator:
    return np.random.default_rng([sum(map(ord, str(part))) for part in address])


def source(x: object, y: object = None, weights: object = None, **options: object) -> ArraySource:
    return ArraySource(
        [NamedArray("x", x)],
        [] if y is None else [NamedArray("y", y)],
        [] if weights is None else [NamedArray("sample_weight", weights)],
        generator=generator,
        **options,  # type: ignore[arg-type]
    )


def rows_of(src: ArraySource, epoch: int = 0, chunk: int = 1) -> list[list[int]]:
    return [batch.x[0].ravel().astype(int).tolist() for batch in src.batches(epoch, chunk)]


def test_batches_in_order_with_a_smaller_last_one():
    src = source(np.arange(7.0), np.arange(7) * 10, batch_size=3)
    batches = list(src.batches(0))
    assert [b.x[0].tolist() for b in batches] == [[0, 1, 2], [3, 4, 5], [6]]
    assert [b.y[0].tolist() for b in batches] == [[0, 10, 20], [30, 40, 50], [60]]
    assert [(b.rows, b.steps, b.weights) for b in batches] == [(3, 1, ()), (3, 1, ()), (1, 1, ())]
    assert (src.steps, len(src), src.rows) == (3, 3, 7)


def test_unshuffled_batches_are_views_and_shuffled_ones_are_not():
    x = np.arange(8, dtype="f4").reshape(4, 2)
    assert all(np.shares_memory(b.x[0], x) for b in source(x, batch_size=2).batches(0))
    shuffled = list(source(x, batch_size=2, shuffle=True).batches(0))
    assert not any(np.shares_memory(b.x[0], x) for b in shuffled)
    assert not np.shares_memory(shuffled[0].x[0], shuffled[1].x[0])


@given(
    rows=st.integers(1, 60),
    size=st.integers(1, 20),
    chunk=st.integers(1, 5),
    shuffle=st.sampled_from([False, True, "batch"]),
    epoch=st.integers(0, 3),
)
def test_an_epoch_has_every_row_once_and_chunks_change_nothing(rows, size, chunk, shuffle, epoch):
    x = np.arange(rows, dtype="f4")
    src = source(x, x * 2, np.arange(rows, dtype="f4") * 3, batch_size=size, shuffle=shuffle)
    single = list(src.batches(epoch))
    assert sorted(np.concatenate([b.x[0] for b in single])) == x.tolist()
    assert [b.rows for b in single] == [size] * (rows // size) + [rows % size] * (rows % size > 0)
    assert sum(b.steps for b in src.batches(epoch, chunk)) == len(single) == src.steps
    for b in single:
        np.testing.assert_array_equal(b.y[0], b.x[0] * 2)
        np.testing.assert_array_equal(b.weights[0], b.x[0] * 3)
    steps: list[np.ndarray] = []
    for b in src.batches(epoch, chunk):
        assert b.steps in (1, chunk)
        assert b.x[0].shape == ((b.rows,) if b.steps == 1 else (chunk, size))
        steps.extend([b.x[0]] if b.steps == 1 else b.x[0])
    for one, other in zip(single, steps, strict=True):
        np.testing.assert_array_equal(one.x[0], other)


def test_the_order_belongs_to_the_epoch():
    src = source(np.arange(50), batch_size=7, shuffle=True)
    assert rows_of(src, 0) == rows_of(src, 0)
    assert rows_of(src, 0) != rows_of(src, 1)
    other = source(np.arange(50), batch_size=7, shuffle=True, address=("elsewhere",))
    assert rows_of(src, 0) != rows_of(other, 0)


def test_shuffling_batches_keeps_their_rows_together():
    batches = rows_of(source(np.arange(21), batch_size=4, shuffle="batch"), epoch=1)
    assert batches[-1] == [20]
    assert sorted(batches) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11], [12, 13, 14, 15], [16, 17, 18, 19], [20]]
    assert batches != sorted(batches)


@pytest.mark.parametrize(
    ("given_dtype", "declared", "expected"),
    [
        ("float64", "float32", "float32"),
        ("int64", "float32", "float32"),
        ("uint8", "float32", "float32"),
        ("bool", "float32", "float32"),
        ("int64", "int32", "int32"),
        ("float32", "bfloat16", "bfloat16"),
        ("float64", None, "float32"),
        ("int64", None, "int32"),
        ("uint8", None, "uint8"),
        ("bool", None, "bool"),
        ("float16", None, "float16"),
    ],
)
@pytest.mark.parametrize("limit", [0, 2**20], ids=["by batch", "whole"])
def test_casts_without_a_warning(monkeypatch, given_dtype, declared, expected, limit):
    monkeypatch.setattr(arrays, "_CAST_WHOLE_UP_TO", limit)
    x = np.array([0, 1, 1, 0, 1]).astype(given_dtype)
    src = ArraySource([NamedArray("x", x, declared)], batch_size=2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        batches = list(src.batches(0))
    assert [b.x[0].dtype for b in batches] == [np.dtype(expected)] * 3
    assert np.concatenate([b.x[0] for b in batches]).astype(int).tolist() == [0, 1, 1, 0, 1]


def test_a_big_array_is_not_doubled(monkeypatch):
    monkeypatch.setattr(arrays, "_CAST_WHOLE_UP_TO", 15)
    x = np.arange(4, dtype="f8")
    src = ArraySource([NamedArray("x", x, "float32")], batch_size=2)
    assert src._x[0].array is x
    assert [b.x[0].tolist() for b in src.batches(0)] == [[0, 1], [2, 3]]


def test_a_float_too_large_becomes_infinite():
    (batch,) = ArraySource([NamedArray("x", np.array([1e300, 1.0]), "float32")]).batches(0)
    assert batch.x[0].tolist() == [float("inf"), 1.0]


class Frame:
    """What pandas objects have in common, as far as we care."""

    def __init__(self, array: np.ndarray) -> None:
        self._array = array

    def to_numpy(self) -> np.ndarray:
        return self._array


@pytest.mark.parametrize(
    "value",
    [
        [[1.0, 2.0], [3.0, 4.0]],
        [np.array([1.0, 2.0]), np.array([3.0, 4.0])],
        np.array([[1, 2], [3, 4]], dtype=object),
        np.asfortranarray([[1.0, 2.0], [3.0, 4.0]]),
        jnp.array([[1.0, 2.0], [3.0, 4.0]]),
        Frame(np.array([[1, 2], [3, 4]])),
        Frame(np.array([[1, 2.5], [3, True]], dtype=object)),
        np.array([[1, 2], [3, 4]]).astype(ml_dtypes.bfloat16),
    ],
    ids=lambda value: type(value).__name__,
)
def test_whatever_holds_numbers_is_data(value):
    (batch,) = ArraySource([NamedArray("x", value, "float32")]).batches(0)
    assert batch.x[0].shape == (2, 2)
    assert batch.x[0][1, 0] == 3 and batch.x[0].flags.c_contiguous


class Sparse:
    def toarray(self) -> None: ...


class Unreadable:
    def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray:
        raise TypeError("on another device")

    def detach(self) -> None: ...


@pytest.mark.parametrize(
    ("value", "what", "hint"),
    [
        (["a", "b"], "does not hold numbers", "integer ids"),
        (np.array(["a"]), "does not hold numbers", "integer ids"),
        (np.array(["2024-01-01"], dtype="datetime64[D]"), "does not hold numbers", ""),
        ([[1, 2], [3]], "cannot be read as an array", "padded"),
        (np.array([{}, {}], dtype=object), "does not hold numbers", ""),
        (3.0, "has no rows", "x[None]"),
        (None, "does not hold numbers", ""),
        (Sparse(), "does not hold numbers", ".toarray()"),
        (Unreadable(), "on another device", ".detach().cpu().numpy()"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_what_is_no_array_of_numbers_is_named(value, what, hint):
    with pytest.raises(DataError) as caught:
        as_array(NamedArray("ages", value))
    text = str(caught.value)
    assert "'ages'" in text and what in text and hint in text


@pytest.mark.parametrize(
    ("value", "dtype", "what"),
    [
        (np.array([1.0, np.nan]), "int32", "NaN or infinity"),
        (np.array([1.0, np.inf]), None, None),
        (np.array([1 + 2j]), "float32", "complex"),
    ],
)
@pytest.mark.parametrize("limit", [0, 2**20], ids=["by batch", "whole"])
def test_casts_that_would_lose_the_meaning(monkeypatch, value, dtype, what, limit):
    monkeypatch.setattr(arrays, "_CAST_WHOLE_UP_TO", limit)
    if what is None:
        assert len(list(ArraySource([NamedArray("x", value, dtype)]).batches(0))) == 1
        return
    with pytest.raises(DataError, match=what):
        list(ArraySource([NamedArray("x", value, dtype)]).batches(0))


def test_counts_that_differ_are_all_named():
    with pytest.raises(DataError) as caught:
        ArraySource([NamedArray("a", np.ones(5)), NamedArray("b", np.ones(5))], [NamedArray("y", np.ones(3))])
    assert caught.value.received == "a: 5, b: 5, y: 3"
    with pytest.raises(DataError) as caught:
        source(np.ones(5), np.ones(5), np.ones(4))
    assert caught.value.received == "x: 5, y: 5, sample_weight: 4"
    with pytest.raises(DataError, match="no rows"):
        source(np.ones((0, 3)))
    with pytest.raises(DataError, match="No data"):
        ArraySource([])


@pytest.mark.parametrize(
    "options", [{"batch_size": 0}, {"batch_size": 2.5}, {"batch_size": True}, {"shuffle": "rows"}, {"batch_size": -1}]
)
def test_illegal_arguments(options):
    with pytest.raises(ArgumentError) as caught:
        source(np.ones(3), **options)
    ((name, value),) = options.items()
    assert caught.value.received == f"{name}={value!r}"
    assert "test_arrays.py" in str(caught.value)


def test_shuffling_needs_a_generator():
    with pytest.raises(ArgumentError, match="generator"):
        ArraySource([NamedArray("x", np.ones(3))], shuffle=True)


@given(rows=st.integers(1, 200), fraction=st.floats(0.001, 0.999))
def test_split_takes_the_last_rows(rows, fraction):
    leaves = [NamedArray("x", np.arange(rows)), None, NamedArray("y", np.arange(rows) * 2, "int32")]
    kept = int(np.floor(rows * (1 - fraction)))
    if kept == 0:
        with pytest.raises(DataError, match="too few"):
            split(leaves, fraction)
        return
    train, validation = split(leaves, fraction)
    assert train[1] is None and validation[1] is None
    assert train[0].array.tolist() == list(range(kept))
    assert validation[0].array.tolist() == list(range(kept, rows))
    assert validation[2].dtype == "int32" and validation[2].name == "y"
    assert np.shares_memory(train[0].array, leaves[0].array)


# Recorded from Keras 3.15.1: rows of the training part of 5 rows.
@pytest.mark.parametrize(("fraction", "kept"), [(0.01, 4), (0.2, 4), (0.5, 2)])
def test_split_cuts_where_keras_cuts(fraction, kept):
    train, _ = split([NamedArray("x", np.arange(5))], fraction)
    assert len(train[0].array) == kept


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.1, 1.5, "a", None, True, float("nan")])
def test_split_refuses_what_is_no_fraction(fraction):
    with pytest.raises(ArgumentError, match="between 0 and 1"):
        split([NamedArray("x", np.arange(5))], fraction)


def test_split_refuses_too_few_rows_and_unequal_arrays():
    with pytest.raises(DataError, match="5 rows are too few"):
        split([NamedArray("x", np.arange(5))], 0.99)
    with pytest.raises(DataError, match="differ"):
        split([NamedArray("x", np.arange(5)), NamedArray("y", np.arange(4))], 0.5)
