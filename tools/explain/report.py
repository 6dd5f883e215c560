"""What a program costs by layer and by the user's line, with totals; what `kgc explain` prints or writes as JSON."""

from __future__ import annotations

import os
import statistics
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ...compiler import work
from ...compiler.graph import Graph
from ...compiler.ir import Node, Value
from ...frontend.functional import Model
from . import costs, kernels, probes, programs
from .costs import Cost, Memory
from .kernels import Plan
from .machine import Machine

OPTIMIZER, TRAINING, KEYS = "(optimizer)", "(loss and metrics)", "(random keys)"
_ROUNDS = 30


@dataclass
class Row:
    """What one layer takes at one line of the user's.

    Attributes:
        layer: its path, or in parentheses what is no layer's.
        line: `model.py:7`, or nothing where it is not known.
        params: numbers that it has, trained or not.
        forward, backward: operations of each.
        functions: transcendental functions of both.
        nbytes: moved to and from memory, or cache.
        kept: bytes that its results take: those that the gradient needs; in predicting, all.
        seconds: predicted; `forward_seconds` of them forward.
        computing, moving: predicted seconds of each alone.
    """

    layer: str
    line: str
    params: int = 0
    forward: int = 0
    backward: int = 0
    functions: int = 0
    nbytes: int = 0
    kept: int = 0
    seconds: float = 0.0
    forward_seconds: float = 0.0
    computing: float = 0.0
    moving: float = 0.0

    @property
    def intensity(self) -> float:
        """Operations for each byte."""
        return (self.forward + self.backward) / self.nbytes if self.nbytes else 0.0

    @property
    def bound(self) -> str:
        """What its time goes to: "compute", "memory", or "starts" of kernels too small to matter."""
        if self.seconds <= 0.0:
            return ""
        if max(self.computing, self.moving) < 0.5 * self.seconds:
            return "starts"
        return "compute" if self.computing >= self.moving else "memory"

    def plain(self) -> dict[str, Any]:
        """The row as JSON holds it."""
        return {**asdict(self), "intensity": self.intensity, "bound": self.bound}


@dataclass
class Measured:
    """What a program really took.

    Attributes:
        seconds: median of some rounds; `least` and `most` of them.
        on_cpu_clock: whether it is the time of the process on its only core, to which other processes add nothing.
        xla: bytes by XLA's own analysis of the compiled program.
    """

    seconds: float
    least: float
    most: float
    on_cpu_clock: bool
    xla: Memory


@dataclass
class Report:
    """What a program costs.

    Attributes:
        call: predicted seconds of calling it, outside all kernels.
        sizes: numbers put for unknown sizes other than the batch.
        notes: what a reader should know.
    """

    name: str
    mode: str
    batch: int
    machine: str
    sizes: dict[str, int]
    rows: list[Row]
    call: float
    memory: Memory
    measured: Measured | None = None
    notes: list[str] = field(default_factory=list[str])

    @property
    def total(self) -> Row:
        """The sum of all rows, and of the call."""
        made = Row("total", "")
        for row in self.rows:
            for key in ("params", "forward", "backward", "functions", "nbytes", "kept"):
                setattr(made, key, getattr(made, key) + getattr(row, key))
            made.seconds += row.seconds
            made.forward_seconds += row.forward_seconds
            made.computing += row.computing
            made.moving += row.moving
        made.seconds += self.call
        return made

    def plain(self) -> dict[str, Any]:
        """The report as JSON holds it; seconds, bytes and counts."""
        measured = None
        if self.measured is not None:
            measured = {**asdict(self.measured), "xla": _plain(self.measured.xla)}
        return {
            "name": self.name,
            "mode": self.mode,
            "batch": self.batch,
            "machine": self.machine,
            "sizes": self.sizes,
            "rows": [row.plain() for row in self.rows],
            "total": self.total.plain(),
            "call_seconds": self.call,
            "memory": _plain(self.memory),
            "measured": measured,
            "notes": self.notes,
        }


def explain(
    subject: Model | Graph,
    mode: str,
    batch: int,
    machine: Machine,
    sizes: Mapping[str, int] | None = None,
    measure: bool = False,
) -> Report:
    """Count and predict one program of a model or a graph, and measure it if asked.

    Args: see `programs.trace`.
    """
    traced = programs.trace(subject, mode, batch, sizes)
    plan = kernels.plan(traced.block)
    memory = costs.memory(plan, traced.donated)
    rows = rows_of(traced.graph, plan, costs.costs(plan, machine), mode)
    call = costs.call_seconds(plan, machine, memory)
    made = Report(subject.name, mode, batch, machine.name, traced.sizes, rows, call, memory)
    if any(step.primitive == "while" and step.times is None for step, _ in traced.block.walk()):
        made.notes.append("a while loop is counted once: only the data tell how often it runs.")
    if measure:
        made.measured = measured(traced)
        if memory.temporary > 1.5 * made.measured.xla.temporary:
            made.notes.append(
                "XLA's analysis leaves out what its libraries take for themselves: on a CPU, all values between layers "
                "that it hands to them as one."
            )
    return made


