"""Keep less for the gradient, and compute it again: segments become `checkpoint` nodes, loops get groups.

    %0: f32[b, 64] = matmul(%x, %k0)           graph @segment(%x: f32[b, 64], %k0: f32[64, 64]) -> (f32[b, 64]) {
    %1: f32[b, 64] = tanh(%0)                    %0: f32[b, 64] = matmul(%x, %k0)
    %2: f32[b, 64] = matmul(%1, %k1)             %1: f32[b, 64] = tanh(%0)
    %3: f32[b, 64] = tanh(%2)                    return %1
    …                                          }
                                               %0: f32[b, 64] = checkpoint(body=@segment, operands=[%x], params=[%k0])
    %5: f32[b, 64] = scan(…, body=@blocks)     %5: f32[b, 64] = scan(…, body=@blocks, checkpoint=(8,))

XLA does nothing of this kind on CPU.  What a training step needs by its own analysis, MB, and the CPU time of a step,
on two cores (`python -m kgc.tools.bench.memory`; Adam; parameters and slots included):

    48 residual MLP blocks, 2048 rows of 128           222 →  53   × 0.89
    the same, rolled                                   158 →  49   × 1.1
    8 residual blocks of convolutions, 64 × 24 × 24     86 →  34   × 1.0
    12 transformer blocks, rolled, 32 × 64 × 64        259 →  51   × 0.9

`compile(memory_limit=…)` asks for it and chooses the plan (`segments.py`); asked for by name alone it makes segments of
like size, as many as the root of the number of nodes, and groups of that many iterations.  Nodes that run Python of the
user's are not run twice.  Results and gradients stay as they are.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from .. import infer
from ..builder import Builder
from ..graph import Graph
from ..ir import Node, Value
from ..op import Trait
from ..ops.checkpoint import checkpoint
from ..rewrite import Rewriter
from ..transform import PassResult, copied, moved


@dataclass(frozen=True)
class Plan:
    """What is computed again.

    Attributes:
        segments: first node and the one behind the last, by number; they do not overlap.
        loops: numbers of `scan` nodes, and what `checkpoint` they get.
    """

    segments: tuple[tuple[int, int], ...] = ()
    loops: tuple[tuple[int, tuple[int, ...]], ...] = ()


def rematerialize(graph: Graph, plan: Plan | None = None) -> PassResult:
    """The graph, with what the plan names computed again for the gradient."""
    plan = _everything(graph) if plan is None else plan
    new = Rewriter(graph)
    users = _last_use(graph)
    stops, groups = dict(plan.segments), dict(plan.loops)
    at = 0
    with new:
        while at < len(graph.nodes):
            node = graph.nodes[at]
            stop = stops.get(at, at)
            made = _segment(new, graph.nodes[at:stop], stop, users) if stop > at else None
            if made is not None:
                new.nodes.append(made)
                at = stop
                continue
            candidate = copied(node, new.new)
            if at in groups and not node.has(Trait.OPAQUE):
                candidate = _grouped(new, node, candidate, groups[at])
            new.nodes.append(candidate)
            at += 1
    return new.result()


def _grouped(new: Rewriter, node: Node, candidate: Node, sizes: tuple[int, ...]) -> Node:
    place = node.op.attr_names.index("checkpoint")
    static = (*candidate.attrs[:place], sizes, *candidate.attrs[place + 1 :])
    types = tuple([result.type for result in node.results])
    made = Node(node.op, candidate.operands, static, types, node.loc)
    new.new.update(zip(node.results, made.results, strict=True))
    return made


def _last_use(graph: Graph) -> dict[Value, int]:
    """The number of the last node that uses a value; behind all for what the graph returns or assigns."""
    found: dict[Value, int] = {}
    for at, node in enumerate(graph.nodes):
        found.update((value, at) for value in node.uses())
    found.update((value, len(graph.nodes)) for value in graph.roots())
    return found


def _segment(new: Rewriter, nodes: Sequence[Node], stop: int, users: dict[Value, int]) -> Node | None:
    """The nodes as one; None where that does not work."""
    if any(node.has(Trait.OPAQUE) for node in nodes):
        return None
    own = {value for node in nodes for value in node.results}
    outside = dict.fromkeys(value for node in nodes for value in node.uses() if value not in own)
    wanted = [value for node in nodes for value in node.results if users.get(value, -1) >= stop]
    if not wanted:
        return None
    there = {*new.source.params, *new.source.state, *new.source.consts}
    operands = [value for value in outside if value not in there]
    params = [value for value in outside if value in there]
    inner = Builder("segment")
    inside = {value: inner.input(value.name or "given", value.type) for value in (*operands, *params)}
    region = Graph("segment", inner.inputs, (), (), {}, [copied(node, inside) for node in nodes], ())
    region = Graph("segment", inner.inputs, (), (), {}, region.nodes, [inside.get(value, value) for value in wanted])
    if region.unbound() is not None:
        return None
    given = tuple([tuple([moved(value, new.new) for value in group]) for group in (operands, params)])
    loc = nodes[0].loc
    types = tuple([value.type for value in wanted])
    if infer.result_types(checkpoint, given, (region,), "", loc)[0] != types:
        return None
    made = Node(checkpoint, given, (region,), types, loc)
    new.new.update(zip(wanted, made.results, strict=True))
    return made


def _everything(graph: Graph) -> Plan:
    """Segments and groups of like size, but for the last segment, which is needed at once; nothing if it was done."""
    if any(node.op is checkpoint or (node.op.name == "scan" and node.attr("checkpoint")) for node in graph.nodes):
        return Plan()  # it was done
    loops: list[tuple[int, tuple[int, ...]]] = []
    barriers = [-1]
    for at, node in enumerate(graph.nodes):
        opaque = node.has(Trait.OPAQUE)
        if node.op.name == "scan" and not opaque:
            sizes = [value.type.shape[0] for value in node.operand("xs")] + [node.attr("length")]
            length = next((size for size in sizes if type(size) is int), 1)
            loops.append((at, (max(1, math.isqrt(length)),)))
        if node.op.name == "scan" or opaque:
            barriers.append(at)
    barriers.append(len(graph.nodes))
    size = max(2, math.isqrt(len(graph.nodes)))
    segments: list[tuple[int, int]] = []
    for before, behind in itertools.pairwise(barriers):
        places = [*range(before + 1, behind, size), behind]
        segments += [(a, b) for a, b in itertools.pairwise(places) if b - a > 1]
    return Plan(tuple(segments[:-1]), tuple(loops))
