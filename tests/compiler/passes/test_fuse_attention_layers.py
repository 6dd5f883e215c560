"""Attention that users write in layers of their own is found end to end, in every precision and mode."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import kgc
from kgc import layers, ops
from kgc.compiler import pipeline
from kgc.compiler.parser import parse
from kgc.compiler.passes.fuse_attention import fuse_attention

from ..strategies import arrays, run, same_numbers
from .test_fuse_attention import PLAIN, attention


class ByOps(layers.Layer):
    """Attention as many write it: Dense layers, heads by reshape and transpose, a triangle added to the scores."""

    def __init__(self, size: int, heads: int, rate: float = 0.0) -> None:
        super().__init__()
        self.q, self.k, self.v = (layers.Dense(size, name=name) for name in "qkv")
        self.heads, self.size, self.drop = heads, size // heads, layers.Dropout(rate) if rate else None

    def split(self, x: Any) -> Any:
        batch, steps = ops.shape(x)[:2]
        return ops.transpose(ops.reshape(x, (batch, steps, self.heads, self.size)), (0, 2, 1, 3))

    def call(self, x: Any) -> Any:
        q, k, v = (self.split(layer(x)) for layer in (self.q, self.k, self.v))
        scores = ops.matmul(q, ops.transpose(k, (0, 1, 3, 2))) / math.sqrt(self.size)
        steps = ops.arange(ops.shape(x)[1])
        scores = scores + ops.where(ops.expand_dims(steps, 1) >= steps, 0.0, -1e9)
        weights = ops.softmax(scores)
        if self.drop is not None:
            weights = self.drop(weights)
        return ops.reshape(ops.transpose(weights @ v, (0, 2, 1, 3)), ops.shape(x))


class ByJax(ByOps):
    """The same in `jax.numpy`."""

    def call(self, x: Any) -> Any:
        shape = (*x.shape[:2], self.heads, self.size)
        q, k, v = (jnp.reshape(layer(x), shape) for layer in (self.q, self.k, self.v))
        scores = jnp.einsum("bqhd,bkhd->bhqk", q, k) / jnp.sqrt(self.size)
        seen = jnp.tril(jnp.ones((x.shape[1], x.shape[1]), bool))
        weights = jax.nn.softmax(jnp.where(seen, scores, -jnp.inf), axis=-1)
        return jnp.einsum("bhqk,bkhd->bqhd", weights, v).reshape(x.shape)


@pytest.mark.parametrize("steps", [None, 6])
@pytest.mark.parametrize("layer", [ByOps, ByJax])
@pytest.mark.parametrize("training", [False, True])
def test_a_users_layer(layer: type[ByOps], steps: int | None, training: bool) -> None:
    x = kgc.Input((steps, 8))
    model = kgc.Model(x, layer(8, 2)(x))
    old = model.graph(training=training)
    optimized = pipeline.optimize(old, training=training)
    made = attention(optimized.graph)
    assert made.attr("is_causal") and made.attr("scale") is None and made.operand("mask") is None
    assert "softmax" not in str(optimized.graph) and "lax.exp" not in str(optimized.graph)
    same_numbers(old, optimized.graph, optimized.transform, grads=training, tolerance=4e-6)


def test_weights_that_are_dropped_out_stay_in_training_only() -> None:
    x = kgc.Input((None, 8))
    model = kgc.Model(x, ByOps(8, 2, rate=0.5)(x))
    assert attention(pipeline.optimize(model.graph(training=True), training=True).graph) is None
    assert attention(pipeline.optimize(model.graph(training=False)).graph) is not None


def test_half_precision_is_as_exact_as_the_op() -> None:
    """The op computes scores and their softmax in single precision: what is written in half precision gets better."""
    text = PLAIN.replace("f32", "bf16")
    new = fuse_attention(parse(text))
    assert attention(new) is not None
    given = arrays(parse(PLAIN))
    (exact,), _ = run(parse(PLAIN), given)
    half = {name: jnp.asarray(value, "bfloat16") for name, value in given.items()}
    old_error, new_error = (
        float(np.max(np.abs(np.asarray(run(graph, half)[0][0], "float32") - exact))) for graph in (parse(text), new)
    )
    assert new_error < 0.02 and new_error < 1.5 * old_error + 1e-3


def test_softmax_in_single_precision_between_casts() -> None:
    text = """
graph @main(%q: bf16[b, t, 4], %k: bf16[b, s, 4], %v: bf16[b, s, 3]) -> (bf16[b, t, 3]) {
  %0: bf16[b, t, s] = einsum(subscripts="btd,bsd->bts", operands=[%q, %k])
  %1: f32[b, t, s] = cast(%0, dtype="float32")
  %2: f32[b, t, s] = softmax(%1)
  %3: bf16[b, t, s] = cast(%2, dtype="bfloat16")
  %4: bf16[b, t, 3] = matmul(%3, %v)
  return %4
}"""
    assert attention(fuse_attention(parse(text))) is not None
