"""The loop of recurrent ops, and its gradient.

The projection of the inputs of all steps is one matrix product before the loop, and the loop runs time-major.  What XLA
makes of a loop on CPU decides the rest (LSTM(128) over f32[64, 100, 64], gradient of everything, two shared cores, best
of 25 in ms; the same without hoisting, as one writes it first: 72):

- One [b, 4*units] slice a step, cut into gates inside the loop, is the slowest form: the cut of a slice is no vector
  code (forward 19-28; 12 where each gate is an array of its own).  So the projection is cut into gates before the loop.
- `jax.grad` of that loop adds up the recurrent kernel's gradient step by step: 76.  With a rule of our own the loop
  back keeps the gradients of the gates, and the kernel's is one matrix product after it: 61-63.
- The rule keeps the sums that enter the activations, and computes the activations again: as fast as keeping them
  (64), for less memory, and the same few lines for every cell and activation.  Computing the sums again as well, for
  all steps at once, gains nothing (61-62).
- Unrolling by 2 or 4 is slower each time.

The rule has no forward-mode derivative; where JAX takes one of the op itself, the plain loop runs.
"""

# JAX's own annotations are partly unknown.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from .. import importing
from ..op import Tensor
from . import activation as activations

Arrays = tuple[Any, ...]
_jax: Any = jax  # whose annotations are in part unknown to pyright


def _linear(x: Tensor) -> Tensor:
    return x


def _exact_gelu(x: Tensor) -> Tensor:
    return jax.nn.gelu(x, approximate=False)


ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "linear": _linear,
    "gelu": _exact_gelu,
    "exponential": jnp.exp,
    **{
        name: getattr(activations, name).fn
        for name in (
            "elu", "hard_sigmoid", "hard_silu", "leaky_relu", "log_sigmoid", "log_softmax", "mish", "relu", "relu6",
            "selu", "sigmoid", "silu", "softmax", "softplus", "softsign", "tanh",
        )
    },
}  # fmt: skip
"""Activations that the ops take by name: those of Keras, with its defaults."""


class Cell(NamedTuple):
    """One step of a recurrent layer, by parts of [b, units].

    Attributes:
        parts: into how many the projections of inputs and of the hidden state are cut.
        join: those of both to the sums that activations take.
        point: the carried values (the hidden state first) and these sums to the new carried values.
        divide: gradients of the sums to those of both projections.
    """

    parts: int
    join: Callable[[Arrays, Arrays], Arrays]
    point: Callable[[Arrays, Arrays], Arrays]
    divide: Callable[[Arrays], tuple[Arrays, Arrays]]


def _sums(x: Arrays, r: Arrays) -> Arrays:
    return tuple([a + b for a, b in zip(x, r, strict=True)])


def _both(sums: Arrays) -> tuple[Arrays, Arrays]:
    return sums, sums


@functools.cache  # one object for each, so that JAX's caches know its functions again
def simple_cell(activation: str) -> Cell:
    f = ACTIVATIONS[activation]

    def point(carry: Arrays, sums: Arrays) -> Arrays:
        return (f(sums[0]),)

    return Cell(1, _sums, point, _both)


@functools.cache  # one object for each, so that JAX's caches know its functions again
def lstm_cell(activation: str, recurrent_activation: str) -> Cell:
    f, gate = ACTIVATIONS[activation], ACTIVATIONS[recurrent_activation]

    def point(carry: Arrays, sums: Arrays) -> Arrays:
        i, forget, g, o = sums
        c = gate(forget) * carry[1] + gate(i) * f(g)
        return gate(o) * f(c), c

    return Cell(4, _sums, point, _both)


@functools.cache  # one object for each, so that JAX's caches know its functions again
def gru_cell(activation: str, recurrent_activation: str) -> Cell:
    f, gate = ACTIVATIONS[activation], ACTIVATIONS[recurrent_activation]

    def join(x: Arrays, r: Arrays) -> Arrays:
        return x[0] + r[0], x[1] + r[1], x[2], r[2]

    def point(carry: Arrays, sums: Arrays) -> Arrays:
        update, reset, own, recurrent = sums
        z = gate(update)
        return (z * carry[0] + (1 - z) * f(own + gate(reset) * recurrent),)

    def divide(sums: Arrays) -> tuple[Arrays, Arrays]:
        z, r, own, recurrent = sums
        return (z, r, own), (z, r, recurrent)

    return Cell(3, join, point, divide)


def _cut(x: Any, parts: int) -> Arrays:
    return (x,) if parts == 1 else tuple(jnp.split(x, parts, -1))


