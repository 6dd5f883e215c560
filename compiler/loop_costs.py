"""What a loop in place of equal blocks saves once, and what it costs at every step: predicted, never measured.

A prediction from the graph, the number of rows and the platform is the same on every run, so what is rolled is too;
a clock would decide otherwise from day to day.  Three things count:

- Every node that is left out saves its tracing, lowering and compiling.
- Every node that is left out saves the time between kernels, and the optimizer its many small arrays.
- A loop copies the slices of its weights out of their stack, and their gradients into one, and keeps what the backward
  loop needs in stacks, too.  That is cheap while it stays in the caches, and as dear as memory is slow beyond them.

The constants fit residual blocks of two Dense layers on two cores of a CPU, widths 64 to 1024, 8 to 512 rows, 8 to 400
blocks (CPU time of a step, Adam: 24 of width 64 and 8 rows 1.2 ms in a loop, 1.8 without; 12 of width 256 and 512 rows
64 and 56 ms; 8 of width 1024 and 8 rows 129 and 67 ms; 12 transformer blocks of width 64 147 and 246 ms).  On other
platforms, where nothing was measured, a loop's turn is taken to cost as much as launching three kernels.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from .ir import Node
from .ops.fused import parts
from .types import TensorType, jax_dtype

COMPILES = {True: 5e-3, False: 1.5e-3}
"""Seconds to trace, lower and compile a node, by whether gradients are taken of it."""
BETWEEN = 8e-6
"""Seconds of a step that a node takes beside its work, on the CPU, when gradients are taken of it."""
TURN = 20e-6
"""Seconds that a turn of a loop takes beside its work, elsewhere."""
NEAR, FAR, ELSEWHERE = 0.2e-9, 1e-9, 3e-12
"""Seconds to copy a byte in and out of a stack: in the CPU's caches, beyond them, and on other platforms."""
CACHE = 16e6
"""Bytes of weights beyond which their copies miss the caches."""
UNKNOWN_STEPS, UNKNOWN_ROWS = 1000, 32
"""What is assumed of a program of which nobody says how often it will run, and on how many rows."""


@dataclass(frozen=True)
class Usage:
    """How a graph will be used.

    Attributes:
        steps: how often the program will run.
        rows: what stands for sizes that are unknown: the rows of a batch.
        training: whether gradients are taken of it, and an optimizer updates its params.
        platform: where it runs, as JAX names it.
        stacked: params and state that are stored as stacks already: to whom they are single, they must be cut out.
    """

    steps: int = UNKNOWN_STEPS
    rows: int = UNKNOWN_ROWS
    training: bool = False
    platform: str = "cpu"
    stacked: frozenset[str] = frozenset()


class Balance(NamedTuple):
    """Of a loop.

    Attributes:
        saved: seconds of tracing, lowering and compiling that it saves.
        lost: seconds by which it makes a step longer; below zero where it makes it shorter.
    """

    saved: float
    lost: float

    def pays(self, steps: int) -> bool:
        """Whether it saves more than it loses in so many steps."""
        return self.lost * steps <= self.saved

    def __str__(self) -> str:
        each = f"{abs(self.lost) * 1e3:.2g} ms {'more' if self.lost > 0 else 'less'}"
        each = "as long" if abs(self.lost) < 5e-5 else each
        return f"about {self.saved:.2g} s less to compile, {each} a step"


def balance(
    usage: Usage, body: Sequence[Node], count: int, slices: Iterable[TensorType], carries: Iterable[TensorType]
) -> Balance:
    """What a loop of `count` turns over the nodes `body` saves and loses.

    Args:
        usage: how the graph will be used.
        body: the nodes of one block.
        count: how many blocks there are.
        slices: types of what a block takes of stacks that are to be cut up for it, but not without it.
        carries: types of what a block hands to the next.
    """
    nodes = (count - 1) * sum(map(parts, body))
    weights = count * sum(size(type_, usage.rows) for type_ in slices)
    kept = count * sum(size(type_, usage.rows) for type_ in carries) if usage.training else 0.0
    if usage.platform != "cpu":
        lost = count * TURN + (weights + kept) * ELSEWHERE
    elif usage.training:
        lost = NEAR * (min(weights, CACHE) + kept) + FAR * max(weights - CACHE, 0.0) - BETWEEN * nodes
    else:  # weights are cut out once, and no gradients put back
        lost = (NEAR * min(weights, CACHE) + FAR * max(weights - CACHE, 0.0)) / 4
    return Balance(COMPILES[usage.training] * nodes, lost)


def compiling(nodes: Iterable[Node], training: bool) -> float:
    """Seconds to trace, lower and compile so many nodes."""
    return COMPILES[training] * sum(map(parts, nodes))


def size(type_: TensorType, rows: int) -> float:
    """Bytes of a value, with `rows` in the place of sizes that are unknown."""
    count = math.prod([axis if isinstance(axis, int) else rows for axis in type_.shape])
    return 8.0 * count if type_.dtype == "key" else float(count * jax_dtype(type_.dtype).itemsize)
