"""Which parts of a graph could be computed again for its gradient, and what each choice saves and costs.

A plan names segments (stretches of nodes between places where little is handed on) and loops.  With n equal blocks, of
which each keeps r bytes and hands on c, k segments take k * c + n / k * r: least at k = sqrt(n * r / c).  Nothing here
looks at a clock: plans follow from the graph and its sizes.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from . import attrs, dims, infer, liveness
from .dims import Dim
from .graph import Graph
from .ir import Node, Value
from .liveness import Estimate, nbytes
from .op import Trait
from .passes.rematerialize import Plan, rematerialize
from .transform import moved

_COUNTS = (2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)
"""Numbers of segments that are looked at."""


class Option(NamedTuple):
    """A plan, and what it is expected to take."""

    plan: Plan
    estimate: Estimate


def options(graph: Graph, sizes: dict[str, int]) -> list[Option]:
    """Plans worth trying, those that compute least again first; the first one computes nothing again.

    Args:
        graph: for training: its first output is what gradients are taken of.
        sizes: for the unknown sizes of its inputs, by symbol.
    """
    known = graph.substitute(_all_sizes(graph, sizes))
    parts = _Parts(known, graph)
    tried: dict[Plan, Option] = {}

    def look(plan: Plan) -> Option:
        if plan not in tried:
            tried[plan] = Option(plan, liveness.estimate(rematerialize(known, plan).graph))
        return tried[plan]

    best = min(map(look, parts.plans()), key=lambda option: option.estimate.peak).plan
    for part in (0.25, 0.5, 0.75):
        look(Plan(best.segments[: math.ceil(part * len(best.segments))]))
    found = sorted(tried.values(), key=lambda option: (option.estimate.again, option.estimate.peak))
    kept: list[Option] = []
    for option in found:  # one that costs more must take less
        if not kept or option.estimate.peak < 0.97 * kept[-1].estimate.peak:
            kept.append(option)
    return kept


def _all_sizes(graph: Graph, sizes: dict[str, int]) -> dict[str, int | Dim]:
    """With those of results whose rule tells a size for numbers only."""
    found: dict[str, int | Dim] = {**sizes}
    for node in graph.nodes:
        if all(name in found for result in node.results for name in result.type.symbols):
            continue
        inside = {value: Value(value.type.substitute(found)) for value in node.uses()}
        operands = tuple([moved(operand, inside) for operand in node.operands])
        types, _ = infer.result_types(node.op, operands, attrs.substitute_attr(node.attrs, found), "", node.loc)
        for result, type_ in zip(node.results, types, strict=True):
            for size, number in zip(result.type.shape, type_.shape, strict=True):
                dims.solve(size, number, found)
    return found


@dataclass(frozen=True)
class _Loop:
    """A loop: number of its node, iterations, bytes carried, and bytes that one iteration keeps."""

    at: int
    length: int
    carried: int
    kept: int


class _Parts:
    def __init__(self, graph: Graph, original: Graph) -> None:
        self.graph = graph
        self.kept = liveness.kept_by_node(graph)
        self.crossing = _crossing(graph)
        self.loops = list(self._loops(original))
        barriers = [at for at, node in enumerate(graph.nodes) if node.op.name == "scan" or node.has(Trait.OPAQUE)]
        self.barriers = [-1, *barriers, len(graph.nodes)]

    def plans(self) -> Iterator[Plan]:
        """The plans that need no other's estimate."""
        for choice in self.choices():
            for segments in self.cuts():
                yield Plan(segments, choice)

    def choices(self) -> list[tuple[tuple[int, tuple[int, ...]], ...]]:
        """What loops may get: nothing, groups, groups of groups."""
        ways = (_once, _twice) if self.loops else ()
        return [(), *[tuple([(loop.at, way(loop)) for loop in self.loops]) for way in ways]]

    def cuts(self) -> list[tuple[tuple[int, int], ...]]:
        """Segments, from none to many; none where next to the loops nothing counts."""
        whole = sum(self.kept)
        outside = whole - sum(self.kept[loop.at] for loop in self.loops)
        counts = _COUNTS if outside * 10 >= whole else ()
        return list(dict.fromkeys([(), *[self.segments(count) for count in counts if count < len(self.graph.nodes)]]))

    def segments(self, count: int) -> tuple[tuple[int, int], ...]:
        """About so many segments that keep alike, without the last: it is needed first, and nothing dies before."""
        reached = list(itertools.accumulate(self.kept))
        total, width = reached[-1], reached[-1] / count
        cuts: set[int] = set()
        at = 1
        for number in range(1, count):
            low, high = (number - 0.5) * width, (number + 0.5) * width
            near: list[tuple[int, float, int]] = []
            while at < len(reached) and reached[at - 1] < low:
                at += 1
            place = at
            while place < len(reached) and reached[place - 1] <= high:
                near.append((self.crossing[place], abs(reached[place - 1] - number * width), place))
                place += 1
            if near:
                cuts.add(min(near)[2])
        found: list[tuple[int, int]] = []
        for before, behind in itertools.pairwise(self.barriers):
            inside = [before + 1, *sorted(cut for cut in cuts if before + 1 < cut < behind), behind]
            found += [(a, b) for a, b in itertools.pairwise(inside) if b - a > 1]
        worth = [(a, b) for a, b in found if sum(self.kept[a:b]) > 0]
        if worth and reached[worth[-1][1] - 1] >= total:
            worth.pop()
        return tuple(worth)

    def _loops(self, original: Graph) -> Iterator[_Loop]:
        for at, (node, old) in enumerate(zip(self.graph.nodes, original.nodes, strict=True)):
            if node.op.name != "scan" or not self.kept[at] or node.attr("checkpoint") or node.has(Trait.OPAQUE):
                continue
            length = _length(old)
            carried = sum(nbytes(v.type) for v in node.operand("init") if type(v) is Value)
            inside = liveness.estimate(node.attr("body")).peak
            yield _Loop(at, length, carried, inside)