def _joined(parts: Sequence[Any]) -> Any:
    return parts[0] if len(parts) == 1 else jnp.concatenate(parts, -1)


def _held(mask: Any, new: Arrays, old: Arrays) -> Arrays:
    """What is carried on: where the mask is False, what was there before."""
    if mask is None:
        return new
    return tuple([jnp.where(jnp.broadcast_to(mask, a.shape), a, b) for a, b in zip(new, old, strict=True)])


def _plus(x: Any, bias: Any) -> Any:
    return x if bias is None else x + jnp.broadcast_to(bias, x.shape)


class Product(NamedTuple):
    """The linear map of a hidden state by the recurrent kernel.

    Attributes:
        apply: (hidden state, kernel) to the projection.
        safe: the same, in a form whose gradients by `jax.grad` inside a loop are not slow.
        turn: the kernel as `back` takes it, made once before the loop.
        back: (gradient of the projection, turned kernel) to that of the hidden state.
        weight: (hidden states of all steps, gradients of their projections, kernel) to the gradient of the kernel.
    """

    apply: Callable[[Any, Any], Any]
    safe: Callable[[Any, Any], Any]
    turn: Callable[[Any], Any]
    back: Callable[[Any, Any], Any]
    weight: Callable[[Any, Any, Any], Any]


def _of_matrix(h: Any, r: Any, kernel: Any) -> Any:
    return jnp.einsum("tbu,tbv->uv", h, r)


MATRIX = Product(
    apply=jnp.matmul,
    safe=jnp.matmul,
    turn=jnp.transpose,
    back=jnp.matmul,
    weight=_of_matrix,
)


class Loop(NamedTuple):
    """How a loop runs: from which end, all steps written out, whether the hidden state of every step is wanted."""

    reverse: bool
    unroll: bool
    keep: bool


Step = Callable[[Arrays, Arrays], Arrays]


def _run(step: Step, z: Any, parts: int, carry: Arrays, mask: Any, loop: Loop) -> tuple[Any, Arrays]:
    """The hidden states of all steps (or None) and the last carried values; z and mask are time-major."""

    def body(carry: Arrays, at: Any) -> tuple[Arrays, Any]:
        new = _held(at[1], step(carry, at[0]), carry)
        return new, new[0] if loop.keep else None

    last, hidden = lax.scan(body, carry, (_cut(z, parts), mask), reverse=loop.reverse, unroll=loop.unroll or 1)
    return hidden, last


@functools.cache
def _deferred(cell: Cell, product: Product, loop: Loop) -> Callable[..., tuple[Any, Arrays]]:
    """`_run` of a cell, whose gradient leaves that of the recurrent kernel for after the loop."""

    def plain(z: Any, kernel: Any, bias: Any, carry: Arrays, mask: Any) -> tuple[Any, Arrays]:
        step = _step(cell, product.apply, kernel, bias)
        return _run(step, z, cell.parts, carry, mask, loop)

    def forward(z: Any, kernel: Any, bias: Any, carry: Arrays, mask: Any) -> tuple[Any, Any]:
        def body(carry: Arrays, at: Any) -> tuple[Arrays, Any]:
            sums = cell.join(at[0], _cut(_plus(product.apply(carry[0], kernel), bias), cell.parts))
            new = _held(at[1], cell.point(carry, sums), carry)
            return new, (new[0] if loop.keep else None, carry, sums)

        xs = (_cut(z, cell.parts), mask)
        last, (hidden, before, sums) = lax.scan(body, carry, xs, reverse=loop.reverse, unroll=loop.unroll or 1)
        return (hidden, last), (kernel, bias, mask, before, sums)

    def backward(kept: Any, gradient: tuple[Any, Arrays]) -> Any:
        kernel, bias, mask, before, sums = kept
        turned = product.turn(kernel)

        def body(carry: Arrays, at: Any) -> tuple[Arrays, Any]:
            of_hidden, m, old, added = at
            if loop.keep:
                carry = (carry[0] + of_hidden, *carry[1:])
            zeros = tuple([jnp.zeros_like(x) for x in carry])
            pull: Callable[[Arrays], tuple[Arrays, Arrays]] = _jax.vjp(cell.point, old, added)[1]
            passed, of_sums = pull(_held(m, carry, zeros))
            of_x, of_r = map(_joined, cell.divide(of_sums))
            if m is not None:
                passed = tuple([a + b for a, b in zip(passed, _held(m, zeros, carry), strict=True)])
            of_recurrent = None if cell.divide is _both else of_r
            return (passed[0] + product.back(of_r, turned), *passed[1:]), (of_x, of_recurrent)

        xs = (gradient[0], mask, before, sums)
        first, (of_z, of_r) = lax.scan(body, gradient[1], xs, reverse=not loop.reverse, unroll=loop.unroll or 1)
        of_r = of_z if of_r is None else of_r
        of_kernel = product.weight(before[0], of_r, kernel)
        return of_z, of_kernel, None if bias is None else of_r.sum(range(of_r.ndim - 1)), first, None

    run: Any = _jax.custom_vjp(plain)
    run.defvjp(forward, backward)
    return run


