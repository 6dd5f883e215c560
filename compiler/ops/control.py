"""Control flow: ops that hold graphs (regions).  A region takes everything it uses as an input."""

# JAX's own annotations are partly unknown.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import jax.numpy as jnp
from jax import lax
from jax.export import is_symbolic_dim

from ..dims import Dim
from ..errors import ArgumentError, DTypeError, ShapeError
from ..graph import Graph
from ..op import Tensor, Trait, op
from ..types import TensorType, tensor_type
from .checkpoint import check_sizes, looped
from .checks import differ, shape_of
from .regions import call, check_carry, entered, fits, head, is_key, region_of


def _check_scan(
    body: Any,
    init: Sequence[Any],
    xs: Sequence[Any],
    invariants: Sequence[Any],
    length: Any,
    reverse: Any,
    unroll: Any,
    checkpoint: Any,
) -> None:
    received = f"xs: {', '.join(map(str, xs)) or 'none'}, length={length!r}"
    if any(not shape_of(x) for x in xs):
        raise ShapeError("scan: xs need an axis to run along", received=received)
    if length is not None and not isinstance(length, Dim) and (type(length) is not int or length < 0):
        raise ArgumentError("scan: length must be a size", received=received)
    lengths = [x.shape[0] for x in xs] + ([] if length is None else [length])
    if not lengths:
        raise ArgumentError("scan: without xs it needs a length", received=received)
    if any(differ(lengths[0], other) for other in lengths):
        raise ShapeError(
            f"scan: the first axes of xs, and length, differ: {', '.join(map(str, lengths))}", received=received
        )
    if type(unroll) is not int or unroll < 1:
        raise ArgumentError("scan: unroll must be a positive int", received=f"unroll={unroll!r}")
    check_sizes("scan", checkpoint, all(isinstance(size, int) for size in lengths))
    slices = [tensor_type(x.shape[1:], x.dtype, x.weak) for x in xs]
    region = region_of("scan", "body", body, [*init, *slices, *invariants], "carries, slices, invariants")
    check_carry("scan", region, len(init))


_STEP = """
graph @step(%c: f32[b, 2], %x: f32[b, 3], %w: f32[3, 2]) -> (f32[b, 2], f32[b, 2]) {
  %0: f32[b, 2] = matmul(%x, %w)
  %1: f32[b, 2] = add(%c, %0)
  %2: f32[b, 2] = tanh(%1)
  return %2, %1
}"""


@op(
    Trait.CONTROL,
    samples=[
        (_STEP, ["f32[b, 2]"], ["f32[t, b, 3]"], ["f32[3, 2]"]),
        (_STEP, ["f32[b, 2]"], ["f32[4, b, 3]"], ["f32[3, 2]"], {"reverse": True, "unroll": 2}),
        (_STEP, ["f32[b, 2]"], ["f32[5, b, 3]"], ["f32[3, 2]"], {"checkpoint": (2, 1)}),
        (
            "graph @body(%c: f32[b]) -> (f32[b]) {\n  %0: f32[b] = sin(%c)\n  return %0\n}",
            ["f32[b]"],
            [],
            [],
            {"length": 3},
        ),
    ],
    check=_check_scan,
)
def scan(
    body: Any,
    init: Sequence[Tensor],
    xs: Sequence[Tensor],
    invariants: Sequence[Tensor] = (),
    length: int | None = None,
    reverse: bool = False,
    unroll: int = 1,
    checkpoint: tuple[int, ...] = (),
) -> tuple[Tensor, ...]:
    """The body once for each position of the first axis of xs, carrying values along.

    body: a graph from (carries, one slice of each x, invariants) to (new carries, results).
    checkpoint: for the gradient, keep only what is carried into each group of so many iterations, and compute the group
    again; further numbers say the same of what is then kept within a group.
    Shapes: the last carries, then each result with a first axis of that length.
    """
    region: Graph = body
    count = len(init)
    constant = entered(region, invariants, count + len(xs))

    def step(carry: list[Any], slices: list[Any]) -> tuple[list[Any], list[Any]]:
        outputs = call(region, [*carry, *entered(region, slices[: len(xs)], count), *constant])
        return entered(region, outputs[:count]), outputs[count:]

    running = list(xs)
    if length is not None and is_symbolic_dim(length):  # JAX takes an unknown length from an axis only
        running.append(jnp.zeros((length,), "bool"))
        length = None
    carry, ys = looped(step, entered(region, init), running, length, reverse, unroll, checkpoint)
    return (*carry, *ys)


