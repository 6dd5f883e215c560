"""`fuse_attention`: softmax(query · key) · value written out becomes one op, with the same numbers in every row."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import kgc
from kgc import layers, ops
from kgc.compiler import pipeline
from kgc.compiler.graph import Graph
from kgc.compiler.parser import parse
from kgc.compiler.passes.fuse_attention import fuse_attention
from kgc.compiler.passes.prune_dead import prune_dead
from kgc.compiler.verifier import verify

from ..strategies import holds, run

HEADS = """
graph @main(%q: f32[b, t, 2, 4], %k: f32[b, t1, 2, 4], %v: f32[b, t1, 2, 3]) -> (f32[b, t, 2, 3]) {
  %0: f32[b, 2, t, 4] = transpose(%q, axes=(0, 2, 1, 3))
  %1: f32[b, 2, 4, t1] = transpose(%k, axes=(0, 2, 3, 1))
  %2: f32[b, 2, t, t1] = matmul(%0, %1)  loc("model.py":3, "scores")
  %3: f32[b, 2, t, t1] = divide(%2, 2.0)
  %4: i32[t] = arange(start=0, stop=t, step=1, dtype="int32")
  %5: i32[t, 1] = expand_dims(%4, axis=1)
  %6: i32[t1] = arange(start=0, stop=t1, step=1, dtype="int32")
  %7: bool[t, t1] = greater_equal(%5, %6)
  %8: f32[b, 2, t, t1] = where(%7, %3, -1000000000.0)
  %9: f32[b, 2, t, t1] = softmax(%8)
  %10: f32[b, 2, t1, 3] = transpose(%v, axes=(0, 2, 1, 3))
  %11: f32[b, 2, t, 3] = matmul(%9, %10)  loc("model.py":7, "mean")
  %12: f32[b, t, 2, 3] = transpose(%11, axes=(0, 2, 1, 3))
  return %12
}"""

FUSED = """
graph @main(%q: f32[b, t0, 2, 4], %k: f32[b, t1, 2, 4], %v: f32[b, t1, 2, 3]) -> (f32[b, t0, 2, 3]) {
  %0: f32[b, t0, 2, 3] = dot_product_attention(%q, %k, %v, is_causal=True)
  return %0
}"""

PLAIN = """
graph @main(%q: f32[b, t, 4], %k: f32[b, s, 4], %v: f32[b, s, 3]) -> (f32[b, t, 3]) {
  %0: f32[b, t, s] = einsum(subscripts="btd,bsd->bts", operands=[%q, %k])
  %1: f32[b, t, s] = softmax(%0)
  %2: f32[b, t, 3] = matmul(%1, %v)
  return %2
}"""

PLAIN_FUSED = """
graph @main(%q: f32[b, t0, 4], %k: f32[b, t1, 4], %v: f32[b, t1, 3]) -> (f32[b, t0, 3]) {
  %0: f32[b, t0, 1, 4] = expand_dims(%q, axis=2)
  %1: f32[b, t1, 1, 4] = expand_dims(%k, axis=2)
  %2: f32[b, t1, 1, 3] = expand_dims(%v, axis=2)
  %3: f32[b, t0, 1, 3] = dot_product_attention(%0, %1, %2, scale=1.0)
  %4: f32[b, t0, 3] = squeeze(%3, axis=2)
  return %4
}"""


@pytest.mark.parametrize(("before", "after"), [(HEADS, FUSED), (PLAIN, PLAIN_FUSED)], ids=["heads", "no heads"])
def test_texts(before: str, after: str) -> None:
    result = holds(fuse_attention, before, after, grads=True, at_end=prune_dead)
    made = next(node for node in result.graph.nodes if node.op.name == "dot_product_attention")
    assert before is PLAIN or (made.loc is not None and made.loc.key() == ("model.py", 7, "mean"))


# Ways to write it, as functions of q [b, t, 2, 4], k and v [b, s, 2, 4] and mask bool[b, s], and what must be found.
Way = Callable[[Any, Any, Any, Any], Any]


def _scores(q: Any, k: Any) -> Any:
    return ops.einsum("bqhd,bkhd->bhqk", [q, k])


def _mean(scores: Any, v: Any) -> Any:
    return ops.einsum("bhqk,bkhd->bqhd", [ops.softmax(scores), v])


def _causal(q: Any, k: Any) -> Any:
    return ops.greater_equal(ops.expand_dims(ops.arange(q.shape[1]), 1), ops.arange(k.shape[1]))


def _keys(mask: Any) -> Any:
    return ops.expand_dims(mask, (1, 2))


def _bias_of(condition: Any, low: float = -1e9) -> Any:
    return ops.multiply(ops.subtract(1.0, ops.cast(condition, "float32")), low)


def _by_hand(x: Any) -> Any:
    powers = ops.exp(ops.subtract(x, ops.max(x, axis=-1, keepdims=True)))
    return ops.divide(powers, ops.sum(powers, axis=-1, keepdims=True))


def _swapped(q: Any, k: Any, v: Any, mask: Any) -> Any:
    """Scores as (keys, queries) of a product that is transposed afterwards."""
    scores = ops.swapaxes(ops.einsum("bkhd,bqhd->bhkq", [k, q]), -1, -2)
    return ops.einsum("bkhd,bhqk->bhqd", [v, ops.softmax(scores / 2.0)])


def _heads_first(q: Any, k: Any, v: Any, mask: Any) -> Any:
    q, k, v = (ops.transpose(x, (2, 0, 1, 3)) for x in (q, k, v))
    bias = ops.transpose(ops.expand_dims(_bias_of(mask), (1, 2)), (1, 0, 2, 3))
    return ops.matmul(ops.softmax(q @ ops.swapaxes(k, -1, -2) + bias), v)


def _one_head(q: Any, k: Any, v: Any, mask: Any) -> Any:
    q, k, v = (x[:, :, 0] for x in (q, k, v))
    scores = ops.where(ops.expand_dims(mask, 1), q @ ops.swapaxes(k, 1, 2), -1e9)
    return ops.softmax(scores) @ v


def _two_masks(q: Any, k: Any, v: Any, mask: Any) -> Any:
    return _mean(ops.where(_keys(mask), ops.where(_causal(q, k), _scores(q, k), -1e9), -1e9), v)


WAYS: dict[str, tuple[Way, dict[str, Any]]] = {
    "scores alone": (lambda q, k, v, m: _mean(_scores(q, k), v), {"scale": 1.0}),
    "times": (lambda q, k, v, m: _mean(0.3 * _scores(q, k), v), {"scale": 0.3}),
    "by the root": (lambda q, k, v, m: _mean(_scores(q, k) / math.sqrt(4), v), {}),
    "by an array": (lambda q, k, v, m: _mean(_scores(q, k) / np.sqrt(np.float32(4)), v), {}),
    "by a root in the graph": (lambda q, k, v, m: _mean(_scores(q, k) / ops.sqrt(ops.cast(4, "float32")), v), {}),
    "queries and keys": (lambda q, k, v, m: _mean(_scores(q * 0.5, k / 4.0), v), {"scale": 0.125}),
    "queries, transposed": (lambda q, k, v, m: _mean(_scores(ops.transpose(ops.transpose(q) * 0.5), k), v), {}),
    "softmax by hand": (lambda q, k, v, m: ops.einsum("bhqk,bkhd->bqhd", [_by_hand(_scores(q, k) / 2.0), v]), {}),
    "axis 3": (lambda q, k, v, m: ops.einsum("bhqk,bkhd->bqhd", [ops.softmax(_scores(q, k) / 2.0, axis=3), v]), {}),
    "keys by queries": (_swapped, {}),
    "heads first": (_heads_first, {"scale": 1.0, "bias": True}),
    "one head": (_one_head, {"scale": 1.0, "mask": True}),
    "added": (lambda q, k, v, m: _mean(_scores(q, k) / 2.0 + _bias_of(_keys(m)), v), {"bias": True}),
    "taken off": (lambda q, k, v, m: _mean(_scores(q, k) / 2.0 - _keys(ops.cast(m, "float32")), v), {"bias": True}),
    "added, two bools": (lambda q, k, v, m: _mean(_scores(q, k) / 2.0 + _keys(m) + _causal(q, k), v), {"bias": True}),
    "added, then scaled": (lambda q, k, v, m: _mean((_scores(q, k) + ops.cast(_keys(m), "float32")) / 2.0, v),
                           {"bias": True}),
    "chosen": (lambda q, k, v, m: _mean(ops.where(_keys(m), _scores(q, k) / 2.0, -1e9), v), {"mask": True}),
    "chosen away": (lambda q, k, v, m: _mean(ops.where(_keys(ops.logical_not(m)), -1e30, _scores(q, k) / 2.0), v),
                    {"mask": True}),
    "chosen by numbers": (lambda q, k, v, m: _mean(ops.where(_keys(ops.cast(m, "int32")), _scores(q, k) / 2.0, -1e9),
                                                   v), {"mask": True}),
    "chosen, added before": (lambda q, k, v, m: _mean(ops.where(_keys(m), _scores(q, k) / 2.0 + q[:, 0, :, :1, None],
                                                                -1e9), v), {"mask": True, "bias": True}),
    "infinite": (lambda q, k, v, m: _mean(ops.where(_keys(m), _scores(q, k) / 2.0, -math.inf), v), {"bias": True}),
    "causal": (lambda q, k, v, m: _mean(ops.where(_causal(q, k), _scores(q, k) / 2.0, -math.inf), v),
               {"is_causal": True}),
    "causal, added": (lambda q, k, v, m: _mean(_scores(q, k) / 2.0 + _bias_of(_causal(q, k)), v), {"is_causal": True}),
    "causal, infinite, and a bias": (lambda q, k, v, m: _mean(ops.where(_causal(q, k), _scores(q, k) / 2.0, -math.inf)
                                                              + _bias_of(_keys(m)), v),
                                     {"bias": True}),
    "causal, infinite, and keys": (lambda q, k, v, m: _mean(ops.where(_keys(m), ops.where(
        _causal(q, k), _scores(q, k) / 2.0, -math.inf), -math.inf), v), {"bias": True}),
    "causal, added, and a bias": (lambda q, k, v, m: _mean(_scores(q, k) / 2.0 + _bias_of(_causal(q, k))
                                                           + _bias_of(_keys(m)), v), {"bias": True}),
    "causal and a mask": (_two_masks, {"is_causal": True, "mask": True, "scale": 1.0}),
    "both in one mask": (lambda q, k, v, m: _mean(ops.where(ops.logical_and(_causal(q, k), _keys(m)),
                                                            _scores(q, k) / 2.0, -1e9), v), {"mask": True}),
}  # fmt: skip


def traced(way: Way, *, static: bool = False) -> Graph:
    """The way's graph, without the passes that stand behind `fuse_attention`."""

    class Attend(layers.Layer):
        def call(self, q: Any, k: Any, v: Any, mask: Any) -> Any:
            return way(q, k, v, mask)

    t, s = (5, 6) if static else (None, None)
    given = [kgc.Input((n, 2, 4), name=name) for n, name in ((t, "q"), (s, "k"), (s, "v"))]
    given.append(kgc.Input((s,), dtype="bool", name="mask"))
    graph = kgc.Model(given, Attend()(*given)).graph(training=True)
    order = pipeline.names(training=True)
    return pipeline.optimize(graph, order[: order.index("fuse_attention")], training=True).graph


