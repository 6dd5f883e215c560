"""Decides which loops a graph is rolled into: those that save most, do not overlap and agree on stacks."""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from . import isomorphism
from .blocks import Blocks, Plan
from .graph import Graph
from .ir import Node, Value
from .isomorphism import Stretch
from .loop_costs import Balance, Usage, balance
from .op import Trait
from .ops.fused import parts

_ATTEMPTS = 512
"""Stretches that are looked into, in each of two rounds."""


@dataclass(frozen=True)
class Rolling:
    """What `roll_loops` may roll.

    Attributes:
        kinds: params of different kinds go into no stack together (trained ones and frozen ones, say), by name.
        least: nodes that a loop must save; a layer that is one op counts as the ops that it stands for.
        in_all: nodes that the loops must save together.
        convolutions: whether a block may hold a convolution.  In a loop on the CPU XLA computes the gradient of its
            weights 15 to 40 times slower (12 residual blocks of 16 channels, 16 rows of 16 x 16: 28 ms of CPU time
            without a loop, 433 in one).  As one matrix product for each position of the kernel (`taps`) it does not,
            but takes 1.4 to 2.2 times as long as without a loop (38 ms; 8 of 64 channels 266 for 120), and so few are
            compiled no faster: convolutions compile fast.  So on the CPU they are not rolled for training.
        usage: how the graph will be used, if only loops that pay are wanted.
    """

    kinds: Mapping[str, Hashable] = field(default_factory=dict[str, Hashable])
    least: int = 4
    in_all: int = 0
    convolutions: bool = True
    usage: Usage | None = None


