"""Recomputation: parts of a graph whose values are not kept for the gradient, but computed again when it needs them.

What is computed again must not be merged with what was computed first, or nothing is gained.  `jax.checkpoint` puts
optimization barriers there; XLA:CPU removes them before it merges equal operations, and the memory of 48 residual
blocks stays at 193 MiB to the byte.  Here the second computation starts from `where(p, x, 0)`, with a condition `p` on
the arriving gradient that holds always, as far as arithmetic goes, and that no compiler may decide: 28 MiB.  It also
keeps the second computation from being scheduled before its gradient is there.  No number changes.  (Were the gradient
that NaN, the parameters' would be NaN all the same.)

In a loop `jax.checkpoint` does what it says: the gradient's loop is another one.
"""

# JAX's own annotations are partly unknown.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ..attrs import is_tuple
from ..errors import ArgumentError
from ..op import Tensor, Trait, op
from .regions import call, entered, region_of

_jax: Any = jax  # whose annotations are in part unknown to pyright
_NEVER = {2: np.uint16(0xFFFF), 4: np.uint32(0xFFFFFFFF), 8: np.uint64(0xFFFFFFFFFFFFFFFF)}
"""By bytes of a float: the bits of a NaN that no arithmetic makes (its own has one bit of payload)."""
_DEEPEST = 3
"""Groups within groups."""

_TWICE = """
graph @segment(%x: f32[b, 3], %w: f32[3, 3]) -> (f32[b, 3]) {
  %0: f32[b, 3] = matmul(%x, %w)
  %1: f32[b, 3] = tanh(%0)
  return %1
}"""
_RANDOM = """
graph @segment(%x: f32[b, 3], %key: key[]) -> (f32[b, 3], f32[]) {
  %0: f32[b, 3] = sin(%x)
  %1: key[] = fold_in(%key, 3)
  %2: f32[b, 3] = dropout(%0, %1, rate=0.5)
  %3: f32[] = sum(%2)
  return %2, %3
}"""


def _check(body: Any, operands: Sequence[Any], params: Sequence[Any]) -> None:
    region_of("checkpoint", "body", body, [*operands, *params], "operands, params")


@op(
    Trait.CONTROL,
    samples=[(_TWICE, ["f32[b, 3]"], ["f32[3, 3]"]), (_RANDOM, ["f32[4, 3]", "key[]"])],
    check=_check,
)
def checkpoint(body: Any, operands: Sequence[Tensor], params: Sequence[Tensor] = ()) -> tuple[Tensor, ...]:
    """The outputs of a graph, of which nothing is kept for the gradient: then it is computed again.

    body: a graph of the operands and params.  params: what is there anyway, and so needs no copy.  Random numbers are
    the same both times, for they have addresses.  Shapes: the outputs of the graph.  There is no forward-mode gradient.
    """
    first = len(operands)

    def run(*arrays: Any) -> tuple[Any, ...]:
        return tuple(call(body, arrays))

    def forward(*arrays: Any) -> tuple[Any, Any]:
        holds = _holds(arrays[:first])  # or XLA draws the random numbers of all segments at the very beginning
        return run(*[_behind(holds, x) if _is_key(x) else x for x in arrays]), arrays

    def backward(kept: tuple[Any, ...], gradients: tuple[Any, ...]) -> tuple[Any, ...]:
        holds = _holds(gradients)
        kept = (*[_behind(holds, x) for x in kept[:first]], *kept[first:])
        places = [at for at, x in enumerate(kept) if _is_float(x)]

        def of(*floats: Any) -> list[Any]:
            arrays = list(kept)
            for at, x in zip(places, floats, strict=True):
                arrays[at] = x
            return [y for y in run(*arrays) if _is_float(y)]

        pull: Callable[..., Any] = _jax.vjp(of, *[kept[at] for at in places])[1]
        found = dict(zip(places, pull([g for g in gradients if _is_float(g)]), strict=True))
        return tuple([found.get(at) for at in range(len(kept))])

    made: Any = _jax.custom_vjp(run)
    made.defvjp(forward, backward)
    return made(*entered(body, [*operands, *params]))


