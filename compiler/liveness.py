"""How much memory the gradient of a graph takes: what is kept for it, and how much of that is alive at most.

Per node, JAX is asked: its `vjp` says which operands, results and other values a node's gradient needs.  Then comes
what XLA makes of it.  Cheap elementwise steps are computed where they are used: a mask `x > 0` is not kept, but x is.
So a value is kept only if it is stored at all: made by a step that is no cheap one, or taken by one (product, loop).
Over a loop's end nothing is fused, so what JAX keeps of each iteration is kept.

Going back through the nodes, what is alive is what the nodes up to here keep, the gradients of what is behind, and what
a node needs while it computes a part again (`checkpoint`, `scan` with groups).  The estimate orders plans; what counts
is what XLA says of the program that it compiled.
"""

# JAX's own annotations are partly unknown.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from . import attrs, flat, infer, work
from .graph import Graph
from .ir import Node, Value
from .op import Trait
from .types import TensorType, is_float

_jax: Any = jax  # whose annotations are in part unknown to pyright

CHEAP = frozenset(
    "add sub mul div neg abs sign max min and or not xor eq ne lt le gt ge select_n clamp convert_element_type "
    "stop_gradient broadcast_in_dim reshape squeeze expand_dims iota copy integer_pow square real imag "
    "is_finite floor ceil round".split()
)
"""Primitives that XLA computes again wherever their result is used, rather than store it."""

_BYTES = {"bool": 1, "key": 8, "bfloat16": 2, "float16": 2, "complex64": 8}


def nbytes(type_: TensorType) -> int:
    """Bytes of a value whose sizes are known."""
    width = _BYTES.get(type_.dtype)
    if width is None:
        width = int("".join(filter(str.isdigit, type_.dtype))) // 8
    return width * math.prod(int(size) for size in type_.shape if isinstance(size, int))


class Kept(NamedTuple):
    """What a node's gradient needs.

    Attributes:
        operands, results: places among the node's Values.
        inner: bytes of values within the node.
        work: floating point operations of the node, forward.
        cheap: whether it is made of cheap steps only.
    """

    operands: frozenset[int]
    results: frozenset[int]
    inner: int
    work: int
    cheap: bool


@dataclass(frozen=True)
class Estimate:
    """What a graph's gradient takes.

    Attributes:
        kept: bytes that are alive when the forward pass has ended.
        peak: bytes that are alive at most, arguments and results of the step left out.
        work: floating point operations of the forward pass.
        again: those that are done a second time.
    """

    kept: int
    peak: int
    work: int
    again: int


def estimate(graph: Graph) -> Estimate:
    """The estimate for a graph whose sizes are all numbers (`Graph.substitute`)."""
    return _Sweep(graph).estimate()


def kept_by_node(graph: Graph) -> list[int]:
    """For each node, the bytes that are kept from there on because of it."""
    sweep = _Sweep(graph)
    sweep.estimate()
    return sweep.added


def kept(node: Node) -> Kept:
    """What the gradient of a node needs, by JAX; memoised by operand types and attributes."""
    uses = list(node.uses())
    if node.op.name == "checkpoint":  # its rule keeps what enters it: nothing to ask
        total = sum(kept(inner).work for inner in node.attr("body").nodes)
        return Kept(frozenset(range(len(uses))), frozenset(), 0, total, False)
    key = (node.op, _signature(node.operands), attrs.key(node.attrs))
    found = _memo.get(key)
    if found is None:
        if len(_memo) >= infer.MEMO_ROWS:
            _memo.clear()
        found = _memo[key] = _asked(node, uses)
    return found


_memo: dict[Any, Kept] = {}


def _signature(operand: Any) -> Any:
    if type(operand) is Value:
        return operand.type
    if attrs.is_tuple(operand):
        return tuple([_signature(item) for item in operand])
    return attrs.key(operand)


def _asked(node: Node, uses: Sequence[Value]) -> Kept:
    floats = [at for at, value in enumerate(uses) if is_float(value.dtype)]
    avals = [value.type.aval for value in uses]

    def run(arrays: Sequence[Any]) -> list[Any]:
        given = iter(arrays)

        def filled(operand: Any) -> Any:
            if type(operand) is Value:
                return next(given)
            return [filled(item) for item in operand] if attrs.is_tuple(operand) else operand

        operands = [filled(operand) for operand in node.operands]
        out = node.op.run(node.op.arguments(operands, infer.lowered(node.attrs)))
        return list(out) if issubclass(attrs.kind_of(out), (tuple, list)) else [out]

    def forward(*arrays: Any) -> list[Any]:
        def of(*given: Any) -> tuple[list[Any], list[Any]]:
            every = list(arrays)
            for at, array in zip(floats, given, strict=True):
                every[at] = array
            results = run(every)
            return [y for y in results if jnp.issubdtype(y.dtype, jnp.inexact)], results

        _, pull, results = _jax.vjp(of, *[arrays[at] for at in floats], has_aux=True)
        return [*results, *_jax.tree.leaves(pull)]

    def plain(*arrays: Any) -> list[Any]:
        return run(arrays)

    try:
        closed = _jax.make_jaxpr(forward if floats else plain)(*avals)
    except (TypeError, ValueError, NotImplementedError):  # no gradient (a loop of unknown length): none is taken
        closed = _jax.make_jaxpr(plain)(*avals)
    count = len(node.results)
    own = flat.flatten(_jax.make_jaxpr(plain)(*avals))
    block = flat.flatten(closed)
    return _traced(block, len(closed.jaxpr.outvars) == len(block.outputs), len(uses), count, own)