Apply = Callable[[Any, Any], Any]


def _step(cell: Cell, apply: Apply, kernel: Any, bias: Any, noise: Any = None) -> Step:
    recur = _recurrence(cell.parts, apply, kernel, bias, noise)
    return lambda carry, x: cell.point(carry, cell.join(x, recur(carry[0])))


def _recurrence(parts: int, apply: Apply, kernel: Any, bias: Any, noise: Any) -> Callable[[Any], Arrays]:
    """The projections of a hidden state, one for each gate."""
    if noise is None:
        return lambda h: _cut(_plus(apply(h, kernel), bias), parts)
    if noise.shape[0] == 1:
        return lambda h: _cut(_plus(apply(h * noise[0], kernel), bias), parts)
    kernels = _cut(kernel, parts)
    biases: Arrays = (None,) * parts if bias is None else _cut(bias, parts)
    return lambda h: tuple([_plus(apply(h * noise[k], kernels[k]), biases[k]) for k in range(parts)])


def projected(apply: Apply, x: Any, kernel: Any, bias: Any, noise: Any) -> Any:
    """The projection of the inputs of all steps, x time-major, at once: [t, b, …, parts * units]."""
    if noise is None or noise.shape[0] == 1:
        return _plus(apply(x if noise is None else x * jnp.broadcast_to(noise, x.shape), kernel), bias)
    parts = enumerate(_cut(kernel, noise.shape[0]))
    gates = [apply(x * jnp.broadcast_to(noise[k : k + 1], x.shape), part) for k, part in parts]
    return _plus(jnp.concatenate(gates, -1), bias)


def sequence(
    op_name: str,
    cell: Cell,
    product: Product,
    z: Any,
    kernel: Any,
    bias: Any,
    states: Sequence[Any],
    mask: Any,
    noise: Any,
    loop: Loop,
    step: Step | None = None,
) -> Arrays:
    """(hidden states of all steps, batch-major, in the order of computing, or the last one; then the last states).

    z: the projection of the inputs, time-major.  kernel, bias, noise: those of the hidden state.  step: another step
    than the cell's.
    """
    shape = (*z.shape[1:-1], z.shape[-1] // cell.parts)
    carry = tuple([jnp.zeros(shape, z.dtype) if s is None else s.astype(z.dtype) for s in states])
    ticks = mask
    if mask is not None:
        ticks = jnp.expand_dims(jnp.swapaxes(mask, 0, 1), tuple(range(2, z.ndim)))
    if step is None and noise is None and not importing.is_body(op_name):
        hidden, last = _deferred(cell, product, loop)(z, kernel, bias, carry, ticks)
    else:
        step = step or _step(cell, product.safe, kernel, bias, noise)
        hidden, last = _run(step, z, cell.parts, carry, ticks, loop)
    if not loop.keep:
        return (last[0], *last)
    return (jnp.swapaxes(hidden[::-1] if loop.reverse else hidden, 0, 1), *last)


def reset_before(kernel: Any, bias: Any, noise: Any, activation: str, recurrent_activation: str) -> Step:
    """A step in which the reset gate acts before the product, which then is a second one."""
    f, gate = ACTIVATIONS[activation], ACTIVATIONS[recurrent_activation]
    size = 2 * kernel.shape[0]
    first, last = (None, None) if bias is None else (bias[:size], bias[size:])
    of_gates = of_own = noise
    if noise is not None and noise.shape[0] > 1:
        of_gates, of_own = noise[:2], noise[2:]
    gates = _recurrence(2, jnp.matmul, kernel[:, :size], first, of_gates)
    own = _recurrence(1, jnp.matmul, kernel[:, size:], last, of_own)

    def step(carry: Arrays, x: Arrays) -> Arrays:
        (h,) = carry
        of_z, of_r = gates(h)
        z, r = gate(x[0] + of_z), gate(x[1] + of_r)
        return (z * h + (1 - z) * f(x[2] + own(r * h)[0]),)

    return step
