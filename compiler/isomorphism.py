"""Finds where a list of nodes repeats itself: stretches in which each node has the class of the one a period later.

Two nodes are of one class when op, attributes, types of results and kinds of operands agree; which values they are is
for `blocks` to compare.  Finding is linear in the nodes for each period that is tried.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from . import attrs
from .ir import Node, Operand, Value
from .op import Trait

BLOCKS = 3
"""Fewer equal blocks are no loop."""
_REACH = 4
"""How many earlier nodes of a class a period is guessed from: a block may have several of each class."""
_PERIODS = 64
"""Periods that are tried, the likeliest ones."""


class Stretch(NamedTuple):
    """Nodes `start` to `stop`, in which those `period` apart are of one class; a block may begin at any of them."""

    period: int
    start: int
    stop: int

    @property
    def saved(self) -> int:
        """Nodes that a loop over its blocks leaves out."""
        return ((self.stop - self.start) // self.period - 1) * self.period


def leaves(node: Node) -> list[Operand]:
    """The operands, those in lists one by one."""
    found: list[Operand] = []
    for operand in node.operands:
        if attrs.is_tuple(operand):
            found.extend(operand)
        else:
            found.append(operand)
    return found


def with_leaves(node: Node, new: Sequence[Operand]) -> tuple[Operand, ...]:
    """The node's operands with these in the place of its `leaves`."""
    given = iter(new)
    return tuple(
        [tuple([next(given) for _ in operand]) if attrs.is_tuple(operand) else next(given) for operand in node.operands]
    )


def is_site(node: Node, leaf: Operand) -> bool:
    """Whether a literal is the address of random numbers, which differs from block to block."""
    return type(leaf) is int and node.op.name == "fold_in"


def classes(nodes: Sequence[Node], kind: Callable[[Value], Any]) -> np.ndarray[Any, Any]:
    """A number for each node, equal for nodes of one class; `kind` says what an operand must share beside its type."""
    known: dict[Any, int] = {}
    ids = np.empty(len(nodes), np.int64)
    for index, node in enumerate(nodes):
        described = [
            (leaf.type, kind(leaf)) if type(leaf) is Value else "site" if is_site(node, leaf) else attrs.key(leaf)
            for leaf in leaves(node)
        ]
        lists = tuple([len(operand) if attrs.is_tuple(operand) else -1 for operand in node.operands])
        types = tuple([result.type for result in node.results])
        key: Any = (node.op, attrs.key(node.attrs) if node.attrs else (), types, lists, tuple(described))
        if node.has(Trait.OPAQUE):  # it may count its calls: no two are alike
            key = (key, index)
        ids[index] = known.setdefault(key, len(known))
    return ids


def stretches(ids: np.ndarray[Any, Any]) -> Iterator[Stretch]:
    """All maximal stretches of at least `BLOCKS` blocks, by any likely period."""
    gaps = Counter[int]()
    seen: dict[int, deque[int]] = {}
    for index, number in enumerate(ids.tolist()):
        earlier = seen.setdefault(number, deque(maxlen=_REACH))
        gaps.update([index - other for other in earlier])
        earlier.append(index)
    for period, count in gaps.most_common(_PERIODS):
        if count < BLOCKS - 1 or (BLOCKS * period) > len(ids):
            continue
        same = np.concatenate([[False], ids[:-period] == ids[period:], [False]])
        edges = np.flatnonzero(same[1:] != same[:-1])
        for first, last in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
            if last - first >= (BLOCKS - 1) * period:
                yield Stretch(period, first, last + period)