def attention(graph: Graph) -> Any:
    """The one attention op of the graph, or None."""
    found = [node for node in graph.nodes if node.op.name == "dot_product_attention"]
    assert len(found) <= 1
    return found[0] if found else None


def same(old: Graph, new: Graph, *, grads: bool = False) -> None:
    """Outputs, also where rows have no key at all; gradients where every row has one."""
    rng = np.random.default_rng(0)
    given = {n: rng.normal(size=(4, 5 if n == "q" else 6, 2, 4)).astype("float32") for n in "qkv"}
    mask = rng.uniform(size=(4, 6)) < 0.5
    mask[1], mask[2] = False, True

    def made(graph: Graph, qkv: Any, mask: Any) -> Any:
        (result,), _ = run(graph, {**dict(zip("qkv", qkv, strict=True)), "mask": mask})
        return result

    def slopes(graph: Graph, qkv: Any) -> Any:
        seen = jnp.asarray(mask).at[:, 0].set(True)
        return jax.grad(lambda qkv: jnp.sum(jnp.sin(made(graph, qkv, seen))))(qkv) if grads else ()

    both = jax.jit(lambda qkv: [(made(g, qkv, jnp.asarray(mask)), slopes(g, qkv)) for g in (old, new)])
    left, right = both([given[n] for n in "qkv"])
    for a, b in zip(jax.tree.leaves(left), jax.tree.leaves(right), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-6)


