"""Holds the blocks of a stretch against each other: from nodes that look alike to a plan for one loop.

Every operand of the block's nodes is compared over the blocks.  It is computed in the block itself; or carried from the
block before; or the same for all; or a param or state of each block, which become slices of a stack; or an address of
random numbers; or what another loop made in its block of the same number.  Where that holds for the first blocks only,
the loop ends there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from .ir import Node, Operand, Value
from .isomorphism import BLOCKS, Stretch, is_site, leaves

_CUTS = 64
"""Places in a block that are tried as its beginning."""


class Source(NamedTuple):
    """Where an operand of the block comes from: "inside", "literal", or the name of a list of `Plan` and a place."""

    kind: str
    at: Any = None


class Made(NamedTuple):
    """A result of the block: number of the node in it, and of the result."""

    node: int
    result: int


class Carry(NamedTuple):
    """What the first block takes from outside, and every later one from the block before."""

    made: Made
    first: Value


class Row(NamedTuple):
    """What the blocks of another loop made, from its block `offset` on."""

    plan: int
    made: Made
    offset: int


@dataclass
class Plan:
    """A loop: `count` blocks of `period` nodes from node `start` on.

    Attributes:
        carries, same, sites, rows: see `Source`; `slices` are params or state, one of each block.
        sources: for each node of the block, where each of its leaves comes from.
        assigned: by index in `slices`, the result that a block assigns to its state.
    """

    start: int
    period: int
    count: int
    carries: list[Carry] = field(default_factory=list[Carry])
    slices: list[tuple[Value, ...]] = field(default_factory=list[tuple[Value, ...]])
    same: list[Value] = field(default_factory=list[Value])
    sites: list[tuple[int, ...]] = field(default_factory=list[tuple[int, ...]])
    rows: list[Row] = field(default_factory=list[Row])
    sources: list[list[Source]] = field(default_factory=list[list[Source]])
    assigned: dict[int, Made] = field(default_factory=dict[int, Made])

    @property
    def stop(self) -> int:
        """The node behind the last block."""
        return self.start + self.period * self.count

    @property
    def saved(self) -> int:
        """Nodes that the loop leaves out."""
        return self.period * (self.count - 1)


class Blocks:
    """The nodes of a graph among which blocks are looked for.

    Args:
        nodes: those that may be in a loop, in order.
        variables: params and state.
        assigned: the new value of each state that has one.
    """

    def __init__(self, nodes: Sequence[Node], variables: set[Value], assigned: Mapping[Value, Value]) -> None:
        self.nodes, self.variables, self.assigned = nodes, variables, assigned
        self.leaves = [leaves(node) for node in nodes]
        self.place: dict[Value, tuple[int, int]] = {
            result: (index, result.index) for index, node in enumerate(nodes) for result in node.results
        }
        self._last: list[int] | None = None

    def plan(self, stretch: Stretch, accepted: Sequence[Plan]) -> Plan | Stretch | None:
        """The best loop over a stretch; or what remains of the stretch behind its first blocks, which fit no others."""
        rest: Stretch | None = None
        for cut in self._cuts(stretch):
            start = stretch.start + cut
            found = self._compared(start, stretch.period, (stretch.stop - start) // stretch.period, accepted)
            if isinstance(found, Plan):
                return found
            remains = Stretch(stretch.period, start + max(found, 1) * stretch.period, stretch.stop)
            if rest is None or remains.start < rest.start:
                rest = remains
        return rest if rest is not None and rest.stop - rest.start >= BLOCKS * rest.period else None

    def _cuts(self, stretch: Stretch) -> list[int]:
        """Where the first block may begin: most blocks first, then fewest carries, then where a layer begins."""
        period, length = stretch.period, stretch.stop - stretch.start
        crossing = self._crossing(stretch)

        def rank(cut: int) -> tuple[int, int, bool, int]:
            at = stretch.start + cut
            return -((length - cut) // period), crossing[cut], not self._begins_layer(at), cut

        cuts = [cut for cut in range(period) if (length - cut) // period >= BLOCKS]
        return sorted(cuts, key=rank)[:_CUTS]

    def _begins_layer(self, at: int) -> bool:
        here, before = self.nodes[at].loc, self.nodes[at - 1].loc if at else None
        return here is not None and (before is None or here.scope != before.scope)

    def _crossing(self, stretch: Stretch) -> list[int]:
        """For each place in the block, how many values of the second block, or the first, are alive there."""
        period, last = stretch.period, self._last_uses()
        middle = stretch.start + period
        counts = [0] * period
        for index in range(middle - period, middle):
            until = min(last[index], index + period)
            for at in range(index + 1, until + 1):
                counts[(at - stretch.start) % period] += 1
        return counts

    def _last_uses(self) -> list[int]:
        if self._last is None:
            self._last = list(range(len(self.nodes)))
            for index, found in enumerate(self.leaves):
                for leaf in found:
                    at = self.place.get(leaf) if type(leaf) is Value else None
                    if at is not None:
                        self._last[at[0]] = index
        return self._last

    def _compared(self, start: int, period: int, count: int, accepted: Sequence[Plan]) -> Plan | int:
        """The plan over the most blocks from `start` on; or how many fit, if too few."""
        plan, columns = Plan(start, period, count), list[tuple[int, int, str]]()
        for node in range(period):
            for position in range(len(self.leaves[start + node])):
                column = [self.leaves[start + block * period + node][position] for block in range(plan.count)]
                kind, valid = self._kind(plan, node, column, accepted)
                if valid < BLOCKS:
                    return valid
                plan.count = valid
                columns.append((node, position, kind))
        plan.sources = [[] for _ in range(period)]
        for node, position, kind in columns:
            column = [self.leaves[start + block * period + node][position] for block in range(plan.count)]
            plan.sources[node].append(self._source(plan, kind, column, accepted))
        return plan if self._assigns(plan) else 0

    def _kind(self, plan: Plan, node: int, column: list[Operand], accepted: Sequence[Plan]) -> tuple[str, int]:
        """How an operand differs over the blocks, and over how many that holds."""
        first, second = column[0], column[1]
        if type(first) is not Value:
            if not is_site(self.nodes[plan.start + node], first):
                return "literal", len(column)
            return ("literal" if all(item == first for item in column) else "sites"), len(column)
        if first in self.variables:
            if second is first:
                return "same", _prefix(column, first)
            return "slices", _distinct(column)
        at = self.place.get(second, (-1, 0))
        block = (at[0] - plan.start) // plan.period if at[0] >= plan.start else -1
        if block == 1:
            return "inside", self._steady(column, 0, at, plan)
        if block == 0:
            outside = self.place.get(first, (-1, 0))[0] < plan.start and not first.type.weak
            return "carries", self._steady(column, 1, at, plan) if outside else 1
        if self.place.get(first, (-1, 0))[0] >= plan.start:
            return "same", 1
        same = _prefix(column, first)
        if same < len(column):
            rows = self._row(column, accepted)
            if rows is not None and rows[1] > same:
                return "rows", rows[1]
        return "same", same

    def _steady(self, column: list[Operand], first: int, second: tuple[int, int], plan: Plan) -> int:
        """For how many blocks the operand is made a period after that of the block before; `second` is block 1's."""
        for block in range(first, len(column)):
            if self.place.get(column[block]) != (second[0] + (block - 1) * plan.period, second[1]):
                return block
        return len(column)

    def _row(self, column: list[Operand], accepted: Sequence[Plan]) -> tuple[Row, int] | None:
        """What part of which loop's results the operand is, and for how many blocks."""
        at = self.place.get(column[0])
        for number, other in enumerate(accepted):
            if at is not None and other.start <= at[0] < other.stop:
                block, node = divmod(at[0] - other.start, other.period)
                count = 0
                while (
                    count < len(column)
                    and block + count < other.count
                    and self.place.get(column[count]) == (at[0] + count * other.period, at[1])
                ):
                    count += 1
                return Row(number, Made(node, at[1]), block), count
        return None

    def _source(self, plan: Plan, kind: str, column: list[Operand], accepted: Sequence[Plan]) -> Source:
        """The operand's source, entered into the plan's lists where it is not there yet."""
        first = column[0]
        if kind == "literal":
            return Source(kind, first)
        if kind == "inside":
            at, result = self.place[first]
            return Source(kind, Made(at - plan.start, result))
        listed: list[Any] = getattr(plan, kind)
        item: Any = first
        if kind == "carries":
            at, result = self.place[column[1]]
            item = Carry(Made(at - plan.start, result), first)
        elif kind in ("slices", "sites"):
            item = tuple(column)
        elif kind == "rows":
            item = (self._row(column, accepted) or (None,))[0]
        known = next((i for i, other in enumerate(listed) if _equal(other, item)), None)
        if known is None:
            known = len(listed)
            listed.append(item)
        return Source(kind, known)

    def _assigns(self, plan: Plan) -> bool:
        """Whether each block assigns its own state, the same result of it, or none does."""
        for index, members in enumerate(plan.slices):
            values = [self.assigned.get(member) for member in members]
            if all(value is None for value in values):
                continue
            places = [self.place.get(value) if value is not None else None for value in values]
            first = places[0]
            if first is None or not plan.start <= first[0] < plan.start + plan.period:
                return False
            if any(at != (first[0] + i * plan.period, first[1]) for i, at in enumerate(places)):
                return False
            plan.assigned[index] = Made(first[0] - plan.start, first[1])
        return True


def _prefix(column: list[Operand], value: Value) -> int:
    return next((i for i, other in enumerate(column) if other is not value), len(column))


def _distinct(column: list[Operand]) -> int:
    """For how many blocks every value is another."""
    seen = set[int]()
    for index, value in enumerate(column):
        if id(value) in seen:
            return index
        seen.add(id(value))
    return len(column)


def _equal(a: Any, b: Any) -> bool:
    """Whether two entries are the same; Values compare by identity."""
    flat_a, flat_b = list(_flat(a)), list(_flat(b))
    return len(flat_a) == len(flat_b) and all(
        x is y if type(x) is Value or type(y) is Value else x == y for x, y in zip(flat_a, flat_b, strict=True)
    )


def _flat(item: Any) -> Iterator[Any]:
    if isinstance(item, tuple):
        for part in item:  # pyright: ignore[reportUnknownVariableType]
            yield from _flat(part)
    else:
        yield item
