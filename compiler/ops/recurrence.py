"""The loop of recurrent ops, and its gradient.

The loop runs time-major.  What XLA makes of it on CPU decides the rest.  Figures are CPU time in ms of the gradient of
everything on f32[64, 100, 64] with 128 units, one core, best of 8; `jax.grad` of the loop that one writes first takes
67 (LSTM), 52 (GRU), 12.0 (SimpleRNN); the rule here 42, 38 and 10.8.

- `jax.grad` adds up the kernels' gradients step by step.  The rule's loop back keeps the gradients of the sums that
  enter the activations; the kernels' gradients are products over all steps after it.
- The rule keeps these sums and computes the activations again (as fast as keeping those, and the same few lines for
  every cell and activation).  The gradients overwrite the sums: LSTM 64 → 42.  Memory is time here: what a step takes
  from the system beyond 32 MB, glibc gives back after each call, and page faults were 20 of the 67.
- The inputs are projected in the loop, where the projection of all steps would leave the caches (`_in_loop`: LSTM
  74 → 42), else by one product before it (LSTM(512) over f32[1, 50, 512]: 28 → 22).  That one is cut
  into gates before the loop: the cut of a slice is no vector code (forward 19-28 against 12).
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
from .recurrent_cells import ACTIVATIONS, Arrays, Cell, both

_jax: Any = jax  # whose annotations are in part unknown to pyright
_lax: Any = lax


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


class Inputs(NamedTuple):
    """What enters the loop: the projection of all inputs (kernel is None), or the inputs, to be projected in it."""

    x: Any
    kernel: Any
    bias: Any


@functools.cache
def _deferred(cell: Cell, product: Product, loop: Loop) -> Callable[..., tuple[Any, Arrays]]:
    """The loop of a cell, whose gradient leaves those of the kernels for after the loop."""

    def rows(inputs: Inputs, mask: Any) -> Any:
        return inputs.x if inputs.kernel is not None else _cut(inputs.x, cell.parts), mask

    def sums(at: Any, inputs: Inputs, h: Any, kernel: Any, bias: Any) -> Arrays:
        x = at if inputs.kernel is None else _cut(_plus(at @ inputs.kernel, inputs.bias), cell.parts)
        return cell.join(x, _cut(_plus(product.apply(h, kernel), bias), cell.parts))

    def plain(inputs: Inputs, kernel: Any, bias: Any, carry: Arrays, mask: Any) -> tuple[Any, Arrays]:
        def body(carry: Arrays, at: Any) -> tuple[Arrays, Any]:
            new = cell.point(carry, sums(at[0], inputs, carry[0], kernel, bias))
            new = _held(at[1], new, carry)
            return new, new[0] if loop.keep else None

        xs = rows(inputs, mask)
        last, hidden = lax.scan(body, carry, xs, reverse=loop.reverse, unroll=loop.unroll or 1)
        return hidden, last

    def forward(inputs: Inputs, kernel: Any, bias: Any, carry: Arrays, mask: Any) -> tuple[Any, Any]:
        def body(carry: Arrays, at: Any) -> tuple[Arrays, Any]:
            added = sums(at[0], inputs, carry[0], kernel, bias)
            new = _held(at[1], cell.point(carry, added), carry)
            return new, (new[0] if loop.keep else None, carry, added)

        xs = rows(inputs, mask)
        last, (hidden, before, added) = lax.scan(body, carry, xs, reverse=loop.reverse, unroll=loop.unroll or 1)
        inputs = inputs if inputs.kernel is not None else Inputs(None, None, None)
        return (hidden, last), (inputs, kernel, bias, mask, before, added)

    def backward(kept: Any, gradient: tuple[Any, Arrays]) -> Any:
        inputs, kernel, bias, mask, before, added = kept
        turned = product.turn(kernel)

        def body(carry: Any, at: Any) -> tuple[Any, Arrays]:
            of_carry, places = carry
            of_hidden, m, old, step, others = at
            if loop.keep:
                of_carry = (of_carry[0] + of_hidden, *of_carry[1:])
            zeros = tuple([jnp.zeros_like(x) for x in of_carry])
            entered = _merge(cell, [_lax.dynamic_index_in_dim(place, step, 0, False) for place in places], others)
            pull: Callable[[Arrays], tuple[Arrays, Arrays]] = _jax.vjp(cell.point, old, entered)[1]
            passed, of_sums = pull(_held(m, of_carry, zeros))
            if m is not None:
                passed = tuple([a + b for a, b in zip(passed, _held(m, zeros, of_carry), strict=True)])
            of_h = product.back(_joined(cell.divide(of_sums)[1]), turned)
            # These gradients are put where the sums were that they belong to, and which nobody needs again.
            over, others = _part(cell, of_sums)
            new = zip(places, over, strict=True)
            places = tuple([_lax.dynamic_update_index_in_dim(place, value, step, 0) for place, value in new])
            return ((passed[0] + of_h, *passed[1:]), places), others

        places, others = _part(cell, added)
        xs = (gradient[0], mask, before, jnp.arange(added[0].shape[0]), others)
        start = (gradient[1], places)
        (first, places), others = lax.scan(body, start, xs, reverse=not loop.reverse, unroll=loop.unroll or 1)
        of_x, of_r = cell.divide(_merge(cell, places, others))
        if cell.divide is both:  # one array serves for both; two of them would cost more than larger products save
            of_x = of_r = (_joined(of_r),)
        kernels = _cut(kernel, len(of_r))
        of_kernel = _joined([product.weight(before[0], r, k) for r, k in zip(of_r, kernels, strict=True)])
        if inputs.kernel is None:
            of_inputs = Inputs(_joined(of_x), None, None)
        else:
            kernels = _cut(inputs.kernel, len(of_x))
            of_inputs = Inputs(
                functools.reduce(jnp.add, [z @ k.T for z, k in zip(of_x, kernels, strict=True)]),
                _joined([_of_matrix(inputs.x, z, None) for z in of_x]),
                _of_bias(inputs.bias, of_x),
            )
        return of_inputs, of_kernel, _of_bias(bias, of_r), first, None

    run: Any = _jax.custom_vjp(plain)
    run.defvjp(forward, backward)
    return run


def _part(cell: Cell, sums: Arrays) -> tuple[Arrays, Arrays]:
    """Those that may be overwritten, and the others."""
    pairs = list(zip(sums, cell.over, strict=True))
    return tuple([x for x, over in pairs if over]), tuple([x for x, over in pairs if not over])


def _merge(cell: Cell, over: Sequence[Any], others: Sequence[Any]) -> Arrays:
    """What `_part` took apart."""
    first, second = iter(over), iter(others)
    return tuple([next(first) if is_over else next(second) for is_over in cell.over])


def _of_bias(bias: Any, gradients: Arrays) -> Any:
    return None if bias is None else _joined([x.sum(range(x.ndim - 1)) for x in gradients])


def _in_loop(x: Any, kernel: Any) -> bool:
    """Whether inputs are better projected step by step: on CPU, where the projection of all would leave the caches.

    Not where the kernel would leave them too in every step, nor where a step's product is hardly one.
    """
    elements, features = x.shape[0] * x.shape[1] * kernel.shape[-1], kernel.shape[0]
    large = isinstance(elements, int) and elements > max(2**18, 8 * features * kernel.shape[-1])
    return large and features >= 16 and jax.default_backend() == "cpu"


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
    entry: tuple[Apply, Any, Any, Any, Any],
    product: Product,
    kernel: Any,
    bias: Any,
    states: Sequence[Any],
    mask: Any,
    noise: Any,
    loop: Loop,
    step: Step | None = None,
) -> Arrays:
    """(hidden states of all steps, batch-major, in the order of computing, or the last one; then the last states).

    entry: of the inputs, time-major: how they are projected, they, their kernel, bias and noise.  kernel, bias, noise:
    those of the hidden state.  step: another step than the cell's.
    """
    apply, x, of_x, x_bias, x_noise = entry
    deferred = step is None and noise is None and not importing.is_body(op_name)
    simple = apply is jnp.matmul and x_noise is None
    if deferred and simple and _in_loop(x, of_x):
        inputs = Inputs(x, of_x, x_bias)
        shape = (x.shape[1], of_x.shape[-1] // cell.parts)
    else:
        inputs = Inputs(projected(apply, x, of_x, x_bias, x_noise), None, None)
        shape = (*inputs.x.shape[1:-1], of_x.shape[-1] // cell.parts)
    dtype = jnp.result_type(x, of_x)
    carry = tuple([jnp.zeros(shape, dtype) if s is None else s.astype(dtype) for s in states])
    ticks = mask
    if mask is not None:
        ticks = jnp.expand_dims(jnp.swapaxes(mask, 0, 1), tuple(range(2, len(shape) + 1)))
    if deferred:
        hidden, last = _deferred(cell, product, loop)(inputs, kernel, bias, carry, ticks)
    else:
        step = step or _step(cell, product.safe, kernel, bias, noise)
        hidden, last = _run(step, inputs.x, cell.parts, carry, ticks, loop)
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
