"""Which errors inside a `call` mean that JAX or NumPy was handed our tensors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from kgc.compiler import builder, ops  # noqa: F401
from kgc.compiler.ir import Value
from kgc.compiler.jaxpr import is_refusal
from kgc.compiler.op import REGISTRY
from kgc.compiler.types import parse_type

ONES = np.ones((2, 3), "float32")


@pytest.fixture
def tensors() -> Iterator[tuple[Value, ...]]:
    with builder.Builder() as made:
        yield tuple(made.input("x", parse_type(text)) for text in ("f32[b, t, 8]", "f32[2, 3]", "i32[2]", "key[]"))


def error_of(function: Any, tensors: tuple[Value, ...]) -> BaseException:
    with pytest.raises(BaseException) as caught:
        function(*tensors)
    return caught.value


REFUSED = [
    lambda x, s, i, k: jnp.sum(x),
    lambda x, s, i, k: jnp.where(x > 0, x, 0),
    lambda x, s, i, k: jnp.asarray(s),
    lambda x, s, i, k: jnp.stack([s, s]),
    lambda x, s, i, k: jnp.stack(s),
    lambda x, s, i, k: jnp.einsum("ij,ij->i", s, s),
    lambda x, s, i, k: jnp.zeros_like(s),
    lambda x, s, i, k: jnp.zeros(x.shape),
    lambda x, s, i, k: jnp.zeros((x.shape[0], 3)),
    lambda x, s, i, k: jnp.arange(x.shape[1]),
    lambda x, s, i, k: jnp.sqrt(x.shape[1]),
    lambda x, s, i, k: jnp.ones(3) * x.shape[0],
    lambda x, s, i, k: jnp.asarray(ONES)[i],
    lambda x, s, i, k: jnp.asarray(ONES).at[0].set(s[0]),
    lambda x, s, i, k: jnp.linalg.norm(s),
    lambda x, s, i, k: lax.exp(s),
    lambda x, s, i, k: lax.scan(lambda c, a: (c, a), 0.0, s),
    lambda x, s, i, k: lax.fori_loop(0, 3, lambda i, a: a + s, jnp.asarray(ONES)),
    lambda x, s, i, k: lax.cond(s[0, 0] > 0, lambda: 1, lambda: 2),
    lambda x, s, i, k: lax.while_loop(lambda c: c[0, 0] < 3, lambda c: c + 1, s),
    lambda x, s, i, k: lax.dynamic_slice(jnp.asarray(ONES), (i[0], 0), (1, 1)),
    lambda x, s, i, k: jax.nn.softmax(s),
    lambda x, s, i, k: jax.nn.relu(s),
    lambda x, s, i, k: jax.nn.one_hot(i, 3),
    lambda x, s, i, k: jax.jit(jnp.sin)(s),
    lambda x, s, i, k: jax.vmap(jnp.sin)(s),
    lambda x, s, i, k: jax.grad(jnp.sum)(s),
    lambda x, s, i, k: jax.vjp(jnp.sin, s),
    lambda x, s, i, k: jax.checkpoint(jnp.sin)(s),
    lambda x, s, i, k: jax.debug.print("{}", s),
    lambda x, s, i, k: jax.random.normal(k, (3,)),
    lambda x, s, i, k: jax.random.split(k),
    lambda x, s, i, k: np.sum(s),
    lambda x, s, i, k: np.maximum(s, 0),
    lambda x, s, i, k: s.astype("int32"),
    lambda x, s, i, k: s.reshape(-1),
    lambda x, s, i, k: s.T,
    lambda x, s, i, k: s.sum(),
    lambda x, s, i, k: s.at[0].set(1.0),
]


@pytest.mark.parametrize("function", REFUSED)
def test_tracing_again_may_help(function: Any, tensors: tuple[Value, ...]) -> None:
    assert is_refusal(error_of(function, tensors))


def users_own(*tensors: Any) -> None:
    raise ValueError("mine")


def inside_scan(x: Any, s: Any, i: Any, k: Any) -> Any:
    return lax.scan(lambda c, a: (REGISTRY["relu"](c, a), a), jnp.zeros(3), jnp.zeros((2, 3)))


@pytest.mark.parametrize(
    "function",
    [
        users_own,
        inside_scan,
        lambda x, s, i, k: float(s),
        lambda x, s, i, k: bool(s > 0),
        lambda x, s, i, k: list(s),
        lambda x, s, i, k: np.asarray(s),
        lambda x, s, i, k: np.concatenate([s, s]),
        lambda x, s, i, k: range(x.shape[0]),
        lambda x, s, i, k: np.zeros(x.shape),
        lambda x, s, i, k: s.colour,
        lambda x, s, i, k: REGISTRY["matmul"](s, s),
        lambda x, s, i, k: jnp.dot(ONES, ONES),
        lambda x, s, i, k: [].pop(),
    ],
)
def test_other_errors_are_the_users(function: Any, tensors: tuple[Value, ...]) -> None:
    assert not is_refusal(error_of(function, tensors))


@pytest.mark.parametrize(
    "function",
    [
        lambda s: jnp.asarray(ONES) * s,
        lambda s: jnp.asarray(ONES) < s,
        lambda s: ONES + s,
        lambda s: ONES.T @ s,
        lambda s: s - jnp.asarray(ONES),
    ],
)
def test_operators_with_arrays_record(function: Any, tensors: tuple[Value, ...]) -> None:
    assert type(function(tensors[1])) is Value