WITH_GRADIENTS = ("queries and keys", "softmax by hand", "chosen", "infinite", "causal and a mask")


@pytest.mark.parametrize("case", WAYS)
def test_ways_to_write_it(case: str) -> None:
    way, wanted = WAYS[case]
    old = traced(way)
    new = verify(prune_dead(fuse_attention(old)))
    made = attention(new)
    assert made is not None, str(old)
    assert not {"softmax", "exp", "matmul", "einsum"} & {node.op.name for node in new.nodes}
    got = {name: made.attr(name) for name in ("scale", "is_causal") if made.attr(name)}
    got |= {name: True for name in ("bias", "mask") if made.operand(name) is not None}
    assert got == pytest.approx(wanted)
    same(old, new, grads=case in WITH_GRADIENTS)
    assert fuse_attention(new) is new


def _used_twice(q: Any, k: Any, v: Any, mask: Any) -> Any:
    weights = ops.softmax(_scores(q, k))
    return ops.einsum("bhqk,bkhd->bqhd", [weights, v]), weights


KEPT: dict[str, Way] = {
    "probabilities are wanted": _used_twice,
    "scores are wanted": lambda q, k, v, m: (_mean(s := _scores(q, k), v), s),
    "a number that scores may reach": lambda q, k, v, m: _mean(ops.where(_keys(m), _scores(q, k), -1e4), v),
    "two numbers": lambda q, k, v, m: _mean(
        ops.where(_causal(q, k), ops.where(_keys(m), _scores(q, k), -1e9), -2e9), v
    ),
    "added behind a mask": lambda q, k, v, m: _mean(
        ops.where(_keys(m), _scores(q, k), -1e9) + _bias_of(_causal(q, k)), v
    ),
    "values are integers": lambda q, k, v, m: _mean(_scores(q, k), ops.cast(v, "int32")),
    "queries are integers": lambda q, k, v, m: _mean(_scores(ops.cast(q, "int32"), k), v),
    "weights that are whole": lambda q, k, v, m: ops.einsum(
        "bhqk,bkhd->bqhd", [ops.cast(ops.cast(ops.softmax(_scores(q, k)), "int32"), "float32"), v]
    ),
    "over queries": lambda q, k, v, m: ops.einsum("bhqk,bkhd->bqhd", [ops.softmax(_scores(q, k), axis=-2), v]),
    "over queries and keys": lambda q, k, v, m: ops.einsum(
        "bhqk,bkhd->bqhd", [ops.softmax(_scores(q, k), axis=(-1, -2)), v]
    ),
    "by a tensor": lambda q, k, v, m: _mean(_scores(q, k) * ops.mean(q), v),
    "no softmax": lambda q, k, v, m: ops.einsum("bhqk,bkhd->bqhd", [ops.sigmoid(_scores(q, k)), v]),
    "sums over queries": lambda q, k, v, m: ops.einsum("bhqk,bqhd->bkhd", [ops.softmax(_scores(q, k)), q]),
    "one weight for all sizes": lambda q, k, v, m: ops.einsum("bhqk,bkhd->bhq", [ops.softmax(_scores(q, k)), v]),
    "wider scores": lambda q, k, v, m: ops.einsum(
        "nbhqk,bkhd->nbqhd", [ops.softmax(_scores(q, k) + ops.zeros((2, 1, 1, 1, 1))), v]
    ),
}


