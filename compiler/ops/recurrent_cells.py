"""Steps of recurrent layers, by gates: what `recurrence.py` runs in a loop and differentiates."""

# JAX's own annotations are partly unknown.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from ..op import Tensor
from . import activation as activations

Arrays = tuple[Any, ...]


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
DEAR = frozenset(
    ["elu", "exponential", "gelu", "log_sigmoid", "mish", "selu", "sigmoid", "silu", "softplus", "tanh"]
)  # fmt: skip
"""Activations that XLA computes once and keeps, rather than again for each use."""


class Cell(NamedTuple):
    """One step of a recurrent layer, by parts of [b, units].

    Attributes:
        parts: into how many the projections of inputs and of the hidden state are cut.
        join: those of both to the sums that activations take.
        point: the carried values (the hidden state first) and these sums to the new carried values.
        divide: gradients of the sums to those of both projections.
        over: which sums the loop back may overwrite by their gradients.  Where one enters a cheap operation, XLA reads
            it again in several places, and then copies the whole array in every step to keep it.
    """

    parts: int
    join: Callable[[Arrays, Arrays], Arrays]
    point: Callable[[Arrays, Arrays], Arrays]
    divide: Callable[[Arrays], tuple[Arrays, Arrays]]
    over: tuple[bool, ...]


def _sums(x: Arrays, r: Arrays) -> Arrays:
    return tuple([a + b for a, b in zip(x, r, strict=True)])


def both(sums: Arrays) -> tuple[Arrays, Arrays]:
    return sums, sums


@functools.cache  # one object for each, so that JAX's caches know its functions again
def simple_cell(activation: str) -> Cell:
    f = ACTIVATIONS[activation]

    def point(carry: Arrays, sums: Arrays) -> Arrays:
        return (f(sums[0]),)

    return Cell(1, _sums, point, both, (activation in DEAR,))


@functools.cache  # one object for each, so that JAX's caches know its functions again
def lstm_cell(activation: str, recurrent_activation: str) -> Cell:
    f, gate = ACTIVATIONS[activation], ACTIVATIONS[recurrent_activation]

    def point(carry: Arrays, sums: Arrays) -> Arrays:
        i, forget, g, o = sums
        c = gate(forget) * carry[1] + gate(i) * f(g)
        return gate(o) * f(c), c

    gates = recurrent_activation in DEAR
    return Cell(4, _sums, point, both, (gates, gates, activation in DEAR, gates))


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

    gates = recurrent_activation in DEAR
    return Cell(3, join, point, divide, (gates, gates, False, False))
