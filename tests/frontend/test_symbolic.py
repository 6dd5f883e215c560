"""Symbolic tensors and call nodes: shapes, operators, and one node a call."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import kgc
from kgc import layers, ops
from kgc.compiler.errors import ArgumentError, GraphError, KgcError


def test_shapes_and_nodes() -> None:
    x = kgc.Input((None, 4), name="x")
    dense = layers.Dense(3)
    y = dense(x)
    assert x.shape == (None, None, 4) and y.shape == (None, None, 3) and y.dtype == "float32" and y.ndim == 3
    assert str(x.type) != str(y.type) and y.node.operation is dense and y.node.inputs == [x]
    z = dense(x)
    assert [node.index for node in dense.inbound_nodes] == [0, 1] and z.node is not y.node
    assert "shape=(None, None, 3)" in repr(y)


def test_every_function_makes_one_node() -> None:
    x = kgc.Input((4,))
    for y, name in (
        (ops.mean(x, axis=-1), "Mean"),
        (x + 1.0, "Add"),
        (x / 2.0, "TrueDivide"),
        (x[:, 0], "GetItem"),
        (ops.softmax(x), "Softmax"),
    ):
        from kgc.frontend.symbolic import class_name

        assert y.node.inputs == [x] and class_name(y.node.operation.public_name) == name
        assert y.node.operation.inbound_nodes == [y.node]


def test_operators_agree_with_numpy() -> None:
    a = np.array([[1.0, -2.0, 3.0]], "float32")
    rows: list[Any] = [
        lambda x: x + 1, lambda x: 1 - x, lambda x: 2 * x, lambda x: x / 4, lambda x: 4 / x, lambda x: x**2,
        lambda x: -x, lambda x: abs(x), lambda x: x % 2, lambda x: x // 2, lambda x: x[:, ::-1],
        lambda x: a * x, lambda x: x @ a.T,
    ]  # fmt: skip
    for row in rows:
        x = kgc.Input((3,))
        np.testing.assert_allclose(np.asarray(kgc.Model(x, row(x))(a)), row(a), rtol=1e-6)


def test_identity_and_hash() -> None:
    x, y = kgc.Input((3,)), kgc.Input((3,))
    assert x == x and not x == y and len({x, y, x}) == 2
    assert (x != y).dtype == "bool" and x != None  # noqa: E711


@pytest.mark.parametrize(
    "use",
    [bool, len, iter, float, int, np.asarray, np.sum, np.sin, lambda x: 1 if x > 0 else 0],
    ids=lambda use: use.__name__,
)
def test_what_has_no_value_says_so(use: Any) -> None:
    with pytest.raises(KgcError) as caught:
        use(kgc.Input((3,)))
    assert "test_symbolic.py" in str(caught.value)


def test_a_tensor_of_the_model_inside_a_call() -> None:
    outside = kgc.Input((3,))

    class Closes(layers.Layer):
        def call(self, x: Any) -> Any:
            return x + outside

    with pytest.raises(GraphError, match="inside another layer's `call`"):
        Closes()(kgc.Input((3,)))


def test_only_dense_tensors_are_made() -> None:
    assert ops.is_tensor(ops.convert_to_tensor([1.0])) and not ops.is_tensor([1.0])
    for wrong in ({"sparse": True}, {"ragged": True}):
        with pytest.raises(ArgumentError, match="dense tensors only"):
            ops.convert_to_tensor([1.0], **wrong)
