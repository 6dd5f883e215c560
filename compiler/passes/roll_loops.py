"""Roll equal blocks that follow each other into one loop over weights that are stored stacked.

    param %dense.kernel: f32[4, 4]                  param %blocks.dense.kernel: f32[3, 4, 4]
    param %dense_1.kernel: f32[4, 4]                %0: f32[b, 4] = scan([%x], [%blocks.dense.kernel], [], body=@blocks)
    param %dense_2.kernel: f32[4, 4]
    %0: f32[b, 4] = matmul(%x, %dense.kernel)       graph @blocks(%carry: f32[b, 4], %dense.kernel: f32[4, 4])
    %1: f32[b, 4] = relu(%0)                            -> (f32[b, 4]) {
    %2: f32[b, 4] = matmul(%1, %dense_1.kernel)       %0: f32[b, 4] = matmul(%carry, %dense.kernel)
    …                                                 %1: f32[b, 4] = relu(%0)
                                                      return %1
                                                    }

JAX's tracing and lowering and XLA's compilation take time by the node, far more than the nodes take to run: 400
residual blocks of two dense layers need 19 s to be lowered and compiled, a loop over them 0.7 s, and its step takes
half as long.  The stacks are made by the transform; they must be what is stored, for stacking arrays within a step
would cost more than it saves.

What the blocks take may be weights and state of their own, one each; what the block before made; what is the same for
all; addresses of random numbers; or what another loop made.  State that each block assigns is assigned as a stack.
What is wanted of single blocks becomes a result of the loop for each of them.  Weights that only some blocks share end
the loop; weights of which a stack in another order exists already (a larger loop's) prevent it.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import blocks, isomorphism, transform as transforms
from ..blocks import Made, Plan
from ..builder import Builder
from ..errors import KgcError
from ..graph import Graph
from ..ir import Node, Value
from ..loops import Rolling, Search
from ..ops.control import scan
from ..ops.creation import arange
from ..ops.indexing import getitem
from ..ops.shape import stack
from ..rewrite import Recorder
from ..transform import PassResult, live
from ..types import tensor_type


def roll_loops(graph: Graph, rolling: Rolling | None = None) -> PassResult:
    """The graph with loops in place of equal blocks, and the transform that stacks their params and state."""
    rolling = rolling or Rolling()
    found = Search(graph, rolling)
    notes: list[str] = []
    plans = found.plans(notes)
    while plans:
        saved = sum(map(found.saved, plans))
        if saved < rolling.in_all:
            notes.append(f"not rolled: loops would save {saved} nodes, fewer than {rolling.in_all}")
            break
        try:
            return _Roller(found, plans).result(notes)
        except _Misfit as misfit:  # a type that came out differently in a loop; the rest may still be rolled
            notes.append(f"not rolled: {misfit.plan.count} blocks of {misfit.plan.period} nodes: {misfit.reason}")
            plans = found.without(plans, misfit.plan)
    return PassResult(graph, notes=tuple(notes))


class _Misfit(Exception):
    def __init__(self, plan: Plan, reason: str) -> None:
        super().__init__(reason)
        self.plan, self.reason = plan, reason


class _Roller:
    """Builds the rolled graph."""

    def __init__(self, search: Search, plans: Sequence[Plan]) -> None:
        self.search, self.graph, self.nodes, self.plans = search, search.graph, search.nodes, plans
        self.plan_at = {plan.start: plan for plan in plans}
        self.within: list[Plan | None] = [None] * len(self.nodes)
        for plan in plans:
            self.within[plan.start : plan.stop] = [plan] * (plan.stop - plan.start)
        self.built = Recorder(self.graph.name)
        self.built.consts.update(self.graph.consts)
        for value in self.graph.arguments():
            self.built.unique(value.name)
        self.makers = Recorder("transform")
        self.new: dict[Value, Any] = {}
        self.outputs: dict[str, Value] = {}
        self.member: dict[Value, tuple[Value, int]] = {}
        self.each: dict[tuple[int, Made], Value] = {}
        self.tapped: dict[Value, tuple[Plan, Made, int]] = {}

    def result(self, notes: list[str]) -> PassResult:
        graph = self.graph
        self._make_stacks()
        wanted = self._wanted()
        self.built.nodes.extend(self.search.free)
        for index, node in enumerate(self.nodes):
            plan = self.within[index]
            if plan is None:
                for value in node.uses():
                    self._resolve(value)
                self.built.nodes.append(transforms.copied(node, self.new))
            elif index == plan.start:
                self._roll(plan, wanted)
        outputs = [self._resolve(value) for value in graph.outputs]
        assigns: list[tuple[Value, Value]] = []
        for target, value in graph.assigns:
            if target not in self.member:
                assigns.append((target, self._resolve(value)))
        for plan in self.plans:
            for index, made in plan.assigned.items():
                assigns.append((self._stack(plan.slices[index]), self.each[id(plan), made]))
        params, state = self._arguments(graph.params), self._arguments(graph.state)
        kept, _ = live(self.built.nodes, (*outputs, *(value for _, value in assigns)))
        made = Graph(
            graph.name,
            graph.inputs,
            params,
            state,
            self.built.consts,
            kept,
            outputs,
            assigns,
            graph.output_names,
        )
        transform = transforms.build(self.outputs, self.makers.nodes, graph.params, graph.state, {})
        return PassResult(made, transform, (*map(self._note, self.plans), *notes))

    def _note(self, plan: Plan) -> str:
        body = self.nodes[plan.start : plan.start + plan.period]
        places = [node.loc.scope for node in (body[0], self.nodes[plan.stop - 1]) if node.loc and node.loc.scope]
        where = f", from {places[0]} to {places[-1]}" if places else ""
        weighed = self.search.weighed(plan)
        gain = f": {weighed}" if weighed is not None else ""
        return f"{plan.count} blocks of {plan.period} node{'s' if plan.period > 1 else ''}{where}{gain}"

    # Stacks
    def _make_stacks(self) -> None:
        with self.makers:
            for members in {id(members): members for members, _ in self.search.stacks.values()}.values():
                made = stack(list(members))
                name = self.built.unique(f"blocks.{members[0].name}")
                whole, self.outputs[name] = Value(made.type, name=name), made
                self.member.update((value, (whole, at)) for at, value in enumerate(members))

    def _arguments(self, values: Sequence[Value]) -> list[Value]:
        return [
            self.member[value][0] if value in self.member else value
            for value in values
            if value not in self.member or self.member[value][1] == 0
        ]

    def _stack(self, members: tuple[Value, ...]) -> Value:
        """The stack of these, or the part of a stack that they are."""
        whole, first = self.member[members[0]]
        size = whole.type.shape[0]
        if size == len(members):
            return whole
        with self.built:
            return getitem(whole, slice(first, first + len(members)))

    def _resolve(self, value: Value) -> Any:
        """What stands for a value of the old graph outside of loops."""
        found = self.new.get(value)
        if found is not None:
            return found
        before = self.built.at
        if value in self.member:
            whole, at = self.member[value]
        elif value in self.tapped:
            plan, made, at = self.tapped[value]
            whole, self.built.at = self.each[id(plan), made], value.node.loc if value.node else None
        else:
            return value
        with self.built:
            found = self.new[value] = getitem(whole, at)
        self.built.at = before
        if found.type is not value.type and value in self.tapped:
            raise _Misfit(self.tapped[value][0], f"a result becomes {found.type}")
        return found

    # Loops
    def _wanted(self) -> dict[int, dict[Made, set[int]]]:
        """By plan, which results of which of its blocks are used outside of it; those assigned, too."""
        wanted: dict[int, dict[Made, set[int]]] = {id(plan): {} for plan in self.plans}
        place = self.search.blocks.place

        def use(value: Value, user: Plan | None) -> None:
            at = place.get(value)
            plan = self.within[at[0]] if at is not None else None
            if at is not None and plan is not None and plan is not user:
                block, node = divmod(at[0] - plan.start, plan.period)
                wanted[id(plan)].setdefault(Made(node, at[1]), set()).add(block)

        for index, node in enumerate(self.nodes):
            for value in node.uses():
                use(value, self.within[index])
        for value in self.graph.outputs:
            use(value, None)
        for target, value in self.graph.assigns:
            if target not in self.member:
                use(value, None)
        for plan in self.plans:
            for made in plan.assigned.values():
                wanted[id(plan)].setdefault(made, set()).update(range(plan.count))
        return wanted

    def _roll(self, plan: Plan, wanted: dict[int, dict[Made, set[int]]]) -> None:
        body = self.nodes[plan.start : plan.start + plan.period]
        last = plan.count - 1
        carried = {carry.made: number for number, carry in reversed(list(enumerate(plan.carries)))}
        results = [made for made, users in wanted[id(plan)].items() if users != {last} or made not in carried]
        region = self._region(plan, body, results)
        self.built.at = body[0].loc
        init = [self._resolve(carry.first) for carry in plan.carries]
        slices = [self._stack(members) for members in plan.slices]
        rows = [self._part(row, plan.count) for row in plan.rows]
        same = [self._resolve(value) for value in plan.same]
        sites = [self._sites(numbers) for numbers in plan.sites]
        xs = [*slices, *rows, *sites]
        with self.built:
            try:
                out: tuple[Value, ...] = scan(region, init, xs, same, None if xs else plan.count)
            except KgcError as error:
                raise _Misfit(plan, error.what) from error
            for carry, value in zip(plan.carries, out, strict=False):
                if value.type is not body[carry.made.node].results[carry.made.result].type:
                    raise _Misfit(plan, f"a carried value becomes {value.type}")
            for made, value in zip(results, out[len(init) :], strict=True):
                self.each[id(plan), made] = value
        for made, users in wanted[id(plan)].items():
            for block in users:
                old = self.nodes[plan.start + block * plan.period + made.node].results[made.result]
                if block == last and made in carried:
                    self.new[old] = out[carried[made]]
                else:
                    self.tapped[old] = (plan, made, block)
        self.built.at = None

    def _part(self, row: blocks.Row, count: int) -> Value:
        other = self.plans[row.plan]
        whole = self.each[id(other), row.made]
        if row.offset == 0 and other.count == count:
            return whole
        with self.built:
            return getitem(whole, slice(row.offset, row.offset + count))

    def _sites(self, numbers: tuple[int, ...]) -> Value:
        steps = {b - a for a, b in itertools.pairwise(numbers)}
        with self.built:
            if len(steps) == 1 and 0 <= min(numbers) and max(numbers) < 2**31 - max(map(abs, steps)):
                (step,) = steps
                return arange(numbers[0], numbers[0] + step * len(numbers), step, "int32")
            return self.built.const(np.array(numbers, _site_dtype(numbers)), "sites")

    def _region(self, plan: Plan, body: Sequence[Node], results: Sequence[Made]) -> Graph:
        inner = Builder("blocks")
        lists: dict[str, list[Value]] = {}
        lists["carries"] = [inner.input("carry", carry.first.type) for carry in plan.carries]
        lists["slices"] = [inner.input(members[0].name, members[0].type) for members in plan.slices]
        lists["rows"] = [inner.input("row", self._made(self.plans[row.plan], row.made).type) for row in plan.rows]
        lists["sites"] = [inner.input("site", tensor_type((), _site_dtype(numbers))) for numbers in plan.sites]
        lists["same"] = [inner.input(value.name or "given", value.type) for value in plan.same]
        nodes: list[Node] = []
        for node, sources in zip(body, plan.sources, strict=True):
            given: list[Any] = []
            for source in sources:
                if source.kind == "inside":
                    made: Made = source.at
                    given.append(nodes[made.node].results[made.result])
                else:
                    given.append(source.at if source.kind == "literal" else lists[source.kind][source.at])
            types = tuple([result.type for result in node.results])
            nodes.append(Node(node.op, isomorphism.with_leaves(node, given), node.attrs, types, node.loc))
        wanted = [*(carry.made for carry in plan.carries), *results]
        outputs = [nodes[made.node].results[made.result] for made in wanted]
        region = Graph("blocks", inner.inputs, (), (), {}, nodes, outputs)
        unbound = region.unbound()
        if unbound:
            raise _Misfit(plan, f"the size {unbound} would not be known in the loop")
        return region

    def _made(self, plan: Plan, made: Made) -> Value:
        return self.nodes[plan.start + made.node].results[made.result]


def _site_dtype(numbers: tuple[int, ...]) -> str:
    return "int32" if all(-(2**31) <= number < 2**31 for number in numbers) else "uint32"