def _length(node: Node) -> int:
    """Iterations of a scan; 0 where that is not known."""
    sizes = [value.type.shape[0] for value in node.operand("xs")] + [node.attr("length")]
    return next((size for size in sizes if type(size) is int), 0)


def _once(loop: _Loop) -> tuple[int, ...]:
    """Groups that keep least, each computed again once."""
    if loop.length < 4 or not loop.carried:
        return (1,)
    return (min(_groups(loop.length), key=lambda k: (loop.length / k * loop.carried + k * loop.kept, k)),)


def _twice(loop: _Loop) -> tuple[int, ...]:
    """Groups of which each iteration is computed again once more."""
    if loop.length < 9 or not loop.carried:
        return _once(loop)
    return (max(2, min(_groups(loop.length), key=lambda k: (loop.length / k + k, k))), 1)


def _groups(length: int) -> list[int]:
    """Sizes of groups: those that divide the loop, for the rest would be cut off the weights by a copy."""
    found = [k for k in range(1, length // 2 + 1) if length % k == 0]
    middle = math.isqrt(length)
    return found if any(middle <= 2 * k and k <= 2 * middle for k in found) else [*found, middle]


def _crossing(graph: Graph) -> list[int]:
    """For each place before a node, the bytes made before it and used from there on."""
    place = {value: at for at, node in enumerate(graph.nodes) for value in node.results}
    last: dict[Value, int] = {}
    for at, node in enumerate(graph.nodes):
        last.update((value, at) for value in node.uses() if value in place)
    change = [0] * (len(graph.nodes) + 2)
    for value, until in last.items():
        size = nbytes(value.type)
        change[place[value] + 1] += size
        change[until + 1] -= size
    return list(itertools.accumulate(change))[: len(graph.nodes)]


def describe(plan: Plan, graph: Graph) -> str:
    """A plan in words."""
    parts: list[str] = []
    if plan.segments:
        count = len(plan.segments)
        nodes = sum(stop - start for start, stop in plan.segments)
        parts.append(f"{count} segment{'s' if count > 1 else ''} of {nodes} of {len(graph.nodes)} nodes")
    for at, sizes in plan.loops:
        inner = " and within them " if len(sizes) > 1 else ""
        grouped = inner.join("each iteration" if size == 1 else f"groups of {size}" for size in sizes)
        parts.append(f"a loop of {_length(graph.nodes[at]) or 'unknown length'}: {grouped}")
    return "computes nothing again" if not parts else f"computes again {', '.join(parts)}"