def _check_cond(pred: Any, operands: Sequence[Any], true: Any, false: Any) -> None:
    if isinstance(pred, TensorType) and (pred.dtype != "bool" or pred.shape):
        raise DTypeError(
            "cond: pred must be one bool", received=f"pred: {pred}", hint="`ops.where` chooses by element."
        )
    branches = [
        region_of("cond", what, region, operands, "the operands") for what, region in (("true", true), ("false", false))
    ]
    yes, no = ([value.type for value in branch.outputs] for branch in branches)
    if len(yes) != len(no) or not all(fits(a, b) for a, b in zip(yes, no, strict=True)):
        raise ShapeError(
            "cond: the branches return different types", received=f"{head(branches[0])} and {head(branches[1])}"
        )


def _branch(name: str, op_name: str) -> str:
    return f"graph @{name}(%x: f32[b, 3]) -> (f32[b, 3]) {{\n  %0: f32[b, 3] = {op_name}(%x)\n  return %0\n}}"


@op(
    Trait.CONTROL,
    samples=[
        ("bool[]", ["f32[b, 3]"], _branch("yes", "sin"), _branch("no", "exp")),
        (True, ["f32[2, 3]"], _branch("yes", "sin"), _branch("no", "exp")),
    ],
    check=_check_cond,
)
def cond(pred: Tensor, operands: Sequence[Tensor], true: Any, false: Any) -> tuple[Tensor, ...]:
    """One of two graphs of the operands, by a bool.  Shapes: the outputs of the graphs, which have the same types."""
    yes: Graph = true
    no: Graph = false
    dtypes = [None if is_key(value.type) else value.type.dtype for value in yes.outputs]

    def branch(region: Graph) -> Any:
        def run(*arrays: Any) -> list[Any]:
            outputs = call(region, entered(region, arrays))
            return [x if d is None else lax.convert_element_type(x, d) for d, x in zip(dtypes, outputs, strict=True)]

        return run

    return tuple(cast(Any, lax.cond)(pred, branch(yes), branch(no), *operands))


def _check_while_loop(cond: Any, body: Any, operands: Sequence[Any], maximum_iterations: Any) -> None:
    test = region_of("while_loop", "cond", cond, operands, "the operands")
    if len(test.outputs) != 1 or test.outputs[0].type.dtype != "bool" or test.outputs[0].type.shape:
        raise DTypeError("while_loop: cond must return one bool", received=head(test))
    region = region_of("while_loop", "body", body, operands, "the operands")
    if len(region.outputs) != len(operands):
        raise ArgumentError(
            f"while_loop: body returns {len(region.outputs)} values of {len(operands)} operands", received=head(region)
        )
    check_carry("while_loop", region, len(operands))
    if maximum_iterations is not None and (type(maximum_iterations) is not int or maximum_iterations < 0):
        raise ArgumentError(
            "while_loop: maximum_iterations must be an int that is not negative", received=f"{maximum_iterations!r}"
        )


_LESS = """
graph @less(%i: i32[], %x: f32[b]) -> (bool[]) {
  %0: bool[] = less(%i, 3)
  return %0
}"""
_DOUBLE = """
graph @double(%i: i32[], %x: f32[b]) -> (i32[], f32[b]) {
  %0: i32[] = add(%i, 1)
  %1: f32[b] = add(%x, %x)
  return %0, %1
}"""


@op(
    Trait.CONTROL,
    samples=[(_LESS, _DOUBLE, ["i32[]", "f32[b]"]), (_LESS, _DOUBLE, [0, "f32[b]"], {"maximum_iterations": 2})],
    check=_check_while_loop,
)
def while_loop(
    cond: Any, body: Any, operands: Sequence[Tensor], maximum_iterations: int | None = None
) -> tuple[Tensor, ...]:
    """The body again and again while the condition holds, at most maximum_iterations times.  No reverse gradient.

    cond, body: graphs of the operands, to one bool and to the operands' new values.  Shapes: those of the operands.
    """
    test: Graph = cond
    region: Graph = body

    def more(carry: tuple[Any, list[Any]]) -> Any:
        count, values = carry
        holds = call(test, entered(test, values))[0]
        return holds if maximum_iterations is None else holds & (count < maximum_iterations)

    def step(carry: tuple[Any, list[Any]]) -> tuple[Any, list[Any]]:
        count, values = carry
        return count + 1, entered(region, call(region, entered(region, values)))

    start = (jnp.zeros((), "int32"), entered(region, operands))
    return tuple(lax.while_loop(more, step, start)[1])
