"""What a graph's nodes demand of unknown sizes, solved together; equalities belong to the graph, not to the tensors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kgc.compiler import dims, interpret, ops, unify  # noqa: F401
from kgc.compiler.builder import Builder
from kgc.compiler.dims import Dim
from kgc.compiler.errors import ShapeError
from kgc.compiler.ir import Node, Value
from kgc.compiler.op import REGISTRY as OPS
from kgc.compiler.types import parse_type
from kgc.compiler.verifier import verify

from .test_infer import head, trace


def node(*demands: tuple[Dim, int | Dim]) -> Node:
    """A node that demands these."""
    x = Value(parse_type("f32[]"))
    return Node(OPS["sin"], (x,), (), (x.type,), None, tuple((str(name), size) for name, size in demands))


@pytest.fixture
def t() -> list[Dim]:
    return [dims.fresh("t") for _ in range(6)]


def test_demands_chain_to_the_oldest(t: list[Dim]) -> None:
    env = unify.solve([node((t[2], t[1])), node((t[3], t[2])), node((t[1], t[0]))])
    assert [env[str(size)] for size in t[1:4]] == [t[0]] * 3
    env = unify.solve([node((t[3], t[2])), node((t[3], t[1])), node((t[2], 7))])
    assert {env[str(size)] for size in t[1:4]} == {7}


def test_products_meet_at_the_common_multiple(t: list[Dim]) -> None:
    d, e = dims.fresh("d"), dims.fresh("d")
    env = unify.solve([node((t[0], 4 * d)), node((t[0], 6 * e))])
    solved = env[str(t[0])]
    assert isinstance(solved, Dim) and solved.substitute({name: 1 for name in solved.symbols}) == 12
    assert dims.substitute(4 * d, env) is solved and dims.substitute(6 * e, env) is solved
    env = unify.solve([node((t[1], 4 * d)), node((t[1], 12))])
    assert env[str(t[1])] == 12 and env[str(d)] == 3


def test_the_same_demand_twice_is_no_contradiction(t: list[Dim]) -> None:
    env = unify.solve([node((t[1], t[0])), node((t[1], t[0])), node((t[0], 5)), node((t[1], 5))])
    assert env == {str(t[1]): 5, str(t[0]): 5}
    assert unify.solve([node((t[0], t[0]))]) == {}


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (0, 2, 1)])
def test_contradictions_are_found_in_any_order(t: list[Dim], order: Any) -> None:
    nodes = [node((t[1], t[0])), node((t[0], 12)), node((t[1], 13))]
    with pytest.raises(ShapeError, match=r"one size would have to be 1[23] and 1[23]"):
        unify.solve([nodes[i] for i in order])


def test_a_contradiction_names_both_nodes_and_their_lines() -> None:
    with Builder("main") as built:
        x = built.input("x", parse_type("f32[b, t]"))
        y, z = built.param("y", parse_type("f32[12]")), built.param("z", parse_type("f32[13]"))
        built.scope = "first"
        one = OPS["add"](x, y)
        built.scope = "second"
        other = OPS["multiply"](x, z)
        with pytest.raises(ShapeError) as caught:
            built.finish([one, other])
    message, first, second = str(caught.value), one.node.loc, other.node.loc
    assert message.startswith("one size would have to be 12 and 13: multiply in layer 'second' makes it 13; add at ")
    assert f"{first.file}:{first.line}" in message and f"{second.file}:{second.line}" in message
    assert second.line == first.line + 2 and caught.value.where == second


def test_numbers_that_do_not_divide_are_a_contradiction() -> None:
    with pytest.raises(ShapeError, match="one size would have to be"):
        trace(["f32[b, t]", "f32[10]"], lambda x, y: [OPS["reshape"](x, (-1, 4)), x + y])


def test_equalities_belong_to_the_graph() -> None:
    """One `Input`'s type serves two models, of which one demands more."""
    types = ["f32[b, t0, 4]", "f32[b, t1, 4]"]
    names: dict[str, Dim] = {}
    strict = trace(types, lambda x, y: x + y, names)
    loose = trace(types, lambda x, y: [OPS["mean"](x, 1), OPS["mean"](y, 1)], names)
    assert head(strict) == "%x0: f32[b, t0, 4], %x1: f32[b, t0, 4]) -> (f32[b, t0, 4])"
    assert head(loose) == "%x0: f32[b, t0, 4], %x1: f32[b, t1, 4]) -> (f32[b, 4], f32[b, 4])"
    assert strict.inputs[0].type is loose.inputs[0].type and strict.inputs[1].type is not loose.inputs[1].type


def test_solutions_reach_types_attributes_and_regions() -> None:
    def body(x: Value, y: Value) -> list[Any]:
        made = OPS["reshape"](y, (y.shape[0], y.shape[1], 2, 2))
        return [made, x + y, OPS["full"]((y.shape[1],), 0.0), OPS["dim_size"](y.shape[1])]

    graph = trace(["f32[b, t0, 4]", "f32[b, t1, 4]"], body)
    text = str(graph)
    assert "t1" not in text and "newshape=(b, t0, 2, 2)" in text and "dim=t0" in text and "shape=(t0,)" in text
    verify(graph)


def test_names_are_made_canonical_when_printed() -> None:
    for _ in range(3):
        dims.fresh("t")
    graph = trace(["f32[b, u, v]", "f32[c, v]"], lambda x, y: [OPS["reshape"](x, (-1, 4)), y])
    assert head(graph) in (
        "%x0: f32[b, t0, 4*d0], %x1: f32[t1, 4*d0]) -> (f32[b*d0*t0, 4], f32[t1, 4*d0])",
        "%x0: f32[b, 4*d0, t0], %x1: f32[t1, t0]) -> (f32[b*d0*t0, 4], f32[t1, t0])",
    )
    again = trace(["f32[b, u, v]", "f32[c, v]"], lambda x, y: [OPS["reshape"](x, (-1, 4)), y])
    assert str(again) == str(graph) and again == graph and again.digest() == graph.digest()


def test_symbols_must_correspond_one_to_one() -> None:
    same = trace(["f32[b, t]", "f32[b, t]"], lambda x, y: [x, y])
    other = trace(["f32[b, t]", "f32[b, u]"], lambda x, y: [x, y])
    third = trace(["f32[b, t]", "f32[b, u]"], lambda x, y: [x, y])
    assert same != other and other != same and other == third
    assert trace(["f32[b, 3]"], lambda x: x) != trace(["f32[t, 3]"], lambda x: x)  # a batch is no time


def test_specialisation_binds_what_unification_made() -> None:
    graph = trace(
        ["f32[b, t]"], lambda x: [OPS["reshape"](x, (x.shape[0], -1, 4)), OPS["reshape"](x, (x.shape[0], -1, 6))]
    )
    assert head(graph) == "%x0: f32[b, 12*d0]) -> (f32[b, 3*d0, 4], f32[b, 2*d0, 6])"
    outputs, _ = interpret.evaluate(graph, [np.ones((2, 24), "float32")])
    assert [out.shape for out in outputs] == [(2, 6, 4), (2, 4, 6)]
    with pytest.raises(ShapeError, match="'x0' does not fit"):
        interpret.evaluate(graph, [np.ones((2, 16), "float32")])
