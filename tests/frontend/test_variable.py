"""`Variable`: values, assignment, arithmetic, and what it refuses."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import kgc
from kgc import Variable
from kgc.compiler.errors import ArgumentError, DTypeError, GraphError, ShapeError


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


def test_jax_numpy_takes_a_variable_where_jax_asks_for_its_array():
    variable = kgc.Variable(np.array([1.0, 2.0], np.float32))
    np.testing.assert_array_equal(jnp.asarray(variable), [1.0, 2.0])
    np.testing.assert_array_equal(jnp.ones(2) * variable, [1.0, 2.0])

    class Mixing(kgc.layers.Layer):
        def build(self, input_shape):
            self.w = self.add_weight(shape=(input_shape[-1], 4), name="w")

        def call(self, inputs):
            return jnp.einsum("bi,ij->bj", jnp.sin(inputs), self.w) + jnp.asarray(self.w)[0][None]

    inputs = kgc.Input((3,))
    layer = Mixing()
    model = kgc.Model(inputs, layer(inputs))
    x = np.random.default_rng(0).random((2, 3), dtype=np.float32)
    w = layer.w.numpy()
    np.testing.assert_allclose(model(x), np.sin(x) @ w + w[:1], rtol=1e-5, atol=1e-6)
    layer.w.assign(w * 2)  # it was not taken as a constant
    np.testing.assert_allclose(model(x), 2 * (np.sin(x) @ w + w[:1]), rtol=1e-5, atol=1e-6)


def test_numpy_in_a_call_does_not_freeze_a_variable():
    class Frozen(kgc.layers.Layer):
        def build(self, input_shape):
            self.w = self.add_weight(shape=(input_shape[-1],), name="w")

        def call(self, inputs):
            return inputs * np.asarray(self.w)

    with pytest.raises(GraphError, match="NumPy was given variable 'frozen/w' in a `call`"):
        Frozen(name="frozen")(kgc.Input((3,)))


def test_a_function_of_jax_that_takes_arrays_only_says_what_to_write():
    class Dot(kgc.layers.Layer):
        def build(self, input_shape):
            self.w = self.add_weight(shape=(input_shape[-1], 2), name="w")

        def call(self, inputs):
            return jnp.dot(inputs, self.w)

    with pytest.raises(DTypeError, match="JAX was handed a Variable") as caught:
        Dot()(kgc.Input((3,)))
    assert "variable.value" in str(caught.value)
