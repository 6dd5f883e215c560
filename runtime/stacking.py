"""Rolled programs: whether a graph is rolled, and its weights stored as stacks.

A loop takes the weights of its blocks as one array with a leading axis, so they are stored as one: the handles' slots
move (`STORE.stack`), and everything else about the handles stays.  Programs over the same layers that are not rolled,
or over some of the blocks only, take parts of the stack.  One set of weights can be stacked in one order; a graph that
wants another is not rolled.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import jax
import numpy as np

from ..compiler import pipeline, transform as transforms
from ..compiler.errors import ArgumentError
from ..compiler.graph import Graph
from ..compiler.loop_costs import UNKNOWN_ROWS, UNKNOWN_STEPS, Usage, balance, compiling
from ..compiler.loops import Rolling
from ..compiler.ops.fused import parts
from ..compiler.pipeline import Optimized
from ..compiler.types import tensor_type
from .store import STORE, Handle, Slot

Roll = Literal["auto", "always", "never"]
"""Whether equal blocks are rolled into loops: where it pays, wherever it is possible, or nowhere."""

LEAST, IN_ALL = 50, 150
"""Nodes that one loop, and all of a graph together, must save where "auto" is to roll: below, compiling a loop costs as
much as it saves."""


class Stack:
    """The handles of one type as one: it lies where they lie, side by side."""

    def __init__(self, members: Sequence[Handle]) -> None:
        self.members = list(members)

    @property
    def slot(self) -> Slot:
        """That of the members."""
        return self.members[0].slot

    @property
    def index(self) -> slice | None:
        """The members' part of the slot; None where it is all of it."""
        first = self.members[0].index or 0
        whole = first == 0 and self.slot.array.shape[0] == len(self.members)
        return None if whole else slice(first, first + len(self.members))

    def read(self) -> Any:
        """The members' current arrays as one."""
        if is_together(self.members):
            array = self.slot.array
            return array if self.index is None else array[self.index]
        return np.stack([np.asarray(member.read()) for member in self.members])


Place = Handle | Stack
"""What a program takes an array from."""


class Decision(NamedTuple):
    """What a program is made of.

    Attributes:
        optimized: the graph, rolled or not.
        stacks: handles of the members of each stack in it, by the stack's name.
        notes: what was decided, and why.
        lasts: after so many steps it would have paid to compile the program anew, without loops.
    """

    optimized: Optimized
    stacks: dict[str, Stack]
    notes: list[str]
    lasts: float = math.inf


def check_roll(roll: Any) -> Roll:
    """`roll`, if it is one of the three words; else ArgumentError."""
    if roll in ("auto", "always", "never"):
        return roll
    raise ArgumentError(
        "compile() takes roll as 'auto', 'always' or 'never'",
        received=f"{roll=}",
        hint="it says whether equal blocks become a loop; 'auto' does it where that pays.",
    )


