"""The verifier finds every way in which a graph can be broken, and says where."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from kgc.compiler import rewrite
from kgc.compiler.dims import Dim
from kgc.compiler.errors import IRError
from kgc.compiler.graph import Graph
from kgc.compiler.ir import Node, Value
from kgc.compiler.location import Location
from kgc.compiler.parser import parse
from kgc.compiler.types import parse_type
from kgc.compiler.verifier import verify

from .strategies import graphs

TEXT = """graph @yes(%x: f32[b, 4]) -> (f32[b, 4]) {
  %0: f32[b, 4] = sin(%x)
  return %0
}

graph @main(%x: f32[b, 4], %p: bool[]) -> (y: f32[b, 4], z: f32[b, 2]) {
  param %w: f32[4, 4]
  state %s: f32[4]
  const %c: f32[4] = [1.0, 2.0, 3.0, 4.0]
  %0: f32[b, 4] = matmul(%x, %w)  loc("model.py":7, "dense")
  %1: f32[b, 4] = add(%0, %c)  loc("model.py":8, "")
  %2: f32[b, 2], %3: f32[b, 2] = split(%1, 2, axis=1)  loc("model.py":9, "")
  %4: f32[b, 4] = cond(%p, [%1], true=@yes, false=@yes)  loc("model.py":10, "")
  return %4, %3
  assign %s = %c
}"""


def broken(change: Callable[[Graph], Graph | None]) -> Graph:
    graph = parse(TEXT)
    return change(graph) or graph


def put(place: Any, **fields: Any) -> None:
    for name, value in fields.items():
        setattr(place, name, value)


def stray(text: str = "f32[4]", name: str = "stray") -> Value:
    return Value(parse_type(text), name=name)


def swap(graph: Graph, index: int, node: Node) -> Graph:
    nodes = list(graph.nodes)
    nodes[index] = node
    return rewrite.replace(graph, nodes=nodes)


def like(node: Node, **fields: Any) -> Node:
    given = {name: getattr(node, name) for name in ("op", "operands", "attrs", "loc")} | fields
    types = given.pop("types", tuple(result.type for result in node.results))
    return Node(given["op"], given["operands"], given["attrs"], types, given["loc"])


def retyped(index: int, text: str) -> Callable[[Graph], None]:
    """Another type for the first result of a node; `b` is the graph's own batch."""

    def change(graph: Graph) -> None:
        batch = graph.inputs[0].type.shape[0]
        graph.nodes[index].results[0].type = parse_type(text, {"b": batch} if isinstance(batch, Dim) else {})

    return change


def with_operands(index: int, *operands: Any) -> Callable[[Graph], Graph]:
    """Other operands for a node; a text is the name of an argument."""

    def change(graph: Graph) -> Graph:
        names = {value.name: value for value in graph.arguments()}
        return swap(graph, index, like(graph.nodes[index], operands=tuple(names.get(str(o), o) for o in operands)))

    return change


def with_attrs(index: int, *values: Any) -> Callable[[Graph], Graph]:
    return lambda graph: swap(graph, index, like(graph.nodes[index], attrs=values))


def with_const(array: np.ndarray) -> Callable[[Graph], None]:
    return lambda graph: graph.consts.update({next(iter(graph.consts)): array})


def one_result_less(graph: Graph) -> Graph:
    graph = swap(graph, 2, like(graph.nodes[2], types=(graph.outputs[1].type,)))
    return rewrite.replace(graph, outputs=graph.outputs[:1], output_names=())


def shuffled(*order: int) -> Callable[[Graph], Graph]:
    return lambda graph: rewrite.replace(graph, nodes=[graph.nodes[i] for i in order])


def in_region(graph: Graph) -> None:
    next(graph.nodes[3].regions()).nodes[0].results[0].type = parse_type("i32[]")


