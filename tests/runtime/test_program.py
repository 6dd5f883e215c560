"""`Program`: inputs that passes drop, state, transformed parameters, random keys, and slots that move."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kgc.compiler.errors import GraphError
from kgc.compiler.parser import parse
from kgc.runtime.program import Program, derive_key
from kgc.runtime.store import STORE, Handle


def handles(graph: Any, **values: Any) -> dict[str, Handle]:
    """A handle for each variable of the graph."""
    return {
        value.name: Handle(np.asarray(values[value.name], "float32"), name=value.name, type=value.type)
        for value in (*graph.params, *graph.state)
    }


COUNTING = """
graph @counting(%x: f32[b, 2], %unused: f32[b]) -> (f32[b, 2], f32[b]) {
  param %w: f32[2]
  state %n: f32[]
  %0: f32[b, 2] = multiply(%x, %w)
  %1: f32[] = add(%n, 1.0)
  return %0, %unused
  assign %n = %1
}
"""


def test_outputs_and_state() -> None:
    graph = parse(COUNTING)
    held = handles(graph, w=[2.0, 3.0], n=0.0)
    program = Program(graph, held)
    for batch in (3, 3, 5):
        product, same = program([np.ones((batch, 2), "float32"), np.ones(batch, "float32")])
        np.testing.assert_array_equal(np.asarray(product), np.tile([2.0, 3.0], (batch, 1)))
        assert same.shape == (batch,)
    assert float(held["n"].read()) == 3.0
    held["w"].write(np.array([1.0, 1.0], "float32"))
    held["n"].write(np.float32(10.0))
    product, _ = program([np.ones((3, 2), "float32"), np.ones(3, "float32")])
    assert np.asarray(product).sum() == 6.0 and float(held["n"].read()) == 11.0


def test_inputs_that_no_output_needs_are_still_taken() -> None:
    graph = parse("graph @g(%a: f32[b], %b: f32[b]) -> (f32[b]) {\n  %0: f32[b] = negative(%b)\n  return %0\n}")
    program = Program(graph, {})
    np.testing.assert_array_equal(np.asarray(program([np.zeros(2, "float32"), np.ones(2, "float32")])[0]), [-1.0, -1.0])


def test_transformed_parameters_follow_the_store() -> None:
    import kgc
    from kgc import layers

    x = kgc.Input((2,))
    dense, norm = layers.Dense(2, use_bias=False), layers.BatchNormalization(epsilon=0.0)
    model = kgc.Model(x, norm(dense(x)))
    program = model.program(False)
    assert program.transform is not None
    data = np.eye(2, dtype="float32")
    for mean in (0.0, 1.0, 5.0):
        norm.moving_mean.assign(np.full(2, mean))
        np.testing.assert_allclose(np.asarray(program([data])[0]), dense.kernel.numpy() - mean, rtol=1e-5, atol=1e-6)


def test_slots_that_move_are_followed() -> None:
    graph = parse(COUNTING)
    held = handles(graph, w=[2.0, 3.0], n=0.0)
    other = handles(graph, w=[0.0, 0.0], n=5.0)
    program = Program(graph, held)
    data = [np.ones((1, 2), "float32"), np.ones(1, "float32")]
    before = np.asarray(program(data)[0])
    STORE.stack([other["w"], held["w"]])
    STORE.stack([held["n"], other["n"]])
    np.testing.assert_array_equal(np.asarray(program(data)[0]), before)
    assert float(held["n"].read()) == 2.0 and float(other["n"].read()) == 5.0


def test_addresses_make_keys() -> None:
    import jax

    def bits(*address: int, name: str = "key") -> bytes:
        return np.asarray(jax.random.key_data(derive_key(np.array(address, np.uint32), name))).tobytes()

    addresses = [(1, 2, 0, 0, 0), (2, 2, 0, 0, 0), (1, 3, 0, 0, 0), (1, 2, 1, 0, 0), (1, 2, 0, 1, 0), (1, 2, 0, 0, 1)]
    assert len({bits(*address) for address in addresses}) == len(addresses)
    assert bits(1, 2, 3, 4, 5) == bits(1, 2, 3, 4, 5)
    seedless = {bits(seed, 2, 0, 0, 0, name="seedless_key") for seed in range(3)}
    assert len(seedless) == 1


def test_a_variable_that_is_missing_is_named() -> None:
    graph = parse(COUNTING)
    held = handles(graph, w=[2.0, 3.0], n=0.0)
    del held["w"]
    with pytest.raises(GraphError, match="no variable is bound to w"):
        Program(graph, held)