@pytest.mark.parametrize("case", KEPT)
def test_what_is_left_alone(case: str) -> None:
    graph = traced(KEPT[case])
    assert fuse_attention(graph) is graph


ORDERS: dict[str, tuple[Callable[[Any, Any], Any], bool]] = {
    "rows >= columns": (lambda i, j: i >= j, True),
    "columns <= rows": (lambda i, j: ops.less_equal(j, i), True),
    "rows + 1 > columns": (lambda i, j: i + 1 > j, True),
    "columns - rows < 1": (lambda i, j: j - i < 1, True),
    "not later": (lambda i, j: ops.logical_not(j > i), True),
    "as numbers": (lambda i, j: ops.equal(ops.cast(i >= j, "float32"), 1.0), True),
    "ones and zeros": (lambda i, j: ops.where(i < j, 0, 1) > 0, True),
    "without itself": (lambda i, j: i > j, False),
    "one more": (lambda i, j: i + 1 >= j, False),
    "later": (lambda i, j: i <= j, False),
    "a window": (lambda i, j: ops.logical_and(i >= j, i - j < 3), False),
    "every other": (lambda i, j: i >= 2 * j, False),
    "all": (lambda i, j: i + j >= 0, False),
}


@pytest.mark.parametrize(("case", "static"), [*((c, False) for c in ORDERS), ("as numbers", True), ("a window", True)])
def test_orders_of_positions(case: str, static: bool) -> None:
    """With known sizes the mask is a constant by then; with unknown ones it is read from how it is made."""
    order, causal = ORDERS[case]

    def way(q: Any, k: Any, v: Any, mask: Any) -> Any:
        rows, columns = (ops.arange(x.shape[1]) for x in (q, k))
        return _mean(ops.where(order(ops.expand_dims(rows, -1), columns), _scores(q, k), -1e9), v)

    old = traced(way, static=static)
    new = verify(prune_dead(fuse_attention(old)))
    made = attention(new)
    assert made.attr("is_causal") is causal and (made.operand("mask") is None) is causal
    same(old, new)