def decide(
    plain: Optimized,
    handles: Mapping[str, Handle],
    roll: Roll,
    *,
    kinds: Mapping[str, Hashable] | str | None = None,
    steps: int | None = None,
    rows: int | None = None,
) -> Decision:
    """The graph rolled, if `roll` says so and the weights may be stored accordingly.  Nothing is moved yet.

    Args:
        plain: the optimised graph.
        handles: where its original's params and state live.
        kinds: for a graph that gradients are taken of: what trained params must have in common to be updated as one,
            by name; or why they cannot be.  None where no gradients are taken.
        steps: how often the program will run, as far as is known: "auto" rolls where compiling saves more time than so
            many steps in a loop lose.
        rows: and on how many rows at a time.
    """
    if roll == "never":
        return Decision(plain, {}, ["roll_loops: never, as told"])
    training = kinds is not None
    if isinstance(kinds, str):
        return Decision(plain, {}, [f"roll_loops: not rolled: {kinds}"])
    count = sum(map(parts, plain.graph.nodes))
    if roll == "auto" and count < IN_ALL:
        return Decision(plain, {}, [f"roll_loops: not rolled: {count} nodes are few"])
    if training and plain.transform is not None:
        return Decision(plain, {}, ["roll_loops: not rolled: a pass made other params than are trained"])
    slow = training and roll == "auto" and jax.default_backend() == "cpu"
    usage = None
    if roll == "auto":
        cut = frozenset() if training else frozenset(n for n, handle in handles.items() if handle.index is not None)
        usage = Usage(steps or UNKNOWN_STEPS, rows or UNKNOWN_ROWS, training, jax.default_backend(), cut)
    limits = {"least": LEAST, "in_all": IN_ALL} if roll == "auto" else {}
    rolled = pipeline.rolled(plain, Rolling(kinds or {}, convolutions=not slow, usage=usage, **limits))
    notes = list(rolled.notes[len(plain.notes) :])
    if rolled.graph is plain.graph:
        return Decision(plain, {}, notes or ["roll_loops: not rolled: nothing repeats often enough"])
    members = transforms.stacks(rolled.transform)
    stacks = {name: Stack([handles[n] for n in names]) for name, names in members.items()}
    assigned = {target.name for target, _ in rolled.graph.assigns}
    wanted = [stack for name, stack in stacks.items() if training or name in assigned]
    reason = next(filter(None, map(cannot_store, wanted)), "")
    if reason:
        return Decision(plain, {}, [f"roll_loops: not rolled: {reason}"])
    lost = _lost(rolled.graph, stacks, usage) if usage is not None else 0.0
    lasts = compiling(plain.graph.nodes, training) / lost if lost > 0 else math.inf
    return Decision(rolled, stacks, notes, lasts)


def _lost(graph: Graph, stacks: Mapping[str, Stack], usage: Usage) -> float:
    """Seconds by which the loops over these stacks are predicted to make a step longer."""
    lost = 0.0
    for node in graph.nodes:
        over = node.operand("xs") if node.op.name == "scan" else ()
        taken = [value.type for value in over if value.name in stacks and value.name not in usage.stacked]
        if taken:
            slices = [tensor_type(type_.shape[1:], type_.dtype) for type_ in taken]
            carries = [value.type for value in node.operand("init")]
            lost += balance(usage, node.attr("body").nodes, int(taken[0].shape[0]), slices, carries).lost
    return lost


def is_together(members: Sequence[Handle]) -> bool:
    """Whether the handles lie side by side in one slot, in this order."""
    first = members[0]
    return first.index is not None and all(
        handle.slot is first.slot and handle.index == first.index + at for at, handle in enumerate(members)
    )


def cannot_store(stack: Stack) -> str:
    """Why the members cannot be stored side by side; empty if they can, or are.

    Stacks that they are part of now must go into the new one whole and in their order, so that every program that takes
    some of their members finds them side by side.
    """
    members = stack.members
    if is_together(members):
        return ""
    if any(member.type is not members[0].type for member in members) or len(set(map(id, members))) < len(members):
        return "weights of a loop differ in type, or are one"
    at = 0
    while at < len(members):
        slot, index = members[at].slot, members[at].index
        count = 1 if index is None else int(slot.array.shape[0])
        part = members[at : at + count]
        if index is not None and (index or len(part) < count or not is_together(part)):
            return "its weights are stored as a stack in another order, for another model"
        at += count
    return ""


def store(stacks: Mapping[str, Stack]) -> None:
    """Put the members of each stack side by side, where they are not yet."""
    with STORE.lock:
        for stack in stacks.values():
            if not is_together(stack.members):
                STORE.stack(stack.members)


def separate(handles: Iterable[Handle]) -> None:
    """Take stacks apart of which all members are among these handles."""
    by_slot: dict[int, list[Handle]] = {}
    for handle in handles:
        if handle.index is not None:
            by_slot.setdefault(id(handle.slot), []).append(handle)
    with STORE.lock:
        for members in by_slot.values():
            if len({handle.index for handle in members}) == members[0].slot.array.shape[0]:
                STORE.unstack(members)


def with_stacks(names: Sequence[str], stacks: Mapping[str, Sequence[str]]) -> list[str]:
    """The names with each stack's name in the place of its first member, and the other members left out."""
    first = {members[0]: name for name, members in stacks.items()}
    rest = {member for members in stacks.values() for member in members[1:]}
    return [first.get(name, name) for name in names if name not in rest]
