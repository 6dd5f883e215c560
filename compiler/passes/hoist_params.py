"""Compute what depends on nothing but parameters once, before the program runs, for inference.

    param %q.kernel: f32[64, 16]                            param %q.kernel.hoisted: f32[64, 32]
    param %k.kernel: f32[64, 16]                            %0: f32[b, 32] = matmul(%x, %q.kernel.hoisted)
    %0: f32[64, 32] = concatenate([%q.kernel, %k.kernel], axis=1)
    %1: f32[b, 32] = matmul(%x, %0)

The new parameters are made by the transform, and stored by the runtime until the weights change.  To XLA parameters are
arguments like any other, so it computes them in every call: joined kernels (`merge_parallel`, `batch_branches`) are
copied, and a layer that normalises its own kernel does so again for each batch of one row.

The parameters must have no other use, and the result no more bytes than they have: nothing is stored twice, nothing
grows.  The transform is a program that must be compiled, 20 ms for each parameter that it makes (2-core CPU): a graph
with many of them, which is deep and may still be rolled, keeps them in it.  Where all that is done is to give them
another shape or order of axes there is nothing to gain, so they stay.
"""

from __future__ import annotations

import math

from ..graph import Graph
from ..ir import Node, Value
from ..op import Trait
from ..rewrite import Rewriter, replace, without_dead
from ..transform import PassResult, build, copied
from ..types import TensorType

MOST = 16
"""Parameters that are made, at most."""
_NEVER = Trait.RANDOM | Trait.CONTROL | Trait.OPAQUE | Trait.CREATES
_FREE = ("reshape", "transpose", "expand_dims", "squeeze", "getitem", "lax.reshape", "lax.transpose", "broadcast_to")


def hoist_params(graph: Graph) -> PassResult:
    """The graph with parameters that are computed from its own, and the transform that makes them."""
    fixed = {*graph.params, *graph.state, *graph.consts} - {target for target, _ in graph.assigns}
    ahead = [node for node in graph.nodes if _is_ahead(node, fixed)]
    users, roots = graph.users(), set(graph.roots())
    place = {value: index for index, value in enumerate(graph.params)}
    made: dict[Value, Value] = {}
    after: dict[int, list[Value]] = {}
    new = Rewriter(graph)
    for value in (result for node in ahead for result in node.results):
        if value in roots or any(not fixed.issuperset(user.results) for user in users.get(value, ())):
            sources = _sources(value, users, roots, fixed)
            first = min((place[source] for source in sources if source in place), default=None)
            if first is not None and not value.type.weak and _bytes(value.type) <= sum(_bytes(s.type) for s in sources):
                made[value] = Value(value.type, name=new.unique(f"{graph.params[first].name}.hoisted"))
                after.setdefault(first, []).append(made[value])
    if not made:
        return PassResult(graph)
    if len(made) > MOST:
        return PassResult(graph, notes=(f"not hoisted: {len(made)} parameters, more than {MOST}",))
    new.new.update(made)
    new.nodes = [copied(node, new.new) for node in graph.nodes]
    kept = new.result().graph
    params = [value for index, param in enumerate(graph.params) for value in (param, *after.get(index, ()))]
    transform = build({value.name: old for old, value in made.items()}, ahead, graph.params, graph.state, graph.consts)
    return PassResult(without_dead(replace(kept, params=params)), transform)


def _is_ahead(node: Node, fixed: set[Value]) -> bool:
    """Whether a node may be computed beforehand, of values that may; then its results are put among these."""
    uses = list(node.uses())
    static = all(result.type.is_static and result.type.dtype != "key" for result in node.results)
    if not uses or not fixed.issuperset(uses) or node.op.traits & _NEVER or not static:
        return False
    fixed.update(node.results)
    return True


def _sources(value: Value, users: dict[Value, list[Node]], roots: set[Value], fixed: set[Value]) -> set[Value]:
    """The params and state that `value` is computed of, if something is, and nothing on the way serves else."""

    def serves_the_program(x: Value) -> bool:
        return x in roots or any(not fixed.issuperset(user.results) for user in users.get(x, ()))

    nodes, inner, waiting = set[Node](), set[Value](), [value]
    while waiting:
        node = waiting.pop().node
        if node is not None and node not in nodes:
            nodes.add(node)
            new = [operand for operand in node.uses() if operand not in inner]
            if any(map(serves_the_program, new)):  # at once, or a long chain would be walked for each of its values
                return set()
            inner.update(new)
            waiting.extend(new)
    if all(node.op.name in _FREE for node in nodes):
        return set()
    if any(user not in nodes for x in inner for user in users.get(x, ())):
        return set()
    return {x for x in inner if x.node is None}


def _bytes(type_: TensorType) -> int:
    return type_.aval.dtype.itemsize * math.prod(size for size in type_.shape if isinstance(size, int))