def _traced(block: flat.Block, whole: bool, uses: int, count: int, own: flat.Block) -> Kept:
    maker = {result: step for step in block.steps for result in step.results}
    operand = {value: at - (len(block.inputs) - uses) for at, value in enumerate(block.inputs)}
    results = {value: at for at, value in reversed(list(enumerate(block.outputs[:count])))} if whole else {}
    stored = {v for step in block.steps if step.primitive not in CHEAP for v in step.operands if v is not None}
    waiting = list(block.outputs[count:] if whole else block.outputs)
    seen: set[int] = set()
    of_operands, of_results, inner = set[int](), set[int](), 0
    while waiting:
        value = waiting.pop()
        if value in seen:
            continue
        seen.add(value)
        if value in operand:
            if operand[value] >= 0:
                of_operands.add(operand[value])
        elif value in results:
            of_results.add(results[value])
        elif value in maker and maker[value].primitive in CHEAP and value not in stored:
            waiting.extend(v for v in maker[value].operands if v is not None)
        else:
            inner += block.specs[value].nbytes
    cheap = all(step.primitive in CHEAP for step in own.steps)
    return Kept(frozenset(of_operands), frozenset(of_results), inner, work.total(own).flops, cheap)


class _Sweep:
    """Goes through a graph forward, to see what is kept, and back, to see how much is alive."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.facts = [kept(node) for node in graph.nodes]
        self.place = {value: at for at, node in enumerate(graph.nodes) for value in node.results}
        arguments = {*graph.params, *graph.state, *graph.inputs, *graph.consts}
        self.free = arguments  # alive all the time, whatever is kept
        self.taken: set[Value] = set()
        for node, fact in zip(graph.nodes, self.facts, strict=True):
            if not fact.cheap:
                self.taken.update(node.uses() if not node.op.has(Trait.REDUCES) else ())
        self.added: list[int] = []
        self.cone = _differentiated(graph)

    def stored(self, value: Value, seen: set[Value]) -> Iterator[Value]:
        """The values that are kept where `value` is needed: itself, or what cheap steps make it of."""
        waiting = [value]
        while waiting:
            value = waiting.pop()
            if value in seen or value in self.free:
                continue
            seen.add(value)
            at = self.place[value]
            if self.facts[at].cheap and value not in self.taken:
                waiting.extend(self.graph.nodes[at].uses())
            else:
                yield value

    def estimate(self) -> Estimate:
        alive, total, again = 0, 0, 0
        seen: set[Value] = set()
        before: list[int] = []
        for node, fact in zip(self.graph.nodes, self.facts, strict=True):
            total += fact.work
            here = 0
            if node in self.cone:
                uses = list(node.uses())
                needed = [uses[at] for at in sorted(fact.operands)]
                needed += [node.results[at] for at in sorted(fact.results)]
                here = fact.inner + sum(nbytes(v.type) for value in needed for v in self.stored(value, seen))
                again += _again(node, fact)
            self.added.append(here)
            alive += here
            before.append(alive)
        peak, gradients = alive, 0
        for at in range(len(self.graph.nodes) - 1, -1, -1):
            node = self.graph.nodes[at]
            if node not in self.cone:
                continue
            floats = [value for value in node.uses() if is_float(value.dtype)]
            arriving = sum(nbytes(v.type) for v in node.results if is_float(v.dtype)) if not self.facts[at].cheap else 0
            leaving = max((nbytes(v.type) for v in floats), default=0) if not self.facts[at].cheap else 0
            if node.op.name == "scan":  # the gradients of what it runs over are stacks
                gradients += sum(nbytes(v.type) for v in node.operand("xs") if is_float(v.dtype))
            peak = max(peak, before[at] + gradients + arriving + leaving + _meanwhile(node))
        return Estimate(alive, peak, total, again)


def _differentiated(graph: Graph) -> set[Node]:
    """Nodes through which gradients flow: from params to the first output."""
    moving = {value for value in (*graph.params, *graph.inputs) if is_float(value.dtype)}
    if graph.params:
        moving = {value for value in graph.params if is_float(value.dtype)}
    forward: list[Node] = []
    for node in graph.nodes:
        if any(value in moving for value in node.uses()):
            forward.append(node)
            moving.update(value for value in node.results if is_float(value.dtype))
    wanted = set(graph.outputs[:1] if graph.params else graph.outputs)
    found: set[Node] = set()
    for node in reversed(forward):
        if any(result in wanted for result in node.results):
            found.add(node)
            wanted.update(node.uses())
    return found


def _inside(region: Graph) -> Estimate:
    key = region.digest()
    found = _regions.get(key)
    if found is None:
        if len(_regions) >= infer.MEMO_ROWS:
            _regions.clear()
        found = _regions[key] = estimate(region)
    return found


_regions: dict[str, Estimate] = {}


def _meanwhile(node: Node) -> int:
    """Bytes that the gradient of a node needs beside what is kept for it, and the gradients."""
    if node.op.name == "checkpoint":
        return _inside(node.attr("body")).peak
    if node.op.name != "scan":
        return 0
    inside = _inside(node.attr("body")).peak
    sizes = node.attr("checkpoint")
    if not sizes:
        return inside
    carried = sum(nbytes(v.type) for v in node.operand("init") if type(v) is Value)
    groups = [*sizes, 1] if sizes[-1] > 1 else list(sizes)
    total = inside * sizes[-1]
    for outer, group in zip(sizes, groups[1:], strict=False):
        if group < outer and group in sizes:
            total += carried * (outer // group)
    return total


def _again(node: Node, fact: Kept) -> int:
    """Operations that the gradient of a node does a second time."""
    if node.op.name == "checkpoint":
        return fact.work
    return fact.work * len(node.attr("checkpoint")) if node.op.name == "scan" else 0
