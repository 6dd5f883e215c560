"""Cross-entropies, per sample or element.

Each has a stable form on logits and, for probabilities, Keras's: outputs are held away from 0 and 1 by `EPSILON`, and
categorical ones divided by their sum first.  `stabilize_loss` turns the second form into the first.
"""

# JAX's own annotations are partly unknown.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from ..errors import ShapeError
from ..op import Tensor, Trait, op
from .checks import check_axis, check_float, differ, product, shape_of

EPSILON = 1e-7
"""How far probabilities are held from 0 and 1 (Keras's `epsilon()`)."""


def _check_same(op_name: str, target: Any, output: Any) -> None:
    left, right = shape_of(target), shape_of(output)
    if len(left) != len(right) or any(differ(a, b) for a, b in zip(left, right, strict=True)):
        raise ShapeError(
            f"{op_name}: target and output must have the same shape", received=f"target: {target}, output: {output}"
        )


def _check_categorical(target: Any, output: Any, from_logits: Any, axis: Any) -> None:
    left, right = shape_of(target), shape_of(output)
    if not right or (len(left) == len(right) - 1):
        raise ShapeError(
            "categorical_crossentropy: target needs one number for each class, as output has",
            received=f"target: {target}, output: {output}",
            hint="class indices go with `sparse_categorical_crossentropy`, or through `ops.one_hot`.",
        )
    _check_same("categorical_crossentropy", target, output)
    check_axis("categorical_crossentropy", axis, len(right))
    check_float("categorical_crossentropy", output=output)


def _log_probabilities(output: Tensor, from_logits: bool, axis: int) -> Tensor:
    if from_logits:
        return jax.nn.log_softmax(output, axis)
    output = output / jnp.sum(output, axis, keepdims=True)
    return jnp.log(jnp.clip(output, EPSILON, 1.0 - EPSILON))


def _flops(target: Any, output: Any, from_logits: Any, axis: Any = -1) -> Any:
    return 8 * product(shape_of(output))


@op(
    Trait.LOSS | Trait.PROMOTES | Trait.BROADCASTS,
    samples=[
        ("f32[b, 3]", "f32[b, 3]"),
        ("f32[b, 3]", "f32[b, 3]", {"from_logits": True}),
        ("f32[b, 3, t]", "f32[b, 3, t]", {"axis": 1}),
    ],
    check=_check_categorical,
    flops=_flops,
)
def categorical_crossentropy(target: Tensor, output: Tensor, from_logits: bool = False, axis: int = -1) -> Tensor:
    """-sum(target * log(output)) over the classes on `axis`.  Shape: that of output without the axis."""
    return -jnp.sum(target * _log_probabilities(output, from_logits, axis), axis)


def _check_sparse(target: Any, output: Any, from_logits: Any, axis: Any) -> None:
    left, right = shape_of(target), shape_of(output)
    name = "sparse_categorical_crossentropy"
    check_float(name, output=output)
    if not right:
        raise ShapeError(f"{name}: output needs an axis of classes", received=f"output: {output}")
    position = check_axis(name, axis, len(right))
    rest = right[:position] + right[position + 1 :]
    if len(left) == len(right) and not differ(left[-1], 1):
        left = left[:-1]
    if len(left) != len(rest) or any(differ(a, b) for a, b in zip(left, rest, strict=True)):
        raise ShapeError(
            f"{name}: target must have the shape of output without the axis of classes",
            received=f"target: {target}, output: {output}, axis={axis}",
            hint="one-hot targets go with `categorical_crossentropy`.",
        )


@op(
    Trait.LOSS | Trait.PROMOTES | Trait.BROADCASTS,
    samples=[
        ("i32[b]", "f32[b, 3]"),
        ("i32[b, 1]", "f32[b, 3]", {"from_logits": True}),
        ("i32[b, t]", "f32[b, 3, t]", {"axis": 1}),
        ("i32[b, t]", "f32[b, t, 3]", {"from_logits": True}),
    ],
    check=_check_sparse,
    flops=_flops,
)
def sparse_categorical_crossentropy(
    target: Tensor, output: Tensor, from_logits: bool = False, axis: int = -1
) -> Tensor:
    """-log(output) at the class of each sample; 0 for a class out of range.

    Shape: that of output without the axis.  target: class indices of that shape, or with a last axis of size 1.
    """
    indices = jnp.asarray(target, "int32")
    if indices.ndim == output.ndim:
        indices = jnp.squeeze(indices, -1)
    logarithms = _log_probabilities(output, from_logits, axis)
    hot = jax.nn.one_hot(indices, output.shape[axis], axis=axis, dtype=logarithms.dtype)
    return -jnp.sum(hot * logarithms, axis)


def _check_binary(target: Any, output: Any, from_logits: Any) -> None:
    _check_same("binary_crossentropy", target, output)
    check_float("binary_crossentropy", output=output)


@op(
    Trait.LOSS | Trait.PROMOTES | Trait.BROADCASTS,
    samples=[("f32[b, 1]", "f32[b, 1]"), ("f32[b, t]", "f32[b, t]", {"from_logits": True}), ("f32[3]", "bf16[3]")],
    check=_check_binary,
    flops=_flops,
)
def binary_crossentropy(target: Tensor, output: Tensor, from_logits: bool = False) -> Tensor:
    """-target * log(output) - (1 - target) * log(1 - output), by element.  Shape: that of output."""
    if from_logits:
        yes, no = jax.nn.log_sigmoid(output), jax.nn.log_sigmoid(-output)
    else:
        output = jnp.clip(output, EPSILON, 1.0 - EPSILON)
        yes, no = jnp.log(output), jnp.log(1.0 - output)
    return -(target * yes + (1.0 - target) * no)