def test_regions_are_looked_into() -> None:
    body = PLAIN.replace("@main", "@yes")
    main = """
graph @main(%p: bool[], %q: f32[b1, t1, 4], %k: f32[b1, s1, 4], %v: f32[b1, s1, 3]) -> (f32[b1, t1, 3]) {
  %0: f32[b1, t1, 3] = cond(%p, [%q, %k, %v], true=@yes, false=@yes)
  return %0
}"""
    old = verify(parse(body + "\n" + main))
    new = verify(fuse_attention(old))
    assert "softmax" not in str(new) and "dot_product_attention" in str(new)


@pytest.mark.parametrize(("count", "other"), [(1500, "%y"), (60, "")])
def test_long_sums_before_a_softmax(count: int, other: str) -> None:
    """As many ways lead to the first as there are additions of a tensor to itself: each is looked at once."""
    lines = [f"  %{i + 1}: f32[b, 8] = add(%{i}, {other or f'%{i}'})" for i in range(count)]
    graph = parse(
        "graph @main(%x: f32[b, 8], %y: f32[b, 8], %v: f32[8, 3]) -> (f32[b, 3]) {\n  %0: f32[b, 8] = relu(%x)\n"
        + "\n".join(lines)
        + f"\n  %s: f32[b, 8] = softmax(%{count})\n  %o: f32[b, 3] = matmul(%s, %v)\n  return %o\n}}"
    )
    assert fuse_attention(graph) is graph


@pytest.mark.parametrize(("start", "step", "end"), [
    ("%m: f32[b, 1, 4, 4]", "f32[b, 1, 4, 4] = add(%{0}, 1.0)", "add(%s, %{0})"),
    ("%m: i32[4]", "i32[4] = add(%{0}, %{0})", "where(%g, %s, -inf)"),
])  # fmt: skip
def test_masks_that_are_long_computations(start: str, step: str, end: str) -> None:
    count = 1500
    name, _, type_ = start.partition(": ")
    first = 'arange(0, 4, 1, "int32")' if type_[0] == "i" else f"negative({name})"
    lines = [f"  %0: {type_} = {first}"]
    lines += [f"  %{i + 1}: {step.format(i)}" for i in range(count)]
    if type_[0] == "i":
        lines.append(f"  %g: bool[4] = greater(%0, %{count})")
    graph = parse(f"""
graph @main(%q: f32[b, 1, 4, 2], %k: f32[b, 1, 2, 4], %v: f32[b, 1, 4, 2], {start}) -> (f32[b, 1, 4, 2]) {{
{chr(10).join(lines)}
  %s: f32[b, 1, 4, 4] = matmul(%q, %k)
  %t: f32[b, 1, 4, 4] = {end.format(count)}
  %w: f32[b, 1, 4, 4] = softmax(%t)
  %o: f32[b, 1, 4, 2] = matmul(%w, %v)
  return %o
}}""")
    made = attention(fuse_attention(graph))
    assert made is not None and made.operand("bias") is not None and not made.attr("is_causal")
