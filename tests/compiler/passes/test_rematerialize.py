"""`rematerialize`: segments and groups of iterations are computed again; results, state and gradients stay."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from kgc.compiler import extern, pipeline, printer
from kgc.compiler.graph import Graph
from kgc.compiler.ir import Node
from kgc.compiler.op import Trait
from kgc.compiler.parser import parse
from kgc.compiler.passes.rematerialize import Plan, rematerialize
from kgc.compiler.rewrite import replace
from kgc.compiler.verifier import verify

from ..strategies import graphs, same_numbers

MLP = """
graph @main(%x: f32[b, 4]) -> (f32[], f32[b, 4]) {
  param %w0: f32[4, 4]
  param %w1: f32[4, 4]
  state %count: f32[4]
  %0: f32[b, 4] = matmul(%x, %w0)
  %1: f32[b, 4] = tanh(%0)
  %2: f32[4] = mean(%1, axis=0)
  %3: f32[4] = add(%count, %2)
  %4: f32[b, 4] = matmul(%1, %w1)
  %5: f32[b, 4] = sin(%4)
  %6: f32[b, 4] = add(%5, %0)
  %7: f32[] = sum(%6)
  return %7, %1
  assign %count = %3
}"""
CHECKPOINTED = """
graph @segment(%x: f32[b, 4], %w0: f32[4, 4], %count: f32[4]) -> (f32[b, 4], f32[b, 4], f32[4]) {
  %0: f32[b, 4] = matmul(%x, %w0)
  %1: f32[b, 4] = tanh(%0)
  %2: f32[4] = mean(%1, axis=0)
  %3: f32[4] = add(%count, %2)
  return %0, %1, %3
}

graph @segment_1(%given: f32[b, 4], %w1: f32[4, 4]) -> (f32[b, 4]) {
  %0: f32[b, 4] = matmul(%given, %w1)
  %1: f32[b, 4] = sin(%0)
  return %1
}

graph @main(%x: f32[b, 4]) -> (f32[], f32[b, 4]) {
  param %w0: f32[4, 4]
  param %w1: f32[4, 4]
  state %count: f32[4]
  %0: f32[b, 4], %1: f32[b, 4], %2: f32[4] = checkpoint(body=@segment, operands=[%x], params=[%w0, %count])
  %3: f32[b, 4] = checkpoint(body=@segment_1, operands=[%1], params=[%w1])
  %4: f32[b, 4] = add(%3, %0)
  %5: f32[] = sum(%4)
  return %5, %1
  assign %count = %2
}"""
LOOP = """
graph @body(%c: f32[b, 4], %w: f32[4, 4], %site: i32[], %key: key[]) -> (f32[b, 4]) {{
  %0: f32[b, 4] = matmul(%c, %w)
  %1: f32[b, 4] = tanh(%0)
  %2: key[] = fold_in(%key, %site)
  %3: f32[b, 4] = dropout(%1, %2, rate=0.5)
  %4: f32[b, 4] = add(%c, %3)
  return %4
}}

graph @main(%x: f32[b, 4], %key: key[]) -> (f32[]) {{
  param %ws: f32[6, 4, 4]
  %0: i32[6] = arange(1, 7)
  %1: f32[b, 4] = scan(body=@body, init=[%x], xs=[%ws, %0], invariants=[%key]{})
  %2: f32[] = sum(%1)
  return %2
}}"""


def made(text: str, plan: Plan | None = None) -> Graph:
    return verify(rematerialize(parse(text), plan).graph)


def test_segments_become_nodes() -> None:
    graph = made(MLP, Plan(((0, 4), (4, 6))))
    assert graph == parse(CHECKPOINTED)
    assert str(parse(str(graph))) == str(graph)
    same_numbers(parse(MLP), graph, grads=True)


def test_loops_get_groups() -> None:
    graph = made(LOOP.format(""), Plan((), ((1, (3, 1)),)))
    assert graph == parse(LOOP.format(", checkpoint=(3, 1)"))
    same_numbers(parse(LOOP.format("")), graph, grads=True)


@pytest.mark.parametrize("text", [MLP, LOOP.format("")], ids=["mlp", "loop"])
def test_without_a_plan_it_takes_all_but_the_end(text: str) -> None:
    graph = made(text)
    assert "checkpoint" in str(graph)
    same_numbers(parse(text), graph, grads=True)
    again = pipeline.optimize(parse(text), ["rematerialize"]).graph
    assert str(again) == str(graph)


def test_nothing_to_do_gives_the_graph_itself() -> None:
    graph = parse(MLP)
    assert rematerialize(graph, Plan()).graph is graph
    small = parse("graph @g(%x: f32[b]) -> (f32[b]) {\n  %0: f32[b] = sin(%x)\n  return %0\n}")
    assert rematerialize(small).graph is small


def test_it_runs_only_when_asked() -> None:
    assert "rematerialize" in pipeline.names() and "rematerialize" not in pipeline.names(asked=False)
    graph = pipeline.optimize(parse(MLP), training=True).graph
    assert not any(node.op.name == "checkpoint" for node in graph.nodes)


def test_a_size_that_no_input_has_keeps_a_segment_out() -> None:
    text = """
    graph @main(%x: f32[b, 4], %y: f32[t]) -> (f32[b, t]) {
      %0: f32[b, 4] = sin(%x)
      %1: f32[b] = sum(%0, axis=1)
      %2: f32[b, 1] = expand_dims(%1, axis=1)
      %3: f32[b, t] = broadcast_to(%2, shape=(b, t))
      return %3
    }"""
    graph = parse(text)
    assert rematerialize(graph, Plan(((0, 4),))).graph is graph
    assert rematerialize(graph, Plan(((0, 3),))).graph is not graph


def test_what_runs_the_users_python_is_not_run_twice() -> None:
    x = parse("graph @g(%x: f32[b]) -> (f32[b]) {\n  %0: f32[b] = sin(%x)\n  %1: f32[b] = cos(%0)\n  return %1\n}")
    opaque = Node(Stub("opaque", Trait.OPAQUE), x.nodes[1].operands, (), (x.nodes[1].results[0].type,))
    graph = replace(x, nodes=[x.nodes[0], opaque], outputs=opaque.results)
    assert rematerialize(graph, Plan(((0, 2),))).graph is graph


def test_nor_is_what_a_loop_runs() -> None:
    sha = extern.register("identity", "gradient", [], lambda arrays, static: arrays)
    graph = parse(f"""
graph @body(%c: f32[4]) -> (f32[4]) {{
  %0: f32[4] = extern([%c], sha="{sha}")
  return %0
}}
graph @main(%x: f32[4]) -> (f32[4]) {{
  %0: f32[4] = sin(%x)
  %1: f32[4] = scan(body=@body, init=[%0], xs=[], invariants=[], length=9)
  %2: f32[4] = cos(%1)
  return %2
}}""")
    assert rematerialize(graph).graph is graph
    assert rematerialize(graph, Plan(((0, 2),), ((1, (3,)),))).graph is graph


class Stub:
    def __init__(self, name: str, trait: Trait) -> None:
        self.name, self.trait, self.attr_names = name, trait, ()

    def has(self, trait: Trait) -> bool:
        return trait is self.trait


@settings(max_examples=12, deadline=None)
@given(graphs(least=4, most=12))
def test_random_graphs_compute_the_same(graph: Graph) -> None:
    after = verify(rematerialize(graph).graph)
    assert parse(str(after), printer.external_constants(after)) == after
    assert rematerialize(after).graph is after
    same_numbers(graph, after, grads=True, tolerance=1e-5)
