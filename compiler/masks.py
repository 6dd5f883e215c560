"""What is done to the scores of attention before their softmax, as `dot_product_attention` takes it: a scale, a bias, a
mask, an order.

Additions can always be a bias.  A choice between scores and one low number is a mask only if no element can tell them
apart: rows in which every score is replaced must come out the same.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import jax.numpy as jnp

from .ir import Value
from .ops.elementwise import add as added, cast, logical_and, logical_not, multiply, where
from .ops.shape import expand_dims
from .orders import Orders
from .types import is_float

LOW = -1e9
"""Scores are taken to be far from this number: what it replaces has no weight beside any score."""


@dataclass
class Step:
    """One thing done to scores: "scale" by a number; "add" a value times a number; or "keep" the scores where
    `value` is `when`, with a number elsewhere."""

    kind: str
    number: float = 1.0
    value: Any = None
    when: bool = True


@dataclass
class Masks:
    """What becomes of the steps.

    Attributes:
        scale: of the product of queries and keys.
        added: values and what each is multiplied by; their sum is the bias.
        barred: conditions, and the value of each where a score is replaced by -inf: such becomes a bias too.
        kept: conditions, and the value of each where a score is kept.
        causal: whether a query sees the keys up to its own position only.
    """

    scale: float = 1.0
    added: list[tuple[Value, float]] = field(default_factory=list[tuple[Value, float]])
    barred: list[tuple[Value, bool]] = field(default_factory=list[tuple[Value, bool]])
    kept: list[tuple[Value, bool]] = field(default_factory=list[tuple[Value, bool]])
    causal: bool = False

    def bias(self, rank: int) -> Value | None:
        """The bias, over axes (batch, heads, queries, keys), where scores have `rank` axes."""
        parts = [(_as_float(slim(value, rank)), factor) for value, factor in self.added]
        parts = [value if factor == 1 else multiply(value, factor) for value, factor in parts]
        for value, when in self.barred:
            condition = _as_bool(slim(value, rank))
            parts.append(where(condition, -math.inf, 0.0) if when else where(condition, 0.0, -math.inf))
        return _joined(parts, added)

    def mask(self, rank: int) -> Value | None:
        """The mask, over the same axes."""
        parts = [_as_bool(slim(value, rank)) for value, _ in self.kept]
        parts = [part if when else logical_not(part) for part, (_, when) in zip(parts, self.kept, strict=True)]
        return _joined(parts, logical_and)


def read(steps: Sequence[Step], orders: Orders, dtype: str) -> Masks | None:
    """What the steps, first to last, come to for scores of that dtype; None where the op cannot be told.

    Each step must be equal to what the op does in every row.  Scores are scaled, then the bias is added, then the mask
    chosen by; so nothing may follow a mask but masks with the same number.
    """
    limits: Any = jnp.finfo
    made, low = Masks(), max(LOW, float(limits(dtype).min))
    fills = set[float]()
    for step in steps:
        if step.kind == "scale":
            if step.number == 1:
                continue
            if fills or made.barred:
                return None
            made.scale *= step.number
            made.added = [(value, factor * step.number) for value, factor in made.added]
        elif step.kind == "add":
            if fills:
                return None
            made.added.append((step.value, step.number))
        elif step.number == -math.inf:
            if fills:
                return None
            made.barred.append((step.value, not step.when))
        elif step.number <= low:
            fills.add(step.number)
            made.kept.append((step.value, step.when))
        else:
            return None
    if len(fills) > 1:
        return None
    if made.kept:
        return _with_order(made, orders)
    return _alone(made, orders, low)


def _with_order(made: Masks, orders: Orders) -> Masks:
    """A mask that is an order is said so: the op chooses by both at once, as the mask does."""
    others = [(value, when) for value, when in made.kept if not _is_causal(orders.table(value), when)]
    if len(others) < len(made.kept):
        made.kept, made.causal = others, True
    return made


def _alone(made: Masks, orders: Orders, low: float) -> Masks:
    """Without a mask, every query sees the first key: what bars by order of positions is the same however it bars.

    That holds only where nothing else may bar: to a query without keys up to it, the op would show what is behind.
    """
    if len(made.barred) + len(made.added) != 1:
        return made
    for value, when in made.barred:
        if _is_causal(orders.table(value), not when):
            made.barred, made.causal = [], True
    for value, factor in made.added:
        table = orders.table(value)
        if table is not None and table[0] == 0 and table[1] == 0 and float(table[2]) * factor <= low:
            made.added, made.causal = [], True
    return made


def _is_causal(table: Any, when: bool) -> bool:
    return table is not None and [bool(x) == when for x in table] == [True, True, False]


def slim(value: Value, rank: int) -> Value:
    """`value`, broadcast to scores of `rank` axes, over the op's four axes, without what merely repeats it."""
    node = value.node
    if node is not None and node.op.name == "lax.broadcast_in_dim" and type(node.operands[0]) is Value:
        inner: Value = node.operands[0]
        given = node.attr("broadcast_dimensions")
        missing = tuple(axis for axis in range(value.ndim) if axis not in given)
        if list(given) == sorted(given):
            value = expand_dims(inner, missing) if missing else inner
    if value.ndim < rank:
        value = expand_dims(value, tuple(range(rank - value.ndim)))
    if rank == 4:
        return value
    return expand_dims(value, 1 if rank == 3 else (0, 1))


def _as_float(value: Value) -> Value:
    """Integers as scores take them: their own sum might overflow, and two bools make one."""
    return value if is_float(value.dtype) else cast(value, "float32")


def _as_bool(value: Value) -> Value:
    return value if value.dtype == "bool" else cast(value, "bool")


def _joined(parts: Sequence[Value], join: Any) -> Value | None:
    made: Value | None = None
    for part in parts:
        made = part if made is None else join(made, part)
    return made