class Search:
    """Finds the loops of a graph.

    Attributes:
        free: nodes that take no tensor: they may stand first, and interrupt no block.
        nodes: the others, among which the loops are.
        stacks: for each param or state that goes into a stack, all of its members, and its place among them.
        refused: where loops were possible that do not pay.
    """

    def __init__(self, graph: Graph, rolling: Rolling) -> None:
        self.graph, self.rolling = graph, rolling
        free = [node for node in graph.nodes if _is_free(node)]
        skipped = set(map(id, free))
        self.free, self.nodes = free, [node for node in graph.nodes if id(node) not in skipped]
        self.parts = [0, *itertools.accumulate(map(parts, self.nodes))]
        self.variables = {*graph.params, *graph.state}
        self.blocks = Blocks(self.nodes, self.variables, dict(graph.assigns))
        self.stacks: dict[Value, tuple[tuple[Value, ...], int]] = {}
        self.refused: list[tuple[int, int]] = []

    def saved(self, part: Stretch | Plan) -> int:
        """Nodes that a loop leaves out, a layer that is one op counted as the ops that it stands for."""
        return self.parts[part.start + part.saved] - self.parts[part.start]

    def plans(self, notes: list[str]) -> list[Plan]:
        """Loops that do not overlap and agree on their stacks, those that save most first."""
        kinds = self.rolling.kinds
        roles = {value: ("param", kinds.get(value.name)) for value in self.graph.params}
        roles |= {value: ("state", None) for value in self.graph.state}
        ids = isomorphism.classes(self.nodes, roles.get)
        waiting = sorted(isomorphism.stretches(ids), key=lambda s: (-s.saved, s.period))
        taken: list[Plan] = []
        for _ in range(2):  # what other loops made is known the second time
            waiting = self._accept(waiting, taken, notes)
        return taken

    def _accept(self, waiting: Iterable[Stretch], taken: list[Plan], notes: list[str]) -> list[Stretch]:
        """Put plans into `taken`; the stretches that gave none."""
        queue, failed = list(waiting), list[Stretch]()
        attempts, least = 0, self.rolling.least
        while queue and attempts < _ATTEMPTS:
            wanted = queue.pop(0)
            pieces = _outside(wanted, taken)
            if pieces != [wanted]:
                queue = sorted([*queue, *(p for p in pieces if self.saved(p) >= least)], key=lambda s: -s.saved)
                continue
            attempts += 1
            if self.saved(wanted) < least:
                continue
            plan = self.blocks.plan(wanted, taken)
            if plan is None:
                failed.append(wanted)
            elif isinstance(plan, Stretch):
                failed.append(wanted)
                queue.append(plan)
                queue.sort(key=lambda s: -s.saved)
            elif self.saved(plan) >= least and self._admits(plan, notes):
                clash = self._stacks(plan)
                if not clash:
                    taken.append(plan)
                first, last = (clash[0], clash[-1] + 1) if clash else (0, plan.count)
                queue.append(Stretch(wanted.period, plan.start + last * plan.period, wanted.stop))
                queue.append(Stretch(wanted.period, wanted.start, plan.start + first * plan.period))
                queue.sort(key=lambda s: -s.saved)
        return failed

    def _admits(self, plan: Plan, notes: list[str]) -> bool:
        body = self.nodes[plan.start : plan.start + plan.period]
        if not self.rolling.convolutions and any(map(convolves, body)):
            note = f"not rolled: {plan.count} blocks of {plan.period} nodes with convolutions, whose gradients are slow"
            if note not in notes:
                notes.append(note)
            return False
        usage, weighed = self.rolling.usage, self.weighed(plan)
        if usage is not None and weighed is not None and not weighed.pays(usage.steps):
            if not any(plan.start < stop and start < plan.stop for start, stop in self.refused):
                why = f"{weighed}, of which there are about {usage.steps}"
                notes.append(f"not rolled: {plan.count} blocks of {plan.period} nodes: {why}")
            self.refused.append((plan.start, plan.stop))
            return False
        return True

    def weighed(self, plan: Plan) -> Balance | None:
        """What the loop saves and loses; None where nobody said how the graph will be used."""
        usage = self.rolling.usage
        if usage is None:
            return None
        slices = [members[0].type for members in plan.slices if members[0].name not in usage.stacked]
        carries = [carry.first.type for carry in plan.carries]
        return balance(usage, self.nodes[plan.start : plan.start + plan.period], plan.count, slices, carries)

    def _stacks(self, plan: Plan) -> list[int]:
        """Enter the plan's stacks, if they agree with those that there are; else the blocks whose weights do not."""
        entered: dict[Value, tuple[tuple[Value, ...], int]] = {}
        for index, members in enumerate(plan.slices):
            known = [self.stacks.get(member, entered.get(member)) for member in members]
            if all(item is None for item in known):
                entered.update((member, (members, at)) for at, member in enumerate(members))
                continue
            first = known[0]
            agree = first is not None and all(
                item is not None and item[0] is first[0] and item[1] == first[1] + at for at, item in enumerate(known)
            )
            if not agree or (index in plan.assigned and first is not None and len(first[0]) != len(members)):
                return [at for at, item in enumerate(known) if item is not None]
        self.stacks.update(entered)
        return []

    def without(self, plans: Sequence[Plan], plan: Plan) -> list[Plan]:
        """The plans that hold without this one."""
        gone = {id(plan)}
        for other in plans:  # a loop over what a loop that is gone made
            if any(id(plans[row.plan]) in gone for row in other.rows):
                gone.add(id(other))
        kept = [other for other in plans if id(other) not in gone]
        numbers = {id(other): number for number, other in enumerate(kept)}
        for other in kept:
            other.rows = [row._replace(plan=numbers[id(plans[row.plan])]) for row in other.rows]
        self.stacks.clear()
        for other in kept:
            if self._stacks(other):  # two that agreed by the stack of the one that is gone
                return self.without(kept, other)
        return kept


def _is_free(node: Node) -> bool:
    """Whether a node takes no tensor: it may stand first, and so interrupts no block."""
    return next(node.uses(), None) is None and not node.has(Trait.OPAQUE)


def _outside(stretch: Stretch, taken: Sequence[Plan]) -> list[Stretch]:
    """The parts of the stretch that are in none of the plans."""
    pieces, at = list[Stretch](), stretch.start
    for plan in sorted(taken, key=lambda plan: plan.start):
        if plan.stop > at and plan.start < stretch.stop:
            pieces.append(Stretch(stretch.period, at, min(plan.start, stretch.stop)))
            at = plan.stop
    pieces.append(Stretch(stretch.period, at, stretch.stop))
    return [p for p in pieces if p.stop - p.start >= isomorphism.BLOCKS * p.period]


def convolves(node: Node) -> bool:
    """Whether a node is a convolution, or holds one."""
    inside = any(map(convolves, (inner for region in node.regions() for inner in region.nodes)))
    return inside or (node.op.has(Trait.CONTRACTS) and "conv" in node.op.name)