def _is_float(x: Any) -> bool:
    return bool(jnp.issubdtype(x.dtype, jnp.inexact))


def _is_key(x: Any) -> bool:
    return bool(_jax.dtypes.issubdtype(x.dtype, _jax.dtypes.prng_key))


def _holds(values: Sequence[Any]) -> Any:
    """A condition that holds, which is known when the values are."""
    found: Any = True
    for x in values:
        size = np.dtype(x.dtype).itemsize if _is_float(x) else 0
        if size not in _NEVER or np.dtype(x.dtype).kind == "c" or 0 in x.shape:
            continue
        one = lax.slice(x, (0,) * x.ndim, (1,) * x.ndim).reshape(())
        never = _NEVER[size]
        found = found & (lax.bitcast_convert_type(one, never.dtype) != never)
    return found


def _behind(holds: Any, x: Any) -> Any:
    """`x`, but not before it is known that the condition holds."""
    if holds is True:
        return x
    if _is_key(x):
        data = _jax.random.key_data(x)
        return _jax.random.wrap_key_data(jnp.where(holds, data, jnp.zeros_like(data)), impl=_jax.random.key_impl(x))
    return jnp.where(holds, x, jnp.zeros_like(x))


def check_sizes(op_name: str, sizes: Any, known: bool) -> None:
    """Refuse what is no tuple of sizes for `looped`."""
    received = f"checkpoint={sizes!r}"
    given: tuple[Any, ...] = sizes if is_tuple(sizes) else (None,)
    whole = all(type(size) is int and size > 0 for size in given)
    if not whole or len(given) > _DEEPEST or any(a <= b for a, b in itertools.pairwise(given)):
        raise ArgumentError(
            f"{op_name}: checkpoint must be a tuple of at most {_DEEPEST} positive ints that get smaller",
            received=received,
            hint="(1,) keeps what enters each iteration, (8,) what enters every eighth.",
        )
    if not known and any(size > 1 for size in given):
        raise ArgumentError(f"{op_name}: checkpoint makes groups of a known length only", received=received)


def looped(
    step: Callable[[Any, Any], Any],
    carry: Any,
    xs: Sequence[Any],
    length: Any,
    reverse: bool,
    unroll: int,
    sizes: Sequence[int],
) -> Any:
    """`lax.scan` that keeps for the gradient only what is carried into each group of `sizes[0]` iterations.

    When the gradient needs a group it is computed again, and keeps, of that, what `sizes[1:]` say.  Iterations behind
    the last full group keep all, being the first that are needed.
    """
    if not sizes:
        return lax.scan(step, carry, xs, length, reverse, unroll)
    size, inner = sizes[0], sizes[1:]
    if size == 1:
        return lax.scan(_jax.checkpoint(step, prevent_cse=False), carry, xs, length, reverse, unroll)
    total = length if length is not None else xs[0].shape[0]
    if total <= size:
        return looped(step, carry, xs, length, reverse, unroll, inner)
    count = total // size
    at = total - count * size if reverse else count * size  # in `xs`, where the one part ends

    def group(carry: Any, part: Any) -> Any:
        return looped(step, carry, part, size, reverse, unroll, inner)

    def groups(carry: Any, part: Any) -> Any:
        parts = _each(part, lambda x: x.reshape((count, size, *x.shape[1:])))
        carry, ys = lax.scan(_jax.checkpoint(group, prevent_cse=False), carry, parts, count, reverse)
        return carry, _each(ys, lambda y: y.reshape((count * size, *y.shape[2:])))

    if count * size == total:
        return groups(carry, xs)
    low, high = _each(xs, lambda x: x[:at]), _each(xs, lambda x: x[at:])
    first, last = (high, low) if reverse else (low, high)
    carry, early = groups(carry, first)
    carry, late = lax.scan(step, carry, last, total - count * size, reverse, unroll)
    a, b = (late, early) if reverse else (early, late)
    return carry, [jnp.concatenate(pair) for pair in zip(a, b, strict=True)]


def _each(arrays: Sequence[Any], function: Callable[[Any], Any]) -> list[Any]:
    return [function(array) for array in arrays]
