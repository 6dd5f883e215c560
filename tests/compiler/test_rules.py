"""Rows and their driver: applied until none fits, and nothing lost on the way."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings

from kgc.compiler import rewrite
from kgc.compiler.builder import Builder
from kgc.compiler.errors import IRError
from kgc.compiler.graph import Graph
from kgc.compiler.ir import Value
from kgc.compiler.op import REGISTRY as OPS
from kgc.compiler.parser import parse
from kgc.compiler.rules import Rules
from kgc.compiler.types import parse_type
from kgc.compiler.verifier import verify

from .strategies import graphs, same_numbers
from .writing import body, lines, table, x_of


def test_rows_reach_a_fixpoint() -> None:
    rules = table("relu(inner := relu(x))", lambda inner: inner)
    graph = body("%0 = relu(%x)", "%1 = relu(%0)", "%2 = relu(%1)", "%3 = sin(%2)", "%4 = relu(%3)")
    result = rules(graph)
    assert lines(result.graph) == ["%0 = relu(%x)", "%1 = sin(%0)", "%2 = relu(%1)", "return %2"]
    assert rules(result.graph).graph is result.graph
    assert len(graph.nodes) == 5 and verify(graph) and verify(result.graph)


def test_replacements_are_rewritten_in_turn() -> None:
    rules = Rules("test")
    rules.row("square(x)")(lambda x: OPS["multiply"](x, x))
    rules.row("multiply(negative(x), negative(x))")(lambda x: OPS["multiply"](x, x))
    rules.row("multiply(x, x)")(lambda x: OPS["sin"](OPS["absolute"](x)))
    rules.row("absolute(negative(x))")(lambda x: OPS["absolute"](x))
    graph = body("%0 = negative(%x)", "%1 = square(%0)")
    assert lines(rules(graph).graph) == ["%0 = absolute(%x)", "%1 = sin(%0)", "return %1"]


def test_the_first_row_that_applies_wins_and_may_decline() -> None:
    rules = Rules("test")
    rules.row("add(x, y)")(lambda x, y: None)
    rules.row("add(x, y)")(lambda x, y: OPS["subtract"](x, y) if getattr(y, "name", "") == "x" else None)
    rules.row("add(x, y)")(lambda x, y: OPS["multiply"](x, y))
    assert lines(rules(body("%0 = add(%x, %y)")).graph) == ["%0 = subtract(%y, %x)", "return %0"]


def test_a_replacement_of_another_type_is_none() -> None:
    """`x + 0.0` is x, unless x is an integer or a weak number, or is broadcast."""
    rules = table("add(x, 0)", x_of)
    for type_, literal, same in [
        ("f32[b]", "0.0", True),
        ("i32[b]", "0.0", False),
        ("~f32[]", "0", True),
        ("f32[b]", "0", True),
    ]:
        with Builder("main") as built:
            x = built.input("x", parse_type(type_))
            graph = built.finish([OPS["add"](x, float(literal) if "." in literal else int(literal))])
        assert (rules(graph).graph is not graph) == same
    rules = table("cast(x, _)", lambda x: OPS["sin"](x))
    graph = body('%0: bf16[b, 4] = cast(%x, dtype="bfloat16")')
    assert rules(graph).graph is graph


def test_single_use_is_counted_as_it_changes() -> None:
    """The second use of %0 is taken away by a row: then `once` holds."""
    rules = Rules("test")
    rules.row("sin(once(cos(x)))")(lambda x: OPS["tanh"](x))
    rules.row("exp(cos(x))")(lambda x: OPS["relu"](x))
    graph = body("%0 = cos(%x)", "%1 = sin(%0)", "%2 = exp(%0)", returns="%1, %2")
    result = rules(graph).graph
    assert lines(result) == ["%0 = tanh(%x)", "%1 = relu(%x)", "return %0, %1"]
    kept = body("%0 = cos(%x)", "%1 = sin(%0)", "%2 = exp(%0)", returns="%0, %1, %2")
    assert lines(rules(kept).graph) == ["%0 = cos(%x)", "%1 = sin(%0)", "%2 = relu(%x)", "return %0, %1, %2"]
    twice = body("%0 = cos(%x)", "%1 = sin(%0)", "%2 = add(%0, %1)")
    assert rules(twice).graph is twice
    dead = body("%0 = cos(%x)", "%3 = negative(%0)", "%1 = sin(%0)", returns="%1")
    assert lines(rules(dead).graph) == ["%0 = tanh(%x)", "return %0"]


def test_uses_by_outputs_and_assignments_count() -> None:
    rules = table("sin(once(cos(x)))", lambda x: OPS["tanh"](x))
    text = """graph @main(%x: f32[4]) -> (f32[4]) {
  state %s: f32[4]
  %0: f32[4] = cos(%x)
  %1: f32[4] = sin(%0)
  return %1
"""
    assert rules(parse(text + "}")).graph.nodes[0].op.name == "tanh"
    assigned = parse(text + "  assign %s = %0\n}")
    assert rules(assigned).graph is assigned


def test_outputs_and_assignments_are_redirected() -> None:
    rules = table("stop_gradient(x)", x_of)
    text = """graph @main(%x: f32[4]) -> (a: f32[4], b: f32[4]) {
  state %s: f32[4]
  %0: f32[4] = stop_gradient(%x)
  %1: f32[4] = stop_gradient(%0)
  return %1, %x
  assign %s = %1
}"""
    result = rules(parse(text)).graph
    assert lines(result) == ["return %x, %x", "assign %s = %x"] and result.output_names == ("a", "b")


def test_nodes_with_several_results() -> None:
    rules = table("split(x, 2, axis)", lambda x, axis: tuple(reversed(OPS["split"](OPS["flip"](x, axis), (2,), axis))))
    graph = body("%0: f32[b, 2], %1: f32[b, 2] = split(%x, 2, axis=1)", "%2: f32[b, 2] = subtract(%0, %1)")
    result = rules(graph).graph
    assert lines(result)[-2:] == ["%3 = subtract(%2, %1)", "return %3"] and len(result.nodes) == 3
    verify(result)
    broken = table("split(x, 2, axis)", x_of)
    with pytest.raises(IRError, match=r"the row split\(x, 2, axis\) of test gives"):
        broken(graph)
    with pytest.raises(IRError, match="gives"):
        table("sin(x)", lambda x: 1.0)(body("%0 = sin(%x)"))


def test_a_replacement_may_wrap_what_it_replaces() -> None:
    rules = table(
        "out := sin(once(x))", lambda out: OPS["cos"](out) if not wrapped.append(out) and len(wrapped) < 2 else None
    )
    wrapped: list[Value] = []
    result = rules(body("%0 = sin(%x)", "%1 = exp(%0)")).graph
    assert lines(verify(result)) == ["%0 = sin(%x)", "%1 = cos(%0)", "%2 = exp(%1)", "return %2"]


def test_rows_that_undo_each_other_are_named() -> None:
    rules = Rules("test")
    rules.row("add(x, y)")(lambda x, y: OPS["subtract"](x, OPS["negative"](y)))
    rules.row("subtract(x, negative(y))")(lambda x, y: OPS["add"](x, y))
    with pytest.raises(IRError, match=r"rows of test undo each other: .*add\(x, y\)"):
        rules(body("%0 = add(%x, %y)"))


def test_new_nodes_are_where_the_old_one_was() -> None:
    text = """graph @main(%x: f32[4]) -> (f32[4]) {
  %0: f32[4] = sin(%x)  loc("model.py":3, "a")
  %1: f32[4] = exp(%0)  loc("model.py":4, "b")
  %2: f32[4] = cos(%1)  loc("model.py":5, "c")
  return %2
}"""
    result = table("exp(x)", lambda x: OPS["relu"](OPS["negative"](x)))(parse(text)).graph
    found = [(node.op.name, node.loc.line, node.loc.scope) for node in result.nodes if node.loc]
    assert found == [("sin", 3, "a"), ("negative", 4, "b"), ("relu", 4, "b"), ("cos", 5, "c")]
    again = rewrite.rebuild(parse(text), lambda node: OPS["relu"](node.operands[0]) if node.op.name == "exp" else None)
    assert [node.loc.line for node in again.nodes if node.loc] == [3, 4, 5]
    bare = table("exp(x)", lambda x: OPS["relu"](x))(parse(text.replace('  loc("model.py":4, "b")', ""))).graph
    assert bare.nodes[1].loc is None


def test_what_does_not_change_is_shared() -> None:
    graph = body("%0 = sin(%x)", "%1 = exp(%0)", "%2 = cos(%1)", "%3 = tanh(%0)", returns="%2, %3")
    result = table("exp(x)", lambda x: OPS["relu"](x))(graph).graph
    assert result.nodes[0] is graph.nodes[0] and result.nodes[3] is graph.nodes[3]
    assert result.nodes[2] is not graph.nodes[2] and result.inputs[0] is graph.inputs[0]
    assert [node.op.name for node in graph.nodes] == ["sin", "exp", "cos", "tanh"] and verify(graph)


def test_constants_of_a_replacement() -> None:
    import numpy as np

    rules = table("exp(x)", lambda x: OPS["add"](x, np.arange(4, dtype="float32")))
    result = rules(body("%0 = exp(%x)")).graph
    assert len(result.consts) == 1 and verify(result)
    declined = table("exp(x)", lambda x: OPS["cast"](OPS["add"](x, np.ones(4, "float32")), "int32"))
    graph = body("%0 = exp(%x)")
    assert declined(graph).graph is graph


def test_rows_apply_inside_regions() -> None:
    text = """graph @yes(%x: f32[b]) -> (f32[b]) {
  %0: f32[b] = relu(%x)
  %1: f32[b] = relu(%0)
  return %1
}

graph @main(%x: f32[b1], %p: bool[]) -> (f32[b1]) {
  %0: f32[b1] = cond(%p, [%x], true=@yes, false=@yes)
  return %0
}"""
    result = table("relu(y := relu(x))", lambda y: y)(verify(parse(text))).graph
    assert str(result).count("relu(") == 1 and verify(result)
    assert all(len(region.nodes) == 1 for region in result.nodes[0].regions())


def test_the_driver_is_linear() -> None:
    """Twice the nodes take about twice the time, and a row that fits everywhere is no exception."""
    rules = table("relu(y := relu(x))", lambda y: y)

    def seconds(count: int) -> float:
        with Builder("main") as built:
            x = built.input("x", parse_type("f32[b, 4]"))
            for _ in range(count // 2):
                x = OPS["relu"](OPS["sin"](OPS["relu"](OPS["relu"](x))))
            graph = built.finish([x])
        times: list[float] = []
        for _ in range(3):
            start = time.perf_counter()
            assert len(rules(graph).graph.nodes) == count // 2 * 3 - (count // 2 - 1)
            times.append(time.perf_counter() - start)
        return min(times)

    assert seconds(4000) < 12 * seconds(1000)


@settings(max_examples=40)
@given(graphs())
def test_rows_keep_any_graph_whole(graph: Graph) -> None:
    """Operands, outputs and assignments are redirected wherever rows apply, and numbers stay."""
    rules = Rules("test")
    rules.row("sigmoid(x)")(lambda x: OPS["multiply"](OPS["add"](OPS["tanh"](OPS["multiply"](x, 0.5)), 1.0), 0.5))
    rules.row("softmax(x, axis)")(lambda x, axis: OPS["exp"](OPS["log_softmax"](x, axis)))
    rules.row("stop_gradient(x)")(x_of)
    rules.row("log(exp(x))")(x_of)
    result = rules(graph)
    assert not {"sigmoid", "softmax", "stop_gradient"} & {node.op.name for node in result.graph.nodes}
    assert rules(verify(result.graph)).graph is result.graph
    same_numbers(graph, result.graph, tolerance=1e-5)
