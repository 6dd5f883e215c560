"""Convolutions taken apart against XLA's own, forward and in both gradients."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from kgc.compiler import ops  # noqa: F401
from kgc.compiler.op import REGISTRY
from kgc.compiler.ops.conv_transpose import cuts

conv, conv_transpose = REGISTRY["conv"], REGISTRY["conv_transpose"]
RNG = np.random.default_rng(3)


def draw(*shape: int) -> jax.Array:
    return jnp.asarray(RNG.normal(size=shape), jnp.float32)


def both(function: Any, x: Any, k: Any, c: Any) -> Any:
    """The result, and the gradients of its product with c."""
    return jax.jit(lambda x, k: (function(x, k), *jax.grad(lambda *o: (function(*o) * c).sum(), (0, 1))(x, k)))(x, k)


@pytest.mark.parametrize(
    ("sizes", "kernel", "strides", "rates", "padding"),
    [
        ((5, 4, 6), (3, 2, 3), (1, 1, 1), (1, 1, 1), "VALID"),
        ((5, 4, 6), (3, 2, 3), (2, 1, 3), (1, 1, 1), "SAME"),
        ((5, 6, 7), (2, 3, 2), (1, 1, 1), (2, 1, 3), "SAME"),
        ((5, 6, 7), (2, 3, 2), (1, 1, 1), (2, 1, 3), "VALID"),
    ],
)
def test_volumes(sizes: Any, kernel: Any, strides: Any, rates: Any, padding: str) -> None:
    def plain(x: Any, k: Any) -> Any:
        layout = ("NDHWC", "DHWIO", "NDHWC")
        return lax.conv_general_dilated(x, k, strides, padding, rhs_dilation=rates, dimension_numbers=layout)

    def fast(x: Any, k: Any) -> Any:
        return conv(x, k, strides, padding.lower(), dilation_rate=rates)

    x, k = draw(2, *sizes, 3), draw(*kernel, 3, 2)
    c = draw(*jax.eval_shape(plain, x, k).shape)
    for found, wanted in zip(both(fast, x, k, c), both(plain, x, k, c), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4)


def test_volumes_with_channels_first() -> None:
    x, k = draw(2, 3, 4, 5, 3), draw(2, 2, 3, 3, 2)
    first = conv(jnp.moveaxis(x, -1, 1), k, data_format="channels_first")
    np.testing.assert_allclose(jnp.moveaxis(first, 1, -1), conv(x, k), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("sizes", "kernel", "strides", "rates", "more", "padding"),
    [
        ((6,), (3,), (2,), (1,), None, "same"),
        ((4, 5), (3, 3), (2, 2), (1, 1), None, "valid"),
        ((4, 5), (3, 3), (1, 1), (1, 1), None, "same"),
        ((4, 5), (2, 4), (3, 2), (1, 1), 1, "valid"),
        ((4, 5), (2, 4), (3, 2), (1, 1), 1, "same"),
        ((4, 5), (1, 3), (2, 2), (1, 1), None, "valid"),
        ((4, 5), (3, 2), (1, 1), (2, 3), None, "same"),
        ((2, 3, 2), (3, 2, 3), (2, 3, 1), (1, 1, 1), None, "same"),
        ((3, 4), (9, 9), (2, 2), (1, 1), None, "same"),  # of more positions than are taken apart
    ],
)
def test_transposed(sizes: Any, kernel: Any, strides: Any, rates: Any, more: Any, padding: str) -> None:
    pads = [cuts(padding, k, s, r, more) for k, s, r in zip(kernel, strides, rates, strict=True)]

    x, k = draw(2, *sizes, 2), draw(*kernel, 2, 2)

    # By definition: each element spreads the kernel, and the borders are then cut or grown.
    full = [(n - 1) * s + (m - 1) * r + 1 for n, m, s, r in zip(sizes, kernel, strides, rates, strict=True)]
    grown = np.zeros((2, *(n + 40 for n in full), 2), "float32")
    for place in np.ndindex(*sizes):
        for tap in np.ndindex(*kernel):
            at = tuple(20 + p * s + t * r for p, s, t, r in zip(place, strides, tap, rates, strict=True))
            grown[(slice(None), *at)] += np.asarray(x)[(slice(None), *place)] @ np.asarray(k)[tap].T
    cut = tuple(slice(20 - before, 20 + n + after) for n, (before, after) in zip(full, pads, strict=True))
    wanted = grown[(slice(None), *cut)]

    def fast(x: Any, k: Any) -> Any:
        return conv_transpose(x, k, strides, padding, more, "channels_last", rates)

    c = draw(*wanted.shape)
    y, by_x, by_k = both(fast, x, k, c)
    np.testing.assert_allclose(y, wanted, rtol=1e-4, atol=1e-4)
    # It is linear in both, so the gradients' products with them are that of the result.
    np.testing.assert_allclose((by_x * x).sum(), (c * y).sum(), rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose((by_k * k).sum(), (c * y).sum(), rtol=1e-3, atol=1e-3)


def test_both_directions_of_differentiation() -> None:
    x, k = draw(2, 4, 4, 2), draw(3, 3, 2, 2)
    _, forward = jax.jvp(lambda k: conv_transpose(x, k, 2, "same"), (k,), (k,))
    np.testing.assert_allclose(forward, conv_transpose(x, k, 2, "same"), rtol=1e-4, atol=1e-4)  # it is linear in k
    second = jax.grad(lambda k: jax.grad(lambda k: (conv_transpose(x, k, 2) ** 2).sum())(k).sum())(k)
    assert second.shape == k.shape


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_dtypes_stay(dtype: str) -> None:
    x = draw(1, 3, 3, 3, 2).astype(dtype)
    assert conv(x, draw(2, 2, 2, 2, 1).astype(dtype)).dtype == dtype
    assert conv_transpose(x, draw(2, 2, 2, 1, 2).astype(dtype)).dtype == dtype
    assert conv_transpose(x, draw(2, 2, 2, 1, 2)).dtype == "float32"
