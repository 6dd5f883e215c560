"""A `call` that mixes `jax.numpy` with our tensors: what it imports, and that it means the same."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from kgc.compiler import builder, importing, interpret
from kgc.compiler.errors import DTypeError, GraphError, ShapeError
from kgc.compiler.jaxpr import trace_mixing
from kgc.compiler.op import REGISTRY
from kgc.compiler.parser import parse
from kgc.compiler.types import parse_type
from kgc.compiler.verifier import verify

from .mixing import agree, arrays_of, graph_of, round_trip

add, relu, matmul, dropout, fold_in, full = (
    REGISTRY[n] for n in ("add", "relu", "matmul", "dropout", "fold_in", "full")
)


@pytest.fixture(autouse=True)
def as_users_have_it() -> Iterator[None]:
    """Users' code promotes ranks and dtypes as JAX does by default."""
    with jax.numpy_rank_promotion("allow"), jax.numpy_dtype_promotion("standard"):
        yield


X, M, N, K, P = "f32[b, t, 8]", "f32[b, 8]", "i32[b]", "key[]", "f32[b, 8, 8, 3]"
KERNEL: Any = np.linspace(-1, 1, 3 * 3 * 3 * 4, dtype="float32").reshape(3, 3, 3, 4)

GROUPS: dict[str, list[tuple[Any, ...]]] = {
    "arithmetic": [
        (lambda m: jnp.exp(m) + jnp.log(m) + jnp.log1p(m) - jnp.expm1(m) * jnp.sin(m) / jnp.cos(m) + m**3 + 2**m, M),
        (lambda m: jnp.sqrt(m) + lax.rsqrt(m) + jnp.square(m) + jnp.reciprocal(m) + lax.erf(m) + jnp.abs(-m), M),
        (lambda m: jnp.maximum(m, 0.5) + jnp.minimum(m, 1) + jnp.clip(m, 0, 0.6) + jnp.mod(m, 0.3), M),
        (lambda m: (jnp.floor(m * 3), jnp.ceil(m * 3), jnp.round(m * 3), jnp.sign(m), m // 0.3), M),
        (lambda m: ((m > 0.5) & (m < 0.8)) | ~(m == 0.3) ^ (m != 0.2), M),
        (lambda i: ((i << 2) + (i >> 1) + (i & 3) - (i | 1), i // 2, i % 2, ~i), N),
        (lambda m: m.astype("bfloat16") * 2 + jnp.bfloat16(0.5), M),
        (lambda m: jnp.logaddexp(m, 0.5) + jax.scipy.special.xlogy(m, m) + jnp.sinc(m), M),
        (lambda m: jnp.nan_to_num(m) + jnp.isfinite(m) + jnp.arctan2(m, m) + jnp.cbrt(m), M),
    ],
    "reductions": [
        (lambda x: (jnp.sum(x), jnp.mean(x, 1), jnp.var(x, -1), jnp.max(x, 1), jnp.prod(x, -1), jnp.std(x)), X),
        (lambda x: (jnp.argmax(x, -1), jnp.min(x, (0, 1)), jnp.any(x > 0.5, -1), jnp.all(x > 0)), X),
        (lambda x: (jnp.cumsum(x, 1), jnp.cumprod(x, -1), lax.cummax(x, 1)), X),
        (lambda m: (jnp.sort(m, -1), jnp.argsort(m, -1), lax.top_k(m, 3), jnp.median(m, -1)), M),
        (lambda m: (jnp.linalg.norm(m, axis=-1), jax.nn.logsumexp(m, -1), m.mean(), m.sum(0)), M),
    ],
    "shapes": [
        (lambda x: jnp.concatenate([x, x], 1) + jnp.tile(x, (1, 2, 1)) + jnp.repeat(x, 2, 1), X),
        (
            lambda x: (jnp.stack([x, x], 1), jnp.split(x, 2, -1), jnp.pad(x, ((0, 0), (1, 1), (0, 0))), jnp.flip(x, 1)),
            X,
        ),
        (lambda x: (x.reshape(x.shape[0], -1), x.transpose(0, 2, 1), x[:, None].squeeze(1), x.T), X),
        (lambda m: (jnp.pad(m, ((0, 0), (2, 1)), mode="reflect"), jnp.outer(m[0], m[1]), m[::-1]), M),
        (lambda m: jnp.broadcast_to(m[:, None], (m.shape[0], 3, 8)), M),
        (lambda x: jnp.ones_like(x) + jnp.zeros(x.shape) + jnp.full((x.shape[1], 8), 2), X),
        (lambda m: (jnp.arange(m.shape[0]), jnp.arange(8) + m, jnp.linspace(0, 1, 8), m @ jnp.eye(8)), M),
        (lambda m: m / m.shape[0] + jnp.sqrt(m.shape[0]), M),
    ],
    "indexing": [
        (lambda x: (x[:, 1:], x[:, 0], x[:, -1], x[:, None, ..., ::2], x[..., 2:5]), X),
        (lambda m, i: (jnp.take(m, i, axis=1), jnp.take_along_axis(m, jnp.argsort(m, -1), -1), m[i]), M, N),
        (lambda m: (m.at[:, 0].set(1.0), m.at[:, 1:3].add(2), m.at[0].multiply(2.0), m.at[1].max(0.5)), M),
        (lambda m: jnp.where(m > 0.5, m, 0) + jnp.roll(m, 1, 1) + jnp.triu(jnp.ones((8, 8)))[2], M),
        (lambda m: lax.dynamic_slice(m, (0, m.shape[0]), (1, 4)), M),
        (lambda m: lax.dynamic_update_slice(m, jnp.ones((1, 2)), (0, 1)), M),
        (lambda m, i: (jax.nn.one_hot(i, 5), jax.ops.segment_sum(m, i, 4)), M, N),
    ],
    "products": [
        (lambda x: jnp.einsum("btd,bsd->bts", x, x), X),
        (lambda x: (jnp.dot(x, np.ones((8, 3), "float32")), jnp.tensordot(x, jnp.ones((8, 3)), 1)), X),
        (lambda x: jnp.matmul(x, jnp.swapaxes(x, 1, 2), precision="highest"), X),
        (lambda p: lax.conv_general_dilated(p, KERNEL, (2, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")), P),
        (lambda p: lax.reduce_window(p, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID"), P),
        (lambda p: lax.reduce_window(p, 0.0, lax.add, (1, 3, 3, 1), (1, 1, 1, 1), "SAME"), P),
        (lambda p: jax.image.resize(p, (p.shape[0], 4, 4, 3), "bilinear"), P),
        (lambda m: jnp.fft.fft(m).real, M),
    ],
    "networks": [
        (lambda x: (jax.nn.softmax(x), jax.nn.log_softmax(x), jax.nn.standardize(x)), X),
        (lambda x: jax.nn.gelu(x) + jax.nn.gelu(x, approximate=False) + jax.nn.silu(x) + jax.nn.softplus(x), X),
        (lambda x: jax.nn.relu(x - 0.5) + jax.nn.leaky_relu(x - 0.5) + jax.nn.elu(x - 0.5) + jax.nn.mish(x), X),
        (lambda x: jax.nn.relu6(x) + jax.nn.hard_sigmoid(x) + jax.nn.sigmoid(x) + jax.nn.glu(x).sum(), X),
        (lambda x: (x - x.mean(-1, keepdims=True)) * lax.rsqrt(x.var(-1, keepdims=True) + 1e-3), X),
        (lambda q: jax.nn.dot_product_attention(q, q, q), "f32[b, t, 2, 8]"),
        (
            lambda m: jax.vmap(lambda row: jnp.dot(row, row) + add(relu(row), row).sum() + REGISTRY["softmax"](row)[0])(
                m
            ),
            M,
        ),
        (lambda m: jax.grad(lambda m: jnp.sum(relu(m) ** 3 + REGISTRY["softmax"](m)))(m), M),
        (lambda m: jax.checkpoint(lambda m: jnp.sin(jnp.sin(m)))(m), M),
        (lambda m: lax.stop_gradient(m) * m, M),
    ],
    "control": [
        (lambda x: lax.scan(lambda c, a: (c + a, c * 2), jnp.zeros(8), jnp.swapaxes(x, 0, 1)[:, 0]), X),
        (lambda m: lax.cond(jnp.sum(m) > 0, jnp.sin, lambda a: -a, m), M),
        (lambda m: lax.switch(jnp.argmax(m[0]) % 3, [jnp.sin, jnp.cos, lambda a: a * 2], m), M),
        (lambda m: lax.fori_loop(0, 3, lambda i, c: c * 2 + i, m), M),
        (lambda m: lax.map(lambda row: row * row.sum(), m), M),
        (lambda m: lax.scan(lambda c, a: (lax.scan(lambda d, e: (d * e, d), c, m.T)[0] + a, c), m[:, 0], m.T), M),
        (lambda m: lax.associative_scan(jnp.add, m, axis=1), M),
    ],
    "random": [
        (lambda k: (jax.random.uniform(k, (3,)), jax.random.normal(k, (3,)), jax.random.bernoulli(k, 0.3, (3,))), K),
        (lambda k: (jax.random.split(k), jax.random.fold_in(k, 3), jax.random.randint(k, (3,), 0, 5)), K),
        (lambda m: m * jax.random.normal(jax.random.key(0), m.shape), M),
        (lambda k, m: (jax.random.categorical(k, m), jax.random.permutation(k, 8), jax.random.gumbel(k, (2,))), K, M),
    ],
}


@pytest.mark.parametrize("group", GROUPS)
def test_imported_means_the_same(group: str) -> None:
    agree(GROUPS[group])


def test_while_loop_has_the_same_values() -> None:
    def loop(m: Any) -> Any:
        return lax.while_loop(lambda c: jnp.sum(c[1]) < jnp.sum(m) * 100, lambda c: (c[0] + 1, c[1] * 2 + m), (0, m))

    graph = round_trip(graph_of(loop, M))
    (x,) = arrays_of(graph)
    for left, right in zip(*jax.jit(lambda x: (loop(x), interpret.evaluate(graph, [x])[0]))(x), strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-6)


def test_our_ops_come_back_as_themselves() -> None:
    graph = graph_of(lambda x: jnp.sin(add(relu(x), 2.0)) * full((x.shape[1], 1), 3), X)
    assert (
        str(graph)
        == """\
graph @mix(%x0: f32[b, t0, 8]) -> (f32[b, t0, 8]) {
  %0: f32[b, t0, 8] = relu(%x0)
  %1: f32[b, t0, 8] = add(%0, 2.0)
  %2: f32[b, t0, 8] = lax.sin(%1)
  %3: f32[t0, 1] = full(shape=(t0, 1), fill_value=3)
  %4: f32[1, t0, 1] = lax.broadcast_in_dim(%3, shape=(1, t0, 1), broadcast_dimensions=(1, 2))
  %5: f32[b, t0, 8] = lax.mul(%2, %4)
  return %5
}"""
    )


def test_functions_that_are_ops_become_these() -> None:
    graph = graph_of(lambda m: jax.nn.relu(m) + jax.jit(jax.nn.relu6)(m) * m.shape[0], M)
    assert [node.op.name for node in graph.nodes][:4] == ["relu", "relu6", "dim_size", "lax.convert_element_type"]


def test_dropout_keeps_its_key_and_site() -> None:
    def mixed(x: Any, key: Any) -> Any:
        return jnp.tanh(dropout(x, fold_in(key, 3), 0.5))

    graph = round_trip(graph_of(mixed, M, K))
    assert [node.op.name for node in graph.nodes] == ["fold_in", "dropout", "lax.tanh"]
    x, key = arrays_of(graph)
    np.testing.assert_array_equal(interpret.evaluate(graph, [x, key])[0][0], mixed(x, key))


def test_values_of_the_enclosing_graph_enter_at_any_depth() -> None:
    def function(x: Any, w: Any) -> list[Any]:
        c, ys = lax.scan(lambda c, a: (jnp.tanh(matmul(c, w) + a), c.sum()), x, jnp.stack([x, x]))
        c = lax.cond(c.sum() > 0, lambda c: lax.fori_loop(0, 2, lambda i, d: matmul(d, w), c), lambda c: -c, c)
        c = lax.switch(1, [lambda c: c, lambda c: matmul(c, w), lambda c: -c], c)
        return [c, ys, jax.checkpoint(lambda c: matmul(jnp.sin(c), w))(c), w]

    with builder.Builder("outer") as made:
        x, w = made.input("x", parse_type(M)), made.param("w", parse_type("f32[8, 8]"))
        graph = round_trip(made.finish(trace_mixing(lambda x: function(x, w), [x])))
    xs, ws = jnp.full((2, 8), 0.1), jnp.eye(8) * 0.5
    assert graph.outputs[3] is graph.params[0]

    @jax.jit
    def both(x: Any, w: Any) -> Any:
        runs = (lambda w: function(x, w), lambda w: interpret.evaluate(graph, [x], [w])[0])
        return [(run(w), jax.grad(lambda w, run=run: jnp.sum(jnp.sin(run(w)[2])))(w)) for run in runs]

    for left, right in zip(*map(jax.tree.leaves, both(xs, ws)), strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-5, atol=1e-6)


def test_a_users_jitted_function_is_traced_anew_for_each_graph() -> None:
    w: list[Any] = []
    jitted = jax.jit(lambda x: jnp.sin(add(x, importing.outer(w[-1]))))
    for _ in range(2):
        with builder.Builder("outer") as made:
            x = made.input("x", parse_type("f32[2, 8]"))
            w.append(made.param("w", parse_type("f32[8]")))
            verify(made.finish(trace_mixing(lambda x: [jitted(x)], [x])))
    simple = jax.jit(lambda x: relu(x) * 2)
    graph_of(simple, "f32[2, 8]")
    assert simple(jnp.ones((2, 8))).sum() == 32


def test_what_is_no_tensor_comes_back_as_it_is() -> None:
    marker = object()
    with builder.Builder("outer") as made:
        x = made.input("x", parse_type(M))
        out = trace_mixing(lambda x: [None, x, marker, 3, np.ones(2, "float32"), jnp.sin(x)], [x])
        graph = made.finish([out[1], out[4], out[5]])
    assert out[:2] == [None, x] or out[1] is x
    assert out[2] is marker and out[3] == 3
    assert [str(value.type) for value in graph.outputs][1] == "f32[2]"


def test_dtypes_promote_as_jax_says() -> None:
    """What JAX holds strongly typed must not become weak, nor the reverse: the first would be bf16, the others f32."""
    (graph,) = agree(
        [
            (
                lambda h: (
                    add(jnp.zeros(8), h),
                    add(h, jnp.arange(8) * 2.0),
                    add(h, 1 + jnp.asarray(h.shape[0])),
                    jnp.zeros(3),
                ),
                "bf16[b, 8]",
            )
        ]
    )
    assert [value.type.dtype for value in graph.outputs] == ["float32", "bfloat16", "bfloat16", "float32"]


# Unknown sizes
def test_batches_of_two_inputs_become_one_when_jax_wants_it() -> None:
    restored: list[int] = []
    with builder.Builder("two") as made:
        x, y = made.input("x", parse_type("f32[b, t, 3]")), made.input("y", parse_type("f32[b, t, 4]"))
        (out,) = trace_mixing(lambda a, b: [jnp.concatenate([a, b], -1)], [x, y], lambda: restored.append(1))
        graph = round_trip(made.finish([out, relu(x)]))
    assert (
        str(graph).splitlines()[0]
        == "graph @two(%x: f32[b, t0, 3], %y: f32[b, t0, 4]) -> (f32[b, t0, 7], f32[b, t0, 3]) {"
    )
    assert restored == [1, 1]
    assert interpret.evaluate(graph, [jnp.ones((2, 5, 3)), jnp.ones((2, 5, 4))])[0][0].shape == (2, 5, 7)


def test_batches_stay_apart_where_they_may() -> None:
    graph = graph_of(lambda a, b: jnp.einsum("id,jd->ij", a, b), "f32[b, 3]", "f32[b1, 3]")
    assert str(graph.outputs[0].type).count("b") == 2


def test_our_ops_inside_make_sizes_equal() -> None:
    with builder.Builder("two") as made:
        x, y = made.input("x", parse_type("f32[b, t, 8]")), made.input("y", parse_type("f32[b, t, 8]"))
        graph = round_trip(made.finish(trace_mixing(lambda a, b: [jnp.sin(add(a, b))], [x, y])))
    assert graph.inputs[0].type is graph.inputs[1].type is graph.outputs[0].type


# Locations
def test_nodes_carry_the_users_line_and_layer() -> None:
    def helper(x: Any) -> Any:
        return jnp.clip(x, 0, 1)  # helper

    def call(x: Any) -> Any:
        h = jnp.clip(x, 0, 1)  # first
        h = jnp.clip(h, 0, 1)  # second
        h = jax.jit(helper)(h)
        h = relu(h)  # ours
        with importing.scoped("outer/inner"):
            return [jax.vmap(lambda r: jnp.sin(r))(h)]  # inner

    with builder.Builder("mix") as made:
        x = made.input("x", parse_type("f32[2, 3]"))
        made.scope = "outer"
        graph = made.finish(trace_mixing(call, [x]))
    source = Path(__file__).read_text().splitlines()
    assert all(node.loc is not None and node.loc.file == __file__ for node in graph.nodes)
    places: list[Any] = [node.loc for node in graph.nodes]
    said = [(re.sub(".*# ", "", source[place.line - 1]), place.scope) for place in places]
    each = [("first", "outer"), ("second", "outer"), ("helper", "outer")]
    assert said == [*(place for place in each for _ in range(2)), ("ours", "outer"), ("inner", "outer/inner")]


# Errors
GRAPH: Any = graph_of(relu, M)


def fails(function: Any, *types: str) -> Exception:
    with pytest.raises(Exception) as caught:
        graph_of(function, *(types or (M,)))
    error: Any = caught.value
    assert error.where.file == __file__
    return error


@pytest.mark.parametrize(
    ("function", "kind", "words"),
    [
        (
            lambda m: jnp.linalg.inv(m.T @ m),
            GraphError,
            "`inv` of JAX cannot be part of a model: it needs the primitive `lu`",
        ),
        (lambda m: lax.approx_max_k(m, 2), GraphError, "`approx_top_k` of JAX cannot be part of a model"),
        (lambda m: m if jnp.sum(m) > 0 else -m, GraphError, "the values of a tensor are asked for"),
        (lambda m: np.exp(jnp.sin(m)), GraphError, "the values of a tensor are asked for"),
        (lambda m: m if m.shape[0] > 3 else -m, GraphError, "depends on a size that is not known"),
        (lambda m: jnp.dot(m, np.ones((5, 2))), ShapeError, "JAX refuses: dot_general"),
        (lambda m: jnp.dot(m, GRAPH), DTypeError, "JAX was handed a Graph"),
        (lambda m: m + jax.random.normal(jax.random.key(0, impl="rbg"), (8,)), GraphError, "another generator"),
        (lambda m: relu(m, m), Exception, "at most 1 arguments"),
    ],
)
def test_error_says_what_and_where(function: Any, kind: type[Exception], words: str) -> None:
    error = fails(function)
    assert isinstance(error, kind)
    assert words in str(error)


def test_the_users_own_errors_come_through() -> None:
    def call(x: Any) -> Any:
        raise ValueError("mine")

    with pytest.raises(ValueError, match=r"^mine"):
        graph_of(call, M)


def test_without_a_trace_it_refuses() -> None:
    with pytest.raises(GraphError):
        trace_mixing(lambda: [], [])


TEXT = """
graph @g(%x: f32[b, 4]) -> (f32[b, 2]) {
  %0: f32[b, 2] = lax.dynamic_slice(%x, [0, 1], slice_sizes=(b, 2))
  return %0
}"""


def test_parsed_text_runs() -> None:
    (out,) = interpret.evaluate(parse(TEXT), [jnp.arange(8.0).reshape(2, 4)])[0]
    np.testing.assert_array_equal(out, [[1, 2], [5, 6]])
