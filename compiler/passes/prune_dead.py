"""Drop what no output and no assignment needs: nodes, parameters, state, constants and inputs.

    graph @main(%x: f32[b, 4], %key: key[]) -> (f32[b, 4]) {          graph @main(%x: f32[b, 4]) -> (f32[b, 4]) {
      param %head.kernel: f32[4, 1000]                                  %0: f32[b, 4] = relu(%x)
      %0: f32[b, 4] = relu(%x)                                          return %0
      %1: f32[b, 1000] = matmul(%0, %head.kernel)                     }
      return %0
    }

XLA drops dead computation, but not arguments: a feature extractor cut out of a classifier would go on holding,
loading and shipping the classifier's head, and a graph without dropout would go on asking for a random key.

Names and order of what stays do not change.  State that is only assigned stays: the assignment is a result.  So does an
input that nothing reads but whose shape tells a size that something needs.  A region keeps its inputs, which its node's
operands must match.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set

from .. import attrs
from ..dims import Dim
from ..graph import Graph
from ..ir import Value
from ..rewrite import map_regions, replace, without_dead
from ..transform import live
from ..types import TensorType


def prune_dead(graph: Graph) -> Graph:
    """The graph without dead nodes and unused arguments."""
    graph = without_dead(map_regions(graph, _inside))
    _, used = live(graph.nodes, graph.roots())
    used.update(target for target, _ in graph.assigns)
    used.update(_tell_sizes(graph, used))
    if all(value in used for value in graph.arguments()):
        return graph
    groups = {kind: [v for v in getattr(graph, kind) if v in used] for kind in ("inputs", "params", "state")}
    consts = {value: array for value, array in graph.consts.items() if value in used}
    return replace(graph, consts=consts, **groups)


def _tell_sizes(graph: Graph, used: Set[Value]) -> Iterator[Value]:
    """Arguments that are not used, but without which a symbol in the nodes' attributes would not be bound."""
    wanted = set(_symbols(graph))
    if not wanted:
        return
    bound = _bound([value.type for value in graph.arguments() if value in used])
    for value in graph.arguments():
        if value not in used and not wanted.isdisjoint(set(value.type.symbols) - bound):
            yield value
            bound |= set(value.type.symbols)


def _symbols(graph: Graph) -> Iterator[str]:
    for node in graph.nodes:
        yield from attrs.symbols(node.attrs)
        for region in node.regions():
            yield from _symbols(region)


def _bound(types: Sequence[TensorType]) -> set[str]:
    """Symbols that follow from shapes of these types: each from a size in which it is the only one unknown."""
    found: set[str] = set()
    for _ in range(2):  # a size bound by a later axis decides about an earlier one
        for type_ in types:
            for size in type_.shape:
                unknown = set(size.symbols) - found if isinstance(size, Dim) else ()
                found.update(unknown if len(unknown) == 1 else ())
    return found


def _inside(region: Graph) -> Graph:
    region = without_dead(map_regions(region, _inside))
    _, used = live(region.nodes, region.roots())
    consts = {value: array for value, array in region.consts.items() if value in used}
    return region if len(consts) == len(region.consts) else replace(region, consts=consts)
