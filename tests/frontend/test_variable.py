"""`Variable`: values, assignment, arithmetic, and what it refuses."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import kgc
from kgc import Variable
from kgc.compiler.errors import ArgumentError, GraphError, ShapeError


def test_from_a_value_and_from_an_initializer() -> None:
    held = np.arange(3, dtype="int32")
    v = Variable(held, name="v")
    held[:] = 9
    assert v.numpy().tolist() == [0, 1, 2] and v.dtype == "int32" and v.shape == (3,) and v.ndim == 1 and v.name == "v"
    assert Variable([1.0, 2.0]).dtype == Variable(3.0).dtype == "float32"
    assert Variable(np.zeros(2)).dtype == "float32"  # JAX has no float64 here
    ones = Variable("ones", shape=(2, 2), dtype="bfloat16", trainable=False)
    assert ones.dtype == "bfloat16" and float(np.asarray(ones.value, "float32").sum()) == 4 and not ones.trainable
    assert Variable(lambda shape, dtype: np.full(shape, 7), shape=(2,)).numpy().tolist() == [7, 7]


def test_assignment() -> None:
    v = Variable(np.zeros(2, "float32"))
    v.assign([1, 2])
    v.assign_add(np.ones(2, "float32"))
    v.assign_sub(jnp.full(2, 0.5))
    assert v.numpy().tolist() == [1.5, 2.5]
    v.assign(Variable([3.0, 4.0]))
    assert v.numpy().tolist() == [3.0, 4.0]
    copy = v.numpy()
    copy[:] = 0
    assert v.numpy().tolist() == [3.0, 4.0]
    with pytest.raises(ShapeError, match="cannot take a value of another shape"):
        v.assign(np.zeros(3))
    with pytest.raises(GraphError, match="cannot be assigned inside"):
        jax.jit(lambda x: v.assign(x))(jnp.zeros(2))
    assert v.numpy().tolist() == [3.0, 4.0]


def test_it_computes_as_an_array() -> None:
    v = Variable(np.array([[1.0, 2.0], [3.0, 4.0]], "float32"))
    x = np.array([[1.0, 1.0]], "float32")
    np.testing.assert_array_equal(np.asarray(x @ v), x @ v.numpy())
    np.testing.assert_array_equal(np.asarray(2.0 * v - v / 2.0 + v[:1]), 1.5 * v.numpy() + v.numpy()[:1])
    np.testing.assert_array_equal(np.asarray(kgc.ops.sum(v)), 10.0)
    np.testing.assert_array_equal(np.asarray(v), v.numpy())
    assert isinstance(v.value, jax.Array) and len(v) == 2 and float(Variable(2.5)) == 2.5 and "(2, 2)" in repr(v)


def test_what_it_refuses() -> None:
    with pytest.raises(ArgumentError, match="needs a shape"):
        Variable("zeros")
    with pytest.raises(ArgumentError, match="does not have the argument 'colour'"):
        Variable(1.0, colour=1)
    with pytest.raises(ArgumentError, match="one device"):
        Variable(1.0, aggregation="median")
    with pytest.raises(ShapeError, match="must have shape"):
        Variable(np.zeros(2), shape=(3,))
