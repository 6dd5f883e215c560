"""The kernels that XLA makes of a program's steps, and the bytes that each moves.

XLA fuses elementwise chains, so what lies within a chain is neither written nor read: bytes are counted at the edges of
kernels only.  The rules here are XLA:CPU's in short: an elementwise or moving step goes into those that use it, again
into each where it is cheap; products, convolutions, windows, scatters, sorts and loops are kernels of their own;
reshapes are free, and so are transpositions in front of a product.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ...compiler import work
from ...compiler.flat import Block, Step
from ...compiler.ir import Node
from ...compiler.work import Work

_ALONE = {
    "dot_general": "dot",
    "conv_general_dilated": "conv",
    "select_and_scatter_add": "scatter window",
    "select_and_gather_add": "scatter window",
    "sort": "sort",
    "top_k": "sort",
    "scan": "loop",
    "while": "loop",
    "cond": "branch",
    "fft": "library",
    "cholesky": "library",
    "triangular_solve": "library",
    "dynamic_update_slice": "update",
    "random_seed": "key",
    "random_wrap": "key",
    "random_unwrap": "key",
    "random_fold_in": "key",
    "random_split": "key",
    "random_bits": "random",
    "random_gamma": "random",
    **{f"reduce_window{kind}": "window" for kind in ("", "_sum", "_max", "_min")},
    **{f"scatter{kind}": "scatter" for kind in ("", "-add", "-sub", "-mul", "-min", "-max")},
    **dict.fromkeys(("cumsum", "cumprod", "cummax", "cummin", "cumlogsumexp"), "scan axis"),
}
"""What no other kernel takes in, and its kind."""
_ROOTS = ("reduce_", "argm", "concatenate")
_ALIASES = frozenset(("reshape", "squeeze", "expand_dims", "copy", "stop_gradient", "optimization_barrier", "copy_p"))
_PARTS = frozenset(("slice", "dynamic_slice", "gather", "split"))
_DEAR = 2
"""Calls of transcendental functions that are not made twice."""


@dataclass
class Kernel:
    """One kernel.

    Attributes:
        kind: "each" (a fused chain), "reduce", "dot", "conv", "loop", ….
        step: the one whose results it writes.
        reads, writes: bytes.
        work: of all steps in it, for one run.
        inputs, outputs: values that lie in memory.
        strided: whether it reads across the order in which numbers lie.
        copied: bytes of operands that are first written in another order.
        gathered: bytes that are read by index.
        bodies, times: kernels of a loop's body (or a branch's), and how often they run.
    """

    kind: str
    step: Step
    reads: int
    writes: int
    work: Work
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    strided: bool = False
    copied: int = 0
    gathered: int = 0
    bodies: list[list[Kernel]] = field(default_factory=list["list[Kernel]"])
    times: int = 1

    @property
    def node(self) -> Node | None:
        """The graph's node that it is for."""
        return self.step.node

    @property
    def backward(self) -> bool:
        """Whether it belongs to the gradient."""
        return self.step.backward

    def leaves(self, times: int = 1) -> Iterator[tuple[Kernel, int]]:
        """The kernels that do the work, and how often each runs; loops themselves come with the runs of their body."""
        if not self.bodies:
            yield self, times
            return
        if self.kind == "loop":
            yield self, times
        for body in self.bodies:
            for kernel in body:
                yield from kernel.leaves(times * self.times)


@dataclass
class Plan:
    """The kernels of a program in their order, and where its values lie.

    Attributes:
        root: of values that are other names of one array (reshapes), that array.
    """

    block: Block
    kernels: list[Kernel]
    root: dict[int, int]


def plan(block: Block) -> Plan:
    """The kernels of a program."""
    return _Planner(block).plan()


def copied(step: Step) -> int:
    """Bytes of a product's operands that XLA:CPU writes in another order first, or of a kernel's gradient's."""
    left, right = step.operand_specs[:2] if len(step.operand_specs) > 1 else (None, None)
    if left is None or right is None:
        return 0
    if step.primitive == "conv_general_dilated":
        turned = step.params["dimension_numbers"].lhs_spec[0] != 0
        return left.nbytes + right.nbytes if turned else 0
    if step.primitive != "dot_general":
        return 0
    contracted, batches = step.params["dimension_numbers"]
    total = 0
    for spec, inner, lead, first in zip((left, right), contracted, batches, (True, False), strict=True):
        rank, count = len(spec.shape), len(lead)
        ahead = tuple(lead) == tuple(range(count))
        last = sorted(inner) == list(range(rank - len(inner), rank))
        early = sorted(inner) == list(range(count, count + len(inner)))
        fits = ahead and (last or (early and (not first or rank == 2 or count > 0)))
        total += 0 if fits else spec.nbytes
    return total