def measured(traced: programs.Traced, rounds: int = _ROUNDS) -> Measured:
    """Run a program some times, and ask XLA for its memory."""
    analysis = traced.lower().compile().memory_analysis()
    results = analysis.output_size_in_bytes - analysis.alias_size_in_bytes
    xla = Memory(analysis.argument_size_in_bytes, results, analysis.temp_size_in_bytes)
    found = probes.samples(traced.run, rounds, 0.002, 6.0)
    cpu = probes.clock() is not probes.wall
    return Measured(statistics.median(found), min(found), max(found), cpu, xla)


def rows_of(graph: Graph, plan: Plan, found: list[Cost], mode: str) -> list[Row]:
    """Costs by layer and line, in the order in which they come first."""
    rows: dict[tuple[str, str], Row] = {}

    def row(node: Node | None, primitive: str = "") -> Row:
        key = _place(node, mode, primitive)
        return rows.setdefault(key, Row(*key))

    for cost in found:
        kernel = cost.kernel
        one = row(kernel.node, kernel.step.primitive)
        if not kernel.backward:
            one.forward_seconds += cost.seconds
        one.nbytes += cost.nbytes
        one.seconds += cost.seconds
        one.computing += cost.computing
        one.moving += cost.moving
    for step, times in plan.block.walk():  # what is fused into another layer's kernel counts where it belongs
        done = work.of(step) * times
        if done.flops or done.functions:
            one = row(step.node, step.primitive)
            one.functions += done.functions
            if step.backward:
                one.backward += done.flops
            else:
                one.forward += done.flops
    needed = {value for kernel in plan.kernels if kernel.backward for value in kernel.inputs}
    for kernel in plan.kernels:
        if kernel.backward or kernel.node is None:
            continue
        for value in kernel.outputs:
            if mode == "predict" or value in needed:
                row(kernel.node).kept += plan.block.specs[value].nbytes
    for value, node in _owners(graph):
        if row(node).layer != TRAINING:
            row(node).params += _size(value)
    return [one for one in rows.values() if one.seconds or one.params or one.forward or one.backward]


def _owners(graph: Graph) -> Iterator[tuple[Value, Node]]:
    """Each param and state with the first node that uses it, which may lie within a loop."""
    waiting = {*graph.params, *graph.state}
    for node in graph.nodes:
        for value in node.uses():
            if value in waiting:
                waiting.discard(value)
                yield value, _user(node, value)


def _user(node: Node, value: Value) -> Node:
    """The node that really uses a value: for a loop, one within its body."""
    for region in node.regions():
        operands = list(node.uses())
        if len(operands) == len(region.inputs):
            inner = next(given for given, operand in zip(region.inputs, operands, strict=True) if operand is value)
            for one in region.nodes:
                if any(used is inner for used in one.uses()):
                    return _user(one, inner)
    return node


def _size(value: Value) -> int:
    count = 1
    for size in value.type.shape:
        count *= size if isinstance(size, int) else 1
    return count


def _place(node: Node | None, mode: str, primitive: str) -> tuple[str, str]:
    if node is None:
        return (KEYS if mode == "predict" or primitive.startswith("random") else OPTIMIZER), ""
    loc = node.loc
    if loc is not None and loc.scope:
        return loc.scope, _line(loc)
    if mode == "train":
        return TRAINING, ""
    weight = next((value.name for value in node.uses() if value.node is None and "." in value.name), "")
    return weight.removesuffix(".folded").rpartition(".")[0] or f"({node.op.name})", _line(loc)


def _line(loc: Any) -> str:
    """`model.py:7`; nothing for a place in the program that runs the command, or in a file that is not there."""
    started_by = getattr(sys.modules.get("__main__"), "__file__", None)
    if loc is None or not loc.line or loc.file == started_by or not os.path.exists(loc.file):
        return ""
    return f"{os.path.basename(loc.file)}:{loc.line}"


def _plain(memory: Memory) -> dict[str, int]:
    return {**asdict(memory), "peak": memory.peak}
