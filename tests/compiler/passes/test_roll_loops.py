"""`roll_loops`: equal blocks become a loop over stacked weights; what does not fit ends it or stays as it is."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest

from kgc.compiler import pipeline, transform
from kgc.compiler.blocks import Made, Plan, Row
from kgc.compiler.builder import Builder
from kgc.compiler.errors import ArgumentError
from kgc.compiler.graph import Graph
from kgc.compiler.ir import Value
from kgc.compiler.loops import Rolling, Search
from kgc.compiler.op import REGISTRY as OPS
from kgc.compiler.parser import parse
from kgc.compiler.passes.eliminate_common import eliminate_common
from kgc.compiler.passes.roll_loops import roll_loops
from kgc.compiler.transform import PassResult
from kgc.compiler.types import is_float, parse_type
from kgc.compiler.verifier import verify

from ..strategies import arrays, close, run

MLP = """
graph @main(%x: f32[b, 4]) -> (f32[b, 2]) {
  param %d0.kernel: f32[4, 4]
  param %d0.bias: f32[4]
  param %d1.kernel: f32[4, 4]
  param %d1.bias: f32[4]
  param %d2.kernel: f32[4, 4]
  param %d2.bias: f32[4]
  param %head: f32[4, 2]
  %0: f32[b, 4] = matmul(%x, %d0.kernel)
  %1: f32[b, 4] = add(%0, %d0.bias)
  %2: f32[b, 4] = tanh(%1)
  %3: f32[b, 4] = add(%x, %2)
  %4: f32[b, 4] = matmul(%3, %d1.kernel)
  %5: f32[b, 4] = add(%4, %d1.bias)
  %6: f32[b, 4] = tanh(%5)
  %7: f32[b, 4] = add(%3, %6)
  %8: f32[b, 4] = matmul(%7, %d2.kernel)
  %9: f32[b, 4] = add(%8, %d2.bias)
  %10: f32[b, 4] = tanh(%9)
  %11: f32[b, 4] = add(%7, %10)
  %12: f32[b, 2] = matmul(%11, %head)
  return %12
}"""

ROLLED = """
graph @blocks(%carry: f32[b, 4], %d0.kernel: f32[4, 4], %d0.bias: f32[4]) -> (f32[b, 4]) {
  %0: f32[b, 4] = matmul(%carry, %d0.kernel)
  %1: f32[b, 4] = add(%0, %d0.bias)
  %2: f32[b, 4] = tanh(%1)
  %3: f32[b, 4] = add(%carry, %2)
  return %3
}