class _Planner:
    def __init__(self, block: Block) -> None:
        self.block = block
        self.users: dict[int, list[Step]] = {}
        for step in block.steps:
            for value in step.operands:
                if value is not None:
                    self.users.setdefault(value, []).append(step)
        self.root: dict[int, int] = {}
        self.maker: dict[int, Step] = {}
        for step in block.steps:
            source = step.operands[0] if step.operands else None
            if self._is_alias(step) and source is not None:
                self.root[step.results[0]] = self._root(source)
            else:
                self.maker.update((result, step) for result in step.results)
        self.all_users: dict[int, list[Step]] = {}
        for step in block.steps:
            if step.results and step.results[0] in self.root:
                continue
            for value in dict.fromkeys(step.operands):
                if value is not None:
                    self.all_users.setdefault(self._root(value), []).append(step)
        self.outputs = {self._root(value) for value in block.outputs}
        self.heavy: dict[int, int] = {}
        self.indexed: set[int] = set()  # what is read by index, and not yet written
        self.kept: set[int] = set()
        for step in block.steps:
            self._decide(step)

    def _root(self, value: int) -> int:
        return self.root.get(value, value)

    def _is_alias(self, step: Step) -> bool:
        """Whether a step gives its operand another name only."""
        name = step.primitive
        if name in _ALIASES:
            return True
        if name == "convert_element_type":
            return step.operand_specs[0].dtype == step.result_specs[0].dtype
        if name == "broadcast_in_dim":
            return step.operand_specs[0].size == step.result_specs[0].size
        if name == "transpose":
            spec, order = step.operand_specs[0], step.params["permutation"]
            real = [axis for axis in order if spec.shape[axis] != 1]
            maker = self.maker.get(self._root(step.operands[0])) if step.operands[0] is not None else None
            if len(order) == 2 and maker is not None and maker.primitive == "dot_general":
                return True  # the product of the transposed operands
            users = self.users.get(step.results[0], [])
            products = bool(users) and all(user.primitive == "dot_general" for user in users)
            return real == sorted(real) or (products and step.results[0] not in self.block.outputs)
        return False

    def _decide(self, step: Step) -> None:
        """Whether what a step gives is written to memory."""
        if not step.results or step.results[0] in self.root:
            return
        if step.primitive in _ALONE or step.bodies:
            self.kept.update(step.results)
            return
        functions = work.of(step).functions // max(step.result_specs[0].size, 1)
        inside = [self._root(v) for v in step.operands if v is not None]
        indexed = step.primitive == "gather" or any(v in self.indexed and v not in self.kept for v in inside)
        heavy = functions + sum(self.heavy.get(v, 0) for v in inside if v not in self.kept)
        for result in step.results:
            self.heavy[result] = heavy
            users = self.all_users.get(result, [])
            fused = bool(users) and result not in self.outputs
            fused = fused and all(user.primitive not in _ALONE and not user.bodies for user in users)
            fused = fused and not step.primitive.startswith(_ROOTS) and not (len(users) > 1 and heavy >= _DEAR)
            fused = fused and not (indexed and any(user.primitive.startswith("reduce_") for user in users))
            if indexed:
                self.indexed.add(result)
            if not fused and (users or result in self.outputs):
                self.kept.add(result)

    def plan(self) -> Plan:
        kernels: list[Kernel] = []
        for step in self.block.steps:
            written = [result for result in step.results if result in self.kept]
            if written and step.primitive not in ("iota", "empty", "empty2", "platform_index"):
                kernels.append(self._kernel(step, tuple(written)))
        return Plan(self.block, kernels, self.root)

    def _kernel(self, step: Step, written: tuple[int, ...]) -> Kernel:
        reads: dict[int, int] = {}
        done: set[int] = set()
        total, strided, gathered = Work(0), False, 0
        waiting = [step]
        while waiting:
            one = waiting.pop()
            if id(one) in done:
                continue
            done.add(id(one))
            if not one.bodies:
                total = total + work.of(one)
            strided = strided or one.primitive == "transpose"
            gathered += one.result_specs[0].nbytes if one.primitive == "gather" else 0
            for value, spec in zip(one.operands, one.operand_specs, strict=True):
                if value is None:
                    continue
                root = self._root(value)
                maker = self.maker.get(root)
                if maker is not None and root not in self.kept:
                    waiting.append(maker)
                    continue
                taken = spec.nbytes
                if one.primitive in _PARTS:
                    taken = min(taken, sum(result.nbytes for result in one.result_specs))
                reads[root] = max(reads.get(root, 0), taken)
        writes = sum(self.block.specs[value].nbytes for value in written)
        kind = _ALONE.get(step.primitive, "reduce" if step.primitive.startswith(("reduce_", "argm")) else "each")
        read = sum(reads.values())
        if kind in ("update", "scatter"):  # in place
            changed = step.operand_specs[-1 if kind == "scatter" else 1].nbytes
            read, writes = 2 * changed if kind == "scatter" else changed, changed
        made = Kernel(kind, step, read, writes, total, tuple(reads), written, strided, copied(step), gathered)
        if step.bodies:
            bodies = [plan(body).kernels for body in step.bodies]
            made.times = step.times or 1
            if step.primitive == "cond":
                made.kind, bodies = "branch", [max(bodies, key=len)]
            made.bodies, made.reads, made.writes = bodies, 0, 0
        return made