BROKEN: list[tuple[str, Callable[[Graph], Any]]] = [
    ("argument name 'x' is empty or taken", lambda g: put(g.params[0], name="x")),
    ("argument name '' is empty or taken", lambda g: put(g.inputs[0], name="")),
    ("argument %x is the result of a node", lambda g: put(g.inputs[0], node=g.nodes[0])),
    (r"constant %c is float32\(5,\), not f32\[4\]", with_const(np.ones(5, "float32"))),
    (r"constant %c is int32\(4,\), not f32\[4\]", with_const(np.ones(4, "int32"))),
    (r"node 0 \(add\) uses a value that is not computed before it", shuffled(1, 2, 3)),
    (r"node 0 \(add\) uses a value that is not computed before it", shuffled(1, 0, 2, 3)),
    (r"node 4 \(matmul\) does not own its results", shuffled(0, 1, 2, 3, 0)),
    (r"node 0 \(matmul\) does not own its results", lambda g: put(g.nodes[0].results[0], node=g.nodes[1])),
    (r"node 2 \(split\) does not own its results", lambda g: put(g.nodes[2].results[1], index=0)),
    (r"node 2 \(split\) has type f32\[b, 2\], its rule says f32\[b, 2\], f32\[b, 2\]", one_result_less),
    ("an output is not computed in the graph", lambda g: rewrite.replace(g, outputs=[stray(), stray()])),
    ("1 output names for 2 outputs", lambda g: rewrite.replace(g, output_names=["y"])),
    ("%w is no state, or is assigned twice", lambda g: rewrite.replace(g, assigns=[(g.params[0], g.params[0])])),
    ("%s is no state, or is assigned twice", lambda g: rewrite.replace(g, assigns=[*g.assigns, *g.assigns])),
    (r"%s is f32\[4\] and is assigned f32\[b, 4\]", lambda g: rewrite.replace(g, assigns=[(g.state[0], g.outputs[0])])),
    ("an output is not computed", lambda g: rewrite.replace(g, assigns=[(g.state[0], stray())])),
    (r"node 0 \(matmul\) has type f32\[b, 5\], its rule says f32\[b, 4\]", retyped(0, "f32[b, 5]")),
    (r"node 0 \(matmul\) has type f32\[b, 4\], its rule says f32\[b1, 4\]", retyped(0, "f32[b1, 4]")),
    (r"node 0 \(matmul\) has type bf16\[b, 4\]", retyped(0, "bf16[b, 4]")),
    (r"node 0 \(matmul\) has type ~f32\[b, 4\]", retyped(0, "~f32[b, 4]")),
    (r"node 0 \(matmul\) has type f32\[b, 4, 1\]", retyped(0, "f32[b, 4, 1]")),
    (r"node 0 \(matmul\) does not type: matmul", lambda g: put(g.params[0], type=parse_type("f32[5, 4]"))),
    (r"node 2 \(split\) does not type: split", with_attrs(2, 3, 1)),
    (r"node 2 \(split\) has type", with_attrs(2, 4, 1)),
    (r"node 1 \(add\) has the wrong number of operands or attributes", with_operands(1, "x")),
    (r"node 1 \(add\) has the wrong number of operands or attributes", with_attrs(1, 1)),
    (r"node 1 \(add\): operand None does not fit its place", with_operands(1, None, "c")),
    (r"node 1 \(add\): operand \(1, 2\) does not fit its place", with_operands(1, (1, 2), "c")),
    (r"node 1 \(add\): operand 'text' does not fit its place", with_operands(1, "x", "text")),
    (r"node 1 \(add\): operand array.* does not fit its place", with_operands(1, "x", np.ones(4))),
    (r"node 3 \(cond\): operand .* does not fit its place", with_operands(3, "p", "x")),
    (r"node 3 \(cond\): operand .* does not fit its place", with_operands(3, "p", (None,))),
    (r"node 2 \(split\): indices_or_sections=array.* is no attribute", with_attrs(2, np.ones(2), 1)),
    (r"node 2 \(split\): indices_or_sections=\[2\] is no attribute", with_attrs(2, [2], 1)),
    (r"@yes: node 0 \(sin\) has type", in_region),
]


@pytest.mark.parametrize(("message", "change"), BROKEN, ids=[message for message, _ in BROKEN])
def test_what_is_broken_is_found(message: str, change: Any) -> None:
    verify(parse(TEXT))
    with pytest.raises(IRError, match=message):
        verify(broken(change))


def test_the_pass_and_the_users_line_are_named() -> None:
    graph = parse(TEXT)
    graph.nodes[1].results[0].type = parse_type("i32[4]")
    with pytest.raises(IRError, match=r"@main after fold_nothing: node 1 \(add\)") as caught:
        verify(graph, "fold_nothing")
    assert caught.value.where == Location("model.py", 8)


def test_a_tensor_of_another_graph_is_told_from_a_misordered_one() -> None:
    graph, other = parse(TEXT), parse(TEXT)
    with pytest.raises(IRError, match="uses a value that is not computed before it") as caught:
        verify(swap(graph, 1, like(graph.nodes[1], operands=(other.inputs[0], 1.0))))
    assert "another model" in str(caught.value.hint)


def test_a_size_known_only_by_numbers_stands_for_any() -> None:
    text = "graph @m(%x: f32[b, t0]) -> (SAID) {\n  %0: SAID = sin(%x)\n  return %0\n}"
    for said in ("f32[b, t0]", "f32[b, r0]", "f32[r1, 2*r0]"):
        verify(parse(text.replace("SAID", said)))
    for said in ("f32[b, t1]", "f32[t1, t0]", "f32[b, d0]", "f32[r0]"):
        with pytest.raises(IRError, match="its rule says"):
            verify(parse(text.replace("SAID", said)))


@settings(max_examples=50)
@given(graphs())
def test_what_tracing_makes_holds(graph: Graph) -> None:
    assert verify(graph) is graph