graph @main(%x: f32[b, 4]) -> (f32[b, 2]) {
  param %blocks.d0.kernel: f32[3, 4, 4]
  param %blocks.d0.bias: f32[3, 4]
  param %head: f32[4, 2]
  %0: f32[b, 4] = scan(body=@blocks, init=[%x], xs=[%blocks.d0.kernel, %blocks.d0.bias], invariants=[])
  %1: f32[b, 2] = matmul(%0, %head)
  return %1
}"""

MADE_BY = """
graph @transform() -> (blocks.d0.kernel: f32[3, 4, 4], blocks.d0.bias: f32[3, 4]) {
  param %d0.kernel: f32[4, 4]
  param %d0.bias: f32[4]
  param %d1.kernel: f32[4, 4]
  param %d1.bias: f32[4]
  param %d2.kernel: f32[4, 4]
  param %d2.bias: f32[4]
  %0: f32[3, 4, 4] = stack([%d0.kernel, %d1.kernel, %d2.kernel])
  %1: f32[3, 4] = stack([%d0.bias, %d1.bias, %d2.bias])
  return %0, %1
}"""


def unstacked(made_by: Graph | None, values: dict[str, Any]) -> dict[str, Any]:
    """Stacks by name as their members by name."""
    members = transform.stacks(made_by)
    return {
        name: part
        for key, value in values.items()
        for name, part in (zip(members[key], value, strict=True) if key in members else [(key, value)])
    }


def total(graph: Graph, given: dict[str, Any], made_by: Graph | None) -> Any:
    outputs, assigned = run(graph, given, made_by)
    parts = [*outputs, *unstacked(made_by, assigned).values()]
    return sum((part.sum() for part in parts if is_float(str(part.dtype))), jax.numpy.zeros(()))


def rolled(graph: Graph, *, grads: bool = True, tolerance: float = 2e-6, **rolling: Any) -> PassResult:
    """The result of the pass, which verifies, leaves the graph alone, and computes the same with the same gradients."""
    before = str(graph)
    result = roll_loops(verify(graph), Rolling(**rolling))
    verify(result.graph)
    assert str(graph) == before
    if result.graph is graph:
        assert result.transform is None
        return result
    again = roll_loops(result.graph, Rolling(**rolling))
    assert again.graph is result.graph

    def both(given: dict[str, Any]) -> Any:
        floats = {v.name: given[v.name] for v in (*graph.inputs, *graph.params) if is_float(v.type.dtype)}
        slopes = [
            jax.grad(lambda f, g=g, m=m: total(g, {**given, **f}, m))(floats) if grads else {}
            for g, m in ((graph, None), (result.graph, result.transform))
        ]
        return run(graph, given), run(result.graph, given, result.transform), slopes

    (outputs, state), (new_outputs, new_state), (left, right) = jax.jit(both)(arrays(graph))
    for a, b in zip(outputs, new_outputs, strict=True):
        close(a, b, tolerance)
    new_state = unstacked(result.transform, new_state)
    assert set(state) == set(new_state)
    for name in state:
        close(state[name], new_state[name], tolerance)
    for name in left:
        close(left[name], right[name], 10 * tolerance)
    return result


def scans(result: PassResult) -> list[tuple[int, int]]:
    """Blocks and nodes of a block, of each loop."""
    found = [node for node in result.graph.nodes if node.op.name == "scan"]
    return [
        (node.operand("xs")[0].shape[0] if node.operand("xs") else node.attr("length"), len(node.attr("body").nodes))
        for node in found
    ]


def test_text() -> None:
    graph = parse(MLP)
    result = rolled(graph)
    assert str(result.graph) == ROLLED.strip()
    assert str(result.transform) == MADE_BY.strip()
    assert result.notes == ("3 blocks of 4 nodes",)
    assert parse(str(result.graph)) == result.graph


def stack_of(
    count: int,
    block: Any,
    *,
    state: tuple[str, ...] = (),
    params: tuple[str, ...] = ("kernel: f32[4, 4]",),
    shared: str = "",
    end: Any = None,
) -> Graph:
    """A graph of blocks: `block(ops, y, own, i)` gives its output, and new state by name, and values to return."""
    with Builder("main") as built:
        y = built.input("x", parse_type("f32[b, 4]"))
        key = built.input("key", parse_type("key[]"))
        common = [built.param("shared", parse_type(shared))] if shared else []
        outputs: list[Any] = []
        assigns: dict[Any, Any] = {}
        owned: list[dict[str, Any]] = []
        for i in range(count):
            own: dict[str, Any] = {"key": key, "shared": common[0] if common else None}
            for word, declare in ((params, built.param), (state, built.declare_state)):
                for line in word:
                    name, _, type_ = line.partition(": ")
                    own[name] = declare(f"l{i}.{name}", parse_type(type_))
            owned.append(own)
        for i, own in enumerate(owned):
            y, new, taps = block(y, own, i)
            outputs += taps
            assigns |= {own[name]: value for name, value in new.items()}
        outputs += [y, *(end(y, owned) if end else ())]
        return built.finish(outputs, assigns)


def dense(y: Any, own: dict[str, Any], i: int) -> Any:
    return OPS["tanh"](OPS["matmul"](y, own["kernel"]))


def plain(y: Any, own: dict[str, Any], i: int) -> Any:
    return dense(y, own, i), {}, []


def test_a_plain_chain_is_rolled_from_its_first_block() -> None:
    result = rolled(stack_of(5, plain))
    assert scans(result) == [(5, 2)]
    assert [value.name for value in result.graph.params] == ["blocks.l0.kernel"]


def test_state_that_blocks_assign_is_assigned_as_a_stack() -> None:
    def block(y: Any, own: dict[str, Any], i: int) -> Any:
        y = dense(y, own, i)
        mean, var = OPS["moments"](y, (0,))
        new = OPS["add"](OPS["multiply"](own["mean"], 0.9), OPS["multiply"](mean, 0.1))
        return OPS["batch_normalization"](y, mean, var, -1), {"mean": new}, []

    result = rolled(stack_of(4, block, state=("mean: f32[4]",)), tolerance=2e-5)
    assert scans(result) == [(4, 7)]
    assert [target.name for target, _ in result.graph.assigns] == ["blocks.l0.mean"]
    assert transform.stacks(result.transform)["blocks.l0.mean"] == [f"l{i}.mean" for i in range(4)]


def test_state_that_only_some_blocks_assign_is_left_alone() -> None:
    def block(y: Any, own: dict[str, Any], i: int) -> Any:
        y = OPS["add"](dense(y, own, i), own["mean"])
        return y, ({"mean": own["shared"]} if i == 2 else {}), []

    result = rolled(stack_of(4, block, state=("mean: f32[4]",), shared="f32[4]"))
    assert scans(result) == []


@pytest.mark.parametrize(("sites", "how"), [((7, 8, 9, 10), "arange"), ((5, 1, 9, 2), "const"), ((3, 3, 3, 3), "")])
def test_random_addresses(sites: tuple[int, ...], how: str) -> None:
    def block(y: Any, own: dict[str, Any], i: int) -> Any:
        return OPS["dropout"](dense(y, own, i), OPS["fold_in"](own["key"], sites[i]), 0.5), {}, []

    result = rolled(stack_of(4, block))
    assert scans(result) == [(4, 4)]
    assert ("arange" in str(result.graph)) == (how == "arange")
    assert [array.tolist() for array in result.graph.consts.values()] == ([list(sites)] if how == "const" else [])


def test_large_addresses_keep_their_numbers() -> None:
    def block(y: Any, own: dict[str, Any], i: int) -> Any:
        return OPS["dropout"](dense(y, own, i), OPS["fold_in"](own["key"], 2**32 - 1 - i), 0.5), {}, []

    result = rolled(stack_of(3, block))
    assert [str(array.dtype) for array in result.graph.consts.values()] == ["uint32"]


def test_a_value_wanted_of_one_block_becomes_a_result_of_all() -> None:
    def block(y: Any, own: dict[str, Any], i: int) -> Any:
        y = dense(y, own, i)
        return y, {}, [OPS["sin"](y)] if i == 2 else []

    result = rolled(stack_of(7, block))  # its sine stands between the blocks: two loops
    assert scans(result) == [(3, 2), (4, 2)]
    result = rolled(stack_of(4, plain, end=lambda y, owned: [OPS["tanh"](OPS["matmul"](y, owned[0]["kernel"]))]))
    assert scans(result) == [(4, 2)]


def test_outputs_of_each_block() -> None:
    result = rolled(stack_of(4, lambda y, own, i: (dense(y, own, i), {}, [OPS["mean"](y)])))
    assert scans(result) == [(4, 3)]
    assert len(result.graph.outputs) == 5


def test_what_is_the_same_for_all() -> None:
    def block(y: Any, own: dict[str, Any], i: int) -> Any:
        return OPS["multiply"](dense(y, own, i), own["shared"]), {}, []

    result = rolled(stack_of(4, block, shared="f32[4]"))
    assert scans(result) == [(4, 3)]
    assert "shared" in [value.name for value in result.graph.params]


def test_weights_that_some_blocks_share_end_the_loop() -> None:
    kernels: dict[int, Any] = {}

    def block(y: Any, own: dict[str, Any], i: int) -> Any:
        kernels[i] = own["kernel"]
        return OPS["tanh"](OPS["matmul"](y, kernels[i] if i != 3 else kernels[0])), {}, []

    result = rolled(stack_of(7, block))
    assert scans(result) == [(3, 2), (3, 2)]


def test_weights_in_another_order_are_not_stacked_twice() -> None:
    def end(y: Any, owned: list[dict[str, Any]]) -> Any:
        for own in reversed(owned):
            y = OPS["sin"](OPS["matmul"](y, OPS["transpose"](own["kernel"])))
        return [y]

    result = rolled(stack_of(4, plain, end=end))
    assert len(scans(result)) == 1


def test_penalties_are_a_loop_over_the_same_stack() -> None:
    def end(y: Any, owned: list[dict[str, Any]]) -> Any:
        total = OPS["mean"](y)
        parts = [OPS["multiply"](OPS["sum"](OPS["square"](own["kernel"])), 0.01) for own in owned]
        for part in parts:
            total = OPS["add"](total, part)
        return [total]

    result = rolled(stack_of(9, plain, end=end))
    assert scans(result) == [(9, 2), (9, 3), (9, 1)]
    assert [value.name for value in result.graph.params] == ["blocks.l0.kernel"]
    assert "getitem" not in str(result.graph)


def test_a_weight_used_outside_is_taken_from_the_stack() -> None:
    result = rolled(stack_of(4, plain, end=lambda y, owned: [OPS["matmul"](y, OPS["transpose"](owned[2]["kernel"]))]))
    assert scans(result) == [(4, 2)]
    assert "getitem(%blocks.l0.kernel, key=2)" in str(result.graph)


def test_kinds_divide_stacks() -> None:
    kinds = {f"l{i}.kernel": "frozen" for i in range(4)}
    result = rolled(stack_of(8, plain), kinds=kinds)
    assert scans(result) == [(4, 2), (4, 2)]
    assert rolled(stack_of(8, plain), kinds={f"l{i}.kernel": i for i in range(8)}).transform is None


def test_attributes_that_differ_end_the_loop() -> None:
    def block(y: Any, own: dict[str, Any], i: int) -> Any:
        return OPS["leaky_relu"](dense(y, own, i), 0.1 if i < 4 else 0.2), {}, []

    assert scans(rolled(stack_of(8, block))) == [(4, 3), (4, 3)]


def test_what_takes_no_tensor_stands_before_the_loop() -> None:
    def block(y: Any, own: dict[str, Any], i: int) -> Any:
        return OPS["multiply"](dense(y, own, i), OPS["dim_size"](y.shape[0], dtype="float32")), {}, []

    result = rolled(eliminate_common(stack_of(3, block)), tolerance=2e-5)
    assert scans(result) == [(3, 3)]
    assert result.graph.nodes[0].op.name == "dim_size"


def test_convolutions_are_left_where_told() -> None:
    def block(y: Any, own: dict[str, Any], i: int) -> Any:
        y = OPS["reshape"](OPS["tanh"](OPS["conv"](OPS["expand_dims"](y, -1), own["kernel"], padding="same")), y.shape)
        return y, {}, []

    graph = stack_of(3, block, params=("kernel: f32[3, 1, 1]",))
    assert scans(rolled(graph)) == [(3, 4)]
    result = rolled(graph, convolutions=False)
    assert result.graph is graph
    assert "convolutions" in result.notes[0]


def test_too_little_to_save() -> None:
    assert scans(rolled(stack_of(2, plain))) == []
    assert scans(rolled(stack_of(3, plain), least=5)) == []
    result = rolled(stack_of(5, plain), in_all=100)
    assert scans(result) == []
    assert result.notes == ("not rolled: loops would save 8 nodes, fewer than 100",)


def test_in_the_pipeline_where_asked() -> None:
    graph = parse(MLP)
    assert "scan" not in str(pipeline.optimize(graph).graph)
    first = pipeline.prepared(graph, training=True)
    assert first.graph == graph
    in_steps = pipeline.rolled(first, Rolling(), training=True)
    assert str(in_steps.graph) == ROLLED.strip()
    for made, fused in (
        (pipeline.optimize(graph, ["roll_loops"], training=True), 0),
        (pipeline.optimize(graph, roll=True), 1),
        (pipeline.optimize(graph, training=True, roll=Rolling(kinds={"head": 1})), 1),
        (pipeline.finished(in_steps, training=True), 1),
    ):
        (loop,) = (node for node in made.graph.nodes if node.op.name == "scan")
        assert len(loop.attr("body").nodes) == (2 if fused else 4)  # a layer is one op, inside the loop too
        assert (str(made.graph) == ROLLED.strip()) == (not fused)
        assert made.notes == ("roll_loops: 3 blocks of 4 nodes",)
        assert str(made.transform) == MADE_BY.strip()
    assert pipeline.finished(first, ["prune_dead"]) is first
    for passes in (None, ["roll_loops"]):
        assert pipeline.optimize(graph, passes, roll=Rolling(in_all=99)).transform is None
    with pytest.raises(ArgumentError, match="roll is for all passes"):
        pipeline.optimize(graph, ["prune_dead"], roll=True)


def test_locations_are_those_of_the_first_block() -> None:
    lines = [
        line + f'  loc("model.py":{i}, "layer")' if " = " in line else line for i, line in enumerate(MLP.split("\n"))
    ]
    result = roll_loops(parse("\n".join(lines)))
    (scan,) = (node for node in result.graph.nodes if node.op.name == "scan")
    first = next(i for i, line in enumerate(lines) if "matmul" in line)
    assert [node.loc.line for node in (scan, *scan.attr("body").nodes)] == [first, *range(first, first + 4)]
    assert result.notes == ("3 blocks of 4 nodes, from layer to layer",)
    assert np.all([node.loc is not None for node in result.graph.nodes])


def test_loops_that_agreed_by_another_part_without_it() -> None:
    """Of two that take overlapping parts of its stack one goes, and with it the loop over what that one made."""
    type_ = parse_type("f32[4]")
    params = tuple([Value(type_, name=f"p{i}") for i in range(10)])
    plans = [
        Plan(0, 1, 10, slices=[params]),
        Plan(10, 1, 4, slices=[params[3:7]]),
        Plan(14, 1, 4, slices=[params[5:9]]),
        Plan(18, 1, 4, rows=[Row(2, Made(0, 0), 0)]),
        Plan(22, 1, 4, rows=[Row(1, Made(0, 0), 0)]),
    ]
    kept = Search(parse(MLP), Rolling()).without(plans, plans[0])
    assert [plan.start for plan in kept] == [10, 22]
    assert [row.plan for row in kept[1].rows] == [0]
