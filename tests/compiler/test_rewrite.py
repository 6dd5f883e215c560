"""The means of whole-graph passes: rebuilding, renaming, regions, new parameters."""

from __future__ import annotations

from typing import Any

import pytest

from kgc.compiler import rewrite
from kgc.compiler.errors import GraphError, IRError
from kgc.compiler.ir import Node, Value
from kgc.compiler.op import REGISTRY as OPS
from kgc.compiler.parser import parse
from kgc.compiler.rules import Rules
from kgc.compiler.transform import PassResult
from kgc.compiler.verifier import verify

from .strategies import same_numbers
from .writing import body, lines, table


def test_rebuild_replaces_keeps_and_forwards() -> None:
    def visit(node: Node) -> Any:
        if node.op.name == "exp":
            return OPS["relu"](node.operands[0])
        return node.operands[0] if node.op.name == "stop_gradient" else None

    graph = body("%0 = stop_gradient(%x)", "%1 = exp(%0)", "%2 = stop_gradient(%1)", "%3 = add(%2, %0)")
    assert lines(rewrite.rebuild(graph, visit)) == ["%0 = relu(%x)", "%1 = add(%0, %x)", "return %1"]
    assert rewrite.rebuild(graph, lambda node: None) is graph


def test_rename() -> None:
    graph = parse("""graph @m(%x: f32[4]) -> (f32[4]) {
  param %w: f32[4]
  state %s: f32[4]
  %0: f32[4] = add(%x, %w)
  return %0
  assign %s = %w
}""")
    renamed = rewrite.rename(graph, {"x": "input", "w": "kernel", "s": "state"})
    assert str(verify(renamed)) == str(graph).replace("%x", "%input").replace("%w", "%kernel").replace("%s", "%state")
    assert rewrite.rename(graph, {"nothing": "y"}) is graph
    with pytest.raises(IRError):
        verify(rewrite.rename(graph, {"x": "w"}))


def test_new_sizes_that_must_agree_reach_the_types() -> None:
    graph = verify(
        parse("graph @m(%x: f32[b, t0], %y: f32[b, t1]) -> (f32[b, t0]) {\n  %0: f32[b, t0] = sin(%x)\n  return %0\n}")
    )
    y = graph.inputs[1]
    new = rewrite.rebuild(graph, lambda node: OPS["add"](node.operands[0], y))
    assert str(verify(new)).startswith("graph @m(%x: f32[b, t0], %y: f32[b, t0]) -> (f32[b, t0])")
    assert "t1" in str(graph)


def test_a_pass_may_not_change_a_region_s_signature() -> None:
    text = "graph @f(%x: f32[b], %y: f32[b]) -> (f32[b]) {\n  return %x\n}\n"
    main = """graph @main(%x: f32[b1], %p: bool[]) -> (f32[b1]) {
  %0: f32[b1] = cond(%p, [%x, %x], true=@f, false=@f)
  return %0
}"""
    with pytest.raises(IRError, match="changed the signature of the region @f"):
        rewrite.map_regions(parse(text + main), lambda region: rewrite.replace(region, inputs=region.inputs[:1]))


def test_derived_parameters() -> None:
    def double(w: Value, *, by: float) -> Value:
        return OPS["multiply"](w, by)

    rules = Rules("test")

    @rules.row("exp(matmul(x, w))")
    def folded(x: Any, w: Any) -> Value | None:
        if not rewrite.is_fixed(w) or w.name.endswith("doubled"):
            return None
        return OPS["exp"](OPS["matmul"](x, rewrite.derive(f"{w.name}.doubled", double, w, by=0.5)))

    text = """graph @main(%x: f32[b, 4]) -> (f32[b, 4], f32[b, 4]) {
  param %w: f32[4, 4]
  param %v: f32[4]
  %0: f32[b, 4] = matmul(%x, %w)
  %1: f32[b, 4] = exp(%0)
  %2: f32[b, 4] = sin(%1)
  %3: f32[b, 4] = matmul(%2, %w)
  %4: f32[b, 4] = exp(%3)
  return %1, %4
}"""
    result = rules(verify(parse(text)))
    assert [value.name for value in verify(result.graph).params] == ["w", "w.doubled", "v"]
    assert str(result.transform) == (
        "graph @transform() -> (w.doubled: f32[4, 4]) {\n  param %w: f32[4, 4]\n"
        "  %0: f32[4, 4] = multiply(%w, 0.5)\n  return %0\n}"
    )
    assert isinstance(result, PassResult)


def test_derive_takes_parameters_only_and_runs_in_passes_only() -> None:
    rules = table("exp(x)", lambda x: rewrite.derive("new", lambda v: OPS["exp"](v), x))
    with pytest.raises(GraphError, match="cannot be made of values that are computed"):
        rules(body("%0 = exp(%x)"))
    with pytest.raises(GraphError, match="no graph is being rewritten"):
        rewrite.is_fixed(None)


def test_a_declined_replacement_leaves_no_parameter() -> None:
    def declines(w: Any) -> Any:
        return OPS["cast"](rewrite.derive("new", lambda v: OPS["sin"](v), w), "int32")

    graph = parse(
        "graph @m() -> (f32[4]) {\n  param %w: f32[4]\n  %0: f32[4] = exp(%w)\n  %1: f32[4] = cos(%0)\n  return %1\n}"
    )
    rules = table("exp(w)", declines)
    rules.row("cos(x)")(lambda x: OPS["sin"](x))
    result = rules(graph)
    assert [value.name for value in result.graph.params] == ["w"] and result.transform is None
    same_numbers(graph, rewrite.rebuild(graph, lambda node: None))
