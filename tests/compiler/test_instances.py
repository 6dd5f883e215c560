"""Small random instances: sizes that a graph takes, arrays that make sense where they are used, and what it costs."""

from __future__ import annotations

import numpy as np
import pytest

from kgc.compiler import instances
from kgc.compiler.graph import Graph
from kgc.compiler.op import REGISTRY
from kgc.compiler.parser import parse

from .ops.calls import calls

HEAD = (
    "graph @main(%ids: i32[b, t], %float_ids: f32[b], %y: i32[b], %p: f32[b, 3], %m: bool[b, t], %key: key[]) -> "
    "(f32[b, t, 3], f32[b], f32[b], f32[b, 3]) {"
)
GRAPH = f"""{HEAD}
  param %table: f32[50, 3]
  param %kernel: f32[400, 3]
  state %mean: f32[3]
  state %variance: f32[3]
  %0: i32[b, t, 1] = expand_dims(%ids, axis=-1)
  %1: i32[b, t] = squeeze(%0, axis=2)
  %2: f32[b, t, 3] = take(%table, %1, axis=0)
  %3: f32[b, t, 3] = batch_normalization(%2, %mean, %variance, axis=-1)
  %4: i32[b] = cast(%float_ids, dtype="int32")
  %5: f32[b, 7] = one_hot(%4, num_classes=7)
  %6: f32[b] = sum(%5, axis=1)
  %7: f32[b] = sparse_categorical_crossentropy(%y, %p)
  %8: f32[b, 3] = take(%kernel, %y, axis=0)
  return %3, %6, %7, %8
}}"""


def made(graph: Graph, draw: str = "plain", seed: int = 0) -> tuple[instances.Env, instances.Arrays]:
    rng = np.random.default_rng(seed)
    env = next(env for _, env in instances.sizes(graph, rng) if env is not None)
    return env, instances.arrays(graph, env, draw, rng)


def test_arrays_make_sense() -> None:
    graph = parse(GRAPH)
    _, arrays = made(graph)
    assert arrays["ids"].max() > 3 and 0 <= arrays["ids"].min() and arrays["ids"].max() < 50
    assert set(arrays["float_ids"]) <= set(range(7)) and arrays["float_ids"].dtype == "float32"
    assert set(arrays["y"]) <= {0, 1, 2}  # the lesser of two demands
    assert arrays["p"].min() > 0 and arrays["p"].max() < 1 and arrays["variance"].min() > 0 > arrays["mean"].min()
    assert arrays["m"][:, 0].all() and not arrays["m"].all()
    assert arrays["kernel"].std() < 0.1 < arrays["table"].std()
    for value in graph.arguments():
        array = arrays[value.name]
        assert array.ndim == value.type.rank and (value.type.dtype == "key" or array.dtype == value.type.dtype)


def test_draws() -> None:
    graph = parse("graph @m(%x: f32[b, 64]) -> (f32[b, 64]) {\n  %0: f32[b, 64] = relu(%x)\n  return %0\n}")
    plain, wide, positive = (made(graph, draw)[1]["x"] for draw in instances.DRAWS)
    assert plain.min() < -1 < 1 < plain.max() and wide.std() > 3 * plain.std() and positive.min() > 0
    np.testing.assert_array_equal(plain, made(graph)[1]["x"])
    assert not np.array_equal(plain, made(graph, seed=1)[1]["x"])


def test_kinds_of_sizes() -> None:
    graph = parse("graph @m(%x: f32[b, t0, 5], %y: f32[t1, 5]) -> (f32[b, t0, 5]) {\n  return %x\n}")
    differ, row, equal = (list((env or {}).values()) for _, env in instances.sizes(graph, np.random.default_rng(0)))
    assert len(set(differ)) == 3 and min(differ) > 3 and row[0] == 1 and len(set(row)) == 3 and equal == [5, 5, 5]
    static = parse("graph @m(%x: f32[2]) -> (f32[2]) {\n  return %x\n}")
    assert list(instances.sizes(static, np.random.default_rng(0))) == [("", {})]


def test_sizes_grow_until_the_graph_takes_them() -> None:
    text = """graph @m(%x: f32[b, t0, 2], %y: f32[b, t0 + -40]) -> (f32[b, t0 + -24, 3], f32[b, t0 + -40]) {
  param %k: f32[25, 2, 3]
  %0: f32[b, t0 + -24, 3] = conv(%x, %k)
  return %0, %y
}"""
    graph = parse(text)
    for _, env in instances.sizes(graph, np.random.default_rng(0)):
        assert env is not None and max(int(size) for size in env.values()) > 40  # type: ignore[call-overload]


def test_sizes_that_nothing_fits() -> None:
    text = "graph @m(%x: f32[t0], %y: f32[t0 + -999]) -> (f32[t0]) {\n  return %x\n}"
    assert all(env is None for _, env in instances.sizes(parse(text), np.random.default_rng(0)))


def test_work() -> None:
    body = (
        "graph @body(%c: f32[b, 8], %w: f32[8, 8]) -> (f32[b, 8]) {\n  %0: f32[b, 8] = matmul(%c, %w)\n  return %0\n}"
    )
    text = (
        "graph @m(%x: f32[b, 8], %w: f32[8, 8]) -> (f32[b, 8]) {\n  %0: f32[b, 8] = matmul(%x, %w)\n"
        "  %1: f32[b, 8] = scan(body=@body, init=[%0], xs=[], invariants=[%w], length=10)\n  return %1\n}"
    )
    graph = parse(f"{body}\n\n{text}")
    operations, elements = instances.work(graph, {str(graph.inputs[0].shape[0]): 3})
    assert 11 * 2 * 3 * 64 <= operations <= 12 * 2 * 3 * 64
    assert 11 * 24 <= elements <= 20 * 24


@pytest.mark.parametrize("name", REGISTRY)
def test_every_op_has_instances(name: str) -> None:
    for call in calls(name)[:1]:
        graph = call.graph()
        for kind, env in instances.sizes(graph, np.random.default_rng(0)):
            assert env is not None, kind
            arrays = instances.arrays(graph, env, "plain", np.random.default_rng(0))
            assert len(arrays) == len(graph.inputs)
