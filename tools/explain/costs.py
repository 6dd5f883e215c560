"""From kernels and a machine to seconds, and to the memory that a program needs at most.

A kernel takes the longer of two times, that of its operations and that of its bytes, and a start.  Loops take their
body as often as they run, and a turn each.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...compiler.work import Work
from .kernels import Kernel, Plan
from .machine import Machine


@dataclass(frozen=True)
class Cost:
    """What one kernel takes in one step, all its runs together.

    Attributes:
        seconds: of computing or of moving, whichever is longer, and of starting it.
        computing, moving: each by itself.
    """

    kernel: Kernel
    runs: int
    work: Work
    nbytes: int
    seconds: float
    computing: float
    moving: float


def costs(plan: Plan, machine: Machine) -> list[Cost]:
    """The cost of each kernel that does work, those within loops too."""
    found: list[Cost] = []
    for kernel in plan.kernels:
        for leaf, times in kernel.leaves():
            if leaf.kind == "loop":
                turns = leaf.times * times
                seconds = machine.kernel * times + machine.loop * turns
                found.append(Cost(leaf, times, Work(0), 0, seconds, 0.0, 0.0))
                continue
            computing, moving = _computing(leaf, machine), _moving(leaf, machine)
            copied = 2 * leaf.copied if leaf.kind == "dot" else 0
            copying = machine.seconds("strided", copied)  # within what is measured of convolutions
            seconds = times * (machine.kernel + max(computing, moving) + copying)
            moving += copying
            nbytes = times * (leaf.reads + leaf.writes + copied)
            found.append(Cost(leaf, times, leaf.work * times, nbytes, seconds, times * computing, times * moving))
    return found


def call_seconds(plan: Plan, machine: Machine, memory: Memory) -> float:
    """Seconds of calling the program: fixed, for each argument, and for memory that the system has to clear first.

    XLA:CPU takes the place of all temporary values anew in every call.
    """
    arguments = machine.argument * (len(plan.block.inputs) + len(plan.block.outputs))
    return machine.call + arguments + machine.seconds("fresh", memory.temporary)


def _moving(kernel: Kernel, machine: Machine) -> float:
    nbytes = kernel.reads + kernel.writes
    if kernel.gathered:
        return machine.seconds("each", nbytes) + machine.seconds("gather", 2 * kernel.gathered)
    if kernel.kind in ("each", "reduce") and kernel.strided:
        return machine.seconds("strided", nbytes)
    return machine.seconds("each", nbytes)


def _computing(kernel: Kernel, machine: Machine) -> float:
    """Seconds of the operations; what is fused into a reduction or a window comes on top of it."""
    kind, step, work = kernel.kind, kernel.step, kernel.work
    size = sum(spec.size for spec in step.result_specs)
    if kind in ("dot", "conv"):
        return machine.product(kernel)
    if kind == "reduce":
        taken = step.operand_specs[0]
        last = len(taken.shape) - 1 in step.params.get("axes", ())
        rest = machine.seconds("flops", max(work.flops - taken.size, 0)) + machine.seconds("functions", work.functions)
        return rest + machine.seconds("reduce last" if last else "reduce first", taken.size)
    if kind == "scatter":
        return machine.seconds("scatter", step.operand_specs[2].size)
    if kind == "window":
        return machine.seconds("window", work.flops + size)
    if kind == "scatter window":
        return machine.seconds("scatter window", work.flops)
    if kind in ("sort", "scan axis"):
        return machine.seconds(kind, work.flops if kind == "sort" else step.operand_specs[0].size)
    if kind == "random":
        return machine.seconds("random", size)
    if kind == "key":
        return machine.seconds("key", 1) if step.primitive in ("random_fold_in", "random_split") else 0.0
    return machine.seconds("flops", work.flops) + machine.seconds("functions", work.functions)


@dataclass(frozen=True)
class Memory:
    """Bytes: what a program is given, what it gives beyond what it was given, and most of what it makes meanwhile."""

    arguments: int
    results: int
    temporary: int

    @property
    def peak(self) -> int:
        """Most that is there at one time."""
        return self.arguments + self.results + self.temporary


def memory(plan: Plan, donated: int) -> Memory:
    """What a program needs at most: what each kernel writes lies there until its last use.

    Args:
        donated: bytes of arguments whose place results take.
    """
    block = plan.block
    arguments = sum(block.specs[value].nbytes for value in block.inputs)
    outputs = {plan.root.get(value, value) for value in block.outputs}
    results = sum(block.specs[value].nbytes for value in outputs)
    return Memory(arguments, max(results - donated, 0), _most(plan.kernels, set(block.inputs) | outputs))


def _most(kernels: list[Kernel], elsewhere: set[int]) -> int:
    """Most bytes that the values of these kernels take together, without those that lie elsewhere."""
    last: dict[int, int] = {}
    for at, kernel in enumerate(kernels):
        last.update((value, at) for value in kernel.inputs)
    sizes: dict[int, int] = {}
    ends: dict[int, list[int]] = {}
    now = most = 0
    for at, kernel in enumerate(kernels):
        for value, spec in zip(kernel.step.results, kernel.step.result_specs, strict=True):
            if value in kernel.outputs and value not in elsewhere:
                sizes[value] = spec.nbytes
                ends.setdefault(last.get(value, at), []).append(value)
                now += spec.nbytes
        inner = max((_inner(kernel, body) for body in kernel.bodies), default=0)
        most = max(most, now + inner + kernel.copied)
        now -= sum(sizes[value] for value in ends.get(at, ()))
    return most


def _inner(kernel: Kernel, body: list[Kernel]) -> int:
    return _most(body, set())
