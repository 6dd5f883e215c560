"""Compute losses and log-probabilities from logits, where probabilities have just been made of them.

    %1: f32[b, 10] = softmax(%0)                                 %1: f32[b] = sparse_categorical_crossentropy(%y, %0,
    %2: f32[b] = sparse_categorical_crossentropy(%y, %1)                          from_logits=True)

The value of a loss on probabilities stops at -log(1e-7), and its gradient is 0 beyond: a model that is far off does not
learn.  From logits both are exact, and the exponentials and logarithms that undo each other are gone; XLA must keep
what floating point makes of them.  Within the range of the clipping the numbers agree to rounding.  It also applies
where the probabilities are used elsewhere (a metric, an output of the model): they then stay beside it.
"""

from __future__ import annotations

from typing import Any

from ..graph import Graph
from ..ir import Value
from ..ops.activation import log_sigmoid, log_softmax
from ..ops.losses import binary_crossentropy, categorical_crossentropy, sparse_categorical_crossentropy
from ..rules import Rules
from ..types import is_float

_RULES = Rules("stabilize_loss")


def stabilize_loss(graph: Graph) -> Graph:
    """The graph with cross-entropies and logarithms of softmax and sigmoid computed from logits."""
    return _RULES(graph).graph


@_RULES.row("categorical_crossentropy(target, softmax(x, over), axis=axis)")
def _categorical(target: Any, x: Value, over: Any, axis: int) -> Value | None:
    return categorical_crossentropy(target, x, True, axis) if _is_axis(over, axis, x) else None


@_RULES.row("sparse_categorical_crossentropy(target, softmax(x, over), axis=axis)")
def _sparse(target: Any, x: Value, over: Any, axis: int) -> Value | None:
    return sparse_categorical_crossentropy(target, x, True, axis) if _is_axis(over, axis, x) else None


@_RULES.row("binary_crossentropy(target, sigmoid(x))")
def _binary(target: Any, x: Value) -> Value:
    return binary_crossentropy(target, x, True)


@_RULES.row("log(softmax(x, axis))")
def _log_softmax(x: Value, axis: Any) -> Value:
    return log_softmax(x, axis)


@_RULES.row("log(sigmoid(x))")
def _log_sigmoid(x: Value) -> Value:
    return log_sigmoid(x)


def _is_axis(over: Any, axis: int, x: Value) -> bool:
    """Whether probabilities are over the axis of the loss, and logits what it takes: softmax takes integers too."""
    return type(over) is int and over % x.ndim == axis % x.ndim and is_float(x.dtype)
