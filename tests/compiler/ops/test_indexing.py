"""`x[key]`, `take` and the ops that move elements, against NumPy on drawn shapes."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as hnp

from kgc.compiler import builder, interpret
from kgc.compiler.errors import ArgumentError
from kgc.compiler.graph import Graph
from kgc.compiler.op import REGISTRY
from kgc.compiler.parser import parse
from kgc.compiler.types import parse_type, tensor_type

shapes = hnp.array_shapes(min_dims=1, max_dims=4, max_side=4)


def filled(shape: tuple[int, ...]) -> np.ndarray:
    return np.arange(np.prod(shape, dtype=int), dtype="float32").reshape(shape)


def record(shape: tuple[int, ...], body: Any) -> Graph:
    with builder.Builder("g") as made:
        return made.finish([body(made.input("x", tensor_type(shape, "float32")))])


def check(shape: tuple[int, ...], body: Any, expected: np.ndarray) -> None:
    """The recorded call's type and text, without compiling, and its value."""
    graph = record(shape, body)
    assert graph.outputs[0].type.shape == expected.shape
    assert parse(str(graph)) == graph
    with jax.disable_jit():
        (found,), _ = interpret.evaluate(graph, [filled(shape)])
    np.testing.assert_array_equal(found, expected)


@settings(max_examples=40)
@given(st.data())
def test_basic_indices_are_numpys(data: st.DataObject) -> None:
    shape = data.draw(shapes)
    index = hnp.basic_indices(shape, allow_newaxis=True, max_dims=5)
    key = data.draw(index.filter(lambda key: filled(shape)[key].size > 0))
    check(shape, lambda x: x[key], np.asarray(filled(shape)[key]))


@settings(max_examples=30)
@given(st.data())
def test_reshape_and_transpose_are_numpys(data: st.DataObject) -> None:
    shape = data.draw(shapes)
    axes = data.draw(st.permutations(range(len(shape))))
    order = [axis - len(shape) if data.draw(st.booleans()) else axis for axis in axes]
    free = data.draw(st.integers(0, len(shape) - 1))
    target = [-1 if i == free else shape[axis] for i, axis in enumerate(axes)]
    expected = np.transpose(filled(shape), axes).reshape([shape[i] for i in range(len(shape))])
    check(shape, lambda x: REGISTRY["reshape"](REGISTRY["transpose"](x, order), shape), expected)
    check(shape, lambda x: REGISTRY["reshape"](x, target), filled(shape).reshape(target))


X = filled((3, 4, 5))
PICKED = np.array([[2, 0], [1, 1]], "int32")


@pytest.mark.parametrize(
    "key",
    [
        PICKED,
        [0, 2],
        (slice(None), PICKED),
        (..., PICKED),
        (slice(1, None), slice(None), PICKED),
        (..., [1, 3], slice(None, None, -1)),
        (None, slice(None), [0, -1]),
    ],
    ids=str,
)
def test_one_tensor_of_indices_picks_as_in_numpy(key: Any) -> None:
    check(X.shape, lambda x: x[key], X[key])


@pytest.mark.parametrize(
    "key, text",
    [
        ((PICKED, PICKED), "indexed by one tensor"),
        ((0, slice(None), PICKED), "indexed by one tensor"),
        (np.ones(3, bool), "by a condition"),
    ],
)
def test_other_tensors_of_indices_are_refused(key: Any, text: str) -> None:
    with pytest.raises(ArgumentError, match=text) as raised:
        record(X.shape, lambda x: x[key])
    assert raised.value.hint


def test_a_symbolic_index_becomes_a_take() -> None:
    with builder.Builder("g") as made:
        x, i = made.input("x", parse_type("f32[b, 4]")), made.input("i", parse_type("i32[t]"))
        graph = made.finish([x[:, i]])
    assert [node.op.name for node in graph.nodes] == ["take"]
    (out,), _ = interpret.evaluate(graph, [filled((2, 4)), np.array([3, 0, 1], "int32")])
    np.testing.assert_array_equal(out, filled((2, 4))[:, [3, 0, 1]])


def test_sizes_may_bound_a_slice() -> None:
    names: dict[str, Any] = {}
    with builder.Builder("g") as made:
        x, y = (made.input(name, parse_type(f"f32[b, {size}]", names)) for name, size in (("x", "t"), ("y", "7")))
        graph = made.finish([y[:, : x.shape[0]]])
    assert parse(str(graph)) == graph
    (out,), _ = interpret.evaluate(graph, [filled((3, 2)), filled((3, 7))])
    assert out.shape == (3, 3)


def test_out_of_range_is_nan_and_negative_counts_from_the_end() -> None:
    found = REGISTRY["take"](X[0], np.array([-1, 4, 9], "int32"), axis=1)
    np.testing.assert_array_equal(found[:, :2], X[0][:, [4, 4]])
    assert np.isnan(np.asarray(found)[:, 2]).all()
